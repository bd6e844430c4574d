//! Who may try, and when.

use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ANN: &str = "ann@example.com";

fn attempts() -> Attempts {
    Attempts::new(Limits::default())
}

#[allow(clippy::unnecessary_wraps, reason = "as Attempts::begin takes it")]
fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

/// One of as many addresses as somebody may command.
#[allow(clippy::unnecessary_wraps, reason = "as Attempts::begin takes it")]
fn bot(number: u32) -> Option<IpAddr> {
    Some(IpAddr::V4((0x0a00_0000 + number).into()))
}

/// Tries from ever new addresses, until it has to wait.
fn use_up(attempts: &Attempts, account: &str, now: Timestamp) -> TooMany {
    let mut tries =
        (0..1_000).map(|number| attempts.begin(Some(account), bot(number), now).map(Attempt::failed));
    tries.find_map(Result::err).expect("a thousand tries are too many")
}

#[test]
fn an_account_has_ten_failures_and_then_waits_that_grow_to_a_ceiling() {
    let attempts = attempts();
    let mut now = START;
    let waits: Vec<u64> = (0..20)
        .map(|_| {
            let refused = use_up(&attempts, ANN, now);
            assert_eq!(refused.limited_by, LimitedBy::Account);
            now = now.plus(refused.retry_after);
            refused.retry_after.as_secs()
        })
        .collect();
    // By the last of these the first failure is a quarter of an hour ago and is forgotten.
    assert_eq!(waits[..5], [30, 60, 120, 240, 450]);
    assert!(waits.iter().all(|wait| *wait <= 15 * 60), "{waits:?}");
    // Somebody who never stops has as many tries in a day as there are quarters of an hour.
    let next_day = now.plus(DAY);
    let mut tries = 0;
    while now < next_day && tries < 1_000 {
        match attempts.begin(Some(ANN), bot(tries), now) {
            Ok(attempt) => {
                attempt.failed();
                tries += 1;
            }
            Err(refused) => now = now.plus(refused.retry_after),
        }
    }
    assert!((90..=97).contains(&tries), "{tries}");
}

#[test]
fn failures_are_forgotten_by_and_by() {
    let attempts = attempts();
    use_up(&attempts, ANN, START);
    let quarter = MINUTE * 15;
    for count in [1_u32, 2, 10] {
        // As many as have been forgotten.
        let now = START.plus(DAY * count).plus(quarter * count);
        let all = (0..20).filter(|number| attempts.begin(Some(ANN), bot(*number), now).is_ok()).count();
        assert_eq!(all, 10);
        let later = now.plus(quarter * count);
        let again = (0..20).filter(|number| attempts.begin(Some(ANN), bot(*number), later).is_ok()).count();
        assert_eq!(again, count as usize);
    }
}

#[test]
fn an_address_has_a_hundred_failures_and_then_a_hundred_an_hour() {
    let attempts = attempts();
    let client = address("192.0.2.1");
    let try_account = |number: u32, now| attempts.begin(Some(&format!("user {number}")), client, now);
    for number in 0..100 {
        try_account(number, START).unwrap().failed();
    }
    let refused = try_account(100, START).unwrap_err();
    assert_eq!(refused, TooMany { retry_after: SECOND * 36, limited_by: LimitedBy::Address });
    assert!(
        attempts.begin(Some("user 100"), address("192.0.2.2"), START).is_ok(),
        "others are not held back"
    );
    let mut tries = 0;
    for second in 0..3_600 {
        tries += u32::from(try_account(1_000 + second, START.plus(SECOND * second)).is_ok());
    }
    assert_eq!(tries, 99, "the hundredth comes with the hour");
}

/// More than a verification takes lies between the first and the last answer, so counting afterwards would let all pass.
#[test]
fn sixty_four_tries_at_once_are_sixty_four_tries() {
    let attempts = attempts();
    let begun: Vec<_> = (0..64).map(|number| attempts.begin(Some(ANN), bot(number), START)).collect();
    assert_eq!(begun.iter().filter(|begun| begun.is_ok()).count(), 10);
    // Those that never ended, as when their clients went away, stay counted.
    drop(begun);
    assert!(attempts.begin(Some(ANN), bot(100), START).is_err());

    let from_one: Vec<_> =
        (0..640).map(|number| attempts.begin(Some(&format!("user {number}")), bot(1_000), START)).collect();
    assert_eq!(from_one.iter().filter(|begun| begun.is_ok()).count(), 100);
}

#[test]
fn threads_share_one_count() {
    let attempts = attempts();
    let passed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let attempts = attempts.clone();
                scope.spawn(move || {
                    (0..100)
                        .filter(|try_| attempts.begin(Some(ANN), bot(thread * 100 + try_), START).is_ok())
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 10);
}

#[test]
fn what_succeeds_or_was_never_verified_is_given_back() {
    let attempts = attempts();
    for _ in 0..1_000 {
        attempts.begin(Some(ANN), address("192.0.2.1"), START).unwrap().withdraw();
        attempts.begin(Some(ANN), address("192.0.2.1"), START).unwrap().succeeded(START);
    }
    // Ten for strangers and ten for the address that is known by now: none was used up.
    for client in ["192.0.2.1", "192.0.2.2"] {
        let passed = (0..20).filter(|_| attempts.begin(Some(ANN), address(client), START).is_ok()).count();
        assert_eq!(passed, 10, "{client}");
    }
    // Also from among tries that wait: one that was withdrawn leaves no new wait.
    let now = START.plus(SECOND * 30);
    attempts.begin(Some(ANN), bot(1), now).unwrap().withdraw();
    attempts.begin(Some(ANN), bot(1), now).unwrap().failed();
    assert_eq!(attempts.begin(Some(ANN), bot(1), now).unwrap_err().retry_after, MINUTE);
}

#[test]
fn a_try_that_succeeds_gives_nothing_back_but_itself() {
    let attempts = attempts();
    for number in 0..9 {
        attempts.begin(Some(ANN), bot(number), START).unwrap().failed();
    }
    // Were the account free again, whoever guesses would have ten more tries for each sign-in of its user.
    attempts.begin(Some(ANN), address("192.0.2.1"), START).unwrap().succeeded(START);
    attempts.begin(Some(ANN), bot(9), START).unwrap().failed();
    assert!(attempts.begin(Some(ANN), bot(10), START).is_err());
}

#[test]
fn nobody_elsewhere_locks_out_a_user_at_an_address_that_is_known() {
    let attempts = attempts();
    let (home, cafe) = (address("2001:db8:1:1::5"), address("2001:db8:2:2::5"));
    attempts.begin(Some(ANN), home, START).unwrap().succeeded(START);
    let mut now = START;
    for _ in 0..200 {
        now = now.plus(use_up(&attempts, ANN, now).retry_after);
        let refused = use_up(&attempts, ANN, now);
        assert_eq!(attempts.begin(Some(ANN), cafe, now).unwrap_err(), refused);
        // A few wrong ones, from another address of the network, and then the right one.
        for _ in 0..5 {
            attempts.begin(Some(" Ann@EXAMPLE.com "), address("2001:db8:1:1:ffff::6"), now).unwrap().failed();
        }
        attempts.begin(Some(ANN), home, now).unwrap().succeeded(now);
    }
    // Of the account only, and of the address only.
    use_up(&attempts, "bob@example.com", now);
    assert!(attempts.begin(Some("bob@example.com"), home, now).is_err());
    assert!(attempts.begin(Some(ANN), cafe, now).is_err());
    // Not for ever.
    let forgotten = now.plus(DAY * 30);
    use_up(&attempts, ANN, forgotten);
    assert!(attempts.begin(Some(ANN), home, forgotten).is_err());
    // Somebody who has proved who they are by other means is known as well.
    attempts.recognise(ANN, cafe.unwrap(), forgotten);
    attempts.begin(Some(ANN), cafe, forgotten).unwrap().failed();
}

#[test]
fn an_address_that_is_known_has_a_limit_too_and_is_not_held_back_by_others_there() {
    let attempts = attempts();
    let office = address("192.0.2.1");
    attempts.begin(Some(ANN), office, START).unwrap().succeeded(START);
    for number in 0..1_000 {
        let _ = attempts.begin(Some(&format!("user {number}")), office, START);
    }
    assert!(attempts.begin(Some("bob@example.com"), office, START).is_err(), "the address is used up");
    let passed = (0..20).filter(|_| attempts.begin(Some(ANN), office, START).is_ok()).count();
    assert_eq!(passed, 10);
    let refused = attempts.begin(Some(ANN), office, START).unwrap_err();
    assert_eq!(refused, TooMany { retry_after: SECOND * 30, limited_by: LimitedBy::Account });
}

#[test]
fn without_an_account_or_an_address_the_other_limit_counts() {
    let attempts = attempts();
    let passed = (0..200).filter(|_| attempts.begin(None, address("192.0.2.1"), START).is_ok()).count();
    assert_eq!(passed, 100);
    let passed = (0..200).filter(|_| attempts.begin(Some(ANN), None, START).is_ok()).count();
    assert_eq!(passed, 10);
    for _ in 0..200 {
        attempts.begin(None, None, START).unwrap().failed();
    }
}

#[test]
fn a_network_of_ipv6_is_one_client_and_an_address_is_one_however_it_is_written() {
    let attempts = attempts();
    for number in 0..100 {
        attempts.begin(None, address(&format!("2001:db8::{number:x}")), START).unwrap().failed();
        attempts.begin(None, address(&format!("192.0.2.{number}")), START).unwrap().failed();
    }
    assert!(attempts.begin(None, address("2001:db8::ffff:1"), START).is_err());
    assert!(attempts.begin(None, address("2001:db8:0:1::1"), START).is_ok());
    for _ in 0..99 {
        attempts.begin(None, address("::ffff:192.0.2.5"), START).unwrap().failed();
    }
    assert!(attempts.begin(None, address("192.0.2.5"), START).is_err());
}

#[test]
fn a_flood_neither_grows_the_tables_nor_hides_who_goes_on() {
    let attempts = attempts();
    let size = |attempts: &Attempts| attempts.inner.counts().size();
    let empty = size(&attempts);
    assert!(empty <= 704 * 1024, "{empty} bytes");
    attempts.begin(Some("bob"), address("192.0.2.9"), START).unwrap().succeeded(START);
    for _ in 0..2 {
        attempts.begin(Some(ANN), address("192.0.2.1"), START).unwrap().failed();
    }
    for number in 0..100_000 {
        attempts.begin(Some(&format!("user {number}")), bot(number), START).unwrap().failed();
    }
    assert_eq!(size(&attempts), empty);
    let passed = (0..20).filter(|_| attempts.begin(Some(ANN), address("192.0.2.1"), START).is_ok()).count();
    assert_eq!(passed, 8);
    let passed = (0..200).filter(|_| attempts.begin(None, address("192.0.2.1"), START).is_ok()).count();
    assert_eq!(passed, 90);
    use_up(&attempts, "bob", START);
    assert!(attempts.begin(Some("bob"), address("192.0.2.9"), START).is_ok(), "bob's address is still known");
}

impl Counts {
    fn size(&self) -> usize {
        self.accounts.bytes() + self.addresses.bytes() + self.known.bytes()
    }
}

#[test]
fn a_clock_that_is_set_back_makes_no_wait_longer_than_the_ceiling() {
    let attempts = attempts();
    use_up(&attempts, ANN, START.plus(DAY));
    let refused = attempts.begin(Some(ANN), bot(1), START).unwrap_err();
    assert!(refused.retry_after <= MINUTE * 15);
    assert!(attempts.begin(Some(ANN), bot(1), START.plus(refused.retry_after)).is_ok());
    for odd in [i64::MIN, i64::MAX, 0, i64::MIN] {
        let now = Timestamp::from_millis(odd);
        if let Err(refused) = attempts.begin(Some(ANN), bot(1), now) {
            assert!(refused.retry_after <= MINUTE * 15);
        }
    }
}

#[test]
fn the_wait_is_told_in_whole_seconds_rounded_up() {
    for (millis, seconds) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
        let refused = TooMany::new(Duration::from_millis(millis), LimitedBy::Account);
        assert_eq!(refused.retry_after_seconds(), seconds);
        assert!(refused.to_string().ends_with(&format!("in {seconds} seconds")));
    }
}

#[test]
fn nothing_that_is_printed_names_an_account_or_an_address() {
    let attempts = attempts();
    let attempt = attempts.begin(Some(ANN), address("192.0.2.1"), START).unwrap();
    let printed = format!("{attempts:?} {attempt:?} {:?}", use_up(&attempts, ANN, START));
    assert!(!printed.contains("ann") && !printed.contains("192"), "{printed}");
}

#[test]
fn limits_that_make_no_sense_do_no_harm() {
    for limit in [
        Limit::new(0, Duration::ZERO, Duration::ZERO),
        Limit::new(0, Duration::MAX, Duration::MAX),
        Limit::new(0, HOUR, SECOND),
        Limit::new(1, HOUR, SECOND),
        Limit::new(u32::MAX, SECOND, HOUR),
    ] {
        let attempts =
            Attempts::new(Limits::default().account(limit).address(limit).known_for(Duration::MAX));
        for step in 0..10 {
            let now = START.plus(SECOND * step);
            match attempts.begin(Some(ANN), address("192.0.2.1"), now) {
                Ok(attempt) => attempt.failed(),
                Err(refused) => assert!(refused.retry_after <= limit.longest()),
            }
        }
        attempts.recognise(ANN, address("192.0.2.1").unwrap(), START);
        assert!(
            attempts.begin(Some(ANN), address("192.0.2.1"), START).is_ok()
                || limit.longest() == Duration::MAX
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever comes when they were told to is let in, and nobody is let in earlier; and no wait is beyond its ceiling.
    #[test]
    fn the_wait_that_is_told_is_the_wait(
        pauses in prop::collection::vec(0_u64..2_000_000, 0..60),
        failures in 1_u32..6,
        first in 1_u64..100_000,
        longest in 1_u64..1_000_000,
    ) {
        let longest = Duration::from_millis(longest);
        let limit = Limit::new(failures, Duration::from_millis(first), longest);
        let mut bucket = Bucket::default();
        let mut now = START;
        for pause in pauses {
            now = now.plus(Duration::from_millis(pause % (2 * u64::try_from(longest.as_millis()).unwrap())));
            while let Err(wait) = bucket.charge(&limit, now) {
                prop_assert!(wait <= longest);
                let early = Timestamp::from_millis(now.plus(wait).as_millis() - 1);
                prop_assert!(bucket.clone().charge(&limit, early).is_err());
                prop_assert!(bucket.clone().charge(&limit, now.plus(wait)).is_ok());
                now = now.plus(wait);
            }
        }
    }
}
