//! Yes or no, in the two words that signatures cover.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a person or a standing rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The act may be done.
    Approve,
    /// It may not.
    Reject,
}

/// The text is neither `approve` nor `reject`, letter for letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decision: approve or reject")]
pub struct UnknownVerdict;

impl Verdict {
    /// The word as it is sent and signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    /// Reads the exact word: `Approve` and `allow` are none, because the signature covers what was sent.
    fn from_str(text: &str) -> Result<Self, UnknownVerdict> {
        match text {
            "approve" => Ok(Self::Approve),
            "reject" => Ok(Self::Reject),
            _ => Err(UnknownVerdict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_words_are_read() {
        assert_eq!("approve".parse(), Ok(Verdict::Approve));
        assert_eq!("reject".parse(), Ok(Verdict::Reject));
        for other in
            ["", "Approve", "APPROVE", "approve ", " approve", "approved", "allow", "deny", "true", "аpprove"]
        {
            assert_eq!(other.parse::<Verdict>(), Err(UnknownVerdict), "{other:?}");
            assert!(serde_json::from_value::<Verdict>(other.into()).is_err(), "{other:?}");
        }
    }
}
