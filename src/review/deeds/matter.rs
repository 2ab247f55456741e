//! What a deed is about, as its page and the record's page show it.
use crate::db::{At, ConditionId, Conn, PersonId};
use crate::error::Result;
use crate::people;
use crate::register::Record;
use crate::review::engine::Review;
use crate::review::service::Desk;
use crate::review::timeline::TimelineItem;
use crate::review::{self, ConditionRow};
use crate::web::badge::{Badge, badge};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What somebody wrote, and who and when.
#[derive(Debug, Clone, Serialize)]
pub struct Quote {
    /// Who.
    pub by: String,
    /// When.
    pub at: At,
    /// What; nothing where it was erased.
    pub text: Option<String>,
}

impl Quote {
    pub(super) fn of(item: &TimelineItem) -> Quote {
        Quote {
            by: item.actor.clone().unwrap_or_default(),
            at: item.at,
            text: item.evidence.clone().or_else(|| item.reason.clone()),
        }
    }
}

/// A condition of an approval as people read it.
#[derive(Debug, Clone, Serialize)]
pub struct ConditionView {
    /// Its identifier.
    pub id: ConditionId,
    /// What must be done.
    pub text: String,
    /// Where it stands.
    pub status: Badge,
    /// Who does it.
    pub owner: String,
    /// By when.
    pub due: Option<String>,
    /// That it is late, in words.
    pub late: Option<String>,
    /// Who attached it.
    pub by: String,
    /// In which stage.
    pub stage: String,
    /// The last evidence.
    pub evidence: Option<Quote>,
    /// The last word on it that took a reason: why evidence was refused, why it was let go.
    pub answer: Option<Answer>,
}

/// What was said about a condition, and by whom.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// What was done: `Evidence refused`.
    pub what: String,
    /// By whom, when, why.
    pub quote: Quote,
}

/// The conditions attached to a record's approvals, those that count first.
///
/// # Errors
/// When the database fails.
pub fn conditions(
    conn: &mut Conn,
    desk: &Desk,
    record: &Record,
    timeline: &[TimelineItem],
) -> Result<Vec<ConditionView>> {
    let rows = review::conditions_of(conn, record.id)?;
    let people: BTreeSet<PersonId> = rows
        .iter()
        .filter_map(|row| row.owner_id.or(record.owner_id))
        .collect();
    let names = people::names(conn, &people)?;
    let decisions = review::decisions_of(conn, record.id)?;
    let mut views: Vec<ConditionView> = Vec::new();
    for row in rows {
        let decision = decisions.iter().find(|d| d.id == row.decision_id);
        let entry = decision.and_then(|d| timeline.iter().find(|item| item.seq == d.seq));
        views.push(view(desk, row, record, entry, &names, timeline));
    }
    views.sort_by_key(|view| view.status.word == "Void");
    Ok(views)
}

fn view(
    desk: &Desk,
    row: ConditionRow,
    record: &Record,
    entry: Option<&TimelineItem>,
    names: &BTreeMap<PersonId, String>,
    timeline: &[TimelineItem],
) -> ConditionView {
    let about = |item: &&TimelineItem| item.condition == Some(row.id);
    let last = |kinds: &[&str]| {
        let mut items = timeline.iter().rev().filter(about);
        items.find(|item| kinds.contains(&item.kind.as_str()))
    };
    let answers = [
        "condition.evidence_refused",
        "condition.refused",
        "condition.waived",
    ];
    let owner = row.owner_id.or(record.owner_id);
    let owner = owner.and_then(|id| names.get(&id).cloned());
    let owed = matches!(
        row.state.as_str(),
        "open" | "evidence_given" | "missed" | "refused"
    );
    ConditionView {
        id: row.id,
        status: of_state(&row.state),
        owner: owner.unwrap_or_else(|| "nobody".to_owned()),
        late: row.due_at.filter(|_| owed).and_then(|due| late(desk, due)),
        due: row.due_at.map(|due| last_day(desk, due)).or(row.due),
        by: entry
            .and_then(|item| item.actor.clone())
            .unwrap_or_default(),
        stage: entry
            .and_then(|item| item.stage_title.clone())
            .unwrap_or_default(),
        evidence: last(&["condition.evidence_given"]).map(Quote::of),
        answer: last(&answers).map(|item| Answer {
            what: said(&item.kind).to_owned(),
            quote: Quote::of(item),
        }),
        text: row.text,
    }
}

fn said(kind: &str) -> &'static str {
    match kind {
        "condition.evidence_refused" => "Evidence refused",
        "condition.waived" => "Waived",
        _ => "Said not to be met",
    }
}

/// The last day on which something is in time that is due at an instant.
fn last_day(desk: &Desk, due: At) -> String {
    let last = At::new(due.0 - jiff::Span::new().seconds(1));
    crate::db::Day::of(last, &desk.zone).to_string()
}

/// `overdue since today`, `overdue by 3 days`; nothing while there is time.
pub fn late(desk: &Desk, due: At) -> Option<String> {
    let now = desk.clock.now();
    if now < due {
        return None;
    }
    Some(match now.0.duration_since(due.0).as_hours() / 24 {
        0 => "overdue since today".to_owned(),
        1 => "overdue by 1 day".to_owned(),
        days => format!("overdue by {days} days"),
    })
}

/// Where a condition stands, in a word with a shape.
pub fn of_state(state: &str) -> Badge {
    match state {
        "open" => badge("Open", "part"),
        "evidence_given" => badge("Evidence given", "open"),
        "met" => badge("Met", "good"),
        "waived" => badge("Waived", ""),
        "missed" => badge("Missed", "bad"),
        "refused" => badge("Will not be met", "bad"),
        _ => badge("Void", ""),
    }
}

/// An override that waits for a second person.
#[derive(Debug, Clone, Serialize)]
pub struct Proposal {
    /// By whom, when and why.
    pub quote: Quote,
    /// Until when it would hold.
    pub until: At,
}

/// The override of this review that is proposed and may still be agreed to.
pub fn proposal(desk: &Desk, review: &Review, timeline: &[TimelineItem]) -> Option<Proposal> {
    let open = |o: &crate::review::engine::Overriding| o.second.is_none();
    let proposed = review.overriding.filter(open)?;
    if proposed.until <= desk.clock.now() || !review.phase.is_running() {
        return None;
    }
    let entry = timeline
        .iter()
        .rev()
        .find(|item| item.review == Some(review.id) && item.kind == "override.proposed")?;
    Some(Proposal {
        quote: Quote::of(entry),
        until: proposed.until,
    })
}
