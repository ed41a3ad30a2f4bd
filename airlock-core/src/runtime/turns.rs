//! A bounded number of turns at something scarce, handed out fairly between parties.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::fair::{Entry, FairQueue, Ticket};

/// Like a semaphore whose waiting parties are served in turn, however much each of them asks.
#[derive(Debug)]
pub struct Turns<P: Party>(Arc<Mutex<Inner<P>>>);

/// Who waits: anything that tells one from another.
pub trait Party: Clone + Eq + Hash + Send + 'static {}
impl<T: Clone + Eq + Hash + Send + 'static> Party for T {}

#[derive(Debug)]
struct Inner<P: Party> {
    free: usize,
    waiting: FairQueue<P, oneshot::Sender<Turn<P>>>,
}

/// One's turn. Dropping it makes it the next one's.
pub struct Turn<P: Party> {
    /// `None` once it is handed on.
    of: Option<Arc<Mutex<Inner<P>>>>,
}

/// More wait than may, and the asker's own line is no shorter than the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many are waiting")]
pub struct Crowded;

impl<P: Party> Clone for Turns<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: Party> Turns<P> {
    /// `at_once` turns at a time; at most `waiting_max` wait.
    pub fn new(at_once: usize, waiting_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner { free: at_once, waiting: FairQueue::new(waiting_max) })))
    }

    /// A turn, if one is free and nobody waits.
    pub fn try_take(&self) -> Option<Turn<P>> {
        let mut inner = lock(&self.0);
        inner.free = inner.free.checked_sub(1)?;
        Some(Turn { of: Some(self.0.clone()) })
    }

    /// Waits for a turn. Dropping the future gives the place up.
    ///
    /// # Errors
    /// [`Crowded`], at once or when another party needs the place more.
    pub async fn take(&self, party: P) -> Result<Turn<P>, Crowded> {
        if let Some(turn) = self.try_take() {
            return Ok(turn);
        }
        let (sender, turn) = oneshot::channel();
        let ticket = match lock(&self.0).waiting.push(party.clone(), sender) {
            Entry::Queued(ticket) | Entry::Displaced(ticket, _) => ticket,
            Entry::Full(_) => return Err(Crowded),
        };
        let _place = Place { turns: self, party, ticket };
        turn.await.map_err(|_| Crowded)
    }
}

fn lock<P: Party>(inner: &Mutex<Inner<P>>) -> MutexGuard<'_, Inner<P>> {
    // Every change is a whole one, so what a panicking thread left is sound.
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in the queue, left when dropped.
struct Place<'a, P: Party> {
    turns: &'a Turns<P>,
    party: P,
    ticket: Ticket,
}

impl<P: Party> Drop for Place<'_, P> {
    fn drop(&mut self) {
        let left = lock(&self.turns.0).waiting.remove(&self.party, self.ticket);
        drop(left);
    }
}

impl<P: Party> Drop for Turn<P> {
    fn drop(&mut self) {
        let Some(of) = self.of.take() else { return };
        loop {
            let next = {
                let mut inner = lock(&of);
                match inner.waiting.pop() {
                    Some(next) => next,
                    None => {
                        inner.free += 1;
                        return;
                    }
                }
            };
            match next.send(Turn { of: Some(of.clone()) }) {
                Ok(()) => return,
                // It left while we looked. Its turn must not end here a second time.
                Err(mut unwanted) => unwanted.of = None,
            }
        }
    }
}

impl<P: Party> fmt::Debug for Turn<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Turn<char>, Crowded>> + 'a>>;

    fn polled<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn waiting(turns: &Turns<char>, party: char) -> Waiting<'_> {
        let mut future: Waiting<'_> = Box::pin(turns.take(party));
        assert!(polled(&mut future).is_pending());
        future
    }

    #[test]
    fn a_flood_of_one_party_does_not_keep_another_waiting() {
        let turns = Turns::new(1, 10);
        let held = turns.try_take().unwrap();
        let mut flood: Vec<_> = (0..5).map(|_| waiting(&turns, 'a')).collect();
        let mut other = waiting(&turns, 'b');
        drop(held);
        let Poll::Ready(Ok(first)) = polled(&mut flood[0]) else { panic!("the oldest is served first") };
        drop(first);
        assert!(flood[1..].iter_mut().all(|f| polled(f).is_pending()));
        assert!(matches!(polled(&mut other), Poll::Ready(Ok(_))));
    }

    #[test]
    fn who_leaves_loses_no_turn_even_when_it_was_just_handed_over() {
        let turns = Turns::new(1, 10);
        let held = turns.try_take().unwrap();
        let (leaves, gone, mut stays) = (waiting(&turns, 'a'), waiting(&turns, 'b'), waiting(&turns, 'c'));
        drop(gone);
        drop(held);
        // The turn is in the channel of one who never looks.
        drop(leaves);
        let Poll::Ready(Ok(turn)) = polled(&mut stays) else { panic!("the turn was handed on") };
        drop(turn);
        assert_eq!(lock(&turns.0).free, 1);
        assert!(lock(&turns.0).waiting.is_empty());
    }

    #[test]
    fn a_full_queue_turns_away_who_has_the_longest_line() {
        let turns = Turns::new(1, 2);
        let _held = turns.try_take().unwrap();
        let (mut old, mut new) = (waiting(&turns, 'a'), waiting(&turns, 'a'));
        let mut third = pin!(turns.take('a'));
        assert_eq!(
            third.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(Result::err),
            Poll::Ready(Some(Crowded))
        );
        let mut other = waiting(&turns, 'b');
        assert!(matches!(polled(&mut new), Poll::Ready(Err(Crowded))));
        assert!(polled(&mut old).is_pending() && polled(&mut other).is_pending());
    }
}
