//! Edges that bring no data.
use prefect::prelude::*;
use prefect_tests::mistakes::panic_of;
use prefect_tests::seen::states;

#[task]
fn first() -> i64 {
    1
}
#[task]
fn fails() -> Result<i64, String> {
    Err("boom".to_owned())
}
#[task]
fn second() -> String {
    String::new()
}
#[task(name = "third task")]
fn third(x: i64) -> i64 {
    x
}

#[test]
fn set_upstream_and_set_downstream() {
    let run = flow!("order", {
        let (one, bad) = (first(), fails());
        second().set_upstream((one, bad));
        second().set_upstream(one);
        let late = second();
        bad.set_downstream([late]);
        one.set_downstream((late, third(2)));
    })
    .run();
    let seen = [
        "first Success",
        "fails Failed",
        "second TriggerFailed",
        "second Success",
        "second TriggerFailed",
        "third task Success",
    ];
    assert_eq!(states(&run), seen);
}

/// An edge to a task that was made before.
#[test]
fn against_the_order_of_calls() {
    let run = flow!("backwards", {
        let early = second();
        early.set_upstream(fails());
        early
    })
    .run();
    assert_eq!(states(&run), ["second TriggerFailed", "fails Failed"]);
}

#[test]
fn a_cycle_is_found_when_the_flow_is_built() {
    let text = panic_of(|| {
        flow!("round", {
            let one = first();
            let three = third(one);
            one.set_upstream(second());
            one.set_upstream(three);
        });
    });
    let start = "flow `round`: Cycle found; flows must be acyclic! (";
    assert!(text.starts_with(start), "{text}");
    let names: Vec<_> = text[start.len()..].trim_end_matches(')').split(" -> ").collect();
    assert!(names == ["first", "third task", "first"] || names == ["third task", "first", "third task"], "{text}");

    let text = panic_of(|| {
        flow!("self", {
            let one = first();
            one.set_downstream(one);
        });
    });
    assert_eq!(text, "Edges can not connect a task to itself. (task `first` of flow `self`)");
}

/// A flow that could not be built leaves nothing behind.
#[test]
fn after_a_cycle_flows_are_built_as_before() {
    panic_of(|| {
        flow!("round", {
            let (one, two) = (first(), fails());
            one.set_upstream(two);
            two.set_upstream(one);
        });
    });
    assert_eq!(flow!("next", { third(first()) }).run().output().unwrap(), 1);
}
