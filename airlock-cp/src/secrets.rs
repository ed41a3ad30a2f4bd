//! Texts that we give out once and keep as SHA-256: session cookies, tokens, codes, links in mails.
//!
//! Each has 256 random bits, so that a plain digest cannot be searched; a prefix says to people and secret scanners what it is.

use airlock_core::crypto::sha256;
use airlock_core::{Host, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Characters of 32 bytes in base64url.
const BODY_CHARS: usize = 43;

/// What a text of ours begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// A browser's session cookie, and the seed of forms before sign-in.
    Login,
    /// An invitation's link.
    Invitation,
    /// A link that verifies, resets or changes.
    Mail,
    /// A personal access token.
    Pat,
    /// An authorization code.
    Code,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// A device code.
    Device,
    /// The token of a dynamically registered client's secret.
    ClientSecret,
}

impl Prefix {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "cs_",
            Self::Invitation => "inv_",
            Self::Mail => "ml_",
            Self::Pat => "airpat_",
            Self::Code => "ac_",
            Self::Access => "at_",
            Self::Refresh => "rt_",
            Self::Device => "dc_",
            Self::ClientSecret => "ocs_",
        }
    }

    /// A fresh text.
    pub(crate) fn mint(self, host: &dyn Host) -> Secret<String> {
        let mut random = [0; 32];
        host.random(&mut random);
        self.text(&random)
    }

    /// The text of these 32 bytes.
    pub(crate) fn text(self, bytes: &[u8; 32]) -> Secret<String> {
        Secret::new(format!("{}{}", self.as_str(), URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The digest by which a shown text is looked up; `None` if the text can be none of ours.
    pub(crate) fn digest_of(self, shown: &str) -> Option<[u8; 32]> {
        let body = shown.strip_prefix(self.as_str())?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (body.len() == BODY_CHARS && body.bytes().all(plain)).then(|| digest(shown))
    }
}

/// SHA-256 of a text.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    sha256(&[text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[test]
    fn a_text_is_known_by_its_digest_and_only_in_its_own_shape() {
        let text = Prefix::Pat.mint(&SystemHost::new());
        let text = text.expose();
        assert!(text.starts_with("airpat_") && text.len() == 7 + 43, "{text}");
        assert_eq!(Prefix::Pat.digest_of(text), Some(digest(text)));
        assert_eq!(Prefix::Access.digest_of(text), None);
        for other in ["", "airpat_", &text[..49], &format!("{text}x"), &text.replace('_', "~")] {
            assert_eq!(Prefix::Pat.digest_of(other), None, "{other}");
        }
    }
}
