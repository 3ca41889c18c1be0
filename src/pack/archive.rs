//! Writing the canonical zip: one pass and no seeking, so that a hasher can stand where the file would.

use std::io::{self, Read, Write};

use super::header::{self, Entry};

/// Size and CRC of contents, taken before they are written, because the header stands in front of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) size: u32,
    pub(crate) crc: u32,
}

/// Measures everything that is read through it.
pub(crate) struct Measuring<R> {
    inner: R,
    crc: crc32fast::Hasher,
    size: u64,
}

impl<R: Read> Measuring<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            crc: crc32fast::Hasher::new(),
            size: 0,
        }
    }

    /// What was read; an error when it is more than one entry may hold.
    pub(crate) fn finish(self) -> io::Result<Measure> {
        Ok(Measure {
            size: within_limit(self.size)?,
            crc: self.crc.finalize(),
        })
    }
}

impl<R: Read> Read for Measuring<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.crc.update(&buffer[..n]);
        self.size += n as u64;
        Ok(n)
    }
}

/// A canonical zip while it is being written. Entries come in the order of their names' bytes; names are not checked
/// here, so that the wounds can be written with the same hand as the pack.
pub(crate) struct Archive<W> {
    out: W,
    at: u64,
    entries: Vec<Entry>,
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            at: 0,
            entries: Vec::new(),
        }
    }

    /// Write one entry. Contents other than the measured ones are an error: a file that changes while it is sealed
    /// is no evidence.
    pub(crate) fn add(&mut self, name: &str, measure: Measure, contents: impl Read) -> io::Result<()> {
        if self.entries.len() == header::MAX_ENTRIES {
            return Err(io::Error::other("a pack holds at most 65,534 files"));
        }
        let entry = Entry {
            name: name.as_bytes().to_vec(),
            size: measure.size,
            crc: measure.crc,
            offset: within_limit(self.at)?,
        };
        self.put(&header::local(&entry))?;
        let mut contents = Measuring::new(contents);
        self.at += io::copy(&mut contents, &mut self.out)?;
        if contents.finish()? != measure {
            return Err(io::Error::other(format!(
                "`{name}` changed while it was being sealed"
            )));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Write the central directory and the end record, and give back what was written to.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let offset = within_limit(self.at)?;
        let entries = std::mem::take(&mut self.entries);
        for entry in &entries {
            self.put(&header::central(entry))?;
        }
        let size = within_limit(self.at)? - offset;
        let count = u16::try_from(entries.len()).map_err(io::Error::other)?;
        self.put(&header::end(count, size, offset))?;
        within_limit(self.at)?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

fn within_limit(at: u64) -> io::Result<u32> {
    u32::try_from(at).map_err(|_| io::Error::other("a pack has at most 4 GiB - 1"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::{Archive, Measuring};

    fn measured(contents: &[u8]) -> super::Measure {
        let mut measuring = Measuring::new(contents);
        std::io::copy(&mut measuring, &mut std::io::sink()).expect("memory can be read");
        measuring.finish().expect("it is small")
    }

    #[test]
    fn another_reader_sees_the_same_entries() {
        let mut archive = Archive::new(Vec::new());
        for (name, contents) in [("a.json", "{}"), ("b/c.csv", "x,y\n"), ("ü.txt", "")] {
            archive
                .add(name, measured(contents.as_bytes()), contents.as_bytes())
                .expect("memory can be written");
        }
        let bytes = archive.finish().expect("memory can be written");
        let mut read = zip::ZipArchive::new(Cursor::new(bytes)).expect("it is a zip");
        assert_eq!(read.len(), 3);
        let mut entry = read.by_name("b/c.csv").expect("it is there");
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("its CRC is right");
        assert_eq!(text, "x,y\n");
    }

    #[test]
    fn contents_that_change_between_measuring_and_writing_are_an_error() {
        let error = Archive::new(Vec::new()).add("a", measured(b"before"), &b"behind"[..]);
        assert_eq!(
            error.expect_err("it changed").to_string(),
            "`a` changed while it was being sealed"
        );
    }
}
