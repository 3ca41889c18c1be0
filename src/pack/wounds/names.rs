//! Wounds in which files are there, and what they are called.

use super::{Specimen, Wound, kit::Kit, wound};
use crate::pack::{
    finding::Code,
    layout::{MANIFEST, TIMELINE},
};

pub(super) const WOUNDS: &[Wound] = &[
    wound("entry_deleted", Code::Missing, entry_deleted),
    wound("manifest_deleted", Code::Missing, manifest_deleted),
    wound("entry_added", Code::Unlisted, entry_added),
    wound("entry_renamed", Code::Unlisted, entry_renamed),
    wound("entry_doubled", Code::DuplicateName, entry_doubled),
    wound("two_readings", Code::ReadDifferently, two_readings),
    wound("entries_unsorted", Code::OutOfOrder, entries_unsorted),
    wound("case_fold_twin", Code::CaseFoldTwin, |s| {
        added(s, "TIMELINE.JSONL")
    }),
    wound("parent_path", Code::UnsafeName, |s| added(s, "../evil")),
    wound("absolute_path", Code::UnsafeName, |s| added(s, "/etc/evil")),
    wound("drive_path", Code::UnsafeName, |s| added(s, "C:/evil")),
    wound("backslash_path", Code::UnsafeName, |s| added(s, "logs\\evil")),
    wound("line_feed_in_name", Code::UnsafeName, |s| added(s, "evil\nname")),
    wound("directory_entry", Code::Directory, |s| added(s, "logs/")),
];

/// A file of a bad name, described and hashed as if it belonged there.
fn added(specimen: &Specimen, name: &str) -> Specimen {
    let mut kit = Kit::open(specimen);
    kit.add(name, b"");
    kit.reseal()
}

fn entry_deleted(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    kit.files.retain(|(name, _)| name != TIMELINE);
    kit.close()
}

fn manifest_deleted(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    kit.files.retain(|(name, _)| name != MANIFEST);
    kit.close()
}

fn entry_added(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    kit.add("logs/extra.log", b"nobody wrote this\n");
    kit.close()
}

fn entry_renamed(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    if let Some((name, _)) = kit.find(|name| name == TIMELINE) {
        name.push('2');
    }
    kit.close()
}

fn entry_doubled(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    if let Some(file) = kit.find(|name| name == TIMELINE).cloned() {
        kit.files.push(file);
    }
    kit.close()
}

/// A file twice, each time with other contents: which of them is unpacked depends on who unpacks.
fn two_readings(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    kit.add(TIMELINE, b"{}\n");
    kit.reseal()
}

fn entries_unsorted(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    kit.files.reverse();
    kit.close_unsorted()
}
