//! Bytes that can be read at any place: a file on disk, or a copy in memory. Nothing here holds more than it is asked for.

use std::{fs::File, io, os::unix::fs::FileExt};

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
    at: u64,
    end: u64,
}

impl<'a> Slice<'a> {
    pub(crate) fn new(source: &'a dyn Bytes, at: u64, length: u64) -> Self {
        let end = at.saturating_add(length);
        Self { source, at, end }
    }
}

impl io::Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let n = self.source.read_at(&mut buffer[..wanted], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// Exactly `length` bytes from `at`. Callers have checked the length against the source's own: it is never a claim.
pub(crate) fn read_vec(source: &dyn Bytes, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    io::Read::read_exact(&mut Slice::new(source, at, length as u64), &mut bytes)?;
    Ok(bytes)
}
