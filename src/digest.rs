//! SHA-256, in the one spelling the pack uses: 64 lower-case hexadecimal digits.

use std::{fmt, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes, as 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of bytes in memory.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(hex::encode(Sha256::digest(bytes.as_ref())))
    }

    /// The digest of everything a reader yields, and how many bytes that was.
    pub fn of_reader(mut reader: impl io::Read) -> io::Result<(Self, u64)> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut length = 0;
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok((Self(hex::encode(hasher.finalize())), length)),
                n => {
                    hasher.update(&buffer[..n]);
                    length += n as u64;
                }
            }
        }
    }

    /// Accept a digest written by somebody else: exactly 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 64 && text.bytes().all(lower_hex)).then(|| Self(text.to_owned()))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn bytes_and_a_reader_of_the_same_bytes_agree() {
        let (streamed, length) = Digest::of_reader(&b"abc"[..]).expect("memory can be read");
        assert_eq!(streamed, Digest::of("abc"));
        assert_eq!(length, 3);
        assert!(streamed.as_str().starts_with("ba7816bf"));
    }

    #[test]
    fn only_the_one_spelling_is_accepted() {
        let good = Digest::of("x");
        assert_eq!(Digest::parse(good.as_str()), Some(good.clone()));
        assert_eq!(Digest::parse(&good.as_str().to_uppercase()), None);
        assert_eq!(Digest::parse("abc"), None);
    }
}
