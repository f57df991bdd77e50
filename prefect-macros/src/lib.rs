//! The macros of the crate `prefect`: use them through it.
//!
//! The body of a task or a flow is never parsed. `#[task]` passes it on; flows have their tokens rewritten one by one, and
//! only at calls with keywords.
mod call;
mod errors;
mod flow;
mod function;
mod hints;
mod keywords;
mod options;
mod parameters;
mod prelude;
mod spans;
mod task;
mod values;

use proc_macro::TokenStream;

/// Makes a task of a function.
///
/// In a flow the function takes plain values and the results of other tasks, and gives a node. `add::run(1)` calls the
/// function itself.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task(name = "Add 1 task", max_retries = 2, retry_delay = "10s")]
/// fn add(x: i64, #[default(1)] y: i64) -> i64 {
///     x + y
/// }
///
/// let flow = flow!("sum", { add(x = add(1), y = 5) });
/// assert_eq!(add::run(1, 2), 3);
/// ```
///
/// # Options
///
/// | option | what |
/// |---|---|
/// | `name = "load"` | the name; the function's if it is not given |
/// | `state_handlers = [f, \|task, old, new\| new]` | called at every state change, in this order |
/// | `on_failure = f` | a `fn(&Tracked, &State)`, called after the handlers when the task has failed |
/// | `max_retries = 3` | how often a failed run is tried again |
/// | `retry_delay = "10s"` | how long to wait before that; `exponential("1s", max = "5m")` waits longer each time |
/// | `retry_on = [std::io::Error]` | which errors are tried again: types, or a predicate of the error |
/// | `timeout = "1m"` | how long one attempt may take |
/// | `trigger = any_failed` | when the task runs: a function of the states upstream |
/// | `skip_on_upstream_skip = false` | the task runs although something upstream was skipped |
/// | `tags = ["web"]` | tags |
/// | `task_run_name = "row {x}"` | the name of each run, with parameters and names of the run context |
/// | `record_start = Await` | in a recorded run the body waits until the store knows that it begins |
/// | `in_memory` | the result is not stored, so that it need not be `Serialize`; a resumed run computes it again. What the iterations of a loop give is stored all the same, as the next one reads it |
/// | `crate = path` | where the crate `prefect` is, for people who rename it |
///
/// # Parameters
///
/// `x: T` is taken by value, `x: &T` (`&str`, `&[T]`) without a copy. `#[default(1)]` makes a parameter one that is given
/// by keyword only, `#[constant]` one that takes plain values only. `#[shared] db: &Pool` comes from `flow.share(pool)` and
/// is no argument of the call. A task that also runs when something upstream has no result takes `Outcome<T>` or
/// `Option<T>`.
#[proc_macro_attribute]
pub fn task(args: TokenStream, item: TokenStream) -> TokenStream {
    let name = function_name(&item);
    shown(&name, task::run(&args.into(), &item.into()))
}

/// Builds a flow: a name, options, and a block whose calls of tasks become its tasks.
///
/// In the block tasks also take keywords: `add(x = 1)`, `upstream_tasks = [a]`, `task_args = options().name("n")`.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn add(x: i64, y: i64) -> i64 {
///     x + y
/// }
///
/// let flow = flow!("sum", on_failure = |flow, state| println!("{}: {state}", flow.name()), {
///     let three = add(1, y = 2);
///     add(x = three, y = three)
/// });
/// assert_eq!(flow.name(), "sum");
/// ```
///
/// Options: `state_handlers`, `on_failure`, `terminal_state_handler`, `crate`.
#[proc_macro]
pub fn flow(input: TokenStream) -> TokenStream {
    let name = input.clone().into_iter().next().map(|token| token.to_string().trim_matches('"').to_owned());
    shown(&name.unwrap_or_default(), flow::bang::run(input.into()))
}

/// Makes a flow with parameters of a function: `#[prefect::flow]`.
///
/// In the body a parameter `x: T` is a `Node<T>`. Called in another flow, the function builds its tasks there;
/// `etl::flow()` is the flow itself.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn add(x: i64, y: i64) -> i64 {
///     x + y
/// }
///
/// #[prefect::flow(name = "sum")]
/// fn sum(#[default(1)] x: i64) -> i64 {
///     add(x = x, y = 2)
/// }
/// assert_eq!(sum::flow().name(), "sum");
///
/// #[prefect::flow]
/// fn twice() -> i64 {
///     add(sum(x = 3), sum(x = 4))
/// }
/// assert_eq!(twice::flow().name(), "twice");
/// ```
///
/// Options: `name`, `state_handlers`, `on_failure`, `terminal_state_handler`, `crate`. `#[default(..)]` gives a parameter a
/// default, a plain value; one of type `Option<T>` may be left out. Their doc comments are shown by `--help`.
///
/// # Values
///
/// A parameter of the flow itself is a task that gives the value which the run was given. `sum::parameters().x(3).flow()`
/// gives values of the parameters' types, and is checked by the compiler; `with_parameter` takes them by name.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn add(x: i64, y: u32) -> i64 {
///     x + i64::from(y)
/// }
///
/// #[prefect::flow]
/// fn sum(
///     /// What to begin with.
///     x: i64,
///     #[default(1)] y: u32,
/// ) -> i64 {
///     add(x, y)
/// }
/// assert_eq!(sum::parameters().x(3).flow().run().output().unwrap(), 4);
/// assert_eq!(sum::flow().with_parameter("x", 3).with_parameter("y", 5).run().output().unwrap(), 8);
/// ```
#[proc_macro_attribute]
pub fn flow_attribute(args: TokenStream, item: TokenStream) -> TokenStream {
    let name = function_name(&item);
    shown(&name, flow::attribute::run(&args.into(), &item.into()))
}

/// The name after `fn`.
fn function_name(item: &TokenStream) -> String {
    let mut tokens = item.clone().into_iter().map(|token| token.to_string());
    tokens.find(|token| token == "fn");
    tokens.next().unwrap_or_default()
}

/// `PREFECT_MACROS_DEBUG=add cargo check` prints what the task or flow `add` expands to.
fn shown(name: &str, mut expansion: proc_macro2::TokenStream) -> TokenStream {
    if prelude::is_missing(proc_macro::Span::call_site().local_file()) {
        expansion = prelude::without_diagnostics(expansion);
    }
    if std::env::var("PREFECT_MACROS_DEBUG").is_ok_and(|wanted| wanted == name) {
        eprintln!("{expansion}");
    }
    expansion.into()
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Group, TokenStream, TokenTree};
    use quote::quote;

    /// The tokens with one left out, at each place and depth in turn, and every beginning of them.
    fn damaged(tokens: &TokenStream) -> Vec<TokenStream> {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut out = Vec::new();
        for i in 0..tokens.len() {
            let around = |inside: Vec<TokenTree>| -> TokenStream {
                tokens[..i].iter().cloned().chain(inside).chain(tokens[i + 1..].iter().cloned()).collect()
            };
            out.push(tokens[..i].iter().cloned().collect());
            out.push(around(Vec::new()));
            if let TokenTree::Group(group) = &tokens[i] {
                let inside = damaged(&group.stream());
                out.extend(inside.into_iter().map(|s| around(vec![Group::new(group.delimiter(), s).into()])));
            }
        }
        out
    }

    /// A panic of a macro says nothing about the mistake; and half-typed code is what an editor sends most of the time.
    #[test]
    fn damaged_input_never_panics() {
        let options = quote! {
            name = "a {x}", state_handlers = [f, |_, _, new| new, g(only = [1])], on_failure = h, max_retries = 2,
            retry_delay = exponential("1s", max = "5m"), retry_on = [a::B, C<D>], timeout = "1m", trigger = t(at_least = 1),
            skip_on_upstream_skip = false, tags = ["a"], task_run_name = "{x} {{}}", in_memory, crate = a::b
        };
        let function = quote! {
            #[cfg(x)] pub(crate) async fn f<T: D>(
                #[default(1)] x: i64, #[cfg(y)] #[constant] y: Vec<T>, #[shared] z: &Pool, (a, b): (u8, &str)
            ) -> Result<Option<T>, E> where T: C { #![allow(x)] g(x = 1, upstream_tasks = [a], task_args = b); (x) }
        };
        let call = quote!("name", state_handlers = [f, |a, b| c], on_failure = g, {
            let a = f(x = 1, y.b(z = 2), 3);
            a
        });
        let mut count = 0;
        for args in damaged(&options) {
            crate::task::run(&args, &function);
            crate::flow::attribute::run(&args, &function);
            count += 1;
        }
        for item in damaged(&function) {
            crate::task::run(&options, &item);
            crate::flow::attribute::run(&TokenStream::new(), &item);
            count += 1;
        }
        for input in damaged(&call) {
            crate::flow::bang::run(input);
            count += 1;
        }
        assert!(count > 300, "{count}");
    }
}
