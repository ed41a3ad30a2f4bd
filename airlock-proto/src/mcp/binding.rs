//! Which snapshot a call is about: bound outside the model, or named among the tool's arguments.
//!
//! Bound outside, the model cannot be talked into another customer's snapshot: an argument may repeat it, never change it.

use airlock_core::error::{CallError, Code};
use airlock_core::id::SubjectId;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::header;
use super::params::{Meta, text};

/// The snapshot bound outside the model: by URL, by the header `Airlock-Snapshot`, by `_meta["ai.airlock/snapshot"]`.
///
/// # Errors
/// `invalid_arguments` when one of them is no snapshot id; `scope_denied` when they differ.
pub fn bound(
    url: Option<&str>,
    headers: &HeaderMap,
    meta: Option<&Meta<'_>>,
) -> Result<Option<SubjectId>, CallError> {
    let mut bound: Option<SubjectId> = None;
    let mut take = |id: SubjectId| match &bound {
        Some(other) if *other != id => {
            Err(CallError::new(Code::ScopeDenied, "the request is bound to two different snapshots"))
        }
        _ => {
            bound = Some(id);
            Ok(())
        }
    };
    if let Some(id) = url {
        take(id.parse().map_err(|_| invalid())?)?;
    }
    let mut values = headers.get_all(header::SNAPSHOT).iter();
    if let Some(value) = values.next() {
        if values.next().is_some() {
            return Err(invalid());
        }
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| invalid())?;
        take(header::unwrap(value.trim()).ok().and_then(|id| id.parse().ok()).ok_or_else(invalid)?)?;
    }
    if let Some(raw) = meta.and_then(|meta| meta.snapshot) {
        take(text(raw).and_then(|id| id.parse().ok()).ok_or_else(invalid)?)?;
    }
    Ok(bound)
}

/// The snapshot that a tool's arguments name: `snapshot_id`, or its alias `subject`.
///
/// # Errors
/// `invalid_arguments` when the arguments are no object, or name it in a way that readers may understand differently:
/// twice, by both names, or as something else than a string.
pub fn argument(arguments: &RawValue) -> Result<Option<SubjectId>, CallError> {
    #[derive(Deserialize)]
    struct Named {
        snapshot_id: Option<String>,
        subject: Option<String>,
    }
    if !arguments.get().starts_with('{') {
        return Err(CallError::new(Code::InvalidArguments, "arguments must be an object"));
    }
    let named: Named = serde_json::from_str(arguments.get()).map_err(|_| invalid())?;
    match (named.snapshot_id, named.subject) {
        (None, None) => Ok(None),
        (Some(id), None) | (None, Some(id)) => id.parse().map(Some).map_err(|_| invalid()),
        (Some(_), Some(_)) => {
            Err(CallError::new(Code::InvalidArguments, "give snapshot_id or its alias subject, not both"))
        }
    }
}

/// The snapshot that a call is about, when what is bound and what is named agree.
///
/// # Errors
/// `scope_denied` when the argument differs from what is bound.
pub fn agreed(bound: Option<&SubjectId>, named: Option<SubjectId>) -> Result<Option<SubjectId>, CallError> {
    match (bound, named) {
        (Some(bound), Some(named)) if *bound != named => {
            Err(CallError::new(Code::ScopeDenied, "this endpoint is bound to another snapshot")
                .with_hint("leave snapshot_id out"))
        }
        (Some(bound), _) => Ok(Some(bound.clone())),
        (None, named) => Ok(named),
    }
}

fn invalid() -> CallError {
    CallError::new(
        Code::InvalidArguments,
        "the snapshot id must be 1-256 bytes of text without control characters",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: Option<&str>, header: &[&str], meta: Option<&str>, expected: Result<Option<&str>, Code>) {
        let map: HeaderMap = header
            .iter()
            .map(|v| {
                (header::SNAPSHOT.parse().unwrap(), http::HeaderValue::from_bytes(v.as_bytes()).unwrap())
            })
            .collect();
        let json = meta.map(|value| format!(r#"{{"ai.airlock/snapshot":{value}}}"#));
        let meta = json.as_deref().map(|json| serde_json::from_str(json).unwrap());
        let got = bound(url, &map, meta.as_ref());
        let got = got.as_ref().map(|id| id.as_ref().map(SubjectId::expose)).map_err(|error| error.code);
        assert_eq!(got, expected);
    }

    #[test]
    fn three_ways_to_bind_and_they_must_agree() {
        check(None, &[], None, Ok(None));
        check(Some("u_42"), &[], None, Ok(Some("u_42")));
        check(None, &["u_42"], None, Ok(Some("u_42")));
        check(None, &["=?base64?dcOp?="], None, Ok(Some("ué")));
        check(None, &["ué"], None, Ok(Some("ué")));
        check(None, &[], Some("\"u_42\""), Ok(Some("u_42")));
        check(Some("u_42"), &["u_42"], Some("\"u_42\""), Ok(Some("u_42")));
        check(Some("u_42"), &["u_43"], None, Err(Code::ScopeDenied));
        check(None, &["u_42"], Some("\"u_43\""), Err(Code::ScopeDenied));
        check(None, &["u_42", "u_42"], None, Err(Code::InvalidArguments));
        check(None, &[""], None, Err(Code::InvalidArguments));
        check(None, &[], Some("42"), Err(Code::InvalidArguments));
        check(Some("a\u{0}"), &[], None, Err(Code::InvalidArguments));
    }

    #[test]
    fn an_argument_is_read_in_one_way_only() {
        #[track_caller]
        fn check(json: &str, expected: Result<Option<&str>, Code>) {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            let got = argument(&raw);
            assert_eq!(
                got.as_ref().map(|id| id.as_ref().map(SubjectId::expose)).map_err(|e| e.code),
                expected,
                "{json}"
            );
        }
        check("{}", Ok(None));
        check(r#"{"sql":"select 1","snapshot_id":"u_42"}"#, Ok(Some("u_42")));
        check(r#"{"subject":"u_42"}"#, Ok(Some("u_42")));
        check(r#"{"snapshot_id":null}"#, Ok(None));
        check(r#"{"snapshot_id":42}"#, Err(Code::InvalidArguments));
        check(r#"{"snapshot_id":"u_1","snapshot_id":"u_2"}"#, Err(Code::InvalidArguments));
        check(r#"{"snapshot_id":"u_1","subject":"u_2"}"#, Err(Code::InvalidArguments));
        check(r#"{"snapshot_id":""}"#, Err(Code::InvalidArguments));
        check("[]", Err(Code::InvalidArguments));
        check("null", Err(Code::InvalidArguments));
    }

    #[test]
    fn an_argument_may_repeat_what_is_bound_and_not_change_it() {
        let id = |text: &str| -> SubjectId { text.parse().unwrap() };
        let (u, v) = (id("u_42"), id("u_43"));
        assert_eq!(agreed(None, None).unwrap(), None);
        assert_eq!(agreed(Some(&u), None).unwrap(), Some(u.clone()));
        assert_eq!(agreed(Some(&u), Some(u.clone())).unwrap(), Some(u.clone()));
        assert_eq!(agreed(Some(&u), Some(v)).unwrap_err().code, Code::ScopeDenied);
        assert_eq!(agreed(Some(&id("caf\u{e9}")), Some(id("cafe\u{301}"))).unwrap(), Some(id("caf\u{e9}")));
    }
}
