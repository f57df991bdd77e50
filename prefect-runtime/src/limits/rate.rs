//! How often something may start.
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::flow::parse_duration;

/// How often task runs with a tag may start: `10/s`.
///
/// Starts are spread evenly: with `10/s` there is a tenth of a second at least between one and the next, so that no second
/// sees more than ten, wherever it begins.
///
/// ```
/// use std::time::Duration;
/// use prefect::Rate;
///
/// let rate: Rate = "10/s".parse().unwrap();
/// assert_eq!(rate.interval(), Duration::from_millis(100));
/// assert_eq!("30/m".parse::<Rate>().unwrap().interval(), Duration::from_secs(2));
/// assert_eq!("1/1m30s".parse::<Rate>().unwrap().to_string(), "1/1m30s");
/// assert!("ten/s".parse::<Rate>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    starts: NonZeroU32,
    per: Duration,
    /// As it was written.
    text: String,
}

/// Longer than anybody waits between two starts.
const LONGEST: Duration = Duration::from_hours(366 * 24);

impl Rate {
    /// The time between two starts, in whole microseconds, rounded up.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let micros = self.per.as_nanos().div_ceil(u128::from(self.starts.get())).div_ceil(1_000);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// As it was written.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    /// A number, a slash and a time: a unit (`s`, `m`, `h`, `d`, `ms`) or a duration such as `10s`.
    fn from_str(text: &str) -> Result<Self, BadRate> {
        let (starts, per) = text.split_once('/').ok_or(BadRate)?;
        let (starts, per) = (starts.trim(), per.trim());
        if !starts.bytes().all(|c| c.is_ascii_digit()) {
            return Err(BadRate);
        }
        let starts = starts.parse().map_err(|_| BadRate)?;
        let unit = per.starts_with(|c: char| c.is_ascii_alphabetic());
        let time = if unit { parse_duration(format!("1{per}").as_bytes()) } else { parse_duration(per.as_bytes()) };
        let time = time.filter(|time| !time.is_zero() && *time <= LONGEST).ok_or(BadRate)?;
        Ok(Self { starts, per: time, text: format!("{starts}/{per}") })
    }
}

/// A text that is no [`Rate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRate;

impl fmt::Display for BadRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a rate: write a number and a time, such as \"10/s\", \"100/m\" or \"1/30s\"")
    }
}

impl std::error::Error for BadRate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let interval = |text: &str| text.parse::<Rate>().map(|rate| rate.interval());
        assert_eq!(interval("10/s"), Ok(Duration::from_millis(100)));
        assert_eq!(interval(" 5 / 10s "), Ok(Duration::from_secs(2)));
        assert_eq!(interval("3/s"), Ok(Duration::from_micros(333_334)), "never more than three in a second");
        assert_eq!(interval("4000000000/ms"), Ok(Duration::from_micros(1)));
        assert_eq!(interval("24/d"), Ok(Duration::from_hours(1)));
        for wrong in
            ["", "/", "10", "0/s", "-1/s", "+1/s", "1.5/s", "10/", "10/0s", "10/x", "10/s/s", "9999999999/s", "1/400d"]
        {
            assert_eq!(interval(wrong), Err(BadRate), "{wrong}");
        }
    }
}
