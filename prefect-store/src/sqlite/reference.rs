//! Which run a person means.
use std::path::Path;

use rusqlite::{Connection, params};

use super::errors::AtPath;
use super::rows::{RUN, run_row};
use crate::error::Candidate;
use crate::{RunId, RunRow, StoreError};

/// So many digits of an id at least: fewer fit by chance.
const DIGITS: usize = 4;

pub(super) fn find(connection: &Connection, path: &Path, reference: &str) -> Result<RunRow, StoreError> {
    let unknown = || StoreError::UnknownRun { reference: reference.to_owned(), path: path.to_owned() };
    let mut conditions = Vec::new();
    let digits: String = reference.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
    let (mut first, mut last) = (Vec::new(), Vec::new());
    if let Ok(id) = reference.parse::<RunId>() {
        first = id.as_bytes().to_vec();
        conditions.push("id = ?1");
    } else {
        if (DIGITS..32).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            // A range, which the index of ids knows.
            (first, last) = (bytes(&format!("{digits:0<32}")), bytes(&format!("{digits:f<32}")));
            conditions.push("id BETWEEN ?1 AND ?2");
            // So does the index of short ids.
            if digits.len() >= 8 {
                conditions.push("substr(id, 13) = ?5 AND lower(hex(id)) LIKE ?3");
            } else {
                conditions.push("lower(hex(substr(id, 13))) LIKE ?3");
            }
        }
        conditions.push("flow_runs.name = ?4");
    }
    let suffix = format!("%{digits}");
    let short = bytes(digits.get(digits.len().saturating_sub(8)..).unwrap_or_default());
    // Each condition on its own, so that each finds its index.
    let parts: Vec<_> =
        conditions.iter().map(|condition| format!("SELECT run_no FROM flow_runs WHERE {condition}")).collect();
    let limit = StoreError::CANDIDATES + 1;
    let sql = format!("{RUN} WHERE run_no IN ({}) ORDER BY run_no DESC LIMIT {limit}", parts.join(" UNION "));
    let mut query = connection.prepare(&sql).at(path)?;
    let all = params![first, last, suffix, reference, short];
    // Without those that this query has no place for.
    let all = &all[..query.parameter_count()];
    let found = query.query_map(all, run_row).and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>).at(path)?;
    match found.len() {
        0 => Err(unknown()),
        1 => found.into_iter().next().ok_or_else(unknown),
        many => Err(StoreError::Ambiguous {
            reference: reference.to_owned(),
            candidates: found
                .into_iter()
                .take(StoreError::CANDIDATES)
                .map(|run| Candidate { id: run.id, name: run.name, flow: run.flow })
                .collect(),
            more: many > StoreError::CANDIDATES,
        }),
    }
}

/// The bytes of an even number of hexadecimal digits.
fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).filter_map(|i| u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}
