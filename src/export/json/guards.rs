//! Bulkheads, retries, and chains of guards.

use super::Json;
use crate::guard::bulkhead::BulkheadReading;
use crate::guard::chain::{ChainReading, Part};
use crate::guard::retry::RetryReading;

impl Json<'_> {
    /// A bulkhead: its limit, who is inside, what it did.
    pub(super) fn bulkhead(&mut self, bulkhead: &BulkheadReading) {
        self.open(b'{');
        self.key("name").text(&bulkhead.name);
        self.key("algorithm").text(bulkhead.policy.limit.name());
        self.key("keyed")
            .boolean(bulkhead.policy.max_keys.is_some());
        let numbers = &bulkhead.numbers;
        for (field, count) in [
            ("limit", numbers.limit),
            ("in_use", numbers.in_use),
            ("entered", numbers.entered),
            ("denied", numbers.denied),
            ("shadowed", numbers.would_deny),
            ("returned_from_dead", numbers.returned_from_dead),
            ("timed_out", numbers.timed_out),
            ("limit_changes", numbers.adapted),
        ] {
            self.key(field).whole(count);
        }
        self.close(b'}');
    }

    /// A retry: how it waits, what it did, what its budget has seen lately.
    pub(super) fn retry(&mut self, retry: &RetryReading) {
        self.open(b'{');
        self.key("name").text(&retry.name);
        self.key("max_attempts")
            .whole(retry.policy.max_attempts.into());
        self.key("backoff").text(retry.policy.backoff_name());
        self.key("jitter").text(retry.policy.jitter_name());
        let numbers = &retry.numbers;
        for (field, count) in [
            ("first_attempts", numbers.first_attempts),
            ("retries", numbers.retries),
            ("exhausted", numbers.exhausted),
            ("over_budget", numbers.over_budget),
            ("too_late", numbers.too_late),
            ("shadowed", numbers.would_deny),
        ] {
            self.key(field).whole(count);
        }
        self.key("budget");
        match retry.policy.budget_ratio {
            None => self.null(),
            Some(ratio) => {
                self.open(b'{');
                self.key("ratio").real(ratio);
                self.key("minimum").whole(retry.policy.budget_minimum);
                self.key("first_attempts")
                    .whole(numbers.recent_first_attempts);
                self.key("retries").whole(numbers.recent_retries);
                self.close(b'}');
            }
        }
        self.close(b'}');
    }

    /// A chain: what it is made of, and who refused how often.
    pub(super) fn chain(&mut self, chain: &ChainReading) {
        self.open(b'{');
        self.key("name").text(&chain.name);
        self.key("parts").open(b'{');
        for (part, name) in &chain.policy.parts {
            self.key(part.name()).text(name);
        }
        self.close(b'}');
        self.key("admitted").whole(chain.admitted);
        for (field, counts) in [("refused", chain.refused), ("shadowed", chain.shadowed)] {
            self.key(field).open(b'{');
            for (part, count) in Part::ALL.into_iter().zip(counts) {
                self.key(part.name()).whole(count);
            }
            self.close(b'}');
        }
        self.close(b'}');
    }
}
