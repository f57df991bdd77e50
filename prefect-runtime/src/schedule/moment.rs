//! Moments and time zones as people write them.
use jiff::fmt::temporal::Pieces;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ZonedDateTime};

use super::{ScheduleError, ScheduleErrorKind};
use crate::near::nearest;

/// What is taken where a moment is asked for: a [`ZonedDateTime`], a [`Timestamp`] (in UTC), or a text such as
/// `2026-03-12T09:00[America/New_York]`, `2026-03-12T09:00-05:00`, `2026-03-12T09:00Z` or `2026-03-12`. A text that
/// names no zone and no offset is in UTC.
///
/// ```
/// use prefect::schedule::IntoMoment;
///
/// let moment = "2026-07-01T09:00[America/New_York]".into_moment().unwrap();
/// assert_eq!(moment.to_string(), "2026-07-01T09:00:00-04:00[America/New_York]");
/// assert_eq!("2026-07-01".into_moment().unwrap().to_string(), "2026-07-01T00:00:00+00:00[UTC]");
/// let error = "2026-07-01T09:00[America/New_Yorck]".into_moment().unwrap_err();
/// assert!(error.to_string().contains("did you mean `America/New_York`?"), "{error}");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a moment",
    label = "expected a text such as `\"2026-03-12T09:00[America/New_York]\"`, a `ZonedDateTime` or a `Timestamp`"
)]
pub trait IntoMoment {
    /// The moment, in its time zone.
    ///
    /// # Errors
    /// If a text is none, or its time zone does not exist.
    fn into_moment(self) -> Result<ZonedDateTime, ScheduleError>;
}

#[diagnostic::do_not_recommend]
impl IntoMoment for ZonedDateTime {
    fn into_moment(self) -> Result<ZonedDateTime, ScheduleError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl IntoMoment for &ZonedDateTime {
    fn into_moment(self) -> Result<ZonedDateTime, ScheduleError> {
        Ok(self.clone())
    }
}

#[diagnostic::do_not_recommend]
impl IntoMoment for Timestamp {
    fn into_moment(self) -> Result<ZonedDateTime, ScheduleError> {
        Ok(self.to_zoned_datetime(TimeZone::UTC))
    }
}

#[diagnostic::do_not_recommend]
impl IntoMoment for &String {
    fn into_moment(self) -> Result<ZonedDateTime, ScheduleError> {
        self.as_str().into_moment()
    }
}

#[diagnostic::do_not_recommend]
impl IntoMoment for &str {
    fn into_moment(self) -> Result<ZonedDateTime, ScheduleError> {
        let wrong = |error: jiff::Error| {
            ScheduleError::new(
                ScheduleErrorKind::Moment,
                format!("`{self}` is no moment: {error}; write it as 2026-03-12T09:00[America/New_York]"),
            )
        };
        let pieces = Pieces::parse(self).map_err(wrong)?;
        if let Some(annotation) = pieces.time_zone_annotation() {
            if let jiff::fmt::temporal::TimeZoneAnnotationKind::Named(name) = annotation.kind() {
                // Looked for first: the error of a zone says more than that of a moment.
                time_zone(name.as_str())?;
            }
            return self.parse().map_err(wrong);
        }
        let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
        let zone = match pieces.to_numeric_offset() {
            Some(offset) if offset.seconds() != 0 => TimeZone::fixed(offset),
            _ => TimeZone::UTC,
        };
        local.to_zoned_datetime(zone).map_err(wrong)
    }
}

/// The time zone of this name.
pub(super) fn time_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    time_zone_in(jiff::tz::db(), name)
}

fn time_zone_in(database: &TimeZoneDatabase, name: &str) -> Result<TimeZone, ScheduleError> {
    let error = match database.get(name) {
        Ok(zone) => return Ok(zone),
        Err(error) => error,
    };
    if name.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    let message = if database.is_definitively_empty() {
        format!(
            "time zone `{name}`: this machine has no time zone database: install it (the package is named `tzdata`), or \
             set the environment variable TZDIR to the folder that it lies in"
        )
    } else {
        let names: Vec<_> = database.available().map(|name| name.to_string()).collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => format!("there is no time zone `{name}`: did you mean `{meant}`?"),
            None => format!("there is no time zone `{name}`: {error}"),
        }
    };
    Err(ScheduleError::new(ScheduleErrorKind::TimeZone, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_database_is_told_what_to_install() {
        let none = TimeZoneDatabase::none();
        let error = time_zone_in(&none, "Europe/London").unwrap_err();
        assert_eq!(error.kind(), ScheduleErrorKind::TimeZone);
        let text = error.to_string();
        assert!(text.contains("Europe/London") && text.contains("tzdata") && text.contains("TZDIR"), "{text}");
        assert_eq!(time_zone_in(&none, "UTC").unwrap(), TimeZone::UTC);
    }
}
