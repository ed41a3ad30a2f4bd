//! The person at the keyboard: what they type, line by line, while other things go on.

use std::io::{BufRead as _, IsTerminal as _};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::output::Output;

/// Lines that are held; whoever types more than that waits.
const LINES_MAX: usize = 16;
/// Time in which lines that the terminal holds already get here.
const SETTLE: Duration = Duration::from_millis(100);

/// Whoever types. Made when there is something to ask.
#[derive(Debug)]
pub(super) struct Person {
    lines: mpsc::Receiver<String>,
    is_terminal: bool,
    output: Output,
}

impl Person {
    /// Listens to standard input from now on.
    pub(super) fn listen(output: Output) -> Self {
        let (send, lines) = mpsc::channel(LINES_MAX);
        // A read of a terminal cannot be called off: the thread ends with the program.
        thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if send.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, is_terminal: std::io::stdin().is_terminal(), output }
    }

    /// Shows a question. What was typed before it was there is no answer to it.
    pub(super) async fn put(&mut self, question: &str) {
        if self.is_terminal {
            tokio::time::sleep(SETTLE).await;
            while self.lines.try_recv().is_ok() {}
        }
        self.output.say(question);
        self.output.prompt();
    }

    /// The next line, without its spaces; `None` when there is nobody any more. Dropping it loses nothing.
    pub(super) async fn line(&mut self) -> Option<String> {
        self.lines.recv().await.map(|line| line.trim().to_owned())
    }

    /// Whether nobody types any more, and all that was typed was taken.
    pub(super) fn is_gone(&self) -> bool {
        self.lines.is_closed() && self.lines.is_empty()
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, question: &str) -> Option<String> {
        self.put(question).await;
        self.line().await
    }
}

/// Whether a word is a yes.
pub(super) fn is_yes(word: &str) -> bool {
    word.eq_ignore_ascii_case("y") || word.eq_ignore_ascii_case("yes")
}
