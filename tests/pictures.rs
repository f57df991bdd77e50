//! Pictures of flows: what they look like, that nothing is missing in them, and that no name breaks them.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use prefect::prelude::*;
use prefect::{Elements, Flow, FlowBuilder, FlowOptions, Parameter, Picture, TaskBody, TaskDefinition, TaskRef, Value};

#[task]
fn add(x: i64) -> i64 {
    x + 1
}

#[task]
fn inverse(x: i64) -> i64 {
    12 / x
}

#[task]
fn numbers() -> Vec<i64> {
    vec![1, 0, 3]
}

#[task]
fn total(all: &[i64]) -> i64 {
    all.iter().sum()
}

#[task]
fn pair(left: i64, right: i64) -> i64 {
    left - right
}

#[task]
fn tidy() {}

/// Two ways that meet again, and a task that only waits.
fn diamond() -> Flow<impl prefect::FlowOutput> {
    flow!("diamond", {
        let start = add(1);
        let both = pair(add(start), inverse(start));
        tidy().set_upstream(both);
        both
    })
}

fn mapped() -> Flow<impl prefect::FlowOutput> {
    flow!("mapped", { total(inverse::map(numbers())) })
}

#[track_caller]
fn golden(name: &str, picture: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/pictures").join(name);
    up_to_date(&path, picture);
}

/// `UPDATE_PICTURES=1` writes the files instead: look at them then.
#[track_caller]
fn up_to_date(path: &Path, picture: &str) {
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, picture).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == picture, "{} is not what is drawn: write it with UPDATE_PICTURES=1\n{picture}", path.display());
}

#[test]
fn small_flows_look_like_this() {
    golden("diamond.txt", &diamond().graph().to_string());
    golden("diamond.svg", &diamond().graph().to_svg());
    golden("diamond.dot", &diamond().graph().to_dot());
    golden("diamond-ascii.txt", &diamond().graph().ascii().to_string());
    golden("mapped.txt", &mapped().graph().to_string());
    golden("mapped-ascii.txt", &mapped().graph().ascii().to_string());
    golden("mapped-run.txt", &mapped().run().graph().to_string());
    golden("mapped-run.dot", &mapped().run().graph().to_dot());
    golden("narrow.txt", &diamond().graph().columns(20).to_string());
    assert_eq!(flow!("empty", {}).graph().to_string(), "");
    xml(&flow!("empty", {}).graph().to_svg());
}

#[test]
fn a_run_shows_states_and_counts_the_children_of_a_mapped_task() {
    let svg = mapped().run().graph().to_svg();
    xml(&svg);
    assert!(svg.contains("<title>mapped: Failed</title>"), "{svg}");
    assert!(svg.contains("<title>inverse, Mapped ×3, 2 Success, 1 Failed</title>"), "{svg}");
    assert!(svg.contains("<title>total, TriggerFailed</title>"), "{svg}");
    for kind in [Success, Failed, Mapped, TriggerFailed] {
        assert!(svg.contains(&format!("fill=\"{}\"", kind.color())), "{kind}: {svg}");
    }
    let before = mapped().graph().to_svg();
    assert!(before.contains("<title>inverse, mapped</title>"), "{before}");
    assert!(before.contains("<title>numbers → inverse: x (each)</title>"), "{before}");
    assert!(before.contains("<title>inverse → total: all</title>"), "{before}");
}

#[test]
fn the_examples_in_the_docs_are_what_is_drawn() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
    for (name, program) in [
        ("add_divide", env!("CARGO_BIN_EXE_example_add_divide")),
        ("async_tasks", env!("CARGO_BIN_EXE_example_async_tasks")),
        ("custom_handler", env!("CARGO_BIN_EXE_example_custom_handler")),
        ("only_failures", env!("CARGO_BIN_EXE_example_only_failures")),
        ("retries", env!("CARGO_BIN_EXE_example_retries")),
        ("two_channels", env!("CARGO_BIN_EXE_example_two_channels")),
    ] {
        let svg = printed(program, &["graph", "--svg", "-"]);
        xml(&svg);
        up_to_date(&docs.join(name).with_extension("svg"), &svg);
    }
    up_to_date(&docs.join("mapped-run.svg"), &mapped().run().graph().to_svg());
    let etl = etl(16);
    assert_eq!(etl.run().task_runs().count(), 60);
    up_to_date(&docs.join("etl.svg"), &etl.run().graph().to_svg());
}

#[track_caller]
fn printed(program: &str, words: &[&str]) -> String {
    let out = Command::new(program).args(words).env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_command_line_draws_in_every_form() {
    let program = env!("CARGO_BIN_EXE_example_add_divide");
    assert!(printed(program, &["graph"]).contains("│ Add 1 task"));
    assert!(printed(program, &["graph", "Add Divide Flow", "--dot"]).starts_with("digraph \"Add Divide Flow\" {"));
    let ascii = Command::new(program).arg("graph").env("LC_ALL", "C").output().unwrap();
    assert!(ascii.stdout.is_ascii() && String::from_utf8(ascii.stdout).unwrap().contains("| Add 1 task"));
    let file = std::env::temp_dir().join(format!("prefect-picture-{}.svg", std::process::id()));
    assert_eq!(printed(program, &["graph", "--svg", file.to_str().unwrap()]), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed(program, &["graph", "--svg=-"]));
    std::fs::remove_file(&file).unwrap();
    let nowhere = PathBuf::from("/no/such/folder/flow.svg");
    let out = Command::new(program).args(["graph", "--svg"]).arg(&nowhere).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    let error = String::from_utf8(out.stderr).unwrap();
    assert!(error.starts_with("error: cannot write `/no/such/folder/flow.svg`: "), "{error}");
}

/// Numbers by a fixed rule.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

fn any(flow: &mut FlowBuilder, name: impl Into<String>, inputs: &[TaskRef]) -> TaskRef {
    let parameters: Vec<Parameter> = (0..inputs.len()).map(|i| Parameter::any(format!("x{i}"))).collect();
    let body = TaskBody::new(parameters, |_| Ok(Value::new(1_i64)));
    let task = flow.task(TaskDefinition::new(name.into()), body);
    for (i, input) in inputs.iter().enumerate() {
        flow.edge(*input, task, &format!("x{i}"));
    }
    task
}

/// So many sources, loaded, joined in fours, and reported: with 16 of them 60 tasks.
fn etl(sources: usize) -> Flow {
    let mut flow = FlowBuilder::new(FlowOptions::new("nightly load"));
    let config = any(&mut flow, "read config", &[]);
    let connection = any(&mut flow, "connect", &[config]);
    let mut joins = Vec::new();
    let mut loads = Vec::new();
    for i in 1..=sources {
        let rows = any(&mut flow, format!("extract {i}"), &[config]);
        let clean = any(&mut flow, format!("clean {i}"), &[rows]);
        loads.push(any(&mut flow, format!("load {i}"), &[clean, connection]));
    }
    for (i, loads) in (1..).zip(loads.chunks(4)) {
        joins.push(any(&mut flow, format!("join {i}"), loads));
    }
    let report = any(&mut flow, "report", &joins);
    let mail = any(&mut flow, "mail", &[report]);
    let archive = any(&mut flow, "archive", &[report]);
    let close = any(&mut flow, "disconnect", &[]);
    let done = any(&mut flow, "done", &[mail, archive]);
    flow.order(connection, close);
    flow.order(done, close);
    let _ = any(&mut flow, "clean up", &[close]);
    flow.build()
}

/// A flow of random tasks, and its lines: (from, to).
fn random(seed: u64) -> (Flow, Vec<(usize, usize)>) {
    let mut random = Random(seed);
    let mut flow = FlowBuilder::new(FlowOptions::new(format!("seed {seed}")));
    let (mut tasks, mut lines): (Vec<TaskRef>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    let n = 1 + random.below(40);
    let reach = 1 + random.below(12);
    for to in 0..n {
        let mut inputs = Vec::new();
        for _ in 0..random.below(4).min(to) {
            let from = to - 1 - random.below(reach.min(to));
            if !inputs.contains(&from) {
                inputs.push(from);
            }
        }
        let list = (to > 0 && random.below(6) == 0).then(|| random.below(to)).filter(|from| !inputs.contains(from));
        let mut parameters: Vec<Parameter> = (0..inputs.len()).map(|i| Parameter::any(format!("x{i}"))).collect();
        parameters.extend(list.map(|_| Parameter::any("each")));
        let name = format!("t{to}-{}", "long".repeat(random.below(4)));
        let task = flow.task(TaskDefinition::new(name), TaskBody::new(parameters, |_| Ok(Value::new(1_i64))));
        for (i, from) in inputs.iter().enumerate() {
            flow.edge(tasks[*from], task, &format!("x{i}"));
        }
        if let Some(from) = list {
            flow.map(tasks[from], task, "each", Elements::of::<i64>());
            inputs.push(from);
        }
        if to > 0 && random.below(4) == 0 {
            let from = random.below(to);
            if !inputs.contains(&from) {
                flow.order(tasks[from], task);
                inputs.push(from);
            }
        }
        lines.extend(inputs.into_iter().map(|from| (from, to)));
        tasks.push(task);
    }
    (flow.build(), lines)
}

#[test]
fn in_random_flows_every_task_and_every_line_is_drawn() {
    for seed in 0..150 {
        let (flow, lines) = random(seed);
        let picture = flow.graph();
        let names: Vec<String> = flow.run().task_runs().map(|run| run.name).collect();
        assert_eq!(picture.to_svg(), flow.graph().to_svg(), "seed {seed}");
        let svg = picture.to_svg();
        let elements = xml(&svg);
        apart(&elements, names.len(), seed);
        for (from, to) in &lines {
            let title = format!("<title>{} → {}", names[*from], names[*to]);
            assert!(svg.contains(&title), "seed {seed}: no {title}");
            assert!(picture.to_dot().contains(&format!("  t{from} -> t{to} [")), "seed {seed}: {from} -> {to}");
        }
        // With room enough the names are whole, and the picture is no list.
        let text = picture.clone().columns(10_000).to_string();
        assert_eq!(text, flow.graph().columns(10_000).to_string(), "seed {seed}");
        for name in &names {
            assert!(
                text.contains(&format!("│ {name} "))
                    || text.contains(&format!("║ {name} "))
                    || text.contains(&format!(" {name} ")),
                "seed {seed}: {name}\n{text}"
            );
        }
        let with_upstream = (0..names.len()).filter(|task| lines.iter().any(|line| line.1 == *task)).count();
        assert!(text.matches('▼').count() >= with_upstream, "seed {seed}\n{text}");
        for columns in [20, 60, 100] {
            let narrow = picture.clone().columns(columns).to_string();
            let boxes = narrow.starts_with([' ', '┌', '╔']);
            assert!(!boxes || narrow.lines().all(|line| line.chars().count() <= columns), "seed {seed}\n{narrow}");
        }
        assert!(picture.ascii().to_string().is_ascii(), "seed {seed}");
    }
}

/// No two boxes of tasks cover the same place.
#[track_caller]
fn apart(elements: &[(String, BTreeMap<String, String>)], tasks: usize, seed: u64) {
    let mut boxes: Vec<[i64; 4]> = Vec::new();
    for (_, attributes) in
        elements.iter().filter(|(name, a)| name == "rect" && a.get("class").is_some_and(|c| c == "box"))
    {
        let part = |name: &str| attributes[name].parse::<i64>().unwrap();
        boxes.push([part("x"), part("y"), part("width"), part("height")]);
    }
    assert!(boxes.len() >= tasks, "seed {seed}");
    // The outlines behind a mapped task's box belong to it.
    let over = |a: &[i64; 4], b: &[i64; 4]| {
        a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3]
    };
    let behind = |a: &[i64; 4], b: &[i64; 4]| (a[0] - b[0]).abs() <= 8 && (a[1] - b[1]).abs() <= 8 && a[2..] == b[2..];
    for (i, a) in boxes.iter().enumerate() {
        for b in &boxes[..i] {
            assert!(behind(a, b) || !over(a, b), "seed {seed}: {a:?} {b:?}");
        }
    }
}

#[test]
fn hostile_names_break_no_format() {
    let names = [
        "<script>alert(1)</script>",
        "\"quoted\" & 'more' \\N \\",
        "a\nb\x1b[2J\u{0}\u{202e}\u{fffe}",
        "",
        "国国国国",
        "]]>--><!--",
        &"long ".repeat(200),
        "e\u{301}\u{200d}👩‍🚀",
    ];
    let mut flow = FlowBuilder::new(FlowOptions::new("</title><script>\"\n"));
    let tasks: Vec<TaskRef> = names.iter().map(|name| any(&mut flow, *name, &[])).collect();
    any(&mut flow, "last", &tasks);
    let flow = flow.build();
    for picture in [flow.graph(), flow.run().graph()] {
        let svg = picture.to_svg();
        let elements = xml(&svg);
        assert!(elements.iter().all(|(name, _)| name != "script"), "{svg}");
        assert!(!svg.contains('\x1b') && !svg.contains("xlink") && !svg.contains("url("), "{svg}");
        assert!(svg.contains(&"long ".repeat(200)), "all of a name is in its title");
        for text in [picture.to_string(), picture.clone().ascii().to_string(), picture.clone().columns(30).to_string()]
        {
            assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
            assert!(!text.contains(['\x1b', '\0', '\u{202e}']), "{text}");
        }
        let dot = picture.to_dot();
        assert!(dot.contains("label=\"\\\"quoted\\\" &amp; 'more' \\\\N \\\\"), "{dot}");
        assert!(dot.contains("a\\\\nb\\\\u{1b}[2J"), "{dot}");
        let (mut quoted, mut letters) = (false, dot.chars());
        while let Some(c) = letters.next() {
            match c {
                '\\' if quoted => assert!(letters.next().is_some_and(|c| c == '\\' || c == '"' || c == 'n'), "{dot}"),
                '"' => quoted = !quoted,
                '\n' | '<' => assert!(quoted == (c == '<'), "{dot}"),
                _ => {}
            }
        }
        assert!(!quoted, "{dot}");
    }
}

#[test]
fn a_cycle_has_an_arrow_that_goes_up() {
    let mut flow = FlowBuilder::new(FlowOptions::new("cycle"));
    let a = any(&mut flow, "a", &[]);
    let b = any(&mut flow, "b", &[a]);
    flow.order(b, a);
    let picture: Picture = flow.build().graph();
    golden("cycle.txt", &picture.to_string());
    assert!(picture.to_svg().contains("<title>b → a</title>"));
    xml(&picture.to_svg());
}

#[test]
fn each_kind_of_line_has_its_look_and_the_strongest_wins() {
    let mut flow = FlowBuilder::new(FlowOptions::new("lines"));
    let list = any(&mut flow, "list", &[]);
    let other = any(&mut flow, "other", &[]);
    let parameters = [Parameter::any("whole"), Parameter::any("element")];
    let each = flow.task(TaskDefinition::new("each"), TaskBody::new(parameters, |_| Ok(Value::new(1_i64))));
    flow.edge(list, each, "whole");
    flow.map(list, each, "element", Elements::of::<i64>());
    flow.order(list, each);
    flow.order(other, each);
    let end = any(&mut flow, "end", &[other]);
    flow.order(each, end);
    flow.order(other, end);
    let picture = flow.build().graph();
    golden("lines.txt", &picture.to_string());
    golden("lines-ascii.txt", &picture.clone().ascii().to_string());
    golden("lines.dot", &picture.to_dot());
    let svg = picture.to_svg();
    xml(&svg);
    for (class, title) in [
        ("line each", "list → each: whole, element (each)"),
        ("line order", "other → each"),
        ("line", "other → end: x0"),
        ("line order", "each → end"),
    ] {
        let line = svg.lines().find(|line| line.contains(&format!("<title>{title}</title>")));
        assert!(line.is_some_and(|line| line.starts_with(&format!("<path class=\"{class}\" "))), "{title}: {svg}");
    }
}

#[test]
fn lines_that_cross_do_not_meet() {
    let mut flow = FlowBuilder::new(FlowOptions::new("crossing"));
    let tops: Vec<TaskRef> = ["a", "b"].map(|name| any(&mut flow, name, &[])).to_vec();
    any(&mut flow, "c", &tops);
    any(&mut flow, "d", &tops);
    let picture = flow.build().graph();
    golden("crossing.txt", &picture.to_string());
    assert!(picture.to_string().contains("┌─────│┤") && !picture.to_string().contains('┼'), "{picture}");
}

#[test]
fn secrets_in_names_are_hidden_by_the_command_line() {
    for words in [&["graph"][..], &["graph", "--dot"], &["graph", "--svg", "-"]] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_example_add_divide"));
        let out = program.args(words).env("PREFECT__CONTEXT__SECRETS__NAME", "1/x task").output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains("Add 1 task") && !text.contains("1/x task"), "{text}");
    }
}

#[test]
fn wide_and_large_flows_stay_within_the_window() {
    let mut flow = FlowBuilder::new(FlowOptions::new("wide"));
    let start = any(&mut flow, "start", &[]);
    let parts: Vec<TaskRef> = (0..40).map(|i| any(&mut flow, format!("part {i}"), &[start])).collect();
    any(&mut flow, "end", &parts);
    let flow = flow.build();
    for columns in [60, 80, 120] {
        let text = flow.graph().columns(columns).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
    }
    let mut flow = FlowBuilder::new(FlowOptions::new("large"));
    let first: Vec<TaskRef> = (0..1200).map(|i| any(&mut flow, format!("t{i}"), &[])).collect();
    let end = any(&mut flow, "end", &first[..3]);
    flow.order(first[7], end);
    let text = flow.build().graph().to_string();
    assert!(text.starts_with("large: 1201 tasks, 4 dependencies\n   1  t0\n"), "{}", &text[..80]);
    assert!(text.ends_with("1201  end                       ← 1-3; after 8\n"), "{}", &text[text.len() - 80..]);
}

/// The elements of a document with their attributes. Checks that it is well formed, as far as ours use XML.
#[track_caller]
fn xml(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let references = |text: &str| {
        text.split('&').skip(1).for_each(|rest| {
            assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|name| rest.starts_with(name)), "a bare &: {rest}");
        });
    };
    assert!(text.chars().all(|c| matches!(c, '\n' | ' '..='\u{fffd}' | '\u{10000}'..)), "a character that XML has not");
    let (mut open, mut elements, mut rest) = (Vec::new(), Vec::new(), text.trim_end());
    while let Some(start) = rest.find('<') {
        references(&rest[..start]);
        assert!(!rest[..start].contains('>'), "a bare >: {}", &rest[..start]);
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "the wrong end");
            assert!(!open.is_empty() || rest.is_empty(), "more than one root");
            continue;
        }
        let (name, attributes) = tag.trim_end_matches('/').split_once(' ').unwrap_or((tag, ""));
        let mut known = BTreeMap::new();
        let mut parts = attributes.split('"');
        while let Some(name) = parts.next().map(str::trim).filter(|name| !name.is_empty()) {
            let value = parts.next().expect("a value in quotes");
            assert!(!value.contains('<') && name.ends_with('='), "{tag}");
            references(value);
            assert!(known.insert(name.trim_end_matches('=').to_owned(), value.to_owned()).is_none(), "{tag}");
        }
        elements.push((name.to_owned(), known));
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.is_empty(), "{open:?} {rest}");
    elements
}
