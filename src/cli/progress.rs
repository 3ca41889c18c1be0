//! Progress while a run works: a bar on a terminal, plain lines elsewhere, nothing when asked for quiet.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{outcome::Outcome, run::News};

/// Says what the run is doing.
pub(super) struct Progress {
    quiet: bool,
    bar: Option<ProgressBar>,
    begin: Instant,
    /// The tenth of a load last spoken of, where there is no bar.
    tenth: Mutex<u64>,
}

impl Progress {
    pub(super) fn new(quiet: bool, terminal: bool) -> Self {
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}")
                .expect("the template is a constant");
            bar.set_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            quiet,
            bar,
            begin: Instant::now(),
            tenth: Mutex::new(0),
        }
    }

    pub(super) fn tell(&self, news: &News<'_>) {
        if self.quiet {
            return;
        }
        match news {
            News::Stage(words) => self.line(words),
            News::Detail(words) => self.line(&format!("  {words}")),
            News::Gate { number, of, id, name } => self.line(&format!("gate {number}/{of}  {id} {name}")),
            News::Doing(words) => self.passing(words),
            News::Load { span, sent, planned } => self.load(span, *sent, *planned),
            News::Judged { id, outcome, reason } => {
                let reason = match (outcome, reason) {
                    (Outcome::Pass, _) | (_, None) => String::new(),
                    (_, Some(reason)) => format!(": {reason}"),
                };
                self.line(&format!("  {id} {outcome}{reason}"));
            }
        }
    }

    /// Take the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// A line that stays.
    fn line(&self, words: &str) {
        let line = format!("[{:>6.1} s] {words}", self.begin.elapsed().as_secs_f64());
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Words that the next ones replace; a line of its own where there is no bar.
    fn passing(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(words.to_owned()),
            None => self.line(&format!("  {words}")),
        }
    }

    fn load(&self, span: &str, sent: u64, planned: u64) {
        let words = format!("load {span}: {sent} of {planned} sent");
        if let Some(bar) = &self.bar {
            bar.set_message(words);
            return;
        }
        let tenth = sent.saturating_mul(10).checked_div(planned).unwrap_or(0);
        let mut last = self
            .tenth
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if tenth == *last {
            return;
        }
        *last = tenth;
        if matches!(tenth, 3 | 6 | 10) {
            self.line(&format!("  {words}"));
        }
    }
}
