//! What somebody with all rights on the database does, past everything that guards history.

use super::post::until;
use countersign::db::Conn;
use countersign::db::schema::{ledger_entries, ledger_nodes};
use countersign::error::Result;
use countersign::ledger::tree;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::path::Path;

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

fn names(conn: &mut Conn, sql: &str) -> Result<Vec<String>> {
    let names: Vec<Named> = diesel::sql_query(sql).load(conn)?;
    Ok(names.into_iter().map(|named| named.name).collect())
}

/// Takes every trigger away that guards history, as the owner of the tables can.
pub fn without_guards(conn: &mut Conn) -> Result<()> {
    let (list, take) = match conn {
        Conn::Sqlite(_) => (
            "SELECT name FROM sqlite_master \
             WHERE type = 'trigger' AND name NOT LIKE 'record_text%'",
            "DROP TRIGGER {}",
        ),
        Conn::Postgres(_) => (
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()",
            "ALTER TABLE {} DISABLE TRIGGER USER",
        ),
    };
    for name in names(conn, list)? {
        conn.batch_execute(&take.replace("{}", &name))?;
    }
    Ok(())
}

/// Cuts off every entry from `size` on, with all that belongs to them.
pub fn cut(conn: &mut Conn, size: u64) -> Result<()> {
    let nodes = tree::node_count(size).expect("a size");
    let sql = format!(
        "DELETE FROM ledger_keys WHERE seq >= {size};
         DELETE FROM ledger_private WHERE seq >= {size};
         DELETE FROM ledger_index WHERE seq >= {size};
         DELETE FROM ledger_nodes WHERE idx >= {nodes};
         DELETE FROM ledger_entries WHERE seq >= {size}"
    );
    Ok(conn.batch_execute(&sql)?)
}

/// The exact text of an entry.
pub fn text(conn: &mut Conn, seq: u64) -> Result<String> {
    let entry = ledger_entries::table.find(i64::try_from(seq).expect("a number"));
    let text: Vec<u8> = entry.select(ledger_entries::entry).get_result(conn)?;
    Ok(String::from_utf8(text).expect("text"))
}

/// Writes another text into an entry.
pub fn write(conn: &mut Conn, seq: u64, text: &str) -> Result<()> {
    let entry = ledger_entries::table.find(i64::try_from(seq).expect("a number"));
    let entry = diesel::update(entry).set(ledger_entries::entry.eq(text.as_bytes()));
    assert_eq!(entry.execute(conn)?, 1);
    Ok(())
}

/// Computes every node of the tree anew, so that it fits the entries as they are now.
pub fn rebuild(conn: &mut Conn) -> Result<()> {
    let all = ledger_entries::table.order(ledger_entries::seq);
    let texts: Vec<Vec<u8>> = all.select(ledger_entries::entry).load(conn)?;
    let mut range = tree::Range::default();
    for text in texts {
        for (number, hash) in range.grow(tree::leaf_hash(&text)) {
            let node = ledger_nodes::table.find(i64::try_from(number).expect("a number"));
            let node = diesel::update(node).set(ledger_nodes::hash.eq(hash.0.to_vec()));
            node.execute(conn)?;
        }
    }
    Ok(())
}

/// A connection of one's own, as with any other program.
pub fn connect(url: &str) -> Conn {
    let mut conn = match url.strip_prefix("sqlite://") {
        Some(path) => Conn::Sqlite(SqliteConnection::establish(path).expect("the file opens")),
        None => Conn::Postgres(PgConnection::establish(url).expect("the server")),
    };
    if let Conn::Sqlite(_) = conn {
        conn.batch_execute("PRAGMA busy_timeout = 10000")
            .expect("it waits");
    }
    conn
}

/// Keeps the database as it is now: in a file, or in tables of its own schema.
pub fn back_up(conn: &mut Conn, file: &Path) -> Result<()> {
    if let Conn::Sqlite(_) = conn {
        return Ok(conn.batch_execute(&format!("VACUUM INTO '{}'", file.display()))?);
    }
    for table in tables(conn)? {
        conn.batch_execute(&format!("CREATE TABLE kept_{table} AS TABLE {table}"))?;
    }
    Ok(())
}

/// Puts back what [`back_up`] kept, as soon as nobody has SQLite's file open any more.
pub fn restore(url: &str, file: &Path) {
    let Some(path) = url.strip_prefix("sqlite://") else {
        return from_tables(&mut connect(url)).expect("it is restored");
    };
    // The last connection to close takes the journal along.
    until("nobody has the file open", || {
        (!Path::new(&format!("{path}-wal")).exists()).then_some(())
    });
    std::fs::copy(file, path).expect("it is restored");
}

fn from_tables(conn: &mut Conn) -> Result<()> {
    without_guards(conn)?;
    let references = "SELECT conrelid::regclass || ' DROP CONSTRAINT ' || conname AS name \
                      FROM pg_constraint \
                      WHERE contype = 'f' AND connamespace = current_schema()::regnamespace";
    for reference in names(conn, references)? {
        conn.batch_execute(&format!("ALTER TABLE {reference}"))?;
    }
    for table in tables(conn)? {
        let sql = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}");
        conn.batch_execute(&sql)?;
    }
    Ok(())
}

/// The program's own tables in PostgreSQL.
fn tables(conn: &mut Conn) -> Result<Vec<String>> {
    let own = "SELECT tablename AS name FROM pg_tables \
               WHERE schemaname = current_schema() AND tablename NOT LIKE 'kept%'";
    names(conn, own)
}
