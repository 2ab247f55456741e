//! Whether the triggers that keep history as it is stand as the migrations made them.
//!
//! Nothing lists them a second time. For SQLite the migrations run once more in memory, and both
//! lists of triggers are compared. For PostgreSQL, where that would need rights that a checker
//! should not have, the statements are read from the migrations' own text and compared with what
//! the server says of each trigger and function.
use super::{line, lines};
use crate::db::Conn;
use crate::db::open;
use crate::error::Result;
use crate::finding::Finding;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::BTreeMap;

#[derive(rust_embed::RustEmbed)]
#[folder = "migrations/postgres"]
struct PostgresFiles;

/// A trigger's or function's name, and its text with what belongs to it.
type Guards = BTreeMap<String, String>;

/// Whether every trigger is there, in force, with the text this program gave it.
///
/// # Errors
/// When the database fails.
pub fn triggers(conn: &mut Conn) -> Result<Finding> {
    let (expected, mut found) = match conn {
        Conn::Sqlite(_) => {
            let expected = sqlite(&mut open::in_memory()?)?;
            let found = differences(&expected, &sqlite(conn)?, "trigger");
            (expected.len(), found)
        }
        Conn::Postgres(_) => {
            let (triggers, functions) = written();
            let mut found = differences(&triggers, &postgres_triggers(conn)?, "trigger");
            found.extend(differences(
                &functions,
                &postgres_functions(conn)?,
                "function",
            ));
            (triggers.len(), found)
        }
    };
    if let Conn::Postgres(_) = conn {
        found.extend(side_doors(conn)?);
    }
    Ok(Finding::of(
        "triggers",
        found,
        format!("all {expected} stand as they were made"),
        "history is no longer guarded as it was made: find out who changed it, run \
         `countersign doctor --full`, and restore what is missing",
    ))
}

fn differences(expected: &Guards, there: &Guards, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in expected {
        match there.get(name) {
            None => found.push(format!("the {what} {name} is missing")),
            Some(is) if is != text => {
                found.push(format!(
                    "the {what} {name} is altered or off; it says: {is}"
                ));
            }
            Some(_) => {}
        }
    }
    let foreign = there.keys().filter(|name| !expected.contains_key(*name));
    found.extend(foreign.map(|name| format!("the {what} {name} is not from this program")));
    found
}

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    text: String,
}

fn pairs(conn: &mut Conn, sql: &str) -> QueryResult<Guards> {
    let rows: Vec<Pair> = diesel::sql_query(sql).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.name, row.text)).collect())
}

fn sqlite(conn: &mut Conn) -> Result<Guards> {
    Ok(pairs(
        conn,
        "SELECT name || ' on ' || tbl_name AS name, sql AS text FROM sqlite_master \
         WHERE type = 'trigger' ORDER BY name",
    )?)
}

fn postgres_triggers(conn: &mut Conn) -> Result<Guards> {
    Ok(pairs(
        conn,
        "SELECT tgname || ' on ' || relname AS name, pg_get_triggerdef(pg_trigger.oid, true) || \
         CASE tgenabled WHEN 'A' THEN ' always' WHEN 'D' THEN ' disabled' \
         WHEN 'R' THEN ' for replicas' ELSE ' not for replicas' END AS text \
         FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid \
         WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace",
    )?)
}

fn postgres_functions(conn: &mut Conn) -> Result<Guards> {
    let schema = line(conn, "SELECT quote_ident(current_schema()::text) AS line")?;
    let path = format!(" search_path={schema}, pg_temp");
    let mut there = pairs(
        conn,
        "SELECT proname::text AS name, lanname || ' ' || CASE WHEN prosecdef THEN 'definer ' \
         ELSE '' END || prosrc || ' ' || coalesce(array_to_string(proconfig, ' '), '') AS text \
         FROM pg_proc JOIN pg_language ON pg_language.oid = prolang \
         WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'countersign\\_%'",
    )?;
    for text in there.values_mut() {
        *text = words(text.strip_suffix(&path).unwrap_or(text));
    }
    Ok(there)
}

/// What lets a change pass beside the triggers: rules, row policies, foreign keys that are off,
/// a session that calls itself a replica.
fn side_doors(conn: &mut Conn) -> Result<Vec<String>> {
    let mut found = lines(
        conn,
        "SELECT 'the rule ' || rulename || ' on ' || relname || ' is not from this program' \
         AS line FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class \
         WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'",
    )?;
    found.extend(lines(
        conn,
        "SELECT 'row policies are on for ' || relname AS line FROM pg_class \
         WHERE relnamespace = current_schema()::regnamespace AND relrowsecurity",
    )?);
    found.extend(lines(
        conn,
        "SELECT DISTINCT 'foreign keys of ' || relname || ' are off' AS line \
         FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid \
         WHERE tgisinternal AND tgenabled <> 'O' \
         AND relnamespace = current_schema()::regnamespace",
    )?);
    let role = line(
        conn,
        "SELECT current_setting('session_replication_role') AS line",
    )?;
    if role != "origin" {
        found.push(format!("session_replication_role is {role}, not origin"));
    }
    Ok(found)
}

/// The triggers and functions of the PostgreSQL migrations, as their text makes them.
fn written() -> (Guards, Guards) {
    let files = PostgresFiles::iter().map(|file| file.into_owned());
    let mut files: Vec<String> = files.filter(|file| file.ends_with("/up.sql")).collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        if let Some(file) = PostgresFiles::get(&file) {
            text.push_str(&String::from_utf8_lossy(&file.data));
        }
    }
    read(&text)
}

fn read(text: &str) -> (Guards, Guards) {
    let (mut triggers, mut functions) = (Guards::new(), Guards::new());
    let mut rest = without_comments(text);
    while let Some((statement, after)) = next_statement(&rest) {
        let said = words(statement);
        let mut parts = said.split(' ');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("CREATE"), Some("TRIGGER"), Some(name)) => {
                let table = said
                    .split(" ON ")
                    .nth(1)
                    .and_then(|on| on.split(' ').next());
                let key = format!("{name} on {}", table.unwrap_or_default());
                triggers.insert(key, said.clone());
            }
            (Some("DROP"), Some("TRIGGER"), Some(name)) => {
                let table = said.split(" ON ").nth(1).unwrap_or_default();
                triggers.remove(&format!("{name} on {table}"));
            }
            (Some("CREATE"), Some("FUNCTION"), Some(name)) => {
                let body = statement.split("$$").nth(1).unwrap_or_default();
                let name = name.trim_end_matches("()").to_owned();
                functions.insert(name, words(&format!("plpgsql {body}")));
            }
            (Some("ALTER"), Some("TABLE"), Some(table)) => {
                let always = said.split("ENABLE ALWAYS TRIGGER ").nth(1);
                let key = always.map(|name| format!("{name} on {table}"));
                if let Some(text) = key.and_then(|key| triggers.get_mut(&key)) {
                    text.push_str(" always");
                }
            }
            _ => {}
        }
        rest = after.to_owned();
    }
    (triggers, functions)
}

fn without_comments(text: &str) -> String {
    let code = text.lines().filter(|line| !line.trim().starts_with("--"));
    code.collect::<Vec<_>>().join("\n")
}

/// The first statement and what follows it; a `;` between `$$` ends none.
fn next_statement(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, sign) in text.char_indices() {
        if text.get(at..).is_some_and(|rest| rest.starts_with("$$")) {
            quoted = !quoted;
        }
        if sign == ';' && !quoted {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// The text with single spaces.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_of_the_migrations_are_read() {
        let (triggers, functions) = read(
            "-- CREATE TRIGGER not_this BEFORE UPDATE ON a;\n\
             CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS\n$$ BEGIN a; b; END $$;\n\
             CREATE TRIGGER x BEFORE DELETE ON a\nFOR EACH ROW EXECUTE FUNCTION no('never');\n\
             CREATE TRIGGER y BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION no('never');\n\
             ALTER TABLE a ENABLE ALWAYS TRIGGER x;\nDROP TRIGGER y ON a;\n",
        );
        let x =
            "CREATE TRIGGER x BEFORE DELETE ON a FOR EACH ROW EXECUTE FUNCTION no('never') always";
        assert_eq!(
            triggers,
            Guards::from([("x on a".to_owned(), x.to_owned())])
        );
        let no = ("no".to_owned(), "plpgsql BEGIN a; b; END".to_owned());
        assert_eq!(functions, Guards::from([no]));
    }

    #[test]
    fn what_is_missing_altered_or_foreign_is_named() {
        let guards = |all: &[(&str, &str)]| {
            let owned = all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            owned.collect::<Guards>()
        };
        let expected = guards(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let there = guards(&[("b", "2"), ("c", "1"), ("d", "1")]);
        assert_eq!(
            differences(&expected, &there, "trigger"),
            [
                "the trigger a is missing",
                "the trigger b is altered or off; it says: 2",
                "the trigger d is not from this program"
            ]
        );
    }
}
