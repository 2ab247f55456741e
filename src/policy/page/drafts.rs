//! Drafts of policies as pages: begun, written, looked at, proposed, published by somebody else or
//! sent back.
use crate::app::App;
use crate::db::{At, Conn, DraftId, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::people;
use crate::policy::drafts::{self, Draft, Examined, TEMPLATE};
use crate::policy::lint::Cell;
use crate::policy::view::of_verdict;
use crate::policy::{self, MAIN, Verdict};
use crate::review::Desk;
use crate::review::drafts::State;
use crate::review::words::{sentence, typed};
use crate::web::answer::{go_to, page, page_with, status_of};
use crate::web::badge::{Badge, badge};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};

type Pairs = Vec<(String, String)>;
/// Findings of one sort that stand on the page.
const SHOWN: usize = 50;

fn value(pairs: &Pairs, name: &str) -> String {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map_or_else(String::new, |(_, value)| typed(value))
}

/// Which draft.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Place {
    pub key: String,
    pub id: DraftId,
}

impl Place {
    pub fn of(key: &str, id: &str) -> Result<Place> {
        let parsed = id.parse().map_err(|_| Error::not_found("draft", id))?;
        Ok(Place {
            key: key.to_owned(),
            id: parsed,
        })
    }

    fn path(&self) -> String {
        format!("/policy/{}/drafts/{}", self.key, self.id)
    }
}

#[derive(Serialize)]
struct ListPage {
    key: String,
    in_force: i32,
    drafts: Vec<Line>,
    may_keep: bool,
}

#[derive(Serialize)]
struct Line {
    id: String,
    base: i32,
    authors: Vec<String>,
    changed_at: At,
    status: Badge,
}

fn of_state(state: State) -> Badge {
    match state {
        State::Draft => badge("Draft", ""),
        State::Proposed => badge("Proposed", "open"),
        State::Published => badge("Published", "good"),
        State::Returned => badge("Sent back", "part"),
        State::Discarded => badge("Discarded", ""),
    }
}

pub(in crate::policy) fn authors(conn: &mut Conn, draft: &Draft) -> Result<Vec<String>> {
    let mut names: Vec<String> = people::names(conn, &draft.authors)?.into_values().collect();
    if names.is_empty() {
        names.push("the operator".to_owned());
    }
    Ok(names)
}

/// `GET /policy/{key}/drafts`
///
/// # Errors
/// 403.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
) -> Result<HttpResponse> {
    visitor.must_see_drafts()?;
    let (key, may_keep) = (key.into_inner(), visitor.keeps_policy());
    let read = move |conn: &mut Conn| {
        let mut lines = Vec::new();
        for draft in drafts::drafts(conn, Some(&key))? {
            lines.push(Line {
                authors: authors(conn, &draft)?,
                id: draft.id.to_string(),
                base: draft.base,
                changed_at: draft.changed_at,
                status: of_state(draft.state),
            });
        }
        Ok(ListPage {
            in_force: policy::in_force(conn, &key)?,
            key,
            drafts: lines,
            may_keep,
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "policy", "policy-drafts", &context)
}

/// `POST /policy/{key}/drafts`: from the version in force; of the organisation's own policy, where
/// there is none, from the one that ships.
///
/// # Errors
/// 403 for others than keepers of the policy, 404.
pub async fn begin(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (key, actor) = (key.into_inner(), visitor.actor()?);
    let (author, name) = (actor.clone(), key.clone());
    let sent = Key::of_form(&visitor, "/policy/drafts", &form)?;
    let work = move |tx: &mut Tx, desk: &Desk| {
        let is_new = name == MAIN && policy::in_force(tx, &name)? == 0;
        let text = is_new.then(|| TEMPLATE.to_owned());
        let draft = drafts::begin(tx, desk, &author, &name, text)?;
        Ok(json!({ "id": draft.id }))
    };
    let answer = once(&app, "draft_policy", key.clone(), &actor, sent, work).await?;
    let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok(go_to(&app, &format!("/policy/{key}/drafts/{id}")))
}

#[derive(Serialize)]
struct DraftPage {
    summary: Vec<SummaryLine>,
    key: String,
    path: String,
    title: String,
    base: i32,
    moved: i32,
    seen: i32,
    status: Badge,
    authors: Vec<String>,
    changed_at: At,
    reason: Option<String>,
    discarded_by: Option<String>,
    waits: bool,
    may_edit: bool,
    may_propose: bool,
    may_decide: bool,
    problems: Vec<ProblemView>,
    findings: FindingsView,
    cells: Vec<ChangeView>,
    cell_count: usize,
    answers: Vec<ChangeView>,
    answer_count: usize,
    lines: Vec<String>,
    unsaved: bool,
    reason_typed: Vec<String>,
}

#[derive(Serialize)]
struct ProblemView {
    line: usize,
    column: usize,
    place: String,
    message: String,
}

#[derive(Serialize, Default)]
struct FindingsView {
    count: usize,
    complete: bool,
    gap_count: usize,
    gaps: Vec<String>,
    contradictions: Vec<ContradictionView>,
    overlaps: Vec<OverlapView>,
    idle: Vec<IdleView>,
    expired: Vec<String>,
    not_yet: Vec<String>,
}

#[derive(Serialize)]
struct ContradictionView {
    rules: String,
    status: Badge,
    count: usize,
    cells: String,
}

#[derive(Serialize)]
struct OverlapView {
    counts: String,
    yields: String,
    loosens: bool,
    count: usize,
}

#[derive(Serialize)]
struct IdleView {
    rule: String,
    behind: String,
}

#[derive(Serialize)]
struct ChangeView {
    place: String,
    before: Badge,
    after: Badge,
}

/// What comes back when something could not be done.
#[derive(Default)]
struct Again {
    text: Option<String>,
    reason: String,
    errors: Vec<SummaryLine>,
}

/// `GET /policy/{key}/drafts/{id}`
///
/// # Errors
/// 403, 404.
pub async fn draft(
    app: web::Data<App>,
    visitor: Visitor,
    place: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    visitor.must_see_drafts()?;
    let place = Place::of(&place.0, &place.1)?;
    draw(&app, &visitor, &place, Again::default(), StatusCode::OK).await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    place: &Place,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, who, place) = (app.desk.clone(), visitor.clone(), place.clone());
    let read = move |conn: &mut Conn| {
        let draft = drafts::draft(conn, &place.key, place.id)?;
        let found = drafts::examined(conn, &desk, &draft)?;
        DraftPage::read(conn, &who, &place, draft, &found, again)
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "policy", "policy-draft", &context, status)
}

impl DraftPage {
    fn read(
        conn: &mut Conn,
        who: &Visitor,
        place: &Place,
        draft: Draft,
        found: &Examined,
        again: Again,
    ) -> Result<DraftPage> {
        let in_force = policy::in_force(conn, &draft.key)?;
        let open = draft.state.closed().is_none();
        let moved = if open && in_force != draft.base {
            in_force
        } else {
            0
        };
        let mine = draft.authors.contains(&who.id()?);
        let proposed = draft.state == State::Proposed;
        let keeps = who.keeps_policy();
        let title = found
            .document
            .as_ref()
            .map(|document| document.policy.title.clone());
        let discarded = people::names(conn, &draft.discarded_by.into_iter().collect())?;
        let text = again.text.as_ref().unwrap_or(&draft.text);
        Ok(DraftPage {
            summary: again.errors,
            path: place.path(),
            title: title.unwrap_or_else(|| draft.key.clone()),
            authors: authors(conn, &draft)?,
            reason: drafts::reason(conn, &draft)?,
            discarded_by: discarded.into_values().next(),
            waits: proposed && (mine || !keeps),
            may_edit: open && keeps,
            may_propose: open && keeps && !proposed && found.problems.is_empty() && moved == 0,
            may_decide: proposed && keeps && !mine,
            problems: found.problems.iter().map(problem_view).collect(),
            findings: findings_view(found),
            cell_count: found.cells.len(),
            cells: found.cells.iter().take(SHOWN).map(cell_change).collect(),
            answer_count: found.answers.len(),
            answers: found
                .answers
                .iter()
                .take(SHOWN)
                .map(answer_change)
                .collect(),
            lines: text.split('\n').map(str::to_owned).collect(),
            unsaved: *text != draft.text,
            reason_typed: again.reason.split('\n').map(str::to_owned).collect(),
            status: of_state(draft.state),
            base: draft.base,
            seen: draft.seen,
            changed_at: draft.changed_at,
            key: draft.key,
            moved,
        })
    }
}

fn problem_view(problem: &crate::workflow::Problem) -> ProblemView {
    ProblemView {
        line: problem.line,
        column: problem.column,
        place: problem.place.clone(),
        message: problem.message.clone(),
    }
}

fn words(cell: &Cell) -> String {
    let tool = cell.tool.as_deref().unwrap_or("a tool that is not listed");
    let parts = [
        Some(tool),
        cell.mode.as_deref(),
        Some(&cell.class),
        cell.purpose.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn findings_view(found: &Examined) -> FindingsView {
    let found = &found.findings;
    let first = |cells: &[Cell]| {
        let shown: Vec<String> = cells.iter().take(5).map(words).collect();
        shown.join("; ")
    };
    FindingsView {
        count: found.count(),
        complete: found.complete,
        gap_count: found.gap_count,
        gaps: found.gaps.iter().take(SHOWN).map(words).collect(),
        contradictions: found
            .contradictions
            .iter()
            .take(SHOWN)
            .map(|one| ContradictionView {
                rules: one.rules.join(", "),
                status: short(one.verdict),
                count: one.count,
                cells: first(&one.cells),
            })
            .collect(),
        overlaps: found
            .overlaps
            .iter()
            .take(SHOWN)
            .map(|one| OverlapView {
                counts: one.counts.clone(),
                yields: one.yields.clone(),
                loosens: one.loosens,
                count: one.count,
            })
            .collect(),
        idle: found
            .idle
            .iter()
            .take(SHOWN)
            .map(|one| IdleView {
                rule: one.rule.clone(),
                behind: one.behind.join(", "),
            })
            .collect(),
        expired: found.expired.iter().take(SHOWN).cloned().collect(),
        not_yet: found.not_yet.iter().take(SHOWN).cloned().collect(),
    }
}

fn short(verdict: Verdict) -> Badge {
    match verdict {
        Verdict::AllowedWithConditions => badge("With conditions", "part"),
        other => of_verdict(other, 0),
    }
}

fn perhaps(verdict: Option<Verdict>) -> Badge {
    verdict.map_or_else(|| badge("Not in it", ""), short)
}

fn cell_change(change: &policy::CellChange) -> ChangeView {
    let cell = Cell {
        tool: Some(change.tool.clone()),
        mode: change.mode.clone(),
        class: change.class.clone(),
        purpose: None,
    };
    let mut after = perhaps(change.after);
    if change.conditions && change.before == change.after {
        after = badge("Other conditions", "part");
    }
    ChangeView {
        place: words(&cell),
        before: perhaps(change.before),
        after,
    }
}

fn answer_change(moved: &policy::kept::Moved) -> ChangeView {
    let tool = moved.tool.as_deref().unwrap_or("a tool that is not listed");
    let mut parts = vec![tool.to_owned()];
    parts.extend(moved.mode.clone());
    parts.push(moved.classes.join(", "));
    if moved.registered {
        parts.push("registered".to_owned());
    }
    ChangeView {
        place: parts.join(" · "),
        before: short(moved.before),
        after: short(moved.after),
    }
}

/// `POST /policy/{key}/drafts/{id}`: saves the text.
///
/// # Errors
/// 403, 404.
pub async fn save(
    app: web::Data<App>,
    visitor: Visitor,
    place: web::Path<(String, String)>,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (place, pairs) = (Place::of(&place.0, &place.1)?, form.into_inner());
    let (text, seen) = (
        value(&pairs, "text"),
        value(&pairs, "seen").parse().unwrap_or(0),
    );
    let (at, saved, actor) = (place.clone(), text.clone(), visitor.actor()?);
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        drafts::save(tx, desk, &author, (&at.key, at.id), seen, saved)
    };
    let done = app
        .command("save_policy_draft", place.id.to_string(), &actor, work)
        .await;
    match done {
        Ok(_) => Ok(go_to(&app, &place.path())),
        Err(error) => {
            let again = Again {
                text: Some(text),
                ..Again::default()
            };
            refused(&app, &visitor, &place, again, error).await
        }
    }
}

/// What is done with a draft: `proposal`, `publication`, `return`, `discard` or `base`; what came
/// of a publication is the new version.
pub(in crate::policy) async fn done(
    app: &App,
    visitor: &Visitor,
    place: &Place,
    deed: &str,
    seen: i32,
    reason: String,
) -> Result<Option<i32>> {
    visitor.must_keep_policy()?;
    let (at, actor, what) = (place.clone(), visitor.actor()?, deed.to_owned());
    let author = actor.clone();
    let found = match deed {
        "publication" => Some(looked_at(app, place.clone()).await?),
        _ => None,
    };
    let work = move |tx: &mut Tx, desk: &Desk| {
        let place = (at.key.as_str(), at.id);
        if let Some(found) = &found {
            return drafts::publish(tx, desk, &author, place, seen, found).map(Some);
        }
        match what.as_str() {
            "proposal" => drafts::propose(tx, desk, &author, place, seen).map(|_| None),
            "return" => drafts::send_back(tx, desk, &author, place, seen, &reason).map(|_| None),
            "discard" => drafts::discard(tx, desk, &author, place, seen).map(|_| None),
            "base" => drafts::rebase(tx, desk, &author, place, seen).map(|_| None),
            other => Err(Error::not_found("page", other)),
        }
    };
    app.command("policy_draft", place.id.to_string(), &actor, work)
        .await
}

async fn looked_at(app: &App, place: Place) -> Result<Examined> {
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let draft = drafts::draft(conn, &place.key, place.id)?;
        drafts::examined(conn, &desk, &draft)
    };
    app.db.read(read).await
}

/// `POST /policy/{key}/drafts/{id}/{deed}`
///
/// # Errors
/// 403, 404.
pub async fn deed(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String, String)>,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (key, id, deed) = path.into_inner();
    let (place, reason) = (Place::of(&key, &id)?, value(&form, "reason"));
    let seen = value(&form, "seen").parse().unwrap_or(0);
    match done(&app, &visitor, &place, &deed, seen, reason.clone()).await {
        Ok(Some(version)) => Ok(go_to(&app, &format!("/policy/{key}/versions/{version}"))),
        Ok(None) => Ok(go_to(&app, &place.path())),
        Err(error) => {
            let again = Again {
                reason,
                ..Again::default()
            };
            refused(&app, &visitor, &place, again, error).await
        }
    }
}

/// The page again with what was typed, for what its reader can mend or must know.
async fn refused(
    app: &App,
    visitor: &Visitor,
    place: &Place,
    mut again: Again,
    error: Error,
) -> Result<HttpResponse> {
    let line = |target: Option<&str>, message: &str| SummaryLine {
        target: target.map(str::to_owned),
        message: sentence(message),
    };
    let status = status_of(&error);
    again.errors = match &error {
        Error::Invalid(wrong) => wrong
            .iter()
            .map(|one| line(Some(&one.field), &one.message))
            .collect(),
        Error::Stale { .. } if again.text.is_some() => {
            let message = "somebody changed this draft meanwhile. What you typed stands below and \
                           is not saved; saving replaces what they wrote";
            vec![line(Some("text"), message)]
        }
        Error::Stale { .. } => {
            let message = "somebody changed this draft meanwhile, and nothing was done: look at \
                           what stands there now and try again";
            vec![line(None, message)]
        }
        Error::Draft(refusal) => vec![line(None, &refusal.to_string())],
        _ => return Err(error),
    };
    draw(app, visitor, place, again, status).await
}
