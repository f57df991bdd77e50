//! The ways to run a case on the library.

/// How many things run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    Local,
    Threads(usize),
}

/// How a case is run on the library: whichever way is taken, the same comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub workers: Workers,
    pub start: Start,
}

/// `run`, or `run_async` on a runtime of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Run,
    RunAsync,
}
