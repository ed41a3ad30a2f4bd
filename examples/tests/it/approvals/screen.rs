//! A program that draws: a pty that `script` makes, and the screen that its bytes make.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::passage::program::PATIENCE;

pub(super) const ROWS: u16 = 30;
pub(super) const COLUMNS: u16 = 100;

pub(super) struct Screen {
    child: Child,
    keys: Option<ChildStdin>,
    drawn: Arc<(Mutex<Drawn>, Condvar)>,
}

struct Drawn {
    terminal: vt100::Parser,
    is_open: bool,
}

impl Screen {
    /// Runs a line of shell, `command` being `script`.
    pub(super) fn start(command: &mut Command, line: &str) -> Self {
        let line = format!("stty rows {ROWS} cols {COLUMNS}; {line}");
        command.args(["-qfec", &line, "/dev/null"]).env("TERM", "xterm-256color");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("util-linux has `script`");
        let drawn = Drawn { terminal: vt100::Parser::new(size(ROWS), size(COLUMNS), 0), is_open: true };
        let drawn = Arc::new((Mutex::new(drawn), Condvar::new()));
        let (mut out, to) = (child.stdout.take().unwrap(), drawn.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = out.read(&mut bytes).unwrap_or(0);
                let mut drawn = to.0.lock().unwrap();
                drawn.terminal.process(&bytes[..read]);
                drawn.is_open = read > 0;
                to.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { keys: child.stdin.take(), child, drawn }
    }

    pub(super) fn types(&mut self, keys: &str) {
        let keyboard = self.keys.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).unwrap();
    }

    /// Waits until the screen is as wanted; all of it.
    #[track_caller]
    pub(super) fn until(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        let begun = Instant::now();
        let mut drawn = self.drawn.0.lock().unwrap();
        loop {
            if wanted(drawn.terminal.screen()) {
                return drawn.terminal.screen().contents();
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(
                !left.is_zero() && drawn.is_open,
                "no {what}; on the screen:\n{}",
                drawn.terminal.screen().contents()
            );
            drawn = self.drawn.1.wait_timeout(drawn, left).unwrap().0;
        }
    }
    /// Waits for a text on it.
    #[track_caller]
    pub(super) fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contents().contains(text))
    }
    /// The first word after a text.
    #[track_caller]
    pub(super) fn word_after(&self, text: &str) -> String {
        let shown = self.until(text, |screen| word_after(&screen.contents(), text).is_some());
        word_after(&shown, text).unwrap().to_owned()
    }

    /// Presses the left button of a mouse on a text, once it stands there.
    pub(super) fn clicks(&mut self, text: &str) {
        let shown = self.shows(text);
        let (row, line) = shown.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        let column = line.split(text).next().unwrap().chars().count() + 1;
        self.types(&format!("\u{1b}[<0;{};{}M\u{1b}[<0;{};{}m", column + 1, row + 1, column + 1, row + 1));
    }

    /// Makes the terminal another size, as whoever drags a window does.
    pub(super) fn resize(&self, rows: u16, columns: u16) {
        self.drawn.0.lock().unwrap().terminal.screen_mut().set_size(size(rows), size(columns));
        self.stty(&["rows", &rows.to_string(), "cols", &columns.to_string()]);
    }
    /// What `stty` does to the terminal, or says of it.
    #[expect(clippy::disallowed_methods, reason = "the tests run the programs themselves")]
    pub(super) fn stty(&self, args: &[&str]) -> String {
        let shell = self.descendants().into_iter().find_map(|pid| {
            let terminal = std::fs::read_link(format!("/proc/{pid}/fd/0")).ok()?;
            terminal.starts_with("/dev/pts").then_some(terminal)
        });
        let out = Command::new("stty").arg("-F").arg(shell.expect("a terminal")).args(args).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }
    /// The processes below `script`, the shell first.
    pub(super) fn descendants(&self) -> Vec<u32> {
        let mut all = vec![self.child.id()];
        let mut at = 0;
        while let Some(pid) = all.get(at) {
            let children =
                std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            all.extend(children.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
            at += 1;
        }
        all.split_off(1)
    }

    /// Waits until it ends: its exit code, and the terminal as it left it.
    #[track_caller]
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let begun = Instant::now();
        let mut drawn = self.drawn.0.lock().unwrap();
        while drawn.is_open {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(
                !left.is_zero(),
                "it does not end; on the screen:\n{}",
                drawn.terminal.screen().contents()
            );
            drawn = self.drawn.1.wait_timeout(drawn, left).unwrap().0;
        }
        let screen = drawn.terminal.screen();
        assert!(
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste(),
            "the terminal was not given back"
        );
        let left = screen.contents();
        drop(drawn);
        (self.child.wait().unwrap().code(), left)
    }
}

pub(super) fn size(of: u16) -> NonZeroU16 {
    NonZeroU16::new(of).unwrap()
}

fn word_after<'a>(shown: &'a str, text: &str) -> Option<&'a str> {
    shown.split_once(text)?.1.split_whitespace().next()
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
