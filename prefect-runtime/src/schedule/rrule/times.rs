//! The local times of a rule, from a start on.
use std::sync::OnceLock;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};

use super::super::wall::LocalTimes;
use super::days::{days_since, has_day, since_week_start};
use super::text::{End, Frequency, RuleText};

/// The calendar repeats itself after this many years: what does not come by then never does.
const YEARS: i16 = 400;
/// A rule that comes round rarely is looked at this often.
const ROUNDS: i64 = 200_000;
/// Within days a rule is looked at this often: its interval may never meet its hours, minutes and seconds.
const LOOKS: u32 = 2_000_000;
const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// A rule with its start.
#[derive(Clone, Debug)]
pub(super) struct Times {
    pub(super) rule: RuleText,
    start: DateTime,
    /// Its times on each of its days, if it does not come round within the day.
    of_day: Vec<Time>,
    /// The last time of a rule that counts.
    last: OnceLock<Option<DateTime>>,
}

impl Times {
    /// The rule from this local time on; parts of a second are none of its business.
    /// Where it begins.
    #[cfg(feature = "store")]
    pub(super) fn start(&self) -> DateTime {
        self.start
    }

    pub(super) fn new(rule: RuleText, start: DateTime) -> Self {
        let whole = start
            .date()
            .to_datetime(Time::new(start.hour(), start.minute(), start.second(), 0).expect("the time of a day"));
        let start = if whole < start { whole.saturating_add(1.second()) } else { whole };
        let of_day = if rule.frequency >= Frequency::Daily { times_of_day(&rule, start.time()) } else { Vec::new() };
        Self { rule, start, of_day, last: OnceLock::new() }
    }

    /// The first time, from this one on, whatever the rule's end is.
    fn unending(&self, from: DateTime) -> Option<DateTime> {
        let from = from.max(self.start);
        match self.rule.frequency {
            Frequency::Secondly | Frequency::Minutely | Frequency::Hourly => self.within_days(from),
            _ => self.in_rounds(from),
        }
    }

    /// Of a rule that comes round within the day.
    fn within_days(&self, from: DateTime) -> Option<DateTime> {
        let last_year = from.year().saturating_add(YEARS);
        let mut looks = LOOKS;
        let mut date = from.date();
        let mut second = second_of(from.time());
        if from.time().subsec_nanosecond() > 0 {
            second += 1;
        }
        while date.year() <= last_year && looks > 0 {
            if has_day(&self.rule, self.start.date(), date)
                && let Some(second) = self.second_from(date, second, &mut looks)
            {
                return Some(date.at(0, 0, 0, 0) + second.seconds());
            }
            date = date.tomorrow().ok()?;
            second = 0;
        }
        None
    }

    /// The first second of a day, from this one on.
    fn second_from(&self, date: Date, mut second: i64, looks: &mut u32) -> Option<i64> {
        let day = i64::from(days_since(date, self.start.date())) * SECONDS_OF_DAY;
        let start = self.start.time();
        let rule = &self.rule;
        let unit = match rule.frequency {
            Frequency::Secondly => 1,
            Frequency::Minutely => 60,
            _ => 3600,
        };
        // Smaller units are given, or those of the start.
        let has = |list: &[i32], value: i64, of_start: i8, open: bool| match list {
            [] => open || value == i64::from(of_start),
            list => list.iter().any(|item| i64::from(*item) == value),
        };
        while second < SECONDS_OF_DAY {
            *looks = looks.checked_sub(1)?;
            // In whole units since the start, which is one of the times that the rule comes round.
            let round = (day + second).div_euclid(unit) - second_of(start).div_euclid(unit);
            let off = round.rem_euclid(rule.interval);
            if off != 0 {
                let skip = (rule.interval - off).checked_mul(unit)?;
                second = (second - second.rem_euclid(unit)).checked_add(skip)?;
                continue;
            }
            let (hour, minute) = (second / 3600, second / 60 % 60);
            if !has(&rule.hours, hour, 0, true) {
                second = (hour + 1) * 3600;
            } else if !has(&rule.minutes, minute, start.minute(), unit <= 60) {
                second = (second / 60 + 1) * 60;
            } else if !has(&rule.seconds, second % 60, start.second(), unit == 1) {
                second += 1;
            } else {
                return Some(second);
            }
        }
        None
    }

    /// Of a rule that comes round each day, week, month or year, or more rarely.
    fn in_rounds(&self, from: DateTime) -> Option<DateTime> {
        let interval = self.rule.interval;
        let passed = self.round_of(from.date()) - self.round_of(self.start.date());
        let first = passed.div_euclid(interval);
        let last_year = i64::from(from.year()) + i64::from(YEARS).max(interval.saturating_mul(100));
        for i in first..first.checked_add(ROUNDS)? {
            let (begin, end) = self.days_of(self.round_of(self.start.date()).checked_add(i.checked_mul(interval)?)?)?;
            if i64::from(begin.year()) > last_year {
                return None;
            }
            let found = match self.rule.positions.as_slice() {
                [] => self.times_of(begin, end, from).next(),
                positions => self.at_positions(positions, begin, end).into_iter().find(|time| *time >= from),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The number of the round that a day is in, from somewhere on.
    fn round_of(&self, day: Date) -> i64 {
        match self.rule.frequency {
            Frequency::Yearly => day.year().into(),
            Frequency::Monthly => i64::from(day.year()) * 12 + i64::from(day.month()) - 1,
            Frequency::Weekly => {
                let since = i64::from(days_since(day, Date::ZERO) - since_week_start(day, self.rule.week_start));
                // The beginnings of weeks all have the same rest.
                since.div_euclid(7)
            }
            _ => days_since(day, Date::ZERO).into(),
        }
    }

    /// The first and the last day of a round; `None` beyond the calendar.
    fn days_of(&self, round: i64) -> Option<(Date, Date)> {
        let after = |start: Date, days: i64| start.checked_add(jiff::Span::new().try_days(days).ok()?).ok();
        match self.rule.frequency {
            Frequency::Yearly => {
                let begin = Date::new(i16::try_from(round).ok()?, 1, 1).ok()?;
                Some((begin, begin.last_of_year()))
            }
            Frequency::Monthly => {
                let year = i16::try_from(round.div_euclid(12)).ok()?;
                let begin = Date::new(year, i8::try_from(round.rem_euclid(12) + 1).ok()?, 1).ok()?;
                Some((begin, begin.last_of_month()))
            }
            Frequency::Weekly => {
                let rest = i64::from(7 - since_week_start(Date::ZERO, self.rule.week_start)) % 7;
                let begin = after(Date::ZERO, round.checked_mul(7)?.checked_add(rest)?)?;
                Some((begin, after(begin, 6)?))
            }
            _ => after(Date::ZERO, round).map(|day| (day, day)),
        }
    }

    /// The times of a round, from this one on.
    fn times_of(&self, begin: Date, end: Date, from: DateTime) -> impl Iterator<Item = DateTime> {
        let days = std::iter::successors(Some(begin.max(from.date())), |day| day.tomorrow().ok());
        let days = days.take_while(move |day| *day <= end);
        let days = days.filter(|day| has_day(&self.rule, self.start.date(), *day));
        days.flat_map(|day| self.of_day.iter().map(move |time| day.to_datetime(*time)))
            .filter(move |time| *time >= from)
    }

    /// Those of the times of a round that stand at these places: from 1 on, or from -1 back.
    fn at_positions(&self, positions: &[i32], begin: Date, end: Date) -> Vec<DateTime> {
        let all: Vec<_> = self.times_of(begin, end, begin.to_datetime(Time::midnight())).collect();
        let mut found: Vec<_> = positions
            .iter()
            .filter_map(|position| {
                let place = usize::try_from(position.unsigned_abs()).ok()?;
                let at = if *position > 0 { place - 1 } else { all.len().checked_sub(place)? };
                all.get(at).copied()
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// The last time of a rule that counts, found once.
    fn last(&self, count: u32) -> Option<DateTime> {
        *self.last.get_or_init(|| {
            let mut last = None;
            let mut from = self.start;
            for _ in 0..count {
                let Some(next) = self.unending(from) else { break };
                last = Some(next);
                let Ok(after) = next.checked_add(1.second()) else { break };
                from = after;
            }
            last
        })
    }
}

impl LocalTimes for Times {
    fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let found = self.unending(from)?;
        match self.rule.end {
            End::Count(count) => self.last(count).filter(|last| found <= *last).map(|_| found),
            End::Until(until) => (found <= until).then_some(found),
            // Of a moment, and not of a local time: see `RRuleClock`.
            End::Never | End::UntilUtc(_) => Some(found),
        }
    }
}

fn times_of_day(rule: &RuleText, start: Time) -> Vec<Time> {
    let or = |list: &[i32], of_start: i8| match list {
        [] => vec![of_start],
        list => list.iter().filter_map(|value| i8::try_from(*value).ok()).collect(),
    };
    let (hours, minutes, seconds) =
        (or(&rule.hours, start.hour()), or(&rule.minutes, start.minute()), or(&rule.seconds, start.second()));
    let mut times = Vec::new();
    for hour in &hours {
        for minute in &minutes {
            times.extend(seconds.iter().filter_map(|second| Time::new(*hour, *minute, *second, 0).ok()));
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}

fn second_of(time: Time) -> i64 {
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}
