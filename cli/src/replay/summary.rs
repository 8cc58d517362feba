//! A replay's report as a person reads it.

use super::judge::Times;
use super::report::{Flagged, NAMED_CLIENTS, PerClient, Report};
use super::timestamp;
use crate::policy;
use crate::quantity::{bytes, number, span, whole};
use crate::table::{self, Table};

/// The report as text.
pub fn text(report: &Report) -> String {
    let tables = [
        limiters(report),
        responses(report),
        sizes(report),
        top_denied(report),
    ];
    let mut lines = table::page(&head(report), &tables, usize::MAX, usize::MAX);
    lines.extend(tail(report));
    lines.join("\n") + "\n"
}

fn head(report: &Report) -> Vec<String> {
    let mut head = vec![format!("replayed {}", report.log)];
    if let Some(why) = &report.stopped {
        head.push(format!("NOT COMPLETE: {why}"));
    }
    head.push(format!(
        "lines      {}: {} requests, {} malformed",
        whole(report.lines),
        whole(report.requests),
        whole(report.malformed.lines)
    ));
    head.extend(flagged("malformed", &report.malformed));
    head.extend(flagged(
        "cut short, counted all the same",
        &report.cut_short,
    ));
    if let Some(times) = &report.times {
        head.extend(time(times));
    }
    head.extend(clients(report));
    head.push(format!(
        "verdict    {} admitted by every limiter, {} denied by at least one",
        whole(report.requests - report.denied),
        whole(report.denied)
    ));
    let troubles = report.snapshot.limiters.iter().filter_map(policy::trouble);
    head.extend(troubles.map(|trouble| format!("warning    {trouble}")));
    head
}

fn flagged(what: &str, flagged: &Flagged) -> Vec<String> {
    if flagged.lines == 0 {
        return Vec::new();
    }
    let mut text = vec![format!("           {what}: {}", whole(flagged.lines))];
    text.extend(
        flagged
            .first
            .iter()
            .map(|(line, why)| format!("             line {line}: {why}")),
    );
    let more = flagged.lines - flagged.first.len() as u64;
    if more > 0 {
        text.push(format!("             and {} more", whole(more)));
    }
    text
}

fn time(times: &Times) -> Vec<String> {
    let seconds = times.latest.abs_diff(times.earliest);
    let mut text = vec![format!(
        "log time   {} to {} ({})",
        timestamp::utc(times.earliest),
        timestamp::utc(times.latest),
        span(seconds.saturating_mul(1_000_000_000))
    )];
    if times.steps_back.lines > 0 {
        text.push(format!(
            "           time ran backwards {} times, by at most {} s;",
            whole(times.steps_back.lines),
            whole(times.steps_back.largest_seconds)
        ));
        text.push(format!(
            "           {} lines, at most {} s late, were judged at the latest time before them",
            whole(times.behind_clock.lines),
            whole(times.behind_clock.largest_seconds)
        ));
    }
    text
}

fn clients(report: &Report) -> Vec<String> {
    let Some(PerClient {
        mean,
        quantiles: [p50, p95, p99, max],
    }) = report.per_client()
    else {
        return Vec::new();
    };
    let (known, forgotten) = (report.clients.known() as u64, report.clients.forgotten());
    let mut text = vec![format!(
        "clients    {}; requests of each: mean {}, p50 {}, p95 {}, p99 {}, max {}",
        whole(known),
        number(mean),
        whole(p50),
        whole(p95),
        whole(p99),
        whole(max)
    )];
    if forgotten > 0 {
        text.push(format!(
            "           those are the ones still known: up to {} with few denials were forgotten,",
            whole(forgotten)
        ));
        text.push(format!(
            "           so a client's denials below may be {} too few",
            whole(report.clients.missing_at_most())
        ));
    }
    text
}

fn limiters(report: &Report) -> Table {
    let mut table =
        Table::new(&["limiter", "admitted", "denied", "denied %", "policy"]).ending_in_text();
    for limiter in &report.snapshot.limiters {
        let tallies = &limiter.tallies;
        table.row([
            limiter.name.clone(),
            whole(tallies.admitted),
            whole(tallies.denied),
            share(tallies.denied, tallies.admitted + tallies.denied),
            policy::words(&limiter.policy),
        ]);
    }
    table
}

fn responses(report: &Report) -> Table {
    let mut table = Table::new(&["status", "responses", "%"]);
    for (class, count) in report.classes() {
        table.row([
            class.to_owned(),
            whole(count),
            share(count, report.requests),
        ]);
    }
    table
}

fn sizes(report: &Report) -> Table {
    let mut table = Table::new(&[
        "response size",
        "count",
        "p50",
        "p95",
        "p99",
        "max",
        "sum",
        "without a size",
    ]);
    if let Some(sizes) = report.sizes() {
        let mut values = [0.0; 3];
        sizes.quantiles(&[0.5, 0.95, 0.99], &mut values);
        let [p50, p95, p99] = values;
        table.row([
            "all that have one".to_owned(),
            whole(sizes.count),
            bytes(p50),
            bytes(p95),
            bytes(p99),
            bytes(sizes.max),
            bytes(sizes.sum),
            whole(report.without_size()),
        ]);
    }
    table
}

fn top_denied(report: &Report) -> Table {
    let mut table = Table::new(&["most denied", "denied", "requests", "denied %"]);
    for (client, tally) in report.clients.top_denied(NAMED_CLIENTS) {
        table.row([
            String::from_utf8_lossy(client).into_owned(),
            whole(tally.denied),
            whole(tally.requests),
            share(tally.denied, tally.requests),
        ]);
    }
    table
}

fn tail(report: &Report) -> [String; 2] {
    let speed = format!(
        "{} lines in {}: {} lines/s",
        whole(report.lines),
        crate::quantity::seconds(report.elapsed.as_secs_f64()),
        number(report.lines_per_second())
    );
    [String::new(), speed]
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.1}", part as f64 * 100.0 / whole as f64)
}
