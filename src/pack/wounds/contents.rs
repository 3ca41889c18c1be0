//! Wounds in what the files say, by somebody who can write an archive.

use super::{Specimen, Wound, kit::Kit, wound};
use crate::pack::{
    finding::Code,
    layout::{EXCHANGES, MANIFEST, PLAN, Role, SEAL, TIMELINE, TOC},
};

pub(super) const WOUNDS: &[Wound] = &[
    wound("manifest_stale", Code::Altered, manifest_stale),
    wound("contents_swapped", Code::Altered, contents_swapped),
    wound("manifest_garbled", Code::ManifestMalformed, manifest_garbled),
    wound("manifest_unsorted", Code::ManifestMalformed, manifest_unsorted),
    wound("table_garbled", Code::TocMalformed, table_garbled),
    wound("role_changed", Code::TocDiffers, role_changed),
    wound("lines_cut", Code::BrokenLines, lines_cut),
    wound("document_cut", Code::BrokenJson, document_cut),
    wound("key_twice", Code::AmbiguousJson, key_twice),
];

/// Change a file's contents.
fn edit(kit: &mut Kit, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
    if let Some((_, contents)) = kit.find(|name| name == path) {
        change(contents);
    }
}

fn manifest_stale(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    edit(&mut kit, PLAN, |plan| plan.push(b'\n'));
    kit.close()
}

/// Plan and timeline each hold what the other should.
fn contents_swapped(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    let mut held = Vec::new();
    for path in [PLAN, TIMELINE, PLAN] {
        edit(&mut kit, path, |contents| std::mem::swap(contents, &mut held));
    }
    kit.close()
}

fn manifest_garbled(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    edit(&mut kit, MANIFEST, |manifest| manifest.make_ascii_uppercase());
    kit.close()
}

fn manifest_unsorted(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    edit(&mut kit, MANIFEST, |manifest| {
        let mut lines: Vec<&[u8]> = manifest.split_inclusive(|byte| *byte == b'\n').collect();
        lines.reverse();
        *manifest = lines.concat();
    });
    kit.close()
}

fn table_garbled(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    edit(&mut kit, TOC, |table| table.truncate(table.len() / 2));
    kit.relist();
    kit.close()
}

/// Evidence declared opaque, so that nobody need look at it.
fn role_changed(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    kit.edit_toc(|toc| {
        if let Some(listed) = toc.files.get_mut(TIMELINE) {
            listed.role = Role::Log;
        }
    });
    kit.relist();
    kit.close()
}

fn lines_cut(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    for path in [TIMELINE, EXCHANGES] {
        edit(&mut kit, path, |lines| lines.truncate(lines.len() - 3));
    }
    kit.reseal()
}

fn document_cut(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    edit(&mut kit, SEAL, |seal| seal.truncate(seal.len() / 2));
    kit.reseal()
}

/// One reader sees the first value, another the last.
fn key_twice(specimen: &Specimen) -> Specimen {
    let mut kit = Kit::open(specimen);
    edit(&mut kit, PLAN, |plan| {
        *plan = br#"{"gates": ["a"], "gates": []}"#.to_vec();
    });
    kit.reseal()
}
