//! What the standard asks for and our users do not send: media types.
//!
//! The documented one-line curl says `Accept: */*`; the standard wants `application/json, text/event-stream`, both.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

/// In which form an answer may go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object.
    Json,
    /// An event stream whose one event is the answer: for a client that takes nothing else.
    EventStream,
    /// Rows as an Arrow IPC stream where there are rows; all else as JSON.
    Arrow,
}

/// The form to answer in; `None` when the client takes none of ours (HTTP 406).
///
/// JSON whenever it is acceptable: a missing header, `*/*` and `application/*` all say so. An explicit `q=0` excludes.
/// Arrow is given only to those who name it.
pub fn form(headers: &HeaderMap) -> Option<Form> {
    let mut any = false;
    let (mut json, mut events, mut arrow) = (Weight::default(), Weight::default(), false);
    for value in headers.get_all(ACCEPT) {
        any = true;
        for entry in value.to_str().unwrap_or_default().split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let range = parts.next().unwrap_or_default().to_ascii_lowercase();
            let taken = !parts.any(|part| {
                let part = part.to_ascii_lowercase();
                part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
            });
            match range.as_str() {
                "application/vnd.apache.arrow.stream" => arrow = taken,
                "application/json" => json.exact = Some(taken),
                "text/event-stream" => events.exact = Some(taken),
                "application/*" => json.family = Some(taken),
                "text/*" => events.family = Some(taken),
                "*/*" => (json.all, events.all) = (Some(taken), Some(taken)),
                _ => {}
            }
        }
    }
    match () {
        () if arrow => Some(Form::Arrow),
        () if !any || json.acceptable() => Some(Form::Json),
        () if events.acceptable() => Some(Form::EventStream),
        () => None,
    }
}

/// What ranges said about one media type; the narrowest counts (RFC 9110, 12.5.1).
#[derive(Default)]
struct Weight {
    exact: Option<bool>,
    family: Option<bool>,
    all: Option<bool>,
}

impl Weight {
    fn acceptable(&self) -> bool {
        self.exact.or(self.family).or(self.all).unwrap_or(false)
    }
}

/// Whether the body says it is JSON. Parameters such as `charset` are not looked at.
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    text.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &[&str], expected: Option<Form>) {
        let headers: HeaderMap = accept.iter().map(|v| (ACCEPT, v.parse().unwrap())).collect();
        assert_eq!(form(&headers), expected, "{accept:?}");
    }

    #[test]
    fn json_whenever_it_is_acceptable() {
        check(&[], Some(Form::Json));
        check(&["*/*"], Some(Form::Json));
        check(&["application/*"], Some(Form::Json));
        check(&["application/json"], Some(Form::Json));
        check(&["Application/JSON; charset=utf-8"], Some(Form::Json));
        check(&["application/json, text/event-stream"], Some(Form::Json));
        check(&["text/event-stream", "application/json"], Some(Form::Json));
        check(&["text/html, */*;q=0.1"], Some(Form::Json));
    }

    #[test]
    fn an_event_for_those_who_take_nothing_else() {
        check(&["text/event-stream"], Some(Form::EventStream));
        check(&["text/*"], Some(Form::EventStream));
        check(&["application/json;q=0, */*"], Some(Form::EventStream));
    }

    #[test]
    fn arrow_for_those_who_name_it() {
        check(&["application/vnd.apache.arrow.stream"], Some(Form::Arrow));
        check(&["application/vnd.apache.arrow.stream, application/json"], Some(Form::Arrow));
        check(&["application/vnd.apache.arrow.stream;q=0, */*"], Some(Form::Json));
    }

    #[test]
    fn nothing_of_ours_is_406() {
        check(&["text/html"], None);
        check(&["image/png, application/xml"], None);
        check(&["*/*;q=0"], None);
        check(&["application/json;q=0.000"], None);
        check(&[""], None);
    }

    #[test]
    fn bodies_are_json_or_refused() {
        let check = |values: &[&str], expected: bool| {
            let headers: HeaderMap = values.iter().map(|v| (CONTENT_TYPE, v.parse().unwrap())).collect();
            assert_eq!(is_json(&headers), expected, "{values:?}");
        };
        check(&["application/json"], true);
        check(&["application/json; charset=UTF-8"], true);
        check(&["APPLICATION/JSON"], true);
        check(&[], false);
        check(&["text/plain"], false);
        check(&["application/jsonp"], false);
        check(&["application/json", "text/plain"], false);
    }
}
