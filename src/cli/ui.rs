//! Where a command's output goes: results to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use clap::ValueEnum;

use crate::manifest::diagnostic::Said;
use crate::manifest::{Diagnostic, Sources};
use crate::report::{self, Style};

/// When to colour output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On terminals, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors alone.
    Quiet,
    /// Warnings and progress too.
    #[default]
    Normal,
    /// Also what was decided on the way.
    Verbose,
}

/// The two output streams of a run and how to write to them.
pub struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Style for stdout.
    pub out_style: Style,
    /// Style for stderr.
    pub err_style: Style,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Whether a question can be asked: stdin and stderr are terminals.
    pub interactive: bool,
    /// Whether stderr is a terminal, so that progress may be redrawn.
    pub progress: bool,
    /// The findings that were written.
    said: Said,
}

impl Ui {
    /// The streams of this process.
    pub fn from_process(color: ColorChoice, verbosity: Verbosity) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = |terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !plain,
        };
        let err_terminal = io::stderr().is_terminal();
        Self {
            out: Box::new(io::BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
            out_style: Style::new(coloured(io::stdout().is_terminal())),
            err_style: Style::new(coloured(err_terminal)),
            verbosity,
            interactive: io::stdin().is_terminal() && err_terminal,
            progress: err_terminal && verbosity >= Verbosity::Normal,
            said: Said::default(),
        }
    }

    /// Streams that keep what is written, for tests.
    pub fn capture() -> (Self, Captured) {
        let captured = Captured::default();
        let ui = Self {
            out: Box::new(Sink(Arc::clone(&captured.out))),
            err: Box::new(Sink(Arc::clone(&captured.err))),
            out_style: Style::new(false),
            err_style: Style::new(false),
            verbosity: Verbosity::Normal,
            interactive: false,
            progress: false,
            said: Said::default(),
        };
        (ui, captured)
    }

    /// The stream for results.
    pub fn stdout(&mut self) -> &mut dyn Write {
        &mut *self.out
    }

    /// The stream for everything else.
    pub fn stderr(&mut self) -> &mut dyn Write {
        &mut *self.err
    }

    /// Writes a line of progress or summary, unless the run is quiet.
    pub fn status(&mut self, line: impl AsRef<str>) {
        if self.verbosity >= Verbosity::Normal {
            // A status line that cannot be written is no reason to fail.
            let _ = writeln!(self.err, "{}", line.as_ref());
        }
    }

    /// Writes findings to stderr: errors and warnings, in a quiet run errors alone, in a verbose
    /// one everything. What was said before is not said again: overlays share their bases.
    pub fn diagnostics(&mut self, sources: &Sources, diagnostics: &[Diagnostic]) {
        use crate::manifest::Severity;
        let least = match self.verbosity {
            Verbosity::Quiet => Severity::Error,
            Verbosity::Normal => Severity::Warning,
            Verbosity::Verbose => Severity::Info,
        };
        let shown = diagnostics.iter().filter(|d| d.severity >= least);
        let mut shown: Vec<Diagnostic> = shown.cloned().collect();
        self.said.only_new(&mut shown);
        for (at, diagnostic) in shown.iter().enumerate() {
            let text = report::diagnostic(sources, diagnostic, self.err_style);
            let separator = if at > 0 { "\n" } else { "" };
            let _ = write!(self.err, "{separator}{text}");
        }
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// The reader is gone, or the disk is full.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}

/// What a captured [`Ui`] has written.
#[derive(Clone, Default)]
pub struct Captured {
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
}

impl Captured {
    /// Standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.out)
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.err)
    }
}

fn read(bytes: &Mutex<Vec<u8>>) -> String {
    let bytes = bytes
        .lock()
        .expect("no writer panics while it holds the buffer");
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self
            .0
            .lock()
            .expect("no writer panics while it holds the buffer");
        buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
