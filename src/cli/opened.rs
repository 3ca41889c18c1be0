//! A pack that somebody wants to read from: whole, and judged with the gate text it holds; or the words that say why not.

use std::path::Path;

use super::Exit;
use crate::{
    pack::{Refusal, Whole, layout},
    report::Case,
    verify::{Doubt, Unjudged},
};

/// The pack, of which every byte has been accounted for.
pub(super) fn whole(path: &Path) -> anyhow::Result<Whole> {
    if !path.exists() {
        let words = format!(
            "there is no pack `{}`\nhint: `closure run` makes one; `--pack PACK` names another",
            path.display()
        );
        return Err(Exit::Usage.because(anyhow::Error::msg(words)));
    }
    Whole::read(path).map_err(|refusal| match refusal {
        Refusal::Unreadable { .. } => Exit::Usage.because(refusal),
        Refusal::NotWhole(findings) => {
            let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
            let is_open = path.is_dir() && !path.join(layout::MANIFEST).exists();
            let hint = if is_open {
                "\nhint: the run that writes it is not over yet, or was cut off"
            } else {
                ""
            };
            let words = format!(
                "{}\nthe pack `{}` is not whole: {} finding(s){hint}",
                all.join("\n"),
                path.display(),
                findings.len()
            );
            Exit::NotWhole.because(anyhow::Error::msg(words))
        }
    })
}

/// What a pack holds, before anything is judged.
pub(super) fn unjudged(whole: &Whole) -> anyhow::Result<Unjudged> {
    Unjudged::read(whole).map_err(|doubts| {
        let all: Vec<String> = doubts.iter().map(Doubt::to_string).collect();
        Exit::Unproven.because(anyhow::Error::msg(all.join("\n")))
    })
}

/// Every gate of a pack, judged again.
pub(super) fn judged(path: &Path) -> anyhow::Result<Case> {
    Ok(unjudged(&whole(path)?)?.judge())
}
