//! The bearer key of a request, when there is one that can be a key at all.
//!
//! What cannot be one never reaches the hash, however often it is sent.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longest credential that is looked at: a key has 60 characters, an access token a few hundred.
const CREDENTIAL_BYTES_MAX: usize = 4096;

/// The credential of the one `Authorization: Bearer` header. Two headers are none: those between may have gone by the other.
pub(super) fn of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    if value.len() > CREDENTIAL_BYTES_MAX {
        return None;
    }
    let (scheme, credential) = value.to_str().ok()?.split_once(' ')?;
    let token68 = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let valid =
        scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty() && credential.bytes().all(token68);
    valid.then_some(credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&[u8]], expected: Option<&str>) {
        let headers: HeaderMap =
            values.iter().map(|v| (AUTHORIZATION, http::HeaderValue::from_bytes(v).unwrap())).collect();
        assert_eq!(of(&headers), expected);
    }

    #[test]
    fn one_header_one_scheme_one_token() {
        check(&[b"Bearer ak_live_abc"], Some("ak_live_abc"));
        check(&[b"bearer ak_live_abc"], Some("ak_live_abc"));
        check(&[], None);
        check(&[b""], None);
        check(&[b"Bearer"], None);
        check(&[b"Bearer "], None);
        check(&[b"Bearer  ak_live_abc"], None);
        check(&[b"Bearer a b"], None);
        check(&[b"Basic YTpi"], None);
        check(&[b"ak_live_abc"], None);
        check(&[b"Bearer ak", b"Bearer ak"], None);
        check(&[b"Bearer ak,Bearer ak"], None);
        check(&[b"Bearer \xc0\xaf"], None);
        check(&["Bearer ключ".as_bytes()], None);
        check(&[&[b"Bearer ".as_slice(), &vec![b'a'; 1 << 20]].concat()], None);
    }
}
