//! Server-sent events out of the bytes of an answer.
//!
//! Source: WHATWG HTML, "Server-sent events", 9.2.6; without `retry`, which this gateway does not send.

use bytes::{Buf as _, BytesMut};

use crate::transport::ANSWER_BYTES_MAX;

/// One event: what happened, and the name to go on from. What it says in full is in the inbox as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// A word of the protocol, such as `approval.request`.
    pub(super) kind: String,
    /// The message's name, where it has one.
    pub(super) id: Option<String>,
}

/// A line or an event longer than any message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Reads events. A value: bytes go in as they come, events come out.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    held: BytesMut,
    /// How far `held` was looked through for the end of a line.
    looked: usize,
    event: Event,
    /// Whether there was anything but comments since the last event.
    has_any: bool,
}

impl EventReader {
    /// Takes in a piece of the answer.
    pub(super) fn handle(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        if self.held.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(TooLong);
        }
        self.held.extend_from_slice(piece);
        Ok(())
    }

    /// The next event, if all of it is here.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        while let Some(at) = self.held[self.looked..].iter().position(|byte| *byte == b'\n') {
            let line = self.held.split_to(self.looked + at);
            self.held.advance(1);
            self.looked = 0;
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if let Some(event) = self.line(line) {
                return Some(event);
            }
        }
        self.looked = self.held.len();
        None
    }

    fn line(&mut self, line: &[u8]) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_any).then_some(event);
        }
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = (&line[..at], line.get(at + 1..).unwrap_or_default());
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = || String::from_utf8_lossy(&value[..value.len().min(WORD_BYTES_MAX)]).into_owned();
        match name {
            b"event" => self.event.kind = text(),
            // One with a zero in it is none.
            b"id" if !value.contains(&0) && value.len() <= WORD_BYTES_MAX => self.event.id = Some(text()),
            b"data" => {}
            _ => return None,
        }
        self.has_any = true;
        None
    }
}

/// Of a kind or a name.
const WORD_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<(String, Option<String>)> {
        let (mut reader, mut events) = (EventReader::default(), Vec::new());
        for piece in pieces {
            reader.handle(piece).unwrap();
            events.extend(std::iter::from_fn(|| reader.poll_event()).map(|event| (event.kind, event.id)));
        }
        events
    }
    fn event(kind: &str, id: Option<&str>) -> (String, Option<String>) {
        (kind.to_owned(), id.map(str::to_owned))
    }

    #[test]
    fn events_are_read_however_their_bytes_are_cut() {
        let text = b": hello\n\nevent: approval.request\nid: msg-1\ndata: {\"a\":\ndata: 1}\n\nevent:ping\r\ndata: {}\r\n\r\nid: 2\n\n";
        let expected = [event("approval.request", Some("msg-1")), event("ping", None), event("", Some("2"))];
        assert_eq!(read(&[text]), expected);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&bytes), expected);
        for at in 0..text.len() {
            assert_eq!(read(&[&text[..at], &text[at..]]), expected);
        }
    }

    #[test]
    fn what_is_odd_ends_nothing() {
        assert_eq!(read(&[b"\n\n:x\n\nretry: 5\n\nnonsense\n\n"]), []);
        assert_eq!(read(&[b"event: a\nid: \0x\n\n"]), [event("a", None)]);
        assert_eq!(read(&[b"event: \xff\ndata\n\nevent: half"]), [event("\u{fffd}", None)]);
        assert_eq!(
            read(&[&[b"id: ".as_slice(), &[b'x'; 300], b"\n\nevent: b\n\n"].concat()]),
            [event("b", None)]
        );
    }

    #[test]
    fn what_never_ends_is_not_held_for_ever() {
        let mut reader = EventReader::default();
        let piece = vec![b'x'; 1 << 20];
        assert!((0..4).all(|_| reader.handle(&piece).is_ok() && reader.poll_event().is_none()));
        assert_eq!(reader.handle(b"x"), Err(TooLong));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fail_or_lose_what_comes_after(noise in proptest::collection::vec(0u8.., 0..200)) {
            let mut reader = EventReader::default();
            reader.handle(&noise).unwrap();
            while reader.poll_event().is_some() {}
            reader.handle(b"\n\nevent: last\n\n").unwrap();
            let last = std::iter::from_fn(|| reader.poll_event()).last().unwrap();
            proptest::prop_assert_eq!(last.kind, "last");
        }
    }
}
