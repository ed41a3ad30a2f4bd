//! Between the SDK and the real gateway: hears every answer, and changes those that a test wants changed, as a gateway that lies would.

use std::fmt;
use std::sync::{Arc, Mutex};

use airlock_client::transport::{HttpTransport, Request, Response, Transport, TransportError};
use async_trait::async_trait;
use serde_json::Value;

type Lie = dyn Fn(&Request, &mut Value) + Send;

pub(super) struct Wire {
    inner: HttpTransport,
    heard: Mutex<Vec<(String, Vec<u8>)>>,
    lie: Mutex<Option<Box<Lie>>>,
}

impl Wire {
    pub(super) fn to(url: &str) -> Arc<Self> {
        let inner = HttpTransport::new(url.parse().unwrap()).unwrap();
        Arc::new(Self { inner, heard: Mutex::default(), lie: Mutex::default() })
    }
    /// Changes the JSON of answers from now on.
    pub(super) fn lies(&self, lie: impl Fn(&Request, &mut Value) + Send + 'static) {
        *self.lie.lock().unwrap() = Some(Box::new(lie));
    }
    pub(super) fn is_honest(&self) {
        *self.lie.lock().unwrap() = None;
    }
    /// Every answer so far, by path, with its headers.
    pub(super) fn heard(&self) -> Vec<(String, Vec<u8>)> {
        self.heard.lock().unwrap().clone()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// The same for a client that owns its transport.
#[derive(Clone, Debug)]
pub(super) struct Tapped(pub(super) Arc<Wire>);

#[async_trait]
impl Transport for Tapped {
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        let mut response = self.0.inner.send(request).await?;
        let all = [format!("{:?}", response.headers).as_bytes(), &response.body].concat();
        self.0.heard.lock().unwrap().push((request.path().to_owned(), all));
        if let Some(lie) = self.0.lie.lock().unwrap().as_ref()
            && let Ok(mut body) = serde_json::from_slice(&response.body)
        {
            lie(request, &mut body);
            response.body = body.to_string().into();
        }
        Ok(response)
    }
}
