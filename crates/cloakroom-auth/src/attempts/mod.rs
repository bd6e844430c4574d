//! How often somebody may try.
//!
//! A password is found by trying. [`Attempts`] counts the tries that fail, for each account and for each client address,
//! and makes whoever has too many wait: a little longer each time, and never longer than a ceiling.
//!
//! What is counted lies in memory, in tables of fixed size that a flood neither grows nor blinds, and is forgotten when
//! the process ends.
//!
//! # What it does not do
//! * It does not know of other processes: behind a load balancer each counts for itself, so that *n* of them allow *n*
//!   times as much.
//! * It does not keep out somebody who commands many addresses and tries each account a few times only. Nothing that
//!   counts does: refuse passwords that are known, and ask for a second factor.
//! * It does not protect the processor: checking a password costs much more than counting it, and the queue before it
//!   has a limit of its own.

mod bucket;
mod limits;
mod table;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_core::Timestamp;

use self::bucket::{Bucket, Charge};
pub use self::limits::{Limit, Limits};
use self::table::Table;

/// The tries of one sign-in. Clones are the same counts.
///
/// A try is counted when it begins, before anything is verified, so that a thousand at once are a thousand; one that
/// succeeds is given back. An account that does not exist is counted like any other, so the answer tells nothing.
///
/// # Nobody is locked out for good
/// * No wait is longer than its limit's [`Limit::longest`], and being refused makes it no longer.
/// * The limit of an account is one for all strangers, and an attacker may use it up. An address from which the account
///   was signed in to, or an IPv6 network, is no stranger for [`Limits::known_for`]: it has a limit of its own, which nobody
///   elsewhere can use up, and is not held back by what others do from the same address.
/// * Somebody on a new device who finds the limit used up can prove who they are by other means, as by the link of a
///   password reset: [`Attempts::recognise`] then makes their address known.
///
/// # Cost
/// 704 KiB, and one short lock for each try. Accounts are kept as keyed hashes, addresses too, and `Debug` shows none.
///
/// ```
/// use cloakroom_auth::attempts::{Attempts, Limits};
/// use cloakroom_core::{Clock, SystemClock};
///
/// # fn verify() -> bool { true }
/// let attempts = Attempts::new(Limits::default());
/// let now = SystemClock.now();
/// match attempts.begin(Some("ann@example.com"), "192.0.2.7".parse().ok(), now) {
///     Ok(attempt) if verify() => attempt.succeeded(now),
///     Ok(attempt) => attempt.failed(),
///     Err(refused) => println!("Retry-After: {}", refused.retry_after_seconds()),
/// }
/// ```
#[derive(Clone)]
pub struct Attempts {
    inner: Arc<Inner>,
}

struct Inner {
    limits: Limits,
    /// Keyed by chance, so that nobody can choose accounts that meet in one place, or read them out of memory.
    hasher: RandomState,
    counts: Mutex<Counts>,
}

/// Each kind has a table of its own, so that a flood of one does not push out the others.
struct Counts {
    accounts: Table<Bucket>,
    addresses: Table<Bucket>,
    known: Table<Known>,
}

const ACCOUNTS: usize = 4_096;
const ADDRESSES: usize = 4_096;
const KNOWN: usize = 8_192;

/// An address from which an account was signed in to.
#[derive(Clone, Copy, Default)]
struct Known {
    until: i64,
    bucket: Bucket,
}

/// What was counted, to be given back.
#[derive(Clone, Copy)]
enum Counted {
    /// For an address that the account knows.
    Known { pair: u64, charge: Charge },
    /// For a stranger.
    Stranger { account: Option<(u64, Charge)>, address: Option<(u64, Charge)> },
}

impl Attempts {
    /// Nothing is counted yet.
    pub fn new(limits: Limits) -> Self {
        let counts = Counts {
            accounts: Table::new(ACCOUNTS),
            addresses: Table::new(ADDRESSES),
            known: Table::new(KNOWN),
        };
        let inner = Inner { limits, hasher: RandomState::new(), counts: Mutex::new(counts) };
        Self { inner: Arc::new(inner) }
    }

    /// Counts a try, unless there were too many.
    ///
    /// `account` is what the account is looked up by, as normalised for that, whether it exists or not; here upper and
    /// lower case and blanks around it make no difference. `client` is the address of the client and never that of a
    /// proxy, which would be one client for everybody. What is `None` is not limited: without an account there is one
    /// limit for the address; without an address everybody is a stranger.
    ///
    /// # Errors
    /// When there were too many. Nothing is counted then.
    pub fn begin(
        &self,
        account: Option<&str>,
        client: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Attempt, TooMany> {
        let limits = &self.inner.limits;
        let keys = self.inner.keys(account, client);
        let mut counts = self.inner.counts();
        let counted = match keys.pair.and_then(|pair| Some((pair, counts.known_at(pair, now)?))) {
            Some((pair, bucket)) => {
                let charge = bucket.charge(&limits.account, now);
                let charge = charge.map_err(|wait| TooMany::new(wait, LimitedBy::Account))?;
                Counted::Known { pair, charge }
            }
            None => counts.charge_stranger(limits, &keys, now)?,
        };
        drop(counts);
        Ok(Attempt { attempts: self.clone(), keys, counted })
    }

    /// Makes the address of somebody who has proved to be the account's owner by other means one that the account
    /// knows, as a successful try does.
    pub fn recognise(&self, account: &str, client: IpAddr, now: Timestamp) {
        let keys = self.inner.keys(Some(account), Some(client));
        self.inner.counts().recognise(&self.inner.limits, keys, now);
    }
}

impl Inner {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self, account: Option<&str>, client: Option<IpAddr>) -> Keys {
        let account = account.map(|account| account.trim().to_lowercase());
        let network = client.map(network);
        Keys {
            account: account.as_ref().map(|account| self.hasher.hash_one(account)),
            address: network.map(|network| self.hasher.hash_one(network)),
            pair: account.zip(network).map(|pair| self.hasher.hash_one(pair)),
        }
    }
}

/// Where a try is counted.
#[derive(Clone, Copy)]
struct Keys {
    account: Option<u64>,
    address: Option<u64>,
    pair: Option<u64>,
}

impl Counts {
    /// The tries of an address that the account knows.
    fn known_at(&mut self, pair: u64, now: Timestamp) -> Option<&mut Bucket> {
        let known = self.known.get(pair)?;
        (now.as_millis() < known.until).then_some(&mut known.bucket)
    }

    /// Both limits are asked before either is charged.
    fn charge_stranger(&mut self, limits: &Limits, keys: &Keys, now: Timestamp) -> Result<Counted, TooMany> {
        let wait = |bucket: Option<&mut Bucket>, limit| bucket.and_then(|bucket| bucket.wait(limit, now));
        if let Some(wait) = wait(keys.account.and_then(|key| self.accounts.get(key)), &limits.account) {
            return Err(TooMany::new(wait, LimitedBy::Account));
        }
        if let Some(wait) = wait(keys.address.and_then(|key| self.addresses.get(key)), &limits.address) {
            return Err(TooMany::new(wait, LimitedBy::Address));
        }
        let charge = |table: &mut Table<Bucket>, key, limit| {
            let bucket = table.entry(key, |bucket| bucket.weight(limit, now))?;
            bucket.charge(limit, now).ok().map(|charge| (key, charge))
        };
        Ok(Counted::Stranger {
            account: keys.account.and_then(|key| charge(&mut self.accounts, key, &limits.account)),
            address: keys.address.and_then(|key| charge(&mut self.addresses, key, &limits.address)),
        })
    }

    fn give_back(&mut self, counted: Counted) {
        let give_back = |table: &mut Table<Bucket>, charged: Option<(u64, Charge)>| {
            if let Some((key, charge)) = charged
                && let Some(bucket) = table.get(key)
            {
                bucket.give_back(charge);
            }
        };
        match counted {
            Counted::Known { pair, charge } => {
                if let Some(known) = self.known.get(pair) {
                    known.bucket.give_back(charge);
                }
            }
            Counted::Stranger { account, address } => {
                give_back(&mut self.accounts, account);
                give_back(&mut self.addresses, address);
            }
        }
    }

    /// An address that is known already begins afresh: its owner has just been there.
    fn recognise(&mut self, limits: &Limits, keys: Keys, now: Timestamp) {
        // Of the addresses that are known, the one that was used longest ago is forgotten first.
        if let Some(known) = keys.pair.and_then(|pair| self.known.entry(pair, |known| known.until)) {
            *known = Known { until: now.plus(limits.known_for).as_millis(), bucket: Bucket::default() };
        }
    }
}

/// A try that has been counted. Dropped, as when the client goes away, it stays counted.
#[must_use = "a try that succeeds is given back: call Attempt::succeeded"]
pub struct Attempt {
    attempts: Attempts,
    keys: Keys,
    counted: Counted,
}

impl Attempt {
    /// Gives the try back, and makes the address one that the account knows.
    pub fn succeeded(self, now: Timestamp) {
        let inner = &self.attempts.inner;
        let mut counts = inner.counts();
        counts.give_back(self.counted);
        counts.recognise(&inner.limits, self.keys, now);
    }

    /// Leaves the try counted.
    pub fn failed(self) {}

    /// Gives the try back because nothing was verified, as when the database could not be reached. Never for a password
    /// that was wrong.
    pub fn withdraw(self) {
        self.attempts.inner.counts().give_back(self.counted);
    }
}

/// There were too many tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts: the next may be made in {} seconds", self.retry_after_seconds())]
pub struct TooMany {
    /// How long to wait.
    pub retry_after: Duration,
    /// Which limit was reached. It is for the log: clients need not know.
    pub limited_by: LimitedBy,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitedBy {
    /// That of the account.
    Account,
    /// That of the client's address or network.
    Address,
}

impl TooMany {
    const fn new(retry_after: Duration, limited_by: LimitedBy) -> Self {
        Self { retry_after, limited_by }
    }

    /// The wait for `Retry-After` (RFC 9110 section 10.2.3): whole seconds, rounded up, because a client that comes back
    /// too early is refused again.
    pub fn retry_after_seconds(&self) -> u64 {
        self.retry_after.as_secs().saturating_add(u64::from(self.retry_after.subsec_nanos() > 0))
    }
}

/// What one customer has: an IPv4 address, also when it is written as IPv6, or a /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Attempts").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Attempt").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
