//! The rows of one entry, in the way that costs each database least: SQLite takes them table by
//! table without leaving the process; PostgreSQL gets all of them in one statement, because each
//! statement is a journey to the server and back.
use crate::db::schema::{ledger_entries, ledger_index, ledger_nodes, ledger_private};
use crate::db::{At, Conn, Tx};
use crate::error::Result;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamp};

/// All that the tables hold of one entry.
#[derive(Debug, QueryId)]
pub(super) struct Rows {
    pub seq: i64,
    pub text: Vec<u8>,
    /// Numbers and hashes.
    pub nodes: (Vec<i64>, Vec<Vec<u8>>),
    /// Names, salts and values of what stays outside the entry.
    pub opened: (Vec<String>, Vec<Vec<u8>>, Vec<String>),
    pub at: At,
    pub kind: String,
    pub actor: Option<String>,
    pub person: Option<String>,
    pub record: Option<String>,
    pub review: Option<String>,
    pub stage: Option<String>,
    pub outcome: Option<String>,
    /// Which entry of its record it is, from 1.
    pub record_seq: Option<i64>,
}

impl Rows {
    /// Writes them.
    pub(super) fn insert(self, tx: &mut Tx) -> Result<()> {
        match &mut **tx {
            Conn::Postgres(conn) => drop(self.execute(conn)?),
            Conn::Sqlite(conn) => self.by_table(conn)?,
        }
        Ok(())
    }

    fn by_table(self, conn: &mut SqliteConnection) -> Result<()> {
        diesel::insert_into(ledger_entries::table)
            .values((
                ledger_entries::seq.eq(self.seq),
                ledger_entries::entry.eq(self.text),
            ))
            .execute(conn)?;
        let (numbers, hashes) = self.nodes;
        for (number, hash) in numbers.into_iter().zip(hashes) {
            diesel::insert_into(ledger_nodes::table)
                .values((ledger_nodes::idx.eq(number), ledger_nodes::hash.eq(hash)))
                .execute(conn)?;
        }
        let (names, salts, values) = self.opened;
        for ((name, salt), value) in names.into_iter().zip(salts).zip(values) {
            diesel::insert_into(ledger_private::table)
                .values((
                    ledger_private::seq.eq(self.seq),
                    ledger_private::name.eq(name),
                    ledger_private::salt.eq(salt),
                    ledger_private::value.eq(value),
                ))
                .execute(conn)?;
        }
        diesel::insert_into(ledger_index::table)
            .values((
                ledger_index::seq.eq(self.seq),
                ledger_index::at.eq(self.at),
                ledger_index::kind.eq(self.kind),
                ledger_index::actor_id.eq(self.actor),
                ledger_index::person_id.eq(self.person),
                ledger_index::record_id.eq(self.record),
                ledger_index::review_id.eq(self.review),
                ledger_index::stage.eq(self.stage),
                ledger_index::outcome.eq(self.outcome),
                ledger_index::record_seq.eq(self.record_seq),
            ))
            .execute(conn)?;
        Ok(())
    }
}

impl<Conn> RunQueryDsl<Conn> for Rows {}

impl QueryFragment<Pg> for Rows {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (numbers, hashes) = &self.nodes;
        let (names, salts, values) = &self.opened;
        out.push_sql("WITH entry AS (INSERT INTO ledger_entries (seq, entry) VALUES (");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.text)?;
        out.push_sql(")), node AS (INSERT INTO ledger_nodes (idx, hash) SELECT * FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(numbers)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(hashes)?;
        out.push_sql(")), opened AS (INSERT INTO ledger_private (seq, name, salt, value) SELECT ");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(", * FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(names)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(salts)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(values)?;
        out.push_sql(
            ")) INSERT INTO ledger_index (seq, at, kind, actor_id, person_id, record_id, \
             review_id, stage, outcome, record_seq) VALUES (",
        );
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamp, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.kind)?;
        for optional in [
            &self.actor,
            &self.person,
            &self.record,
            &self.review,
            &self.stage,
            &self.outcome,
        ] {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(optional)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.record_seq)?;
        out.push_sql(")");
        Ok(())
    }
}
