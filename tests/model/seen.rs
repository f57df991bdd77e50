//! What a run shows, expected and observed, and the first difference between the two.
use std::collections::BTreeMap;
use std::fmt::Debug;

use super::Kind;

/// What a run shows; `M` is how a message is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Run<M> {
    pub tasks: Vec<TaskRun<M>>,
    pub flow_events: Vec<Event<M>>,
    pub flow_kind: Kind,
    pub flow_message: M,
    /// How many seconds of virtual time it took; `None` if no times are compared.
    pub seconds: Option<u64>,
    /// What lies in the store at its end, by its place; `None` if no places are compared.
    pub store: Option<BTreeMap<String, String>>,
}

/// What the rules say of each run; messages are patterns.
pub type Expected = Vec<Run<Message>>;
/// What the runs on the library showed.
pub type Observed = Vec<Run<Option<String>>>;

#[derive(Clone, Debug, PartialEq)]
pub struct TaskRun<M> {
    /// In the order in which they happened to this task.
    pub events: Vec<Event<M>>,
    pub kind: Kind,
    pub message: M,
    pub result: Res,
    /// How often the body was called.
    pub attempts: u32,
    /// When the time of its kept result has passed, in seconds since the first run began.
    pub expires: Option<u64>,
    /// Where its result is kept.
    pub location: Option<String>,
    /// Of a mapped task, in their order.
    pub children: Vec<TaskRun<M>>,
}

impl<M> TaskRun<M> {
    /// The same task run with its messages given in another way.
    fn map_messages<N>(self, way: &impl Fn(M) -> N) -> TaskRun<N> {
        TaskRun {
            events: self.events.into_iter().map(|event| event.map_message(way)).collect(),
            kind: self.kind,
            message: way(self.message),
            result: self.result,
            attempts: self.attempts,
            expires: self.expires,
            location: self.location,
            children: self.children.into_iter().map(|child| child.map_messages(way)).collect(),
        }
    }

    /// It, and its children.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.children)
    }
}

impl<M> Run<M> {
    /// The same run with its messages given in another way.
    pub fn map_messages<N>(self, way: impl Fn(M) -> N) -> Run<N> {
        Run {
            tasks: self.tasks.into_iter().map(|task| task.map_messages(&way)).collect(),
            flow_events: self.flow_events.into_iter().map(|event| event.map_message(&way)).collect(),
            flow_kind: self.flow_kind,
            flow_message: way(self.flow_message),
            seconds: self.seconds,
            store: self.store,
        }
    }
}

/// A call of a state handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<M> {
    pub by: By,
    /// `None` for [`By::OnFailure`], which is not told.
    pub old: Option<Kind>,
    pub new: Kind,
    pub message: M,
}

impl<M> Event<M> {
    fn map_message<N>(self, way: &impl Fn(M) -> N) -> Event<N> {
        Event { by: self.by, old: self.old, new: self.new, message: way(self.message) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By its place in the list of the task or flow. It sees the state before it acts.
    Handler(usize),
    OnFailure,
    /// A passive handler behind all others; not called when one before it raised.
    Observer,
}

/// The message of a state, without what a language adds to an error's text.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    None,
    Is(String),
    /// Begins with `fixed`, and has `about` in the rest.
    Tells {
        fixed: &'static str,
        about: String,
    },
}

impl Message {
    pub fn fits(&self, observed: Option<&str>) -> bool {
        match (self, observed) {
            (Self::None, None) => true,
            (Self::Is(text), Some(observed)) => text == observed,
            (Self::Tells { fixed, about }, Some(observed)) => {
                observed.strip_prefix(fixed).is_some_and(|rest| rest.contains(about.as_str()))
            }
            _ => false,
        }
    }
}

/// A value that tasks hand on.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    Number(i64),
    List(Vec<i64>),
    Lists(Vec<Vec<i64>>),
    Truth(bool),
    Unit,
}

impl Val {
    /// All numbers in it, added up.
    pub fn sum(&self) -> i64 {
        let add = |sum: i64, n: &i64| sum.wrapping_add(*n);
        match self {
            Self::Number(n) => *n,
            Self::List(list) => list.iter().fold(0, add),
            Self::Lists(lists) => lists.iter().flatten().fold(0, add),
            Self::Truth(_) | Self::Unit => 0,
        }
    }
}

impl Val {
    /// As it is written.
    pub fn json(&self) -> String {
        let list = |list: &[i64]| format!("[{}]", list.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
        match self {
            Self::Number(n) => n.to_string(),
            Self::List(numbers) => list(numbers),
            Self::Lists(lists) => format!("[{}]", lists.iter().map(|one| list(one)).collect::<Vec<_>>().join(",")),
            Self::Truth(is) => is.to_string(),
            Self::Unit => "null".to_owned(),
        }
    }
}

/// The result of a state.
#[derive(Clone, Debug, PartialEq)]
pub enum Res {
    Null,
    Value(Val),
    /// The text of an error or a panic. What is expected must be contained in what is observed.
    Error(String),
    /// The signal (`FAIL`, ...) and its message.
    Signal(String, Option<String>),
    Timeout,
    /// Not compared (recorded bodies that return texts).
    Unknown,
}

impl Res {
    pub fn fits(&self, observed: &Self) -> bool {
        match (self, observed) {
            (Self::Unknown, _) | (_, Self::Unknown) => true,
            (Self::Error(text), Self::Error(observed)) => observed.contains(text.as_str()),
            _ => self == observed,
        }
    }
}

type Events<'a, M> = &'a [Event<M>];

/// The first difference between what must be and what was, in words.
pub fn difference(expected: &Expected, observed: &Observed) -> Option<String> {
    let (all, seen) = (expected.len(), observed.len());
    unlike(all == seen, "the flow", "runs", &all, &seen).or_else(|| {
        let mut runs = expected.iter().zip(observed).enumerate();
        runs.find_map(|(i, (e, o))| Some(format!("run {}: {}", i + 1, of_run(e, o)?)))
    })
}

fn of_run(e: &Run<Message>, o: &Run<Option<String>>) -> Option<String> {
    let compared = Compared { times: e.seconds.is_some() && o.seconds.is_some(), places: o.store.is_some() };
    tasks("task", &e.tasks, &o.tasks, compared)
        .or_else(|| events("flow", &e.flow_events, &o.flow_events))
        .or_else(|| unlike(e.flow_kind == o.flow_kind, "flow", "kind", &e.flow_kind, &o.flow_kind))
        .or_else(|| {
            let fits = e.flow_message.fits(o.flow_message.as_deref());
            unlike(fits, "flow", "message", &e.flow_message, &o.flow_message)
        })
        .or_else(|| unlike(!compared.times || e.seconds == o.seconds, "flow", "seconds", &e.seconds, &o.seconds))
        .or_else(|| unlike(!compared.places || e.store == o.store, "flow", "store", &e.store, &o.store))
}

/// What is compared of kept results.
#[derive(Clone, Copy)]
struct Compared {
    times: bool,
    places: bool,
}

fn tasks(
    what: &str,
    expected: &[TaskRun<Message>],
    observed: &[TaskRun<Option<String>>],
    compared: Compared,
) -> Option<String> {
    let (all, seen) = (expected.len(), observed.len());
    unlike(all == seen, what, "how many", &all, &seen).or_else(|| {
        expected.iter().zip(observed).enumerate().find_map(|(i, (e, o))| {
            let of = format!("{what} {i}");
            events(&of, &e.events, &o.events)
                .or_else(|| unlike(e.kind == o.kind, &of, "kind", &e.kind, &o.kind))
                .or_else(|| unlike(e.message.fits(o.message.as_deref()), &of, "message", &e.message, &o.message))
                .or_else(|| unlike(e.result.fits(&o.result), &of, "result", &e.result, &o.result))
                .or_else(|| unlike(e.attempts == o.attempts, &of, "attempts", &e.attempts, &o.attempts))
                .or_else(|| unlike(!compared.times || e.expires == o.expires, &of, "expires", &e.expires, &o.expires))
                .or_else(|| {
                    unlike(!compared.places || e.location == o.location, &of, "location", &e.location, &o.location)
                })
                .or_else(|| tasks(&format!("{of}, child"), &e.children, &o.children, compared))
        })
    })
}

fn events(of: &str, expected: Events<'_, Message>, observed: Events<'_, Option<String>>) -> Option<String> {
    let same = |e: &Event<Message>, o: &Event<Option<String>>| {
        (e.by, e.old, e.new) == (o.by, o.old, o.new) && e.message.fits(o.message.as_deref())
    };
    (0..expected.len().max(observed.len())).find_map(|i| match (expected.get(i), observed.get(i)) {
        (Some(e), Some(o)) if same(e, o) => None,
        (e, o) => Some(format!("{of}, event {i}: expected {e:?}, observed {o:?}")),
    })
}

fn unlike(same: bool, of: &str, what: &str, expected: &dyn Debug, observed: &dyn Debug) -> Option<String> {
    (!same).then(|| format!("{of}, {what}: expected {expected:?}, observed {observed:?}"))
}
