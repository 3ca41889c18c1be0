//! Reading an archive strictly: every header is made again from name, size and CRC, and must be there byte for byte.
//!
//! Reading goes on after a finding where it can, so that everything wrong is reported at once. No claim of the
//! archive is trusted with memory or time: headers are read one by one, and no byte of contents is hashed twice.

use std::{
    collections::{BTreeSet, HashSet},
    io,
};

use super::{
    archive::Measuring,
    bytes::{Bytes, Slice, read_vec},
    finding::{Code, Finding},
    header::{self, Entry, Field},
};
use crate::{digest::Digest, name::is_safe_path};

/// One file of an archive, where it lies and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) at: u64,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
}

/// Read an archive from end to end. What could be read comes back, and everything that is wrong goes to `findings`;
/// nothing comes back when there is no telling what the archive holds.
pub(crate) fn read(source: &dyn Bytes, findings: &mut Vec<Finding>) -> io::Result<Option<Vec<Member>>> {
    let length = source.len()?;
    let mut reading = Reading { source, findings };
    let Some(end) = reading.end(length)? else {
        return Ok(None);
    };
    let Some(directory) = reading.directory(&end)? else {
        return Ok(None);
    };
    let entries = reading.entries(&directory)?;
    reading.names(&entries);
    reading.members(&entries, &directory).map(Some)
}

/// The end record, and where it was found.
struct End {
    at: u64,
    count: u64,
    size: u64,
    offset: u64,
}

/// The central directory: where it lies, how many entries it claims, and by how much every offset is shifted.
struct Directory {
    at: u64,
    end: u64,
    count: u64,
    shift: u64,
}

struct Reading<'a> {
    source: &'a dyn Bytes,
    findings: &'a mut Vec<Finding>,
}

impl Reading<'_> {
    fn find(
        &mut self,
        code: Code,
        path: &str,
        what: &str,
        expected: impl std::fmt::Display,
        actual: impl std::fmt::Display,
    ) {
        self.findings
            .push(Finding::new(code, path, what, expected, actual));
    }

    /// Find the end record: at the very end, or, so that we can say what is wrong, before what was put behind it.
    fn end(&mut self, length: u64) -> io::Result<Option<End>> {
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
    fn directory(&mut self, end: &End) -> io::Result<Option<Directory>> {
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
    fn entries(&mut self, directory: &Directory) -> io::Result<Vec<Entry>> {
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

    /// Names: safe, sorted, and no two that any file system would take for one.
    fn names(&mut self, entries: &[Entry]) {
        let mut seen = HashSet::new();
        let mut folded = HashSet::new();
        let mut before: &[u8] = b"";
        for entry in entries {
            let name = String::from_utf8_lossy(&entry.name);
            self.name(&entry.name, &name);
            if !seen.insert(&entry.name) {
                self.find(Code::DuplicateName, &name, "entries of this name", 1, "more");
            } else if !folded.insert(name.to_lowercase()) {
                self.find(Code::CaseFoldTwin, &name, "names equal but for case", 1, "more");
            } else if entry.name.as_slice() < before {
                let before = String::from_utf8_lossy(before);
                self.find(
                    Code::OutOfOrder,
                    &name,
                    "place of the entry",
                    format!("before `{before}`"),
                    "behind it",
                );
            }
            before = &entry.name;
        }
    }

    fn name(&mut self, bytes: &[u8], name: &str) {
        if name.ends_with('/') && is_safe_path(name.trim_end_matches('/')) {
            self.find(
                Code::Directory,
                name,
                "name of the entry",
                "a file",
                "a directory",
            );
        } else if std::str::from_utf8(bytes).is_err() || !is_safe_path(name) {
            let expected = "relative, with forward slashes, without `..`, in UTF-8";
            self.find(
                Code::UnsafeName,
                name,
                "name of the entry",
                expected,
                name.escape_debug(),
            );
        }
    }

    /// Walk the entries in the order of the directory; together they must fill the archive without a gap.
    fn members(&mut self, entries: &[Entry], directory: &Directory) -> io::Result<Vec<Member>> {
        let mut members = Vec::new();
        let mut at = directory.shift;
        for place in in_order_of_place(entries) {
            let entry = &entries[place];
            let claimed = u64::from(entry.offset) + directory.shift;
            let name = String::from_utf8_lossy(&entry.name).into_owned();
            if claimed < at {
                self.find(
                    Code::OverlappingEntries,
                    &name,
                    "offset of the entry",
                    at,
                    claimed,
                );
                continue;
            }
            self.gap(at, claimed, directory.shift, &name);
            let Some(member) = self.member(entry, claimed, directory.at)? else {
                at = directory.at;
                continue;
            };
            at = member.at + member.size;
            members.push(member);
        }
        if at < directory.at {
            let what = "bytes between the entries and the central directory";
            self.find(Code::UnclaimedBytes, "", what, 0, directory.at - at);
        }
        Ok(members)
    }

    /// Bytes that no entry claims.
    fn gap(&mut self, at: u64, claimed: u64, start: u64, name: &str) {
        if claimed == at {
            return;
        }
        if at == start {
            self.find(
                Code::LeadingBytes,
                "",
                "bytes in front of the first entry",
                0,
                claimed - at,
            );
        } else {
            self.find(
                Code::UnclaimedBytes,
                name,
                "bytes in front of the entry",
                0,
                claimed - at,
            );
        }
    }

    /// One entry: its own header against the canonical one, its contents against its CRC.
    fn member(&mut self, entry: &Entry, at: u64, limit: u64) -> io::Result<Option<Member>> {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let bound = |end: u64| end <= limit;
        if !bound(at + header::LOCAL as u64) {
            self.find(
                Code::OutOfBounds,
                &name,
                "header of the entry",
                format!("before {limit}"),
                at,
            );
            return Ok(None);
        }
        let fixed = read_vec(self.source, at, header::LOCAL)?;
        let canonical = header::local(entry);
        self.compare(&name, "local header", &fixed, &canonical, &header::LOCAL_FIELDS);
        let name_at = at + header::LOCAL as u64;
        let [name_length, extra] = [26, 28].map(|field| header::number(&fixed[field..field + 2]));
        let data_at = name_at + name_length + extra;
        if !bound(data_at + u64::from(entry.size)) {
            let end = data_at + u64::from(entry.size);
            self.find(
                Code::OutOfBounds,
                &name,
                "end of the entry",
                format!("at most {limit}"),
                end,
            );
            return Ok(None);
        }
        let local_name = read_vec(
            self.source,
            name_at,
            usize::try_from(name_length).map_err(io::Error::other)?,
        )?;
        if local_name != entry.name {
            let actual = String::from_utf8_lossy(&local_name).escape_debug().to_string();
            self.find(
                Code::LocalDiffers,
                &name,
                "name in the local header",
                &name,
                actual,
            );
        }
        self.contents(entry, name, data_at).map(Some)
    }

    fn contents(&mut self, entry: &Entry, name: String, at: u64) -> io::Result<Member> {
        let size = u64::from(entry.size);
        let mut contents = Measuring::new(Slice::new(self.source, at, size));
        let (digest, _) = Digest::of_reader(&mut contents)?;
        let measure = contents.finish()?;
        if measure.crc != entry.crc {
            let [expected, actual] = [entry.crc, measure.crc].map(|crc| format!("{crc:08x}"));
            self.find(Code::CrcMismatch, &name, "CRC of the contents", expected, actual);
        }
        Ok(Member {
            name,
            at,
            size,
            digest,
        })
    }

    /// Report every field in which a header differs from its canonical form, once per kind of difference.
    fn compare(&mut self, path: &str, which: &str, actual: &[u8], canonical: &[u8], fields: &[Field]) {
        let mut reported = BTreeSet::new();
        for field in fields {
            let [is, should] = [actual, canonical].map(|bytes| header::number(&bytes[field.at.clone()]));
            let code = if field.name == header::MODE_FIELD {
                header::code_of_mode(is)
            } else {
                field.code
            };
            if is != should && reported.insert(code) {
                let what = format!("{} of the {which}", field.name);
                self.find(code, path, &what, format!("{should:#x}"), format!("{is:#x}"));
            }
        }
    }
}

/// Canonical archives are laid out in the order of the directory; of others, we still read each byte once only.
fn in_order_of_place(entries: &[Entry]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..entries.len()).collect();
    places.sort_by_key(|place| entries[*place].offset);
    places
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
