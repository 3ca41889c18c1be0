//! Where the bytes of a pack are, and how to get at one file of it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use super::{
    bytes::{Bytes, Slice},
    files::Folder,
    strict::Member,
};
use crate::digest::Digest;

/// Where the bytes are.
pub(crate) enum Store {
    Folder(Folder),
    Archive(Box<dyn Bytes>, BTreeMap<String, Member>),
}

impl Store {
    /// One file, from its beginning.
    pub(crate) fn open<'a>(&'a self, path: &str) -> io::Result<Box<dyn Read + 'a>> {
        match self {
            Self::Folder(folder) => Ok(Box::new(folder.open(path)?)),
            Self::Archive(source, members) => {
                let member = members.get(path).ok_or(io::ErrorKind::NotFound)?;
                Ok(Box::new(Slice::new(&**source, member.at, member.size)))
            }
        }
    }

    /// Name → size and SHA-256 of every file.
    pub(crate) fn measure(&self) -> io::Result<BTreeMap<String, (u64, Digest)>> {
        match self {
            Self::Folder(folder) => folder
                .files()
                .keys()
                .map(|name| {
                    let (digest, size) = Digest::of_reader(folder.open(name)?)?;
                    Ok((name.clone(), (size, digest)))
                })
                .collect(),
            Self::Archive(_, members) => Ok(members
                .iter()
                .map(|(name, member)| (name.clone(), (member.size, member.digest.clone())))
                .collect()),
        }
    }
}
