//! Texts for people: names of users, made safe to print, numbers of things, and how long they took.
use std::time::Duration;

/// Control characters become visible: a name must not move the cursor, nor start a line of its own.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Controls, and what turns the direction of a line around.
pub(crate) fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) fn counted(n: usize, what: &str) -> String {
    match what.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        _ if n == 1 => format!("1 {what}"),
        Some(stem) => format!("{n} {stem}ies"),
        None => format!("{n} {what}s"),
    }
}

/// A duration as people read it: `129.4µs`, `3.2s`, `1m 05s`, `2h 05m`.
pub(crate) fn human(time: Duration) -> String {
    let time = rounded(time);
    match time.as_secs() {
        0 if time.is_zero() => "0s".to_owned(),
        0..60 => format!("{time:.1?}"),
        seconds @ 60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// To the digit that is shown: what is rounded up may have the next unit.
fn rounded(time: Duration) -> Duration {
    let Ok(nanos) = u64::try_from(time.as_nanos()) else { return time };
    let digit = match nanos {
        1_000..1_000_000 => 100,
        1_000_000..1_000_000_000 => 100_000,
        1_000_000_000..60_000_000_000 => 100_000_000,
        _ => return time,
    };
    Duration::from_nanos((nanos + digit / 2) / digit * digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor_nor_turn_the_line() {
        assert_eq!(plain("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(plain("a\u{202e}b\u{9b}c"), "a\\u{202e}b\\u{9b}c");
        let marks = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}";
        assert_eq!(plain(marks), marks.escape_unicode().to_string());
        assert_eq!(plain("größer 国"), "größer 国");
    }

    #[test]
    fn things_are_counted() {
        let counts = [counted(1, "entry"), counted(2, "entry"), counted(0, "day"), counted(3, "task")];
        assert_eq!(counts, ["1 entry", "2 entries", "0 days", "3 tasks"]);
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        let texts = [0, 129_400, 3_200_000_000, 65_000_000_000, 7_500_000_000_000];
        let texts = texts.map(|nanos| human(Duration::from_nanos(nanos)));
        assert_eq!(texts, ["0s", "129.4µs", "3.2s", "1m 05s", "2h 05m"]);
    }

    #[test]
    fn a_duration_that_is_rounded_up_has_the_next_unit() {
        let texts = [999, 999_949, 999_950, 999_949_999, 999_950_000, 59_949_999_999, 59_950_000_000, 119_990_000_000];
        let texts = texts.map(|nanos| human(Duration::from_nanos(nanos)));
        assert_eq!(texts, ["999.0ns", "999.9µs", "1.0ms", "999.9ms", "1.0s", "59.9s", "1m 00s", "1m 59s"]);
        assert!(human(Duration::MAX).ends_with('m'));
    }
}
