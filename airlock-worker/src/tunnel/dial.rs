//! TLS, HTTP/2 and the gRPC stream to the hub.

use std::path::Path;
use std::time::Duration;

use http::Uri;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use url::Url;

use airlock_proto::limits::{HUB_FRAME_BYTES_MAX, WORKER_FRAME_BYTES_MAX};
use airlock_proto::wire::{Frame, tunnel_client::TunnelClient};

use super::TunnelError;
use crate::cp_url;
use crate::door::causes;
use crate::proxy::Proxy;

/// TCP, TLS and HTTP/2 together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// HTTP/2 pings keep the way through NAT and proxies open; whether the peer lives, the session finds out.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long one of them may stay unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Frames between a session and HTTP/2. More wait in the session, where they can be withdrawn.
const FRAMES_BUFFERED: usize = 16;

/// Why no stream was opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// No connection: name, TCP, TLS or HTTP/2.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The control plane refused the stream.
    #[error("the control plane refused the tunnel: {0}")]
    Refused(tonic::Code),
}

/// What carries a session.
pub(super) struct Carrier {
    pub(super) outbound: mpsc::Sender<Frame>,
    pub(super) inbound: Streaming<Frame>,
}

/// Dials one control plane.
#[derive(Clone, Debug)]
pub(super) struct Dialer(Endpoint, Proxy);

impl Dialer {
    pub(super) fn new(url: &Url, ca_file: Option<&Path>, proxy: Proxy) -> Result<Self, TunnelError> {
        cp_url::check(url).map_err(TunnelError::Url)?;
        let endpoint = Endpoint::from_shared(url.as_str().to_owned())
            .map_err(|_| TunnelError::Url("is no URL that can be dialled"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        let endpoint = match url.scheme() {
            "https" => {
                endpoint.tls_config(tls_config(ca_file)?).map_err(|e| TunnelError::CaFile(e.to_string()))?
            }
            _ => endpoint,
        };
        Ok(Self(endpoint, proxy))
    }

    pub(super) async fn dial(&self) -> Result<Carrier, DialError> {
        let proxy = self.1.clone();
        let connector = tower::service_fn(move |to: Uri| {
            let proxy = proxy.clone();
            async move { proxy.connect(to).await }
        });
        let channel =
            self.0.connect_with_connector(connector).await.map_err(|e| DialError::Connect(causes(&e)))?;
        let (outbound, frames) = mpsc::channel(FRAMES_BUFFERED);
        let mut client = TunnelClient::new(channel)
            // Checked on the length prefix, before anything is allocated for the frame.
            .max_decoding_message_size(HUB_FRAME_BYTES_MAX)
            .max_encoding_message_size(WORKER_FRAME_BYTES_MAX);
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, client.open(ReceiverStream::new(frames))).await;
        match opened {
            Ok(Ok(response)) => Ok(Carrier { outbound, inbound: response.into_inner() }),
            // The status' own text comes from whatever answered; its code is enough.
            Ok(Err(status)) => Err(DialError::Refused(status.code())),
            Err(_) => Err(DialError::Refused(tonic::Code::DeadlineExceeded)),
        }
    }
}

/// The system's trust anchors and the file's.
fn tls_config(ca_file: Option<&Path>) -> Result<ClientTlsConfig, TunnelError> {
    let mut config = ClientTlsConfig::new();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|e| TunnelError::CaFile(e.kind().to_string()))?;
        config = config.ca_certificate(Certificate::from_pem(pem));
        // A slim container may have no anchors of its own.
        if rustls_native_certs::load_native_certs().certs.is_empty() {
            return Ok(config);
        }
    }
    Ok(config.with_native_roots())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_dialled_only_if_the_rule_lets_it_pass() {
        for (url, good) in
            [("http://127.0.0.1:1", true), ("http://cp.example.com", false), ("http://localhost/path", false)]
        {
            let dialer = Dialer::new(&url.parse().unwrap(), None, Proxy::default());
            assert_eq!(!matches!(dialer, Err(TunnelError::Url(_))), good, "{url}");
        }
    }

    #[test]
    fn a_file_of_trust_anchors_must_be_readable() {
        let missing = Dialer::new(
            &"https://example.com".parse().unwrap(),
            Some(Path::new("/nonexistent/ca.pem")),
            Proxy::default(),
        );
        assert!(matches!(missing, Err(TunnelError::CaFile(_))));
    }
}
