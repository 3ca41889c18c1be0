//! A rehearsal of the seal: the record so far is sealed twice in a scratch folder, read alone, and wounded.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    beside::Beside,
    files::{Files, Folder},
    finding::{Code, Finding},
    form,
    layout::PLAN,
    seal::{Label, SealError, seal},
    whole::Whole,
    wounds::{self, Specimen, Wound},
};
use crate::digest::Digest;

/// What a rehearsal saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// SHA-256 of the first archive.
    pub first: Digest,
    /// SHA-256 of the second archive, of the same record.
    pub second: Digest,
    /// The archive, alone in a folder, reads as whole.
    pub whole: bool,
    /// What was wrong with it; empty when it is whole.
    pub findings: Vec<Finding>,
    /// One entry per wound.
    pub wounds: Vec<Inflicted>,
    /// The second archive, in the scratch folder.
    #[serde(skip)]
    pub archive: PathBuf,
}

/// What a wound earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inflicted {
    /// The wound.
    pub name: String,
    /// The finding it must earn.
    pub expected: Code,
    /// The findings it earned, each once, sorted; empty when nobody noticed.
    pub found: Vec<Code>,
}

/// What is done to a rehearsal so that it must go wrong: the proof that it would be noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Between {
    /// Nothing.
    #[default]
    Nothing,
    /// One file of the copy grows by a byte between the two seals.
    Touch,
    /// The archive that is read alone has lost its last byte.
    Truncate,
}

impl Between {
    /// By the word a gate uses.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "nothing" => Some(Self::Nothing),
            "touch" => Some(Self::Touch),
            "truncate" => Some(Self::Truncate),
            _ => None,
        }
    }
}

/// Rehearse: copy the record in `folder` to `scratch`, seal the copy twice, read the archive, and wound it with each
/// of `battery`. The record itself is not touched.
pub fn rehearse(
    folder: &Path,
    label: &Label,
    scratch: &Path,
    battery: &[&Wound],
    between: Between,
) -> Result<Rehearsal, SealError> {
    copy(folder, scratch)?;
    let first = seal(scratch, label)?.metadata.sha256;
    if between == Between::Touch {
        touch(scratch)?;
    }
    let sealed = seal(scratch, label)?;
    let at = |source| SealError::Io {
        path: sealed.archive.clone(),
        source,
    };
    let specimen = Specimen::read(&sealed.archive).map_err(at)?;
    let mut alone = specimen.archive.clone();
    if between == Between::Truncate {
        alone.pop();
    }
    let findings = match Whole::of_bytes(alone, &Beside::default()) {
        Ok(_) => Vec::new(),
        Err(findings) => findings,
    };
    Ok(Rehearsal {
        first,
        second: sealed.metadata.sha256.clone(),
        whole: findings.is_empty(),
        findings,
        wounds: battery.iter().map(|wound| inflict(wound, &specimen)).collect(),
        archive: sealed.archive,
    })
}

/// Let the copy of the plan grow by a byte.
fn touch(scratch: &Path) -> Result<(), SealError> {
    let path = scratch.join(PLAN);
    let failed = |source| SealError::Io {
        path: path.clone(),
        source,
    };
    let mut bytes = fs::read(&path).map_err(failed)?;
    bytes.push(b'\n');
    fs::write(&path, bytes).map_err(failed)
}

/// Wound a specimen and read it.
fn inflict(wound: &Wound, specimen: &Specimen) -> Inflicted {
    Inflicted {
        name: wound.name.to_owned(),
        expected: wound.expected,
        found: wounds::findings_of(&wound.inflict(specimen)),
    }
}

fn copy(folder: &Path, scratch: &Path) -> Result<(), SealError> {
    let mut findings = Vec::new();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| SealError::Io { path, source }
    };
    let walked = Folder::walk(folder, &mut findings).map_err(failed(folder))?;
    if !findings.is_empty() {
        return Err(SealError::Unfit(findings));
    }
    for name in walked.paths() {
        let mut bytes = walked.bytes(&name).map_err(failed(&folder.join(&name)))?;
        if form::is_lines(&name) {
            complete_lines(&mut bytes);
        }
        let to = scratch.join(&name);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        fs::write(&to, bytes).map_err(failed(&to))?;
    }
    Ok(())
}

/// The record is still being written: a last line may be on its way to paper, and counts from its end on.
fn complete_lines(bytes: &mut Vec<u8>) {
    let end = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    bytes.truncate(end);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Between, rehearse};
    use crate::pack::{finding::Code, specimen, wounds};

    #[test]
    fn a_rehearsal_seals_twice_alike_and_every_wound_is_found() {
        let [record, scratch] = [
            specimen::record(),
            tempfile::tempdir().expect("a folder can be made"),
        ];
        let battery: Vec<_> = wounds::battery().collect();
        let seen = rehearse(
            record.path(),
            &specimen::label(),
            scratch.path(),
            &battery,
            Between::Nothing,
        )
        .expect("it can be sealed");
        assert_eq!(seen.first, seen.second);
        assert!(seen.whole, "{:?}", seen.findings);
        assert_eq!(seen.wounds.len(), battery.len());
        assert!(
            seen.wounds
                .iter()
                .all(|wound| wound.found.contains(&wound.expected))
        );
        assert!(!record.path().join("pack.json").exists());
    }

    #[test]
    fn a_rehearsal_that_is_disturbed_shows_it() {
        let rehearsed = |between| {
            let [record, scratch] = [
                specimen::record(),
                tempfile::tempdir().expect("a folder can be made"),
            ];
            rehearse(
                record.path(),
                &specimen::label(),
                scratch.path(),
                &[&wounds::UNHARMED],
                between,
            )
            .expect("it can be sealed")
        };
        let touched = rehearsed(Between::Touch);
        assert_ne!(touched.first, touched.second);
        let cut = rehearsed(Between::Truncate);
        assert_eq!(
            cut.findings.first().map(|finding| finding.code),
            Some(Code::Truncated)
        );
        assert_eq!(cut.wounds[0].found, [], "what is unharmed earns no finding");
    }

    #[test]
    fn a_line_on_its_way_to_paper_does_not_break_a_rehearsal() {
        let [record, scratch] = [
            specimen::record(),
            tempfile::tempdir().expect("a folder can be made"),
        ];
        fs::write(record.path().join("timeline.jsonl"), "{}\n{\"half").expect("files can be written");
        let seen = rehearse(
            record.path(),
            &specimen::label(),
            scratch.path(),
            &[],
            Between::Nothing,
        )
        .expect("it can be sealed");
        assert!(seen.whole, "{:?}", seen.findings);
        let copied = fs::read_to_string(scratch.path().join("timeline.jsonl")).expect("it was copied");
        assert_eq!(copied, "{}\n");
    }
}
