//! Work papers are taken away: an entry says what was drawn, and by whom.
use crate::app::App;
use crate::audit::asked::Asked;
use crate::audit::draw::{Drawn, draw};
use crate::db::PersonId;
use crate::error::{Error, Result};
use crate::ledger::{Actor, Note, Scope, append};
use crate::people;
use crate::web::session::Visitor;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Examines the ledger, off the threads that serve.
///
/// # Errors
/// [`Error::Invalid`] naming every field that is wrong.
pub(super) async fn examined(app: &App, asked: &Asked, scope: &Scope) -> Result<Drawn> {
    let wanted = asked.read(scope).map_err(Error::Invalid)?;
    let (db, desk) = (app.db.clone(), app.desk.clone());
    tokio::task::spawn_blocking(move || draw(&db, &desk, &wanted))
        .await
        .map_err(|_| Error::Interrupted)?
}

/// As [`examined`], and enters that the papers are taken away as `format`. The entry is the first
/// that the papers do not know. Of the unit it has only a commitment, for that is free text.
///
/// # Errors
/// As [`examined`].
pub(super) async fn taken(
    app: &App,
    visitor: &Visitor,
    asked: &Asked,
    format: &'static str,
) -> Result<Drawn> {
    let actor = &visitor.actor()?;
    let drawn = examined(app, asked, &visitor.scope).await?;
    let note = note(&drawn, actor, format);
    let subject = drawn.wanted.seed.clone();
    let enter = move |tx: &mut crate::db::Tx, desk: &crate::review::Desk| {
        append(tx, desk.clock.now(), note).map(drop)
    };
    app.command("audit", subject, actor, enter).await?;
    Ok(drawn)
}

/// That papers are taken away as `format`.
pub fn note(drawn: &Drawn, actor: &Actor, format: &'static str) -> Note {
    let note = Note::new("audit.drawn", actor)
        .data("filter", Value::Object(drawn.wanted.words()))
        .data("format", format)
        .data("size", drawn.size)
        .data("root", drawn.root.as_str())
        .data("population", drawn.population)
        .data("exceptions", drawn.excepted)
        .data("sampled", drawn.sample.len());
    match &drawn.wanted.unit {
        Some(unit) => note.private("unit", unit.as_str()),
        None => note,
    }
}

/// Names of those who stand in the papers.
///
/// # Errors
/// When the database fails.
pub(super) async fn names(app: &App, drawn: &Drawn) -> Result<BTreeMap<PersonId, String>> {
    let items = drawn.sample.iter().chain(&drawn.exceptions);
    let people: BTreeSet<PersonId> = items.filter_map(|item| item.person).collect();
    app.db.read(move |conn| people::names(conn, &people)).await
}
