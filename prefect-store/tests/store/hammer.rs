//! Many processes on one file. `STORE_HAMMER_SECONDS=30` for longer.
use std::time::{Duration, Instant};

use prefect_store::{Options, Store, StoreUrl};

use crate::child::{self, Other, number, say};
use crate::support::*;

const PROCESSES: u64 = 8;

fn seconds() -> u64 {
    number("STORE_HAMMER_SECONDS").unwrap_or(3)
}

/// Records as fast as it can. An error of any kind is one too many: nothing is tried again.
pub fn child(url: &StoreUrl) {
    let options = Options::default().busy_timeout(Duration::from_secs(5)).keep_trying(Duration::ZERO);
    let store = Store::open(url, options).unwrap();
    let in_flight = number("STORE_IN_FLIGHT").unwrap();
    let end_at = Instant::now() + Duration::from_secs(seconds());
    let (mut done, mut longest) = (0_u64, Duration::ZERO);
    while Instant::now() < end_at {
        let run = store.begin(new_run("hammer")).unwrap();
        for round in 0..50 {
            let began = Instant::now();
            let indices = (0..in_flight as u32).map(|i| round * in_flight as u32 + i);
            record(&run, indices.flat_map(|i| [start(0, Some(i)), finish(0, Some(i))]).collect());
            longest = longest.max(began.elapsed());
            done += in_flight;
        }
        end(&run, S::SUCCESS);
    }
    say(format!("{done} {}", longest.as_millis()));
}

#[test]
fn eight_processes_and_never_locked() {
    for in_flight in [1, 16] {
        let place = Place::new();
        drop(place.open());
        let others: Vec<_> = (0..PROCESSES)
            .map(|_| {
                let mut command = child::command("hammers", &place);
                let other = Other::start(command.env("STORE_IN_FLIGHT", in_flight.to_string()));
                std::thread::spawn(|| other.end())
            })
            .collect();
        let (mut done, mut longest) = (0, 0);
        for other in others {
            let (said, well) = other.join().unwrap();
            assert!(well, "{said:?}");
            let (tasks, wait) = said[0].split_once(' ').unwrap();
            done += tasks.parse::<i64>().unwrap();
            longest = longest.max(wait.parse::<u64>().unwrap());
        }
        println!("{in_flight} in flight: {done} task runs in {} s, longest wait {longest} ms", seconds());
        assert_eq!(place.number("SELECT count(*) FROM task_runs WHERE state=33"), done);
        assert_eq!(place.number("SELECT count(*) FROM processes"), 0);
        assert_eq!(place.number("SELECT count(*) FROM transitions WHERE task_no >= 0"), 2 * done);
        check_file(&place.sql());
    }
}
