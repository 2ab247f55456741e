//! What the machine itself can do: the smallest durable commits, on the same database and disk.
use crate::db::Url;
use crate::error::{Error, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::{Duration, Instant};

/// Rows of the table that [`Kind::PgbenchN`] changes.
const ACCOUNTS: i64 = 10_000;

diesel::table! {
    bench_rows (id) { id -> BigInt, note -> Text, }
}
diesel::table! {
    bench_accounts (id) { id -> BigInt, balance -> BigInt, }
}

/// A way of committing that figures are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One row and nothing else, by this many connections.
    OneRow(u32),
    /// What `pgbench -N -c 8` does: change a row, read it, add a row.
    PgbenchN,
}

impl Kind {
    /// The ways that are measured beside decisions, the one that the promise names first.
    pub(super) fn of(url: &Url) -> &'static [Kind] {
        match url {
            Url::Sqlite(_) => &[Kind::OneRow(1)],
            Url::Postgres(_) => &[Kind::PgbenchN, Kind::OneRow(1), Kind::OneRow(8)],
        }
    }

    /// What the table of figures calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::OneRow(1) => "one-row commits, 1 connection",
            Kind::OneRow(_) => "one-row commits, 8 connections",
            Kind::PgbenchN => "as pgbench -N, 8 connections",
        }
    }

    fn connections(self) -> u32 {
        match self {
            Kind::OneRow(connections) => connections,
            Kind::PgbenchN => 8,
        }
    }
}

/// Makes the tables that the bare commits need.
pub(super) fn prepare(url: &Url) -> Result<()> {
    const TABLES: &str = "CREATE TABLE bench_accounts (id BIGINT PRIMARY KEY, balance BIGINT); \
        CREATE TABLE bench_rows (id ";
    match url {
        Url::Sqlite(path) => Ok(sqlite(path)?.batch_execute(&format!(
            "{TABLES} INTEGER PRIMARY KEY, note TEXT NOT NULL)"
        ))?),
        Url::Postgres(url) => Ok(postgres(url)?.batch_execute(&format!(
            "{TABLES} BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note TEXT NOT NULL); \
             INSERT INTO bench_accounts SELECT n, 0 FROM generate_series(0, {ACCOUNTS} - 1) n"
        ))?),
    }
}

/// Commits a second as `kind` does them, measured for `time`.
pub(super) fn measure(url: &Url, kind: Kind, time: Duration) -> Result<f64> {
    let start = Instant::now();
    let end = start + time;
    let commits = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..kind.connections())
            .map(|nr| scope.spawn(move || commit_until(url, kind, i64::from(nr), end)))
            .collect();
        let mut commits = 0_u64;
        for thread in threads {
            commits += thread.join().map_err(|_| Error::Interrupted)??;
        }
        Ok::<_, Error>(commits)
    })?;
    #[allow(clippy::cast_precision_loss, reason = "a count of seconds' worth")]
    Ok(commits as f64 / start.elapsed().as_secs_f64())
}

fn commit_until(url: &Url, kind: Kind, nr: i64, end: Instant) -> Result<u64> {
    let mut commits = 0;
    match url {
        Url::Sqlite(path) => {
            let mut conn = sqlite(path)?;
            while Instant::now() < end {
                sqlite_row(&mut conn)?;
                commits += 1;
            }
        }
        Url::Postgres(url) => {
            let mut conn = postgres(url)?;
            let mut account = nr;
            while Instant::now() < end {
                // A step that meets every account and no neighbour's.
                account = (account + 7_919) % ACCOUNTS;
                match kind {
                    Kind::OneRow(_) => postgres_row(&mut conn)?,
                    Kind::PgbenchN => pgbench_n(&mut conn, account)?,
                }
                commits += 1;
            }
        }
    }
    Ok(commits)
}

/// The row is of the size of a short note.
const NOTE: &str = "one row, committed and flushed to the disk";

fn sqlite(path: &str) -> Result<SqliteConnection> {
    let mut conn = SqliteConnection::establish(path).map_err(unreachable)?;
    conn.batch_execute(
        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
    )?;
    Ok(conn)
}

fn postgres(url: &str) -> Result<PgConnection> {
    PgConnection::establish(url).map_err(unreachable)
}

fn unreachable(error: diesel::ConnectionError) -> Error {
    Error::Unavailable(format!("cannot open the database: {error}"))
}

fn sqlite_row(conn: &mut SqliteConnection) -> Result<()> {
    conn.batch_execute("BEGIN IMMEDIATE")?;
    diesel::insert_into(bench_rows::table)
        .values(bench_rows::note.eq(NOTE))
        .execute(conn)?;
    conn.batch_execute("COMMIT")?;
    Ok(())
}

fn postgres_row(conn: &mut PgConnection) -> Result<()> {
    diesel::insert_into(bench_rows::table)
        .values(bench_rows::note.eq(NOTE))
        .execute(conn)?;
    Ok(())
}

fn pgbench_n(conn: &mut PgConnection, account: i64) -> Result<()> {
    conn.batch_execute("BEGIN")?;
    diesel::update(bench_accounts::table.find(account))
        .set(bench_accounts::balance.eq(bench_accounts::balance + 1))
        .execute(conn)?;
    bench_accounts::table
        .find(account)
        .select(bench_accounts::balance)
        .get_result::<i64>(conn)?;
    postgres_row(conn)?;
    conn.batch_execute("END")?;
    Ok(())
}
