use prefect::prelude::*;

#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}

/// Loads.
#[prefect::flow(name = "Load", on_failure = |flow, state| println!("{flow} {state}"))]
pub fn load(
    /// How many.
    x: i64,
    #[default(3)] n: i64,
    tag: Option<String>,
) -> i64 {
    let _ = tag;
    add(x, n)
}

#[prefect::flow]
fn constant() -> i64 {
    5
}

#[prefect::flow]
fn all() -> i64 {
    if false {
        return add(1, 2);
    }
    load(x = constant(), tag = "t")
}

#[prefect::flow]
fn raw(r#type: String) -> String {
    r#type
}

fn main() {
    let flow = load::parameters().tag("t").x(1).flow();
    assert_eq!(flow.run().output().unwrap(), 4);
    assert_eq!(raw::parameters().r#type("a").flow().run().output().unwrap(), "a");
    let names: Vec<_> = raw::flow().parameters().map(|parameter| parameter.name).collect();
    assert_eq!(names, ["type"]);
    constant::parameters().flow();
    let _: prefect::Flow<Node<i64>> = load::flow();
    let flow = flow!("outer", { add(load(1), y = load(x = all(), n = 4)) });
    assert_eq!((flow.name(), all::flow().name(), load::flow().name()), ("outer", "all", "Load"));
}
