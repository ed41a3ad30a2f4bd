//! The guarded fetch over TLS, against real servers: whom it believes, where it follows to, what it takes.

use std::time::Duration;

use airlock_cp::fetch::{Fetch, FetchError, Fetched};
use airlock_cp::trust::Trust;
use serde_json::json;

use crate::web::{Authority, Page, Web};

const SECONDS: Duration = Duration::from_secs(5);

fn fetch(allow: &[&str], trust: Trust) -> Fetch {
    Fetch::new(&allow.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(), trust).unwrap()
}

async fn ask(fetch: &Fetch, url: &str) -> Result<Fetched, FetchError> {
    fetch.json(&url.parse().unwrap(), 1_000, SECONDS).await
}

#[tokio::test]
async fn a_document_comes_from_a_server_that_our_authority_vouches_for() {
    let authority = Authority::new();
    let web = Web::start(&authority).await;
    web.put("/c", Page::json(&json!({"a": 1})).with("cache-control", "max-age=60"));
    let by_name = fetch(&["localhost"], authority.trust());
    let got = ask(&by_name, &web.url("/c?x=1#f")).await.unwrap();
    assert_eq!((&*got.body, got.fresh_for), (r#"{"a":1}"#.as_bytes(), Some(Duration::from_secs(60))));
    let by_address = fetch(&["127.0.0.0/8"], authority.trust());
    assert!(ask(&by_address, &format!("https://{}/c", web.at)).await.is_ok());
    assert_eq!(web.asked(), ["/c?x=1", "/c"]);
    // What is not listed is not dialled, whoever vouches for it.
    let closed = fetch(&[], authority.trust());
    assert_eq!(ask(&closed, &web.url("/c")).await.unwrap_err(), FetchError::Refused);
    assert_eq!(
        ask(&by_address, &web.url("/c")).await.unwrap_err(),
        FetchError::Refused,
        "another port of a name"
    );
    assert_eq!(web.asked().len(), 2);
}

#[tokio::test]
async fn who_cannot_show_who_they_are_is_not_asked() {
    // T-034
    let (authority, other) = (Authority::new(), Authority::new());
    let ours = || fetch(&["localhost", "127.0.0.1"], authority.trust());
    for (what, certified) in [
        ("another name", authority.certificate(&["idp.example"], false)),
        ("a name that only begins alike", authority.certificate(&["localhost.evil.example"], false)),
        ("an address for a name", authority.certificate(&["127.0.0.1"], false)),
        ("its time is over", authority.certificate(&["localhost"], true)),
        ("another authority", other.certificate(&["localhost"], false)),
    ] {
        let web = Web::with(certified).await;
        web.put("/c", Page::json(&json!({})));
        assert_eq!(ask(&ours(), &web.url("/c")).await.unwrap_err(), FetchError::Failed, "{what}");
        assert!(web.asked().is_empty(), "{what}");
    }
    let web = Web::start(&authority).await;
    web.put("/c", Page::json(&json!({})));
    let strangers = fetch(&["localhost"], Trust::default());
    assert_eq!(ask(&strangers, &web.url("/c")).await.unwrap_err(), FetchError::Failed, "only the system's");
    assert!(web.asked().is_empty());
    assert!(ask(&ours(), &web.url("/c")).await.is_ok());
}

#[tokio::test]
async fn redirects_over_tls_are_judged_anew_and_stay_within_the_origin() {
    let authority = Authority::new();
    let (web, other) = (Web::start(&authority).await, Web::start(&authority).await);
    let fetch = fetch(&["localhost", "127.0.0.1"], authority.trust());
    web.put("/c", Page::json(&json!({"at": "the end"})));
    web.put("/1", Page::moved("/2"));
    web.put("/2", Page::moved(&web.url("/3")).status(308));
    web.put("/3", Page::moved("c").status(301));
    let got = ask(&fetch, &web.url("/1")).await.unwrap();
    assert_eq!(&*got.body, r#"{"at":"the end"}"#.as_bytes());
    assert_eq!(web.asked(), ["/1", "/2", "/3", "/c"]);
    web.put("/0", Page::moved("/1"));
    assert_eq!(ask(&fetch, &web.url("/0")).await.unwrap_err(), FetchError::Failed, "four are too many");

    let (port, plain) = (web.at.port(), format!("http://localhost:{}/c", web.at.port()));
    for to in [
        other.url("/c"),
        format!("https://127.0.0.1:{port}/c"),
        format!("https://localhost.:{port}/c"),
        plain,
        "https://localhost/c".to_owned(),
        format!("https://user@localhost:{port}/c"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        format!("//[::1]:{port}/c"),
        format!("\\\\127.0.0.1:{port}\\c"),
        "file:///etc/passwd".to_owned(),
    ] {
        web.put("/away", Page::moved(&to));
        assert_eq!(ask(&fetch, &web.url("/away")).await.unwrap_err(), FetchError::Refused, "{to}");
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn what_is_too_large_too_slow_or_no_document_is_not_taken() {
    let authority = Authority::new();
    let web = Web::start(&authority).await;
    let fetch = fetch(&["localhost"], authority.trust());
    web.put("/large", Page::text("application/json", &"x".repeat(1_001)));
    web.put("/html", Page::text("text/html", "{}"));
    web.put("/gone", Page::json(&json!({})).status(410));
    web.put("/packed", Page::json(&json!({})).with("content-encoding", "gzip"));
    web.put("/slow", Page::json(&json!({})).hanging());
    assert_eq!(ask(&fetch, &web.url("/large")).await.unwrap_err(), FetchError::TooLarge);
    for path in ["/html", "/gone", "/packed", "/none"] {
        assert_eq!(ask(&fetch, &web.url(path)).await.unwrap_err(), FetchError::Failed, "{path}");
    }
    let slow = fetch.json(&web.url("/slow").parse().unwrap(), 1_000, Duration::from_millis(200)).await;
    assert_eq!(slow.unwrap_err(), FetchError::Failed);
    assert_eq!(web.asked().last().unwrap(), "/slow");
}

#[test]
fn authorities_that_cannot_be_trusted_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let read = || Trust::read(Some(&file)).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(read(), Err("AIRLOCK_CP_CA_FILE: the file cannot be read".to_owned()));
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let good = std::fs::read_to_string(Authority::new().file()).unwrap();
    let broken = good.replacen("MII", "AAA", 1);
    for (text, why) in [
        (String::new(), "the file holds no certificate"),
        (key, "the file holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(), "the file is no PEM"),
        (broken, "a certificate in the file cannot be an authority's"),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(read(), Err(format!("AIRLOCK_CP_CA_FILE: {why}")));
    }
    std::fs::write(&file, format!("{good}{good}")).unwrap();
    assert_eq!(read(), Ok(()));
    assert!(Trust::read(None).is_ok());
}
