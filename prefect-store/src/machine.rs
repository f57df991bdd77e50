//! Which machine this is, and since when it is up.
use std::fs;

/// A machine since its last start. A lock on a file says something only within one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub host: String,
    /// Another one after each start of the machine. Empty where the system does not tell: then only leases count.
    pub boot_id: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn this() -> Self {
        let read = |file: &str| fs::read_to_string(file).map(|text| text.trim().to_owned()).unwrap_or_default();
        Self {
            host: Some(read("/proc/sys/kernel/hostname"))
                .filter(|host| !host.is_empty())
                .or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok())
                .unwrap_or_default(),
            boot_id: read("/proc/sys/kernel/random/boot_id"),
        }
    }

    /// Whether locks that this machine can take tell whether a process of that one lives.
    pub(crate) fn shares_locks_with(&self, other: &Self) -> bool {
        !self.boot_id.is_empty() && self == other
    }
}
