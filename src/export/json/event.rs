//! An event as one line of JSON.

use super::Json;
use crate::snapshot::event::{EventReading, Kind};

/// Names of a breaker's phases, by their numbers.
const PHASES: [&str; 7] = [
    "closed",
    "open",
    "half_open",
    "forced_open",
    "disabled",
    "forced_closed",
    "metrics_only",
];

/// Appends `event` and a line's end to `out`.
pub fn write(event: &EventReading, out: &mut Vec<u8>) {
    let mut json = Json::new(out);
    // Whatever stands before the line is none of it.
    json.out.push(b'{');
    json.key("number").whole(event.number);
    json.key("at").time(event.wall_ns);
    json.key("age_seconds").seconds(event.time_ns);
    json.key("event").text(event.kind.name());
    json.key("cause").text(event.cause.name());
    json.key("kind").text(event.guard_kind);
    json.key("name").text(&event.guard);
    json.key("pid").whole(event.pid.into());
    let [one, other] = event.numbers;
    match event.kind {
        Kind::Transition | Kind::Forced if event.guard_kind == "breaker" => {
            json.key("from").text(phase(one));
            json.key("to").text(phase(other));
        }
        Kind::Transition | Kind::Forced | Kind::Limit => {
            json.key("from").whole(one);
            json.key("to").whole(other);
        }
        Kind::Denial if event.guard_kind == "limiter" => {
            json.key("denied").whole(one);
            json.key("in_all").whole(other);
        }
        Kind::Denial => {
            json.key("denied").whole(one);
            json.key("limit").whole(other);
        }
        Kind::Eviction => json.key("evicted").whole(one),
        Kind::Block => json.key("for_seconds").seconds(one),
        Kind::Return => {
            json.key("returned").whole(one);
            json.key("in_all").whole(other);
        }
    }
    json.close(b'}');
    json.out.push(b'\n');
}

fn phase(number: u64) -> &'static str {
    let found = usize::try_from(number).ok();
    found
        .and_then(|number| PHASES.get(number))
        .copied()
        .unwrap_or("unknown")
}
