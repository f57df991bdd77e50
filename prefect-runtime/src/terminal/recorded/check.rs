//! `store check`
use std::fmt::Write as _;

use prefect_store::{Location, Store, StoreUrl};
use serde_json::json;

use super::{Asker, Said, sentence};
use crate::terminal::Format;
use crate::terminal::text::plain;

impl Asker<'_> {
    /// What is damaged makes the exit code 1.
    pub(super) fn check(&self, store: &Store) -> Result<Said, String> {
        let found = store.check().map_err(|error| sentence(&error))?;
        let path = shown(&store.url().location());
        let code = u8::from(!found.damage.is_empty());
        if self.format == Format::Json {
            let said = self.json(&json!({
                "path": path,
                "sound": found.damage.is_empty(),
                "damage": found.damage,
                "version": found.version,
                "engine": found.engine,
                "bytes": { "database": found.database, "log": found.log, "unused": found.unused },
                "runs": found.runs,
                "bytes_per_run": found.used.checked_div(found.runs),
                "task_runs": found.task_runs,
                "changes": found.transitions,
            }));
            return Ok(Said { code, ..said });
        }
        let mut text =
            if found.damage.is_empty() { format!("{path} is sound\n\n") } else { damaged(&path, &found.damage) + "\n" };
        let each = found.used.checked_div(found.runs);
        let runs = match each {
            Some(each) => format!("{}, {} each", found.runs, sized(each)),
            None => found.runs.to_string(),
        };
        for (what, value) in [
            ("tables", format!("version {}", found.version)),
            ("kept by", found.engine),
            ("database", sized(found.database)),
            ("unused", found.unused.map_or("-".to_owned(), sized)),
            ("log", found.log.map_or("-".to_owned(), sized)),
            ("runs", runs),
            ("task runs", found.task_runs.to_string()),
            ("changes", found.transitions.to_string()),
        ] {
            let _ = writeln!(text, "  {what:<9}  {value}");
        }
        Ok(Said { text, code })
    }

    /// The same of a store that is so damaged that it cannot even be opened.
    pub(super) fn cannot_check(&self, url: &StoreUrl, reason: String) -> Said {
        let (path, damage) = (shown(&url.location()), [reason]);
        let said = match self.format {
            Format::Json => self.json(&json!({ "path": path, "sound": false, "damage": damage })),
            Format::Table => damaged(&path, &damage).into(),
        };
        Said { code: 1, ..said }
    }
}

fn shown(at: &Location) -> String {
    plain(&at.to_string())
}

fn damaged(path: &str, damage: &[String]) -> String {
    let damage: Vec<_> = damage.iter().map(|line| format!("    {}\n", plain(line))).collect();
    format!(
        "{path} is damaged: put a copy in its place, or save what `sqlite3 FILE .recover` can read\n{}",
        damage.concat()
    )
}

/// `12.5 MiB`
pub(super) fn sized(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one digit is shown")]
    let of = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{:.1} KiB", of(1 << 10)),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", of(1 << 20)),
        _ => format!("{:.1} GiB", of(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::sized;

    #[test]
    fn sizes_are_read_at_a_glance() {
        let sizes = [0, 1023, 1024, 1536, 5 << 20, 3 << 30].map(sized);
        assert_eq!(sizes, ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "5.0 MiB", "3.0 GiB"]);
    }
}
