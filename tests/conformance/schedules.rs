//! Records of the next moments of schedules, each described in words.
use prefect::jiff::Timestamp;
use prefect::jiff::civil::time;
use prefect::schedule::{CronClock, DatesClock, IntervalClock, Schedule, ScheduleError, adjustments, filters};
use serde_json::{Value as Json, json};

use crate::compare;

/// The first difference from the recorded moments, or the schedule that is not known here.
pub(crate) fn difference(recorded: &Json) -> Result<Option<String>, String> {
    for entry in recorded.as_array().into_iter().flatten() {
        let what = entry["what"].as_str().unwrap_or_default();
        let seen = match schedule(what).ok_or_else(|| format!("the schedule {what}"))? {
            Ok(schedule) => moments(&schedule, entry)?,
            Err(error) => refused(&error, entry),
        };
        if let Some(difference) = compare::json(what, entry, &seen) {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

/// The entry, with what the schedule gives: one moment more than is on record is asked for where the schedule has an end.
fn moments(schedule: &Schedule, entry: &Json) -> Result<Json, String> {
    let recorded = entry["value"].as_array().ok_or("an entry without moments")?;
    let after: Timestamp = entry["after"].as_str().and_then(|after| after.parse().ok()).ok_or("`after`")?;
    let ends = entry["what"].as_str().is_some_and(|what| what.contains("until") || what == "dates clock");
    let next = schedule.next(recorded.len() + usize::from(ends), after);
    let shown = |moment: &prefect::jiff::ZonedDateTime| moment.strftime("%FT%T%:z").to_string();
    Ok(json!({ "what": entry["what"], "after": entry["after"], "value": next.iter().map(shown).collect::<Vec<_>>() }))
}

/// The recorded message; ours may go on with what exactly is wrong.
fn refused(error: &ScheduleError, entry: &Json) -> Json {
    let text = error.to_string();
    let recorded = entry["message"].as_str().unwrap_or_default();
    let rest = text.strip_prefix(recorded).filter(|rest| rest.is_empty() || rest.starts_with(": "));
    let message = if rest.is_some() { recorded } else { &text };
    json!({ "what": entry["what"], "error": "ValueError", "message": message })
}

/// The schedule that is described.
fn schedule(what: &str) -> Option<Result<Schedule, ScheduleError>> {
    described(what).transpose()
}

fn described(what: &str) -> Result<Option<Schedule>, ScheduleError> {
    let hours = |n: u64| IntervalClock::new(std::time::Duration::from_hours(n));
    let days = |n: u64| hours(n * 24);
    let cron = CronClock::new;
    Ok(Some(match what {
        "interval 1 hour, no start date (anchored at 2019-01-01T00:00:00Z)" => hours(1)?.into(),
        "interval 7 hours, no start date" => hours(7)?.into(),
        "interval 1 day from 2021-01-01T12:00Z, after equal to the start: the start is not repeated" => {
            days(1)?.start_date("2021-01-01T12:00Z")?.into()
        }
        "interval 1 day from 2021-01-05T06:00Z" => days(1)?.start_date("2021-01-05T06:00Z")?.into(),
        "interval 1 day until 2021-01-03T00:00Z" => days(1)?.end_date("2021-01-03T00:00Z")?.into(),
        "interval 1 day from 2021-03-12T09:00 in America/New_York across a clock change" => {
            days(1)?.start_date("2021-03-12T09:00[America/New_York]")?.into()
        }
        "interval 1 hour in America/New_York across a clock change" => hours(1)?.time_zone("America/New_York")?.into(),
        "cron 0 12 * * *, after exactly noon: noon itself is not repeated" => cron("0 12 * * *")?.into(),
        "cron 0 0 13 * 5 (day of month or day of week)" => cron("0 0 13 * 5")?.into(),
        "cron 0 0 13 * 5 with day_or=False" => cron("0 0 13 * 5")?.day_and().into(),
        "cron 0 9 * * * with start date 2021-01-03T00:00Z" => {
            cron("0 9 * * *")?.start_date("2021-01-03T00:00Z")?.into()
        }
        "dates clock" => DatesClock::new(["2021-01-03", "2021-01-02"])?.into(),
        "two clocks merged, equal moments once" => Schedule::new(hours(2)?).clock(hours(3)?),
        "two clocks with different parameter defaults at equal moments are both kept" => {
            Schedule::new(hours(6)?.parameter_default("p", 1)).clock(hours(6)?.parameter_default("p", 2))
        }
        "daily, filter is_weekday" => Schedule::new(days(1)?).filter(filters::is_weekday),
        "daily, not_filters is_weekend, or_filters first of month or day 5" => Schedule::new(days(1)?)
            .not_filter(filters::is_weekend)
            .or_filter(filters::is_month_start)
            .or_filter(|moment| moment.day() == 5),
        "hourly, between_times 22:00 and 01:00 (wraps midnight)" => {
            Schedule::new(hours(1)?).filter(filters::between_times(time(22, 0, 0, 0), time(1, 0, 0, 0)))
        }
        "daily, adjustment next_weekday (duplicates stay)" => {
            Schedule::new(days(1)?).adjustment(adjustments::next_weekday)
        }
        "daily, filter is_month_end, adjustment add 1 hour" => Schedule::new(days(1)?)
            .filter(filters::is_month_end)
            .adjustment(adjustments::add(std::time::Duration::from_hours(1))),
        "interval 0" => hours(0)?.into(),
        "cron with an invalid text" => cron("nope")?.into(),
        // `cron ` and the text.
        other => match other.strip_prefix("cron ") {
            Some(text) if text.split(' ').count() == 5 => cron(text)?.into(),
            _ => return Ok(None),
        },
    }))
}
