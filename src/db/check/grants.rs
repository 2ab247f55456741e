//! What the role of the program may do in PostgreSQL, and what it needs.
use super::{line, lines};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::finding::Finding;
use std::fmt::Write as _;

/// The tables of which a row never changes and never goes, with what the program may do there.
const NARROW: [(&str, &str); 38] = [
    ("ledger_entries", "SELECT, INSERT"),
    ("ledger_nodes", "SELECT, INSERT"),
    ("ledger_index", "SELECT, INSERT"),
    ("ledger_private", "SELECT, INSERT, DELETE"),
    ("ledger_checkpoints", "SELECT, INSERT"),
    ("ledger_cosignatures", "SELECT, INSERT"),
    ("ledger_stamps", "SELECT, INSERT"),
    ("ledger_keys", "SELECT, INSERT, UPDATE (retired_seq)"),
    ("erased_values", "SELECT, INSERT"),
    ("decisions", "SELECT, INSERT"),
    ("calendars", "SELECT, INSERT"),
    ("rule_versions", "SELECT, INSERT"),
    ("policy_answers", "SELECT, INSERT"),
    ("joins", "SELECT, INSERT"),
    ("join_limits", "SELECT, INSERT"),
    ("evidence_files", "SELECT, INSERT, UPDATE (erased_seq)"),
    ("evidence_uses", "SELECT, INSERT"),
    ("test_results", "SELECT, INSERT"),
    (
        "test_waivers",
        "SELECT, INSERT, UPDATE (state, settled_by, settled_seq, settled_at)",
    ),
    ("risk_assessments", "SELECT, INSERT"),
    ("risk_scores", "SELECT, INSERT"),
    (
        "risk_escalations",
        "SELECT, INSERT, UPDATE (state, accepted_until, settled_by, settled_seq, settled_at)",
    ),
    ("oversight_arrangements", "SELECT, INSERT"),
    ("overseers", "SELECT, INSERT"),
    (
        "oversight_samples",
        "SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_seq, withdrawn_at)",
    ),
    ("vendor_changes", "SELECT, INSERT, UPDATE"),
    ("vendor_change_cases", "SELECT, INSERT, UPDATE"),
    (
        "revisions",
        "SELECT, INSERT, UPDATE (document, salt, redacted_seq, redacted_digest)",
    ),
    ("workflows", "SELECT, INSERT, UPDATE (active)"),
    ("records", "SELECT, INSERT, UPDATE"),
    ("reviews", "SELECT, INSERT, UPDATE"),
    ("conditions", "SELECT, INSERT, UPDATE"),
    ("tasks", "SELECT, INSERT, UPDATE"),
    ("erasures", "SELECT, INSERT, UPDATE"),
    ("legal_holds", "SELECT, INSERT, UPDATE"),
    ("retention_rules", "SELECT, INSERT, UPDATE"),
    ("people", "SELECT, INSERT, UPDATE"),
    ("counters", "SELECT, INSERT, UPDATE"),
];
/// Where a row is never deleted but by its owner's migrations.
const LOG: &str = "__diesel_schema_migrations";

/// The statements by which the role `owner`, in which nobody signs in, owns the tables of
/// `schema`, and the role `app` gets what the program needs and no more.
///
/// # Errors
/// [`Error::BadRequest`] for names that no role should have.
pub fn sql(schema: &str, owner: &str, app: &str) -> Result<String> {
    for name in [schema, owner, app] {
        check_name(name)?;
    }
    if owner == app {
        let sentence = "the owner and the program's role must be two roles";
        return Err(Error::BadRequest(sentence.to_owned()));
    }
    let mut sql = format!(
        "-- Run as a superuser, or as a role that may set both roles and owns the tables now:\n\
         -- once after the first `countersign migrate`, and again after each later one.\n\
         BEGIN;\n\
         DO $$ BEGIN\n  \
         IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{owner}') THEN\n    \
         CREATE ROLE {owner} NOLOGIN;\n  END IF;\n  \
         IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{app}') THEN\n    \
         CREATE ROLE {app} LOGIN; -- and give it a password\n  END IF;\nEND $$;\n\
         REVOKE {owner} FROM {app};\n\
         GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner};\n\
         DO $$\nDECLARE what record;\nBEGIN\n  \
         FOR what IN SELECT relname FROM pg_class\n    \
         WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r' LOOP\n    \
         EXECUTE format('ALTER TABLE {schema}.%I OWNER TO {owner}', what.relname);\n  \
         END LOOP;\n  \
         FOR what IN SELECT oid::regprocedure AS guard FROM pg_proc\n    \
         WHERE pronamespace = '{schema}'::regnamespace\n    \
         AND proname LIKE 'countersign\\_%' LOOP\n    \
         EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', what.guard);\n  \
         END LOOP;\nEND $$;\n\
         REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {app};\n\
         REVOKE ALL ON SCHEMA {schema} FROM {app};\n\
         REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;\n\
         GRANT USAGE ON SCHEMA {schema} TO {app};\n\
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {app};\n"
    );
    for (table, rights) in NARROW.iter().copied().chain([(LOG, "SELECT")]) {
        // Writing into a String cannot fail.
        let _ = writeln!(sql, "REVOKE ALL ON {schema}.{table} FROM {app};");
        let _ = writeln!(sql, "GRANT {rights} ON {schema}.{table} TO {app};");
    }
    sql.push_str("COMMIT;\n");
    Ok(sql)
}

fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if starts && name.len() <= 63 && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::BadRequest(format!(
        "{name:?} is no plain name: use small letters, digits and _"
    )))
}

/// Whether the role that asks may do more to history than the program needs; nothing for SQLite,
/// where whoever can write the file can do anything.
///
/// # Errors
/// When the database fails.
pub fn grants(conn: &mut Conn) -> Result<Option<Finding>> {
    let Conn::Postgres(_) = conn else {
        return Ok(None);
    };
    let role = line(conn, "SELECT current_user::text AS line")?;
    let mut found = lines(
        conn,
        "SELECT 'the role is a superuser: no trigger and no right binds it' AS line \
         FROM pg_roles WHERE rolname = current_user AND rolsuper",
    )?;
    if found.is_empty() {
        found = too_wide(conn)?;
    }
    Ok(Some(Finding::of(
        "grants",
        found,
        format!("the role {role} may not change or remove what must stay"),
        format!(
            "the role {role} has rights that the program does not need; \
             `countersign doctor --grants` prints the statements that take them away"
        ),
    )))
}

fn too_wide(conn: &mut Conn) -> Result<Vec<String>> {
    let mut found = lines(
        conn,
        "SELECT 'it owns ' || relname || ', or can become its owner ' || \
         pg_get_userbyid(relowner) || ': it may switch triggers off' AS line FROM pg_class \
         WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' \
         AND pg_has_role(current_user, relowner, 'MEMBER') ORDER BY relname",
    )?;
    found.extend(lines(
        conn,
        "SELECT 'it may make tables in the schema ' || current_schema() AS line \
         WHERE has_schema_privilege(current_schema(), 'CREATE')",
    )?);
    found.extend(lines(
        conn,
        "SELECT 'it may make roles and join them' AS line FROM pg_roles \
         WHERE rolname = current_user AND rolcreaterole",
    )?);
    for (table, rights) in NARROW.iter().copied().chain([(LOG, "SELECT")]) {
        found.extend(wider_than(conn, table, rights)?);
    }
    Ok(found)
}

/// What the role may do to this table besides `rights`.
fn wider_than(conn: &mut Conn, table: &str, rights: &str) -> Result<Vec<String>> {
    let (whole, columns) = match rights.split_once(" (") {
        Some((whole, columns)) => (whole, columns.trim_end_matches(')')),
        None => (rights, ""),
    };
    let mut whole: Vec<&str> = whole.split(", ").collect();
    if !columns.is_empty() {
        whole.pop();
    }
    let mut found = Vec::new();
    for right in ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"] {
        if !whole.contains(&right) {
            found.extend(lines(
                conn,
                &format!(
                    "SELECT 'it may {} ' || relname AS line FROM pg_class \
                     WHERE relnamespace = current_schema()::regnamespace \
                     AND relname = '{table}' AND has_table_privilege(pg_class.oid, '{right}')",
                    right.to_lowercase()
                ),
            )?);
        }
    }
    // Rights on single columns show nowhere else.
    if found.is_empty() && !whole.contains(&"UPDATE") {
        let there = lines(
            conn,
            &format!(
                "SELECT attname::text AS line FROM pg_attribute \
                 JOIN pg_class ON pg_class.oid = attrelid \
                 WHERE relnamespace = current_schema()::regnamespace AND relname = '{table}' \
                 AND attnum > 0 AND NOT attisdropped \
                 AND has_column_privilege(attrelid, attnum, 'UPDATE') ORDER BY attnum",
            ),
        )?;
        let allowed: Vec<&str> = columns.split(", ").collect();
        let wide = there
            .iter()
            .filter(|name| !allowed.contains(&name.as_str()));
        found.extend(wide.map(|name| format!("it may update {name} of {table}")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_out_of_a_statement_are_refused() {
        for name in ["", "a b", "a;b", "a'b", "\"a\"", "1a", "ä", &"a".repeat(64)] {
            assert!(sql("public", "owner", name).is_err(), "{name}");
        }
        assert!(sql("public", "same", "same").is_err());
        let sql = sql("public", "countersign_owner", "countersign").unwrap();
        assert!(sql.contains("GRANT SELECT, INSERT ON public.ledger_entries TO countersign;"));
    }
}
