//! From the end of an archive to its central directory: what it says it holds.

use std::io;

use super::{Directory, Reading};
use crate::pack::{
    bytes::read_vec,
    finding::Code,
    header::{self, Entry},
};

/// The end record, and where it was found.
pub(super) struct End {
    at: u64,
    count: u64,
    size: u64,
    offset: u64,
}

impl Reading<'_> {
    /// Find the end record: at the very end, or, so that we can say what is wrong, before what was put behind it.
    pub(super) fn end(&mut self, length: u64) -> io::Result<Option<End>> {
        if length > header::MAX_LENGTH {
            self.find(
                Code::TooLarge,
                "",
                "length of the archive",
                format!("at most {}", header::MAX_LENGTH),
                length,
            );
            return Ok(None);
        }
        let reach = length.min(header::END as u64 + u64::from(u16::MAX));
        let tail_at = length - reach;
        let tail = read_vec(
            self.source,
            tail_at,
            usize::try_from(reach).map_err(io::Error::other)?,
        )?;
        let Some(place) = place_of_end(&tail) else {
            self.find(
                Code::Truncated,
                "",
                "end record",
                "at the end of the archive",
                "none",
            );
            return Ok(None);
        };
        let record = &tail[place..place + header::END];
        let behind = &tail[place + header::END..];
        let comment = header::number(&record[20..22]);
        if behind.len() as u64 != comment {
            let what = "bytes behind the end record";
            self.find(Code::TrailingBytes, "", what, 0, behind.len());
        }
        let end = End {
            at: tail_at + place as u64,
            count: header::number(&record[10..12]),
            size: header::number(&record[12..16]),
            offset: header::number(&record[16..20]),
        };
        if self.is_zip64(&end)? {
            self.find(Code::Zip64, "", "end record", "no 64-bit extension", "one");
            return Ok(None);
        }
        let canonical = canonical_end(&end);
        self.compare("", "end record", record, &canonical, &header::END_FIELDS);
        Ok(Some(end))
    }

    /// The extension is announced by a locator before the end record, or by a number that is all ones.
    fn is_zip64(&self, end: &End) -> io::Result<bool> {
        let announced = end.count == u64::from(u16::MAX)
            || end.size == u64::from(u32::MAX)
            || end.offset == u64::from(u32::MAX);
        let Some(at) = end.at.checked_sub(header::ZIP64_LOCATOR) else {
            return Ok(announced);
        };
        Ok(announced || read_vec(self.source, at, 4)? == header::ZIP64_LOCATOR_SIGNATURE)
    }

    /// Find the central directory. It ends where the end record begins; when the record's own offset says otherwise,
    /// bytes were put in front of the archive, or inside it.
    pub(super) fn directory(&mut self, end: &End) -> io::Result<Option<Directory>> {
        let Some(excess) = end.at.checked_sub(end.offset + end.size) else {
            let what = "bytes before the end record";
            self.find(Code::Truncated, "", what, end.offset + end.size, end.at);
            return Ok(None);
        };
        let mut directory = Directory {
            at: end.offset,
            end: end.offset + end.size,
            count: end.count,
            shift: 0,
        };
        if excess > 0 {
            let shifted = end.at - end.size;
            let moved = end.size >= 4 && read_vec(self.source, shifted, 4)? == header::CENTRAL_SIGNATURE;
            if moved {
                self.find(Code::LeadingBytes, "", "bytes in front of the archive", 0, excess);
                directory = Directory {
                    at: shifted,
                    end: end.at,
                    shift: excess,
                    ..directory
                };
            } else {
                let what = "bytes between the central directory and the end record";
                self.find(Code::UnclaimedBytes, "", what, 0, excess);
            }
        }
        Ok(Some(directory))
    }

    /// Walk the central directory.
    pub(super) fn entries(&mut self, directory: &Directory) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut at = directory.at;
        while at < directory.end {
            let Some((entry, length)) = self.central(at, directory.end)? else {
                return Ok(entries);
            };
            entries.push(entry);
            at += length;
        }
        if entries.len() as u64 != directory.count {
            let what = "number of entries in the central directory";
            self.find(Code::BrokenHeader, "", what, directory.count, entries.len());
        }
        Ok(entries)
    }

    /// One central header, and its length with name, extra field and comment.
    fn central(&mut self, at: u64, end: u64) -> io::Result<Option<(Entry, u64)>> {
        let fits = at + header::CENTRAL as u64 <= end;
        let fixed = if fits {
            read_vec(self.source, at, header::CENTRAL)?
        } else {
            Vec::new()
        };
        if !fixed.starts_with(&header::CENTRAL_SIGNATURE) {
            self.find(
                Code::BrokenHeader,
                "",
                "central header",
                "its signature",
                format!("other bytes at {at}"),
            );
            return Ok(None);
        }
        let [name, extra, comment] = [28, 30, 32].map(|field| header::number(&fixed[field..field + 2]));
        let length = header::CENTRAL as u64 + name + extra + comment;
        if at + length > end {
            let what = "length of a central header";
            self.find(
                Code::BrokenHeader,
                "",
                what,
                format!("at most {}", end - at),
                length,
            );
            return Ok(None);
        }
        let entry = Entry {
            name: read_vec(
                self.source,
                at + header::CENTRAL as u64,
                usize::try_from(name).map_err(io::Error::other)?,
            )?,
            crc: long(&fixed[16..20]),
            size: long(&fixed[24..28]),
            offset: long(&fixed[42..46]),
        };
        let canonical = header::central(&entry);
        let path = String::from_utf8_lossy(&entry.name).into_owned();
        self.compare(
            &path,
            "central header",
            &fixed,
            &canonical,
            &header::CENTRAL_FIELDS,
        );
        Ok(Some((entry, length)))
    }
}

/// Where in the last bytes of an archive its end record stands.
fn place_of_end(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(header::END)?;
    (0..=last)
        .rev()
        .find(|place| tail[*place..].starts_with(&header::END_SIGNATURE))
}

fn canonical_end(end: &End) -> Vec<u8> {
    // The three numbers were read from two and four bytes.
    let count = u16::try_from(end.count).unwrap_or(u16::MAX);
    let [size, offset] = [end.size, end.offset].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    header::end(count, size, offset)
}

fn long(bytes: &[u8]) -> u32 {
    u32::try_from(header::number(bytes)).unwrap_or(u32::MAX)
}
