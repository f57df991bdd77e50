//! Times as people write them: `"10s"`, `"1m30s"`.
use std::time::Duration;

use super::retry::RetryDelay;

/// Reads a time such as `"10s"`, `"500ms"` or `"1m30s"`: whole numbers, each with one of the units `ms`, `s`, `m`, `h`,
/// `d`.
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
            "not a duration: write whole numbers with a unit, `ms`, `s`, `m`, `h` or `d`, such as \"10s\" or \"1m30s\""
        ),
    }
}

const fn parse(text: &[u8]) -> Option<Duration> {
    let mut millis: u64 = 0;
    let mut i = 0;
    if text.is_empty() {
        return None;
    }
    while i < text.len() {
        let mut number: u64 = 0;
        let start = i;
        while i < text.len() && text[i].is_ascii_digit() {
            // Overflow is no duration either.
            let Some(tens) = number.checked_mul(10) else { return None };
            let Some(next) = tens.checked_add((text[i] - b'0') as u64) else { return None };
            number = next;
            i += 1;
        }
        if i == start || i == text.len() {
            return None;
        }
        let unit: u64 = match text[i] {
            b'm' if i + 1 < text.len() && text[i + 1] == b's' => {
                i += 1;
                1
            }
            b's' => 1_000,
            b'm' => 60_000,
            b'h' => 3_600_000,
            b'd' => 86_400_000,
            _ => return None,
        };
        i += 1;
        let Some(part) = number.checked_mul(unit) else { return None };
        let Some(sum) = millis.checked_add(part) else { return None };
        millis = sum;
    }
    Some(Duration::from_millis(millis))
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
        for bad in ["", "10", "s", "10x", "-1s", "1.5s", "10 s", "1ss", "10s ", "1us", "99999999999999999999s"] {
            check(bad, None);
        }
        check("18446744073709551615d", None);
    }

    #[test]
    fn a_limit_below_the_base_is_a_mistake() {
        let error = std::panic::catch_unwind(|| exponential("2s", "1s")).unwrap_err();
        assert!(error.downcast_ref::<String>().unwrap().contains("shorter"));
    }
}
