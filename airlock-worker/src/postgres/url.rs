//! Reads DATABASE_URL: `postgres://` or `postgresql://`, unix sockets and several hosts included. The TLS options are
//! ours, since the driver knows fewer of them than libpq.

use std::path::PathBuf;

use airlock_core::Secret;
use airlock_core::snapshot::source::SourceError;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// What DATABASE_URL says.
#[derive(Debug)]
pub(super) struct ParsedUrl {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

/// Which server certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Any: the passage is encrypted, the peer is not known.
    Anyone,
    /// Those that a trusted authority signed, for any name.
    Authority(Roots),
    /// Those that a trusted authority signed for this host.
    Host(Roots),
}

/// Who is a trusted authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's list.
    System,
    /// The certificates of a PEM file.
    File(PathBuf),
}

/// Parses the URL. Errors name the option, never the URL.
pub(super) fn parse(url: &Secret<String>) -> Result<ParsedUrl, SourceError> {
    let url = url.expose();
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err(bad("DATABASE_URL does not begin with postgres:// or postgresql://"));
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut root) = (Mode::Prefer, None);
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = url::form_urlencoded::parse(pair.as_bytes()).next().unwrap_or_default();
        match key.as_ref() {
            "sslmode" => mode = Mode::parse(&value)?,
            "sslrootcert" if value == "system" => root = Some(Roots::System),
            "sslrootcert" => root = Some(Roots::File(PathBuf::from(value.as_ref()))),
            "sslcert" | "sslkey" | "sslcrl" => {
                return Err(bad("DATABASE_URL has sslcert, sslkey or sslcrl, which are not supported"));
            }
            _ => rest.push(pair),
        }
    }
    let driver_url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    let driver_url = Secret::new(driver_url);
    // The driver's error may quote a part of the URL.
    let mut config: Config = driver_url
        .expose()
        .parse()
        .map_err(|_| bad("DATABASE_URL is not a Postgres URL: check its options and ports"))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(bad("DATABASE_URL names no host"));
    }
    // As libpq: a socket of this machine has no TLS whatever sslmode says.
    let only_sockets =
        !config.get_hosts().is_empty() && config.get_hosts().iter().all(|h| !matches!(h, Host::Tcp(_)));
    config.ssl_mode(match mode {
        _ if only_sockets => SslMode::Disable,
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    let trust = match (mode, root) {
        (Mode::VerifyFull, root) => Trust::Host(root.unwrap_or(Roots::System)),
        // As libpq: the system's authorities sign for anyone, so trusting them means checking the name.
        (Mode::VerifyCa | Mode::Require, Some(Roots::System)) => Trust::Host(Roots::System),
        (Mode::VerifyCa, None) => Trust::Host(Roots::System),
        // As libpq: a named root makes `require` check it.
        (Mode::VerifyCa | Mode::Require, Some(root)) => Trust::Authority(root),
        (Mode::Require | Mode::Prefer | Mode::Disable, _) => Trust::Anyone,
    };
    Ok(ParsedUrl { config, trust })
}

#[derive(Clone, Copy)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn parse(text: &str) -> Result<Self, SourceError> {
        match text {
            "disable" => Ok(Self::Disable),
            // libpq's `allow` tries without TLS first; starting with TLS is never worse.
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(bad("DATABASE_URL has an unknown sslmode")),
        }
    }
}

fn bad(what: &str) -> SourceError {
    SourceError::Unavailable(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<ParsedUrl, SourceError> {
        parse(&Secret::new(url.to_owned()))
    }

    #[track_caller]
    fn check(query: &str, mode: SslMode, trust: &Trust) {
        let got = parsed(&format!("postgres://u:p@db.example:5433/d{query}")).unwrap();
        assert_eq!((got.config.get_ssl_mode(), &got.trust), (mode, trust), "{query}");
    }

    #[test]
    fn sslmode_means_what_libpq_means() {
        let file = || Roots::File("/ca.pem".into());
        check("", SslMode::Prefer, &Trust::Anyone);
        check("?sslmode=disable", SslMode::Disable, &Trust::Anyone);
        check("?sslmode=allow", SslMode::Prefer, &Trust::Anyone);
        check("?sslmode=require", SslMode::Require, &Trust::Anyone);
        check("?sslmode=require&sslrootcert=/ca.pem", SslMode::Require, &Trust::Authority(file()));
        check("?sslmode=verify-ca&sslrootcert=%2Fca.pem", SslMode::Require, &Trust::Authority(file()));
        check("?sslmode=verify-ca", SslMode::Require, &Trust::Host(Roots::System));
        check("?sslmode=verify-full", SslMode::Require, &Trust::Host(Roots::System));
        check("?sslmode=verify-full&sslrootcert=/ca.pem", SslMode::Require, &Trust::Host(file()));
        check("?sslmode=require&sslrootcert=system", SslMode::Require, &Trust::Host(Roots::System));
    }

    #[test]
    fn hosts_sockets_and_options_reach_the_driver() {
        let several = parsed("postgresql://u@a:1,b:2/d?connect_timeout=3&sslmode=disable").unwrap().config;
        assert_eq!((several.get_hosts().len(), several.get_ports()), (2, &[1, 2][..]));
        assert!(several.get_connect_timeout().is_some());
        let socket = parsed("postgres://u@%2Ftmp%2Fpg/d?sslmode=require").unwrap().config;
        assert_eq!(socket.get_ssl_mode(), SslMode::Disable);
        let socket = parsed("postgres:///d?host=/tmp/pg").unwrap().config;
        assert!(matches!(socket.get_hosts(), [Host::Unix(_)]));
    }

    #[test]
    fn a_bad_url_is_refused_without_being_told() {
        for url in [
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@h/d?sslmode=hunter2",
            "postgres://u:hunter2@h/d?hunter2=1",
            "postgres://u:hunter2@h/d?sslkey=hunter2",
            "postgres:///d",
        ] {
            let error = parsed(url).unwrap_err();
            assert!(
                matches!(&error, SourceError::Unavailable(_)) && !error.to_string().contains("hunter2"),
                "{error}"
            );
        }
    }
}
