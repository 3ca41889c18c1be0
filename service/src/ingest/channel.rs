//! Channels: what the metadata of an event says about where its customer came from.

/// An event that nothing claims.
pub(crate) const UNKNOWN: &str = "unknown";

/// Vendor of the advertisement, indicator, channel. Both are compared without case.
const MAPPING: [(&str, &str, &str); 9] = [
    ("facebook_ads", "fb_ads", "facebook_paid"),
    ("facebook_ads", "facebook_ads", "facebook_paid"),
    ("facebook_ads", "fb_brand", "facebook_brand"),
    ("google_ads", "search", "google_search_paid"),
    ("google_ads", "display", "google_display_paid"),
    ("tiktok_ads", "tiktok_ads", "tiktok_paid"),
    ("stripe", "direct", "direct"),
    ("stripe", "email", "email"),
    ("stripe", "organic", "organic"),
];

/// The channel of an event, from the vendor and the source or medium its metadata names.
pub(crate) fn of(vendor: Option<&str>, source: Option<&str>, medium: Option<&str>) -> &'static str {
    let Some(vendor) = vendor else { return UNKNOWN };
    [source, medium]
        .into_iter()
        .flatten()
        .find_map(|indicator| mapped(vendor, indicator))
        .unwrap_or(UNKNOWN)
}

fn mapped(vendor: &str, indicator: &str) -> Option<&'static str> {
    MAPPING
        .iter()
        .find(|(v, i, _)| v.eq_ignore_ascii_case(vendor) && i.eq_ignore_ascii_case(indicator))
        .map(|(_, _, channel)| *channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_source_are_one_channel() {
        assert_eq!(of(Some("facebook_ads"), Some("FB_ADS"), None), "facebook_paid");
        assert_eq!(
            of(Some("Facebook_Ads"), Some("facebook_ads"), None),
            "facebook_paid"
        );
    }

    #[test]
    fn the_medium_decides_when_the_source_does_not() {
        assert_eq!(
            of(Some("google_ads"), Some("newsletter"), Some("search")),
            "google_search_paid"
        );
    }

    #[test]
    fn what_nothing_claims_is_unknown() {
        assert_eq!(of(None, Some("fb_ads"), None), UNKNOWN);
        assert_eq!(of(Some("stripe"), None, None), UNKNOWN);
    }
}
