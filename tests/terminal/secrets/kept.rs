//! Secrets that are kept, read, listed and removed by hand.
use serde_json::Value as Json;

use super::canary::{CANARY, nowhere};
use super::{done, mode, own_key, piped, refused};
use crate::program::{Home, alone};
use crate::pty::Terminal;

#[test]
fn a_secret_is_kept_read_listed_and_removed() {
    let home = Home::new();
    assert!(done(&home, &["secrets", "list"], "").starts_with("no secrets are kept yet in "));
    assert_eq!(done(&home, &["secrets", "list", "--json"], ""), "[]\n");
    assert!(!home.0.join(".prefect").exists(), "looking makes nothing");
    let said = done(&home, &["secrets", "set", "TOKEN"], &format!("{CANARY}\n"));
    assert_eq!(said, format!("kept `TOKEN` in {}/.prefect/prefect.db\n", home.0.display()));
    assert_eq!(mode(&own_key(&home)), 0o600);
    // One newline is dropped, and nothing is added.
    assert_eq!(done(&home, &["secrets", "get", "TOKEN"], ""), CANARY);
    done(&home, &["secrets", "set", "PEM"], " two\nlines\n\n");
    assert_eq!(done(&home, &["secrets", "get", "PEM"], ""), " two\nlines\n");
    let list = done(&home, &["secrets", "list"], "");
    let names: Vec<_> = list.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["NAME", "PEM", "TOKEN"]);
    let json: Json = serde_json::from_str(&done(&home, &["secrets", "list", "--json"], "")).unwrap();
    assert_eq!(
        (&json[1]["name"], &json[1]["kind"], &json[1]["channel"]),
        (&"TOKEN".into(), &"text".into(), &Json::Null)
    );
    nowhere(&home, CANARY);
    assert_eq!(done(&home, &["secrets", "rm", "PEM"], ""), "removed `PEM`\n");
    let error = refused(&home, &["secrets", "get", "TOKNE"], "", &[]);
    assert!(error.ends_with(": did you mean `TOKEN`?\n"), "{error}");
    assert!(refused(&home, &["secrets", "rm", "PEM"], "", &[]).contains("there is no secret `PEM` in "));
}

#[test]
fn a_value_on_the_command_line_is_refused_and_not_repeated() {
    let home = Home::new();
    let value = "hunter2-hunter2";
    let url = "https://hooks.slack.com/services/T0/B0/hunter2-hunter2";
    for words in [
        &["secrets", "set", "TOKEN", value][..],
        &["secrets", "set", "TOKEN", "--value", value],
        &["secrets", "set", "TOKEN", "--value=hunter2-hunter2"],
        &["secrets", "set", "TOKEN=hunter2-hunter2"],
        &["slack", "add", "ALERTS", url],
        &["slack", "add", url],
        &["slack", "add", "ALERTS", "--channel", url],
        &["slack", url],
    ] {
        let error = refused(&home, words, "", &[]);
        assert!(error.starts_with("error: ") && !error.contains("hunter2"), "{words:?}: {error}");
        assert!(!home.0.join(".prefect").exists(), "{words:?}");
    }
    let error = refused(&home, &["secrets", "set", "TOKEN", value], "", &[]);
    assert!(error.starts_with("error: a value does not go on the command line, "), "{error}");
}

#[test]
fn a_value_that_is_none_is_refused() {
    let home = Home::new();
    for empty in ["", "\n"] {
        let error = refused(&home, &["secrets", "set", "TOKEN"], empty, &[]);
        assert_eq!(error, "error: the value is empty: type it, or give it by a pipe. Nothing was changed\n");
    }
    let error = refused(&home, &["secrets", "set", "TOKEN"], &"x".repeat((64 << 10) + 1), &[]);
    assert!(error.contains("is longer than 64 KiB"), "{error}");
    assert!(!home.0.join(".prefect").exists());
}

#[test]
fn a_value_is_typed_unseen() {
    let program = alone(&["secrets", "set", "TOKEN"]);
    let folder = tempfile::tempdir().unwrap();
    let program = program.env("HOME", folder.path().to_str().unwrap());
    let mut terminal = Terminal::with_keyboard(program, 10, 80);
    terminal.until("it asks", |lines| lines.last().is_some_and(|line| line.ends_with("(it is not shown):")));
    terminal.answer(CANARY);
    let (code, lines, bytes) = terminal.ended();
    assert_eq!(code, Some(0), "{lines:?}");
    assert!(!bytes.contains(CANARY) && lines.last().unwrap().starts_with("kept `TOKEN` in "), "{lines:?}");
    let got = alone(&["secrets", "get", "TOKEN"]).env("HOME", folder.path().to_str().unwrap()).ran();
    assert_eq!(got.out, CANARY);
}

/// Whoever thinks better of it has a terminal that shows what is typed.
#[test]
fn a_terminal_is_left_as_it_was_found() {
    let program = alone(&["secrets", "set", "TOKEN"]);
    let mut terminal = Terminal::with_keyboard(program, 10, 80);
    assert!(terminal.shows_what_is_typed());
    terminal.until("it asks", |lines| lines.last().is_some_and(|line| line.ends_with("(it is not shown):")));
    assert!(!terminal.shows_what_is_typed());
    terminal.interrupt();
    assert_eq!(terminal.read_to_the_end(), Some(130));
    assert!(terminal.shows_what_is_typed());
}

#[test]
fn the_secrets_of_the_file_are_imported_all_or_none() {
    let home = Home::new();
    let write = |text: &str| {
        std::fs::create_dir_all(home.0.join(".prefect")).unwrap();
        std::fs::write(home.0.join(".prefect/config.toml"), text).unwrap();
    };
    write("[context.secrets]\nA = \"first value\"\nPORT = 5432\n");
    let of_environment = [("PREFECT__CONTEXT__SECRETS__E", "not-of-the-file")];
    let ran = piped(&home, &["secrets", "import-config"], "", &of_environment);
    assert!(ran.code == Some(0) && ran.out.starts_with("kept 2 secrets in "), "{ran:?}");
    assert!(ran.out.ends_with("the file still has them, and wins: take `[context.secrets]` out of it\n"), "{ran:?}");
    write("");
    assert_eq!(done(&home, &["secrets", "get", "A"], ""), "first value");
    assert_eq!(done(&home, &["secrets", "get", "PORT"], ""), "5432");
    assert!(refused(&home, &["secrets", "get", "E"], "", &[]).contains("there is no secret `E`"));
    write("[context.secrets]\nA = \"changed-value-1\"\nB = \"new value\"\n");
    let error = refused(&home, &["secrets", "import-config"], "", &[]);
    assert!(error.contains("`A` has another value in the store than in `[context.secrets]`"), "{error}");
    assert!(!error.contains("changed-value-1") && !error.contains("first value"), "{error}");
    write("");
    assert!(refused(&home, &["secrets", "get", "B"], "", &[]).contains("there is no secret `B`"));
    assert!(done(&home, &["secrets", "import-config"], "").starts_with("there are no secrets in "));
}

/// Rows that were exchanged behind our back open no more: a value is bound to its name.
#[test]
fn a_row_that_was_changed_is_damaged_and_no_other_secret() {
    let home = Home::new();
    done(&home, &["secrets", "set", "A"], "value of a");
    done(&home, &["secrets", "set", "B"], "value of b");
    let store = prefect::store::StoreUrl::sqlite(home.0.join(".prefect/prefect.db"));
    let store = prefect::store::Store::open(&store, prefect::store::Options::default()).unwrap();
    let b = store.secret("B").unwrap().unwrap();
    let changed = prefect::store::SealedSecret { name: "A".to_owned(), ..b };
    assert_eq!(
        store.put_secrets(vec![changed], prefect::store::Existing::Replace).unwrap(),
        prefect::store::SecretsChange::Done
    );
    let error = refused(&home, &["secrets", "get", "A"], "", &[]);
    assert!(
        error.contains("the secret `A` in ") && error.contains(" is damaged: remove it with `secrets rm A`"),
        "{error}"
    );
    assert!(!error.contains("value of"), "{error}");
    assert_eq!(done(&home, &["secrets", "get", "B"], ""), "value of b");
}
