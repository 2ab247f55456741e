//! One record: where it stands, who holds it, what happened, what it says.
use super::stages::{OpenStage, open_stages};
use super::standing::{self, ReviewLine, StandingView};
use super::{KindView, Names, PolicyView, RecordView, here, listed, loaded, names};
use crate::app::App;
use crate::catalogue;
use crate::db::{Conn, PersonId};
use crate::error::{Error, Result};
use crate::form::{FactGroup, SummaryLine};
use crate::overview;
use crate::people;
use crate::register::{self, Record, Status};
use crate::review::deeds::page::OfferView;
use crate::review::deeds::{self, ConditionView, Deed, Proposal, Subject};
use crate::review::engine::{Phase, Progress, Refusal, Review, StageRun};
use crate::review::workflows::Loaded;
use crate::review::{self, Desk, Finish, TimelineItem};
use crate::vendor;
use crate::web::answer::{go_to, page_with};
use crate::web::badge::{Badge, of_progress};
use crate::web::session::Visitor;
use crate::web::spine::SpineItem;
use crate::workflow::Stage;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct RecordPage {
    kind: KindView,
    record: RecordView,
    is_use_case: bool,
    changes: Option<Asked>,
    route: Vec<RouteView>,
    open_stages: Vec<OpenStage>,
    finish: Option<Finish>,
    next: Option<String>,
    policy: Option<PolicyView>,
    standing: Option<StandingView>,
    overview: Option<overview::Small>,
    join: Option<JoinView>,
    proposal: Option<Proposal>,
    on_review: Vec<OfferView>,
    conditions: Vec<ConditionLine>,
    reviews: Vec<ReviewLine>,
    events: Vec<SpineItem>,
    vendors: vendor::RecordNote,
    sections: Vec<FactGroup>,
    revisions: Vec<RevisionView>,
    may: May,
    withdraw: Withdraw,
    summary: Vec<SummaryLine>,
    zone: String,
}

/// The request for changes that waits for an answer.
#[derive(Serialize)]
struct Asked {
    by: String,
    stage: String,
    at: String,
    reason: String,
    waiting_for: String,
}

#[derive(Serialize)]
struct RouteView {
    title: String,
    state: &'static str,
    note: String,
}

/// What a use case joined, or that others may join it.
#[derive(Default, Serialize)]
struct JoinView {
    /// What it joined.
    reference: Option<String>,
    title: String,
    worth: Option<Badge>,
    sentence: &'static str,
    outside: Vec<String>,
    /// How many joined it; nothing where nobody can have.
    count: Option<i64>,
    open: bool,
}

/// A condition with what the visitor may do about it.
#[derive(Serialize)]
struct ConditionLine {
    view: ConditionView,
    offers: Vec<OfferView>,
}

#[derive(Serialize)]
struct RevisionView {
    number: i32,
    at: String,
    by: String,
    digest: String,
    before: Option<i32>,
}

/// What this visitor may do with the record.
#[derive(Serialize)]
struct May {
    edit: bool,
    submit: bool,
    answer: bool,
    withdraw: bool,
    edit_path: String,
}

#[derive(Default, Serialize)]
struct Withdraw {
    reason: String,
    error: Option<String>,
}

/// `GET /{kind}/{reference}`
///
/// # Errors
/// 404.
pub async fn record(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    show(
        &app,
        &visitor,
        path.into_inner(),
        Withdraw::default(),
        StatusCode::OK,
    )
    .await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    (kind, reference): (String, String),
    withdraw: Withdraw,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, person, at) = (app.desk.clone(), visitor.id()?, kind.clone());
    let zone = app.config.time_zone.clone();
    let keeps = visitor.holds(&[people::ADMINISTRATOR]);
    let within = visitor.register_query()?;
    let context = app
        .db
        .read(move |conn| {
            let record = register::by_reference(conn, desk.kinds.by_path(&at)?.key, &reference)?;
            let mut context = RecordPage::read(conn, &desk, (person, keeps), &record)?;
            context.vendors = vendor::record_note(conn, &record, &within)?;
            Ok(context.withdrawing(withdraw, zone))
        })
        .await?;
    page_with(app, visitor, here(app, &kind), "record", &context, status)
}

impl RecordPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        (person, keeps): (PersonId, bool),
        record: &Record,
    ) -> Result<RecordPage> {
        let kind = desk.kinds.by_key(&record.kind)?;
        let document = register::revision(conn, record.id, record.revision)?.document()?;
        let review = record
            .review_id
            .map(|id| review::review(conn, id))
            .transpose()?;
        let timeline = review::timeline(conn, desk, record.id)?;
        let view = RecordView::of(conn, record)?;
        let run = review
            .as_ref()
            .map(|review| Run::read(conn, desk, review))
            .transpose()?;
        let waiting_for = view.submitter.clone().unwrap_or_default();
        let offers = deeds::page::offers(conn, desk, person, record)?;
        let proposed = review.as_ref();
        Ok(RecordPage {
            changes: changes(review.as_ref(), &timeline, waiting_for),
            route: run.as_ref().map(Run::route).unwrap_or_default(),
            open_stages: match &run {
                Some(run) => open_stages(conn, desk, (run.review, &run.loaded), &run.names, keeps)?,
                None => Vec::new(),
            },
            finish: match &run {
                Some(run) => review::finish(conn, desk, &run.loaded, run.review, &document)?,
                None => None,
            },
            next: run.as_ref().and_then(Run::next),
            policy: run.as_ref().map(Run::policy),
            standing: standing::standing(conn, desk, record, &timeline, &offers)?,
            overview: match kind.reviewed {
                true => Some(overview::small(conn, desk, record)?),
                false => None,
            },
            join: join(conn, desk, record)?,
            proposal: proposed.and_then(|r| deeds::proposal(desk, r, &timeline)),
            on_review: proposed.map_or_else(Vec::new, |r| about(&offers, Subject::Review(r.id))),
            conditions: conditions(conn, desk, record, &timeline, &offers)?,
            reviews: standing::reviews(conn, record, &timeline)?,
            events: timeline.into_iter().map(SpineItem::from).collect(),
            vendors: vendor::RecordNote::default(),
            sections: kind.form.fact_groups(&document),
            revisions: revisions(conn, record)?,
            may: May::of(conn, person, record, review.as_ref(), (kind, &offers))?,
            is_use_case: kind.key == crate::gates::USE_CASE,
            kind: KindView::of(kind),
            record: view,
            withdraw: Withdraw::default(),
            summary: Vec::new(),
            zone: String::new(),
        })
    }

    fn withdrawing(mut self, withdraw: Withdraw, zone: String) -> RecordPage {
        let line = |message: &String| SummaryLine {
            target: Some("field-reason".to_owned()),
            message: message.clone(),
        };
        self.summary = withdraw.error.iter().map(line).collect();
        self.withdraw = withdraw;
        self.zone = zone;
        self
    }
}

/// A review with what its page needs of the workflow and of people's names.
struct Run<'a> {
    review: &'a Review,
    loaded: std::sync::Arc<Loaded>,
    names: Names,
}

impl<'a> Run<'a> {
    fn read(conn: &mut Conn, desk: &Desk, review: &'a Review) -> Result<Run<'a>> {
        let runs = review.stages.values();
        let asked = runs.flat_map(|run| {
            run.asked()
                .into_iter()
                .chain(run.on_behalf.values().copied())
        });
        let names = names(conn, asked.map(Some))?;
        Ok(Run {
            review,
            loaded: loaded(conn, desk, review)?,
            names,
        })
    }

    fn stages(&self) -> impl Iterator<Item = (&Stage, &StageRun)> {
        let stages = self.loaded.workflow.in_order().into_iter();
        stages.filter_map(|stage| Some((stage, self.review.stage(&stage.key)?)))
    }

    fn route(&self) -> Vec<RouteView> {
        self.stages()
            .map(|(stage, run)| self.on_route(stage, run))
            .collect()
    }

    fn on_route(&self, stage: &Stage, run: &StageRun) -> RouteView {
        let (state, words) = of_progress(run.progress);
        let running = self.review.phase == Phase::InReview;
        let (state, note) = match run.progress {
            Progress::Open if self.review.phase == Phase::ChangesRequested => {
                ("back", "waits for a new revision".to_owned())
            }
            Progress::Open if running => {
                let need: usize = run.seats.iter().map(|seat| seat.need).sum();
                (
                    state,
                    format!("{} of {need} approved so far", run.approvers().len()),
                )
            }
            Progress::Open => ("ahead", "ended undecided".to_owned()),
            Progress::Pending if !running => (state, "not reached".to_owned()),
            _ => (state, words.to_owned()),
        };
        RouteView {
            title: stage.title.clone(),
            state,
            note,
        }
    }

    fn next(&self) -> Option<String> {
        if self.review.phase != Phase::InReview {
            return None;
        }
        let waits = |key: &String| {
            let run = self.review.stage(key);
            run.is_some_and(|run| run.progress == Progress::Pending)
        };
        let (later, next): (Vec<&Stage>, Vec<&Stage>) = self
            .stages()
            .map(|(stage, _)| stage)
            .filter(|stage| waits(&stage.key))
            .partition(|stage| stage.needs.iter().any(waits));
        if next.is_empty() {
            return Some("After that the review is complete.".to_owned());
        }
        let next = format!("Next, where its condition holds: {}.", titles(&next));
        Some(match later.as_slice() {
            [] => next,
            later => format!("{next} Later: {}.", titles(later)),
        })
    }

    fn policy(&self) -> PolicyView {
        let pin = &self.review.workflow;
        PolicyView::new(&pin.key, pin.version, &self.loaded.workflow.title)
    }
}

fn titles(stages: &[&Stage]) -> String {
    let titles: Vec<String> = stages.iter().map(|stage| stage.title.clone()).collect();
    listed(&titles, "and")
}

fn changes(
    review: Option<&Review>,
    timeline: &[TimelineItem],
    waiting_for: String,
) -> Option<Asked> {
    review.filter(|review| review.phase == Phase::ChangesRequested)?;
    let asked = |item: &&TimelineItem| item.outcome.as_deref() == Some("request_changes");
    let item = timeline.iter().rev().find(asked)?;
    Some(Asked {
        by: item.actor.clone().unwrap_or_default(),
        stage: item.stage_title.clone().unwrap_or_default(),
        at: item.at.to_string(),
        reason: item.reason.clone().unwrap_or_default(),
        waiting_for,
    })
}

/// The conditions, each with the deeds that are offered about it.
fn conditions(
    conn: &mut Conn,
    desk: &Desk,
    record: &Record,
    timeline: &[TimelineItem],
    offers: &[Offer],
) -> Result<Vec<ConditionLine>> {
    let all = deeds::conditions(conn, desk, record, timeline)?;
    let line = |view: ConditionView| ConditionLine {
        offers: about(offers, Subject::Condition(view.id)),
        view,
    };
    Ok(all.into_iter().map(line).collect())
}

/// What a use case joined; else what it offers to those who would join it.
fn join(conn: &mut Conn, desk: &Desk, record: &Record) -> Result<Option<JoinView>> {
    if let Some(joined) = catalogue::joined(conn, desk, record)? {
        return Ok(Some(JoinView {
            reference: Some(joined.base.record.reference),
            title: joined.base.record.title,
            worth: Some(joined.worth.badge()),
            sentence: joined.worth.sentence(),
            outside: joined.outside.into_iter().map(|one| one.message).collect(),
            ..JoinView::default()
        }));
    }
    let offer = catalogue::joins::Offer::read(conn, desk, record.clone())?;
    Ok(offer.map(|offer| JoinView {
        count: Some(offer.joined),
        open: offer.closed.is_none(),
        ..JoinView::default()
    }))
}

type Offer = (Deed, Subject, OfferView);

fn about(offers: &[Offer], subject: Subject) -> Vec<OfferView> {
    let here = offers.iter().filter(|(_, about, _)| *about == subject);
    here.map(|(.., view)| view.clone()).collect()
}

fn revisions(conn: &mut Conn, record: &Record) -> Result<Vec<RevisionView>> {
    let all = register::revisions(conn, record.id)?;
    let names = names(conn, all.iter().map(|r| r.author_id))?;
    let view = |r: &register::RevisionHead| RevisionView {
        number: r.number,
        at: r.created_at.to_string(),
        by: author(&names, r.author_id),
        digest: r.digest.clone(),
        before: Some(r.number - 1).filter(|before| *before > 0),
    };
    Ok(all.iter().rev().map(view).collect())
}

/// Who wrote a revision; an import has no author.
pub(super) fn author(names: &Names, id: Option<PersonId>) -> String {
    id.and_then(|id| names.get(&id).cloned())
        .unwrap_or_else(|| "an import".to_owned())
}

impl May {
    fn of(
        conn: &mut Conn,
        person: PersonId,
        record: &Record,
        review: Option<&Review>,
        (kind, offers): (&register::Kind, &[Offer]),
    ) -> Result<May> {
        let status = record.status()?;
        let theirs = review::may_edit(conn, person, record)?;
        let reviewing = |r: &&Review| {
            let owed = r.after_the_fact || r.looks_again;
            r.phase.is_running() && !owed && [r.submitter, r.owner].contains(&person)
        };
        // What was approved once changes by a renewal.
        let renews = offers.iter().any(|(deed, ..)| *deed == Deed::Renew);
        let edit = theirs && status.can_be_edited() && !renews;
        let at = if kind.reviewed { "draft" } else { "draft/all" };
        Ok(May {
            edit,
            submit: edit && kind.reviewed && status.can_be_submitted(),
            answer: edit && status == Status::ChangesRequested,
            withdraw: review.filter(reviewing).is_some(),
            edit_path: format!("/{}/{}/{at}", kind.path, record.reference),
        })
    }
}

/// Why something is taken back.
#[derive(Debug, Deserialize)]
pub struct Withdrawal {
    #[serde(default)]
    reason: String,
}

/// `POST /{kind}/{reference}/withdrawal`
///
/// # Errors
/// 403 for others than submitter and owner, 409 when nothing runs.
pub async fn withdraw(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    given: web::Form<Withdrawal>,
) -> Result<HttpResponse> {
    let (kind, reference) = path.into_inner();
    let (key, wanted, actor) = (
        app.desk.kinds.by_path(&kind)?.key,
        reference.clone(),
        visitor.actor()?,
    );
    let author = actor.clone();
    let reason = Some(given.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let done = app
        .command("withdraw", reference.clone(), &actor, move |tx, desk| {
            let record = register::by_reference(tx, key, &wanted)?;
            let review = record.review_id.ok_or(Refusal::NothingToWithdraw)?;
            review::withdraw(tx, desk, &author, review, reason)
        })
        .await;
    match done {
        Err(Error::Refused(refusal @ Refusal::TooLong(..))) => {
            let typed = given.into_inner().reason;
            let wrong = Withdraw {
                reason: typed,
                error: Some(refusal.to_string()),
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            show(&app, &visitor, (kind, reference), wrong, status).await
        }
        done => done.map(|_| go_to(&app, &format!("/{kind}/{reference}"))),
    }
}
