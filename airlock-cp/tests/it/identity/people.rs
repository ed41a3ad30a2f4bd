//! People for tests: made without a password where none is needed, signed in without a page, with the mails they get.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::id::UserId;
use airlock_cp::identity::{Logins, WhoLogsIn};
use airlock_cp::{App, Config, Store};
use axum::Router;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Clock, Cp, TOKEN, request};

pub(crate) const PASSWORD: &str = "lantern moss corner violin";
pub(crate) const OTHER: &str = "harbour tulip granite spoon";

/// A control plane that sends mails into a folder.
pub(crate) struct Town {
    pub(crate) cp: Cp,
    pub(crate) mails: Mails,
}

pub(crate) struct Mails {
    dir: tempfile::TempDir,
    seen: parking_lot::Mutex<Vec<PathBuf>>,
}

/// A mail as its reader sees it.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) text: String,
}

impl Mail {
    /// The secret in the link.
    pub(crate) fn token(&self) -> String {
        let (_, rest) = self.text.split_once("token=").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }
}

impl Mails {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), seen: parking_lot::Mutex::default() }
    }
    fn fresh(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.dir.path()).unwrap().map(|f| f.unwrap().path());
        let seen = self.seen.lock();
        let mut all: Vec<_> =
            files.filter(|f| f.extension().is_some_and(|e| e == "eml") && !seen.contains(f)).collect();
        all.sort();
        all
    }
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }
    /// The next mail to this address; mails are sent after the answer, so it may be a moment away.
    pub(crate) async fn to(&self, address: &str) -> Mail {
        let wait = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(5));
            loop {
                ticks.tick().await;
                for file in self.fresh() {
                    let text = std::fs::read_to_string(&file).unwrap();
                    if text.contains(&format!("To: {address}\r\n")) {
                        self.seen.lock().push(file);
                        return Mail { text: text.replace("=\r\n", "").replace("=3D", "=") };
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("a mail comes")
    }
    /// How many mails nobody has read.
    pub(crate) fn unread(&self) -> usize {
        self.fresh().len()
    }
}

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) cookie: String,
}

impl Person {
    pub(crate) fn csrf(&self) -> String {
        Logins::csrf_token(&self.cookie)
    }
    pub(crate) async fn ask(&self, cp: &Cp, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = request(method, path, body);
        let headers = request.headers_mut();
        headers.insert("cookie", format!("__Host-airlock_session={}", self.cookie).parse().unwrap());
        headers.insert("x-csrf-token", self.csrf().parse().unwrap());
        cp.send(request).await
    }
    pub(crate) async fn get(&self, cp: &Cp, path: &str) -> Answer {
        self.ask(cp, Method::GET, path, None).await
    }
    pub(crate) async fn post(&self, cp: &Cp, path: &str, body: Value) -> Answer {
        self.ask(cp, Method::POST, path, Some(body)).await
    }
    pub(crate) async fn is_signed_in(&self, cp: &Cp) -> bool {
        self.get(cp, "/api/v1/me").await.status.is_success()
    }
}

impl Town {
    pub(crate) async fn on(store: Store) -> Self {
        Self::with(store, Clock::new(), &[]).await
    }
    pub(crate) async fn open(store: Store) -> Self {
        Self::with(store, Clock::new(), &[("SIGNUP", "open")]).await
    }
    pub(crate) async fn with(store: Store, clock: Arc<Clock>, more: &[(&str, &str)]) -> Self {
        let mails = Mails::new();
        let folder = format!("file://{}", mails.dir.path().display());
        let mut vars = vec![
            ("OPERATOR_TOKEN", TOKEN),
            ("PUBLIC_URL", "https://cp.example"),
            ("SMTP_URL", folder.as_str()),
            ("MAIL_FROM", "Airlock <airlock@cp.example>"),
        ];
        vars.retain(|(name, _)| !more.iter().any(|(n, _)| n == name));
        vars.extend_from_slice(more);
        vars.retain(|(_, value)| !value.is_empty());
        let vars = vars.into_iter().map(|(n, v)| (format!("AIRLOCK_CP_{n}"), v.to_owned()));
        let app = App::new(Config::from_vars(vars).unwrap(), store, clock.clone()).await.unwrap();
        let router = app.router(Router::new(), Router::new());
        Self { cp: Cp { app, clock, router }, mails }
    }

    /// A person of this org without a password, signed in.
    pub(crate) async fn person(&self, name: &str, org: &str, role: &str) -> Person {
        let email = format!("{name}@example.com");
        let made = self.cp.post("/api/v1/admin/users", json!({"email": email})).await;
        assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
        let id: UserId = made.body["id"].as_str().unwrap().parse().unwrap();
        let person = self.sign_in(&id).await;
        if role.is_empty() {
            return person;
        }
        let link = self.invite(org, &email, role).await;
        let taken = person.post(&self.cp, "/api/v1/invitations/accept", json!({"token": link})).await;
        assert_eq!(taken.status.as_u16(), 200, "{:?}", taken.body);
        person
    }

    /// A person with [`PASSWORD`], owner of `default`.
    pub(crate) async fn with_password(&self, email: &str) -> UserId {
        let body = json!({"email": email, "password": PASSWORD, "owner_of": "default"});
        let made = self.cp.post("/api/v1/admin/users", body).await;
        assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
        made.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// Another browser of a person.
    pub(crate) async fn sign_in(&self, id: &UserId) -> Person {
        let who = WhoLogsIn { user: Some(id.clone()), org: None, ip: None, user_agent: None };
        let opened = self.cp.app.logins().open(who).await.unwrap();
        Person { id: id.clone(), cookie: opened.cookie.expose().clone() }
    }

    /// The secret of an invitation that the operator makes.
    pub(crate) async fn invite(&self, org: &str, email: &str, role: &str) -> String {
        let body = json!({"email": email, "role": role});
        let path = "/api/v1/org/invitations";
        let made = self.cp.ask(Method::POST, path, Some(body), &[("airlock-org", org)]).await;
        assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
        made.body["link"].as_str().unwrap().split_once("token=").unwrap().1.to_owned()
    }

    /// An org of the operator's making.
    pub(crate) async fn org(&self, slug: &str) -> String {
        let made = self.cp.post("/api/v1/admin/orgs", json!({"name": slug, "slug": slug})).await;
        assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
        made.body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.cp.send(request(Method::POST, "/api/v1/auth/login", Some(body))).await
    }
    pub(crate) async fn open_post(&self, path: &str, body: Value) -> Answer {
        self.cp.send(request(Method::POST, path, Some(body))).await
    }
}

/// The cookie that an answer sets.
pub(crate) fn cookie_of(answer: &Answer) -> String {
    let set = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    let value = set.strip_prefix("__Host-airlock_session=").unwrap();
    value.split(';').next().unwrap().to_owned()
}
