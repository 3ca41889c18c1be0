//! A second reader. Two programs that see two different archives in the same bytes are an old way of smuggling: what
//! a reviewer unpacks must be what we have judged. So the `zip` crate, which knows nothing of our canonical form, must
//! see the files that strict reading has seen: as many, under the same names, as long, with the same checksums, in the
//! same places.

use std::collections::BTreeMap;

use zip::{ZipArchive, result::ZipResult};

use super::{
    bytes::{Bytes, Slice},
    finding::{Code, Finding},
    strict::Member,
};

/// Where the contents of a file begin, how long they are, and their CRC.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    at: Option<u64>,
    size: u64,
    crc: u32,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, size, crc } = self;
        match at {
            Some(at) => write!(f, "{size} bytes at {at}, CRC {crc:08x}"),
            None => write!(f, "{size} bytes nowhere, CRC {crc:08x}"),
        }
    }
}

/// Read the archive once more, with other eyes; every difference goes to `findings`. Contents are not read: whoever
/// begins at the same place and reads as far reads the same.
pub(super) fn compare(source: &dyn Bytes, members: &[Member], findings: &mut Vec<Finding>) {
    let mut find = |path: &str, what: &str, expected: String, actual: String| {
        findings.push(Finding::new(Code::ReadDifferently, path, what, expected, actual));
    };
    let theirs = match another_reading(source) {
        Ok(theirs) => theirs,
        Err(error) => {
            return find(
                "",
                "the archive, by a second reader",
                "readable".into(),
                error.to_string(),
            );
        }
    };
    if theirs.len() != members.len() {
        find(
            "",
            "number of files, by a second reader",
            members.len().to_string(),
            theirs.len().to_string(),
        );
    }
    let mut theirs: BTreeMap<String, Seen> = theirs.into_iter().collect();
    for member in members {
        let ours = Seen {
            at: Some(member.at),
            size: member.size,
            crc: member.crc,
        };
        match theirs.remove(&member.name) {
            Some(seen) if seen == ours => {}
            seen => find(
                &member.name,
                "the file, by a second reader",
                ours.to_string(),
                seen.map_or("not there".into(), |seen| seen.to_string()),
            ),
        }
    }
    for (name, seen) in theirs {
        find(
            &name,
            "the file, by a second reader",
            "not there".into(),
            seen.to_string(),
        );
    }
}

fn another_reading(source: &dyn Bytes) -> ZipResult<Vec<(String, Seen)>> {
    let mut archive = ZipArchive::new(Slice::new(source, 0, source.len()?))?;
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        let seen = Seen {
            at: file.data_start(),
            size: file.size(),
            crc: file.crc32(),
        };
        files.push((String::from_utf8_lossy(file.name_raw()).into_owned(), seen));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::pack::{finding::Code, specimen, strict};

    #[test]
    fn a_second_reader_sees_in_a_good_archive_what_the_first_has_seen() {
        let archive = specimen::sealed().archive;
        let mut findings = Vec::new();
        let members = strict::read(&archive, &mut findings).expect("memory can be read");
        compare(&archive, &members.expect("it is an archive"), &mut findings);
        assert_eq!(findings, []);
    }

    #[test]
    fn whatever_only_one_of_them_sees_is_found_by_name() {
        let archive = specimen::sealed().archive;
        let members = strict::read(&archive, &mut Vec::new()).expect("memory can be read");
        let members = members.expect("it is an archive");
        let found = |change: fn(&mut Vec<strict::Member>)| {
            let (mut members, mut findings) = (members.clone(), Vec::new());
            change(&mut members);
            compare(&archive, &members, &mut findings);
            assert!(
                findings
                    .iter()
                    .all(|finding| finding.code == Code::ReadDifferently)
            );
            findings
                .into_iter()
                .map(|finding| finding.path)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(|members| members[0].at += 1), ["exchanges.jsonl"]);
        assert_eq!(found(|members| members[0].size += 1), ["exchanges.jsonl"]);
        assert_eq!(found(|members| members[0].crc ^= 1), ["exchanges.jsonl"]);
        assert_eq!(
            found(|members| drop(members.remove(0))),
            ["", "exchanges.jsonl"],
            "one of the files is missing from the first reading"
        );
    }

    #[test]
    fn what_the_second_reader_cannot_read_at_all_is_a_finding() {
        let mut findings = Vec::new();
        compare(&b"no archive".to_vec(), &[], &mut findings);
        assert_eq!(
            findings.first().map(|finding| finding.code),
            Some(Code::ReadDifferently)
        );
    }
}
