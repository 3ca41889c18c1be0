//! From the central directory to the entries: what the archive really holds.

use std::{collections::HashSet, io};

use super::{Directory, Member, Reading};
use crate::{
    digest::Digest,
    name::is_safe_path,
    pack::{
        archive::Measuring,
        bytes::{Slice, read_vec},
        finding::Code,
        header::{self, Entry},
    },
};

impl Reading<'_> {
    /// Names: safe, sorted, and no two that any file system would take for one.
    pub(super) fn names(&mut self, entries: &[Entry]) {
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
    pub(super) fn members(&mut self, entries: &[Entry], directory: &Directory) -> io::Result<Vec<Member>> {
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
            crc: measure.crc,
            digest,
        })
    }
}

/// Canonical archives are laid out in the order of the directory; of others, we still read each byte once only.
fn in_order_of_place(entries: &[Entry]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..entries.len()).collect();
    places.sort_by_key(|place| entries[*place].offset);
    places
}
