//! Pictures in the language of Graphviz.
use std::fmt::Write as _;

use super::{LineKind, Picture};
use crate::StateKind;

pub(super) fn draw(picture: &Picture) -> String {
    let mut out = format!("digraph \"{}\" {{\n", quoted(&picture.name));
    out += "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n";
    out += "  edge [fontname=\"sans-serif\", fontsize=10];\n";
    for (i, drawn) in picture.boxes.iter().enumerate() {
        let lines = std::iter::once(drawn.name.clone()).chain(drawn.notes());
        let label = lines.map(|line| quoted(&line)).collect::<Vec<_>>().join("\\n");
        let mut looks = String::new();
        if let Some(state) = drawn.state {
            let _ = write!(looks, ", fillcolor=\"{}\", fontcolor={}", state.color(), ink(state));
        }
        if drawn.mapped {
            looks += ", peripheries=2";
        }
        let _ = writeln!(out, "  t{i} [label=\"{label}\"{looks}];");
    }
    for line in &picture.lines {
        let label = quoted(&line.parameters.join(", "));
        let looks = match line.kind {
            LineKind::Data => format!("label=\"{label}\""),
            LineKind::Element => format!("label=\"{label} (each)\", color=\"black:black\""),
            LineKind::Order => "style=dashed".to_owned(),
        };
        let _ = writeln!(out, "  t{} -> t{} [{looks}];", line.from, line.to);
    }
    out += "}\n";
    out
}

/// Black or white, whichever is read better on the colour of the state.
fn ink(state: StateKind) -> &'static str {
    let part = |at: usize| u32::from_str_radix(&state.color()[at..at + 2], 16).unwrap_or(0);
    if 299 * part(1) + 587 * part(3) + 114 * part(5) > 128_000 { "black" } else { "white" }
}

/// Inside quotes Graphviz knows `\"`, escapes of its own, and entities.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
