//! What an app may say of itself: its name, its pages, where codes may be sent.

use url::{Host, Url};

use super::{AppKind, AppRecord};
use crate::error::ServiceError;

const NAME_CHARS_MAX: usize = 128;
const DESCRIPTION_CHARS_MAX: usize = 2_000;
const ADDRESS_BYTES_MAX: usize = 512;
const LIST_MAX: usize = 20;

/// Lets a public app in whose requests have no origin.
pub(super) const ANY: &str = "*";

/// The app as it may be kept, or what is wrong with it.
pub(super) fn checked(mut app: AppRecord) -> Result<AppRecord, ServiceError> {
    app.name = text("name", app.name.trim(), NAME_CHARS_MAX)?;
    if app.name.is_empty() {
        return Err(ServiceError::invalid("name", "1-128 characters"));
    }
    app.description = text("description", app.description.trim(), DESCRIPTION_CHARS_MAX)?;
    app.home_page_url = app.home_page_url.filter(|page| !page.is_empty()).map(home_page).transpose()?;
    for (field, list) in [("allowed_origins", &app.allowed_origins), ("redirect_uris", &app.redirect_uris)] {
        if app.kind.is_confidential() && !list.is_empty() {
            return Err(ServiceError::invalid(field, "for Web and Mobile only"));
        }
        if list.len() > LIST_MAX || list.iter().any(|one| one.len() > ADDRESS_BYTES_MAX) {
            return Err(ServiceError::invalid(field, "at most 20, of at most 512 bytes each"));
        }
    }
    let origins = app.allowed_origins.iter().map(|one| origin(one)).collect::<Option<Vec<_>>>();
    let rule = "https://host or http://localhost, with a port if need be and no path; or `*`";
    app.allowed_origins = origins.ok_or_else(|| ServiceError::invalid("allowed_origins", rule))?;
    if app.kind == AppKind::Web && app.allowed_origins.is_empty() {
        return Err(ServiceError::invalid("allowed_origins", "a Web app has at least one"));
    }
    for uri in &app.redirect_uris {
        if !is_redirect(app.kind, uri, &app.allowed_origins) {
            let rule = "under an allowed origin, without fragment; for Mobile also a scheme with a dot, or http on loopback";
            return Err(ServiceError::invalid("redirect_uris", rule));
        }
    }
    Ok(app)
}

fn text(field: &'static str, text: &str, max: usize) -> Result<String, ServiceError> {
    let strange = |c: char| c.is_control() && !(field == "description" && c == '\n');
    if text.chars().count() > max || text.chars().any(strange) {
        let rule = format!("at most {max} characters, no control characters");
        return Err(ServiceError::invalid(field, rule));
    }
    Ok(text.to_owned())
}

fn home_page(page: String) -> Result<String, ServiceError> {
    let url = Url::parse(&page).ok().filter(|url| {
        matches!(url.scheme(), "https" | "http") && has_no_user(url) && page.len() <= ADDRESS_BYTES_MAX
    });
    url.map(String::from).ok_or_else(|| ServiceError::invalid("home_page_url", "an http or https URL"))
}

fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// An origin as browsers write it.
fn origin(written: &str) -> Option<String> {
    if written == ANY {
        return Some(ANY.to_owned());
    }
    let url = Url::parse(written).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && has_no_user(&url);
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (bare && safe).then(|| url.origin().ascii_serialization())
}

/// Whether codes may be sent there. Compared by exact text later, so it must be written as it will be asked for.
fn is_redirect(kind: AppKind, written: &str, origins: &[String]) -> bool {
    let Ok(url) = Url::parse(written) else { return false };
    if written.contains('#') || !has_no_user(&url) || !written.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    match url.scheme() {
        "https" => origins.contains(&url.origin().ascii_serialization()),
        "http" if is_loopback(&url) => {
            kind == AppKind::Mobile || origins.contains(&url.origin().ascii_serialization())
        }
        // A scheme of one's own bears one's domain (RFC 8252, 7.1).
        scheme => kind == AppKind::Mobile && scheme.contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        for (written, kept) in [
            ("https://app.example.com", Some("https://app.example.com")),
            ("https://app.example.com/", Some("https://app.example.com")),
            ("HTTPS://App.Example.com:443", Some("https://app.example.com")),
            ("https://app.example.com:8443", Some("https://app.example.com:8443")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://127.0.0.1:3000", Some("http://127.0.0.1:3000")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("*", Some("*")),
            ("http://app.example.com", None),
            ("https://*.example.com/x", None),
            ("https://app.example.com/x", None),
            ("https://app.example.com?x", None),
            ("https://app.example.com#x", None),
            ("https://user@app.example.com", None),
            ("null", None),
            ("", None),
            ("capacitor://localhost", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(origin(written).as_deref(), kept, "{written}");
        }
    }

    #[test]
    fn a_redirect_is_under_an_allowed_origin_or_the_phones_own() {
        let origins = ["https://app.example.com".to_owned(), "http://localhost:3000".to_owned()];
        for (written, web, mobile) in [
            ("https://app.example.com/callback", true, true),
            ("http://localhost:3000/callback", true, true),
            ("http://localhost:4000/callback", false, true),
            ("com.example.app:/callback", false, true),
            ("myapp:/callback", false, false),
            ("javascript:alert(1)", false, false),
            ("data:text/html,x", false, false),
            ("https://app.example.com.evil.com/callback", false, false),
            ("https://app.example.com:444/callback", false, false),
            ("https://user@app.example.com/callback", false, false),
            ("https://app.example.com/callback#x", false, false),
            ("http://app.example.com/callback", false, false),
            ("https://app.example.com/call back", false, false),
            ("/callback", false, false),
            ("", false, false),
        ] {
            assert_eq!(is_redirect(AppKind::Web, written, &origins), web, "Web {written}");
            assert_eq!(is_redirect(AppKind::Mobile, written, &origins), mobile, "Mobile {written}");
        }
    }
}
