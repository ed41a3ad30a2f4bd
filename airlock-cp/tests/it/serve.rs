//! On real sockets.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::runtime::SystemHost;
use airlock_cp::serve::{Listeners, serve, serve_on};
use airlock_cp::{App, Store};
use axum::Router;
use axum::routing::get;

use crate::harness::{TOKEN, config, http_client};

#[tokio::test]
async fn it_listens_counts_and_stops_after_what_was_begun() {
    let store = Store::memory().await.unwrap();
    let app = App::new(config(), store, Arc::new(SystemHost::new())).await.unwrap();
    let (begun, wait_begun) = tokio::sync::oneshot::channel::<()>();
    let (go_on, wait_go_on) = tokio::sync::oneshot::channel::<()>();
    let parts = Arc::new(parking_lot::Mutex::new(Some((begun, wait_go_on))));
    let slow = get(move || {
        let (begun, go_on) = parts.lock().take().unwrap();
        async move {
            begun.send(()).unwrap();
            go_on.await.unwrap();
            "finished"
        }
    });
    let listening = serve(&app, app.router(Router::new().route("/slow", slow), Router::new())).await.unwrap();
    let url = format!("http://{}", listening.address);
    let client = http_client();
    let tenants = || client.get(format!("{url}/api/v1/tenants"));
    assert_eq!(tenants().send().await.unwrap().status().as_u16(), 401);
    let refused = tenants().bearer_auth("x".repeat(40)).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    assert_eq!(tenants().bearer_auth(TOKEN).send().await.unwrap().status().as_u16(), 200);

    let tenant = "t_acme".parse().unwrap();
    app.metrics().worker_connected(&tenant, 1);
    app.metrics().mcp_request(&tenant, "execute_sql", "ok", Duration::from_millis(41));
    let metrics = format!("http://{}/metrics", listening.metrics.unwrap());
    let text = client.get(metrics).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("airlock_cp_auth_failures_total{door=\"operator\"} 2"), "{text}");
    for line in [
        "workers_connected{tenant=\"t_acme\"} 1",
        "mcp_requests_total{tenant=\"t_acme\",tool=\"execute_sql\",outcome=\"ok\"} 1",
        "mcp_duration_seconds_count 1",
        "audit_lag_seconds ",
        "sse_clients 0",
        "tunnel_queue 0",
    ] {
        assert!(text.contains(&format!("\nairlock_cp_{line}")), "{line}: {text}");
    }

    let begun = client.get(format!("{url}/slow")).send();
    let stopped = async {
        wait_begun.await.unwrap();
        let stop = app.shut_down(Duration::from_secs(20));
        let finish = async {
            app.tasks().stop().cancelled().await;
            go_on.send(()).unwrap();
        };
        tokio::join!(stop, finish);
    };
    let (answer, ()) = tokio::join!(begun, stopped);
    assert_eq!(answer.unwrap().text().await.unwrap(), "finished");
    assert!(client.get(format!("{url}/healthz")).send().await.is_err());
}

#[tokio::test]
async fn with_port_0_it_knows_its_own_url() {
    let mut config = config();
    let listeners = Listeners::bind(&mut config).await.unwrap();
    let app = App::new(config, Store::memory().await.unwrap(), Arc::new(SystemHost::new())).await.unwrap();
    let listening = serve_on(&app, listeners, app.router(Router::new(), Router::new())).unwrap();
    // What a worker is told at enrollment, and the origin of our own pages.
    assert_eq!(app.config().public_url.as_str(), format!("http://{}/", listening.address));
    assert_eq!((app.config().bind, app.config().metrics_bind), (listening.address, listening.metrics));
    assert_ne!(listening.address.port(), 0);
    let ready = http_client().get(app.config().public_url.join("readyz").unwrap()).send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 200);
    app.shut_down(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config();
    config.bind = taken.local_addr().unwrap();
    let app = App::new(config, Store::memory().await.unwrap(), Arc::new(SystemHost::new())).await.unwrap();
    let error = serve(&app, Router::new()).await.unwrap_err();
    assert!(error.to_string().contains(&taken.local_addr().unwrap().to_string()));
}
