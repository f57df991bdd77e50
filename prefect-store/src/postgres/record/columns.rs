//! What a batch adds to a run, as a list for each column.
use std::borrow::Cow;
use std::collections::BTreeMap;

use postgres::types::ToSql;

use crate::backend::Change;
use crate::postgres::value::text;
use crate::sql::{INLINE, Transition, index_to_sql};
use crate::writer::{Batch, Part, Told, ToldRow};
use crate::{FlowChange, Found, StateCode, StoredResult};

/// Large results go with the statement up to so many bytes altogether, and one by one beyond: a message has its limit.
const BODIES_TOGETHER: usize = 16 << 20;

/// The parameters of a part's statement: a list for each column.
#[derive(Default)]
pub(super) struct Columns<'a> {
    // Of the flow run. `version` is what it is afterwards, if it changes.
    pub(super) flow_changes: i64,
    pub(super) state: Option<i64>,
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) started_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
    pub(super) version: Option<i64>,
    // Of the task runs.
    pub(super) rows: Vec<usize>,
    pub(super) task: Vec<i64>,
    pub(super) index: Vec<i64>,
    pub(super) states: Vec<i64>,
    pub(super) versions: Vec<i64>,
    pub(super) attempts: Vec<i64>,
    pub(super) starts: Vec<Option<i64>>,
    pub(super) ends: Vec<Option<i64>>,
    pub(super) messages: Vec<Option<Cow<'a, str>>>,
    pub(super) codecs: Vec<Option<i64>>,
    pub(super) results: Vec<Option<&'a [u8]>>,
    pub(super) details: Vec<Option<Cow<'a, str>>>,
    pub(super) expects_version: Vec<Option<i64>>,
    pub(super) expects_state: Vec<Option<i64>>,
    pub(super) expects_attempt: Vec<Option<i64>>,
    // Of the transitions.
    pub(super) log: Log<'a>,
    // Of the large results.
    pub(super) body_task: Vec<i64>,
    pub(super) body_index: Vec<i64>,
    pub(super) bodies: Vec<&'a [u8]>,
    pub(super) outbox: Outbox<'a>,
}

#[derive(Default)]
pub(super) struct Outbox<'a> {
    pub(super) ticket: Vec<i64>,
    pub(super) kind: Vec<Cow<'a, str>>,
    pub(super) to: Vec<Cow<'a, str>>,
    pub(super) payload: Vec<Cow<'a, str>>,
    pub(super) task: Vec<i64>,
    pub(super) state: Vec<i64>,
    pub(super) changes: Vec<i64>,
    pub(super) at: Vec<i64>,
    // Of the causes.
    pub(super) of_ticket: Vec<i64>,
    pub(super) cause: Vec<Cow<'a, str>>,
    pub(super) count: Vec<i64>,
}

#[derive(Default)]
pub(super) struct Log<'a> {
    pub(super) seq: Vec<i64>,
    pub(super) task: Vec<i64>,
    pub(super) index: Vec<i64>,
    pub(super) version: Vec<i64>,
    pub(super) attempt: Vec<i64>,
    pub(super) state: Vec<i64>,
    pub(super) at: Vec<i64>,
    pub(super) message: Vec<Option<Cow<'a, str>>>,
}

/// A change of a flow run that does not follow from the one before it in the batch: its entry, and the one before.
pub(super) struct Misfit(pub(super) usize, pub(super) Found);

impl<'a> Columns<'a> {
    /// What each part of a batch adds.
    pub(super) fn of(batch: &'a Batch<'_>, told: &'a Told) -> Result<Vec<Self>, Misfit> {
        let mut parts: Vec<Self> = batch.parts.iter().map(|_| Self::default()).collect();
        for (number, row) in batch.rows.iter().enumerate() {
            let (Change::Task(first), Change::Task(last)) =
                (&batch.entries[row.first].change, &batch.entries[row.last].change)
            else {
                continue;
            };
            let part = &mut parts[row.part];
            let index = index_to_sql(last.index);
            part.rows.push(number);
            part.task.push(last.task.into());
            part.index.push(index);
            part.states.push(last.state.number().into());
            part.versions.push(last.version.into());
            part.attempts.push(last.attempt.into());
            part.starts.push(row.started_at);
            part.ends.push(last.state.is_terminal().then_some(last.at.0));
            part.messages.push(last.message.as_deref().map(text));
            part.codecs.push(last.result.as_ref().map(|result| result.codec.into()));
            part.details.push(last.detail.as_deref().map(text));
            match &last.result {
                Some(StoredResult { bytes, .. }) if bytes.len() > INLINE => {
                    part.body_task.push(last.task.into());
                    part.body_index.push(index);
                    part.bodies.push(bytes);
                    part.results.push(None);
                }
                result => part.results.push(result.as_ref().map(|result| &*result.bytes)),
            }
            let is_new = first.version <= 1;
            part.expects_version.push((!is_new).then(|| i64::from(first.version) - 1));
            part.expects_state.push((!is_new).then(|| first.from.number().into()));
            part.expects_attempt.push((!is_new).then(|| first.attempt.into()));
        }
        let mut last_flow: Vec<Option<&FlowChange>> = vec![None; batch.parts.len()];
        for (i, (entry, place)) in batch.entries.iter().zip(&batch.places).enumerate() {
            let Some(place) = place else { continue };
            let part = &mut parts[place.part];
            match &entry.change {
                Change::Task(change) => part.log.add(place.seq, &Transition::of_task(change)),
                Change::Flow(change) => {
                    if let Some(before) = last_flow[place.part].replace(change)
                        && change.version != before.version.wrapping_add(1)
                    {
                        return Err(Misfit(i, Found { state: before.state, version: before.version, attempt: 0 }));
                    }
                    part.follow(change);
                    part.log.add(place.seq, &Transition::of_flow(change));
                }
            }
        }
        for row in &told.rows {
            let of_its_run = |part: &Part| (part.run.run_no, part.run.epoch.0) == (row.run.0, row.run.1);
            if let Some(number) = batch.parts.iter().position(of_its_run) {
                parts[number].outbox.add(row);
            }
        }
        Ok(parts)
    }

    fn follow(&mut self, change: &'a FlowChange) {
        self.flow_changes += 1;
        self.state = Some(change.state.number().into());
        self.message = change.message.as_deref().map(text);
        if change.state == StateCode::RUNNING {
            self.started_at.get_or_insert(change.at.0);
        }
        self.ended_at = change.state.is_terminal().then_some(change.at.0);
        self.version = Some(change.version.into());
    }

    fn body_bytes(&self) -> usize {
        self.bodies.iter().map(|body| body.len()).sum()
    }

    /// Whether its large results go with it.
    pub(super) fn is_whole(&self) -> bool {
        self.body_bytes() <= BODIES_TOGETHER
    }
}

impl<'a> Log<'a> {
    fn add(&mut self, seq: u64, transition: &Transition<'a>) {
        let Transition { task, index, version, attempt, state, at, message } = *transition;
        self.seq.push(i64::try_from(seq).unwrap_or(i64::MAX));
        self.task.push(task);
        self.index.push(index);
        self.version.push(version.into());
        self.attempt.push(attempt.into());
        self.state.push(state.number().into());
        self.at.push(at);
        self.message.push(message.map(text));
    }
}

impl<'a> Outbox<'a> {
    fn add(&mut self, row: &'a ToldRow) {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.ticket.push(row.ticket.into());
        self.kind.push(text(&row.message.kind));
        self.to.push(text(&row.message.to));
        self.payload.push(text(&row.message.payload));
        self.task.push(row.task);
        self.state.push(row.state.number().into());
        self.changes.push(number(row.changes));
        self.at.push(row.at.0);
        // Two that differ in a NUL only are one here, and a row is written once.
        let mut causes: BTreeMap<Cow<'a, str>, u64> = BTreeMap::new();
        for (cause, count) in &row.causes {
            *causes.entry(text(cause)).or_default() += count;
        }
        for (cause, count) in causes {
            self.of_ticket.push(row.ticket.into());
            self.cause.push(cause);
            self.count.push(number(count));
        }
    }

    pub(super) fn columns(&self) -> [&(dyn ToSql + Sync); 11] {
        let Self { ticket, kind, to, payload, task, state, changes, at, of_ticket, cause, count } = self;
        [ticket, kind, to, payload, task, state, changes, at, of_ticket, cause, count]
    }
}
