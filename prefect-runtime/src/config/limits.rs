//! The sections `[concurrency]` and `[rate_limits]`: their keys are the user's tags and flows.
use super::error::ConfigError;
use super::settings::Reader;
use super::value::ConfigValue;
use crate::{Limits, Rate};

pub(super) fn read(reader: &Reader<'_>) -> Result<Limits, ConfigError> {
    let mut limits = Limits::new();
    for (key, entry) in reader.entries.iter().filter(|(_, entry)| !entry.value.is_null()) {
        let parts: Vec<&str> = key.0.iter().map(String::as_str).collect();
        let at_once = || at_once(&entry.value).ok_or_else(|| reader.expected(key, entry, "a whole number from 1"));
        limits = match parts[..] {
            ["concurrency", "flows"] => {
                let section =
                    "a section [concurrency.flows] with the names of flows (a tag of that name cannot be limited here)";
                return Err(reader.expected(key, entry, section));
            }
            ["concurrency", tag] => limits.tag(tag, at_once()?),
            ["concurrency", "flows", flow] => limits.flow(flow, at_once()?),
            ["rate_limits", tag] => {
                let rate = entry.value.as_str().and_then(|text| text.parse::<Rate>().ok());
                let wanted = "a number and a time, such as \"10/s\", \"100/m\" or \"1/30s\"";
                limits.rate(tag, rate.ok_or_else(|| reader.expected(key, entry, wanted))?)
            }
            ["concurrency" | "rate_limits", ..] => return Err(reader.error(&key.to_string(), entry, &dotted(&parts))),
            _ => limits,
        };
    }
    Ok(limits)
}

fn at_once(value: &ConfigValue) -> Option<u32> {
    u32::try_from(value.as_i64()?).ok().filter(|limit| *limit > 0)
}

/// A name with points, which were taken for sections.
fn dotted(parts: &[&str]) -> String {
    let names = if parts[0] == "concurrency" && parts[1] == "flows" { 2 } else { 1 };
    let (section, name) = (parts[..names].join("."), parts[names..].join("."));
    format!("is no limit: a name with points is written in quotes, in [{section}] `\"{name}\" = ..`")
}
