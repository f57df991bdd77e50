//! Schedules: what Prefect 1 recorded, clocks against a slow oracle through the changes of clocks, mistakes, flows that
//! follow them.
mod changes;
mod mistakes;
mod oracle;
mod random;
mod rrules;
mod runs;

use prefect::jiff::{Timestamp, ZonedDateTime};

/// The moments as `2021-03-14T03:30:00-04:00`.
fn shown(moments: &[ZonedDateTime]) -> Vec<String> {
    moments.iter().map(|moment| moment.strftime("%FT%T%:z").to_string()).collect()
}

#[track_caller]
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
