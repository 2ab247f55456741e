//! The register's pages: the list, one record, its revisions, and the form that writes it.
mod draft;
mod home;
mod list;
mod record;
mod revision;
mod standing;

pub use draft::{change, check, create, draft, section, start, submit};
pub use home::home;
pub use list::list;
pub use record::{record, withdraw};
pub use revision::{changes, revision};

use crate::app::App;
use crate::db::{Conn, PersonId};
use crate::error::Result;
use crate::people;
use crate::register::{self, Kind, Record};
use crate::review::{self, Desk};
use crate::web::badge::{Badge, of_risk, of_status};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A kind as pages name it.
#[derive(Debug, Clone, Serialize)]
struct KindView {
    path: String,
    noun: &'static str,
    nouns: String,
    plural: &'static str,
    reviewed: bool,
}

impl KindView {
    fn of(kind: &Kind) -> KindView {
        KindView {
            path: format!("/{}", kind.path),
            noun: kind.singular,
            nouns: kind.plural.to_lowercase(),
            plural: kind.plural,
            reviewed: kind.reviewed,
        }
    }
}

/// What every page about one record says of it.
#[derive(Debug, Clone, Serialize)]
struct RecordView {
    reference: String,
    title: String,
    status: Badge,
    risk: Option<Badge>,
    revision: i32,
    digest: String,
    owner: Option<String>,
    submitter: Option<String>,
    because: Option<String>,
    updated_at: String,
}

impl RecordView {
    fn of(conn: &mut Conn, record: &Record) -> Result<RecordView> {
        let names = names(conn, [record.owner_id, record.submitter_id])?;
        let name = |id: Option<PersonId>| id.and_then(|id| names.get(&id).cloned());
        Ok(RecordView {
            reference: record.reference.clone(),
            title: record.title.clone(),
            status: of_status(record.status()?),
            risk: record.risk.as_deref().map(of_risk),
            revision: record.revision,
            digest: register::revision(conn, record.id, record.revision)?.digest,
            owner: name(record.owner_id),
            submitter: name(record.submitter_id),
            because: why_this_risk(conn, record)?,
            updated_at: record.updated_at.to_string(),
        })
    }
}

fn why_this_risk(conn: &mut Conn, record: &Record) -> Result<Option<String>> {
    let Some(id) = record.review_id else {
        return Ok(None);
    };
    let review = review::review(conn, id)?;
    Ok(review
        .derived
        .get("risk")
        .and_then(|risk| risk.because.clone()))
}

type Names = BTreeMap<PersonId, String>;

fn names(conn: &mut Conn, ids: impl IntoIterator<Item = Option<PersonId>>) -> Result<Names> {
    people::names(
        conn,
        &ids.into_iter().flatten().collect::<BTreeSet<PersonId>>(),
    )
}

/// `Mei Tanaka, Ruth Adeyemi and Li Wei`.
fn listed(names: &[String], last: &str) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [many @ .., end] => format!("{} {last} {end}", many.join(", ")),
    }
}

/// Which entry of the navigation a kind's pages belong to.
fn here(app: &App, path: &str) -> &'static str {
    app.desk.kinds.by_path(path).map_or("", |kind| kind.path)
}

/// A workflow version as pages name it.
#[derive(Debug, Clone, Serialize)]
struct PolicyView {
    path: String,
    title: String,
    version: i32,
}

impl PolicyView {
    fn new(key: &str, version: i32, title: &str) -> PolicyView {
        let path = format!("/workflows/{key}/{version}");
        PolicyView {
            path,
            title: title.to_owned(),
            version,
        }
    }
}

fn loaded(
    conn: &mut Conn,
    desk: &Desk,
    review: &review::engine::Review,
) -> Result<std::sync::Arc<review::workflows::Loaded>> {
    let pin = &review.workflow;
    review::workflows::version(conn, &desk.workflows, &pin.key, pin.version)
}
