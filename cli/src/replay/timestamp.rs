//! `17/May/2015:10:05:03 +0000` to seconds since 1970, and back to words.

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Bytes of a time.
pub const LENGTH: usize = 26;

/// Seconds since 1970 of a time as access logs write it; None when it is none.
pub fn parse(text: &[u8; LENGTH]) -> Option<i64> {
    let separators = [
        (2, b'/'),
        (6, b'/'),
        (11, b':'),
        (14, b':'),
        (17, b':'),
        (20, b' '),
    ];
    if separators
        .iter()
        .any(|(at, separator)| text[*at] != *separator)
    {
        return None;
    }
    let month = MONTHS.iter().position(|name| name[..] == text[3..6])? as i64 + 1;
    let (day, year) = (digits(&text[0..2])?, digits(&text[7..11])?);
    let (hour, minute) = (digits(&text[12..14])?, digits(&text[15..17])?);
    let second = digits(&text[18..20])?;
    let (zone_hours, zone_minutes) = (digits(&text[22..24])?, digits(&text[24..26])?);
    let east = match text[21] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    // A leap second is written as second 60.
    let legal = (1..=days_of(month, year)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && zone_hours < 24
        && zone_minutes < 60;
    let local = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    legal.then_some(local - east * (zone_hours * 3600 + zone_minutes * 60))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number * 10 + i64::from(digit - b'0')),
        _ => None,
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(month: i64, year: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970, counted in years that begin in March, so that the leap day is last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// `2015-05-17 10:05:03 UTC`.
pub fn utc(seconds: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<i64> {
        parse(text.as_bytes().try_into().expect("26 bytes"))
    }

    #[test]
    fn good_times() {
        // Checked with `date -u -d … +%s`.
        for (text, seconds) in [
            ("01/Jan/1970:00:00:00 +0000", 0),
            ("17/May/2015:10:05:03 +0000", 1_431_857_103),
            ("17/May/2015:10:05:03 -0530", 1_431_876_903),
            ("17/May/2015:10:05:03 +0545", 1_431_836_403),
            ("29/Feb/2000:12:00:00 +0000", 951_825_600),
            ("29/Feb/2024:23:59:59 +0000", 1_709_251_199),
            ("01/Mar/2024:00:00:00 +0000", 1_709_251_200),
            ("28/Feb/2100:23:59:59 +0000", 4_107_542_399),
            ("01/Mar/2100:00:00:00 +0000", 4_107_542_400),
            ("31/Dec/2016:23:59:60 +0000", 1_483_228_800),
            ("01/Jan/1970:00:00:00 +0100", -3600),
            ("31/Dec/9999:23:59:59 +0000", 253_402_300_799),
        ] {
            assert_eq!(of(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn impossible_times_are_refused() {
        for text in [
            "29/Feb/2015:10:05:03 +0000",
            "29/Feb/2100:10:05:03 +0000",
            "31/Apr/2015:10:05:03 +0000",
            "00/May/2015:10:05:03 +0000",
            "32/May/2015:10:05:03 +0000",
            "17/Mai/2015:10:05:03 +0000",
            "17/may/2015:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/2015:10:60:03 +0000",
            "17/May/2015:10:05:61 +0000",
            "17/May/2015:10:05:03 00000",
            "17/May/2015:10:05:03 +2400",
            "17/May/2015:10:05:03 +0060",
            "17-May-2015:10:05:03 +0000",
            "+7/May/2015:10:05:03 +0000",
            "17/May/ 015:10:05:03 +0000",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn days_and_dates_agree_for_centuries() {
        // Day by day with the plain calendar, independent of the arithmetic above.
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..200_000 {
            assert_eq!(days_since_1970(year, month, day), days);
            let expected = format!("{year:04}-{month:02}-{day:02} 00:00:01 UTC");
            assert_eq!(utc(days * 86_400 + 1), expected);
            day += 1;
            if day > days_of(month, year) {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }
}
