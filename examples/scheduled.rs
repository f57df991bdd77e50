//! A flow that runs every second, three times, after a look at what a real schedule would be.
use prefect::jiff::{SignedDuration, Timestamp};
use prefect::prelude::*;
use prefect::schedule::{CronClock, IntervalClock, Schedule, ScheduleError, filters};

#[task]
fn report() {
    println!("report for {}", context().scheduled_start_time().expect("in a run"));
}

fn main() -> Result<(), ScheduleError> {
    let mornings = CronClock::new("30 8 * * *")?.time_zone("Europe/London")?;
    let mornings = Schedule::new(mornings).filter(filters::is_weekday);
    for morning in mornings.next(3, Timestamp::now()) {
        println!("a weekday morning: {morning}");
    }

    let seconds = IntervalClock::new("1s")?.end_date(Timestamp::now() + SignedDuration::from_secs(3))?;
    let run = flow!("report", { report() }).schedule(seconds).run();
    println!("the last run: {}", run.state());
    Ok(())
}
