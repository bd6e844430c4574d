//! What is promised, and whether a run kept it.

use crate::cell::{Backend, Library, Route};
use crate::statistics::Ratios;

/// A figure that is compared between the two libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Requests per second.
    Rate,
    /// Server processor time per request, less what axum alone takes for it.
    StoreShare,
    /// Processor time of the database per request.
    DatabaseCpu,
}

/// How a ratio, ours to theirs, has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
    /// As fast, as far as a noisy machine can tell: the best round reaches it.
    NotSlower,
}

/// One promise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar {
    pub(crate) figure: Figure,
    pub(crate) limit: Limit,
    clients: usize,
    backends: &'static [Backend],
    routes: &'static [Route],
}

/// All promises. A cell may be under several.
const BARS: &[Bar] = &[
    rate(32, &[Backend::Memory], &Route::ALL, Limit::NotSlower),
    rate(32, &[Backend::Sqlite, Backend::SqliteDurable, Backend::Postgres], &[Route::None], Limit::NotSlower),
    rate(32, &[Backend::Sqlite], &[Route::Read], Limit::AtLeast(2.5)),
    rate(32, &[Backend::Sqlite], &[Route::Write], Limit::AtLeast(4.0)),
    rate(32, &[Backend::SqliteDurable], &[Route::Write], Limit::AtLeast(12.0)),
    rate(32, &[Backend::Postgres], &[Route::Read], Limit::AtLeast(2.5)),
    rate(32, &[Backend::Postgres], &[Route::Write], Limit::AtLeast(3.0)),
    rate(32, &[Backend::Postgres], &[Route::New], Limit::AtLeast(4.0)),
    Bar {
        figure: Figure::DatabaseCpu,
        limit: Limit::AtMost(1.0 / 3.0),
        clients: 32,
        backends: &[Backend::Postgres],
        routes: STORED,
    },
    Bar {
        figure: Figure::StoreShare,
        limit: Limit::AtMost(1.0 / 5.0),
        clients: 32,
        backends: &[Backend::Sqlite, Backend::SqliteDurable],
        routes: STORED,
    },
    rate(1, &Backend::ALL, &Route::ALL, Limit::NotSlower),
];

/// The routes that ask the store.
const STORED: &[Route] = &[Route::Read, Route::Write, Route::New];

const fn rate(clients: usize, backends: &'static [Backend], routes: &'static [Route], limit: Limit) -> Bar {
    Bar { figure: Figure::Rate, limit, clients, backends, routes }
}

/// The promises for one cell of one of ours. They are made for the way in that the README shows, a URL.
pub(crate) fn of(
    clients: usize,
    ours: Library,
    backend: Backend,
    route: Route,
) -> impl Iterator<Item = &'static Bar> {
    BARS.iter().filter(move |bar| {
        ours == Library::Cloakroom
            && bar.clients == clients
            && bar.backends.contains(&backend)
            && bar.routes.contains(&route)
    })
}

/// Whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    /// Not slower cannot be told from slower: the rounds disagree.
    WithinNoise,
    Missed,
}

impl Limit {
    pub(crate) fn judge(self, ratios: &Ratios) -> Verdict {
        let median = ratios.median();
        match self {
            Self::AtLeast(bar) if median >= bar => Verdict::Met,
            Self::AtMost(bar) if median <= bar => Verdict::Met,
            Self::NotSlower if median >= 1.0 => Verdict::Met,
            Self::NotSlower if ratios.highest() >= 1.0 => Verdict::WithinNoise,
            _ => Verdict::Missed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Verdict, of};
    use crate::cell::{Backend, Library, Route};
    use crate::statistics::Ratios;

    fn judge(limit: Limit, ratios: &[f64]) -> Option<Verdict> {
        let ones = vec![1.0; ratios.len()];
        Ratios::of(ratios, &ones, 0.0).map(|ratios| limit.judge(&ratios))
    }

    #[test]
    fn a_bar_is_met_by_the_median() {
        assert_eq!(judge(Limit::AtLeast(2.5), &[9.0, 2.5, 1.0]), Some(Verdict::Met));
        assert_eq!(judge(Limit::AtLeast(2.5), &[9.0, 2.4, 1.0]), Some(Verdict::Missed));
        assert_eq!(judge(Limit::AtMost(0.2), &[0.1, 0.2, 0.9]), Some(Verdict::Met));
        assert_eq!(judge(Limit::AtMost(0.2), &[0.1, 0.3, 0.9]), Some(Verdict::Missed));
    }

    #[test]
    fn not_slower_is_missed_only_when_all_rounds_say_so() {
        assert_eq!(judge(Limit::NotSlower, &[0.9, 1.0, 1.1]), Some(Verdict::Met));
        assert_eq!(judge(Limit::NotSlower, &[0.9, 0.98, 1.1]), Some(Verdict::WithinNoise));
        assert_eq!(judge(Limit::NotSlower, &[0.9, 0.98, 0.99]), Some(Verdict::Missed));
    }

    #[test]
    fn a_postgres_write_is_under_two_bars_and_a_lone_client_under_one() {
        let count = |clients, ours, backend| of(clients, ours, backend, Route::Write).count();
        assert_eq!(count(32, Library::Cloakroom, Backend::Postgres), 2);
        assert!(Backend::ALL.iter().all(|backend| count(1, Library::Cloakroom, *backend) == 1));
        assert_eq!(count(7, Library::Cloakroom, Backend::Postgres), 0);
        assert_eq!(count(32, Library::CloakroomOnPool, Backend::Postgres), 0);
    }
}
