//! What the environment says of a server, by the variables of PostgreSQL's own programs.

/// The first of these variables of the environment that is set, and not empty.
pub(super) fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}
