//! Who hears a kept service out when its run is over: a reader on each of its pipes. Without one, the first thing it
//! said would end it, or whatever it was saying it about.

use std::{
    fs::OpenOptions,
    io,
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use super::programs::CLEAN_PATH;
use crate::topology::census::MARKER;

/// Its standard output and error.
const SAYS: [u8; 2] = [1, 2];

/// Leave readers for the service that this process leads. What it says from now on goes to a file of ours alone, since
/// nobody hides secrets in it any more; the readers are marked, and go when the run is cleaned.
pub(super) fn leave(leader: u32, marker: &str, folder: &Path, heard: &Path) -> io::Result<()> {
    for says in SAYS {
        let paper = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(heard)?;
        // To open it by this name is to open the pipe once more, for reading.
        Command::new("cat")
            .arg(format!("/proc/{leader}/fd/{says}"))
            .env_clear()
            .env("PATH", CLEAN_PATH)
            .env(MARKER, marker)
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(paper)
            .stderr(Stdio::null())
            .spawn()?;
    }
    Ok(())
}
