//! Every order of the store calls of every two requests, and some of three to five.

use cloakroom_conformance::{Dice, Moment, Orders, Release, Waiting, effort, seed};

use crate::oracle::explain;
use crate::site::{KINDS, Kind, Outcome, Stage};
use crate::support::{Backend, Place, on_every_store};

on_every_store! {
    r01_r02_r03_r04_r06_r09_every_order_of_every_pair
    r06_asvs_15_4_2_pairs_that_the_store_puts_in_order
    r01_r06_r09_groups_in_a_random_order
}

/// In memory the answers are held back as well as the calls, so that every order of the answers is tried, too. A
/// database is asked in every order; there, what a request does with its answer depends on nobody else.
async fn r01_r02_r03_r04_r06_r09_every_order_of_every_pair(place: Place) {
    let moments = match place.backend {
        Backend::Memory => &[Moment::Before, Moment::After][..],
        Backend::Sqlite | Backend::Postgres | Backend::Mysql => &[Moment::Before],
    };
    let stage = Stage::new(&place, 2).await;
    let mut races = Races::default();
    for pair in pairs() {
        let mut orders = Orders::new();
        while orders.begin() {
            races.run(&stage, &pair, moments, |waiting| Release::One(orders.choose(waiting.len()))).await;
        }
    }
    // Most requests load and write, so their calls can be put in six orders or, where they conflict, in more.
    assert!(races.held > 4 * pairs().count(), "only {} orders were tried", races.held);
    races.judge();
}

/// Both are let go at once, from two nodes: the database's own locks decide.
async fn r06_asvs_15_4_2_pairs_that_the_store_puts_in_order(place: Place) {
    let stage = Stage::new(&place, 2).await;
    let mut races = Races::default();
    for _ in 0..2 * effort() {
        for pair in pairs() {
            races.run(&stage, &pair, &[Moment::Before], |_| Release::All).await;
        }
    }
    races.judge();
}

async fn r01_r06_r09_groups_in_a_random_order(place: Place) {
    let stage = Stage::new(&place, 5).await;
    let mut dice = Dice::new(seed());
    let mut races = Races::default();
    for _ in 0..groups(place.backend) * effort() {
        let group: Vec<_> = (0..3 + dice.below(3)).map(|_| *dice.pick(&KINDS).unwrap()).collect();
        races
            .run(&stage, &group, &[Moment::Before, Moment::After], |waiting| match dice.below(8) {
                0 => Release::All,
                _ => Release::One(dice.below(waiting.len())),
            })
            .await;
    }
    races.judge();
}

fn groups(backend: Backend) -> u32 {
    match backend {
        Backend::Memory => 1_000,
        Backend::Sqlite | Backend::Postgres | Backend::Mysql => 150,
    }
}

/// Every two kinds of requests, each with itself as well.
fn pairs() -> impl Iterator<Item = [Kind; 2]> {
    let from = |first: usize| KINDS[first..].iter().map(move |second| [KINDS[first], *second]);
    (0..KINDS.len()).flat_map(from)
}

/// Races that were run, and those of which no order of the requests makes sense.
#[derive(Default)]
struct Races {
    held: usize,
    unexplained: Vec<(Vec<Kind>, String)>,
}

impl Races {
    async fn run(
        &mut self,
        stage: &Stage,
        kinds: &[Kind],
        moments: &[Moment],
        mut choose: impl FnMut(&[Waiting]) -> Release,
    ) {
        let mut story = Vec::new();
        let outcome = stage.race(kinds, moments, |waiting| {
            let release = choose(waiting);
            story.push(match release {
                Release::One(index) => tell(waiting[index]),
                Release::All => waiting.iter().copied().map(tell).collect::<Vec<_>>().join(" beside "),
            });
            release
        });
        let outcome = outcome.await;
        self.held += 1;
        if let Err(reason) = explain(kinds, &outcome) {
            self.unexplained.push((kinds.to_vec(), report(kinds, &story, &outcome, &reason)));
        }
    }

    /// Shows the first unexplained races, each of other requests.
    fn judge(mut self) {
        let unexplained = self.unexplained.len();
        self.unexplained.dedup_by(|later, earlier| later.0 == earlier.0);
        let kinds: Vec<_> = self.unexplained.iter().map(|(kinds, _)| kinds).collect();
        let shown: String = self.unexplained.iter().take(3).map(|(_, report)| report.as_str()).collect();
        let held = self.held;
        assert!(
            unexplained == 0,
            "{unexplained} of {held} races make no sense: {kinds:?}, such as these:\n{shown}"
        );
    }
}

fn tell(waiting: Waiting) -> String {
    format!("{:?} {:?} of {}", waiting.moment, waiting.operation, waiting.actor)
}

fn report(kinds: &[Kind], story: &[String], outcome: &Outcome, reason: &str) -> String {
    let answers = outcome.answers.iter().zip(kinds).enumerate().map(|(number, (answer, kind))| {
        let (status, cookie) = (answer.status.as_u16(), answer.cookie);
        format!("  {number} {kind:?}: {status}, cookie {cookie:?}, {}\n", answer.body)
    });
    let answers: String = answers.collect();
    let opened = outcome.end.opened.iter().map(|seen| match seen {
        Some(seen) => format!("\n    {seen}"),
        None => "\n    nothing".to_owned(),
    });
    let opened: String = opened.collect();
    let live = outcome.end.live;
    format!("{reason}\n  {}\n{answers}  live sessions: {live}; the cookies open:{opened}\n", story.join(", "))
}
