//! What is in the two groups of a key, and which entry a new key gets.

use super::{Entry, GROUP, Life, PATIENCE, PROVISIONAL, Print, Table};
use crate::base::sync::{Ordering, fence};
use crate::guard::limiter::policy::WhenFull;

impl Table {
    pub(super) fn survey<'a>(self, print: Print, life: &impl Life) -> Option<Survey<'a>> {
        self.group(print.groups[0])?;
        self.group(print.groups[1])?;
        let mut seen = Survey::default();
        fence(Ordering::SeqCst);
        for (order, entry) in self.entries(print) {
            let side = &mut seen.sides[order / GROUP];
            let is_idle = entry.tag == 0 || life.is_idle(entry.index, entry.state);
            if entry.tag == print.tag {
                seen.confirmed = Some(entry);
            } else if entry.tag == print.tag | PROVISIONAL {
                seen.provisional.get_or_insert(entry);
            } else if is_idle && entry.tag & PROVISIONAL == 0 && order % GROUP == print.home {
                side.home = Some(entry);
            } else if entry.tag == 0 {
                side.free.get_or_insert(entry);
            } else if entry.tag & PROVISIONAL != 0 {
                seen.unsettled = is_idle.then_some(entry).or(seen.unsettled);
            } else if is_idle {
                side.idle.get_or_insert(entry);
            } else {
                side.in_use += 1;
                let wait = life.idle_in(entry.index, entry.state);
                if seen.soonest.is_none_or(|(least, _)| wait < least) {
                    seen.soonest = Some((wait, entry));
                }
            }
        }
        Some(seen)
    }
}

/// What both groups of a key hold.
#[derive(Default)]
pub(super) struct Survey<'a> {
    pub confirmed: Option<Entry<'a>>,
    pub provisional: Option<Entry<'a>>,
    /// Another key's provisional entry.
    unsettled: Option<Entry<'a>>,
    /// The other key that is closest to idle.
    soonest: Option<(u64, Entry<'a>)>,
    sides: [Side<'a>; 2],
}

#[derive(Default)]
struct Side<'a> {
    in_use: usize,
    /// The key's preferred entry, if it is free or idle.
    home: Option<Entry<'a>>,
    free: Option<Entry<'a>>,
    idle: Option<Entry<'a>>,
}

pub(super) enum Choice<'a> {
    Take(Entry<'a>),
    Wait,
    Full,
}

impl<'a> Survey<'a> {
    /// An entry for a new key.
    ///
    /// The preferred one of the first group is where a check looks first, and may be taken as long
    /// as that keeps the groups even; else the emptier group, so that both are never full.
    #[inline]
    pub fn choose(&self, attempt: u32, when_full: WhenFull) -> Choice<'a> {
        let [first, second] = &self.sides;
        let most = second.in_use + usize::from(first.home.is_some());
        let sides = if first.in_use <= most {
            [first, second]
        } else {
            [second, first]
        };
        let reusable = sides
            .iter()
            .find_map(|side| side.home.or(side.free).or(side.idle));
        if let Some(entry) = reusable {
            return Choice::Take(entry);
        }
        match (self.unsettled, self.soonest) {
            (Some(_), _) if attempt < PATIENCE => Choice::Wait,
            (Some(entry), _) => Choice::Take(entry),
            (None, Some((_, entry))) if when_full == WhenFull::Evict => Choice::Take(entry),
            _ => Choice::Full,
        }
    }

    pub fn wait(&self) -> u64 {
        self.soonest.map_or(0, |(wait, _)| wait)
    }
}
