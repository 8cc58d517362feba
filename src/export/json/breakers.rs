//! Circuit breakers.

use super::Json;
use crate::guard::BreakerReading;

impl Json<'_> {
    /// A breaker: where it is, what it sees, why it last opened, what it did.
    pub(super) fn breaker(&mut self, breaker: &BreakerReading) {
        self.open(b'{');
        self.key("name").text(&breaker.name);
        self.key("state").text(breaker.phase.name());
        self.key("reason").text(breaker.reason.name());
        self.key("generation").whole(breaker.generation);
        self.key("retry_after_seconds")
            .seconds(breaker.retry_after_ns);
        self.key("probes_out").whole(breaker.permits_out);
        self.key("window").open(b'{');
        for (field, count) in [
            ("calls", breaker.calls),
            ("failures", breaker.failures),
            ("slow_calls", breaker.slow_calls),
        ] {
            self.key(field).whole(count);
        }
        self.key("failure_rate").real(breaker.failure_rate);
        self.key("slow_call_rate").real(breaker.slow_call_rate);
        self.close(b'}');
        self.key("tripped");
        match breaker.tripped {
            None => self.null(),
            Some(tripped) => {
                self.open(b'{');
                self.key("calls").whole(tripped.calls);
                self.key("failures").whole(tripped.failures);
                self.key("slow_calls").whole(tripped.slow_calls);
                self.key("age_seconds").seconds(tripped.age_ns);
                self.close(b'}');
            }
        }
        let totals = &breaker.totals;
        for (field, count) in [
            ("successes", totals.successes),
            ("failures", totals.failures),
            ("ignored", totals.ignored),
            ("slow_calls", totals.slow),
            ("not_permitted", totals.not_permitted),
            ("shadowed", totals.shadowed),
            ("late", totals.late),
            ("opened", totals.opened),
            ("half_opened", totals.half_opened),
            ("closed", totals.closed),
        ] {
            self.key(field).whole(count);
        }
        self.close(b'}');
    }
}
