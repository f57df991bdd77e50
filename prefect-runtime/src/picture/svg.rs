//! Pictures as SVG.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout::{Layout, Piece, Room};
use super::words::{columns, shortened};
use super::{Drawn, LineKind, Picture};

/// Widths and heights, in pixels. All even, so that a middle is a whole number.
const LETTER: i32 = 8;
const LINE: i32 = 18;
const MARGIN: i32 = 16;
const HEAD: i32 = 36;
const ROOM: Room = Room { gap: 24, lane: 12, row: 1400, pull: 0.1 };
/// Longer names are shortened; all of a name is in the box's title.
const NAME: usize = 40;

/// All colours but those of states: light, and dark for readers that prefer it.
const COLOURS: &str = "\
.prefect-flow text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:13px;\
fill:#1c2127}\
.prefect-flow .small{font-size:11px;fill:#5b6470}\
.prefect-flow .head{font-weight:bold}\
.prefect-flow .back{fill:#fff}\
.prefect-flow .box{fill:#f4f6f8;stroke:#8a94a0;stroke-width:1.5}\
.prefect-flow .line{fill:none;stroke:#7a8491;stroke-width:1.5}\
.prefect-flow .order{stroke-dasharray:5 4}\
.prefect-flow .each{stroke-width:4.5}\
.prefect-flow .core{fill:none;stroke:#fff;stroke-width:1.5}\
.prefect-flow .tip{fill:#7a8491}\
.prefect-flow .label{font-size:11px;fill:#5b6470}\
@media (prefers-color-scheme:dark){\
.prefect-flow text{fill:#e6e9ed}\
.prefect-flow .small{fill:#a2abb6}\
.prefect-flow .back{fill:#14181d}\
.prefect-flow .box{fill:#1f262e;stroke:#76818e}\
.prefect-flow .core{stroke:#14181d}\
.prefect-flow .label{fill:#a2abb6}}";

/// Where things are.
struct Plan<'a> {
    picture: &'a Picture,
    layout: Layout,
    heights: Vec<i32>,
    /// Top and bottom of each rank.
    bands: Vec<(i32, i32)>,
    /// By item and trunk: where a line arrives at the top of a box, and where it leaves it.
    arrive: BTreeMap<(usize, usize), i32>,
    leave: BTreeMap<(usize, usize), i32>,
}

pub(super) fn draw(picture: &Picture) -> String {
    let plan = Plan::new(picture);
    let state = picture.state.map(|state| format!(": {state}")).unwrap_or_default();
    let title = format!("{}{state}", escaped(&picture.name));
    let head = escaped(&shortened(&picture.name, NAME, "…"));
    let head_width = i32::try_from(columns(&picture.name).min(NAME) + state.len()).unwrap_or(0) * LETTER;
    let width = plan.layout.width.max(head_width) + 2 * MARGIN;
    let height = plan.bands.last().map_or(HEAD, |band| band.1) + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"prefect-flow\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<title>{title}</title>\n<desc>{}</desc>\n<style>{COLOURS}</style>\n\
         <rect class=\"back\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n",
        picture.description(),
    );
    let _ = write!(out, "<text class=\"head\" x=\"{MARGIN}\" y=\"24\">{head}");
    if let Some(kind) = picture.state {
        let _ =
            write!(out, "<tspan dx=\"12\" fill=\"{}\">●</tspan> <tspan class=\"small\">{kind}</tspan>", kind.color());
    }
    out.push_str("</text>");
    out.push('\n');
    plan.lines(&mut out);
    for i in 0..picture.boxes.len() {
        plan.draw_box(i, &mut out);
    }
    plan.labels(&mut out);
    out += "</svg>\n";
    out
}

impl<'a> Plan<'a> {
    fn new(picture: &'a Picture) -> Self {
        let widths: Vec<i32> = picture.boxes.iter().map(width).collect();
        let heights: Vec<i32> = picture.boxes.iter().map(height).collect();
        let layout = Layout::new(&widths, &picture.links(), ROOM);
        let mut spans = vec![0; layout.ranks.len()];
        for piece in &layout.pieces {
            let (from, to) = (layout.items[piece.from], layout.items[piece.to]);
            spans[from.rank] = spans[from.rank].max((from.centre - to.centre).abs());
        }
        let mut y = HEAD;
        let mut bands = Vec::new();
        for (rank, span) in layout.ranks.iter().zip(&spans) {
            let boxes = rank.iter().filter_map(|item| heights.get(*item));
            let bottom = y + boxes.max().copied().unwrap_or(0);
            bands.push((y, bottom));
            // Lines that go far to the side need room to do so.
            y = bottom + 44 + (span / 16).min(76);
        }
        let mut plan = Self { picture, layout, heights, bands, arrive: BTreeMap::new(), leave: BTreeMap::new() };
        plan.arrive = plan.ports(|piece| (piece.to, piece.from));
        plan.leave = plan.ports(|piece| (piece.from, piece.to));
        plan
    }

    /// Where each trunk touches each box: one in the middle, or where it comes straight; several in the order of the other
    /// ends.
    fn ports(&self, ends: impl Fn(&Piece) -> (usize, usize)) -> BTreeMap<(usize, usize), i32> {
        let mut others: BTreeMap<(usize, usize), Vec<i32>> = BTreeMap::new();
        for piece in &self.layout.pieces {
            let (here, there) = ends(piece);
            others.entry((here, piece.trunk)).or_default().push(self.layout.items[there].centre);
        }
        let mut by_item: BTreeMap<usize, Vec<(i32, usize)>> = BTreeMap::new();
        for ((item, trunk), others) in others {
            let middle = others.iter().sum::<i32>() / i32::try_from(others.len()).unwrap_or(1);
            by_item.entry(item).or_default().push((middle, trunk));
        }
        let mut ports = BTreeMap::new();
        for (item, mut trunks) in by_item {
            trunks.sort_unstable();
            let place = self.layout.items[item];
            let count = i32::try_from(trunks.len()).unwrap_or(i32::MAX);
            let step = if count > 1 { ((place.width - 24) / (count - 1)).clamp(1, 20) } else { 0 };
            for (i, (other, trunk)) in (0..).zip(trunks) {
                let offset = match count {
                    _ if item >= self.picture.boxes.len() => 0,
                    1 if (other - place.centre).abs() <= 12 => other - place.centre,
                    _ => i * step - (count - 1) * step / 2,
                };
                ports.insert((item, trunk), place.centre + offset);
            }
        }
        ports
    }

    /// The ends of a piece: from the bottom of a box, or the end of a lane, to the top of the next.
    fn ends(&self, piece: &Piece) -> [(i32, i32); 2] {
        let rank = |item: usize| self.bands[self.layout.items[item].rank];
        let bottom = self.heights.get(piece.from).map_or(rank(piece.from).1, |height| rank(piece.from).0 + height);
        // The outlines behind the box of a mapped task.
        let behind = if self.picture.boxes.get(piece.to).is_some_and(|drawn| drawn.mapped) { 8 } else { 0 };
        [
            (self.leave[&(piece.from, piece.trunk)] + MARGIN, bottom),
            (self.arrive[&(piece.to, piece.trunk)] + MARGIN, rank(piece.to).0 - behind),
        ]
    }

    fn lines(&self, out: &mut String) {
        let boxes = self.picture.boxes.len();
        for piece in &self.layout.pieces {
            let line = &self.picture.lines[piece.link];
            let class = match line.kind {
                LineKind::Data => "line",
                LineKind::Order => "line order",
                LineKind::Element => "line each",
            };
            let [(x, y), (to_x, to_y)] = self.ends(piece);
            let up = self.layout.up[piece.link];
            // Room for the arrow.
            let start = if up && piece.from < boxes { y + 7 } else { y };
            let end = if !up && piece.to < boxes { to_y - 7 } else { to_y };
            let bend = (end - start) / 2;
            let mut path = if x == to_x {
                format!("M{x} {start}V{end}")
            } else {
                format!("M{x} {start}C{x} {} {to_x} {} {to_x} {end}", start + bend, end - bend)
            };
            if piece.to >= boxes {
                let _ = write!(path, "V{}", self.bands[self.layout.items[piece.to].rank].1);
            }
            let title = if piece.shared { String::new() } else { format!("<title>{}</title>", self.title(piece.link)) };
            let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\">{title}</path>");
            if line.kind == LineKind::Element {
                let _ = writeln!(out, "<path class=\"core\" d=\"{path}\"/>");
            }
            if up && piece.from < boxes {
                let _ = writeln!(out, "<path class=\"tip\" d=\"M{} {}h10l-5 -8z\"/>", x - 5, y + 8);
            } else if !up && piece.to < boxes {
                let _ = writeln!(out, "<path class=\"tip\" d=\"M{} {}h10l-5 8z\"/>", to_x - 5, to_y - 8);
            }
        }
    }

    /// `load → show: n`
    fn title(&self, link: usize) -> String {
        let line = &self.picture.lines[link];
        let [from, to] = [line.from, line.to].map(|i| escaped(&self.picture.boxes[i].name));
        let label = label(line);
        format!("{from} → {to}{}", if label.is_empty() { String::new() } else { format!(": {}", escaped(&label)) })
    }

    /// The names of the parameters, where there is room for them.
    fn labels(&self, out: &mut String) {
        let mut taken: BTreeMap<i32, Vec<(i32, i32)>> = BTreeMap::new();
        let mut done = vec![false; self.picture.lines.len()];
        for piece in self.layout.pieces.iter().filter(|piece| !piece.shared) {
            let text = shortened(&label(&self.picture.lines[piece.link]), 20, "…");
            if text.is_empty() || std::mem::replace(&mut done[piece.link], true) {
                continue;
            }
            let [(x, y), (to_x, to_y)] = self.ends(piece);
            let (x, y) = (i32::midpoint(x, to_x) + 6, i32::midpoint(y, to_y) + 4);
            let end = x + i32::try_from(columns(&text)).unwrap_or(0) * 7;
            let row = taken.entry(y).or_default();
            if end > self.layout.width + 2 * MARGIN || row.iter().any(|(a, b)| *a < end && x < *b) {
                continue;
            }
            row.push((x, end));
            // The line that it lies on must not cross it out.
            let (back, width) = (y - 10, end - x);
            let _ = write!(
                out,
                "<rect class=\"back\" x=\"{x}\" y=\"{back}\" width=\"{width}\" height=\"13\" opacity=\"0.8\"/>"
            );
            let _ = writeln!(out, "<text class=\"label\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(&text));
        }
    }

    fn draw_box(&self, i: usize, out: &mut String) {
        let (drawn, place, height) = (&self.picture.boxes[i], self.layout.items[i], self.heights[i]);
        let (x, y, width) = (place.centre - place.width / 2 + MARGIN, self.bands[place.rank].0, place.width);
        let notes = drawn.notes();
        let title = std::iter::once(&drawn.name).chain(&notes).map(|line| escaped(line)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "<g class=\"task\"><title>{title}</title>");
        if drawn.mapped {
            for off in [8, 4] {
                rect(out, "box", (x + off, y - off), (width, height), "");
            }
        }
        rect(out, "box", (x, y), (width, height), "");
        if let Some(state) = drawn.state {
            let color = state.color();
            let look = format!(" fill=\"{color}\" fill-opacity=\"0.2\" stroke=\"{color}\" stroke-width=\"1.5\"");
            rect(out, "", (x, y), (width, height), &look);
            children(drawn, (x, y + height - 8), width, out);
        }
        let middle = x + width / 2;
        let name = escaped(&shortened(&drawn.name, NAME, "…"));
        let _ = writeln!(out, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", y + 21);
        for (line, note) in (1..).zip(&notes) {
            let state = if line == 1 { drawn.state } else { drawn.children.keys().nth(line - 2).copied() };
            let y = y + 21 + LINE * i32::try_from(line).unwrap_or(0);
            let mut left = middle - i32::try_from(columns(note)).unwrap_or(0) * 33 / 10;
            if let Some(state) = state {
                left += 7;
                let (x, y, color) = (left - 10, y - 4, state.color());
                let _ = writeln!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{color}\"/>");
            }
            let _ = writeln!(out, "<text class=\"small\" x=\"{left}\" y=\"{y}\">{}</text>", escaped(note));
        }
        out.push_str("</g>\n");
    }
}

/// A bar with a part for each state of the children, as long as there are such children.
fn children(drawn: &Drawn, (x, y): (i32, i32), width: i32, out: &mut String) {
    let total: usize = drawn.children.values().sum();
    let room = usize::try_from(width - 16).unwrap_or(0);
    let mut before = 0;
    for (kind, count) in &drawn.children {
        let (start, end) = (room * before / total, room * (before + count) / total);
        let (x, color) = (usize::try_from(x + 8).unwrap_or(0) + start, kind.color());
        // However few there are, they are seen.
        let width = (end - start).max(2);
        let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"4\" fill=\"{color}\"/>");
        before += count;
    }
}

fn rect(out: &mut String, class: &str, (x, y): (i32, i32), (width, height): (i32, i32), look: &str) {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(out, "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"{look}/>");
}

fn width(drawn: &Drawn) -> i32 {
    // The dot before a state takes two columns.
    let notes = drawn.notes().iter().map(|note| columns(note) + 2).max().unwrap_or(0);
    let columns = columns(&drawn.name).min(NAME).max(notes);
    (i32::try_from(columns).unwrap_or(0) * LETTER + 28).max(64)
}

fn height(drawn: &Drawn) -> i32 {
    let notes = i32::try_from(drawn.notes().len()).unwrap_or(0);
    34 + LINE * notes + if drawn.children.is_empty() { 0 } else { 8 }
}

fn label(line: &super::Line) -> String {
    let names = line.parameters.join(", ");
    if line.kind == LineKind::Element { format!("{names} (each)") } else { names }
}

/// For the text of an element or the value of an attribute. What XML has no way to say is written as in Rust.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
