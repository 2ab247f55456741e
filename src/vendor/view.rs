//! What pages and the API show of vendors: what depends on one, and what changed there.
use super::store::{self, CaseState, Change, OpenChange, State};
use super::{change, dependants};
use crate::db::{Conn, PersonId, RecordId, VendorChangeId};
use crate::error::Result;
use crate::people;
use crate::register::{self, Name, Record};
use crate::web::badge::{Badge, badge, of_status};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most use cases that a page lists.
pub(super) const LISTED: usize = 100;

/// Beyond which business units a reader must not see, and who reads; nothing for everything.
pub type Within = Option<(Vec<String>, PersonId)>;

/// What the page of a record says of vendors.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RecordNote {
    /// On a use case: the changes that call for its review; on a tool: those at its vendor.
    pub under: Vec<UnderView>,
    /// On a vendor: what depends on it, and what changed.
    pub vendor: Option<VendorView>,
}

/// A change that calls for the review of a use case.
#[derive(Debug, Clone, Serialize)]
pub struct UnderView {
    /// Why, in one sentence.
    pub words: String,
    /// Where the change is told.
    pub path: String,
}

impl UnderView {
    fn of(change: &OpenChange, state: CaseState) -> UnderView {
        UnderView {
            words: why(change, state),
            path: change.path(),
        }
    }
}

fn why(change: &OpenChange, state: CaseState) -> String {
    let (title, area) = (&change.title, change.area.words());
    match state {
        CaseState::Told => format!("Something changed at {title}: {area}. It was never approved."),
        _ => format!("Under re-review because something changed at {title}: {area}."),
    }
}

/// What depends on a vendor, and what changed there.
#[derive(Debug, Clone, Serialize)]
pub struct VendorView {
    /// `VE-2026-0003`.
    pub reference: String,
    /// How we would leave.
    pub exit_plan: Option<String>,
    /// What depends on it.
    pub dependants: Dependants,
    /// The changes that were reported, the latest first.
    pub changes: Vec<ChangeLine>,
}

/// The use cases that depend on a vendor.
#[derive(Debug, Clone, Serialize)]
pub struct Dependants {
    /// How many there are.
    pub total: usize,
    /// What they cost in a year together, in euros, where anybody said.
    pub cost_eur_per_year: Option<i64>,
    /// How many of them say what they cost.
    pub costed: usize,
    /// Some of them.
    pub lines: Vec<Line>,
    /// How many more there are after those.
    pub more: usize,
}

/// One use case that depends on a vendor.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// `AI-2026-0042`.
    pub reference: String,
    /// What it is called.
    pub title: String,
    /// Where it stands.
    pub status: Badge,
    /// The word of that.
    pub state: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it costs in a year, in euros.
    pub cost_eur_per_year: Option<i64>,
    /// Why it is reviewed again.
    pub under_review_because: Option<String>,
}

/// A change in one line.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeLine {
    /// Where its page is.
    pub path: String,
    /// What it is about.
    pub area: String,
    /// Where it stands.
    pub status: Badge,
    /// When it was reported.
    pub reported_at: String,
    /// By whom; the vendor, when nobody of ours did.
    pub reported_by: Option<String>,
}

/// The state of a change as a word with a shape.
pub(super) fn of_state(state: State) -> Badge {
    match state {
        State::Reported => badge("Reported", "part"),
        State::Open => badge("Under re-review", "open"),
        State::Dismissed => badge("Dismissed", ""),
        State::Closed => badge("Closed", "good"),
    }
}

/// How far one use case is, as a word with a shape.
pub(super) fn of_case(state: CaseState, outcome: Option<&str>) -> Badge {
    match (state, outcome) {
        (CaseState::Told, _) => badge("Told", ""),
        (CaseState::Waiting, _) => badge("About to begin", "part"),
        (CaseState::Open, _) => badge("Under re-review", "open"),
        (CaseState::Ended, Some("approved")) => badge("Approved again", "good"),
        (CaseState::Ended, Some("rejected" | "abandoned")) => badge("Not approved", "bad"),
        (CaseState::Ended, _) => badge("Ended", ""),
    }
}

/// What depends on a vendor, for a reader who sees records `within`: `limit` of them from one place
/// on.
///
/// # Errors
/// When the database fails.
pub(super) fn depending(
    conn: &mut Conn,
    vendor: &Record,
    within: &Within,
    (from, limit): (usize, usize),
) -> Result<Dependants> {
    let mut all = dependants::of(conn, vendor)?;
    if let Some((units, person)) = within {
        let theirs = register::of_units(conn, units)?;
        let own = |one: &Record| [one.owner_id, one.submitter_id].contains(&Some(*person));
        all.retain(|one| own(one) || theirs.contains(&one.id));
    }
    let ids: Vec<RecordId> = all.iter().map(|one| one.id).collect();
    let names = register::names_of(conn, &ids)?;
    let cost = |id: &RecordId| {
        let said = names.get(id)?.iter().find(|(name, _)| *name == Name::Cost);
        said.and_then(|(_, cost)| cost.parse::<i64>().ok())
    };
    let costs: Vec<i64> = ids.iter().filter_map(cost).collect();
    let total = all.len();
    let shown: Vec<Record> = all.into_iter().skip(from).take(limit).collect();
    let owners: BTreeSet<PersonId> = shown.iter().filter_map(|one| one.owner_id).collect();
    let owners = people::names(conn, &owners)?;
    let ids: Vec<RecordId> = shown.iter().map(|one| one.id).collect();
    let notes = notes(conn, &ids)?;
    let mut lines = Vec::new();
    for one in &shown {
        lines.push(Line {
            reference: one.reference.clone(),
            title: one.title.clone(),
            status: of_status(one.status()?),
            state: one.status.clone(),
            owner: one.owner_id.and_then(|id| owners.get(&id).cloned()),
            cost_eur_per_year: cost(&one.id),
            under_review_because: notes.get(&one.id).cloned(),
        });
    }
    Ok(Dependants {
        total,
        cost_eur_per_year: (!costs.is_empty()).then(|| costs.iter().sum()),
        costed: costs.len(),
        more: total.saturating_sub(from + lines.len()),
        lines,
    })
}

/// Why these use cases are reviewed again, in one sentence each; nothing for the others.
///
/// # Errors
/// When the database fails.
pub fn notes(conn: &mut Conn, ids: &[RecordId]) -> Result<HashMap<RecordId, String>> {
    let under = store::under_change(conn, ids)?;
    let first = |(id, all): (RecordId, Vec<(OpenChange, CaseState)>)| {
        let reviewed = all.iter().find(|(_, state)| *state != CaseState::Told);
        let (change, state) = reviewed?;
        Some((id, why(change, *state)))
    };
    Ok(under.into_iter().filter_map(first).collect())
}

/// What the page of a record says of vendors.
///
/// # Errors
/// When the database fails.
pub fn record_note(conn: &mut Conn, record: &Record, within: &Within) -> Result<RecordNote> {
    match record.kind.as_str() {
        "use_case" => {
            let mut under = store::under_change(conn, &[record.id])?;
            let under = under.remove(&record.id).unwrap_or_default();
            let under = under
                .iter()
                .map(|(change, state)| UnderView::of(change, *state));
            Ok(RecordNote {
                under: under.collect(),
                vendor: None,
            })
        }
        "vendor" => Ok(RecordNote {
            under: Vec::new(),
            vendor: Some(vendor_view(conn, record, within)?),
        }),
        "tool" => Ok(RecordNote {
            under: of_tool(conn, record)?,
            vendor: None,
        }),
        _ => Ok(RecordNote::default()),
    }
}

/// The changes at the vendor of a tool that are not dealt with.
fn of_tool(conn: &mut Conn, tool: &Record) -> Result<Vec<UnderView>> {
    let mut names = register::names_of(conn, &[tool.id])?;
    let names = names.remove(&tool.id).unwrap_or_default();
    let makers: Vec<String> = names
        .into_iter()
        .filter(|(name, _)| *name == Name::Vendor)
        .map(|(_, said)| said)
        .collect();
    let mut open = store::open_changes(conn)?;
    open.retain(|change| {
        let called = [&change.title, &change.reference];
        let mut called = called.into_iter().map(|name| register::one_spelling(name));
        called.any(|name| makers.contains(&name))
    });
    let view = |change: OpenChange| UnderView {
        words: format!(
            "Something changed at {}: {}. What depends on it is reviewed again.",
            change.title,
            change.area.words()
        ),
        path: change.path(),
    };
    Ok(open.into_iter().map(view).collect())
}

fn vendor_view(conn: &mut Conn, vendor: &Record, within: &Within) -> Result<VendorView> {
    let document = register::revision(conn, vendor.id, vendor.revision)?.document()?;
    let exit_plan = document.get("exit_plan").and_then(|plan| plan.as_str());
    Ok(VendorView {
        reference: vendor.reference.clone(),
        exit_plan: exit_plan.map(str::to_owned),
        dependants: depending(conn, vendor, within, (0, LISTED))?,
        changes: change_lines(conn, vendor)?,
    })
}

/// The changes at a vendor in one line each, the latest first.
pub(super) fn change_lines(conn: &mut Conn, vendor: &Record) -> Result<Vec<ChangeLine>> {
    let changes = store::changes(conn, vendor.id)?;
    let reporters: BTreeSet<PersonId> = changes.iter().filter_map(|one| one.reported_by).collect();
    let names = people::names(conn, &reporters)?;
    let line = |change: &Change| {
        Ok(ChangeLine {
            path: format!("/vendors/{}/changes/{}", vendor.reference, change.id),
            area: change.area().words().to_owned(),
            status: of_state(change.state()?),
            reported_at: change.reported_at.to_string(),
            reported_by: change.reported_by.and_then(|id| names.get(&id).cloned()),
        })
    };
    changes.iter().map(line).collect()
}

/// A change as a page and the API show it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ChangeView {
    pub id: String,
    pub path: String,
    pub vendor: String,
    pub vendor_title: String,
    pub area: &'static str,
    pub area_words: &'static str,
    pub state: &'static str,
    pub status: Badge,
    pub what: Option<String>,
    pub source: Option<String>,
    pub source_is_address: bool,
    pub effective_on: Option<String>,
    pub sets: Vec<SetView>,
    pub reasons: Vec<String>,
    pub reported_by: Option<String>,
    pub reported_at: String,
    pub reported_entry: i64,
    pub decided_words: &'static str,
    pub decided_by: Option<String>,
    pub decided_at: Option<String>,
    pub decided_entry: Option<i64>,
    pub closed_by: Option<String>,
    pub closed_at: Option<String>,
    pub closed_entry: Option<i64>,
    pub total: i64,
    pub cases: Vec<CaseView>,
    pub more: i64,
}

/// A field of the vendor's record that a change sets.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SetView {
    pub field: String,
    pub label: String,
    pub value: String,
}

/// One use case of a change.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CaseView {
    pub reference: String,
    pub title: String,
    pub state: &'static str,
    pub status: Badge,
    pub outcome: Option<String>,
    pub trouble: Option<String>,
}

/// A change with its use cases, for a reader who sees records `within`.
pub(super) fn change_view(
    conn: &mut Conn,
    form: &crate::form::Form,
    (vendor, change): (&Record, &Change),
    within: &Within,
    (from, limit): (i64, i64),
) -> Result<ChangeView> {
    let said = change::words(conn, change)?;
    let people = [change.reported_by, change.decided_by, change.closed_by];
    let names: BTreeMap<PersonId, String> =
        people::names(conn, &people.into_iter().flatten().collect())?;
    let name = |id: Option<PersonId>| id.and_then(|id| names.get(&id).cloned());
    let part = case_views(conn, change.id, within, (from, limit))?;
    let is_address = |text: &String| text.starts_with("https://") || text.starts_with("http://");
    let label = |field: &String| {
        form.field(field)
            .map_or(field, |known| &known.short)
            .clone()
    };
    let sets = said.sets.iter().map(|(field, value)| SetView {
        label: label(field),
        value: value.as_str().map_or_else(|| told(value), str::to_owned),
        field: field.clone(),
    });
    Ok(ChangeView {
        id: change.id.to_string(),
        path: format!("/vendors/{}/changes/{}", vendor.reference, change.id),
        vendor: vendor.reference.clone(),
        vendor_title: vendor.title.clone(),
        area: change.area().as_str(),
        area_words: change.area().words(),
        state: change.state()?.as_str(),
        status: of_state(change.state()?),
        sets: sets.collect(),
        what: said.what,
        source_is_address: said.source.as_ref().is_some_and(is_address),
        source: said.source,
        effective_on: change.effective_on.clone(),
        reasons: said.reasons,
        reported_by: name(change.reported_by),
        reported_at: change.reported_at.to_string(),
        reported_entry: change.reported_seq,
        decided_words: match change.state()? {
            State::Dismissed => "said that it does not count",
            _ => "said that it counts",
        },
        decided_by: name(change.decided_by),
        decided_at: change.decided_at.map(|at| at.to_string()),
        decided_entry: change.decided_seq,
        closed_by: name(change.closed_by),
        closed_at: change.closed_at.map(|at| at.to_string()),
        closed_entry: change.closed_seq,
        more: part.more,
        total: part.total,
        cases: part.cases,
    })
}

/// Some use cases of a change.
struct Cases {
    cases: Vec<CaseView>,
    total: i64,
    more: i64,
}

/// The use cases of a change from one place on. A reader who sees some records only is told of
/// those, and of how many those are.
fn case_views(
    conn: &mut Conn,
    change: VendorChangeId,
    within: &Within,
    (from, limit): (i64, i64),
) -> Result<Cases> {
    let counts = store::counts(conn, change)?;
    let total: i64 = counts.iter().map(|(.., n)| n).sum();
    let found = store::cases(conn, change, from, limit)?;
    let seen = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let units = match within {
        Some((units, person)) => Some((register::of_units(conn, units)?, *person)),
        None => None,
    };
    let mut cases = Vec::new();
    for (case, record) in found {
        let hidden = units.as_ref().is_some_and(|(units, person)| {
            let own = [record.owner_id, record.submitter_id].contains(&Some(*person));
            !own && !units.contains(&record.id)
        });
        if !hidden {
            cases.push(case_view(&case, &record)?);
        }
    }
    let shown = i64::try_from(cases.len()).unwrap_or(i64::MAX);
    Ok(Cases {
        total: if within.is_some() { shown } else { total },
        more: total.saturating_sub(from.saturating_add(seen)),
        cases,
    })
}

fn told(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

fn case_view(case: &store::Case, record: &Record) -> Result<CaseView> {
    let state = case.state()?;
    Ok(CaseView {
        reference: record.reference.clone(),
        title: record.title.clone(),
        state: state.as_str(),
        status: of_case(state, case.outcome.as_deref()),
        outcome: case.outcome.clone(),
        trouble: case.trouble.clone(),
    })
}
