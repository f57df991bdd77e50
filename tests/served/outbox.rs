//! What earlier processes have left to be sent.
use std::thread;

use prefect::Canceller;
use prefect::fake_slack::FakeSlack;
use prefect::schedule::DatesClock;
use prefect::store::{Listed, NotificationStatus};

use super::*;

#[task(state_handlers = [slack_notifier(only_states = [Failed])])]
fn fails() -> Result<u32, String> {
    Err("row 7 is broken".to_owned())
}

fn with_webhook(url: &str) -> Config {
    Config::builder().secret("SLACK_WEBHOOK_URL", url).build().unwrap()
}

/// Stops who serves, also if the test is broken.
struct Stops(Canceller);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[test]
fn who_serves_sends_it_though_no_run_begins() {
    let (folder, slack) = (Folder::new(), FakeSlack::start());
    let store = folder.store();
    let settings = RunSettings::new().clock(Clock::virtual_from(at(START))).store(store.clone());
    let failed = flow!("failed", {
        fails();
    });
    let run = failed.with(settings.config(with_webhook(&FakeSlack::refused_url()))).run();
    assert_eq!(run.notifications().left(), 1);
    drop(run);
    let once = DatesClock::new(["2999-01-01T00:00Z"]).unwrap();
    let flow = flow_of("watch", || unreachable!()).schedule(once);
    let flow = flow.with(RunSettings::new().config(with_webhook(&slack.webhook_url())));
    let stop = Canceller::new();
    let scheduler = Scheduler::new(store.clone()).flow(&flow).canceller(stop.clone());
    thread::scope(|scope| {
        let stops = Stops(stop);
        scope.spawn(|| scheduler.serve().unwrap());
        let received = slack.wait_for(1);
        assert!(received[0].body().contains("row 7 is broken"), "{}", received[0].body());
        // What is on its way is waited for.
        drop(stops);
    });
    let rows = store.notifications(Listed::All).unwrap();
    assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [NotificationStatus::Sent]);
}
