//! Names that lead elsewhere, files that are no results.
use prefect::prelude::*;
use prefect_tests::seen::{message_of, states};

use crate::folder::Folder;

#[task]
fn other() -> i64 {
    2
}

#[test]
fn names_never_lead_out_of_the_store() {
    #[task(target = "{x}.json")]
    fn kept(x: String) -> i64 {
        let _ = x;
        1
    }
    let long = "x".repeat(251);
    let hostile = [
        ("../outside", "`.` and `..` lead to other folders"),
        ("a/../../outside", "`.` and `..` lead to other folders"),
        ("./a", "`.` and `..` lead to other folders"),
        ("/outside", "a part of it is empty"),
        ("a//b", "a part of it is empty"),
        ("a\\b", "a backslash or a control character is in it"),
        ("a\0b", "a backslash or a control character is in it"),
        ("a\nb", "a backslash or a control character is in it"),
        (&long, "a part of it is longer than 255 bytes"),
    ];
    for (x, why) in hostile {
        let folder = Folder::new();
        let run = flow!("hostile", result = folder.results(), { (kept(x.to_owned()), other()) }).run();
        assert_eq!(states(&run), ["kept Failed", "other Success"], "{x:?}");
        let expected = format!("Unexpected error: {:?} is no name for a result: {why}", format!("{x}.json"));
        assert_eq!(message_of(&run, "kept"), expected);
        let kept: Vec<_> = folder.files().into_iter().filter(|file| !file.starts_with("results/hostile/")).collect();
        assert!(kept.is_empty(), "{kept:?}");
    }
    // Odd, and harmless.
    let folder = Folder::new();
    for x in ["..a", "é", "a b", "...", "%2e%2e", "~", "-"] {
        let run = flow!("odd", result = folder.results(), { kept(x.to_owned()) }).run();
        assert_eq!(run.state().kind(), Success, "{x:?}: {:?}", run.state().message());
    }
}

#[test]
fn a_file_that_is_no_result_fails_that_task_alone() {
    #[task(target = "kept.json")]
    fn kept() -> Vec<i64> {
        vec![1, 2, 3]
    }
    for (text, why) in [
        ("[1,2", "EOF while parsing a list at line 1 column 4"),
        ("", "EOF while parsing a value at line 1 column 0"),
        ("[1,2,3]]", "trailing characters at line 1 column 8"),
        ("[1,\"2\"]", "invalid type: string \"2\", expected i64 at line 1 column 6"),
        ("null", "invalid type: null, expected a sequence at line 1 column 4"),
    ] {
        let folder = Folder::new();
        folder.write("results/kept.json", text);
        let run = flow!("truncated", result = folder.results(), { (kept(), other()) }).run();
        assert_eq!(states(&run), ["kept Failed", "other Success"]);
        let file = folder.path().join("results/kept.json");
        let expected = format!(
            "Unexpected error: the result at {} is no `Vec<i64>`: {why} (remove it, and the task runs again and \
             writes a new one)",
            file.display()
        );
        assert_eq!(message_of(&run, "kept"), expected);
        // What somebody may want to look at is left.
        assert_eq!(folder.read("results/kept.json"), text);
    }
}

#[test]
fn a_place_that_cannot_be_used_fails_that_task_alone() {
    #[task(target = "sub/kept.json")]
    fn kept() -> i64 {
        1
    }
    #[task(target = "kept.json")]
    fn beside() -> i64 {
        1
    }
    let folder = Folder::new();
    // A file where a folder has to be, and a folder where the file has to be.
    folder.write("results/sub", "a file");
    folder.write("results/kept.json/x", "a folder");
    let run = flow!("no folder", result = folder.results(), { (kept(), beside(), other()) }).run();
    assert_eq!(states(&run), ["kept Failed", "beside Failed", "other Success"]);
    let file = folder.path().join("results/sub/kept.json");
    let expected = format!("Unexpected error: the result at {} cannot be read: ", file.display());
    assert!(message_of(&run, "kept").starts_with(&expected), "{}", message_of(&run, "kept"));
}

/// An error of a `Serialize` or a `Deserialize` is told where the result is made, and not by the next run.
#[test]
fn what_cannot_be_written_or_read_again_is_an_error_at_once() {
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    struct OneWay {
        #[serde(skip_serializing)]
        #[allow(dead_code, reason = "what is not written is what is missing")]
        x: i64,
    }
    #[derive(Clone, Debug, serde::Deserialize)]
    struct Panics;
    impl serde::Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("no words for it")
        }
    }
    #[task(target = "nan.json")]
    fn nan() -> f64 {
        f64::NAN
    }
    #[task(target = "keys.json")]
    fn keys() -> std::collections::BTreeMap<(u8, u8), u8> {
        [((1, 2), 3)].into()
    }
    #[task(target = "one way.json")]
    fn one_way() -> OneWay {
        OneWay { x: 1 }
    }
    #[task(target = "panics.json")]
    fn panics() -> Panics {
        Panics
    }
    let folder = Folder::new();
    let run = flow!("unwritable", result = folder.results(), { (nan(), keys(), one_way(), panics(), other()) }).run();
    assert_eq!(states(&run), ["nan Failed", "keys Failed", "one_way Failed", "panics Failed", "other Success"]);
    let text = "Unexpected error: a `f64` cannot be kept as JSON: invalid type: null, expected f64 at line 1 column 4";
    assert_eq!(message_of(&run, "nan"), text);
    let text = message_of(&run, "keys");
    assert!(text.ends_with("cannot be kept as JSON: key must be a string"), "{text}");
    let text = message_of(&run, "one_way");
    assert!(text.contains("cannot be kept as JSON: missing field `x`"), "{text}");
    assert!(message_of(&run, "panics").ends_with("no words for it"));
    assert_eq!(folder.files().len(), 1, "only that of `other`: {:?}", folder.files());
}
