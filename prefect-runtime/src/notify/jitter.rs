//! Small random waits, so that programs which were refused together do not come back together.
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Splitmix64: enough for jitter, and the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// From zero up to `most`.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let parts = u32::try_from(z >> 32).unwrap_or(u32::MAX);
        most.mul_f64(f64::from(parts) / f64::from(u32::MAX))
    }
}

/// A seed that differs from process to process.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one("jitter")
}
