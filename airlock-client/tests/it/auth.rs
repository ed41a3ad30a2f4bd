//! Signing in, staying signed in, signing out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_client::auth::{
    BrowserGrant, DeviceGrant, FileTokenStore, Idp, MemoryTokenStore, Session, SignInError, TokenStore,
    Tokens,
};
use airlock_client::transport::{Request, Response, Transport, TransportError};
use airlock_client::{Airlock, ClientConfig, ClientError, calls};
use airlock_core::test_util::FixedHost;
use airlock_core::{Host, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scripted::{Scripted, answer};

const REALM: &str = "https://idp.example/realms/airlock";

fn document() -> Value {
    json!({
        "issuer": "https://idp.example",
        "token_endpoint": "https://idp.example/token",
        "device_authorization_endpoint": "https://idp.example/device_authorization",
        "authorization_endpoint": "https://idp.example/authorize",
        "revocation_endpoint": "https://idp.example/revoke",
    })
}

fn tokens(n: usize) -> Value {
    json!({"access_token": format!("at_{n}"), "refresh_token": format!("rt_{n}"), "token_type": "Bearer", "expires_in": 3600})
}

fn field(request: &Request, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(&request.body);
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn idp(transport: Arc<dyn Transport>, host: Arc<dyn Host>) -> Idp {
    Idp::discover(&REALM.parse().unwrap(), "airlock-integrations", transport, host).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_device_asks_until_its_person_is_done() {
    let transport = Scripted::in_turn(vec![
        (200, document()),
        (
            200,
            json!({"device_code": "D", "user_code": "WXYZ-2345", "verification_uri": "https://v", "expires_in": 600, "interval": 5}),
        ),
        (400, json!({"error": "authorization_pending"})),
        (400, json!({"error": "slow_down"})),
        (200, tokens(1)),
    ]);
    let idp = idp(transport.clone(), Arc::new(FixedHost::new())).await;
    let mut grant = DeviceGrant::begin(&idp).await.unwrap();
    assert_eq!(grant.user_code, "WXYZ-2345");
    let begun = tokio::time::Instant::now();
    let tokens = grant.finish(&idp).await.unwrap();
    assert!(tokens.access.matches("at_1"));
    // 5 s before each, 5 more after it was told to slow down.
    assert_eq!(begun.elapsed().as_secs(), 5 + 5 + 10);
    let sent = transport.sent();
    assert_eq!(field(&sent[1], "scope").as_deref(), Some("openid profile email"));
    assert_eq!(field(&sent[2], "device_code").as_deref(), Some("D"));
    assert_eq!(sent.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_device_outlives_a_network_that_is_away_and_is_told_no() {
    let begun = json!({"device_code": "D", "user_code": "W", "verification_uri": "https://v"});
    let polls = AtomicUsize::new(0);
    let transport = Scripted::new(move |request| match request.target.as_str() {
        "https://idp.example/token" => match polls.fetch_add(1, Ordering::Relaxed) {
            0 => Err(TransportError::Connect),
            1 => Ok(answer(503, &Value::Null)),
            _ => Ok(answer(400, &json!({"error": "access_denied"}))),
        },
        "https://idp.example/device_authorization" => Ok(answer(200, &begun)),
        _ => Ok(answer(200, &document())),
    });
    let idp = idp(transport, Arc::new(FixedHost::new())).await;
    let mut grant = DeviceGrant::begin(&idp).await.unwrap();
    let error = grant.finish(&idp).await.unwrap_err();
    assert!(matches!(error, ClientError::SignIn(SignInError::Denied)), "{error:?}");
}

/// Answers with fresh tokens and counts; or with what it is told to.
struct Provider {
    transport: Arc<Scripted>,
    refreshes: Arc<AtomicUsize>,
}

fn provider(refuse: Option<(u16, Value)>) -> Provider {
    let refreshes = Arc::new(AtomicUsize::new(0));
    let counted = refreshes.clone();
    let transport = Scripted::new(move |request| {
        Ok(match request.target.as_str() {
            "https://idp.example/token" => {
                let n = counted.fetch_add(1, Ordering::Relaxed) + 2;
                refuse
                    .as_ref()
                    .map_or_else(|| answer(200, &tokens(n)), |(status, body)| answer(*status, body))
            }
            "https://idp.example/revoke" => answer(200, &json!({})),
            _ => answer(200, &document()),
        })
    });
    Provider { transport, refreshes }
}

fn held(host: &dyn Host, lives: Duration) -> Tokens {
    Tokens {
        access: Secret::new("at_1".to_owned()),
        refresh: Some(Secret::new("rt_1".to_owned())),
        expires_at: host.now().after(lives),
    }
}

#[tokio::test]
async fn one_request_refreshes_for_all_who_wait() {
    let (host, provider) = (Arc::new(FixedHost::new()), provider(None));
    let idp = idp(provider.transport.clone(), host.clone()).await;
    let store = Arc::new(MemoryTokenStore::default());
    let tokens = held(&*host, Duration::from_secs(60));
    let session = Arc::new(Session::begin(idp, store.clone(), tokens).unwrap());
    assert!(session.access_token().await.unwrap().matches("at_1"));
    assert_eq!(provider.refreshes.load(Ordering::Relaxed), 0);

    host.advance(Duration::from_secs(60));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let session = session.clone();
        asking.spawn(async move { session.access_token().await.unwrap() });
    }
    assert!(asking.join_all().await.iter().all(|token| token.matches("at_2")));
    assert_eq!(provider.refreshes.load(Ordering::Relaxed), 1);
    assert!(store.load().unwrap().unwrap().refresh.unwrap().matches("rt_2"));
    let refresh = provider.transport.sent().into_iter().find(|r| r.target.ends_with("/token")).unwrap();
    assert_eq!(field(&refresh, "refresh_token").as_deref(), Some("rt_1"));
}

#[tokio::test]
async fn what_another_process_refreshed_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    let (host, provider) = (Arc::new(FixedHost::new()), provider(None));
    let idp = idp(provider.transport.clone(), host.clone()).await;
    let store = Arc::new(FileTokenStore::new(&path));
    let session = Session::begin(idp, store, held(&*host, Duration::ZERO)).unwrap();
    let mut newer = held(&*host, Duration::from_secs(60));
    newer.access = Secret::new("at_other".to_owned());
    FileTokenStore::new(&path).save(&newer).unwrap();
    assert!(session.access_token().await.unwrap().matches("at_other"));
    assert_eq!(provider.refreshes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_refusal_ends_the_sign_in_and_trouble_does_not() {
    for (status, body, stays) in
        [(400, json!({"error": "invalid_grant"}), false), (503, Value::Null, true), (429, Value::Null, true)]
    {
        let host = Arc::new(FixedHost::new());
        let idp = idp(provider(Some((status, body))).transport, host.clone()).await;
        let store = Arc::new(MemoryTokenStore::default());
        let session = Session::begin(idp, store.clone(), held(&*host, Duration::ZERO)).unwrap();
        session.access_token().await.unwrap_err();
        assert_eq!(session.is_signed_in().await, stays, "{status}");
        assert_eq!(store.load().unwrap().is_some(), stays, "{status}");
    }
}

#[tokio::test]
async fn signing_out_forgets_and_revokes() {
    let (host, provider) = (Arc::new(FixedHost::new()), provider(None));
    let idp = idp(provider.transport.clone(), host.clone()).await;
    let store = Arc::new(MemoryTokenStore::default());
    let session = Session::begin(idp, store.clone(), held(&*host, Duration::from_secs(60))).unwrap();
    session.sign_out().await.unwrap();
    assert!(store.load().unwrap().is_none());
    let error = session.access_token().await.unwrap_err();
    assert!(matches!(error, ClientError::SignIn(SignInError::NotSignedIn)), "{error:?}");
    let revoked = provider.transport.sent().into_iter().find(|r| r.target.ends_with("/revoke")).unwrap();
    assert_eq!(field(&revoked, "token").as_deref(), Some("rt_1"));
}

#[tokio::test]
async fn a_token_that_the_gateway_does_not_take_is_refreshed_once() {
    let (host, provider) = (Arc::new(FixedHost::new()), provider(None));
    let idp = idp(provider.transport.clone(), host.clone()).await;
    let tokens = held(&*host, Duration::from_secs(3600));
    let session = Arc::new(Session::begin(idp, Arc::new(MemoryTokenStore::default()), tokens).unwrap());
    let shown = Arc::new(Mutex::new(Vec::new()));
    let kept = shown.clone();
    let gateway = Scripted::new(move |request: &Request| -> Result<Response, TransportError> {
        let token = request.headers["authorization"].to_str().unwrap().to_owned();
        let taken = token == "Bearer at_2";
        kept.lock().unwrap().push(token);
        let echo = json!({"utc": "", "local": "", "timezone": "", "offsetMinutes": 0});
        Ok(if taken { answer(200, &echo) } else { answer(401, &Value::Null) })
    });
    let config = ClientConfig::new("https://gw.example").unwrap();
    let airlock = Airlock::with_parts(config, gateway, host.clone()).signed_in(session);
    airlock.call(&calls::echo()).await.unwrap();
    assert_eq!(*shown.lock().unwrap(), ["Bearer at_1", "Bearer at_2"]);
    assert_eq!(provider.refreshes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_gateway_says_where_people_sign_in() {
    let transport = Scripted::new(|request| {
        Ok(match request.target.as_str() {
            "/v1/integrations/discovery" => answer(
                200,
                &json!({"idp": {"baseUrl": REALM, "clientId": "own"}, "auth": {"patSupported": true}}),
            ),
            _ => answer(200, &document()),
        })
    });
    let config = ClientConfig::new("https://gw.example").unwrap();
    let airlock = Airlock::with_parts(config.clone(), transport.clone(), Arc::new(FixedHost::new()));
    let idp = airlock.identity_provider().await.unwrap();
    assert_eq!((idp.client_id.as_str(), idp.endpoints.token.as_str()), ("own", "https://idp.example/token"));
    let targets: Vec<String> = transport.sent().into_iter().map(|r| r.target).collect();
    assert_eq!(targets[1], format!("{REALM}/.well-known/openid-configuration"));

    for idp in [json!({}), json!({"baseUrl": ""}), json!({"baseUrl": "http://idp.example/"})] {
        let transport = Scripted::new(move |_| Ok(answer(200, &json!({"idp": idp}))));
        let airlock = Airlock::with_parts(config.clone(), transport, Arc::new(FixedHost::new()));
        let error = airlock.identity_provider().await.unwrap_err();
        assert!(matches!(error, ClientError::SignIn(_)), "{error:?}");
    }
}

/// What a browser does with an address: one request, the answer's first line.
async fn visit(address: &str) -> String {
    let url: url::Url = address.parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).await.unwrap();
    let target = &url[url::Position::BeforePath..];
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_comes_back_whatever_else_it_asks_for() {
    let host = Arc::new(FixedHost::new());
    let transport = provider(None).transport;
    let idp = idp(transport.clone(), host).await;
    let mut visits = tokio::task::JoinSet::new();
    let tokens = BrowserGrant::run(&idp, 0, |url| {
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let part = |name: &str| query.iter().find(|(key, _)| key == name).unwrap().1.clone();
        let (redirect, state) = (part("redirect_uri"), part("state"));
        visits.spawn(async move {
            // A connection that a browser opens beforehand and never uses.
            let port = redirect.parse::<url::Url>().unwrap().port().unwrap();
            let _idle = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let icon = redirect.replace("/callback", "/favicon.ico");
            let strange = format!("{redirect}?code=EVIL&state=other");
            let right = format!("{redirect}?code=C1&state={state}&iss=https%3A%2F%2Fidp.example");
            [visit(&icon).await, visit(&strange).await, visit(&right).await]
        });
    })
    .await
    .unwrap();
    assert!(tokens.access.matches("at_2"));
    let said = visits.join_next().await.unwrap().unwrap();
    assert_eq!(said, ["HTTP/1.1 404 Not Found", "HTTP/1.1 400 Bad Request", "HTTP/1.1 200 OK"]);
    let exchange = transport.sent().into_iter().find(|r| r.target.ends_with("/token")).unwrap();
    assert_eq!(field(&exchange, "code").as_deref(), Some("C1"));
    assert_eq!(field(&exchange, "code_verifier").unwrap().len(), 43);
    let redirect = field(&exchange, "redirect_uri").unwrap();
    assert!(redirect.starts_with("http://localhost:") && redirect.ends_with("/callback"), "{redirect}");
}

#[tokio::test(start_paused = true)]
async fn a_program_signs_in_once_and_not_where_its_person_is_named() {
    let transport = Scripted::new(|request| {
        Ok(match request.target.as_str() {
            "/v1/integrations/discovery" => {
                answer(200, &json!({"idp": {"baseUrl": REALM, "clientId": "airlock-integrations"}}))
            }
            "https://idp.example/device_authorization" => answer(
                200,
                &json!({"device_code": "D", "user_code": "WXYZ-2345", "verification_uri": "https://v"}),
            ),
            "https://idp.example/token" => answer(200, &tokens(1)),
            path if path.starts_with('/') => answer(200, &json!({"status": "approved"})),
            _ => answer(200, &document()),
        })
    });
    let host = Arc::new(FixedHost::new());
    let config = ClientConfig::new("https://gw.example").unwrap();
    let store = Arc::new(MemoryTokenStore::default());
    let told = Mutex::new(Vec::new());
    let tell = |grant: &DeviceGrant| told.lock().unwrap().push(grant.user_code.clone());
    let shown = || transport.sent().last().unwrap().headers.clone();

    let named = Airlock::with_parts(config.clone().with_pat("airpat_x"), transport.clone(), host.clone());
    let named = named.on_behalf_of_a_person(store.clone(), tell).await.unwrap();
    assert!(transport.sent().is_empty() && told.lock().unwrap().is_empty());
    named.call(&calls::consent()).await.unwrap();
    assert_eq!(shown()["x-pat"], "airpat_x");

    for _ in 0..2 {
        let airlock = Airlock::with_parts(config.clone(), transport.clone(), host.clone());
        let airlock = airlock.on_behalf_of_a_person(store.clone(), tell).await.unwrap();
        airlock.call(&calls::consent()).await.unwrap();
        assert_eq!(shown()["authorization"], "Bearer at_1");
    }
    assert_eq!(*told.lock().unwrap(), ["WXYZ-2345"], "the second run finds the sign-in of the first");
}
