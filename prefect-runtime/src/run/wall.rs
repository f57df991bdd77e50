//! What the wall shows, and waiting for it: a schedule means the time that is set, and not time that passes.
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use crate::Clock;

/// How long at most nobody looks at the wall.
const STEP: Duration = Duration::from_secs(1);

/// The wall time, also after somebody has set it: what [`Clock::timestamp`] counts from does not move.
pub(crate) fn now(clock: &Clock) -> Timestamp {
    if clock.is_virtual() { clock.timestamp() } else { Timestamp::now() }
}

/// Holds up this thread until the wall shows this moment, however it gets there: it may be set forward or back, and the
/// machine may sleep. Ends with `false` if it is asked in vain whether to go on waiting.
pub(super) fn wait(clock: &Clock, moment: Timestamp, go_on: impl Fn() -> bool) -> bool {
    if clock.is_virtual() {
        clock.block_until(clock.tick_of(moment));
        return true;
    }
    wait_for(moment, Timestamp::now, thread::sleep, go_on)
}

/// Waits in short steps, and looks at the wall after each.
fn wait_for(
    moment: Timestamp,
    now: impl Fn() -> Timestamp,
    sleep: impl Fn(Duration),
    go_on: impl Fn() -> bool,
) -> bool {
    while let Some(left) = Duration::try_from(moment.duration_since(now())).ok().filter(|left| !left.is_zero()) {
        if !go_on() {
            return false;
        }
        sleep(left.min(STEP));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The moments at which somebody looked at a wall that is set by this many seconds in the third second.
    fn looked(set: i64) -> (bool, usize, i64) {
        let (looks, wall) = (Cell::new(0), Cell::new(Timestamp::UNIX_EPOCH));
        let moment = Timestamp::from_second(10).unwrap();
        let sleep = |time: Duration| {
            looks.set(looks.get() + 1);
            let jump = if looks.get() == 3 { set } else { 0 };
            wall.set(wall.get() + time + jiff::SignedDuration::from_secs(jump));
        };
        let reached = wait_for(moment, || wall.get(), sleep, || looks.get() < 100);
        (reached, looks.get(), wall.get().as_second())
    }

    #[test]
    fn a_moment_comes_when_the_wall_shows_it() {
        assert_eq!(looked(0), (true, 10, 10));
        assert_eq!(looked(5), (true, 5, 10));
        assert_eq!(looked(-5), (true, 15, 10));
        assert_eq!(looked(3600), (true, 3, 3603));
        assert_eq!(looked(-3600), (false, 100, -3500));
    }
}
