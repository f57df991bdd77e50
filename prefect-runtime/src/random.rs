//! Randomness as a parameter of a run: everything random in it is drawn from one seed.
use std::hash::{BuildHasher, Hasher, RandomState};

/// One step of the generator `SplitMix64`: spreads a number over all bits, the same for the same number.
pub(crate) fn spread(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// From 0 (included) to 1 (excluded), the same for the same number.
pub(crate) fn fraction(x: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = (spread(x) >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

/// 64 bits that differ from call to call, from the keys that the standard library draws for its hash maps.
pub(crate) fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A random UUID as text.
pub(crate) fn uuid() -> String {
    // The version and variant bits of a random UUID.
    let (a, b) = (bits() & !0xF000 | 0x4000, bits() & !(0b11 << 62) | 0b10 << 62);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xFFFF, a & 0xFFFF, b >> 48, b & 0xFFFF_FFFF_FFFF)
}
