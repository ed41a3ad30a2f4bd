//! Passwords: which are good enough, what is kept of them, whether one is right.
//!
//! No rules of composition: length, and how hard it is to guess (zxcvbn). What is kept is Argon2id.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::{Host, Secret};
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::Score;

use crate::error::ServiceError;
use crate::tenants::hashing::{Cost, Hashing, Overloaded};

const CHARS_MIN: usize = 12;
const CHARS_MAX: usize = 128;
const BYTES_MAX: usize = 1_024;
const RULE: &str = "12-128 characters, and not easy to guess: a few unrelated words are good";

/// Whether a password is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wrong,
    Right,
    /// Right, and its hash was made at an older cost.
    RightAndOld,
}

/// Hashes and checks passwords. Cloning shares the threads.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    hashing: Hashing,
    host: Arc<dyn Host>,
}

impl Passwords {
    pub(crate) fn new(keys: &Hashing, host: Arc<dyn Host>) -> Self {
        Self { hashing: keys.at_cost(&*host, Cost::PASSWORD), host }
    }

    /// How many hashes were computed.
    pub(super) fn runs(&self) -> u64 {
        self.hashing.runs()
    }

    /// The PHC string of a new password that is good enough. `known`: what guessers try first, an address and a name.
    pub(super) async fn hash_new(
        &self,
        password: &Secret<String>,
        known: &[&str],
    ) -> Result<String, ServiceError> {
        let text = composed(password);
        let count = text.expose().chars().count();
        if !(CHARS_MIN..=CHARS_MAX).contains(&count) || text.expose().len() > BYTES_MAX {
            return Err(ServiceError::invalid("password", RULE));
        }
        let inputs = words(known);
        let asked = text.clone();
        let strong = move || {
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            zxcvbn::zxcvbn(asked.expose(), &inputs).score() >= Score::Three
        };
        if !self.hashing.aside(strong).await.map_err(busy)? {
            return Err(ServiceError::invalid("password", RULE));
        }
        self.hashing.hash(&*self.host, text).await.map_err(busy)
    }

    /// Hashes a password that was right at an older cost.
    pub(super) async fn hash_again(&self, password: &Secret<String>) -> Result<String, ServiceError> {
        self.hashing.hash(&*self.host, composed(password)).await.map_err(busy)
    }

    /// Whether a password is what `phc` was made from; without `phc`, no, after the same work.
    pub(super) async fn check(
        &self,
        password: &Secret<String>,
        phc: Option<&str>,
    ) -> Result<Verdict, ServiceError> {
        // Nobody has a password that long; what is hashed stays bounded.
        let (text, phc) = match password.expose().len() {
            n if n > 4 * BYTES_MAX => (Secret::new(String::new()), None),
            _ => (composed(password), phc),
        };
        let verdict = self.hashing.matches(text, phc.map(str::to_owned), || true).await.map_err(busy)?;
        let right = verdict.is_some_and(|(matches, _seat)| matches);
        Ok(match phc {
            Some(phc) if right && self.hashing.needs_rehash(phc) => Verdict::RightAndOld,
            _ if right => Verdict::Right,
            _ => Verdict::Wrong,
        })
    }
}

// Keyboards differ in how they compose `é`.
fn composed(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().nfc().collect())
}

fn busy(_: Overloaded) -> ServiceError {
    ServiceError::TooMany { retry_after: Duration::from_secs(1) }
}

// The whole, its words, and the words run together, which zxcvbn would take for several.
fn words(known: &[&str]) -> Vec<String> {
    let mut all = vec!["airlock".to_owned()];
    for text in known {
        all.push((*text).to_owned());
        all.push(text.chars().filter(|c| c.is_alphanumeric()).collect());
        let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2);
        all.extend(parts.take(16).map(str::to_owned));
    }
    all
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    fn passwords() -> Passwords {
        let host: Arc<dyn Host> = Arc::new(SystemHost::new());
        Passwords::new(&Hashing::new(&*host), host)
    }

    #[tokio::test]
    async fn a_password_is_long_and_hard_to_guess_and_that_is_all() {
        let passwords = passwords();
        let check = async |text: &str, good: bool| {
            let made = passwords
                .hash_new(&Secret::new(text.into()), &["ada.lovelace@example.com", "Ada Lovelace"])
                .await;
            assert_eq!(made.is_ok(), good, "{text}");
        };
        check("correct horse battery staple", true).await;
        check("vqkzmwpxrhtj", true).await;
        check("Ünïcödé wörds äre fine", true).await;
        for bad in [
            "",
            "short",
            "vqkzmwpxrht",
            "passwordpassword",
            "aaaaaaaaaaaaaaaa",
            "123456789012",
            "qwertyuiopas",
        ] {
            check(bad, false).await;
        }
        for ones_own in ["ada.lovelace@example.com", "AdaLovelace12", "airlockairlock"] {
            check(ones_own, false).await;
        }
        check(&"kz".repeat(65), false).await;
    }

    #[tokio::test]
    async fn a_wrong_one_and_none_cost_the_same_and_composition_does_not_matter() {
        let passwords = passwords();
        let secret = |text: &str| Secret::new(text.to_owned());
        let phc = passwords.hash_new(&secret("caf\u{e9} corner lantern moss"), &[]).await.unwrap();
        let runs = passwords.runs();
        let check = async |text: &str, phc: Option<&str>| passwords.check(&secret(text), phc).await.unwrap();
        assert_eq!(check("cafe\u{301} corner lantern moss", Some(&phc)).await, Verdict::Right);
        assert_eq!(check("cafe corner lantern moss", Some(&phc)).await, Verdict::Wrong);
        assert_eq!(check("cafe corner lantern moss", None).await, Verdict::Wrong);
        assert_eq!(check(&"x".repeat(1 << 16), Some(&phc)).await, Verdict::Wrong);
        assert_eq!(passwords.runs(), runs + 4);
    }
}
