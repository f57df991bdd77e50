//! A recurrence rule, read.
use jiff::civil::{Date, DateTime, Time, Weekday};

/// More runs than this need no count.
const MOST: u32 = 1_000_000;

/// How often the rule comes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Frequency {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// When a rule ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Never,
    /// After so many times.
    Count(u32),
    /// At this local time.
    Until(DateTime),
    /// At this time in UTC.
    UntilUtc(DateTime),
}

/// A rule as it is written; what it does not say is empty.
#[derive(Clone, Debug)]
pub(super) struct RuleText {
    pub(super) frequency: Frequency,
    pub(super) interval: i64,
    pub(super) end: End,
    pub(super) week_start: Weekday,
    pub(super) positions: Vec<i32>,
    pub(super) months: Vec<i32>,
    pub(super) week_numbers: Vec<i32>,
    pub(super) year_days: Vec<i32>,
    pub(super) month_days: Vec<i32>,
    /// With which of them in the month or year it is, from 1, or from the end; 0: all.
    pub(super) weekdays: Vec<(i32, Weekday)>,
    pub(super) hours: Vec<i32>,
    pub(super) minutes: Vec<i32>,
    pub(super) seconds: Vec<i32>,
}

impl RuleText {
    /// Reads a rule; its errors name the part.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        let mut seen: Vec<&str> = Vec::new();
        let mut frequency = None;
        let mut rule = Self::every(Frequency::Daily);
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=') else {
                return Err(format!("`{part}` is no part of a rule such as `FREQ=DAILY;BYHOUR=9`"));
            };
            if seen.contains(&name) {
                return Err(format!("{name} is there twice"));
            }
            seen.push(name);
            let named = |what: String| format!("{name}: {what}");
            match name {
                "FREQ" => frequency = Some(self::frequency(value).map_err(named)?),
                "INTERVAL" => rule.interval = i64::from(number(value, 1, i32::MAX).map_err(named)?),
                "COUNT" => rule.end = rule.end_at(End::Count(count(value).map_err(named)?)).map_err(named)?,
                "UNTIL" => rule.end = rule.end_at(until(value).map_err(named)?).map_err(named)?,
                "WKST" => rule.week_start = weekday(value).map_err(named)?,
                "BYSETPOS" => rule.positions = numbers(value, 366, Sign::Either).map_err(named)?,
                "BYMONTH" => rule.months = numbers(value, 12, Sign::Positive).map_err(named)?,
                "BYWEEKNO" => rule.week_numbers = numbers(value, 53, Sign::Either).map_err(named)?,
                "BYYEARDAY" => rule.year_days = numbers(value, 366, Sign::Either).map_err(named)?,
                "BYMONTHDAY" => rule.month_days = numbers(value, 31, Sign::Either).map_err(named)?,
                "BYDAY" => {
                    rule.weekdays = value.split(',').map(numbered_weekday).collect::<Result<_, _>>().map_err(named)?;
                }
                "BYHOUR" => rule.hours = numbers(value, 23, Sign::FromZero).map_err(named)?,
                "BYMINUTE" => rule.minutes = numbers(value, 59, Sign::FromZero).map_err(named)?,
                "BYSECOND" => rule.seconds = numbers(value, 59, Sign::FromZero).map_err(named)?,
                _ => return Err(format!("there is no part `{name}` in a rule")),
            }
        }
        rule.frequency = frequency.ok_or("FREQ is missing")?;
        rule.check()?;
        Ok(rule)
    }

    fn every(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            end: End::Never,
            week_start: Weekday::Monday,
            positions: Vec::new(),
            months: Vec::new(),
            week_numbers: Vec::new(),
            year_days: Vec::new(),
            month_days: Vec::new(),
            weekdays: Vec::new(),
            hours: Vec::new(),
            minutes: Vec::new(),
            seconds: Vec::new(),
        }
    }

    fn end_at(&self, end: End) -> Result<End, String> {
        if self.end == End::Never { Ok(end) } else { Err("a rule has COUNT or UNTIL, not both".to_owned()) }
    }

    /// What does not go together.
    fn check(&self) -> Result<(), String> {
        if !self.week_numbers.is_empty() && self.frequency != Frequency::Yearly {
            return Err("BYWEEKNO: it goes with FREQ=YEARLY alone".to_owned());
        }
        if self.weekdays.iter().any(|(nth, _)| *nth != 0) && self.frequency < Frequency::Monthly {
            return Err("BYDAY: numbers go with FREQ=MONTHLY and FREQ=YEARLY alone".to_owned());
        }
        if !self.positions.is_empty() && self.frequency < Frequency::Daily {
            return Err("BYSETPOS: it goes with FREQ=DAILY and what is longer".to_owned());
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// From 1.
    Positive,
    /// From 1, or back from -1.
    Either,
    FromZero,
}

fn numbers(text: &str, max: i32, sign: Sign) -> Result<Vec<i32>, String> {
    let one = |text: &str| match sign {
        Sign::Positive => number(text, 1, max),
        Sign::FromZero => number(text, 0, max),
        Sign::Either => match number(text, -max, max)? {
            0 => Err(format!("`{text}` is not from 1 to {max} or from -{max} to -1")),
            number => Ok(number),
        },
    };
    text.split(',').map(one).collect()
}

fn number(text: &str, min: i32, max: i32) -> Result<i32, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` is no number"));
    }
    let number = text.parse::<i32>().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("`{text}` is not from {min} to {max}"))
}

fn count(text: &str) -> Result<u32, String> {
    let count = number(text, 1, i32::MAX)?.unsigned_abs();
    if count > MOST {
        return Err(format!("`{text}` is more than {MOST}: leave COUNT out"));
    }
    Ok(count)
}

fn frequency(text: &str) -> Result<Frequency, String> {
    Ok(match text {
        "SECONDLY" => Frequency::Secondly,
        "MINUTELY" => Frequency::Minutely,
        "HOURLY" => Frequency::Hourly,
        "DAILY" => Frequency::Daily,
        "WEEKLY" => Frequency::Weekly,
        "MONTHLY" => Frequency::Monthly,
        "YEARLY" => Frequency::Yearly,
        _ => {
            let all = "SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY and YEARLY";
            return Err(format!("`{text}` is none of {all}"));
        }
    })
}

fn weekday(text: &str) -> Result<Weekday, String> {
    Ok(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return Err(format!("`{text}` is none of MO, TU, WE, TH, FR, SA and SU")),
    })
}

/// `MO`, `2MO`, `-1FR`.
fn numbered_weekday(text: &str) -> Result<(i32, Weekday), String> {
    let letters = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (nth, day) = text.split_at(letters);
    let nth = if nth.is_empty() { 0 } else { *numbers(nth, 53, Sign::Either)?.first().ok_or("a number is missing")? };
    Ok((nth, weekday(day)?))
}

/// `20261231`, `20261231T090000` or `20261231T090000Z`. A date is its midnight.
fn until(text: &str) -> Result<End, String> {
    let wrong = || format!("`{text}` is no time such as `20261231T090000` or `20261231T080000Z`");
    let (local, utc) = match text.strip_suffix('Z') {
        Some(local) => (local, true),
        None => (text, false),
    };
    let (date, time) = local.split_once('T').unwrap_or((local, "000000"));
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(date, 8) || !digits(time, 6) {
        return Err(wrong());
    }
    let part = |text: &str| text.parse::<i8>().ok();
    let read = || {
        let date = Date::new(date[..4].parse().ok()?, part(&date[4..6])?, part(&date[6..])?).ok()?;
        let time = Time::new(part(&time[..2])?, part(&time[2..4])?, part(&time[4..])?, 0).ok()?;
        Some(date.to_datetime(time))
    };
    let time = read().ok_or_else(wrong)?;
    Ok(if utc { End::UntilUtc(time) } else { End::Until(time) })
}
