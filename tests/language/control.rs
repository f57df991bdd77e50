//! Control flow. What the names, states and messages have to be is on record: `case_block`, `case_inside_case`,
//! `ifelse_merge`, `merge_all_skipped`, `switch_two_cases`.
use prefect::prelude::*;
use prefect_tests::seen::{message_of, states};

#[task]
fn number(n: i64) -> i64 {
    n
}
#[task]
fn text(text: String) -> String {
    text
}
#[task]
fn flag(is: bool) -> bool {
    is
}
#[task]
fn add(x: i64, y: i64) -> i64 {
    x + y
}
#[task]
fn fails() -> Result<i64, String> {
    Err("boom".to_owned())
}
#[task]
fn skips() -> Result<i64, Signal> {
    Err(Signal::skip("not today"))
}

mod cases {
    use super::*;

    #[test]
    fn a_block_runs_if_the_condition_matches() {
        let run = flow!("case", { case(number(1), 1, || add(number(2), 3)) }).run();
        assert_eq!(run.output().unwrap(), 5);
        assert_eq!(states(&run), ["number Success", "case(1) Success", "number Success", "add Success"]);
    }

    #[test]
    fn else_all_of_it_is_skipped() {
        let run = flow!("case", {
            let cond = number(2);
            case(cond, 1, || {
                let x = number(1);
                add(x, 1)
            });
        })
        .run();
        assert_eq!(states(&run), ["number Success", "case(1) Skipped", "number Skipped", "add Skipped"]);
        assert_eq!(message_of(&run, "case(1)"), "Provided value \"2\" did not match \"1\"");
        assert!(message_of(&run, "add").starts_with("Upstream task was skipped"));
        assert_eq!(run.state().kind(), Success);
    }

    /// Only what waits for nothing in the block waits for the condition: what is upstream of it from outside does not
    /// replace that.
    #[test]
    fn tasks_that_read_from_outside_are_in_the_block_too() {
        let run = flow!("outside", {
            let (cond, outside) = (flag(false), number(1));
            case(cond, true, || {
                add(outside, 1);
                number(5).after(outside);
            });
            number(6).after(outside);
        })
        .run();
        let seen =
            ["flag Success", "number Success", "case(true) Skipped", "add Skipped", "number Skipped", "number Success"];
        assert_eq!(states(&run), seen);
    }

    /// What waits for a task of the block does not wait for the condition too: its trigger would count it.
    #[test]
    fn an_edge_without_data_inside_the_block_counts() {
        #[task(trigger = all_failed)]
        fn alarm() {}
        let run = flow!("order", {
            case(flag(true), true, || {
                let bad = fails();
                alarm().after(bad);
            });
        })
        .run();
        assert_eq!(states(&run), ["flag Success", "case(true) Success", "fails Failed", "alarm Success"]);
    }

    #[test]
    fn nested() {
        let nested = |outer: i64, inner: i64| {
            flow!("nested", {
                let (outer, inner) = (number(outer), number(inner));
                case(outer, 2, || case(inner, 1, || text("x")));
            })
            .run()
        };
        let skipped = ["number Success", "number Success", "case(2) Skipped", "case(1) Skipped", "text Skipped"];
        let run = nested(1, 1);
        assert_eq!(states(&run), skipped);
        assert!(message_of(&run, "case(1)").starts_with("Upstream task was skipped"));
        assert_eq!(states(&nested(2, 1))[2..], ["case(2) Success", "case(1) Success", "text Success"]);
        assert_eq!(states(&nested(2, 5))[2..], ["case(2) Success", "case(1) Skipped", "text Skipped"]);
    }

    #[test]
    fn texts_enums_and_what_blocks_return() {
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        enum Kind {
            Small,
            Large,
        }
        #[task]
        fn kind() -> Kind {
            Kind::Small
        }
        let mut made = Vec::new();
        let run = flow!("kinds", {
            let kind = kind();
            let plain = case(kind, Kind::Small, || {
                made.push(number(1));
                7
            });
            made.push(number(plain));
            case(kind, Kind::Large, || made.push(number(8)));
            case(text("a"), "a", || ());
            case(text("a"), "b".to_owned(), || number(9));
        })
        .run();
        assert_eq!(made.len(), 3);
        let names: Vec<_> = states(&run).into_iter().filter(|seen| seen.starts_with("case")).collect();
        assert_eq!(names, ["case(Small) Success", "case(Large) Skipped", "case(a) Success", "case(b) Skipped"]);
    }

    #[test]
    fn a_condition_that_fails() {
        let run = flow!("fails", {
            case(fails(), 1, || number(1));
        })
        .run();
        assert_eq!(states(&run), ["fails Failed", "case(1) TriggerFailed", "number TriggerFailed"]);
    }

    #[prefect::flow]
    fn part(x: i64) -> i64 {
        add(x, 1)
    }

    #[test]
    fn a_flow_inside_a_block() {
        let run = flow!("part", { case(flag(false), true, || part(1)) }).run();
        assert_eq!(states(&run), ["flag Success", "case(true) Skipped", "x Skipped", "add Skipped"]);
        assert_eq!(flow!("part", { case(flag(true), true, || part(1)) }).run().output().unwrap(), 2);
    }
}

mod choices {
    use super::*;

    fn chosen(kind: &'static str) -> prefect::FlowRun<Node<i64>> {
        flow!("choose", {
            let kind = text(kind);
            choose(kind).when("a", || number(1)).when("b", || add(number(2), 0)).otherwise(|| number(3))
        })
        .run()
    }

    #[test]
    fn one_branch_runs() {
        assert_eq!(chosen("a").output().unwrap(), 1);
        assert_eq!(chosen("b").output().unwrap(), 2);
        let run = chosen("z");
        assert_eq!(run.output().unwrap(), 3);
        let seen = [
            "text Success",
            "case(a) Skipped",
            "number Skipped",
            "case(b) Skipped",
            "number Skipped",
            "add Skipped",
            "case(otherwise) Success",
            "number Success",
            "Merge Success",
        ];
        assert_eq!(states(&run), seen);
        assert_eq!(message_of(&chosen("a"), "case(otherwise)"), "Provided value \"a\" matched a case");
    }

    #[test]
    fn without_a_default() {
        let run = flow!("none", { choose(number(9)).when(1, || number(1)).when(2, || number(2)).merge() }).run();
        assert_eq!(run.output().unwrap_err().state.message(), Some("All upstreams were skipped"));
        assert_eq!(run.state().kind(), Success);
    }

    /// Else `merge` would take the result of a branch that was not chosen.
    #[test]
    fn a_branch_may_give_what_was_made_before() {
        let run = flow!("before", {
            let (before, also) = (number(1), number(2));
            choose(flag(false)).when(true, || before).otherwise(|| also)
        })
        .run();
        assert_eq!(run.output().unwrap(), 2);
        let identities: Vec<_> = states(&run).into_iter().filter(|seen| seen.starts_with("Identity")).collect();
        assert_eq!(identities, ["Identity Skipped", "Identity Success"]);
    }

    #[test]
    fn choices_inside_choices() {
        let run = |outer: bool, inner: i64| {
            let flow = flow!("inside", {
                let (outer, inner) = (flag(outer), number(inner));
                choose(outer)
                    .when(true, || choose(inner).when(1, || number(11)).otherwise(|| number(12)))
                    .otherwise(|| number(20))
            });
            flow.run().output().unwrap()
        };
        assert_eq!([run(true, 1), run(true, 2), run(false, 1), run(false, 2)], [11, 12, 20, 20]);
    }
}

#[test]
fn merge_takes_the_first_result() {
    let flow = flow!("merge", {
        let [a, b] = [number(1), number(2)];
        (merge([skips(), b, a]), merge(vec![skips(), skips()]), merge([a, fails()]), merge((0..12).map(|i| number(i))))
    });
    let run = flow.run();
    let merged: Vec<_> = run.task_runs().filter(|task| task.name == "Merge").collect();
    assert_eq!(merged[0].state.value(), Some(&2_i64));
    assert_eq!((merged[1].state.kind(), merged[1].state.message()), (Skipped, Some("All upstreams were skipped")));
    assert_eq!(merged[2].state.kind(), TriggerFailed);
    assert_eq!(merged[3].state.value(), Some(&0_i64));
}

#[test]
fn a_merge_without_results_fails() {
    #[task]
    fn empty() -> Result<i64, Signal> {
        Err(Signal::success("nothing"))
    }
    let run = flow!("empty", { merge([empty()]) }).run();
    let message = run.output().unwrap_err().state.message().unwrap().to_owned();
    assert_eq!(message, "Error during execution of task: none of the tasks to merge has a result");
}

#[test]
fn switch_gates_the_given_tasks_only() {
    let run = flow!("switch", {
        let before = number(1);
        let (a, b) = (add(before, 1), add(before, 2));
        switch(text("a"), [("a", a), ("b", b)]);
        switch(number(3), vec![(3, a.task()), (4, text("c").task())]);
        switch(number(3), [(9, [a, b])]);
    })
    .run();
    let seen = [
        "number Success",
        "add Skipped",
        "add Skipped",
        "text Success",
        "CompareValue: \"a\" Success",
        "CompareValue: \"b\" Skipped",
        "number Success",
        "text Skipped",
        "CompareValue: \"3\" Success",
        "CompareValue: \"4\" Skipped",
        "number Success",
        "CompareValue: \"9\" Skipped",
    ];
    assert_eq!(states(&run), seen);
    let slugs: Vec<_> = run.task_runs().map(|task| task.slug).collect();
    assert_eq!(slugs[4], "CompareValue: \"a\"-switch-1");
    assert_eq!(message_of(&run, "CompareValue: \"b\""), "Provided value \"a\" did not match \"b\"");
}

#[test]
fn ifelse_and_merge() {
    let run = |is: bool| {
        flow!("ifelse", {
            let (yes, no) = (text("Y"), text("N"));
            ifelse(flag(is), yes, no);
            merge([yes, no])
        })
        .run()
    };
    assert_eq!((run(true).output().unwrap(), run(false).output().unwrap()), ("Y".to_owned(), "N".to_owned()));
    let seen = [
        "text Success",
        "text Skipped",
        "flag Success",
        "as_bool Success",
        "CompareValue: \"true\" Success",
        "CompareValue: \"false\" Skipped",
        "Merge Success",
    ];
    assert_eq!(states(&run(true)), seen);
}

#[test]
fn ifelse_with_one_branch() {
    let run = flow!("one", {
        let a = number(1);
        ifelse(flag(false), a, ());
        let b = number(2);
        ifelse(flag(false), (), [b, number(3)]);
    })
    .run();
    let numbers: Vec<_> = states(&run).into_iter().filter(|seen| seen.starts_with("number")).collect();
    assert_eq!(numbers, ["number Skipped", "number Success", "number Success"]);
}

#[test]
fn filter_leaves_out_what_has_no_result() {
    let flow = flow!("filter", {
        let all = vec![number(5), fails(), skips(), number(-1)];
        (filter(all.clone(), |x: &i64| *x > 0), filter(all, |_: &i64| true), filter([fails()], |_: &i64| true))
    });
    let run = flow.run();
    assert_eq!(run.output().unwrap(), (vec![5], vec![5, -1], vec![]));
    assert_eq!(run.task_runs().filter(|task| task.name == "FilterTask").count(), 3);
}

#[test]
fn mistakes_that_only_building_can_show() {
    let panic = std::panic::catch_unwind(|| drop(flow!("none", { merge(Vec::<Node<i64>>::new()) }))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "`merge` in flow `none` needs at least one task: there would be no result");
    let mut kept = None;
    flow!("one", {
        kept = Some(flag(true));
    });
    let panic = std::panic::catch_unwind(|| drop(flow!("two", { case(kept.unwrap(), true, || ()) }))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("belongs to another flow"));
}
