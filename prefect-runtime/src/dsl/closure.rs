//! Tasks made of closures.
use std::borrow::Cow;
use std::sync::Arc;

use super::output::{TaskOutput, TaskValue, stored};
use super::parameter::owned;
use super::{Data, Node};
use crate::flow::graph::{Code, DynamicCode};
use crate::flow::{BodyKind, BodyOutcome, Parameter, Slot, TaskDefinition, scope};
use crate::quiet::Quiet;

/// Makes a task of a closure, which may hold what is known only while the flow is built.
///
/// It takes the result of another task; a function with `#[task]` also takes plain values and keywords.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn one() -> i64 {
///     1
/// }
///
/// let factor = 3;
/// let times = task_fn("times", move |x: i64| x * factor);
/// let flow = flow!("closure", { times(times(one())) });
/// assert_eq!(flow.run().output().unwrap(), 9);
/// ```
///
/// # Panics
/// What it returns panics outside a flow.
pub fn task_fn<A: Data, R: TaskValue + TaskOutput>(
    name: impl Into<Cow<'static, str>>,
    body: impl Fn(A) -> R + Send + Sync + 'static,
) -> impl Fn(Node<A>) -> Node<R> {
    let (definition, body) = (TaskDefinition::new(name), Quiet::new(body));
    let code = Arc::new(DynamicCode {
        run: Box::new(move |inputs| BodyOutcome::Done(Ok(stored::<R>().keep(body(owned(inputs, 0)))))),
        parameters: vec![Parameter::of::<A>("x")],
        kind: BodyKind::Sync,
        output: Some(stored::<R>().untyped()),
    });
    move |x| {
        let input = Slot::Upstream(x.own());
        Node::new(scope::add_made(definition.clone(), Code::Dynamic(Arc::clone(&code)), &mut [Some(input)]))
    }
}
