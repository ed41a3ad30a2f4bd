//! Finds entities in folded text, in time linear in its length.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::Regex;

use super::checks::{iban_length, is_iban, is_iso_date, is_luhn, is_ssn};
use crate::mask::Entity;

/// Finds one kind of entity.
#[derive(Clone, Copy)]
pub(super) struct Detector {
    pub(super) entity: Entity,
    find: fn(&str, &mut dyn FnMut(usize, usize)),
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detector({:?})", self.entity)
    }
}

impl Detector {
    pub(super) fn of(entity: Entity) -> Self {
        let find: fn(&str, &mut dyn FnMut(usize, usize)) = match entity {
            Entity::Email => email,
            Entity::Phone => phone,
            Entity::Card => card,
            Entity::Iban => iban,
            Entity::Ssn => ssn,
            Entity::Ip => ip,
            Entity::Url => url,
            Entity::Crypto => crypto,
        };
        Self { entity, find }
    }

    /// Calls `found` with each range of bytes.
    pub(super) fn find(&self, folded: &str, mut found: impl FnMut(usize, usize)) {
        (self.find)(folded, &mut found);
    }
}

macro_rules! pattern {
    ($name:ident = $pattern:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($pattern).expect("a constant pattern"));
    };
}

fn all(pattern: &Regex, text: &str, found: &mut dyn FnMut(usize, usize)) {
    for m in pattern.find_iter(text) {
        found(m.start(), m.end());
    }
}

/// Matches from every start, also inside one another.
fn overlapping<'t>(pattern: &'static Regex, text: &'t str) -> impl Iterator<Item = regex::Match<'t>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let m = pattern.find_at(text, from)?;
        // The patterns begin with an ASCII character.
        from = m.start() + 1;
        Some(m)
    })
}

/// Addresses with a plain `@` (also without a dot in the domain), with blanks around it, and with at and dot written
/// out. Letters of any script: look-alikes of Latin letters are letters.
fn email(text: &str, found: &mut dyn FnMut(usize, usize)) {
    for pattern in [&*EMAIL, &*EMAIL_SPACED, &*EMAIL_WORDS] {
        all(pattern, text, found);
    }
}

pattern!(
    EMAIL = r#"(?:[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]+|"[^"]{1,64}")@(?:\[[0-9a-z:.]+\]|[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*)"#
);
pattern!(
    EMAIL_SPACED = r"[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]+ ?(?:@|[\[({<] ?at ?[\])}>]) ?[\p{L}\p{N}_-]+(?: ?(?:\.|[\[({<] ?(?:dot|\.) ?[\])}>]| dot ) ?[\p{L}\p{N}_-]+)+"
);
pattern!(
    EMAIL_WORDS = r"[\p{L}\p{N}_.+-]+ at [\p{L}\p{N}_-]+(?: (?:dot|punkt|point|punto) [\p{L}\p{N}_-]+)+"
);

/// Seven digits or more with what people put between them. A calendar date alone is none.
fn phone(text: &str, found: &mut dyn FnMut(usize, usize)) {
    for m in PHONE.find_iter(text) {
        if !is_iso_date(m.as_str()) {
            found(m.start(), m.end());
        }
    }
}

pattern!(PHONE = r"\+?\(?[0-9](?:[ ().\-/_*~·•]{0,3}[0-9]){6,}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?");

/// 13 to 19 digits in any longer run that satisfy Luhn's formula.
fn card(text: &str, found: &mut dyn FnMut(usize, usize)) {
    for run in DIGIT_RUN.find_iter(text) {
        let digits: Vec<(usize, u8)> =
            run.as_str().bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()).collect();
        for first in 0..digits.len() {
            let longest = (13..=19)
                .rev()
                .filter_map(|length| digits.get(first..first + length))
                .find(|window| is_luhn(window.iter().map(|(_, d)| *d)));
            if let Some([(start, _), .., (end, _)]) = longest {
                found(run.start() + start, run.start() + end + 1);
            }
        }
    }
}

pattern!(DIGIT_RUN = r"[0-9](?:[ .\-_/*·]{0,2}[0-9]){12,}");

/// A known country and as many letters and digits as its account numbers have, with blanks or dashes between.
fn iban(text: &str, found: &mut dyn FnMut(usize, usize)) {
    for m in overlapping(&IBAN, text) {
        let Some(length) = iban_length(m.as_str().as_bytes()) else { continue };
        let (mut number, mut end) = (Vec::with_capacity(length), 0);
        for (at, b) in m.as_str().bytes().enumerate().filter(|(_, b)| b.is_ascii_alphanumeric()).take(length)
        {
            number.push(b);
            end = at + 1;
        }
        if is_iban(&number) {
            found(m.start(), m.start() + end);
        }
    }
}

pattern!(IBAN = r"[a-z]{2}[ -]?[0-9][ -]?[0-9](?:[ .-]{0,2}[a-z0-9]){11,30}");

fn ssn(text: &str, found: &mut dyn FnMut(usize, usize)) {
    let is_digit =
        |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit);
    for m in overlapping(&SSN, text) {
        let digits: Vec<u8> = m.as_str().bytes().filter(u8::is_ascii_digit).collect();
        if is_ssn(&digits) && !is_digit(m.start().checked_sub(1)) && !is_digit(Some(m.end())) {
            found(m.start(), m.end());
        }
    }
}

pattern!(SSN = r"[0-9]{3}[ .\-/]{0,2}[0-9]{2}[ .\-/]{0,2}[0-9]{4}");

/// IPv4, IPv6, and what has as many colons (MAC addresses).
fn ip(text: &str, found: &mut dyn FnMut(usize, usize)) {
    for m in IPV4.find_iter(text) {
        if m.as_str().split('.').all(|octet| octet.parse::<u16>().is_ok_and(|o| o <= 255)) {
            found(m.start(), m.end());
        }
    }
    for m in IPV6.find_iter(text) {
        let inner = m.as_str().trim_end_matches('.').trim_start_matches('.');
        let is_address =
            [inner, inner.trim_end_matches(':'), inner.trim_start_matches(':'), inner.trim_matches(':')]
                .iter()
                .any(|candidate| candidate.parse::<Ipv6Addr>().is_ok_and(|_| candidate.len() > 2));
        if is_address || inner.bytes().filter(|b| *b == b':').count() >= 4 {
            found(m.start(), m.end());
        }
    }
}

pattern!(IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}");
pattern!(IPV6 = r"[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*");

/// With a scheme, with `www.`, or a host and a path. Punctuation that ends a sentence stays.
fn url(text: &str, found: &mut dyn FnMut(usize, usize)) {
    for pattern in [&*URL, &*URL_BARE] {
        for m in pattern.find_iter(text) {
            let url = m.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'']);
            if !url.is_empty() {
                found(m.start(), m.start() + url.len());
            }
        }
    }
}

pattern!(
    URL = r#"(?:[a-z][a-z0-9+.\-]*:/{1,3}|www[0-9]?\.|(?:mailto|tel|sms|callto|skype|sip|xmpp|data):)[^\s<>"]+"#
);
pattern!(URL_BARE = r#"[\p{L}\p{N}][\p{L}\p{N}_-]*(?:\.[\p{L}\p{N}_-]+)+(?::[0-9]+)?[/?#][^\s<>"]*"#);

/// Bitcoin (base58 and bech32) and Ethereum addresses.
fn crypto(text: &str, found: &mut dyn FnMut(usize, usize)) {
    all(&ETHEREUM, text, found);
    all(&BECH32, text, found);
    for m in BASE58.find_iter(text) {
        if (26..=35).contains(&m.len()) && m.as_str().starts_with(['1', '2', '3', 'm', 'n']) {
            found(m.start(), m.end());
        }
    }
}

pattern!(ETHEREUM = r"0x[0-9a-f]{40,}");
pattern!(BECH32 = r"(?:bc1|tb1|bcrt1)[a-z0-9]{11,87}");
pattern!(BASE58 = r"[a-z0-9]{26,}");
