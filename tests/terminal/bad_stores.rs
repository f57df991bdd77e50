//! Stores that are not there, are none, or do not have what is asked for: a sentence, exit code 2, nothing changed.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use prefect_store::{RecordedGraph, StateCode};
use serde_json::Value as Json;

use super::program::{Program, alone, alone_at, program, ran};
use super::store::{begin, begin_with, end, open, path, three};

/// The refusal of a program whose store is made by `make`.
#[track_caller]
fn refused(words: &[&str], make: impl FnOnce(&Path), expected: impl FnOnce(&Path) -> String) {
    let program = program(words);
    let path = path(&program);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    make(&path);
    let before = fs::read(&path).ok();
    let expected = format!("error: {}\n", expected(&path));
    let Program { mut command, home } = program;
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]));
    assert_eq!(fs::read(&path).ok(), before, "nothing is changed");
    drop(home);
}

/// To look makes no store.
#[test]
fn before_the_first_run_there_is_nothing_to_see() {
    let none = |home: &Path| format!("no runs are recorded yet in {}/.prefect/prefect.db\n", home.display());
    for (words, as_json) in [(&["runs"][..], false), (&["runs", "list", "--json"], true), (&["flows"], false)] {
        let Program { mut command, home } = alone(words);
        let output = command.output().unwrap();
        let expected = if as_json { "[]\n".to_owned() } else { none(&home.0) };
        assert_eq!((output.status.code(), &*String::from_utf8(output.stdout).unwrap()), (Some(0), &*expected));
        assert!(fs::read_dir(&home.0).unwrap().next().is_none(), "{words:?}");
    }
    refused(&["runs", "show", "x"], |_| (), |path| format!("no runs are recorded yet in {}", path.display()));
    let words = ["store", "check"];
    refused(
        &words,
        |_| (),
        |path| format!("there is no store at {}: it is made by the first durable run", path.display()),
    );
    let out = program(&["flows"]).ran().out;
    assert!(out.starts_with("FLOW                 LAST RUN\nAdd Divide Flow      never\n"), "{out}");
    // A store that nobody has used.
    let program = alone(&["runs"]);
    let expected = none(&program.home.0);
    drop(open(&path(&program)));
    assert_eq!(program.ran().out, expected);
}

/// Nor does who wants to do something to what is in it: a mistake in its name would leave an empty store behind.
#[test]
fn a_store_is_made_by_who_records_alone() {
    for words in [
        &["cancel", "x"][..],
        &["resume"],
        &["resume", "x"],
        &["retry", "x"],
        &["notifications", "retry", "1"],
        &["notifications", "give-up", "1"],
        &["notifications", "give-up", "--all"],
        &["schedules", "pause", "x"],
        &["schedules", "resume", "x"],
    ] {
        let at = |path: &Path| format!("there is no store at {}: it is made by the first durable run", path.display());
        refused(words, |_| (), at);
    }
    let Program { mut command, home } = alone(&["notifications", "retry"]);
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"nothing waits to be sent\n"[..]));
    assert!(fs::read_dir(&home.0).unwrap().next().is_none());
}

#[test]
fn a_state_is_listed_once_where_one_is_not_known() {
    let refused = alone(&["runs", "--state", "nonsense"]).ran();
    assert!(refused.code == Some(2) && refused.err.matches("Crashed").count() == 1, "{refused:?}");
}

#[test]
fn what_is_not_there_is_refused() {
    let made = |path: &Path| {
        three(path);
    };
    let at = |path: &Path| path.display().to_string();
    refused(&["runs", "show", "nothing"], made, |path| {
        format!(
            "no run in {} has the id or name `nothing`: an id, at least 4 digits of its beginning or end, or the name of a \
             run is expected",
            at(path)
        )
    });
    refused(&["runs", "--flow", "ett"], made, |path| {
        format!("no run of a flow `ett` is recorded in {}: did you mean `etl`?", at(path))
    });
}

#[test]
fn a_name_of_several_runs_is_refused_with_their_ids() {
    let program = program(&["runs", "show", "twin"]);
    let store = open(&path(&program));
    let [one, two] = ["etl", "other"].map(|flow| end(&begin(&store, flow, "twin", &[]), StateCode::SUCCESS, None));
    drop(store);
    let ran = program.ran();
    let error = format!(
        "error: `twin` may mean several runs: {two} (`twin` of `other`), {one} (`twin` of `etl`). Write the whole id\n"
    );
    assert_eq!((ran.code, ran.out, ran.err), (Some(2), String::new(), error));
}

#[test]
fn a_graph_that_cannot_be_read_names_its_run() {
    let program = program(&["runs", "show", "odd"]);
    let store = open(&path(&program));
    let text = r#"{"flow": "etl", "names": ["a"], "mapped": []}"#.to_owned();
    let graph = RecordedGraph { hash: vec![1], text, slugs: vec!["a-1".to_owned()] };
    let id = end(&begin_with(&store, "etl", "odd", graph), StateCode::SUCCESS, None);
    let ran = program.ran();
    let why = "missing field `tasks` at line 1 column 45";
    assert_eq!(ran.err, format!("error: the graph of run {id} (`odd`) cannot be read: {why}\n"));
    assert_eq!(ran.code, Some(2));
}

/// The numbers of the file's header: what made it, and with which tables.
fn write_number(path: &Path, at: usize, number: u32) {
    drop(open(path));
    let mut bytes = fs::read(path).unwrap();
    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    for words in [&["runs"][..], &["runs", "show", "x"], &["flows"], &["store", "check"]] {
        refused(
            words,
            |path| fs::write(path, "what is this? ".repeat(100)).unwrap(),
            |path| {
                format!(
                    "{} is no SQLite database: nothing was changed in it. Name another path for the store, or move the file away",
                    path.display()
                )
            },
        );
        refused(
            words,
            |path| write_number(path, 68, 1),
            |path| {
                let why =
                    "is a database of another program: nothing was changed in it. Name another path for the store";
                format!("{} {why}", path.display())
            },
        );
        refused(
            words,
            |path| write_number(path, 60, 99),
            |path| {
                format!(
                    "{} was made by a newer release of prefect (tables of version 99, this release knows {}): nothing was \
                 changed in it. Use that release, or another path for the store",
                    path.display(),
                    prefect_store::TABLES_VERSION
                )
            },
        );
    }
    refused(
        &["--store", "/", "runs"],
        |_| (),
        |_| "/ is a folder: the store needs the path of a file in it".to_owned(),
    );
    refused(
        &["runs", "--store", "/dev/null/x.db"],
        |_| (),
        |_| {
            "/dev/null/x.db cannot be opened: Not a directory (os error 20). Check that the folder is there and that this user \
         may read and write it"
            .to_owned()
        },
    );
    refused(
        &["runs", "--store", "mysql://me:hunter2@host/db"],
        |_| (),
        |_| "--store: a store cannot be in `mysql`: write `sqlite:PATH`".to_owned(),
    );
}

/// A name in the table that its index does not have.
fn damage(path: &Path) {
    let store = open(path);
    end(&begin(&store, "a flow of its own", "brave-otter", &[]), StateCode::SUCCESS, None);
    drop(store);
    let mut bytes = fs::read(path).unwrap();
    let name = b"a flow of its own";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at] = b'b';
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_store_is_told() {
    let program = alone(&["store", "check"]);
    let at = path(&program);
    damage(&at);
    let ran = program.ran();
    assert_eq!((ran.code, &*ran.err), (Some(1), ""), "{ran:?}");
    let what = "is damaged: put a copy in its place, or save what `sqlite3 FILE .recover` can read\n    row 1 missing from index";
    assert!(ran.out.starts_with(&format!("{} {what}", at.display())), "{}", ran.out);

    let program = alone(&["store", "check", "--json"]);
    damage(&path(&program));
    let ran = program.ran();
    let json: Json = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &json["sound"], &json["runs"]), (Some(1), &false.into(), &1.into()));
    assert!(json["damage"][0].as_str().unwrap().starts_with("row 1 missing from index"), "{json}");
}

/// Not a byte, but all that a page has: nothing that is in it can be read.
#[test]
fn a_store_that_cannot_be_read_for_its_damage_is_told_too() {
    const PAGE: usize = 4096;
    let checked = |spoil: &dyn Fn(&mut [u8])| {
        let program = alone(&["store", "check", "--json"]);
        let at = path(&program);
        damage(&at);
        let mut bytes = fs::read(&at).unwrap();
        spoil(&mut bytes);
        fs::write(&at, bytes).unwrap();
        let shown = ran(&mut alone_at(&program.home, &["store", "check"]));
        let told = format!("{} is damaged: put a copy in its place, ", at.display());
        assert!(shown.code == Some(1) && shown.out.starts_with(&told), "{shown:?}");
        let ran = program.ran();
        assert_eq!((ran.code, &*ran.err), (Some(1), ""), "{ran:?}");
        let json: Json = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&json["sound"], &json["path"]), (&false.into(), &at.display().to_string().into()));
        let damage: Vec<_> = json["damage"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        damage.join("\n")
    };
    let spoils_a_run = |bytes: &mut [u8]| {
        let name = b"brave-otter";
        for page in bytes.chunks_mut(PAGE).filter(|page| page.windows(name.len()).any(|window| window == name)) {
            page.fill(0xff);
        }
    };
    let told = checked(&spoils_a_run);
    assert!(told.lines().count() > 1 && told.contains("malformed"), "{told}");
    // The page that says which tables there are, behind what says that it is one of ours.
    let told = checked(&|bytes| bytes[100..PAGE].fill(0xff));
    assert!(told.contains("malformed"), "{told}");
}

#[test]
fn a_store_that_this_user_may_not_read_is_refused() {
    let mut program = program(&["runs", "--store"]);
    let at = program.home.0.join("locked/runs.db");
    program.command.arg(&at);
    three(&at);
    // Root may read all, so somebody else looks.
    if rustix::process::geteuid().is_root() {
        program.command.uid(65_534);
    } else {
        fs::set_permissions(at.parent().unwrap(), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let output = program.command.output().unwrap();
    let _ = fs::set_permissions(at.parent().unwrap(), fs::Permissions::from_mode(0o700));
    let error = format!(
        "error: {} cannot be opened: Permission denied (os error 13). Check that the folder is there and that this user may \
         read and write it\n",
        at.display()
    );
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(2), error));
}
