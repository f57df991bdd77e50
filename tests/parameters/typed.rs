//! Flows whose parameters the compiler knows.
use std::sync::atomic::{AtomicBool, Ordering};

use prefect::prelude::*;
use prefect::{Executor, FlowBuilder, FlowOptions, RunSettings, Value};
use prefect_tests::mistakes::panic_of;
use prefect_tests::seen::{message_of, states};
use serde::Deserialize;
use serde_json::json;

use crate::{declared, mistakes};

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

#[task]
#[allow(clippy::ref_option, reason = "this is what the flow gives")]
fn shown(x: i64, n: u32, tag: &Option<String>) -> String {
    format!("{x} {n} {tag:?}")
}

#[prefect::flow]
fn etl(
    /// Where to
    /// start.
    x: i64,
    #[default(3)] n: u32,
    tag: Option<String>,
) -> String {
    shown(x, n, tag)
}

#[test]
fn a_flow_function_declares_its_parameters() {
    let flow = etl::flow();
    assert_eq!(declared(&flow), ["x: i64", "n: u32 = 3", "tag: Option<String> = null"]);
    let docs: Vec<_> = flow.parameters().map(|parameter| parameter.doc).collect();
    assert_eq!(docs, ["Where to\nstart.", "", ""]);
    let run = flow.with_parameter("x", 1).run();
    assert_eq!(run.output().unwrap(), "1 3 None");
    assert_eq!(states(&run), ["x Success", "n Success", "tag Success", "shown Success"]);
    let flow = etl::flow().with_parameters(json!({ "x": 1, "n": 2, "tag": "t" }).as_object().unwrap().clone());
    assert_eq!(flow.run().output().unwrap(), "1 2 Some(\"t\")");
    let run = etl::flow().with_parameter("n", -1).run();
    assert_eq!(
        mistakes(&run),
        ["parameter `x: i64` is missing", "parameter `n` takes a `u32`: invalid value: integer `-1`, expected u32"]
    );
}

#[test]
fn values_of_their_own_types() {
    let flow = etl::parameters().x(5).flow();
    assert_eq!(flow.run().output().unwrap(), "5 3 None");
    let flow = etl::parameters().tag("t").n(7).x(-5).flow();
    assert_eq!(flow.run().output().unwrap(), "-5 7 Some(\"t\")");
    let flow = etl::parameters().tag(None).x(1).flow().with_parameter("x", 2);
    assert_eq!(flow.run().output().unwrap(), "2 3 None");
}

/// Read from outside, and never written.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Fast,
    Careful { checks: u8 },
}

#[task]
fn cost(mode: &Mode) -> i64 {
    match mode {
        Mode::Fast => 0,
        Mode::Careful { checks } => i64::from(*checks),
    }
}

#[prefect::flow]
fn moded(mode: Mode) -> i64 {
    cost(mode)
}

#[test]
fn a_type_needs_to_be_read_only() {
    assert_eq!(moded::parameters().mode(Mode::Careful { checks: 2 }).flow().run().output().unwrap(), 2);
    assert_eq!(moded::flow().with_parameter("mode", "fast").run().output().unwrap(), 0);
    let run = moded::flow().with_parameter("mode", "slow").run();
    assert_eq!(
        mistakes(&run),
        ["parameter `mode` takes a `Mode`: unknown variant `slow`, expected `fast` or `careful`"]
    );
}

#[test]
fn parameters_in_the_body_of_a_flow() {
    let build = || {
        flow!("etl", {
            let x = parameter::<i64>("x");
            let n = parameter::<u32>("n", default = 3, doc = " How often. ");
            let more = parameter_or("more", 10_i64);
            shown(add(x, more), n, parameter::<Option<String>>("tag"))
        })
    };
    let flow = build();
    assert_eq!(declared(&flow), ["x: i64", "n: u32 = 3", "more: i64 = 10", "tag: Option<String> = null"]);
    assert_eq!(flow.parameters().map(|parameter| parameter.doc).collect::<String>(), "How often.");
    for executor in [Executor::Local, Executor::threads(2)] {
        let flow = build().with(RunSettings::new().executor(executor)).with_parameter("x", 1);
        assert_eq!(flow.run().output().unwrap(), "11 3 None");
    }
    let strings = flow!("texts", { parameter::<String>(name = "path", default = "here") });
    assert_eq!(strings.run().output().unwrap(), "here");
}

/// What a flow is given in a call is no parameter of the outer flow; what it declares in its body is.
#[test]
fn a_flow_in_a_flow() {
    #[prefect::flow]
    fn inner(x: i64) -> i64 {
        add(x, parameter::<i64>("y"))
    }
    let outer = flow!("outer", { inner(parameter::<i64>("x")) });
    assert_eq!(declared(&outer), ["x: i64", "y: i64"]);
    let outer = flow!("outer", { inner(4) });
    assert_eq!(declared(&outer), ["y: i64"]);
    assert_eq!(outer.with_parameter("y", 1).run().output().unwrap(), 5);
}

/// Constants and parameters are roots: a branch that is not taken skips what reads them.
#[test]
fn a_parameter_made_in_a_branch_waits_for_nothing() {
    let flow = flow!("branch", {
        let mode = parameter::<String>("mode");
        case(mode, "fast", || add(parameter::<i64>("x", default = 1), 1))
    });
    let run = flow.with_parameter("mode", "slow").run();
    assert_eq!(states(&run), ["mode Success", "case(fast) Skipped", "x Success", "add Skipped"]);
}

#[test]
fn mistakes_in_building_name_the_parameter() {
    assert_eq!(
        panic_of(|| flow!("twice", {
            parameter::<i64>("p");
            parameter::<u8>("p");
        })),
        "A task with the slug \"p\" already exists in this flow. (flow `twice` has two parameters named `p`)"
    );
    assert_eq!(
        panic_of(|| flow!("roots", {
            let a = add(1, 2);
            parameter::<i64>("p").set_upstream(a);
        })),
        "Parameters must be root tasks and can not have upstream dependencies. \
         (parameter `p` of flow `roots` after task `add`)"
    );
    assert_eq!(
        panic_of(|| flow!("named", { parameter::<i64>("p").with(options().name("q")) })),
        "the name of parameter `p` is what it is given by: name it so where it is made"
    );
    assert_eq!(panic_of(|| parameter::<i64>("p")), "no flow is being built here");
    #[prefect::flow]
    fn of_a_task(#[default(add(1, 2))] x: i64) -> i64 {
        x
    }
    assert_eq!(
        panic_of(of_a_task::flow),
        "the default of parameter `x` is the result of a task: it has to be a plain value"
    );
}

/// A value that is built by hand and has the wrong type is caught as one from outside is.
#[test]
fn reading_may_panic() {
    #[derive(Clone)]
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("cannot read this")
        }
    }
    static RAN: AtomicBool = AtomicBool::new(false);
    #[task(in_memory)]
    fn ran(x: &Panics) {
        let Panics = x;
        RAN.store(true, Ordering::SeqCst);
    }
    #[prefect::flow]
    fn reads(x: Panics) {
        ran(x);
    }
    let run = reads::flow().with_parameter("x", 1).run();
    let texts = mistakes(&run);
    assert!(texts[0].starts_with("parameter `x` takes a `Panics`: ") && texts[0].contains("cannot read this"));
    assert!(!RAN.load(Ordering::SeqCst));
    assert_eq!(message_of(&reads::flow().run_once(), "x"), "Parameter \"x\" was required but not provided.");
}

/// Typed nodes and flows that are built at run time know the same parameters.
#[test]
fn one_kind_of_parameter() {
    let mut flow = FlowBuilder::new(FlowOptions::new("built"));
    let (definition, body) = prefect::built_in::parameter_or("x", 2_i64);
    let x = flow.task(definition, body);
    let built = flow.build();
    let typed = flow!("typed", { parameter_or("x", 2_i64) });
    assert_eq!(built.parameters().collect::<Vec<_>>(), typed.parameters().collect::<Vec<_>>());
    assert_eq!(built.run().state_of(x).value(), Value::new(2_i64).downcast_ref::<i64>());
}
