//! How the database is set up: version, migrations, pragmas, clock, disk.
use super::{line, lines};
use crate::db::open;
use crate::db::{At, Conn, Url};
use crate::error::Result;
use crate::finding::Finding;
use std::path::Path;

/// Below this much free disk a day of work may fill it, in bytes.
const DISK_MIN: u64 = 256 << 20;
/// Clocks further apart than this are told, in seconds.
const APART_MAX: i64 = 60;

/// Which database answers, and in which version.
///
/// # Errors
/// When it does not answer.
pub fn version(conn: &mut Conn) -> Result<Finding> {
    let says = match conn {
        Conn::Sqlite(_) => line(conn, "SELECT 'SQLite ' || sqlite_version() AS line")?,
        Conn::Postgres(_) => line(
            conn,
            "SELECT 'PostgreSQL ' || current_setting('server_version') || ', as ' || current_user \
             || ', schema ' || coalesce(current_schema(), 'none') AS line",
        )?,
    };
    Ok(Finding::good("database", says))
}

/// Whether the schema is that of this program.
///
/// # Errors
/// When the database fails.
pub fn migrations(conn: &mut Conn) -> Result<Finding> {
    let known = open::known(conn)?;
    let applied = open::applied(conn)?;
    let all = known.len();
    let mut found = Vec::new();
    let missing = known.iter().filter(|version| !applied.contains(version));
    found.extend(missing.map(|version| format!("{version} is missing")));
    let newer = applied.iter().filter(|version| !known.contains(version));
    found.extend(newer.map(|version| format!("{version} is newer than this program")));
    Ok(Finding::of(
        "migrations",
        found,
        format!("all {all} are applied"),
        "the schema is not this program's; `countersign migrate` applies what is missing",
    ))
}

/// Whether SQLite keeps what it answered for; nothing for PostgreSQL.
///
/// # Errors
/// When the database fails.
pub fn pragmas(conn: &mut Conn) -> Result<Option<Finding>> {
    let Conn::Sqlite(_) = conn else {
        return Ok(None);
    };
    let journal = line(conn, "SELECT journal_mode AS line FROM pragma_journal_mode")?;
    let found: Vec<String> = (journal != "wal")
        .then(|| format!("journal_mode is {journal}, not wal: does the file system know WAL?"))
        .into_iter()
        .collect();
    // These two belong to a connection: what the server's own connections get is looked at.
    open::prepare(conn)?;
    let mut found = found;
    for (name, wanted) in [("synchronous", "2"), ("foreign_keys", "1")] {
        let sql = format!("SELECT CAST({name} AS TEXT) AS line FROM pragma_{name}");
        let is = line(conn, &sql)?;
        if is != wanted {
            found.push(format!("{name} is {is}, not {wanted}"));
        }
    }
    Ok(Some(Finding::of(
        "pragmas",
        found,
        "journal in WAL, synchronous FULL, foreign keys on",
        "SQLite may lose what was answered for",
    )))
}

/// Whether every page and reference of the file holds; nothing for PostgreSQL, whose operators
/// have `pg_amcheck`.
///
/// # Errors
/// When the database fails.
pub fn pages(conn: &mut Conn) -> Result<Option<Finding>> {
    let Conn::Sqlite(_) = conn else {
        return Ok(None);
    };
    let told = lines(
        conn,
        "SELECT integrity_check AS line FROM pragma_integrity_check LIMIT 20",
    )?;
    let mut found: Vec<String> = told.into_iter().filter(|line| line != "ok").collect();
    found.extend(lines(
        conn,
        "SELECT DISTINCT 'a row of ' || \"table\" || ' names one of ' || parent || \
         ' that is not there' AS line FROM pragma_foreign_key_check LIMIT 20",
    )?);
    Ok(Some(Finding::of(
        "pages",
        found,
        "the file is sound",
        "the file is damaged; restore a backup",
    )))
}

/// Whether this machine's clock can be right: not behind the newest entry, near the database's.
///
/// # Errors
/// When the database fails.
pub fn clock(conn: &mut Conn, now: At, newest: Option<At>) -> Result<Finding> {
    let mut found = Vec::new();
    let apart = |then: At| now.0.as_second() - then.0.as_second();
    if let Some(newest) = newest.filter(|newest| apart(*newest) < -APART_MAX) {
        let ahead = -apart(newest);
        found.push(format!(
            "the newest entry is dated {newest}, {ahead} seconds ahead of this machine"
        ));
    }
    if let Conn::Postgres(_) = conn {
        let sql = "SELECT CAST(CAST(extract(epoch FROM now()) AS bigint) AS text) AS line";
        let theirs: i64 = line(conn, sql)?
            .parse()
            .unwrap_or_else(|_| now.0.as_second());
        let seconds = now.0.as_second() - theirs;
        if seconds.abs() > APART_MAX {
            found.push(format!(
                "the database's clock is {} seconds away from this machine's",
                seconds.abs()
            ));
        }
    }
    Ok(Finding::of(
        "clock",
        found,
        format!("{now}"),
        "a clock is wrong; entries keep their order but get the time of the newest one",
    ))
}

/// How much disk is free beside a SQLite file. PostgreSQL's disk is another machine's.
pub fn disk(url: &Url) -> Finding {
    let Url::Sqlite(path) = url else {
        return Finding::good(
            "disk",
            "that of the PostgreSQL server: not looked at from here",
        );
    };
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    let folder = Path::new(path).parent();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    match rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) {
        Ok(disk) => room(disk.f_bavail.saturating_mul(disk.f_frsize), size),
        Err(error) => Finding::unknown("disk", format!("cannot be asked: {error}")),
    }
}

fn room(free: u64, size: u64) -> Finding {
    let mib = |bytes: u64| bytes >> 20;
    let says = format!("{} MiB free, the database has {} MiB", mib(free), mib(size));
    if free < DISK_MIN {
        Finding::wrong("disk", format!("{says}: it is nearly full"))
    } else if free < size {
        Finding::advice("disk", format!("{says}: no room for a copy of it"))
    } else {
        Finding::good("disk", says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    #[test]
    fn a_disk_is_judged_by_what_is_left_and_what_a_copy_takes() {
        assert_eq!(room(255 << 20, 0).verdict, Verdict::Wrong);
        assert_eq!(room(1 << 30, 2 << 30).verdict, Verdict::Advice);
        let good = room(2 << 30, 1 << 30);
        assert_eq!(good.verdict, Verdict::Good);
        assert_eq!(good.says, "2048 MiB free, the database has 1024 MiB");
    }
}
