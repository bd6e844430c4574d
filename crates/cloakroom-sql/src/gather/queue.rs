//! What waits, and which of it makes the next batch.

use std::collections::{HashSet, VecDeque};

use cloakroom_core::StoreKey;
use tokio::sync::oneshot;

use crate::operation::{Operation, Outcome};

/// An operation that waits, and where its caller waits for the outcome.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) ticket: Ticket,
    pub(super) operation: Operation,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// The place of an operation in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Whether an operation reads or writes. The two never share a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    pub(super) fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Load { .. } | Operation::List { .. } | Operation::Count { .. } => Self::Read,
            Operation::Create { .. }
            | Operation::Save { .. }
            | Operation::Touch { .. }
            | Operation::Rename { .. }
            | Operation::Delete { .. }
            | Operation::Sweep { .. }
            | Operation::End { .. }
            | Operation::Admit(_) => Self::Write,
        }
    }
}

/// Operations in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Pending>,
    arrivals: u64,
    /// Kept between batches for its memory.
    named: HashSet<StoreKey>,
    /// Kept between batches for its memory.
    passed: Vec<Pending>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn push(&mut self, operation: Operation, answer: oneshot::Sender<Outcome>) -> Ticket {
        let ticket = Ticket(self.arrivals);
        self.arrivals += 1;
        self.waiting.push_back(Pending { ticket, operation, answer });
        ticket
    }

    /// The direction of what has waited longest.
    pub(super) fn direction(&self) -> Option<Direction> {
        self.waiting.front().map(|first| Direction::of(&first.operation))
    }

    /// Takes an operation out again unless a batch has it.
    pub(super) fn retract(&mut self, ticket: Ticket) -> Option<Pending> {
        let place = self.waiting.binary_search_by_key(&ticket, |pending| pending.ticket).ok()?;
        self.waiting.remove(place)
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) -> Vec<Pending> {
        self.waiting.drain(..).collect()
    }

    /// Takes the next batch: at most `limit` operations of one direction on distinct keys, sorted by key; or one
    /// operation that has to be alone. Empty if nothing waits.
    ///
    /// Of two operations on one key the later waits for the next batch. Sorted keys keep the nodes of a site from
    /// locking the same rows in opposite orders.
    pub(super) fn take(&mut self, limit: usize) -> Vec<Pending> {
        let Some(first) = self.waiting.pop_front() else { return Vec::new() };
        let direction = Direction::of(&first.operation);
        if is_alone(&first.operation) || self.waiting.is_empty() {
            return vec![first];
        }
        let mut batch = Vec::with_capacity(limit.min(self.waiting.len() + 1));
        name(&mut self.named, &first.operation);
        batch.push(first);
        // Without a bound on those passed over, one busy key would make every batch look at the whole queue.
        while batch.len() < limit && self.passed.len() < limit {
            let Some(next) = self.waiting.pop_front() else { break };
            if is_alone(&next.operation) {
                self.waiting.push_front(next);
                break;
            }
            // The keys of one that is passed over are named too: nothing on them may overtake it.
            let is_first = name(&mut self.named, &next.operation) == Named::First;
            if is_first && Direction::of(&next.operation) == direction {
                batch.push(next);
            } else {
                self.passed.push(next);
            }
        }
        self.named.clear();
        for pending in self.passed.drain(..).rev() {
            self.waiting.push_front(pending);
        }
        batch.sort_unstable_by(|one, other| keys(&one.operation).cmp(&keys(&other.operation)));
        batch
    }
}

/// Whether an operation is the first to name its keys.
#[derive(PartialEq, Eq)]
enum Named {
    First,
    Again,
}

fn name(named: &mut HashSet<StoreKey>, operation: &Operation) -> Named {
    let mut answer = Named::First;
    for key in keys(operation).into_iter().flatten() {
        if !named.insert(key.clone()) {
            answer = Named::Again;
        }
    }
    answer
}

fn is_alone(operation: &Operation) -> bool {
    keys(operation) == [None, None]
}

/// The keys that an operation is about, the one to sort by first. Nobody else can name the new key of a `Rename`
/// yet, so the old one alone decides the order in which rows are locked.
fn keys(operation: &Operation) -> [Option<&StoreKey>; 2] {
    match operation {
        Operation::Load { key }
        | Operation::Create { key, .. }
        | Operation::Save { key, .. }
        | Operation::Touch { key, .. }
        | Operation::Delete { key } => [Some(key), None],
        Operation::Rename { from, to, .. } => [Some(from), Some(to)],
        Operation::Sweep { .. }
        | Operation::List { .. }
        | Operation::Count { .. }
        | Operation::End { .. }
        | Operation::Admit(_) => [None, None],
    }
}
