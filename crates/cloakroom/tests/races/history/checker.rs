//! Says whether a history can be explained.
//!
//! One request is *before* another when its response was there before the other began. Whatever the order of requests
//! that overlap, it must agree with that. The checker asks for what follows from it for each session:
//!
//! * The counter counts what was acknowledged, each once, and perhaps what nobody knows of; it never goes back.
//! * A value that is read was written, and was not replaced before the reader began.
//! * A key stays until it is removed, and stays away then.
//! * Nothing is seen after the session was ended, nor with a cookie after it was replaced; and nobody is a stranger, or
//!   told that the session is gone, for any other reason.

use std::collections::{BTreeMap, BTreeSet};

use super::{Act, Entry, Reply, Seen};

/// Everything in the history that has no explanation.
pub(crate) fn check(entries: &[Entry]) -> Vec<String> {
    let mut sessions = BTreeMap::<usize, Vec<&Entry>>::new();
    for entry in entries {
        sessions.entry(entry.session).or_default().push(entry);
    }
    sessions
        .values()
        .flat_map(|entries| {
            let session = History { entries };
            [session.effects(), session.counter(), session.writes(), session.keys(), session.ends()].concat()
        })
        .collect()
}

/// What happened to one session.
struct History<'a> {
    entries: &'a [&'a Entry],
}

impl Entry {
    fn before(&self, other: &Self) -> bool {
        self.ended < other.begun
    }

    fn is_done(&self) -> bool {
        matches!(self.reply, Reply::Done(_))
    }

    /// Whether it may have done what it was to do.
    fn may_be_done(&self) -> bool {
        matches!(self.reply, Reply::Done(_) | Reply::Unknown)
    }

    fn seen(&self) -> Option<&Seen> {
        match &self.reply {
            Reply::Done(seen) => Some(seen),
            Reply::Stranger | Reply::Gone | Reply::Contended | Reply::Unknown => None,
        }
    }
}

impl<'a> History<'a> {
    /// Those who saw what was in the session, and what they saw.
    fn seers(&self) -> impl Iterator<Item = (&'a Entry, &'a Seen)> + Clone {
        self.entries.iter().filter_map(|entry| Some((*entry, entry.seen()?)))
    }

    fn of(&self, wanted: impl Fn(Act) -> bool) -> Vec<&'a Entry> {
        self.entries.iter().copied().filter(|entry| wanted(entry.act)).collect()
    }

    /// Whoever did something saw it done.
    fn effects(&self) -> Vec<String> {
        let blind = self.seers().filter(|(entry, seen)| match entry.act {
            Act::Write(value) => seen.written != value,
            Act::Insert(key) => !seen.keys.contains(&key),
            Act::Remove(key) => seen.keys.contains(&key),
            Act::Count => seen.count == 0,
            Act::Read | Act::Rotate | Act::Destroy => false,
        });
        blind.map(|(entry, _)| format!("did not see its own effect: {entry:?}")).collect()
    }

    fn counter(&self) -> Vec<String> {
        let counts = self.of(|act| act == Act::Count);
        let mut reasons = Vec::new();
        let mut values = BTreeSet::new();
        for (entry, seen) in self.seers() {
            if entry.act == Act::Count && !values.insert(seen.count) {
                reasons.push(format!("counted to a number to which another had counted: {entry:?}"));
            }
            let least = counts.iter().filter(|count| count.is_done() && count.before(entry)).count() as u64;
            let most = counts.iter().filter(|count| count.may_be_done() && count.begun < entry.ended).count();
            if !(least..=most as u64).contains(&seen.count) {
                reasons.push(format!("saw a counter that is not between {least} and {most}: {entry:?}"));
            }
            let later = self.seers().find(|(later, count)| {
                let stood_still = later.act == Act::Count && count.count == seen.count;
                entry.before(later) && (count.count < seen.count || stood_still)
            });
            if let Some((later, _)) = later {
                reasons.push(format!("the counter went back from {entry:?} to {later:?}"));
            }
        }
        reasons
    }

    fn writes(&self) -> Vec<String> {
        let all = self.of(|act| matches!(act, Act::Write(_)));
        // By when a value had been written: when its writer knew, or when somebody saw it.
        let mut known = BTreeMap::<u64, u64>::new();
        for (entry, seen) in self.seers() {
            let by = known.entry(seen.written).or_insert(entry.ended);
            *by = entry.ended.min(*by);
        }
        let mut reasons = Vec::new();
        for (entry, seen) in self.seers() {
            let writer = all.iter().find(|write| write.act == Act::Write(seen.written));
            match writer {
                None if seen.written != 0 => reasons.push(format!("saw what nobody wrote: {entry:?}")),
                Some(writer) if !writer.may_be_done() || writer.begun > entry.ended => {
                    reasons.push(format!("saw what had not been written: {entry:?}, {writer:?}"));
                }
                _ => {}
            }
            // Something that was written after it, and before this request began.
            let written_by = if seen.written == 0 { Some(&0) } else { known.get(&seen.written) };
            let newer = all.iter().find(|write| {
                let Act::Write(value) = write.act else { return false };
                let by = known.get(&value).copied();
                value != seen.written
                    && written_by.is_some_and(|by| *by < write.begun)
                    && by.is_some_and(|by| by < entry.begun)
            });
            if let Some(newer) = newer {
                reasons.push(format!("saw what had been replaced: {entry:?}, {newer:?}"));
            }
        }
        reasons
    }

    fn keys(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for insert in self.of(|act| matches!(act, Act::Insert(_))) {
            let Act::Insert(key) = insert.act else { continue };
            let removals = self.of(|act| act == Act::Remove(key));
            for (entry, seen) in self.seers() {
                let may_be_removed =
                    removals.iter().any(|removal| removal.may_be_done() && removal.begun < entry.ended);
                let is_removed = removals.iter().any(|removal| removal.is_done() && removal.before(entry));
                match seen.keys.contains(&key) {
                    false if insert.is_done() && insert.before(entry) && !may_be_removed => {
                        reasons.push(format!("a key vanished: {insert:?} is not in {entry:?}"));
                    }
                    true if is_removed => {
                        reasons.push(format!("a key came back: {insert:?} is in {entry:?}"));
                    }
                    true if !insert.may_be_done() || insert.begun > entry.ended => {
                        reasons.push(format!("a key that was not inserted: {insert:?} is in {entry:?}"));
                    }
                    _ => {}
                }
            }
        }
        let known: BTreeSet<_> = self.entries.iter().filter_map(|entry| inserts(entry.act)).collect();
        let unknown = self.seers().filter(|(_, seen)| !seen.keys.iter().all(|key| known.contains(key)));
        reasons.extend(unknown.map(|(entry, _)| format!("a key that nobody inserted: {entry:?}")));
        reasons
    }

    fn ends(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let rotations = self.of(|act| act == Act::Rotate);
        let ends = self.of(|act| act == Act::Destroy);
        for entry in self.entries {
            // With this cookie the session can no longer be reached once one of these is done.
            let enders = ends.iter().chain(rotations.iter().filter(|it| it.cookie == entry.cookie));
            let mut enders = enders.filter(|ender| !std::ptr::eq(**ender, *entry));
            match &entry.reply {
                Reply::Done(_) => {
                    if let Some(ender) = enders.find(|ender| ender.is_done() && ender.before(entry)) {
                        reasons.push(format!("used what had ended: {entry:?}, {ender:?}"));
                    }
                }
                Reply::Stranger | Reply::Gone => {
                    if !enders.any(|ender| ender.may_be_done() && ender.begun < entry.ended) {
                        reasons.push(format!("was turned away without a reason: {entry:?}"));
                    }
                }
                Reply::Contended | Reply::Unknown => {}
            }
            let same = rotations.iter().filter(|it| it.is_done() && it.cookie == entry.cookie);
            if entry.act == Act::Rotate && entry.is_done() && same.count() > 1 {
                reasons.push(format!("two rotations gave one cookie two successors: {entry:?}"));
            }
        }
        reasons
    }
}

fn inserts(act: Act) -> Option<u64> {
    match act {
        Act::Insert(key) => Some(key),
        _ => None,
    }
}
