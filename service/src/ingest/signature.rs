//! Signatures: what every vendor's scheme is made of. HMAC-SHA256 over the bytes as they came, compared in constant
//! time; a header that says nothing is compared all the same, so that the work does not tell what was wrong.

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How far the time in a signature may lie from our clock, either way, in seconds.
const TOLERANCE: u64 = 300;

/// What was sent, what it should be signed with, and when it is looked at.
pub(crate) struct Proof<'a> {
    /// The request's headers.
    pub(crate) headers: &'a HeaderMap,
    /// The bytes of its body, as they came.
    pub(crate) body: &'a [u8],
    /// What the tenant's vendor signs with.
    pub(crate) secret: &'a str,
    /// Our clock, in seconds since 1970.
    pub(crate) now: i64,
}

impl<'a> Proof<'a> {
    /// A header's text; empty when it is absent, not text, or there twice: two signatures are a contradiction.
    pub(crate) fn header(&self, name: &str) -> &'a str {
        only(self.headers, name).unwrap_or_default()
    }

    /// Whether this header holds the MAC of the body, in base64.
    pub(crate) fn base64_signs_body(&self, name: &str) -> bool {
        let claimed = STANDARD.decode(self.header(name)).unwrap_or_default();
        self.is_mac_of(&claimed, &[self.body])
    }

    /// Whether `hex` is the MAC of `<time>.<body>`.
    pub(crate) fn hex_signs_at(&self, hex: &str, time: &str) -> bool {
        let claimed = hex::decode(hex).unwrap_or_default();
        self.is_mac_of(&claimed, &[time.as_bytes(), b".", self.body])
    }

    /// Whether a moment, in seconds since 1970, is close enough to now. None is never.
    pub(crate) fn is_fresh(&self, moment: Option<i64>) -> bool {
        moment.is_some_and(|moment| self.now.abs_diff(moment) <= TOLERANCE)
    }

    fn is_mac_of(&self, claimed: &[u8], parts: &[&[u8]]) -> bool {
        mac(self.secret, parts).verify_slice(claimed).is_ok()
    }
}

/// The one value of a header; none when it is absent, not text, or there twice.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn mac(secret: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
    // A key of any length is a key for HMAC; the error is there for other constructions.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
pub(crate) mod testing {
    //! Signing as a vendor would, for the tests of each vendor.

    use super::*;

    pub(crate) const NOW: i64 = 1_800_000_000;
    pub(crate) const SECRET: &str = "whsec";

    /// The MAC of these parts, in hexadecimal.
    pub(crate) fn hex(parts: &[&[u8]]) -> String {
        hex::encode(mac(SECRET, parts).finalize().into_bytes())
    }

    /// The MAC of a body, in base64.
    pub(crate) fn base64(body: &[u8]) -> String {
        STANDARD.encode(mac(SECRET, &[body]).finalize().into_bytes())
    }

    /// Whether a vendor takes these headers for a body's, now.
    pub(crate) fn believed(
        is_genuine: fn(&Proof<'_>) -> bool,
        headers: &[(&'static str, &str)],
        body: &[u8],
        secret: &str,
    ) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header's value"));
        }
        is_genuine(&Proof {
            headers: &map,
            body,
            secret,
            now: NOW,
        })
    }
}
