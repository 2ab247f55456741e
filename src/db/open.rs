//! Opening: which database a URL names, how a connection is prepared, and migrations.
use crate::db::{Conn, MultiBackend};
use crate::error::{Error, Result};
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::r2d2::ManageConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const COMMON: EmbeddedMigrations = embed_migrations!("migrations/common");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Two nodes that start together take turns at the migrations by this PostgreSQL lock.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_lock(hashtext('countersign migrations'))";

/// The two databases that one binary serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The embedded default.
    Sqlite,
    /// The choice for several nodes.
    Postgres,
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Backend::Sqlite => "SQLite",
            Backend::Postgres => "PostgreSQL",
        })
    }
}

/// A database URL whose kind is known: `postgres://…`, or `sqlite:PATH`.
#[derive(Debug, Clone)]
pub enum Url {
    /// The whole URL, as libpq takes it.
    Postgres(String),
    /// The path of the file.
    Sqlite(String),
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it names neither database; the sentence says what would be right.
    pub fn parse(text: &str) -> Result<Url> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Url::Postgres(text.to_owned()));
        }
        let path = text
            .strip_prefix("sqlite://")
            .or_else(|| text.strip_prefix("sqlite:"));
        match path {
            Some(path) if !path.is_empty() => Ok(Url::Sqlite(path.to_owned())),
            _ => Err(Error::Configuration(
                "COUNTERSIGN_DATABASE_URL must begin with postgres:// or be sqlite:PATH, such as \
                 sqlite:data/countersign.sqlite"
                    .to_owned(),
            )),
        }
    }

    /// Which database this names.
    pub fn backend(&self) -> Backend {
        match self {
            Url::Postgres(_) => Backend::Postgres,
            Url::Sqlite(_) => Backend::Sqlite,
        }
    }
}

/// Makes connections for the pool and the writer, each prepared alike.
#[derive(Debug, Clone)]
pub(super) struct Manager(Url);

impl Manager {
    pub(super) fn new(url: Url) -> Manager {
        Manager(url)
    }

    /// A connection as the database gives it.
    pub(super) fn plain(&self) -> ConnectionResult<Conn> {
        match &self.0 {
            Url::Postgres(url) => PgConnection::establish(url).map(Conn::Postgres),
            Url::Sqlite(path) => SqliteConnection::establish(path).map(Conn::Sqlite),
        }
    }
}

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> std::result::Result<Conn, Self::Error> {
        let mut conn = self.plain().map_err(diesel::r2d2::Error::ConnectionError)?;
        prepare(&mut conn).map_err(diesel::r2d2::Error::QueryError)?;
        Ok(conn)
    }

    fn is_valid(&self, conn: &mut Conn) -> std::result::Result<(), Self::Error> {
        conn.batch_execute("SELECT 1")
            .map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        std::thread::panicking() || diesel::r2d2::R2D2Connection::is_broken(conn)
    }
}

pub(super) fn prepare(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Postgres(c) => c.batch_execute("SET TIME ZONE 'UTC'; SET lock_timeout = '10s'"),
        // The busy timeout stands first: switching to WAL itself takes a lock. What a savepoint
        // keeps to be undone stays in memory instead of a temporary file, and a page that many
        // writes touch reaches the database once in 16 MB of log.
        Conn::Sqlite(c) => {
            c.batch_execute(
                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
                 PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;",
            )?;
            // SQLite's own lower() knows ASCII only; PostgreSQL's knows Unicode.
            crate::db::lower_utils::register_impl(c, |text: String| text.to_lowercase())
        }
    }
}

/// What both backends share and what one alone needs, applied as one history.
struct History([EmbeddedMigrations; 2]);

impl MigrationSource<MultiBackend> for History {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<MultiBackend>>>> {
        let mut all = Vec::new();
        for source in &self.0 {
            all.extend(source.migrations()?);
        }
        Ok(all)
    }
}

fn history(conn: &Conn) -> History {
    let own = match conn {
        Conn::Sqlite(_) => SQLITE,
        Conn::Postgres(_) => POSTGRES,
    };
    History([COMMON, own])
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("migrations: {e}"))
}

/// The versions of this program's migrations, in order.
pub(super) fn known(conn: &Conn) -> Result<Vec<String>> {
    let all = history(conn).migrations().map_err(failed)?;
    let mut known: Vec<String> = all.iter().map(|m| m.name().version().to_string()).collect();
    known.sort();
    Ok(known)
}

/// The versions that the database has. It is asked, not prepared: a role that may make no tables
/// can ask as well.
pub(super) fn applied(conn: &mut Conn) -> Result<Vec<String>> {
    #[derive(diesel::QueryableByName)]
    struct Version {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let there = match conn {
        Conn::Sqlite(_) => {
            "SELECT name AS version FROM sqlite_master WHERE name = '__diesel_schema_migrations'"
        }
        Conn::Postgres(_) => {
            "SELECT tablename::text AS version FROM pg_tables \
             WHERE schemaname = current_schema() AND tablename = '__diesel_schema_migrations'"
        }
    };
    if diesel::sql_query(there).load::<Version>(conn)?.is_empty() {
        return Ok(Vec::new());
    }
    let all = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
    let rows: Vec<Version> = diesel::sql_query(all).load(conn)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Brings the schema up to this binary's, under a lock, or refuses a newer one. How many
/// migrations ran.
pub(super) fn migrate(url: &Url) -> Result<usize> {
    if let Url::Sqlite(path) = url {
        create_parent(path)?;
    }
    let unavailable = |e: &dyn std::fmt::Display| {
        Error::Unavailable(format!("cannot open the {} database: {e}", url.backend()))
    };
    let mut conn = Manager::new(url.clone())
        .connect()
        .map_err(|e| unavailable(&e))?;
    if let Conn::Postgres(c) = &mut conn {
        c.batch_execute("SET lock_timeout = '60s'")?;
        c.batch_execute(MIGRATION_LOCK)?;
    }
    let (known, applied) = (known(&conn)?, applied(&mut conn)?);
    refuse_newer(&known, &applied)?;
    let missing = known.iter().filter(|version| !applied.contains(version));
    let missing = missing.count();
    if missing > 0 {
        let history = history(&conn);
        conn.run_pending_migrations(history)
            .map_err(|e| not_migrated(missing, &*e))?;
    }
    Ok(missing)
}

fn not_migrated(missing: usize, error: &dyn std::fmt::Display) -> Error {
    let error = error.to_string();
    let hint = if error.contains("permission denied") || error.contains("must be owner") {
        ". Run `countersign migrate` as the role that owns the tables, see docs/operating.md"
    } else {
        ""
    };
    Error::Unavailable(format!(
        "{missing} migrations are missing and one failed: {error}{hint}"
    ))
}

fn create_parent(path: &str) -> Result<()> {
    let parent = std::path::Path::new(path)
        .parent()
        .filter(|p| !p.as_os_str().is_empty());
    match parent {
        Some(parent) => std::fs::create_dir_all(parent).map_err(|e| {
            Error::Configuration(format!(
                "cannot create the folder {}: {e}",
                parent.display()
            ))
        }),
        None => Ok(()),
    }
}

fn refuse_newer(known: &[String], applied: &[String]) -> Result<()> {
    let newer = applied.iter().filter(|version| !known.contains(version));
    let newest = known.iter().max().cloned().unwrap_or_default();
    match newer.max() {
        Some(version) => Err(Error::Configuration(format!(
            "the database has schema {version}, this program knows up to {newest}: use the \
             program that wrote it, or a newer one"
        ))),
        None => Ok(()),
    }
}

/// A SQLite database in memory with this program's schema and nothing in it.
pub(super) fn in_memory() -> Result<Conn> {
    let conn = SqliteConnection::establish(":memory:").map_err(failed)?;
    let mut conn = Conn::Sqlite(conn);
    let history = history(&conn);
    conn.run_pending_migrations(history).map_err(failed)?;
    Ok(conn)
}
