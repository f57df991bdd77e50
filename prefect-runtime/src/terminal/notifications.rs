//! `notifications retry`: sends what is in the store, and waits for it.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use prefect_store::{Listed, NotificationRow, NotificationStatus, Store};

use super::recorded::Said;
use super::text::{counted, plain};
use crate::notify::{DeliverySettings, Ledger, Notifications};
use crate::{Clock, Config};

/// Which notifications are sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that wait, due or not.
    Waiting,
    /// Those that were given up, too.
    All,
    /// These, whatever became of them, unless they were sent.
    These(Vec<i64>),
}

/// Sends them. The error is a sentence: nothing has changed then.
pub(super) fn retry(config: &Config, url: Option<&str>, program: &str, which: &Which) -> Result<Said, String> {
    let store = super::durable::open(config, url, program)?;
    let rows = store.notifications(Listed::All).map_err(|error| error.to_string())?;
    let ids = chosen(&rows, which, &store)?;
    if ids.is_empty() {
        return Ok("nothing waits to be sent\n".to_owned().into());
    }
    let mut by_destination: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| ids.contains(&row.id)) {
        by_destination.entry((&row.message.kind, &row.message.to)).or_default().push(row.id);
    }
    let clock = Clock::system();
    let ledger = Some(Arc::new(Ledger::new(store, None)));
    let notifications = Notifications::new(clock.clone(), DeliverySettings { ledger, ..DeliverySettings::of(config) });
    let mut nowhere = Vec::new();
    for ((kind, to), ids) in by_destination {
        match notifications.send_again(kind, to, &ids) {
            Ok(()) => {}
            Err(why) => nowhere.push((ids.len(), why)),
        }
    }
    let report = notifications.finish(clock.now(), ());
    let mut text = format!("{} sent\n", report.forwarded());
    for (count, why) in report.left_reasons() {
        let _ = writeln!(text, "{} not sent, and waiting for another try ({})", told(count), plain(&why));
    }
    for (count, why) in report.not_sent_reasons() {
        let _ = writeln!(text, "{} not sent, and given up ({})", told(count), plain(&why));
    }
    for (count, why) in &nowhere {
        let _ = writeln!(text, "{} as before: {}", counted(*count, "notification"), plain(why));
    }
    let all = nowhere.is_empty() && report.left() == 0 && report.not_sent() == 0;
    Ok(Said { text: config.redactor().redact(&text).into_owned(), code: u8::from(!all) })
}

fn told(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "notification")
}

fn chosen(rows: &[NotificationRow], which: &Which, store: &Store) -> Result<Vec<i64>, String> {
    let with = |statuses: &[NotificationStatus]| {
        rows.iter().filter(|row| statuses.contains(&row.status)).map(|row| row.id).collect()
    };
    match which {
        Which::Waiting => Ok(with(&[NotificationStatus::Waits])),
        Which::All => Ok(with(&[NotificationStatus::Waits, NotificationStatus::GivenUp])),
        Which::These(ids) => {
            for id in ids {
                match rows.iter().find(|row| row.id == *id).map(|row| row.status) {
                    Some(NotificationStatus::Waits | NotificationStatus::GivenUp) => {}
                    Some(NotificationStatus::Sent) => return Err(format!("notification {id} was sent already")),
                    Some(NotificationStatus::Taken) => {
                        return Err(format!("notification {id} is being sent by a process that lives: wait for that"));
                    }
                    None => {
                        return Err(format!(
                            "there is no notification {id} in {}: `notifications list --all` lists those that there are",
                            store.url()
                        ));
                    }
                }
            }
            Ok(ids.clone())
        }
    }
}
