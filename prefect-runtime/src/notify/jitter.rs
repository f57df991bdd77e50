//! Small random waits, so that programs which were refused together do not come back together.
use std::time::Duration;

use crate::random::{fraction, spread};

/// Waits drawn from a seed: the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// From zero up to `most`.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(1);
        most.mul_f64(fraction(spread(self.0)))
    }
}
