//! A chain of guards: one question before a call, one answer after it.
//!
//! The order is fixed: retry budget, bulkhead, breaker, throttle, limiter. What costs least and can be
//! given back without a trace is asked first; the limiter comes last, since its units are the ones
//! that cannot be given back for nothing. A guard that refuses ends it, and what those before it gave
//! is given back: a retry to the budget, a place to the bulkhead, a permit to the breaker, which does
//! not count it. A process killed in the middle has what it had taken one by one, which comes back as
//! it does from every dead holder.
//!
//! A chain in shadow mode asks everybody, whoever refuses, and lets the call go on with what it got. The
//! first that would have refused is named and counted.

use super::bulkhead;
use super::document::Fields;
use super::limiter::{check, registry};
use super::retry::{self, Admission};
use super::stored::{self, Entry};
use super::{Decision, Verdict, breaker, throttle};
use crate::base::error::{Error, Result};
use crate::base::outcome::Outcome;
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::handle::IdKind;
use serde_json::{Map, Value, json};

/// The words of a chain's entry, after those of every stored guard: ids, 0 for none.
mod word {
    pub const RETRY: usize = 4;
    pub const BULKHEAD: usize = 5;
    pub const BREAKER: usize = 6;
    pub const THROTTLE: usize = 7;
    pub const LIMITER: usize = 8;
    /// What wants a key, whether there is a retry or throttle, and shadow mode, as bits.
    pub const TRAITS: usize = 9;
}

const KEYED_BULKHEAD: u64 = 1;
const KEYED_LIMITER: u64 = 2;
const RETRIES_OR_THROTTLES: u64 = 4;
const SHADOW: u64 = 8;

/// The columns of a chain in the planes: admitted, then refused by each part in its order. In shadow
/// mode those that would have been refused, which are among the admitted.
const ADMITTED: usize = 0;

/// A guard of a chain, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Part {
    /// How many retries there may be.
    Retry = 1,
    /// How many calls may be inside.
    Bulkhead = 2,
    /// Whether the callee is well.
    Breaker = 3,
    /// Whether the callee accepts enough.
    Throttle = 4,
    /// How many calls there may be in a time.
    Limiter = 5,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Part; 5] = [
        Part::Retry,
        Part::Bulkhead,
        Part::Breaker,
        Part::Throttle,
        Part::Limiter,
    ];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Part::Retry => "retry",
            Part::Bulkhead => "bulkhead",
            Part::Breaker => "breaker",
            Part::Throttle => "throttle",
            Part::Limiter => "limiter",
        }
    }
}

/// Which guards a chain is made of, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainPolicy {
    /// A name for each part that there is, in order.
    pub parts: Vec<(Part, String)>,
    /// Counts what it would refuse, and lets it pass.
    pub shadow: bool,
}

impl ChainPolicy {
    /// Reads a policy from the document's value at `path`, for example `guards.payments`.
    pub fn parse(path: &str, value: &Value) -> Result<Self> {
        let [retry, bulkhead, breaker, throttle, limiter] = Part::ALL.map(Part::name);
        let known = [retry, bulkhead, breaker, throttle, limiter, "shadow"];
        let fields = Fields::of(path, value, &known)?;
        let mut parts = Vec::new();
        for part in Part::ALL {
            match fields.get(part.name()) {
                None => {}
                Some(Value::String(name)) => parts.push((part, name.clone())),
                Some(_) => {
                    let expected = format!("the name of a {}", part.name());
                    return Err(fields.wrong(part.name(), &expected));
                }
            }
        }
        if parts.is_empty() {
            let all = Part::ALL.map(Part::name).join(", ");
            return Err(Error::config(format!(
                "{path}: expected at least one of {all}, found none"
            )));
        }
        let shadow = fields.flag("shadow")?;
        Ok(ChainPolicy { parts, shadow })
    }

    fn to_json(&self) -> Value {
        let parts = self.parts.iter();
        let fields = parts.map(|(part, name)| (part.name().to_owned(), json!(name)));
        let shadow = self.shadow.then(|| ("shadow".to_owned(), json!(true)));
        Value::Object(fields.chain(shadow).collect::<Map<_, _>>())
    }
}

/// What is asked of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Request<'k> {
    /// Who asks, for parts that are keyed; others do not look at it.
    pub key: Option<&'k [u8]>,
    /// Units of the limiter.
    pub cost: u32,
    /// Which attempt it is; the first try is attempt 1.
    pub attempt: u32,
}

/// What an admitted call holds; 0 for a part that there is none of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainPermit {
    /// The bulkhead's permit.
    pub bulkhead: u64,
    /// The breaker's permit.
    pub breaker: u64,
}

/// What a chain answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Admitted(ChainPermit),
    /// This part said no.
    Refused {
        /// Which.
        by: Part,
        /// When it might say yes; 0 when nobody knows.
        retry_after_ns: u64,
    },
    /// Go on, since the chain is in shadow mode; without it this part would have said no.
    Shadowed {
        /// What the other parts gave.
        permit: ChainPermit,
        /// Which.
        by: Part,
        /// When it might say yes; 0 when nobody knows.
        retry_after_ns: u64,
    },
}

/// A chain as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainReading {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub policy: ChainPolicy,
    /// Calls that went on.
    pub admitted: u64,
    /// Calls that each part refused, in the order of [`Part::ALL`].
    pub refused: [u64; 5],
    /// In shadow mode, those of the admitted that each part would have refused.
    pub shadowed: [u64; 5],
}

/// The id of the chain called `name`, made as `policy` says if there is none. Its parts must exist.
pub fn open(region: &Region, name: &str, policy: &ChainPolicy) -> Result<u64> {
    stored::open(region, IdKind::Guard, name, &policy.to_json(), |entry| {
        let mut traits = if policy.shadow { SHADOW } else { 0 };
        for (part, wanted) in &policy.parts {
            let id = match part {
                Part::Limiter => registry::find(region, wanted.as_bytes()),
                part => stored::find(region, kind(*part), wanted),
            };
            let Some(id) = id else {
                let what = part.name();
                return Err(Error::not_found(format!(
                    "guards.{name}.{what}: there is no {what} {wanted:?}"
                )));
            };
            entry.set(at(*part), id);
            traits |= match part {
                Part::Retry | Part::Throttle => RETRIES_OR_THROTTLES,
                Part::Limiter if registry::is_keyed(region, id) => KEYED_LIMITER,
                Part::Bulkhead if bulkhead::is_keyed(region, id) => KEYED_BULKHEAD,
                _ => 0,
            };
        }
        entry.set(word::TRAITS, traits);
        Ok(())
    })
}

/// The id of the chain called `name`.
pub fn find(region: &Region, name: &str) -> Option<u64> {
    stored::find(region, IdKind::Guard, name)
}

fn kind(part: Part) -> IdKind {
    match part {
        Part::Retry => IdKind::Retry,
        Part::Bulkhead => IdKind::Bulkhead,
        Part::Breaker => IdKind::Breaker,
        Part::Throttle => IdKind::Throttle,
        Part::Limiter => IdKind::Limiter,
    }
}

fn at(part: Part) -> usize {
    match part {
        Part::Retry => word::RETRY,
        Part::Bulkhead => word::BULKHEAD,
        Part::Breaker => word::BREAKER,
        Part::Throttle => word::THROTTLE,
        Part::Limiter => word::LIMITER,
    }
}

/// A chain of a region.
#[derive(Clone, Copy)]
struct Chain<'a> {
    region: &'a Region,
    planes: &'a Planes,
    entry: Entry<'a>,
}

/// What was taken on the way.
#[derive(Default)]
struct Taken {
    retry: Option<Admission>,
    permit: ChainPermit,
    throttle: bool,
}

/// How far asking at once came: what it took, and whom it asked last, who has not admitted the call.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    permit: ChainPermit,
    by: Option<Part>,
}

impl Begun {
    /// Nobody was asked.
    pub const NOT: Begun = Begun {
        permit: ChainPermit {
            bulkhead: 0,
            breaker: 0,
        },
        by: None,
    };

    /// True when `part` has still to be asked.
    fn has_yet_to_ask(self, part: Part) -> bool {
        self.by.is_none_or(|by| by as u32 <= part as u32)
    }
}

/// Asks every part for a call, if all of them admit it at once. Else what has begun is to be brought
/// to an end by [`acquire`].
#[inline(always)]
pub fn acquire_at_once(
    region: &Region,
    planes: &Planes,
    id: u64,
    request: Request<'_>,
) -> std::result::Result<ChainPermit, Begun> {
    let Some(entry) = Entry::of_id(region, id, IdKind::Guard) else {
        return Err(Begun::NOT);
    };
    let traits = entry.get(word::TRAITS);
    if request.attempt == 0 || traits & (KEYED_BULKHEAD | RETRIES_OR_THROTTLES) != 0 {
        return Err(Begun::NOT);
    }
    let mut permit = ChainPermit::default();
    let begun = |permit, by| Begun {
        permit,
        by: Some(by),
    };
    let bulkhead = entry.get(word::BULKHEAD);
    if bulkhead != 0 {
        match bulkhead::enter_at_once(region, planes, bulkhead) {
            Some(taken) => permit.bulkhead = taken,
            None => return Err(begun(permit, Part::Bulkhead)),
        }
    }
    let breaker = entry.get(word::BREAKER);
    if breaker != 0 {
        match breaker::acquire_at_once(region, planes, breaker) {
            Some(taken) => permit.breaker = taken,
            None => return Err(begun(permit, Part::Breaker)),
        }
    }
    let limiter = entry.get(word::LIMITER);
    if limiter != 0 {
        let key = request.key.filter(|_| traits & KEYED_LIMITER != 0);
        if !check::admit_at_once(region, planes, limiter, key, request.cost) {
            return Err(begun(permit, Part::Limiter));
        }
    }
    planes.add(entry.column(region, ADMITTED), 1);
    Ok(permit)
}

/// Asks every part for a call, or those that are left where it was begun.
#[inline(never)]
pub fn acquire(
    region: &Region,
    planes: &Planes,
    id: u64,
    request: Request<'_>,
    begun: Begun,
) -> Result<Answer> {
    let entry = Entry::resolve(region, id, IdKind::Guard)?;
    let chain = Chain {
        region,
        planes,
        entry,
    };
    if request.attempt == 0 {
        return Err(retry::no_attempt());
    }
    let mut taken = Taken {
        permit: begun.permit,
        ..Taken::default()
    };
    let refusal = match chain.ask(request, begun, &mut taken) {
        Ok(refusal) => refusal,
        Err(error) => {
            chain.give_back(taken);
            return Err(error);
        }
    };
    let count = |tally| planes.add(entry.column(region, tally), 1);
    let permit = taken.permit;
    let Some((by, retry_after_ns)) = refusal else {
        count(ADMITTED);
        return Ok(Answer::Admitted(permit));
    };
    count(by as usize);
    if !chain.is_shadow() {
        chain.give_back(taken);
        return Ok(Answer::Refused { by, retry_after_ns });
    }
    count(ADMITTED);
    Ok(Answer::Shadowed {
        permit,
        by,
        retry_after_ns,
    })
}

/// What a report that cannot be done at once has still to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Everything.
    All,
    /// The breaker knows already.
    AllButBreaker,
}

/// Tells every part that holds something of a success, if that can be done at once.
#[inline(always)]
pub fn report_at_once(
    region: &Region,
    planes: &Planes,
    id: u64,
    permit: ChainPermit,
    seconds: f64,
) -> std::result::Result<(), Left> {
    let Some(entry) = Entry::of_id(region, id, IdKind::Guard) else {
        return Err(Left::All);
    };
    let is_time = (0.0..f64::INFINITY).contains(&seconds);
    if !is_time || entry.get(word::TRAITS) & RETRIES_OR_THROTTLES != 0 {
        return Err(Left::All);
    }
    // The breaker first: where it turns out to want more, nothing is done yet.
    let breaker = entry.get(word::BREAKER);
    if breaker != 0 && !breaker::report_at_once(region, planes, breaker, permit.breaker, seconds) {
        return Err(Left::All);
    }
    let bulkhead = entry.get(word::BULKHEAD);
    if bulkhead != 0 && !bulkhead::leave_plainly(region, bulkhead, permit.bulkhead) {
        return Err(Left::AllButBreaker);
    }
    Ok(())
}

/// Tells every part that holds something, and is `left` to be told, how the call went.
#[inline(never)]
pub fn report(
    region: &Region,
    planes: &Planes,
    id: u64,
    permit: ChainPermit,
    left: Left,
    outcome: Outcome,
    seconds: f64,
) -> Result<()> {
    let entry = Entry::resolve(region, id, IdKind::Guard)?;
    if !(0.0..f64::INFINITY).contains(&seconds) {
        return Err(Error::argument(format!(
            "a call takes a finite number of seconds of at least 0, not {seconds}"
        )));
    }
    // A chain in shadow mode goes on without what it did not get.
    let is_shadow = entry.get(word::TRAITS) & SHADOW != 0;
    let held = |part, permit| match permit {
        0 if is_shadow => 0,
        _ => entry.get(part),
    };
    let bulkhead = held(word::BULKHEAD, permit.bulkhead);
    let breaker = held(word::BREAKER, permit.breaker);
    // Both, even if one of them refuses: what the other holds must come back.
    let gone = match bulkhead {
        0 => Ok(()),
        id => bulkhead::leave_with(region, planes, id, permit.bulkhead, outcome, seconds),
    };
    let reported = match breaker {
        0 => Ok(()),
        _ if left == Left::AllButBreaker => Ok(()),
        id => breaker::report(region, planes, id, permit.breaker, outcome, seconds),
    };
    gone.and(reported)?;
    // It gives no permits: only after the others have said that this call was inside.
    match entry.get(word::THROTTLE) {
        0 => Ok(()),
        id => throttle::report(region, planes, id, outcome),
    }
}

/// Every chain, by name.
pub fn list(region: &Region, planes: &Planes) -> Vec<ChainReading> {
    let all = stored::list(region, IdKind::Guard).into_iter();
    all.filter_map(|(name, entry, config)| {
        let sum = |tally| planes.sum(entry.column(region, tally));
        let policy = ChainPolicy::parse("guard", &config).ok()?;
        let refused = Part::ALL.map(|part| sum(part as usize));
        let (refused, shadowed) = match policy.shadow {
            false => (refused, [0; 5]),
            true => ([0; 5], refused),
        };
        Some(ChainReading {
            name,
            policy,
            admitted: sum(ADMITTED),
            refused,
            shadowed,
        })
    })
    .collect()
}

impl Chain<'_> {
    fn is_shadow(&self) -> bool {
        self.entry.get(word::TRAITS) & SHADOW != 0
    }

    /// The first part that refuses, and when it might not; what the others gave is in `taken`.
    fn ask(
        &self,
        request: Request<'_>,
        begun: Begun,
        taken: &mut Taken,
    ) -> Result<Option<(Part, u64)>> {
        let mut first = None;
        for by in Part::ALL {
            let id = self.entry.get(at(by));
            if id == 0 || !begun.has_yet_to_ask(by) {
                continue;
            }
            if let Some(retry_after_ns) = self.ask_part(by, id, request, taken)? {
                first = first.or(Some((by, retry_after_ns)));
                if !self.is_shadow() {
                    break;
                }
            }
        }
        Ok(first)
    }

    /// Asks one part; when it refuses, the time after which it might not.
    #[inline(always)]
    fn ask_part(
        &self,
        part: Part,
        id: u64,
        request: Request<'_>,
        taken: &mut Taken,
    ) -> Result<Option<u64>> {
        let (region, planes) = (self.region, self.planes);
        let traits = self.entry.get(word::TRAITS);
        let key = |bit| request.key.filter(|_| traits & bit != 0);
        let refusal = match part {
            Part::Retry => match retry::admit(region, planes, id, request.attempt)? {
                Admission::Refused => Some(0),
                admission => {
                    taken.retry = Some(admission);
                    None
                }
            },
            Part::Bulkhead => match bulkhead::enter(region, planes, id, key(KEYED_BULKHEAD))? {
                None => Some(0),
                Some(permit) => {
                    taken.permit.bulkhead = permit;
                    None
                }
            },
            Part::Breaker => match breaker::acquire(region, planes, id)? {
                None => Some(breaker::retry_after(region, planes, id)),
                Some(permit) => {
                    taken.permit.breaker = permit;
                    None
                }
            },
            Part::Throttle => match throttle::acquire(region, planes, id)? {
                Verdict::Denied => Some(0),
                Verdict::Admitted => {
                    taken.throttle = true;
                    None
                }
            },
            Part::Limiter => {
                let (key, cost) = (key(KEYED_LIMITER), request.cost);
                let mut decision = Decision::default();
                let verdict = check::check(region, planes, id, key, cost, Some(&mut decision))?;
                (verdict == Verdict::Denied).then_some(decision.retry_after_ns)
            }
        };
        Ok(refusal)
    }

    #[cold]
    fn give_back(&self, taken: Taken) {
        let Chain {
            region,
            planes,
            entry,
        } = *self;
        // What cannot be given back any more has come back by itself.
        if taken.throttle {
            let id = entry.get(word::THROTTLE);
            let _ = throttle::report(region, planes, id, Outcome::Ignored);
        }
        if taken.permit.breaker != 0 {
            let (id, permit) = (entry.get(word::BREAKER), taken.permit.breaker);
            let _ = breaker::report(region, planes, id, permit, Outcome::Ignored, 0.0);
        }
        if taken.permit.bulkhead != 0 {
            let (id, permit) = (entry.get(word::BULKHEAD), taken.permit.bulkhead);
            bulkhead::cancel(region, planes, id, permit);
        }
        if let Some(admission) = taken.retry {
            retry::give_back(region, planes, entry.get(word::RETRY), admission);
        }
    }
}
