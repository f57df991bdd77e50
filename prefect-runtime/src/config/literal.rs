//! Texts that are Python literals: how an environment variable gives a number or a list.
use std::collections::BTreeMap;

use super::value::ConfigValue;

/// Deeper lists stay text, so that a hostile one cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// The value that a text stands for: booleans in any case, Python literals, else the text itself.
///
/// Literals without a counterpart here (bytes, sets, complex numbers, integers beyond 64 bits, numbers beyond the
/// range of a float) stay text.
pub(crate) fn typed(text: &str) -> Option<ConfigValue> {
    if text.eq_ignore_ascii_case("true") {
        return Some(ConfigValue::Bool(true));
    }
    if text.eq_ignore_ascii_case("false") {
        return Some(ConfigValue::Bool(false));
    }
    let mut parser = Parser { rest: text.trim_start_matches([' ', '\t']) };
    let value = parser.value(0)?;
    parser.skip();
    parser.rest.is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn eat(&mut self, token: &str) -> bool {
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
        }
    }

    fn value(&mut self, depth: usize) -> Option<ConfigValue> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.rest.bytes().next()? {
            b'[' => {
                self.eat("[");
                Some(ConfigValue::List(self.items("]", depth)?.0))
            }
            b'(' => {
                self.eat("(");
                let (mut items, comma) = self.items(")", depth)?;
                // Parentheses around one value without a comma are that value.
                Some(if items.len() == 1 && !comma { items.remove(0) } else { ConfigValue::List(items) })
            }
            b'{' => self.table(depth),
            b'"' | b'\'' | b'r' | b'R' | b'u' | b'U' => self.strings(),
            b'+' | b'-' | b'.' | b'0'..=b'9' => self.number(),
            _ => {
                let word = self.word();
                match word {
                    "None" => Some(ConfigValue::Null),
                    "True" => Some(ConfigValue::Bool(true)),
                    "False" => Some(ConfigValue::Bool(false)),
                    _ => None,
                }
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// The items up to `close`, and whether there was a comma.
    fn items(&mut self, close: &str, depth: usize) -> Option<(Vec<ConfigValue>, bool)> {
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            self.skip();
            if self.eat(close) {
                return Some((items, comma));
            }
            items.push(self.value(depth + 1)?);
            self.skip();
            if self.eat(close) {
                return Some((items, comma));
            }
            if !self.eat(",") {
                return None;
            }
            comma = true;
        }
    }

    /// Only keys that are texts: others have no counterpart here.
    fn table(&mut self, depth: usize) -> Option<ConfigValue> {
        self.eat("{");
        let mut entries = BTreeMap::new();
        loop {
            self.skip();
            if self.eat("}") {
                return Some(ConfigValue::Table(entries));
            }
            let ConfigValue::Text(key) = self.value(depth + 1)? else { return None };
            self.skip();
            if !self.eat(":") {
                return None;
            }
            self.skip();
            entries.insert(key, self.value(depth + 1)?);
            self.skip();
            if !self.eat(",") && !self.rest.starts_with('}') {
                return None;
            }
        }
    }

    /// One or more string literals in a row, which Python joins.
    fn strings(&mut self) -> Option<ConfigValue> {
        let mut text = String::new();
        loop {
            let raw = self.eat("r") || self.eat("R");
            if !raw {
                let _ = self.eat("u") || self.eat("U");
            }
            self.string(raw, &mut text)?;
            self.skip();
            if !self.rest.starts_with(['"', '\'', 'r', 'R', 'u', 'U']) {
                return Some(ConfigValue::Text(text));
            }
        }
    }

    fn string(&mut self, raw: bool, out: &mut String) -> Option<()> {
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| self.rest.starts_with(quote))?;
        self.rest = &self.rest[quote.len()..];
        loop {
            if self.eat(quote) {
                return Some(());
            }
            let c = self.rest.chars().next()?;
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '\n' if quote.len() == 1 => return None,
                '\\' if raw => {
                    // A quote after a backslash ends no raw string, and both stay.
                    out.push(c);
                    let next = self.rest.chars().next()?;
                    self.rest = &self.rest[next.len_utf8()..];
                    out.push(next);
                }
                '\\' => self.escape(out)?,
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        let code = match c {
            '\n' => return Some(()),
            '\\' | '\'' | '"' => c,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            'x' => self.code_point(2)?,
            'u' => self.code_point(4)?,
            'U' => self.code_point(8)?,
            '0'..='7' => {
                let mut code = c.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
                    self.rest = &self.rest[1..];
                    code = code * 8 + digit;
                }
                char::from_u32(code)?
            }
            // Python keeps what it does not know.
            other => {
                out.push('\\');
                other
            }
        };
        out.push(code);
        Some(())
    }

    fn code_point(&mut self, digits: usize) -> Option<char> {
        let (digits, rest) = self.rest.split_at_checked(digits)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = rest;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }

    fn number(&mut self) -> Option<ConfigValue> {
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        let end = self.number_end();
        let (written, rest) = self.rest.split_at(end);
        self.rest = rest;
        let digits = without_underscores(written)?;
        let sign = if negative { "-" } else { "" };
        if let Some((radix, digits)) = radix(&digits) {
            return i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().map(ConfigValue::Integer);
        }
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            // Python refuses leading zeros, so `0012` stays text; only zero itself may have several.
            if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
                return None;
            }
            return format!("{sign}{digits}").parse().ok().map(ConfigValue::Integer);
        }
        let value: f64 = format!("{sign}{digits}").parse().ok()?;
        value.is_finite().then_some(ConfigValue::Float(value))
    }

    fn number_end(&self) -> usize {
        let mut previous = 0;
        let hexadecimal = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        self.rest
            .bytes()
            .position(|b| {
                let part = match b {
                    b'0'..=b'9' | b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' => true,
                    b'+' | b'-' => !hexadecimal && matches!(previous, b'e' | b'E'),
                    _ => false,
                };
                previous = b;
                !part
            })
            .unwrap_or(self.rest.len())
    }
}

fn radix(digits: &str) -> Option<(u32, &str)> {
    let radix = match digits.as_bytes().get(..2)? {
        b"0x" | b"0X" => 16,
        b"0o" | b"0O" => 8,
        b"0b" | b"0B" => 2,
        _ => return None,
    };
    // `from_str_radix` would take a sign here.
    Some((radix, &digits[2..])).filter(|(_, digits)| digits.starts_with(|c: char| c.is_ascii_hexdigit()))
}

/// Underscores may stand between digits only, and after the letter of a radix.
fn without_underscores(written: &str) -> Option<String> {
    let bytes = written.as_bytes();
    for (i, _) in bytes.iter().enumerate().filter(|(_, b)| **b == b'_') {
        let before = i.checked_sub(1).map(|i| bytes[i])?;
        let after = *bytes.get(i + 1)?;
        let radix = i == 2 && bytes[0] == b'0';
        if !after.is_ascii_hexdigit() || !(before.is_ascii_hexdigit() || radix) {
            return None;
        }
    }
    // Names such as `inf` parse as floats in Rust, and are none in Python.
    written.starts_with(|c: char| c.is_ascii_digit() || c == '.').then(|| written.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: impl IntoIterator<Item = ConfigValue>) -> ConfigValue {
        ConfigValue::List(items.into_iter().collect())
    }

    #[test]
    fn literals_have_the_types_that_python_gives_them() {
        let text = |text: &str| ConfigValue::Text(text.to_owned());
        let int = ConfigValue::Integer;
        for (written, expected) in [
            ("TRUE", ConfigValue::Bool(true)),
            ("fAlse", ConfigValue::Bool(false)),
            ("None", ConfigValue::Null),
            ("12", int(12)),
            (" -1_000 ", int(-1000)),
            ("+3 # three", int(3)),
            ("000", int(0)),
            ("0x1F", int(31)),
            ("0x_1F", int(31)),
            ("-0b11", int(-3)),
            ("0o17", int(15)),
            ("1.", ConfigValue::Float(1.0)),
            (".5", ConfigValue::Float(0.5)),
            ("1e-3", ConfigValue::Float(0.001)),
            ("00.5", ConfigValue::Float(0.5)),
            ("-9223372036854775808", int(i64::MIN)),
            ("'quoted'", text("quoted")),
            (r#""a\n\x41\u00e9\101\q""#, text("a\nA\u{e9}A\\q")),
            (r"r'\n'", text("\\n")),
            ("'a' u\"b\"", text("ab")),
            ("'''a\nb'''", text("a\nb")),
            ("''", text("")),
            ("[1, 'two', [None]]", list([int(1), text("two"), list([ConfigValue::Null])])),
            ("(1, 2,)", list([int(1), int(2)])),
            ("(1)", int(1)),
            ("()", list([])),
            ("{'a': {}}", ConfigValue::Table([("a".into(), ConfigValue::Table(BTreeMap::new()))].into())),
        ] {
            assert_eq!(typed(written), Some(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_literal_stays_text() {
        #[rustfmt::skip]
        let texts = [
            "", "plain text", "0012", "none", "NULL", "nan", "inf", "-inf", "1__0", "_1", "1_", "0x", "0x-1", "--5",
            "1+2", "1 2", "'a", "'a'b", "[1", "[1 2]", "[,]", "{1: 2}", "{'a'}", "b'x'", "1e999",
            "9223372036854775808", "1j", "#", "'\\x4'", "'\\ud800'", "1.2.3", "10.0.0.1", "2026-01-01",
            "{\"a\": true}", "-", ".", "True False", "u", "r", "'a' r",
        ];
        for written in texts {
            assert_eq!(typed(written), None, "{written}");
        }
        assert_eq!(typed(&"[".repeat(100_000)), None);
        assert_eq!(typed(&format!("{}{}", "[".repeat(66), "]".repeat(66))), None);
    }
}
