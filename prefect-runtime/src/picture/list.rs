//! A flow that is too wide to be drawn: its tasks in order, each with the numbers of those that it waits for.
use std::fmt::Write as _;

use super::words::{columns, shortened};
use super::{LineKind, Picture};

pub(super) fn draw(picture: &Picture) -> String {
    let letters = picture.style.letters;
    let digits = picture.boxes.len().to_string().len();
    let most = picture.style.columns.saturating_sub(digits + 4).clamp(12, 40);
    let mut upstream: Vec<[Vec<usize>; 3]> = Vec::new();
    upstream.resize_with(picture.boxes.len(), Default::default);
    for line in &picture.lines {
        upstream[line.to][line.kind as usize].push(line.from + 1);
    }
    let mut out = format!("{}: {}\n", letters.write(&picture.name), picture.description());
    for (i, (drawn, upstream)) in (1..).zip(picture.boxes.iter().zip(&upstream)) {
        let name = shortened(&letters.write(&drawn.name), most, letters.ellipsis());
        let notes = drawn.notes();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", letters.write(&notes.join(", "))) };
        let mut line = format!("{i:>digits$}  {name}{notes}");
        let words = [(LineKind::Data, ""), (LineKind::Element, "each of "), (LineKind::Order, "after ")];
        let from: Vec<String> = words
            .iter()
            .filter(|(kind, _)| !upstream[*kind as usize].is_empty())
            .map(|(kind, word)| format!("{word}{}", numbers(&upstream[*kind as usize])))
            .collect();
        if !from.is_empty() {
            let pad = (digits + 2 + most.min(24)).saturating_sub(columns(&line));
            let _ = write!(
                line,
                "{:pad$}  {} {}",
                "",
                if letters == super::Letters::Ascii { "<-" } else { "←" },
                from.join("; ")
            );
        }
        let _ = writeln!(out, "{line}");
    }
    out
}

/// `1-3, 7`
fn numbers(sorted: &[usize]) -> String {
    let mut sorted = sorted.to_vec();
    sorted.sort_unstable();
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for n in sorted {
        match parts.last_mut() {
            Some(last) if last.1 + 1 == n => last.1 = n,
            _ => parts.push((n, n)),
        }
    }
    let text = |(from, to): &(usize, usize)| match to - from {
        0 => from.to_string(),
        1 => format!("{from}, {to}"),
        _ => format!("{from}-{to}"),
    };
    parts.iter().map(text).collect::<Vec<_>>().join(", ")
}
