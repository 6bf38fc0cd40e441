//! Connections that are used as they are. To ask each one before and after its use whether it lives, as pools do, makes
//! three ways to the database of one. Here asks who has waited long for an answer, and who takes a connection that has
//! rested.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnAcquireErr, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, sqlx};
use tokio::{
    runtime::Handle,
    select,
    sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use super::wire::{Answer, Options, Wire};
use crate::{
    error::Result,
    watch::{Connections, Statements},
};

/// Who has waited so long for the answer to a statement asks whether the database is still there.
const LATE: Duration = Duration::from_secs(1);
/// It is not, where it cannot be reached within this time.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// PostgreSQL ends a statement earlier than this by itself.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);
/// A connection that has not been used for so long is asked before it is.
const RESTED: Duration = Duration::from_secs(30);
/// One that nobody has needed for so long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);
/// So is one that is so old: what the server keeps for it is freed.
const LIFETIME: Duration = Duration::from_mins(30);
/// Between two attempts to reach a database that is about to start.
const PAUSE: Duration = Duration::from_millis(50);

/// The connections of one thread, or of all where the database is an SQLite file.
pub(super) struct Pool {
    options: Options,
    max: u32,
    /// How long one waits for a connection.
    patience: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// When the database was last asked whether it is there, and whether it was.
    asked: tokio::sync::Mutex<Option<(Instant, bool)>>,
    watched: Arc<Watched>,
}

/// What is told of the statements of all pools of a database.
pub(super) struct Watched {
    pub count: AtomicU64,
    pub times: Statements,
}

impl Watched {
    pub fn note(&self, took: Duration, has_failed: bool) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.times.note(took, has_failed);
    }
}

struct Idle {
    wire: Wire,
    opened: Instant,
    since: Instant,
}

/// A connection in use. Dropping it gives it back, whatever it was used for undone.
pub(super) struct Lease {
    wire: Option<Wire>,
    opened: Instant,
    /// It was used before: the other side may have closed it meanwhile.
    is_used: bool,
    /// A statement has been sent whose answer nobody has taken.
    is_busy: bool,
    /// A transaction has begun and not ended.
    is_in_transaction: bool,
    /// Its statements may take as long as they need.
    is_unhurried: bool,
    /// It was given up because no answer came.
    is_late: bool,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
    /// Given to the next writer of an SQLite file once this one has left it.
    turn: Option<OwnedMutexGuard<()>>,
}

/// Waits for something so long and no longer.
pub(super) async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> std::result::Result<T, DbErr> {
    timeout(patience, work).await.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
}

pub(super) fn query_failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

fn exec_failed(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

fn late() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database does not answer"))
}

/// Whether a failure is one of the connection, and not of what was asked for.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

impl Pool {
    pub fn new(options: Options, max: u32, patience: Duration, watched: Arc<Watched>) -> Arc<Self> {
        Arc::new(Self {
            options,
            max,
            patience,
            permits: Arc::new(Semaphore::new(max.try_into().unwrap_or(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
            asked: tokio::sync::Mutex::default(),
            watched,
        })
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub fn backend(&self) -> DbBackend {
        match self.options {
            Options::Postgres(_) => DbBackend::Postgres,
            Options::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    pub fn connections(&self) -> Connections {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let idle = count(self.idle().len());
        let in_use = self.max.saturating_sub(count(self.permits.available_permits()));
        Connections { max: self.max, open: idle + in_use, idle }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, once one is free.
    pub async fn lease(self: &Arc<Self>) -> std::result::Result<Lease, DbErr> {
        within(self.patience, self.wait()).await?
    }

    async fn wait(self: &Arc<Self>) -> std::result::Result<Lease, DbErr> {
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(closed)?;
        let lease = |wire, opened, is_used| Lease {
            wire: Some(wire),
            opened,
            is_used,
            is_busy: false,
            is_in_transaction: false,
            is_unhurried: false,
            is_late: false,
            pool: Arc::clone(self),
            permit: Some(permit),
            turn: None,
        };
        loop {
            let Some(Idle { mut wire, opened, since }) = self.idle().pop() else { break };
            if opened.elapsed() < LIFETIME && (since.elapsed() < RESTED || wire.answers(PROBE_TIMEOUT).await) {
                return Ok(lease(wire, opened, true));
            }
        }
        let wire = self.connect().await.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))?;
        Ok(lease(wire, Instant::now(), false))
    }

    /// Opens a connection. A database that is about to start is asked again.
    async fn connect(&self) -> Answer<Wire> {
        loop {
            match Wire::open(&self.options).await {
                Ok(wire) => return Ok(wire),
                Err(sqlx::Error::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(sqlx::Error::Database(error)) if error.is_transient_in_connect_phase() => {}
                Err(error) => return Err(error),
            }
            sleep(PAUSE).await;
        }
    }

    /// Takes a connection back.
    fn keep(&self, wire: Wire, opened: Instant) {
        if self.permits.is_closed() || opened.elapsed() >= LIFETIME {
            return;
        }
        let mut idle = self.idle();
        idle.push(Idle { wire, opened, since: Instant::now() });
        // the last one given back is the next one used, so the first is the one that nobody needs
        if idle.first().is_some_and(|idle| idle.since.elapsed() >= IDLE_TIMEOUT) {
            idle.remove(0);
        }
    }

    /// All rows of a query.
    pub async fn all(self: &Arc<Self>, statement: &Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        loop {
            let mut lease = self.lease().await?;
            let rows = lease.all(statement).await;
            if !lease.was_cut() {
                return rows;
            }
        }
    }

    /// A connection on which a transaction has begun.
    pub async fn begin(self: &Arc<Self>, sql: &str) -> std::result::Result<Lease, DbErr> {
        loop {
            let mut lease = self.lease().await?;
            let begun = lease.begin(sql).await;
            if !lease.was_cut() {
                return begun.map(|()| lease);
            }
        }
    }

    /// Whether the database can be reached. Of many who ask at once, one does.
    async fn is_there(&self) -> bool {
        let mut asked = self.asked.lock().await;
        if let Some((at, was_there)) = *asked
            && at.elapsed() < LATE
        {
            return was_there;
        }
        let is_there = match timeout(PROBE_TIMEOUT, Wire::open(&self.options)).await {
            Ok(Ok(wire)) => timeout(PROBE_TIMEOUT, wire.close()).await.is_ok(),
            // it says that it has enough to do
            Ok(Err(sqlx::Error::Database(_))) => true,
            Ok(Err(_)) | Err(_) => false,
        };
        *asked = Some((Instant::now(), is_there));
        is_there
    }

    /// Waits for an answer as long as there may be one.
    async fn in_time<T>(&self, is_unhurried: bool, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
        // nothing can come between the program and a file
        if let Options::Sqlite(_) = self.options {
            return answer.await;
        }
        let begun = Instant::now();
        let mut answer = pin!(answer);
        while is_unhurried || begun.elapsed() < ANSWER_TIMEOUT {
            if let Ok(answer) = timeout(LATE, &mut answer).await {
                return answer;
            }
            select! {
                biased;
                answer = &mut answer => return answer,
                is_there = self.is_there() => if !is_there { return Err(late()) },
            }
        }
        Err(late())
    }

    /// Closes all connections, once they are free.
    pub async fn close(&self) -> std::result::Result<(), DbErr> {
        drop(timeout(self.patience, self.permits.acquire_many(self.max)).await);
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for Idle { wire, .. } in idle {
            wire.close().await.map_err(exec_failed)?;
        }
        Ok(())
    }
}

impl Lease {
    /// Whether it was closed while nobody used it. That is not told to the caller: another one is used instead. Those that
    /// rest have been cut, too.
    fn was_cut(&self) -> bool {
        let was_cut = self.is_used && self.wire.is_none() && !self.is_late;
        if was_cut {
            self.pool.idle().clear();
        }
        was_cut
    }

    /// Sends something and waits for the answer. A connection that fails is not used again.
    async fn send<T>(&mut self, send: impl AsyncFnOnce(&mut Wire) -> Answer<T>) -> Answer<T> {
        let wire = self.wire.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        self.is_busy = true;
        let answer = self.pool.in_time(self.is_unhurried, send(wire)).await;
        self.is_busy = false;
        if let Err(error) = &answer
            && is_lost(error)
        {
            self.is_late = matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut);
            self.wire = None;
        }
        answer
    }

    /// The same for a statement, which is counted and timed.
    async fn ask<T>(&mut self, ask: impl AsyncFnOnce(&mut Wire) -> Answer<T>) -> Answer<T> {
        let begun = Instant::now();
        let answer = self.send(ask).await;
        self.pool.watched.note(begun.elapsed(), answer.is_err());
        answer
    }

    pub async fn all(&mut self, statement: &Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        self.ask(async |wire| wire.all(statement).await).await.map_err(query_failed)
    }

    pub async fn execute(&mut self, statement: &Statement) -> std::result::Result<ExecResult, DbErr> {
        self.ask(async |wire| wire.execute(statement).await).await.map_err(exec_failed)
    }

    /// Statements without parameters, which are not prepared.
    pub async fn run(&mut self, sql: &str) -> std::result::Result<ExecResult, DbErr> {
        self.ask(async |wire| wire.run(sql).await).await.map_err(exec_failed)
    }

    /// The rows of a query one after the other, however many there are.
    pub async fn each(&mut self, statement: &Statement, take: impl FnMut(QueryResult) -> Result<()>) -> Result<()> {
        let wire = self.wire.as_mut().ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        self.is_busy = true;
        wire.each(statement, take).await?;
        self.is_busy = false;
        Ok(())
    }

    async fn begin(&mut self, sql: &str) -> std::result::Result<(), DbErr> {
        // should nobody wait for the answer, there may be something to undo all the same
        self.is_in_transaction = true;
        let begun = self.send(async |wire| wire.run(sql).await).await;
        self.is_in_transaction = begun.is_ok();
        begun.map(drop).map_err(exec_failed)
    }

    /// Makes permanent what was written since it began.
    pub async fn commit(mut self) -> std::result::Result<(), DbErr> {
        self.send(async |wire| wire.run("COMMIT").await).await.map_err(exec_failed)?;
        self.is_in_transaction = false;
        Ok(())
    }

    /// From now on statements take as long as they need.
    pub async fn take_time(&mut self) -> std::result::Result<(), DbErr> {
        self.is_unhurried = true;
        if self.pool.backend() == DbBackend::Postgres {
            self.run("SET LOCAL statement_timeout = 0").await?;
        }
        Ok(())
    }

    /// Holds the turn of writers until the connection is free again.
    pub fn hold(&mut self, turn: Option<OwnedMutexGuard<()>>) {
        self.turn = turn;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut wire) = self.wire.take() else { return };
        if !self.is_busy && !self.is_in_transaction {
            return self.pool.keep(wire, self.opened);
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let (pool, opened, is_in_transaction) = (Arc::clone(&self.pool), self.opened, self.is_in_transaction);
        let (permit, turn) = (self.permit.take(), self.turn.take());
        runtime.spawn(async move {
            let undone = timeout(ANSWER_TIMEOUT, async {
                if !is_in_transaction {
                    return wire.answers(ANSWER_TIMEOUT).await;
                }
                // the database may have undone it by itself
                wire.run("ROLLBACK").await.map_or_else(|error| !is_lost(&error), |_| true)
            });
            if undone.await.unwrap_or(false) {
                pool.keep(wire, opened);
            }
            drop((permit, turn));
        });
    }
}
