//! A cron text, read, and the local times that fit it.
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

use super::super::wall::LocalTimes;
use super::field::{FIELDS, Values};

/// The calendar repeats itself after this many years: what does not fit by then never does.
const YEARS: i16 = 400;
const MINUTES_OF_DAY: u16 = 24 * 60;
/// The days of the longest February and of the other months, from January on.
const MONTHS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The times of a cron text.
#[derive(Clone, Debug)]
pub(super) struct CronText {
    minutes: Values,
    hours: Values,
    days: Values,
    months: Values,
    weekdays: Values,
    pub(super) rule: Days,
}

/// How day of month and day of week go together where a text names both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    Either,
    Both,
}

impl CronText {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = match text.trim() {
            name if name.starts_with('@') => nickname(name)?,
            text => text,
        };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let count = fields.len();
        let [minutes, hours, days, months, weekdays] = <[&str; 5]>::try_from(fields).map_err(|_| {
            let hint = if count == 6 { "; there are no seconds and no years" } else { "" };
            let fields = if count == 1 { "field" } else { "fields" };
            format!("it has {count} {fields}, not the five minute, hour, day of month, month, day of week{hint}")
        })?;
        let [minute, hour, day, month, weekday] = &FIELDS;
        let read = Self {
            minutes: minute.parse(minutes)?,
            hours: hour.parse(hours)?,
            days: day.parse(days)?,
            months: month.parse(months)?,
            weekdays: weekday.parse(weekdays)?,
            rule: Days::Either,
        };
        let day_in = |month: u8| (1..=MONTHS[usize::from(month) - 1]).any(|day| read.days.has(day));
        if read.weekdays.star && !(1..=12).any(|month| read.months.has(month) && day_in(month)) {
            return Err(format!("day of month: no month of `{months}` has a day of `{days}`"));
        }
        Ok(read)
    }

    fn has_day(&self, date: Date) -> bool {
        let day = self.days.has(bit(date.day()));
        let weekday = self.weekdays.has(bit(date.weekday().to_sunday_zero_offset()));
        match self.rule {
            Days::Either if !self.days.star && !self.weekdays.star => day || weekday,
            _ => day && weekday,
        }
    }

    /// The first minute of a day that fits, from this one on.
    fn minute_from(&self, from: u16) -> Option<u16> {
        if from >= MINUTES_OF_DAY {
            return None;
        }
        let (hour, minute) = (from / 60, from % 60);
        let rest = self.minutes.bits >> minute;
        if self.hours.bits >> hour & 1 == 1 && rest != 0 {
            return Some(from + zeros(rest));
        }
        let later = self.hours.bits >> (hour + 1);
        (later != 0).then(|| minute_of(hour + 1 + zeros(later), zeros(self.minutes.bits)))
    }
}

impl LocalTimes for CronText {
    fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let last_year = from.year().saturating_add(YEARS);
        let mut date = from.date();
        let time = from.time();
        let mut minute = minute_of(u16::try_from(time.hour()).ok()?, u16::try_from(time.minute()).ok()?);
        if time.second() != 0 || time.subsec_nanosecond() != 0 {
            minute += 1;
        }
        while date.year() <= last_year {
            if !self.months.has(bit(date.month())) {
                date = date.last_of_month().tomorrow().ok()?;
                minute = 0;
                continue;
            }
            if self.has_day(date)
                && let Some(found) = self.minute_from(minute)
            {
                return Some(date.at(0, 0, 0, 0) + i64::from(found).minutes());
            }
            date = date.tomorrow().ok()?;
            minute = 0;
        }
        None
    }
}

fn minute_of(hour: u16, minute: u16) -> u16 {
    hour * 60 + minute
}

/// How many bits come before the first one, which is there.
fn zeros(bits: u64) -> u16 {
    u16::try_from(bits.trailing_zeros()).expect("at most 64")
}

/// A part of a date, which is never negative.
fn bit(part: i8) -> u8 {
    part.unsigned_abs()
}

fn nickname(name: &str) -> Result<&'static str, String> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => return Err("there are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly".to_owned()),
    })
}
