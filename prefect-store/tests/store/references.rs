//! Which run a person means.
use prefect_store::{RunId, RunRow, Store, StoreError};

use crate::support::*;

/// A store with runs of these ids, all named as their number.
fn with_ids(place: &Place, ids: &[&str]) -> Store {
    let store = place.open();
    for (i, id) in ids.iter().enumerate() {
        end(&store.begin(new_run(&format!("run-{i}"))).unwrap(), S::SUCCESS);
        let id: RunId = id.parse().unwrap();
        let digits = id.to_string().replace('-', "");
        let bytes = crate::BYTES.replace("..", &digits);
        place.sql().execute_batch(&format!("UPDATE flow_runs SET id={bytes} WHERE run_no={}", i + 1)).unwrap();
    }
    store
}

const ONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const TWO: &str = "01890a5d-ac96-774b-bcce-b302deadbeef";
const THREE: &str = "01890a5e-0000-7000-8000-0001099a8057";

#[test]
fn ids_their_ends_and_names() {
    let place = Place::new();
    let store = with_ids(&place, &[ONE, TWO, THREE]);
    let name = |reference: &str| store.run(reference).map(|row: RunRow| row.name).map_err(|error| error.to_string());
    assert_eq!(name(ONE).unwrap(), "run-0");
    assert_eq!(name(&TWO.replace('-', "")).unwrap(), "run-1");
    assert_eq!(name(&TWO.to_uppercase()).unwrap(), "run-1");
    assert_eq!(name("deadbeef").unwrap(), "run-1");
    assert_eq!(name("DEADBEEF").unwrap(), "run-1");
    assert_eq!(name("eadbeef").unwrap(), "run-1");
    assert_eq!(name("beef").unwrap(), "run-1");
    assert_eq!(name("b302-deadbeef").unwrap(), "run-1");
    assert_eq!(name("01890a5e").unwrap(), "run-2");
    assert_eq!(name("01890a5e000").unwrap(), "run-2");
    assert_eq!(name("0001099a8057").unwrap(), "run-2");
    assert_eq!(name("run-2").unwrap(), "run-2");
    let path = place.location().to_string();
    for unknown in [
        "eef",
        "",
        "run",
        "%",
        "____",
        "cafecafe",
        "beef%",
        "01890a5f",
        "xx'; --",
        "ff890a5d-ac96-774b-bcce-b302099a8057",
    ] {
        assert_eq!(
            name(unknown).unwrap_err(),
            format!(
                "no run in {path} has the id or name `{unknown}`: an id, at least 4 digits of its beginning or end, or the name \
                 of a run is expected"
            )
        );
    }
}

#[test]
fn what_may_mean_several_runs_lists_them() {
    let place = Place::new();
    let store = with_ids(&place, &[ONE, TWO, THREE]);
    assert_eq!(
        store.run("099a8057").unwrap_err().to_string(),
        format!(
            "`099a8057` may mean several runs: {THREE} (`run-2` of `etl`), {ONE} (`run-0` of `etl`). Write the whole id"
        )
    );
    assert!(
        matches!(store.run("01890a5d"), Err(StoreError::Ambiguous { candidates, more: false, .. }) if candidates.len() == 2)
    );
    for _ in 0..9 {
        end(&store.begin(new_run("again")).unwrap(), S::SUCCESS);
    }
    let error = store.run("again").unwrap_err();
    assert!(error.to_string().ends_with(" and more. Write the whole id"), "{error}");
}

#[test]
fn ids_are_in_the_order_of_time() {
    let ids: Vec<_> = (0..1000).map(|_| RunId::new()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!(ids[0].to_string().as_bytes()[14], b'7', "version 7");
    assert!("01890a5d-ac96-774b-bcce-b302099a805".parse::<RunId>().is_err());
    assert!("{01890a5d-ac96-774b-bcce-b302099a8057}".parse::<RunId>().is_err());
}
