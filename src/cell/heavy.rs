//! The texts that are counted most, in bounded memory: the space-saving sketch.
//!
//! ```text
//! table    counts that found no place; reserved; then ENTRIES pairs; then a note for each
//! pair     fingerprint, life | count      changed together, by one compare-and-swap of 16 bytes
//! note     fingerprint, life; error; text
//! ```
//! A text that has an entry is counted there. Another one takes over the entry with the smallest
//! count, with its count: that is its error, the most that it may have been counted before. So an
//! estimate is never below the truth, and above it by at most its error: the sum of all counts
//! divided by [`ENTRIES`], or less.
//!
//! Owner and count change together, so nobody counts for an entry that has just changed its owner,
//! and a process killed at any instruction has counted or not. What the entry is called stands in
//! its note, under a seal; each takeover begins another life of the entry, and a note of another
//! life is none. Who finds no note of its life writes one, with all that was counted there before
//! as the error.
//!
//! Two callers may enter the same text in two entries at once. Each looks again after its entry is
//! made, with a full fence between, so at least one sees the other: it leaves its entry to nobody,
//! with its count, and counts what was counted there again in the other one. A reader adds up two
//! entries of one text, which is right too: their errors add up as well. Who was beaten too often
//! counts in the head of the table, which adds to every estimate and every error.

use super::note::Note;
use super::pair::Pair;
use crate::base::order::Order;
use crate::base::sync::{Ordering, fence};
use crate::region::Region;

/// Texts that are counted at once.
pub const ENTRIES: usize = 64;
/// Most bytes of a text.
pub const TEXT_BYTES: usize = 64;

const HEAD: usize = 2;
/// A note's numbers: whose it is, and the error.
const NUMBERS: usize = 2;
/// The low bits of a fingerprint's word number the lives of an entry.
const LIFE: u64 = (1 << 20) - 1;
/// By then others made as many changes.
const ATTEMPTS: usize = 64;

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Heavy<'r> {
    region: &'r Region,
    at: usize,
}

/// A text of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// What finds it in another table.
    pub print: u64,
    /// How it is shown.
    pub text: String,
    /// At least what was counted for it.
    pub estimate: u64,
    /// At most this much of the estimate was not.
    pub error: u64,
}

/// Where a fingerprint is, or could be.
enum Place<'r> {
    Here(usize, Pair<'r>),
    Least(usize, Pair<'r>, (u64, u64)),
}

impl<'r> Heavy<'r> {
    /// Words of a table.
    pub const WORDS: usize = HEAD + ENTRIES * (2 + Note::words(NUMBERS, TEXT_BYTES));

    /// The table from word `at`, which is even.
    pub fn at(region: &'r Region, at: usize) -> Self {
        Heavy { region, at }
    }

    /// What a text with this hash is known by.
    pub fn print_of(hash: u64) -> u64 {
        match hash & !LIFE {
            0 => LIFE + 1,
            print => print,
        }
    }

    fn pair(&self, index: usize) -> Option<Pair<'r>> {
        let at = self.at.checked_add(HEAD + 2 * index)?;
        Pair::at(self.region.words(), at)
    }

    fn note(&self, index: usize) -> Note<'r> {
        let skipped = HEAD + 2 * ENTRIES + index * Note::words(NUMBERS, TEXT_BYTES);
        Note::at(
            self.region,
            self.at.saturating_add(skipped),
            NUMBERS,
            TEXT_BYTES,
        )
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, Pair<'r>)> {
        let table = *self;
        (0..ENTRIES).filter_map(move |index| Some((index, table.pair(index)?)))
    }

    /// Counts `amount` for the text with this hash, called `text` if it must be written down.
    pub fn count<T: AsRef<str>>(&self, hash: u64, amount: u64, now: u64, text: impl Fn() -> T) {
        let print = Self::print_of(hash);
        let mut amount = amount;
        for _ in 0..ATTEMPTS {
            match self.find(print) {
                None => return,
                Some(Place::Here(index, pair)) => {
                    let (tag, count) = pair.load();
                    let is_counted = tag & !LIFE == print
                        && pair.swap((tag, count), (tag, count.saturating_add(amount)));
                    if is_counted {
                        self.call(index, pair, tag, count, now, &text);
                        return;
                    }
                }
                Some(Place::Least(index, pair, (tag, count))) => {
                    let mine = print | tag.wrapping_add(1) & LIFE;
                    if !pair.swap((tag, count), (mine, count.saturating_add(amount))) {
                        continue;
                    }
                    fence(Ordering::SeqCst);
                    let is_twice = self
                        .pairs()
                        .any(|(other, pair)| other != index && pair.first() & !LIFE == print);
                    if !is_twice {
                        self.call(index, pair, mine, count, now, &text);
                        return;
                    }
                    amount = leave(pair, mine, count).unwrap_or(amount);
                }
            }
        }
        self.region.words().add(self.at, amount);
    }

    fn find(&self, print: u64) -> Option<Place<'r>> {
        let mut least: Option<(usize, Pair<'r>, (u64, u64))> = None;
        for (index, pair) in self.pairs() {
            let (tag, count) = pair.load();
            if tag & !LIFE == print {
                return Some(Place::Here(index, pair));
            }
            if least.is_none_or(|(.., (_, least))| count < least) {
                least = Some((index, pair, (tag, count)));
            }
        }
        least.map(|(index, pair, found)| Place::Least(index, pair, found))
    }

    /// Writes down what entry `index` is called in this life, if nobody has.
    fn call<T: AsRef<str>>(
        &self,
        index: usize,
        pair: Pair<'r>,
        tag: u64,
        before: u64,
        now: u64,
        text: &impl Fn() -> T,
    ) {
        let note = self.note(index);
        let is_called = note
            .numbers()
            .and_then(|numbers| numbers.first())
            .is_some_and(|whose| whose.load(Ordering::Relaxed) == tag);
        if !is_called {
            note.write_if(now, &[tag, before], text().as_ref(), |_, _| {
                pair.first() == tag
            });
        }
    }

    /// Every text that has a name, the most counted first.
    pub fn list(&self) -> Vec<Counted> {
        let mut all: Vec<Counted> = Vec::new();
        for (index, pair) in self.pairs() {
            let Some((tag, count)) = steady(pair).filter(|(tag, _)| tag & !LIFE != 0) else {
                continue;
            };
            let Some(said) = self.note(index).read() else {
                continue;
            };
            let [whose, error] = said.numbers[..] else {
                continue;
            };
            if whose != tag {
                continue;
            }
            let (print, error) = (tag & !LIFE, error.min(count));
            match all.iter_mut().find(|found| found.print == print) {
                Some(found) => {
                    found.estimate = found.estimate.saturating_add(count);
                    found.error = found.error.saturating_add(error);
                }
                None => all.push(Counted {
                    print,
                    text: said.text,
                    estimate: count,
                    error,
                }),
            }
        }
        let lost = self.lost();
        for found in &mut all {
            found.estimate = found.estimate.saturating_add(lost);
            found.error = found.error.saturating_add(lost);
        }
        all.order_by(|one, other| {
            other
                .estimate
                .cmp(&one.estimate)
                .then_with(|| one.text.cmp(&other.text))
        });
        all
    }

    /// The estimate for a fingerprint; 0 when it has no entry.
    pub fn estimate(&self, print: u64) -> u64 {
        let found = self
            .pairs()
            .filter_map(|(_, pair)| steady(pair))
            .filter(|(tag, _)| tag & !LIFE == print)
            .map(|(_, count)| count)
            .reduce(u64::saturating_add);
        found.map_or(0, |count| count.saturating_add(self.lost()))
    }

    fn lost(&self) -> u64 {
        self.region.words().load(self.at)
    }
}

/// Gives an entry back to nobody, its count unchanged: what was counted in this life of it. None
/// when it has gone to somebody else.
fn leave(pair: Pair<'_>, mine: u64, before: u64) -> Option<u64> {
    for _ in 0..ATTEMPTS {
        let (tag, count) = pair.load();
        if tag != mine {
            return None;
        }
        if pair.swap((tag, count), (mine.wrapping_add(1) & LIFE, count)) {
            return Some(count.saturating_sub(before));
        }
    }
    None
}

/// Both words of one moment, or at least of one life.
fn steady(pair: Pair<'_>) -> Option<(u64, u64)> {
    (0..ATTEMPTS).find_map(|_| {
        let (tag, count) = pair.load();
        fence(Ordering::Acquire);
        (pair.first() == tag).then_some((tag, count))
    })
}
