//! Databases of a test's own, gone when the test is over.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// An empty folder and the URL of a SQLite file in it. Keep the folder as long as the URL.
pub fn fresh_sqlite() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!(
        "sqlite://{}",
        folder.path().join("countersign.sqlite").display()
    );
    (folder, url)
}

/// An empty PostgreSQL schema and a URL whose connections see nothing else.
/// The schema is dropped with the guard. Panics when TEST_POSTGRES names no server.
pub fn fresh_postgres() -> (Schema, String) {
    let server = postgres_server();
    let name = format!("test_{}", Uuid::now_v7().simple());
    run(&server, &format!("CREATE SCHEMA {name}")).expect("a schema of its own");
    let joint = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{joint}options=-csearch_path%3D{name}");
    (Schema { server, name }, url)
}

fn postgres_server() -> String {
    std::env::var("TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "TEST_POSTGRES names no PostgreSQL server, so this half of the test cannot run; \
             `tests/run unit` starts a private one and sets it"
        )
    })
}

/// Drops its schema, and all that a test left in it, when it goes out of scope.
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Two roles of a test's own, gone when it is over: who owns the tables, and whom the program is.
/// TEST_POSTGRES must name a role that may make roles. Make them after the schema, so that they go
/// before it.
pub struct Roles {
    server: String,
    secret: String,
    pub owner: String,
    pub app: String,
}

impl Roles {
    pub fn new(schema: &Schema) -> Roles {
        let (owner, app) = (
            format!("{}_owner", schema.name),
            format!("{}_app", schema.name),
        );
        let secret = Uuid::now_v7().simple().to_string();
        let sql = format!(
            "CREATE ROLE {owner} NOLOGIN; CREATE ROLE {app} LOGIN PASSWORD '{secret}';
             GRANT {owner} TO CURRENT_USER"
        );
        run(&schema.server, &sql).expect("TEST_POSTGRES may make roles");
        let server = schema.server.clone();
        Roles {
            server,
            secret,
            owner,
            app,
        }
    }

    /// `url`, as the program's role.
    pub fn app_url(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{}:{}@{place}", self.app, self.secret)
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        let Roles { owner, app, .. } = self;
        let sql = format!(
            "GRANT {app} TO CURRENT_USER; REASSIGN OWNED BY {owner} TO CURRENT_USER;
             DROP OWNED BY {app}, {owner}; DROP ROLE {app}, {owner}"
        );
        if let Err(error) = run(&self.server, &sql) {
            eprintln!("the roles of {} stay behind: {error}", self.app);
        }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // A transaction the test left open holds locks: that is the test's fault, so say it soon.
        let drop = format!(
            "SET lock_timeout = '10s'; DROP SCHEMA {} CASCADE",
            self.name
        );
        if let Err(error) = run(&self.server, &drop) {
            eprintln!("{} stays behind: {error}", self.name);
            assert!(
                std::thread::panicking(),
                "a connection still holds {}",
                self.name
            );
        }
    }
}

fn run(server: &str, sql: &str) -> Result<(), String> {
    let mut connection = PgConnection::establish(server).map_err(|error| error.to_string())?;
    connection
        .batch_execute(sql)
        .map_err(|error| error.to_string())
}

/// How many schemas of the server have a name like this.
pub fn schemas_like(url: &str, pattern: &str) -> i64 {
    use diesel::prelude::*;
    let mut connection = PgConnection::establish(url).expect("the server");
    let count = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE ";
    diesel::dsl::sql::<diesel::sql_types::BigInt>(count)
        .bind::<diesel::sql_types::Text, _>(pattern)
        .get_result(&mut connection)
        .expect("a count")
}
