//! Times as people write them: `"10s"`, `"1m30s"`.
use std::time::Duration;

use super::retry::RetryDelay;

/// Reads a time such as `"10s"`, `"1.5s"` or `"1h 30m"`: numbers, each with one of the units `ms`, `s`, `m`, `h`, `d`.
///
/// It is a `const fn`: in a constant, a bad text is a compile error.
///
/// # Panics
/// If the text is none.
///
/// ```
/// use std::time::Duration;
///
/// const LIMIT: Duration = prefect::duration("1m30s");
/// assert_eq!(LIMIT, Duration::from_secs(90));
/// ```
#[must_use]
#[track_caller]
pub const fn duration(text: &str) -> Duration {
    match parse(text.as_bytes()) {
        Some(time) => time,
        None => panic!(
            "not a duration: write numbers with a unit, `ms`, `s`, `m`, `h` or `d`, such as \"10s\" or \"1m30s\""
        ),
    }
}

/// `None` if the text is no duration.
pub(crate) const fn parse(text: &[u8]) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut i = skip_blanks(text, 0);
    if i == text.len() {
        return None;
    }
    while i < text.len() {
        let Some((number, after)) = digits(text, i) else { return None };
        let Some((billionths, after)) = decimals(text, after) else { return None };
        let Some((unit, after)) = unit(text, after) else { return None };
        // Overflow is no duration either.
        let Some(nanos) = number.checked_mul(unit as u128) else { return None };
        let Some(nanos) = nanos.checked_add(billionths as u128 * unit as u128 / 1_000_000_000) else { return None };
        if nanos / 1_000_000_000 > u64::MAX as u128 {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, reason = "just looked at")]
        let part = Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32);
        sum = match sum.checked_add(part) {
            Some(sum) => sum,
            None => return None,
        };
        i = skip_blanks(text, after);
    }
    Some(sum)
}

const fn skip_blanks(text: &[u8], mut i: usize) -> usize {
    while i < text.len() && text[i] == b' ' {
        i += 1;
    }
    i
}

/// The number that begins here, and where it ends.
const fn digits(text: &[u8], start: usize) -> Option<(u128, usize)> {
    let mut number: u128 = 0;
    let mut i = start;
    while i < text.len() && text[i].is_ascii_digit() {
        // More seconds than a `Duration` holds.
        if number > u64::MAX as u128 {
            return None;
        }
        number = number * 10 + (text[i] - b'0') as u128;
        i += 1;
    }
    if i == start { None } else { Some((number, i)) }
}

/// What follows a point, in billionths, if there is a point.
const fn decimals(text: &[u8], point: usize) -> Option<(u64, usize)> {
    if point == text.len() || text[point] != b'.' {
        return Some((0, point));
    }
    let (mut billionths, mut worth, mut i) = (0, 100_000_000, point + 1);
    while i < text.len() && text[i].is_ascii_digit() {
        billionths += (text[i] - b'0') as u64 * worth;
        worth /= 10;
        i += 1;
    }
    if i == point + 1 { None } else { Some((billionths, i)) }
}

/// The unit that stands here, in nanoseconds, and where it ends.
const fn unit(text: &[u8], i: usize) -> Option<(u64, usize)> {
    if i == text.len() {
        return None;
    }
    match text[i] {
        b'm' if i + 1 < text.len() && text[i + 1] == b's' => Some((1_000_000, i + 2)),
        b's' => Some((1_000_000_000, i + 1)),
        b'm' => Some((60_000_000_000, i + 1)),
        b'h' => Some((3_600_000_000_000, i + 1)),
        b'd' => Some((86_400_000_000_000, i + 1)),
        _ => None,
    }
}

/// What is taken where a time is asked for: a [`Duration`], or a text such as `"10s"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a duration",
    label = "expected a text such as `\"10s\"`, or a `Duration`"
)]
pub trait IntoDuration {
    /// The time.
    ///
    /// # Panics
    /// If a text is none: see [`duration`].
    #[track_caller]
    fn into_duration(self) -> Duration;
}

#[diagnostic::do_not_recommend]
impl IntoDuration for Duration {
    fn into_duration(self) -> Duration {
        self
    }
}

#[diagnostic::do_not_recommend]
impl IntoDuration for &str {
    #[track_caller]
    fn into_duration(self) -> Duration {
        duration(self)
    }
}

/// What is taken where a delay between attempts is asked for: what is a duration, and [`exponential`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a delay",
    label = "expected a text such as `\"10s\"`, a `Duration`, or `exponential(\"1s\", max = \"5m\")`"
)]
pub trait IntoRetryDelay {
    /// The delay.
    ///
    /// # Panics
    /// If a text is none: see [`duration`].
    #[track_caller]
    fn into_retry_delay(self) -> RetryDelay;
}

#[diagnostic::do_not_recommend]
impl IntoRetryDelay for RetryDelay {
    fn into_retry_delay(self) -> RetryDelay {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoDuration> IntoRetryDelay for T {
    #[track_caller]
    fn into_retry_delay(self) -> RetryDelay {
        RetryDelay::Fixed(self.into_duration())
    }
}

/// Waits at most `base` before the first retry, twice as long before each further one, never more than `max`; of that
/// limit a random part is waited, so that tasks that failed together do not come back together.
///
/// In `#[task(..)]` and in `flow!`: `exponential("1s", max = "5m")`.
///
/// # Panics
/// If a text is no duration, or `max` is shorter than `base`.
///
/// ```
/// use std::time::Duration;
/// use prefect::{RetryDelay, exponential};
///
/// let delay = exponential("1s", "5m");
/// assert_eq!(delay, RetryDelay::Exponential { base: Duration::from_secs(1), max: Duration::from_secs(300) });
/// ```
#[must_use]
#[track_caller]
pub fn exponential(base: impl IntoDuration, max: impl IntoDuration) -> RetryDelay {
    let (base, max) = (base.into_duration(), max.into_duration());
    assert!(base <= max, "`max` is shorter than the first delay: {max:?} < {base:?}");
    RetryDelay::Exponential { base, max }
}

/// The keyword form of [`exponential()`].
#[allow(non_camel_case_types, reason = "the type behind the function of the same name")]
#[doc(hidden)]
#[derive(Debug)]
pub enum exponential {}

#[doc(hidden)]
impl exponential {
    #[must_use]
    pub fn __kw() -> exponential_args<(), ()> {
        exponential_args { base: (), max: () }
    }
}

#[allow(non_camel_case_types, reason = "named in errors, beside the function's name")]
#[allow(missing_docs, reason = "only the macros write it")]
#[doc(hidden)]
#[derive(Debug)]
pub struct exponential_args<B, M> {
    base: B,
    max: M,
}

#[allow(missing_docs, reason = "only the macros write it")]
impl<M> exponential_args<(), M> {
    #[track_caller]
    pub fn __0(self, base: impl IntoDuration) -> exponential_args<Duration, M> {
        self.base(base)
    }

    #[track_caller]
    pub fn base(self, base: impl IntoDuration) -> exponential_args<Duration, M> {
        exponential_args { base: base.into_duration(), max: self.max }
    }
}

#[allow(missing_docs, reason = "only the macros write it")]
impl<B> exponential_args<B, ()> {
    #[track_caller]
    pub fn __1(self, max: impl IntoDuration) -> exponential_args<B, Duration> {
        self.max(max)
    }

    #[track_caller]
    pub fn max(self, max: impl IntoDuration) -> exponential_args<B, Duration> {
        exponential_args { base: self.base, max: max.into_duration() }
    }
}

/// Names what is missing.
#[diagnostic::on_unimplemented(
    message = "`exponential` needs the first delay and a limit: `exponential(\"1s\", max = \"5m\")`",
    label = "an argument is missing"
)]
#[doc(hidden)]
pub trait Both {
    /// The two times.
    fn both(self) -> (Duration, Duration);
}

#[diagnostic::do_not_recommend]
impl Both for exponential_args<Duration, Duration> {
    fn both(self) -> (Duration, Duration) {
        (self.base, self.max)
    }
}

#[allow(missing_docs, reason = "only the macros write it")]
impl<B, M> exponential_args<B, M> {
    #[track_caller]
    pub fn __call(self) -> RetryDelay
    where
        Self: Both,
    {
        let (base, max) = self.both();
        exponential(base, max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse(text.as_bytes()), expected.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn texts() {
        check("10s", Some(10_000));
        check("500ms", Some(500));
        check("1m30s", Some(90_000));
        check("2h", Some(7_200_000));
        check("1d12h", Some(129_600_000));
        check("1m1ms", Some(60_001));
        check("0s", Some(0));
        check(" 1h 30m", Some(5_400_000));
        check("1.5s", Some(1_500));
        assert_eq!(parse(b"0.25ms"), Some(Duration::from_micros(250)));
        assert_eq!(parse(b"0.0000000019s"), Some(Duration::from_nanos(1)));
        for bad in ["", " ", "10", "s", "10x", "-1s", "1.s", ".5s", "1.2.3s", "1e3s", "10 s", "1ss", "1us"] {
            check(bad, None);
        }
        for too_long in ["99999999999999999999s", "18446744073709551615d", "18446744073709551615s 1s"] {
            check(too_long, None);
        }
    }

    #[test]
    fn a_limit_below_the_base_is_a_mistake() {
        let error = std::panic::catch_unwind(|| exponential("2s", "1s")).unwrap_err();
        assert!(error.downcast_ref::<String>().unwrap().contains("shorter"));
    }
}
