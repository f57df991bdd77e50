//! `store prune` and `store backup`
use std::path::{Path, PathBuf};
use std::time::Duration;

use prefect_store::{Micros, Prunable, Prune, PruneStep, Store, StoreUrl};
use serde_json::json;

use super::check::sized;
use super::{Asker, Said, sentence};
use crate::terminal::progress::Progress;
use crate::terminal::text::{counted, human, plain};
use crate::terminal::{Format, durable};

/// What is done to a store.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::terminal) enum Upkeep {
    /// Old runs are removed.
    Prune {
        /// Those that ended longer ago.
        older_than: Duration,
        /// So many of each flow stay.
        keep: u32,
        really: Really,
    },
    /// It is copied into this file.
    Backup(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::terminal) enum Really {
    Do,
    /// Only say what would be done.
    Say,
}

impl Asker<'_> {
    /// `store` is open for reading.
    pub(super) fn look_after(&self, store: &Store, upkeep: &Upkeep) -> Result<Said, String> {
        match upkeep {
            Upkeep::Backup(file) => self.backup(store, file),
            Upkeep::Prune { older_than, keep, really } => {
                let age = i64::try_from(older_than.as_micros()).unwrap_or(i64::MAX);
                let ended_before = Micros(self.wall.now.as_microsecond().saturating_sub(age));
                let prune = Prune { ended_before, keep: *keep };
                match really {
                    Really::Say => self.would_prune(store, &prune, *older_than),
                    Really::Do => self.prune(store, &prune, *older_than),
                }
            }
        }
    }

    fn would_prune(&self, store: &Store, prune: &Prune, age: Duration) -> Result<Said, String> {
        let Prunable { runs, held_up, .. } = store.count_prunable(prune).map_err(|error| sentence(&error))?;
        if self.format == Format::Json {
            return Ok(self.json(&json!({ "dry_run": true, "runs": runs, "held_up": held_up })));
        }
        let text = format!("{} would be removed; nothing is\n", which(runs, age, prune.keep));
        Ok((text + &Self::kept(held_up)).into())
    }

    fn prune(&self, store: &Store, prune: &Prune, age: Duration) -> Result<Said, String> {
        let Prunable { runs, held_up, .. } = store.count_prunable(prune).map_err(|error| sentence(&error))?;
        let store = Store::open(store.url(), durable::options(self.config)).map_err(|error| sentence(&error))?;
        let bar = Progress::new();
        bar.begin("removing runs", runs);
        let (mut of_rows, mut space) = (false, None);
        let pruned = store.prune(prune, |step| match step {
            PruneStep::Runs(done) => bar.at(done),
            PruneStep::Rows(_) if !std::mem::replace(&mut of_rows, true) => bar.begin("removing what they had", 0),
            PruneStep::Space(left) => {
                let all = *space.get_or_insert_with(|| {
                    bar.begin("giving space back", left);
                    left
                });
                bar.at(all.saturating_sub(left));
            }
            _ => {}
        });
        drop(bar);
        let pruned = pruned.map_err(|error| sentence(&error))?;
        let (before, after) = pruned.bytes;
        if self.format == Format::Json {
            return Ok(self.json(&json!({
                "dry_run": false,
                "runs": pruned.runs,
                "rows": pruned.rows,
                "graphs": pruned.graphs,
                "ticks": pruned.ticks,
                "held_up": held_up,
                "bytes": { "before": before, "after": after },
            })));
        }
        let saved = format!("{} before, {} after", sized(before), sized(after));
        let ticks = if pruned.ticks == 0 { String::new() } else { format!(" and {}", count(pruned.ticks, "old tick")) };
        let text = format!(
            "{} removed, with {}{ticks}; the store takes {saved}\n",
            which(pruned.runs, age, prune.keep),
            count(pruned.rows, "row")
        );
        Ok((text + &Self::kept(held_up)).into())
    }

    /// Why so many runs stay that are old enough to go.
    fn kept(held_up: u64) -> String {
        match held_up {
            0 => String::new(),
            1 => "1 more stays: notifications of it wait to be sent (`notifications list`)\n".to_owned(),
            more => format!("{more} more stay: notifications of them wait to be sent (`notifications list`)\n"),
        }
    }

    fn backup(&self, store: &Store, file: &Path) -> Result<Said, String> {
        let file = &named(file)?;
        let bar = Progress::new();
        let mut all = 0;
        let copied = store.backup(file, |done, of| {
            if std::mem::replace(&mut all, of) != of {
                bar.begin("copying", of);
            }
            bar.at(done);
        });
        drop(bar);
        let bytes = copied.map_err(|error| sentence(&error))?;
        let path = plain(&file.display().to_string());
        if self.format == Format::Json {
            return Ok(self.json(&json!({ "path": path, "bytes": bytes })));
        }
        Ok(format!("the store is copied to {path} ({})\n", sized(bytes)).into())
    }
}

fn count(number: u64, what: &str) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), what)
}

/// The file that a copy is to be: a path, or the URL of an SQLite store.
fn named(file: &Path) -> Result<PathBuf, String> {
    match file.to_str() {
        Some("-") => Err("a copy is a file, and cannot go to standard output: name a file".to_owned()),
        Some(text) if ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme)) => {
            // The URL of a server has a password, which is not repeated.
            let url = text.parse::<StoreUrl>().ok();
            let path = url.as_ref().and_then(StoreUrl::path).map(Path::to_owned);
            path.ok_or_else(|| "a copy is an SQLite file: name a file, and not a server".to_owned())
        }
        _ => Ok(file.to_owned()),
    }
}

/// `12 runs that ended more than 30 days ago, but for the newest 5 of each flow,`
fn which(runs: u64, age: Duration, keep: u32) -> String {
    let runs = count(runs, "run");
    let day = Duration::from_hours(24);
    let age = match usize::try_from(age.as_secs() / day.as_secs()) {
        Ok(days @ 2..) if age.subsec_nanos() == 0 && age.as_secs().is_multiple_of(day.as_secs()) => {
            counted(days, "day")
        }
        _ => human(age),
    };
    let but = if keep == 0 { String::new() } else { format!(", but for the newest {keep} of each flow,") };
    format!("{runs} that ended more than {age} ago{but}")
}
