//! What the authorization server refuses, a table for each endpoint. A row says where the rule is written, what is wrong
//! with the request, and how RFC 6749 and its kin want it refused. After each table the same request, with nothing wrong
//! with it, is let through: no refusal used anything up.

mod assertion;
mod authorize;
mod consent;
mod device;
mod register;
mod revoke;
mod token;
mod token_body;

use crate::harness::Answer;

/// What is changed in a form that is right: `name` another value, `-name` left out, `+name` there as well.
pub(super) type Change<'a> = &'a [(&'a str, &'a str)];

/// Where the rule is written, the change, the status, the word.
pub(super) type Row<'a> = (&'a str, Change<'a>, u16, &'a str);

/// The form with the change made.
fn changed(form: &[(&str, &str)], change: Change<'_>) -> Vec<(String, String)> {
    let mut out: Vec<_> = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    for (name, value) in change {
        let (bare, more) = match name.as_bytes().first() {
            Some(b'-') => (&name[1..], None),
            Some(b'+') => {
                out.push((name[1..].to_owned(), (*value).to_owned()));
                continue;
            }
            _ => (*name, Some((*value).to_owned())),
        };
        let at = out.iter().position(|(n, _)| n == bare);
        match (at, more) {
            (Some(at), Some(value)) => out[at].1 = value,
            (Some(at), None) => drop(out.remove(at)),
            (None, Some(value)) => out.push((bare.to_owned(), value)),
            (None, None) => panic!("{bare} is not there to be left out"),
        }
    }
    out
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
}

/// Refused as RFC 6749, 5.2 has it: the word and a sentence in JSON that nobody keeps, sent nowhere, nothing given.
#[track_caller]
fn refused(answer: &Answer, what: &str, status: u16, word: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.body["error"].as_str()),
        (status, Some(word)),
        "{what}: {answer:?}"
    );
    let header = |name: &str| answer.headers.get(name).map(|v| v.to_str().unwrap());
    assert_eq!(header("content-type"), Some("application/json"), "{what}");
    assert_eq!((header("cache-control"), header("pragma")), (Some("no-store"), Some("no-cache")), "{what}");
    assert_eq!((header("location"), header("set-cookie")), (None, None), "{what}");
    assert_eq!(header("retry-after").is_some(), status == 503, "{what}");
    let members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["error", "error_description"], "{what}");
    for text in [&answer.body["error"], &answer.body["error_description"]] {
        let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(text.as_str().unwrap().bytes().all(legal), "{what}: {text}");
    }
    assert!(!format!("{answer:?}").contains("s3cret"), "{what}: what was sent is not repeated: {answer:?}");
}

/// The same, without a word of HTTP authentication: RFC 6749, 5.2 wants it where the client tried that, and only there.
#[track_caller]
fn refused_plainly(answer: &Answer, what: &str, status: u16, word: &str) {
    refused(answer, what, status, word);
    assert!(!answer.headers.contains_key("www-authenticate"), "{what}");
}
