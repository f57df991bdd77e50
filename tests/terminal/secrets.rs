//! `secrets` and `slack`: what is kept in the store, and that nothing but `secrets get` shows it.
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use prefect::fake_slack::{Answer, FakeSlack, SlackError};
use prefect::{Config, Secret, SecretError};
use serde_json::Value as Json;

use super::program::{Home, Ran, alone, command, ran};
use super::pty::Terminal;

const CANARY: &str = "c4n4ry-\"value\"-of-a-secret";
const KEY: &str = "PREFECT__SECRETS__KEY";
const NEXT: &str = "PREFECT__SECRETS__NEXT_KEY";

/// A key as hex: the same byte again and again.
fn key(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

/// Runs the program `prefect` in this home with this on its standard input.
fn piped(home: &Home, words: &[&str], input: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prefect_alone"));
    command.args(words).env_clear().env("HOME", &home.0).env("TZ", "UTC");
    command.envs(variables.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses its words reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn done(home: &Home, words: &[&str], input: &str) -> String {
    let ran = piped(home, words, input, &[]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{words:?}: {ran:?}");
    ran.out
}

/// The error of words that change nothing.
#[track_caller]
fn refused(home: &Home, words: &[&str], input: &str, variables: &[(&str, &str)]) -> String {
    let ran = piped(home, words, input, variables);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{words:?}: {ran:?}");
    ran.err
}

fn own_key(home: &Home) -> PathBuf {
    home.0.join(".prefect/secrets.key")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The program whose flows read secrets.
fn secretive(home: &Home, flow: &str) -> Command {
    let mut command = command(home, &["run", flow]);
    command.env("FLOWS", "secretive");
    command
}

/// Every file below a folder but those of the key.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => files(&path, found),
            _ if path.file_name().unwrap().to_string_lossy().starts_with("secrets.key") => {}
            _ => found.push(path),
        }
    }
}

/// The value, and how it could be written down by accident.
fn looks(value: &str) -> Vec<Vec<u8>> {
    let mut hex = String::new();
    value.bytes().for_each(|byte| _ = write!(hex, "{byte:02x}"));
    let mut looks = vec![value.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // Base64 of the value wherever it begins in what is encoded: the middle of it.
    for before in 0..3 {
        let padded = [&vec![b'x'; before][..], value.as_bytes()].concat();
        let encoded = base64(&padded);
        looks.push(encoded.as_bytes()[4..encoded.len() - 6].to_vec());
    }
    looks
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digits = (0..4).map(|i| char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]));
        text.extend(digits.take(three.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - three.len()));
    }
    text
}

#[track_caller]
fn nowhere(home: &Home, value: &str) {
    let mut found = Vec::new();
    files(&home.0, &mut found);
    assert!(found.iter().any(|path| path.ends_with("prefect.db")), "{found:?}");
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        for look in looks(value) {
            let there = bytes.windows(look.len()).any(|window| window == look);
            assert!(!there, "{} in {}", String::from_utf8_lossy(&look), path.display());
        }
    }
}

#[test]
fn what_is_looked_for_would_be_found() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
    let encoded = base64(format!("xx{CANARY}yy").as_bytes());
    assert!(looks(CANARY).iter().any(|look| encoded.contains(std::str::from_utf8(look).unwrap())));
}

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

/// A secret of the database in a run: tasks read it, and nothing shows it.
#[test]
fn a_run_reads_it_and_shows_it_nowhere() {
    let home = Home::new();
    done(&home, &["secrets", "set", "CANARY"], CANARY);
    let ran = ran(secretive(&home, "leaky").env("RUST_LOG", "warn"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("panicked at ") && ran.out.contains("[redacted CANARY]"), "{ran:?}");
    let listed: Json = serde_json::from_str(&done(&home, &["runs", "--json"], "")).unwrap();
    let shown = done(&home, &["runs", "show", listed[0]["id"].as_str().unwrap()], "");
    assert!(shown.contains("[redacted CANARY]"), "{shown}");
    for look in looks(CANARY) {
        let look = String::from_utf8(look).unwrap();
        assert!(![&ran.out, &ran.err, &shown].into_iter().any(|text| text.contains(&look)), "{look}: {ran:?} {shown}");
    }
    nowhere(&home, CANARY);
}

#[test]
fn the_environment_wins_then_the_file_then_the_database() {
    let home = Home::new();
    done(&home, &["secrets", "set", "CANARY"], "of-the-database");
    let length = |variables: &[(&str, &str)]| {
        let ran = ran(secretive(&home, "length").envs(variables.iter().copied()));
        let line =
            ran.out.lines().find_map(|line| line.split_once("the secret has ")).unwrap_or_else(|| panic!("{ran:?}"));
        line.1.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(length(&[]), "of-the-database".len());
    std::fs::write(home.0.join(".prefect/config.toml"), "[context.secrets]\nCANARY = \"of-a-file\"\n").unwrap();
    assert_eq!(length(&[]), "of-a-file".len());
    assert_eq!(length(&[("PREFECT__CONTEXT__SECRETS__CANARY", "env!")]), 4);
    let told = piped(&home, &["secrets", "set", "CANARY"], "x", &[]);
    assert!(
        told.err.starts_with("warning: ") && told.err.contains("config.toml:2:10 has `CANARY` too, and wins"),
        "{told:?}"
    );
    assert!(done(&home, &["secrets", "list"], "").contains("config.toml:2:10"));
}

/// What a run reads is in the store that it is recorded in, and in no other one.
#[test]
fn the_secrets_of_a_store_that_is_named_are_those_of_its_runs() {
    let home = Home::new();
    let other = home.0.join("other.db");
    let other = other.to_str().unwrap();
    done(&home, &["secrets", "set", "CANARY"], "of the default one");
    let run = || ran(secretive(&home, "length").args(["--store", other]));
    let missing = run();
    assert!(missing.code == Some(1) && missing.out.contains("\"CANARY\" was not found"), "{missing:?}");
    done(&home, &["secrets", "set", "CANARY", "--store", other], "of another");
    let found = run();
    assert!(found.code == Some(0) && found.out.contains("the secret has 10 "), "{found:?}");
    let again = ran(command(&home, &["retry", "--store", other]).env("FLOWS", "secretive"));
    assert_eq!(again.code, Some(2), "retry needs a run: {again:?}");
    let resumed = ran(command(&home, &["resume", "--store", other]).env("FLOWS", "secretive"));
    assert!(resumed.code == Some(0) && resumed.out.contains("the secret has 10 "), "{resumed:?}");
}

#[test]
fn a_wrong_key_says_so_and_loses_nothing() {
    let home = Home::new();
    let (right, wrong) = (key(1), key(2));
    let with = |key: &str, words: &[&str], input: &str| piped(&home, words, input, &[(KEY, key)]);
    assert_eq!(with(&right, &["secrets", "set", "CANARY"], CANARY).code, Some(0));
    for words in [
        &["secrets", "get", "CANARY"][..],
        &["secrets", "set", "CANARY"],
        &["secrets", "set", "OTHER"],
        &["secrets", "rotate"],
        &["slack", "test", "CANARY"],
    ] {
        let error = refused(&home, words, "new-value", &[(KEY, &wrong), (NEXT, &key(3))]);
        assert!(error.contains("the key in PREFECT__SECRETS__KEY is the wrong one"), "{error}");
        assert!(!error.contains(&wrong) && !error.contains(CANARY), "{error}");
        // Nor without any key; and none is made.
        let error = refused(&home, words, "new-value", &[]);
        assert!(error.contains("the key of the secrets in ") && error.contains("is not there: put back "), "{error}");
        assert!(!own_key(&home).exists());
    }
    assert!(!own_key(&home).exists() && !home.0.join(".prefect/secrets.key.next").exists());
    assert_eq!(with(&right, &["secrets", "get", "CANARY"], "").out, CANARY);
    assert_eq!(with(&right, &["secrets", "get", "OTHER"], "").code, Some(2));
    // A run says so too.
    let failed = ran(secretive(&home, "length").env(KEY, &wrong));
    assert!(failed.out.contains("is the wrong one for the secrets in "), "{failed:?}");
    // What lists and removes needs no key.
    assert!(done(&home, &["secrets", "list"], "").contains("CANARY"));
    assert_eq!(done(&home, &["secrets", "rm", "CANARY"], ""), "removed `CANARY`\n");
}

#[test]
fn a_key_that_is_none_is_refused_by_the_name_of_its_place() {
    let home = Home::new();
    let file = home.0.join("k");
    let path = file.to_str().unwrap();
    let set = |variables: &[(&str, &str)]| refused(&home, &["secrets", "set", "TOKEN"], "value", variables);
    let error = set(&[(KEY, "hunter2hunter2")]);
    assert!(error.contains("PREFECT__SECRETS__KEY is no key: ") && !error.contains("hunter2"), "{error}");
    assert!(set(&[("PREFECT__SECRETS__KEY_FILE", path)]).contains("which is not there"));
    std::fs::write(&file, "hunter2hunter2\n").unwrap();
    let error = set(&[("PREFECT__SECRETS__KEY_FILE", path)]);
    assert!(error.contains("which holds no key: ") && !error.contains("hunter2"), "{error}");
    assert!(set(&[(KEY, &key(1)), ("PREFECT__SECRETS__KEY_FILE", path)]).contains("are both set: unset one"));
    std::fs::write(&file, key(1) + "\n").unwrap();
    assert_eq!(piped(&home, &["secrets", "set", "A"], "v", &[("PREFECT__SECRETS__KEY_FILE", path)]).code, Some(0));
    assert_eq!(piped(&home, &["secrets", "get", "A"], "", &[(KEY, &key(1).to_uppercase())]).out, "v");
    // The configuration shows no key, wherever somebody has put it.
    let shown = piped(&home, &["config"], "", &[(KEY, &key(1)), ("PREFECT__ETL__TWIN", &key(1))]);
    assert!(shown.code == Some(0) && !shown.out.contains(&key(1)), "{shown:?}");
}

/// Beside what it opens it would protect nothing.
#[test]
fn a_key_in_the_configuration_file_has_no_effect_and_is_not_shown() {
    let program = alone(&["config"]).config(&format!("[secrets]\nkey = \"{}\"\n", key(7)));
    let ran = program.ran();
    assert!(ran.code == Some(0) && !ran.out.contains(&key(7)) && !ran.err.contains(&key(7)), "{ran:?}");
    assert!(ran.err.contains("config.toml:2:7: key `secrets.key` has no effect: "), "{ran:?}");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let home = Home::new();
    done(&home, &["secrets", "set", "TOKEN"], CANARY);
    for rights in [0o644, 0o640, 0o604] {
        std::fs::set_permissions(own_key(&home), PermissionsExt::from_mode(rights)).unwrap();
        let error = refused(&home, &["secrets", "get", "TOKEN"], "", &[]);
        let path = own_key(&home);
        let cure = format!("is open to other users: run `chmod 600 {}`\n", path.display());
        assert!(error.ends_with(&cure), "{error}");
    }
    std::fs::set_permissions(own_key(&home), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(done(&home, &["secrets", "get", "TOKEN"], ""), CANARY);
}

#[test]
fn a_change_of_the_key_loses_nothing_wherever_it_is_broken_off() {
    let home = Home::new();
    done(&home, &["secrets", "set", "TOKEN"], CANARY);
    done(&home, &["secrets", "set", "OTHER"], "other");
    let next = home.0.join(".prefect/secrets.key.next");
    let still_there = || {
        assert_eq!(done(&home, &["secrets", "get", "TOKEN"], ""), CANARY);
        assert_eq!(done(&home, &["secrets", "get", "OTHER"], ""), "other");
    };
    let old = std::fs::read_to_string(own_key(&home)).unwrap();
    let said = done(&home, &["secrets", "rotate"], "");
    assert!(said.starts_with("2 secrets encrypted with a new key, which is in "), "{said}");
    let new = std::fs::read_to_string(own_key(&home)).unwrap();
    assert!(old != new && !next.exists() && mode(&own_key(&home)) == 0o600);
    still_there();
    // As it was before the last step: the new key is beside the old one.
    let keys = |now: Option<&str>, coming: &str| {
        for (path, key) in [(own_key(&home), now), (next.clone(), Some(coming))] {
            let _ = std::fs::remove_file(&path);
            if let Some(key) = key {
                std::fs::write(&path, key).unwrap();
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            }
        }
    };
    keys(Some(&old), &new);
    still_there();
    done(&home, &["secrets", "set", "OTHER"], "other");
    still_there();
    done(&home, &["secrets", "rotate"], "");
    still_there();
    assert!(!next.exists());
    // As it was before the second step: nothing has the new key yet.
    let now = std::fs::read_to_string(own_key(&home)).unwrap();
    keys(Some(&now), &key(9));
    still_there();
    done(&home, &["secrets", "rotate"], "");
    still_there();
    let now = std::fs::read_to_string(own_key(&home)).unwrap();
    assert!(!next.exists() && now.trim() != key(9));
    nowhere(&home, CANARY);
}

#[test]
fn a_key_of_the_environment_is_changed_for_the_next_one() {
    let home = Home::new();
    let (one, two) = (key(1), key(2));
    piped(&home, &["secrets", "set", "TOKEN"], CANARY, &[(KEY, &one)]);
    let error = refused(&home, &["secrets", "rotate"], "", &[(KEY, &one)]);
    assert!(error.contains("give the new one by PREFECT__SECRETS__NEXT_KEY beside it. Nothing was changed"), "{error}");
    assert_eq!(piped(&home, &["secrets", "rotate"], "", &[(KEY, &one), (NEXT, &two)]).code, Some(0));
    // Processes that have both go on.
    for (variables, is_read) in
        [(&[(KEY, &*one), (NEXT, &*two)][..], true), (&[(KEY, &*two)], true), (&[(KEY, &*one)], false)]
    {
        let ran = piped(&home, &["secrets", "get", "TOKEN"], "", variables);
        assert_eq!(ran.code == Some(0) && ran.out == CANARY, is_read, "{ran:?}");
    }
}

#[test]
fn four_processes_keep_secrets_at_once() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for process in 0..4 {
            let home = &home;
            scope.spawn(move || {
                for n in 0..3 {
                    let name = format!("S{process}.{n}");
                    done(home, &["secrets", "set", &name], &format!("value of {name}"));
                    if process == 0 {
                        done(home, &["secrets", "rotate"], "");
                    }
                }
            });
        }
    });
    for process in 0..4 {
        for n in 0..3 {
            let name = format!("S{process}.{n}");
            assert_eq!(done(&home, &["secrets", "get", &name], ""), format!("value of {name}"));
        }
    }
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

#[test]
fn webhooks_are_added_listed_and_tried() {
    let home = Home::new();
    let slack = FakeSlack::start();
    let url = slack.webhook_url_for("c4n4ry-hook-of-alerts");
    let added = done(&home, &["slack", "add", "ALERTS", "--channel", "#alerts"], &format!(" {url} \n"));
    assert!(added.starts_with("kept `ALERTS`: try `") && added.contains("slack_notifier(webhook_secret = \"ALERTS\")"));
    let other = slack.webhook_url_for("other");
    done(&home, &["slack", "add", "OTHER"], &other);
    done(&home, &["secrets", "set", "NO_HOOK"], "text");
    let listed = done(&home, &["slack", "list"], "");
    let json = done(&home, &["slack", "list", "--json"], "");
    assert!(!listed.contains("c4n4ry") && !json.contains("c4n4ry") && !listed.contains("NO_HOOK"), "{listed}{json}");
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json[0]["name"], &json[0]["channel"], &json[1]["channel"]),
        (&"ALERTS".into(), &"#alerts".into(), &Json::Null)
    );
    assert!(json[0]["webhook"].as_str().unwrap().ends_with("/…"), "{json}");
    let said = done(&home, &["slack", "test", "ALERTS"], "");
    assert_eq!(said, "delivered: look for \"Test message from prefect\" in #alerts\n");
    let posted = slack.requests();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].body(), r#"{"text":"Test message from prefect"}"#);
    for (answer, told) in [
        (Answer::Error(SlackError::NoService), "the webhook was removed or switched off in Slack (no_service)"),
        (Answer::Error(SlackError::ChannelIsArchived), "the channel of the webhook is gone or archived"),
        (Answer::Status(404, String::new()), "the webhook was removed, or its URL is not whole (404)"),
        (Answer::RateLimited(7), "Slack has had too many messages: try again in 7 s"),
        (Answer::Unavailable, "Slack gave no proper answer (slack: 503): try again later"),
    ] {
        slack.script([answer]);
        let ran = piped(&home, &["slack", "test", "ALERTS"], "", &[]);
        assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{told}: {ran:?}");
        assert!(
            ran.err.starts_with(&format!("error: not delivered: {told}")) && !ran.err.contains("c4n4ry"),
            "{ran:?}"
        );
    }
    for bad in ["", "not a url", "http://hooks.slack.com/services/T0/B0/hunter2"] {
        let error = refused(&home, &["slack", "add", "BAD"], bad, &[]);
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(refused(&home, &["slack", "add", "ALERTS"], &other, &[]).contains("there is a secret `ALERTS` already"));
    // A webhook stays one, with its channel.
    assert!(refused(&home, &["secrets", "set", "ALERTS"], "text", &[]).contains("is not a webhook URL"));
    done(&home, &["secrets", "set", "ALERTS"], &other);
    assert!(done(&home, &["slack", "list"], "").contains("#alerts"));
    assert!(refused(&home, &["slack", "test", "NOPE"], "", &[]).contains("there is no secret `NOPE`"));
    nowhere(&home, "c4n4ry-hook-of-alerts");
}

/// `slack_notifier` finds its webhook in the database, and one that is bound to another name finds that.
#[test]
fn notifiers_find_their_webhooks_in_the_database() {
    let home = Home::new();
    let slack = FakeSlack::start();
    let url = slack.webhook_url_for("c4n4ry-hook");
    done(&home, &["secrets", "set", "SLACK_WEBHOOK_URL"], &url);
    let told = ran(&mut secretive(&home, "told"));
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(!slack.requests().is_empty(), "{told:?}");
    done(&home, &["slack", "add", "ALERTS"], &slack.webhook_url_for("alerts"));
    let before = slack.requests().len();
    let told = ran(&mut secretive(&home, "told elsewhere"));
    let new = slack.requests().split_off(before);
    assert!(told.code == Some(0) && new.iter().all(|request| request.path().ends_with("alerts")), "{told:?} {new:?}");
    assert!(!new.is_empty());
    nowhere(&home, "c4n4ry-hook");
    // What is no webhook is refused before the run.
    done(&home, &["secrets", "set", "SLACK_WEBHOOK_URL"], "ftp://hooks.slack.com/hunter2");
    let failed = ran(&mut secretive(&home, "told"));
    assert!(failed.out.contains("the secret `SLACK_WEBHOOK_URL` is not a webhook URL"), "{failed:?}");
    assert!(failed.code == Some(1) && !failed.out.contains("hunter2"), "{failed:?}");
}

/// The same in a program that has a configuration of its own.
#[test]
fn the_library_reads_what_the_program_keeps() {
    let home = Home::new();
    let config = || Config::builder().home(&home.0);
    let get = |name: &str, config: &Config| Secret::new(name).get_from(config).map(|value| value.expose().clone());
    // To look for one makes nothing.
    let early = config().build().unwrap();
    assert!(matches!(get("PORT", &early), Err(SecretError::NotFound(_))));
    assert!(std::fs::read_dir(&home.0).unwrap().next().is_none());
    done(&home, &["secrets", "set", "PORT"], "54321");
    done(&home, &["secrets", "set", "LOGIN"], r#"{"user": "etl", "password": "deep-inside"}"#);
    // It was not there when it was first looked for.
    assert_eq!(get("PORT", &early).unwrap(), 54321);
    let config = config().build().unwrap();
    assert_eq!(config.redactor().redact("54321 deep-inside"), "54321 deep-inside");
    assert!(Secret::new("PORT").exists_in(&config) && !Secret::new("NOPE").exists_in(&config));
    assert_eq!(Secret::new("PORT").get_as_from::<u16>(&config).unwrap(), 54321);
    assert_eq!(config.secret_text("PORT").unwrap().expose(), "54321");
    assert_eq!(get("LOGIN", &config).unwrap()["password"], "deep-inside");
    assert_eq!(config.redactor().redact("54321 deep-inside"), "[redacted PORT] [redacted LOGIN]");
    let wrong = Config::builder().home(&home.0).environment([(KEY, key(1))]).build().unwrap();
    let error = get("PORT", &wrong).unwrap_err();
    assert!(matches!(error, SecretError::Database(_)) && error.to_string().contains(KEY), "{error}");
    assert!(config.secret_text("NOPE").is_none() && wrong.secret_text("PORT").is_none());
    // Nothing of this machine gets into one that is given nothing.
    assert!(matches!(get("PORT", &Config::default()), Err(SecretError::NotFound(_))));
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
