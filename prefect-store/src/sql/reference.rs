//! Which run a person means.
use super::rows::{RUN, run_row};
use super::{Connection, Value};
use crate::error::Candidate;
use crate::{RunId, RunRow, StoreError, texts};

/// So many digits of an id at least: fewer fit by chance.
const DIGITS: usize = 4;

pub(super) fn find(connection: &mut dyn Connection, reference: &str) -> Result<RunRow, StoreError> {
    let dialect = connection.dialect();
    let digits: String = reference.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
    let suffix = format!("%{digits}");
    let short = bytes(digits.get(digits.len().saturating_sub(8)..).unwrap_or_default());
    let (first, last) = (bytes(&format!("{digits:0<32}")), bytes(&format!("{digits:f<32}")));
    let id = reference.parse::<RunId>().ok();
    let name = texts::name(reference);
    // Each condition on its own, so that each finds its index.
    let mut conditions = Vec::new();
    let mut values: Vec<Value<'_>> = Vec::new();
    if let Some(id) = &id {
        conditions.push("id = $1".to_owned());
        values.push(id.into());
    } else {
        conditions.push("flow_runs.name = $1".to_owned());
        values.push((&*name).into());
        if (DIGITS..32).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            // A range, which the index of ids knows.
            conditions.push("id BETWEEN $2 AND $3".to_owned());
            values.extend([Value::from(&first), Value::from(&last)]);
            // So does the index of short ids.
            if digits.len() >= 8 {
                conditions.push(format!("substr(id, 13) = $4 AND {} LIKE $5", dialect.hex("id")));
                values.extend([Value::from(&short), Value::from(&suffix)]);
            } else {
                conditions.push(format!("{} LIKE $4", dialect.hex("substr(id, 13)")));
                values.push(Value::from(&suffix));
            }
        }
    }
    let parts: Vec<_> =
        conditions.iter().map(|condition| format!("SELECT run_no FROM flow_runs WHERE {condition}")).collect();
    let limit = StoreError::CANDIDATES + 1;
    let sql = format!("{RUN} WHERE run_no IN ({}) ORDER BY run_no DESC LIMIT {limit}", parts.join(" UNION "));
    let found = connection.all(&sql, &values, run_row)?;
    if found.len() <= 1 {
        let unknown = || StoreError::UnknownRun { reference: reference.to_owned(), at: connection.location().clone() };
        return found.into_iter().next().ok_or_else(unknown);
    }
    let more = found.len() > StoreError::CANDIDATES;
    let candidates = found.into_iter().take(StoreError::CANDIDATES);
    let candidates = candidates.map(|run| Candidate { id: run.id, name: run.name, flow: run.flow }).collect();
    Err(StoreError::Ambiguous { reference: reference.to_owned(), candidates, more })
}

/// The bytes of an even number of hexadecimal digits.
fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).filter_map(|i| u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}
