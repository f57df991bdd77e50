//! A write-ahead log that was cut: what a disk may have of it after the machine has lost its power.
use std::fs;

use prefect_store::{Options, Parked, Store, StoreError, StoreUrl};

use crate::support::*;

const PAIRS: u32 = 60;

/// A store in the middle of its work, and copies of its files.
fn in_use() -> (Place, prefect_store::OwnedRun) {
    let place = Place::in_memory();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    for task in 0..PAIRS {
        record(&run, vec![start(task, None), finish(task, None).with_result(1, vec![task as u8; 300])]);
    }
    (place, run)
}

/// The database, with so much of its log.
fn cut(place: &Place, log: usize) -> Place {
    let copy = Place::in_memory();
    fs::copy(place.path(), copy.path()).unwrap();
    let bytes = fs::read(place.folder().join("runs.db-wal")).unwrap();
    fs::write(copy.folder().join("runs.db-wal"), &bytes[..log]).unwrap();
    copy
}

fn log_size(place: &Place) -> usize {
    fs::metadata(place.folder().join("runs.db-wal")).unwrap().len() as usize
}

/// What is left is what was true at some moment; and the run goes on from there.
#[test]
fn what_is_left_of_a_cut_log_is_a_beginning_of_what_happened() {
    let (place, run) = in_use();
    let mut random = Random::new();
    let size = log_size(&place);
    let mut lengths: Vec<usize> = (0..60).map(|_| random.below(size as u64 + 1) as usize).collect();
    lengths.extend([0, 1, 31, 32, 33, size - 1, size]);
    lengths.sort_unstable();
    let mut before = 0;
    for length in lengths {
        let copy = cut(&place, length);
        let store = copy.open();
        let runs = store.runs(&prefect_store::RunFilter::default()).unwrap();
        let Some(row) = runs.first() else {
            assert_eq!(before, 0, "{length} of {size} bytes");
            continue;
        };
        check(&copy.sql());
        assert!(row.n_ok >= before && row.n_ok <= u64::from(PAIRS), "{} behind {before}, {length} bytes", row.n_ok);
        before = row.n_ok;
        if length == size {
            assert_eq!(row.n_ok, u64::from(PAIRS), "nothing that was committed is lost");
        }
        // Its owner is alive, but on the other copy: here the lease would decide.
        copy.sql().execute_batch("UPDATE processes SET lease_until=0, host='gone'").unwrap();
        store.reap().unwrap();
        let row = store.run("one").unwrap();
        let taken = store.claim(&row, Parked::Refuse).unwrap();
        for task in row.n_ok as u32..PAIRS {
            record(&taken, vec![start(task, None), finish(task, None)]);
        }
        end(&taken, S::SUCCESS);
        assert_eq!(store.run("one").unwrap().n_ok, u64::from(PAIRS));
        check(&copy.sql());
    }
    drop(run);
}

/// A part of the log was copied into the database already: what is cut then is damage, which is an error or, if the damage
/// cannot be seen, nothing worse.
#[test]
fn a_log_that_is_cut_where_it_was_copied_is_an_error_and_no_panic() {
    let (place, run) = in_use();
    let moved: i64 = place.sql().query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2)).unwrap();
    assert!(moved > 0);
    let size = log_size(&place);
    let mut refused = 0;
    for length in (0..size).step_by(size / 50) {
        let copy = cut(&place, length);
        // The pages of the database are of different moments, if the log that has the rest is gone.
        let file = fs::OpenOptions::new().write(true).open(copy.path()).unwrap();
        file.set_len(4096 * (4 + length as u64 % 7)).unwrap();
        drop(file);
        let looked = Store::open(&StoreUrl::sqlite(copy.path()), Options::default())
            .and_then(|store| store.check().map(|checkup| (checkup, store.runs(&prefect_store::RunFilter::default()))));
        match looked {
            Ok((checkup, Ok(_))) if checkup.damage.is_empty() => {}
            Ok(_) => refused += 1,
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt { .. } | StoreError::Foreign(_)), "{error:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "nothing was damaged");
    drop(run);
}
