//! The JSON schema of parameters: what it says, and that a run takes what it takes.
use jsonschema::Validator;
use prefect::prelude::*;
use prefect::{Flow, FlowBuilder, FlowOptions, FlowOutput, built_in, schema_of};
use prefect_tests::mistakes::panic_of;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// How it is done.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "only read from outside")]
enum Mode {
    Fast,
    Careful { checks: u8 },
}

#[derive(Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Window {
    from: i32,
    to: Option<i32>,
    #[serde(default)]
    inner: Option<Box<Window>>,
}

/// It can be read, and says nothing of what it looks like.
#[derive(Clone, Deserialize)]
#[allow(dead_code, reason = "only read from outside")]
struct Plain(u8);

#[prefect::flow(name = "all kinds")]
#[allow(unused_variables, reason = "they are asked for, and not used")]
fn kinds(
    /// Where to
    /// start.
    x: i64,
    #[default(3)] n: u32,
    tag: Option<String>,
    mode: Mode,
    window: Option<Window>,
    #[default(-1)] small: i32,
    large: Option<u64>,
    wide: Option<i128>,
    share: Option<f64>,
    letter: Option<char>,
    pair: Option<(u8, bool)>,
    plain: Plain,
) {
}

fn validator(schema: &Json) -> Validator {
    jsonschema::draft202012::meta::validate(schema).expect("a schema");
    jsonschema::draft202012::new(schema).expect("a schema")
}

/// The values are taken by both, or refused by both.
#[track_caller]
fn agree<O: FlowOutput>(flow: &dyn Fn() -> Flow<O>, validator: &Validator, values: &Json, fit: bool) {
    let run = flow().with_parameters(values.as_object().unwrap().clone()).run();
    assert_eq!(run.state().kind().is_successful(), fit, "the run of {values}: {}", run.state());
    assert_eq!(validator.is_valid(values), fit, "the schema on {values}");
}

#[test]
fn what_the_schema_takes_a_run_takes() {
    let validator = validator(&kinds::flow().parameters_schema());
    let good = json!({ "x": 1, "mode": "fast", "plain": 1 });
    let agree = |values: &Json, fit| agree(&kinds::flow, &validator, values, fit);
    agree(&good, true);
    for (name, value, fit) in [
        ("x", json!(i64::MIN), true),
        ("x", json!(u64::MAX), false),
        ("x", json!(1.5), false),
        ("x", json!(2.0), true),
        ("x", json!(-2.0), true),
        ("x", json!(1e300), false),
        ("x", json!("1"), false),
        ("x", json!(null), false),
        ("n", json!(u32::MAX), true),
        ("n", json!(u64::from(u32::MAX) + 1), false),
        ("n", json!(-1), false),
        ("n", json!(-1.0), false),
        ("n", json!(-0.0), true),
        ("n", json!(4_294_967_295.0), true),
        ("n", json!(4_294_967_296.0), false),
        ("n", json!(null), false),
        ("small", json!(i32::MIN), true),
        ("small", json!(i64::from(i32::MIN) - 1), false),
        ("small", json!(i64::from(i32::MAX) + 1), false),
        ("large", json!(u64::MAX), true),
        ("large", json!(1e19), true),
        ("large", json!(1e20), false),
        ("large", json!(-1), false),
        ("large", json!(null), true),
        ("wide", json!(u64::MAX), true),
        ("wide", json!(i64::MIN), true),
        ("wide", json!(1e20), false),
        ("share", json!(1), true),
        ("share", json!(0.5), true),
        ("share", json!("a"), false),
        ("letter", json!("ä"), true),
        ("letter", json!("ab"), false),
        ("letter", json!(""), false),
        ("tag", json!("t"), true),
        ("tag", json!(null), true),
        ("tag", json!(7), false),
        ("tag", json!(7.0), false),
        ("tag", json!(["t"]), false),
        ("mode", json!("slow"), false),
        ("mode", json!({ "careful": { "checks": 255 } }), true),
        ("mode", json!({ "careful": { "checks": 256 } }), false),
        ("mode", json!({ "careful": {} }), false),
        ("pair", json!([1, true]), true),
        ("pair", json!([1.0, true]), true),
        ("pair", json!([1]), false),
        ("pair", json!([1, true, 2]), false),
        ("window", json!({ "from": 1 }), true),
        ("window", json!({ "from": 1, "to": null }), true),
        ("window", json!({ "from": 1.0, "to": 2.0 }), true),
        ("window", json!({ "from": 1.0, "to": 2.5 }), false),
        ("window", json!({ "to": 1 }), false),
        ("window", json!({ "from": 1, "too": 1 }), false),
        ("window", json!({ "from": 1, "inner": { "from": i64::from(i32::MAX) } }), true),
        ("window", json!({ "from": 1, "inner": { "from": i64::from(i32::MAX) + 1 } }), false),
        ("plain", json!(255), true),
        ("y", json!(1), false),
        ("X", json!(1), false),
    ] {
        let mut values = good.clone();
        values[name] = value;
        agree(&values, fit);
    }
    agree(&json!({ "x": 1, "plain": 1 }), false);
    agree(&json!({ "mode": "fast", "plain": 1 }), false);
    agree(&json!({}), false);
}

#[test]
fn it_says_what_a_form_shows() {
    let schema = kinds::flow().parameters_schema();
    assert_eq!(schema["title"], "all kinds");
    assert_eq!(schema["required"], json!(["x", "mode", "plain"]));
    assert_eq!(schema["additionalProperties"], false);
    let properties = &schema["properties"];
    assert_eq!(properties["x"]["description"], "Where to\nstart.");
    assert_eq!(properties["n"]["default"], 3);
    assert_eq!(properties["tag"], json!({ "type": ["string", "null"], "default": null }));
    assert_eq!(properties["mode"], json!({ "$ref": "#/$defs/Mode" }));
    assert_eq!(schema["$defs"]["Mode"]["description"], "How it is done.");
    // A type without a schema takes anything, and its name is told.
    assert_eq!(properties["plain"], json!({ "title": "Plain" }));
    let empty = flow!("empty", {}).parameters_schema();
    assert_eq!((&empty["properties"], &empty["required"], &empty["$defs"]), (&json!({}), &json!([]), &Json::Null));
    validator(&empty);
}

/// Where a flow is built only the usual types are known; others are told.
#[test]
fn parameters_of_types_that_a_function_is_generic_over() {
    let build = || {
        flow!("built", {
            parameter::<u8>("n");
            parameter_or("names", vec!["a".to_owned()]);
            parameter::<Option<i32>>("maybe");
            parameter::<Json>("any");
            parameter::<Window>("unknown");
            parameter::<Window>(
                "window",
                default = Window { from: 1, to: None, inner: None },
                doc = "When.",
                schema = schema_of(),
            );
        })
    };
    let schema = build().parameters_schema();
    let properties = &schema["properties"];
    assert_eq!(properties["n"]["maximum"], 255);
    assert_eq!(properties["names"], json!({ "type": "array", "items": { "type": "string" }, "default": ["a"] }));
    assert_eq!(properties["any"], json!({}));
    assert_eq!(properties["unknown"], json!({ "title": "Window" }));
    let default = json!({ "from": 1, "to": null, "inner": null });
    assert_eq!(properties["window"], json!({ "$ref": "#/$defs/Window", "description": "When.", "default": default }));
    let validator = validator(&schema);
    let good = json!({ "n": 1, "any": [1], "unknown": { "from": 1 }, "window": { "from": 1 } });
    agree(&build, &validator, &good, true);
    for (name, value) in
        [("n", json!(256)), ("names", json!([1])), ("maybe", json!(1_u64 << 31)), ("window", json!({ "from": "1" }))]
    {
        let mut values = good.clone();
        values[name] = value;
        agree(&build, &validator, &values, false);
    }
}

#[test]
fn a_builder_takes_the_schema_of_the_type_that_is_there() {
    let build = |wrong| {
        let mut flow = FlowBuilder::new(FlowOptions::new("built"));
        let (definition, body) = built_in::parameter::<Window>("window");
        let window = flow.task(definition, body);
        let (definition, body) = built_in::list::<i64>(0);
        let list = flow.task(definition, body);
        match wrong {
            0 => flow.parameter_schema::<Window>(window),
            1 => flow.parameter_schema::<u8>(window),
            _ => flow.parameter_schema::<u8>(list),
        }
        flow.build()
    };
    let schema = build(0).parameters_schema();
    assert_eq!(schema["properties"]["window"], json!({ "$ref": "#/$defs/Window" }));
    assert_eq!(panic_of(|| build(1)), "parameter `window` is a `Window`: give it the schema of that type");
    assert_eq!(panic_of(|| build(2)), "task `List` is no parameter: only parameters have a schema");
    // A flow that becomes a part of another takes its schemas along.
    let part = build(0);
    let whole = flow!("whole", { prefect::update(&part) });
    assert_eq!(whole.parameters_schema()["properties"], schema["properties"]);
}

/// What is written by hand may panic, also in the midst of others.
#[test]
fn a_schema_may_panic() {
    #[derive(Clone, Deserialize)]
    struct Panics;
    impl JsonSchema for Panics {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Panics".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            panic!("no schema")
        }
    }
    #[prefect::flow]
    #[allow(unused_variables, reason = "they are asked for, and not used")]
    fn panics(a: Option<Window>, b: Vec<Panics>, c: Mode) {}
    let schema = panics::flow().parameters_schema();
    assert_eq!(schema["properties"]["b"], json!({ "title": "Vec<Panics>" }));
    let names: Vec<_> = schema["$defs"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["Mode", "Window"]);
    validator(&schema);
}
