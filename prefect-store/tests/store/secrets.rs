//! Secrets: what is put is there, all of it or nothing, and a change of the key loses none.
use prefect_store::{Existing, Fault, Micros, Options, Resealed, SealedSecret, SecretsChange, Store, StoreError};

use crate::support::*;

fn sealed(name: &str, byte: u8, key: u8) -> SealedSecret {
    SealedSecret {
        name: name.into(),
        sealed: vec![byte; 50],
        key_id: vec![key; 16],
        kind: "text".into(),
        note: Some("#alerts".into()),
        changed_at: Micros(7),
    }
}

fn put(store: &Store, secrets: &[SealedSecret]) -> SecretsChange {
    store.put_secrets(secrets.to_vec(), Existing::Replace).unwrap()
}

/// All of them under the key 2.
fn resealed(seen: Vec<SealedSecret>) -> Vec<Resealed> {
    let change = |seen: SealedSecret| Resealed { sealed: vec![seen.sealed[0] + 100; 50], seen };
    seen.into_iter().map(change).collect()
}

#[test]
fn what_is_put_is_there_also_for_who_only_looks() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(put(&store, &[sealed("B", 1, 1), sealed("A", 2, 1)]), SecretsChange::Done);
    assert_eq!(put(&store, &[sealed("B", 3, 1)]), SecretsChange::Done);
    let reader = Store::open_read_only(&place.url(), Options::default()).unwrap();
    assert_eq!(reader.secrets().unwrap(), [sealed("A", 2, 1), sealed("B", 3, 1)]);
    assert_eq!(reader.secret("B").unwrap(), Some(sealed("B", 3, 1)));
    assert_eq!(reader.secret("b").unwrap(), None);
    assert!(matches!(reader.remove_secret("B"), Err(StoreError::ReadOnly(_))));
    assert!(store.remove_secret("B").unwrap());
    assert!(!store.remove_secret("B").unwrap());
    assert_eq!(reader.secrets().unwrap(), [sealed("A", 2, 1)]);
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    let store = Place::new();
    let store = store.open();
    let all = [sealed("A", 1, 1), sealed("C", 2, 1)];
    assert_eq!(put(&store, &all), SecretsChange::Done);
    let new = vec![sealed("B", 3, 1), sealed("C", 4, 1)];
    assert_eq!(store.put_secrets(new, Existing::Keep).unwrap(), SecretsChange::Exists("C".into()));
    assert_eq!(put(&store, &[sealed("B", 3, 2)]), SecretsChange::OtherKey);
    // Two keys among the new ones.
    assert_eq!(put(&store, &[sealed("B", 3, 1), sealed("D", 3, 2)]), SecretsChange::OtherKey);
    assert_eq!(store.secrets().unwrap(), all);
}

#[test]
fn a_key_is_changed_for_all_that_were_seen_or_for_none() {
    let place = Place::new();
    let store = place.open();
    let all = [sealed("A", 1, 1), sealed("B", 2, 1)];
    assert_eq!(put(&store, &all), SecretsChange::Done);
    let seen = resealed(store.secrets().unwrap());
    for meanwhile in [sealed("B", 9, 1), sealed("C", 9, 1)] {
        assert_eq!(put(&store, std::slice::from_ref(&meanwhile)), SecretsChange::Done);
        assert_eq!(store.rotate_secrets(seen.clone(), vec![2; 16]).unwrap(), SecretsChange::Changed);
        assert!(store.secrets().unwrap().iter().all(|secret| secret.key_id == [1; 16]), "{meanwhile:?}");
    }
    let seen = resealed(store.secrets().unwrap());
    assert_eq!(store.rotate_secrets(seen, vec![2; 16]).unwrap(), SecretsChange::Done);
    let now: Vec<_> = store.secrets().unwrap().into_iter().map(|secret| (secret.sealed[0], secret.key_id[0])).collect();
    assert_eq!(now, [(101, 2), (109, 2), (109, 2)]);
    // Who has the old key is told so.
    assert_eq!(put(&store, &[sealed("A", 1, 1)]), SecretsChange::OtherKey);
}

/// The disk fails at each call in turn, also behind the commit.
#[test]
fn a_change_of_the_key_that_is_broken_off_loses_nothing() {
    for fault in [Fault::Io, Fault::Full, Fault::AnswerLost, Fault::Panic] {
        for nth in 1.. {
            let place = Place::in_memory();
            let all = [sealed("A", 1, 1), sealed("B", 2, 1), sealed("C", 3, 1)];
            assert_eq!(put(&place.open(), &all), SecretsChange::Done);
            let (store, faults) = place.open_failing(Options::default());
            faults.fail(nth, 1, fault);
            let done = store.rotate_secrets(resealed(all.to_vec()), vec![2; 16]);
            drop(store);
            let now = place.open().secrets().unwrap();
            let new = now.iter().all(|secret| secret.key_id == [2; 16] && secret.sealed[0] > 100);
            assert!(new || now == all, "{fault:?} at {nth}: {now:?}");
            match done {
                Ok(done) => {
                    assert_eq!((done, new), (SecretsChange::Done, true));
                    break;
                }
                Err(_) => assert_eq!(new, fault == Fault::AnswerLost && now != all, "{fault:?} at {nth}"),
            }
        }
    }
}
