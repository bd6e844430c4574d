//! The results as Markdown.

use crate::bars::{self, Bar, Figure, Limit, Verdict};
use crate::cell::{Backend, Cell, Library, Route, Subject};
use crate::round::Results;
use crate::sample::Sample;
use crate::statistics::{Ratios, median};

/// Below this many microseconds a store's share drowns in the noise of two processor times, and has no ratio.
const SMALLEST_SHARE: f64 = 1.0;

/// First the ratios with their bars, then the figures they come from.
pub(crate) fn print(results: &Results) -> String {
    let mut clients: Vec<usize> = results.keys().map(|cell| cell.clients).collect();
    clients.sort_unstable();
    clients.dedup();
    let sections = clients.into_iter().rev().flat_map(|clients| {
        let title = if clients == 1 { "### One client\n".into() } else { format!("### {clients} clients\n") };
        let view = View { results, clients };
        [title, view.ratios(), view.figures()]
    });
    let sections: Vec<String> = sections.filter(|section| !section.is_empty()).collect();
    sections.join("\n")
}

/// The results under one number of clients.
#[derive(Clone, Copy, Debug)]
struct View<'a> {
    results: &'a Results,
    clients: usize,
}

impl<'a> View<'a> {
    /// Empty when only one side was measured.
    fn ratios(self) -> String {
        let mut rows = Vec::new();
        for backend in Backend::ALL {
            for route in Route::ALL {
                for ours in Library::OURS {
                    let pair = Pair { view: self, ours, backend, route };
                    if pair.is_measured() {
                        rows.push(pair.row());
                    }
                }
            }
        }
        if rows.is_empty() {
            return String::new();
        }
        let head = "| ours to theirs | requests/s | p50 | p99 | server CPU | store's share | database CPU | bars |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |";
        format!("{head}\n{}\n", rows.join("\n"))
    }

    fn figures(self) -> String {
        let head = "| route | server | requests/s | p50 µs | p99 µs | server CPU µs | store's share µs | database CPU µs |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |";
        let mut rows = Vec::new();
        for route in Route::ALL {
            let cells =
                self.results.keys().filter(|cell| cell.clients == self.clients && cell.route == route);
            rows.extend(cells.map(|cell| self.figures_of(route, cell.subject)));
        }
        format!("{head}\n{}\n", rows.join("\n"))
    }

    fn figures_of(self, route: Route, subject: Subject) -> String {
        let samples = self.samples(route, subject);
        let middle = |figure: fn(&Sample) -> f64| median(samples.iter().map(figure));
        let share = match subject {
            Subject::Bare => None,
            Subject::Sessions(..) => median(self.shares(route, subject)),
        };
        let failed = samples.iter().map(|sample| sample.failed).fold(0.0, f64::max);
        let failed =
            if failed > 0.0 { format!(" (up to {:.1} % failed)", failed * 100.0) } else { String::new() };
        format!(
            "| {} | {}{failed} | {} | {} | {} | {} | {} | {} |",
            route.name(),
            subject.name(),
            whole(middle(|sample| sample.rate)),
            whole(middle(|sample| sample.p50)),
            whole(middle(|sample| sample.p99)),
            tenths(middle(|sample| sample.server_cpu)),
            tenths(share),
            tenths(median(samples.iter().filter_map(|sample| sample.database_cpu))),
        )
    }

    fn samples(self, route: Route, subject: Subject) -> &'a [Sample] {
        self.results.get(&Cell { clients: self.clients, route, subject }).map_or(&[], Vec::as_slice)
    }

    /// What the sessions cost, round by round: the server's processor time less what axum alone took.
    fn shares(self, route: Route, subject: Subject) -> Vec<f64> {
        let bare = self.samples(route, Subject::Bare);
        self.samples(route, subject)
            .iter()
            .zip(bare)
            .map(|(with, bare)| with.server_cpu - bare.server_cpu)
            .collect()
    }
}

/// One of ours and the peer in the same cell.
#[derive(Clone, Copy, Debug)]
struct Pair<'a> {
    view: View<'a>,
    ours: Library,
    backend: Backend,
    route: Route,
}

impl<'a> Pair<'a> {
    fn is_measured(self) -> bool {
        [self.ours, Library::TowerSessions].iter().all(|library| !self.samples(*library).is_empty())
    }

    fn row(self) -> String {
        let of = |figure: fn(&Sample) -> f64| {
            self.compare(0.0, |library| self.samples(library).iter().map(figure).collect())
        };
        let name = if self.ours == Library::CloakroomOnPool { " (pool)" } else { "" };
        let verdicts: Vec<String> = bars::of(self.view.clients, self.ours, self.backend, self.route)
            .filter_map(|bar| self.verdict(bar))
            .collect();
        format!(
            "| {}{name}, {} | {} | {} | {} | {} | {} | {} | {} |",
            self.backend.name(),
            self.route.name(),
            hundredths(of(|sample| sample.rate)),
            hundredths(of(|sample| sample.p50)),
            hundredths(of(|sample| sample.p99)),
            hundredths(of(|sample| sample.server_cpu)),
            hundredths(self.ratios(Figure::StoreShare)),
            hundredths(self.ratios(Figure::DatabaseCpu)),
            verdicts.join("; "),
        )
    }

    fn verdict(self, bar: &Bar) -> Option<String> {
        let ratios = self.ratios(bar.figure)?;
        let name = match bar.figure {
            Figure::Rate => "rate",
            Figure::StoreShare => "share",
            Figure::DatabaseCpu => "database",
        };
        let limit = match bar.limit {
            Limit::AtLeast(limit) => format!("≥ {limit:.1}"),
            Limit::AtMost(limit) => format!("≤ {limit:.2}"),
            Limit::NotSlower => "not lower".into(),
        };
        let verdict = match bar.limit.judge(&ratios) {
            Verdict::Met => "met",
            Verdict::WithinNoise => "within noise",
            Verdict::Missed => "**missed**",
        };
        Some(format!("{name} {limit}: {verdict}"))
    }

    fn ratios(self, figure: Figure) -> Option<Ratios> {
        match figure {
            Figure::Rate => {
                self.compare(0.0, |library| self.samples(library).iter().map(|sample| sample.rate).collect())
            }
            Figure::StoreShare => {
                self.compare(SMALLEST_SHARE, |library| self.view.shares(self.route, self.subject(library)))
            }
            Figure::DatabaseCpu => self.compare(0.0, |library| {
                self.samples(library).iter().filter_map(|sample| sample.database_cpu).collect()
            }),
        }
    }

    fn compare(self, floor: f64, figures: impl Fn(Library) -> Vec<f64>) -> Option<Ratios> {
        Ratios::of(&figures(self.ours), &figures(Library::TowerSessions), floor)
    }

    fn subject(self, library: Library) -> Subject {
        Subject::Sessions(library, self.backend)
    }

    fn samples(self, library: Library) -> &'a [Sample] {
        self.view.samples(self.route, self.subject(library))
    }
}

fn hundredths(ratios: Option<Ratios>) -> String {
    ratios.map_or_else(|| "–".into(), |ratios| format!("{:.2}", ratios.median()))
}

fn tenths(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.1}"))
}

fn whole(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.0}"))
}
