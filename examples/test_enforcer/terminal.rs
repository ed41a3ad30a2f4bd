//! The terminal: taken when the program begins, and given back however it ends.

use std::io::{self, Write};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};

/// A terminal in the program's hands. Dropped, it is as it was before; while unwinding, too.
pub(crate) struct Taken<W: Write>(W);

impl<W: Write> Taken<W> {
    pub(crate) fn take(mut out: W) -> io::Result<Self> {
        enable_raw_mode()?;
        execute!(out, EnterAlternateScreen, EnableBracketedPaste)?;
        Ok(Self(out))
    }
}

impl<W: Write> Drop for Taken<W> {
    fn drop(&mut self) {
        give_back(&mut self.0);
    }
}

/// Gives the terminal back; twice does no harm.
fn give_back(out: &mut impl Write) {
    let _ = execute!(out, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
}

/// From now on a panic gives the terminal back before it says what happened.
pub(crate) fn give_back_on_panic() {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panicked| {
        give_back(&mut io::stdout());
        say(panicked);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_back_when_the_program_unwinds() {
        struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = std::sync::Arc::default();
        let taken = Taken(Shared(std::sync::Arc::clone(&written)));
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _taken = taken;
            std::panic::resume_unwind(Box::new("planned"));
        }));
        assert!(unwound.is_err());
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "\u{1b}[?2004l\u{1b}[?1049l\u{1b}[?25h");
    }
}
