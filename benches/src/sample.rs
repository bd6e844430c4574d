//! What one measurement of one cell gave.

use std::time::Duration;

/// One cell in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Requests answered per second.
    pub(crate) rate: f64,
    /// The latency that half of the requests did not exceed, in microseconds.
    pub(crate) p50: f64,
    /// The latency that 99 of 100 requests did not exceed, in microseconds.
    pub(crate) p99: f64,
    /// Processor time of the server per request, in microseconds.
    pub(crate) server_cpu: f64,
    /// Processor time of the database's own processes per request, in microseconds.
    pub(crate) database_cpu: Option<f64>,
    /// The share of requests that were not answered as they should.
    pub(crate) failed: f64,
}

/// What was counted, before it is divided.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// Latencies of the requests that were answered within the window, in nanoseconds.
    pub(crate) latencies: Vec<u64>,
    /// How many of these were not answered as they should.
    pub(crate) failed: usize,
    /// How long it lasted.
    pub(crate) elapsed: Duration,
    /// What the server used in that time.
    pub(crate) server_cpu: Duration,
    /// What the database used in that time.
    pub(crate) database_cpu: Option<Duration>,
}

impl Counted {
    #[allow(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
    pub(crate) fn sample(mut self) -> anyhow::Result<Sample> {
        anyhow::ensure!(
            !self.latencies.is_empty(),
            "no request was answered within the window; make it longer"
        );
        self.latencies.sort_unstable();
        let requests = self.latencies.len() as f64;
        Ok(Sample {
            rate: requests / self.elapsed.as_secs_f64(),
            p50: percentile(&self.latencies, 50),
            p99: percentile(&self.latencies, 99),
            server_cpu: self.server_cpu.as_secs_f64() * 1e6 / requests,
            database_cpu: self.database_cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / requests),
            failed: self.failed as f64 / requests,
        })
    }
}

/// The smallest latency that `percent` of all do not exceed, in microseconds.
#[allow(clippy::cast_precision_loss, reason = "latencies stay far below 2^52 ns, 52 days")]
fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    #[allow(clippy::float_cmp, reason = "these are exact")]
    fn percentiles_are_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).map(|n| n * 1_000).collect();
        assert_eq!(percentile(&hundred, 50), 50.0);
        assert_eq!(percentile(&hundred, 99), 99.0);
        assert_eq!(percentile(&[7_000], 99), 7.0);
    }
}
