//! [`Questions`]: events of the server that wait for our answer.

use std::collections::BTreeMap;

/// Most of them; the oldest are forgotten.
const MAX: usize = 10_000;
/// Most bytes of their arguments, but for the last one's.
const MAX_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Questions<T> {
    given: u64,
    waiting: BTreeMap<u64, Question<T>>,
    bytes: usize,
}

#[derive(Debug)]
struct Question<T> {
    namespace: usize,
    bytes: usize,
    event: T,
}

impl<T> Questions<T> {
    pub(crate) fn new() -> Self {
        Self {
            given: 0,
            waiting: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Keeps an event of a namespace, of so many bytes, until it is answered: its `ack_id`.
    pub(crate) fn ask(&mut self, namespace: usize, bytes: usize, event: T) -> u64 {
        let id = self.name();
        let question = Question {
            namespace,
            bytes,
            event,
        };
        self.bytes += bytes;
        self.waiting.insert(id, question);
        while self.waiting.len() > MAX || self.bytes > MAX_BYTES && self.waiting.len() > 1 {
            let Some((_, oldest)) = self.waiting.pop_first() else {
                break;
            };
            self.bytes -= oldest.bytes;
        }
        id
    }

    /// An `ack_id` for an event that needs no keeping.
    pub(crate) fn name(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    /// The event with that `ack_id`, once.
    pub(crate) fn take(&mut self, id: u64) -> Option<T> {
        let question = self.waiting.remove(&id)?;
        self.bytes -= question.bytes;
        Some(question.event)
    }

    /// The server waits no more for what it asked a namespace that was disconnected.
    pub(crate) fn forget(&mut self, namespace: usize) {
        self.waiting
            .retain(|_, question| question.namespace != namespace);
        self.bytes = self.waiting.values().map(|question| question.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_once_while_its_namespace_is_connected() {
        let mut questions = Questions::new();
        assert_eq!((questions.ask(0, 5, 'a'), questions.ask(1, 5, 'b')), (1, 2));
        assert_eq!((questions.take(1), questions.take(1)), (Some('a'), None));
        questions.forget(1);
        assert_eq!((questions.take(2), questions.bytes), (None, 0));
        assert_eq!(questions.ask(1, 5, 'c'), 3);
    }

    #[test]
    fn the_oldest_questions_are_forgotten() {
        let mut questions = Questions::new();
        for _ in 0..=MAX {
            questions.ask(0, 1, ());
        }
        assert_eq!((questions.take(1), questions.take(2)), (None, Some(())));
        let large = questions.ask(0, MAX_BYTES + 1, ());
        assert_eq!(
            (questions.waiting.len(), questions.bytes),
            (1, MAX_BYTES + 1)
        );
        assert_eq!(questions.take(large), Some(()));
        assert_eq!(questions.bytes, 0);
    }
}
