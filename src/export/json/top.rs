//! The keys that use a limiter most.

use super::Json;
use crate::guard::{TopKey, TopKeys};

/// Appends `keys` as a JSON array to `out`.
pub fn write(keys: &[TopKey], out: &mut Vec<u8>) {
    let mut json = Json::new(out);
    // Whatever stands before the array is none of it.
    json.out.push(b'[');
    json.keys(keys);
    json.out.push(b']');
}

impl Json<'_> {
    /// Both lists of a limiter that records keys.
    pub(super) fn top_keys(&mut self, top: &TopKeys) {
        self.open(b'{');
        for (field, keys) in [("used", &top.used), ("denied", &top.denied)] {
            self.key(field).open(b'[');
            self.keys(keys);
            self.close(b']');
        }
        self.close(b'}');
    }

    fn keys(&mut self, keys: &[TopKey]) {
        for found in keys {
            self.open(b'{');
            self.key("key").text(&found.key);
            self.key("used").whole(found.used);
            self.key("denied").whole(found.denied);
            self.key("error_bound").whole(found.error_bound);
            self.close(b'}');
        }
    }
}
