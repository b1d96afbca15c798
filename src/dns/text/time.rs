//! Calendar time as RRSIGs write it (RFC 4034 §3.2): `YYYYMMDDHHmmSS` in UTC, from 1970 to 2106; and for people.

/// `seconds` since 1970 as fourteen digits.
pub fn time_to_text(seconds: u32) -> String {
    let (days, rest) = (i64::from(seconds / 86_400), seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// `seconds` since 1970 as people write it: `2031-01-31T18:00:00Z`.
pub fn time_to_words(seconds: u32) -> String {
    let ((year, month, day), rest) = (date(i64::from(seconds / 86_400)), seconds % 86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Seconds since 1970 from fourteen digits, or from fewer that are the seconds themselves.
pub fn time_from_text(text: &str) -> Option<u32> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if text.len() != 14 {
        return text.parse().ok();
    }
    let part = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i64>().ok());
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let days = days(year, month, day);
    // A day that does not come back as itself is not in the calendar.
    if date(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    u32::try_from(days * 86_400 + hour * 3600 + minute * 60 + second).ok()
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; years count from March, so that the leap day is last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The date `days` after 1970-01-01.
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_both_forms() {
        // RFC 4034 §5.4's neighbourhood, leap days, and both ends of 32 bits.
        for (seconds, text) in [
            (0, "19700101000000"),
            (951_782_400, "20000229000000"),
            (1_048_354_263, "20030322173103"),
            (4_107_542_399, "21000228235959"),
            (u32::MAX, "21060207062815"),
        ] {
            assert_eq!(time_to_text(seconds), text);
            assert_eq!(time_from_text(text), Some(seconds));
        }
        assert_eq!(time_to_words(1_048_354_263), "2003-03-22T17:31:03Z");
        assert_eq!(time_from_text("1048354263"), Some(1_048_354_263));
        for bad in
            ["20030230000000", "20031301000000", "20030101240000", "21060207062816", "-1", "", "x", "99999999999"]
        {
            assert_eq!(time_from_text(bad), None, "{bad}");
        }
    }
}
