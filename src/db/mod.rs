//! The database: one connection type for both backends, and the only ways in.
//!
//! What reads takes `&mut Conn` and goes through [`Db::read`]. What changes takes `&mut Tx`,
//! which only [`Db::write`] and [`Db::upkeep`] can make. A write is refused when it left no
//! ledger entry, so a change without its entry cannot be committed by forgetting it.
//!
//! A row that a key names is read by `get_result`. `first` binds the number after LIMIT, and SQLite
//! compiles a statement anew whenever that number is bound again.
//!
//! All writes of a process pass through one writer thread (see `writer`): writes that wait at
//! the same moment share one transaction, each inside its own savepoint, and are answered only
//! after the commit.
pub mod check;
mod kept;
mod open;
pub mod schema;
mod types;
mod writer;

pub use kept::Kept;
pub use open::{Backend, Url};
pub use types::{
    AbsenceId, AnswerId, ArrangementId, AssessmentId, At, ConditionId, Day, DraftId, ErasureId,
    EscalationId, FileId, HoldId, MessageId, PersonId, RecordId, RefusalId, ResultId, ReviewId,
    RuleId, SampleId, TaskId, TimerId, TokenId, VendorChangeId, WaiverId,
};

use crate::error::{Error, Result};
use crate::ledger::Tip;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::Pool;
use std::sync::Arc;

pub use conn::{Conn, MultiBackend};

mod conn {
    #![allow(missing_docs, reason = "the derive writes items that carry no docs")]
    use diesel::{PgConnection, SqliteConnection};

    /// A connection to whichever database the URL named.
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        /// PostgreSQL, for several nodes.
        Postgres(PgConnection),
        /// SQLite, the embedded default.
        Sqlite(SqliteConnection),
    }
}

/// Runs the same Diesel statement on whichever backend is open. Needed where `MultiBackend` lacks a
/// clause both backends have, which is `ON CONFLICT`; of use for what runs with every decision,
/// since `MultiBackend` writes the text of a statement anew each time.
#[macro_export]
macro_rules! on_backend {
    ($conn:expr, $c:ident => $query:expr) => {
        match $conn {
            $crate::db::Conn::Postgres($c) => $query,
            $crate::db::Conn::Sqlite($c) => $query,
        }
    };
}

/// The SQL condition that some revision of the record in `$column` names one of `$units`, for a
/// query on `$conn`. A record that was moved to another unit stays with the first one too, so that
/// nobody takes it out of an auditor's sight by that. The indexes `revisions_unit` are made for it.
#[macro_export]
macro_rules! of_units {
    ($conn:expr, $column:literal, $units:expr) => {{
        use diesel::sql_types::{Bool, Text};
        let (begins, ends) = match $conn {
            $crate::db::Conn::Postgres(_) => (
                concat!(
                    $column,
                    " IN (SELECT record_id FROM revisions \
                     WHERE btrim(CAST(document AS json) ->> 'unit') IN \
                     (SELECT json_array_elements_text(CAST("
                ),
                " AS json))))",
            ),
            $crate::db::Conn::Sqlite(_) => (
                concat!(
                    $column,
                    " IN (SELECT record_id FROM revisions \
                     WHERE trim(json_extract(document, '$.unit')) IN \
                     (SELECT value FROM json_each(CAST("
                ),
                " AS TEXT))))",
            ),
        };
        let listed = serde_json::Value::from($units.to_vec()).to_string();
        diesel::dsl::sql::<Bool>(begins)
            .bind::<Text, _>(listed)
            .sql(ends)
    }};
}

diesel::define_sql_function! {
    /// Unicode lower case on both databases.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// The pattern of `LIKE … ESCAPE '!'` for what contains this text as it stands.
pub fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for sign in text.chars() {
        if matches!(sign, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(sign);
    }
    pattern.push('%');
    pattern
}

/// The database of one process: a pool for reading and one writer.
#[derive(Clone)]
pub struct Db {
    pool: Pool<open::Manager>,
    writer: Arc<writer::Writer>,
    backend: Backend,
}

impl Db {
    /// Opens the database, brings its schema up to this binary's and starts the writer.
    /// `readers` is the size of the read pool.
    ///
    /// # Errors
    /// When the database cannot be reached, or its schema is newer than this binary.
    pub fn open(url: &str, readers: u32) -> Result<Db> {
        let url = Url::parse(url)?;
        let manager = open::Manager::new(url.clone());
        open::migrate(&url)?;
        let pool = Pool::builder()
            .max_size(readers)
            // None is opened ahead: a command that ends while one is being opened takes OpenSSL
            // down with it.
            .min_idle(Some(0))
            .connection_timeout(std::time::Duration::from_secs(10))
            .build(manager.clone())
            .map_err(|e| Error::Unavailable(format!("cannot open the database: {e}")))?;
        let writer = Arc::new(writer::Writer::start(manager)?);
        Ok(Db {
            pool,
            writer,
            backend: url.backend(),
        })
    }

    /// Brings the schema of a database up to this binary's without serving it; how many migrations
    /// ran. On PostgreSQL this is for the role that owns the tables.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn migrate(url: &str) -> Result<usize> {
        open::migrate(&Url::parse(url)?)
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Runs `work` over one unchanging view of the data.
    ///
    /// # Errors
    /// What `work` returns, or that the database is out of reach.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let db = self.clone();
        tokio::task::spawn_blocking(move || db.read_now(work))
            .await
            .map_err(|_| Error::Interrupted)?
    }

    /// As [`Db::read`], for a thread that may block (command line, workers, exports).
    ///
    /// # Errors
    /// What `work` returns, or that the database is out of reach.
    pub fn read_now<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.pool.get()?;
        begin_read(&mut conn)?;
        let done = work(&mut conn);
        <Conn as Connection>::TransactionManager::rollback_transaction(&mut *conn)?;
        done
    }

    /// Runs `work` as the only writer and keeps what it did only if it returns `Ok` and wrote
    /// to the ledger. The answer comes after the commit.
    ///
    /// # Errors
    /// What `work` returns; [`Error::Unaudited`] when it wrote no ledger entry;
    /// [`Error::Interrupted`] when it panicked.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.writer.submit(audited(work));
        answer.await.map_err(|_| Error::Interrupted)?
    }

    /// As [`Db::write`], for a thread that may block.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_now<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.writer.submit(audited(work));
        answer.blocking_recv().map_err(|_| Error::Interrupted)?
    }

    /// A write that is nobody's deed and so leaves no entry: leases, sessions, delivery attempts.
    ///
    /// # Errors
    /// What `work` returns, or [`Error::Interrupted`] when it panicked.
    pub async fn upkeep<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.writer.submit(work);
        answer.await.map_err(|_| Error::Interrupted)?
    }

    /// As [`Db::upkeep`], for a thread that may block.
    ///
    /// # Errors
    /// As [`Db::upkeep`].
    pub fn upkeep_now<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.writer.submit(work);
        answer.blocking_recv().map_err(|_| Error::Interrupted)?
    }
}

fn audited<T>(
    work: impl FnOnce(&mut Tx) -> Result<T> + Send,
) -> impl FnOnce(&mut Tx) -> Result<T> + Send {
    move |tx| {
        let done = work(tx)?;
        if tx.entries == 0 && !tx.unchanged {
            Err(Error::Unaudited)
        } else {
            Ok(done)
        }
    }
}

fn begin_read(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(c) => {
            c.batch_execute("PRAGMA query_only = ON")?;
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN DEFERRED")?;
        }
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction_sql(
            c,
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )?,
    }
    Ok(())
}

/// A connection inside a write. Whatever changes data asks for this, so it cannot be called
/// outside of one.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    entries: u64,
    unchanged: bool,
    tip: Option<Tip>,
}

impl Tx<'_> {
    /// Says that a ledger entry was written and where the ledger ends now; only the ledger's own
    /// append calls it.
    pub(crate) fn entry_written(&mut self, tip: Tip) {
        self.entries += 1;
        self.tip = Some(tip);
    }

    /// Where the ledger ends, when an append of this transaction left it; for the next append.
    pub(crate) fn take_tip(&mut self) -> Option<Tip> {
        self.tip.take()
    }

    /// Keeps what was read of the ledger's end for the next append.
    pub(crate) fn keep_tip(&mut self, tip: Tip) {
        self.tip = Some(tip);
    }

    /// Whether an entry was written in this write so far.
    pub fn has_entries(&self) -> bool {
        self.entries > 0
    }

    /// Says that the command found nothing to change. If no entry was written by its end, the door
    /// rolls back whatever the work did and still answers with its value.
    pub fn leave_unchanged(&mut self) {
        self.unchanged = true;
    }
}

/// Whatever only reads asks for a `Conn`, and takes a `Tx` as well.
impl std::ops::Deref for Tx<'_> {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        self.conn
    }
}
impl std::ops::DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn
    }
}
