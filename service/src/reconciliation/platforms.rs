//! The platforms: a closed list, each under one name, whatever it is called elsewhere.

/// One platform.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    /// As rows and paths spell it.
    pub(crate) id: &'static str,
    /// As people spell it.
    pub(crate) name: &'static str,
    aliases: &'static [&'static str],
}

/// All of them: four that capture money, four that claim to have brought it.
pub(crate) static ALL: [Platform; 8] = [
    platform("stripe", "Stripe", &[]),
    platform("paypal", "PayPal", &[]),
    platform("shopify", "Shopify", &[]),
    platform("woocommerce", "WooCommerce", &["woo"]),
    platform("google_ads", "Google Ads", &["google"]),
    platform("meta_ads", "Meta Ads", &["meta", "facebook", "facebook_ads"]),
    platform("tiktok_ads", "TikTok Ads", &["tiktok"]),
    platform("linkedin_ads", "LinkedIn Ads", &["linkedin"]),
];

const fn platform(id: &'static str, name: &'static str, aliases: &'static [&'static str]) -> Platform {
    Platform { id, name, aliases }
}

/// The platform that goes by this word, in any case.
pub(crate) fn find(word: &str) -> Option<&'static Platform> {
    ALL.iter().find(|platform| {
        let mut names = platform.aliases.iter().chain([&platform.id]);
        names.any(|name| name.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_found_under_each_of_its_names_and_each_name_is_of_one_platform() {
        assert_eq!(find("Facebook").map(|platform| platform.id), Some("meta_ads"));
        assert_eq!(find("stripe").map(|platform| platform.name), Some("Stripe"));
        assert_eq!(find("myspace"), None);
        for platform in &ALL {
            for name in platform.aliases.iter().chain([&platform.id]) {
                assert_eq!(find(name), Some(platform), "{name}");
            }
        }
    }
}
