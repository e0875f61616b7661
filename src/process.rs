//! Runs other programs: a function, a plugin, helm, git. Everything is bounded: what they may
//! print, how long they may take where there is a limit, and how long they are awaited in silence.

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::manifest::read::{Limits, io_reason};

/// How long a program is awaited before somebody is told.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the standard error of a program that has ended may still be held open by others.
const LINGER: Duration = Duration::from_millis(300);

/// What becomes of a program's standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stderr {
    /// It is ours.
    Inherit,
    /// It is kept.
    Capture,
}

/// How a program is run.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    /// What it is called in messages: "function `./expand`".
    pub name: &'c str,
    /// Standard input; nothing is an empty one.
    pub input: &'c [u8],
    /// What becomes of its standard error.
    pub stderr: Stderr,
    /// When it is killed; `None` leaves that to the user.
    pub timeout: Option<Duration>,
    /// Is told once when a program takes long.
    pub notify: Option<fn(&str)>,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, where it was kept.
    pub stderr: Vec<u8>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    /// It could not be started.
    #[error("{0}")]
    NotStarted(String),
    /// It took too long and was killed.
    #[error("no end after {}", seconds(*.0))]
    TimedOut(Duration),
    /// It printed too much and was killed.
    #[error("more than {} MiB of output", .0 >> 20)]
    TooMuch(u64),
}

impl Finished {
    /// What it said on standard error, else on standard output, without the space around.
    pub fn words(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let words = text(&self.stderr);
        if words.is_empty() {
            text(&self.stdout)
        } else {
            words
        }
    }
}

/// Runs a program to its end. Its process stays in our group, so that Ctrl-C ends both.
///
/// # Errors
/// It cannot be started, takes longer than it may, or prints more than any file may hold.
pub fn run(command: &mut Command, call: &Call<'_>) -> Result<Finished, Failure> {
    run_patiently(command, call, PATIENCE)
}

/// The same; somebody is told after `patience`.
fn run_patiently(
    command: &mut Command,
    call: &Call<'_>,
    patience: Duration,
) -> Result<Finished, Failure> {
    let limit = Limits::DEFAULT.bytes;
    command
        .stdin(if call.input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(Stdio::piped())
        .stderr(match call.stderr {
            Stderr::Inherit => Stdio::inherit(),
            Stderr::Capture => Stdio::piped(),
        });
    let mut child = command
        .spawn()
        .map_err(|error| Failure::NotStarted(io_reason(&error)))?;
    feed(&mut child, call.input);
    let stdout = gather(child.stdout.take(), limit);
    let stderr = gather(child.stderr.take(), limit);
    let ended = wait(&mut child, &stdout, call, patience);
    let (stdout, status) = match ended {
        Ok(ended) => ended,
        Err(failure) => {
            // It may have ended by itself in the meantime.
            let _ = child.kill();
            let _ = child.wait();
            return Err(failure);
        }
    };
    let stderr = stderr.recv_timeout(LINGER).unwrap_or_default();
    Ok(Finished {
        status,
        stdout,
        stderr,
    })
}

/// What a program said, to go on with in a line: the lines after the first stand below it, and
/// empty ones are left out.
pub fn indented(words: &str) -> String {
    let lines = words.lines().map(str::trim_end);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n      ")
}

/// A duration as people say it.
pub fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

/// Writes the input from a thread of its own: a program may print before it has read all.
fn feed(child: &mut Child, input: &[u8]) {
    let Some(mut stdin) = child.stdin.take() else {
        return;
    };
    let input = input.to_vec();
    thread::spawn(move || {
        // A program need not read its input.
        let _ = stdin.write_all(&input);
    });
}

/// Reads a stream to its end, or one byte beyond the limit.
fn gather(stream: Option<impl Read + Send + 'static>, limit: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.take(limit + 1).read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
    }
    receiver
}

/// Waits for the end of the output, and then of the program.
fn wait(
    child: &mut Child,
    stdout: &Receiver<Vec<u8>>,
    call: &Call<'_>,
    patience: Duration,
) -> Result<(Vec<u8>, ExitStatus), Failure> {
    let limit = Limits::DEFAULT.bytes;
    let start = Instant::now();
    let mut is_told = false;
    let mut step = Duration::from_millis(50);
    let mut output: Option<Vec<u8>> = None;
    loop {
        if output.is_none() {
            match stdout.recv_timeout(step) {
                Ok(bytes) if bytes.len() as u64 > limit => return Err(Failure::TooMuch(limit)),
                Ok(bytes) => output = Some(bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => output = Some(Vec::new()),
            }
        }
        // As Go does: the output ends when all that hold it have closed it. To take half of it for
        // the whole could empty a build.
        if let Some(bytes) = &mut output {
            let failed = |error: io::Error| Failure::NotStarted(io_reason(&error));
            match child.try_wait().map_err(failed)? {
                Some(status) => return Ok((std::mem::take(bytes), status)),
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
        let elapsed = start.elapsed();
        if let Some(timeout) = call.timeout.filter(|timeout| elapsed >= *timeout) {
            return Err(Failure::TimedOut(timeout));
        }
        if !is_told && elapsed >= patience {
            is_told = true;
            step = Duration::from_millis(200);
            if let Some(notify) = call.notify {
                let waited = seconds(Duration::from_secs(elapsed.as_secs()));
                notify(&format!(
                    "waiting for {}, {waited} so far (Ctrl-C gives up)",
                    call.name
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8], timeout: Option<Duration>) -> Result<Finished, Failure> {
        let call = Call {
            name: "it",
            input,
            stderr: Stderr::Capture,
            timeout,
            notify: None,
        };
        run(Command::new("sh").args(["-c", script]), &call)
    }

    #[test]
    fn programs_are_run_to_their_end() {
        let done = shell("cat; echo oops >&2; exit 3", b"in", None).unwrap();
        assert_eq!(done.status.code(), Some(3));
        assert_eq!(
            (done.stdout.as_slice(), done.stderr.as_slice()),
            (&b"in"[..], &b"oops\n"[..])
        );
        assert_eq!(done.words(), "oops");
        // Neither a large input that nobody reads nor an early end of the output blocks.
        let large = vec![b'x'; 1 << 20];
        assert!(
            shell("exec <&-; echo a", &large, None)
                .unwrap()
                .status
                .success()
        );
        assert!(
            shell("exec >&-; sleep 0.1", b"", None)
                .unwrap()
                .status
                .success()
        );
        // What a program leaves in the background still prints.
        let done = shell("(sleep 0.2; echo late) & exit 0", b"", None).unwrap();
        assert_eq!(done.stdout, b"late\n");
    }

    #[test]
    fn somebody_is_told_of_a_long_wait() {
        static TOLD: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
        let call = Call {
            name: "function `./slow`",
            input: b"",
            stderr: Stderr::Capture,
            timeout: None,
            notify: Some(|line| TOLD.lock().unwrap().push(line.to_owned())),
        };
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 0.5"]);
        run_patiently(&mut command, &call, Duration::from_millis(100)).unwrap();
        let told = TOLD.lock().unwrap();
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("waiting for function `./slow`, "),
            "{told:?}"
        );
        assert_eq!(indented("a\n\nb \n"), "a\n      b");
    }

    #[test]
    fn programs_are_bounded() {
        let limit = Duration::from_millis(200);
        assert_eq!(
            shell("sleep 30", b"", Some(limit)).unwrap_err(),
            Failure::TimedOut(limit)
        );
        let much = shell("exec cat /dev/zero", b"", None).unwrap_err();
        assert_eq!(much, Failure::TooMuch(Limits::DEFAULT.bytes));
        assert_eq!(much.to_string(), "more than 64 MiB of output");
        let call = Call {
            name: "it",
            input: b"",
            stderr: Stderr::Inherit,
            timeout: None,
            notify: None,
        };
        let missing = run(&mut Command::new("/no/such/program"), &call).unwrap_err();
        assert!(matches!(missing, Failure::NotStarted(_)), "{missing}");
    }
}
