//! What is slow, and what went wrong.

use super::Json;
use crate::snapshot::{ErrorLogReading, Over, SlowBy, SlowCall, Snapshot};

/// Operations that are listed.
const OPERATIONS: usize = 10;

impl Json<'_> {
    pub(super) fn slowest(&mut self, snapshot: &Snapshot) {
        self.open(b'{');
        for (field, by, over) in [
            ("by_average", SlowBy::Average, Over::Window),
            ("by_p95", SlowBy::P95, Over::Window),
            ("by_average_lifetime", SlowBy::Average, Over::Lifetime),
            ("by_p95_lifetime", SlowBy::P95, Over::Lifetime),
        ] {
            self.line().key(field).open(b'[');
            for (family, series, calls) in snapshot.slowest_operations(by, over, OPERATIONS) {
                self.line().open(b'{');
                self.key("name").text(&family.name);
                self.labels(&series.labels);
                self.key("count").whole(calls.count());
                self.key("average").real(calls.average());
                self.key("p95").real(calls.quantile(0.95));
                self.close(b'}');
            }
            self.close_lines(b']');
        }
        for (field, calls) in [
            ("calls_window", &snapshot.slowest.window),
            ("calls_lifetime", &snapshot.slowest.lifetime),
        ] {
            self.line().key(field).open(b'[');
            for call in calls {
                self.line().slow_call(call);
            }
            self.close_lines(b']');
        }
        self.close_lines(b'}');
    }

    fn slow_call(&mut self, call: &SlowCall) {
        self.open(b'{');
        self.key("name").text(&call.operation);
        self.labels(&call.labels);
        self.key("seconds").real(call.seconds);
        self.key("outcome").text(call.outcome.name());
        self.key("at").time(call.wall_ns);
        self.key("pid").whole(call.pid.into());
        for (field, text) in [("detail", &call.detail), ("trace_id", &call.trace_id)] {
            if !text.is_empty() {
                self.key(field).text(text);
            }
        }
        self.close(b'}');
    }

    pub(super) fn errors(&mut self, log: &ErrorLogReading) {
        self.open(b'{');
        self.key("beyond").whole(log.beyond);
        self.key("distinct").open(b'[');
        for error in &log.errors {
            self.line().open(b'{');
            self.key("code").text(&error.code);
            self.key("text").text(&error.text);
            self.key("count").whole(error.count);
            self.key("first_at").time(error.first_wall_ns);
            self.key("last_at").time(error.last_wall_ns);
            self.key("pid").whole(error.pid.into());
            self.close(b'}');
        }
        self.close_lines(b']');
        self.close(b'}');
    }
}
