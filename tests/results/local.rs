//! Results in files.
use std::sync::atomic::{AtomicU32, Ordering};

use prefect::prelude::*;
use prefect::{Clock, Config, Executor, FlowRun, RunSettings};
use prefect_tests::seen::{message_of, states};

use crate::folder::Folder;

fn state<O>(run: &FlowRun<O>) -> State {
    run.task_runs().next().unwrap().state
}

#[test]
fn a_target_that_exists_is_read_and_the_task_does_not_run() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(target = "rows/{day}.json")]
    fn rows(day: u8) -> Vec<String> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        vec![format!("row of {day}")]
    }
    for executor in [Executor::Local, Executor::threads(2)] {
        let (folder, before) = (Folder::new(), RUNS.load(Ordering::Relaxed));
        let of = |day| {
            let flow = flow!("rows", result = folder.results(), { rows(day) });
            flow.with(RunSettings::new().executor(executor)).run()
        };
        let first = of(1);
        assert_eq!((state(&first).kind(), state(&first).result_location()), (Success, Some("rows/1.json")));
        assert_eq!(folder.read("results/rows/1.json"), r#"["row of 1"]"#);
        let second = of(1);
        assert_eq!(second.output().unwrap(), ["row of 1"]);
        let state = state(&second);
        assert_eq!((state.kind(), state.message()), (Cached, Some("Result found at task target rows/1.json")));
        assert_eq!((state.result_location(), state.cached_result_expiration()), (Some("rows/1.json"), None));
        assert_eq!(of(2).output().unwrap(), ["row of 2"]);
        assert_eq!(RUNS.load(Ordering::Relaxed) - before, 2);
        // No half-written file is left.
        assert_eq!(folder.files(), ["results/rows/1.json", "results/rows/2.json"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let file = folder.path().join("results/rows/1.json");
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn without_a_place_a_target_lies_in_the_home_folder() {
    #[task(target = "answer.json")]
    fn answer() -> i64 {
        42
    }
    let folder = Folder::new();
    let at_home = |file: &str| {
        let config = Config::builder().home(folder.path()).user_config(file).build().unwrap();
        flow!("answers", { answer() }).with(RunSettings::new().config(config)).run()
    };
    assert_eq!(at_home("").output().unwrap(), 42);
    assert_eq!(folder.files(), [".prefect/results/answer.json"]);
    at_home("home_dir = \"~/elsewhere\"");
    assert_eq!(folder.read("elsewhere/results/answer.json"), "42");
    // Nobody knows where `~` is.
    let config = Config::builder().build().unwrap();
    let lost = flow!("answers", { answer() }).with(RunSettings::new().config(config)).run();
    let text = "Unexpected error: `home_dir` is \"~/.prefect\", and there is no home folder: set HOME, or `home_dir`";
    assert_eq!(message_of(&lost, "answer"), text);
}

#[test]
fn the_results_of_a_whole_flow() {
    #[task(tags = ["a/b"])]
    fn first() -> i64 {
        1
    }
    #[task]
    fn each(x: i64) -> i64 {
        x
    }
    #[task(in_memory)]
    fn handle() -> std::time::Duration {
        std::time::Duration::ZERO
    }
    #[task(checkpoint = false)]
    fn secret() -> String {
        "s".to_owned()
    }
    let folder = Folder::new();
    let flow = flow!("all", result = folder.results(), { (first(), each::map(vec![5, 6]), handle(), secret()) });
    let run = flow.run();
    assert_eq!(run.state().kind(), Success);
    let id = run.id();
    let expected = [
        format!("results/all/{id}/each-1-0.json"),
        format!("results/all/{id}/each-1-1.json"),
        format!("results/all/{id}/first-a/b-1.json"),
    ];
    assert_eq!(folder.files(), expected);
    assert_eq!(state(&run).result_location(), Some(&*format!("all/{id}/first-a/b-1.json")));
    // A place of one's own, and names of one's own.
    let other = Folder::new();
    let result = other.results().location("{flow_name} {task_name} {{{today_nodash}}}.json");
    let clock = Clock::virtual_from("2026-02-03T00:00:00Z".parse().unwrap());
    flow!("named", result = result, { first() }).with(RunSettings::new().clock(clock)).run();
    assert_eq!(other.files(), ["results/named first {20260203}.json"]);
}

#[test]
fn what_the_task_says_goes_before_what_the_flow_says() {
    let (of_task, of_flow) = (Folder::new(), Folder::new());
    let flow = {
        let mut flow = prefect::FlowBuilder::new(prefect::FlowOptions::new("both").result(of_flow.results()));
        let one = || prefect::TaskBody::new([], |_| Ok(prefect::Value::new(1_i64))).returns::<i64>();
        let definition = prefect::TaskDefinition::new("own").target("own.json").result(of_task.results());
        flow.task(definition, one());
        flow.task(prefect::TaskDefinition::new("common").target("common.json"), one());
        flow.build()
    };
    flow.run();
    assert_eq!(
        (of_task.files(), of_flow.files()),
        (vec!["results/own.json".into()], vec!["results/common.json".into()])
    );
}

#[test]
fn what_is_not_to_be_written_is_not_and_is_read_all_the_same() {
    #[task(target = "kept.json", checkpoint = false)]
    fn kept() -> i64 {
        1
    }
    #[task(target = "other.json")]
    fn other() -> i64 {
        1
    }
    let folder = Folder::new();
    let without = Config::builder().user_config("[flows]\ncheckpointing = false").build().unwrap();
    let both = || {
        let flow = flow!("both", result = folder.results(), { (kept(), other()) });
        flow.with(RunSettings::new().config(without.clone())).run()
    };
    assert_eq!(states(&both()), ["kept Success", "other Success"]);
    assert!(folder.files().is_empty());
    folder.write("results/kept.json", "7");
    folder.write("results/other.json", "8");
    assert_eq!(both().output().unwrap(), (7, 8));
}

#[test]
fn nothing_at_all_is_not_kept() {
    #[task(target = "unit.json")]
    fn unit() {}
    #[task(target = "none.json")]
    fn none() -> Option<i64> {
        None
    }
    #[task(target = "some.json")]
    fn some() -> Option<i64> {
        Some(1)
    }
    let folder = Folder::new();
    let run = flow!("nothing", result = folder.results(), { (unit(), none(), some()) }).run();
    assert_eq!(run.state().kind(), Success);
    assert_eq!(folder.files(), ["results/some.json"]);
}

#[test]
fn only_what_the_body_returned_is_written() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(target = "moody.json", max_retries = 1)]
    fn moody() -> Result<i64, prefect::TaskError> {
        match RUNS.fetch_add(1, Ordering::Relaxed) {
            0 => Err("not yet".into()),
            1 => Err(Signal::success("enough").with_value(prefect::Value::new(5_i64)).into()),
            _ => Ok(6),
        }
    }
    let folder = Folder::new();
    let run = || flow!("moody", result = folder.results(), { moody() }).run().output().unwrap();
    assert_eq!((run(), folder.files().len()), (5, 0));
    assert_eq!((run(), folder.read("results/moody.json")), (6, "6".to_owned()));
}

#[test]
fn loops_write_their_last_result() {
    #[task(target = "loop.json")]
    fn double() -> Result<i64, Signal> {
        let last = context().task_loop_result::<i64>().unwrap_or(1);
        if last >= 8 { Ok(last) } else { Err(Signal::looping(last * 2)) }
    }
    let folder = Folder::new();
    let run = flow!("loop", result = folder.results(), { double() }).run();
    assert_eq!((run.output().unwrap(), folder.read("results/loop.json")), (8, "8".to_owned()));
}

#[test]
fn each_child_of_a_mapped_task_has_its_own_target() {
    #[task(target = "{x}.json")]
    fn by_input(x: i64) -> i64 {
        x * 10
    }
    #[task(target = "numbered/{map_index}.json")]
    fn by_number(x: i64) -> i64 {
        x * 10
    }
    let folder = Folder::new();
    let run =
        flow!("children", result = folder.results(), { (by_input::map(vec![1, 2]), by_number::map(vec![3])) }).run();
    assert_eq!(run.state().kind(), Success);
    assert_eq!(folder.files(), ["results/1.json", "results/2.json", "results/numbered/0.json"]);
    folder.write("results/2.json", "99");
    let again = flow!("children", result = folder.results(), { by_input::map(vec![2, 1]) }).run();
    assert_eq!(again.output().unwrap(), [99, 10]);
}

/// Without one of its inputs a target has no name, and the trigger decides first.
#[test]
fn a_target_whose_input_is_missing_is_not_looked_for() {
    #[task]
    fn source() -> Result<i64, String> {
        Err("down".to_owned())
    }
    #[task(target = "{x}.json", task_run_name = "read {x}")]
    fn reader(x: i64) -> i64 {
        x
    }
    let folder = Folder::new();
    let run = flow!("missing", result = folder.results(), { reader(source()) }).run();
    assert_eq!(states(&run), ["source Failed", "reader TriggerFailed"]);
}

/// Kept for later runs of the process, and for later processes.
#[test]
fn a_target_and_a_cache_together() {
    #[task(target = "both.json", cache_for = "1h")]
    fn both() -> i64 {
        3
    }
    let folder = Folder::new();
    let run = || {
        let settings = RunSettings::new().cache(prefect::Cache::new());
        flow!("both", result = folder.results(), { both() }).with(settings).run()
    };
    let first = state(&run());
    assert_eq!((first.kind(), first.result_location()), (Cached, Some("both.json")));
    assert!(first.cached_result_expiration().is_some());
    assert_eq!(state(&run()).message(), Some("Result found at task target both.json"));
}

/// A test leaves files alone, and finds none.
#[test]
fn a_test_run_keeps_results_to_itself() {
    use prefect::testing::TestRun;
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(target = "{x}.json", cache_for = "1h")]
    fn kept(x: i64) -> i64 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        x
    }
    let folder = Folder::new();
    folder.write("results/1.json", "99");
    let flow = flow!("tested", result = folder.results(), { (kept(1), kept(2)) });
    for _ in 0..2 {
        let run = TestRun::of(&flow).kept("2.json", 22).run();
        assert_eq!(run.output().unwrap(), (1, 22));
        let kept: Vec<_> = run.kept().iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        assert_eq!(kept, [("1.json", &b"1"[..]), ("2.json", b"22")]);
    }
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    assert_eq!(folder.files(), ["results/1.json"]);
    // Another body writes there too, and is not asked if a result is there.
    let run =
        TestRun::of(&flow).with_body("kept-1", |_| Ok(7_i64)).failing("kept-2", "not asked").kept("2.json", 5).run();
    assert_eq!((run.output().unwrap(), &run.kept()["1.json"][..]), ((7, 5), &b"7"[..]));
}

/// Values of parameters are parts of names, if they can be written at all.
#[test]
fn parameters_of_the_flow_are_parts_of_names() {
    #[derive(Clone, serde::Deserialize)]
    struct ReadOnly {
        day: u8,
    }
    #[task(target = "{day}-{n}.json", cache_for = "1h", cache_validator = all_inputs)]
    fn load(day: String, n: Option<u8>) -> String {
        format!("{day} {n:?}")
    }
    #[task(target = "{day}.json", task_run_name = "of {day}")]
    fn read_only(#[constant] other: u8, day: &ReadOnly) -> String {
        format!("{} {other} {}", day.day, context().task_run_name().unwrap())
    }
    #[prefect::flow]
    fn loads(day: String, #[default(3)] n: Option<u8>) -> String {
        load(day, n)
    }
    #[prefect::flow]
    fn reads(day: ReadOnly) -> String {
        read_only(1, day)
    }
    let folder = Folder::new();
    let run = |flow: prefect::Flow<Node<String>>| {
        let config = Config::builder().home(folder.path()).build().unwrap();
        flow.with(RunSettings::new().config(config)).run()
    };
    let given = loads::parameters().day("mon").flow();
    assert_eq!(run(given).output().unwrap(), "mon Some(3)");
    let by_name = loads::flow().with_parameter("day", "tue").with_parameter("n", 4);
    assert_eq!(run(by_name).output().unwrap(), "tue Some(4)");
    assert_eq!(folder.files(), [".prefect/results/mon-3.json", ".prefect/results/tue-4.json"]);
    // Never one name for all values.
    let refused = run(reads::flow().with_parameter("day", serde_json::json!({ "day": 1 })));
    let text = message_of(&refused, "read_only");
    let expected =
        "Unexpected error: target `{day}.json`: the input `day`, a `ReadOnly`, lives in memory only and has no text";
    assert_eq!(text, expected);
}

/// A list that is made of several results has no text of its own.
#[test]
fn a_list_of_results_is_no_part_of_a_name() {
    #[task]
    fn one(x: i64) -> i64 {
        x
    }
    #[task(target = "{xs}.json")]
    fn sum(xs: Vec<i64>) -> i64 {
        xs.iter().sum()
    }
    let folder = Folder::new();
    let constant = flow!("constant", result = folder.results(), { sum(vec![1, 2]) }).run();
    assert_eq!(constant.output().unwrap(), 3);
    assert_eq!(folder.files(), ["results/[1,2].json"]);
    let run = flow!("list", result = folder.results(), { sum(vec![one(1), one(2)]) }).run();
    let text =
        "Unexpected error: target `{xs}.json`: the input `xs`, a `Vec<i64>`, lives in memory only and has no text";
    assert_eq!(message_of(&run, "sum"), text);
}
