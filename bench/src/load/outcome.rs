//! What one run of the generator found.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Counts and times of one run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Answered, all of them rightly.
    pub requests: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Of each request in nanoseconds: of a closed run since it was sent, of an open run since it was due.
    pub latency: Histogram<u64>,
    /// Connections that the server closed and that were opened anew.
    pub reconnects: u64,
    /// Of an open run: due, but never sent, because no connection was free before the time was up.
    pub unsent: u64,
}

impl Outcome {
    pub(crate) fn new() -> Self {
        let latency = Histogram::new_with_bounds(100, 120_000_000_000, 3)
            .expect("these bounds are in order, and three digits are within one to five");
        Self { requests: 0, elapsed: Duration::ZERO, latency, reconnects: 0, unsent: 0 }
    }

    pub(crate) fn answered(&mut self, latency: Duration) {
        self.requests += 1;
        self.latency.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Answers in a second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// That quantile in microseconds; 0.99 for p99.
    pub fn micros(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1_000.0
    }
}
