//! The person whose tokens they are: signed in once, and says yes to whatever client asks.

use serde_json::{Value, json};

/// Where the clients of this test are sent back to; nobody listens there.
pub(super) const BACK: &str = "http://127.0.0.1:1/callback";
// RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) struct Person {
    pub(super) url: String,
    http: reqwest::Client,
    cookie: String,
    csrf: String,
}

/// What came of one request at the token endpoint.
pub(super) enum Got {
    /// The connection broke, or the store could not be reached: nobody knows what became of it.
    Lost,
    Tokens(Tokens),
    Refused(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Person {
    pub(super) async fn sign_in(url: &str, email: &str, password: &str) -> Self {
        let http = crate::http::client().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let sent = http.post(format!("{url}/api/v1/auth/login"));
        let answer = sent.json(&json!({"email": email, "password": password})).send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let body: Value = answer.json().await.unwrap();
        let csrf = body["csrf_token"].as_str().unwrap().to_owned();
        Self { url: url.to_owned(), http, cookie, csrf }
    }

    /// A code for a client; `None` when the answer was lost.
    pub(super) async fn allow(&self, client: &str) -> Option<String> {
        let body = encoded(&[
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", BACK),
            ("resource", &format!("{}/mcp/acme", self.url)),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("csrf", &self.csrf),
            ("decision", "allow"),
        ]);
        let sent = self.http.post(format!("{}/authorize", self.url)).header("content-type", FORM);
        let sent = sent.header("origin", &self.url).header("cookie", &self.cookie).body(body);
        let answer = sent.send().await.ok()?;
        if answer.status() == 503 {
            return None;
        }
        assert_eq!(answer.status(), 303, "{client} was not let in");
        let to = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let code = to.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        Some(code.unwrap_or_else(|| panic!("no code for {client}: {to}")))
    }
}

/// One client's way to the server, from an address of its own.
pub(super) struct Wire {
    url: String,
    http: reqwest::Client,
}

impl Wire {
    pub(super) fn from(url: &str, address: [u8; 4]) -> Self {
        let http = crate::http::client().local_address(std::net::IpAddr::from(address)).build().unwrap();
        Self { url: url.to_owned(), http }
    }

    pub(super) async fn exchange(&self, client: &str, name: &str, code: &str) -> Got {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.tokens(name, &fields).await
    }

    pub(super) async fn refresh(&self, client: &str, name: &str, token: &str) -> Got {
        let fields = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
        self.tokens(name, &fields).await
    }

    /// `name` is the user agent: by it the row of this request is found in the log.
    async fn tokens(&self, name: &str, fields: &[(&str, &str)]) -> Got {
        let sent = self.http.post(format!("{}/token", self.url)).header("user-agent", name);
        let sent = sent.header("content-type", FORM).body(encoded(fields)).send();
        let answered = async {
            let answer = sent.await?;
            Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.json::<Value>().await?))
        };
        let Ok((status, body)) = answered.await else { return Got::Lost };
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        match (status, text("access_token"), text("refresh_token")) {
            (200, Some(access), Some(refresh)) => Got::Tokens(Tokens { access, refresh }),
            (503, _, _) => Got::Lost,
            _ => Got::Refused(format!("{status} {}", text("error").unwrap_or_default())),
        }
    }

    /// Whether an access token opens its resource; `None` when the answer was lost.
    pub(super) async fn opens(&self, access: &str) -> Option<bool> {
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let sent = self.http.post(format!("{}/mcp/acme", self.url)).bearer_auth(access).json(&list).send();
        match sent.await.ok()?.status().as_u16() {
            503 => None,
            status => Some(status != 401),
        }
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://localhost", fields).unwrap();
    url.query().unwrap().to_owned()
}
