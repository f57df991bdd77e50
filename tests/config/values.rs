//! Where values come from, and what becomes of them.
use prefect::{Config, ConfigErrorKind, ConfigOrigin, ConfigValue, EnvVarSecret, Secret, SecretError};

use crate::{of_environment, of_file, warnings};

fn text(config: &Config, key: &str) -> String {
    config.get_as(key).unwrap()
}

#[test]
fn environment_wins_over_backend_over_user_over_defaults() {
    let user = "backend = \"user\"\n[a]\nx = \"user\"\ny = \"user\"\nz = \"user\"\n";
    let config = Config::builder()
        .user_config(user)
        .backend_config("[a]\ny = \"backend\"\nz = \"backend\"\n")
        .environment([("PREFECT__A__Z", "environment")])
        .build()
        .unwrap();
    let of = |key| text(&config, key);
    assert_eq!([of("backend"), of("a.x"), of("a.y"), of("a.z")], ["user", "user", "backend", "environment"]);
    assert_eq!(of("logging.level"), "INFO");
}

#[test]
fn a_later_source_replaces_a_section_by_a_value_and_a_value_by_a_section() {
    let config = Config::builder()
        .user_config("a = 1\n[b]\nx = 1\ny = 2\n")
        .environment([("PREFECT__A__X", "2"), ("PREFECT__B", "3")])
        .build()
        .unwrap();
    assert_eq!(config.get("a.x"), Some(&ConfigValue::Integer(2)));
    assert_eq!(config.get("b"), Some(&ConfigValue::Integer(3)));
    assert_eq!(config.get("b.x"), None);
}

#[test]
fn variables_are_expanded_again_while_that_changes_something() {
    let config = Config::builder()
        .user_config("[a]\nx = \"$A-${B}-$NOPE-$-${}-${NOPE\"\nhome = \"~\"\nother = \"~somebody/x\"\nlist = [\"$A\"]\nn = \"$N\"\n")
        .environment([("A", "$B"), ("B", "b"), ("N", "12"), ("HOME", "/h/")])
        .build()
        .unwrap();
    assert_eq!(text(&config, "a.x"), "b-b-$NOPE-$-${}-${NOPE");
    assert_eq!(text(&config, "a.home"), "/h");
    assert_eq!(text(&config, "a.other"), "~somebody/x");
    assert_eq!(config.get("a.list").unwrap().as_list().unwrap()[0].as_str(), Some("$A"));
    assert_eq!(config.get("a.n"), Some(&ConfigValue::Integer(12)));
}

#[test]
fn references_go_inner_first_and_keep_a_type_when_alone() {
    let file = r#"
        which = "two"
        [a]
        two = [1, 2]
        alone = "${a.${which}}"
        within = "<${a.two}|${flag.on}|${flag.none}>"
        twelve = "${a.n}${a.n}${a.n}${a.n}${a.n}${a.n}${a.n}${a.n}${a.n}${a.n}${a.n}${a.n}"
        n = 7
        [flag]
        on = true
        none = "None"
    "#;
    let config = of_file(file).unwrap();
    assert_eq!(config.get_as::<Vec<i64>>("a.alone").unwrap(), [1, 2]);
    assert_eq!(text(&config, "a.within"), "<[1, 2]|True|None>");
    assert_eq!(text(&config, "a.twelve"), "7".repeat(12));
    assert!(config.warnings().is_empty());
}

#[test]
fn a_reference_to_nothing_is_empty_and_warned_of() {
    let config = of_file("[a]\nx = \"${a.nope}\"\n").unwrap();
    assert_eq!(text(&config, "a.x"), "");
    assert_eq!(
        warnings(&config),
        ["config.toml:2:5: key `a.x` refers to `a.nope`, which is not set: that gives an empty text"]
    );
}

#[test]
fn dates_and_all_numbers_of_toml() {
    let config =
        of_file("[a]\nd = 2026-01-02\nh = 0xFF\nn = -1_000\nf = 1e3\ninf = -inf\nt = {x = [{y = 1}]}\n").unwrap();
    let value = |key| config.get(key).unwrap().clone();
    assert_eq!(value("a.d"), ConfigValue::Text("2026-01-02".into()));
    assert_eq!(value("a.h"), ConfigValue::Integer(255));
    assert_eq!(value("a.n"), ConfigValue::Integer(-1000));
    assert_eq!(value("a.f"), ConfigValue::Float(1000.0));
    assert_eq!(value("a.inf"), ConfigValue::Float(f64::NEG_INFINITY));
    assert_eq!(value("a.t").to_json(), serde_json::json!({"x": [{"y": 1}]}));
}

#[test]
fn false_in_the_defaults_of_tasks_means_none() {
    let file = "[tasks.defaults]\nmax_retries = false\nretry_delay = false\ntimeout = false\n";
    let config = of_file(file).unwrap();
    assert_eq!(config.get("tasks.defaults.max_retries"), Some(&ConfigValue::Integer(0)));
    assert!(config.get("tasks.defaults.retry_delay").unwrap().is_null());
    assert!(config.get("tasks.defaults.timeout").unwrap().is_null());
    let config = of_file("[tasks.defaults]\nmax_retries = 2\nretry_delay = 5\ntimeout = \"1m\"\n").unwrap();
    let settings = config.settings();
    assert_eq!(settings.max_retries, 2);
    assert_eq!(settings.retry_delay.unwrap().as_secs(), 5);
    assert_eq!(settings.timeout.unwrap().as_secs(), 60);
}

#[test]
fn settings_by_default_and_from_the_environment() {
    let settings = Config::builder().build().unwrap().settings().clone();
    assert_eq!(settings.flush_deadline.as_secs(), 5);
    assert_eq!((settings.ui_url, settings.workers, settings.max_retries), (None, None, 0));
    assert_eq!((settings.retry_delay, settings.timeout), (None, None));
    assert_eq!(settings.log_level.to_string(), "info");
    let config = of_environment(&[
        ("PREFECT__SLACK__FLUSH_DEADLINE", "250ms"),
        ("PREFECT__UI__URL", "http://localhost:4200/"),
        ("PREFECT__ENGINE__WORKERS", "3"),
        ("PREFECT__LOGGING__LEVEL", "warning"),
    ])
    .unwrap();
    let settings = config.settings();
    assert_eq!(settings.flush_deadline.as_millis(), 250);
    assert_eq!(settings.ui_url.as_deref(), Some("http://localhost:4200"));
    assert_eq!(settings.workers.unwrap().get(), 3);
    assert_eq!(settings.log_level.to_string(), "warn");
    assert!(config.warnings().is_empty());
}

#[test]
fn secrets_are_typed_for_tasks_and_as_written_for_senders() {
    let config = of_environment(&[
        ("PREFECT__CONTEXT__SECRETS__FLOAT", "1e5"),
        ("PREFECT__CONTEXT__SECRETS__PADDED", "0012"),
        ("PREFECT__CONTEXT__SECRETS__NULL", "null"),
        ("PREFECT__CONTEXT__SECRETS__OBJECT", "{\"a\": [1, true]}"),
        ("PREFECT__CONTEXT__SECRETS__DB__Password", "x y z"),
    ])
    .unwrap();
    let value = |name: &str| Secret::new(name).get_from(&config).unwrap().expose().clone();
    assert_eq!(value("FLOAT"), 1e5);
    assert_eq!(value("PADDED"), "0012");
    assert!(value("NULL").is_null());
    assert_eq!(value("OBJECT"), serde_json::json!({"a": [1, true]}));
    assert_eq!(value("DB"), serde_json::json!({"Password": "x y z"}));
    let text = |name: &str| config.secret_text(name).unwrap().expose().to_owned();
    assert_eq!([text("FLOAT"), text("PADDED"), text("NULL")], ["1e5", "0012", "null"]);
    assert!(config.secret_text("NOPE").is_none());
    assert!(config.warnings().is_empty());
}

#[test]
fn a_secret_of_another_type_says_so_without_its_value() {
    let config = Config::builder().secret("A", "value of a").build().unwrap();
    let error = Secret::new("A").get_as_from::<u32>(&config).unwrap_err();
    assert!(matches!(error, SecretError::WrongType(_)));
    assert_eq!(error.to_string(), "secret `A` has another type than asked for: look at how it is written");
    assert_eq!(
        SecretError::WhileBuilding.to_string(),
        "Secrets should only be retrieved during a Flow run, not while building a Flow."
    );
}

#[test]
fn the_configuration_of_the_process_has_the_secrets_of_its_environment() {
    // Nobody sets this one. The files of whoever runs the test may be anything.
    match Secret::new("A_SECRET_THAT_NOBODY_SET").get() {
        Err(SecretError::NotFound(name)) => assert_eq!(name, "A_SECRET_THAT_NOBODY_SET"),
        other => assert!(matches!(other, Err(SecretError::Config(_)))),
    }
    assert!(EnvVarSecret::new("PATH").get().is_some());
    assert!(EnvVarSecret::new("=").get().is_none());
}

#[test]
fn secrets_cannot_be_reached_as_values() {
    let config = of_file("[context]\nregion = \"eu\"\n[context.secrets]\nA = \"value of a\"\n").unwrap();
    assert!(config.get("context.secrets.A").is_none());
    assert!(config.get("context.secrets").is_none());
    assert_eq!(config.get("context").unwrap().to_json(), serde_json::json!({"region": "eu"}));
}

#[test]
fn errors_know_their_kind_and_place() {
    let error = of_environment(&[("PREFECT__ENGINE__WORKERS", "0")]).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Value);
    assert_eq!(*error.origin(), ConfigOrigin::Environment("PREFECT__ENGINE__WORKERS".into()));
    assert_eq!(error.message(), "expected a whole number from 1 to 4096, found `0`");
}
