//! A program in a terminal: a pty that `script` makes, what stands on it, and a keyboard.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::passage::program::PATIENCE;

pub(super) struct Tty {
    child: Child,
    keys: Option<ChildStdin>,
    lines: Receiver<String>,
    screen: String,
}

impl Tty {
    /// Runs what `command` says, `script` being its program, at a terminal.
    pub(super) fn start(command: &mut Command, line: &str) -> Self {
        // In the shell's place: a shell that waits would take Ctrl-C for its own end.
        command.args(["-qfec", &format!("exec {line}"), "/dev/null"]).env("TERM", "xterm-256color");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("util-linux has `script`");
        let (send, lines) = channel();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while out.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self { keys: child.stdin.take(), child, lines, screen: String::new() }
    }

    /// The next line that has this.
    #[track_caller]
    pub(super) fn line(&mut self, what: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.screen.push_str(&line);
                    if line.contains(what) {
                        return line.trim_end().to_owned();
                    }
                }
                Err(why) => panic!("no {what}: {why}; on the screen:\n{}", self.screen),
            }
        }
    }
    /// The lines from here on up to one that is wanted, that one among them.
    #[track_caller]
    pub(super) fn lines_until(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| wanted(line)) {
            lines.push(self.line(""));
        }
        lines
    }
    /// The last word of that line.
    #[track_caller]
    pub(super) fn word(&mut self, what: &str) -> String {
        self.line(what).rsplit(' ').next().unwrap().to_owned()
    }
    pub(super) fn types(&mut self, keys: &str) {
        let keyboard = self.keys.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).unwrap();
    }
    /// Waits until the program ends: its exit code, and all that stood on the screen. Nothing there steers a terminal.
    #[track_caller]
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.screen.push_str(&line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(why) => panic!("it does not end: {why}; on the screen:\n{}", self.screen),
            }
        }
        let code = self.child.wait().unwrap().code();
        let screen = std::mem::take(&mut self.screen);
        let steers =
            |c: char| (c.is_control() && !"\r\n\t".contains(c)) || "\u{202e}\u{2066}\u{200b}".contains(c);
        assert!(!screen.contains(steers), "{screen:?}");
        (code, screen)
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
