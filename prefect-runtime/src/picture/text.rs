//! Boxes and arrows on a terminal.
use super::layout::{Layout, Room};
use super::route::{self, Gap};
use super::words::{columns, shortened};
use super::{Drawn, Letters, LineKind, Picture};

/// Names may have so many columns: the first with which the picture fits.
const NAMES: [usize; 3] = [40, 24, 12];

/// How the room is used, the nicest way first: quarters of the columns for the boxes of a rank, the gap between two, the
/// pull to the middle. A rank also has lines that pass it, so what is left for boxes is found by trying.
const TRIES: [(i32, i32, f64); 4] = [(4, 2, 0.0), (4, 2, 0.2), (3, 3, 0.2), (2, 2, 1.0)];

/// A flow of more tasks is a list.
const MOST: usize = 1000;

/// The picture, or `None` if it does not fit.
pub(super) fn draw(picture: &Picture) -> Option<String> {
    if picture.boxes.len() > MOST {
        return None;
    }
    let links = picture.links();
    let ports = route::ports(picture.boxes.len(), &links);
    let most = i32::try_from(picture.style.columns).unwrap_or(i32::MAX);
    NAMES.iter().find_map(|name| {
        let texts: Vec<Vec<String>> =
            picture.boxes.iter().map(|drawn| words(drawn, *name, picture.letters())).collect();
        let width = |(text, ports): (&Vec<String>, &usize)| {
            let text = text.iter().map(|line| columns(line)).max().unwrap_or(0);
            // Odd, so that there is a middle column.
            i32::try_from((text + 4).max(2 * ports + 1) | 1).unwrap_or(i32::MAX)
        };
        let widths: Vec<i32> = texts.iter().zip(&ports).map(width).collect();
        let mut hopeless = false;
        TRIES.iter().find_map(|(part, gap, pull)| {
            let room = Room { gap: *gap, lane: 1, row: most / 4 * part, pull: *pull };
            if hopeless {
                return None;
            }
            let layout = Layout::new(&widths, &links, room);
            // What is far too wide does not come to fit: the other tries would only take time.
            hopeless = layout.width / 3 > most;
            let gaps = if layout.width > most { None } else { route::gaps(&layout) };
            Some(Canvas::draw(picture, &texts, &layout, &gaps?))
        })
    })
}

impl Picture {
    fn letters(&self) -> Letters {
        self.style.letters
    }
}

/// What stands in a box.
fn words(drawn: &Drawn, most: usize, letters: Letters) -> Vec<String> {
    let lines = std::iter::once(drawn.name.clone()).chain(drawn.notes());
    lines.map(|line| shortened(&letters.write(&line), most, letters.ellipsis())).collect()
}

impl Letters {
    /// The text, in letters that the terminal has.
    pub(super) fn write(self, text: &str) -> String {
        match self {
            Self::Unicode => text.to_owned(),
            Self::Ascii => text.replace('×', "x").chars().fold(String::new(), |mut out, c| {
                if c.is_ascii() {
                    out.push(c);
                } else {
                    out.extend(c.escape_default());
                }
                out
            }),
        }
    }

    pub(super) fn ellipsis(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "..",
        }
    }
}

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Which of their four sides lines of a kind leave a cell by, and what is drawn there: the index is the sum of the sides.
const SINGLE: [char; 16] = [' ', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼'];
const DASHED: [char; 16] = [' ', '┆', '┆', '┆', '┄', '┘', '┐', '┤', '┄', '└', '┌', '├', '┄', '┴', '┬', '┼'];
const DOUBLE: [char; 16] = [' ', '║', '║', '║', '═', '╝', '╗', '╣', '═', '╚', '╔', '╠', '═', '╩', '╦', '╬'];

#[derive(Clone, Copy)]
enum Cell {
    Line {
        sides: u8,
        kind: LineKind,
        net: usize,
    },
    Letter(char),
    /// The right half of a wide letter.
    Covered,
}

const EMPTY: Cell = Cell::Line { sides: 0, kind: LineKind::Data, net: 0 };
/// The number of a line that belongs to no net: the frame of a box.
const FRAME: usize = usize::MAX;

struct Canvas {
    width: usize,
    cells: Vec<Cell>,
}

impl Canvas {
    fn draw(picture: &Picture, texts: &[Vec<String>], layout: &Layout, gaps: &[Gap]) -> String {
        let boxes = texts.len();
        let height = |rank: &Vec<usize>| {
            let boxes = rank.iter().filter(|item| **item < boxes);
            boxes.map(|item| texts[*item].len() + 2).max().unwrap_or(1)
        };
        let mut canvas = Self { width: usize::try_from(layout.width).unwrap_or(0), cells: Vec::new() };
        let mut top = 0;
        let mut tops = Vec::new();
        for (r, rank) in layout.ranks.iter().enumerate() {
            tops.push(top);
            let gap = gaps.get(r);
            let rows = height(rank) + gap.map_or(0, |gap| lead(gap, layout, boxes) + gap.rows + 1);
            top += rows;
            canvas.cells.resize(canvas.cells.len() + rows * canvas.width, EMPTY);
        }
        for (r, rank) in layout.ranks.iter().enumerate() {
            for item in rank.iter().filter(|item| **item < boxes) {
                let place = layout.items[*item];
                let left = usize::try_from(place.centre - place.width / 2).unwrap_or(0);
                let width = usize::try_from(place.width).unwrap_or(0);
                canvas.frame(tops[r], left, width, &texts[*item], picture.boxes[*item].mapped);
            }
        }
        for (r, gap) in gaps.iter().enumerate() {
            let (bottom, next) = (tops[r] + height(&layout.ranks[r]), tops[r + 1]);
            let first = bottom + lead(gap, layout, boxes);
            for (n, net) in gap.nets.iter().enumerate() {
                let pen = Pen { kind: picture.lines[net.link].kind, net: r << 32 | n };
                let turn = net.row.map_or(first, |row| first + row);
                if let (from, to @ 1..) = net.span()
                    && net.row.is_some()
                {
                    canvas.across(turn, column(from), column(to), pen);
                }
                for (item, x) in &net.tops {
                    // A box may be lower than its rank; a line that passes begins at the top of it.
                    let start = if *item < boxes { tops[r] + texts[*item].len() + 1 } else { tops[r] };
                    canvas.down(start, turn, column(*x), pen);
                }
                for (_, x) in &net.bottoms {
                    canvas.down(turn, next, column(*x), pen);
                }
                let up = layout.up[net.link];
                let ends = if up { &net.tops } else { &net.bottoms };
                for (item, x) in ends.iter().filter(|end| end.0 < boxes) {
                    let row = if up { tops[r] + texts[*item].len() + 2 } else { next - 1 };
                    canvas.put(row, column(*x), Cell::Letter(if up { '▲' } else { '▼' }));
                    // Where an arrow touches it, the frame is whole.
                    let whole =
                        Cell::Line { sides: LEFT | RIGHT, kind: frame(picture.boxes[*item].mapped), net: FRAME };
                    canvas.put(if up { row - 1 } else { row + 1 }, column(*x), whole);
                }
            }
        }
        canvas.text(picture.letters())
    }

    fn put(&mut self, row: usize, column: usize, cell: Cell) {
        self.cells[row * self.width + column] = cell;
    }

    fn frame(&mut self, top: usize, left: usize, width: usize, text: &[String], mapped: bool) {
        let (kind, right, bottom) = (frame(mapped), left + width - 1, top + text.len() + 1);
        let line = |sides| Cell::Line { sides, kind, net: FRAME };
        for x in left + 1..right {
            self.put(top, x, line(LEFT | RIGHT));
            self.put(bottom, x, line(LEFT | RIGHT));
        }
        for y in top + 1..bottom {
            self.put(y, left, line(UP | DOWN));
            self.put(y, right, line(UP | DOWN));
        }
        self.put(top, left, line(DOWN | RIGHT));
        self.put(top, right, line(DOWN | LEFT));
        self.put(bottom, left, line(UP | RIGHT));
        self.put(bottom, right, line(UP | LEFT));
        for (y, text) in (top + 1..).zip(text) {
            let mut x = left + (width - columns(text)) / 2;
            for c in text.chars() {
                let wide = columns(c.encode_utf8(&mut [0; 4]));
                // A mark over the letter before it has no cell of its own, and stays away.
                if wide > 0 {
                    self.put(y, x, Cell::Letter(c));
                }
                (1..wide).for_each(|i| self.put(y, x + i, Cell::Covered));
                x += wide;
            }
        }
    }

    fn mark(&mut self, row: usize, column: usize, sides: u8, pen: Pen) {
        let cell = &mut self.cells[row * self.width + column];
        let Cell::Line { sides: old, kind, net } = *cell else { return };
        *cell = match () {
            () if old == 0 => Cell::Line { sides, kind: pen.kind, net: pen.net },
            // A line leaves a box.
            () if net == FRAME => Cell::Line { sides: old | sides, kind, net },
            () if net == pen.net => Cell::Line { sides: old | sides, kind, net },
            // Lines that cross do not meet: the one that goes down lies above the other.
            () if sides & (UP | DOWN) != 0 => Cell::Line { sides, kind: pen.kind, net: pen.net },
            () => return,
        };
    }

    fn across(&mut self, row: usize, from: usize, to: usize, pen: Pen) {
        for x in from..=to {
            let sides = if x > from { LEFT } else { 0 } | if x < to { RIGHT } else { 0 };
            self.mark(row, x, sides, pen);
        }
    }

    /// Enters and leaves the rows at both ends, or just touches them.
    fn down(&mut self, from: usize, to: usize, column: usize, pen: Pen) {
        for y in from..=to {
            let sides = if y > from { UP } else { 0 } | if y < to { DOWN } else { 0 };
            if sides != 0 {
                self.mark(y, column, sides, pen);
            }
        }
    }

    fn text(&self, letters: Letters) -> String {
        let mut out = String::new();
        for row in self.cells.chunks(self.width.max(1)) {
            let start = out.len();
            for cell in row {
                match *cell {
                    Cell::Letter(c) => out.push(arrow(c, letters)),
                    Cell::Covered => {}
                    Cell::Line { sides, kind, .. } => out.push(glyph(sides, kind, letters)),
                }
            }
            out.truncate(start + out[start..].trim_end().len());
            out.push('\n');
        }
        out
    }
}

#[derive(Clone, Copy)]
struct Pen {
    kind: LineKind,
    net: usize,
}

fn frame(mapped: bool) -> LineKind {
    if mapped { LineKind::Element } else { LineKind::Data }
}

/// An arrow that goes up needs a row of its own below the box.
fn lead(gap: &Gap, layout: &Layout, boxes: usize) -> usize {
    let up = |net: &route::Net| layout.up[net.link] && net.tops.iter().any(|end| end.0 < boxes);
    usize::from(gap.nets.iter().any(up))
}

fn column(x: i32) -> usize {
    usize::try_from(x).unwrap_or(0)
}

fn arrow(c: char, letters: Letters) -> char {
    match (letters, c) {
        (Letters::Ascii, '▼') => 'v',
        (Letters::Ascii, '▲') => '^',
        _ => c,
    }
}

fn glyph(sides: u8, kind: LineKind, letters: Letters) -> char {
    let (unicode, down, across) = match kind {
        LineKind::Order => (DASHED, ':', '.'),
        LineKind::Data => (SINGLE, '|', '-'),
        LineKind::Element => (DOUBLE, '#', '='),
    };
    match (letters, sides) {
        (Letters::Unicode, _) | (_, 0) => unicode[sides as usize],
        (_, sides) if sides & (UP | DOWN) == 0 => across,
        (_, sides) if sides & (LEFT | RIGHT) == 0 => down,
        _ => '+',
    }
}
