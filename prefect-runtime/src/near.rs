//! Near misses: what somebody probably meant who wrote something else.

/// Whether somebody who wrote `written` probably meant `name`: another case, or a slip or two.
pub(crate) fn is_near(written: &str, name: &str) -> bool {
    let (written, name) = (written.to_lowercase(), name.to_lowercase());
    written == name || within(slips(&written, &name), &written, &name).is_some()
}

/// How many slips are likely in names of this length.
fn slips(a: &str, b: &str) -> usize {
    match a.len().min(b.len()) {
        0..4 => 0,
        4..7 => 1,
        _ => 2,
    }
}

/// The distance, if it is not larger than this. Texts of very different lengths are not compared at all.
fn within(most: usize, a: &str, b: &str) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    Some(distance(a, b)).filter(|distance| *distance <= most)
}

/// The one of `names` that was probably meant by `written`, which is none of them. So one slip is likely in a short
/// name too, unless it is all of it.
pub(crate) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let far = |name: &str| {
        let name = name.to_lowercase();
        let far = within(slips(&written, &name).max(1), &written, &name)?;
        (far < name.len().min(written.len())).then_some(far)
    };
    names.into_iter().filter_map(|name| Some((far(name)?, name))).min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// `: did you mean ..?` behind an error about `written`, or nothing.
pub(crate) fn hint<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, names).map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default()
}

/// How many characters were left out, added, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_slips_and_not_other_words() {
        for (written, name) in
            [("contxt", "context"), ("conetxt", "context"), ("Context", "context"), ("secret", "secrets"), ("UI", "ui")]
        {
            assert!(is_near(written, name), "{written} {name}");
        }
        for (written, name) in [("x", "ui"), ("etl", "ui"), ("tests", "tasks"), ("database", "backend")] {
            assert!(!is_near(written, name), "{written} {name}");
        }
        assert_eq!(distance("abcd", "acbd"), 1);
    }

    #[cfg(feature = "cli")]
    #[test]
    fn the_nearest_of_a_list_is_meant() {
        assert_eq!(nearest("elt", ["load", "etl"]), Some("etl"));
        assert_eq!(nearest("loadd", ["lead", "loads", "Load"]), Some("loads"));
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("something", ["else"]), None);
    }
}
