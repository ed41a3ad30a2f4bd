//! One connection that sends one request after the other: what measures should cost little itself.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;

/// A connection over plain HTTP/1.1.
#[derive(Debug)]
pub struct Http {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    /// Moves the bytes; ends with this value.
    _driver: JoinSet<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When the status is no success, or the body is no JSON; it quotes both.
    pub fn json(&self) -> Result<serde_json::Value> {
        let good = self.good()?;
        Ok(serde_json::from_slice(&good.body)?)
    }
    /// The answer, if it is a success.
    ///
    /// # Errors
    /// When it is none.
    pub fn good(&self) -> Result<&Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(format!("answered {}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

impl Http {
    /// Connects to the server of an address such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(url: &str) -> Result<Self> {
        let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Its end is told by the next request.
            let _ = connection.await;
        });
        Ok(Self { sender, host, _driver: driver })
    }

    /// Sends one request and reads the answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(
        &mut self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(target).header(HOST, &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// Posts JSON, with a bearer where there is one.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn post_json(
        &mut self,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let json = [(CONTENT_TYPE.as_str(), "application/json")];
        self.send(Method::POST, target, &[&json, headers].concat(), body).await
    }

    /// Posts a form.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn post_form(
        &mut self,
        target: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Result<Answer> {
        let form = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        let body = serde_urlencoded::to_string(fields)?;
        self.send(Method::POST, target, &[&form, headers].concat(), body).await
    }
}
