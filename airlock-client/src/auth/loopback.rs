//! A listener on loopback for one callback of a browser.
//!
//! Other requests, such as the browser's for an icon, are answered and do not end it; nor does a callback that belongs to
//! another sign-in. Connections that say nothing do not hold up those that do.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::browser::Redirected;
use super::idp::SignInError;

const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Connections at a time; a browser opens a few.
const CONNECTIONS_MAX: usize = 16;
const CALLBACK: &str = "/callback";

/// A port that a browser is sent back to.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// Listens on 127.0.0.1; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn bind(port: u16) -> Result<Self, SignInError> {
        let listen = |error: std::io::Error| SignInError::Listen(error.kind());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen)?;
        let port = listener.local_addr().map_err(listen)?.port();
        Ok(Self { listener, port })
    }

    /// What the identity provider is given: by name, as clients of this kind are registered.
    pub fn redirect_uri(&self) -> String {
        format!("http://localhost:{}{CALLBACK}", self.port)
    }

    /// Waits for the first callback that is ours. Has no time limit of its own.
    pub async fn receive(&self, is_ours: impl Fn(&Redirected) -> bool) -> Redirected {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(head(stream));
                    }
                }
                Some(read) = connections.join_next() => {
                    let Ok(Some((stream, target))) = read else { continue };
                    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
                    if path != CALLBACK {
                        answer(stream, "404 Not Found", "Nothing is here.").await;
                        continue;
                    }
                    let redirected = Redirected::parse(query);
                    if !is_ours(&redirected) {
                        answer(stream, "400 Bad Request", "This is not the sign-in that is waited for.").await;
                        continue;
                    }
                    let said = if redirected.error.is_some() {
                        "You did not sign in. You may close this page."
                    } else {
                        "You are signed in. You may close this page."
                    };
                    answer(stream, "200 OK", said).await;
                    return redirected;
                }
            }
        }
    }
}

/// Reads a request's head; its target, when it is a GET.
async fn head(mut stream: TcpStream) -> Option<(TcpStream, String)> {
    let read = async {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.ok()? == 0 || head.len() > HEAD_BYTES_MAX {
                return None;
            }
        }
        let line = head.split(|byte| *byte == b'\r').next()?;
        let line = std::str::from_utf8(line).ok()?;
        Some(line.strip_prefix("GET ")?.split(' ').next()?.to_owned())
    };
    let target = tokio::time::timeout(HEAD_TIME_MAX, read).await.ok()??;
    Some((stream, target))
}

async fn answer(mut stream: TcpStream, status: &str, said: &str) {
    let page = format!("<!doctype html><meta charset=utf-8><title>Airlock</title><p>{said}");
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // That the page is not seen does not matter to the sign-in.
    let write = async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(HEAD_TIME_MAX, write).await;
}
