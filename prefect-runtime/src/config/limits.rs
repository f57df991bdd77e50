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

#[cfg(test)]
mod tests {
    use crate::{Config, Limits};

    fn limits(text: &str) -> Result<Limits, String> {
        let config = Config::builder().user_config(text).build().map_err(|error| error.to_string())?;
        assert!(config.warnings().is_empty(), "{:?}", config.warnings());
        Ok(config.settings().limits.clone())
    }

    #[test]
    fn tags_flows_and_rates() {
        let text = "[concurrency]\ndb = 3\n\"api.v2\" = 1\n[concurrency.flows]\n\"Nightly ETL\" = 1\n[rate_limits]\napi = \"10/s\"\n";
        let rate = "10/s".parse().unwrap();
        let expected = Limits::new().tag("db", 3).tag("api.v2", 1).flow("Nightly ETL", 1).rate("api", rate);
        assert_eq!(limits(text), Ok(expected));
        assert_eq!(limits(""), Ok(Limits::new()));
        let environment = [("PREFECT__CONCURRENCY__DB", "7"), ("PREFECT__RATE_LIMITS__API", "1/m")];
        let config = Config::builder().user_config("[concurrency]\ndb = 3\n").environment(environment).build().unwrap();
        assert_eq!(config.settings().limits, Limits::new().tag("db", 7).rate("api", "1/m".parse().unwrap()));
    }

    #[test]
    fn what_is_no_limit_is_refused_at_its_place() {
        for (text, error) in [
            ("[concurrency]\ndb = 0", "2:6: key `concurrency.db`: expected a whole number from 1, found `0`"),
            ("[concurrency]\ndb = \"many\"", "2:6: key `concurrency.db`: expected a whole number from 1, found `many`"),
            (
                "[concurrency]\nflows = 2",
                "2:9: key `concurrency.flows`: expected a section [concurrency.flows] with the names of flows (a tag of that \
                 name cannot be limited here), found `2`",
            ),
            (
                "[concurrency]\napi.v2 = 1",
                "2:10: key `concurrency.api.v2`: is no limit: a name with points is written in quotes, in [concurrency] \
                 `\"api.v2\" = ..`",
            ),
            (
                "[concurrency.flows]\na.b = 1",
                "2:7: key `concurrency.flows.a.b`: is no limit: a name with points is written in quotes, in \
                 [concurrency.flows] `\"a.b\" = ..`",
            ),
            (
                "[rate_limits]\napi = 10",
                "2:7: key `rate_limits.api`: expected a number and a time, such as \"10/s\", \"100/m\" or \"1/30s\", found `10`",
            ),
            ("concurrency = 4", "1:15: key `concurrency`: expected a section [concurrency], found an integer"),
        ] {
            assert_eq!(limits(text), Err(format!("config.toml:{error}")));
        }
        let warned = Config::builder().user_config("[concurency]\ndb = 1").build().unwrap();
        assert!(
            warned.warnings()[0].to_string().ends_with("did you mean `concurrency.db`?"),
            "{:?}",
            warned.warnings()
        );
    }
}
