//! The table of secrets. Nothing here can open one.
use super::{Mismatch, Row, Writing, values};
use crate::{Existing, Resealed, SealedSecret, SecretsChange, StoreError};

/// The columns, as [`secret`] reads them.
pub(super) const SECRET: &str = "SELECT name, sealed, key_id, kind, note, changed_at FROM secrets";

pub(super) fn secret(row: &mut Row) -> Result<SealedSecret, Mismatch> {
    Ok(SealedSecret {
        name: row.take(0)?,
        sealed: row.take(1)?,
        key_id: row.take(2)?,
        kind: row.take(3)?,
        note: row.take(4)?,
        changed_at: row.take(5)?,
    })
}

pub(super) fn put(
    mut tx: Writing<'_>,
    secrets: &[SealedSecret],
    existing: Existing,
) -> Result<SecretsChange, StoreError> {
    let on_conflict = match existing {
        Existing::Replace => {
            "UPDATE SET sealed=excluded.sealed, kind=excluded.kind, note=excluded.note, changed_at=excluded.changed_at"
        }
        Existing::Keep => "NOTHING",
    };
    let sql = format!(
        "INSERT INTO secrets(name, sealed, key_id, kind, note, changed_at) VALUES($1, $2, $3, $4, $5, $6) \
         ON CONFLICT(name) DO {on_conflict}"
    );
    for SealedSecret { name, sealed, key_id, kind, note, changed_at } in secrets {
        // Whoever sealed it may not know yet that the key has been changed meanwhile.
        if tx.exists("SELECT 1 FROM secrets WHERE key_id<>$1 LIMIT 1", &values![key_id])? {
            return Ok(SecretsChange::OtherKey);
        }
        if tx.execute(&sql, &values![name, sealed, key_id, kind, note.as_deref(), *changed_at])? == 0 {
            return Ok(SecretsChange::Exists(name.clone()));
        }
    }
    tx.commit()?;
    Ok(SecretsChange::Done)
}

pub(super) fn remove(mut tx: Writing<'_>, name: &str) -> Result<bool, StoreError> {
    let removed = tx.execute("DELETE FROM secrets WHERE name=$1", &values![name])?;
    tx.commit()?;
    Ok(removed == 1)
}

/// Nobody may lose a secret that was put between looking and this: so all must be as they were seen.
pub(super) fn rotate(mut tx: Writing<'_>, secrets: &[Resealed], key_id: &[u8]) -> Result<SecretsChange, StoreError> {
    let count = tx.find("SELECT count(*) FROM secrets", &[], |row| row.take::<u64>(0))?;
    if count != Some(secrets.len() as u64) {
        return Ok(SecretsChange::Changed);
    }
    for Resealed { seen, sealed } in secrets {
        let sql = "UPDATE secrets SET sealed=$1, key_id=$2 WHERE name=$3 AND sealed=$4";
        if tx.execute(sql, &values![sealed, key_id, &seen.name, &seen.sealed])? == 0 {
            return Ok(SecretsChange::Changed);
        }
    }
    tx.commit()?;
    Ok(SecretsChange::Done)
}
