//! Durations in a configuration.
use std::time::Duration;

use super::value::ConfigValue;
use crate::flow::parse_duration as parse;

/// Longer than anybody waits, and short enough to add to any moment.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Seconds as a number, or a text such as `500ms`, `5s` or `1h 30m`.
pub(crate) fn duration(value: &ConfigValue) -> Option<Duration> {
    match value {
        ConfigValue::Integer(seconds) => Some(Duration::from_secs(u64::try_from(*seconds).ok()?)),
        ConfigValue::Float(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        ConfigValue::Text(text) => parse(text.as_bytes()),
        _ => None,
    }
    .filter(|duration| *duration <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let text = |text: &str| duration(&ConfigValue::Text(text.to_owned()));
        assert_eq!(text("5s"), Some(Duration::from_secs(5)));
        assert_eq!(text("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(text(" 1h 30m"), Some(Duration::from_mins(90)));
        assert_eq!(text("1d"), Some(Duration::from_hours(24)));
        assert_eq!(text("0.5s"), Some(Duration::from_millis(500)));
        for wrong in ["", " ", "5", "s", "5 s", "5x", "-5s", "1e3s", "400d", "1.2.3s", "99999999999999999999999h"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
        assert_eq!(duration(&ConfigValue::Integer(5)), Some(Duration::from_secs(5)));
        assert_eq!(duration(&ConfigValue::Float(0.25)), Some(Duration::from_millis(250)));
        for wrong in [ConfigValue::Integer(-1), ConfigValue::Float(f64::NAN), ConfigValue::Integer(i64::MAX)] {
            assert_eq!(duration(&wrong), None);
        }
    }
}
