//! How a key is written down where people can read it: as little of it as they need.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most bytes of a key that is shown.
pub const SHOWN_BYTES: usize = 64;
/// Characters that are shown of a token.
const TOKEN_SHOWN: usize = 4;
/// A token with fewer characters would show too much of itself.
const TOKEN_LEAST: usize = 8;

/// What is written down of the keys of a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// A keyed hash.
    Hash,
    /// The network of an address.
    Ip,
    /// The first letter and the domain of an e-mail address.
    Email,
    /// The first characters of a token.
    Token,
    /// The key.
    Plain,
}

impl Recorded {
    /// All, by number, with their names in a configuration.
    pub const ALL: [(Recorded, &'static str); 5] = [
        (Recorded::Hash, "hash"),
        (Recorded::Ip, "ip"),
        (Recorded::Email, "email"),
        (Recorded::Token, "token"),
        (Recorded::Plain, "plain"),
    ];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Its number in the region, from 1.
    pub(super) fn number(self) -> u64 {
        self as u64 + 1
    }

    /// That of a number; what is damaged shows least.
    pub(super) fn from_number(number: u64) -> Option<Self> {
        let index = number.checked_sub(1)?;
        let found = usize::try_from(index).ok().and_then(|at| Self::ALL.get(at));
        Some(found.map_or(Recorded::Hash, |(recorded, _)| *recorded))
    }

    /// What is shown of `key`; its `hash` where it is not what it should be.
    pub fn of(self, key: &[u8], hash: u64) -> Shown {
        let mut shown = Shown::default();
        let text = std::str::from_utf8(key).ok();
        let is_written = match (self, text) {
            (Recorded::Hash, _) => None,
            (Recorded::Ip, text) => text.and_then(|text| network(&mut shown, text)),
            (Recorded::Email, text) => text.and_then(|text| address(&mut shown, text)),
            (Recorded::Token, text) => text.and_then(|text| token(&mut shown, text)),
            (Recorded::Plain, Some(text)) => shown.write_str(text).ok(),
            (Recorded::Plain, None) => {
                let bytes = &key[..key.len().min(SHOWN_BYTES / 2)];
                bytes
                    .iter()
                    .try_for_each(|byte| write!(shown, "{byte:02x}"))
                    .ok()
            }
        };
        if is_written.is_none() {
            shown = Shown::default();
            let _ = write!(shown, "{hash:016x}");
        }
        shown
    }
}

fn network(shown: &mut Shown, text: &str) -> Option<()> {
    match text.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => {
            let network = Ipv4Addr::from_bits(address.to_bits() & !0xff);
            write!(shown, "{network}/24").ok()
        }
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 80 << 80);
            write!(shown, "{network}/48").ok()
        }
    }
}

fn address(shown: &mut Shown, text: &str) -> Option<()> {
    let (name, domain) = text.rsplit_once('@')?;
    let first = name.chars().next()?;
    if domain.is_empty() {
        return None;
    }
    write!(shown, "{first}***@{domain}").ok()
}

fn token(shown: &mut Shown, text: &str) -> Option<()> {
    if text.chars().count() < TOKEN_LEAST {
        return None;
    }
    text.chars()
        .take(TOKEN_SHOWN)
        .chain(['…'])
        .try_for_each(|letter| shown.write_char(letter))
        .ok()
}

/// A key as it is shown, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    bytes: [u8; SHOWN_BYTES],
    length: usize,
    is_cut: bool,
}

impl Default for Shown {
    fn default() -> Self {
        Shown {
            bytes: [0; SHOWN_BYTES],
            length: 0,
            is_cut: false,
        }
    }
}

impl Write for Shown {
    /// Takes what fits, cut between characters; nothing comes after a cut.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            let end = self.length + letter.len_utf8();
            match self.bytes.get_mut(self.length..end) {
                Some(room) if !self.is_cut => {
                    letter.encode_utf8(room);
                    self.length = end;
                }
                _ => self.is_cut = true,
            }
        }
        Ok(())
    }
}

impl AsRef<str> for Shown {
    fn as_ref(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn shown(recorded: Recorded, key: &[u8]) -> String {
        recorded.of(key, 0xabc).as_ref().to_owned()
    }

    const HASH: &str = "0000000000000abc";

    #[test]
    fn addresses_are_cut_to_their_network() {
        for (key, expected) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2::77", "2001:db8:1::/48"),
            ("192.0.2.77:80", HASH),
            ("", HASH),
        ] {
            assert_eq!(shown(Recorded::Ip, key.as_bytes()), expected);
        }
    }

    #[test]
    fn people_and_tokens_keep_their_names_for_themselves() {
        for (key, expected) in [
            ("alice@example.com", "a***@example.com"),
            ("\u{e9}va@b@example.com", "\u{e9}***@example.com"),
            ("@example.com", HASH),
            ("alice@", HASH),
            ("alice", HASH),
        ] {
            assert_eq!(shown(Recorded::Email, key.as_bytes()), expected);
        }
        assert_eq!(shown(Recorded::Token, b"sk_live_1234"), "sk_l\u{2026}");
        assert_eq!(shown(Recorded::Token, b"1234567"), HASH);
        assert_eq!(shown(Recorded::Token, b"\xff23456789"), HASH);
        assert_eq!(shown(Recorded::Hash, b"anything"), HASH);
    }

    #[test]
    fn a_plain_key_is_cut_between_characters() {
        assert_eq!(shown(Recorded::Plain, b"user:1"), "user:1");
        assert_eq!(shown(Recorded::Plain, b""), "");
        assert_eq!(shown(Recorded::Plain, b"\xff\x00a"), "ff0061");
        let long = "a".repeat(63) + "\u{e9}bcd";
        assert_eq!(shown(Recorded::Plain, long.as_bytes()), "a".repeat(63));
        assert_eq!(shown(Recorded::Plain, &[0xff; 200]), "ff".repeat(32));
        let domain = format!("x@{}", "d".repeat(100));
        assert_eq!(shown(Recorded::Email, domain.as_bytes()).len(), 64);
    }

    #[test]
    fn damaged_numbers_show_least() {
        assert_eq!(Recorded::from_number(0), None);
        for (recorded, _) in Recorded::ALL {
            assert_eq!(Recorded::from_number(recorded.number()), Some(recorded));
        }
        assert_eq!(Recorded::from_number(7), Some(Recorded::Hash));
    }
}
