//! Where a bench runs: a database of its own that goes when the bench ends.
use crate::cli::throwaway::Throwaway;
use crate::db::Url;
use crate::error::{Error, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::path::Path;

/// A throw-away database.
pub(super) struct Ground {
    url: String,
    /// Says which database and what of it matters for the figures.
    pub(super) about: String,
    /// Whether a commit waits for the disk.
    pub(super) durable: bool,
    _own: Own,
}

/// What goes at the end, with all that is in it.
enum Own {
    Folder(#[allow(dead_code, reason = "held for what its end does")] Throwaway),
    Schema(#[allow(dead_code, reason = "held for what its end does")] Schema),
}

impl Ground {
    /// A database like the one that `url` names, on the same disk or server, which stays as it
    /// is; without a URL, SQLite in the folder for temporary files.
    pub(super) fn prepare(url: Option<&str>) -> Result<Ground> {
        match url.map(Url::parse).transpose()? {
            None => Ground::sqlite(&std::env::temp_dir()),
            Some(Url::Sqlite(path)) => {
                let beside = Path::new(&path).parent().filter(|p| p.is_dir());
                Ground::sqlite(beside.unwrap_or(Path::new(".")))
            }
            Some(Url::Postgres(server)) => Ground::postgres(&server),
        }
    }

    fn sqlite(beside: &Path) -> Result<Ground> {
        let folder = Throwaway::new_in(beside, "bench")?;
        Ok(Ground {
            url: format!("sqlite:{}", folder.path().join("bench.sqlite").display()),
            about: format!("SQLite, WAL, synchronous=FULL, in {}", beside.display()),
            durable: true,
            _own: Own::Folder(folder),
        })
    }

    fn postgres(server: &str) -> Result<Ground> {
        let name = format!("countersign_bench_{}", uuid::Uuid::now_v7().simple());
        let mut conn = connect(server)?;
        conn.batch_execute(&format!("CREATE SCHEMA {name}"))?;
        let schema = Schema {
            server: server.to_owned(),
            name,
        };
        let version = setting(&mut conn, "server_version")?;
        let fsync = setting(&mut conn, "fsync")?;
        let commit = setting(&mut conn, "synchronous_commit")?;
        let joint = if server.contains('?') { '&' } else { '?' };
        Ok(Ground {
            url: format!("{server}{joint}options=-csearch_path%3D{}", schema.name),
            about: format!("PostgreSQL {version}, fsync={fsync}, synchronous_commit={commit}"),
            durable: fsync == "on" && commit != "off",
            _own: Own::Schema(schema),
        })
    }

    /// The URL of the throw-away database.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

struct Schema {
    server: String,
    name: String,
}

impl Drop for Schema {
    fn drop(&mut self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.name);
        let dropped = connect(&self.server).and_then(|mut conn| Ok(conn.batch_execute(&drop)?));
        if let Err(error) = dropped {
            eprintln!("the schema {} stays behind: {error}", self.name);
        }
    }
}

fn connect(server: &str) -> Result<PgConnection> {
    PgConnection::establish(server)
        .map_err(|e| Error::Unavailable(format!("cannot open the database: {e}")))
}

fn setting(conn: &mut PgConnection, name: &str) -> Result<String> {
    Ok(diesel::select(current_setting(name)).get_result(conn)?)
}

diesel::define_sql_function! {
    /// A setting of the PostgreSQL server, as text.
    fn current_setting(name: diesel::sql_types::Text) -> diesel::sql_types::Text;
}
