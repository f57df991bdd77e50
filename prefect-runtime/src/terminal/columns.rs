//! A table that fits the terminal.
use console::{measure_text_width, truncate_str};

use super::text::{Paint, padded, plain};
use crate::StateKind;

/// What becomes of a column that there is no room for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It stays as it is.
    Needs,
    /// It is cut, but not below [`SHORTEST`].
    Gives,
    /// It is left out, the last one first, before those that are cut get shorter than [`SHORTEST`].
    Spares,
}

/// Shorter names tell nothing.
const SHORTEST: usize = 12;

/// Between two columns.
const GAP: usize = 2;

pub(super) struct Cell {
    /// Safe to print.
    text: String,
    kind: Option<StateKind>,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: plain(text), kind: None }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl Cell {
    /// In the colour of this kind of state.
    #[cfg(feature = "store")]
    pub(super) fn of_kind(text: &str, kind: Option<StateKind>) -> Self {
        Self { kind, ..text.into() }
    }
}

pub(super) struct Columns<const N: usize> {
    heads: [(&'static str, Room); N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Columns<N> {
    pub(super) fn new(heads: [(&'static str, Room); N]) -> Self {
        Self { heads, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// A head, and a line for each row. Nothing is cut without a `width`.
    pub(super) fn text(&self, width: Option<usize>, paint: Paint) -> String {
        let widths = self.widths(width.unwrap_or(usize::MAX));
        let mut text = String::new();
        let heads = self.heads.map(|(head, _)| head);
        line(&widths, width, &mut text, |i, width| paint.bold(&padded(&truncate_str(heads[i], width, "…"), width)));
        for row in &self.rows {
            line(&widths, width, &mut text, |i, width| {
                let cell = padded(&truncate_str(&row[i].text, width, "…"), width);
                row[i].kind.map_or_else(|| cell.clone(), |kind| paint.of_kind(kind, &cell))
            });
        }
        text
    }

    /// The width of each column; 0 leaves it out. A column with nothing in it is left out anyway.
    fn widths(&self, room: usize) -> [usize; N] {
        let mut widths = [0; N];
        for (i, width) in widths.iter_mut().enumerate() {
            let cells = self.rows.iter().map(|row| measure_text_width(&row[i].text)).max().unwrap_or(0);
            let head = measure_text_width(self.heads[i].0);
            *width = if cells == 0 && !self.rows.is_empty() { 0 } else { cells.max(head) };
        }
        let is = |i: usize, room: Room| self.heads[i].1 == room;
        loop {
            let shown = widths.iter().filter(|width| **width > 0).count();
            let all = widths.iter().sum::<usize>() + GAP * shown.saturating_sub(1);
            let Some(over) = all.checked_sub(room).filter(|over| *over > 0) else { break };
            let given: usize = (0..N).filter(|i| is(*i, Room::Gives)).map(|i| widths[i].saturating_sub(SHORTEST)).sum();
            if given >= over {
                self.cut(&mut widths, over);
                break;
            }
            match (0..N).rev().find(|i| is(*i, Room::Spares) && widths[*i] > 0) {
                Some(spared) => widths[spared] = 0,
                None => {
                    self.cut(&mut widths, given);
                    break;
                }
            }
        }
        widths
    }

    /// Takes so many columns of the terminal from the widest of those that give some.
    fn cut(&self, widths: &mut [usize; N], over: usize) {
        for _ in 0..over {
            let giving = (0..N).filter(|i| self.heads[*i].1 == Room::Gives);
            if let Some(widest) = giving.max_by_key(|i| widths[*i]) {
                widths[widest] -= 1;
            }
        }
    }
}

/// Appends a line, the cells of the columns that are shown beside each other.
fn line(widths: &[usize], width: Option<usize>, text: &mut String, cell: impl Fn(usize, usize) -> String) {
    let shown = (0..widths.len()).filter(|i| widths[*i] > 0);
    let cells: Vec<String> = shown.map(|i| cell(i, widths[i])).collect();
    let line = cells.join(&" ".repeat(GAP));
    let line = width.map_or_else(|| line.as_str().into(), |width| truncate_str(&line, width, "…"));
    text.push_str(line.trim_end());
    text.push('\n');
}

/// How many columns standard output has, if it is a terminal. The last one would wrap on some.
pub(super) fn width() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns).saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Columns<4> {
        let heads = [("ID", Room::Needs), ("NAME", Room::Gives), ("FLOW", Room::Gives), ("AGO", Room::Spares)];
        let mut columns = Columns::new(heads);
        columns.push(["1".into(), "a name of twenty-two c".into(), "a flow of sixteen".into(), "now".into()]);
        columns.push(["22".into(), "b\x1b[2J".into(), "国国".into(), "3 min ago".into()]);
        columns
    }

    #[test]
    fn a_table_is_as_wide_as_it_needs_to_be() {
        let whole = "\
ID  NAME                    FLOW               AGO
1   a name of twenty-two c  a flow of sixteen  now
22  b\\u{1b}[2J              国国               3 min ago
";
        assert_eq!(table().text(None, Paint::Plain), whole);
        assert_eq!(table().text(Some(56), Paint::Plain), whole);
    }

    #[test]
    fn names_are_cut_then_columns_left_out_then_lines_cut() {
        let lines = |width| table().text(Some(width), Paint::Plain);
        assert_eq!(
            lines(51),
            "\
ID  NAME               FLOW               AGO
1   a name of twenty…  a flow of sixteen  now
22  b\\u{1b}[2J         国国               3 min ago
"
        );
        assert_eq!(
            lines(30),
            "\
ID  NAME          FLOW
1   a name of t…  a flow of s…
22  b\\u{1b}[2J    国国
"
        );
        for width in 1..60 {
            for line in lines(width).lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn states_have_their_colours_and_empty_columns_no_place() {
        let mut columns = Columns::new([("STATE", Room::Needs), ("NOTE", Room::Needs), ("N", Room::Needs)]);
        let state = Cell { kind: Some(StateKind::Failed), ..Cell::from("Failed") };
        columns.push([state, "".into(), "1".into()]);
        assert_eq!(
            columns.text(None, Paint::Basic),
            "\x1b[1mSTATE \x1b[0m  \x1b[1mN\x1b[0m\n\x1b[31mFailed\x1b[0m  1\n"
        );
        assert_eq!(Columns::new([("A", Room::Needs)]).text(None, Paint::Plain), "A\n");
    }
}
