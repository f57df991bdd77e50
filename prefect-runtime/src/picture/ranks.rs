//! In which rank each box stands.
use super::layout::Link;

/// Which links close a cycle, and have to go up.
pub(super) fn upward(boxes: usize, links: &[Link]) -> Vec<bool> {
    let mut leaving = vec![Vec::new(); boxes];
    for (i, link) in links.iter().enumerate() {
        leaving[link.from].push(i);
    }
    let mut up = vec![false; links.len()];
    let mut seen = vec![Seen::Not; boxes];
    for start in 0..boxes {
        let mut path = vec![(start, 0)];
        while let Some((here, next)) = path.last_mut() {
            if seen[*here] == Seen::Left {
                path.pop();
                continue;
            }
            seen[*here] = Seen::OnPath;
            match leaving[*here].get(*next) {
                None => {
                    seen[*here] = Seen::Left;
                    path.pop();
                }
                Some(link) => {
                    *next += 1;
                    let to = links[*link].to;
                    match seen[to] {
                        Seen::OnPath => up[*link] = true,
                        Seen::Not => path.push((to, 0)),
                        Seen::Left => {}
                    }
                }
            }
        }
    }
    up
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    OnPath,
    Left,
}

/// The rank of each box: below all that it waits for, and near to what waits for it where that makes lines shorter.
pub(super) fn ranks(boxes: usize, down: &[(usize, usize)]) -> Vec<usize> {
    let (mut above, mut below) = (vec![Vec::new(); boxes], vec![Vec::new(); boxes]);
    for (from, to) in down {
        above[*to].push(*from);
        below[*from].push(*to);
    }
    let mut left: Vec<usize> = above.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..boxes).filter(|i| left[*i] == 0).collect();
    let mut rank = vec![0; boxes];
    let mut i = 0;
    while let Some(here) = order.get(i).copied() {
        for to in &below[here] {
            rank[*to] = rank[*to].max(rank[here] + 1);
            left[*to] -= 1;
            if left[*to] == 0 {
                order.push(*to);
            }
        }
        i += 1;
    }
    for here in order.iter().rev() {
        let lowest = below[*here].iter().map(|to| rank[*to] - 1).min();
        if let Some(lowest) = lowest.filter(|_| above[*here].len() <= below[*here].len()) {
            rank[*here] = lowest;
        }
    }
    for here in &order {
        let highest = above[*here].iter().map(|from| rank[*from] + 1).max();
        if let Some(highest) = highest.filter(|_| above[*here].len() >= below[*here].len()) {
            rank[*here] = highest;
        }
    }
    // No rank is empty.
    let mut used: Vec<usize> = rank.clone();
    used.sort_unstable();
    used.dedup();
    rank.iter().map(|rank| used.binary_search(rank).expect("it is used")).collect()
}
