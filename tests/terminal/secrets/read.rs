//! Secrets that are read: by tasks, by a program that has a configuration of its own.
use prefect::{Config, Secret, SecretError};
use serde_json::Value as Json;

use super::canary::{CANARY, looks, nowhere};
use super::{KEY, done, key, piped, secretive};
use crate::program::{Home, command, ran};

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
