//! Durations in a configuration.
use std::time::Duration;

use super::value::ConfigValue;

/// Longer than anybody waits, and short enough to add to any moment.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Seconds as a number, or a text such as `500ms`, `5s` or `1h 30m`.
pub(crate) fn duration(value: &ConfigValue) -> Option<Duration> {
    match value {
        ConfigValue::Integer(seconds) => Some(Duration::from_secs(u64::try_from(*seconds).ok()?)),
        ConfigValue::Float(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        ConfigValue::Text(text) => parse(text),
        _ => None,
    }
    .filter(|duration| *duration <= LONGEST)
}

fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        sum = sum.checked_add(part)?;
        rest = tail.trim_start();
    }
    (!text.trim().is_empty()).then_some(sum)
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
