//! How much room runs take in a file.
use prefect_store::{Micros, RunFilter};

use crate::support::*;

#[test]
fn a_task_run_takes_less_than_200_bytes() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    drop((store.runs(&RunFilter::default()).unwrap(), ()));
    const TASKS: u32 = 20_000;
    for chunk in 0..TASKS / 1000 {
        let changes = (chunk * 1000..(chunk + 1) * 1000).flat_map(|i| {
            let mut changes = [start(0, Some(i)), finish(0, Some(i)).with_result(1, vec![b'7'; 47])];
            changes.iter_mut().for_each(|change| change.at = Micros(1_790_000_000_000_000));
            changes
        });
        record(&run, changes.collect());
    }
    end(&run, S::SUCCESS);
    drop((run, store));
    let bytes = std::fs::metadata(place.path()).unwrap().len() / u64::from(TASKS);
    assert!(bytes < 200, "{bytes} bytes");
}
