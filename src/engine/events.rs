//! What happened lately.

use super::Engine;
use crate::guard::limiter::denials;
use crate::region::events::Cursor;
use crate::snapshot::event::{self, EventReading};

impl Engine {
    /// The events from number `next` on, at most `most`; and where to go on, with how many were lost
    /// after the last one. 0 is the oldest that is kept. Denials of limiters are told
    /// now. An observer may read, too.
    pub fn events(&self, next: u64, most: usize) -> (Vec<EventReading>, Cursor) {
        denials::tell(&self.region, &self.planes);
        event::read(&self.region, next, most)
    }
}
