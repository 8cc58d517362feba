//! Who was denied how often. The library keeps only fingerprints of keys, so the names are kept
//! here, in bounded memory.
//!
//! When there are twice as many clients as are kept, at least the half that was denied least is forgotten.
//! A client that comes back then starts from zero, so its denials may be too few by at most the
//! largest number forgotten each time (Misra and Gries' bound); the report says that number.

use std::cmp::Reverse;
use std::collections::HashMap;

/// What is known of one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// Requests that at least one limiter denied.
    pub denied: u64,
    /// Requests.
    pub requests: u64,
}

/// The clients of a log.
pub struct Clients {
    tallies: HashMap<Box<[u8]>, Tally>,
    keep: usize,
    forgotten: u64,
    missing_at_most: u64,
}

impl Clients {
    /// No clients yet; never more than twice `keep` will be known at a time.
    pub fn new(keep: usize) -> Self {
        Clients {
            tallies: HashMap::new(),
            keep,
            forgotten: 0,
            missing_at_most: 0,
        }
    }

    /// Counts a request.
    pub fn count(&mut self, client: &[u8], is_denied: bool) {
        let tally = match self.tallies.get_mut(client) {
            Some(tally) => tally,
            None => {
                if self.tallies.len() >= 2 * self.keep {
                    self.forget();
                }
                self.tallies.entry(client.into()).or_default()
            }
        };
        tally.requests += 1;
        tally.denied += u64::from(is_denied);
    }

    fn forget(&mut self) {
        let mut order: Vec<Tally> = self.tallies.values().copied().collect();
        let (_, least_kept, _) =
            order.select_nth_unstable_by_key(self.keep, |tally| Reverse(*tally));
        let least_kept = *least_kept;
        let before = self.tallies.len();
        // All equals go, or none might: then every new client would sort the whole table.
        self.tallies.retain(|_, tally| *tally > least_kept);
        self.forgotten += (before - self.tallies.len()) as u64;
        self.missing_at_most += least_kept.denied;
    }

    /// Clients that are known.
    pub fn known(&self) -> usize {
        self.tallies.len()
    }

    /// How often a client was forgotten; 0 means that every number is exact.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// By how much the denials of a client may be too few.
    pub fn missing_at_most(&self) -> u64 {
        self.missing_at_most
    }

    /// The `most` clients that were denied most often, those with most requests first among
    /// equals.
    pub fn top_denied(&self, most: usize) -> Vec<(&[u8], Tally)> {
        let mut denied: Vec<(&[u8], Tally)> = self
            .tallies
            .iter()
            .filter(|(_, tally)| tally.denied > 0)
            .map(|(client, tally)| (&client[..], *tally))
            .collect();
        denied.sort_unstable_by_key(|(client, tally)| (Reverse(*tally), *client));
        denied.truncate(most);
        denied
    }

    /// Requests of each known client, ascending.
    pub fn requests(&self) -> Vec<u64> {
        let mut requests: Vec<u64> = self.tallies.values().map(|tally| tally.requests).collect();
        requests.sort_unstable();
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_denied_come_first() {
        let mut clients = Clients::new(10);
        for (client, denied) in [
            ("a", false),
            ("b", true),
            ("c", true),
            ("c", false),
            ("d", true),
            ("d", true),
        ] {
            clients.count(client.as_bytes(), denied);
        }
        let top: Vec<(&[u8], u64)> = clients
            .top_denied(3)
            .into_iter()
            .map(|(client, tally)| (client, tally.denied))
            .collect();
        assert_eq!(top, [(&b"d"[..], 2), (&b"c"[..], 1), (&b"b"[..], 1)]);
        assert_eq!(clients.requests(), [1, 1, 2, 2]);
        assert_eq!((clients.known(), clients.forgotten()), (4, 0));
    }

    #[test]
    fn memory_is_bounded_and_the_error_is_known() {
        let mut clients = Clients::new(100);
        let mut real = HashMap::new();
        for request in 0u64..200_000 {
            // A few clients are denied again and again among a flood of others.
            let number = request.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let client = if request % 3 == 0 {
                request % 7
            } else {
                number
            };
            clients.count(&client.to_le_bytes(), true);
            *real.entry(client.to_le_bytes().to_vec()).or_insert(0) += 1;
            assert!(clients.known() <= 200);
        }
        assert!(clients.forgotten() > 0);
        for (client, tally) in clients.top_denied(7) {
            let real = real[client];
            assert!(tally.denied <= real && tally.denied + clients.missing_at_most() >= real);
            assert!(u64::from_le_bytes(client.try_into().unwrap()) < 7);
        }
    }
}
