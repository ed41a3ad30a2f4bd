//! A transport of values: no socket, so that time may be wound, and every request is an event that a test can await.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use airlock_client::transport::{Request, Response, Transport, TransportError};
use async_trait::async_trait;
use serde_json::Value;

type Answering = dyn Fn(&Request) -> Result<Response, TransportError> + Send + Sync;

/// Answers each request by a function of it.
pub(crate) struct Scripted {
    answer: Box<Answering>,
    sent: Mutex<Vec<Request>>,
}

impl Scripted {
    pub(crate) fn new(
        answer: impl Fn(&Request) -> Result<Response, TransportError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), sent: Mutex::default() })
    }

    /// Answers in turn; a request too many is not answered.
    pub(crate) fn in_turn(answers: Vec<(u16, Value)>) -> Arc<Self> {
        let left = Mutex::new(VecDeque::from(answers));
        Self::new(move |_| {
            let (status, body) = left.lock().unwrap().pop_front().ok_or(TransportError::Connect)?;
            Ok(answer(status, &body))
        })
    }

    pub(crate) fn sent(&self) -> Vec<Request> {
        self.sent.lock().unwrap().clone()
    }
}

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Response::new(http::StatusCode::from_u16(status).unwrap(), body)
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        self.sent.lock().unwrap().push(request.clone());
        // As a socket would: others go on meanwhile.
        tokio::task::yield_now().await;
        (self.answer)(request)
    }
}
