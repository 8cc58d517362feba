//! Operations: how long their calls took, how they ended, and why.

use super::Json;
use crate::cell::buckets;
use crate::snapshot::{Calls, ErrorReading, OperationReading};

impl Json<'_> {
    pub(super) fn operation(&mut self, operation: &OperationReading) {
        self.key("relative_error")
            .real(buckets::error_of(operation.lifetime.latency.bits()));
        self.key("slow_seconds")
            .real(operation.slow_seconds.unwrap_or(f64::NAN));
        self.key(self.total).calls(&operation.lifetime);
        self.key("window").calls(&operation.window);
        self.key("errors").open(b'[');
        for error in &operation.errors {
            self.error(error);
        }
        self.close(b']');
    }

    fn calls(&mut self, calls: &Calls) {
        self.open(b'{');
        self.values(&calls.latency);
        for (field, value) in [
            ("successes", calls.successes),
            ("failures", calls.failures),
            ("ignored", calls.ignored),
            ("slow", calls.slow),
        ] {
            self.key(field).whole(value);
        }
        self.key("success_ratio").real(calls.success_ratio());
        self.key("error_rate").real(calls.error_rate());
        self.key("rate_per_second").real(calls.rate_per_second());
        if self.buckets {
            self.key("seconds").real(calls.seconds);
        }
        self.close(b'}');
    }

    fn error(&mut self, error: &ErrorReading) {
        self.open(b'{');
        self.key("code").text(&error.code);
        self.key("count").whole(error.count);
        self.key("first_at").time(error.first_wall_ns);
        self.key("last_at").time(error.last_wall_ns);
        if !error.message.is_empty() {
            self.key("message").text(&error.message);
        }
        self.close(b'}');
    }
}
