//! How numbers are written: one spelling each, nothing allocated.

use super::bounds::{Bound, LONGEST_TEXT};

/// Characters of the longest whole number.
const LONGEST: usize = 20;

/// A whole number, every digit of it.
#[inline(never)]
pub(super) fn whole(out: &mut Vec<u8>, value: u64) {
    let mut text = [0; LONGEST];
    let length = digits(&mut text, value);
    out.extend_from_slice(&text[..length]);
}

/// Writes the digits of `value` to the beginning of `text`; returns how many.
#[inline(always)]
fn digits(text: &mut [u8; LONGEST], mut value: u64) -> usize {
    let length = match value {
        0..10 => 1,
        10..100 => 2,
        100..1000 => 3,
        1000..10_000 => 4,
        _ => value.ilog10() as usize + 1,
    };
    let mut at = length;
    // Two at a time: a division takes longer than all else here.
    while at >= 2 {
        let two = (value % 100) as u8;
        value /= 100;
        at -= 2;
        if let Some([tens, ones]) = text.get_mut(at..at + 2) {
            (*tens, *ones) = (b'0' + two / 10, b'0' + two % 10);
        }
    }
    if at == 1 {
        text[0] = b'0' + value as u8;
    }
    length
}

/// Behind what begins a line: a bound, the digits of a count, the end of the line.
const REST: usize = LONGEST_TEXT + LONGEST + 1;

/// A line for each bound of a histogram: what begins them all, the bound, its count. Most of a large
/// exposition is such lines, so they are put together in `room`, whose contents mean nothing, and
/// appended at once.
pub(super) fn lines<'b>(
    out: &mut Vec<u8>,
    room: &mut Vec<u8>,
    begin: &[u8],
    lines: impl Iterator<Item = (&'b Bound, u64)>,
) {
    let mut end = 0;
    for (bound, count) in lines {
        let most = end + begin.len() + REST;
        if room.len() < most {
            room.resize(most * 2, 0);
        }
        let (first, rest) = room[end..most].split_at_mut(begin.len());
        first.copy_from_slice(begin);
        // All of a size that is known beforehand.
        if let Some(place) = rest.first_chunk_mut() {
            *place = bound.text;
        }
        let mut length = bound.length.min(LONGEST_TEXT);
        if let Some(place) = rest[length..].first_chunk_mut() {
            length += digits(place, count);
        }
        rest[length] = b'\n';
        end += begin.len() + length + 1;
    }
    out.extend_from_slice(&room[..end]);
}

/// A double in JSON: the shortest decimal that reads back as the same double, with a point or an
/// exponent; `null` for what JSON has no number for.
#[inline(never)]
pub(super) fn json(out: &mut Vec<u8>, value: f64) {
    // Minus zero is zero. Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, &(value + 0.0));
}

/// A double as a sample of Prometheus text: without a point when it is a whole number.
pub(super) fn sample(out: &mut Vec<u8>, value: f64) {
    /// Below it every whole double is written with all its digits.
    const EXACT: f64 = 1e15;
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if value.abs() < EXACT && value.fract() == 0.0 {
        if value < 0.0 {
            out.push(b'-');
        }
        whole(out, value.abs() as u64);
    } else {
        json(out, value);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written<T>(write: fn(&mut Vec<u8>, T), value: T) -> String {
        let mut out = Vec::new();
        write(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn a_whole_number_keeps_every_digit(value: u64) {
            prop_assert_eq!(written(whole, value), value.to_string());
        }

        #[test]
        fn a_double_reads_back(value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            prop_assert_eq!(written(json, value).parse::<f64>().unwrap(), value);
            prop_assert_eq!(written(sample, value).parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn the_ends_of_u64_are_written() {
        assert_eq!(written(whole, 0), "0");
        assert_eq!(written(whole, u64::MAX), "18446744073709551615");
    }

    #[test]
    fn each_format_has_its_spelling_of_what_is_not_finite() {
        for (value, text) in [
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(sample, value), text);
            assert_eq!(written(json, value), "null");
        }
    }

    #[test]
    fn a_whole_sample_has_no_point() {
        assert_eq!(written(sample, 4.0), "4");
        assert_eq!(written(sample, -0.0), "0");
        assert_eq!(written(sample, -12.0), "-12");
        assert_eq!(written(sample, 1e300), "1e+300");
        assert_eq!(written(json, 4.0), "4.0");
    }
}
