//! The key: where it is, which one it is, and how it is changed.
use std::os::unix::fs::PermissionsExt;

use super::canary::{CANARY, nowhere};
use super::{KEY, NEXT, done, key, mode, own_key, piped, refused, secretive};
use crate::program::{Home, alone, ran};

#[test]
fn a_wrong_key_says_so_and_loses_nothing() {
    let home = Home::new();
    let (right, wrong) = (key(1), key(2));
    let with = |key: &str, words: &[&str], input: &str| piped(&home, words, input, &[(KEY, key)]);
    assert_eq!(with(&right, &["secrets", "set", "CANARY"], CANARY).code, Some(0));
    for words in [
        &["secrets", "get", "CANARY"][..],
        &["secrets", "set", "CANARY"],
        &["secrets", "set", "OTHER"],
        &["secrets", "rotate"],
        &["slack", "test", "CANARY"],
    ] {
        let error = refused(&home, words, "new-value", &[(KEY, &wrong), (NEXT, &key(3))]);
        assert!(error.contains("the key in PREFECT__SECRETS__KEY is the wrong one"), "{error}");
        assert!(!error.contains(&wrong) && !error.contains(CANARY), "{error}");
        // Nor without any key; and none is made.
        let error = refused(&home, words, "new-value", &[]);
        assert!(error.contains("the key of the secrets in ") && error.contains("is not there: put back "), "{error}");
        assert!(!own_key(&home).exists());
    }
    assert!(!own_key(&home).exists() && !home.0.join(".prefect/secrets.key.next").exists());
    assert_eq!(with(&right, &["secrets", "get", "CANARY"], "").out, CANARY);
    assert_eq!(with(&right, &["secrets", "get", "OTHER"], "").code, Some(2));
    // A run says so too.
    let failed = ran(secretive(&home, "length").env(KEY, &wrong));
    assert!(failed.out.contains("is the wrong one for the secrets in "), "{failed:?}");
    // What lists and removes needs no key.
    assert!(done(&home, &["secrets", "list"], "").contains("CANARY"));
    assert_eq!(done(&home, &["secrets", "rm", "CANARY"], ""), "removed `CANARY`\n");
}

#[test]
fn a_key_that_is_none_is_refused_by_the_name_of_its_place() {
    let home = Home::new();
    let file = home.0.join("k");
    let path = file.to_str().unwrap();
    let set = |variables: &[(&str, &str)]| refused(&home, &["secrets", "set", "TOKEN"], "value", variables);
    let error = set(&[(KEY, "hunter2hunter2")]);
    assert!(error.contains("PREFECT__SECRETS__KEY is no key: ") && !error.contains("hunter2"), "{error}");
    assert!(set(&[("PREFECT__SECRETS__KEY_FILE", path)]).contains("which is not there"));
    std::fs::write(&file, "hunter2hunter2\n").unwrap();
    let error = set(&[("PREFECT__SECRETS__KEY_FILE", path)]);
    assert!(error.contains("which holds no key: ") && !error.contains("hunter2"), "{error}");
    assert!(set(&[(KEY, &key(1)), ("PREFECT__SECRETS__KEY_FILE", path)]).contains("are both set: unset one"));
    let hook = "https://hooks.slack.com/services/T0/B0/x";
    refused(&home, &["slack", "add", "HOOK"], hook, &[(KEY, "hunter2hunter2")]);
    assert!(!home.0.join(".prefect").exists(), "no database is made");
    std::fs::write(&file, key(1) + "\n").unwrap();
    assert_eq!(piped(&home, &["secrets", "set", "A"], "v", &[("PREFECT__SECRETS__KEY_FILE", path)]).code, Some(0));
    assert_eq!(piped(&home, &["secrets", "get", "A"], "", &[(KEY, &key(1).to_uppercase())]).out, "v");
    // The configuration shows no key, wherever somebody has put it.
    let shown = piped(&home, &["config"], "", &[(KEY, &key(1)), ("PREFECT__ETL__TWIN", &key(1))]);
    assert!(shown.code == Some(0) && !shown.out.contains(&key(1)), "{shown:?}");
}

/// Beside what it opens it would protect nothing.
#[test]
fn a_key_in_the_configuration_file_has_no_effect_and_is_not_shown() {
    let program = alone(&["config"]).config(&format!("[secrets]\nkey = \"{}\"\n", key(7)));
    let ran = program.ran();
    assert!(ran.code == Some(0) && !ran.out.contains(&key(7)) && !ran.err.contains(&key(7)), "{ran:?}");
    assert!(ran.err.contains("config.toml:2:7: key `secrets.key` has no effect: "), "{ran:?}");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let home = Home::new();
    done(&home, &["secrets", "set", "TOKEN"], CANARY);
    for rights in [0o644, 0o640, 0o604] {
        std::fs::set_permissions(own_key(&home), PermissionsExt::from_mode(rights)).unwrap();
        let error = refused(&home, &["secrets", "get", "TOKEN"], "", &[]);
        let path = own_key(&home);
        let cure = format!("is open to other users: run `chmod 600 {}`\n", path.display());
        assert!(error.ends_with(&cure), "{error}");
    }
    std::fs::set_permissions(own_key(&home), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(done(&home, &["secrets", "get", "TOKEN"], ""), CANARY);
}

#[test]
fn a_change_of_the_key_loses_nothing_wherever_it_is_broken_off() {
    let home = Home::new();
    done(&home, &["secrets", "set", "TOKEN"], CANARY);
    done(&home, &["secrets", "set", "OTHER"], "other");
    let next = home.0.join(".prefect/secrets.key.next");
    let still_there = || {
        assert_eq!(done(&home, &["secrets", "get", "TOKEN"], ""), CANARY);
        assert_eq!(done(&home, &["secrets", "get", "OTHER"], ""), "other");
    };
    let old = std::fs::read_to_string(own_key(&home)).unwrap();
    let said = done(&home, &["secrets", "rotate"], "");
    assert!(said.starts_with("2 secrets encrypted with a new key, which is in "), "{said}");
    let new = std::fs::read_to_string(own_key(&home)).unwrap();
    assert!(old != new && !next.exists() && mode(&own_key(&home)) == 0o600);
    still_there();
    // As it was before the last step: the new key is beside the old one.
    let keys = |now: Option<&str>, coming: &str| {
        for (path, key) in [(own_key(&home), now), (next.clone(), Some(coming))] {
            let _ = std::fs::remove_file(&path);
            if let Some(key) = key {
                std::fs::write(&path, key).unwrap();
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            }
        }
    };
    keys(Some(&old), &new);
    still_there();
    done(&home, &["secrets", "set", "OTHER"], "other");
    still_there();
    done(&home, &["secrets", "rotate"], "");
    still_there();
    assert!(!next.exists());
    // As it was before the second step: nothing has the new key yet.
    let now = std::fs::read_to_string(own_key(&home)).unwrap();
    keys(Some(&now), &key(9));
    still_there();
    done(&home, &["secrets", "rotate"], "");
    still_there();
    let now = std::fs::read_to_string(own_key(&home)).unwrap();
    assert!(!next.exists() && now.trim() != key(9));
    nowhere(&home, CANARY);
}

#[test]
fn a_key_of_the_environment_is_changed_for_the_next_one() {
    let home = Home::new();
    let (one, two) = (key(1), key(2));
    piped(&home, &["secrets", "set", "TOKEN"], CANARY, &[(KEY, &one)]);
    let error = refused(&home, &["secrets", "rotate"], "", &[(KEY, &one)]);
    assert!(error.contains("give the new one by PREFECT__SECRETS__NEXT_KEY beside it. Nothing was changed"), "{error}");
    assert_eq!(piped(&home, &["secrets", "rotate"], "", &[(KEY, &one), (NEXT, &two)]).code, Some(0));
    // Processes that have both go on.
    for (variables, is_read) in
        [(&[(KEY, &*one), (NEXT, &*two)][..], true), (&[(KEY, &*two)], true), (&[(KEY, &*one)], false)]
    {
        let ran = piped(&home, &["secrets", "get", "TOKEN"], "", variables);
        assert_eq!(ran.code == Some(0) && ran.out == CANARY, is_read, "{ran:?}");
    }
}

#[test]
fn four_processes_keep_secrets_at_once() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for process in 0..4 {
            let home = &home;
            scope.spawn(move || {
                for n in 0..3 {
                    let name = format!("S{process}.{n}");
                    done(home, &["secrets", "set", &name], &format!("value of {name}"));
                    if process == 0 {
                        done(home, &["secrets", "rotate"], "");
                    }
                }
            });
        }
    });
    for process in 0..4 {
        for n in 0..3 {
            let name = format!("S{process}.{n}");
            assert_eq!(done(&home, &["secrets", "get", &name], ""), format!("value of {name}"));
        }
    }
}

/// There is one key file for all stores of a user, and for copies of them.
#[test]
fn a_change_of_the_key_leaves_other_stores_theirs() {
    let home = Home::new();
    let at = |name: &str| home.0.join(name).to_str().unwrap().to_owned();
    let (other, copy) = (at("other.db"), at("copy.db"));
    let in_store = |store: Option<&String>, words: &[&str], input: &str| {
        let store: Vec<&str> = store.into_iter().flat_map(|store| ["--store", store.as_str()]).collect();
        done(&home, &[words, &store].concat(), input)
    };
    let stores = [None, Some(&other), Some(&copy)];
    done(&home, &["secrets", "set", "TOKEN"], CANARY);
    in_store(Some(&other), &["secrets", "set", "TOKEN"], CANARY);
    done(&home, &["store", "backup", &copy], "");
    for rotated in [Some(&other), None, Some(&copy), Some(&other)] {
        in_store(rotated, &["secrets", "rotate"], "");
        for store in stores {
            assert_eq!(in_store(store, &["secrets", "get", "TOKEN"], ""), CANARY, "{store:?} after {rotated:?}");
        }
    }
    // A change of one that is broken off between its second and its third step, and then one of another.
    let next = home.0.join(".prefect/secrets.key.next");
    std::fs::rename(own_key(&home), &next).unwrap();
    done(&home, &["secrets", "rotate"], "");
    for store in stores {
        assert_eq!(in_store(store, &["secrets", "get", "TOKEN"], ""), CANARY, "{store:?}");
    }
    let kept = std::fs::read_dir(home.0.join(".prefect")).unwrap().map(|file| file.unwrap().path());
    let kept: Vec<_> = kept.filter(|path| path.to_str().unwrap().contains("secrets.key.")).collect();
    assert!(kept.len() > 4 && kept.iter().all(|path| mode(path) == 0o600), "{kept:?}");
}
