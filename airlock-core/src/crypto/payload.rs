//! The canonical form of a payload, and the hash of it that people decide on.
//!
//! Source: the gateway's protocol, "canonical JSON": the bytes of the published Python client. It is RFC 8785 but for keys, which
//! sort by code point, and numbers: whole ones keep all their digits, others are written as Python's `repr` does. Those
//! who verify hash the bytes that they decrypted and never write them anew, because SDKs differ.

use std::collections::BTreeMap;

use super::json_text::{JsonNode, NotCanonicalPayload, read_json};
use super::{canonical_json, sha256};
use crate::approval::ArtifactHash;

/// The canonical form of a JSON text. A second writing changes nothing: the form of a form is itself.
///
/// # Errors
/// [`NotCanonicalPayload`] if the text is no JSON, or holds what has no such form.
pub fn canonical_payload(text: &str) -> Result<String, NotCanonicalPayload> {
    let node = read_json(text)?;
    let mut out = String::with_capacity(text.len());
    write(&node, &mut out);
    Ok(out)
}

/// SHA-256 of a canonical payload, which is also the plaintext that is sealed, as 64 lower-case hex digits.
pub fn artifact_hash(canonical: impl AsRef<[u8]>) -> ArtifactHash {
    hex::encode(sha256(&[canonical.as_ref()])).parse().expect("64 hex digits are a hash")
}

fn write(node: &JsonNode<'_>, out: &mut String) {
    match node {
        JsonNode::Null => out.push_str("null"),
        JsonNode::Bool(true) => out.push_str("true"),
        JsonNode::Bool(false) => out.push_str("false"),
        JsonNode::Whole("-0") => out.push('0'),
        JsonNode::Whole(digits) => out.push_str(digits),
        JsonNode::Double(value) => write_double(*value, out),
        JsonNode::Text(text) => write_text(text, out),
        JsonNode::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        JsonNode::Object(members) => write_object(members, out),
    }
}

// UTF-8 sorts as code points do, so a map of strings has the order already.
fn write_object(members: &BTreeMap<String, JsonNode<'_>>, out: &mut String) {
    out.push('{');
    for (i, (key, value)) in members.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// As Python's `repr` writes a finite double, but whole ones up to 10^15 without a fraction.
fn write_double(value: f64, out: &mut String) {
    if value.fract() == 0.0 && value.abs() <= 1e15 {
        // Through an integer, so that -0.0 is 0.
        out.push_str(&(value as i64).to_string());
        return;
    }
    let (sign, digits, exponent) = shortest(value);
    out.push_str(sign);
    match exponent {
        ..-4 | 16.. => {
            let (first, rest) = digits.split_at(1);
            out.push_str(first);
            if !rest.is_empty() {
                out.push('.');
                out.push_str(rest);
            }
            out.push_str(&format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs()));
        }
        -4..0 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', (-exponent - 1).unsigned_abs() as usize));
            out.push_str(&digits);
        }
        0..16 => {
            let whole = exponent.unsigned_abs() as usize + 1;
            if digits.len() > whole {
                out.push_str(&digits[..whole]);
                out.push('.');
                out.push_str(&digits[whole..]);
            } else {
                out.push_str(&digits);
                out.extend(std::iter::repeat_n('0', whole - digits.len()));
                out.push_str(".0");
            }
        }
    }
}

/// Sign, shortest digits that read back, and the power of ten of the first of them; of a value that is not zero.
///
/// Python takes the even one of two shortest that are equally near, as ECMAScript does and Rust's own formatting does not:
/// 1526249605433645.25 ends in .2 there and in .3 here. So the digits come from canonical JSON.
fn shortest(value: f64) -> (&'static str, String, i32) {
    let text = canonical_json(&value).expect("a finite double has a canonical form");
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().expect("ECMAScript writes a whole exponent");
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    let before_point = whole.len() as i32 - (digits.len() - significant.len()) as i32;
    (sign, significant.trim_end_matches('0').to_owned(), exponent + before_point - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(canonical_payload(text).as_deref(), Ok(expected), "{text}");
        assert_eq!(canonical_payload(expected).as_deref(), Ok(expected), "{text}, a second time");
    }

    #[test]
    fn numbers_are_written_as_the_published_client_writes_them() {
        check("[1.0, 100.0, -3.0, 0.0, -0.0, -0, 0]", "[1,100,-3,0,0,0,0]");
        check(
            "[1e15, 1.0e15, -1e15, 1000000000000000]",
            "[1000000000000000,1000000000000000,-1000000000000000,1000000000000000]",
        );
        // Above 10^15 Python's repr shows the fraction again, up to 16 digits.
        check(
            "[1000000000000001.0, 2e15, 9007199254740993.0]",
            "[1000000000000001.0,2000000000000000.0,9007199254740992.0]",
        );
        check("[1e16, 1.5e300, 12345678901234567890.0]", "[1e+16,1.5e+300,1.2345678901234567e+19]");
        check(
            "[0.1, 0.0001, 0.00001, 0.00012345, 1e-7, 5e-324]",
            "[0.1,0.0001,1e-05,0.00012345,1e-07,5e-324]",
        );
        check("[-2.5, 3.14, 123.456, 1.7976931348623157e308]", "[-2.5,3.14,123.456,1.7976931348623157e+308]");
        // Two are equally near; the even one is written.
        check("[-1526249605433645.25, 1526249605433645.75]", "[-1526249605433645.2,1526249605433645.8]");
        check("[1E2, 1e+2, 1E-2, 0e5]", "[100,100,0.01,0]");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check("-123456789012345678901234567890", "-123456789012345678901234567890");
    }

    #[test]
    fn texts_are_escaped_where_json_needs_it_and_nowhere_else() {
        check(r#""\u0000\u0008\f\n\r\t\u001f\"\\\/""#, r#""\u0000\b\f\n\r\t\u001f\"\\/""#);
        check("\"<>&\u{7f}\u{2028}\u{2029}é\"", "\"<>&\u{7f}\u{2028}\u{2029}é\"");
        check(r#""\u00e9\ud83d\ude00\u2028""#, "\"é😀\u{2028}\"");
        // Composed and decomposed letters stay two texts: nothing is normalised, so nothing is hidden.
        check(r#"["\u00e9","e\u0301"]"#, "[\"é\",\"e\u{301}\"]");
    }

    #[test]
    fn members_sort_by_code_point_and_the_last_of_two_equal_keys_stays() {
        check(r#"{"\u20ac":1,"\ud83d\ude00":2,"\uffff":3}"#, "{\"\u{20ac}\":1,\"\u{ffff}\":3,\"😀\":2}");
        check(r#"{"b":1,"a":{"z":1,"y":2},"":0,"B":3}"#, r#"{"":0,"B":3,"a":{"y":2,"z":1},"b":1}"#);
        check(r#"{"a":1,"a":{"b":1},"\u0061":2}"#, r#"{"a":2}"#);
    }

    #[test]
    fn a_hash_is_of_the_bytes_given() {
        assert_eq!(
            artifact_hash(r#"{"action":"test","value":42}"#).as_str(),
            "d3c2d7effb479ffc5085aad2144df886a452a4863396060f4e0ea29a8409d0fd"
        );
    }
}
