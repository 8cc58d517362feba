//! Checkpoints of good and all events in the region, and what they say.
//!
//! ```text
//! header word -> table of 64 words, each the block of an objective or 0
//! block: name, definition, made at, good and all events then
//!        for each ring: the slot of its latest checkpoint, plus one
//!        for each alert: its state in one word
//!        rings: 30 s x 128 | 5 min x 80 | 1 h x 80 | period / 120 x 124; a place is
//!               seal, time, good, all
//! ```
//! A block is filled unseen and linked by one compare-and-swap into the first empty word of the
//! table, from which it is never taken away. An objective is the same when its definition is, to the
//! byte: a changed one begins anew, beside the old one.
//!
//! **A checkpoint** is taken by whoever comes first in a slot: a recorder that begins a time slot of
//! its histogram, a reader, a tick. It claims the slot by a compare-and-swap of the ring's latest
//! slot, writes the place and seals it with a checksum. Killed in between, the slot has no
//! checkpoint, and a window that would have begun there begins at the one before; woken up after the
//! ring has gone round, it leaves a place whose seal is wrong.
//!
//! **A window** is now minus the newest checkpoint that is at least as old as the window is long. It
//! is right to a slot of the ring that still has it, at most a tenth: 30 s of 5 minutes, 5 minutes of
//! 6 hours, 1 hour of 3 days.

use super::burn::{Alert, Events, State, Waits, Windows};
use super::policy::{Goal, MAX_ALERTS, ObjectivePolicy, Rule, Source};
use crate::base::error::{Error, Result};
use crate::base::limits::{MAX_NAME_BYTES, MAX_OBJECTIVES, MAX_PLAN_BYTES};
use crate::base::order::Order;
use crate::base::sync::{Ordering, fence};
use crate::cell::histogram::Histogram;
use crate::cell::outcomes::{Outcomes, Tally};
use crate::cell::planes::Planes;
use crate::metrics::{Kind, Registry};
use crate::region::raw::Words;
use crate::region::text::{self, TextRef};
use crate::region::{Region, header};

const NAME: usize = 0;
const DEFINITION: usize = 1;
const MADE: usize = 2;
const MADE_GOOD: usize = 3;
const MADE_TOTAL: usize = 4;
const LATEST: usize = 8;
const ALERTS: usize = LATEST + RINGS;
const PLACES: usize = 16;

const RINGS: usize = 4;
const LENGTHS: [usize; RINGS] = [128, 80, 80, 124];
const PLACE_WORDS: usize = 4;
const BLOCK_WORDS: usize =
    PLACES + (LENGTHS[0] + LENGTHS[1] + LENGTHS[2] + LENGTHS[3]) * PLACE_WORDS;
const _: () = assert!(ALERTS + MAX_ALERTS <= PLACES);

const SECOND: u64 = 1_000_000_000;

/// The windows whose burn rates are always told, in seconds.
pub const WINDOWS: [u64; 5] = [300, 1800, 3600, 6 * 3600, 3 * 24 * 3600];

/// Lengths of the slots of an objective's rings, in nanoseconds.
fn slots(policy: &ObjectivePolicy) -> [u64; RINGS] {
    let period = policy.period_seconds().max(1) / 120;
    [30, 300, 3600, period.max(1)].map(|seconds| seconds * SECOND)
}

/// An objective as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveReading {
    /// What it asks for.
    pub policy: ObjectivePolicy,
    /// Events of the period, or since it was made.
    pub period: Events,
    /// Share of the error budget that is left; below 0 when it is overspent.
    pub budget_left: f64,
    /// Burn rates over [`WINDOWS`].
    pub burn_rates: [f64; WINDOWS.len()],
    /// Its alerts.
    pub alerts: Vec<AlertReading>,
    /// Time since it was made.
    pub age_ns: u64,
}

/// An alert as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertReading {
    /// What it watches.
    pub rule: Rule,
    /// Its long window in short: `1h`. Alerts with the same one have a number behind it.
    pub window: String,
    /// Burn rate over its long window.
    pub long_burn: f64,
    /// Burn rate over its short window.
    pub short_burn: f64,
    /// What it does.
    pub state: State,
    /// Seconds since it began to.
    pub for_seconds: u64,
}

/// One objective in the region.
struct Track<'r> {
    region: &'r Region,
    planes: &'r Planes,
    block: usize,
    policy: ObjectivePolicy,
}

/// Makes the objective that `policy` describes, unless it is there.
pub fn open(region: &Region, planes: &Planes, policy: &ObjectivePolicy) -> Result<()> {
    let registry = Registry::of(region);
    if let Goal::Latency(edge) = policy.goal {
        registry.want_edge(policy.source.name(), edge)?;
    }
    let words = region.words();
    let Some(link) = words.get(header::OBJECTIVES) else {
        return Err(damaged());
    };
    if link.load(Ordering::Acquire) == 0 {
        let made = region.allocate(MAX_OBJECTIVES)?;
        let _ = link.compare_exchange(0, made as u64, Ordering::AcqRel, Ordering::Relaxed);
    }
    let table = link.load(Ordering::Acquire) as usize;
    let table = words.slice(table, MAX_OBJECTIVES).ok_or_else(damaged)?;
    let mut mine = None;
    for place in table {
        let mut found = place.load(Ordering::Acquire);
        if found == 0 {
            let block = match mine {
                Some(block) => block,
                None => make(region, planes, policy)?,
            };
            match place.compare_exchange(0, block as u64, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(other) => (mine, found) = (Some(block), other),
            }
        }
        let definition = words.load((found as usize).saturating_add(DEFINITION));
        if TextRef(definition).equals(words, policy.text.as_bytes()) {
            return Ok(());
        }
    }
    Err(Error::capacity(format!(
        "no room for objective {:?}: the region has {MAX_OBJECTIVES}",
        policy.name
    )))
}

/// Fills a block that nobody sees yet.
fn make(region: &Region, planes: &Planes, policy: &ObjectivePolicy) -> Result<usize> {
    let words = region.words();
    if policy.text.len() > MAX_PLAN_BYTES {
        return Err(Error::config(format!(
            "objective {:?} has {} bytes: at most {MAX_PLAN_BYTES}",
            policy.name,
            policy.text.len()
        )));
    }
    let block = region.allocate(BLOCK_WORDS)?;
    for (at, text) in [(NAME, &policy.name), (DEFINITION, &policy.text)] {
        let place = region.allocate(text::words_for(text.len()))?;
        text::write(words, place, text.as_bytes());
        words.store(block + at, TextRef::new(place, text.len()).0);
    }
    let events = count(region, planes, policy);
    words.store(block + MADE, region.clock().coarse());
    words.store(block + MADE_GOOD, events.good);
    words.store(block + MADE_TOTAL, events.total);
    Ok(block)
}

/// The blocks of all objectives.
fn blocks(words: Words) -> impl Iterator<Item = usize> {
    let table = words.acquire(header::OBJECTIVES) as usize;
    let table = if table == 0 {
        &[]
    } else {
        words.slice(table, MAX_OBJECTIVES).unwrap_or(&[])
    };
    table
        .iter()
        .map(|place| crate::base::sync::load_acquire(place) as usize)
        .take_while(|block| *block != 0)
}

/// True when the region has objectives.
#[inline]
pub fn exist(region: &Region) -> bool {
    region.words().load(header::OBJECTIVES) != 0
}

/// Takes the checkpoints that are due at `now`, and lets alerts see them.
pub fn tick(region: &Region, planes: &Planes, now: u64) {
    let words = region.words();
    for block in blocks(words) {
        // The shortest slot is the same for all: most calls end here, before any text is read.
        let latest = words.load(block.saturating_add(LATEST));
        if latest > now / (30 * SECOND) {
            continue;
        }
        if let Some(track) = Track::at(region, planes, block) {
            let events = count(region, planes, &track.policy);
            track.checkpoint(now, events);
            track.step(now, events);
        }
    }
}

/// Every objective by name; of those that share one, the one that `own` has, or the first.
pub fn list(
    region: &Region,
    planes: &Planes,
    now: u64,
    own: &[ObjectivePolicy],
) -> Vec<ObjectiveReading> {
    let mut all: Vec<ObjectiveReading> = Vec::new();
    for block in blocks(region.words()) {
        let Some(track) = Track::at(region, planes, block) else {
            continue;
        };
        let is_own = own.contains(&track.policy);
        let known = all
            .iter()
            .position(|known| known.policy.name == track.policy.name);
        match known {
            Some(at) if is_own => all[at] = track.read(now),
            Some(_) => {}
            None => all.push(track.read(now)),
        }
    }
    all.order_by(|one, other| one.policy.name.cmp(&other.policy.name));
    all
}

/// Good events and all events of a policy's source, ever.
fn count(region: &Region, planes: &Planes, policy: &ObjectivePolicy) -> Events {
    let registry = Registry::of(region);
    let kind = match policy.source {
        Source::Operation(_) => Kind::Operation,
        Source::Histogram(_) => Kind::Histogram,
    };
    let Some(family) = registry.find_named(kind, policy.source.name()) else {
        return Events::default();
    };
    let mut events = Events::default();
    for series in registry.all().filter(|series| series.family == family) {
        let (good, total) = match policy.goal {
            Goal::Success => {
                let totals = series
                    .operation
                    .and_then(|index| Outcomes::at(region, planes, index))
                    .map_or([0; crate::cell::outcomes::TALLIES], |outcomes| {
                        outcomes.totals()
                    });
                let good = totals[Tally::Succeeded as usize];
                (good, good.saturating_add(totals[Tally::Failed as usize]))
            }
            Goal::Latency(_) if series.block == 0 => (0, 0),
            Goal::Latency(edge) => {
                let found = Histogram::new(region, planes, series.block, series.index).lifetime();
                (found.count_at_most(edge), found.count)
            }
        };
        events.good = events.good.saturating_add(good);
        events.total = events.total.saturating_add(total);
    }
    events
}

/// A checkpoint that was read.
type Checkpoint = (u64, Events);

impl<'r> Track<'r> {
    fn at(region: &'r Region, planes: &'r Planes, block: usize) -> Option<Self> {
        let words = region.words();
        words.slice(block, BLOCK_WORDS)?;
        let name = TextRef(words.load(block + NAME)).read(words, MAX_NAME_BYTES)?;
        let text = TextRef(words.load(block + DEFINITION)).read(words, MAX_PLAN_BYTES)?;
        let policy = ObjectivePolicy::parse_text(&text).ok()?;
        (policy.name == name).then_some(Track {
            region,
            planes,
            block,
            policy,
        })
    }

    /// First word of place `index` of ring `ring`.
    fn place(&self, ring: usize, index: usize) -> usize {
        let before: usize = LENGTHS[..ring].iter().sum();
        self.block + PLACES + (before + index) * PLACE_WORDS
    }

    fn checkpoint(&self, now: u64, events: Events) {
        let words = self.region.words();
        for (ring, slot_ns) in slots(&self.policy).into_iter().enumerate() {
            let slot = now / slot_ns;
            let Some(latest) = words.get(self.block + LATEST + ring) else {
                return;
            };
            let before = latest.load(Ordering::Acquire);
            let is_mine = before <= slot
                && latest
                    .compare_exchange(before, slot + 1, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok();
            if !is_mine {
                continue;
            }
            let place = self.place(ring, slot as usize % LENGTHS[ring]);
            words.store(place, 0);
            fence(Ordering::Release);
            words.store(place + 1, now);
            words.store(place + 2, events.good);
            words.store(place + 3, events.total);
            words.publish(place, seal(now, events));
        }
    }

    /// All checkpoints, and the beginning.
    fn checkpoints(&self) -> Vec<Checkpoint> {
        let words = self.region.words();
        let begun = Events {
            good: words.load(self.block + MADE_GOOD),
            total: words.load(self.block + MADE_TOTAL),
        };
        let mut all = vec![(words.load(self.block + MADE), begun)];
        for (ring, length) in LENGTHS.into_iter().enumerate() {
            all.extend((0..length).filter_map(|index| {
                let place = self.place(ring, index);
                let sealed = words.acquire(place);
                let time = words.load(place + 1);
                let events = Events {
                    good: words.load(place + 2),
                    total: words.load(place + 3),
                };
                (sealed != 0 && sealed == seal(time, events)).then_some((time, events))
            }));
        }
        all
    }

    fn windows(&self, now: u64, events: Events, all: &[Checkpoint], rule: &Rule) -> Windows {
        let long = window(now, events, all, rule.long_seconds);
        let short = window(now, events, all, rule.short_seconds);
        Windows {
            long: long.burn_rate(self.policy.target),
            short: short.burn_rate(self.policy.target),
            is_enough: long.total >= self.policy.minimum_events,
        }
    }

    fn waits(&self, rule: &Rule) -> Waits {
        Waits {
            burn_rate: rule.burn_rate,
            hold: self.policy.hold_seconds,
            keep: self.policy.keep_seconds,
        }
    }

    /// Lets the alerts go on to where they belong at `now`.
    fn step(&self, now: u64, events: Events) {
        let words = self.region.words();
        let all = self.checkpoints();
        for (index, rule) in self.policy.alerts.iter().enumerate().take(MAX_ALERTS) {
            let Some(word) = words.get(self.block + ALERTS + index) else {
                return;
            };
            let before = word.load(Ordering::Acquire);
            let windows = self.windows(now, events, &all, rule);
            let next = Alert::unpack(before).step(windows, self.waits(rule), now / SECOND);
            // Beaten by another one, this step is theirs.
            let _ = word.compare_exchange(before, next.pack(), Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    fn read(&self, now: u64) -> ObjectiveReading {
        let words = self.region.words();
        let events = count(self.region, self.planes, &self.policy);
        let all = self.checkpoints();
        let target = self.policy.target;
        let period = window(now, events, &all, self.policy.period_seconds());
        let alerts = self
            .policy
            .alerts
            .iter()
            .enumerate()
            .take(MAX_ALERTS)
            .map(|(index, rule)| {
                let found = Alert::unpack(words.acquire(self.block + ALERTS + index));
                let windows = self.windows(now, events, &all, rule);
                // What a checkpoint would make of it now: an observer sees it without writing it.
                let found = found.step(windows, self.waits(rule), now / SECOND);
                let same = |other: &&Rule| {
                    (other.long_seconds, other.severity) == (rule.long_seconds, rule.severity)
                };
                let before = self.policy.alerts[..index].iter().filter(same).count();
                let mut window = short(rule.long_seconds);
                if before > 0 {
                    window = format!("{window}#{}", before + 1);
                }
                AlertReading {
                    rule: *rule,
                    window,
                    long_burn: windows.long,
                    short_burn: windows.short,
                    state: found.state,
                    for_seconds: (now / SECOND).saturating_sub(found.since),
                }
            })
            .collect();
        ObjectiveReading {
            period,
            budget_left: period.budget_left(target),
            burn_rates: WINDOWS.map(|seconds| window(now, events, &all, seconds).burn_rate(target)),
            alerts,
            age_ns: now.saturating_sub(words.load(self.block + MADE)),
            policy: self.policy.clone(),
        }
    }
}

/// A length of time in the largest unit that it is a whole number of.
fn short(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60)];
    let unit = units
        .into_iter()
        .find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit));
    match unit {
        Some((letter, unit)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// What came in the last `seconds`: since the newest checkpoint that is old enough, or since the
/// beginning.
fn window(now: u64, events: Events, all: &[Checkpoint], seconds: u64) -> Events {
    let Some(begin) = now.checked_sub(seconds.saturating_mul(SECOND)) else {
        return events.since(all.first().map_or(Events::default(), |first| first.1));
    };
    let base = all
        .iter()
        .filter(|(time, _)| *time <= begin)
        .max_by_key(|(time, events)| (*time, events.total))
        .or(all.first());
    events.since(base.map_or(Events::default(), |base| base.1))
}

/// Checksum of a checkpoint; never 0.
fn seal(time: u64, events: Events) -> u64 {
    let mix = |sum: u64, word: u64| {
        let mixed = (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 29
    };
    mix(mix(mix(1, time), events.good), events.total) | 1
}

#[cold]
fn damaged() -> Error {
    Error::format("the region's table of objectives is damaged")
}
