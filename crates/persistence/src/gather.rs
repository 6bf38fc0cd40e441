//! Questions of one kind that are asked at the same time, answered together: who comes while statements are under way waits
//! for the next one, and all who wait share it. To ask for eight rows takes a database little longer than to ask for one,
//! and nobody waits for others where there are none.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::oneshot;

/// As many statements are under way at a time.
const UNDER_WAY: usize = 2;
/// As many questions share one.
const TOGETHER: usize = 50;

/// What comes back for one question.
pub(crate) type Answer<A> = Result<A, DbErr>;

/// The ways back to those who asked.
type Senders<A> = Vec<oneshot::Sender<Answer<A>>>;

/// Those who ask on one thread.
pub(crate) struct Gather<Q, A> {
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    waiting: Vec<(Q, oneshot::Sender<Answer<A>>)>,
    under_way: usize,
}

fn unanswered() -> DbErr {
    DbErr::Query(RuntimeErr::Internal("a question was not answered".to_owned()))
}

impl<Q, A> Default for Gather<Q, A> {
    fn default() -> Self {
        Self { state: Mutex::new(State { waiting: Vec::new(), under_way: 0 }) }
    }
}

/// One who answers. Should he fail without a word, somebody else may.
struct Turn<'a, Q, A> {
    gather: &'a Gather<Q, A>,
    has_ended: bool,
}

impl<Q, A> Turn<'_, Q, A> {
    /// Those who wait; when nobody does, the turn is over.
    fn next(&mut self) -> Option<(Vec<Q>, Senders<A>)> {
        let mut state = self.gather.state();
        let many = state.waiting.len().min(TOGETHER);
        if many == 0 {
            state.under_way -= 1;
            self.has_ended = true;
            return None;
        }
        Some(state.waiting.drain(..many).unzip())
    }
}

impl<Q, A> Drop for Turn<'_, Q, A> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.gather.state().under_way -= 1;
        }
    }
}

impl<Q, A> Gather<Q, A> {
    fn state(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// Asks. `answer_all` gives an answer for each question, in their order; should it fail, it fails for all of them.
    pub async fn ask<F, W>(self: &Arc<Self>, question: Q, answer_all: F) -> Answer<A>
    where
        F: Fn(Vec<Q>) -> W + Send + 'static,
        W: Future<Output = Result<Vec<Answer<A>>, DbErr>> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let is_free = {
            let mut state = self.state();
            state.waiting.push((question, sender));
            let is_free = state.under_way < UNDER_WAY;
            state.under_way += usize::from(is_free);
            is_free
        };
        if is_free {
            // whoever asked first may give up: the others still get their answers
            tokio::spawn(Arc::clone(self).answer(answer_all));
        }
        receiver.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// Answers all who wait, and all who come meanwhile.
    async fn answer<F, W>(self: Arc<Self>, answer_all: F)
    where
        F: Fn(Vec<Q>) -> W,
        W: Future<Output = Result<Vec<Answer<A>>, DbErr>>,
    {
        let mut turn = Turn { gather: &self, has_ended: false };
        while let Some((questions, senders)) = turn.next() {
            let answers = answer_all(questions).await;
            let (mut answers, error) = match answers {
                Ok(answers) => (answers.into_iter(), None),
                Err(error) => (Vec::new().into_iter(), Some(error)),
            };
            for sender in senders {
                let failed = || Err(error.clone().unwrap_or_else(unanswered));
                // who has given up does not take it
                drop(sender.send(answers.next().unwrap_or_else(failed)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Who asks alone is answered alone; who come while statements are under way share the next one.
    #[tokio::test]
    async fn those_who_wait_share_a_statement() {
        let gather: Arc<Gather<usize, usize>> = Arc::default();
        let (statements, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let ask = |question: usize| {
            let (statements, may_end) = (Arc::clone(&statements), Arc::clone(&may_end));
            gather.ask(question, move |questions| {
                let (statements, may_end) = (Arc::clone(&statements), Arc::clone(&may_end));
                async move {
                    statements.fetch_add(1, Ordering::Relaxed);
                    may_end.acquire().await.unwrap().forget();
                    Ok(questions.into_iter().map(|question| Ok(question * 2)).collect())
                }
            })
        };
        let ending = async {
            while statements.load(Ordering::Relaxed) < UNDER_WAY {
                tokio::task::yield_now().await;
            }
            may_end.add_permits(10);
        };
        let (answers, ()) = tokio::join!(join_all((0..2 * TOGETHER).map(ask)), ending);
        let answers: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, (0..2 * TOGETHER).map(|question| question * 2).collect::<Vec<_>>());
        assert!(statements.load(Ordering::Relaxed) <= UNDER_WAY + 2);
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_and_the_next_one_is_answered() {
        let gather: Arc<Gather<bool, ()>> = Arc::default();
        let ask = |fails: bool| {
            gather.ask(fails, |questions| async move {
                if questions.contains(&true) {
                    return Err(DbErr::Custom("no".to_owned()));
                }
                Ok(questions.into_iter().map(|_| Ok(())).collect())
            })
        };
        assert!(join_all([ask(true), ask(true)]).await.into_iter().all(|answer| answer.is_err()));
        assert!(ask(false).await.is_ok());
    }

    /// Whoever gives up takes nobody's answer with him.
    #[tokio::test]
    async fn the_first_may_leave() {
        let gather: Arc<Gather<u8, u8>> = Arc::default();
        let answer = |questions: Vec<u8>| async move {
            tokio::task::yield_now().await;
            Ok(questions.into_iter().map(Ok).collect())
        };
        let mut first = Box::pin(gather.ask(1, answer));
        assert!(futures_util::poll!(&mut first).is_pending());
        let second = gather.ask(2, answer);
        drop(first);
        assert_eq!(second.await.unwrap(), 2);
    }
}
