//! Channels: which one claims an event, by `data/channels.toml`.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use sqlx::PgPool;

use super::tags::Tags;
use crate::tenants::Vendor;

/// An event that nothing claims.
pub(crate) const UNKNOWN: &str = "unknown";

const FILE: &str = include_str!("../../data/channels.toml");

/// Vendor, indicator, channel.
pub(crate) struct Channels(HashMap<String, HashMap<String, String>>);

impl Channels {
    /// The mapping this binary was built with.
    pub(crate) fn embedded() -> anyhow::Result<Self> {
        Self::read(FILE).context("data/channels.toml")
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        Ok(Self(toml::from_str(text)?))
    }

    /// That the database knows every channel that is named here; otherwise it would refuse events one by one.
    pub(crate) async fn check(&self, pool: &PgPool) -> Result<anyhow::Result<()>, sqlx::Error> {
        let known: Vec<String> = sqlx::query_scalar("select code from channel_taxonomy")
            .fetch_all(pool)
            .await?;
        Ok(self.all_in(&known))
    }

    fn all_in(&self, known: &[String]) -> anyhow::Result<()> {
        let is_known = |code: &str| known.iter().any(|known| known == code);
        ensure!(is_known(UNKNOWN), "`channel_taxonomy` has no `{UNKNOWN}`; add it");
        for (vendor, indicators) in &self.0 {
            for (indicator, code) in indicators {
                ensure!(
                    is_known(code),
                    "data/channels.toml: `{vendor}.{indicator}` is `{code}`, which `channel_taxonomy` does not have; \
                     add it there or correct it here"
                );
            }
        }
        Ok(())
    }

    /// The channel of an event that `sender` told of, from its tags.
    pub(crate) fn of(&self, sender: Vendor, tags: &Tags) -> &str {
        let vendor = tags.vendor.as_deref().map(str::to_ascii_lowercase);
        let vendor = vendor.as_deref().unwrap_or(sender.as_str());
        let Some(indicators) = self.0.get(vendor) else {
            return UNKNOWN;
        };
        let (source, medium) = (tags.source.as_deref(), tags.medium.as_deref());
        let both = source
            .zip(medium)
            .map(|(source, medium)| format!("{source}_{medium}"));
        let candidates = [source, both.as_deref(), medium];
        [str::to_ascii_uppercase, str::to_ascii_lowercase]
            .into_iter()
            .find_map(|cased| {
                let mut candidates = candidates.iter().flatten();
                candidates.find_map(|candidate| indicators.get(&cased(candidate)))
            })
            .map_or(UNKNOWN, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(sender: Vendor, tags: &[(&str, &str)]) -> String {
        let channels = Channels::embedded().expect("the file is whole");
        channels.of(sender, &Tags::of(tags.iter().copied())).to_owned()
    }

    #[test]
    fn two_spellings_of_one_source_are_one_channel() {
        for source in ["fb_ads", "FB_ADS", "facebook_ads", "Facebook_Ads"] {
            for vendor in ["facebook_ads", "Facebook_Ads"] {
                let tags = [("vendor", vendor), ("utm_source", source)];
                assert_eq!(
                    channel(Vendor::Stripe, &tags),
                    "facebook_paid",
                    "{vendor} {source}"
                );
            }
            assert_eq!(
                channel(Vendor::Shopify, &[("utm_source", source)]),
                "facebook_paid"
            );
        }
    }

    #[test]
    fn the_source_decides_then_both_then_the_medium() {
        let google = |source, medium| {
            let tags = [
                ("vendor", "google_ads"),
                ("utm_source", source),
                ("utm_medium", medium),
            ];
            channel(Vendor::Stripe, &tags)
        };
        assert_eq!(google("display", "search"), "google_display_paid");
        assert_eq!(google("google", "cpc"), "google_search_paid");
        assert_eq!(google("newsletter", "search"), "google_search_paid");
        assert_eq!(google("newsletter", "letter"), UNKNOWN);
    }

    #[test]
    fn capitals_come_before_small_letters() {
        let channels =
            Channels::read("[stripe]\nA = \"direct\"\nb = \"email\"\na = \"organic\"").expect("a mapping");
        let of = |source, medium| {
            let tags = Tags::of([("utm_source", source), ("utm_medium", medium)].into_iter());
            channels.of(Vendor::Stripe, &tags).to_owned()
        };
        assert_eq!(
            (of("a", "x"), of("b", "x")),
            ("direct".to_owned(), "email".to_owned())
        );
        assert_eq!(of("b", "a"), "direct");
    }

    #[test]
    fn each_sender_has_indicators_of_its_own_and_what_nothing_claims_is_unknown() {
        for sender in [
            Vendor::Shopify,
            Vendor::Stripe,
            Vendor::PayPal,
            Vendor::WooCommerce,
        ] {
            for code in ["direct", "organic", "email", "referral"] {
                assert_eq!(channel(sender, &[("utm_source", code)]), code);
            }
            assert_eq!(channel(sender, &[]), UNKNOWN);
            assert_eq!(
                channel(sender, &[("vendor", "nobody"), ("utm_source", "direct")]),
                UNKNOWN
            );
        }
    }

    #[test]
    fn a_code_that_the_taxonomy_lacks_is_named_with_its_place() {
        let channels = Channels::read("[stripe]\nDIRECT = \"dirct\"").expect("a mapping");
        let known = ["unknown", "direct"].map(str::to_owned);
        let error = channels.all_in(&known).expect_err("a slip").to_string();
        assert!(
            error.starts_with("data/channels.toml: `stripe.DIRECT` is `dirct`, which"),
            "{error}"
        );
        let error = channels
            .all_in(&known[1..])
            .expect_err("nothing for the rest")
            .to_string();
        assert_eq!(error, "`channel_taxonomy` has no `unknown`; add it");
    }
}
