//! `config`: what is in effect, and where it came from.
use serde_json::{Value as Json, json};

use super::program::{Program, alone, program};

const FILE: &str = "\
[context.secrets]
TOKEN = \"tok-123456\"
PIN = 12
[etl]
url = \"https://x/?token=tok-123456\"
odd = \"a\\u001b[2J\"
[contxt.secrets]
OTHER = \"not-for-eyes\"
[logging]
level = \"DEBUG\"
";

fn row<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}: {text}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

fn configured(words: &[&str]) -> Program {
    program(words).config(FILE).env("PREFECT__ENGINE__WORKERS", "3")
}

#[test]
fn each_key_has_its_value_and_its_origin() {
    let program = configured(&["config"]);
    let home = program.home.0.display().to_string();
    let ran = program.ran();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let file = |line_and_column| format!("{home}/.prefect/config.toml:{line_and_column}");
    let out = &ran.out;
    assert_eq!(row(out, "KEY"), ["KEY", "VALUE", "FROM"]);
    assert_eq!(row(out, "engine.workers"), ["engine.workers", "3", "environment variable PREFECT__ENGINE__WORKERS"]);
    assert_eq!(row(out, "logging.level"), ["logging.level", "DEBUG", &file("10:9")]);
    assert_eq!(row(out, "home_dir"), ["home_dir", &format!("{home}/.prefect"), "default"]);
    assert_eq!(row(out, "store.url"), ["store.url", &format!("sqlite:{home}/.prefect/prefect.db"), "default"]);
    assert_eq!(row(out, "etl.odd"), ["etl.odd", "a\\u{1b}[2J", &file("6:7")]);
    // What a task says is not undone by Prefect's default.
    assert_eq!(row(out, "flows.checkpointing")[1], "true");
    assert!(ran.err.contains("warning: ") && ran.err.contains("did you mean `context.secrets.OTHER`?\n"), "{ran:?}");
}

#[test]
fn no_secret_is_shown() {
    for words in [&["config"][..], &["config", "--json"]] {
        let ran = configured(words).ran();
        for secret in ["tok-123456", "not-for-eyes"] {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{ran:?}");
        }
    }
    let out = configured(&["config"]).ran().out;
    assert_eq!(row(&out, "context.secrets.PIN")[1], "[redacted PIN]");
    assert_eq!(row(&out, "etl.url")[1], "https://x/?token=[redacted TOKEN]");
}

#[test]
fn as_json() {
    let ran = configured(&["config", "--json"]).ran();
    let all: Json = serde_json::from_str(&ran.out).unwrap();
    let of = |key: &str| all.as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone();
    let workers =
        json!({ "key": "engine.workers", "value": 3, "from": "environment variable PREFECT__ENGINE__WORKERS" });
    assert_eq!(of("engine.workers"), workers);
    assert_eq!(of("etl.odd")["value"], "a\u{1b}[2J");
    assert_eq!(of("context.secrets.TOKEN")["value"], "[redacted TOKEN]");
    assert_eq!(of("tasks.defaults.timeout")["value"], Json::Null);
}

#[test]
fn the_program_without_flows_shows_the_same() {
    let of = |program: Program| {
        let home = program.home.0.display().to_string();
        let program = program.env("PREFECT__STORE__RECORD_RUNS", "false");
        program.config(FILE).ran().out.replace(&home, "HOME")
    };
    assert_eq!(of(alone(&["config"])), of(program(&["config"])));
}

#[test]
fn where_the_store_is_is_said_by_an_option_the_environment_a_file() {
    let url = |program: Program| row(&program.ran().out, "store.url")[1..].join(" ");
    let file = "[store]\nurl = \"sqlite:file.db\"\n";
    let config = |words: &[&str]| program(words).config(file);
    assert!(url(config(&["config"])).starts_with("sqlite:file.db /"));
    let of_environment = "sqlite:env.db environment variable PREFECT__STORE__URL";
    assert_eq!(url(config(&["config"]).env("PREFECT__STORE__URL", "sqlite:env.db")), of_environment);
    let option = config(&["--store", "o.db", "config"]).env("PREFECT__STORE__URL", "sqlite:env.db");
    assert_eq!(url(option), "o.db --store");
}

#[test]
fn a_configuration_that_cannot_be_read_is_an_error() {
    let ran = program(&["config"]).env("PREFECT__STORE__URL", "postgres://me:hunter2@host/db").ran();
    if cfg!(feature = "postgres") {
        assert_eq!(ran.code, Some(0));
        assert!(ran.out.contains("postgres://me@host:5432/db ") && !ran.out.contains("hunter2"), "{ran:?}");
    } else {
        let why = "a store in PostgreSQL needs the feature `postgres` of the crate `prefect`: turn it on, or write `sqlite:PATH`";
        let error = format!("error: environment variable PREFECT__STORE__URL: key `store.url`: {why}\n");
        assert_eq!((ran.code, ran.out, ran.err), (Some(2), String::new(), error));
    }
    let ran = program(&["runs"]).env("PREFECT__STORE__URL", "5").ran();
    let why = "expected a text such as \"sqlite:runs.db\", found an integer";
    let error = format!("error: environment variable PREFECT__STORE__URL: key `store.url`: {why}\n");
    assert_eq!((ran.code, ran.out, ran.err), (Some(2), String::new(), error));
}

/// The redactor knows no secret that is so short: it would be hidden in the middle of words.
#[cfg(feature = "postgres")]
#[test]
fn the_password_of_a_server_is_not_shown_however_short_it_is() {
    let url = "postgres://me:q7z@host/db?schema=etl";
    for words in [&["config"][..], &["config", "--json"]] {
        let configured = program(words).env("PREFECT__STORE__URL", url).ran();
        let named = program(&[&["--store", url], words].concat()).ran();
        for ran in [configured, named] {
            assert_eq!(ran.code, Some(0), "{ran:?}");
            assert!(ran.out.contains("postgres://me@host:5432/db?schema=etl") && !ran.out.contains("q7z"), "{ran:?}");
        }
    }
}
