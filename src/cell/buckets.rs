//! A value's bucket, and a bucket's values: arithmetic on the bits of a double.
//!
//! The exponent is the *octave*, the top bits of the fraction the bucket inside it: with 6 bits 64
//! equal buckets an octave, log-linear as in HdrHistogram, for any unit and any normal number.
//! Reporting a bucket's middle is off by at most half its width: 1/128 of its lower bound with 6
//! bits, 0.78 %. Zero and the subnormal numbers share octave 0, whose first bucket reads as zero.

/// Octaves of the non-negative finite doubles.
pub const OCTAVES: usize = 0x7ff;

/// Fraction bits that a bucket may keep; also fewer in a model, where every bucket costs.
pub const BITS: std::ops::RangeInclusive<u32> = if cfg!(loom) { 3..=8 } else { 5..=8 };

/// Fraction bits unless asked otherwise.
pub const DEFAULT_BITS: u32 = 6;

/// The fewest fraction bits whose error at a bucket's middle is at most `relative_error`.
pub fn bits_for(relative_error: f64) -> Option<u32> {
    if !(0.002..=0.03).contains(&relative_error) {
        return None;
    }
    BITS.clone().find(|bits| error_of(*bits) <= relative_error)
}

/// Relative error of a bucket's middle with `bits` fraction bits.
pub fn error_of(bits: u32) -> f64 {
    0.5 / f64::from(1u32 << bits)
}

/// Octave and bucket of a non-negative finite value, given by its bits.
#[inline(always)]
pub fn locate(value_bits: u64, bits: u32) -> (usize, usize) {
    let octave = (value_bits >> 52) as usize & 0x7ff;
    let bucket = (value_bits >> (52 - bits)) as usize & ((1 << bits) - 1);
    (octave, bucket)
}

/// The smallest value of a bucket.
pub fn lower(octave: usize, bucket: usize, bits: u32) -> f64 {
    f64::from_bits((octave as u64) << 52 | (bucket as u64) << (52 - bits))
}

/// The smallest value above a bucket.
pub fn upper(octave: usize, bucket: usize, bits: u32) -> f64 {
    f64::from_bits(((octave as u64) << 52 | (bucket as u64) << (52 - bits)) + (1 << (52 - bits)))
}

/// What a bucket reads as: its middle.
pub fn middle(octave: usize, bucket: usize, bits: u32) -> f64 {
    if octave == 0 && bucket == 0 {
        return 0.0;
    }
    let lower = lower(octave, bucket, bits);
    let upper = upper(octave, bucket, bits);
    if upper.is_finite() {
        lower + (upper - lower) / 2.0
    } else {
        lower
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket_and_the_middle_is_near(
            value in prop::num::f64::POSITIVE | prop::num::f64::NORMAL,
            bits in BITS,
        ) {
            let value = value.abs();
            let (octave, bucket) = locate(value.to_bits(), bits);
            prop_assert!(lower(octave, bucket, bits) <= value);
            prop_assert!(value < upper(octave, bucket, bits));
            let off = (middle(octave, bucket, bits) - value).abs();
            prop_assert!(off <= value * error_of(bits) * (1.0 + 1e-12));
        }
    }

    #[test]
    fn an_asked_error_gets_the_fewest_bits() {
        assert_eq!(bits_for(0.03), Some(5));
        assert_eq!(bits_for(0.008), Some(6));
        assert_eq!(bits_for(0.004), Some(7));
        assert_eq!(bits_for(0.002), Some(8));
        for wrong in [0.0, 0.0019, 0.031, 1.0, -0.01, f64::NAN] {
            assert_eq!(bits_for(wrong), None);
        }
    }

    #[test]
    fn zero_reads_as_zero() {
        assert_eq!(locate(0, 6), (0, 0));
        assert_eq!(middle(0, 0, 6), 0.0);
    }
}
