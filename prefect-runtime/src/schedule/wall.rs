//! From local times to moments, through the changes of clocks.
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

const BIT: SignedDuration = SignedDuration::from_nanos(1);

/// Local times: what a clock tells that follows the wall.
pub(super) trait LocalTimes {
    /// The first one, from this one on.
    fn first_from(&self, from: DateTime) -> Option<DateTime>;
}

/// The first moment after this one.
///
/// A local time that is left out, because the clocks go forward, comes as much later as they go; one that is there twice
/// counts the first time.
pub(super) fn next_after(times: &impl LocalTimes, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let next_moment = after.checked_add(BIT).ok()?;
    let mut from = zone.to_datetime(next_moment);
    let mut shifted = None;
    // The last change of the clocks, one at that very moment included.
    if let Some(change) = zone.preceding(next_moment.checked_add(BIT).ok()?).next() {
        let change = change.timestamp();
        let before = zone.to_offset(change.checked_sub(BIT).ok()?);
        let [old, new] = [before.to_datetime(change), zone.to_datetime(change)];
        // By the time before the change, what was left out comes at its own distance from it.
        let unchanged = before.to_datetime(next_moment);
        if old > new {
            // What the wall showed before it was set back does not come again.
            from = from.max(old);
        } else if unchanged < new {
            let left_out = times.first_from(unchanged.max(old)).filter(|time| *time < new);
            shifted = left_out.and_then(|time| before.to_timestamp(time).ok());
        }
    }
    let regular = times.first_from(from).and_then(|time| moment_of(times, zone, time));
    shifted.into_iter().chain(regular).min()
}

/// The moment of the first local time, or an earlier one: a time that is left out comes late, so that a later time on the
/// wall may come before it.
fn moment_of(times: &impl LocalTimes, zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    let before = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => return offset.to_timestamp(time).ok(),
        AmbiguousOffset::Fold { before, .. } => return before.to_timestamp(time).ok(),
        AmbiguousOffset::Gap { before, .. } => before,
    };
    let late = before.to_timestamp(time).ok()?;
    let change = zone.preceding(late.checked_add(BIT).ok()?).next()?;
    let other = times
        .first_from(zone.to_datetime(change.timestamp()))
        .and_then(|time| zone.to_ambiguous_timestamp(time).compatible().ok());
    Some(other.map_or(late, |other| other.min(late)))
}
