//! The live stream: what happens is told, also by others; who comes back misses nothing.

use axum::body::Body;
use futures::StreamExt as _;
use http::{Method, Request};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::audit::call;
use crate::harness::{Cp, TOKEN, on_both, request};

/// A stream being read.
struct Events {
    body: axum::body::BodyDataStream,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Told {
    event: String,
    id: Option<u64>,
    data: Value,
}

impl Events {
    async fn open(cp: &Cp, path: &str, last: Option<u64>) -> Self {
        let mut request: Request<Body> = request(Method::GET, path, None);
        request.headers_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", last.to_string().parse().unwrap());
        }
        let response = cp.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    continue;
                }
                let field = |name: &str| {
                    event.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim_start().to_owned())
                };
                return Some(Told {
                    event: field("event:").unwrap(),
                    id: field("id:").map(|id| id.parse().unwrap()),
                    data: serde_json::from_str(&field("data:").unwrap()).unwrap(),
                });
            }
            let piece = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

const STREAM: &str = "/api/v1/tenants/t_acme/audit/stream";

on_both! {
    what_this_and_another_process_write_is_told_once_and_in_order(test) {
        let here = Cp::on(test.store.clone()).await;
        let there = Cp::with_clock(test.again().await, here.clock.clone()).await;
        here.tenant("acme").await;
        here.tenant("other").await;
        let mut events = Events::open(&here, STREAM, None).await;
        for n in 0..6 {
            let cp = if n % 2 == 0 { &here } else { &there };
            cp.app.audit().close(call(&*cp.clock, "t_other", "get_schema")).await.unwrap();
            cp.app.audit().close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
        }
        let mut seqs = Vec::new();
        for _ in 0..6 {
            let told = events.next().await.unwrap();
            assert_eq!((told.event.as_str(), &told.data["tenant_id"]), ("audit", &Value::from("t_acme")));
            assert_eq!(told.data["seq"].as_u64(), told.id);
            seqs.push(told.id.unwrap());
        }
        assert_eq!(seqs, [4, 6, 8, 10, 12, 14]);
    }

    who_comes_back_misses_nothing_and_hears_nothing_twice(test) {
        // T-145
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let sink = cp.app.audit();
        for _ in 0..4 {
            sink.close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
        }
        let mut events = Events::open(&cp, STREAM, Some(2)).await;
        sink.close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
        let mut seqs = Vec::new();
        for _ in 0..4 {
            seqs.push(events.next().await.unwrap().id.unwrap());
        }
        assert_eq!(seqs, [3, 4, 5, 6]);
    }

    a_filter_holds_for_the_past_and_the_future(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let sink = cp.app.audit();
        let both = async || {
            sink.close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
            sink.close(call(&*cp.clock, "t_acme", "get_schema")).await.unwrap();
        };
        both().await;
        let mut events = Events::open(&cp, &format!("{STREAM}?tool=get_schema&after=0"), None).await;
        both().await;
        for seq in [3, 5] {
            let told = events.next().await.unwrap();
            assert_eq!((told.id, &told.data["tool"]), (Some(seq), &Value::from("get_schema")));
        }
    }
}

#[tokio::test]
async fn a_gap_too_large_is_told_as_reset() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let sink = cp.app.audit();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..1_002 {
        let (sink, event) = (sink.clone(), call(&*cp.clock, "t_acme", "execute_sql"));
        all.spawn(async move { sink.close(event).await.unwrap() });
    }
    all.join_all().await;
    let mut events = Events::open(&cp, STREAM, Some(1)).await;
    assert_eq!(events.next().await.unwrap().event, "reset");
    sink.close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
    assert_eq!(events.next().await.unwrap().id, Some(1_004));
}

#[tokio::test]
async fn a_slow_watcher_is_dropped_and_not_buffered() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let scope =
        airlock_cp::audit::Scope { org: "default".parse().unwrap(), tenant: "t_acme".parse().unwrap() };
    let tail = airlock_cp::audit::Tail::start(
        cp.app.store().clone(),
        tokio::sync::watch::channel(0).1,
        cp.app.tasks(),
    );
    let operator = airlock_cp::audit::Caller::operator().actor;
    let mut slow = tail.follow(&operator, scope, airlock_cp::audit::AuditFilter::default()).await.unwrap();
    let sink = cp.app.audit();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..2_500 {
        let (sink, event) = (sink.clone(), call(&*cp.clock, "t_acme", "execute_sql"));
        all.spawn(async move { sink.close(event).await.unwrap() });
    }
    all.join_all().await;
    while tail.watchers() > 0 {
        tokio::task::yield_now().await;
    }
    let mut told = 0;
    while slow.next().await.is_some() {
        told += 1;
    }
    assert_eq!(told, 1_000, "what was queued is told, then it ends");
}

#[tokio::test]
async fn an_operator_watches_twenty_times_at_most() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Events::open(&cp, STREAM, None).await);
    }
    assert_eq!(cp.get(STREAM).await.body["code"], "busy");
    open.pop();
    Events::open(&cp, STREAM, None).await;
}

#[tokio::test]
async fn a_stream_ends_when_the_process_stops() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let mut events = Events::open(&cp, STREAM, None).await;
    let stopped = cp.app.shut_down(std::time::Duration::from_secs(5));
    let (ended, ()) = tokio::join!(events.next(), stopped);
    assert_eq!(ended, None);
}
