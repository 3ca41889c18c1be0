//! Signatures and encodings that texts may ask for, over the UTF-8 bytes of their arguments.

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 of a message.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Standard base64, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The gzip of a text, without a time or a name in its header so that it is the same each time.
pub(super) fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

/// The text with one character changed into another of the same alphabet, so that only its value is wrong and never
/// its form. The middle one: the last character of a base64 text may carry bits that nobody reads.
pub(super) fn flip(text: &str) -> Option<String> {
    let middle = text.chars().count().checked_sub(1)? / 2;
    let swap = |(at, c): (usize, char)| if at == middle { neighbour(c) } else { c };
    Some(text.chars().enumerate().map(swap).collect())
}

fn neighbour(c: char) -> char {
    match c {
        '9' | 'f' | 'z' | 'F' | 'Z' => char::from(c as u8 - 1),
        '0'..='8' | 'a'..='y' | 'A'..='Y' => char::from(c as u8 + 1),
        _ => '0',
    }
}

#[cfg(test)]
mod tests {
    use super::{base64, flip, gzip, hmac};

    #[test]
    fn hmac_agrees_with_a_published_vector() {
        // RFC 4231, test case 2.
        let mac = hex::encode(hmac(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(
            mac,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_flip_changes_one_character_and_keeps_the_alphabet() {
        for text in ["0f9a", "z", "ffff", "Zm9vYmFy", "a=b,c"] {
            let flipped = flip(text).expect("not empty");
            let changed = text.chars().zip(flipped.chars()).filter(|(a, b)| a != b).count();
            assert_eq!(
                (changed, flipped.chars().count()),
                (1, text.chars().count()),
                "{text} → {flipped}"
            );
        }
        assert!(
            flip("ffff")
                .expect("not empty")
                .bytes()
                .all(|b| b.is_ascii_hexdigit())
        );
        assert_eq!(flip(""), None);
    }

    #[test]
    fn gzip_is_the_same_each_time() {
        let zipped = base64(&gzip("canary").expect("memory takes it"));
        assert!(
            zipped.starts_with("H4sIAAAAAAA"),
            "no time in the header: {zipped}"
        );
    }
}
