//! Candidates by the text index of each database.
use crate::db::schema::{conditions, records, revisions};
use crate::db::{Conn, PersonId, RecordId};
use crate::error::Result;
use crate::of_units;
use crate::register::{Record, Status};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use serde_json::Value;

/// Counting stops here: a word that so many records have tells nothing.
pub const FREQUENT: i64 = 400;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Whether PostgreSQL may read every record instead of the text index. It believes that to be
/// cheap where a word is common, and then takes every text apart anew. Holds for this reading.
pub fn may_read_all(conn: &mut Conn, may: bool) -> Result<()> {
    if matches!(conn, Conn::Postgres(_)) {
        diesel::sql_query("SELECT set_config('enable_seqscan', $1, true)")
            .bind::<Text, _>(if may { "on" } else { "off" })
            .execute(conn)?;
    }
    Ok(())
}

/// In how many records a word that begins with `stem` stands, at most [`FREQUENT`].
pub fn frequency(conn: &mut Conn, stem: &str) -> Result<i64> {
    let statement = match conn {
        Conn::Postgres(_) => {
            "SELECT count(*) AS n FROM (SELECT 1 FROM records WHERE \
             to_tsvector('simple', title || ' ' || body) @@ to_tsquery('simple', $1) \
             LIMIT $2) AS found"
        }
        Conn::Sqlite(_) => {
            "SELECT count(*) AS n FROM (SELECT 1 FROM record_text WHERE record_text MATCH $1 \
             LIMIT $2)"
        }
    };
    let found: Count = diesel::sql_query(statement)
        .bind::<Text, _>(any_of(conn, &[stem]))
        .bind::<BigInt, _>(FREQUENT)
        .get_result(conn)?;
    Ok(found.n)
}

/// Records of a kind, with their documents, that have a word beginning with one of `stems`, the
/// last changed first. Drafts and what was taken back are nobody's precedent.
pub fn having(
    conn: &mut Conn,
    kind: &str,
    stems: &[&str],
    except: Option<RecordId>,
    within: Option<&(Vec<String>, PersonId)>,
) -> Result<Vec<(Record, Value)>> {
    let wanted = any_of(conn, stems);
    let matching = match conn {
        Conn::Postgres(_) => sql::<Bool>(
            "to_tsvector('simple', records.title || ' ' || records.body) \
             @@ to_tsquery('simple', ",
        )
        .bind::<Text, _>(wanted)
        .sql(")"),
        Conn::Sqlite(_) => {
            sql::<Bool>("records.nr IN (SELECT rowid FROM record_text WHERE record_text MATCH ")
                .bind::<Text, _>(wanted)
                .sql(")")
        }
    };
    let passed_over = [Status::Draft, Status::Withdrawn, Status::Abandoned].map(Status::as_str);
    let mut rows = records::table
        .inner_join(
            revisions::table.on(revisions::record_id
                .eq(records::id)
                .and(revisions::number.eq(records::revision))),
        )
        .filter(records::kind.eq(kind))
        .filter(records::status.ne_all(passed_over))
        .filter(matching)
        .into_boxed();
    if let Some(this) = except {
        rows = rows.filter(records::id.ne(this));
    }
    if let Some((units, person)) = within {
        let named = of_units!(conn, "records.id", units);
        let own = records::owner_id
            .eq(*person)
            .or(records::submitter_id.eq(*person));
        rows = rows.filter(named.or(own.assume_not_null()));
    }
    let found: Vec<(Record, String)> = rows
        .order((records::updated_at.desc(), records::nr.desc()))
        .limit(FREQUENT)
        .select((Record::as_select(), revisions::document))
        .load(conn)?;
    let read = |(record, text): (Record, String)| Ok((record, serde_json::from_str(&text)?));
    found.into_iter().map(read).collect()
}

/// Words that begin with one of `stems`, in the language of each text index. Stems are letters
/// and digits only.
fn any_of(conn: &Conn, stems: &[&str]) -> String {
    let (sign, between) = match conn {
        Conn::Postgres(_) => (":*", " | "),
        Conn::Sqlite(_) => ("*", " OR "),
    };
    let quote = match conn {
        Conn::Postgres(_) => '\'',
        Conn::Sqlite(_) => '"',
    };
    let word = |stem: &&str| format!("{quote}{stem}{quote}{sign}");
    let words: Vec<String> = stems.iter().map(word).collect();
    words.join(between)
}

/// The texts of the conditions on these records, with their record.
pub fn conditions_on(conn: &mut Conn, ids: &[RecordId]) -> Result<Vec<(RecordId, String)>> {
    Ok(conditions::table
        .filter(conditions::record_id.eq_any(ids))
        .select((conditions::record_id, conditions::text))
        .load(conn)?)
}
