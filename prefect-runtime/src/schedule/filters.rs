//! Which moments of the clocks pass: functions of the moment in the time zone of its clock. Any function or closure
//! `Fn(&ZonedDateTime) -> bool` is a filter; these are Prefect's.
//!
//! ```
//! use prefect::jiff::civil::time;
//! use prefect::schedule::{IntervalClock, Schedule, filters};
//!
//! let schedule = Schedule::new(IntervalClock::new("1h").unwrap())
//!     .filter(filters::between_times(time(22, 0, 0, 0), time(1, 0, 0, 0)))
//!     .not_filter(|moment| moment.day() == 1);
//! let after: prefect::jiff::Timestamp = "2021-01-01T12:00:00Z".parse().unwrap();
//! let hours: Vec<_> = schedule.next(3, after).iter().map(|moment| (moment.day(), moment.hour())).collect();
//! assert_eq!(hours, [(2, 0), (2, 1), (2, 22)]);
//! ```
use jiff::ZonedDateTime;
use jiff::civil::{Time, Weekday};

use super::{IntoMoment, ScheduleError};

/// Monday to Friday.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// assert!(filters::is_weekday(&"2026-01-02".into_moment().unwrap()));
/// assert!(!filters::is_weekday(&"2026-01-03".into_moment().unwrap()));
/// ```
#[must_use]
pub fn is_weekday(moment: &ZonedDateTime) -> bool {
    !is_weekend(moment)
}

/// Saturday and Sunday.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// assert!(filters::is_weekend(&"2026-01-03".into_moment().unwrap()));
/// assert!(!filters::is_weekend(&"2026-01-05".into_moment().unwrap()));
/// ```
#[must_use]
pub fn is_weekend(moment: &ZonedDateTime) -> bool {
    matches!(moment.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// This day of the week.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// use prefect::jiff::civil::Weekday;
///
/// let mondays = filters::is_day_of_week(Weekday::Monday);
/// assert!(mondays(&"2026-01-05".into_moment().unwrap()) && !mondays(&"2026-01-06".into_moment().unwrap()));
/// ```
pub fn is_day_of_week(day: Weekday) -> impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static {
    move |moment| moment.weekday() == day
}

/// The first day of a month.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// assert!(filters::is_month_start(&"2026-02-01T12:00Z".into_moment().unwrap()));
/// assert!(!filters::is_month_start(&"2026-02-02".into_moment().unwrap()));
/// ```
#[must_use]
pub fn is_month_start(moment: &ZonedDateTime) -> bool {
    moment.day() == 1
}

/// The last day of a month.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// assert!(filters::is_month_end(&"2026-02-28".into_moment().unwrap()));
/// assert!(!filters::is_month_end(&"2028-02-28".into_moment().unwrap()));
/// ```
#[must_use]
pub fn is_month_end(moment: &ZonedDateTime) -> bool {
    moment.day() == moment.days_in_month()
}

/// This moment alone.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// let one = filters::on_datetime("2026-01-01T12:00Z").unwrap();
/// assert!(one(&"2026-01-01T13:00[Europe/Paris]".into_moment().unwrap()));
/// assert!(!one(&"2026-01-01T13:00Z".into_moment().unwrap()));
/// ```
///
/// # Errors
/// If a text is no moment, or its time zone does not exist.
pub fn on_datetime(
    moment: impl IntoMoment,
) -> Result<impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static, ScheduleError> {
    let wanted = moment.into_moment()?.timestamp();
    Ok(move |moment: &ZonedDateTime| moment.timestamp() == wanted)
}

/// From one moment to another, both included.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// let january = filters::between_datetimes("2026-01-01", "2026-01-31T23:59").unwrap();
/// assert!(january(&"2026-01-01".into_moment().unwrap()) && !january(&"2027-01-01".into_moment().unwrap()));
/// ```
///
/// # Errors
/// If a text is no moment, or its time zone does not exist.
pub fn between_datetimes(
    start: impl IntoMoment,
    end: impl IntoMoment,
) -> Result<impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static, ScheduleError> {
    let range = start.into_moment()?.timestamp()..=end.into_moment()?.timestamp();
    Ok(move |moment: &ZonedDateTime| range.contains(&moment.timestamp()))
}

/// This day of each year: month (from 1), day (from 1).
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// let christmas = filters::on_date(12, 25);
/// assert!(christmas(&"2026-12-25T09:00Z".into_moment().unwrap()));
/// assert!(!christmas(&"2026-12-26".into_moment().unwrap()));
/// ```
pub fn on_date(month: i8, day: i8) -> impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static {
    move |moment| (moment.month(), moment.day()) == (month, day)
}

/// From one day of each year to another, both included: months and days from 1. If the second comes first in the year,
/// it is meant across New Year.
///
/// ```
/// use prefect::schedule::{CronClock, Schedule, filters};
///
/// let winter = Schedule::new(CronClock::new("@monthly").unwrap()).filter(filters::between_dates(10, 15, 2, 28));
/// let after: prefect::jiff::Timestamp = "2021-01-15T00:00:00Z".parse().unwrap();
/// assert_eq!(winter.next(3, after).iter().map(|moment| moment.month()).collect::<Vec<_>>(), [2, 11, 12]);
/// ```
pub fn between_dates(
    start_month: i8,
    start_day: i8,
    end_month: i8,
    end_day: i8,
) -> impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static {
    let (start, end) = ((start_month, start_day), (end_month, end_day));
    move |moment| between(start, end, (moment.month(), moment.day()))
}

/// This time of the day, to the nanosecond.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// let nine = filters::at_time(prefect::jiff::civil::time(9, 0, 0, 0));
/// assert!(nine(&"2026-01-01T09:00[Asia/Tokyo]".into_moment().unwrap()));
/// assert!(!nine(&"2026-01-01T09:00:01Z".into_moment().unwrap()));
/// ```
pub fn at_time(time: Time) -> impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static {
    move |moment| moment.time() == time
}

/// From one time of the day to another, both included. If the second is the earlier one, it is meant across midnight.
///
/// ```
/// use prefect::schedule::{IntoMoment, filters};
///
/// use prefect::jiff::civil::time;
///
/// let night = filters::between_times(time(22, 0, 0, 0), time(6, 0, 0, 0));
/// assert!(night(&"2026-01-01T06:00Z".into_moment().unwrap()) && !night(&"2026-01-01T06:01Z".into_moment().unwrap()));
/// ```
pub fn between_times(start: Time, end: Time) -> impl Fn(&ZonedDateTime) -> bool + Send + Sync + 'static {
    move |moment| between(start, end, moment.time())
}

/// Whether something lies between two others in a circle.
fn between<T: Ord + Copy>(start: T, end: T, what: T) -> bool {
    if start <= end { start <= what && what <= end } else { start <= what || what <= end }
}
