//! An API key as text: `ak_live_` + 8 characters by which it is looked up + `_` + 43 that only its holder knows.

use airlock_core::id::Kid;
use airlock_core::{Host, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const PREFIX: &str = "ak_live_";

/// A random public part: 8 lower-case letters or digits.
pub(crate) fn handle(host: &dyn Host) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut out = String::with_capacity(8);
    while out.len() < 8 {
        let mut bytes = [0u8; 16];
        host.random(&mut bytes);
        // 252 = 7 · 36: the rest would favour some letters.
        let fair = bytes.into_iter().filter(|b| *b < 252);
        out.extend(fair.map(|b| char::from(LETTERS[usize::from(b % 36)])).take(8 - out.len()));
    }
    out
}

/// A random secret part: 43 characters of base64url over 32 random bytes.
pub(crate) fn secret_part(host: &dyn Host) -> zeroize::Zeroizing<String> {
    let mut bytes = zeroize::Zeroizing::new([0u8; 32]);
    host.random(bytes.as_mut());
    zeroize::Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}

/// Splits `<prefix><handle>_<secret>`; `None` if the text has not exactly this form. Does no cryptography.
pub(crate) fn parse<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(prefix)?;
    if rest.len() != 8 + 1 + 43 || !rest.is_ascii() {
        return None;
    }
    let (handle, secret) = rest.split_at(8);
    let secret = secret.strip_prefix('_')?;
    let lower = handle.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let url_safe = secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (lower && url_safe).then_some(handle)
}

/// A new key: its public part and its whole text, which is shown once.
pub(crate) fn generate(host: &dyn Host) -> (Kid, Secret<String>) {
    let kid = handle(host);
    let text = format!("{PREFIX}{kid}_{}", secret_part(host).as_str());
    (kid.parse().expect("a handle is a key id"), Secret::new(text))
}

/// The key id in what looks like an API key.
pub fn kid_of(text: &str) -> Option<Kid> {
    parse(text, PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use airlock_core::runtime::SystemHost;

    #[test]
    fn a_new_key_parses_and_is_never_the_same() {
        let host = SystemHost::new();
        let (kid, text) = generate(&host);
        assert_eq!(text.expose().len(), 8 + 8 + 1 + 43);
        assert_eq!(kid_of(text.expose()), Some(kid.clone()));
        assert_ne!(generate(&host).0, kid);
    }

    #[test]
    fn anything_else_is_no_key() {
        let good = format!("ak_live_a1b2c3d4_{}", "x".repeat(43));
        assert!(kid_of(&good).is_some());
        for bad in [
            String::new(),
            "ak_live_".into(),
            good.replace("ak_live", "ak_dead"),
            good.replace("a1b2", "A1B2"),
            format!("{good}x"),
            good[..good.len() - 1].to_owned(),
            good.replace("d4_", "d4-"),
            good.replace('x', "é"),
            good.replacen('x', "\0", 1),
            "x".repeat(1 << 20),
        ] {
            assert_eq!(kid_of(&bad), None);
        }
    }
}
