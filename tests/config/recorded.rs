//! What Prefect 1.4.1 was seen to do.
use prefect::{Config, ConfigErrorKind, ConfigValue, Secret, SecretError};
use serde_json::Value;

const HOME: &str = "/home/somebody";

fn case(text: &str) -> Value {
    serde_json::from_str(text).expect("a recorded case is JSON")
}

fn python_type(value: &ConfigValue) -> &'static str {
    match value {
        ConfigValue::Null => "NoneType",
        ConfigValue::Bool(_) => "bool",
        ConfigValue::Integer(_) => "int",
        ConfigValue::Float(_) => "float",
        ConfigValue::Text(_) => "str",
        ConfigValue::List(_) => "BoxList",
        _ => "Config",
    }
}

/// What an expression such as `prefect.config.a.b` or `Secret('X').get()` gives, as the records write it.
fn evaluate(config: &Config, expression: &str) -> Value {
    if let Some(key) = expression.strip_prefix("prefect.config.") {
        let value = config.get(key).unwrap_or_else(|| panic!("{key} is not set"));
        return serde_json::json!({"value": value.to_json(), "type": python_type(value)});
    }
    let (name, method) = expression.strip_prefix("Secret('").unwrap().split_once("').").unwrap();
    let secret = Secret::new(name);
    match method {
        "exists()" => serde_json::json!({"value": secret.exists_in(config), "type": "bool"}),
        "get()" => match secret.get_from(config) {
            Ok(value) => {
                let value = value.expose().clone();
                let kind = if value.is_string() { "str" } else { "int" };
                serde_json::json!({"value": value, "type": kind})
            }
            Err(error) => serde_json::json!({"error": "ValueError", "message": error.to_string()}),
        },
        other => panic!("unknown method {other}"),
    }
}

#[test]
fn every_recorded_entry_reads_back_the_same() {
    let case = case(include_str!("../data/configuration.json"));
    let entries = case["observed"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 7);
    for entry in entries {
        let what = &entry["what"];
        let environment = entry["environment"].as_object().unwrap();
        let built = Config::builder()
            .user_config(entry["user_config"].as_str().unwrap())
            .environment(environment.iter().map(|(name, value)| (name, value.as_str().unwrap())))
            .home(HOME)
            .build();
        if entry["show"].get("failed_to_start").is_some() {
            assert_eq!(built.unwrap_err().kind(), ConfigErrorKind::Syntax, "{what}");
            continue;
        }
        let config = built.unwrap();
        for (expression, expected) in entry["show"].as_object().unwrap() {
            let expected: Value = serde_json::from_str(&expected.to_string().replace("<home>", HOME)).unwrap();
            assert_eq!(evaluate(&config, expression), expected, "{what}: {expression}");
        }
    }
}

#[test]
fn every_recorded_secret_has_the_same_value() {
    let case = case(include_str!("../data/secret_task.json"));
    let config =
        case["spec"]["secrets"].as_object().unwrap().iter().fold(Config::builder(), |builder, (name, value)| {
            builder.secret(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
    let config = config.build().unwrap();
    let mut found = 0;
    for task in case["spec"]["tasks"].as_array().unwrap() {
        if task["built_in"] != "PrefectSecret" {
            continue;
        }
        let state = &case["observed"]["task_states"][task["slug"].as_str().unwrap()];
        let name = task["secret_name"].as_str().unwrap();
        match Secret::new(name).get_from(&config) {
            Ok(value) => assert_eq!(*value.expose(), state["result"], "{name}"),
            Err(SecretError::NotFound(missing))
                if config.secret_text(name).is_none() && name.starts_with("REF_ENV") =>
            {
                assert_eq!(missing, name);
                continue;
            }
            Err(error) => assert_eq!(error.to_string(), state["result"]["message"].as_str().unwrap(), "{name}"),
        }
        found += 1;
    }
    assert_eq!(found, 5);
}
