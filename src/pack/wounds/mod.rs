//! The battery: every way in which we know how to hurt a pack, and the finding each of them must earn.
//!
//! A verifier that nobody has seen refuse anything proves nothing. Each wound is one small lie; where a liar would
//! hash everything again, the wound does too, so that only its own finding can give it away.

mod beside;
mod contents;
mod kit;
mod names;
mod structure;

use std::{fs, io, path::Path};

use super::{beside::Beside, finding::Code, whole::Whole};

/// An archive in memory, with what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specimen {
    /// The zip.
    pub archive: Vec<u8>,
    /// Its checksum and metadata.
    pub beside: Beside,
}

impl Specimen {
    /// Read a sealed pack into memory.
    pub fn read(archive: &Path) -> io::Result<Self> {
        Ok(Self {
            archive: fs::read(archive)?,
            beside: Beside::look(archive)?,
        })
    }
}

/// One way of hurting a pack.
#[derive(Debug)]
pub struct Wound {
    /// A stable name: `bit_in_contents`.
    pub name: &'static str,
    /// The finding it must earn.
    pub expected: Code,
    inflict: fn(&Specimen) -> Specimen,
}

impl Wound {
    /// Hurt a good pack. A wound that finds nothing to hurt leaves the pack as it is, and so earns no finding.
    pub fn inflict(&self, specimen: &Specimen) -> Specimen {
        (self.inflict)(specimen)
    }
}

const fn wound(name: &'static str, expected: Code, inflict: fn(&Specimen) -> Specimen) -> Wound {
    Wound {
        name,
        expected,
        inflict,
    }
}

/// A wound that does not hurt: the proof that a battery which finds nothing would be noticed.
pub static UNHARMED: Wound = wound("unharmed", Code::Altered, Specimen::clone);

/// Every wound, in the order of the battery.
pub fn battery() -> impl Iterator<Item = &'static Wound> {
    structure::WOUNDS
        .iter()
        .chain(names::WOUNDS)
        .chain(contents::WOUNDS)
        .chain(beside::WOUNDS)
}

/// The wound of a name.
pub fn named(name: &str) -> Option<&'static Wound> {
    battery().find(|wound| wound.name == name)
}

/// The findings strict reading has about a specimen: each code once, sorted; none when it is whole.
pub fn findings_of(specimen: &Specimen) -> Vec<Code> {
    let Err(findings) = Whole::of_bytes(specimen.archive.clone(), &specimen.beside) else {
        return Vec::new();
    };
    let mut codes: Vec<Code> = findings.into_iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{battery, findings_of};
    use crate::pack::specimen;

    #[test]
    fn an_unhurt_pack_is_whole() {
        assert_eq!(findings_of(&specimen::sealed()), []);
    }

    #[test]
    fn every_wound_earns_its_own_finding() {
        let specimen = specimen::sealed();
        for wound in battery() {
            let found = findings_of(&wound.inflict(&specimen));
            assert!(found.contains(&wound.expected), "{}: {found:?}", wound.name);
        }
    }

    #[test]
    fn a_wound_after_which_everything_was_hashed_again_earns_no_other_finding() {
        let specimen = specimen::sealed();
        for name in [
            "parent_path",
            "case_fold_twin",
            "lines_cut",
            "key_twice",
            "role_changed",
            "comment",
        ] {
            let wound = super::named(name).expect("it is in the battery");
            assert_eq!(findings_of(&wound.inflict(&specimen)), [wound.expected], "{name}");
        }
    }

    #[test]
    fn names_are_unique_and_at_least_sixteen_kinds_of_finding_are_earned() {
        let names: BTreeSet<_> = battery().map(|wound| wound.name).collect();
        assert_eq!(names.len(), battery().count());
        let codes: BTreeSet<_> = battery().map(|wound| wound.expected).collect();
        assert!(codes.len() >= 16, "{codes:?}");
    }
}
