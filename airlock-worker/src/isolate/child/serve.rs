//! The child's work: holds snapshots, runs one statement at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use airlock_core::egress::Checked;
use airlock_core::policy::limits::Limits;
use airlock_core::query::{Job, QueryError, Session, Shaped};

use super::super::doors;
use super::super::wire::{Answer, Ask, Failure, Reply, Request};
use super::harden;
use super::link::Link;
use crate::cache::{DataKey, Mapped, map_table};

/// A request and the descriptor that came with it.
type Message = (Request, Option<OwnedFd>);

struct Open {
    session: Session,
    limits: Arc<Limits>,
}

/// Answers requests until the channel ends.
///
/// # Errors
/// When the process must end: after a panic, or when the parent does not follow the protocol.
pub(super) fn serve(inbox: &Receiver<Message>, mut link: Link) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut held: HashMap<DataKey, Open> = HashMap::new();
    while let Ok((request, _)) = inbox.recv() {
        match request {
            Request::Open { key, limits, tables } => {
                let limits = Arc::from(limits);
                let opened = catch(|| open(inbox, tables, &limits));
                let crashed = matches!(opened, Err(QueryError::Crashed));
                let result = opened.map(|session| {
                    held.insert(key, Open { session, limits });
                });
                link.reply(&Reply::Opened(result.map_err(Failure::from)), &[])?;
                if crashed {
                    return Err(io::ErrorKind::Other.into());
                }
            }
            Request::Run(ask) => {
                let result = match held.get(&ask.key) {
                    Some(open) => catch(|| runtime.block_on(run(open, ask))),
                    None => Err(QueryError::Engine("the snapshot was not opened".to_owned())),
                };
                match result {
                    Ok(shaped) => {
                        let (head, [a, b]) = Answer::split(shaped);
                        reply_within_bound(&mut link, head, &[&a, &b])?;
                    }
                    Err(QueryError::Crashed) => {
                        link.reply(&Reply::Failed(Failure::Crashed), &[])?;
                        return Err(io::ErrorKind::Other.into());
                    }
                    Err(error) => link.reply(&Reply::Failed(error.into()), &[])?,
                }
            }
            Request::Forget(keys) => {
                for key in keys {
                    held.remove(&key);
                }
                link.reply(&Reply::Forgotten, &[])?;
            }
            Request::TryDoors => link.reply(&Reply::Doors(doors::try_all()), &[])?,
            Request::Setup { .. } | Request::Table { .. } => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

fn open(inbox: &Receiver<Message>, tables: usize, limits: &Arc<Limits>) -> Result<Session, QueryError> {
    let broken = |what: &str| QueryError::Engine(what.to_owned());
    let mut read = Vec::new();
    for _ in 0..tables {
        let Ok((Request::Table { name, bytes }, Some(descriptor))) = inbox.recv() else {
            return Err(broken("a table was announced and did not come"));
        };
        // After the mapping the descriptor is not needed; any number of tables fits the limit on descriptors.
        let mapped = Mapped::new(&File::from(descriptor), bytes, ())
            .map_err(|_| broken("a table could not be mapped"))?;
        read.push(map_table(&name, &mapped).map_err(|_| broken("a table could not be read"))?);
    }
    Session::open(read, limits)
}

async fn run(open: &Open, ask: Ask) -> Result<Shaped, QueryError> {
    harden::allow_cpu(ask.timeout);
    // The proof that the text is within bounds stayed in the parent, so it is made again.
    let sql = Checked::new(&ask.sql, &open.limits).map_err(QueryError::Refused)?;
    let Ask { format, max_rows, offset, timeout, .. } = ask;
    let job = Job { sql, format, max_rows, offset, limits: open.limits.clone(), timeout };
    match open.session.run(&job).await {
        // Caught inside the engine, whose state nobody vouches for any more.
        Err(QueryError::Engine(kind)) if kind == "panic" => Err(QueryError::Crashed),
        result => result,
    }
}

/// A panic of the engine becomes a value; the process ends soon after.
fn catch<T>(act: impl FnOnce() -> Result<T, QueryError>) -> Result<T, QueryError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or(Err(QueryError::Crashed))
}

/// Sends the answer, or says that it passed the bound of the socket.
fn reply_within_bound(link: &mut Link, head: Answer, body: &[&[u8]]) -> io::Result<()> {
    match link.reply(&Reply::Answer(head), body) {
        Err(e) if e.kind() == io::ErrorKind::FileTooLarge => {
            link.reply(&Reply::Failed(Failure::LimitExceeded("max_result_bytes".to_owned())), &[])
        }
        other => other,
    }
}
