//! The way a mail goes: an SMTP server, or a folder while developing.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use airlock_core::Host as _;
use airlock_core::runtime::SystemHost;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::{Host, Url};

use crate::error::StartError;

const ANSWER_MAX: Duration = Duration::from_secs(30);

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
    pub(super) fn new(url: &str) -> Result<Self, StartError> {
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
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str());
        let builder =
            builder.map_err(|_| StartError::Mail("the server's address or its TLS cannot be used"))?;
        Ok(Self::Smtp(builder.timeout(Some(ANSWER_MAX)).build()))
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Failure> {
        match self {
            Self::Smtp(smtp) => smtp.send(message).await.map(|_| ()).map_err(|e| Failure {
                kind: match () {
                    () if e.is_permanent() => "refused",
                    () if e.is_transient() => "refused for now",
                    () if e.is_timeout() => "no answer in time",
                    () if e.is_tls() => "TLS failed",
                    () => "no connection",
                },
                may_pass: !e.is_permanent(),
            }),
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
            assert_eq!(Transport::new(url).is_ok(), good, "{url}");
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
        let error = Transport::new("smtp://user:s3cret@mail.example?x=y").unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
