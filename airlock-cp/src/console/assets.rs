//! Style, scripts and images: built in, named by the hash of them all, kept by browsers for a year.

use std::sync::Arc;

use airlock_core::Code;
use airlock_core::crypto::sha256;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use rust_embed::RustEmbed;

use crate::http::Problem;

#[derive(RustEmbed)]
#[folder = "console/"]
struct Files;

/// The path that all files of this program are under. Another program's files are under another.
pub fn root() -> Arc<str> {
    let mut all = Vec::new();
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    for name in names {
        if let Some(file) = Files::get(&name) {
            all.extend_from_slice(name.as_bytes());
            all.extend_from_slice(&file.metadata.sha256_hash());
        }
    }
    let hash = hex::encode(sha256(&[&all]));
    format!("/assets/{}", &hash[..16]).into()
}

/// A script of an approver's page, and its digest as browsers check it.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its path under the root.
    pub file: String,
    /// `sha256-…`
    pub integrity: String,
}

const WORKER: &str = "js/approver/worker.js";

/// The scripts of an approver's pages: all that touch what is decrypted.
pub(crate) fn approver_modules() -> Arc<[Module]> {
    let mut names: Vec<_> = Files::iter().filter(|name| is_approvers(name)).collect();
    names.sort();
    let module = |name: &str| {
        let hash = Files::get(name)?.metadata.sha256_hash();
        Some(Module { file: name.to_owned(), integrity: format!("sha256-{}", STANDARD.encode(hash)) })
    };
    names.iter().filter_map(|name| module(name)).collect()
}

fn is_approvers(name: &str) -> bool {
    name == "js/approver-crypto.js" || (name.starts_with("js/approver/") && name != WORKER)
}

/// The script that answers for an installed page without a connection.
pub(crate) fn worker() -> String {
    Files::get(WORKER).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// The routes of the files.
pub fn router() -> Router {
    let root = root();
    Router::new().route(
        &format!("{root}/{{*file}}"),
        get(|Path(name): Path<String>| async move { file(&name).unwrap_or_else(missing) }),
    )
}

fn missing() -> Response {
    Problem::new(Code::NotFound, "no such path").into_response()
}

fn file(name: &str) -> Option<Response> {
    let kind = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    };
    let body = match Files::get(name)?.data {
        std::borrow::Cow::Borrowed(bytes) => Body::from(bytes),
        std::borrow::Cow::Owned(bytes) => Body::from(bytes),
    };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_a_kind_and_are_kept_for_a_year() {
        for name in Files::iter() {
            let response = file(&name).unwrap_or_else(|| panic!("{name} has no kind"));
            assert!(response.headers()[CACHE_CONTROL].to_str().unwrap().ends_with("immutable"));
        }
        for none in ["", "css", "css/other.css", "../Cargo.toml", "img/../css/console.css"] {
            assert!(file(none).is_none(), "{none}");
        }
    }

    // For whoever keeps a copy, or compares what a gateway sent.
    #[test]
    fn the_published_hash_is_that_of_the_file() {
        let name = "js/approver-crypto.js";
        let hash = hex::encode(sha256(&[&Files::get(name).unwrap().data]));
        let row = format!("`airlock-cp/console/{name}` | `{hash}` |");
        assert!(include_str!("../../../docs/approvals.md").contains(&row), "docs/approvals.md lacks: {row}");
    }

    #[test]
    fn nothing_of_ours_asks_another_host_or_makes_code_of_text() {
        for name in Files::iter() {
            let file = Files::get(&name).unwrap();
            // Icons are no text.
            let Ok(text) = std::str::from_utf8(&file.data) else {
                assert!(name.ends_with(".png"), "{name}");
                continue;
            };
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for bad in [
                "http:",
                "https:",
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "@import",
            ] {
                assert!(!text.contains(bad), "{name}: {bad}");
            }
        }
    }
}
