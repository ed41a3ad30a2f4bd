//! The consent page: whose yes counts, and who may frame it.

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use http::{HeaderMap, HeaderName, Method};

use crate::harness::{Answer, Cp};
use crate::oauth::harness::{ADA, CALLBACK, PUBLIC, Pairs, World};

async fn ask(cp: &Cp, method: Method, path: &str, headers: &[(HeaderName, String)], body: String) -> Answer {
    let mut request = crate::harness::request(method, path, None);
    *request.body_mut() = body.into();
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(name, value.parse().unwrap());
    }
    all.insert("accept", "text/html".parse().unwrap());
    request.headers_mut().remove(CONTENT_TYPE);
    request.headers_mut().extend(all);
    cp.send(request).await
}

fn encoded(pairs: &Pairs) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[tokio::test]
async fn only_the_persons_own_yes_on_our_own_page_counts() {
    let world = World::fresh().await;
    let cp = &world.cp;
    let (ada, other) = (world.browser(ADA).await, world.browser(ADA).await);
    let csrf = |cookie: &str| airlock_cp::identity::Logins::csrf_token(cookie.split_once('=').unwrap().1);
    let origin = cp.app.config().origin().to_owned();
    let form = "application/x-www-form-urlencoded";
    let said = |csrf: Option<&str>, decision: &str| {
        let mut pairs = world.request(PUBLIC);
        pairs.push(("decision".to_owned(), decision.to_owned()));
        pairs.extend(csrf.map(|csrf| ("csrf".to_owned(), csrf.to_owned())));
        encoded(&pairs)
    };
    let good = said(Some(&csrf(&ada)), "allow");
    let (no_token, others, twice) =
        (said(None, "allow"), said(Some(&csrf(&other)), "allow"), format!("{good}&csrf=x"));
    let pat = world.pat(ADA).await;
    let cookie = |cookie: &str| (COOKIE, cookie.to_owned());
    let kind = |kind: &str| (CONTENT_TYPE, kind.to_owned());
    let from = |origin: &str| (ORIGIN, origin.to_owned());
    let site = |site: &str| (HeaderName::from_static("sec-fetch-site"), site.to_owned());
    // T-140
    for (source, headers, body) in [
        ("RFC 6749 10.12: no token", vec![cookie(&ada), kind(form), from(&origin)], &no_token),
        ("RFC 6749 10.12: another session's token", vec![cookie(&ada), kind(form), from(&origin)], &others),
        ("RFC 6749 10.12: two tokens", vec![cookie(&ada), kind(form), from(&origin)], &twice),
        ("RFC 6749 10.12: no session", vec![kind(form), from(&origin)], &good),
        (
            "RFC 6749 10.12: another origin",
            vec![cookie(&ada), kind(form), from("https://evil.example")],
            &good,
        ),
        ("RFC 6749 10.12: no origin that could be ours", vec![cookie(&ada), kind(form), from("null")], &good),
        (
            "RFC 6749 10.12: the client's own origin",
            vec![cookie(&ada), kind(form), from("https://app.example")],
            &good,
        ),
        ("RFC 6749 10.12: another site", vec![cookie(&ada), kind(form), site("cross-site")], &good),
        ("RFC 6749 10.12: a neighbour's site", vec![cookie(&ada), kind(form), site("same-site")], &good),
        ("RFC 6749 10.12: plain text", vec![cookie(&ada), kind("text/plain"), from(&origin)], &good),
        ("RFC 6749 10.12: JSON", vec![cookie(&ada), kind("application/json"), from(&origin)], &good),
        ("RFC 6749 10.12: no kind", vec![cookie(&ada), from(&origin)], &good),
        (
            "RFC 6749 10.12: a personal access token",
            vec![(AUTHORIZATION, format!("Bearer {pat}")), kind(form)],
            &good,
        ),
        (
            "RFC 6749 10.12: the operator token",
            vec![(AUTHORIZATION, format!("Bearer {}", crate::harness::TOKEN)), kind(form)],
            &good,
        ),
    ] {
        let answer = ask(cp, Method::POST, "/authorize", &headers, body.clone()).await;
        assert_eq!(answer.status, 403, "{source}: {:?}", answer.headers);
        assert!(!answer.headers.contains_key("location"), "{source}");
    }
    // A link says nothing, and neither does a form that says neither.
    for (source, method, path, body, status) in [
        ("RFC 6749 10.12: a link", Method::GET, format!("/authorize?{good}"), String::new(), 200),
        (
            "RFC 6749 10.12: a link to the other name",
            Method::GET,
            format!("/mcp/authorize?{good}"),
            String::new(),
            200,
        ),
        (
            "RFC 6749 10.12: a form to the other name",
            Method::POST,
            "/mcp/authorize".to_owned(),
            good.clone(),
            405,
        ),
        (
            "RFC 6749 10.12: parameters in the address",
            Method::POST,
            format!("/authorize?{good}"),
            String::new(),
            403,
        ),
        ("no decision", Method::POST, "/authorize".to_owned(), said(Some(&csrf(&ada)), ""), 422),
        ("another decision", Method::POST, "/authorize".to_owned(), said(Some(&csrf(&ada)), "ALLOW"), 422),
    ] {
        let answer = ask(cp, method, &path, &[cookie(&ada), kind(form), from(&origin)], body).await;
        assert_eq!(answer.status.as_u16(), status, "{source}");
        assert!(!answer.headers.contains_key("location"), "{source}");
    }
    assert_eq!(world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM auth_codes").await, "0");
    // The page itself cannot be framed or kept, and its form leads to us and the client only (RFC 9700, 4.16).
    let page = ask(
        cp,
        Method::GET,
        &format!("/authorize?{}", encoded(&world.request(PUBLIC))),
        &[cookie(&ada)],
        String::new(),
    )
    .await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self' https://app.example;",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    for (name, value) in
        [("x-frame-options", "DENY"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
    {
        assert_eq!(page.headers[name], value);
    }
    // And the yes that counts, counts.
    let answer = ask(cp, Method::POST, "/authorize", &[cookie(&ada), kind(form), from(&origin)], good).await;
    assert_eq!(answer.status, 303);
    assert!(answer.headers["location"].to_str().unwrap().starts_with(&format!("{CALLBACK}?code=ac_")));
}
