//! Questions of one kind that are asked at the same time, answered together: who comes while statements are under way waits
//! for the next one, and all who wait share it. To ask for eight rows takes a database little longer than to ask for one,
//! and nobody waits for others where there are none.

use std::{
    future::{Future, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use tokio::{sync::oneshot, time::timeout};

use crate::error::is_unavailable;

/// What comes back for one question.
pub(crate) type Answer<A> = Result<A, DbErr>;

/// The ways back to those who asked.
type Senders<A> = Vec<oneshot::Sender<Answer<A>>>;

/// Those who ask on one thread.
pub(crate) struct Gather<Q, A> {
    /// As many statements are under way at a time.
    most_under_way: usize,
    /// As many of those who wait share one.
    share: fn(usize) -> usize,
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    waiting: Vec<Waiting<Q, A>>,
    under_way: usize,
    /// How many have asked.
    asked: u64,
}

struct Waiting<Q, A> {
    number: u64,
    question: Q,
    sender: oneshot::Sender<Answer<A>>,
}

fn unanswered() -> DbErr {
    DbErr::Query(RuntimeErr::Internal("a question was not answered".to_owned()))
}

/// For reading: two statements at a time, each for fifty who wait.
impl<Q, A> Default for Gather<Q, A> {
    fn default() -> Self {
        Self::new(2, |waiting| waiting.min(50))
    }
}

/// One who answers. Should he fail without a word, somebody else may.
struct Turn<'a, Q, A> {
    gather: &'a Gather<Q, A>,
    has_ended: bool,
}

impl<Q, A> Turn<'_, Q, A> {
    /// Whether somebody waits; when nobody does, the turn is over.
    fn goes_on(&mut self) -> bool {
        let mut state = self.gather.state();
        if state.waiting.is_empty() {
            state.under_way -= 1;
            self.has_ended = true;
        }
        !self.has_ended
    }

    /// Those who share the next statement.
    fn next(&self) -> (Vec<Q>, Senders<A>) {
        let mut state = self.gather.state();
        let waiting = state.waiting.len();
        let many = (self.gather.share)(waiting).min(waiting);
        state.waiting.drain(..many).map(|one| (one.question, one.sender)).unzip()
    }

    /// The ways back to all who wait.
    fn rest(&self) -> Senders<A> {
        self.gather.state().waiting.drain(..).map(|one| one.sender).collect()
    }

    /// The way back to the one who has waited longest.
    fn first(&self) -> Option<oneshot::Sender<Answer<A>>> {
        let mut state = self.gather.state();
        (!state.waiting.is_empty()).then(|| state.waiting.remove(0).sender)
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
    /// With so many statements under way at a time, each shared by as many of those who wait as a function says.
    pub fn new(most_under_way: usize, share: fn(usize) -> usize) -> Self {
        let state = State { waiting: Vec::new(), under_way: 0, asked: 0 };
        Self { most_under_way, share, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a question back, if nobody is about to answer it.
    fn take_back(&self, number: u64) -> bool {
        let mut state = self.state();
        let place = state.waiting.iter().position(|one| one.number == number);
        place.map(|place| state.waiting.remove(place)).is_some()
    }
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// Asks. `answer_all` gives an answer for each question, in their order; should it fail, it fails for all of them. Who waits
    /// too long for those before him is told to come back.
    pub async fn ask<F, W>(self: &Arc<Self>, question: Q, patience: Duration, answer_all: F) -> Answer<A>
    where
        F: Fn(Vec<Q>) -> W + Send + 'static,
        W: Future<Output = Result<Vec<Answer<A>>, DbErr>> + Send + 'static,
    {
        self.ask_once_begun(question, patience, || ready(Ok(())), move |(), questions| answer_all(questions)).await
    }

    /// The same where something has to begin first, for which one may have to wait: whoever comes meanwhile takes part, and
    /// whoever has waited long enough may still leave.
    pub async fn ask_once_begun<B, P, F, W, T>(
        self: &Arc<Self>,
        question: Q,
        patience: Duration,
        begin: B,
        answer_all: F,
    ) -> Answer<A>
    where
        B: Fn() -> P + Send + 'static,
        P: Future<Output = Result<T, DbErr>> + Send + 'static,
        F: Fn(T, Vec<Q>) -> W + Send + 'static,
        W: Future<Output = Result<Vec<Answer<A>>, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        let (sender, mut receiver) = oneshot::channel();
        let (number, is_free) = {
            let mut state = self.state();
            state.asked += 1;
            let number = state.asked;
            state.waiting.push(Waiting { number, question, sender });
            let is_free = state.under_way < self.most_under_way;
            state.under_way += usize::from(is_free);
            (number, is_free)
        };
        if is_free {
            // whoever asked first may give up: the others still get their answers
            tokio::spawn(Arc::clone(self).answer(begin, answer_all));
        }
        let answer = match timeout(patience, &mut receiver).await {
            Ok(answer) => answer,
            Err(_) if self.take_back(number) => return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
            Err(_) => receiver.await,
        };
        answer.unwrap_or_else(|_| Err(unanswered()))
    }

    /// Answers all who wait, and all who come meanwhile.
    async fn answer<B, P, F, W, T>(self: Arc<Self>, begin: B, answer_all: F)
    where
        B: Fn() -> P,
        P: Future<Output = Result<T, DbErr>>,
        F: Fn(T, Vec<Q>) -> W,
        W: Future<Output = Result<Vec<Answer<A>>, DbErr>>,
    {
        let mut turn = Turn { gather: &self, has_ended: false };
        while turn.goes_on() {
            let begun = match begin().await {
                Ok(begun) => begun,
                Err(error) => {
                    // for the others it may begin yet
                    if let Some(sender) = turn.first() {
                        drop(sender.send(Err(error)));
                    }
                    continue;
                }
            };
            let (questions, mut senders) = turn.next();
            if questions.is_empty() {
                continue;
            }
            let answers = answer_all(begun, questions).await;
            let (mut answers, error) = match answers {
                Ok(answers) => (answers.into_iter(), None),
                Err(error) => (Vec::new().into_iter(), Some(error)),
            };
            if error.as_ref().is_some_and(is_unavailable) {
                // they have waited as long, and would only wait once more
                senders.extend(turn.rest());
            }
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

    /// Those of reading.
    const UNDER_WAY: usize = 2;
    const TOGETHER: usize = 50;
    const LONG: Duration = Duration::from_secs(60);

    /// Who waits for those before him is told to come back; who is about to be answered is not.
    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let gather: Arc<Gather<usize, ()>> = Arc::default();
        let may_end = Arc::new(Semaphore::new(0));
        let ask = |patience: Duration| {
            let may_end = Arc::clone(&may_end);
            gather.ask(0, patience, move |questions| {
                let may_end = Arc::clone(&may_end);
                async move {
                    may_end.acquire().await.unwrap().forget();
                    Ok(questions.into_iter().map(|_| Ok(())).collect())
                }
            })
        };
        let short = Duration::from_millis(1);
        let mut under_way = Vec::new();
        for _ in 0..UNDER_WAY {
            let mut one = Box::pin(ask(short));
            assert!(futures_util::poll!(&mut one).is_pending());
            while !gather.state().waiting.is_empty() {
                tokio::task::yield_now().await;
            }
            under_way.push(one);
        }
        let late = ask(short).await.unwrap_err();
        assert!(matches!(late, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)), "{late}");
        may_end.add_permits(UNDER_WAY);
        assert!(join_all(under_way).await.into_iter().all(|answer| answer.is_ok()));
    }

    /// While something has to begin, whoever comes takes part, and whoever has waited long enough leaves.
    #[tokio::test]
    async fn who_waits_for_a_beginning_may_leave() {
        let gather: Arc<Gather<usize, usize>> = Arc::default();
        let may_begin = Arc::new(Semaphore::new(0));
        let ask = |question: usize, patience: Duration| {
            let may_begin = Arc::clone(&may_begin);
            let begin = move || {
                let may_begin = Arc::clone(&may_begin);
                async move {
                    may_begin.acquire().await.unwrap().forget();
                    Ok(())
                }
            };
            let all = |(), questions: Vec<usize>| async move {
                let together = questions.len();
                Ok(questions.into_iter().map(|_| Ok(together)).collect())
            };
            gather.ask_once_begun(question, patience, begin, all)
        };
        let mut asked: Vec<_> = (0..UNDER_WAY + 1).map(|question| Box::pin(ask(question, LONG))).collect();
        for one in &mut asked {
            assert!(futures_util::poll!(one).is_pending());
        }
        let late = ask(9, Duration::from_millis(1)).await.unwrap_err();
        assert!(matches!(late, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)), "{late}");
        may_begin.add_permits(UNDER_WAY);
        for answer in join_all(asked).await {
            assert_eq!(answer.unwrap(), UNDER_WAY + 1);
        }
    }

    /// What cannot begin for one may begin for the next.
    #[tokio::test]
    async fn one_is_told_that_it_did_not_begin() {
        let gather: Arc<Gather<(), ()>> = Arc::new(Gather::new(1, |waiting| waiting));
        let tries = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let tries = Arc::clone(&tries);
            let begin = move || {
                let fails = tries.fetch_add(1, Ordering::Relaxed) == 0;
                async move {
                    tokio::task::yield_now().await;
                    if fails { Err(DbErr::Custom("no".to_owned())) } else { Ok(()) }
                }
            };
            let all = |(), questions: Vec<()>| async move { Ok(questions.into_iter().map(Ok).collect()) };
            gather.ask_once_begun((), LONG, begin, all)
        };
        let answers = join_all((0..5).map(|_| ask())).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    }

    /// Who asks alone is answered alone; who come while statements are under way share the next one.
    #[tokio::test]
    async fn those_who_wait_share_a_statement() {
        let gather: Arc<Gather<usize, usize>> = Arc::default();
        let (statements, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let ask = |question: usize| {
            let (statements, may_end) = (Arc::clone(&statements), Arc::clone(&may_end));
            gather.ask(question, LONG, move |questions| {
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
            gather.ask(fails, LONG, |questions| async move {
                if questions.contains(&true) {
                    return Err(DbErr::Custom("no".to_owned()));
                }
                Ok(questions.into_iter().map(|_| Ok(())).collect())
            })
        };
        assert!(join_all([ask(true), ask(true)]).await.into_iter().all(|answer| answer.is_err()));
        assert!(ask(false).await.is_ok());
    }

    /// Where the database is away, nobody waits for it once more.
    #[tokio::test]
    async fn all_who_wait_are_told_that_it_is_away() {
        let gather: Arc<Gather<(), ()>> = Arc::new(Gather::new(1, |_| 1));
        let statements = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let statements = Arc::clone(&statements);
            gather.ask((), LONG, move |_| {
                statements.fetch_add(1, Ordering::Relaxed);
                async move {
                    tokio::task::yield_now().await;
                    Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
                }
            })
        };
        assert!(join_all((0..5).map(|_| ask())).await.into_iter().all(|answer| answer.is_err()));
        assert_eq!(statements.load(Ordering::Relaxed), 1);
    }

    /// Whoever gives up takes nobody's answer with him.
    #[tokio::test]
    async fn the_first_may_leave() {
        let gather: Arc<Gather<u8, u8>> = Arc::default();
        let answer = |questions: Vec<u8>| async move {
            tokio::task::yield_now().await;
            Ok(questions.into_iter().map(Ok).collect())
        };
        let mut first = Box::pin(gather.ask(1, LONG, answer));
        assert!(futures_util::poll!(&mut first).is_pending());
        let second = gather.ask(2, LONG, answer);
        drop(first);
        assert_eq!(second.await.unwrap(), 2);
    }
}
