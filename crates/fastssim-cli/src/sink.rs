//! Where records go: standard output, a file that appears at the end, or one that grows.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::console::Console;
use crate::format::Printer;
use crate::output::{Output, Writing};
use crate::record::{Record, Summary};

/// A printer, and where its text goes.
pub struct Sink {
    printer: Printer,
    destination: Destination,
}

/// Where text goes.
pub enum Destination {
    /// A reader that has left is no error: it has seen what it wanted.
    Standard { closed: bool },
    /// A file that appears when it is complete.
    New(Writing),
    /// A file that is there, and is appended to.
    Growing { path: PathBuf, file: File },
}

impl Sink {
    pub fn new(printer: Printer, destination: Destination) -> Self {
        Self { printer, destination }
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.destination.is_closed()
    }

    pub fn begin(&mut self, unpaired: &[String], console: &Console) -> Result<()> {
        let text = self.printer.begin(unpaired)?;
        self.destination.write(&text, console)
    }

    pub fn record(&mut self, record: &Record, label: &str, console: &Console) -> Result<()> {
        let text = self.printer.record(record, label)?;
        self.destination.write(&text, console)
    }

    /// Writes what comes last, and gives a new file its name.
    pub fn finish(mut self, summary: &Summary, wanted: bool, console: &Console) -> Result<()> {
        let text = self.printer.end(summary, wanted)?;
        self.destination.write(&text, console)?;
        self.destination.finish()
    }
}

impl Destination {
    pub fn standard() -> Self {
        Self::Standard { closed: false }
    }

    /// A file, in place of one that is there.
    pub fn new(output: Output) -> Result<Self> {
        Ok(Self::New(output.begin()?))
    }

    /// A file that has `length` bytes that are to be kept, and whatever follows them is not.
    pub fn growing(path: &Path, length: u64) -> Result<Self> {
        let open = || -> Result<File> {
            let mut file = OpenOptions::new()
                .create(true)
                .append(false)
                .truncate(false)
                .write(true)
                .open(path)?;
            file.set_len(length)?;
            io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().with_context(|| path.display().to_string())?;
        let path = path.to_owned();
        Ok(Self::Growing { path, file })
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Standard { closed: true })
    }

    pub fn write(&mut self, text: &str, console: &Console) -> Result<()> {
        match self {
            Self::Standard { closed } => {
                if !text.is_empty() && !*closed {
                    let mut out = io::stdout();
                    // Only a terminal has a bar that could be in the way.
                    let printed = if out.is_terminal() {
                        console.aside(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()))
                    } else {
                        out.write_all(text.as_bytes()).and_then(|()| out.flush())
                    };
                    *closed = is_closed(printed)?;
                }
                Ok(())
            }
            Self::New(writing) => writing.write(text),
            Self::Growing { path, file } => file
                .write_all(text.as_bytes())
                .with_context(|| path.display().to_string()),
        }
    }

    /// Gives a new file its name.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::New(writing) => writing.finish()?.publish(),
            Self::Growing { path, file } => file.sync_all().with_context(|| path.display().to_string()),
            Self::Standard { .. } => Ok(()),
        }
    }
}

/// Prints a text that is all there is to print.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    is_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(|_| ())
}

/// Whether printing failed because nobody reads any more.
pub fn is_closed(printed: io::Result<()>) -> Result<bool> {
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        other => other.map(|()| false).context("standard output"),
    }
}
