//! The route that submitting a record would open.
use crate::db::{Conn, PersonId, ReviewId};
use crate::error::{Error, Result};
use crate::people;
use crate::register::{self, Record};
use crate::review::engine::{self, Context, Forecast, Needed, Opening, Refusal, Review};
use crate::review::finish::{Finish, finish};
use crate::review::service::{self, Desk};
use crate::review::workflows;
use std::collections::{BTreeMap, BTreeSet};

/// What a submitter sees before submitting.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Key of the workflow.
    pub workflow: String,
    /// Its version.
    pub version: i32,
    /// Its title.
    pub title: String,
    /// The risk tier, when the workflow has one.
    pub risk: Option<String>,
    /// The rule that gave it.
    pub because: Option<String>,
    /// The stages in order.
    pub stages: Vec<PreviewStage>,
    /// When it is expected to end if it is submitted now.
    pub finish: Option<Finish>,
}

/// One stage ahead.
#[derive(Debug, Clone)]
pub struct PreviewStage {
    /// Its key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Whether it will be needed.
    pub needed: Needed,
    /// The condition that says so.
    pub when: Option<String>,
    /// Seats: `(key, need, names)`.
    pub seats: Vec<(String, usize, Vec<String>)>,
}

/// The route that submitting would open, for the record's present revision.
///
/// # Errors
/// As [`service::submit`], without changing anything.
pub fn preview(conn: &mut Conn, desk: &Desk, person: PersonId, record: &Record) -> Result<Preview> {
    let kind = desk.kinds.by_key(&record.kind)?;
    let revision = register::revision(conn, record.id, record.revision)?;
    let request = revision.document()?;
    let loaded =
        workflows::choose(conn, &desk.workflows, kind.key, &request)?.ok_or(Refusal::NoWorkflow)?;
    let owner = record.owner_id.unwrap_or(person);
    let loading = service::unopened(conn, desk, loaded, request, &[person, owner].into())?;
    let ctx = loading.context();
    let opening = Opening {
        review: ReviewId(uuid::Uuid::nil()),
        record: record.id,
        workflow: loading.loaded.pin.clone(),
        revision: record.revision,
        digest: revision.digest,
        submitter: person,
        owner,
        editors: register::editors(conn, record.id)?,
        renews: None,
        after_the_fact: false,
        apart: BTreeSet::new(),
        vendor_changes: Default::default(),
        looks_again: false,
    };
    let review = Review::begin(&engine::opened(&ctx, opening), desk.clock.now())
        .ok_or_else(|| Error::Corrupt("a review did not begin with its opening".to_owned()))?;
    let route = engine::forecast(&ctx, &review);
    let names = people::names(conn, &everyone(&route))?;
    let finish = finish(conn, desk, &loading.loaded, &review, &loading.request)?;
    let risk = review.derived.get("risk");
    Ok(Preview {
        workflow: loading.loaded.pin.key.clone(),
        version: loading.loaded.pin.version,
        title: ctx.workflow.title.clone(),
        risk: risk.and_then(|d| d.value.as_str()).map(str::to_owned),
        because: risk.and_then(|d| d.because.clone()),
        stages: route
            .iter()
            .map(|f| preview_stage(&ctx, f, &names))
            .collect(),
        finish,
    })
}

fn everyone(route: &[Forecast]) -> BTreeSet<PersonId> {
    route
        .iter()
        .flat_map(|f| &f.seats)
        .flat_map(|s| s.asked().collect::<Vec<_>>())
        .collect()
}

fn preview_stage(
    ctx: &Context,
    forecast: &Forecast,
    names: &BTreeMap<PersonId, String>,
) -> PreviewStage {
    let stage = ctx.workflow.stage(&forecast.stage);
    let seat = |s: &engine::SeatRun| {
        let asked: BTreeSet<PersonId> = s.asked().collect();
        (
            s.key.clone(),
            s.need,
            asked.iter().filter_map(|p| names.get(p).cloned()).collect(),
        )
    };
    PreviewStage {
        key: forecast.stage.clone(),
        title: stage.map_or_else(String::new, |s| s.title.clone()),
        needed: forecast.needed,
        when: stage.and_then(|s| s.when.clone()),
        seats: forecast.seats.iter().map(seat).collect(),
    }
}
