//! Standard error: messages, each on one line, and the progress bar below them.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Where messages go.
pub struct Console {
    quiet: bool,
    /// Hidden unless standard error is a terminal.
    bar: ProgressBar,
}

impl Console {
    pub fn new(quiet: bool) -> Self {
        Self {
            quiet,
            bar: ProgressBar::hidden(),
        }
    }

    /// Shows how many of `total` are done, at which rate and until when; only on a terminal.
    pub fn start(&mut self, total: usize, done: usize) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        self.show(
            Some(total as u64),
            "{wide_bar} {human_pos}/{human_len}  {rate}  {eta} left",
        );
        self.bar.set_position(done as u64);
        // The rate is that of this run.
        self.bar.reset_eta();
    }

    fn show(&mut self, total: Option<u64>, style: &str) {
        let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{:.1}/s", state.per_sec());
        };
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
        self.bar.set_style(style.with_key("rate", rate));
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// Shows how many are done, and at which rate, where it is not known how many there will be; only on a terminal.
    pub fn count(&mut self, things: &str, most: Option<u64>) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let style = match most {
            Some(_) => format!("{{wide_bar}} {{human_pos}}/{{human_len}} {things}  {{rate}}  {{eta}} left"),
            None => format!("{{spinner}} {{human_pos}} {things}  {{rate}}"),
        };
        self.show(most, &style);
    }

    /// One more is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// The bar disappears.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Does something to the terminal while the bar is out of the way.
    pub fn aside<R>(&self, act: impl FnOnce() -> R) -> R {
        self.bar.suspend(act)
    }

    /// What went wrong. Always said.
    pub fn error(&self, text: &str) {
        self.aside(|| say(text));
    }

    /// What is worth knowing.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }
}

/// Writes a message as one line. Where standard error is closed, nobody reads it.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "fastssim: {}", one_line(text));
}

/// A number of things: 1 file, 2 files.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// The text with its control characters, which a file's name may hold, shown instead of obeyed.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
