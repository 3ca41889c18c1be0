//! What a liar needs: a pack taken apart, changed, and put together again with everything hashed anew.

use std::io::{Cursor, Read as _};

use super::Specimen;
use crate::{
    digest::Digest,
    pack::{
        archive::{Archive, Measuring},
        beside::Beside,
        header,
        layout::{MANIFEST, TOC, role_of},
        manifest::{self, Manifest},
        strict,
        toc::{Listed, Toc},
    },
};

/// The files of a pack, by name, in order.
pub(super) struct Kit {
    pub(super) files: Vec<(String, Vec<u8>)>,
}

impl Kit {
    /// Take a good pack apart.
    pub(super) fn open(specimen: &Specimen) -> Self {
        let files = places(&specimen.archive)
            .into_iter()
            .map(|place| {
                let contents = specimen.archive[place.contents..place.contents + place.size].to_vec();
                (place.name, contents)
            })
            .collect();
        Self { files }
    }

    /// The first file that fits, with something in it.
    pub(super) fn find(&mut self, fits: impl Fn(&str) -> bool) -> Option<&mut (String, Vec<u8>)> {
        self.files
            .iter_mut()
            .find(|(name, contents)| !contents.is_empty() && fits(name))
    }

    /// Add a file.
    pub(super) fn add(&mut self, name: &str, contents: &[u8]) {
        self.files.push((name.to_owned(), contents.to_vec()));
    }

    /// Write the table of contents again, so that it describes the files as they are now.
    pub(super) fn retable(&mut self) {
        let listed = self
            .files
            .iter()
            .filter(|(name, _)| ![TOC, MANIFEST].contains(&name.as_str()))
            .map(|(name, contents)| {
                let role = role_of(name);
                let size = contents.len() as u64;
                (name.clone(), Listed { role, size })
            })
            .collect();
        self.edit_toc(|toc| toc.files = listed);
    }

    /// Change the table of contents.
    pub(super) fn edit_toc(&mut self, edit: impl FnOnce(&mut Toc)) {
        let Some((_, contents)) = self.find(|name| name == TOC) else {
            return;
        };
        if let Some(mut toc) = Toc::parse(contents, &mut Vec::new()) {
            edit(&mut toc);
            *contents = toc.render();
        }
    }

    /// Hash every file again.
    pub(super) fn relist(&mut self) {
        let manifest: Manifest = self
            .files
            .iter()
            .filter(|(name, _)| name != MANIFEST)
            .map(|(name, contents)| (name.clone(), Digest::of(contents)))
            .collect();
        if let Some((_, contents)) = self.find(|name| name == MANIFEST) {
            *contents = manifest::write(&manifest).into_bytes();
        }
    }

    /// Put the pack together again as it is, sorted.
    pub(super) fn close(mut self) -> Specimen {
        self.files.sort_by(|a, b| a.0.cmp(&b.0));
        self.close_unsorted()
    }

    /// Describe and hash everything again, and put the pack together.
    pub(super) fn reseal(mut self) -> Specimen {
        self.retable();
        self.relist();
        self.close()
    }

    /// Put the pack together in the order in which its files stand.
    pub(super) fn close_unsorted(self) -> Specimen {
        let mut archive = Archive::new(Vec::new());
        for (name, contents) in &self.files {
            let mut measuring = Measuring::new(contents.as_slice());
            let measured = measuring
                .read_to_end(&mut Vec::new())
                .and_then(|_| measuring.finish());
            // Memory can be read and written, and what came from a pack fits into one.
            if let Ok(measure) = measured {
                archive
                    .add(name, measure, Cursor::new(contents))
                    .unwrap_or_default();
            }
        }
        alone(archive.finish().unwrap_or_default())
    }
}

/// An archive with nothing beside it: the wound must be found by what is inside.
pub(super) fn alone(archive: Vec<u8>) -> Specimen {
    Specimen {
        archive,
        beside: Beside::default(),
    }
}

/// Where the parts of one entry lie in a good archive.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) local: usize,
    pub(super) contents: usize,
    pub(super) size: usize,
    pub(super) central: usize,
}

/// The entries of a good archive; none when it is not good.
pub(super) fn places(archive: &Vec<u8>) -> Vec<Place> {
    let members = strict::read(archive, &mut Vec::new())
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut central = end_of(archive).map_or(0, |end| number(archive, end + 16));
    members
        .into_iter()
        .filter_map(|member| {
            let contents = usize::try_from(member.at).ok()?;
            let place = Place {
                local: contents - header::LOCAL - member.name.len(),
                contents,
                size: usize::try_from(member.size).ok()?,
                central,
                name: member.name,
            };
            central += header::CENTRAL + place.name.len();
            Some(place)
        })
        .collect()
}

/// Where the end record of a good archive stands.
pub(super) fn end_of(archive: &[u8]) -> Option<usize> {
    archive.len().checked_sub(header::END)
}

/// The number in four bytes of an archive.
pub(super) fn number(archive: &[u8], at: usize) -> usize {
    let bytes = archive.get(at..at + 4).unwrap_or_default();
    usize::try_from(header::number(bytes)).unwrap_or_default()
}

/// Write bytes over those of an archive.
pub(super) fn patch(archive: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = archive.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
