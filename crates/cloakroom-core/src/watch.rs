//! Who tries ids: unknown ones are counted by the address that they come from, in a table that does not grow.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::SessionId;

/// When unknown ids from one address are an event, [`Event::Guessing`](crate::Event::Guessing).
///
/// Nobody guesses 256 random bits. Somebody who tries all the same, or who tries what was found in a log or on a
/// disk, is worth knowing about (OWASP Session Management, "detect session ID guessing and brute force attacks").
///
/// Counted are ids that are written as ours are and name no session. The same one sent again and again, as by the
/// browser of a visitor whose session has ended, counts once. An IPv6 address counts as its /64, which is what one
/// customer has.
///
/// # Cost
/// 96 KiB for each manager once an unknown id comes from a known address, however many addresses there are; when more
/// than the table holds are active at once, those with the fewest ids are forgotten first. An attacker who commands
/// many networks stays below any limit per address: this is an alarm, and what keeps guessers out is the length of
/// the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guessing {
    /// Nothing is counted.
    Ignored,
    /// More than `ids` different unknown ids within `window` are an event, once in each window.
    Watched {
        /// How many are no event yet.
        ids: u32,
        /// From the first of them on, the time in which they are counted.
        window: Duration,
    },
}

impl Default for Guessing {
    fn default() -> Self {
        Self::Watched { ids: 30, window: Duration::from_secs(60) }
    }
}

/// The counts of one manager.
#[derive(Default)]
pub(crate) struct Watch {
    /// Made when it is needed first: a site that names no addresses has no table.
    table: OnceLock<Box<[Mutex<Set>]>>,
    /// Keyed by chance, so that nobody can choose addresses that fall into one set.
    hasher: RandomState,
}

/// As many sources are remembered at once as sets times ways.
const SETS: usize = 512;
const WAYS: usize = 4;

type Set = [Slot; WAYS];

/// What is known of one source. One without ids is free.
#[derive(Clone, Copy, Default)]
struct Slot {
    source: u128,
    ids: u32,
    began: i64,
    /// The id that came last, hashed.
    last: u64,
}

impl Watch {
    /// Counts an unknown id. Returns how many there were when they have just become too many.
    pub(crate) fn unknown(
        &self,
        guessing: Guessing,
        address: IpAddr,
        id: &SessionId,
        now: Timestamp,
    ) -> Option<u32> {
        let Guessing::Watched { ids, window } = guessing else { return None };
        let source = source(address);
        let place = usize::try_from(self.hasher.hash_one(source) % SETS as u64).unwrap_or(0);
        let mut set = self.table().get(place)?.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |slot: &Slot| now.since(Timestamp::from_millis(slot.began)) >= window;
        let slot = match set.iter_mut().position(|slot| slot.ids > 0 && slot.source == source) {
            Some(known) => set.get_mut(known),
            None => set.iter_mut().min_by_key(|slot| if is_over(slot) { 0 } else { slot.ids }),
        }?;
        let last = self.hasher.hash_one(id.expose());
        if slot.ids == 0 || slot.source != source || is_over(slot) {
            *slot = Slot { source, ids: 0, began: now.as_millis(), last: !last };
        }
        if slot.last == last {
            return None;
        }
        slot.last = last;
        slot.ids = slot.ids.saturating_add(1);
        (slot.ids == ids.saturating_add(1)).then_some(slot.ids)
    }

    fn table(&self) -> &[Mutex<Set>] {
        self.table.get_or_init(|| (0..SETS).map(|_| Mutex::default()).collect())
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// The network that is counted for an address: an IPv4 address itself, also when it is written as IPv6, or a /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// An IPv4 address as IPv6 writes it, which no /64 is written as.
fn source(address: IpAddr) -> u128 {
    match network(address) {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const THREE: Guessing = Guessing::Watched { ids: 3, window: MINUTE };

    fn id(number: u32) -> SessionId {
        SessionId::parse(&format!("{number:042}A")).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// What each of these ids from one address leads to.
    fn noted(
        watch: &Watch,
        from: &str,
        ids: impl IntoIterator<Item = u32>,
        now: Timestamp,
    ) -> Vec<Option<u32>> {
        ids.into_iter().map(|number| watch.unknown(THREE, address(from), &id(number), now)).collect()
    }

    #[test]
    fn owasp_guessing_more_than_the_limit_is_an_event_once_in_a_window() {
        let watch = Watch::default();
        assert_eq!(noted(&watch, "192.0.2.1", 0..6, START), [None, None, None, Some(4), None, None]);
        let late = START.plus(MINUTE.saturating_sub(Duration::from_millis(1)));
        assert_eq!(noted(&watch, "192.0.2.1", 10..20, late), [None; 10]);
        let next = START.plus(MINUTE);
        assert_eq!(noted(&watch, "192.0.2.1", 20..25, next), [None, None, None, Some(4), None]);
    }

    #[test]
    fn the_same_id_again_and_again_is_one_id() {
        let watch = Watch::default();
        assert_eq!(noted(&watch, "192.0.2.1", [7; 100], START), [None; 100]);
        assert_eq!(noted(&watch, "192.0.2.1", [8, 7, 8], START), [None, None, Some(4)]);
    }

    #[test]
    fn addresses_are_counted_apart_and_a_network_of_ipv6_together() {
        let watch = Watch::default();
        for number in 1..=200 {
            assert_eq!(noted(&watch, &format!("192.0.2.{number}"), 0..3, START), [None; 3]);
        }
        let ours = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8::7"];
        let noted_there: Vec<_> =
            (0..).zip(ours).flat_map(|(id, from)| noted(&watch, from, [id], START)).collect();
        assert_eq!(noted_there, [None, None, None, Some(4)]);
        assert_eq!(noted(&watch, "2001:db8:0:1::1", 0..3, START), [None; 3]);
        assert_eq!(network(address("2001:db8::7")), address("2001:db8::"));
        // The same address as a socket for both families shows it.
        assert_eq!(noted(&watch, "::ffff:192.0.2.1", [9], START), [Some(4)]);
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn owasp_guessing_a_flood_of_addresses_neither_grows_the_table_nor_hides_who_goes_on() {
        let watch = Watch::default();
        assert_eq!(noted(&watch, "2001:db8::1", 0..2, START), [None; 2]);
        let passing = id(1);
        for number in 0..100_000_u32 {
            assert_eq!(watch.unknown(THREE, IpAddr::V4(number.into()), &passing, START), None);
        }
        assert_eq!(watch.table().len(), SETS);
        assert_eq!(noted(&watch, "2001:db8::1", 2..4, START), [None, Some(4)]);
    }

    #[test]
    fn what_is_ignored_is_not_counted_and_makes_no_table() {
        let watch = Watch::default();
        for number in 0..100 {
            assert_eq!(watch.unknown(Guessing::Ignored, address("192.0.2.1"), &id(number), START), None);
        }
        assert!(watch.table.get().is_none());
    }
}
