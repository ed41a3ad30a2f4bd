//! How many subjects one caller may newly ask for: a rogue agent must not go through all customers.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::id::SubjectHandle;
use crate::principal::Actor;

/// Counts, for each caller, the different subjects of the last minute that were not at hand.
#[derive(Debug, Default)]
pub(super) struct Newcomers(HashMap<Actor, Window>);

#[derive(Debug)]
struct Window {
    since: Duration,
    seen: HashSet<SubjectHandle>,
    refused: bool,
}

/// The caller asked for too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    /// When to come back.
    pub(super) retry_after: Duration,
    /// The first refusal in its minute: to be told to people once.
    pub(super) first: bool,
}

impl Newcomers {
    /// Lets a caller ask for a subject that is not at hand. Asking again for the same one is free.
    pub(super) fn admit(
        &mut self,
        asker: &Actor,
        subject: SubjectHandle,
        max: u64,
        now: Duration,
    ) -> Result<(), TooMany> {
        let fresh = || Window { since: now, seen: HashSet::new(), refused: false };
        let window = self.0.entry(asker.clone()).or_insert_with(fresh);
        if now >= window.since + WINDOW {
            *window = fresh();
        }
        if window.seen.contains(&subject) {
            return Ok(());
        }
        if window.seen.len() as u64 >= max {
            let first = !std::mem::replace(&mut window.refused, true);
            return Err(TooMany { retry_after: (window.since + WINDOW).saturating_sub(now), first });
        }
        window.seen.insert(subject);
        Ok(())
    }

    /// Forgets who was not here for a minute.
    pub(super) fn sweep(&mut self, now: Duration) {
        self.0.retain(|_, window| now < window.since + WINDOW);
    }
}

const WINDOW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{PolicyHash, SubjectId};
    use crate::principal::ActorKind;

    fn key(id: &str) -> Actor {
        Actor { kind: ActorKind::ApiKey, id: id.to_owned(), name: None }
    }

    fn subject(n: u32) -> SubjectHandle {
        let subject: SubjectId = format!("u_{n}").parse().unwrap();
        SubjectHandle::derive(&[0; 32], "t", &PolicyHash([0; 32]), &subject)
    }

    #[test]
    fn a_minute_holds_so_many_different_subjects_of_one_caller() {
        let (mut newcomers, at) = (Newcomers::default(), Duration::from_secs);
        for n in 0..3 {
            assert_eq!(newcomers.admit(&key("a"), subject(n), 3, at(10)), Ok(()));
        }
        let refused = |first, seconds| Err(TooMany { retry_after: at(seconds), first });
        assert_eq!(newcomers.admit(&key("a"), subject(3), 3, at(20)), refused(true, 50));
        assert_eq!(newcomers.admit(&key("a"), subject(4), 3, at(30)), refused(false, 40));
        assert_eq!(newcomers.admit(&key("a"), subject(1), 3, at(30)), Ok(()), "known ones stay");
        assert_eq!(newcomers.admit(&key("b"), subject(4), 3, at(30)), Ok(()), "others are not held back");
        assert_eq!(newcomers.admit(&key("a"), subject(4), 3, at(70)), Ok(()));
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let mut newcomers = Newcomers::default();
        newcomers.admit(&key("a"), subject(1), 3, Duration::ZERO).unwrap();
        newcomers.sweep(Duration::from_secs(59));
        assert_eq!(newcomers.0.len(), 1);
        newcomers.sweep(Duration::from_secs(60));
        assert_eq!(newcomers.0.len(), 0);
    }
}
