//! The commands that look at recorded runs.
use prefect_store::{RunId, StateCode};
use serde_json::{Value as Json, json};

use super::program::{alone, program};
use super::pty::Terminal;
use super::store::{begin, end, open, path, task, three};

const SECRET: &str = "[context.secrets]\nTOKEN = \"tok-123456\"\n";

/// What a program prints of a store with three runs.
fn said(words: &[&str]) -> (String, [RunId; 3]) {
    let program = program(words).config(SECRET);
    let ids = three(&path(&program));
    let ran = program.ran();
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    (ran.out, ids)
}

fn json_of(words: &[&str]) -> (Json, [RunId; 3]) {
    let (out, ids) = said(words);
    (serde_json::from_str(&out).unwrap(), ids)
}

#[test]
fn runs_are_listed_the_newest_first() {
    let expected = |ids: [RunId; 3]| {
        let [good, bad, runs] = ids.map(RunId::short);
        format!(
            "\
ID        NAME           FLOW    STATE    CREATED                        TOOK    TASKS
{runs}  calm-heron     report  Running  2099-01-01 12:00:00  just now  0s
{bad}  dim-\\u{{1b}}[2J  etl     Failed   2099-01-01 12:00:00  just now  1m 05s  1501 ok, 4 failed
{good}  brave-otter    etl     Success  2099-01-01 12:00:00  just now  1m 05s
"
        )
    };
    for words in [&["runs"][..], &["runs", "list"]] {
        let (out, ids) = said(words);
        assert_eq!(out, expected(ids));
    }
}

#[test]
fn what_is_listed_can_be_chosen() {
    let names = |words: &[&str]| {
        let (json, _) = json_of(&[&["runs", "--json"], words].concat());
        json.as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap()[..3].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["cal", "dim", "bra"]);
    assert_eq!(names(&["--flow", "etl"]), ["dim", "bra"]);
    assert_eq!(names(&["--state", "success,Running"]), ["cal", "bra"]);
    assert_eq!(names(&["--state", "Success", "--state", "failed"]), ["dim", "bra"]);
    // Its special cases are meant too.
    assert_eq!(names(&["--state", "Finished"]), ["dim", "bra"]);
    assert_eq!(names(&["--state", "Cached"]), [""; 0]);
    assert_eq!(names(&["--limit", "2"]), ["cal", "dim"]);
    assert!(said(&["runs", "list", "--limit", "2"]).0.ends_with("\nolder runs are left out: `--limit 4` lists more\n"));
    assert_eq!(said(&["runs", "--state", "Cached"]).0, "no recorded run fits\n");
    // A flow of the program that was never run is no mistake.
    assert_eq!(said(&["runs", "--flow", "chain"]).0, "no recorded run fits\n");
}

#[test]
fn runs_as_json() {
    let (json, [good, bad, runs]) = json_of(&["runs", "list", "--json"]);
    let ids: Vec<_> = json.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [runs, bad, good].map(|id| id.to_string()));
    assert_eq!(
        json[1],
        json!({
            "id": bad.to_string(), "name": "dim-\u{1b}[2J", "flow": "etl", "state": "Failed",
            "message": "Some reference tasks failed.", "created": "2099-01-01T12:00:00Z",
            "started": "2099-01-01T12:00:00Z", "ended": "2099-01-01T12:01:05.5Z", "seconds": 65.5,
            "succeeded": 1501, "failed": 4, "crashes": 0, "owner": null,
        })
    );
    assert_eq!(json[0]["owner"]["pid"], std::process::id());
}

#[test]
fn a_run_is_shown_with_what_failed_on_top() {
    let program = program(&["runs", "show", "dim-\u{1b}[2J"]).config(SECRET);
    let [_, bad, _] = three(&path(&program));
    let ran = program.ran();
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    let expected = format!(
        "\
Failed           fetch[7]  2.0s
    seven is broken
Failed           fetch[1400]  2.0s
    seven is broken
TimedOut         load-3  1.0s  2 attempts
    could not load
    the rows of [redacted TOKEN]\\u{{1b}}

dim-\\u{{1b}}[2J of etl  Failed  Some reference tasks failed.

  id          {bad}
  created     2099-01-01 12:00:00 (just now)
  started     2099-01-01 12:00:00 (just now)
  ended       2099-01-01 12:01:05, took 1m 05s
  parameters  {{\"x\":1}}

TASK         STATE          TOOK  ATTEMPTS  CHILDREN
extract      Success        1.0s  1
fetch        Mapped         2.0s  1         1498 Success, 2 Failed
fetch[7]     Failed         2.0s  1
fetch[1400]  Failed         2.0s  1
load-3       TimedOut       1.0s  2
load-4       Skipped        4.0s  1
report       TriggerFailed
x            Pending
"
    );
    assert_eq!(ran.out, expected);
}

#[test]
fn a_run_is_found_by_its_id_short_or_long() {
    let ways: [fn(RunId) -> String; 3] =
        [|id| id.to_string(), |id| id.short().to_string(), |id| id.short().to_string()[2..].to_owned()];
    for of in ways {
        let mut program = program(&["runs", "show"]);
        let [good, ..] = three(&path(&program));
        program.command.arg(of(good));
        let ran = program.ran();
        assert!(ran.out.starts_with("brave-otter of etl  Success\n\n"), "{ran:?}");
        assert!(ran.out.ends_with("\n\nthe flow has no tasks\n"), "{ran:?}");
    }
}

#[test]
fn a_run_as_json() {
    let (json, [_, _, id]) = json_of(&["runs", "show", "calm-heron", "--json"]);
    assert_eq!((&json["id"], &json["parameters"]), (&id.to_string().into(), &json!({ "x": 1 })));
    let task = json!({
        "slug": "load-1", "name": "load", "state": "Running", "message": null, "attempts": 1,
        "started": "2099-01-01T12:00:00Z", "ended": null,
    });
    assert_eq!(json["tasks"], json!([task]));
    let (json, _) = json_of(&["runs", "show", "dim-\u{1b}[2J", "--json"]);
    let fetch = &json["tasks"][1];
    assert_eq!(fetch["children"], json!({ "Success": 1498, "Failed": 2 }));
    assert_eq!(
        (&fetch["failed"][1]["index"], &fetch["failed"][1]["message"]),
        (&1400.into(), &"seven is broken".into())
    );
    assert_eq!(json["tasks"][2]["message"], "could not load\nthe rows of [redacted TOKEN]\u{1b}");
}

#[test]
fn many_failures_are_counted() {
    let program = program(&["runs", "show", "slow-crab"]);
    let store = open(&path(&program));
    let run = begin(&store, "etl", "slow-crab", &[("fetch", true), ("load", false)]);
    task(&run, 0, None, StateCode::MAPPED, None);
    (0..30).for_each(|index| task(&run, 0, Some(index), StateCode::FAILED, Some("no")));
    task(&run, 1, None, StateCode::FAILED, Some("nothing there"));
    end(&run, StateCode::FAILED, None);
    let out = program.ran().out;
    let (top, _) = out.split_once("\n\n").unwrap();
    assert_eq!(top.lines().filter(|line| line.starts_with("Failed ")).count(), 10, "{out}");
    assert!(top.ends_with("\nand 21 more"), "{out}");
    assert_eq!(out.matches("\nfetch[").count(), 10, "{out}");
}

#[test]
fn flows_have_their_last_runs() {
    let (out, [_, bad, runs]) = said(&["flows"]);
    let (bad, runs) = (bad.short(), runs.short());
    let lines: Vec<_> = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "FLOW LAST RUN NAME STATE CREATED");
    assert!(lines.contains(&"chain never".to_owned()), "{out}");
    assert!(lines.contains(&format!("etl {bad} dim-\\u{{1b}}[2J Failed 2099-01-01 12:00:00 just now")), "{out}");
    let other = format!("report {runs} calm-heron Running 2099-01-01 12:00:00 just now not in this program");
    assert_eq!(lines.last(), Some(&other), "{out}");

    let (json, _) = json_of(&["flows", "--json"]);
    let of = |flow: &str| json.as_array().unwrap().iter().find(|entry| entry["flow"] == flow).unwrap();
    assert_eq!((&of("etl")["in_program"], &of("etl")["last_run"]["id"]), (&true.into(), &of("etl")["last_run"]["id"]));
    assert_eq!(of("etl")["last_run"]["state"], "Failed");
    assert_eq!((&of("chain")["last_run"], &of("report")["in_program"]), (&Json::Null, &false.into()));

    let program = alone(&["flows"]);
    three(&path(&program));
    let out = program.ran().out;
    assert!(out.lines().count() == 3 && !out.contains("not in this program"), "{out}");
}

#[test]
fn a_store_is_where_it_is_said_to_be() {
    let mut program = program(&["--store", "here.db", "runs", "--json"]);
    let home = program.home.0.clone();
    three(&home.join("here.db"));
    program.command.current_dir(&home);
    let ran = program.ran();
    assert_eq!(serde_json::from_str::<Json>(&ran.out).unwrap().as_array().unwrap().len(), 3, "{ran:?}");
    let program = alone(&["runs"]).config("home_dir = \"/no/such/folder\"\n");
    assert_eq!(program.ran().out, "no runs are recorded yet in /no/such/folder/prefect.db\n");
}

#[test]
fn a_sound_store_is_measured() {
    let program = program(&["store", "check"]);
    let at = path(&program);
    three(&at);
    let ran = program.ran();
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    assert!(
        ran.out.starts_with(&format!(
            "{} is sound\n\n  tables     version {}\n",
            at.display(),
            prefect_store::TABLES_VERSION
        )),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with(" KiB each\n  task runs  1506\n  changes    3017\n"), "{}", ran.out);
    let each =
        ran.out.split_once("\n  runs       3, ").unwrap().1.split_once(" KiB").unwrap().0.parse::<f64>().unwrap();
    // 1506 task runs, of at most 200 bytes each.
    assert!((50.0..120.0).contains(&each), "{each}");
}

#[test]
fn a_table_fits_the_terminal() {
    let program = program(&["runs"]).env("TERM", "xterm");
    three(&path(&program));
    let (code, lines, text) = Terminal::start(program, 24, 70).ended();
    assert_eq!(code, Some(0));
    let lines: Vec<_> = lines.iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].ends_with("TOOK") && !lines[0].contains("TASKS"), "{lines:?}");
    assert!(lines.iter().all(|line| line.chars().count() < 70), "{lines:?}");
    assert!(text.contains("\x1b[31mFailed "), "{text:?}");
}

#[test]
fn the_program_without_flows_has_the_same_commands() {
    for words in [&["runs"][..], &["runs", "show", "brave-otter"], &["runs", "--json"], &["store", "check", "--json"]] {
        let mut programs = [alone(words), program(words)];
        three(&path(&programs[0]));
        let store = path(&programs[0]).display().to_string();
        let [one, two] = programs.each_mut().map(|program| {
            let output = program.command.args(["--store", &store]).output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        });
        assert_eq!(one, two);
        assert_eq!(one.0, Some(0));
    }
    let ran = alone(&["run", "etl"]).ran();
    let why = "is for a program that has flows, one whose `main` calls `prefect::main`: write it behind the name of that program";
    assert_eq!(ran.err, format!("error: `run` {why}\n\nsee `prefect --help`\n"));
    assert_eq!(ran.code, Some(2));
    let ran = alone(&[]).ran();
    assert!(ran.code == Some(2) && ran.err.starts_with("Usage: prefect [OPTIONS] [COMMAND]\n"), "{ran:?}");
}
