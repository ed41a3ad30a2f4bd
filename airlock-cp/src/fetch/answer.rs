//! What an answer is taken for: a document, a redirect, or nothing usable.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::{FetchError, Fetched};

/// One answer.
pub(super) enum Got {
    /// The document.
    Document(Fetched),
    /// Where else it is said to be.
    Elsewhere(String),
}

/// Reads an answer of at most so many bytes.
pub(super) async fn read(response: Response<Incoming>, bytes_max: usize) -> Result<Got, FetchError> {
    let (parts, body) = response.into_parts();
    match parts.status {
        StatusCode::OK => {}
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let to = parts.headers.get(LOCATION).and_then(|to| to.to_str().ok());
            return to.map(|to| Got::Elsewhere(to.to_owned())).ok_or(FetchError::Failed);
        }
        _ => return Err(FetchError::Failed),
    }
    // Nothing packed was asked for: what unfolds has no bound that its length tells.
    if !is_json(&parts.headers) || parts.headers.contains_key(CONTENT_ENCODING) {
        return Err(FetchError::Failed);
    }
    let body = whole(body, bytes_max).await?;
    Ok(Got::Document(Fetched { body, fresh_for: fresh_for(&parts.headers) }))
}

async fn whole(mut body: Incoming, bytes_max: usize) -> Result<Bytes, FetchError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(FetchError::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| FetchError::Failed)?.into_data() else { continue };
        if whole.len() + piece.len() > bytes_max {
            return Err(FetchError::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return false };
    let essence = one.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// What `Cache-Control` allows; `None` when it says nothing.
fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let mut fresh = None;
    let words = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    for word in words.flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase()) {
        if word == "no-store" || word == "no-cache" {
            return Some(Duration::ZERO);
        }
        if let Some(seconds) = word.strip_prefix("max-age=") {
            // A number too large to be read is as good as for ever; what is no number is not fresh (RFC 9111, 4.2.1).
            let digits = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
            let seconds = if digits { seconds.parse().unwrap_or(u64::MAX) } else { 0 };
            fresh = Some(fresh.unwrap_or(Duration::MAX).min(Duration::from_secs(seconds)));
        }
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fresh(value: &str, expected: Option<u64>) {
        let headers = [(CACHE_CONTROL, value.parse().unwrap())].into_iter().collect();
        assert_eq!(fresh_for(&headers), expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn cache_control_is_read_to_the_safe_side() {
        fresh("public, max-age=600", Some(600));
        fresh("MAX-AGE=600", Some(600));
        fresh("max-age=600, max-age=5", Some(5));
        fresh("max-age=600, no-store", Some(0));
        fresh("no-cache", Some(0));
        fresh("max-age=-1", Some(0));
        fresh("max-age=", Some(0));
        fresh("max-age=99999999999999999999", Some(u64::MAX));
        fresh("public", None);
    }

    #[track_caller]
    fn json(values: &[&str], expected: bool) {
        let headers = values.iter().map(|value| (CONTENT_TYPE, value.parse().unwrap())).collect();
        assert_eq!(is_json(&headers), expected, "{values:?}");
    }

    #[test]
    fn only_json_is_json() {
        json(&["application/json"], true);
        json(&["Application/JSON; charset=utf-8"], true);
        json(&["application/jwk-set+json"], true);
        for other in [
            "text/html",
            "application/jsonp",
            "application/json-seq",
            "text/json",
            "",
            "+json",
            "application/jsonx",
        ] {
            json(&[other], false);
        }
        json(&[], false);
        json(&["application/json", "text/html"], false);
    }
}
