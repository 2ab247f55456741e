//! The ledger over the API.
use crate::app::App;
use crate::db::{At, Conn, PersonId, RecordId};
use crate::error::{Error, Result};
use crate::ledger::download::{Extras, Format};
use crate::ledger::send::taken;
use crate::ledger::tree::Hash;
use crate::ledger::{Filter, Page, Row, Scope, head, leaves, root, rows};
use crate::people;
use crate::register;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

/// Entries on one page.
const PAGE: i64 = 200;

/// What the log is narrowed to, as an address says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// First sequence number of the page.
    pub after: Option<u64>,
    /// Day or time, not before.
    pub from: Option<String>,
    /// Day or time, before.
    pub to: Option<String>,
    /// Address of a person.
    pub person: Option<String>,
    /// Key of a stage.
    pub stage: Option<String>,
    /// An outcome.
    pub outcome: Option<String>,
    /// Reference of a record.
    pub record: Option<String>,
}

impl Asked {
    /// The filter it means. A day `to` includes the whole day.
    ///
    /// # Errors
    /// [`Error::BadRequest`] naming what cannot be read; 404 for a person nobody knows, and for a
    /// record that is not there or outside of `scope`.
    pub fn filter(&self, conn: &mut Conn, scope: &Scope) -> Result<Filter> {
        let given = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
        let record = given(&self.record)
            .map(|r| within(conn, scope, &r))
            .transpose()?;
        Ok(scope.narrow(Filter {
            from: given(&self.from).map(|t| time("from", &t, 0)).transpose()?,
            to: given(&self.to).map(|t| time("to", &t, 1)).transpose()?,
            person: given(&self.person).map(|p| person(conn, &p)).transpose()?,
            stage: given(&self.stage),
            outcome: given(&self.outcome),
            record,
            kind: None,
            about: None,
            units: Vec::new(),
        }))
    }
}

/// The record with a reference. One that is outside of a reader's scope is not there for them.
fn within(conn: &mut Conn, scope: &Scope, reference: &str) -> Result<RecordId> {
    let record = register::any_by_reference(conn, reference)?.id;
    if scope.units.is_empty() || register::is_of_units(conn, &scope.units, record)? {
        return Ok(record);
    }
    Err(Error::not_found("record", reference))
}

/// A time as people write it: `2026-01-31` (that day's start in UTC, moved by `days`) or RFC 3339.
///
/// # Errors
/// [`Error::BadRequest`] naming the field.
pub fn time(name: &str, text: &str, days: i64) -> Result<At> {
    let text = text.trim();
    let day = text
        .parse::<jiff::civil::Date>()
        .ok()
        .filter(|_| text.len() == 10);
    let read = match day {
        Some(day) => day
            .checked_add(jiff::Span::new().days(days))
            .ok()
            .and_then(|day| At::parse(&format!("{day}T00:00:00Z"))),
        None => At::parse(text),
    };
    read.ok_or_else(|| {
        Error::BadRequest(format!("{name}: write 2026-01-31 or 2026-01-31T09:00:00Z"))
    })
}

fn person(conn: &mut Conn, email: &str) -> Result<PersonId> {
    let found = people::by_email(conn, email)?;
    Ok(found.ok_or_else(|| Error::not_found("person", email))?.id)
}

/// `GET /api/v1/log/entries`: exact entries with their leaf hashes, oldest first, from `after` on.
///
/// # Errors
/// For filters that cannot be read.
pub async fn entries(
    app: web::Data<App>,
    visitor: Visitor,
    query: web::Query<Asked>,
) -> Result<HttpResponse> {
    let scope = visitor.scope;
    let (all, leaves, size, root) = app
        .db
        .read(move |conn| {
            let filter = query.filter(conn, &scope)?;
            let page = Page::From(query.after.unwrap_or(0));
            let (size, _) = head(conn)?;
            let all = rows(conn, &filter, page, PAGE)?;
            let leaves = leaves(conn, &all)?;
            Ok((all, leaves, size, root(conn, size)?))
        })
        .await?;
    let full = all.len() as i64 == PAGE;
    let next = all.last().filter(|_| full).map(|row| row.seq + 1);
    let pairs = all.iter().zip(leaves);
    let entries = pairs
        .map(|(row, leaf)| shown(row, leaf))
        .collect::<Result<Vec<Value>>>()?;
    let root = hex::encode(root.as_bytes());
    Ok(HttpResponse::Ok()
        .json(json!({ "entries": entries, "next": next, "size": size, "root": root })))
}

fn shown(row: &Row, leaf: Hash) -> Result<Value> {
    let text = std::str::from_utf8(&row.entry)
        .map_err(|_| Error::Corrupt(format!("entry {} is not text", row.seq)))?;
    let leaf_hash = hex::encode(leaf.as_bytes());
    Ok(json!({ "seq": row.seq, "entry": text, "leaf_hash": leaf_hash }))
}

/// Which file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    format: String,
    #[serde(default)]
    state: bool,
    from: Option<String>,
    to: Option<String>,
    person: Option<String>,
    stage: Option<String>,
    outcome: Option<String>,
    record: Option<String>,
}

/// `POST /api/v1/exports`: the log, or what a filter shows of it, as a file. That a program took it
/// away is an entry.
///
/// # Errors
/// For a format or filter that cannot be read.
pub async fn export(
    app: web::Data<App>,
    visitor: Visitor,
    wish: web::Json<Wish>,
) -> Result<HttpResponse> {
    let wish = wish.into_inner();
    let format = Format::named(&wish.format)?;
    let extras = Extras {
        state: wish.state,
        ..Extras::default()
    };
    let asked = Asked {
        after: None,
        from: wish.from,
        to: wish.to,
        person: wish.person,
        stage: wish.stage,
        outcome: wish.outcome,
        record: wish.record,
    };
    let scope = visitor.scope.clone();
    let read = move |conn: &mut Conn| asked.filter(conn, &scope);
    let filter = app.db.read(read).await?;
    if extras.state && (format != Format::Package || !filter.is_empty()) {
        let rule = "state: only a package of the whole log, without a filter, can hold the state";
        return Err(Error::BadRequest(rule.to_owned()));
    }
    taken(app, visitor.actor()?, filter, format, extras).await
}
