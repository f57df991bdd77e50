//! A schedule in words: what is told of it, and what tells it from the one that it was before the program was changed.
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, ZonedDateTime};

use super::Schedule;
use crate::plain::counted;

impl Schedule {
    /// `cron "0 9 * * *" (Europe/London), with 1 filter`
    pub(crate) fn description(&self) -> String {
        let clocks: Vec<_> = self.clocks.iter().map(super::ScheduleClock::description).collect();
        let mut text = clocks.join(" and ");
        let filters = self.filters.len() + self.or_filters.len() + self.not_filters.len();
        let parts = [(filters, "filter"), (self.adjustments.len(), "adjustment")];
        for (i, (n, what)) in parts.into_iter().filter(|(n, _)| *n > 0).enumerate() {
            let _ = write!(text, "{} {}", if i == 0 { ", with" } else { " and" }, counted(n, what));
        }
        text
    }
}

/// ` (Europe/London)`; nothing for UTC.
pub(super) fn in_zone(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some("UTC") => String::new(),
        Some(name) => format!(" ({name})"),
        None if *zone == TimeZone::UTC => String::new(),
        None => zone.to_fixed_offset().map_or_else(|_| String::new(), |offset| format!(" ({offset})")),
    }
}

/// ` from 2026-01-01T09:00:00`, in the time zone of the clock.
pub(super) fn from(start: &ZonedDateTime) -> String {
    format!(" from {}", start.datetime())
}

/// `every 1h 30m`
pub(super) fn every(nanos: i128) -> String {
    SignedDuration::try_from_nanos_i128(nanos)
        .map_or_else(|| "very seldom".to_owned(), |time| format!("every {time:#}"))
}

/// ` until 2026-02-01T00:00:00Z`
pub(super) fn until(end: Option<jiff::Timestamp>) -> String {
    end.map_or_else(String::new, |end| format!(" until {end}"))
}

#[cfg(test)]
mod tests {
    use crate::schedule::{CronClock, DatesClock, IntervalClock, Schedule, adjustments, filters};

    #[test]
    fn a_schedule_is_told_in_words() {
        let cron = CronClock::new("0 9 * * 1-5").unwrap();
        let says = |schedule: Schedule| schedule.description();
        assert_eq!(says(cron.clone().into()), "cron \"0 9 * * 1-5\"");
        let london = cron.time_zone("Europe/London").unwrap().end_date("2026-02-01").unwrap();
        let filtered = Schedule::new(london)
            .filter(filters::is_weekday)
            .not_filter(filters::is_month_end)
            .adjustment(adjustments::next_weekday);
        assert_eq!(
            says(filtered),
            "cron \"0 9 * * 1-5\" (Europe/London) until 2026-02-01T00:00:00Z, with 2 filters and 1 adjustment"
        );
        let clocks = Schedule::new(IntervalClock::new("90m").unwrap())
            .clock(IntervalClock::new("2d").unwrap().start_date("2026-01-01T09:00[Europe/Paris]").unwrap())
            .clock(DatesClock::new(["2026-01-03", "2026-01-02"]).unwrap());
        assert_eq!(
            says(clocks),
            "every 1h 30m and every 2 days from 2026-01-01T09:00:00 (Europe/Paris) and 2 dates from 2026-01-02T00:00:00+00:00[UTC] to 2026-01-03T00:00:00+00:00[UTC]"
        );
        assert_eq!(says(IntervalClock::new("200ms").unwrap().into()), "every 200ms");
        assert_eq!(
            says(CronClock::new("@daily").unwrap().start_date("2026-01-01T00:00+05:30").unwrap().into()),
            "cron \"@daily\" (+05:30) from 2025-12-31T18:30:00Z"
        );
    }
}
