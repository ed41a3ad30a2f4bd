//! A control plane with one person, who asks through an SDK and answers as an approver.

use std::sync::Arc;
use std::time::Duration;

use airlock_client::approvals::{Approvals, BegunPairing, Enforcer, RemoteGate, StateFolder};
use airlock_client::approver::{Approver, ApproverFolder, Choice, Waiting};
use airlock_client::transport::{RetryPolicy, Retrying};
use airlock_client::{Airlock, ClientConfig, ClientError};
use airlock_core::approval::{Ask, RequestId, Verdict};
use airlock_core::runtime::SystemHost;
use serde_json::{Value, json};

use super::wire::{Tapped, Wire};
use crate::passage::stack::Stack;

pub(super) const LONG: Duration = Duration::from_secs(60);
const EMAIL: &str = "ada@acme.example";
const PASSWORD: &str = "correct horse battery staple";

pub(super) struct Rig {
    pub(super) stack: Stack,
    pub(super) wire: Arc<Wire>,
    pub(super) pat: String,
    folder: tempfile::TempDir,
}

/// Both ends of one pairing.
pub(super) struct Pair {
    pub(super) approver: Approver,
    pub(super) gate: RemoteGate,
}

/// More requests than a person makes.
pub(super) fn unhurried() -> Vec<(&'static str, String)> {
    vec![("AIRLOCK_CP_APPROVALS_USER_RATE", "1000000".to_owned())]
}

impl Rig {
    pub(super) async fn start() -> Self {
        Self::over(Stack::with(&unhurried())).await
    }

    pub(super) async fn over(stack: Stack) -> Self {
        stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
        let pat = Browser::sign_in(&stack.url).await.token().await;
        let wire = Wire::to(&stack.url);
        Self { stack, wire, pat, folder: tempfile::tempdir().unwrap() }
    }

    /// The SDK's client, with the wire in it.
    pub(super) fn airlock(&self) -> Airlock {
        self.airlock_over(self.wire.clone())
    }
    pub(super) fn airlock_over(&self, wire: Arc<Wire>) -> Airlock {
        let config = ClientConfig::new(&self.stack.url).unwrap().with_pat(&self.pat);
        let host = Arc::new(SystemHost::new());
        let transport = Retrying::new(Tapped(wire), RetryPolicy::default(), host.clone());
        Airlock::with_parts(config, Arc::new(transport), host)
    }
    pub(super) fn approvals(&self, name: &str) -> Approvals {
        self.airlock().approvals(Enforcer::new(name.parse().unwrap()).with_workspace("acme-shop"))
    }
    pub(super) fn approver(&self, name: &str) -> Approver {
        let folder = self.folder.path().join(format!("{name}-approver"));
        Approver::new(self.airlock(), ApproverFolder::open(folder).unwrap()).unwrap()
    }
    pub(super) fn state(&self, name: &str) -> StateFolder {
        StateFolder::open(self.folder.path().join(format!("{name}-enforcer"))).unwrap()
    }
    /// A gate over a pairing that was begun and accepted.
    pub(super) async fn gate(&self, name: &str, begun: BegunPairing) -> RemoteGate {
        let approvals = self.approvals(name);
        let pairing = begun.completed(&approvals).await.unwrap();
        let state = self.state(name);
        state.keep_pairing(&pairing).unwrap();
        RemoteGate::new(approvals, pairing, state).unwrap()
    }
    /// Pairs a new enforcer with a new approver.
    pub(super) async fn pair(&self, name: &str) -> Pair {
        let (approvals, approver) = (self.approvals(name), self.approver(name));
        let begun = approvals.pair().await.unwrap();
        let invitation = approver.resolve(begun.code()).await.unwrap();
        approver.accept(&invitation).await.unwrap();
        let gate = self.gate(name, begun).await;
        assert_eq!(gate.pairing().fingerprint(), approver.fingerprint());
        Pair { approver, gate }
    }

    /// One request as a program without an SDK sends it.
    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let sent = crate::http::client().build().unwrap().post(format!("{}{path}", self.stack.url));
        let answer = sent.header("x-pat", &self.pat).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
    pub(super) async fn state_of(&self, request: &RequestId) -> String {
        let call = airlock_client::calls::exchange_status(request.as_str());
        self.airlock().call(&call).await.unwrap().body.unwrap().state
    }
}

impl Pair {
    /// What waits under this name.
    pub(super) async fn waiting(&self, request: &RequestId) -> Option<Waiting> {
        let inbox = self.approver.inbox().await.unwrap();
        assert_eq!(inbox.unreadable, 0);
        inbox.waiting.into_iter().find(|waiting| waiting.request_id() == request)
    }
    /// The person reads it, and says so.
    pub(super) async fn answer(&self, request: &RequestId, verdict: Verdict) -> Result<(), ClientError> {
        let waiting = self.waiting(request).await.expect("it waits");
        let opened = self.approver.open(&waiting).unwrap();
        let choice = match verdict {
            Verdict::Approve => Choice::Approve(opened.verified().unwrap()),
            Verdict::Reject => Choice::Reject(&waiting),
        };
        self.approver.decide(choice, Some("read it")).await
    }
}

pub(super) fn ask(command: &str) -> Ask {
    Ask::new("command-approval".parse().unwrap(), json!({"command": command}))
}

/// The person at a browser, signed in.
pub(super) struct Browser {
    url: String,
    http: reqwest::Client,
    cookie: String,
    csrf: String,
}

impl Browser {
    pub(super) async fn sign_in(url: &str) -> Self {
        let http = crate::http::client().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let login = http.post(format!("{url}/api/v1/auth/login"));
        let answer = login.json(&json!({"email": EMAIL, "password": PASSWORD})).send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let csrf = answer.json::<Value>().await.unwrap()["csrf_token"].as_str().unwrap().to_owned();
        Self { url: url.to_owned(), http, cookie, csrf }
    }
    /// Makes a personal access token.
    async fn token(&self) -> String {
        let made = self.http.post(format!("{}/api/v1/me/pats", self.url)).header("cookie", &self.cookie);
        let made =
            made.header("x-csrf-token", &self.csrf).json(&json!({"name": "tests"})).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }
    /// Lets the program in that sent the browser here, and goes where it is sent back to.
    pub(super) async fn allow_client(&self, authorize: &str) {
        let asked = reqwest::Url::parse(authorize).unwrap();
        let mut form = asked.query().unwrap().to_owned();
        form.push_str(&format!("&csrf={}&decision=allow", self.csrf));
        let sent = self.http.post(format!("{}/authorize", self.url)).header("cookie", &self.cookie);
        let sent =
            sent.header("origin", &self.url).header("content-type", "application/x-www-form-urlencoded");
        let answer = sent.body(form).send().await.unwrap();
        let (status, back) = (answer.status(), answer.headers().get("location").cloned());
        let back = back.unwrap_or_else(|| panic!("{status}"));
        let answer = self.http.get(back.to_str().unwrap()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }
    /// Lets the device in that shows this code.
    pub(super) async fn allow_device(&self, code: &str) {
        let form = format!("code={code}&decision=allow&org=default&csrf={}", self.csrf);
        let sent = self.http.post(format!("{}/device/decide", self.url)).header("cookie", &self.cookie);
        let sent =
            sent.header("origin", &self.url).header("content-type", "application/x-www-form-urlencoded");
        let answer = sent.body(form).send().await.unwrap();
        let (status, page) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {page}");
    }
}
