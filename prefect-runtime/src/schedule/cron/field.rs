//! One field of a cron text.

/// What a field may hold.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) min: u8,
    pub(super) max: u8,
    /// Names of values, from `min` on.
    names: &'static [&'static str],
    /// `?` means the same as `*` in fields of days.
    question_mark: bool,
}

pub(super) const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[], question_mark: false },
    Field { name: "hour", min: 0, max: 23, names: &[], question_mark: false },
    Field { name: "day of month", min: 1, max: 31, names: &[], question_mark: true },
    Field {
        name: "month",
        min: 1,
        max: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        question_mark: false,
    },
    // 7 is Sunday too: values are taken modulo 7.
    Field {
        name: "day of week",
        min: 0,
        max: 7,
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        question_mark: true,
    },
];

/// The values that fit, a bit each, and whether the field leaves them open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) bits: u64,
    /// Whether it begins with `*`: what Vixie's cron asks to tell how the two fields of days go together.
    pub(super) star: bool,
}

impl Values {
    pub(super) const fn has(self, value: u8) -> bool {
        self.bits >> value & 1 == 1
    }
}

impl Field {
    pub(super) fn parse(&self, text: &str) -> Result<Values, String> {
        let mut bits = 0;
        for item in text.split(',') {
            bits |= self.item(item).map_err(|what| format!("{}: {what}", self.name))?;
        }
        if self.is_weekday() {
            bits = (bits | bits >> 7) & 0x7f;
        }
        Ok(Values { bits, star: text.starts_with('*') || (self.question_mark && text.starts_with('?')) })
    }

    fn is_weekday(&self) -> bool {
        self.max == 7
    }

    fn item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let step = match step.map(str::parse::<u8>) {
            None => None,
            Some(Ok(0)) => return Err(format!("`{item}` has a step of 0")),
            // A number too large for a byte is larger than any range: `*/300` is the first value alone.
            Some(Err(_)) if step.is_some_and(all_digits) => Some(u8::MAX),
            Some(Ok(step)) if item.split_once('/').is_some_and(|(_, step)| all_digits(step)) => Some(step),
            Some(_) => return Err(format!("the step of `{item}` is no number")),
        };
        let last = if self.is_weekday() { 6 } else { self.max };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || (self.question_mark && range == "?") => (self.min, last),
            Some((from, to)) => self.range(item, from, to)?,
            None => {
                let value = self.value(range)?;
                (value, if step.is_some() { last.max(value) } else { value })
            }
        };
        Ok((from..=to).step_by(step.unwrap_or(1).into()).fold(0, |bits, value| bits | 1 << value))
    }

    fn range(&self, item: &str, from: &str, to: &str) -> Result<(u8, u8), String> {
        let (from, mut to) = (self.value(from)?, self.value(to)?);
        if self.is_weekday() && to == 0 && from > 0 {
            to = 7; // sat-sun
        }
        if from > to {
            let [first, last] = [self.min, if self.is_weekday() { 6 } else { self.max }];
            return Err(format!("the range `{item}` goes down: write `{from}-{last},{first}-{to}`"));
        }
        Ok((from, to))
    }

    fn value(&self, text: &str) -> Result<u8, String> {
        if text.is_empty() {
            return Err("a value is missing".to_owned());
        }
        if all_digits(text) {
            let value = text.parse::<u8>().ok().filter(|value| (self.min..=self.max).contains(value));
            return value.ok_or_else(|| format!("`{text}` is not from {} to {}", self.min, self.max));
        }
        let named = (self.min..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
        named.map(|(value, _)| value).ok_or_else(|| match self.names {
            [] => format!("`{text}` is no number"),
            [first, .., last] => format!("`{text}` is no number and no name from `{first}` to `{last}`"),
            [_] => unreachable!("no field has a single name"),
        })
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
