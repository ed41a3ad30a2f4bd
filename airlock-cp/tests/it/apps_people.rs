//! People, their sessions and their clients' tokens, written into the store as the rooms that make them would.

use airlock_core::Host as _;
use airlock_core::crypto::sha256;
use airlock_core::id::{FamilyId, LoginId, UserId};
use airlock_core::runtime::SystemHost;
use airlock_cp::identity::Logins;
use airlock_cp::store::Dialect;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::Value;

use crate::harness::{Answer, Cp, TestStore, request};

/// A person who is signed in.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) cookie: String,
}

fn minted(prefix: &str) -> String {
    let mut random = [0; 32];
    SystemHost::new().random(&mut random);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random))
}

fn now() -> i64 {
    SystemHost::new().now().as_millis()
}

fn bytes(test: &TestStore, text: &str) -> String {
    let digest = hex::encode(sha256(&[text.as_bytes()]));
    match test.store.dialect() {
        Dialect::Sqlite => format!("x'{digest}'"),
        Dialect::Postgres => format!("'\\x{digest}'"),
    }
}

/// Another org.
pub(crate) async fn org(test: &TestStore, slug: &str) {
    let head = "0".repeat(64);
    let columns = "id, slug, name, created_at, audit_seq, audit_head";
    test.raw(&format!(
        "INSERT INTO orgs ({columns}) VALUES ('org_{slug}', '{slug}', '{slug}', 0, 0, '{head}')"
    ))
    .await;
}

/// A member of an org, signed in there.
pub(crate) async fn person(test: &TestStore, org: &str, role: &str) -> Person {
    let id = UserId::new(&SystemHost::new()).to_string();
    let (cookie, now) = (minted("cs_"), now());
    let mail = format!("{}@example.com", id.to_ascii_lowercase());
    test.raw(&format!(
        "INSERT INTO users (id, email, email_key, email_verified_at, name, status, created_at, updated_at, version) \
         VALUES ('{id}', '{mail}', '{mail}', {now}, 'Ada', 'active', {now}, {now}, 1)"
    ))
    .await;
    test.raw(&format!(
        "INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES ('{org}', '{id}', '{role}', {now})"
    ))
    .await;
    let (hash, login) = (bytes(test, &cookie), LoginId::new(&SystemHost::new()));
    test.raw(&format!(
        "INSERT INTO logins (hash, id, user_id, org_id, created_at, auth_at, last_seen_at, expires_at) \
         VALUES ({hash}, '{login}', '{id}', '{org}', {now}, {now}, {now}, {})",
        now + 604_800_000
    ))
    .await;
    Person { id, cookie }
}

/// An OAuth client that anybody may be.
pub(crate) async fn client(test: &TestStore, id: &str, name: &str) {
    let metadata = r#"{"redirect_uris":["http://localhost/callback"],"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"none","token_format":"opaque"}"#;
    let now = now();
    test.raw(&format!(
        "INSERT INTO oauth_clients (id, kind, name, metadata, status, created_at, updated_at, version) \
         VALUES ('{id}', 'preregistered', '{name}', '{metadata}', 'active', {now}, {now}, 1)"
    ))
    .await;
}

/// An access token that a client has of a person: its text and its family.
pub(crate) async fn access_token(
    test: &TestStore,
    client: &str,
    (user, org): (&str, &str),
    (resource, scopes): (&str, &str),
) -> (String, String) {
    let (text, family, now) = (minted("at_"), FamilyId::new(&SystemHost::new()).to_string(), now());
    test.raw(&format!(
        "INSERT INTO token_families (id, user_id, org_id, client_id, resource, scopes, auth_at, created_at, ends_at) \
         VALUES ('{family}', '{user}', '{org}', '{client}', '{resource}', '{scopes}', {now}, {now}, {})",
        now + 2_592_000_000
    ))
    .await;
    let hash = bytes(test, &text);
    test.raw(&format!(
        "INSERT INTO access_tokens (hash, family_id, resource, scopes, issued_at, expires_at) \
         VALUES ({hash}, '{family}', '{resource}', '{scopes}', {now}, {})",
        now + 28_800_000
    ))
    .await;
    (text, family)
}

impl Cp {
    /// Asks with these headers and nothing else.
    pub(crate) async fn bare(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = request(method, path, body);
        for (name, value) in headers {
            request.headers_mut().append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        self.send(request).await
    }

    /// Asks as a page of ours does, in a person's browser.
    pub(crate) async fn browse(
        &self,
        who: &Person,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let cookie = format!("__Host-airlock_session={}", who.cookie);
        let csrf = Logins::csrf_token(&who.cookie);
        self.bare(method, path, body, &[("cookie", &cookie), ("x-csrf-token", &csrf)]).await
    }

    /// A personal access token of a person: its text and its id.
    pub(crate) async fn pat(&self, who: &Person) -> (String, String) {
        let made =
            self.browse(who, Method::POST, "/api/v1/me/pats", Some(serde_json::json!({"name": "ci"}))).await;
        assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
        let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
        (text("token"), text("id"))
    }
}
