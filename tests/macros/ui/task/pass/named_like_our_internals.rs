use prefect::prelude::*;

#[task]
fn inputs(inputs: i64, value: i64, marker: i64, args: i64, run: i64, __inputs: i64, __kw: i64) -> i64 {
    inputs + value + marker + args + run + __inputs + __kw
}

#[task]
fn call(call: i64, never: i64, #[default(1)] slot: i64, #[default(2)] state: i64) -> i64 {
    call + never + slot + state
}

#[task]
async fn __run(__code: &i64, result: i64) -> i64 {
    __code + result
}

#[prefect::flow]
fn build(build: i64, given: i64, name: i64) -> i64 {
    call(build, never = given, slot = name)
}

fn main() {
    flow!("f", {
        inputs(inputs = 1, value = 2, marker = 3, args = 4, run = 5, __inputs = 6, __kw = 7);
        call(call = call(1, 2), never = 3, slot = 4, state = 5);
        __run(__code = 1, result = 2);
        build(build = 1, given = 2, name = 3);
    });
}
