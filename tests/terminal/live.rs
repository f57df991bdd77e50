//! What a person sees on a terminal.
use super::program::{Program, run};
use super::pty::Terminal;

/// A program on a terminal where there is no CI.
fn on_terminal(program: Program) -> Terminal {
    Terminal::start(program.env("TERM", "xterm-256color"), 12, 70)
}

#[test]
fn a_table_goes_along_and_leaves_a_summary() {
    let mut terminal = on_terminal(run("wait"));
    let painted = |lines: &[String]| {
        let head =
            lines.iter().position(|line| line.starts_with("wait  ") && line.contains(" 3 of 4 tasks finished: "));
        head.filter(|head| lines.len() == head + 5)
    };
    let lines = terminal.until("the table", |lines| painted(lines).is_some());
    let head = painted(&lines).unwrap();
    assert!(lines[head].ends_with("s  3 of 4 tasks finished: 1 Running, 3 Success"), "{}", lines[head]);
    let mut rows: Vec<Vec<&str>> =
        lines[head + 1..].iter().map(|line| line.split_whitespace().take(2).collect()).collect();
    rows.sort();
    assert_eq!(rows, [["Running", "wait"], ["Success", "after"], ["Success", "after"], ["Success", "after"]]);
    // What the body printed by itself.
    let printed = |lines: &[String]| {
        lines.windows(2).filter(|lines| *lines == ["first line of food", "second line of food"]).count()
    };
    assert_eq!(printed(&lines), 1, "{lines:#?}");

    terminal.enter();
    let (code, lines, bytes) = terminal.ended();
    assert_eq!(code, Some(0));
    assert!(!bytes.contains("\x1b[?25l"), "the cursor stays");
    let text = lines.join("\n");
    assert!(!text.contains("tasks finished"), "the table is gone: {text}");
    assert_eq!(printed(&lines), 1, "{text}");
    // Log lines stay, and so does the summary below them.
    let (above, summary) = text.split_once("\n\n").unwrap();
    for i in 0..8 {
        let logged = format!(" WARN  wait (terminal_flows): food {i}");
        assert_eq!(above.lines().filter(|line| line.get(8..) == Some(&logged)).count(), 1, "{text}");
    }
    assert_eq!(summary.lines().filter(|line| line.starts_with("Success          after  ")).count(), 3, "{text}");
    let last = summary.lines().last().unwrap();
    assert!(last.starts_with("Success          wait  All reference tasks succeeded.  "), "{text}");
}

#[test]
fn what_fails_stays_above_the_table_and_the_rest_is_counted() {
    let (code, lines, bytes) = on_terminal(run("large")).ended();
    assert_eq!(code, Some(1));
    let text = lines.join("\n");
    assert!(text.starts_with("12:00:00 Failed           number  Error during execution of task: seve"), "{text}");
    assert!(text.contains("500 tasks: 498 Success, 1 Failed, 1 TriggerFailed"), "{text}");
    assert!(text.ends_with("Failed           large  Some reference tasks failed.  0s"), "{text}");
    assert!(bytes.contains("\x1b[31mFailed          \x1b[0m"), "a terminal has colours: {text}");
}

#[test]
fn cards_and_log_lines_come_in_order() {
    let (_, lines, _) = on_terminal(run("Add Divide Flow")).ended();
    let first = |start: &str| {
        lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {lines:#?}"))
    };
    let starts = [
        "no webhook: ",
        "┃ Add 1 task is now in a Running state",
        "┃ 1/x task is now in a Failed state",
        "12:00:00 Failed           1/x task  Error",
        "Success          Add 1 task  0s",
        "notifications: 0 sent, 4 not sent",
    ];
    let places = starts.map(first);
    assert!(places.is_sorted(), "{places:?} {lines:#?}");
}

#[test]
fn a_dumb_terminal_and_ci_get_plain_lines() {
    for (name, value) in [("TERM", "dumb"), ("CI", "true")] {
        let program = run("chain").env("TERM", "xterm").env("NO_COLOR", "1").env(name, value);
        let (code, lines, bytes) = Terminal::start(program, 12, 100).ended();
        assert_eq!(code, Some(1));
        assert!(!bytes.contains('\x1b'), "{bytes:?}");
        assert_eq!(lines[0], "12:00:00 Running          chain  Running flow.", "{name}");
    }
}

#[test]
fn a_table_without_colors_and_in_a_tiny_window() {
    let program = run("wait").env("TERM", "xterm").env("NO_COLOR", "1");
    let mut terminal = Terminal::start(program, 4, 20);
    // However long it took until then.
    let is_head =
        |line: &String| line.strip_prefix("wait  ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    terminal.until("the table", |lines| lines.iter().any(is_head));
    terminal.enter();
    let (code, lines, bytes) = terminal.ended();
    assert_eq!(code, Some(0));
    assert!(!bytes.contains("\x1b[3") && !bytes.contains("\x1b[1m"), "{bytes:?}");
    assert!(!lines.join("\n").contains("tasks fin"), "{lines:#?}");
}

#[test]
fn somebody_at_the_terminal_is_asked_about_a_paused_task() {
    const QUESTION: &str = "<Task: approve> is currently Paused; enter 'y' to resume:";
    let program = run("paused").env("TERM", "xterm-256color");
    let mut terminal = Terminal::with_keyboard(program, 24, 70);
    let asked = |lines: &[String]| lines.iter().filter(|line| *line == QUESTION).count();
    terminal.until("the question", |lines| asked(lines) == 1);
    terminal.answer("not yet");
    terminal.until("the second question", |lines| asked(lines) == 2);
    terminal.answer("y");
    let (code, lines, _) = terminal.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(lines.last().unwrap().starts_with("Success          paused  All reference tasks succeeded."), "{lines:#?}");
}
