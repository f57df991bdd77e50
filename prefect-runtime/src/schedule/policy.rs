//! What becomes of moments that nobody served, or that come while a run goes on.
use std::fmt;

/// What becomes of the ticks of a schedule that passed while nobody served it: see [`Schedule::catch_up`](super::Schedule::catch_up).
///
/// A tick that is less than a minute late, and that no other has followed, is on time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatchUp {
    /// They have no runs.
    Skip,
    /// The last of them has its run, late. This is the default: one night without power costs no nightly job, and a week of
    /// it does not end in seven of them.
    #[default]
    Latest,
    /// Each of them has its run, in order.
    All,
}

/// What becomes of a tick that comes while a process has a run of the same schedule, this or another process: see
/// [`Schedule::overlap`](super::Schedule::overlap).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overlap {
    /// It has no run. This is the default.
    #[default]
    Skip,
    /// Its run begins when the other one has ended; those that come meanwhile have none.
    BufferOne,
    /// The other run is cancelled, and the tick's begins when that has ended.
    CancelOther,
    /// Its run begins beside the other one.
    AllowAll,
}

impl fmt::Display for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Skip => "skip",
            Self::Latest => "latest",
            Self::All => "all",
        })
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Skip => "skip",
            Self::BufferOne => "buffer one",
            Self::CancelOther => "cancel other",
            Self::AllowAll => "allow all",
        })
    }
}
