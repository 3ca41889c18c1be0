//! Something packed with gzip, found in the middle of other bytes: as it is, or written down in Base64 or hexadecimal.

use std::io::Write as _;

use flate2::write::GzDecoder;

use super::sieve::{Sieve, Sifted};

/// The first two bytes of every mark below.
pub(super) const STARTS: [[u8; 2]; 4] = [*b"\x1f\x8b", *b"H4", *b"1f", *b"1F"];

/// How gzip with deflate begins.
const MARKS: [(&[u8], Wrapping); 4] = [
    (b"\x1f\x8b\x08", Wrapping::None),
    (b"H4sI", Wrapping::Base64),
    (b"1f8b08", Wrapping::Hex),
    (b"1F8B08", Wrapping::Hex),
];

/// How packed bytes are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrapping {
    None,
    Base64,
    Hex,
}

impl Wrapping {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mark = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark));
        mark.map(|(_, wrapping)| *wrapping)
    }

    fn bits(self) -> u32 {
        match self {
            Self::None => 8,
            Self::Base64 => 6,
            Self::Hex => 4,
        }
    }

    /// What one character stands for; none ends it.
    fn value(self, byte: u8) -> Option<u8> {
        match (self, byte) {
            (Self::None, byte) => Some(byte),
            (_, b'0'..=b'9') if self == Self::Hex => Some(byte - b'0'),
            (Self::Hex, b'a'..=b'f') => Some(byte - b'a' + 10),
            (Self::Hex, b'A'..=b'F') => Some(byte - b'A' + 10),
            (Self::Base64, b'A'..=b'Z') => Some(byte - b'A'),
            (Self::Base64, b'a'..=b'z') => Some(byte - b'a' + 26),
            (Self::Base64, b'0'..=b'9') => Some(byte - b'0' + 52),
            (Self::Base64, b'+' | b'-') => Some(62),
            (Self::Base64, b'/' | b'_') => Some(63),
            _ => None,
        }
    }
}

/// One packed thing while it is being unpacked.
pub(super) struct Packed {
    /// Where it begins.
    pub(super) at: u64,
    wrapping: Wrapping,
    /// Bits of a byte that is not complete yet, and how many they are.
    bits: (u32, u32),
    decoder: GzDecoder<Sieve>,
}

impl Packed {
    /// Does something packed begin here?
    pub(super) fn begins(bytes: &[u8]) -> bool {
        Wrapping::of(bytes).is_some()
    }

    /// Something packed that begins here; what it holds goes into a sieve of its own. It has to be fed from here on.
    pub(super) fn open(bytes: &[u8], at: u64, inner: Sieve) -> Option<Self> {
        Some(Self {
            at,
            wrapping: Wrapping::of(bytes)?,
            bits: (0, 0),
            decoder: GzDecoder::new(inner),
        })
    }

    /// More bytes. False once it is over: it has ended, or was nothing packed after all.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> bool {
        if self.wrapping == Wrapping::None {
            return self.unpack(bytes);
        }
        let mut unwrapped = Vec::with_capacity(bytes.len());
        let mut goes_on = true;
        // Long texts are broken into lines.
        for byte in bytes.iter().filter(|byte| !b"\r\n".contains(byte)) {
            let Some(value) = self.wrapping.value(*byte) else {
                goes_on = false;
                break;
            };
            let (mut held, mut count) = self.bits;
            held = held << self.wrapping.bits() | u32::from(value);
            count += self.wrapping.bits();
            if count >= 8 {
                count -= 8;
                unwrapped.push(u8::try_from(held >> count & 0xff).unwrap_or_default());
            }
            self.bits = (held & 0xff, count);
        }
        self.unpack(&unwrapped) && goes_on
    }

    fn unpack(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match self.decoder.write(bytes) {
                Ok(taken) if taken > 0 => bytes = &bytes[taken..],
                // Nothing is taken behind its end, and what is no gzip is an error.
                _ => return false,
            }
        }
        true
    }

    /// What was found in it, also when it was cut off.
    pub(super) fn close(&mut self) -> Sifted {
        // One that is not whole says so, and has given out what it could.
        let _cut = self.decoder.try_finish();
        self.decoder.get_mut().end()
    }
}
