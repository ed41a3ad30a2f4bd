//! A person at a browser, signed in: makes tokens for themselves and says yes to clients.

use http::Method;
use serde_json::json;

use crate::{Http, Result};

/// Where clients are sent back to; nobody listens there.
pub const BACK: &str = "http://127.0.0.1:1/callback";
// RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A person's session.
#[derive(Debug)]
pub struct Person {
    http: Http,
    url: String,
    cookie: String,
    csrf: String,
}

impl Person {
    /// Signs in.
    ///
    /// # Errors
    /// When they are refused.
    pub async fn sign_in(url: &str, email: &str, password: &str) -> Result<Self> {
        let mut http = Http::connect(url).await?;
        let body = json!({"email": email, "password": password}).to_string();
        let answer = http.post_json("/api/v1/auth/login", &[], body).await?;
        let told = answer.json()?;
        let cookie = answer.headers.get("set-cookie").ok_or("no cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let csrf = told["csrf_token"].as_str().ok_or("no token against forgery")?.to_owned();
        Ok(Self { http, url: url.to_owned(), cookie, csrf })
    }

    /// Makes a personal access token.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn pat(&mut self) -> Result<String> {
        let headers = [("cookie", self.cookie.as_str()), ("x-csrf-token", self.csrf.as_str())];
        let body = json!({"name": "bench"}).to_string();
        let made = self.http.post_json("/api/v1/me/pats", &headers, body).await?.json()?;
        Ok(made["token"].as_str().ok_or("no token")?.to_owned())
    }

    /// Lets a client in for a tenant: its access and its refresh token.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn allow(&mut self, client: &str, slug: &str) -> Result<(String, String)> {
        let resource = format!("{}/mcp/{slug}", self.url);
        let fields = [
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", BACK),
            ("resource", resource.as_str()),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("csrf", self.csrf.as_str()),
            ("decision", "allow"),
        ];
        let headers = [("cookie", self.cookie.as_str()), ("origin", self.url.as_str())];
        let answer = self.http.post_form("/authorize", &headers, &fields).await?;
        let to = answer.headers.get("location").ok_or_else(|| format!("not let in: {}", answer.status))?;
        let to = url::Url::parse(to.to_str()?)?;
        let code = to.query_pairs().find(|(name, _)| name == "code").ok_or("no code")?.1.into_owned();
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code.as_str()),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        let told = self.http.post_form("/token", &[], &fields).await?.json()?;
        let text = |name: &str| Ok::<_, crate::Error>(told[name].as_str().ok_or("no token")?.to_owned());
        Ok((text("access_token")?, text("refresh_token")?))
    }

    /// Any other request of theirs.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn get(&mut self, target: &str) -> Result<crate::Answer> {
        self.http.send(Method::GET, target, &[("cookie", self.cookie.as_str())], "").await
    }
}
