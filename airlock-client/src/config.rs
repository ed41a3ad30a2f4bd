//! Where the gateway is, how long to wait for it, who asks: from code, or from the environment when that is asked for.

use std::path::PathBuf;

use airlock_core::Secret;
use url::{Host, Url};

use crate::auth::{AppCredentials, Credentials, UserCredential};
use crate::transport::RetryPolicy;

/// What an [`Airlock`](crate::Airlock) is made of.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(crate) base: Url,
    pub(crate) retry: RetryPolicy,
    pub(crate) credentials: Credentials,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The base URL is none.
    #[error("the gateway's address is not a URL: {0}")]
    NotAUrl(String),
    /// Credentials would travel in clear.
    #[error("the gateway's address has to be https; http is taken on loopback only")]
    NotSecure,
    /// The address has what belongs elsewhere.
    #[error("the gateway's address must not hold a user, a query or a fragment")]
    TooMuch,
    /// A variable is not set.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable names a file that cannot be read.
    #[error("{variable} names {path}, which cannot be read: {kind}", path = .path.display())]
    NoFile {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        kind: std::io::ErrorKind,
    },
}

impl ClientConfig {
    /// A gateway at this address, with or without a path.
    ///
    /// ```
    /// use airlock_client::ClientConfig;
    ///
    /// let config = ClientConfig::new("https://airlock.example.com")?.with_pat("airpat_of_yours");
    /// assert!(!format!("{config:?}").contains("of_yours"));
    /// assert!(ClientConfig::new("http://airlock.example.com").is_err());
    /// # Ok::<(), airlock_client::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// When it is no address, or one without TLS that is not this machine.
    pub fn new(base: &str) -> Result<Self, ConfigError> {
        let url: Url = base.parse().map_err(|_| ConfigError::NotAUrl(base.chars().take(100).collect()))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(ConfigError::NotSecure),
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(ConfigError::TooMuch);
        }
        Ok(Self { base: url, retry: RetryPolicy::default(), credentials: Credentials::default() })
    }

    /// From `AIRLOCK_GATEWAY_URL`, and where they are set `AIRLOCK_PAT`, `AIRLOCK_CLIENT_ID` and `AIRLOCK_CLIENT_SECRET`. For
    /// the two secrets, the same name with `_FILE` names a file that holds it.
    ///
    /// # Errors
    /// When the address is missing or wrong, or a file cannot be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(variable)
    }

    /// The same with an address that was given by other means, where one was.
    #[cfg(feature = "cli")]
    pub(crate) fn from_env_at(gateway: Option<&str>) -> Result<Self, ConfigError> {
        let given = |name: &str| gateway.filter(|_| name == GATEWAY_URL).map(str::to_owned);
        Self::from_lookup(|name| given(name).or_else(|| variable(name)))
    }

    /// Whether a person is named in it.
    #[cfg(feature = "cli")]
    pub(crate) fn names_a_person(&self) -> bool {
        self.credentials.user.is_some()
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let secret = |name: &'static str, file: &'static str| match (lookup(name), lookup(file)) {
            (Some(value), _) => Ok(Some(value)),
            (None, None) => Ok(None),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Ok(Some(text.trim().to_owned())),
                Err(error) => {
                    Err(ConfigError::NoFile { variable: file, path: path.into(), kind: error.kind() })
                }
            },
        };
        let mut config = Self::new(&lookup(GATEWAY_URL).ok_or(ConfigError::Missing(GATEWAY_URL))?)?;
        if let Some(pat) = secret("AIRLOCK_PAT", "AIRLOCK_PAT_FILE")? {
            config = config.with_pat(pat);
        }
        if let Some(client_id) = lookup("AIRLOCK_CLIENT_ID") {
            let client_secret = secret("AIRLOCK_CLIENT_SECRET", "AIRLOCK_CLIENT_SECRET_FILE")?;
            let client_secret = client_secret.map(Secret::new);
            config.credentials.app = Some(AppCredentials { client_id, client_secret });
        }
        Ok(config)
    }

    /// The same, asking for the person with this personal access token.
    #[must_use]
    pub fn with_pat(mut self, pat: impl Into<String>) -> Self {
        self.credentials.user = Some(UserCredential::Pat(Secret::new(pat.into())));
        self
    }
    /// The same, asking for the person with this access token.
    #[must_use]
    pub fn with_bearer(mut self, token: impl Into<String>) -> Self {
        self.credentials.user = Some(UserCredential::Bearer(Secret::new(token.into())));
        self
    }
    /// The same, asking as this app.
    #[must_use]
    pub fn with_app(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        let client_secret = Some(Secret::new(client_secret.into()));
        self.credentials.app = Some(AppCredentials { client_id: client_id.into(), client_secret });
        self
    }
    /// The same with another way to repeat what failed.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }
    /// The gateway's address.
    pub fn base_url(&self) -> &Url {
        &self.base
    }
}

const GATEWAY_URL: &str = "AIRLOCK_GATEWAY_URL";

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment, when it is asked to"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, ok: bool) {
        let config = ClientConfig::new(base);
        assert_eq!(config.is_ok(), ok, "{base}: {config:?}");
    }

    #[test]
    fn credentials_travel_in_clear_on_this_machine_only() {
        for good in [
            "https://gw.example.com",
            "https://gw/air/",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:1",
        ] {
            check(good, true);
        }
        for bad in [
            "",
            "gw.example.com",
            "http://gw.example.com",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
            "https://u:p@gw",
            "https://gw?a=b",
            "https://gw#f",
        ] {
            check(bad, false);
        }
    }

    #[test]
    fn the_environment_gives_values_or_names_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pat");
        std::fs::write(&file, "airpat_1\n").unwrap();
        let path = file.to_str().unwrap().to_owned();
        let from = |pairs: &[(&str, &str)]| {
            ClientConfig::from_lookup(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let url = ("AIRLOCK_GATEWAY_URL", "https://gw");
        let config = from(&[url, ("AIRLOCK_PAT_FILE", &path), ("AIRLOCK_CLIENT_ID", "c")]).unwrap();
        assert!(
            matches!(&config.credentials.user, Some(UserCredential::Pat(pat)) if pat.matches("airpat_1"))
        );
        assert!(config.credentials.app.is_some_and(|app| app.client_secret.is_none()));
        assert!(matches!(from(&[]), Err(ConfigError::Missing("AIRLOCK_GATEWAY_URL"))));
        assert!(matches!(from(&[url, ("AIRLOCK_PAT_FILE", "/nowhere")]), Err(ConfigError::NoFile { .. })));
    }
}
