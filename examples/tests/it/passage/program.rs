//! One running program: it ends with the test, and what it says is kept.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// For everything that takes a moment, on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Lines that are kept of one program.
const LINES_MAX: usize = 1_000;

/// Where this build's programs are.
pub(crate) fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().to_owned()
}

/// One of the programs, with nothing of this process's environment.
#[expect(clippy::disallowed_methods, reason = "the tests run the programs themselves")]
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(target().join(name));
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// A program that ends with the test.
pub(crate) struct Running {
    child: Child,
    said: Arc<Said>,
}

/// The last lines of a program, on either of its outputs.
#[derive(Default)]
struct Said {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    last: VecDeque<String>,
    /// Outputs that are still open.
    open: usize,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Said::default());
        said.lines.lock().unwrap().open = 2;
        said.follow(child.stdout.take().unwrap());
        said.follow(child.stderr.take().unwrap());
        Self { child, said }
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
    /// What it said of late.
    pub(crate) fn said(&self) -> String {
        let lines = self.said.lines.lock().unwrap();
        lines.last.iter().map(|line| format!("  {line}\n")).collect()
    }

    /// The first line for which `wanted` holds; `None` when the program ended without one.
    ///
    /// Fails when it is not said in time.
    #[track_caller]
    pub(crate) fn line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let begun = Instant::now();
        let mut lines = self.said.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.last.iter().find(|line| wanted(line)) {
                return Some(line.clone());
            }
            if lines.open == 0 {
                return None;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            if left.is_zero() {
                drop(lines);
                panic!("no {what} within {PATIENCE:?}; it said:\n{}", self.said());
            }
            lines = self.said.changed.wait_timeout(lines, left).unwrap().0;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Said {
    /// Reads to the end, so that the program never waits for a reader.
    fn follow(self: &Arc<Self>, output: impl Read + Send + 'static) {
        let said = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut lines = said.lines.lock().unwrap();
                if lines.last.len() == LINES_MAX {
                    lines.last.pop_front();
                }
                lines.last.push_back(line);
                said.changed.notify_all();
            }
            said.lines.lock().unwrap().open -= 1;
            said.changed.notify_all();
        });
    }
}
