//! `notifications retry`: sends what is in the store, and waits for it. `notifications give-up`: nobody tries any more.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use prefect_store::{Fate, Listed, Mark, NotificationRef, NotificationRow, NotificationStatus, Store, Wanted};

use super::durable::{self, Found};
use super::recorded::Said;
use super::text::{counted, plain};
use crate::notify::{DeliverySettings, Ledger, Notifications};
use crate::{Clock, Config};

/// Which notifications are meant.
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
    // Who only wants to be sure that nothing waits is not told of a store that nobody has used yet.
    let store = match durable::find(config, url, program)? {
        Found::There(store) => store,
        Found::Missing(_) if !matches!(which, Which::These(_)) => {
            return Ok("nothing waits to be sent\n".to_owned().into());
        }
        Found::Missing(why) => return Err(why),
    };
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

/// Has nobody try any more to send these. The error is a sentence: nothing has changed then.
pub(super) fn give_up(config: &Config, url: Option<&str>, program: &str, which: &Which) -> Result<String, String> {
    let store = durable::open_there(config, url, program)?;
    let rows = store.notifications(Listed::All).map_err(|error| error.to_string())?;
    let mut ids = chosen(&rows, which, &store)?;
    let waits = |id: &i64| rows.iter().any(|row| row.id == *id && row.status == NotificationStatus::Waits);
    ids.retain(waits);
    let taken = store.take_notifications(Wanted::These(ids)).map_err(|error| error.to_string())?;
    let fate = Fate::GivenUp(format!("given up by {}", durable::asker()));
    store.mark(taken.iter().map(|taken| Mark { of: NotificationRef::row(taken.id), fate: fate.clone() }).collect());
    store.wait_for_marks().map_err(|error| error.to_string())?;
    Ok(format!("{} given up\n", counted(taken.len(), "notification")))
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
                            plain(&store.url().location().to_string())
                        ));
                    }
                }
            }
            Ok(ids.clone())
        }
    }
}
