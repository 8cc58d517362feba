//! Ratios, shares of gauges, facts and states.

use super::Json;
use crate::snapshot::{ExemplarReading, Hits, Value};

impl Json<'_> {
    /// The value of a gauge; false for what is none.
    pub(super) fn gauge(&mut self, value: &Value) -> bool {
        match value {
            Value::Gauge(value) => self.key("value").real(*value),
            Value::Shares(shares) => {
                self.key("value").null();
                self.key("workers").open(b'[');
                for (pid, value) in shares {
                    self.open(b'{');
                    self.key("pid").whole((*pid).into());
                    self.key("value").real(*value);
                    self.close(b'}');
                }
                self.close(b']');
            }
            _ => return false,
        }
        true
    }

    pub(super) fn ratio(&mut self, value: &Value, seconds: f64) -> bool {
        let Value::Ratio { lifetime, window } = value else {
            return false;
        };
        self.key(self.total).open(b'{');
        self.hits(*lifetime);
        self.close(b'}');
        self.key("window").open(b'{');
        self.hits(*window);
        self.key("rate_per_second")
            .real((window.hits as f64 + window.misses as f64) / seconds);
        self.close(b'}');
        true
    }

    fn hits(&mut self, found: Hits) {
        self.key("hits").whole(found.hits);
        self.key("misses").whole(found.misses);
        self.key("ratio").real(found.ratio());
    }

    pub(super) fn info(&mut self, value: &Value) -> bool {
        let Value::Info(labels) = value else {
            return false;
        };
        self.key("info").open(b'{');
        self.pairs(labels);
        self.close(b'}');
        true
    }

    pub(super) fn enumeration(&mut self, value: &Value) -> bool {
        let Value::Enum { states, current } = value else {
            return false;
        };
        match states.get(*current) {
            Some(state) => self.key("state").text(state),
            None => self.key("state").null(),
        }
        self.key("states").open(b'[');
        for state in states {
            self.text(state);
        }
        self.close(b']');
        true
    }

    pub(super) fn exemplars(&mut self, exemplars: &[ExemplarReading]) {
        if exemplars.is_empty() {
            return;
        }
        self.key("exemplars").open(b'[');
        for exemplar in exemplars {
            self.open(b'{');
            self.key("trace_id").text(&exemplar.trace_id);
            self.key("value").real(exemplar.value);
            self.key("at").time(exemplar.wall_ns);
            self.close(b'}');
        }
        self.close(b']');
    }
}
