//! Tags: what an event says about where its customer came from. Each vendor has another place for them; their names
//! are the same everywhere.

use super::field::word;

/// The tags of one event, each only when it is a plain word.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// Whose advertisement it was.
    pub(crate) vendor: Option<String>,
    /// `utm_source`.
    pub(crate) source: Option<String>,
    /// `utm_medium`.
    pub(crate) medium: Option<String>,
    /// `campaign_id`, or `utm_campaign`.
    pub(crate) campaign: Option<String>,
}

impl Tags {
    /// The tags among these pairs of name and value. The first of a name counts.
    pub(crate) fn of<N: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (N, V)>) -> Self {
        let mut tags = Self::default();
        for (name, value) in pairs {
            let tag = match name.as_ref() {
                "vendor" => &mut tags.vendor,
                "utm_source" => &mut tags.source,
                "utm_medium" => &mut tags.medium,
                "campaign_id" | "utm_campaign" => &mut tags.campaign,
                _ => continue,
            };
            if tag.is_none() {
                *tag = word(value.as_ref());
            }
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_plain_word_and_the_first_of_its_name_counts() {
        let tags = Tags::of(
            [
                ("utm_source", "ann@example.org"),
                ("utm_source", "fb_ads"),
                ("utm_source", "other"),
                ("utm_medium", "Ann Lee"),
                ("utm_campaign", "autumn"),
                ("note", "x"),
            ]
            .into_iter(),
        );
        assert_eq!(tags.source.as_deref(), Some("fb_ads"));
        assert_eq!(tags.medium, None);
        assert_eq!(tags.campaign.as_deref(), Some("autumn"));
    }
}
