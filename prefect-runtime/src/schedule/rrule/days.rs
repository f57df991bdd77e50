//! The days of a rule.
use jiff::civil::{Date, Weekday};

use super::text::{Frequency, RuleText};

/// Whether a rule has this day; `start` gives what the rule leaves open.
pub(super) fn has_day(rule: &RuleText, start: Date, day: Date) -> bool {
    let open = rule.week_numbers.is_empty()
        && rule.year_days.is_empty()
        && rule.month_days.is_empty()
        && rule.weekdays.is_empty();
    let as_start = match rule.frequency {
        Frequency::Yearly => day.day() == start.day() && (!rule.months.is_empty() || day.month() == start.month()),
        Frequency::Monthly => day.day() == start.day(),
        Frequency::Weekly => day.weekday() == start.weekday(),
        _ => true,
    };
    (!open || as_start)
        && (rule.months.is_empty() || rule.months.contains(&day.month().into()))
        && fits(&rule.year_days, day.day_of_year().into(), day.days_in_year().into())
        && fits(&rule.month_days, day.day().into(), day.days_in_month().into())
        && (rule.week_numbers.is_empty() || {
            let (number, of) = week(day, rule.week_start);
            fits(&rule.week_numbers, number, of)
        })
        && (rule.weekdays.is_empty() || rule.weekdays.iter().any(|weekday| has_weekday(rule, *weekday, day)))
}

/// Whether the `number`th of so many is in a list of numbers from 1, or from -1 back; an empty list has all.
fn fits(list: &[i32], number: i32, of: i32) -> bool {
    list.is_empty() || list.contains(&number) || list.contains(&(number - of - 1))
}

fn has_weekday(rule: &RuleText, (nth, weekday): (i32, Weekday), day: Date) -> bool {
    if day.weekday() != weekday {
        return false;
    }
    if nth == 0 {
        return true;
    }
    // Counted in the year, unless months are named.
    let in_year = rule.frequency == Frequency::Yearly && rule.months.is_empty();
    let (number, of): (i32, i32) = if in_year {
        (day.day_of_year().into(), day.days_in_year().into())
    } else {
        (day.day().into(), day.days_in_month().into())
    };
    nth == (number - 1) / 7 + 1 || nth == -((of - number) / 7 + 1)
}

/// Which week of its year a day is in, and how many weeks that year has: the first week of a year is the first that has
/// four days of it.
fn week(day: Date, week_start: Weekday) -> (i32, i32) {
    // Days since the beginning of the first week of a year, the one with 4 January.
    let since = |year: i16| {
        let fourth = Date::new(year, 1, 4).ok()?;
        Some(days_since(day, fourth) + since_week_start(fourth, week_start))
    };
    let year = day.year();
    let found = (year - 1..=year + 1).rev().find_map(|year| Some((year, since(year).filter(|days| *days >= 0)?)));
    match found.map(|(year, days)| (days, since(year + 1))) {
        Some((days, Some(next))) => (days / 7 + 1, (days - next) / 7),
        // At the end of the calendar.
        _ => (0, 0),
    }
}

/// How many days a day comes after another one.
pub(super) fn days_since(day: Date, other: Date) -> i32 {
    i32::try_from(day.duration_since(other).as_hours() / 24).expect("less than eight million days")
}

/// How many days a day comes after the beginning of its week.
pub(super) fn since_week_start(day: Date, week_start: Weekday) -> i32 {
    day.weekday().since(week_start).into()
}
