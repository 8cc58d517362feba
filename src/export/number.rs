//! How numbers are written: one spelling each, nothing allocated.

/// A whole number, every digit of it.
#[inline(never)]
pub(super) fn whole(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
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
