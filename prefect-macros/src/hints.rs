//! "Did you mean ..?"

/// The candidate that `name` was probably meant to be.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = name.chars().count();
    let limit = (letters / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    // `retries` is a part of `max_retries`.
    let meant = |(distance, candidate): &(usize, &str)| *distance <= limit || letters > 3 && candidate.contains(name);
    near.filter(meant).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// How many letters must be added, left out, exchanged or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let exchanged = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = exchanged.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses() {
        let names = ["name", "state_handlers", "max_retries", "retry_delay", "tags"];
        let closest = |name| closest(name, names);
        assert_eq!(closest("state_handler"), Some("state_handlers"));
        assert_eq!(closest("nmae"), Some("name"));
        assert_eq!(closest("retries"), Some("max_retries"));
        assert_eq!(closest("max_retry"), Some("max_retries"));
        assert_eq!(closest("tag"), Some("tags"));
        assert_eq!(closest("x"), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
