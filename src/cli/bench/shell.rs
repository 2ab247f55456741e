//! The `sqlite3` shell writing the same rows as CSV: what an operator would do without this
//! program.
use crate::db::Url;
use crate::error::{Error, Result};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Every entry as it is.
const ENTRIES: &str = "SELECT seq, CAST(entry AS TEXT) AS entry FROM ledger_entries ORDER BY seq";

/// The columns of our own CSV, but for the words it is told in.
const COLUMNS: &str = "\
    SELECT i.seq, i.at, i.kind, a.name AS actor, p.name AS person, r.reference, i.stage, \
    i.outcome, json_extract(e.entry, '$.subject.revision') AS revision, \
    json_extract(e.entry, '$.subject.digest') AS digest, \
    json_extract(e.entry, '$.via.method') AS method, o.value AS reason, \
    lower(hex(n.hash)) AS leaf_hash \
    FROM ledger_index i JOIN ledger_entries e ON e.seq = i.seq \
    LEFT JOIN people a ON a.id = i.actor_id LEFT JOIN people p ON p.id = i.person_id \
    LEFT JOIN records r ON r.id = i.record_id \
    LEFT JOIN ledger_private o ON o.seq = i.seq AND o.name = 'reason' \
    LEFT JOIN ledger_nodes n ON n.idx = LEAF ORDER BY i.seq";
/// Where the tree keeps an entry's leaf: the sum of `seq >> k` over all k.
const SHIFTS: u32 = 40;

/// What the shell took.
pub(super) struct Shell {
    /// Seconds for the entries alone.
    pub(super) entries: f64,
    /// Seconds for the columns of the CSV.
    pub(super) columns: f64,
}

/// Measures the shell; nothing when it is not on the PATH or the database is none of its kind.
pub(super) fn measure(url: &Url, folder: &Path) -> Result<Option<Shell>> {
    let Url::Sqlite(path) = url else {
        return Ok(None);
    };
    let known = Command::new("sqlite3")
        .arg("-version")
        .stdout(Stdio::null())
        .status();
    if !known.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    Ok(Some(Shell {
        entries: time(path, folder, ENTRIES)?,
        columns: time(path, folder, &COLUMNS.replace("LEAF", &leaf()))?,
    }))
}

fn leaf() -> String {
    let terms = (0..SHIFTS).map(|shift| format!("(i.seq >> {shift})"));
    terms.collect::<Vec<_>>().join(" + ")
}

fn time(path: &str, folder: &Path, query: &str) -> Result<f64> {
    let file = folder.join("shell.csv");
    let failed = |what: &str| Error::Unavailable(format!("the sqlite3 shell: {what}"));
    let out = File::create(&file).map_err(|e| failed(&e.to_string()))?;
    let start = Instant::now();
    let done = Command::new("sqlite3")
        .args(["-readonly", "-batch", "-header", "-csv", path, query])
        .stdin(Stdio::null())
        .stdout(out)
        .status()
        .map_err(|e| failed(&e.to_string()))?;
    let seconds = start.elapsed().as_secs_f64();
    let _ = std::fs::remove_file(&file);
    match done.success() {
        true => Ok(seconds),
        false => Err(failed("it refused the query")),
    }
}
