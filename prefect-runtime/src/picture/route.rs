//! The lines between two ranks, on the grid of a terminal: where they leave and arrive, and in which row they turn.
use std::collections::BTreeMap;

use super::layout::{Item, Layout};

/// What is drawn between two ranks.
#[derive(Debug, Default)]
pub(super) struct Gap {
    pub(super) nets: Vec<Net>,
    /// How many rows have turns in them.
    pub(super) rows: usize,
}

/// The lines of one trunk.
#[derive(Debug, Default)]
pub(super) struct Net {
    /// A link of the trunk, which says how it looks.
    pub(super) link: usize,
    /// Where it starts and ends: items and columns.
    pub(super) tops: Vec<(usize, i32)>,
    pub(super) bottoms: Vec<(usize, i32)>,
    /// The row of its turns; none if it goes straight down.
    pub(super) row: Option<usize>,
}

impl Net {
    /// The columns that it covers.
    pub(super) fn span(&self) -> (i32, i32) {
        let columns = || self.tops.iter().chain(&self.bottoms).map(|end| end.1);
        (columns().min().unwrap_or(0), columns().max().unwrap_or(0))
    }
}

/// How many lines leave each box and how many arrive: so many ports it needs.
pub(super) fn ports(boxes: usize, links: &[super::layout::Link]) -> Vec<usize> {
    let mut ends: Vec<[Vec<usize>; 2]> = vec![[Vec::new(), Vec::new()]; boxes];
    let mut numbers = BTreeMap::new();
    for (link, trunk) in links.iter().zip(super::layout::trunks(boxes, links)) {
        let next = numbers.len();
        let trunk = *numbers.entry(trunk).or_insert(next);
        ends[link.from][0].push(trunk);
        ends[link.to][1].push(trunk);
    }
    let distinct = |trunks: &mut Vec<usize>| {
        trunks.sort_unstable();
        trunks.dedup();
        trunks.len()
    };
    ends.iter_mut().map(|[leave, arrive]| distinct(leave).max(distinct(arrive))).collect()
}

/// The gap below each rank but the last; `None` if lines would have to lie on each other.
pub(super) fn gaps(layout: &Layout) -> Option<Vec<Gap>> {
    let mut gaps: Vec<BTreeMap<usize, Net>> = Vec::new();
    gaps.resize_with(layout.ranks.len().saturating_sub(1), BTreeMap::new);
    for piece in &layout.pieces {
        let net = gaps[layout.items[piece.from].rank].entry(piece.trunk).or_default();
        net.link = piece.link;
        for (ends, item) in [(&mut net.tops, piece.from), (&mut net.bottoms, piece.to)] {
            if ends.iter().all(|end| end.0 != item) {
                ends.push((item, layout.items[item].centre));
            }
        }
    }
    gaps.into_iter().map(|nets| gap(layout, nets.into_values().collect())).collect()
}

fn gap(layout: &Layout, mut nets: Vec<Net>) -> Option<Gap> {
    spread(layout, &mut nets);
    let rows = assign_rows(&mut nets)?;
    Some(Gap { nets, rows })
}

/// Gives every net a column of its own at every box.
fn spread(layout: &Layout, nets: &mut [Net]) {
    let mut at: [BTreeMap<usize, Vec<(i64, usize)>>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for (n, net) in nets.iter().enumerate() {
        let middle = |ends: &[(usize, i32)]| {
            ends.iter().map(|end| i64::from(end.1)).sum::<i64>() * 16 / i64::try_from(ends.len()).unwrap_or(1)
        };
        net.tops.iter().for_each(|end| at[0].entry(end.0).or_default().push((middle(&net.bottoms), n)));
        net.bottoms.iter().for_each(|end| at[1].entry(end.0).or_default().push((middle(&net.tops), n)));
    }
    let mut alone = [Vec::new(), Vec::new()];
    for (side, boxes) in at.iter_mut().enumerate() {
        for (item, users) in boxes {
            if let [_] = &users[..] {
                alone[side].push(*item);
                continue;
            }
            users.sort_unstable();
            let Item { centre, width, .. } = layout.items[*item];
            let count = i32::try_from(users.len()).unwrap_or(i32::MAX);
            for (i, (_, net)) in (1..).zip(users) {
                let ends = if side == 0 { &mut nets[*net].tops } else { &mut nets[*net].bottoms };
                let end = ends.iter_mut().find(|end| end.0 == *item).expect("it ends here");
                end.1 = centre - width / 2 + i * (width - 1) / (count + 1);
            }
        }
    }
    for net in nets {
        straighten(layout, net, &alone);
    }
}

/// A line that would turn for one or two columns goes straight instead, if a box is wide enough.
fn straighten(layout: &Layout, net: &mut Net, alone: &[Vec<usize>; 2]) {
    let single = net.tops.len() == 1 && net.bottoms.len() == 1;
    let fits = |item: usize, column: i32| {
        let Item { centre, width, .. } = layout.items[item];
        let off = (column - centre).abs();
        off < width / 2 && (single || off <= 2)
    };
    let movable =
        |side: usize, end: &(usize, i32), column| alone[side].binary_search(&end.0).is_ok() && fits(end.0, column);
    let Net { tops, bottoms, .. } = net;
    if let [top] = &tops[..]
        && let Some(end) =
            bottoms.iter_mut().filter(|end| movable(1, end, top.1)).min_by_key(|end| (end.1 - top.1).abs())
    {
        end.1 = top.1;
    } else if let [bottom] = &bottoms[..]
        && let Some(end) =
            tops.iter_mut().filter(|end| movable(0, end, bottom.1)).min_by_key(|end| (end.1 - bottom.1).abs())
    {
        end.1 = bottom.1;
    }
}

/// Gives every net that turns a row in which it meets no other; how many rows there are.
fn assign_rows(nets: &mut [Net]) -> Option<usize> {
    // Where one net comes down and another goes on, the first has to turn first.
    let leaving: BTreeMap<i32, usize> =
        nets.iter().enumerate().flat_map(|(n, net)| net.tops.iter().map(move |end| (end.1, n))).collect();
    let turns = |net: &Net| net.span().0 < net.span().1;
    let mut waits: Vec<Vec<usize>> = nets
        .iter()
        .enumerate()
        .map(|(n, net)| {
            let first = net.bottoms.iter().filter_map(|end| leaving.get(&end.1).copied());
            first.filter(|first| *first != n).collect()
        })
        .collect();
    let mut left: Vec<usize> = (0..nets.len()).filter(|n| turns(&nets[*n])).collect();
    // Short ones first: they then lie within the long ones.
    left.sort_by_key(|n| nets[*n].span().1 - nets[*n].span().0);
    let mut rows: Vec<Vec<(i32, i32)>> = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().position(|n| waits[*n].iter().all(|first| nets[*first].row.is_some()))?;
        let n = left.remove(ready);
        let (from, to) = nets[n].span();
        let least = std::mem::take(&mut waits[n]).into_iter().filter_map(|first| nets[first].row).max();
        let mut row = least.map_or(0, |row| row + 1);
        while rows.get(row).is_some_and(|taken| taken.iter().any(|(a, b)| *a <= to && from <= *b)) {
            row += 1;
        }
        rows.resize_with(rows.len().max(row + 1), Vec::new);
        rows[row].push((from, to));
        nets[n].row = Some(row);
    }
    Some(rows.len())
}
