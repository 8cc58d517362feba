//! Numbers as a person reads them: grouped digits, four significant ones, units that fit.

/// A whole number with its digits in groups: `1,234,567`.
pub fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with about four significant digits; `-` when there is none.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "-".to_owned()
    } else if value.is_infinite() || size >= 1e15 {
        format!("{value:.3e}")
    } else if size >= 1000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", whole(size.round() as u64))
    } else if value.fract() == 0.0 {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else if size >= 1e-4 {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}

/// Times per second.
pub fn rate(per_second: Option<f64>) -> String {
    match per_second {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(rate) if rate < 10.0 => format!("{rate:.2}"),
        Some(rate) if rate < 1000.0 => format!("{rate:.1}"),
        Some(rate) => number(rate),
    }
}

/// A time, in the unit that fits: `850 ns`, `1.50 ms`, `2.00 s`.
pub fn seconds(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    match value.abs() {
        0.0 => "0 s".to_owned(),
        size if size < 1e-6 => format!("{:.0} ns", value * 1e9),
        size if size < 1e-3 => format!("{:.2} µs", value * 1e6),
        size if size < 1.0 => format!("{:.2} ms", value * 1e3),
        size if size < 1000.0 => format!("{value:.2} s"),
        _ => format!("{} s", number(value)),
    }
}

/// An amount of memory: `512 B`, `1.50 KiB`.
pub fn bytes(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    let mut scaled = value;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if scaled.abs() < 1024.0 {
            return if unit == "B" {
                format!("{scaled:.0} B")
            } else {
                format!("{scaled:.2} {unit}")
            };
        }
        scaled /= 1024.0;
    }
    format!("{} PiB", number(scaled))
}

/// A value in the unit that its metric has.
pub fn of_unit(value: f64, unit: &str) -> String {
    match unit {
        "seconds" => seconds(value),
        "bytes" => bytes(value),
        _ => number(value),
    }
}

/// A length of time in words: `1d 2h`, `3m 20s`, `0.4s`.
pub fn span(nanoseconds: u64) -> String {
    let whole_seconds = nanoseconds / 1_000_000_000;
    let (days, hours) = (whole_seconds / 86_400, whole_seconds / 3600 % 24);
    let (minutes, rest) = (whole_seconds / 60 % 60, whole_seconds % 60);
    match whole_seconds {
        0..10 => format!("{:.1}s", nanoseconds as f64 / 1e9),
        10..60 => format!("{rest}s"),
        60..3600 => format!("{minutes}m {rest}s"),
        3600..86_400 => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(whole(number), text);
        }
        assert_eq!(whole(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn numbers_keep_about_four_digits() {
        for (value, text) in [
            (f64::NAN, "-"),
            (0.0, "0"),
            (-3.0, "-3"),
            (0.125, "0.1250"),
            (12.345, "12.35"),
            (123.45, "123.5"),
            (-98765.4, "-98,765"),
            (1e-9, "1.000e-9"),
            (1e300, "1.000e300"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn units_fit_the_value() {
        assert_eq!(of_unit(0.0015, "seconds"), "1.50 ms");
        assert_eq!(of_unit(1536.0, "bytes"), "1.50 KiB");
        assert_eq!(of_unit(7.0, "requests"), "7");
        assert_eq!(of_unit(f64::NAN, "seconds"), "-");
        assert_eq!(span(200_000_000_000), "3m 20s");
        assert_eq!(span(400_000_000), "0.4s");
    }
}
