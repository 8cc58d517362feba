//! How many calls at once, found by measuring: pure arithmetic.
//!
//! Each of three ways takes what it knows and one sample, and says what it knows then. A sample is a
//! call (AIMD) or the mean of a window's calls (gradient, Vegas).

/// What is known: a limit with its fraction, and two numbers that the algorithm remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Knowledge {
    /// The limit.
    pub limit: f64,
    /// Gradient: the long-term latency. Vegas: the latency without load. In nanoseconds; 0 is none.
    pub latency_ns: f64,
    /// Gradient: samples in the long-term latency. Vegas: samples since it was last measured anew.
    pub samples: f64,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// How long a call took.
    pub latency_ns: f64,
    /// Most calls inside while it was.
    pub in_flight: f64,
    /// True when a call failed for lack of capacity.
    pub dropped: bool,
}

/// How a limit is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Algorithm {
    /// One more while calls succeed at high use; a fraction of it when one fails or is too slow.
    Aimd {
        /// What is left of the limit then.
        backoff_ratio: f64,
        /// What is too slow.
        timeout_seconds: f64,
    },
    /// As much as the long-term latency is of the current one, and room for a short queue.
    Gradient {
        /// How much of a new limit counts.
        smoothing: f64,
        /// Calls that may queue.
        queue_size: f64,
        /// Samples that the long-term latency is a mean of.
        long_window: f64,
        /// How much slower than long-term is still good.
        tolerance: f64,
    },
    /// By the length of the queue that latency over the latency without load implies.
    Vegas {
        /// How much of a new limit counts.
        smoothing: f64,
        /// Samples for each unit of the limit after which latency without load is measured anew.
        probe_multiplier: f64,
    },
}

/// An algorithm and the bounds of its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptive {
    /// How.
    pub algorithm: Algorithm,
    /// Smallest limit.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

/// Samples that the long-term latency is a plain mean of, before older ones fade.
const WARM_UP: f64 = 10.0;

impl Adaptive {
    /// What is known after `sample`; `random` is from 0 to 1, for the spread of Vegas' probes.
    pub fn next(&self, known: Knowledge, sample: Sample, random: f64) -> Knowledge {
        let known = Knowledge {
            limit: self.within(known.limit),
            ..known
        };
        let next = match self.algorithm {
            Algorithm::Aimd {
                backoff_ratio,
                timeout_seconds,
            } => aimd(known, sample, backoff_ratio, timeout_seconds * 1e9),
            Algorithm::Gradient { .. } => self.gradient(known, sample),
            Algorithm::Vegas {
                smoothing,
                probe_multiplier,
            } => {
                let probe_after = probe_multiplier * (0.5 + 0.5 * random) * known.limit;
                self.vegas(known, sample, smoothing, probe_after)
            }
        };
        Knowledge {
            limit: self.within(next.limit),
            ..next
        }
    }

    fn within(&self, limit: f64) -> f64 {
        // NaN, of a damaged region, becomes the smallest.
        limit.max(self.min).min(self.max)
    }

    fn gradient(&self, known: Knowledge, sample: Sample) -> Knowledge {
        let Algorithm::Gradient {
            smoothing,
            queue_size,
            long_window,
            tolerance,
        } = self.algorithm
        else {
            return known;
        };
        let now = sample.latency_ns.max(1.0);
        let samples = known.samples.max(0.0) + 1.0;
        let mut long = if samples <= WARM_UP {
            known.latency_ns + (now - known.latency_ns) / samples
        } else {
            let factor = 2.0 / (long_window + 1.0);
            known.latency_ns + (now - known.latency_ns) * factor
        };
        // After a spell of load the long term would take long to come down.
        if long > 2.0 * now {
            long *= 0.95;
        }
        let known = Knowledge {
            latency_ns: long,
            samples: samples.min(1e9),
            ..known
        };
        // The callers use less than there is: nothing is learnt about more.
        if sample.in_flight < known.limit / 2.0 {
            return known;
        }
        let gradient = (tolerance * long / now).clamp(0.5, 1.0);
        let wanted = known.limit * gradient + queue_size;
        let limit = known.limit * (1.0 - smoothing) + wanted * smoothing;
        Knowledge { limit, ..known }
    }

    fn vegas(
        &self,
        known: Knowledge,
        sample: Sample,
        smoothing: f64,
        probe_after: f64,
    ) -> Knowledge {
        let now = sample.latency_ns.max(1.0);
        let samples = known.samples.max(0.0) + 1.0;
        if samples >= probe_after {
            return Knowledge {
                latency_ns: now,
                samples: 0.0,
                ..known
            };
        }
        let known = Knowledge { samples, ..known };
        let is_known = known.latency_ns >= 1.0;
        if !is_known || now < known.latency_ns {
            return Knowledge {
                latency_ns: now,
                ..known
            };
        }
        let limit = known.limit;
        let step = limit.log10().floor().max(1.0);
        let queue = (limit * (1.0 - known.latency_ns / now)).ceil();
        let (alpha, beta) = (3.0 * step, 6.0 * step);
        let wanted = if sample.dropped {
            limit - step
        } else if sample.in_flight * 2.0 < limit {
            return known;
        } else if queue <= step {
            limit + beta
        } else if queue < alpha {
            limit + step
        } else if queue > beta {
            limit - step
        } else {
            return known;
        };
        let wanted = self.within(wanted);
        Knowledge {
            limit: limit * (1.0 - smoothing) + wanted * smoothing,
            ..known
        }
    }
}

fn aimd(known: Knowledge, sample: Sample, backoff_ratio: f64, timeout_ns: f64) -> Knowledge {
    let limit = known.limit.floor();
    let limit = if sample.dropped || sample.latency_ns > timeout_ns {
        (limit * backoff_ratio).floor()
    } else if sample.in_flight * 2.0 >= limit {
        limit + 1.0
    } else {
        limit
    };
    Knowledge { limit, ..known }
}

#[cfg(all(test, not(loom)))]
#[path = "adaptive/tests.rs"]
mod tests;
