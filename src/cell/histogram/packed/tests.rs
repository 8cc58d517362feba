use super::*;
use proptest::prelude::*;

/// Octaves with counts of all sizes, most of them zero.
fn octaves(bits: u32) -> impl Strategy<Value = Vec<(usize, Vec<u64>)>> {
    let count = prop_oneof![4 => Just(0), 2 => any::<u8>().prop_map(u64::from), 1 => any::<u64>()];
    let counts = (prop::collection::vec(count, 1 << bits), 0u32..64);
    prop::collection::btree_map(0usize..0x7ff, counts, 0..6).prop_map(|octaves| {
        let shifted = |counts: Vec<u64>, shift| counts.iter().map(|count| count >> shift).collect();
        octaves
            .into_iter()
            .map(|(octave, (counts, shift))| (octave, shifted(counts, shift)))
            .collect()
    })
}

fn packed(bits: u32, octaves: &[(usize, Vec<u64>)], plain: bool) -> (Packed, u64) {
    let mut packer = Packer::default();
    for (octave, counts) in octaves {
        match plain {
            true => packer.push_plain(*octave, counts),
            false => packer.push(*octave, counts),
        }
    }
    match plain {
        true => packer.hand_over(bits),
        false => packer.finish(bits),
    }
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.wrapping_add(*count))
}

fn case() -> impl Strategy<Value = (u32, Vec<(usize, Vec<u64>)>)> {
    (5u32..=8).prop_flat_map(|bits| (Just(bits), octaves(bits)))
}

proptest! {
    #[test]
    fn what_is_packed_is_what_was((bits, octaves) in case(), plain: bool, rank: u64) {
        let (found, count) = packed(bits, &octaves, plain);
        let filled: Vec<_> =
            octaves.iter().filter(|(_, counts)| counts.iter().any(|count| *count != 0)).collect();
        prop_assert_eq!(count, octaves.iter().fold(0u64, |sum, (_, counts)| sum.wrapping_add(total(counts))));
        if !plain || filled.iter().all(|(_, counts)| total(counts) != 0) {
            prop_assert_eq!(found.octaves().count(), filled.len());
        }
        for ((number, counts), octave) in filled.iter().zip(found.octaves()) {
            prop_assert_eq!((octave.number, octave.total), (*number, total(counts)));
            prop_assert!(octave.counts().eq(counts.iter().copied()));
            for buckets in [0, 1, counts.len() / 3, counts.len()] {
                prop_assert_eq!(octave.sum(buckets), total(&counts[..buckets]));
            }
            let sum = counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count));
            let rank = (rank % sum.max(1)).max(1);
            let at = octave.reach(rank);
            let before = |to: usize| counts[..to].iter().fold(0u64, |sum, n| sum.saturating_add(*n));
            prop_assert!(before(at) < rank && (rank <= before(at + 1) || at + 1 == counts.len()));
        }
        if let (Some((first, head)), Some((last, tail))) = (filled.first(), filled.last()) {
            let bucket = head.iter().position(|count| *count != 0).unwrap();
            let end = tail.iter().rposition(|count| *count != 0).unwrap();
            prop_assert_eq!(found.ends(), Some([(*first, bucket), (*last, end)]));
        }
    }

    #[test]
    fn the_same_counts_are_equal_however_they_are_kept((bits, octaves) in case()) {
        prop_assert_eq!(packed(bits, &octaves, true).0, packed(bits, &octaves, false).0);
    }

    #[test]
    fn counts_of_the_region_are_packed_when_they_are_bytes((bits, octaves) in case()) {
        let mut packer = Packer::default();
        for (octave, counts) in &octaves {
            let cells: Vec<AtomicU64> = counts.iter().map(|count| AtomicU64::new(*count)).collect();
            let is_bytes = packer.push_bytes(*octave, &cells);
            prop_assert_eq!(is_bytes, counts.iter().all(|count| *count <= 0xff));
            if !is_bytes {
                packer.push(*octave, counts);
            }
        }
        prop_assert_eq!(packer.finish(bits), packed(bits, &octaves, false));
    }

    #[test]
    fn bytes_less_bytes_are_the_difference(
        now in prop::collection::vec(any::<u8>(), 64),
        less in prop::collection::vec(any::<u8>(), 64),
        unknown: bool,
    ) {
        let then: Vec<u8> = now.iter().zip(&less).map(|(now, less)| now % (less | 1)).collect();
        let counts: Vec<u64> = now.iter().map(|count| u64::from(*count)).collect();
        let words: Vec<AtomicU64> = then
            .chunks_exact(8)
            .map(|some| AtomicU64::new(u64::from_le_bytes(some.try_into().unwrap())))
            .collect();
        let (mut ever, mut window) = (Packer::default(), Packer::default());
        ever.push(7, &counts);
        prop_assert!(window.push_since(&ever, 7, Some(&words).filter(|_| !unknown).map(Vec::as_slice)));
        prop_assert!(window.push_since(&ever, 8, None));
        let expected: Vec<u64> = match unknown {
            true => counts,
            false => now.iter().zip(then).map(|(now, then)| u64::from(now - then)).collect(),
        };
        prop_assert_eq!(window.finish(6).0, packed(6, &[(7, expected)], false).0);
    }
}

#[test]
fn an_octave_of_larger_counts_is_left_to_others() {
    let (mut ever, mut window) = (Packer::default(), Packer::default());
    ever.push(7, &[300; 64]);
    assert!(!window.push_since(&ever, 7, Some(&[])));
    assert!(window.push_since(&ever, 7, None));
    assert_eq!(window.finish(6).1, 64 * 300);
}

#[test]
fn the_largest_counts_of_each_size_add_up() {
    for largest in [0xff, 0xffff, 0xffff_ffff] {
        let (found, count) = packed(8, &[(0, vec![largest; 256])], false);
        assert_eq!(count, 256 * largest);
        let octave = found.octaves().next().unwrap();
        assert_eq!(octave.sum(256), 256 * largest);
        assert_eq!(octave.sum(255), 255 * largest);
    }
}
