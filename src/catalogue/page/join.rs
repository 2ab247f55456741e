//! Joining an approval: what was approved, what one says of one's own use case, what must be kept.
use crate::app::App;
use crate::catalogue::joins::{self, Given, Offer};
use crate::catalogue::store;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::form::{Choice, FieldError, Form, SummaryLine};
use crate::people::Secret;
use crate::policy::view;
use crate::register::{self, Record};
use crate::review::words::typed;
use crate::review::{Desk, spelled};
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::badge::Badge;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};

type Pairs = Vec<(String, String)>;

/// Others that joined and stand on the page.
const SHOWN: i64 = 50;

#[derive(Serialize)]
struct JoinPage {
    summary: Vec<SummaryLine>,
    reference: String,
    title: String,
    worth: Badge,
    closed: Option<String>,
    until: Option<String>,
    tool: String,
    revision: i32,
    once: String,
    given: Said,
    classes: Vec<Tick>,
    uses: Vec<Tick>,
    effects: Vec<Tick>,
    conditions: Vec<ConditionBox>,
    outside: Vec<String>,
    request: Option<String>,
    joined: Vec<Line>,
    count: i64,
    places: Option<i32>,
    may_limit: bool,
    reason: String,
    new_places: String,
}

/// What was typed.
#[derive(Default, Serialize)]
struct Said {
    title: String,
    unit: String,
    purpose: String,
    same_account: bool,
}

/// Something to choose.
#[derive(Serialize)]
struct Tick {
    value: String,
    label: String,
    checked: bool,
}

#[derive(Serialize)]
struct ConditionBox {
    id: String,
    text: String,
    checked: bool,
}

/// A use case that joined.
#[derive(Serialize)]
struct Line {
    reference: String,
    title: String,
    since: String,
}

/// What comes back with what was typed.
#[derive(Default)]
struct Again {
    given: Option<Given>,
    errors: Vec<FieldError>,
    reason: String,
    places: String,
}

/// `GET /use-cases/{reference}/joins`
///
/// # Errors
/// 404, also for a use case that nothing approved.
pub async fn ask(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    draw(
        &app,
        &visitor,
        path.into_inner(),
        Again::default(),
        StatusCode::OK,
    )
    .await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    reference: String,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let within = visitor.register_query()?;
    let read = move |conn: &mut Conn| {
        let record = register::by_reference(conn, "use_case", &reference)?;
        let none = || Error::not_found("approval of", &reference);
        let offer = Offer::read(conn, &desk, record)?.ok_or_else(none)?;
        let may_limit = joins::may_limit(conn, person, &offer.base)?;
        let others = store::joins_of(conn, offer.base.record.id, SHOWN)?;
        let others = store::visible(conn, others, &within)?;
        JoinPage::of(&desk, offer, others, again, may_limit)
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "use-cases", "join", &context, status)
}

impl JoinPage {
    fn of(
        desk: &Desk,
        offer: Offer,
        others: Vec<Record>,
        again: Again,
        may_limit: bool,
    ) -> Result<JoinPage> {
        let form = &desk.kinds.by_key("use_case")?.form;
        let approved = &offer.base.document;
        let given = again.given.clone().unwrap_or_else(|| first(approved));
        let outside = match &again.given {
            Some(given) => joins::examined(form, &offer, given).1,
            None => Vec::new(),
        };
        let request = match outside.is_empty() {
            true => None,
            false => Some(request(form, &offer, &given)?),
        };
        let day = |at| spelled(at, &desk.zone);
        let base = &offer.base;
        Ok(JoinPage {
            summary: again.errors.iter().map(line).collect(),
            reference: base.record.reference.clone(),
            title: base.record.title.clone(),
            worth: base.worth.badge(),
            closed: offer.closed.clone(),
            until: base.record.valid_until.map(day),
            tool: text(approved, "tool"),
            revision: base.approval.revision,
            once: Secret::new()?.reveal().to_owned(),
            classes: boxes(form, "data_classes", approved, &given.data_classes),
            uses: boxes(form, "uses", approved, &given.uses),
            effects: boxes(
                form,
                "effect_on_people",
                &Value::Null,
                std::slice::from_ref(&given.effect_on_people),
            ),
            conditions: offer
                .conditions
                .iter()
                .map(|one| ConditionBox {
                    checked: given.conditions.contains(&one.id),
                    id: one.id.to_string(),
                    text: one.text.clone(),
                })
                .collect(),
            outside: outside.into_iter().map(|one| one.message).collect(),
            request,
            joined: others
                .into_iter()
                .map(|record| Line {
                    since: day(record.created_at),
                    reference: record.reference,
                    title: record.title,
                })
                .collect(),
            count: offer.joined,
            places: offer.places,
            may_limit,
            given: Said {
                title: given.title,
                unit: given.unit,
                purpose: given.purpose,
                same_account: given.same_account,
            },
            reason: again.reason,
            new_places: again.places,
        })
    }
}

/// What stands in the form at first: all that was approved.
fn first(approved: &Value) -> Given {
    let words = |field: &str| {
        let items = approved.get(field).and_then(Value::as_array);
        let items = items.into_iter().flatten().filter_map(Value::as_str);
        items.map(str::to_owned).collect()
    };
    Given {
        data_classes: words("data_classes"),
        uses: words("uses"),
        effect_on_people: text(approved, "effect_on_people"),
        ..Given::default()
    }
}

fn text(document: &Value, field: &str) -> String {
    let text = document.get(field).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// The choices of a field; those that were not approved say so.
fn boxes(form: &Form, field: &str, approved: &Value, chosen: &[String]) -> Vec<Tick> {
    let held = approved.get(field).and_then(Value::as_array);
    let lies_within =
        |value: &str| held.is_none_or(|held| held.iter().any(|one| one.as_str() == Some(value)));
    let choices = form.field(field).map(|field| field.choices());
    let choices = choices.unwrap_or_default().iter();
    let one = |choice: &Choice| Tick {
        label: match lies_within(&choice.value) {
            true => choice.label.clone(),
            false => format!("{} (not approved: needs a review)", choice.label),
        },
        checked: chosen.contains(&choice.value),
        value: choice.value.clone(),
    };
    choices.map(one).collect()
}

/// Where a request begins with the same answers.
fn request(form: &Form, offer: &Offer, given: &Given) -> Result<String> {
    let mut document = joins::document(&offer.base, given, "");
    if let Some(fields) = document.as_object_mut() {
        fields.remove("owner");
        fields.remove("notes");
        fields.retain(|name, _| form.field(name).is_some());
    }
    Ok(format!("/use-cases/new?{}", view::query(&document)?))
}

fn line(error: &FieldError) -> SummaryLine {
    let known = [
        "title",
        "unit",
        "purpose",
        "data_classes",
        "uses",
        "effect_on_people",
        "conditions",
        "same_account",
        "reason",
        "places",
    ];
    SummaryLine {
        target: known
            .contains(&error.field.as_str())
            .then(|| error.field.clone()),
        message: error.message.clone(),
    }
}

fn given(pairs: &Pairs) -> Given {
    let value = |name: &str| {
        let found = pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| typed(value)).unwrap_or_default()
    };
    let all = |name: &str| {
        let found = pairs.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    Given {
        revision: value("revision").parse().unwrap_or(0),
        title: value("title"),
        unit: value("unit"),
        purpose: value("purpose"),
        data_classes: all("data_classes"),
        uses: all("uses"),
        effect_on_people: value("effect_on_people"),
        conditions: all("condition")
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect(),
        same_account: value("same_account") == "yes",
    }
}

/// `POST /use-cases/{reference}/joins`: a use case stands in the register, under the approval.
///
/// # Errors
/// 404; what is missing or outside comes back as typed.
pub async fn join(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (reference, pairs) = (path.into_inner(), form.into_inner());
    let (given, actor) = (given(&pairs), visitor.actor()?);
    let address = format!("/use-cases/{reference}/joins");
    let sent = Key::of_form(&visitor, &address, &pairs)?;
    let (author, at, said) = (actor.clone(), reference.clone(), given.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let record = joins::join(tx, desk, &author, &at, &said)?;
        Ok(json!({ "reference": record.reference }))
    };
    let done = once(&app, "join_approval", reference.clone(), &actor, sent, work).await;
    let error = match done {
        Ok(done) => {
            let made = done.get("reference").and_then(Value::as_str);
            let made = made.unwrap_or_default();
            return Ok(go_to(&app, &format!("/use-cases/{made}")));
        }
        Err(error) => error,
    };
    let status = status_of(&error);
    let errors = match error {
        Error::Invalid(errors) => errors,
        Error::Stale { .. } => {
            let message = "Another revision is approved by now than what you saw: read it again";
            vec![FieldError::new("", "stale", message.to_owned())]
        }
        error => return Err(error),
    };
    let again = Again {
        given: Some(given),
        errors,
        ..Again::default()
    };
    draw(&app, &visitor, reference, again, status).await
}

/// `POST /use-cases/{reference}/joins/limit`: closes an approval for joining, limits it, opens it.
///
/// # Errors
/// 403, 404; what is missing comes back as typed.
pub async fn limit(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (reference, pairs) = (path.into_inner(), form.into_inner());
    let value = |name: &str| {
        let found = pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| typed(value)).unwrap_or_default()
    };
    let (reason, number, actor) = (value("reason"), value("places"), visitor.actor()?);
    let number = number.trim().to_owned();
    let places = match number.as_str() {
        "" => Ok(None),
        number => number.parse().map(Some),
    };
    let (author, at, why) = (actor.clone(), reference.clone(), reason.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let odd = |_| {
            let sentence = "Give a number from 0 to 100,000, or leave it empty".to_owned();
            Error::Invalid(vec![FieldError::new("places", "number", sentence)])
        };
        let places = places.map_err(odd)?;
        joins::set_limit(tx, desk, &author, &at, places, &why).map(drop)
    };
    let done = app.command("limit_joining", reference.clone(), &actor, work);
    match done.await {
        Ok(()) => Ok(go_to(&app, &format!("/use-cases/{reference}/joins"))),
        Err(error @ Error::Invalid(_)) => {
            let status = status_of(&error);
            let errors = match error {
                Error::Invalid(errors) => errors,
                _ => Vec::new(),
            };
            let again = Again {
                errors,
                reason,
                places: number,
                ..Again::default()
            };
            draw(&app, &visitor, reference, again, status).await
        }
        Err(error) => Err(error),
    }
}
