//! Names of runs, which people can say.

const HOW: [&str; 32] = [
    "amber", "bold", "brave", "bright", "brisk", "calm", "clever", "cosy", "curious", "deft", "eager", "fair",
    "gentle", "golden", "hardy", "honest", "jolly", "keen", "kind", "lively", "lucky", "merry", "mild", "noble",
    "patient", "proud", "quick", "quiet", "sharp", "steady", "sunny", "wise",
];
const WHO: [&str; 32] = [
    "badger", "beaver", "bison", "crane", "dolphin", "eagle", "falcon", "ferret", "finch", "fox", "gecko", "heron",
    "ibex", "jackdaw", "koala", "lemur", "lynx", "marten", "moose", "narwhal", "ocelot", "osprey", "otter", "panda",
    "puffin", "raven", "robin", "seal", "stork", "tapir", "turtle", "walrus",
];

/// `brave-otter`: the same for the same number.
pub(super) fn name(number: u64) -> String {
    let pick = |words: &[&'static str; 32], shift: u32| words[(number >> shift & 31) as usize];
    format!("{}-{}", pick(&HOW, 0), pick(&WHO, 5))
}
