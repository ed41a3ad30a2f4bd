//! Messages between parent and child: two lengths, a JSON head, raw bytes. Bounded both ways, before memory is taken.

use std::io::{self, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of a message from the parent.
pub(super) const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of a message from a child.
pub(super) const REPLY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of the two lengths in front.
pub(super) const PREFIX_BYTES: usize = 8;

/// The lengths of a message's head and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    head: usize,
    body: usize,
}

impl Lengths {
    /// Reads the prefix; refuses more than `max` bytes in all.
    pub(super) fn parse(prefix: [u8; PREFIX_BYTES], max: usize) -> io::Result<Self> {
        let [a, b, c, d, e, f, g, h] = prefix;
        let read = |bytes| usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX);
        let lengths = Self { head: read([a, b, c, d]), body: read([e, f, g, h]) };
        match lengths.head.checked_add(lengths.body) {
            Some(total) if total <= max => Ok(lengths),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
    /// Bytes that follow the prefix.
    pub(super) fn total(self) -> usize {
        self.head + self.body
    }
    /// Splits what followed the prefix into the head's value and the body.
    pub(super) fn split<T: DeserializeOwned>(self, mut bytes: Vec<u8>) -> io::Result<(T, Vec<u8>)> {
        let body = bytes.split_off(self.head.min(bytes.len()));
        let head = serde_json::from_slice(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok((head, body))
    }
}

/// A whole message as bytes.
///
/// # Errors
/// If it passes `max`: nothing is sent then.
pub(super) fn encode<T: Serialize>(head: &T, body: &[&[u8]], max: usize) -> io::Result<Vec<u8>> {
    let head = serde_json::to_vec(head)?;
    let body_len: usize = body.iter().map(|part| part.len()).sum();
    if head.len() + body_len > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut out = Vec::with_capacity(PREFIX_BYTES + head.len() + body_len);
    for len in [head.len(), body_len] {
        out.extend(u32::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?.to_le_bytes());
    }
    out.extend(head);
    for part in body {
        out.extend(*part);
    }
    Ok(out)
}

/// Reads the rest of a message after its prefix.
pub(super) fn read_rest<T: DeserializeOwned>(
    from: &mut impl Read,
    lengths: Lengths,
) -> io::Result<(T, Vec<u8>)> {
    let mut bytes = vec![0; lengths.total()];
    from.read_exact(&mut bytes)?;
    lengths.split(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], max: usize) -> io::Result<(String, Vec<u8>)> {
        let (prefix, mut rest) = bytes.split_at_checked(PREFIX_BYTES).ok_or(io::ErrorKind::UnexpectedEof)?;
        let lengths = Lengths::parse(prefix.try_into().expect("eight bytes"), max)?;
        read_rest(&mut rest, lengths)
    }

    proptest::proptest! {
        #[test]
        fn what_was_encoded_is_decoded(head: String, a: Vec<u8>, b: Vec<u8>) {
            let bytes = encode(&head, &[&a, &b], 1 << 20).unwrap();
            assert_eq!(decode(&bytes, 1 << 20).unwrap(), (head, [a, b].concat()));
        }

        #[test]
        fn any_bytes_are_an_error_or_a_message_within_the_bound(bytes: Vec<u8>) {
            if let Ok((_, body)) = decode(&bytes, 64) {
                assert!(body.len() <= 64);
            }
        }
    }

    #[test]
    fn a_message_past_its_bound_is_neither_sent_nor_awaited() {
        assert!(encode(&"x", &[&[0; 100]], 50).is_err());
        let bytes = encode(&"x", &[&[0; 100]], 200).unwrap();
        assert!(decode(&bytes, 50).is_err());
        assert!(
            Lengths::parse([0xff; PREFIX_BYTES], usize::MAX - 1).is_ok_and(|l| l.total() == 0x1_ffff_fffe)
        );
    }
}
