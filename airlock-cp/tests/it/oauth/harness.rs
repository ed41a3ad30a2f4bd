//! People, orgs and clients to try the authorization server with.

use std::net::SocketAddr;

use airlock_core::Host as _;
use airlock_core::crypto::sha256;
use airlock_core::id::UserId;
use airlock_cp::audit::Caller;
use airlock_cp::identity::WhoLogsIn;
use airlock_cp::oauth::{AuthorizedPerson, Oauth, Step, VerifiedToken};
use airlock_cp::store::Dialect;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::harness::{Answer, Clock, Cp, TestStore, config_with};
use crate::web::{Authority, Web};

/// A member of `default`.
pub(super) const ADA: &str = "usr_01J0000000000000000000000A";
/// A member of `default` and of `beta`.
pub(super) const BOB: &str = "usr_01J0000000000000000000000B";
/// An auditor of `default`.
pub(super) const AUDITOR: &str = "usr_01J0000000000000000000000C";
/// Billing of `default`.
pub(super) const BILLING: &str = "usr_01J0000000000000000000000D";
/// In no org.
pub(super) const NOBODY: &str = "usr_01J0000000000000000000000E";

/// A public client of the instance, and its one address.
pub(super) const PUBLIC: &str = "public-client";
pub(super) const CALLBACK: &str = "https://app.example/cb";
/// A confidential one.
pub(super) const KEEPER: &str = "keeper-client";

// RFC 7636, appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(super) const HOME: &str = "192.0.2.7";
pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) struct World {
    pub(super) test: TestStore,
    pub(super) cp: Cp,
    /// The secret of [`KEEPER`].
    pub(super) secret: String,
}

pub(super) type Pairs = Vec<(String, String)>;

pub(super) fn pairs(list: &[(&str, &str)]) -> Pairs {
    list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

impl World {
    pub(super) async fn on(test: TestStore) -> Self {
        Self::configured(test, crate::harness::config()).await
    }

    pub(super) async fn configured(test: TestStore, config: airlock_cp::Config) -> Self {
        let cp = Cp::configured(config, test.store.clone(), Clock::new()).await;
        let zeros = "0".repeat(64);
        test.raw(&format!(
            "INSERT INTO orgs (id, slug, name, created_at, updated_at, audit_seq, audit_head) VALUES ('org_beta', 'beta', 'Beta', 1, 1, 0, '{zeros}')"
        ))
        .await;
        let people = [
            (ADA, "ada", "member"),
            (BOB, "bob", "owner"),
            (AUDITOR, "auditor", "auditor"),
            (BILLING, "billing", "billing"),
            (NOBODY, "nobody", ""),
        ];
        for (id, name, role) in people {
            test.raw(&format!(
                "INSERT INTO users (id, email, email_key, email_verified_at, name, status, created_at, updated_at, version) \
                 VALUES ('{id}', '{name}@example.com', '{name}@example.com', 1, '{name}', 'active', 1, 1, 1)"
            ))
            .await;
            if !role.is_empty() {
                test.raw(&format!("INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES ('default', '{id}', '{role}', 1)")).await;
            }
        }
        test.raw(&format!("INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES ('org_beta', '{BOB}', 'member', 1)")).await;
        cp.tenant("acme").await;
        test.raw("INSERT INTO tenants (id, org_id, slug, name, status, created_at, updated_at, version) VALUES ('t_bolt', 'org_beta', 'bolt', 'bolt', 'active', 1, 1, 1)").await;
        let public = json!({"name": "Public", "client_id": PUBLIC, "redirect_uris": [CALLBACK]});
        assert_eq!(cp.post("/api/v1/admin/clients", public).await.status, 201);
        let keeper = json!({"name": "Keeper", "client_id": KEEPER, "redirect_uris": [CALLBACK, "https://app.example/other"], "confidential": true});
        let keeper = cp.post("/api/v1/admin/clients", keeper).await.body;
        let secret = keeper["client_secret"].as_str().unwrap().to_owned();
        Self { test, cp, secret }
    }

    /// One that fetches from a server of the test's own, as an operator would let it.
    pub(super) async fn with_web() -> (Self, Web) {
        let authority = Authority::new();
        let web = Web::start(&authority).await;
        let file = authority.file();
        let vars = [("FETCH_ALLOW", "localhost"), ("CA_FILE", file.to_str().unwrap())];
        (Self::configured(TestStore::sqlite().await, config_with(&vars)).await, web)
    }

    pub(super) async fn fresh() -> Self {
        Self::on(TestStore::sqlite().await).await
    }

    pub(super) fn oauth(&self) -> &Oauth {
        self.cp.app.oauth()
    }

    pub(super) fn issuer(&self) -> String {
        self.cp.app.config().issuer().to_owned()
    }

    /// Somebody who signed in just now.
    pub(super) fn person(&self, id: &str) -> AuthorizedPerson {
        let user: UserId = id.parse().unwrap();
        let caller = Caller::person(&user).at(HOME.parse().unwrap(), None);
        AuthorizedPerson { user, auth_at: self.cp.clock.now(), org: None, caller }
    }

    /// The cookie of a browser in which somebody signed in just now.
    pub(super) async fn browser(&self, id: &str) -> String {
        let user = Some(id.parse().unwrap());
        let who = WhoLogsIn { user, org: None, ip: None, user_agent: None };
        let opened = self.cp.app.logins().open(who).await.unwrap();
        format!("__Host-airlock_session={}", opened.cookie.expose())
    }

    /// The usual request of a client.
    pub(super) fn request(&self, client: &str) -> Pairs {
        pairs(&[
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("state", "a state/+&"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
    }

    /// Lets a person say yes; what comes back on the address.
    pub(super) async fn allowed(&self, request: &Pairs, person: &AuthorizedPerson) -> Pairs {
        match self.oauth().authorize().allow(request, person).await.unwrap() {
            Step::Done(to) => query(to.as_str()),
            other => panic!("{other:?}"),
        }
    }

    /// A code for this request.
    pub(super) async fn code_for(&self, request: &Pairs, person: &str) -> String {
        one(&self.allowed(request, &self.person(person)).await, "code")
    }

    pub(super) async fn code(&self, client: &str) -> String {
        self.code_for(&self.request(client), ADA).await
    }

    /// Posts a form from an address.
    pub(super) async fn form_from(&self, ip: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        self.cp.send(form_request(ip, path, form)).await
    }

    pub(super) async fn form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.form_from(HOME, path, form).await
    }

    /// Exchanges a code of [`PUBLIC`].
    pub(super) async fn exchange(&self, code: &str) -> Answer {
        self.form("/token", &exchange(code)).await
    }

    /// Tokens of [`PUBLIC`] for a person.
    pub(super) async fn tokens_of(&self, person: &str) -> Value {
        let code = self.code_for(&self.request(PUBLIC), person).await;
        let answer = self.exchange(&code).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body
    }

    pub(super) async fn tokens(&self) -> Value {
        self.tokens_of(ADA).await
    }

    /// Rotates a refresh token of [`PUBLIC`].
    pub(super) async fn rotate(&self, refresh: &str) -> Answer {
        self.rotate_from(HOME, refresh).await
    }

    pub(super) async fn rotate_from(&self, ip: &str, refresh: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", PUBLIC), ("refresh_token", refresh)];
        self.form_from(ip, "/token", &form).await
    }

    pub(super) async fn verify(&self, access: &str) -> Option<VerifiedToken> {
        self.oauth().access().verify(access).await.unwrap()
    }

    /// The actions in the log of `default` about OAuth, oldest first.
    pub(super) async fn acts(&self) -> Vec<String> {
        let sql = "SELECT action FROM audit WHERE action LIKE 'oauth.%' ORDER BY seq";
        self.test
            .text(&format!("SELECT COALESCE({}, '')", concat(&self.test, sql)))
            .await
            .split(' ')
            .map(str::to_owned)
            .collect()
    }

    /// A personal access token of somebody in `default`.
    pub(super) async fn pat(&self, user: &str) -> String {
        let text = format!("airpat_{}{}", "x".repeat(42), user.chars().last().unwrap());
        let hash = bytes(&self.test, &sha256(&[text.as_bytes()]));
        let id = user.replace("usr_", "pat_");
        self.test
            .raw(&format!(
                "INSERT INTO pats (id, hash, user_id, org_id, name, hint, created_at, expires_at) \
                 VALUES ('{id}', {hash}, '{user}', 'default', 'p', 'h', 1, 9000000000000)"
            ))
            .await;
        text
    }

    /// Asks with a bearer.
    pub(super) async fn ask_as(
        &self,
        bearer: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = crate::harness::request(method, path, body);
        request.headers_mut().insert("authorization", format!("Bearer {bearer}").parse().unwrap());
        self.cp.send(request).await
    }
}

fn concat(test: &TestStore, sql: &str) -> String {
    match test.store.dialect() {
        Dialect::Sqlite => format!("(SELECT group_concat(action, ' ') FROM ({sql}))"),
        Dialect::Postgres => format!("(SELECT string_agg(action, ' ') FROM ({sql}) AS a)"),
    }
}

fn bytes(test: &TestStore, bytes: &[u8]) -> String {
    match test.store.dialect() {
        Dialect::Sqlite => format!("x'{}'", hex::encode(bytes)),
        Dialect::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
    }
}

pub(super) fn exchange(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", PUBLIC),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(super) fn form_request(ip: &str, path: &str, form: &[(&str, &str)]) -> Request<Body> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    raw_request(ip, path, "application/x-www-form-urlencoded", body)
}

pub(super) fn raw_request(ip: &str, path: &str, kind: &str, body: String) -> Request<Body> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert("content-type", kind.parse().unwrap());
    let peer: SocketAddr = format!("{ip}:40000").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

/// The query of an address, decoded.
pub(super) fn query(address: &str) -> Pairs {
    let (_, query) = address.split_once('?').unwrap();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The one value of a name.
#[track_caller]
pub(super) fn one(pairs: &Pairs, name: &str) -> String {
    let found: Vec<_> = pairs.iter().filter(|(n, _)| n == name).collect();
    assert_eq!(found.len(), 1, "{name} in {pairs:?}");
    found[0].1.clone()
}

/// The same request with one parameter changed (`Some`) or left out (`None`).
pub(super) fn with(request: &Pairs, name: &str, value: Option<&str>) -> Pairs {
    let mut out: Pairs = request.iter().filter(|(n, _)| n != name).cloned().collect();
    out.extend(value.map(|v| (name.to_owned(), v.to_owned())));
    out
}

#[track_caller]
pub(super) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned()
}
