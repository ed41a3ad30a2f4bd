//! What the worker is told from outside: the environment, files of secrets, the command line. The only reader of them.
//!
//! `airlock.yaml` says what agents may see; here is what is true of this host: where things are, and secrets. A flag
//! wins over the environment, the environment over the default. Secrets never come from YAML.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use airlock_core::Secret;
use zeroize::Zeroizing;

use crate::proxy::Proxy;

/// The environment of a process, taken once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// This process's environment; names and values that are no UTF-8 are left out.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }
    /// An environment of these variables: for embedders and tests.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }
    /// A variable; empty is absent.
    pub(crate) fn take(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What the command line gave; each wins over the environment.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--database-url`.
    pub database_url: Option<Secret<String>>,
    /// `--token`, `--enrollment-token`.
    pub enrollment_token: Option<Secret<String>>,
    /// `--cp`, `--cp-url`.
    pub cp_url: Option<String>,
}

/// What is true of this host.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where `airlock.yaml` is, or will be written.
    pub config_path: PathBuf,
    /// The source database.
    pub database_url: Option<Secret<String>>,
    /// Where snapshots live, instead of the policy's `data_dir`.
    pub data_dir: Option<PathBuf>,
    /// Where metrics and health are served.
    pub metrics_addr: SocketAddr,
    /// The root of every mask key.
    pub mask_key: MaskKeyPlace,
    /// The worker's private key, instead of the policy's `key_path`.
    pub key_path: Option<PathBuf>,
    /// A token to enroll with.
    pub enrollment_token: Option<Secret<String>>,
    /// The control plane to enroll with.
    pub cp_url: Option<String>,
    /// `AIRLOCK_LOG`: levels, as `info` or `airlock_worker=debug,info`.
    pub log: Option<String>,
    /// `HTTPS_PROXY`: what stands between the worker and the control plane.
    pub https_proxy: Option<Secret<String>>,
    /// `NO_PROXY`: hosts that are reached without it.
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`: trust anchors instead of the system's.
    pub ssl_cert_file: Option<PathBuf>,
}

/// Where the root of the mask keys comes from.
#[derive(Debug)]
pub enum MaskKeyPlace {
    /// Given as base64.
    Given(Secret<String>),
    /// In a file that must exist, such as a mounted secret.
    Mounted(PathBuf),
    /// In our own file, made when missing.
    Own(PathBuf),
}

/// What is wrong with what the worker was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A secret is given twice.
    #[error("{0} and {0}_FILE are both set; set one of them")]
    Twice(&'static str),
    /// A variable's value is not of its kind. The value is not shown.
    #[error("{name}: {expected}")]
    Value {
        /// The variable.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A file that a variable names cannot be read.
    #[error("{name}: {path} cannot be read: {kind}")]
    File {
        /// The variable.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// `airlock.yaml` cannot be read.
    #[error("{path} cannot be read: {kind}; write one with `airlock init`, or name it with --config")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
}

impl Settings {
    /// Reads the environment, and the files that it names.
    ///
    /// # Errors
    /// When a value is not of its kind or a named file cannot be read.
    pub fn read(environment: &Environment, flags: Flags) -> Result<Self, ConfigError> {
        let env = |name| environment.take(name).map(str::to_owned);
        let config_path =
            flags.config.or_else(|| env("AIRLOCK_CONFIG").map(PathBuf::from)).unwrap_or_else(default_config);
        let database_url = match flags.database_url {
            Some(url) => Some(url),
            None => secret(
                environment,
                "DATABASE_URL",
                "AIRLOCK_DATABASE_URL_FILE",
                &["DATABASE_URL", "AIRLOCK_DATABASE_URL"],
            )?,
        };
        let mask_key = match (environment.take("AIRLOCK_MASK_KEY"), environment.take("AIRLOCK_MASK_KEY_FILE"))
        {
            (Some(_), Some(_)) => return Err(ConfigError::Twice("AIRLOCK_MASK_KEY")),
            (Some(key), None) => MaskKeyPlace::Given(Secret::new(key.to_owned())),
            (None, Some(file)) => MaskKeyPlace::Mounted(file.into()),
            (None, None) => MaskKeyPlace::Own(beside(&config_path, "mask_key")),
        };
        let metrics_addr = match environment.take("AIRLOCK_METRICS_ADDR") {
            None => DEFAULT_METRICS_ADDR,
            Some(text) => text.parse().map_err(|_| ConfigError::Value {
                name: "AIRLOCK_METRICS_ADDR",
                expected: "an address and port, such as 127.0.0.1:9090",
            })?,
        };
        Ok(Self {
            database_url,
            data_dir: env("AIRLOCK_DATA_DIR").map(PathBuf::from),
            metrics_addr,
            mask_key,
            key_path: env("AIRLOCK_KEY_PATH").map(PathBuf::from),
            enrollment_token: flags
                .enrollment_token
                .or_else(|| env("AIRLOCK_ENROLLMENT_TOKEN").map(Secret::new)),
            cp_url: flags.cp_url.or_else(|| env("AIRLOCK_CP_URL")),
            log: env("AIRLOCK_LOG"),
            https_proxy: env("HTTPS_PROXY").or_else(|| env("https_proxy")).map(Secret::new),
            no_proxy: env("NO_PROXY").or_else(|| env("no_proxy")),
            ssl_cert_file: env("SSL_CERT_FILE").map(PathBuf::from),
            config_path,
        })
    }

    /// Where the worker's private key is: told from outside, by the policy, or beside the configuration.
    pub fn worker_key_path(&self, policy: Option<&str>) -> PathBuf {
        match (&self.key_path, policy) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) => PathBuf::from(path),
            (None, None) => beside(&self.config_path, "worker_ed25519.pem"),
        }
    }

    /// The way to the control plane: through the policy's `control_plane.proxy`, or through `HTTPS_PROXY`, or straight.
    ///
    /// # Errors
    /// When it is no proxy's URL.
    pub fn proxy_for(&self, policy: Option<&str>) -> Result<Proxy, ConfigError> {
        let named = policy.map(|url| ("control_plane.proxy", Secret::new(url.to_owned())));
        let (name, url) = match (named, &self.https_proxy) {
            (Some(named), _) => named,
            (None, Some(url)) => ("HTTPS_PROXY", url.clone()),
            (None, None) => return Ok(Proxy::default()),
        };
        Proxy::new(&url, self.no_proxy.as_deref()).map_err(|_| ConfigError::Value {
            name,
            expected: "http://host:port, with user:password@ before the host if the proxy wants it",
        })
    }

    /// Reads `airlock.yaml`.
    ///
    /// # Errors
    /// If it is missing, too large or no UTF-8.
    pub fn policy_text(&self) -> Result<String, ConfigError> {
        let failed = |kind| ConfigError::Policy { path: self.config_path.clone(), kind };
        read_text(&self.config_path, POLICY_BYTES_MAX)
            .map(|mut text| std::mem::take(&mut *text))
            .map_err(|e| failed(e.kind()))
    }
}

/// A secret from the environment or from the file that a variable names. Files of secrets are mounted by whoever runs
/// the worker, as links and with modes of their own, so only their size is checked.
fn secret(
    environment: &Environment,
    shown: &'static str,
    file: &'static str,
    direct: &[&str],
) -> Result<Option<Secret<String>>, ConfigError> {
    let direct = direct.iter().find_map(|name| environment.take(name));
    match (direct, environment.take(file)) {
        (Some(_), Some(_)) => Err(ConfigError::Twice(shown)),
        (Some(value), None) => Ok(Some(Secret::new(value.to_owned()))),
        (None, Some(path)) => {
            let path = PathBuf::from(path);
            let text = read_text(&path, SECRET_BYTES_MAX).map_err(|e| ConfigError::File {
                name: file,
                path: path.clone(),
                kind: e.kind(),
            })?;
            Ok(Some(Secret::new(text.trim().to_owned())))
        }
        (None, None) => Ok(None),
    }
}

/// Reads a text of at most `max` bytes.
pub(crate) fn read_text(path: &Path, max: u64) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// `/etc/airlock/NAME` for a configuration that lives there, `.airlock/NAME` beside any other.
fn beside(config: &Path, name: &str) -> PathBuf {
    let dir = config.parent().unwrap_or(Path::new(""));
    if dir == Path::new(SYSTEM_DIR) { dir.join(name) } else { dir.join(".airlock").join(name) }
}

fn default_config() -> PathBuf {
    let system = Path::new(SYSTEM_DIR).join("airlock.yaml");
    if system.exists() { system } else { PathBuf::from("./airlock.yaml") }
}

const SYSTEM_DIR: &str = "/etc/airlock";
/// As the log line documents; 127.0.0.1 where nothing collects from outside.
const DEFAULT_METRICS_ADDR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 9090);
/// A whole `airlock.yaml`.
const POLICY_BYTES_MAX: u64 = 1024 * 1024;
/// A connection string, a key.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::read(&Environment::of(variables), Flags::default())
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        let settings = Settings::read(
            &Environment::default(),
            Flags { config: Some("conf/airlock.yaml".into()), ..Flags::default() },
        )
        .unwrap();
        assert_eq!(settings.metrics_addr.to_string(), "0.0.0.0:9090");
        assert_eq!(settings.worker_key_path(None), Path::new("conf/.airlock/worker_ed25519.pem"));
        assert!(
            matches!(settings.mask_key, MaskKeyPlace::Own(p) if p == Path::new("conf/.airlock/mask_key"))
        );
        assert!(settings.database_url.is_none());
    }

    #[test]
    fn keys_of_a_configuration_in_etc_lie_beside_it() {
        let settings = read(&[("AIRLOCK_CONFIG", "/etc/airlock/airlock.yaml")]).unwrap();
        assert_eq!(settings.worker_key_path(None), Path::new("/etc/airlock/worker_ed25519.pem"));
        assert_eq!(settings.worker_key_path(Some("/k.pem")), Path::new("/k.pem"));
        assert!(matches!(settings.mask_key, MaskKeyPlace::Own(p) if p == Path::new("/etc/airlock/mask_key")));
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_policy() {
        let environment = Environment::of(&[
            ("DATABASE_URL", "env"),
            ("AIRLOCK_CP_URL", "env"),
            ("AIRLOCK_KEY_PATH", "/env.pem"),
        ]);
        let flags = Flags { database_url: Some(Secret::new("flag".to_owned())), ..Flags::default() };
        let settings = Settings::read(&environment, flags).unwrap();
        assert!(settings.database_url.as_ref().unwrap().matches("flag"));
        assert_eq!(settings.cp_url.as_deref(), Some("env"));
        assert_eq!(settings.worker_key_path(Some("/policy.pem")), Path::new("/env.pem"));
    }

    #[test]
    fn a_secret_comes_from_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("url");
        std::fs::write(&file, "postgres://u:p@h/db\n").unwrap();
        let path = file.to_str().unwrap();
        let settings = read(&[("AIRLOCK_DATABASE_URL_FILE", path)]).unwrap();
        assert!(settings.database_url.unwrap().matches("postgres://u:p@h/db"));
        assert!(matches!(
            read(&[("AIRLOCK_DATABASE_URL_FILE", path), ("DATABASE_URL", "x")]),
            Err(ConfigError::Twice(_))
        ));
        assert!(matches!(
            read(&[("AIRLOCK_MASK_KEY_FILE", path), ("AIRLOCK_MASK_KEY", "x")]),
            Err(ConfigError::Twice(_))
        ));
    }

    #[test]
    fn an_empty_variable_is_an_absent_one() {
        assert!(read(&[("DATABASE_URL", ""), ("AIRLOCK_METRICS_ADDR", "")]).unwrap().database_url.is_none());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let variables = [
            ("DATABASE_URL", "s3cret"),
            ("AIRLOCK_ENROLLMENT_TOKEN", "s3cret"),
            ("AIRLOCK_MASK_KEY", "s3cret"),
        ];
        let shown = format!("{:?} {:?}", Environment::of(&variables), read(&variables).unwrap());
        assert!(!shown.contains("s3cret"));
        let error = read(&[("AIRLOCK_METRICS_ADDR", "s3cret")]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("url");
        std::fs::write(&file, "x".repeat(20_000)).unwrap();
        assert!(matches!(
            read(&[("AIRLOCK_DATABASE_URL_FILE", file.to_str().unwrap())]),
            Err(ConfigError::File { .. })
        ));
    }
}
