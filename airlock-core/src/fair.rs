//! A bounded queue that serves its parties in turn, so that one who asks a lot does not keep the others waiting.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Waiting items of parties `P`. Within a party the oldest is served first; between parties, each in turn.
///
/// A full queue takes one more of a party that has fewer waiting than another: the newest of the longest line gives way.
#[derive(Debug)]
pub struct FairQueue<P, T> {
    lines: HashMap<P, VecDeque<(Ticket, T)>>,
    /// Parties with a line, the next to be served in front.
    turns: VecDeque<P>,
    len: usize,
    max: usize,
    next: u64,
}

/// Names one waiting item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// What became of an item that asked to wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<T> {
    /// It waits.
    Queued(Ticket),
    /// It waits, and this one of another party no longer does.
    Displaced(Ticket, T),
    /// There is no room for it.
    Full(T),
}

impl<P: Clone + Eq + Hash, T> FairQueue<P, T> {
    /// A queue in which at most `max` items wait.
    pub fn new(max: usize) -> Self {
        Self { lines: HashMap::new(), turns: VecDeque::new(), len: 0, max, next: 0 }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lets an item wait at the end of its party's line.
    pub fn push(&mut self, party: P, item: T) -> Entry<T> {
        let displaced = if self.len < self.max {
            None
        } else {
            let own = self.lines.get(&party).map_or(0, VecDeque::len);
            match self.displace(own) {
                Some(newest) => Some(newest),
                None => return Entry::Full(item),
            }
        };
        let ticket = Ticket(self.next);
        self.next += 1;
        self.len += 1;
        let line = self.lines.entry(party.clone()).or_default();
        if line.is_empty() {
            self.turns.push_back(party);
        }
        line.push_back((ticket, item));
        match displaced {
            None => Entry::Queued(ticket),
            Some(item) => Entry::Displaced(ticket, item),
        }
    }

    /// The newest of the longest line, if that line is longer than one with `own` and one more would be.
    fn displace(&mut self, own: usize) -> Option<T> {
        let longest = self.turns.iter().max_by_key(|party| self.lines[*party].len())?.clone();
        let line = self.lines.get_mut(&longest)?;
        if line.len() <= own + 1 {
            return None;
        }
        let (_, item) = line.pop_back()?;
        self.len -= 1;
        Some(item)
    }

    /// Takes the item whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let party = self.turns.pop_front()?;
        let line = self.lines.get_mut(&party)?;
        let (_, item) = line.pop_front()?;
        self.len -= 1;
        if line.is_empty() {
            self.lines.remove(&party);
        } else {
            self.turns.push_back(party);
        }
        Some(item)
    }

    /// Takes an item out of its party's line, if it still waits.
    pub fn remove(&mut self, party: &P, ticket: Ticket) -> Option<T> {
        let line = self.lines.get_mut(party)?;
        let at = line.iter().position(|(held, _)| *held == ticket)?;
        let (_, item) = line.remove(at)?;
        self.len -= 1;
        if line.is_empty() {
            self.lines.remove(party);
            self.turns.retain(|waiting| waiting != party);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drained(queue: &mut FairQueue<char, u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn parties_are_served_in_turn_and_each_in_its_own_order() {
        let mut queue = FairQueue::new(10);
        for n in 0..5 {
            queue.push('a', n);
        }
        queue.push('b', 10);
        queue.push('b', 11);
        queue.push('c', 20);
        assert_eq!(drained(&mut queue), [0, 10, 20, 1, 11, 2, 3, 4]);
        assert!(queue.is_empty() && queue.turns.is_empty() && queue.lines.is_empty());
    }

    #[test]
    fn a_full_queue_has_room_for_who_has_less() {
        let mut queue = FairQueue::new(3);
        for n in 0..3 {
            assert!(matches!(queue.push('a', n), Entry::Queued(_)));
        }
        assert_eq!(queue.push('a', 3), Entry::Full(3));
        assert!(matches!(queue.push('b', 10), Entry::Displaced(_, 2)));
        // Two of a, one of b: one more of b would only turn it round.
        assert_eq!(queue.push('b', 11), Entry::Full(11));
        assert!(matches!(queue.push('c', 20), Entry::Displaced(_, 1)));
        assert_eq!(drained(&mut queue), [0, 10, 20]);
    }

    #[test]
    fn who_leaves_is_not_served_and_a_queue_of_none_takes_none() {
        let mut queue = FairQueue::new(3);
        let Entry::Queued(first) = queue.push('a', 0) else { panic!("there is room") };
        queue.push('b', 10);
        assert_eq!(queue.remove(&'a', first), Some(0));
        assert_eq!(queue.remove(&'a', first), None);
        assert_eq!(drained(&mut queue), [10]);
        assert_eq!(FairQueue::new(0).push('a', 0), Entry::Full(0));
    }

    proptest! {
        /// Whatever happens: nothing is lost or doubled, the bound holds, and between two turns of a party each other
        /// party that waits has had one.
        #[test]
        fn nothing_is_lost_and_nobody_is_passed_over(steps in prop::collection::vec((0u8..4, 0u8..3), 0..200)) {
            let mut queue = FairQueue::new(8);
            let (mut entered, mut left) = (0, 0);
            let mut passed: HashMap<u8, usize> = HashMap::new();
            for (n, (party, step)) in steps.into_iter().enumerate() {
                if step == 0 {
                    if let Some((served, _)) = queue.pop() {
                        left += 1;
                        passed.remove(&served);
                        for waiting in queue.turns.iter().filter(|p| **p != served) {
                            *passed.entry(*waiting).or_default() += 1;
                        }
                    }
                } else {
                    match queue.push(party, (party, n)) {
                        Entry::Queued(_) => entered += 1,
                        Entry::Displaced(..) => {}
                        Entry::Full((refused, _)) => prop_assert_eq!(refused, party),
                    }
                }
                passed.retain(|party, _| queue.lines.contains_key(party));
                prop_assert!(queue.len() <= 8);
                prop_assert_eq!(queue.len(), queue.lines.values().map(VecDeque::len).sum::<usize>());
                prop_assert_eq!(queue.len(), entered - left);
                prop_assert!(passed.values().all(|times| *times < 4));
            }
        }
    }
}
