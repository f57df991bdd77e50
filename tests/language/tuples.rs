//! Tuples taken apart.
use prefect::prelude::*;
use prefect_tests::seen::states;

#[task]
fn split(x: i64) -> (i64, String) {
    (x / 2, format!("half of {x}"))
}
#[task]
fn eight() -> (u8, u8, u8, u8, u8, u8, u8, u8) {
    (1, 2, 3, 4, 5, 6, 7, 8)
}
#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}
#[task]
fn fails() -> Result<(i64, i64), String> {
    Err("boom".to_owned())
}

#[prefect::flow]
fn halves(x: i64) -> i64 {
    let (half, mut text) = split(x);
    let (quarter, _) = split(x = half);
    if false {
        (_, text) = split(half).unpack();
    }
    let _ = text;
    quarter
}

#[test]
fn in_flows_and_by_hand() {
    let flow = flow!("split", {
        let (half, text) = split(8);
        let (quarter, _) = split(half).unpack();
        let (first, _, _, _, _, _, _, last) = eight();
        (half, text, quarter, first, last, halves(20))
    });
    assert_eq!(flow.run().output().unwrap(), (4, "half of 8".to_owned(), 2, 1, 8, 5));
}

/// As on record in `tuple_unpacking_nout`: each part is a task of its own.
#[test]
fn each_part_is_a_task() {
    let run = flow!("parts", {
        let (half, text) = split(8);
        let _ = text;
        add(half, half)
    })
    .run();
    assert_eq!(states(&run), ["split Success", "split[0] Success", "split[1] Success", "add Success"]);
    let run = flow!("parts", {
        let (a, b) = fails();
        add(a, b)
    })
    .run();
    let failed = ["fails Failed", "fails[0] TriggerFailed", "fails[1] TriggerFailed", "add TriggerFailed"];
    assert_eq!(states(&run), failed);
}

/// What is no result of a task is taken apart by Rust.
#[test]
fn other_tuples_stay_as_they_are() {
    let flow = flow!("plain", {
        let (send, receive) = std::sync::mpsc::channel();
        send.send(1).unwrap();
        let (a, mut b) = receive.iter().map(|n| (n, 2)).next().unwrap();
        let (text, number) = if a == b { ("same", 1) } else { ("other", 0) };
        b += number;
        let (x, y) = &("kept".to_owned(), 5);
        let (even, odd): (Vec<i64>, Vec<i64>) = (1..4).partition(|n| n % 2 == 0);
        assert_eq!((a, b, text, x.as_str(), y), (1, 2, "other", "kept", &5));
        add(even[0], odd[1])
    });
    assert_eq!(flow.run().output().unwrap(), 5);
}
