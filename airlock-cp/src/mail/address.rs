//! An e-mail address: as its owner writes it, and as it is compared.

use std::str::FromStr;

use lettre::Address;
use unicode_normalization::UnicodeNormalization as _;
use url::Host;

/// Longest address, RFC 5321.
const BYTES_MAX: usize = 254;

/// An address that mail can go to. The domain is in its ASCII form, lower case; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    text: String,
    key: String,
}

/// The text is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address such as ada@example.com, at most 254 bytes")]
pub struct NoAddress;

impl EmailAddress {
    /// As its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// As it is compared: two addresses of one key are one person's.
    pub fn key(&self) -> &str {
        &self.key
    }
    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(local, _)| local)
    }
    pub(super) fn mailbox(&self) -> Address {
        self.text.parse().expect("it was parsed when it was made")
    }
}

impl FromStr for EmailAddress {
    type Err = NoAddress;
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(NoAddress)?;
        let odd =
            |c: char| c.is_control() || c.is_whitespace() || is_invisible(c) || "\"<>(),;:\\[]%@".contains(c);
        if text.len() > BYTES_MAX || local.chars().any(|c| odd(c) && c != '%') || domain.chars().any(odd) {
            return Err(NoAddress);
        }
        let Ok(Host::Domain(domain)) = Host::parse(domain) else { return Err(NoAddress) };
        if !domain.contains('.') && domain != "localhost" {
            return Err(NoAddress);
        }
        let text = format!("{local}@{domain}");
        if text.len() > BYTES_MAX || text.parse::<Address>().is_err() {
            return Err(NoAddress);
        }
        let key = text.nfkc().collect::<String>().to_lowercase();
        // Compatibility characters can turn into what an address does not have: a second `@`, say.
        if key.matches('@').count() != 1 || key.chars().any(|c| odd(c) && !"%@".contains(c)) {
            return Err(NoAddress);
        }
        Ok(Self { text, key })
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str)>) {
        let found = text.parse::<EmailAddress>().ok();
        assert_eq!(found.as_ref().map(|a| (a.as_str(), a.key())), expected, "{text:?}");
    }

    #[test]
    fn an_address_is_kept_as_written_and_compared_folded() {
        check("ada@example.com", Some(("ada@example.com", "ada@example.com")));
        check("  Ada.L+x@EXAMPLE.com ", Some(("Ada.L+x@example.com", "ada.l+x@example.com")));
        check("ada@bücher.example", Some(("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example")));
        check("\u{212a}im@example.com", Some(("\u{212a}im@example.com", "kim@example.com")));
        check("ａda@example.com", Some(("ａda@example.com", "ada@example.com")));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "x".repeat(250));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@example.com",
            "ada@example",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada @example.com",
            "ada@exam ple.com",
            "ada\r\nBcc: eve@example.com",
            "ada@example.com\r\nBcc: x@y.z",
            "\"a b\"@example.com",
            "Ada <ada@example.com>",
            "ada@ex%61mple.com",
            "ada@example.com,eve@example.com",
            "ada\u{200b}@example.com",
            "ada\0@example.com",
            "ada@-.com",
            "a\u{ff20}b@example.com",
            &long,
        ] {
            check(bad, None);
        }
    }
}
