//! A keyed hash for keys and names: 128 bits, from a secret seed of the region.
//!
//! ```text
//! blocks    16 bytes each, the last one ending where the text does: words a, b
//! sum       length * l + the sum of (a + k) * (b + k') over the blocks, modulo 2^128
//! halves    the two words of the sum, multiplied and folded with two pairs of secrets
//! ```
//! **Why keys do not collide.** The sum is the family NH of UMAC on words of 64 bits. Of two texts
//! that differ, take a block in which they do: whatever the other secrets are, at most one in 2^63
//! pairs of that block's makes the sums equal. That is proved, and holds for the worst two texts
//! that somebody could choose who does not know the seed. The folds, each a product of both words
//! with secrets of its own, make every bit of a half depend on every bit of the sum.
//!
//! **Why nobody learns the seed.** Nothing shows a hash. What callers see is whether two keys share
//! an entry, one chance in 2^63, and whether the two groups of a key are full, which depends on all
//! other keys. That is less than a function needs to promise whose outputs are published, such as
//! SipHash, and this one is no such function: it may be used where its values stay inside.
//!
//! Texts of more than `LONGEST` bytes, for which there would have to be more secrets, are hashed
//! by SipHash-1-3, which also makes the secrets from the seed.

use siphasher::sip128::SipHasher13;
use std::hash::Hasher;

const BLOCK: usize = 16;
const BLOCKS: usize = 8;
/// Bytes up to which there are secrets.
const LONGEST: usize = BLOCK * BLOCKS;

/// Two independent halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(pub u64, pub u64);

/// The secrets of one hash function.
#[derive(Clone, Copy)]
pub struct Secrets {
    blocks: [[u64; 2]; BLOCKS],
    length: u64,
    folds: [[u64; 2]; 2],
    long: [u64; 2],
}

/// Secrets are not for logs.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// The secrets of function number `number` of `seed`.
    pub fn new(seed: &[u64; 4], number: u64) -> Self {
        let mut index = 0u64;
        let mut next = || {
            let mut hasher = SipHasher13::new_with_keys(seed[0], seed[1]);
            for word in [seed[2], seed[3], number, index] {
                hasher.write_u64(word);
            }
            index += 1;
            let hash = siphasher::sip128::Hasher128::finish128(&hasher);
            [hash.h1, hash.h2]
        };
        Secrets {
            blocks: std::array::from_fn(|_| next()),
            // Odd, so that a multiple of it is zero for no length.
            length: next()[0] | 1,
            folds: [next(), next()],
            long: next(),
        }
    }

    /// The hash of `text`.
    #[inline(always)]
    pub fn hash(&self, text: &[u8]) -> Hash {
        if text.len() > LONGEST {
            return self.hash_long(text);
        }
        let mut sum = product(text.len() as u64, self.length);
        let mut rest = text;
        let mut secrets = self.blocks.iter();
        while let (true, Some(secret), Some((block, behind))) = (
            rest.len() > BLOCK,
            secrets.as_slice().first(),
            rest.split_first_chunk::<BLOCK>(),
        ) {
            sum = sum.wrapping_add(multiply(words(block), *secret));
            secrets.next();
            rest = behind;
        }
        let last = match text.last_chunk::<BLOCK>() {
            Some(block) => words(block),
            None => short(text),
        };
        let secret = secrets.next().unwrap_or(&self.long);
        self.finish(sum.wrapping_add(multiply(last, *secret)))
    }

    #[inline(always)]
    fn finish(&self, sum: u128) -> Hash {
        let (low, high) = (sum as u64, (sum >> 64) as u64);
        let folded = |[one, other]: [u64; 2]| fold(product(low ^ one, high ^ other));
        let [first, second] = self.folds;
        Hash(folded(first), folded(second))
    }

    #[cold]
    #[inline(never)]
    fn hash_long(&self, text: &[u8]) -> Hash {
        let hash = SipHasher13::new_with_keys(self.long[0], self.long[1]).hash(text);
        Hash(hash.h1, hash.h2)
    }
}

#[inline(always)]
fn product(one: u64, other: u64) -> u128 {
    u128::from(one).wrapping_mul(u128::from(other))
}

#[inline(always)]
fn multiply([a, b]: [u64; 2], [k, other]: [u64; 2]) -> u128 {
    product(a.wrapping_add(k), b.wrapping_add(other))
}

#[inline(always)]
fn fold(product: u128) -> u64 {
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
fn words(block: &[u8; BLOCK]) -> [u64; 2] {
    let both = u128::from_le_bytes(*block);
    [both as u64, (both >> 64) as u64]
}

/// The words of less than a block; with the length, no two texts have the same.
#[inline(always)]
fn short(text: &[u8]) -> [u64; 2] {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return [
            u32::from_le_bytes(*first).into(),
            u32::from_le_bytes(*last).into(),
        ];
    }
    let byte = |at: usize| u64::from(text.get(at).copied().unwrap_or(0));
    [byte(0) | byte(1) << 8 | byte(2) << 16, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const SEED: [u64; 4] = [1, 2, 3, 4];

    fn texts() -> impl Iterator<Item = Vec<u8>> {
        (0..=2 * LONGEST).flat_map(|length| {
            let ramp = move |step: usize| (0..length).map(move |at| (at * step) as u8).collect();
            (0..3).map(ramp)
        })
    }

    #[test]
    fn the_slow_way_gives_the_same() {
        let secrets = Secrets::new(&SEED, 7);
        for text in texts().filter(|text| text.len() <= LONGEST) {
            let mut blocks: Vec<[u64; 2]> = Vec::new();
            let mut at = 0;
            while text.len() > at + BLOCK {
                blocks.push(words(text[at..at + BLOCK].try_into().unwrap()));
                at += BLOCK;
            }
            blocks.push(match text.len() {
                16.. => words(text[text.len() - BLOCK..].try_into().unwrap()),
                _ => short(&text),
            });
            let mut sum = text.len() as u128 * u128::from(secrets.length);
            for ([a, b], [k, other]) in blocks.into_iter().zip(secrets.blocks) {
                let (a, b) = (a.wrapping_add(k), b.wrapping_add(other));
                sum = sum.wrapping_add(u128::from(a) * u128::from(b));
            }
            assert_eq!(secrets.hash(&text), secrets.finish(sum));
        }
    }

    #[test]
    fn different_texts_have_different_hashes() {
        let secrets = Secrets::new(&SEED, 0);
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        let (mut firsts, mut seconds) = (HashSet::new(), HashSet::new());
        for text in texts().chain((0..100_000u32).map(|number| number.to_le_bytes().to_vec())) {
            if seen.insert(text.clone()) {
                let Hash(first, second) = secrets.hash(&text);
                assert!(firsts.insert(first), "{text:?}");
                assert!(seconds.insert(second), "{text:?}");
            }
        }
    }

    #[test]
    fn every_bit_of_a_text_changes_half_of_the_hash() {
        let secrets = Secrets::new(&SEED, 0);
        for length in [1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, LONGEST, LONGEST + 1] {
            let text: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let before = secrets.hash(&text);
            let (mut changed, bits) = (0, 8 * length as u32);
            for bit in 0..bits as usize {
                let mut other = text.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                let after = secrets.hash(&other);
                let flips = [before.0 ^ after.0, before.1 ^ after.1].map(u64::count_ones);
                assert!(
                    flips.iter().all(|flips| (8..=56).contains(flips)),
                    "{length} {bit}"
                );
                changed += flips[0] + flips[1];
            }
            let mean = f64::from(changed) / f64::from(bits);
            assert!(
                (56.0..=72.0).contains(&mean),
                "{length} bytes: {mean} of 128 bits"
            );
        }
    }

    #[test]
    fn another_seed_or_number_is_another_function() {
        let hash = |seed: [u64; 4], number| Secrets::new(&seed, number).hash(b"key");
        let all = [
            hash(SEED, 0),
            hash(SEED, 1),
            hash([9, 2, 3, 4], 0),
            hash([1, 9, 3, 4], 0),
            hash([1, 2, 9, 4], 0),
            hash([1, 2, 3, 9], 0),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| other != one));
        }
    }
}
