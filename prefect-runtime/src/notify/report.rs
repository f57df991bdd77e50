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
    /// Of how many changes the messages tell that were sent.
    changes: u64,
    not_sent: BTreeMap<Arc<str>, u64>,
    left: BTreeMap<Arc<str>, u64>,
    forwarded: u64,
}

impl NotificationReport {
    /// How many messages were accepted.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many changes of a state those tell of: more than messages, where a message tells of many.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How many were not, and never will be. One that tells of many changes counts as so many.
    #[must_use]
    pub fn not_sent(&self) -> u64 {
        self.not_sent.values().sum()
    }

    /// How many messages are left in the store, for the next process to send them.
    ///
    /// ```
    /// # use prefect::NotificationReport;
    /// assert_eq!(NotificationReport::default().left(), 0, "without a store nothing is");
    /// ```
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.values().sum()
    }

    /// How many messages were sent that earlier processes, or earlier runs, had left in the store.
    #[must_use]
    pub fn forwarded(&self) -> u64 {
        self.forwarded
    }

    /// Why messages were not sent, and how many for each reason, in alphabetical order.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, u64)> {
        self.not_sent.iter().map(|(reason, count)| (&**reason, *count))
    }

    /// Why messages were left, with how many each.
    #[cfg(all(feature = "cli", feature = "store"))]
    pub(crate) fn left_reasons(&self) -> Vec<(u64, String)> {
        self.left.iter().map(|(why, count)| (*count, why.to_string())).collect()
    }

    /// Why messages will never be sent, with how many each.
    #[cfg(all(feature = "cli", feature = "store"))]
    pub(crate) fn not_sent_reasons(&self) -> Vec<(u64, String)> {
        self.not_sent.iter().map(|(why, count)| (*count, why.to_string())).collect()
    }

    /// Whether there was nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent == 0 && self.not_sent.is_empty() && self.left.is_empty() && self.forwarded == 0
    }

    pub(crate) fn add_sent(&mut self, changes: u64) {
        self.sent += 1;
        self.changes += changes;
    }

    pub(crate) fn add_not_sent(&mut self, reason: &Arc<str>, count: u64) {
        if count > 0 {
            *self.not_sent.entry(Arc::clone(reason)).or_default() += count;
        }
    }

    pub(crate) fn add_left(&mut self, reason: &Arc<str>) {
        *self.left.entry(Arc::clone(reason)).or_default() += 1;
    }

    pub(crate) fn add_forwarded(&mut self) {
        self.forwarded += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.changes += other.changes;
        self.forwarded += other.forwarded;
        for (mine, theirs) in [(&mut self.not_sent, &other.not_sent), (&mut self.left, &other.left)] {
            for (reason, count) in theirs {
                *mine.entry(Arc::clone(reason)).or_default() += count;
            }
        }
    }
}

impl fmt::Display for NotificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "notifications: {} sent", self.sent)?;
        if self.changes > self.sent {
            write!(f, " (of {} state changes)", self.changes)?;
        }
        if self.forwarded > 0 {
            write!(f, ", {} that were left before", self.forwarded)?;
        }
        for (count, what, reasons) in
            [(self.not_sent(), "not sent", &self.not_sent), (self.left(), "left for the next process", &self.left)]
        {
            if count > 0 {
                write!(f, ", {count} {what} ({})", listed(reasons))?;
            }
        }
        Ok(())
    }
}

/// `slack: 503`, or each reason with its count.
fn listed(reasons: &BTreeMap<Arc<str>, u64>) -> String {
    let one = |(reason, count): (&Arc<str>, &u64)| {
        if reasons.len() > 1 { format!("{count} {reason}") } else { reason.to_string() }
    };
    reasons.iter().map(one).collect::<Vec<_>>().join("; ")
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
            report.add_sent(1);
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

    #[test]
    fn what_is_in_the_store_has_words_of_its_own() {
        let mut report = NotificationReport::default();
        report.add_sent(1);
        for _ in 0..3 {
            report.add_left(&"slack: 503".into());
        }
        assert_eq!(report.to_string(), "notifications: 1 sent, 3 left for the next process (slack: 503)");
        assert!(!report.is_empty() && report.left() == 3 && report.not_sent() == 0);
        let mut other = NotificationReport::default();
        other.add_forwarded();
        assert_eq!(other.to_string(), "notifications: 0 sent, 1 that were left before");
        other.add_sent(99_990);
        other.add_not_sent(&"slack: no_service".into(), 1);
        report.merge(&other);
        assert_eq!(
            report.to_string(),
            "notifications: 2 sent (of 99991 state changes), 1 that were left before, 1 not sent (slack: no_service), 3 left \
             for the next process (slack: 503)"
        );
    }
}
