//! The bearer credential of a request, when there is one that can be a key or a token at all.
//!
//! What cannot be one never reaches the hash or the store, however often it is sent.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longest credential that is looked at: a key has 60 characters, an access token a few hundred.
const CREDENTIAL_BYTES_MAX: usize = 4096;

/// What the `Authorization` of a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    /// Nothing, or by another scheme than ours.
    Nothing,
    /// A bearer that cannot be read as one, or more than one header: those between may have gone by the other.
    Malformed,
    /// A credential.
    Credential(&'a str),
}

/// Reads the `Authorization` of a request.
pub(super) fn of(headers: &HeaderMap) -> Shown<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Shown::Nothing,
        (Some(value), None) => value.as_bytes(),
        (Some(_), Some(_)) => return Shown::Malformed,
    };
    let (scheme, credential) = match value.iter().position(|b| *b == b' ') {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => (value, &[][..]),
    };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Shown::Nothing;
    }
    let token68 = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
    let valid = (1..=CREDENTIAL_BYTES_MAX).contains(&credential.len()) && credential.iter().all(token68);
    match std::str::from_utf8(credential) {
        Ok(credential) if valid => Shown::Credential(credential),
        _ => Shown::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&[u8]], expected: Shown<'_>) {
        let headers: HeaderMap =
            values.iter().map(|v| (AUTHORIZATION, http::HeaderValue::from_bytes(v).unwrap())).collect();
        assert_eq!(of(&headers), expected);
    }

    #[test]
    fn one_header_one_scheme_one_token() {
        use Shown::{Credential, Malformed, Nothing};
        check(&[b"Bearer ak_live_abc"], Credential("ak_live_abc"));
        check(&[b"bearer at_abc"], Credential("at_abc"));
        check(&[b"BEARER eyJ.eyJ.x-_"], Credential("eyJ.eyJ.x-_"));
        check(&[&[b"Bearer ".as_slice(), &[b'a'; 4096]].concat()], Credential(&"a".repeat(4096)));
        check(&[], Nothing);
        check(&[b""], Nothing);
        check(&[b"Basic YTpi"], Nothing);
        check(&[b"ak_live_abc"], Nothing);
        check(&[b"Bearerak_live_abc"], Nothing);
        check(&[b"B\xc0\xafearer ak"], Nothing);
        check(&[b"Bearer"], Malformed);
        check(&[b"Bearer "], Malformed);
        check(&[b"Bearer  ak_live_abc"], Malformed);
        check(&[b"Bearer a b"], Malformed);
        check(&[b"Bearer ak", b"Bearer ak"], Malformed);
        check(&[b"Basic YTpi", b"Bearer ak"], Malformed);
        check(&[b"Bearer ak,Bearer ak"], Malformed);
        check(&[b"Bearer \xc0\xaf"], Malformed);
        check(&["Bearer ключ".as_bytes()], Malformed);
        check(&[&[b"Bearer ".as_slice(), &[b'a'; 4097]].concat()], Malformed);
        check(&[&[b"Bearer ".as_slice(), &vec![b'a'; 1 << 20]].concat()], Malformed);
    }
}
