//! A service's log: every line from the first byte on, redacted before it is written or kept.
//!
//! A log that has been rid of its secrets cannot tell whether there were any. So the copy that probes look at keeps what
//! it hears a second time, as it was heard: in the run's own folder, for our account only, gone with the run.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::{
    error::{Error, Result},
    substrate::Redactor,
};

/// Lines kept in memory.
const KEPT: usize = 100;

/// Lines told as somebody's last words.
pub(crate) const LAST_WORDS: usize = 20;

/// Bytes after which a line is broken: a service that writes no line end must not fill our memory.
const LONGEST_LINE: u64 = 64 * 1024;

/// Where in a run's folder the services' words stand as they were heard.
const HEARD: &str = "heard";

/// Where a service's words stand as they were heard.
pub(crate) fn heard_of(run: &Path, service: &str) -> PathBuf {
    run.join(HEARD).join(format!("{service}.log"))
}

/// Forget them all: a run's folder may be kept, secrets may not.
pub(crate) fn forget(run: &Path) {
    // Where nothing was heard there is nothing to forget; what cannot be removed, `clean` finds with the folder.
    let _nothing = fs::remove_dir_all(run.join(HEARD));
}

/// One log.
pub(crate) struct Journal {
    redact: Redactor,
    pages: Mutex<Pages>,
}

struct Pages {
    /// None once the log is closed.
    file: Option<File>,
    /// The same, as it was heard. None for a copy that nobody looks at, and once it could not be written.
    heard: Option<(PathBuf, File)>,
    tail: VecDeque<String>,
}

impl Journal {
    /// Open a log to append to.
    pub(crate) fn open(path: &Path, redact: Redactor) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(Error::folder("open", path))?;
        Ok(Self {
            redact,
            pages: Mutex::new(Pages {
                file: Some(file),
                heard: None,
                tail: VecDeque::new(),
            }),
        })
    }

    /// Keep every byte as it is heard, too, in this file.
    pub(crate) fn and_as_heard(self, path: PathBuf) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(Error::folder("create", folder))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::folder("open", &path))?;
        self.pages().heard = Some((path, file));
        Ok(self)
    }

    /// Write nothing more: a record that is sealed must not grow, and a service that is left alone goes on talking.
    pub(crate) fn close(&self) {
        let mut pages = self.pages();
        pages.file = None;
        pages.heard = None;
    }

    /// Append one line, redacted.
    pub(crate) fn line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = (self.redact)(text.trim_end_matches(['\n', '\r']));
        let mut pages = self.pages();
        pages.hear(line);
        let written = pages
            .file
            .as_mut()
            .map_or(Ok(()), |file| writeln!(file, "{text}"));
        if let Err(error) = written {
            pages.keep(format!("closure could not write the log: {error}"));
        }
        pages.keep(text);
    }

    /// Append everything a reader yields, until its end.
    pub(crate) async fn follow(self: Arc<Self>, source: impl AsyncRead + Unpin) {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut source)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
                .await
            {
                Ok(0) | Err(_) => return,
                Ok(_) => self.line(&line),
            }
        }
    }

    /// The last lines, oldest first.
    pub(crate) fn last_words(&self) -> String {
        let pages = self.pages();
        let from = pages.tail.len().saturating_sub(LAST_WORDS);
        pages
            .tail
            .iter()
            .skip(from)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Forget the lines in memory: the last words of an earlier process are not those of the next.
    pub(crate) fn turn_over(&self) {
        self.pages().tail.clear();
    }

    /// What this log does to a text that is kept elsewhere.
    pub(crate) fn redacted(&self, text: &str) -> String {
        (self.redact)(text)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// A file with a gap would let whoever searches it believe that there was nothing: it is removed, and missed.
    fn hear(&mut self, line: &[u8]) {
        let Some((path, file)) = &mut self.heard else {
            return;
        };
        if file.write_all(line).is_err() {
            let _missed_already = fs::remove_file(path);
            self.heard = None;
        }
    }

    fn keep(&mut self, line: String) {
        if self.tail.len() == KEPT {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::{Journal, LAST_WORDS};

    #[tokio::test]
    async fn every_line_is_redacted_before_it_is_written_or_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("api.log");
        let redact = |line: &str| line.replace("hunter2", "‹password›");
        let journal = Arc::new(Journal::open(&path, Arc::new(redact)).expect("opened"));
        Arc::clone(&journal)
            .follow(&b"one\npassword hunter2\r\nno end"[..])
            .await;
        let expected = "one\npassword ‹password›\nno end";
        assert_eq!(journal.last_words(), expected);
        assert_eq!(fs::read_to_string(path).expect("read"), format!("{expected}\n"));
    }

    #[test]
    fn what_was_heard_stands_as_it_was_for_our_eyes_only_until_it_is_forgotten() {
        use std::os::unix::fs::PermissionsExt as _;

        let run = tempfile::tempdir().expect("a folder");
        let heard = super::heard_of(run.path(), "api");
        let redact = |line: &str| line.replace("hunter2", "‹password›");
        let journal = Journal::open(&run.path().join("api.log"), Arc::new(redact))
            .and_then(|journal| journal.and_as_heard(heard.clone()))
            .expect("opened");
        journal.line(b"password hunter2\xff\r\n");
        journal.close();
        journal.line(b"after\n");
        assert_eq!(fs::read(&heard).expect("read"), b"password hunter2\xff\r\n");
        let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(
            (mode(&heard), mode(heard.parent().expect("a folder"))),
            (0o600, 0o700)
        );
        super::forget(run.path());
        assert!(!heard.exists());
    }

    #[test]
    fn a_closed_log_does_not_grow_and_what_is_said_is_still_heard() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("api.log");
        let journal = Journal::open(&path, Arc::new(str::to_owned)).expect("opened");
        journal.line(b"before");
        journal.close();
        journal.line(b"after");
        assert_eq!(fs::read_to_string(path).expect("read"), "before\n");
        assert_eq!(journal.last_words(), "before\nafter");
    }

    #[tokio::test]
    async fn a_line_without_end_is_broken_and_only_the_last_lines_are_last_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("api.log");
        let journal = Arc::new(Journal::open(&path, Arc::new(str::to_owned)).expect("opened"));
        Arc::clone(&journal)
            .follow(vec![b'x'; 3 * 64 * 1024].as_slice())
            .await;
        assert_eq!(journal.last_words().lines().count(), 3);
        for line in 0..200 {
            journal.line(format!("line {line}").as_bytes());
        }
        assert_eq!(journal.last_words().lines().count(), LAST_WORDS);
        assert!(journal.last_words().ends_with("line 199"));
        assert_eq!(fs::read_to_string(path).expect("read").lines().count(), 203);
    }
}
