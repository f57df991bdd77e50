//! Mistakes that are told when a flow is built.
use prefect::prelude::*;
use prefect::{Elements, FlowBuilder, FlowOptions, Parameter, TaskBody, TaskDefinition, Value};
use prefect_tests::mistakes::panic_of;

use crate::folder::Folder;

fn body() -> TaskBody {
    TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(inputs.take_value(0))).returns::<i64>()
}

fn build(definition: TaskDefinition, body: TaskBody) -> prefect::Flow {
    let mut flow = FlowBuilder::new(FlowOptions::new("mistake"));
    let task = flow.task(definition, body);
    flow.constant(task, "x", Value::new(1_i64));
    flow.build()
}

#[test]
fn templates_name_what_there_is() {
    let text = panic_of(|| build(TaskDefinition::new("load").target("{y}.json"), body()));
    assert_eq!(text, "the target of task `load`, `{y}.json`: nothing is called `y`");
    let text = panic_of(|| build(TaskDefinition::new("load").target("{tsk_name}.json"), body()));
    assert!(text.ends_with("nothing is called `tsk_name`: did you mean `task_name`?"), "{text}");
    let text = panic_of(|| build(TaskDefinition::new("load").target("{x.json"), body()));
    assert_eq!(text, "the target of task `load`, `{x.json`: a `{` is not closed");
    let folder = Folder::new();
    let result = || folder.results().location("{x}}.json");
    let text = panic_of(|| build(TaskDefinition::new("load").result(result()), body()));
    assert_eq!(text, "the result of task `load`, `{x}}.json`: a `}` closes nothing");
    // A flow knows no inputs of a task.
    let text = panic_of(|| flow!("of flow", result = folder.results().location("{x}.json"), {}));
    assert_eq!(text, "the flow's result, `{x}.json`: nothing is called `x`");
}

#[test]
fn a_result_that_is_kept_has_a_type() {
    let untyped = TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(inputs.take_value(0)));
    let text = panic_of(|| build(TaskDefinition::new("load").target("x.json"), untyped));
    let expected = "task `load` keeps its result, and its body does not say what it gives: add `.returns::<T>()` to it";
    assert_eq!(text, expected);
}

#[test]
fn children_do_not_share_a_target() {
    #[task(target = "{y}.json")]
    fn each(x: i64, y: i64) -> i64 {
        x + y
    }
    let text = panic_of(|| flow!("mapped", { each::map(vec![1], unmapped(2)) }));
    let expected = "task `each` is mapped, and its target `{y}.json` is the same for all children: put `{map_index}` into \
                    it, or an input that they are mapped over";
    assert_eq!(text, expected);
    let text = panic_of(|| {
        let mut flow = FlowBuilder::new(FlowOptions::new("mapped"));
        let each = flow.task(TaskDefinition::new("each").target("x.json"), body());
        flow.map_constant(each, "x", Value::new(vec![1_i64]), Elements::of::<i64>());
        flow.build()
    });
    assert!(text.contains("its target `x.json` is the same for all children"), "{text}");
    drop(flow!("fine", { (each::map(vec![1], vec![2]), each(1, 2)) }));
}
