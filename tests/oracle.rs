//! Runs on the library against a second, plain statement of the rules.
#[allow(dead_code, reason = "parts are there for whoever runs cases on the library")]
#[allow(clippy::result_large_err, reason = "the rules are plain, and not fast")]
#[allow(unreachable_pub, reason = "a module of a test, written as one of a crate would be")]
mod model;

use std::collections::BTreeMap;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};

use model::rules::{Hits, RULES};
use model::{
    Case, Expected, Kind, Message, Mode, Observed, Start, Way, Workers, difference, generate, recorded, rules, shrink,
    typed,
};
use prefect_tests::records;

const LOCAL: Way = Way { workers: Workers::Local, start: Start::Run };

/// Runs the cases of seeds and compares each with the rules. `Err` tells the seed and the smallest case that differs.
fn check(
    seeds: impl IntoIterator<Item = u64>,
    workers: Workers,
    run_on_library: impl Fn(&Case, Way) -> Observed,
) -> Result<Hits, String> {
    check_cases(seeds.into_iter().map(|seed| (seed, generate::case(seed))), workers, Case::clone, run_on_library)
}

/// The same with cases that the typed layer can say.
fn check_fitted(
    seeds: impl IntoIterator<Item = u64>,
    workers: Workers,
    run_on_library: impl Fn(&Case, Way) -> Observed,
) -> Result<Hits, String> {
    let cases = seeds.into_iter().map(|seed| (seed, typed::fit(&generate::case(seed))));
    check_cases(cases, workers, typed::fit, run_on_library)
}

/// `fit` makes a smaller case one that can be run.
fn check_cases(
    cases: impl IntoIterator<Item = (u64, Case)>,
    workers: Workers,
    fit: impl Fn(&Case) -> Case,
    run_on_library: impl Fn(&Case, Way) -> Observed,
) -> Result<Hits, String> {
    let mut hits = Hits::new();
    for (seed, case) in cases {
        let way = Way { workers, start: if seed % 3 == 0 { Start::RunAsync } else { Start::Run } };
        let differs = |case: &Case, hits: &mut Hits| {
            let expected = rules::run(case, hits);
            match catch_unwind(AssertUnwindSafe(|| run_on_library(case, way))) {
                Ok(observed) => difference(&expected, &observed),
                Err(_) => Some("the library panicked".to_owned()),
            }
        };
        if differs(&case, &mut hits).is_none() {
            continue;
        }
        let differs = |case: &Case| differs(case, &mut Hits::new());
        let small = shrink::smallest(case, |case| fit(case) == *case && differs(case).is_some());
        let what = differs(&small).unwrap_or_else(|| "not every time".to_owned());
        return Err(format!("seed {seed}, {:?}, {:?}: {what}\nsmallest case: {small:#?}", way.workers, way.start));
    }
    Ok(hits)
}

/// `ORACLE_SEED` and `ORACLE_CASES`, else a fixed start and the number given.
fn seeds(cases: u64) -> std::ops::Range<u64> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")));
    let (first, cases) = (number("ORACLE_SEED").unwrap_or(1), number("ORACLE_CASES").unwrap_or(cases));
    println!("seeds {first} to {}; ORACLE_SEED and ORACLE_CASES choose others", first + cases - 1);
    first..first + cases
}

/// What a library without mistakes would show.
fn perfect(case: &Case, _: Way) -> Observed {
    observed(rules::run(case, &mut Hits::new()))
}

fn observed(expected: Expected) -> Observed {
    let told = |message| match message {
        Message::None => None,
        Message::Is(text) => Some(text),
        Message::Tells { fixed, about } => Some(format!("{fixed}{about}")),
    };
    expected.into_iter().map(|run| run.map_messages(told)).collect()
}

#[test]
fn the_rules_agree_with_the_recorded_runs() {
    let (mut covered, mut wrong, mut hits) = (0, Vec::new(), Hits::new());
    for (name, record) in records::all(&records::own_folder()) {
        match recorded::read(&record) {
            Err(missing) => println!("left out {name} ({}): {missing}", record["group"]),
            Ok((case, seen)) => {
                covered += 1;
                match difference(&rules::run(&case, &mut hits), &seen) {
                    None => println!("agrees {name}"),
                    Some(what) => wrong.push(format!("{name}: {what}")),
                }
            }
        }
    }
    println!("{covered} covered");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(covered >= 40, "only {covered} recorded runs are covered");
}

#[test]
fn generated_cases_touch_every_rule() {
    let hits = check(seeds(10_000), Workers::Local, perfect).unwrap();
    let mut ends: BTreeMap<Kind, u64> = BTreeMap::new();
    let (mut once, mut size) = (0, 0);
    for seed in 1..=10_000 {
        let case = generate::case(seed);
        once += u64::from(case.mode == Mode::Once);
        size += case.tasks.len();
        for task in rules::run(&case, &mut Hits::new()).into_iter().flat_map(|run| run.tasks) {
            *ends.entry(task.kind).or_default() += 1;
        }
    }
    println!("10000 cases, {size} tasks, {once} of one pass; tasks end {ends:?}");
    println!("{hits:#?}");
    let missed: Vec<_> = RULES.split_whitespace().filter(|rule| hits.get(rule).is_none_or(|n| *n == 0)).collect();
    assert!(missed.is_empty(), "never touched: {missed:?}");
    let unknown: Vec<_> = hits.keys().filter(|rule| !RULES.split_whitespace().any(|known| known == **rule)).collect();
    assert!(unknown.is_empty(), "not in RULES: {unknown:?}");
}

/// Rules that Prefect 1 does not have, so that no recorded run shows them.
#[test]
fn typed_inputs_and_panics_follow_this_library() {
    let mut case = generate::case(0);
    let task = |outcome, edges| model::Task::new(String::new(), edges, model::Script::of(vec![outcome]));
    let success = model::Raise { signal: model::SignalName::Success, message: None, value: None };
    let reads = |from| model::Edge { from, carries: model::Carries::Data };
    let sum = model::Outcome::Linear { times: 1, plus: 1 };
    let mut picky = task(model::Outcome::Err("red".to_owned()), Vec::new());
    (picky.max_retries, picky.retry_on) = (1, model::RetryOn::Panics("blue".to_owned()));
    let failed = task(model::Outcome::Panic("red".to_owned()), Vec::new());
    case.mode = Mode::Run;
    case.flow = model::Flow::default();
    case.runs = vec![model::Occasion::default()];
    // The reader of a success without value fails at its inputs, though its other upstream failed too.
    case.tasks = vec![task(model::Outcome::Signal(success), Vec::new()), failed, picky];
    case.tasks.push(task(sum, vec![reads(0), reads(1)]));
    let run = perfect(&case, LOCAL).remove(0);
    let told: Vec<(Kind, &str)> =
        run.tasks.iter().map(|t| (t.kind, t.message.as_deref().unwrap_or_default())).collect();
    let expected = [
        (Kind::Success, ""),
        (Kind::Failed, "Error during execution of task: red"),
        (Kind::Failed, "Unexpected error: blue"),
        (Kind::Failed, "Unexpected error: "),
    ];
    assert_eq!(told, expected);
    let changes = |t: usize| run.tasks[t].events.iter().map(|event| (event.old, event.new)).collect::<Vec<_>>();
    assert_eq!(changes(2).last(), Some(&(Some(Kind::Failed), Kind::Failed)));
    assert_eq!(changes(3), [(Some(Kind::Pending), Kind::Failed)]);
    assert_eq!(run.tasks[3].attempts, 0);
}

#[test]
fn generated_cases_are_such_as_can_be_built() {
    for seed in 1..=2_000 {
        let case = generate::case(seed);
        assert!(case.tasks.len() <= generate::MOST, "seed {seed}: {} tasks", case.tasks.len());
        for (i, task) in case.tasks.iter().enumerate() {
            assert!(task.edges.iter().all(|edge| edge.from < i), "seed {seed}: t{i} has an edge to a later task");
            assert!(task.edges.len() + task.over.len() <= 8, "seed {seed}: t{i} has too many inputs");
            assert!(task.handlers.len() <= 3, "seed {seed}: t{i}");
            if let model::Body::Own(script) = &task.body {
                let calls = std::iter::once(&script.calls).chain(script.of_child.values());
                assert!(calls.into_iter().all(|calls| !calls.is_empty()), "seed {seed}: t{i}");
            }
            assert!(task.max_retries > 0 || task.retry_on == model::RetryOn::Anything, "seed {seed}: t{i} retry_on");
        }
        assert!(case.mode == Mode::Once || !case.tasks.iter().any(generate::can_pause), "seed {seed} would wait");
    }
}

#[test]
fn a_planted_difference_is_found_and_made_small() {
    // A library that forgets the retry of a task that timed out.
    let forgets = |case: &Case, _| {
        let mut case = case.clone();
        for task in &mut case.tasks {
            if task.outcomes().any(|outcome| *outcome == model::Outcome::Timeout) {
                task.max_retries = 0;
            }
        }
        perfect(&case, LOCAL)
    };
    let told = check(1..10_000, Workers::Threads(2), forgets).unwrap_err();
    println!("{told}");
    assert_eq!(told.matches("Task {").count(), 1, "more than one task is left: {told}");
    assert!(told.contains("Timeout") && told.contains("seed "), "{told}");
}

/// The recorded runs that a case can express, run on the library.
#[test]
fn the_library_agrees_with_the_recorded_runs() {
    let (mut covered, mut wrong) = (0, Vec::new());
    for (name, record) in records::all(&records::own_folder()) {
        let Ok((case, _)) = recorded::read(&record) else { continue };
        covered += 1;
        let expected = rules::run(&case, &mut Hits::new());
        for workers in [Workers::Local, Workers::Threads(1), Workers::Threads(2)] {
            if let Some(what) = difference(&expected, &model::library::run(&case, Way { workers, start: Start::Run })) {
                wrong.push(format!("{name}, {workers:?}: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(covered >= 40, "only {covered} recorded runs are covered");
}

#[test]
fn the_library_agrees_with_the_rules_on_random_flows() {
    let all = [Workers::Local, Workers::Threads(1), Workers::Threads(2), Workers::Threads(8)];
    for (i, workers) in all.into_iter().enumerate() {
        // Each executor has flows of its own: a difference between two would show as one from the rules.
        let own = seeds(10_000).skip(i).step_by(all.len());
        if let Err(what) = check(own, workers, model::library::run) {
            panic!("{what}");
        }
    }
}

/// The two ways to build a flow, from the same case: at run time, and by `#[task]` with typed wiring.
#[test]
fn both_entry_points_agree_with_the_rules() {
    let mut hits = Hits::new();
    for (i, workers) in [Workers::Local, Workers::Threads(2)].into_iter().enumerate() {
        for run in [model::library::run, model::library::run_typed] {
            match check_fitted(seeds(3_000).skip(i).step_by(2), workers, run) {
                Ok(more) => more.into_iter().for_each(|(rule, n)| *hits.entry(rule).or_default() += n),
                Err(what) => panic!("{what}"),
            }
        }
    }
    let touched = "mapped mapped_nothing child_of_child spliced reduced joined child_skipped child_retries child_waits \
        no_list loop_result loop_in_child loop_retry case_matches case_differs merge merge_second skipped_branch";
    let missed: Vec<_> = touched.split_whitespace().filter(|rule| !hits.contains_key(rule)).collect();
    assert!(missed.is_empty(), "the typed layer cannot say: {missed:?}");
}
