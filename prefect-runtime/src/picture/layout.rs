//! Where the boxes stand: tasks in ranks, each below all that it waits for, few lines that cross, and lines that are
//! straight where they can be.
//!
//! The unit of length is the caller's: columns of a terminal, or pixels.
use std::collections::BTreeMap;

use super::ranks::{ranks, upward};

/// A line to draw, between boxes by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Links that look different never share a line.
    pub(super) style: u8,
}

/// How much room there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Between two neighbours.
    pub(super) gap: i32,
    /// For a line that passes between boxes. Odd if the boxes' widths are odd, even if they are even.
    pub(super) lane: i32,
    /// For the boxes of a rank: a longer one is broken.
    pub(super) row: i32,
    /// How strongly everything is drawn to the middle, compared to one line: a flow that would go far to the side becomes
    /// narrower and more crooked.
    pub(super) pull: f64,
}

/// A box, or the place where a line passes a rank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) rank: usize,
    pub(super) centre: i32,
    pub(super) width: i32,
}

/// A part of a line, from one rank to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Pieces of one trunk may share a way: all links from one box, or all to one box.
    pub(super) trunk: usize,
    /// The only link that goes this way, or the first of several.
    pub(super) link: usize,
    /// Whether other links go this way too.
    pub(super) shared: bool,
}

/// The picture, without what is in the boxes.
#[derive(Debug)]
pub(super) struct Layout {
    /// The boxes, then the places where lines pass.
    pub(super) items: Vec<Item>,
    /// The items of each rank, from left to right.
    pub(super) ranks: Vec<Vec<usize>>,
    pub(super) pieces: Vec<Piece>,
    /// By link: whether it goes up, since what it connects is part of a cycle.
    pub(super) up: Vec<bool>,
    pub(super) width: i32,
}

/// Links that share a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trunk {
    From(usize, u8),
    To(usize, u8),
    /// One that goes up.
    Alone(usize),
}

/// The trunk of each link: that of its busier end, so that a bundle has as few lines as can be.
pub(super) fn trunks(boxes: usize, links: &[Link]) -> Vec<Trunk> {
    let up = upward(boxes, links);
    let (mut leave, mut arrive) = (vec![0; boxes], vec![0; boxes]);
    for link in links {
        leave[link.from] += 1;
        arrive[link.to] += 1;
    }
    let trunk = |(i, link): (usize, &Link)| match () {
        () if up[i] => Trunk::Alone(i),
        () if arrive[link.to] > leave[link.from] => Trunk::To(link.to, link.style),
        () => Trunk::From(link.from, link.style),
    };
    links.iter().enumerate().map(trunk).collect()
}

impl Layout {
    /// Boxes of these widths; no two links have the same ends.
    pub(super) fn new(widths: &[i32], links: &[Link], room: Room) -> Self {
        let n = widths.len();
        let up = upward(n, links);
        let trunks = trunks(n, links);
        let down: Vec<(usize, usize)> =
            links.iter().zip(&up).map(|(l, up)| if *up { (l.to, l.from) } else { (l.from, l.to) }).collect();
        let mut rank = ranks(n, &down);
        let mut layout = Self::wire(widths, &rank, &down, &trunks, up, room);
        layout.reduce_crossings(n);
        if layout.wrap(&mut rank, n, room) {
            let up = std::mem::take(&mut layout.up);
            layout = Self::wire(widths, &rank, &down, &trunks, up, room);
            layout.reduce_crossings(n);
        }
        layout.place(n, room);
        layout
    }

    /// Makes the items and the pieces.
    fn wire(
        widths: &[i32],
        rank: &[usize],
        down: &[(usize, usize)],
        trunks: &[Trunk],
        up: Vec<bool>,
        room: Room,
    ) -> Self {
        let mut items: Vec<Item> =
            widths.iter().zip(rank).map(|(width, rank)| Item { rank: *rank, centre: 0, width: *width }).collect();
        let mut numbers: BTreeMap<Trunk, usize> = BTreeMap::new();
        let mut stops: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut known: BTreeMap<(usize, usize, usize), usize> = BTreeMap::new();
        let mut pieces: Vec<Piece> = Vec::new();
        for (link, ((from, to), trunk)) in down.iter().zip(trunks).enumerate() {
            let next = numbers.len();
            let trunk = *numbers.entry(*trunk).or_insert(next);
            let mut last = *from;
            for rank in rank[*from] + 1..=rank[*to] {
                let here = if rank == items[*to].rank {
                    *to
                } else {
                    *stops.entry((trunk, rank)).or_insert_with(|| {
                        items.push(Item { rank, centre: 0, width: room.lane });
                        items.len() - 1
                    })
                };
                match known.get(&(trunk, last, here)) {
                    Some(piece) => pieces[*piece].shared = true,
                    None => {
                        known.insert((trunk, last, here), pieces.len());
                        pieces.push(Piece { from: last, to: here, trunk, link, shared: false });
                    }
                }
                last = here;
            }
        }
        let mut ranks = vec![Vec::new(); items.iter().map(|item| item.rank + 1).max().unwrap_or(0)];
        for (i, item) in items.iter().enumerate() {
            ranks[item.rank].push(i);
        }
        Self { items, ranks, pieces, up, width: 0 }
    }

    /// The neighbours of each item above it and below it.
    fn neighbours(&self) -> [Vec<Vec<usize>>; 2] {
        let mut both = [vec![Vec::new(); self.items.len()], vec![Vec::new(); self.items.len()]];
        for piece in &self.pieces {
            both[0][piece.to].push(piece.from);
            both[1][piece.from].push(piece.to);
        }
        both
    }

    /// Orders the items of each rank by the mean place of their neighbours, rank by rank, down and up again, and keeps the
    /// best order that there was.
    fn reduce_crossings(&mut self, boxes: usize) {
        let [above, below] = self.neighbours();
        let mut place = vec![0; self.items.len()];
        let renumber = |ranks: &[Vec<usize>], place: &mut [usize]| {
            for rank in ranks {
                rank.iter().enumerate().for_each(|(i, item)| place[*item] = i);
            }
        };
        renumber(&self.ranks, &mut place);
        let mut ranks = self.ranks.clone();
        let mut best = usize::MAX;
        // Large flows are drawn less well rather than late.
        let sweeps = (4_000_000 / (self.pieces.len() + 1)).clamp(2, 24);
        for sweep in 0..sweeps {
            let down = sweep % 2 == 0;
            let neighbours = if down { &above } else { &below };
            let count = ranks.len();
            for i in 0..count {
                let rank = &mut ranks[if down { i } else { count - 1 - i }];
                let mut keys: Vec<(f64, usize)> = rank
                    .iter()
                    .map(|item| {
                        (mean(neighbours[*item].iter().map(|n| place[*n])).unwrap_or(real(place[*item])), *item)
                    })
                    .collect();
                // Those of one mean change places now and then, else two that cross for ever would stay. Lanes that come
                // from above stay left of the boxes and others right, so that the rows of a broken rank lie below each
                // other.
                if sweep % 4 > 1 {
                    keys.reverse();
                }
                keys.sort_by(|a, b| a.0.total_cmp(&b.0).then(((a.1 < boxes) == down).cmp(&((b.1 < boxes) == down))));
                for (i, (_, item)) in keys.into_iter().enumerate() {
                    rank[i] = item;
                    place[item] = i;
                }
            }
            let crossings = self.crossings(&place);
            if crossings < best {
                best = crossings;
                self.ranks.clone_from(&ranks);
            }
            if best == 0 {
                break;
            }
        }
        renumber(&self.ranks, &mut place);
        self.switch_neighbours(&above, &below, &mut place);
    }

    /// Lets two neighbours change places where fewer lines cross then.
    fn switch_neighbours(&mut self, above: &[Vec<usize>], below: &[Vec<usize>], place: &mut [usize]) {
        let over = |left: usize, right: usize, place: &[usize]| -> usize {
            [above, below]
                .iter()
                .map(|side| {
                    let crossed = |a: &usize| side[right].iter().filter(|b| place[**b] < place[*a]).count();
                    side[left].iter().map(crossed).sum::<usize>()
                })
                .sum()
        };
        for _ in 0..8 {
            let mut better = false;
            for rank in &mut self.ranks {
                for i in 1..rank.len() {
                    let (left, right) = (rank[i - 1], rank[i]);
                    // Of two busy ones every pair of lines would be looked at.
                    let work = |side: &[Vec<usize>]| side[left].len() * side[right].len();
                    if work(above).max(work(below)) > 10_000 {
                        continue;
                    }
                    if over(right, left, place) < over(left, right, place) {
                        rank.swap(i - 1, i);
                        place.swap(left, right);
                        better = true;
                    }
                }
            }
            if !better {
                break;
            }
        }
    }

    fn crossings(&self, place: &[usize]) -> usize {
        let mut ends = vec![Vec::new(); self.ranks.len()];
        for piece in &self.pieces {
            ends[self.items[piece.from].rank].push((place[piece.from], place[piece.to]));
        }
        ends.iter_mut().map(|ends| inversions(ends)).sum()
    }

    /// Breaks ranks that are too long, in their order. Whether there were any.
    fn wrap(&self, rank: &mut [usize], boxes: usize, room: Room) -> bool {
        let mut next = 0;
        let mut wrapped = false;
        for items in &self.ranks {
            let items = || items.iter().filter(|item| **item < boxes);
            let total: i32 = items().map(|item| self.items[*item].width + room.gap).sum();
            let rows = (total / room.row.max(1)).max(0) + 1;
            let goal = total / rows;
            let mut used = 0;
            for item in items() {
                let width = self.items[*item].width + room.gap;
                if used > 0 && (used + width > room.row || used >= goal) {
                    next += 1;
                    used = 0;
                    wrapped = true;
                }
                used += width;
                rank[*item] = next;
            }
            next += 1;
        }
        wrapped
    }

    /// The columns: each item as near to its neighbours as the others of its rank let it.
    fn place(&mut self, boxes: usize, room: Room) {
        let [above, below] = self.neighbours();
        let mut at: Vec<f64> = vec![0.0; self.items.len()];
        let offsets: Vec<Vec<f64>> = self
            .ranks
            .iter()
            .map(|rank| {
                let mut x = 0;
                let mut last = 0;
                let centre = |(i, item): (usize, &usize)| {
                    let width = self.items[*item].width;
                    x += if i == 0 { 0 } else { i32::midpoint(last, width) + room.gap };
                    last = width;
                    f64::from(x)
                };
                rank.iter().enumerate().map(centre).collect()
            })
            .collect();
        for (rank, offsets) in self.ranks.iter().zip(&offsets) {
            let middle = offsets.last().copied().unwrap_or(0.0) / 2.0;
            rank.iter().zip(offsets).for_each(|(item, x)| at[*item] = x - middle);
        }
        for sweep in 0..SWEEPS {
            let sides: &[&Vec<Vec<usize>>] = match sweep {
                sweep if sweep + 4 > SWEEPS => &[&above, &below],
                sweep if sweep % 2 == 0 => &[&above],
                _ => &[&below],
            };
            let count = self.ranks.len();
            for i in 0..count {
                let r = if sweep % 2 == 0 { i } else { count - 1 - i };
                let wishes: Vec<(f64, f64)> = self.ranks[r]
                    .iter()
                    .zip(&offsets[r])
                    .map(|(item, offset)| {
                        let (mut sum, mut weight) = (0.0, 0.0);
                        for near in sides.iter().flat_map(|side| &side[*item]) {
                            // What bends first is the end of a long line.
                            let pull = if *item >= boxes && *near >= boxes { 8.0 } else { 1.0 };
                            sum += at[*near] * pull;
                            weight += pull;
                        }
                        // A little of where it is, so that what has no neighbours has a place.
                        let still = 0.01;
                        ((sum + at[*item] * still) / (weight + still + room.pull) - offset, weight + still + room.pull)
                    })
                    .collect();
                for ((item, offset), x) in self.ranks[r].iter().zip(&offsets[r]).zip(ascending(&wishes)) {
                    at[*item] = x + offset;
                }
            }
        }
        for (rank, offsets) in self.ranks.iter().zip(&offsets) {
            for (item, offset) in rank.iter().zip(offsets) {
                // Rounded without the offset, which is whole: so nobody comes nearer than allowed.
                #[allow(clippy::cast_possible_truncation, reason = "a picture is not that wide")]
                let x = ((at[*item] - offset).round() + offset) as i32;
                self.items[*item].centre = x;
            }
        }
        self.straighten(&above, &below, boxes, room.gap);
        let left = self.items.iter().map(|item| item.centre - item.width / 2).min().unwrap_or(0);
        self.items.iter_mut().for_each(|item| item.centre -= left);
        self.width = self.items.iter().map(|item| item.centre + (item.width + 1) / 2).max().unwrap_or(0);
    }

    /// Lines that nothing else leaves or joins go straight, where there is room.
    fn straighten(&mut self, above: &[Vec<usize>], below: &[Vec<usize>], boxes: usize, gap: i32) {
        let count = self.ranks.len();
        for (from, to, down) in [(above, below, true), (below, above, false), (above, below, true)] {
            for i in 0..count {
                let rank = &self.ranks[if down { i } else { count - 1 - i }];
                for (i, item) in rank.iter().enumerate() {
                    let [near] = from[*item][..] else { continue };
                    let lanes = *item >= boxes && near >= boxes;
                    if to[near].len() > 1 && !lanes {
                        continue;
                    }
                    let distance = |other: usize| i32::midpoint(self.items[other].width, self.items[*item].width) + gap;
                    let least = i.checked_sub(1).map(|i| self.items[rank[i]].centre + distance(rank[i]));
                    let most = rank.get(i + 1).map(|next| self.items[*next].centre - distance(*next));
                    let wish = self.items[near].centre;
                    self.items[*item].centre = wish.min(most.unwrap_or(wish)).max(least.unwrap_or(i32::MIN));
                }
            }
        }
    }
}

/// How often the columns are worked out: downwards and upwards in turn, the last few with both neighbours.
const SWEEPS: usize = 24;

/// The ascending numbers that are nearest to these, each of which has a weight.
fn ascending(wishes: &[(f64, f64)]) -> Vec<f64> {
    // Runs of equal numbers: their sum, their weight, how many.
    let mut runs: Vec<(f64, f64, usize)> = Vec::new();
    for (wish, weight) in wishes {
        let mut run = (wish * weight, *weight, 1);
        while let Some(last) = runs.pop_if(|last| last.0 / last.1 >= run.0 / run.1) {
            run = (last.0 + run.0, last.1 + run.1, last.2 + run.2);
        }
        runs.push(run);
    }
    runs.into_iter().flat_map(|(sum, weight, n)| std::iter::repeat_n(sum / weight, n)).collect()
}

#[allow(clippy::cast_precision_loss, reason = "places in a rank are small")]
fn real(n: usize) -> f64 {
    n as f64
}

fn mean(places: impl ExactSizeIterator<Item = usize>) -> Option<f64> {
    let n = places.len();
    (n > 0).then(|| real(places.sum()) / real(n))
}

/// How many pairs of these lines cross.
fn inversions(ends: &mut [(usize, usize)]) -> usize {
    ends.sort_unstable();
    let size = ends.iter().map(|end| end.1 + 1).max().unwrap_or(0);
    // A tree of sums: how many lines so far end at or left of a place.
    let mut tree = vec![0_usize; size + 1];
    let mut crossed = 0;
    for (seen, (_, to)) in ends.iter().enumerate() {
        let (mut i, mut not_right) = (to + 1, 0);
        while i > 0 {
            not_right += tree[i];
            i -= i & i.wrapping_neg();
        }
        crossed += seen - not_right;
        i = to + 1;
        while i <= size {
            tree[i] += 1;
            i += i & i.wrapping_neg();
        }
    }
    crossed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn legal(layout: &Layout, gap: i32, when: &str) {
        for rank in &layout.ranks {
            for pair in rank.windows(2) {
                let [a, b] = [layout.items[pair[0]], layout.items[pair[1]]];
                assert!(b.centre - a.centre >= i32::midpoint(a.width, b.width) + gap, "{when} {a:?} {b:?}");
            }
        }
    }

    /// The numbers come from a fixed rule: every run sees the same flows.
    #[test]
    fn no_item_comes_too_near_to_another() {
        for seed in 1..200_u64 {
            let mut state = seed;
            let mut below = |n: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap() % n
            };
            let n = 2 + below(40);
            let mut links = Vec::new();
            for to in 1..n {
                for _ in 0..below(4) {
                    let link = Link { from: below(to), to, style: u8::try_from(below(2)).unwrap() };
                    if !links.iter().any(|l: &Link| (l.from, l.to) == (link.from, link.to)) {
                        links.push(link);
                    }
                }
            }
            let widths: Vec<i32> = (0..n).map(|_| i32::try_from(5 + 2 * below(10)).unwrap()).collect();
            let room = Room { gap: 2, lane: 1, row: 100, pull: 0.2 * f64::from(u8::try_from(seed % 3).unwrap()) };
            let layout = Layout::new(&widths, &links, room);
            legal(&layout, room.gap, &format!("seed {seed}"));
            for link in 0..links.len() {
                assert!(
                    layout.pieces.iter().any(|piece| piece.link == link || piece.shared),
                    "seed {seed}: link {link}"
                );
            }
        }
    }
}
