//! Which keys are ours, what they hold, and what is meant by one that is nearly ours.
use std::collections::BTreeSet;

use super::document::Entries;
use super::error::{ConfigError, ConfigErrorKind, ConfigOrigin, ConfigWarning};
use super::key::Key;
use super::value::ConfigValue;
use crate::near::is_near;

/// Where secrets are.
pub(crate) const SECRETS: [&str; 2] = ["context", "secrets"];

/// What a key of ours holds.
#[derive(Clone, Copy)]
enum Holds {
    Text,
    Boolean,
    /// Checked where it is read: see `settings`.
    Setting,
    /// Anything, also below it: Prefect's own keys that mean nothing here, and what users put there.
    Anything,
    /// Nothing here: given in the code, which the text says.
    Nothing(&'static str),
}

const IN_CODE: &str = "has no effect: say it in the code, for example `slack_notifier(only_states = [Failed])`";

const KNOWN: &[(&str, Holds)] = &[
    ("backend", Holds::Text),
    ("backend_config_path", Holds::Text),
    ("cloud", Holds::Anything),
    ("cloud.api", Holds::Text),
    ("cloud.use_local_secrets", Holds::Boolean),
    ("concurrency", Holds::Anything),
    ("context", Holds::Anything),
    ("debug", Holds::Boolean),
    ("engine.executor", Holds::Anything),
    ("engine.flow_runner", Holds::Anything),
    ("engine.task_runner", Holds::Anything),
    ("engine.workers", Holds::Setting),
    ("flows.checkpointing", Holds::Boolean),
    ("flows.defaults", Holds::Anything),
    ("flows.eager_edge_validation", Holds::Boolean),
    ("flows.run_on_schedule", Holds::Setting),
    ("home_dir", Holds::Text),
    ("logging.datefmt", Holds::Text),
    ("logging.extra_loggers", Holds::Anything),
    ("logging.format", Holds::Text),
    ("logging.level", Holds::Setting),
    ("logging.log_attributes", Holds::Anything),
    ("logging.log_to_cloud", Holds::Boolean),
    ("rate_limits", Holds::Anything),
    ("server", Holds::Anything),
    ("slack.flush_deadline", Holds::Setting),
    ("slack.ignore_states", Holds::Nothing(IN_CODE)),
    ("slack.only_states", Holds::Nothing(IN_CODE)),
    ("tasks.defaults.max_retries", Holds::Setting),
    ("tasks.defaults.retry_delay", Holds::Setting),
    ("tasks.defaults.timeout", Holds::Setting),
    ("ui.url", Holds::Setting),
    ("user_config_path", Holds::Text),
];

/// Ours only where mails can be sent: in other programs the section is the user's own.
const EMAIL: &[(&str, Holds)] = if cfg!(feature = "email") {
    &[
        ("email.flush_deadline", Holds::Setting),
        ("email.from", Holds::Setting),
        ("email.host", Holds::Setting),
        ("email.login", Holds::Setting),
        ("email.port", Holds::Setting),
        ("email.timeout", Holds::Setting),
        ("email.tls", Holds::Setting),
        ("email.to", Holds::Setting),
    ]
} else {
    &[]
};

/// Ours only where runs can be recorded.
const STORE: &[(&str, Holds)] = if cfg!(feature = "store") {
    &[
        ("logging.keep_days", Holds::Setting),
        ("logging.keep_megabytes", Holds::Setting),
        ("logging.store_level", Holds::Setting),
        ("store.record_runs", Holds::Setting),
        ("store.url", Holds::Setting),
    ]
} else {
    &[]
};

fn known() -> impl Iterator<Item = &'static (&'static str, Holds)> {
    KNOWN.iter().chain(EMAIL).chain(STORE)
}

/// Keys that people look for, and the secrets that are meant.
const MEANT_AS_SECRETS: &[(&str, &str)] = if cfg!(feature = "email") {
    &[("email.password", "EMAIL_PASSWORD"), ("email.user", "EMAIL_USERNAME"), ("email.username", "EMAIL_USERNAME")]
} else {
    &[]
};

/// Prefect reads its configuration as an object, so a key cannot be called like a method of a dictionary; files stay
/// the same for both.
const METHODS: &[&str] = &[
    "clear",
    "copy",
    "from_json",
    "from_toml",
    "from_yaml",
    "fromkeys",
    "get",
    "items",
    "keys",
    "merge_update",
    "pop",
    "popitem",
    "setdefault",
    "to_dict",
    "to_json",
    "to_toml",
    "to_yaml",
    "update",
    "values",
];

/// What a key is to us.
enum Standing {
    Known(Holds),
    /// A section of ours; the key sets it to a value.
    Section,
    /// The user's own.
    Foreign,
    /// In a section of ours, or nearly in one; with the key that is probably meant.
    Unknown(Option<Key>),
}

/// Checks every key: wrong ones of ours are errors, unknown ones warnings.
pub(crate) fn check(entries: &Entries, warnings: &mut Vec<ConfigWarning>) -> Result<(), ConfigError> {
    let mut told = BTreeSet::new();
    for (key, entry) in entries.iter() {
        let error = |kind, message| Err(ConfigError::new(kind, entry.origin.clone(), Some(key.to_string()), message));
        let expected = |what| {
            let message = format!("expected {what}, found {}", entry.value.type_name());
            error(ConfigErrorKind::Value, message)
        };
        if entry.origin != ConfigOrigin::Program
            && let Some(part) = key.0.iter().find(|part| METHODS.contains(&part.as_str()) || part.starts_with("__"))
        {
            return error(ConfigErrorKind::Key, format!("Invalid config key: \"{part}\""));
        }
        if is_key_of_secrets(&key.0) {
            let message = format!(
                "key `{key}` has no effect: the key of the secrets is given by PREFECT__SECRETS__KEY, or stands in a file of its \
                 own, which PREFECT__SECRETS__KEY_FILE names"
            );
            warnings.push(ConfigWarning::at(entry.origin.clone(), message));
            continue;
        }
        match standing(key) {
            Standing::Known(Holds::Text) if !matches!(entry.value, ConfigValue::Text(_)) => return expected("a text"),
            Standing::Known(Holds::Boolean) if entry.value.as_bool().is_none() => return expected("true or false"),
            Standing::Known(Holds::Nothing(why)) => {
                warnings.push(ConfigWarning::at(entry.origin.clone(), format!("key `{key}` {why}")));
            }
            Standing::Section => return expected(&format!("a section [{key}]")),
            Standing::Unknown(meant) => {
                // A misspelt section is told once, not for each of its keys.
                let section = &key.0[..key.0.len() - 1];
                let same_name = |meant: &Key| meant.0.last() == key.0.last() && !meant.0.starts_with(section);
                if meant.as_ref().is_some_and(same_name) && !told.insert(section) {
                    continue;
                }
                let hint = match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("section [{}] is ours, put keys of your own into another", key.0[0]),
                };
                warnings.push(ConfigWarning::at(entry.origin.clone(), format!("key `{key}` is unknown: {hint}")));
            }
            Standing::Known(_) | Standing::Foreign => {}
        }
    }
    Ok(())
}

/// Whether the value of this key is a secret, or was meant to be one.
pub(crate) fn is_secret(key: &Key) -> bool {
    key.is_below(&SECRETS)
        || match standing(key) {
            Standing::Unknown(Some(meant)) => meant.is_below(&SECRETS),
            // Perhaps a webhook, or a password.
            Standing::Unknown(None) => matches!(&*key.0[0], "slack" | "email"),
            _ => false,
        }
}

fn standing(key: &Key) -> Standing {
    let path = key.to_string();
    if let Some((_, holds)) = known().find(|(known, _)| *known == path) {
        return match holds {
            Holds::Anything if is_table(&path) => Standing::Section,
            holds => Standing::Known(*holds),
        };
    }
    if let Some((_, name)) = MEANT_AS_SECRETS.iter().find(|(key, _)| path.eq_ignore_ascii_case(key)) {
        return Standing::Unknown(Some(moved_to_secrets(name)));
    }
    let within = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    if path == SECRETS.join(".") || known().any(|(known, _)| within(&path, known)) {
        return Standing::Section;
    }
    if key.0[0] == SECRETS[0] {
        // Everything may stand in the context, but not secrets under another name.
        return match &key.0[1] {
            name if name == SECRETS[1] || !is_near(name, SECRETS[1]) => Standing::Foreign,
            _ => Standing::Unknown(Some(moved(&SECRETS, &key.0[2..]))),
        };
    }
    if known().any(|(known, holds)| matches!(holds, Holds::Anything) && within(known, &path)) {
        return Standing::Foreign;
    }
    let ours = |name: &str| known().any(|(known, _)| known.split('.').next() == Some(name));
    if ours(&key.0[0]) {
        let near = known().find(|(known, _)| {
            let known = Key::dotted(known);
            known.0.len() == key.0.len() && known.0.iter().zip(&key.0).all(|(a, b)| a == b || is_near(b, a))
        });
        return Standing::Unknown(near.map(|(known, _)| Key::dotted(known)));
    }
    Standing::foreign_or_near(key)
}

impl Standing {
    /// For a key whose first part is none of ours.
    fn foreign_or_near(key: &Key) -> Self {
        let (first, rest) = key.0.split_first().expect("a key has parts");
        let shouted = rest.is_empty() && first.contains('_') && !first.contains(|c: char| c.is_lowercase());
        if shouted || (rest.is_empty() && first.eq_ignore_ascii_case("SLACK_WEBHOOK_URL")) {
            return Self::Unknown(Some(moved(&SECRETS, &[first.to_uppercase()])));
        }
        if !rest.is_empty() && is_near(first, SECRETS[1]) {
            return Self::Unknown(Some(moved(&SECRETS, rest)));
        }
        let mut names = known().filter_map(|(known, _)| known.split('.').next());
        let Some(name) = names.find(|name| is_near(first, name)) else { return Self::Foreign };
        if name == SECRETS[0]
            && let Some((second, below)) = rest.split_first()
            && is_near(second, SECRETS[1])
        {
            return Self::Unknown(Some(moved(&SECRETS, below)));
        }
        Self::Unknown(Some(moved(&[name], rest)))
    }
}

/// `PREFECT__SECRETS__KEY` and those beside it, which the room `secrets` reads: they are no values of the configuration.
pub(super) fn is_key_of_secrets(parts: &[String]) -> bool {
    let [section, name] = parts else { return false };
    section == "secrets" && matches!(name.as_str(), "key" | "key_file" | "next_key" | "next_key_file")
}

/// The key of a secret.
pub(crate) fn moved_to_secrets(name: &str) -> Key {
    moved(&SECRETS, &[name.to_owned()])
}

fn moved(section: &[&str], rest: &[String]) -> Key {
    Key(section.iter().map(|part| (*part).to_owned()).chain(rest.iter().cloned()).collect())
}

/// Sections that cannot be set to a single value.
fn is_table(path: &str) -> bool {
    matches!(path, "cloud" | "concurrency" | "context" | "rate_limits" | "server")
}
