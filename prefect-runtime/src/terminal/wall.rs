//! Moments of the past, as people read them.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text::counted;

/// The wall that a person looks at: what time it is, and where.
pub(super) struct Wall {
    pub(super) now: Timestamp,
    pub(super) zone: TimeZone,
}

impl Wall {
    pub(super) fn of_this_machine() -> Self {
        Self { now: Timestamp::now(), zone: TimeZone::system() }
    }

    /// `2026-01-01 13:00:00`
    pub(super) fn local(&self, moment: Timestamp) -> String {
        self.zone.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `3 min ago`
    pub(super) fn ago(&self, moment: Timestamp) -> String {
        let seconds = self.now.duration_since(moment).as_secs();
        let days = usize::try_from(seconds / 86_400).unwrap_or_default();
        match seconds {
            // Clocks of several machines need not agree.
            ..10 => "just now".to_owned(),
            10..60 => format!("{seconds} s ago"),
            60..3_600 => format!("{} min ago", seconds / 60),
            3_600..172_800 => format!("{} h ago", seconds / 3_600),
            _ if days < 730 => format!("{} ago", counted(days, "day")),
            _ => format!("{} ago", counted(days / 365, "year")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_by_the_wall_and_by_its_distance() {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        let wall = Wall { now, zone: TimeZone::fixed(jiff::tz::offset(1)) };
        assert_eq!(wall.local("2025-12-31T23:30:05.9Z".parse().unwrap()), "2026-01-01 00:30:05");
        for (moment, ago) in [
            ("2026-01-01T12:00:05Z", "just now"),
            ("2026-01-01T11:59:51Z", "just now"),
            ("2026-01-01T11:59:50Z", "10 s ago"),
            ("2026-01-01T11:59:00Z", "1 min ago"),
            ("2026-01-01T11:00:01Z", "59 min ago"),
            ("2026-01-01T11:00:00Z", "1 h ago"),
            ("2025-12-30T12:00:01Z", "47 h ago"),
            ("2025-12-30T12:00:00Z", "2 days ago"),
            ("2024-01-01T12:00:00Z", "2 years ago"),
        ] {
            assert_eq!(wall.ago(moment.parse().unwrap()), ago, "{moment}");
        }
    }
}
