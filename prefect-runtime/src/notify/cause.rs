//! What several failures have in common: their text without what tells one from another.

/// Longer ones are cut: the beginning tells what it is.
const LONGEST: usize = 120;

/// The first line of a text, with what differs from case to case left out: numbers, ids, what stands between quotes, paths.
///
/// Numbers become `#`, quoted texts `'…'`, paths `/…`.
pub(crate) fn fingerprint(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no message");
    let mut out = String::new();
    let mut rest = line;
    let mut after_word = false;
    while let Some(c) = rest.chars().next() {
        if out.chars().count() >= LONGEST {
            out.push('…');
            break;
        }
        if let Some(end) = quoted(rest, after_word) {
            out.extend([c, '…', c]);
            rest = &rest[end..];
            after_word = false;
            continue;
        }
        if c == '/' && !after_word {
            let end =
                rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | ';' | '"')).unwrap_or(rest.len());
            let path = rest[..end].trim_end_matches([':', '.']);
            if path.len() > 1 {
                out.push_str("/…");
                rest = &rest[path.len()..];
                continue;
            }
        }
        if is_of_word(c) {
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            // A blob is one word: its beginning is enough.
            let word = &rest[..end];
            let cut = word.char_indices().nth(LONGEST).map_or(word.len(), |(at, _)| at);
            push_word(&mut out, &word[..cut]);
            rest = &rest[end..];
            after_word = true;
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
        after_word = false;
    }
    out
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Where a quoted text ends that begins here. An apostrophe within a word begins none.
fn quoted(rest: &str, after_word: bool) -> Option<usize> {
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    if after_word && quote == '\'' {
        return None;
    }
    Some(rest[1..].find(quote)? + 2)
}

/// A word: an id becomes one `#`, and so does each number within another word.
fn push_word(out: &mut String, word: &str) {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_id = word.len() >= 8 && digits > 0 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_hex =
        word.strip_prefix("0x").is_some_and(|hex| !hex.is_empty() && hex.chars().all(|c| c.is_ascii_hexdigit()));
    if is_id || is_hex {
        out.push('#');
        return;
    }
    let mut in_number = false;
    for c in word.chars() {
        if c.is_numeric() {
            if !in_number {
                out.push('#');
            }
            in_number = true;
        } else {
            out.push(c);
            in_number = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_case_to_case_is_left_out() {
        for (text, expected) in [
            ("Http(503) from store.example", "Http(#) from store.example"),
            ("Timeout after 30 s", "Timeout after # s"),
            ("row 17 of 'orders 4' is broken", "row # of '…' is broken"),
            ("can't read \"x\"", "can't read \"…\""),
            ("no file /var/lib/data/17.csv: gone", "no file /…: gone"),
            ("user 0b1c5e6a-77aa-4f1e-9d54-2b1f5c8e9d10 unknown", "user # unknown"),
            ("at 0xdeadbeef, item12 and facade", "at #, item# and facade"),
            ("and/or", "and/or"),
            ("\n  first line \nsecond", "first line"),
            ("", "no message"),
            ("`open", "`open"),
            ("/", "/"),
        ] {
            assert_eq!(fingerprint(text), expected, "{text:?}");
        }
        let long = fingerprint(&"wörd ".repeat(100));
        assert!(long.ends_with('…') && long.chars().count() <= LONGEST + 6, "{long}");
        // A token of some kilobytes, and one behind others.
        for text in ["eyJhbGciOi".repeat(900), format!("bad token {}", "Zm9v_YmFy-".repeat(900))] {
            assert!(fingerprint(&text).chars().count() <= 2 * LONGEST + 1, "{}", fingerprint(&text).len());
        }
    }
}
