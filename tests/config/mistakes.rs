//! Mistakes: errors that name file, line and key, and warnings with hints.
use crate::{of_environment, of_file, warnings};

#[test]
fn a_wrong_value_names_file_line_and_key() {
    for (file, expected) in [
        (
            "[slack]\nflush_deadline = -1\n",
            "2:18: key `slack.flush_deadline`: expected seconds or a duration such as \"5s\", found `-1`",
        ),
        (
            "[ui]\nurl = \"ftp://x\"\n",
            "2:7: key `ui.url`: expected a URL that starts with https:// or http://, found `ftp://x`",
        ),
        (
            "[ui]\nurl = \"https://\"\n",
            "2:7: key `ui.url`: expected a URL that starts with https:// or http://, found `https://`",
        ),
        (
            "[ui]\nurl = \"https://a|b\"\n",
            "2:7: key `ui.url`: expected a URL that starts with https:// or http://, found `https://a|b`",
        ),
        (
            "[logging]\nlevel = \"LOUD\"\n",
            "2:9: key `logging.level`: expected CRITICAL, ERROR, WARNING, INFO, DEBUG, TRACE or OFF, found `LOUD`",
        ),
        (
            "[engine]\nworkers = 5000\n",
            "2:11: key `engine.workers`: expected a whole number from 1 to 4096, found `5000`",
        ),
        (
            "[engine]\nworkers = \"two\"\n",
            "2:11: key `engine.workers`: expected a whole number from 1 to 4096, found `two`",
        ),
        (
            "[engine]\nworkers = [\n1]\n",
            "2:11: key `engine.workers`: expected a whole number from 1 to 4096, found a list",
        ),
        (
            "[tasks.defaults]\nmax_retries = true\n",
            "2:15: key `tasks.defaults.max_retries`: expected a whole number from 0, or false, found `True`",
        ),
        (
            "[tasks.defaults]\nretry_delay = \"x\"\n",
            "2:15: key `tasks.defaults.retry_delay`: expected seconds, a duration such as \"5s\", or false, found `x`",
        ),
        (
            "[tasks.defaults]\ntimeout = true\n",
            "2:11: key `tasks.defaults.timeout`: expected seconds, a duration such as \"5s\", or false, found `True`",
        ),
        ("[flows]\ncheckpointing = 1\n", "2:17: key `flows.checkpointing`: expected true or false, found an integer"),
        ("home_dir = 1\n", "1:12: key `home_dir`: expected a text, found an integer"),
        ("logging = 1\n", "1:11: key `logging`: expected a section [logging], found an integer"),
        ("context = 1\n", "1:11: key `context`: expected a section [context], found an integer"),
        (
            "[context]\nsecrets = \"x\"\n",
            "2:11: key `context.secrets`: expected a section [context.secrets], found a text",
        ),
        ("[etl]\nkeys = 1\n", "2:8: key `etl.keys`: Invalid config key: \"keys\""),
        ("a = 99999999999999999999\n", "1:5: key `a`: is out of range: write a number of at most 64 bits"),
    ] {
        assert_eq!(of_file(file).unwrap_err().to_string(), format!("config.toml:{expected}"), "{file}");
    }
}

#[test]
fn an_unknown_kind_of_state_is_an_error_that_names_it() {
    for key in ["only_states", "ignore_states"] {
        let error = of_file(&format!("[slack]\n{key} = [\"Failed\", \"Faild\"]\n")).unwrap_err().to_string();
        assert!(error.contains(&format!("key `slack.{key}`: unknown state kind `Faild`, expected one of")), "{error}");
        let config = of_file(&format!("[slack]\n{key} = [\"Failed\"]\n")).unwrap();
        assert!(warnings(&config)[0].contains("has no effect: say it in the code"));
    }
    let config = of_file("[mail]\none = \"Retrying\"\nno = [1]\n").unwrap();
    assert!(config.state_kinds("mail.one").unwrap().unwrap().contains(prefect::StateKind::Retrying));
    assert!(config.state_kinds("mail.nope").unwrap().is_none());
    let error = config.state_kinds("mail.no").unwrap_err().to_string();
    assert_eq!(
        error,
        "config.toml:3:6: key `mail.no`: expected a list of kinds of state such as [\"Failed\"], found `1`"
    );
}

#[test]
fn invalid_toml_names_line_and_key_and_quotes_nothing() {
    let error = of_file("[context.secrets]\nURL = canary-in-a-coal-mine\n").unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("config.toml:2:7: key `URL`: is no valid TOML: "), "{text}");
    assert!(!format!("{text} {error:?}").contains("canary"), "{text} {error:?}");
    let error = of_file("a = 1\na = 2\n").unwrap_err().to_string();
    assert!(error.starts_with("config.toml:2:1: key `a`: is no valid TOML: "), "{error}");
}

#[test]
fn a_wrong_environment_variable_is_named() {
    let error = of_environment(&[("PREFECT__SLACK__FLUSH_DEADLINE", "soon")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "environment variable PREFECT__SLACK__FLUSH_DEADLINE: key `slack.flush_deadline`: \
         expected seconds or a duration such as \"5s\", found `soon`"
    );
    for name in ["PREFECT__", "PREFECT__A____B", "PREFECT__A__"] {
        let error = of_environment(&[(name, "x")]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("environment variable {name}: names no key: ")), "{error}");
    }
    let error = of_environment(&[("PREFECT__A", "1"), ("PREFECT__A__B", "2")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "environment variable PREFECT__A__B: key `a.b`: \
         is a value and a section, by environment variable PREFECT__A: unset one of them"
    );
    let config = of_environment(&[("PREFECT__A__B", "1"), ("PREFECT__a__b", "2")]).unwrap();
    assert_eq!(
        warnings(&config),
        [
            "environment variable PREFECT__a__b: sets key `a.b` again, and wins over environment variable PREFECT__A__B: \
          unset one of them"
        ]
    );
}

#[test]
fn near_misses_of_our_keys_get_a_hint() {
    for (file, expected) in [
        (
            "[contxt.secrets]\nA = \"value of a\"\n",
            "key `contxt.secrets.A` is unknown: did you mean `context.secrets.A`?",
        ),
        (
            "[context.secret]\nA = \"value of a\"\n",
            "key `context.secret.A` is unknown: did you mean `context.secrets.A`?",
        ),
        (
            "[Context.Secrets]\nA = \"value of a\"\n",
            "key `Context.Secrets.A` is unknown: did you mean `context.secrets.A`?",
        ),
        ("[secrets]\nA = \"value of a\"\n", "key `secrets.A` is unknown: did you mean `context.secrets.A`?"),
        (
            "SLACK_WEBHOOK_URL = \"value of a\"\n",
            "key `SLACK_WEBHOOK_URL` is unknown: did you mean `context.secrets.SLACK_WEBHOOK_URL`?",
        ),
        ("[slack]\nflush_dedline = 1\n", "key `slack.flush_dedline` is unknown: did you mean `slack.flush_deadline`?"),
        (
            "[slack]\nsomething = 1\n",
            "key `slack.something` is unknown: section [slack] is ours, put keys of your own into another",
        ),
        (
            "[task.defaults]\ntimeout = 1\n",
            "key `task.defaults.timeout` is unknown: did you mean `tasks.defaults.timeout`?",
        ),
        (
            "[tasks.default]\ntimeout = 1\n",
            "key `tasks.default.timeout` is unknown: did you mean `tasks.defaults.timeout`?",
        ),
        ("homedir = \"x\"\n", "key `homedir` is unknown: did you mean `home_dir`?"),
        (
            "[loging]\nlevel = \"INFO\"\nformat = \"x\"\n",
            "key `loging.format` is unknown: did you mean `logging.format`?",
        ),
    ] {
        let config = of_file(file).unwrap();
        let warnings = warnings(&config);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].ends_with(expected), "{} instead of {expected}", warnings[0]);
        assert!(warnings[0].starts_with("config.toml:"), "{}", warnings[0]);
        // What was meant to be a secret is hidden as one.
        assert!(!file.contains("value of a") || config.redactor().redact("value of a").starts_with("[redacted "));
    }
    let config = of_environment(&[("PREFECT__Context__Secrets__A", "x")]).unwrap();
    assert_eq!(
        warnings(&config),
        ["environment variable PREFECT__Context__Secrets__A: key `Context.Secrets.A` is unknown: \
          did you mean `context.secrets.A`?"]
    );
}

#[test]
fn two_slips_in_one_section_are_both_told() {
    let config = of_file("[logging]\nlevl = \"INFO\"\nformt = \"x\"\n").unwrap();
    assert_eq!(warnings(&config).len(), 2);
}

#[test]
fn sections_of_the_user_are_fine() {
    let file = "answer = 42\n[etl]\nlevel = 1\n[tests.x]\ny = 1\n[context]\nregion = \"eu\"\n[server.ui]\nport = 1\n\
                [cloud.agent]\nname = \"x\"\n[flows.defaults.storage]\nadd_default_labels = true\n[engine.executor]\ndefault_class = \"x\"\n";
    let config = of_file(file).unwrap();
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    assert_eq!(config.get_as::<i64>("etl.level").unwrap(), 1);
}

#[test]
fn a_value_of_another_type_than_asked_for_names_its_place() {
    let config = of_file("[etl]\nrows = \"many\"\n").unwrap();
    let error = config.get_as::<u32>("etl.rows").unwrap_err().to_string();
    assert_eq!(error, "config.toml:2:8: key `etl.rows`: invalid type: string \"many\", expected u32");
    let error = config.get_as::<u32>("etl.cols").unwrap_err().to_string();
    assert_eq!(error, "configuration: key `etl.cols`: is not set");
    assert_eq!(config.get_as::<Option<u32>>("etl.cols").unwrap(), None);
}
