//! The administrators' page about what is kept: proposals to erase, legal holds, retention.
use super::deed::{Deed, Held, Kept, Proposed, Why};
use super::view::{self, View};
use super::{Basis, invalid};
use crate::app::App;
use crate::error::{Error, Result};
use crate::form::{ChoiceView, FieldView, SummaryLine, Widget};
use crate::people::page::{Again, Ask, optional, question};
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::str::FromStr;

type Pairs = Vec<(String, String)>;
type Shared = web::Data<App>;
type Posted = web::Form<Pairs>;

#[derive(Serialize)]
struct ErasurePage {
    summary: Vec<SummaryLine>,
    waiting: Vec<Waiting>,
    settled: Vec<view::ErasureView>,
    holds: Vec<Standing>,
    lifted: Vec<view::HoldView>,
    rule: Option<view::RuleView>,
    proposed_rule: Option<WaitingRule>,
    propose: Ask,
    hold: Ask,
    keep: Option<Ask>,
}

/// A proposal with what may be done about it.
#[derive(Serialize)]
struct Waiting {
    erasure: view::ErasureView,
    agree: Option<Ask>,
    decline: Ask,
}

#[derive(Serialize)]
struct Standing {
    hold: view::HoldView,
    lift: Ask,
}

#[derive(Serialize)]
struct WaitingRule {
    rule: view::RuleView,
    agree: Option<Ask>,
    decline: Ask,
}

/// `GET /erasure`
///
/// # Errors
/// 403 for others than administrators.
pub async fn show(app: Shared, visitor: Visitor) -> Result<HttpResponse> {
    draw(&app, &visitor, Again::default(), StatusCode::OK).await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (me, view) = (visitor.id()?, app.db.read(view::read).await?);
    let context = ErasurePage::of(view, me, again)?;
    page_with(app, visitor, "people", "erasure", &context, status)
}

impl ErasurePage {
    fn of(view: View, me: crate::db::PersonId, again: Again) -> Result<ErasurePage> {
        let (waiting, settled): (Vec<_>, Vec<_>) = view
            .erasures
            .into_iter()
            .partition(|erasure| erasure.state == "proposed");
        let (holds, lifted): (Vec<_>, Vec<_>) = view
            .holds
            .into_iter()
            .partition(|hold| hold.lifted_at.is_none());
        let waiting = waiting.into_iter().map(|e| Waiting::of(e, me, &again));
        let holds = holds.into_iter().map(|h| Standing::of(h, &again));
        let rule = view.proposed_rule.map(|r| WaitingRule::of(r, me, &again));
        let keep = match rule {
            None => Some(ask_to_keep(view.rule.as_ref(), &again)?),
            Some(_) => None,
        };
        let mut page = ErasurePage {
            summary: Vec::new(),
            waiting: waiting.collect::<Result<_>>()?,
            settled,
            holds: holds.collect::<Result<_>>()?,
            lifted,
            rule: view.rule,
            proposed_rule: rule.transpose()?,
            propose: ask_to_propose(&again)?,
            hold: ask_to_hold(&again)?,
            keep,
        };
        page.summary = page.complaints();
        page.summary
            .extend(again.refusal.map(|message| SummaryLine {
                target: None,
                message,
            }));
        Ok(page)
    }

    fn complaints(&self) -> Vec<SummaryLine> {
        let declines = self.waiting.iter().map(|waiting| &waiting.decline);
        let lifts = self.holds.iter().map(|standing| &standing.lift);
        let rule = self.proposed_rule.iter().map(|rule| &rule.decline);
        let all = [&self.propose, &self.hold].into_iter().chain(&self.keep);
        let all = all.chain(declines).chain(lifts).chain(rule);
        all.flat_map(Ask::complaints).collect()
    }
}

impl Waiting {
    fn of(erasure: view::ErasureView, me: crate::db::PersonId, again: &Again) -> Result<Waiting> {
        let path = format!("/erasure/proposals/{}", erasure.id);
        let agree = Ask::new(
            format!("{path}/agreement"),
            format!("Agree, and erase the data of {}", erasure.person.name),
        );
        let agree = agree.once()?.toned("grave");
        Ok(Waiting {
            agree: (erasure.proposed_by.id != me).then_some(agree),
            decline: declining(&path, "refusal", "Decline", again)?,
            erasure,
        })
    }
}

impl Standing {
    fn of(hold: view::HoldView, again: &Again) -> Result<Standing> {
        let path = format!("/erasure/holds/{}", hold.id);
        let button = format!("Lift the hold on {}", hold.on);
        Ok(Standing {
            lift: declining(&path, "end", &button, again)?,
            hold,
        })
    }
}

impl WaitingRule {
    fn of(rule: view::RuleView, me: crate::db::PersonId, again: &Again) -> Result<WaitingRule> {
        let path = format!("/erasure/retention/{}", rule.id);
        let agree = Ask::new(format!("{path}/agreement"), "Agree to this retention");
        let agree = agree.once()?.toned("grave");
        Ok(WaitingRule {
            agree: (rule.proposed_by.id != me).then_some(agree),
            decline: declining(&path, "refusal", "Decline this retention", again)?,
            rule,
        })
    }
}

/// A form that asks for a reason.
fn declining(path: &str, verb: &str, button: &str, again: &Again) -> Result<Ask> {
    let form = path.trim_start_matches('/').replace('/', "-");
    let field = reason(&form, again);
    Ok(Ask::new(format!("{path}/{verb}"), button)
        .once()?
        .field(field))
}

fn reason(form: &str, again: &Again) -> FieldView {
    let help = "Kept beside the decision log. Do not name the person.";
    question(
        (form, "reason"),
        "Reason",
        Some(help),
        Widget::Textarea,
        "",
        again,
    )
}

fn ask_to_propose(again: &Again) -> Result<Ask> {
    let person = question(
        ("propose", "person"),
        "E-mail address of a person who left",
        None,
        Widget::Email,
        "",
        again,
    );
    let mut basis = question(
        ("propose", "basis"),
        "Legal basis",
        None,
        Widget::Select,
        "",
        again,
    );
    basis.choices = Basis::ALL
        .into_iter()
        .map(|one| ChoiceView {
            id: format!("propose-basis-{}", one.as_str()),
            value: one.as_str().to_owned(),
            label: one.words().to_owned(),
            hint: None,
            hint_id: None,
            checked: basis.value == one.as_str(),
        })
        .collect();
    let ask = Ask::new(
        "/erasure/proposals".to_owned(),
        "Propose to erase their data",
    )
    .once()?;
    Ok(ask
        .field(person)
        .field(basis)
        .field(reason("propose", again)))
}

fn ask_to_hold(again: &Again) -> Result<Ask> {
    let person = question(
        ("hold", "person"),
        "E-mail address of a person",
        None,
        Widget::Email,
        "",
        again,
    );
    let help = "Such as AI-2026-0042, instead of a person.";
    let record = question(
        ("hold", "record"),
        "Reference of a record",
        Some(help),
        Widget::Text,
        "",
        again,
    );
    let ask = Ask::new("/erasure/holds".to_owned(), "Set a legal hold").once()?;
    let ask = ask.field(optional(person)).field(optional(record));
    Ok(ask.field(reason("hold", again)))
}

fn ask_to_keep(now: Option<&view::RuleView>, again: &Again) -> Result<Ask> {
    let text = |number: Option<i32>| number.map_or_else(String::new, |n| n.to_string());
    let months = question(
        ("keep", "values_months"),
        "Months that reasons, answers and texts of ended reviews are kept",
        Some("6 to 600, counted from the review's last entry; empty keeps them for ever."),
        Widget::Text,
        &text(now.and_then(|rule| rule.values_months)),
        again,
    );
    let days = question(
        ("keep", "links_days"),
        "Days that dead links, sessions and contents of sent mails are kept",
        Some("30 to 3650; empty keeps them for ever."),
        Widget::Text,
        &text(now.and_then(|rule| rule.links_days)),
        again,
    );
    let ask = Ask::new("/erasure/retention".to_owned(), "Propose this retention").once()?;
    let ask = ask.field(optional(months)).field(optional(days));
    Ok(ask.field(reason("keep", again)))
}

/// Runs a deed, and shows the page again: with the form as typed when it was refused.
async fn run(
    app: &App,
    visitor: &Visitor,
    (form, path): (String, String),
    pairs: Pairs,
    deed: Result<Deed>,
) -> Result<HttpResponse> {
    let done = match deed {
        Ok(deed) => {
            let actor = visitor.actor()?;
            let key = Key::of_form(visitor, &path, &pairs)?;
            let (name, author) = (deed.name(), actor.clone());
            let work = move |tx: &mut crate::db::Tx, desk: &crate::review::Desk| {
                deed.run(tx, desk, &author)
            };
            once(app, name, path, &actor, key, work).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(go_to(app, "/erasure")),
        Err(error) => {
            let status = status_of(&error);
            draw(app, visitor, Again::with(&form, pairs, error)?, status).await
        }
    }
}

fn typed(pairs: &Pairs, name: &str) -> String {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map_or_else(String::new, |(_, value)| crate::form::plain(value))
}

fn id<T: FromStr>(what: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::not_found(what, text))
}

fn why(pairs: &Pairs) -> Why {
    Why {
        reason: typed(pairs, "reason"),
    }
}

fn number(pairs: &Pairs, name: &str) -> Result<Option<i32>> {
    let text = typed(pairs, name);
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().map(Some);
    number.map_err(|_| invalid(name, "enter a whole number, or nothing"))
}

/// `POST /erasure/proposals`
///
/// # Errors
/// 403 for others than administrators.
pub async fn propose(app: Shared, visitor: Visitor, posted: Posted) -> Result<HttpResponse> {
    let pairs = posted.into_inner();
    let deed = Deed::Propose(Proposed {
        person: typed(&pairs, "person"),
        basis: typed(&pairs, "basis"),
        reason: typed(&pairs, "reason"),
    });
    let place = ("propose".to_owned(), "/erasure/proposals".to_owned());
    run(&app, &visitor, place, pairs, Ok(deed)).await
}

/// `POST /erasure/proposals/{id}/{verb}`: `agreement` or `refusal`.
///
/// # Errors
/// 403 for others than administrators, 404.
pub async fn settle(
    app: Shared,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    posted: Posted,
) -> Result<HttpResponse> {
    let ((text, verb), pairs) = (path.into_inner(), posted.into_inner());
    let id = id("proposal", &text)?;
    let deed = match verb.as_str() {
        "agreement" => Deed::Agree(id),
        _ => Deed::Decline(id, why(&pairs)),
    };
    let place = format!("/erasure/proposals/{text}/{verb}");
    run(
        &app,
        &visitor,
        (format!("erasure-proposals-{text}"), place),
        pairs,
        Ok(deed),
    )
    .await
}

/// `POST /erasure/holds`
///
/// # Errors
/// 403 for others than administrators.
pub async fn hold(app: Shared, visitor: Visitor, posted: Posted) -> Result<HttpResponse> {
    let pairs = posted.into_inner();
    let deed = Deed::Hold(Held {
        person: Some(typed(&pairs, "person")),
        record: Some(typed(&pairs, "record")),
        reason: typed(&pairs, "reason"),
    });
    let place = ("hold".to_owned(), "/erasure/holds".to_owned());
    run(&app, &visitor, place, pairs, Ok(deed)).await
}

/// `POST /erasure/holds/{id}/end`
///
/// # Errors
/// 403 for others than administrators, 404.
pub async fn lift(
    app: Shared,
    visitor: Visitor,
    path: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (text, pairs) = (path.into_inner(), posted.into_inner());
    let deed = Deed::Lift(id("legal hold", &text)?, why(&pairs));
    let place = format!("/erasure/holds/{text}/end");
    run(
        &app,
        &visitor,
        (format!("erasure-holds-{text}"), place),
        pairs,
        Ok(deed),
    )
    .await
}

/// `POST /erasure/retention`
///
/// # Errors
/// 403 for others than administrators.
pub async fn keep(app: Shared, visitor: Visitor, posted: Posted) -> Result<HttpResponse> {
    let pairs = posted.into_inner();
    let months = number(&pairs, "values_months");
    let days = number(&pairs, "links_days");
    let deed = months.and_then(|values_months| {
        Ok(Deed::Keep(Kept {
            values_months,
            links_days: days?,
            reason: typed(&pairs, "reason"),
        }))
    });
    let place = ("keep".to_owned(), "/erasure/retention".to_owned());
    run(&app, &visitor, place, pairs, deed).await
}

/// `POST /erasure/retention/{id}/{verb}`: `agreement` or `refusal`.
///
/// # Errors
/// 403 for others than administrators, 404.
pub async fn settle_keeping(
    app: Shared,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    posted: Posted,
) -> Result<HttpResponse> {
    let ((text, verb), pairs) = (path.into_inner(), posted.into_inner());
    let id = id("retention rule", &text)?;
    let deed = match verb.as_str() {
        "agreement" => Deed::AgreeToKeep(id),
        _ => Deed::DeclineToKeep(id, why(&pairs)),
    };
    let place = format!("/erasure/retention/{text}/{verb}");
    run(
        &app,
        &visitor,
        (format!("erasure-retention-{text}"), place),
        pairs,
        Ok(deed),
    )
    .await
}
