//! The environment, read once: `AIRLOCK_CP_*`, each also as `…_FILE` naming a file that holds the value.

mod approvals;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use airlock_core::Secret;
use url::Url;

pub use approvals::ApprovalsConfig;

use crate::http::TrustedProxies;

/// Everything the environment says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The bearer of the admin API. Needed to serve.
    pub operator_token: Option<Secret<String>>,
    /// Where to listen.
    pub bind: SocketAddr,
    /// Under which URL others reach us; from `bind` when it is not said.
    pub public_url: Url,
    /// Whether the public URL was said.
    pub public_url_given: bool,
    /// Where the SQLite store is.
    pub data_dir: PathBuf,
    /// The Postgres store, instead.
    pub database_url: Option<Secret<String>>,
    /// Certificate and key, if we terminate TLS.
    pub tls: Option<TlsFiles>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// The signing key as PEM; the store's own when absent.
    pub signing_key: Option<Secret<String>>,
    /// Where metrics are served; `None` when switched off.
    pub metrics_bind: Option<SocketAddr>,
    /// Web origins of consoles hosted elsewhere.
    pub cors_origins: Vec<String>,
    /// Who may make an account.
    pub signup: Signup,
    /// Where mails go; without it none are sent, and links are made by the command line.
    pub mail: Option<MailConfig>,
    /// Which OAuth clients may introduce themselves.
    pub oauth: OauthConfig,
    /// How the approvals gateway behaves.
    pub approvals: ApprovalsConfig,
    /// Private addresses and hosts that the control plane may fetch from all the same: `10.0.0.0/8`, `idp.corp.example`.
    pub fetch_allow: Vec<String>,
    /// How long records of the audit log are kept; `None`: for ever.
    pub audit_retention: Option<Duration>,
    /// Certificates, PEM, of authorities that are trusted beside the system's when we dial: to fetch, to send mail.
    pub ca_file: Option<PathBuf>,
    /// Whether pages are served.
    pub console: bool,
    /// What is logged, in the words of `tracing`.
    pub log: String,
    /// Names of variables that were set and mean nothing to this program.
    pub ignored: Vec<String>,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signup {
    /// Who was invited.
    #[default]
    Invite,
    /// Everybody, each with an org of their own.
    Open,
}

/// Where mails go.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// `smtp://`, `smtps://`, or `file:///folder` for development: one file a mail.
    pub smtp: Secret<String>,
    /// Who they are from: `Airlock <airlock@example.com>`.
    pub from: String,
}

/// Which OAuth clients may introduce themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OauthConfig {
    /// Dynamic registration (RFC 7591).
    pub dynamic: bool,
    /// Client ID metadata documents.
    pub metadata_documents: bool,
}

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What is wrong with the environment: all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.join("\n"))]
pub struct ConfigError {
    /// One line for each problem.
    pub problems: Vec<String>,
}

const PREFIX: &str = "AIRLOCK_CP_";
const AUDIT_RETENTION_DAYS: u32 = 400;
const TOKEN_CHARS_MIN: usize = 32;

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// With every problem at once.
    pub fn from_env() -> Result<Self, ConfigError> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::from_vars(std::env::vars_os().filter_map(text))
    }

    /// Reads the environment given.
    ///
    /// # Errors
    /// With every problem at once.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let ours = |(name, value): (String, String)| Some((name.strip_prefix(PREFIX)?.to_owned(), value));
        let mut vars = Vars { left: vars.into_iter().filter_map(ours).collect(), problems: Vec::new() };

        let operator_token = vars.take("OPERATOR_TOKEN").map(Secret::new);
        if operator_token.as_ref().is_some_and(|t| t.expose().chars().count() < TOKEN_CHARS_MIN) {
            vars.problem(
                "OPERATOR_TOKEN",
                "has at least 32 characters; `airlock-cp token generate` makes one",
            );
        }
        let tls = match (vars.take_path("TLS_CERT"), vars.take_path("TLS_KEY")) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            _ => {
                vars.problem("TLS_CERT", "and AIRLOCK_CP_TLS_KEY go together");
                None
            }
        };
        let default_bind = if tls.is_some() { "0.0.0.0:8443" } else { "127.0.0.1:8080" };
        let bind =
            vars.parse("BIND", "an address and a port").unwrap_or(default_bind.parse().expect("an address"));
        let metrics_bind = match vars.take("METRICS_BIND").as_deref() {
            None => Some(SocketAddr::from(([127, 0, 0, 1], 9091))),
            Some("off") => None,
            Some(text) => text.parse().ok().or_else(|| {
                vars.problem("METRICS_BIND", "an address and a port, or `off`");
                None
            }),
        };
        let given: Option<Url> = vars.parse("PUBLIC_URL", "an http or https URL");
        if given.as_ref().is_some_and(|u| !matches!(u.scheme(), "http" | "https") || u.host_str().is_none()) {
            vars.problem("PUBLIC_URL", "an http or https URL");
        }
        let own = || own_url(bind, tls.is_some());
        let public_url_given = given.is_some();
        let trusted_proxies = match TrustedProxies::parse(&vars.take("TRUSTED_PROXIES").unwrap_or_default()) {
            Ok(proxies) => proxies,
            Err(part) => {
                vars.problem("TRUSTED_PROXIES", &format!("`{part}` is neither an address nor a network"));
                TrustedProxies::default()
            }
        };
        let cors_origins = vars.list("CORS_ORIGINS");
        let signup = match vars.take("SIGNUP").as_deref() {
            None | Some("invite") => Signup::Invite,
            Some("open") => Signup::Open,
            Some(_) => {
                vars.problem("SIGNUP", "`invite` or `open`");
                Signup::Invite
            }
        };
        let mail = match (vars.take("SMTP_URL"), vars.take("MAIL_FROM")) {
            (Some(smtp), Some(from)) => Some(MailConfig { smtp: Secret::new(smtp), from }),
            (None, None) => None,
            _ => {
                vars.problem("SMTP_URL", "and AIRLOCK_CP_MAIL_FROM go together");
                None
            }
        };
        let oauth = OauthConfig {
            dynamic: vars.switch("OAUTH_DCR", ("open", "off")),
            metadata_documents: vars.switch("OAUTH_CIMD", ("any", "off")),
        };
        let days: u32 = vars
            .parse("AUDIT_RETENTION_DAYS", "a number of days; 0 keeps records for ever")
            .unwrap_or(AUDIT_RETENTION_DAYS);
        let audit_retention = (days > 0).then(|| Duration::from_secs(86_400 * u64::from(days)));
        let approvals = ApprovalsConfig::take(&mut vars);
        let console = vars.switch("CONSOLE", ("on", "off"));
        let fetch_allow = vars.list("FETCH_ALLOW");
        let ca_file = vars.take_path("CA_FILE");
        let config = Self {
            operator_token,
            bind,
            public_url: given.unwrap_or_else(own),
            public_url_given,
            data_dir: vars.take("DATA_DIR").unwrap_or_else(|| "/data".to_owned()).into(),
            database_url: vars.take("DATABASE_URL").map(Secret::new),
            tls,
            trusted_proxies,
            // `…_FILE` alone is the documented form; the value itself works as for all.
            signing_key: vars.take("SIGNING_KEY").map(Secret::new),
            metrics_bind,
            cors_origins,
            signup,
            mail,
            oauth,
            approvals,
            fetch_allow,
            audit_retention,
            ca_file,
            console,
            log: vars.take("LOG").unwrap_or_else(|| "info".to_owned()),
            ignored: vars.left.keys().map(|name| format!("{PREFIX}{name}")).collect(),
        };
        if vars.problems.is_empty() { Ok(config) } else { Err(ConfigError { problems: vars.problems }) }
    }

    /// Takes in where the listener is: with port 0, the system chose. The public URL follows unless it was said.
    pub(crate) fn listens_at(&mut self, address: SocketAddr) {
        self.bind = address;
        if !self.public_url_given {
            self.public_url = own_url(address, self.tls.is_some());
        }
    }

    /// Our own name as an authorization server: the public URL without a slash at its end. Compared by exact text.
    pub fn issuer(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }

    /// Our own origin, as browsers write it.
    pub fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }

    /// The SQLite store's file.
    pub fn sqlite_file(&self) -> PathBuf {
        self.data_dir.join("airlock-cp.sqlite")
    }
}

fn own_url(address: SocketAddr, tls: bool) -> Url {
    let scheme = if tls { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{address}")).expect("an address makes a URL")
}

struct Vars {
    left: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Vars {
    fn problem(&mut self, name: &str, rule: &str) {
        self.problems.push(format!("{PREFIX}{name}: {rule}"));
    }
    /// The value, or the content of the file that `…_FILE` names. Empty is absent.
    fn take(&mut self, name: &str) -> Option<String> {
        let value = self.left.remove(name).filter(|v| !v.is_empty());
        let file = self.left.remove(&format!("{name}_FILE")).filter(|v| !v.is_empty());
        match (value, file) {
            (Some(_), Some(_)) => {
                self.problem(name, "is set twice: as itself and as _FILE");
                None
            }
            (Some(value), None) => Some(value),
            (None, Some(file)) => match std::fs::read_to_string(Path::new(&file)) {
                Ok(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
                Err(e) => {
                    self.problem(&format!("{name}_FILE"), &format!("cannot be read: {}", e.kind()));
                    None
                }
            },
            (None, None) => None,
        }
    }
    /// A path: here the variable itself names the file.
    fn take_path(&mut self, name: &str) -> Option<PathBuf> {
        let file = self.left.remove(&format!("{name}_FILE"));
        self.left.remove(name).or(file).filter(|v| !v.is_empty()).map(PathBuf::from)
    }
    /// One of two words; the first is the default, and means yes.
    fn switch(&mut self, name: &str, (yes, no): (&str, &str)) -> bool {
        match self.take(name).as_deref() {
            None => true,
            Some(word) if word == yes => true,
            Some(word) if word == no => false,
            Some(_) => {
                self.problem(name, &format!("`{yes}` or `{no}`"));
                true
            }
        }
    }
    /// Words with commas between.
    fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.take(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
    fn parse<T: std::str::FromStr>(&mut self, name: &str, rule: &str) -> Option<T> {
        let text = self.take(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.problem(name, rule);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_vars(vars.iter().map(|(n, v)| (format!("AIRLOCK_CP_{n}"), (*v).to_owned())))
    }

    #[test]
    fn without_anything_it_listens_on_loopback() {
        let config = read(&[]).unwrap();
        assert_eq!(config.bind, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8080/");
        assert_eq!(config.metrics_bind, Some("127.0.0.1:9091".parse().unwrap()));
        assert!(config.operator_token.is_none());
    }

    #[test]
    fn the_public_url_follows_the_listener_unless_it_was_said() {
        let at = "127.0.0.1:4711".parse().unwrap();
        let mut config = read(&[("BIND", "127.0.0.1:0")]).unwrap();
        config.listens_at(at);
        assert_eq!((config.bind, config.public_url.as_str()), (at, "http://127.0.0.1:4711/"));
        let mut config = read(&[("BIND", "127.0.0.1:0"), ("PUBLIC_URL", "https://a.example")]).unwrap();
        config.listens_at(at);
        assert_eq!((config.bind, config.public_url.as_str()), (at, "https://a.example/"));
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let error = read(&[
            ("OPERATOR_TOKEN", "short"),
            ("BIND", "nowhere"),
            ("TLS_CERT", "/c.pem"),
            ("TRUSTED_PROXIES", "10.0.0.0/8,x"),
            ("PUBLIC_URL", "ftp://x"),
        ])
        .unwrap_err();
        assert_eq!(error.problems.len(), 5, "{error}");
        assert!(!error.to_string().contains("short"));
    }

    #[test]
    fn a_value_may_come_from_a_file_and_not_from_both() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, format!("{}\n", "x".repeat(40))).unwrap();
        let file = file.to_str().unwrap();
        let config = read(&[("OPERATOR_TOKEN_FILE", file)]).unwrap();
        assert!(config.operator_token.unwrap().matches(&"x".repeat(40)));
        assert!(read(&[("OPERATOR_TOKEN_FILE", file), ("OPERATOR_TOKEN", &"y".repeat(40))]).is_err());
        assert!(read(&[("OPERATOR_TOKEN_FILE", "/nowhere")]).is_err());
    }

    #[test]
    fn secrets_are_not_printed_and_unknown_names_are_told() {
        let config =
            read(&[("OPERATOR_TOKEN", &"s3cret".repeat(8)), ("AUDIT_RETENTION_YEARS", "1")]).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(config.ignored, ["AIRLOCK_CP_AUDIT_RETENTION_YEARS"]);
    }
}
