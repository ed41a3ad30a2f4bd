//! Canonical JSON: one text for one value, so that it can be hashed.

use serde::Serialize;

/// The value has no canonical form: a number outside IEEE 754 double, or a map key that is no string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value has no canonical JSON form")]
pub struct NotCanonical;

/// The JSON Canonicalization Scheme's form of `value`.
///
/// # Errors
/// [`NotCanonical`] if the value cannot be written in it.
///
/// Source: RFC 8785.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| NotCanonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_by_utf_16_and_numbers_written_as_ecmascript_does() {
        // RFC 8785, section 3.2.2 and 3.2.3.
        let value: serde_json::Value = serde_json::from_str(
            r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"literals":[null,true,false],"\u20ac":"Euro","\r":"CR","1":"One","\ud83d\ude00":"smile","\ufb33":"dalet"}"#,
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(canonical_json(&value).unwrap()).unwrap(),
            "{\"\\r\":\"CR\",\"1\":\"One\",\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"€\":\"Euro\",\"😀\":\"smile\",\"\u{fb33}\":\"dalet\"}"
        );
    }
}
