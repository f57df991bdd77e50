//! The first difference between what a record holds and what was seen.
use serde_json::{Map, Value as Json};

use crate::normalise::{normalise, same_text};
use crate::record::Spec;

/// How the events of a record are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The whole list is in a fixed order.
    Total,
    /// Fixed for each object, and from upstream to downstream.
    Partial,
}

/// The first difference, or `None`.
pub(crate) fn difference(spec: &Spec, order: Order, recorded: &Json, seen: &Json) -> Option<String> {
    let (mut recorded, mut seen) = (recorded.clone(), seen.clone());
    normalise(&mut recorded);
    normalise(&mut seen);
    if let Some(raised) = recorded["raised_to_caller"].as_str() {
        if raised != "TypeError" {
            return Some(format!("{raised} was raised to the caller"));
        }
        accident(&mut recorded, &mut seen);
    }
    // What was given to the run was no part of what was seen.
    for given in ["run_arguments", "answers"] {
        remove(&mut recorded, given);
    }
    // Where the flow's state lost the states of its tasks, or its own, there is nothing to compare them with.
    for lost in ["flow_state", "task_states"] {
        if recorded[lost].is_null() {
            remove(&mut recorded, lost);
            remove(&mut seen, lost);
        }
    }
    if order == Order::Partial {
        if let Some(difference) = out_of_order(spec, &seen) {
            return Some(difference);
        }
        for observed in [&mut recorded, &mut seen] {
            by_object(observed);
        }
    }
    json("", &recorded, &seen)
}

fn remove(observed: &mut Json, field: &str) {
    observed.as_object_mut().expect("an observed run").remove(field);
}

/// See `normalise`: the state that the caller did not get is the one that the last event tells of.
fn accident(recorded: &mut Json, seen: &mut Json) {
    remove(recorded, "raised_to_caller");
    remove(recorded, "message");
    remove(seen, "task_states");
    let events = recorded["events"].as_array().cloned().unwrap_or_default();
    if let Some(last) = events.iter().rfind(|event| event["kind"] == "flow" && event["handler"] == "observer") {
        recorded["flow_state"] = serde_json::json!({ "class": last["new"], "message": last["message"] });
        let state = seen["flow_state"].as_object_mut().expect("a state");
        state.retain(|field, _| field == "class" || field == "message");
    }
}

/// Upstream tasks are finished before a downstream task is looked at.
fn out_of_order(spec: &Spec, seen: &Json) -> Option<String> {
    let events = seen["events"].as_array()?;
    // Tasks of one name share their events: of those nothing can be said.
    let name_of = |slug: &str| {
        let name = &spec.tasks.iter().find(|task| task.slug == slug)?.name;
        let alone = spec.tasks.iter().filter(|task| task.name == *name).count() == 1;
        alone.then(|| name.clone())
    };
    let of = |name: &str| {
        let name = name.to_owned();
        events.iter().enumerate().filter(move |(_, event)| event["kind"] == "task" && event["name"] == name.as_str())
    };
    spec.edges.iter().find_map(|edge| {
        let (from, to) = (name_of(&edge.from)?, name_of(&edge.to)?);
        let last = of(&from).next_back()?.0;
        let first = of(&to).next()?.0;
        (first < last).then(|| format!("`{to}` was looked at before `{from}` had finished"))
    })
}

/// Events and posts by object, log lines without an order.
fn by_object(observed: &mut Json) {
    let mut objects = Map::new();
    for event in observed["events"].as_array().into_iter().flatten() {
        let mut event = event.clone();
        event.as_object_mut().expect("an event").remove("seq");
        let of = format!("{} {} {}", event["kind"], event["name"], event["map_index"]);
        objects.entry(of).or_insert_with(|| Json::Array(Vec::new())).as_array_mut().expect("a list").push(event);
    }
    observed["events"] = Json::Object(objects);
    for (list, key) in [("log", "message"), ("http_posts", "json")] {
        for entry in observed[list].as_array_mut().into_iter().flatten() {
            entry.as_object_mut().expect("an entry").remove("seq");
        }
        if let Some(entries) = observed[list].as_array_mut() {
            entries.sort_by_key(|entry| entry[key].to_string());
        }
    }
}

/// The first place where two values differ.
pub(crate) fn json(at: &str, recorded: &Json, seen: &Json) -> Option<String> {
    let differ = || Some(format!("{at}: {recorded} on record, {seen} seen"));
    match (recorded, seen) {
        (Json::String(recorded), Json::String(seen)) if same_text(recorded, seen) => None,
        (Json::Array(recorded), Json::Array(seen)) => {
            let pairs = recorded.iter().zip(seen).enumerate();
            let inside =
                pairs.into_iter().find_map(|(i, (recorded, seen))| json(&format!("{at}[{i}]"), recorded, seen));
            let missing = || {
                let (more, what) = if recorded.len() > seen.len() { (recorded, "missing") } else { (seen, "too many") };
                let first = more.get(recorded.len().min(seen.len()))?;
                Some(format!("{at}: {what}, from {first} on"))
            };
            inside.or_else(missing)
        }
        (Json::Object(recorded), Json::Object(seen)) => {
            let fields = recorded.keys().chain(seen.keys().filter(|key| !recorded.contains_key(*key)));
            fields.into_iter().find_map(|key| {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                match (recorded.get(key), seen.get(key)) {
                    (Some(recorded), Some(seen)) => json(&at, recorded, seen),
                    (Some(recorded), None) => Some(format!("{at}: {recorded} on record, missing")),
                    (None, seen) => Some(format!("{at}: not on record, {} seen", seen.cloned().unwrap_or_default())),
                }
            })
        }
        // An empty field and none are the same: what a state lacks.
        _ if recorded == seen => None,
        (Json::Number(recorded), Json::Number(seen)) if recorded.as_f64() == seen.as_f64() => None,
        _ => differ(),
    }
}
