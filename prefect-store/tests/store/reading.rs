//! Lists, pages, counts.
use prefect_store::{RunFilter, RunId, StateCode, StoreError, TaskKey};

use crate::support::*;

#[test]
fn runs_are_listed_page_by_page() {
    let place = Place::new();
    let store = place.open();
    for i in 0..30 {
        let mut run = new_run(&format!("run {i}"));
        run.flow = if i % 3 == 0 { "etl" } else { "report" }.into();
        end(&store.begin(run).unwrap(), if i % 2 == 0 { S::SUCCESS } else { S::FAILED });
    }
    let mut now = new_run("now");
    now.at = prefect_store::Micros(99);
    let running = store.begin(now).unwrap();
    let list = |flow: Option<&str>, states: &[StateCode]| {
        let mut names = Vec::new();
        let mut filter = RunFilter { flow: flow.map(Into::into), states: states.to_vec(), limit: 4, before: None };
        loop {
            let page = store.runs(&filter).unwrap();
            assert!(page.len() <= 4);
            let Some(last) = page.last() else { return names };
            filter.before = Some(last.id);
            names.extend(page.into_iter().map(|run| run.name));
        }
    };
    let expected =
        |keep: &dyn Fn(&usize) -> bool| (0..30).rev().filter(keep).map(|i| format!("run {i}")).collect::<Vec<_>>();
    let mut all = vec!["now".to_owned()];
    all.extend(expected(&|_| true));
    assert_eq!(list(None, &[]), all);
    assert_eq!(list(Some("report"), &[]), expected(&|i| i % 3 != 0));
    assert_eq!(list(None, &[S::FAILED]), expected(&|i| i % 2 == 1));
    assert_eq!(list(Some("etl"), &[S::SUCCESS, S::FAILED]), expected(&|i| i % 3 == 0));
    assert_eq!(list(None, &[S::RUNNING]), ["now"]);
    assert_eq!(list(Some("nothing"), &[]), [""; 0]);
    let row = store.run("now").unwrap();
    assert_eq!((row.created_at.0, row.started_at.unwrap().0, row.ended_at, row.duration()), (99, 99, None, None));
    assert_eq!(store.run("run 3").unwrap().duration().unwrap().as_micros(), 30);
    end(&running, S::SUCCESS);
}

#[test]
fn children_are_read_by_page_and_counted() {
    let place = Place::new();
    let store = place.open();
    let run = store.begin(new_run("one")).unwrap();
    let mut changes = vec![start(3, None)];
    // Not all of them have started: 0, 2, 4, ..
    changes.extend((0..500).flat_map(|i| [start(3, Some(2 * i)), finish(3, Some(2 * i))]));
    changes.extend([start(3, Some(5000)), start(4, Some(1)), start(7, None)]);
    record(&run, changes);

    let rows = store.task_runs(run.id()).unwrap();
    assert_eq!(rows.iter().map(|row| row.task).collect::<Vec<_>>(), [3, 7]);
    let mut from = 0;
    let mut indices = Vec::new();
    loop {
        let page = store.children(run.id(), 3, from, 64).unwrap();
        let Some(last) = page.last() else { break };
        from = last.index.unwrap() + 1;
        indices.extend(page.iter().map(|row| row.index.unwrap()));
    }
    let mut expected: Vec<_> = (0..500).map(|i| 2 * i).collect();
    expected.push(5000);
    assert_eq!(indices, expected);
    assert_eq!(store.count_children(run.id(), 3).unwrap(), [(S::RUNNING, 1), (S::SUCCESS, 500)]);
    assert_eq!(store.count_children(run.id(), 7).unwrap(), []);

    let mut after: Option<TaskKey> = None;
    let mut count = 0;
    loop {
        let page = store.recorded(run.id(), after, 100).unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(last.key());
        count += page.len();
    }
    assert_eq!(count, 504);
    assert_eq!(store.transitions(run.id(), 1, 3).unwrap().iter().map(|t| t.seq).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn a_graph_is_kept_once_and_comes_back() {
    let place = Place::new();
    let store = place.open();
    let (one, two) = (store.begin(new_run("one")).unwrap(), store.begin(new_run("two")).unwrap());
    for run in [&one, &two] {
        let input = store.input(run.id()).unwrap();
        assert_eq!(input.parameters, r#"{"x":1}"#);
        assert_eq!(input.graph, graph());
    }
    assert_eq!(place.number("SELECT count(*) FROM graphs"), 1);
    end(&one, S::SUCCESS);
    end(&two, S::SUCCESS);
}

#[test]
fn what_is_not_there_is_an_error() {
    let place = Place::new();
    let store = place.open();
    let id = RunId::from_bytes([1; 16]);
    let unknown = StoreError::UnknownRun { reference: id.to_string(), at: place.path().into() };
    assert_eq!(store.task_runs(id).unwrap_err(), unknown);
    assert_eq!(store.input(id).unwrap_err(), unknown);
    assert_eq!(store.result(id, 0, None).unwrap_err(), unknown);
    assert_eq!(store.runs(&RunFilter { before: Some(id), ..Default::default() }).unwrap_err(), unknown);
}

/// States that a newer release has made are shown, not refused.
#[test]
fn unknown_states_are_read() {
    let place = Place::new();
    let store = place.open();
    end(&store.begin(new_run("one")).unwrap(), S::SUCCESS);
    place.sql().execute_batch("UPDATE flow_runs SET state=250").unwrap();
    assert_eq!(store.run("one").unwrap().state.to_string(), "Unknown");
}
