//! What the clients were told, and what of it must not be.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Mutex;

use super::person::{Got, Tokens};

/// What all clients were told.
#[derive(Default)]
pub(super) struct Book(Mutex<Told>);

#[derive(Clone, Default)]
pub(super) struct Told {
    /// Requests that got tokens, by name: of which client.
    pub(super) answered: BTreeMap<String, String>,
    /// Requests that nobody saw the answer of.
    pub(super) lost: BTreeSet<String>,
    /// Requests that were refused.
    pub(super) refused: BTreeSet<String>,
    /// What each refresh token became.
    successors: HashMap<String, Tokens>,
    /// How often a client was robbed, and the family ended.
    pub(super) robbed: usize,
    /// Families given up because the grace was over before the control plane was back.
    pub(super) late: usize,
    wrong: Vec<String>,
}

impl Book {
    /// Writes an answer down. `shown`: the refresh token that it is for.
    pub(super) fn note(&self, client: &str, name: &str, shown: Option<&str>, got: &Got) {
        let mut told = self.0.lock().unwrap();
        match got {
            Got::Lost => {
                told.lost.insert(name.to_owned());
            }
            Got::Refused(_) => {
                told.refused.insert(name.to_owned());
            }
            Got::Tokens(tokens) => {
                told.answered.insert(name.to_owned(), client.to_owned());
                let Some(shown) = shown else { return };
                let first = told.successors.entry(shown.to_owned()).or_insert_with(|| tokens.clone());
                if first != tokens {
                    told.wrong.push(format!("{name}: a refresh token of {client} has two successors"));
                }
            }
        }
    }

    pub(super) fn wrong(&self, what: String) {
        self.0.lock().unwrap().wrong.push(what);
    }
    pub(super) fn robbed(&self) {
        self.0.lock().unwrap().robbed += 1;
    }
    pub(super) fn late(&self) {
        self.0.lock().unwrap().late += 1;
    }
    pub(super) fn answers(&self) -> usize {
        self.0.lock().unwrap().answered.len()
    }
    pub(super) fn told(&self) -> Told {
        self.0.lock().unwrap().clone()
    }

    #[track_caller]
    pub(super) fn check(&self) {
        let wrong = self.0.lock().unwrap().wrong.clone();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answers with one row each, {} lost, {} thefts found out, {} families given up too late",
            self.answered.len(),
            self.lost.len(),
            self.robbed,
            self.late,
        )
    }
}
