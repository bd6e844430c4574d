//! The laws of the queue, for every sequence of arrivals, departures and batches.

use std::collections::HashSet;

use proptest::prelude::*;
use tokio::sync::oneshot;

use super::{admit, count, delete, end, load, rename, touch};
use crate::gather::queue::{Direction, Pending, Queue, Ticket};
use crate::operation::Operation;

#[derive(Clone, Debug)]
enum Step {
    Arrive(Arrival),
    /// The operation that arrived as the n-th goes away, if it still waits.
    Leave(usize),
    Batch(usize),
}

#[derive(Clone, Copy, Debug)]
enum Arrival {
    Load(u8),
    Touch(u8),
    Delete(u8),
    Rename(u8, u8),
    Count,
    End,
    Admit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let arrival = prop_oneof![
        4 => (0..6_u8).prop_map(Arrival::Load),
        4 => (0..6_u8).prop_map(Arrival::Touch),
        2 => (0..6_u8).prop_map(Arrival::Delete),
        2 => (0..6_u8, 0..6_u8).prop_map(|(from, to)| Arrival::Rename(from, to)),
        1 => Just(Arrival::Count),
        1 => Just(Arrival::End),
        1 => Just(Arrival::Admit),
    ];
    let step = prop_oneof![
        6 => arrival.prop_map(Step::Arrive),
        1 => (0..40_usize).prop_map(Step::Leave),
        2 => (1..5_usize).prop_map(Step::Batch),
    ];
    prop::collection::vec(step, 0..80)
}

impl Arrival {
    fn operation(self) -> Operation {
        match self {
            Self::Load(key) => load(key),
            Self::Touch(key) => touch(key, 0),
            Self::Delete(key) => delete(key),
            Self::Rename(from, to) => rename(from, to),
            Self::Count => count(),
            Self::End => end(),
            Self::Admit => admit(),
        }
    }

    /// `None` for an operation over many sessions.
    fn keys(self) -> Option<Vec<u8>> {
        match self {
            Self::Load(key) | Self::Touch(key) | Self::Delete(key) => Some(vec![key]),
            Self::Rename(from, to) if from == to => Some(vec![from]),
            Self::Rename(from, to) => Some(vec![from, to]),
            Self::Count | Self::End | Self::Admit => None,
        }
    }
}

proptest! {
    #[test]
    fn every_operation_runs_once_and_in_order_of_its_keys(steps in steps()) {
        let mut queue = Queue::default();
        let mut arrivals: Vec<(Ticket, Arrival)> = Vec::new();
        let mut waiting: Vec<Ticket> = Vec::new();
        for step in steps.into_iter().chain((0..200).map(|_| Step::Batch(3))) {
            match step {
                Step::Arrive(arrival) => {
                    let ticket = queue.push(arrival.operation(), oneshot::channel().0);
                    arrivals.push((ticket, arrival));
                    waiting.push(ticket);
                }
                Step::Leave(place) => {
                    let Some((ticket, _)) = arrivals.get(place) else { continue };
                    let waited = waiting.contains(ticket);
                    waiting.retain(|other| other != ticket);
                    prop_assert_eq!(queue.retract(*ticket).is_some(), waited);
                }
                Step::Batch(limit) => {
                    let batch = queue.take(limit);
                    prop_assert!(batch.len() <= limit);
                    prop_assert_eq!(batch.is_empty(), waiting.is_empty());
                    check(&batch, &arrivals, &mut waiting)?;
                }
            }
            prop_assert_eq!(queue.len(), waiting.len());
        }
        prop_assert!(waiting.is_empty(), "something was never run");
    }
}

fn check(
    batch: &[Pending],
    arrivals: &[(Ticket, Arrival)],
    waiting: &mut Vec<Ticket>,
) -> Result<(), TestCaseError> {
    let arrival_of = |ticket: Ticket| arrivals.iter().find(|(other, _)| *other == ticket).unwrap().1;
    let mut named = HashSet::new();
    let mut sorted = Vec::new();
    let taken: Vec<Ticket> = batch.iter().map(|pending| pending.ticket).collect();
    for pending in batch {
        prop_assert!(waiting.contains(&pending.ticket), "run twice, or after its caller had gone");
        let Some(keys) = arrival_of(pending.ticket).keys() else {
            prop_assert_eq!(batch.len(), 1, "not alone");
            continue;
        };
        prop_assert_eq!(Direction::of(&pending.operation), Direction::of(&batch[0].operation));
        for key in &keys {
            prop_assert!(named.insert(*key), "one key twice in a batch");
            for earlier in waiting.iter().filter(|earlier| **earlier < pending.ticket) {
                let shares = arrival_of(*earlier).keys().is_some_and(|keys| keys.contains(key));
                prop_assert!(!shares || taken.contains(earlier), "overtook an earlier operation on its key");
            }
        }
        sorted.push(keys[0]);
    }
    prop_assert!(sorted.is_sorted(), "not sorted by key");
    waiting.retain(|ticket| !taken.contains(ticket));
    Ok(())
}
