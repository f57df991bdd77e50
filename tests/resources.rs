//! Random flows with resources and retries, against the rules written a second time: a pass over all tasks, then the next
//! moment at which somebody is retried, then another pass. The seed is printed; `RESOURCES_SEED` repeats one.
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::{
    Clock, Config, Executor, FlowBuilder, FlowOptions, KeepResults, Parameter, RunSettings, State, StateKind, TaskBody,
    TaskDefinition, TaskRef, Trigger, Value, built_in, trigger,
};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn some_of(&mut self, from: &[usize]) -> Vec<usize> {
        from.iter().copied().filter(|_| self.one_in(3)).collect()
    }
}

/// What a task does.
enum Does {
    Init,
    /// The calls that fail.
    SetUp(BTreeSet<usize>),
    CleanUp,
    Work {
        /// The first attempts that fail, and how often it is tried again, after so many seconds.
        fails: usize,
        retries: u32,
        delay: u64,
        /// It runs whatever became of what is upstream.
        always: bool,
    },
}

struct Task {
    does: Does,
    upstream: Vec<usize>,
}

type Case = Vec<Task>;

/// One resource or two, the second inside the first or beside it, and tasks that use them, or not.
fn case(random: &mut Random) -> Case {
    let mut case = Case::new();
    let add = |case: &mut Case, does, upstream| {
        case.push(Task { does, upstream });
        case.len() - 1
    };
    let (mut resources, mut readable) = (Vec::new(), Vec::new());
    for _ in 0..=random.below(2) {
        let init = add(&mut case, Does::Init, vec![]);
        let fails = (1..6).filter(|_| random.one_in(6)).collect();
        // The manager has to be first.
        let around = if random.one_in(2) { readable.clone() } else { vec![] };
        let set_up = add(&mut case, Does::SetUp(fails), [vec![init], around].concat());
        resources.push((init, set_up));
        readable.push(set_up);
    }
    let mut works = Vec::new();
    for _ in 0..2 + random.below(6) {
        let fails = if random.one_in(2) { 1 + random.below(2) } else { 0 };
        let retries = u32::try_from(random.below(3)).unwrap();
        let does = Does::Work { fails, retries, delay: 1 + random.below(3) as u64, always: random.one_in(4) };
        let upstream = random.some_of(&readable);
        let work = add(&mut case, does, upstream);
        works.push(work);
        readable.push(work);
    }
    let mut inner = Vec::new();
    for (init, set_up) in resources.into_iter().rev() {
        let after = [vec![init, set_up], random.some_of(&works), inner.clone()].concat();
        inner.push(add(&mut case, Does::CleanUp, after));
    }
    case
}

/// What became of the tasks, and what happened to the resources.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    states: Vec<(StateKind, Option<String>)>,
    /// Sorted: what happens at one moment happens in any order.
    log: Vec<String>,
}

/// The rules.
struct Model<'c> {
    case: &'c Case,
    states: Vec<(StateKind, Option<String>)>,
    due: BTreeMap<usize, u64>,
    attempts: Vec<usize>,
    /// By reader and set-up: what the set-up was, for one that does not wait for the retry.
    earlier: BTreeMap<(usize, usize), (StateKind, Option<String>)>,
    log: Vec<String>,
}

impl<'c> Model<'c> {
    fn run(case: &'c Case) -> Seen {
        let n = case.len();
        let states = vec![(StateKind::Pending, None); n];
        let (due, earlier) = (BTreeMap::new(), BTreeMap::new());
        let mut model = Self { case, states, due, attempts: vec![0; n], earlier, log: vec![] };
        let mut now = 0;
        loop {
            for (task, Task { upstream, .. }) in case.iter().enumerate() {
                let ended = |task: &usize| model.states[*task].0.is_finished();
                if !ended(&task) && !model.due.contains_key(&task) && upstream.iter().all(ended) {
                    model.states[task] = model.judged(task, now);
                }
            }
            let Some(next) = model.due.values().min().copied() else { break };
            now = next;
            model.go_on(now);
        }
        model.log.sort_unstable();
        Seen { states: model.states, log: model.log }
    }

    fn sees(&self, task: usize, upstream: usize) -> &(StateKind, Option<String>) {
        self.earlier.get(&(task, upstream)).unwrap_or(&self.states[upstream])
    }

    fn judged(&mut self, task: usize, now: u64) -> (StateKind, Option<String>) {
        let upstream = &self.case[task].upstream;
        let failed = upstream.iter().any(|up| self.sees(task, *up).0.is_failed());
        let attempt = self.attempts[task] + 1;
        match &self.case[task].does {
            Does::Init => {}
            Does::CleanUp => {
                let set_up = self.sees(task, upstream[1]).clone();
                if set_up.0.is_failed() {
                    return (StateKind::Skipped, None);
                }
                self.log.push(format!("clean {}", set_up.1.unwrap()));
                return (StateKind::Success, None);
            }
            Does::SetUp(_) | Does::Work { always: false, .. } if failed => return (StateKind::TriggerFailed, None),
            Does::SetUp(fails) => {
                self.attempts[task] = attempt;
                self.log.push(format!("set up {task}#{attempt}"));
                if fails.contains(&attempt) {
                    return (StateKind::Failed, None);
                }
                return (StateKind::Success, Some(format!("{task}#{attempt}")));
            }
            Does::Work { fails, retries, delay, .. } => {
                self.attempts[task] = attempt;
                if attempt <= *fails {
                    if attempt <= *retries as usize {
                        self.due.insert(task, now + delay);
                        return (StateKind::Retrying, None);
                    }
                    return (StateKind::Failed, None);
                }
            }
        }
        let text = upstream.iter().map(|up| shown(self.case, *up, self.sees(task, *up).1.as_deref())).collect();
        (StateKind::Success, Some(text))
    }

    fn go_on(&mut self, now: u64) {
        let case = self.case;
        let woken: BTreeSet<usize> = self.due.iter().filter(|(_, due)| **due == now).map(|(task, _)| *task).collect();
        self.due.retain(|task, _| !woken.contains(task));
        let mut going = woken.clone();
        // The last set-up is the innermost.
        for set_up in (0..case.len()).rev().filter(|task| matches!(case[*task].does, Does::SetUp(_))) {
            let in_block: BTreeSet<usize> = going.iter().copied().filter(|t| self.is_in_block(set_up, *t)).collect();
            if in_block.is_empty() {
                continue;
            }
            let before = std::mem::replace(&mut self.states[set_up], (StateKind::Pending, None));
            for reader in (0..case.len()).filter(|task| case[*task].upstream.contains(&set_up)) {
                let retried = in_block.intersection(&woken).any(|woken| self.leads_to(*woken, reader));
                if retried || in_block.contains(&reader) {
                    self.earlier.remove(&(reader, set_up));
                } else if !self.states[reader].0.is_finished() {
                    self.earlier.entry((reader, set_up)).or_insert_with(|| before.clone());
                }
            }
            going.insert(set_up);
        }
    }

    fn is_in_block(&self, set_up: usize, task: usize) -> bool {
        let cleans = |clean_up: &usize| {
            matches!(self.case[*clean_up].does, Does::CleanUp) && self.case[*clean_up].upstream.contains(&set_up)
        };
        let open = |clean_up: &usize| !self.states[*clean_up].0.is_finished();
        let mut clean_ups = (0..self.case.len()).filter(cleans).filter(open);
        self.leads_to(set_up, task) && clean_ups.any(|clean_up| self.leads_to(task, clean_up))
    }

    fn leads_to(&self, from: usize, to: usize) -> bool {
        self.case[to].upstream.iter().any(|up| *up == from || self.leads_to(from, *up))
    }
}

/// What a task tells of something upstream: which resource it was given.
fn shown(case: &Case, upstream: usize, value: Option<&str>) -> String {
    match case[upstream].does {
        Does::SetUp(_) => format!("[{}]", value.unwrap_or("none")),
        _ => String::new(),
    }
}

fn library(case: &Arc<Case>, executor: Executor) -> Seen {
    let mut flow = FlowBuilder::new(FlowOptions::new("resources"));
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut tasks: Vec<TaskRef> = Vec::new();
    for (number, task) in case.iter().enumerate() {
        let (definition, body) = match &task.does {
            Does::Init => built_in::resource_init("r", TaskBody::new([], |_| Ok(Value::new(String::new())))),
            Does::SetUp(fails) => {
                let (calls, fails, log) = (Mutex::new(0), fails.clone(), Arc::clone(&log));
                built_in::resource_setup("r", move |_: &String| {
                    let mut calls = calls.lock().unwrap();
                    *calls += 1;
                    let name = format!("{number}#{calls}");
                    log.lock().unwrap().push(format!("set up {name}"));
                    if fails.contains(&calls) { Err("broken".into()) } else { Ok(name) }
                })
            }
            Does::CleanUp => {
                let log = Arc::clone(&log);
                built_in::resource_cleanup("r", move |_: &String, name: &String| {
                    log.lock().unwrap().push(format!("clean {name}"));
                    Ok(())
                })
            }
            Does::Work { fails, retries, delay, always } => {
                let mut definition = TaskDefinition::new("work").max_retries(*retries);
                definition = definition.retry_delay(Duration::from_secs(*delay));
                if *always {
                    definition = definition.trigger(Trigger::new(trigger::all_finished));
                }
                let parameter =
                    |i: &usize| if *always { Parameter::state(i.to_string()) } else { Parameter::any(i.to_string()) };
                let (case, fails, always) = (Arc::clone(case), *fails, *always);
                let body = TaskBody::new(task.upstream.iter().map(parameter), move |inputs| {
                    if prefect::context().task_run_count() as usize <= fails {
                        return Err("not yet".into());
                    }
                    let mut text = String::new();
                    for (i, upstream) in case[number].upstream.iter().enumerate() {
                        text += &if always {
                            shown(&case, *upstream, inputs.take::<State>(i).value::<String>().map(String::as_str))
                        } else {
                            shown(&case, *upstream, Some(&*inputs.take::<String>(i)))
                        };
                    }
                    Ok(Value::new(text))
                });
                (definition, body)
            }
        };
        let own = flow.task(definition, body);
        for (i, upstream) in task.upstream.iter().enumerate() {
            match (&task.does, i) {
                (Does::SetUp(_) | Does::CleanUp, 0) => flow.edge(tasks[*upstream], own, "mgr"),
                (Does::CleanUp, 1) => flow.edge(tasks[*upstream], own, "resource"),
                (Does::Work { .. }, _) => flow.edge(tasks[*upstream], own, &upstream.to_string()),
                _ => flow.order(tasks[*upstream], own),
            }
        }
        tasks.push(own);
    }
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    let settings = RunSettings::new().executor(executor).keep_results(KeepResults::All).clock(clock);
    let run = flow.build().with(settings.config(Config::default())).run();
    let state = |task: &TaskRef| {
        let state = run.state_of(*task);
        (state.kind(), state.value::<String>().cloned())
    };
    let states = tasks.iter().map(state).collect();
    let mut log = std::mem::take(&mut *log.lock().unwrap());
    log.sort_unstable();
    Seen { states, log }
}

#[test]
fn random_flows() {
    let seed = env::var("RESOURCES_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seeds = seed.map_or(1..1_001, |seed| seed..seed + 1);
    println!("seeds {seeds:?}");
    let (mut again, mut earlier, mut failed) = (0, 0, 0);
    for seed in seeds {
        let case = Arc::new(case(&mut Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)));
        let expected = Model::run(&case);
        for executor in [Executor::Local, Executor::threads(1), Executor::threads(4)] {
            assert_eq!(library(&case, executor), expected, "seed {seed}, {executor:?}");
        }
        let texts = || expected.states.iter().filter_map(|(_, text)| text.as_ref());
        again += usize::from(texts().any(|text| text.starts_with('[') && !text.contains("#1]")));
        earlier +=
            usize::from(texts().any(|text| text.contains("#1]")) && expected.log.iter().any(|l| l.ends_with("#2")));
        failed += usize::from(texts().any(|text| text.contains("[none]")));
    }
    // The flows have to be of all sorts, or they prove little.
    if seed.is_none() {
        assert!(again > 50 && earlier > 50 && failed > 20, "{again} {earlier} {failed}");
    }
}
