//! The bytes of a file, and the text they hold.

use std::{fs, path::Path};

use super::complaint::{Complaints, Place};

/// No compose file is larger than this, in bytes.
const LARGEST: usize = 1 << 20;

/// Everything in a file.
pub(super) fn bytes(path: &Path, label: &str) -> Result<Vec<u8>, Complaints> {
    fs::read(path).map_err(|error| {
        let mut complaints = Complaints::default();
        complaints.say(&Place::top(label), format!("cannot be read: {error}"));
        complaints
    })
}

/// The text, without a byte order mark. `None` when there is none; then somebody has complained.
pub(super) fn text<'a>(label: &str, bytes: &'a [u8], complaints: &mut Complaints) -> Option<&'a str> {
    let top = Place::top(label);
    if bytes.len() > LARGEST {
        complaints.say(&top, format!("larger than {LARGEST} bytes"));
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let sound = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            complaints.say(&after(&sound, &top), "not UTF-8 from here on");
            None
        }
    }
}

/// The place that follows some text.
fn after(text: &str, top: &Place) -> Place {
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place {
        line: 1 + text.matches('\n').count(),
        column: 1 + last.chars().count(),
        ..top.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Complaints, LARGEST, text};

    fn words(bytes: &[u8]) -> String {
        let mut complaints = Complaints::default();
        assert_eq!(text("f.yml", bytes, &mut complaints), None);
        complaints.to_string()
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_where_they_stand() {
        assert_eq!(words(b"a: 1\nb: \xff"), "f.yml:2:4: not UTF-8 from here on");
        assert_eq!(
            words(&vec![b' '; LARGEST + 1]),
            "f.yml:1:1: larger than 1048576 bytes"
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(
            text("f.yml", b"\xef\xbb\xbfa: 1", &mut Complaints::default()),
            Some("a: 1")
        );
    }
}
