//! The keyboard, without the library that reads it.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key, or a text that was pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Pasted(String),
    Enter,
    Back,
    Next,
    Previous,
    Leave,
    /// Ctrl-C: in raw mode it is a key like any other.
    Stop,
}

impl Key {
    /// Of a terminal's event; `None` for what is no key, or one that means nothing here.
    pub(crate) fn of(event: Event) -> Option<Self> {
        match event {
            Event::Paste(text) => Some(Self::Pasted(text)),
            Event::Key(key) if key.kind != KeyEventKind::Release => Self::pressed(key),
            _ => None,
        }
    }

    fn pressed(key: KeyEvent) -> Option<Self> {
        let with_ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if with_ctrl => Some(Self::Stop),
            KeyCode::Char(c) if !with_ctrl && !c.is_control() => Some(Self::Char(c)),
            KeyCode::Enter => Some(Self::Enter),
            KeyCode::Backspace => Some(Self::Back),
            KeyCode::Down | KeyCode::Tab => Some(Self::Next),
            KeyCode::Up | KeyCode::BackTab => Some(Self::Previous),
            KeyCode::Esc => Some(Self::Leave),
            _ => None,
        }
    }
}
