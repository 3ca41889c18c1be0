//! Reading an archive strictly: every header is made again from name, size and CRC, and must be there byte for byte.
//!
//! Reading goes on after a finding where it can, so that everything wrong is reported at once. No claim of the
//! archive is trusted with memory or time: headers are read one by one, and no byte of contents is hashed twice.

mod directory;
mod entries;

use std::{collections::BTreeSet, io};

use super::{
    bytes::Bytes,
    finding::{Code, Finding},
    header::{self, Field},
};
use crate::digest::Digest;

/// One file of an archive, where it lies and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) at: u64,
    pub(crate) size: u64,
    pub(crate) crc: u32,
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
