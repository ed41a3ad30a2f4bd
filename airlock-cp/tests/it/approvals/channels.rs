//! Live channels: server-sent events and WebSockets.

use std::net::SocketAddr;
use std::time::Duration;

use airlock_core::approval::Verdict;
use airlock_cp::approvals::Party;
use airlock_cp::audit::Caller;
use axum::body::BodyDataStream;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _};
use tower::ServiceExt as _;

use super::harness::*;
use crate::harness::{Cp, TestStore, on_both, request};

/// A stream of events, read one at a time.
pub(super) struct Events {
    body: BodyDataStream,
    text: String,
}

impl Events {
    async fn open(side: &Side<'_>, path: &str, after: Option<&str>) -> Self {
        let shown = [("x-pat", side.pat.as_str())];
        let after = after.map(|id| ("last-event-id", id));
        Self::open_with(side.cp, path, &shown.into_iter().chain(after).collect::<Vec<_>>()).await
    }
    pub(super) async fn open_with(cp: &Cp, path: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut asked = request(Method::GET, path, None);
        for (name, value) in headers {
            asked.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = cp.router.clone().oneshot(asked).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }
    /// The next event that is no ping: its kind, its id, its data. `None` at the end.
    pub(super) async fn next(&mut self) -> Option<(String, Option<String>, Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
                };
                let (kind, id, data) = (field("event"), field("id"), field("data"));
                self.text = rest.to_owned();
                if let Some(kind) = kind.filter(|kind| kind != "ping") {
                    return Some((kind, id, serde_json::from_str(&data.unwrap()).unwrap()));
                }
            }
            let more = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&more).unwrap());
        }
    }
}

on_both! {
    an_approver_sees_what_happens_as_it_happens_also_elsewhere(test) {
        let (one, two) = (Cp::on(test.store.clone()).await, Cp::on(test.again().await).await);
        let me = Side::new(&one, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        ok(me.submit("req-before", Some(&paired.token)).await, 202);
        let there = me.at(&two);
        let mut events = Events::open(&there, "/v1/sse/approvers/me", None).await;
        let (kind, before, first) = events.next().await.unwrap();
        assert_eq!((kind.as_str(), &first["requestId"]), ("approval.request", &json!("req-before")));
        ok(me.submit("req-1", Some(&paired.token)).await, 202);
        let (kind, id, asked) = events.next().await.unwrap();
        assert_eq!((kind.as_str(), &asked["requestId"], asked["msgId"].as_str()), ("approval.request", &json!("req-1"), id.as_deref()));
        decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
        let (kind, _, decided) = events.next().await.unwrap();
        assert_eq!((kind.as_str(), &decided["body"]["decision"]), ("exchange.decided", &json!("approve")));
        ok(me.post("/v1/exchanges/req-before/withdraw", json!(null)).await, 200);
        assert_eq!(events.next().await.unwrap().0, "exchange.withdrawn");
        let made = ok(me.post("/v1/pairing/pre-generate", json!({})).await, 201);
        let claim = json!({
            "pairingCode": made["pairingCode"], "deviceId": "d", "enforcerId": "e2", "enforcerLabel": "l", "workspaceName": "w",
        });
        ok(me.post("/v1/pairing/claim", claim).await, 200);
        let (kind, _, claimed) = events.next().await.unwrap();
        assert_eq!((kind.as_str(), &claimed["body"]["pairingNonce"]), ("pairing.claimed", &made["pairingNonce"]));
        ok(me.post("/v1/pairing/revoke", json!({"routingToken": paired.token})).await, 200);
        assert_eq!(events.next().await.unwrap().0, "pairing.revoked");
        // Who comes back says what they have.
        let paired = pair(&me, &me).await;
        for request in ["req-2", "req-3"] {
            one.clock.advance(Duration::from_millis(1));
            ok(me.submit(request, Some(&paired.token)).await, 202);
        }
        let mut again = Events::open(&there, "/v1/sse/approvers/me", None).await;
        let (_, second, _) = again.next().await.unwrap();
        let mut after = Events::open(&there, "/v1/sse/approvers/me", second.as_deref()).await;
        assert_eq!(after.next().await.unwrap().2["requestId"], "req-3");
        // A message that is long gone begins anew.
        let mut unknown = Events::open(&there, "/v1/sse/approvers/me", before.as_deref()).await;
        assert_eq!(unknown.next().await.unwrap().2["requestId"], "req-2");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enforcer_gets_its_decision_counts_as_online_and_is_asked_anew() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    ok(me.submit("req-1", Some(&paired.token)).await, 202);
    let away = me.post("/v1/requests/req-1/refresh?enforcerDeviceId=enf-1", json!(null)).await;
    assert_eq!(verdict(&away), (503, "unavailable"));
    let mut events = Events::open(&me, "/v1/sse/enforcers/enf-1", None).await;
    loop {
        let seen = me.get("/v1/presence/enforcers/enf-1").await;
        if seen.status.as_u16() == 200 {
            assert_eq!((&seen.body["transport"], &seen.body["status"]), (&json!("sse"), &json!("online")));
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let asked = ok(me.post("/v1/requests/req-1/refresh?enforcerDeviceId=enf-1", json!(null)).await, 200);
    assert_eq!(asked, json!({"status": "forwarded"}));
    let (kind, _, refresh) = events.next().await.unwrap();
    assert_eq!((kind.as_str(), &refresh["requestId"]), ("refresh.request", &json!("req-1")));
    decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
    let (kind, id, decision) = events.next().await.unwrap();
    assert_eq!(kind, "decision.deliver");
    assert_eq!(decision, ok(me.wait("req-1", 1).await, 200));
    // Until it says that it has it, it gets it again.
    let mut again = Events::open(&me, "/v1/sse/enforcers/enf-1", None).await;
    assert_eq!(again.next().await.unwrap().1, id);
    ok(me.post("/v1/pairing/revoke", json!({"routingToken": paired.token})).await, 200);
    assert_eq!(events.next().await.unwrap().0, "pairing.revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_enforcers_channels_the_one_opened_last_gets_the_decision() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    for request in ["req-1", "req-2"] {
        ok(me.submit(request, Some(&paired.token)).await, 202);
    }
    let mut first = Events::open(&me, "/v1/sse/enforcers/enf-1", None).await;
    let mut last = Events::open(&me, "/v1/sse/enforcers/enf-1", None).await;
    let mut other = Events::open(&me, "/v1/sse/enforcers/enf-2", None).await;
    decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
    assert_eq!(last.next().await.unwrap().2["requestId"], "req-1");
    assert!(first.next().now_or_never().is_none());
    drop(last);
    // The server notices at its next write, or when the stream is closed under it.
    while cp.app.approvals().waiting() > 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    decide(&me, &paired.keys, "req-2", Verdict::Reject).await;
    assert_eq!(first.next().await.unwrap().2["requestId"], "req-2");
    ok(me.post("/v1/pairing/revoke", json!({"routingToken": paired.token})).await, 200);
    assert_eq!(first.next().await.unwrap().0, "pairing.revoked");
    assert!(other.next().now_or_never().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_ends_with_the_token_that_opened_it() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let mut events = Events::open(&me, "/v1/sse/approvers/me", None).await;
    let pats = ok(me.get("/v1/pats").await, 200);
    let id = pats["items"][0]["id"].as_str().unwrap();
    cp.browse(&me.person, Method::DELETE, &format!("/api/v1/me/pats/{id}"), None).await;
    assert_eq!(events.next().await, None);
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn listening(cp: &Cp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = cp.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    cp.app.tasks().spawn(airlock_cp::tasks::TaskKind::Accept, async move {
        axum::serve(listener, service).await.unwrap()
    });
    address
}

async fn connect(
    at: SocketAddr,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, (u16, Value)> {
    let mut request = format!("ws://{at}/v1/ws?{query}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err((response.status().as_u16(), serde_json::from_slice(body).unwrap()))
        }
        Err(error) => panic!("{error}"),
    }
}

/// The next message that is no ping.
async fn hear(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                let value: Value = serde_json::from_str(text.as_str()).unwrap();
                if value["msgType"] != "ping" {
                    return value;
                }
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn say(socket: &mut Socket, value: Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_life_over_web_sockets() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let at = listening(&cp).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    let pat = [("x-pat", me.pat.as_str())];
    let mut enforcer = connect(at, "role=enforcer&id=enf-1", &pat).await.unwrap();
    let mut approver = connect(at, "role=approver&id=me", &pat).await.unwrap();
    let hello = json!({
        "msgType": "hello", "workspaceName": "shop", "enforcerLabel": "Editor",
        "capabilities": {"harpVersion": "1.0", "supportsRefresh": "true", "odd": 7},
    });
    say(&mut enforcer, hello).await;
    say(&mut enforcer, artifact("req-1", "enf-1", hash_of("req-1").as_str(), Some(&paired.token))).await;
    let accepted = hear(&mut enforcer).await;
    assert_eq!(
        (&accepted["msgType"], &accepted["requestId"]),
        (&json!("artifact.accepted"), &json!("req-1"))
    );
    let asked = hear(&mut approver).await;
    assert_eq!((&asked["msgType"], &asked["requestId"]), (&json!("approval.request"), &json!("req-1")));
    let seen = ok(me.get("/v1/presence/enforcers/enf-1").await, 200);
    assert_eq!((&seen["transport"], &seen["enforcerLabel"]), (&json!("websocket"), &json!("Editor")));
    assert_eq!(seen["capabilities"], json!({"harpVersion": "1.0", "supportsRefresh": "true"}));
    say(&mut approver, paired.keys.decision("req-1", &hash_of("req-1"), Verdict::Approve)).await;
    let heard = [hear(&mut approver).await, hear(&mut approver).await].map(|m| m["msgType"].clone());
    assert!(
        heard.contains(&json!("decision.accepted")) && heard.contains(&json!("exchange.decided")),
        "{heard:?}"
    );
    let delivered = hear(&mut enforcer).await;
    assert_eq!(delivered["msgType"], "decision.deliver");
    let ack = json!({
        "msgType": "ack.submit", "requestId": "req-1", "sender": {},
        "body": {"msgId": delivered["msgId"], "status": "delivered"},
    });
    say(&mut enforcer, ack).await;
    assert_eq!(hear(&mut enforcer).await["msgType"], "ack.accepted");
    assert_eq!(me.state("req-1").await, "Delivered");
    // What does not belong here, or is nothing, is answered and the channel stays.
    for odd in [
        json!({"msgType": "artifact.submit"}),
        json!({"msgType": "artifact.submit", "requestId": "..", "body": {}}),
        paired.keys.decision("req-1", &hash_of("req-1"), Verdict::Reject),
        json!({"msgType": "hmm"}),
        json!([]),
        json!(7),
    ] {
        say(&mut enforcer, odd.clone()).await;
        let told = hear(&mut enforcer).await;
        assert_eq!((&told["msgType"], &told["error"]), (&json!("error"), &json!("bad_request")), "{odd}");
    }
    enforcer.send(Message::text("{")).await.unwrap();
    assert_eq!(hear(&mut enforcer).await["error"], "bad_request");
    say(&mut enforcer, json!({"msgType": "ping"})).await;
    assert_eq!(hear(&mut enforcer).await["msgType"], "pong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_needs_credentials_first_and_is_closed_with_a_code_that_says_why() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let at = listening(&cp).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    for (query, headers, expected) in [
        ("role=enforcer&id=e", vec![], (401, "unauthorized")),
        ("", vec![], (401, "unauthorized")),
        ("role=enforcer&id=e&token=at_wrong", vec![], (401, "unauthorized")),
        ("role=enforcer&id=e", vec![("x-pat", "airpat_wrong")], (401, "invalid_pat")),
        ("role=boss&id=e", vec![("x-pat", me.pat.as_str())], (400, "bad_request")),
        ("role=enforcer", vec![("x-pat", me.pat.as_str())], (400, "bad_request")),
        (
            "role=approver&id=apr_01J00000000000000000000000",
            vec![("x-pat", me.pat.as_str())],
            (404, "NotFound"),
        ),
    ] {
        let (status, body) = connect(at, query, &headers).await.unwrap_err();
        assert_eq!((status, body["error"].as_str().unwrap()), expected, "{query}");
    }
    let mut socket = connect(at, "role=approver&id=me", &[("x-pat", &me.pat)]).await.unwrap();
    let id = ok(me.get("/v1/pats").await, 200)["items"][0]["id"].as_str().unwrap().to_owned();
    cp.browse(&me.person, Method::DELETE, &format!("/api/v1/me/pats/{id}"), None).await;
    let closed = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(frame) => break frame.unwrap(),
            _ => continue,
        }
    };
    assert_eq!(u16::from(closed.code), 4401);
}

/// What waits on a channel does so beside other things, so that its wait is dropped at any moment.
#[tokio::test]
async fn a_channel_that_is_left_in_the_middle_loses_nothing() {
    // SQLite may answer within the same moment; a server does not.
    let Some(test) = TestStore::postgres().await else { return };
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    let user = me.person.id.parse().unwrap();
    let caller = Caller::person(&user);
    let party = Party { org: "default".parse().unwrap(), user, app: None, caller };
    let approvals = cp.app.approvals();
    let approver = approvals.approver(&party).await.unwrap();
    let mut channel = approvals.approver_channel(approver, None).await.unwrap();
    ok(me.submit("req-1", Some(&paired.token)).await, 202);
    // Heard, and dropped while the store is asked what it was; on a busy machine its answer can be there at once.
    let told = match channel.next().now_or_never() {
        Some(told) => told,
        None => {
            let told = tokio::time::timeout(Duration::from_secs(30), channel.next()).await;
            told.expect("it is still told")
        }
    };
    assert_eq!(told.unwrap().unwrap().body["requestId"], "req-1");
}
