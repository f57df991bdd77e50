//! What waits for a place, as the command line shows it.
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use prefect_store::{FlowChange, Micros, SlotsWanted, StateCode, Taking, TaskChange};
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Home, command, program};
use crate::store::{NOON, begin, open, path, task};

const WHY: &str = "Waiting for tag 'db': 2 of 2 places are taken (by `load` in run brave-otter)";

#[test]
fn what_waits_is_shown_with_what_it_waits_for() {
    let mut shows = program(&["runs", "show", "calm-heron"]);
    let store = open(&path(&shows));
    let run = begin(&store, "etl", "calm-heron", &[("query", false), ("fetch", true)]);
    let queued = |number, index| {
        let mut change = TaskChange::new(number, index, (StateCode::PENDING, StateCode::QUEUED), 1, 1, Micros(NOON));
        change.message = Some(WHY.into());
        change
    };
    run.record(queued(0, None));
    task(&run, 1, None, StateCode::MAPPED, None);
    task(&run, 1, Some(0), StateCode::SUCCESS, None);
    run.record(queued(1, Some(1)));
    let position = run.record(queued(1, Some(2)));
    run.wait(position).unwrap();
    let ran = crate::program::ran(&mut shows.command);
    let waits = format!(
        "Queued           query\n    {WHY}\nQueued           fetch[1]\n    {WHY}\n\ncalm-heron of etl  Running"
    );
    assert!(ran.out.starts_with(&waits), "{ran:?}");
    assert!(ran.out.contains("1 Success, 2 Queued") || ran.out.contains("2 Queued, 1 Success"), "{ran:?}");
    // A flow run that waits says so in the list.
    let waiting = begin(&store, "etl", "dim-fox", &[]);
    let why = "Waiting for flow 'etl': 1 of 1 place is taken (by run calm-heron)";
    let position = waiting.record_run(FlowChange {
        state: StateCode::QUEUED,
        version: waiting.version() + 1,
        at: Micros(NOON),
        message: Some(why.into()),
        notifications: Vec::new(),
    });
    waiting.wait(position).unwrap();
    let listed = crate::program::ran(&mut command(&shows.home, &["runs"]));
    assert!(listed.out.ends_with(&format!("{}: {why}\n", waiting.id().short())), "{listed:?}");
    let shown = crate::program::ran(&mut command(&shows.home, &["runs", "show", "dim-fox"]));
    assert!(shown.out.starts_with(&format!("dim-fox of etl  Queued  {why}\n")), "{shown:?}");
    let json = crate::program::ran(&mut command(&shows.home, &["runs", "show", "calm-heron", "--json"])).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["tasks"][0]["state"], &json["tasks"][0]["message"]), (&"Queued".into(), &WHY.into()));
    assert_eq!(
        (&json["tasks"][1]["queued"]["index"], &json["tasks"][1]["queued"]["message"]),
        (&1.into(), &WHY.into())
    );
}

/// Another process has the only place: the program says so, and Ctrl-C ends the wait.
#[test]
fn a_flow_run_that_waits_says_so_and_can_be_stopped() {
    let home = Home::new();
    let store = open(&home.0.join(".prefect/prefect.db"));
    let holder = begin(&store, "endless", "brave-otter", &[]);
    let wanted = SlotsWanted { places: vec![("flow:endless".to_owned(), 1)], ..SlotsWanted::default() };
    let Taking::Taken(slots) = store.take_slots(&holder.slot_owner(None, None), &wanted).unwrap() else {
        panic!("nobody else is there");
    };
    std::fs::write(home.0.join(".prefect/config.toml"), "[concurrency.flows]\nendless = 1\n").unwrap();
    let mut program = command(&home, &["run", "endless"]);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Queued") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    let why = "Queued           endless  Waiting for flow 'endless': 1 of 1 place is taken (by run brave-otter)\n";
    assert!(line.ends_with(why), "{line}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}");
    assert!(rest.contains("Flow run was cancelled."), "{rest}");
    let run = store.runs(&prefect_store::RunFilter::default()).unwrap().remove(0);
    assert_eq!((run.flow.as_str(), run.state), ("endless", StateCode::CANCELLED));
    store.give_back(slots, ());
}
