//! Bytes on their way: read at any place of a file or of a copy in memory, and hashed while they are written. Nothing
//! here holds more than it is asked for.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
};

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;

/// Something of a known length that can be read at any offset, from several threads.
pub(crate) trait Bytes: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Read at an offset; fewer bytes than asked for only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Bytes for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

impl Bytes for Vec<u8> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.as_slice().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| self.get(at..))
            .unwrap_or(&[]);
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

/// A part of some bytes, as a reader.
pub(crate) struct Slice<'a> {
    source: &'a dyn Bytes,
    begin: u64,
    at: u64,
    end: u64,
}

impl<'a> Slice<'a> {
    pub(crate) fn new(source: &'a dyn Bytes, at: u64, length: u64) -> Self {
        let end = at.saturating_add(length);
        Self {
            source,
            begin: at,
            at,
            end,
        }
    }
}

impl io::Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let n = self.source.read_at(&mut buffer[..wanted], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl io::Seek for Slice<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let at = match to {
            io::SeekFrom::Start(at) => self.begin.checked_add(at),
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
            io::SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        // What lies behind the end may be sought, and holds nothing.
        let at = at.filter(|at| *at >= self.begin);
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at - self.begin)
    }
}

/// Exactly `length` bytes from `at`. Callers have checked the length against the source's own: it is never a claim.
pub(crate) fn read_vec(source: &dyn Bytes, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    io::Read::read_exact(&mut Slice::new(source, at, length as u64), &mut bytes)?;
    Ok(bytes)
}

/// Hashes what passes through on its way to a file.
pub(crate) struct Hashing<W> {
    out: W,
    hasher: Sha256,
    size: u64,
}

impl<W: Write> Hashing<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            hasher: Sha256::new(),
            size: 0,
        }
    }

    /// What passed through, and how much of it.
    pub(crate) fn finish(mut self) -> io::Result<(Digest, u64)> {
        self.out.flush()?;
        let hex = hex::encode(self.hasher.finalize());
        let digest = Digest::parse(&hex).ok_or_else(|| io::Error::other("a SHA-256 is 64 digits"))?;
        Ok((digest, self.size))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
