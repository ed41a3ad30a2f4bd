//! A few connections, lent one at a time. A connection that may still be at work when it comes back is not lent again:
//! its statement is cancelled and it is closed, and only then its place is free.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::snapshot::source::SourceError;
use futures::FutureExt;
use futures::future::poll_fn;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault;

/// How long a cancel may take before the connection is closed without it.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Up to so many connections, opened when they are needed.
pub(super) struct Pool {
    config: Config,
    tls: MakeRustlsConnect,
    places: Arc<Semaphore>,
    idle: Idle,
    timeout: Duration,
}

type Idle = Arc<Mutex<Vec<Link>>>;

/// A connection: our end, and the way to tell its driver to give up.
struct Link {
    client: Client,
    abandon: oneshot::Sender<OwnedSemaphorePermit>,
}

impl Pool {
    /// A pool of `size` places. `timeout` bounds the wait for a place and the time to connect.
    pub(super) fn new(mut config: Config, tls: MakeRustlsConnect, size: u32, timeout: Duration) -> Self {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(timeout);
        }
        let places = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1).max(1)));
        Self { config, tls, places, idle: Idle::default(), timeout }
    }

    /// Lends a connection in a transaction that `begin` starts. `begin` is fixed text without values.
    pub(super) async fn lend(&self, begin: &str) -> Result<Lease, SourceError> {
        let busy = || SourceError::Unavailable("every connection is busy".to_owned());
        let place = timeout(self.timeout, self.places.clone().acquire_owned()).await.map_err(|_| busy())?;
        let mut place = Some(place.map_err(|_| busy())?);
        // Connections that died while idle are found out here: by their state, or by the first statement.
        while let Some(link) = self.take_idle() {
            let lease = self.lease(link, &mut place);
            match lease.client().batch_execute(begin).await {
                Ok(()) => return Ok(lease),
                Err(error) if error.is_closed() || is_ended(&error) => place = lease.close(),
                Err(error) => return Err(fault::of_server(&error)),
            }
        }
        let lease = self.lease(self.open().await?, &mut place);
        lease.client().batch_execute(begin).await.map_err(|e| fault::of_server(&e))?;
        Ok(lease)
    }

    fn take_idle(&self) -> Option<Link> {
        let mut idle = self.idle.lock();
        idle.retain(|link| !link.client.is_closed());
        idle.pop()
    }

    fn lease(&self, link: Link, place: &mut Option<OwnedSemaphorePermit>) -> Lease {
        Lease { link: Some(link), place: place.take(), idle: self.idle.clone(), at_work: true }
    }

    async fn open(&self) -> Result<Link, SourceError> {
        let connecting = timeout(self.timeout, self.config.connect(self.tls.clone()));
        let (client, connection) = connecting
            .await
            .map_err(|_| SourceError::Unavailable("it did not accept a connection in time".to_owned()))?
            .map_err(|e| fault::of_server(&e))?;
        let (abandon, abandoned) = oneshot::channel();
        let cancel = client.cancel_token();
        let tls = self.tls.clone();
        let drive = async move {
            let given_up = tokio::select! {
                () = run(connection) => None,
                Ok(place) = abandoned => Some(place),
            };
            if given_up.is_some() {
                // Whether it worked or not, the connection is already closed and the server ends the transaction.
                let _ = timeout(CANCEL_TIMEOUT, cancel.cancel_query(tls)).await;
            }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "a connection's driver ends with its client, which a pool or a lease owns"
        )]
        tokio::spawn(drive);
        Ok(Link { client, abandon })
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("free", &self.places.available_permits()).finish_non_exhaustive()
    }
}

/// Moves a connection's bytes until it ends. The server's notices are dropped: they may quote values.
async fn run<T>(mut connection: Connection<Socket, T>)
where
    Connection<Socket, T>: Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|cx| connection.poll_message(cx)).await {
            Some(Ok(AsyncMessage::Notice(_) | AsyncMessage::Notification(_) | _)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Whether the server has ended the session: a restart, an administrator, an idle limit.
fn is_ended(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_none_or(|db| db.code().code().starts_with("57P"))
}

/// A connection on loan, in a transaction. Dropping it ends the transaction.
pub(super) struct Lease {
    link: Option<Link>,
    place: Option<OwnedSemaphorePermit>,
    idle: Idle,
    at_work: bool,
}

impl Lease {
    pub(super) fn client(&self) -> &Client {
        &self.link.as_ref().expect("only close and drop take the link").client
    }

    /// Says whether a statement may still be running. It may at first; a lease dropped so is cancelled and closed.
    pub(super) fn set_at_work(&mut self, at_work: bool) {
        self.at_work = at_work;
    }

    /// Closes the connection and gives its place to another.
    fn close(mut self) -> Option<OwnedSemaphorePermit> {
        self.link = None;
        self.place.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(link), Some(place)) = (self.link.take(), self.place.take()) else { return };
        if self.at_work {
            // The driver holds the place until the statement is cancelled. When it is already gone, so is the server.
            let _ = link.abandon.send(place);
            return;
        }
        // The first poll queues the statement; whoever comes next on this connection queues behind it.
        let _ = link.client.batch_execute("ROLLBACK").now_or_never();
        self.idle.lock().push(link);
        drop(place);
    }
}
