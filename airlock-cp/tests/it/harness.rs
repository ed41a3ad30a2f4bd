//! An app on a store of its own, a clock that tests wind, a client that speaks to the routes without a port.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::runtime::SystemHost;
use airlock_core::{Host, Timestamp};
use airlock_cp::{App, Config, Store};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Method, Request, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) const TOKEN: &str = "operator-token-of-the-tests-0123456789";

/// A host whose clocks stand still until they are wound.
#[derive(Debug)]
pub(crate) struct Clock {
    real: SystemHost,
    at: Mutex<(Timestamp, Duration)>,
}

impl Clock {
    pub(crate) fn new() -> Arc<Self> {
        let real = SystemHost::new();
        let now = real.now();
        Arc::new(Self { real, at: Mutex::new((now, Duration::from_secs(1_000))) })
    }
    /// Both clocks go on.
    pub(crate) fn advance(&self, by: Duration) {
        let mut at = self.at.lock();
        *at = (at.0.after(by), at.1 + by);
    }
    /// Only the wall clock moves, as when somebody sets it.
    pub(crate) fn set_wall(&self, by_ms: i64) {
        let mut at = self.at.lock();
        at.0 = Timestamp::from_millis(at.0.as_millis() + by_ms);
    }
}

impl Host for Clock {
    fn now(&self) -> Timestamp {
        self.at.lock().0
    }
    fn monotonic(&self) -> Duration {
        self.at.lock().1
    }
    fn random(&self, out: &mut [u8]) {
        self.real.random(out);
    }
}

/// A store for one test, and what keeps it alive.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    url: Option<String>,
    dir: Option<tempfile::TempDir>,
}

impl TestStore {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&dir.path().join("cp.sqlite")).await.unwrap();
        Self { store, url: None, dir: Some(dir) }
    }

    /// A fresh database on the server that `make test` started; `None`, said aloud, without one.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the server is")]
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(admin) = std::env::var("AIRLOCK_TEST_POSTGRES") else {
            assert!(std::env::var("CI").is_err(), "AIRLOCK_TEST_POSTGRES is not set, and CI must not skip");
            println!("skipped: run `make test`");
            return None;
        };
        let mut random = [0; 8];
        SystemHost::new().random(&mut random);
        let name = format!("airlock_cp_test_{}", hex::encode(random));
        let pool = sqlx::PgPool::connect(&admin).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
        pool.close().await;
        let mut url: url::Url = admin.parse().unwrap();
        url.set_path(&name);
        let url = url.to_string();
        Some(Self { store: Store::postgres(&url).await.unwrap(), url: Some(url), dir: None })
    }

    /// The same store, opened as another process would.
    pub(crate) async fn again(&self) -> Store {
        match (&self.url, &self.dir) {
            (Some(url), _) => Store::postgres(url).await.unwrap(),
            (None, Some(dir)) => Store::sqlite(&dir.path().join("cp.sqlite")).await.unwrap(),
            (None, None) => unreachable!("a store is a file or a URL"),
        }
    }

    /// Runs a statement past the program, as somebody with access to the database could.
    pub(crate) async fn raw(&self, sql: &str) {
        match (&self.url, &self.dir) {
            (Some(url), _) => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
                pool.close().await;
            }
            (None, Some(_)) => {
                let pool = self.sqlite_pool().await;
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
                pool.close().await;
            }
            (None, None) => unreachable!("a store is a file or a URL"),
        }
    }

    pub(crate) async fn sqlite_pool(&self) -> sqlx::SqlitePool {
        let file = self.dir.as_ref().unwrap().path().join("cp.sqlite");
        sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap()
    }

    /// One text of the first row.
    pub(crate) async fn text(&self, sql: &str) -> String {
        match &self.url {
            Some(url) => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap()
            }
            None => {
                let pool = self.sqlite_pool().await;
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap()
            }
        }
    }

    /// Everything the store has on disk, for a search.
    pub(crate) fn files(&self) -> Vec<u8> {
        let dir = self.dir.as_ref().unwrap();
        let files = std::fs::read_dir(dir.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

/// Runs a test on SQLite and on Postgres.
macro_rules! on_both {
    ($($name:ident($store:ident) $body:block)+) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;
            async fn the_test($store: $crate::harness::TestStore) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                the_test($crate::harness::TestStore::sqlite().await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(store) = $crate::harness::TestStore::postgres().await {
                    the_test(store).await;
                }
            }
        })+
    };
}
pub(crate) use on_both;

/// An app and a client of its routes.
pub(crate) struct Cp {
    pub(crate) app: App,
    pub(crate) clock: Arc<Clock>,
    pub(crate) router: Router,
}

/// A client for real sockets. Where another crate of the build has reqwest speak TLS, it wants to know with what, although
/// nothing here does.
pub(crate) fn http_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

pub(crate) fn config() -> Config {
    config_with(&[])
}

/// The same with some of the environment said.
pub(crate) fn config_with(more: &[(&str, &str)]) -> Config {
    let vars = [("OPERATOR_TOKEN", TOKEN), ("BIND", "127.0.0.1:0"), ("METRICS_BIND", "127.0.0.1:0")];
    let vars = vars.iter().chain(more).map(|(n, v)| (format!("AIRLOCK_CP_{n}"), (*v).to_owned()));
    Config::from_vars(vars).unwrap()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Cp {
    pub(crate) async fn on(store: Store) -> Self {
        Self::with_clock(store, Clock::new()).await
    }
    pub(crate) async fn with_clock(store: Store, clock: Arc<Clock>) -> Self {
        Self::configured(config(), store, clock).await
    }
    pub(crate) async fn configured(config: Config, store: Store, clock: Arc<Clock>) -> Self {
        let app = App::new(config, store, clock.clone()).await.unwrap();
        let router = app.router(Router::new(), Router::new());
        Self { app, clock, router }
    }
    pub(crate) async fn fresh() -> Self {
        Self::on(Store::memory().await.unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        let body = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) => Value::from(String::from_utf8_lossy(&bytes).into_owned()),
        };
        Answer { status: parts.status, headers: parts.headers, body }
    }
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut request = request(method, path, body);
        request.headers_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        for (name, value) in more {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        self.send(request).await
    }
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, &[]).await
    }
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body), &[]).await
    }

    /// A tenant of this slug.
    pub(crate) async fn tenant(&self, slug: &str) -> String {
        let made = self.post("/api/v1/tenants", serde_json::json!({"slug": slug})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
        made.body["id"].as_str().unwrap().to_owned()
    }
    /// A key of this tenant: its id and its text.
    pub(crate) async fn key(&self, tenant: &str) -> (String, String) {
        let path = format!("/api/v1/tenants/{tenant}/api-keys");
        let made = self.post(&path, serde_json::json!({"name": "litellm-production"})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
        let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
        (text("kid"), text("api_key"))
    }
    /// The actions in a tenant's log, oldest first.
    pub(crate) async fn actions(&self, tenant: &str) -> Vec<(String, String)> {
        let page = self.get(&format!("/api/v1/tenants/{tenant}/audit?limit=500")).await;
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let mut all: Vec<_> = page.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (text(&r["action"]), text(&r["outcome"])))
            .collect();
        all.reverse();
        all
    }
}

/// A request as a peer at a documentation address sends it, without credentials.
pub(crate) fn request(method: Method, path: &str, body: Option<Value>) -> Request<Body> {
    let mut request = Request::new(body.map_or_else(Body::empty, |b| Body::from(b.to_string())));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let peer: std::net::SocketAddr = "192.0.2.7:40000".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}
