//! Values of parameters from the command line and from files.
use super::program::program;

#[test]
fn values_come_as_json_or_as_text() {
    for (words, result) in [
        (&["x=3"][..], "3 10 None"),
        (&["x=-3", "rows=0", "tag=some text"], "-3 0 Some(\"some text\")"),
        // A number where a text is wanted is a text, and quotes are those of JSON.
        (&["x=3", "tag=007"], "3 10 Some(\"007\")"),
        (&["x=3", "tag=7"], "3 10 Some(\"7\")"),
        (&["x=3", "tag=\"7\""], "3 10 Some(\"7\")"),
        (&["x=3", "tag=null"], "3 10 None"),
        (&["x=3", "tag=a=b"], "3 10 Some(\"a=b\")"),
        (&["x=3", "tag="], "3 10 Some(\"\")"),
    ] {
        let words: Vec<_> = words.iter().flat_map(|word| ["--param", word]).collect();
        let ran = program(&[&["run", "etl"], &words[..]].concat()).ran();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains(&format!("given: {result}\n")), "{result}: {}", ran.out);
    }
}

#[test]
fn values_come_from_a_file_and_the_command_line_goes_before_it() {
    let program = |words: &[&str]| {
        let mut program = program(&[&["run", "etl"], words].concat());
        std::fs::write(program.home.0.join("p.json"), r#"{ "x": 1, "rows": 2, "tag": "file" }"#).unwrap();
        let home = program.home.0.clone();
        program.command.current_dir(home);
        program.ran()
    };
    let ran = program(&["--params-file", "p.json"]);
    assert!(ran.out.contains("given: 1 2 Some(\"file\")\n"), "{ran:?}");
    let ran = program(&["--param=rows=5", "--params-file=p.json"]);
    assert!(ran.out.contains("given: 1 5 Some(\"file\")\n"), "{ran:?}");
}

#[test]
fn all_mistakes_are_told_before_anything_runs() {
    let ran = program(&["run", "etl", "--param", "rows=many\x1b[2J", "--param", "tga=t", "--param", "rows=1"])
        .config("[context.secrets]\nTOKEN = \"tok-123456\"\n")
        .ran();
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    assert_eq!(
        ran.err,
        "error: parameter `rows` is given twice\n\
         error: parameter `x: i64` is missing: give it by `--param x=..`\n\
         error: parameter `rows` takes a `u32`: invalid type: string \"many\\u{1b}[2J\", expected u32\n\
         error: there is no parameter `tga`: did you mean `tag`?\n\n\
         see `terminal_flows run etl --help`\n"
    );
    let ran =
        program(&["run", "etl", "--param", "x=tok-123456"]).config("[context.secrets]\nTOKEN = \"tok-123456\"\n").ran();
    assert!(ran.code == Some(2) && !ran.err.contains("tok-123456"), "{ran:?}");
    // A flow without parameters takes none.
    let ran = program(&["run", "empty", "--param", "x=1"]).ran();
    assert!(ran.code == Some(2) && ran.err.starts_with("error: there is no parameter `x`\n"), "{ran:?}");
}

/// What is lost with a file cannot be called missing.
#[test]
fn files_that_are_no_good_are_named() {
    let deep = format!("{{\"x\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (content, why) in [
        (None, "No such file or directory"),
        (Some("{ \"x\": 1"), "no JSON: EOF while parsing an object at line 1 column 8"),
        (Some("[1]"), "expected a JSON object of parameters"),
        (Some(&*deep), "no JSON: recursion limit exceeded at line 1 column 133"),
        (Some(""), "no JSON: EOF while parsing a value at line 1 column 0"),
    ] {
        let mut program =
            program(&["run", "etl", "--params-file", "p.json", "--param", "rows=-1", "--param", "nothing"]);
        let home = program.home.0.clone();
        if let Some(content) = content {
            std::fs::write(home.join("p.json"), content).unwrap();
        }
        program.command.current_dir(home);
        let ran = program.ran();
        let mut lines = ran.err.lines();
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with(&format!("error: parameters file `p.json`: {why}")), "{ran:?}");
        assert_eq!(lines.next(), Some("error: expected `--param NAME=VALUE`, found `--param nothing`"));
        assert_eq!(
            lines.next(),
            Some("error: parameter `rows` takes a `u32`: invalid value: integer `-1`, expected u32")
        );
        assert_eq!(ran.code, Some(2));
        assert!(!ran.err.contains("missing"), "{ran:?}");
    }
}

#[test]
fn a_large_value_is_an_error_that_can_be_read() {
    let mut program = program(&["run", "etl", "--params-file", "p.json"]);
    let home = program.home.0.clone();
    let names: Vec<_> = (0..1000).map(|i| format!("\"nothing {i}\": {i}")).collect();
    std::fs::write(home.join("p.json"), format!("{{ {}, \"x\": \"{}\" }}", names.join(", "), "y".repeat(5_000_000)))
        .unwrap();
    program.command.current_dir(home);
    let ran = program.ran();
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.len() < 5_000, "{} characters", ran.err.len());
    assert!(
        ran.err.contains("error: parameter `x` takes a `i64`: invalid type: string \"..\", expected i64\n"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("error: and 971 more\n"), "{}", ran.err);
}

#[test]
fn help_lists_types_defaults_and_doc_comments() {
    let ran = program(&["run", "etl", "--help"]).ran();
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    assert_eq!(
        ran.out,
        "Run a flow; with one flow in the program, the program's name alone does the same\n\n\
         Usage: terminal_flows run [OPTIONS] [FLOW]\n\n\
         Arguments:\n\
         \x20 [FLOW]  Which flow; not needed where there is only one\n\n\
         Options:\n\
         \x20     --param <NAME=VALUE>  Give a parameter its value: JSON, or a text without quotes\n\
         \x20     --params-file <FILE>  A JSON object of parameters; `--param` goes before it\n\
         \x20     --resume-last         Go on with the flow's last run, if it has not ended well\n\
         \x20     --store <URL>         Where runs are recorded: an SQLite database or a PostgreSQL URL, instead of `[store] url`\n\
         \x20 -h, --help                Print help\n\n\
         Parameters of etl:\n\
         \x20 x: i64               required\n\
         \x20     Where to start.\n\
         \x20 rows: u32            default: 10\n\
         \x20 tag: Option<String>  default: null\n"
    );
}

#[test]
fn the_schema_is_printed() {
    let ran = program(&["schema", "etl"]).config("[context.secrets]\nTOKEN = \"start.\"\n").ran();
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    let schema: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let properties = &schema["properties"];
    assert_eq!((&properties["rows"]["default"], &properties["rows"]["type"]), (&10.into(), &"integer".into()));
    assert_eq!(properties["x"]["description"], "Where to [redacted TOKEN]");
    assert_eq!(schema["required"], serde_json::json!(["x"]));
}
