//! What the words of commands ask for that look at a store, or go on with what is in it.
use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ArgMatches;
use prefect_store::{LogLevel, StateCode};

use super::grammar::text;
use super::{Choice, format, store};
use crate::record::IfChanged;
use crate::terminal::durable::{GoOn, How};
use crate::terminal::notifications::Which;
use crate::terminal::recorded::{Lines, Listing, Question, Really, Then, Upkeep, with_special_cases};
use crate::terminal::schedules::{Pausing, ScheduleErrand};
use crate::terminal::secrets::{Errand, checked_channel, checked_name};
use crate::{Approval, Retry};

/// What is asked, and where its options are.
pub(super) fn question<'m>(command: &str, matches: &'m ArgMatches) -> (Question, &'m ArgMatches) {
    let states = |matches: &ArgMatches| {
        let names = matches.get_many::<String>("state").into_iter().flatten();
        let states =
            names.filter_map(|name| StateCode::ALL.iter().find(|state| state.name().eq_ignore_ascii_case(name)));
        let states: BTreeSet<_> = states.flat_map(|state| with_special_cases(*state)).collect();
        states.into_iter().collect()
    };
    match (command, matches.subcommand()) {
        ("flows", _) => (Question::Flows, matches),
        ("store", Some(("prune", matches))) => {
            let really = if matches.get_flag("dry-run") { Really::Say } else { Really::Do };
            let older_than = matches.get_one("older-than").copied().unwrap_or_default();
            let keep = matches.get_one("keep").copied().unwrap_or_default();
            (Question::LookAfter(Upkeep::Prune { older_than, keep, really }), matches)
        }
        ("store", Some(("backup", matches))) => {
            let file = matches.get_one::<PathBuf>("file").cloned().unwrap_or_default();
            (Question::LookAfter(Upkeep::Backup(file)), matches)
        }
        ("store", Some((_, matches))) => (Question::Check, matches),
        ("runs", Some(("show", matches))) => {
            (Question::Run(text(matches, "run").unwrap_or_default().to_owned()), matches)
        }
        ("runs", Some(("watch", matches))) => {
            (Question::Watch(text(matches, "run").unwrap_or_default().to_owned()), matches)
        }
        ("runs", Some(("logs", matches))) => (Question::Logs(lines(matches)), matches),
        (_, inner) => {
            let matches = inner.map_or(matches, |(_, matches)| matches);
            let limit = matches.get_one("limit").copied().unwrap_or(50);
            let flow = text(matches, "flow").map(ToOwned::to_owned);
            (Question::Runs(Listing { flow, states: states(matches), limit }), matches)
        }
    }
}

/// What is asked of schedules, or done to one.
pub(super) fn schedules(matches: &ArgMatches) -> Choice {
    let change = |to, matches: &ArgMatches| {
        let flow = text(matches, "flow").unwrap_or_default().to_owned();
        Choice::ChangeSchedule(ScheduleErrand { flow, to }, store(matches))
    };
    match matches.subcommand() {
        Some(("pause", matches)) => change(Pausing::Pause, matches),
        Some(("resume", matches)) => change(Pausing::Resume, matches),
        inner => {
            let matches = inner.map_or(matches, |(_, matches)| matches);
            Choice::Ask(Question::Schedules, format(matches), store(matches))
        }
    }
}

/// Which log lines are asked for.
pub(super) fn lines(matches: &ArgMatches) -> Lines {
    let number = |name: &str| matches.get_one::<u32>(name).copied();
    let level = text(matches, "level")
        .and_then(|name| LogLevel::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name)));
    Lines {
        run: text(matches, "run").unwrap_or_default().to_owned(),
        task: text(matches, "task").map(ToOwned::to_owned),
        index: number("index"),
        attempt: number("attempt"),
        level: level.unwrap_or(LogLevel::Trace),
        tail: number("tail"),
        then: if matches.get_flag("follow") { Then::Follow } else { Then::Stop },
    }
}

/// What is to be done to secrets, and where its options are. The error is a sentence, which repeats nothing that may be a value.
pub(super) fn errand<'m>(command: &str, matches: &'m ArgMatches) -> Result<(Errand, &'m ArgMatches), String> {
    let Some((verb, matches)) = matches.subcommand() else { return Err(format!("`{command}` needs another word")) };
    if let Ok(Some(_)) = matches.try_get_raw("not-here") {
        return Err(format!(
            "a value does not go on the command line, where other users and the history of the shell see it: write \
             `{command} {verb} NAME` alone and type it, or give it by a pipe"
        ));
    }
    let name = || {
        let name = matches.get_one::<String>("name").map_or("", String::as_str);
        checked_name(name).map(ToOwned::to_owned)
    };
    let errand = match (command, verb) {
        ("slack", "add") => {
            let channel = text(matches, "channel").map(checked_channel).transpose()?;
            Errand::AddWebhook { name: name()?, channel }
        }
        ("slack", "test") => Errand::TestWebhook(name()?),
        ("slack", _) => Errand::Webhooks,
        (_, "set") => Errand::Set(name()?),
        (_, "get") => Errand::Get(name()?),
        (_, "rm") => Errand::Remove(name()?),
        (_, "import-config") => Errand::ImportConfig,
        (_, "rotate") => Errand::Rotate,
        _ => Errand::List,
    };
    Ok((errand, matches))
}

/// Which notifications are meant.
pub(super) fn which(matches: &ArgMatches) -> Which {
    let ids: BTreeSet<i64> = matches.get_many("id").into_iter().flatten().copied().collect();
    match ids {
        _ if matches.get_flag("all") => Which::All,
        ids if ids.is_empty() => Which::Waiting,
        ids => Which::These(ids.into_iter().collect()),
    }
}

/// What is to go on, and how.
pub(super) fn going_on(command: &str, matches: &ArgMatches) -> GoOn {
    let owned = |name| text(matches, name).map(ToOwned::to_owned);
    let how = match command {
        "retry" => How::Retry(match owned("from") {
            Some(task) => Retry::From(task),
            None if matches.get_flag("only-failed") => Retry::OnlyFailed,
            None => Retry::Failed,
        }),
        _ => {
            let approval = owned("task").map_or_else(Approval::default, Approval::of);
            let approval = if matches.get_flag("reject") { approval.reject() } else { approval };
            How::Resume(match owned("note") {
                Some(note) => approval.note(note),
                None => approval,
            })
        }
    };
    let if_changed = if matches.get_flag("force") { IfChanged::StartAnew } else { IfChanged::Refuse };
    GoOn { run: owned("run"), how, if_changed }
}
