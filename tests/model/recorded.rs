//! Turns recorded runs of Prefect 1 into cases, where they use nothing that a case does not have.
use serde_json::Value as Json;

use super::{
    Act, Body, Bound, Bounds, By, Caching, Carries, Case, Custom, Edge, Event, Flow, Handler, Kind, Mode, NewState,
    Observed, Occasion, Outcome, Part, Place, Raise, Reads, Res, RetryOn, Run, Script, SignalName, Storing, Task,
    TaskRun, Terminal, Trigger, Val, Validator,
};

/// The case and what was seen of it, or what a case cannot express.
pub fn read(record: &Json) -> Result<(Case, Observed), String> {
    let spec = &record["spec"];
    let observed: Vec<&Json> = match record["observed_runs"].as_array() {
        Some(runs) => runs.iter().collect(),
        None => vec![&record["observed"]],
    };
    let no_end = |run: &&Json| run["task_states"].is_null() && run["flow_state"].is_null();
    if !spec["tasks"].is_array() || observed.iter().any(no_end) {
        return Err("no run with an end".to_owned());
    }
    let slugs: Vec<&str> = order(spec)?;
    let by_slug = |slug: &str| list(&spec["tasks"]).iter().find(|task| task["slug"] == slug);
    let tasks = slugs
        .iter()
        .map(|slug| task(by_slug(slug).ok_or("a slug")?, spec, &slugs).map_err(|missing| format!("{slug}: {missing}")))
        .collect::<Result<Vec<_>, String>>()?;
    let mode = if record["entry_point"] == "flow.run" { Mode::Run } else { Mode::Once };
    let runs = observed.iter().map(|run| occasion(run)).collect::<Result<Vec<_>, String>>()?;
    let case = Case { mode, tasks, flow: flow(&spec["flow"], &slugs)?, keep_all: true, runs };
    let runs = observed.iter().map(|run| seen(&case, run, spec, &slugs)).collect::<Result<Vec<_>, String>>()?;
    Ok((case, runs))
}

/// One run after the other, at the same moment.
fn occasion(run: &Json) -> Result<Occasion, String> {
    let arguments = run["run_arguments"].as_object();
    if arguments.is_some_and(|arguments| arguments.keys().any(|key| key != "parameters")) || !run["answers"].is_null() {
        return Err("given states or answers".to_owned());
    }
    let given = run["run_arguments"]["parameters"].as_object().into_iter().flatten();
    let given = given.map(|(name, value)| Ok((name.clone(), value.as_i64().ok_or("a parameter that is no number")?)));
    Ok(Occasion { given: given.collect::<Result<_, String>>()?, ..Occasion::default() })
}

fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn text(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned)
}

fn needed(json: &Json, what: &str) -> Result<String, String> {
    text(json).ok_or_else(|| what.to_owned())
}

/// Slugs, upstream tasks first.
fn order(spec: &Json) -> Result<Vec<&str>, String> {
    let all: Vec<&str> = list(&spec["tasks"]).iter().filter_map(|task| task["slug"].as_str()).collect();
    let mut slugs: Vec<&str> = Vec::new();
    while slugs.len() < all.len() {
        let ready = |slug: &&&str| {
            let into = list(&spec["edges"]).iter().filter(|edge| edge["to"] == ***slug);
            !slugs.contains(*slug) && into.clone().all(|edge| slugs.iter().any(|known| edge["from"] == **known))
        };
        slugs.push(all.iter().find(ready).ok_or("a cycle")?);
    }
    Ok(slugs)
}

fn task(task: &Json, spec: &Json, slugs: &[&str]) -> Result<Task, String> {
    let mut edges = Vec::new();
    for edge in list(&spec["edges"]).iter().filter(|edge| edge["to"] == task["slug"]) {
        let from = slugs.iter().position(|slug| edge["from"] == **slug).ok_or("an edge")?;
        let carries = match (edge["mapped"] == true, edge["flattened"] == true) {
            (false, false) if edge["key"].is_null() => Carries::Order,
            (false, false) => Carries::Data,
            (true, _) if edge["key"].is_null() => return Err("a mapped edge without data".to_owned()),
            (true, false) => Carries::Each,
            (true, true) => Carries::EachFlat,
            (false, true) => Carries::Flat,
        };
        edges.push((edge["key"].as_str().unwrap_or_default(), Edge { from, carries }));
    }
    // The clean-up of a resource has its manager first.
    edges.sort_by_key(|(key, _)| *key);
    edges.sort_by_key(|(key, _)| key.is_empty());
    let edges: Vec<Edge> = edges.into_iter().map(|(_, edge)| edge).collect();
    let name = needed(&task["name"], "name")?;
    let mut made = match task["built_in"].as_str() {
        None => Task { reads: Reads::Outcomes, ..Task::new(name, edges, body(task)?) },
        Some("CompareValue") => match &task["value"] {
            Json::Bool(value) => Task::new(name, edges, Body::CompareTruth(*value)),
            value => Task::new(name, edges, Body::Compare(value.as_i64().ok_or("a condition that is no number")?)),
        },
        Some("Merge") => Task {
            trigger: Trigger::NotAllSkipped,
            skip_on_upstream_skip: false,
            ..Task::new(name, edges, Body::Merge)
        },
        Some("Parameter") => {
            let default = if task["required"] == true { Some(0) } else { task["default"].as_i64() };
            Task::new(name, edges, Body::Parameter(default.ok_or("a default that is no number")?))
        }
        Some(other) => return Err(format!("built-in task {other}")),
    };
    made.handlers = list(&task["state_handlers"]).iter().map(handler).collect::<Result<_, _>>()?;
    for (option, value) in task["options"].as_object().into_iter().flatten() {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
        let seconds = || value.as_f64().map(|seconds| seconds.ceil() as u32).ok_or("seconds");
        match option.as_str() {
            "max_retries" => made.max_retries = u32::try_from(value.as_u64().ok_or("max_retries")?).expect("small"),
            "retry_delay_s" => made.retry_delay = seconds()?,
            "skip_on_upstream_skip" => made.skip_on_upstream_skip = value == true,
            "trigger" => made.trigger = trigger(value.as_str().ok_or("trigger")?)?,
            "on_failure" => made.on_failure = true,
            // Every error of a recorded body is a ValueError.
            "retry_on" if value == "ValueError" => made.retry_on = RetryOn::Containing(String::new()),
            "cache_for_s" => {
                let validator = match task["options"]["cache_validator"].as_str() {
                    None => Validator::DurationOnly,
                    Some("all_inputs") => Validator::AllInputs,
                    Some(other) => return Err(format!("validator {other}")),
                };
                made.cache = Some(Caching { seconds: seconds()?, validator, key: None });
            }
            "target" if value == "{task_name}.txt" => {
                let parts = vec![Part::TaskName, Part::Text(".txt".to_owned())];
                made.store = Some(Storing { place: Place::Target(parts), checkpoint: true, trouble: 0 });
            }
            "timeout" | "cache_validator" | "result" => {}
            other => return Err(format!("option {other}")),
        }
    }
    if task["body"]["op"] != "describe"
        && matches!(made.trigger, Trigger::AllSuccessful | Trigger::NotAllSkipped)
        && made.skip_on_upstream_skip
    {
        made.reads = Reads::Values;
    }
    Ok(made)
}

fn body(task: &Json) -> Result<Body, String> {
    let body = &task["body"];
    let op = body["op"].as_str().ok_or("no body")?;
    let returned = || returned(&body["value"]);
    let constants: i64 =
        task["constant_inputs"].as_object().into_iter().flatten().filter_map(|(_, value)| value.as_i64()).sum();
    let linear = |times: i64, plus: i64| vec![Outcome::Linear { times, plus: plus + times * constants }];
    let number = |key: &str| body[key].as_i64().ok_or_else(|| format!("{op} without {key}"));
    let same = || Outcome::Linear { times: 1, plus: 0 };
    let only_if = |then| Ok(Outcome::If { sum: number("equals")?, then: Box::new(then) });
    let again = |value| Outcome::Signal(Raise { signal: SignalName::Loop, message: text(&body["message"]), value });
    let calls: Result<_, String> = Ok(match op {
        "return" | "return_none" => vec![returned()],
        "identity" | "add_xy" | "sum" | "describe" => linear(1, 0),
        "fail_if" => vec![only_if(Outcome::Err(needed(&body["error"], "error")?))?],
        "skip_if" => {
            let skip = Raise { signal: SignalName::Skip, message: text(&body["message"]), value: None };
            vec![only_if(Outcome::Signal(skip))?]
        }
        "fail_first_if" => {
            let failed = (1..=number("times")?).map(|n| only_if(Outcome::Err(format!("attempt {n} failed"))));
            failed.chain([Ok(same())]).collect::<Result<_, String>>()?
        }
        "loop" => {
            let (mut value, mut calls) = (number("start")?, Vec::new());
            for _ in 1..number("until")? {
                value *= 2;
                calls.push(again(Some(value)));
            }
            calls.push(Outcome::Returns(Val::Number(value * 2)));
            calls
        }
        "add" => linear(1, number("by")?),
        "mul" => linear(number("by")?, 0),
        "fail" => vec![Outcome::Err(needed(&body["error"], "error")?)],
        "fail_first" => {
            let failed = (1..=number("times")?).map(|n| Outcome::Err(format!("attempt {n} failed")));
            failed.chain([returned()]).collect()
        }
        "signal" => vec![Outcome::Signal(raise(body)?)],
        "signal_first" => {
            let raise = raise(body)?;
            (0..number("times")?).map(|_| Outcome::Signal(raise.clone())).chain([returned()]).collect()
        }
        "loop_fail_at" => {
            let (fail_at, until) = (number("fail_at")?, number("until")?);
            let mut calls = Vec::new();
            for iteration in 1..=until {
                if iteration == fail_at {
                    calls.push(Outcome::Err(format!("loop {iteration} failed")));
                }
                calls.push(if iteration < until { again(Some(iteration)) } else { Outcome::Returns(Val::Unit) });
            }
            calls
        }
        "sleep" if body["seconds"].as_f64() > task["options"]["timeout"].as_f64() => vec![Outcome::Timeout],
        other => return Err(format!("body {other}")),
    });
    Ok(Script::of(calls?))
}

fn returned(value: &Json) -> Outcome {
    let list = |value: &Json| value.as_array()?.iter().map(Json::as_i64).collect::<Option<Vec<i64>>>();
    let lists = || value.as_array()?.iter().map(list).collect::<Option<Vec<_>>>();
    let read = list(value).map(Val::List).or_else(|| lists().map(Val::Lists));
    Outcome::Returns(read.unwrap_or_else(|| Val::Number(value.as_i64().unwrap_or_default())))
}

fn raise(from: &Json) -> Result<Raise, String> {
    let signal = match from["signal"].as_str().unwrap_or_default() {
        "FAIL" => SignalName::Fail,
        "TRIGGERFAIL" => SignalName::TriggerFail,
        "VALIDATIONFAIL" => SignalName::ValidationFail,
        "SUCCESS" => SignalName::Success,
        "SKIP" => SignalName::Skip,
        "RETRY" => SignalName::Retry,
        "PAUSE" => SignalName::Pause,
        other => return Err(format!("signal {other}")),
    };
    Ok(Raise { signal, message: text(&from["message"]), value: from["with_result"].as_i64() })
}

fn trigger(name: &str) -> Result<Trigger, String> {
    let skip = |signal, text: &str| Custom::Signal(Raise { signal, message: Some(text.to_owned()), value: None });
    Ok(match name {
        "all_successful" => Trigger::AllSuccessful,
        "all_failed" => Trigger::AllFailed,
        "all_finished" => Trigger::AllFinished,
        "always_run" => Trigger::AlwaysRun,
        "any_successful" => Trigger::AnySuccessful,
        "any_failed" => Trigger::AnyFailed,
        "not_all_skipped" => Trigger::NotAllSkipped,
        "manual_only" => Trigger::ManualOnly,
        "ret_false" => Trigger::Custom(Custom::False),
        "raise_err" => Trigger::Custom(Custom::Error("trigger broke".to_owned())),
        "raise_skip" => Trigger::Custom(skip(SignalName::Skip, "trigger skipped")),
        "raise_pause" => Trigger::Custom(skip(SignalName::Pause, "trigger paused")),
        _ => {
            let (some, rest) = name.split_once('(').ok_or_else(|| format!("trigger {name}"))?;
            let mut bounds = Bounds::default();
            for part in rest.trim_end_matches(')').split(',').filter(|part| !part.is_empty()) {
                let (which, number) = part.split_once('=').ok_or("a bound")?;
                let number: f64 = number.parse().map_err(|_| "a bound")?;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
                let bound = if number < 1.0 { Bound::Share(number) } else { Bound::Count(number as u32) };
                *(if which == "at_least" { &mut bounds.at_least } else { &mut bounds.at_most }) = Some(bound);
            }
            match some {
                "some_failed" => Trigger::SomeFailed(bounds),
                "some_successful" => Trigger::SomeSuccessful(bounds),
                other => return Err(format!("trigger {other}")),
            }
        }
    })
}

fn handler(from: &Json) -> Result<Handler, String> {
    let on = match from["when_new_state"].as_str() {
        Some(name) => Some(Kind::named(name).ok_or("a kind")?),
        None => None,
    };
    let act = match from["do"].as_str().unwrap_or_default() {
        "pass" => Act::Pass,
        "none" => Act::Nothing,
        "replace" => {
            let with = &from["with_"];
            let kind = with["state"].as_str().and_then(Kind::named).ok_or("a kind")?;
            Act::Replace(NewState { kind, message: text(&with["message"]), value: with["result"].as_i64() })
        }
        "raise" => Act::Error(needed(&from["error"], "error")?),
        "signal" => Act::Signal(raise(from)?),
        other => return Err(format!("handler {other}")),
    };
    Ok(Handler { on, times: u32::MAX, act })
}

fn flow(from: &Json, slugs: &[&str]) -> Result<Flow, String> {
    if !from["schedule"].is_null() {
        return Err("a schedule".to_owned());
    }
    let place = |slug: &Json| slugs.iter().position(|known| slug == known).ok_or_else(|| "a slug".to_owned());
    let reference = from["reference_tasks"].as_array();
    let terminal = match from["terminal_state_handler"]["do"].as_str() {
        None => None,
        Some(told) => {
            let quoted = told.split('\'').nth(1).filter(|_| told.starts_with("sets the message"));
            Some(Terminal::Message(quoted.ok_or("a terminal_state_handler")?.to_owned()))
        }
    };
    Ok(Flow {
        handlers: list(&from["state_handlers"]).iter().map(handler).collect::<Result<_, _>>()?,
        on_failure: !from["on_failure"].is_null(),
        reference_tasks: reference.map(|slugs| slugs.iter().map(place).collect()).transpose()?,
        terminal,
    })
}

/// What was seen, without what Python's `repr` adds to an error.
fn seen(case: &Case, observed: &Json, spec: &Json, slugs: &[&str]) -> Result<Run<Option<String>>, String> {
    let described = |slug: &str| {
        let task = list(&spec["tasks"]).iter().find(|task| task["slug"] == slug);
        task.is_some_and(|task| task["body"]["op"] == "describe" || task["body"]["op"] == "return_none")
    };
    let mut tasks = Vec::new();
    for (slug, task) in slugs.iter().zip(&case.tasks) {
        let spec = list(&spec["tasks"]).iter().find(|task| task["slug"] == **slug).ok_or("a slug")?;
        let one = |child: Option<usize>, state: &Json, children| -> Result<_, String> {
            let events = events(observed, "task", &task.name, child, spec)?;
            // The body is called when a run passes the handlers of Running: the observer, the last one, sees it.
            let runs = |event: &&Event<_>| event.by == By::Observer && event.new == Kind::Running;
            let started = if matches!(task.body, Body::Own(_)) { events.iter().filter(runs).count() } else { 0 };
            let (kind, message, result) = if state.is_null() {
                // The flow's state lost the states of its tasks: what was told last stands for them.
                let last = events.iter().rfind(|event| event.by == By::Observer);
                last.map_or((Kind::Pending, None, Res::Null), |event| (event.new, event.message.clone(), Res::Unknown))
            } else {
                let result = if described(slug) { Res::Unknown } else { result(&state["result"]) };
                (kind(&state["class"])?, text(&state["message"]), result)
            };
            let attempts = u32::try_from(started).expect("few");
            Ok(TaskRun { events, kind, message, result, attempts, expires: None, location: None, children })
        };
        let state = &observed["task_states"][*slug];
        let children = list(&state["map_states"]).iter().enumerate();
        let children = children.map(|(i, child)| one(Some(i), child, Vec::new())).collect::<Result<_, _>>()?;
        tasks.push(one(None, state, children)?);
    }
    let flow_name = needed(&spec["flow"]["name"], "name")?;
    Ok(Run {
        tasks,
        flow_events: events(observed, "flow", &flow_name, None, &spec["flow"])?,
        flow_kind: kind(&observed["flow_state"]["class"])?,
        flow_message: text(&observed["flow_state"]["message"]),
        seconds: None,
        store: None,
    })
}

fn kind(name: &Json) -> Result<Kind, String> {
    name.as_str().and_then(Kind::named).ok_or_else(|| format!("state {name}"))
}

fn result(json: &Json) -> Res {
    let message = text(&json["message"]);
    match (json["signal"].as_str(), json["error"].as_str()) {
        (Some("TaskTimeoutSignal"), _) => Res::Timeout,
        (Some(signal), _) => Res::Signal(signal.to_owned(), message),
        (_, Some(_)) => Res::Error(message.unwrap_or_default()),
        _ if json.is_null() => Res::Null,
        _ => json.as_i64().map_or(Res::Unknown, |n| Res::Value(Val::Number(n))),
    }
}

fn events(
    observed: &Json,
    of: &str,
    name: &str,
    child: Option<usize>,
    spec: &Json,
) -> Result<Vec<Event<Option<String>>>, String> {
    let mut events = Vec::new();
    for event in list(&observed["events"]).iter().filter(|event| event["kind"] == of && event["name"] == name) {
        if event["map_index"].as_u64().map(|i| usize::try_from(i).expect("few")) != child {
            continue;
        }
        if !event["state"].is_null() {
            continue; // The terminal_state_handler: no change of state.
        }
        let callback = &event["callback_state"];
        let handlers = list(&spec["state_handlers"]);
        let by = if !callback.is_null() {
            By::OnFailure
        } else if event["handler"] == "observer" {
            By::Observer
        } else {
            By::Handler(handlers.iter().position(|handler| handler["id"] == event["handler"]).ok_or("a handler")?)
        };
        let (old, new) = match by {
            By::OnFailure => (None, kind(callback)?),
            _ => (Some(kind(&event["old"])?), kind(&event["new"])?),
        };
        events.push(Event { by, old, new, message: text(&event["message"]) });
    }
    Ok(events)
}
