//! A sealed payload as it travels: strings that the gateway stores and relays and never decodes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What one side of a pairing sealed for the other. Members that we do not know are kept and sent on.
///
/// `Debug` shows sizes only: with the algorithm `none`, which some programs use, the data is the plaintext.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ciphertext {
    /// Name of the algorithm: `AES-256-GCM` in ours.
    pub alg: String,
    /// The sealed bytes as base64.
    pub data: String,
    /// The nonce as base64; 12 bytes in ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The tag as base64; 16 bytes in ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Associated data as base64; none in ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aad: Option<String>,
    /// Whatever else the sender put there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl std::fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ciphertext({} bytes as text)", self.data.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_absent_unknown_members_stay_and_nothing_is_printed() {
        let text = r#"{"alg":"none","data":"planted","nonce":null,"tag":null,"aad":null,"kid":{"a":[1]}}"#;
        let sealed: Ciphertext = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_string(&sealed).unwrap(),
            r#"{"alg":"none","data":"planted","kid":{"a":[1]}}"#
        );
        assert!(!format!("{sealed:?}").contains("planted"));
    }

    #[test]
    fn what_lacks_a_part_or_names_one_twice_is_refused() {
        for text in [
            r#"{"alg":"a"}"#,
            r#"{"data":"d"}"#,
            r#"{"alg":null,"data":"d"}"#,
            r#"{"alg":"a","data":7}"#,
            r#"{"alg":"a","data":"d","alg":"b"}"#,
            r#""d""#,
        ] {
            assert!(serde_json::from_str::<Ciphertext>(text).is_err(), "{text}");
        }
    }
}
