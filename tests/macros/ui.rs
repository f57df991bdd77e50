//! What the compiler says about mistakes, and that what is right compiles.
//!
//! After a change: `TRYBUILD=overwrite cargo test --test ui`, then read the difference.

/// The texts are those of one compiler; `rust-toolchain.toml` says which.
#[rustversion::attr(not(all(since(1.95), before(1.96))), ignore = "the texts are those of Rust 1.95")]
#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for theme in ["task", "flow", "arguments", "handlers", "inputs", "language", "mapping"] {
        cases.pass(format!("ui/{theme}/pass/*.rs"));
        cases.compile_fail(format!("ui/{theme}/fail/*.rs"));
    }
}
