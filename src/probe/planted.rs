//! Lines that nobody said: what a change of kind `plant` puts into the log of a service, over it and never into it.
//!
//! Whoever searches a log reads it through here. The file of the log and the record are never written to, so that
//! nothing is left once the line is taken out, or closure is gone.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The lines planted in a run, by their numbers.
#[derive(Clone, Default)]
pub struct Planted(Arc<Mutex<BTreeMap<u64, Line>>>);

/// One line in one log.
#[derive(Clone)]
struct Line {
    service: String,
    /// Bytes of the log before it.
    at: u64,
    bytes: Vec<u8>,
    /// Taken out, it is kept for one more look at where it was.
    stands: bool,
}

impl Planted {
    /// Get a line ready for a log, behind `at` bytes of it. It is not seen before it is put in.
    pub fn ready(&self, service: &str, at: u64, text: &str) -> u64 {
        let mut lines = self.all();
        let number = lines.keys().next_back().map_or(0, |last| last + 1);
        let line = Line {
            service: service.to_owned(),
            at,
            bytes: format!("{text}\n").into_bytes(),
            stands: false,
        };
        lines.insert(number, line);
        number
    }

    /// Put a line in.
    pub fn put_in(&self, number: u64) {
        self.stand(number, true);
    }

    /// Take a line out.
    pub fn take_out(&self, number: u64) {
        self.stand(number, false);
    }

    fn stand(&self, number: u64, stands: bool) {
        if let Some(line) = self.all().get_mut(&number) {
            line.stands = stands;
        }
    }

    /// Open the log of a service, with every line that stands in it.
    pub fn open(&self, service: &str, log: &Path) -> io::Result<impl Read + use<>> {
        let lines = self.all();
        let of_it = lines
            .values()
            .filter(|line| line.stands && line.service == service);
        let mut waiting: Vec<(u64, Vec<u8>)> = of_it.map(|line| (line.at, line.bytes.clone())).collect();
        // The next one is taken from the end; those at one place keep their order.
        waiting.sort_by_key(|(at, _)| *at);
        waiting.reverse();
        Ok(Overlaid {
            log: File::open(log)?,
            at: 0,
            waiting,
            line: Cursor::default(),
        })
    }

    /// Whether a line is read back where it was planted, by whoever opens the log now.
    pub fn reads_back(&self, number: u64, log: &Path) -> io::Result<bool> {
        let Some(line) = self.all().get(&number).cloned() else {
            return Ok(false);
        };
        let before = self.planted_before(number, &line);
        let mut reader = self.open(&line.service, log)?;
        io::copy(&mut reader.by_ref().take(line.at + before), &mut io::sink())?;
        let mut found = Vec::new();
        reader.take(line.bytes.len() as u64).read_to_end(&mut found)?;
        Ok(found == line.bytes)
    }

    /// How many bytes of other lines stand before one.
    fn planted_before(&self, number: u64, line: &Line) -> u64 {
        let lines = self.all();
        let before = lines.iter().filter(|(other, known)| {
            let is_before = (known.at, **other) < (line.at, number);
            known.stands && known.service == line.service && is_before
        });
        before.map(|(_, known)| known.bytes.len() as u64).sum()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log with the lines that stand in it.
struct Overlaid {
    log: File,
    /// Bytes of the log read so far.
    at: u64,
    /// Lines still to come, the next one last.
    waiting: Vec<(u64, Vec<u8>)>,
    /// What is left of the line that is being read.
    line: Cursor<Vec<u8>>,
}

impl Read for Overlaid {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.line.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let until = self.waiting.last().map(|(at, _)| at.saturating_sub(self.at));
            if until != Some(0) {
                let most = until.unwrap_or(u64::MAX).min(into.len() as u64);
                let most = usize::try_from(most).unwrap_or(into.len());
                let read = self.log.read(&mut into[..most])?;
                self.at += read as u64;
                if read > 0 {
                    return Ok(read);
                }
            }
            // Its place is reached, or the log ended before it.
            match self.waiting.pop() {
                Some((_, bytes)) => self.line = Cursor::new(bytes),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Read as _,
        path::{Path, PathBuf},
    };

    use super::Planted;

    fn log(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("api.log");
        fs::write(&path, text).expect("written");
        (folder, path)
    }

    fn read(planted: &Planted, service: &str, log: &Path) -> String {
        let mut text = String::new();
        let mut opened = planted.open(service, log).expect("opened");
        opened.read_to_string(&mut text).expect("read");
        text
    }

    #[test]
    fn a_line_stands_where_it_was_planted_while_it_is_in_and_never_in_the_file() {
        let (_folder, path) = log("one\ntwo\n");
        let planted = Planted::default();
        let number = planted.ready("api", 8, "three");
        assert_eq!(read(&planted, "api", &path), "one\ntwo\n", "not yet");
        assert_eq!(planted.reads_back(number, &path).ok(), Some(false));
        planted.put_in(number);
        assert_eq!(read(&planted, "api", &path), "one\ntwo\nthree\n");
        assert_eq!(read(&planted, "worker", &path), "one\ntwo\n", "another's log");
        assert_eq!(planted.reads_back(number, &path).ok(), Some(true));
        fs::write(&path, "one\ntwo\nand more\n").expect("written");
        assert_eq!(read(&planted, "api", &path), "one\ntwo\nthree\nand more\n");
        planted.take_out(number);
        assert_eq!(read(&planted, "api", &path), "one\ntwo\nand more\n");
        assert_eq!(planted.reads_back(number, &path).ok(), Some(false));
    }

    #[test]
    fn several_lines_are_each_read_back_at_their_places() {
        let (_folder, path) = log("0123456789");
        let planted = Planted::default();
        let numbers =
            [(4, "b"), (0, "a"), (4, "c"), (99, "z")].map(|(at, text)| planted.ready("api", at, text));
        for number in numbers {
            planted.put_in(number);
        }
        assert_eq!(read(&planted, "api", &path), "a\n0123b\nc\n456789z\n");
        for number in &numbers[..3] {
            assert_eq!(planted.reads_back(*number, &path).ok(), Some(true), "{number}");
        }
    }

    #[test]
    fn a_log_that_is_not_there_cannot_be_opened() {
        let planted = Planted::default();
        let number = planted.ready("api", 0, "x");
        assert!(
            planted
                .reads_back(number, &PathBuf::from("/nowhere/api.log"))
                .is_err()
        );
    }
}
