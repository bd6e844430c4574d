//! What deciding costs: one call of `plan` for each kind of request.

use std::hint::black_box;
use std::time::Duration;

use cloakroom_core::plan::{Fate, Response, Shown, Situation, Usage, plan};
use cloakroom_core::{Freshness, Lifetime, Policy, Record, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn decide(criterion: &mut Criterion) {
    let stored = record();
    let mut changed = stored.clone();
    changed.data.insert("counter".into(), 2.into());
    let policy = Policy::default();
    let read = Situation {
        stored: Some(&stored),
        wanted: &stored,
        fate: Fate::Keep,
        usage: Usage::Used,
        freshness: Freshness::Current,
        shown: Shown::Yes,
        response: Response::Open,
    };
    let empty = Record::new(Lifetime::default(), NOW);
    let requests = [
        ("nothing for nobody", NOW, Situation { stored: None, wanted: &empty, ..read }),
        ("read", NOW, read),
        ("read, touch due", NOW.plus(Duration::from_mins(30)), read),
        ("write", NOW, Situation { wanted: &changed, ..read }),
        ("new", NOW, Situation { stored: None, ..read }),
        ("rotate", NOW, Situation { fate: Fate::Rotate, ..read }),
    ];
    let mut group = criterion.benchmark_group("plan");
    for (name, now, situation) in requests {
        group.bench_function(name, |bencher| bencher.iter(|| plan(black_box(&situation), &policy, now)));
    }
    group.finish();
}

/// A session as the servers keep it: a counter and about 200 bytes of profile.
fn record() -> Record {
    let mut record = Record::new(Lifetime::default(), NOW);
    record.data.insert("profile".into(), "p".repeat(200).into());
    record.data.insert("counter".into(), 1.into());
    record
}

criterion_group!(benches, decide);
criterion_main!(benches);
