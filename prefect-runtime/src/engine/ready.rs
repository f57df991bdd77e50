//! What is ready: a stack, in which neighbours that were released one after the other take no more room than one.
use super::RecordId;

/// The last one in is the first one out.
#[derive(Default)]
pub(super) struct Ready {
    runs: Vec<Run>,
    len: usize,
}

/// Neighbours, from the one that comes out first to the one that comes out last.
#[derive(Clone, Copy)]
struct Run {
    first: RecordId,
    last: RecordId,
}

impl Ready {
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[expect(clippy::inline_always, reason = "once for each task run, and measured")]
    #[inline(always)]
    pub(super) fn push(&mut self, at: RecordId) {
        self.len += 1;
        if let Some(Run { first, last }) = self.runs.last_mut() {
            let goes_up = at.checked_add(1) == Some(*first) && *first <= *last;
            let goes_down = first.checked_add(1) == Some(at) && *first >= *last;
            if goes_up || goes_down {
                *first = at;
                return;
            }
        }
        self.runs.push(Run { first: at, last: at });
    }

    #[expect(clippy::inline_always, reason = "once for each task run, and measured")]
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<RecordId> {
        let run = self.runs.last_mut()?;
        let at = run.first;
        match at.cmp(&run.last) {
            std::cmp::Ordering::Less => run.first += 1,
            std::cmp::Ordering::Greater => run.first -= 1,
            std::cmp::Ordering::Equal => drop(self.runs.pop()),
        }
        self.len -= 1;
        Some(at)
    }

    /// The next one out.
    #[inline]
    pub(super) fn peek(&self) -> Option<RecordId> {
        self.runs.last().map(|run| run.first)
    }
}

impl FromIterator<RecordId> for Ready {
    fn from_iter<I: IntoIterator<Item = RecordId>>(records: I) -> Self {
        let mut ready = Self::default();
        records.into_iter().for_each(|at| ready.push(at));
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_stack_whatever_goes_in() {
        let mut state = 7_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 24
        };
        let (mut ready, mut plain) = (Ready::default(), Vec::new());
        let mut at: RecordId = u32::MAX - 2;
        for _ in 0..10_000 {
            match random() % 8 {
                0..=2 => at = at.saturating_add(1),
                3..=5 => at = at.saturating_sub(1),
                6 => at = [0, 1, u32::MAX, random()][random() as usize % 4],
                _ => {
                    for _ in 0..random() % 4 {
                        assert_eq!(ready.peek(), plain.last().copied());
                        assert_eq!(ready.pop(), plain.pop());
                    }
                    continue;
                }
            }
            ready.push(at);
            plain.push(at);
            assert_eq!(ready.len(), plain.len());
        }
        while let Some(last) = plain.pop() {
            assert_eq!(ready.pop(), Some(last));
        }
        assert_eq!((ready.pop(), ready.len()), (None, 0));
    }

    #[test]
    fn neighbours_take_no_more_room_than_one() {
        for records in [(0..1_000).collect::<Vec<_>>(), (0..1_000).rev().collect()] {
            assert_eq!(records.into_iter().collect::<Ready>().runs.len(), 1);
        }
    }
}
