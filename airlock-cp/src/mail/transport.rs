//! The way a mail goes: an SMTP server, or a folder while developing.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use airlock_core::Host as _;
use airlock_core::runtime::SystemHost;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::{Host, Url};

use crate::error::StartError;
use crate::trust::Trust;

const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Source: RFC 4954, 4 and 6.
const NOT_SIGNED_IN: [u16; 4] = [530, 534, 535, 538];

/// The way a mail goes.
pub(super) enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// One `.eml` a mail, its owner's only.
    Folder(PathBuf),
}

/// Why a mail did not go, without a word of the server's.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: &'static str,
    pub(super) may_pass: bool,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Smtp(_) => "Smtp",
            Self::Folder(_) => "Folder",
        })
    }
}

impl Transport {
    /// `smtps://` speaks TLS from the start, `smtp://` by STARTTLS and not without it. Without TLS only to this machine,
    /// or when the URL says `?tls=none`.
    pub(super) fn new(url: &str, trust: &Trust) -> Result<Self, StartError> {
        let none = || StartError::Mail("smtps://…, smtp://… or file:///folder");
        let mut url: Url = url.parse().map_err(|_| none())?;
        match url.scheme() {
            "file" => {
                let folder = url.to_file_path().map_err(|()| none())?;
                let made = std::fs::create_dir_all(&folder);
                made.map_err(|_| StartError::Mail("the folder cannot be made"))?;
                return Ok(Self::Folder(folder));
            }
            "smtps" => {}
            "smtp" => match (url.query(), is_here(&url)) {
                (None, true) | (Some("tls=none"), _) => url.set_query(None),
                (None, false) | (Some("tls=required"), _) => url.set_query(Some("tls=required")),
                (Some(_), _) => return Err(StartError::Mail("?tls=required or ?tls=none")),
            },
            _ => return Err(none()),
        }
        let unusable = || StartError::Mail("the server's address or its TLS cannot be used");
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str()).map_err(|_| unusable())?;
        let tls = match (url.scheme(), url.query()) {
            ("smtps", _) => Some(Tls::Wrapper as fn(TlsParameters) -> Tls),
            (_, Some(_)) => Some(Tls::Required as fn(TlsParameters) -> Tls),
            _ => None,
        };
        if let Some(tls) = tls {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            builder = builder.tls(tls(parameters(host, trust).map_err(|_| unusable())?));
        }
        Ok(Self::Smtp(builder.timeout(Some(ANSWER_MAX)).build()))
    }

    /// Signs in to the server, and sends nothing.
    pub(super) async fn try_server(&self) -> Result<(), Failure> {
        match self {
            Self::Smtp(smtp) => match smtp.test_connection().await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Failure { kind: "no connection", may_pass: true }),
                Err(error) => Err(Failure::of(&error)),
            },
            Self::Folder(_) => Ok(()),
        }
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Failure> {
        match self {
            Self::Smtp(smtp) => smtp.send(message).await.map(|_| ()).map_err(|e| Failure::of(&e)),
            Self::Folder(folder) => {
                let (folder, text) = (folder.clone(), message.formatted());
                let written = tokio::task::spawn_blocking(move || write(&folder, &text)).await;
                match written {
                    Ok(Ok(())) => Ok(()),
                    _ => Err(Failure { kind: "the folder cannot be written", may_pass: false }),
                }
            }
        }
    }
}

impl Failure {
    fn of(error: &SmtpError) -> Self {
        let code = error.status().map(u16::from);
        let kind = match () {
            () if code.is_some_and(|code| NOT_SIGNED_IN.contains(&code)) => {
                "the server does not take our user and password"
            }
            () if error.is_permanent() => "refused",
            () if error.is_transient() => "refused for now",
            () if error.is_timeout() => "no answer in time",
            () if error.is_client() => "the server offers no TLS, or no way to sign in that we know",
            () if matches!(tls_error(error), Some(rustls::Error::InvalidCertificate(_))) => {
                "the server's certificate does not hold"
            }
            () if error.is_tls() || tls_error(error).is_some() => "TLS failed",
            () => "no connection",
        };
        Self { kind, may_pass: !error.is_permanent() }
    }
}

// The asynchronous transport tells of TLS as of any broken connection; what broke it is inside.
fn tls_error(error: &SmtpError) -> Option<&rustls::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.get_ref()?.downcast_ref();
        }
        source = inner.source();
    }
    None
}

fn parameters(host: &str, trust: &Trust) -> Result<TlsParameters, SmtpError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    for certificate in trust.added() {
        builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
    }
    builder.build()
}

// Whole or not there: who watches the folder sees no half mail.
fn write(folder: &Path, text: &[u8]) -> std::io::Result<()> {
    let host = SystemHost::new();
    let mut random = [0; 8];
    host.random(&mut random);
    let name = format!("{:013}-{}", host.now().as_millis(), hex::encode(random));
    let part = folder.join(format!("{name}.part"));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(text)?;
    std::fs::rename(part, folder.join(format!("{name}.eml")))
}

fn is_here(url: &Url) -> bool {
    // The URL's scheme is not one whose hosts are parsed as addresses.
    match url.host_str().and_then(|host| Host::parse(host).ok()) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_leaves_this_machine_over_tls_unless_the_url_says_otherwise() {
        #[track_caller]
        fn check(url: &str, good: bool) {
            assert_eq!(Transport::new(url, &Trust::default()).is_ok(), good, "{url}");
        }
        assert!(is_here(&"smtp://127.0.0.1:25".parse().unwrap()));
        assert!(is_here(&"smtp://[::1]:25".parse().unwrap()));
        assert!(!is_here(&"smtp://mail.example".parse().unwrap()));
        for good in [
            "smtps://u:p@mail.example",
            "smtp://mail.example:587",
            "smtp://mail.example?tls=none",
            "smtp://localhost",
        ] {
            check(good, true);
        }
        for bad in
            ["", "mail.example", "http://mail.example", "smtp://mail.example?tls=opportunistic", "smtp://"]
        {
            check(bad, false);
        }
    }

    #[test]
    fn a_bad_url_is_not_quoted() {
        let error =
            Transport::new("smtp://user:s3cret@mail.example?x=y", &Trust::default()).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
