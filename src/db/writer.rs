//! The one writer: group commit with a savepoint for each write.
//!
//! A durable commit costs a flush of the disk; a write itself costs little. So the writes that
//! wait while the disk is busy share the next commit. Each runs in its own savepoint: a refusal
//! or a panic in one leaves the others. Nobody is answered before the commit is through.
use crate::db::open::Manager;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::ManageConnection;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Most writes that share one commit; more would make the first wait for the last.
const GROUP_MAX: usize = 128;

/// How long PostgreSQL lets a node wait for its turn.
const TURN: &str = "SELECT pg_advisory_xact_lock(hashtext(current_schema()))";

/// A write that waits for its turn.
trait Work: Send {
    /// Runs inside its own savepoint and remembers its outcome.
    fn run(&mut self, conn: &mut Conn);
    /// Tells the caller, once it is known whether the commit went through.
    fn answer(self: Box<Self>, committed: std::result::Result<(), String>);
}

struct Task<T, F> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Work for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Tx) -> Result<T> + Send,
{
    fn run(&mut self, conn: &mut Conn) {
        let Some(work) = self.work.take() else { return };
        let mut unchanged = None;
        let kept = conn.transaction(|conn| {
            let mut tx = Tx {
                conn,
                entries: 0,
                unchanged: false,
            };
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| work(&mut tx)))
                .unwrap_or(Err(Error::Interrupted))?;
            if tx.unchanged && tx.entries == 0 {
                // Rolled back, so that "unchanged" cannot hide a change.
                unchanged = Some(done);
                return Err(Error::Interrupted);
            }
            Ok(done)
        });
        self.outcome = Some(unchanged.map_or(kept, Ok));
    }

    fn answer(self: Box<Self>, committed: std::result::Result<(), String>) {
        let answer = match (self.outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(reason)) => Err(Error::Unavailable(reason)),
            (outcome, Ok(())) => outcome.unwrap_or(Err(Error::Interrupted)),
        };
        // The caller may have gone away; what was committed stays committed.
        let _ = self.reply.send(answer);
    }
}

/// The handle by which writes are handed to the writer thread, which ends with the last handle.
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Work>>,
}

impl Writer {
    /// Connects and starts the thread.
    pub(super) fn start(manager: Manager) -> Result<Writer> {
        let conn = manager
            .connect()
            .map_err(|e| Error::Unavailable(format!("cannot open the database: {e}")))?;
        let (queue, waiting) = mpsc::channel::<Box<dyn Work>>();
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || serve(&manager, conn, &waiting))
            .map_err(|e| Error::Unavailable(format!("cannot start the writer: {e}")))?;
        Ok(Writer { queue })
    }

    /// Queues `work`; the receiver gets its outcome after the commit.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T> + Send + 'static,
    ) -> oneshot::Receiver<Result<T>> {
        let (reply, answer) = oneshot::channel();
        // A dead writer drops the task, and with it `reply`: the caller sees an interruption.
        let _ = self.queue.send(Box::new(Task {
            work: Some(work),
            outcome: None,
            reply,
        }));
        answer
    }
}

fn serve(manager: &Manager, conn: Conn, waiting: &mpsc::Receiver<Box<dyn Work>>) {
    let mut conn = Some(conn);
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(GROUP_MAX - 1));
        let committed = match ready(manager, &mut conn) {
            Ok(open) => commit_together(open, &mut group),
            Err(e) => Err(e.to_string()),
        };
        if let Err(reason) = &committed {
            tracing::error!(reason, "a group of writes was not committed");
            conn = None;
        }
        for task in group {
            task.answer(committed.clone());
        }
    }
}

/// The open connection, made anew when the last one broke.
fn ready<'a>(manager: &Manager, conn: &'a mut Option<Conn>) -> Result<&'a mut Conn> {
    let open = match conn.take() {
        Some(open) => open,
        None => manager
            .connect()
            .map_err(|e| Error::Unavailable(e.to_string()))?,
    };
    Ok(conn.insert(open))
}

fn commit_together(
    conn: &mut Conn,
    group: &mut [Box<dyn Work>],
) -> std::result::Result<(), String> {
    begin(conn).map_err(|e| format!("the database is busy or out of reach: {e}"))?;
    for task in group.iter_mut() {
        task.run(conn);
    }
    type Manager = <Conn as Connection>::TransactionManager;
    Manager::commit_transaction(conn).map_err(|e| {
        let _ = Manager::rollback_transaction(conn);
        format!("the database did not keep the change: {e}")
    })
}

fn begin(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        Conn::Postgres(c) => {
            AnsiTransactionManager::begin_transaction_sql(
                c,
                "BEGIN ISOLATION LEVEL READ COMMITTED",
            )?;
            // Nodes take turns, as SQLite's writers do: then nothing changes under a decision,
            // sequence numbers have no gaps and no transaction is ever tried again.
            c.batch_execute(TURN)
        }
    }
}
