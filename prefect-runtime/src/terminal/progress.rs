//! A bar on a terminal for work that takes its time; elsewhere nothing.
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error, until it is dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new() -> Self {
        Self(ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()))
    }

    /// The next part of the work: so much of it; with 0 it is only named.
    pub(super) fn begin(&self, what: &'static str, of: u64) {
        let style = if of == 0 { "{msg}" } else { "{msg} {bar:30} {percent}%" };
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.0.set_style(style);
        }
        self.0.set_length(of);
        self.0.set_position(0);
        self.0.set_message(what);
    }

    pub(super) fn at(&self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
