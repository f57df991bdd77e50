//! Choices from a seed.
use super::super::{Raise, SignalName};

/// Xorshift: enough for choices, and the same on every machine.
pub(super) struct Random {
    state: u64,
    /// Whether tasks may pause: what lies behind a paused task never runs, so most cases have none.
    pub(super) pauses: bool,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds must not give neighbouring streams, and zero must not be a state.
        let mut random = Self { state: seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, pauses: false };
        random.pauses = random.percent(12);
        random
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from((self.state >> 33) % n as u64).expect("below a usize")
    }

    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(super) fn count(&mut self, most: u32) -> u32 {
        u32::try_from(self.below(most as usize + 1)).expect("small")
    }

    pub(super) fn value(&mut self) -> Option<i64> {
        self.percent(60).then(|| i64::try_from(self.below(100)).expect("small"))
    }

    pub(super) fn message(&mut self) -> Option<String> {
        self.percent(80).then(|| format!("note {}", self.below(10)))
    }

    pub(super) fn raise(&mut self, signal: SignalName) -> Raise {
        let signal = if signal == SignalName::Pause && !self.pauses { SignalName::Skip } else { signal };
        Raise { signal, message: self.message(), value: self.value() }
    }

    /// Text of an error or a panic.
    pub(super) fn text(&mut self) -> String {
        self.pick(&["red", "green", "blue"]).to_owned()
    }
}
