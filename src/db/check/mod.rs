//! Checks of the database itself, over a connection that changes nothing.
mod grants;
mod setup;
mod triggers;

pub use grants::{grants, sql as grants_sql};
pub use setup::{clock, disk, migrations, pages, pragmas, version};
pub use triggers::triggers;

use crate::db::open::Manager;
use crate::db::{Conn, Url};
use crate::error::{Error, Result};
use diesel::prelude::*;
use diesel::sql_types::Text;

/// Opens the database as it is: nothing is created and no migration runs.
///
/// # Errors
/// [`Error::Unavailable`] saying why it cannot be reached.
pub fn open(url: &str) -> Result<Conn> {
    let url = Url::parse(url)?;
    if let Url::Sqlite(path) = &url
        && !std::path::Path::new(path).is_file()
    {
        return Err(Error::Unavailable(format!("there is no file {path}")));
    }
    let unreachable = |e: diesel::ConnectionError| Error::Unavailable(e.to_string());
    let mut conn = Manager::new(url).plain().map_err(unreachable)?;
    let read_only = match &conn {
        Conn::Sqlite(_) => "PRAGMA busy_timeout = 10000; PRAGMA query_only = ON",
        Conn::Postgres(_) => {
            "SET TIME ZONE 'UTC'; SET lock_timeout = '10s'; \
             SET default_transaction_read_only = on"
        }
    };
    diesel::connection::SimpleConnection::batch_execute(&mut conn, read_only)?;
    Ok(conn)
}

/// Lines of text that a statement answers.
fn lines(conn: &mut Conn, sql: &str) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let rows: Vec<Line> = diesel::sql_query(sql).load(conn)?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// The one line that a statement answers.
fn line(conn: &mut Conn, sql: &str) -> QueryResult<String> {
    let first = lines(conn, sql)?.into_iter().next();
    first.ok_or(diesel::result::Error::NotFound)
}
