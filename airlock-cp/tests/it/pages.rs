//! The pages at the edge: what each bears, where it sends who is not signed in, and whose forms are taken.

use airlock_core::crypto::sha256;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use http::{Method, Request};
use tower::ServiceExt as _;

use crate::apps_people::person;
use crate::harness::{Cp, TOKEN, TestStore, request};

const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; \
     require-trusted-types-for 'script'; trusted-types default";

/// An answer as a browser has it.
struct Seen {
    status: u16,
    headers: http::HeaderMap,
    html: String,
}

async fn ask(cp: &Cp, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
    let mut request = Request::builder().method(method).uri(path).header(ACCEPT, "text/html,*/*");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let (parts, body) = cp.router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Seen {
        status: parts.status.as_u16(),
        headers: parts.headers,
        html: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

impl Seen {
    fn cookie(&self) -> String {
        let set = self.headers[SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
    fn csrf(&self) -> String {
        let after = self.html.split("name=\"csrf\" value=\"").nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    }
}

const OPEN: [&str; 6] =
    ["/login", "/signup", "/forgot", "/reset?token=x", "/verify?token=x", "/no/such/path"];
const OWN: [&str; 9] = [
    "/",
    "/approvals",
    "/approvals/apps",
    "/profile",
    "/org",
    "/org/clients",
    "/org/apps",
    "/org/grants",
    "/device",
];
/// Every form of the pages, from where they are mounted: a new one cannot be forgotten.
pub(crate) fn forms() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/pages");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for route in source.split(".route(\"").skip(1) {
            let (path, rest) = route.split_once('"').unwrap();
            let handlers = rest.split([';', '\n']).next().unwrap();
            if handlers.contains("post(") {
                found.push(path.to_owned());
            }
        }
    }
    assert!(found.len() >= 40, "{found:?}");
    found.sort();
    found
}

#[tokio::test]
async fn every_page_bears_its_headers_and_is_not_kept() {
    let cp = Cp::fresh().await;
    for path in OPEN {
        let seen = ask(&cp, Method::GET, path, &[], "").await;
        assert!(seen.html.contains("<h1"), "{path}");
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(seen.headers[name], value, "{path} {name}");
        }
    }
    let style = ask(&cp, Method::GET, "/login", &[], "").await;
    let style =
        style.html.split("href=\"").find(|part| part.contains(".css")).unwrap().split('"').next().unwrap();
    let style = ask(&cp, Method::GET, style, &[], "").await;
    assert_eq!(style.headers["cache-control"], "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn who_is_not_signed_in_signs_in_first_and_comes_back_to_us_only() {
    let cp = Cp::fresh().await;
    for path in OWN {
        let seen = ask(&cp, Method::GET, path, &[], "").await;
        let to = if path == "/" {
            "/login".to_owned()
        } else {
            format!("/login?next={}", path.replace('/', "%2F"))
        };
        assert_eq!((seen.status, seen.headers[LOCATION].to_str().unwrap()), (303, to.as_str()));
    }
    let seen = ask(&cp, Method::GET, "/login?next=//evil.example", &[], "").await;
    assert!(seen.html.contains(r#"name="next" value="/""#));
}

#[tokio::test]
async fn a_program_gets_problems_and_no_pages() {
    let cp = Cp::fresh().await;
    let answer = cp.send(request(Method::GET, "/profile", None)).await;
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (401, Some("unauthorized")));
}

#[tokio::test]
async fn only_our_own_forms_with_the_sessions_token_are_taken() {
    // T-140
    let cp = Cp::fresh().await;
    let kind = (CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded");
    let door = ask(&cp, Method::GET, "/login", &[], "").await;
    let (seed, csrf) = (door.cookie(), door.csrf());
    let origin = cp.app.config().origin();
    let body = format!("csrf={csrf}&token={TOKEN}");
    let own = [kind, (COOKIE.as_str(), seed.as_str()), (ORIGIN.as_str(), origin.as_str())];
    let signed_in = ask(&cp, Method::POST, "/login/operator", &own, &body).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.html);
    let session = signed_in.cookie();
    assert!(session.starts_with("__Host-airlock_session="));
    let home = ask(&cp, Method::GET, "/", &[(COOKIE.as_str(), &session)], "").await;
    assert!(home.html.contains("Break-glass"), "{}", home.html);
    let token = format!("csrf={}", home.csrf());
    let other = format!("csrf={csrf}");
    let (cookie, ours) = ((COOKIE.as_str(), session.as_str()), (ORIGIN.as_str(), origin.as_str()));
    for path in forms() {
        let forged = [
            ("no token", vec![kind, cookie, ours], ""),
            ("another session's token", vec![kind, cookie, ours], other.as_str()),
            ("no session", vec![kind, ours], token.as_str()),
            ("another origin", vec![kind, cookie, (ORIGIN.as_str(), "https://evil.example")], token.as_str()),
            ("another site", vec![kind, cookie, ("sec-fetch-site", "cross-site")], token.as_str()),
            ("plain text", vec![(CONTENT_TYPE.as_str(), "text/plain"), cookie, ours], token.as_str()),
        ];
        for (what, headers, body) in forged {
            let seen = ask(&cp, Method::POST, &path, &headers, body).await;
            // Who is nobody, or the operator where a person is asked for, is turned away before the form is read.
            let away = seen.status == 403 || (seen.status == 303 && seen.headers[LOCATION] == "/login");
            assert!(away, "{path}: {what}: {}", seen.status);
            assert!(!seen.headers.contains_key(SET_COOKIE), "{path}: {what}");
        }
    }
    let home = ask(&cp, Method::GET, "/", &[cookie], "").await;
    assert!(home.html.contains("Break-glass"), "nothing of this signed anybody out");
    let seen = ask(&cp, Method::POST, "/logout", &[kind, cookie, ours], &token).await;
    assert_eq!(seen.status, 303);
    assert_eq!(ask(&cp, Method::GET, "/", &[cookie], "").await.status, 303, "the session is over");
}

#[tokio::test]
async fn an_approvers_page_names_the_digest_of_each_of_its_scripts() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = person(&test, "default", "member").await;
    let cookie = format!("__Host-airlock_session={}", me.cookie);
    let page = ask(&cp, Method::GET, "/approvals", &[(COOKIE.as_str(), &cookie)], "").await;
    assert_eq!(page.headers["content-security-policy"], POLICY);
    let part = |text: &str, name: &str| {
        let after = text.split(&format!("{name}=\"")).nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    };
    let mut named = Vec::new();
    for link in page.html.split("<link rel=\"modulepreload\"").skip(1) {
        let link = link.split('>').next().unwrap();
        let file = ask(&cp, Method::GET, &part(link, "href"), &[], "").await;
        let digest = format!("sha256-{}", STANDARD.encode(sha256(&[file.html.as_bytes()])));
        assert_eq!((file.status, part(link, "integrity")), (200, digest), "{link}");
        named.push(part(link, "href").rsplit_once("/js/").unwrap().1.to_owned());
    }
    // Whatever a script imports is named as well: a browser checks nothing else.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("console/js");
    let mut expected = vec!["approver-crypto.js".to_owned()];
    for file in std::fs::read_dir(folder.join("approver")).unwrap() {
        expected.push(format!("approver/{}", file.unwrap().file_name().to_str().unwrap()));
    }
    expected.retain(|file| file != "approver/worker.js");
    expected.sort();
    assert_eq!(named, expected);
    for file in &expected {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for import in text.split("from \"").skip(1) {
            let import = import.split('"').next().unwrap().trim_start_matches("../");
            let import =
                import.strip_prefix("./").map_or(import.to_owned(), |name| format!("approver/{name}"));
            assert!(expected.contains(&import) || !import.ends_with(".js"), "{file} imports {import}");
        }
        assert!(!text.contains("await import("), "{file} imports late");
    }
}

#[tokio::test]
async fn what_a_phone_installs_is_the_same_for_everybody_and_holds_nothing_of_anybody() {
    let cp = Cp::fresh().await;
    for (path, kind) in [
        ("/approvals/manifest.webmanifest", "application/manifest+json"),
        ("/approvals/worker.js", "text/javascript; charset=utf-8"),
        ("/approvals/offline", "text/html; charset=utf-8"),
    ] {
        let seen = ask(&cp, Method::GET, path, &[], "").await;
        assert_eq!((seen.status, seen.headers["content-type"].to_str().unwrap()), (200, kind), "{path}");
        assert_eq!(seen.headers["content-security-policy"], POLICY, "{path}");
        assert_eq!(seen.headers["cache-control"], "no-cache", "{path}");
        assert!(!seen.headers.contains_key(SET_COOKIE), "{path}");
        assert!(!seen.html.contains("csrf"), "{path}");
    }
    let worker = ask(&cp, Method::GET, "/approvals/worker.js", &[], "").await;
    assert_eq!(worker.headers["service-worker-allowed"], "/approvals");
    let manifest = ask(&cp, Method::GET, "/approvals/manifest.webmanifest", &[], "").await;
    let manifest: serde_json::Value = serde_json::from_str(&manifest.html).unwrap();
    for icon in manifest["icons"].as_array().unwrap() {
        let answer = cp.send(request(Method::GET, icon["src"].as_str().unwrap(), None)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (200, &icon["type"].as_str().unwrap().parse().unwrap())
        );
    }
}
