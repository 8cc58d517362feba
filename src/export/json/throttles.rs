//! Adaptive throttles.

use super::Json;
use crate::guard::ThrottleReading;

impl Json<'_> {
    /// A throttle: what it sees, what it rejects, what it did.
    pub(super) fn throttle(&mut self, throttle: &ThrottleReading) {
        self.open(b'{');
        self.key("name").text(&throttle.name);
        self.key("window").open(b'{');
        self.key("calls").whole(throttle.calls);
        self.key("successes").whole(throttle.succeeded);
        self.close(b'}');
        self.key("rejection").real(throttle.rejection);
        let totals = &throttle.totals;
        for (field, count) in [
            ("admitted", totals.admitted),
            ("denied", totals.denied),
            ("shadowed", totals.shadowed),
            ("successes", totals.successes),
            ("failures", totals.failures),
            ("ignored", totals.ignored),
        ] {
            self.key(field).whole(count);
        }
        self.close(b'}');
    }
}
