//! What became of the messages of a run.
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How many notifications of a run were sent, and why the others were not.
///
/// Its text is the line of the run's summary: `notifications: 12 sent, 1 not sent (slack: 503)`.
///
/// ```
/// use prefect::NotificationReport;
///
/// let nothing = NotificationReport::default();
/// assert_eq!(nothing.to_string(), "notifications: 0 sent");
/// assert_eq!((nothing.sent(), nothing.not_sent(), nothing.reasons().count()), (0, 0, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationReport {
    sent: u64,
    not_sent: BTreeMap<Arc<str>, u64>,
}

impl NotificationReport {
    /// How many messages were accepted.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many were not.
    #[must_use]
    pub fn not_sent(&self) -> u64 {
        self.not_sent.values().sum()
    }

    /// Why messages were not sent, and how many for each reason, in alphabetical order.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, u64)> {
        self.not_sent.iter().map(|(reason, count)| (&**reason, *count))
    }

    /// Whether there was nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent == 0 && self.not_sent.is_empty()
    }

    pub(crate) fn add_sent(&mut self) {
        self.sent += 1;
    }

    pub(crate) fn add_not_sent(&mut self, reason: &Arc<str>, count: usize) {
        if count > 0 {
            *self.not_sent.entry(Arc::clone(reason)).or_default() += count as u64;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        for (reason, count) in &other.not_sent {
            *self.not_sent.entry(Arc::clone(reason)).or_default() += count;
        }
    }
}

impl fmt::Display for NotificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "notifications: {} sent", self.sent)?;
        if self.not_sent.is_empty() {
            return Ok(());
        }
        write!(f, ", {} not sent (", self.not_sent())?;
        let several = self.not_sent.len() > 1;
        for (i, (reason, count)) in self.reasons().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            if several {
                write!(f, "{count} ")?;
            }
            f.write_str(reason)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_summary() {
        let mut report = NotificationReport::default();
        assert!(report.is_empty());
        assert_eq!(report.to_string(), "notifications: 0 sent");
        for _ in 0..12 {
            report.add_sent();
        }
        assert_eq!(report.to_string(), "notifications: 12 sent");
        assert!(!report.is_empty());
        report.add_not_sent(&"nothing was left".into(), 0);
        assert_eq!(report.reasons().count(), 0);
        report.add_not_sent(&"slack: 503".into(), 1);
        assert_eq!(report.to_string(), "notifications: 12 sent, 1 not sent (slack: 503)");
        let mut other = NotificationReport::default();
        other.add_not_sent(&"no webhook: ONCALL".into(), 2);
        assert!(!other.is_empty());
        other.add_not_sent(&"slack: 503".into(), 2);
        report.merge(&other);
        let line = "notifications: 12 sent, 5 not sent (2 no webhook: ONCALL; 3 slack: 503)";
        assert_eq!(report.to_string(), line);
        assert_eq!(report.not_sent(), 5);
        assert!(!report.is_empty());
    }
}
