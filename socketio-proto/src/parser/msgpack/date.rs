//! A JavaScript `Date` as the string that JSON makes of it.

use std::fmt;

/// Milliseconds since 1970, shown as `Date.prototype.toISOString` does (ECMA-262, 21.4.1.32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date(i64);

const DAY: i64 = 24 * 60 * 60 * 1000;

impl Date {
    /// `None` for what is an invalid date in JavaScript: more than 100 million days from 1970.
    pub(super) fn new(milliseconds: i64) -> Option<Self> {
        let limit = 100_000_000 * DAY;
        (-limit..=limit)
            .contains(&milliseconds)
            .then_some(Self(milliseconds))
    }

    /// Year, month and day of the Gregorian calendar, for all time.
    ///
    /// Years begin with March here, so that the day which leap years add is their last.
    fn civil(self) -> (i64, i64, i64) {
        // 1970-01-01 is the day 719468 since the 1st of March of the year 0
        let days = self.0.div_euclid(DAY) + 719_468;
        // the calendar repeats itself after 400 years of 146097 days
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // months from March on have 153 days for every five of them
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        (era * 400 + year + next, month, day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        if (0..=9999).contains(&year) {
            write!(f, "{year:04}")?;
        } else {
            write!(f, "{year:+07}")?;
        }
        let time = self.0.rem_euclid(DAY);
        let (hours, minutes) = (time / 3_600_000, time / 60_000 % 60);
        let (seconds, milliseconds) = (time / 1000 % 60, time % 1000);
        write!(
            f,
            "-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_string_in_json() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
            (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
        ] {
            let date = Date::new(milliseconds);
            assert_eq!(date.map(|date| date.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_javascript_has_no_date_for_is_none() {
        for milliseconds in [
            8_640_000_000_000_001,
            -8_640_000_000_000_001,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(Date::new(milliseconds), None);
        }
    }
}
