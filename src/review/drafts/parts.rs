//! Pages of parts of a draft: the whole, and each stage, as questions that need no script.
use super::edit::{self, clauses, joined, one, people_lines, plain, usual};
use super::page::{At, Place, Posted, seen};
use super::view::{ProblemView, StageLink, problem_view, problems};
use super::{Draft, State, examined};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::form::{ChoiceView, FieldView, SummaryLine, Widget};
use crate::review::drafts::{self, Refusal};
use crate::review::service::Desk;
use crate::review::words::sentence;
use crate::review::workflows::kind_of;
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::session::Visitor;
use crate::workflow::{Problem, laid_out};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};

type StagePlace = web::Path<(String, String, String)>;
type Said<'a> = &'a [(&'a str, &'a str)];

const KINDS: Said = &[
    ("data_use", "Data use"),
    ("human_review", "Human review"),
    ("vendor_assessment", "Vendor assessment"),
    ("security", "Security"),
    ("legal", "Legal"),
    ("escalation", "Escalation"),
    ("other", "Other"),
];
const DECISIONS: Said = &[
    ("approve", "Approve"),
    ("approve_with_conditions", "Approve with conditions"),
    ("request_changes", "Request changes"),
    ("reject", "Reject"),
];
const REASONS: Said = &[
    ("approve", "Approve"),
    ("approve_with_conditions", "Approve with conditions"),
    ("request_changes", "Request changes"),
    ("reject", "Reject"),
    ("recuse", "Step aside"),
];
const PARTIES: Said = &[
    ("submitter", "Who submitted it"),
    ("owner", "Who owns it"),
    ("editors", "Who edited it"),
];
const REJECTS: Said = &[
    ("veto", "One rejection rejects"),
    (
        "until_impossible",
        "Rejected once a seat can no longer reach its need",
    ),
];
const LINKS: Said = &[
    ("decide", "The mailed link takes the decision"),
    (
        "view",
        "The mailed link only shows; deciding needs a sign-in",
    ),
];
const HANDS: Said = &[
    ("none", "Nobody"),
    ("same_role", "Those whom the seat or its fallback names"),
    ("any_eligible", "Anybody whom the rules admit"),
];
const TRIGGERS: Said = &[
    ("opened", "When it opens"),
    (
        "disagreement",
        "When somebody rejects and somebody approves",
    ),
];
const MODES: Said = &[
    ("notify", "They are told"),
    ("add_to_seat", "They may decide too, in the seat"),
    ("must_agree", "One of them must agree as well"),
];
const PEOPLE: &str = "One in a line: role legal, group ai_council, person dana@example.org, \
                      field request.owner, relation owner, manager_of owner";

#[derive(Serialize)]
struct PartPage {
    summary: Vec<SummaryLine>,
    title: String,
    path: String,
    action: String,
    key: String,
    draft_title: String,
    seen: i32,
    problems: Vec<ProblemView>,
    sections: Vec<Section>,
    stages: Vec<StageLink>,
    stage: Option<String>,
}

#[derive(Serialize)]
struct Section {
    title: String,
    note: Option<&'static str>,
    fields: Vec<FieldView>,
    button: Option<&'static str>,
}

/// The problems at one part, and how its questions are drawn.
struct Pen<'a> {
    place: String,
    problems: &'a [Problem],
}

impl Pen<'_> {
    fn error(&self, below: &str) -> Option<String> {
        let place = format!("{}/{below}", self.place);
        let inside = format!("{place}/");
        let mut here = self.problems.iter().filter(|p| p.is_error());
        let found = here.find(|p| p.place == place || p.place.starts_with(&inside));
        found.map(|problem| sentence(&problem.message))
    }

    /// A question whose answer stands at `below` the part.
    fn ask(
        &self,
        name: &str,
        below: &str,
        label: &str,
        widget: Widget,
        value: String,
    ) -> FieldView {
        let error = (!below.is_empty()).then(|| self.error(below)).flatten();
        let error_id = error.as_ref().map(|_| format!("{name}-error"));
        FieldView {
            id: name.to_owned(),
            name: name.to_owned(),
            label: label.to_owned(),
            help: None,
            limit: None,
            widget,
            input_type: match widget {
                Widget::Radios => "radio",
                Widget::Checkboxes => "checkbox",
                _ => "text",
            },
            inputmode: None,
            autocomplete: Some("off"),
            list: None,
            rows: 3,
            lines: value.split('\n').map(str::to_owned).collect(),
            value,
            choices: Vec::new(),
            required: true,
            max_length: None,
            described_by: error_id.clone(),
            hint_id: None,
            error,
            error_id,
            because: None,
        }
    }

    fn text(&self, name: &str, below: &str, label: &str, value: Option<&Value>) -> FieldView {
        self.ask(name, below, label, Widget::Text, plain(value))
    }

    fn area(&self, name: &str, below: &str, label: &str, value: String) -> FieldView {
        self.ask(name, below, label, Widget::Textarea, value)
    }

    fn choose(
        &self,
        (name, below, label): (&str, &str, &str),
        widget: Widget,
        choices: Said,
        value: Option<&Value>,
    ) -> FieldView {
        let usual = usual(name);
        let value = value.unwrap_or(&usual);
        let chosen = |word: &str| match value {
            Value::Array(items) => items.iter().any(|item| item == word),
            other => other == word,
        };
        let mut field = self.ask(name, below, label, widget, String::new());
        let view = |(at, (word, says)): (usize, &(&str, &str))| ChoiceView {
            id: if at == 0 {
                name.to_owned()
            } else {
                format!("{name}-{at}")
            },
            value: (*word).to_owned(),
            label: (*says).to_owned(),
            hint: None,
            hint_id: None,
            checked: chosen(word),
        };
        field.choices = choices.iter().enumerate().map(view).collect();
        field
    }
}

fn hinted(mut field: FieldView, help: &str) -> FieldView {
    let id = format!("{}-hint", field.name);
    let error = field.error_id.iter();
    let described: Vec<&str> = std::iter::once(&id)
        .chain(error)
        .map(String::as_str)
        .collect();
    field.described_by = Some(described.join(" "));
    field.help = Some(help.to_owned());
    field.hint_id = Some(id);
    field
}

fn free(mut field: FieldView) -> FieldView {
    field.required = false;
    field
}

fn section(title: &str, fields: Vec<FieldView>) -> Section {
    Section {
        title: title.to_owned(),
        note: None,
        fields,
        button: None,
    }
}

/// The draft's text as an object; its parts cannot be shown before it is one.
fn document(text: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Error::BadRequest(
            "the text of this draft is no JSON object: mend it there first".to_owned(),
        )),
    }
}

/// Where a stage stands.
fn index_of(document: &Map<String, Value>, key: &str) -> Result<usize> {
    let stages = document.get("stages").and_then(Value::as_array);
    let mut stages = stages.into_iter().flatten();
    let found = stages.position(|stage| plain(stage.get("key")) == key);
    found.ok_or_else(|| Error::not_found("stage", key))
}

/// The page of the part at which a problem stands, below the draft's own.
pub(super) fn part_of(text: &str, place: &str) -> Option<String> {
    let document = document(text).ok()?;
    let mut tokens = place.split('/').skip(1);
    match tokens.next()? {
        "stages" => {
            let index: usize = tokens.next()?.parse().ok()?;
            let key = plain(document.get("stages")?.get(index)?.get("key"));
            (!key.is_empty()).then(|| format!("/stages/{key}"))
        }
        "title" | "description" | "applies_when" | "calendar" | "max_duration" | "priority"
        | "max_revisions" => Some("/general".to_owned()),
        _ => None,
    }
}

/// The pages there are of a draft's parts: its stages by key and title.
pub(super) fn stages_of(text: &str) -> Vec<(String, String)> {
    let document = document(text).unwrap_or_default();
    let stages = document.get("stages").and_then(Value::as_array).cloned();
    let stages = stages.unwrap_or_default().into_iter();
    let named = stages.map(|stage| (plain(stage.get("key")), plain(stage.get("title"))));
    named.filter(|(key, _)| !key.is_empty()).collect()
}

fn part_page(
    conn: &mut Conn,
    desk: &Desk,
    draft: &Draft,
    stage: Option<String>,
    summary: Vec<SummaryLine>,
) -> Result<PartPage> {
    let whole = document(&draft.text)?;
    let looked = examined(desk, draft)?;
    let all = problems(conn, desk, &looked)?;
    let place = match &stage {
        Some(key) => format!("/stages/{}", index_of(&whole, key)?),
        None => String::new(),
    };
    let here = |problem: &&Problem| match &stage {
        Some(_) => problem.place == place || problem.place.starts_with(&format!("{place}/")),
        None => part_of(&draft.text, &problem.place).as_deref() == Some("/general"),
    };
    let pen = Pen {
        place: place.clone(),
        problems: &all,
    };
    let sections = match &stage {
        Some(_) => stage_sections(&pen, desk, draft, &whole, &place)?,
        None => vec![general_section(&pen, &whole)],
    };
    let path = format!("/workflows/{}/drafts/{}", draft.key, draft.id);
    let stages = stages_of(&draft.text).into_iter();
    let stages: Vec<StageLink> = stages
        .map(|(key, title)| StageLink { key, title })
        .collect();
    let title = match &stage {
        Some(key) => stages
            .iter()
            .find(|s| s.key == *key)
            .map(|s| s.title.clone()),
        None => None,
    };
    Ok(PartPage {
        summary,
        title: title.unwrap_or_else(|| "The whole".to_owned()),
        action: match &stage {
            Some(key) => format!("{path}/stages/{key}"),
            None => format!("{path}/general"),
        },
        path,
        key: draft.key.clone(),
        draft_title: plain(whole.get("title")),
        seen: draft.seen,
        problems: all
            .iter()
            .filter(here)
            .cloned()
            .map(|p| problem_view(p, None))
            .collect(),
        sections,
        stages,
        stage,
    })
}

fn general_section(pen: &Pen, whole: &Map<String, Value>) -> Section {
    let at = |name: &str| whole.get(name);
    let description = pen.area(
        "description",
        "description",
        "Description",
        plain(at("description")),
    );
    let applies = pen.area(
        "applies_when",
        "applies_when",
        "It applies when",
        plain(at("applies_when")),
    );
    section(
        "The whole",
        vec![
            pen.text("title", "title", "Title", at("title")),
            free(description),
            free(hinted(
                applies,
                "A condition in CEL over request; without it, always.",
            )),
            free(hinted(
                pen.text("priority", "priority", "Priority", at("priority")),
                "Of the workflows that apply, the highest is taken. 100 when empty.",
            )),
            free(hinted(
                pen.text(
                    "max_revisions",
                    "max_revisions",
                    "Changes asked for at most",
                    at("max_revisions"),
                ),
                "5 when empty.",
            )),
            free(hinted(
                pen.text(
                    "max_duration",
                    "max_duration",
                    "A review ends after",
                    at("max_duration"),
                ),
                "Such as P90D or 60 business days.",
            )),
            free(hinted(
                pen.text("calendar", "calendar", "Calendar", at("calendar")),
                "The short name of the calendar for business time.",
            )),
        ],
    )
}

fn stage_sections(
    pen: &Pen,
    desk: &Desk,
    draft: &Draft,
    whole: &Map<String, Value>,
    place: &str,
) -> Result<Vec<Section>> {
    let nothing = Value::Null;
    let whole_value = Value::Object(whole.clone());
    let stage = whole_value.pointer(place).unwrap_or(&nothing);
    let key = plain(stage.get("key"));
    let others: Vec<(String, String)> = stages_of(&draft.text);
    let others: Vec<(&str, &str)> = others
        .iter()
        .filter(|(other, _)| *other != key)
        .map(|(key, title)| (key.as_str(), title.as_str()))
        .collect();
    let kind = kind_of(&draft.text, &desk.kinds)?;
    let clauses = clauses(kind.form.fields(), &whole_value);
    let clauses: Vec<(&str, &str)> = clauses
        .iter()
        .map(|(c, s)| (c.as_str(), s.as_str()))
        .collect();
    let mut forms: Vec<&str> = desk.kinds.stage_forms.keys().map(String::as_str).collect();
    forms.extend(draft.forms.keys().map(String::as_str));
    let forms: Vec<(&str, &str)> = forms.into_iter().map(|form| (form, form)).collect();
    let mut sections = vec![
        question(pen, stage, &others, &forms),
        when(pen, stage, &clauses),
        seats(pen, stage),
        decisions(pen, stage, &others),
        clock(pen, stage),
    ];
    sections.push(brought_in(pen, stage, "timed"));
    sections.push(brought_in(pen, stage, "risk"));
    Ok(sections)
}

fn question(pen: &Pen, stage: &Value, others: Said, forms: Said) -> Section {
    let guidance = pen.area(
        "guidance",
        "guidance",
        "Guidance",
        plain(stage.get("guidance")),
    );
    let kind = ("kind", "kind", "What sort of question");
    let needs = ("needs", "needs", "Opens after");
    let form = ("form", "form", "Form for those who approve");
    section(
        "The question",
        vec![
            pen.text("title", "title", "Title", stage.get("title")),
            free(guidance),
            pen.choose(kind, Widget::Select, KINDS, stage.get("kind")),
            free(pen.choose(needs, Widget::Checkboxes, others, stage.get("needs"))),
            free(pen.choose(form, Widget::Select, forms, stage.get("form"))),
        ],
    )
}

fn when(pen: &Pen, stage: &Value, clauses: Said) -> Section {
    let text = pen.area("when", "when", "Needed when", plain(stage.get("when")));
    let pick = ("pick", "", "One more condition");
    let join = ("join", "", "Joined by");
    let joins: Said = &[("and", "and"), ("or", "or")];
    let not = ("negated", "", "Turned round");
    let nots: Said = &[("yes", "only when it does not hold")];
    Section {
        title: "When it is asked".to_owned(),
        note: Some("Pick conditions from the form's fields, or write them in CEL."),
        fields: vec![
            free(hinted(text, "CEL; empty: always.")),
            free(pen.choose(pick, Widget::Select, clauses, None)),
            free(hinted(
                pen.text("number", "", "Number", None),
                "For fields that are more than a number.",
            )),
            free(pen.choose(not, Widget::Checkboxes, nots, None)),
            free(pen.choose(join, Widget::Select, joins, Some(&json!("and")))),
        ],
        button: Some("Add the condition"),
    }
}

fn seats(pen: &Pen, stage: &Value) -> Section {
    let known = stage.get("seats").and_then(Value::as_array).cloned();
    let mut known = known.unwrap_or_default();
    known.push(json!({}));
    let mut fields = Vec::new();
    for (at, seat) in known.iter().enumerate() {
        let number = at + 1;
        let name = |part: &str| format!("seat_{at}_{part}");
        let place = |part: &str| format!("seats/{at}/{part}");
        let label = |what: &str| format!("Seat {number}: {what}");
        let from = people_lines(seat.get("from"));
        let fallback = people_lines(seat.get("fallback"));
        let key = pen.text(
            &name("key"),
            &place("key"),
            &label("short name"),
            seat.get("key"),
        );
        fields.push(free(key));
        let from = pen.area(&name("from"), &place("from"), &label("who decides"), from);
        fields.push(free(hinted(from, PEOPLE)));
        let need = pen.text(
            &name("need"),
            &place("need"),
            &label("how many"),
            seat.get("need"),
        );
        fields.push(free(hinted(need, "A number, or all.")));
        let label = label("who stands in");
        let fallback = pen.area(&name("fallback"), &place("fallback"), &label, fallback);
        fields.push(free(fallback));
    }
    Section {
        title: "Who decides".to_owned(),
        note: Some(
            "Every seat must have its need. An empty seat at the end adds one; a seat without \
             short name and people is taken away.",
        ),
        fields,
        button: None,
    }
}

fn decisions(pen: &Pen, stage: &Value, others: Said) -> Section {
    let apart = |name: &str| stage.get("separation").and_then(|apart| apart.get(name));
    let email = |name: &str| stage.get("email").and_then(|email| email.get(name));
    let boxes = Widget::Checkboxes;
    let choose = |asked: (&str, &str, &str), widget, choices, value| {
        free(pen.choose(asked, widget, choices, value))
    };
    let not = ("not", "separation/not", "Cannot decide here");
    let approvers = "separation/not_approvers_of";
    let approvers = ("not_approvers_of", approvers, "Nor who approved in");
    let step_up = plain(email("step_up_when"));
    let step_up = pen.area(
        "email_step_up_when",
        "email/step_up_when",
        "Sign-in needed when",
        step_up,
    );
    section(
        "How they decide",
        vec![
            choose(
                ("decisions", "decisions", "May choose"),
                boxes,
                DECISIONS,
                stage.get("decisions"),
            ),
            choose(
                ("reason_required", "reason_required", "Reason needed for"),
                boxes,
                REASONS,
                stage.get("reason_required"),
            ),
            choose(
                ("on_reject", "on_reject", "A rejection"),
                Widget::Select,
                REJECTS,
                stage.get("on_reject"),
            ),
            choose(not, boxes, PARTIES, apart("not")),
            choose(approvers, boxes, others, apart("not_approvers_of")),
            choose(
                ("delegation", "delegation", "May hand on to"),
                Widget::Select,
                HANDS,
                stage.get("delegation"),
            ),
            choose(
                ("email_link", "email/link", "Mail"),
                Widget::Select,
                LINKS,
                email("link"),
            ),
            free(hinted(
                pen.text(
                    "email_valid_for",
                    "email/valid_for",
                    "A link is good for",
                    email("valid_for"),
                ),
                "P7D when empty.",
            )),
            free(step_up),
        ],
    )
}

fn clock(pen: &Pen, stage: &Value) -> Section {
    let sla = |name: &str| stage.get("sla").and_then(|sla| sla.get(name));
    let ends: Said = &[
        ("keep_open", "It shows as overdue and stays open"),
        ("reject", "It is rejected"),
        ("mark_timed_out", "It is settled without an answer"),
    ];
    let end = ("on_timeout", "sla/on_timeout", "When the time is up");
    section(
        "The clock",
        vec![
            free(hinted(
                pen.text("due", "sla/due", "Due after", sla("due")),
                "Such as 3 business days, 4 business hours, P10D. Empty: no clock.",
            )),
            free(hinted(
                pen.text("remind", "sla/remind", "Reminders after", sla("remind")),
                "Several with commas between them.",
            )),
            pen.choose(end, Widget::Select, ends, sla("on_timeout")),
        ],
    )
}

/// Who else is brought in: `timed` when it takes long, `risk` because of risk or disagreement.
fn brought_in(pen: &Pen, stage: &Value, sort: &'static str) -> Section {
    let timed = sort == "timed";
    let place = if timed { "sla/escalate" } else { "escalate" };
    let known = stage
        .pointer(&format!("/{place}"))
        .and_then(Value::as_array);
    let mut known = known.cloned().unwrap_or_default();
    known.push(json!({}));
    let steps = known.iter().enumerate();
    let fields = steps.flat_map(|(at, step)| one_step(pen, (sort, place), at, step));
    let fields = fields.collect();
    let title = match timed {
        true => "Who is brought in when it takes long",
        false => "Who is brought in because of risk or disagreement",
    };
    Section {
        title: title.to_owned(),
        note: Some("A step without people is taken away."),
        fields,
        button: None,
    }
}

fn one_step(pen: &Pen, (sort, below): (&str, &str), at: usize, step: &Value) -> Vec<FieldView> {
    let number = at + 1;
    let name = |part: &str| format!("{sort}_{at}_{part}");
    let place = |part: &str| format!("{below}/{at}/{part}");
    let label = |what: &str| format!("Step {number}: {what}");
    let text = |part: &str, says: &str| {
        let (name, place, label) = (name(part), place(part), label(says));
        free(pen.text(&name, &place, &label, step.get(part)))
    };
    let area = |part: &str, says: &str, value: String| {
        free(pen.area(&name(part), &place(part), &label(says), value))
    };
    let choose = |part: &str, says: &str, choices: Said| {
        let (name, place, label) = (name(part), place(part), label(says));
        let asked = (name.as_str(), place.as_str(), label.as_str());
        free(pen.choose(asked, Widget::Select, choices, step.get(part)))
    };
    let mut fields = match sort {
        "timed" => vec![text("after", "after")],
        _ => vec![
            choose("on", "on", TRIGGERS),
            area("when", "only if", plain(step.get("when"))),
        ],
    };
    let to = area("to", "who", people_lines(step.get("to")));
    fields.push(hinted(to, PEOPLE));
    fields.push(choose("mode", "how", MODES));
    fields.push(text("seat", "which seat"));
    fields
}

async fn show(
    app: &App,
    visitor: &Visitor,
    at: &At,
    stage: Option<String>,
    summary: Vec<SummaryLine>,
    status: StatusCode,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (desk, at) = (app.desk.clone(), at.clone());
    let read = move |conn: &mut Conn| {
        let draft = drafts::draft(conn, &at.key, at.id)?;
        if draft.state == State::Published {
            return Err(Refusal::Published.into());
        }
        part_page(conn, &desk, &draft, stage, summary)
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "workflows", "workflow-part", &context, status)
}

/// `GET /workflows/{key}/drafts/{id}/general`
///
/// # Errors
/// 403, 404, 409 once it is published.
pub async fn general(app: web::Data<App>, visitor: Visitor, place: Place) -> Result<HttpResponse> {
    let at = At::of(place)?;
    show(&app, &visitor, &at, None, Vec::new(), StatusCode::OK).await
}

/// `GET /workflows/{key}/drafts/{id}/stages/{stage}`
///
/// # Errors
/// As [`general`].
pub async fn stage(
    app: web::Data<App>,
    visitor: Visitor,
    place: StagePlace,
) -> Result<HttpResponse> {
    let (at, stage) = at_stage(place)?;
    show(&app, &visitor, &at, Some(stage), Vec::new(), StatusCode::OK).await
}

fn at_stage(place: StagePlace) -> Result<(At, String)> {
    let (key, id, stage) = place.into_inner();
    Ok((At::of(web::Path::from((key, id)))?, stage))
}

/// What was typed, applied to the draft as it stands, and saved. The draft that was changed
/// meanwhile is shown as it is now: what was typed is about another.
async fn change(
    app: &App,
    visitor: &Visitor,
    at: &At,
    seen: i32,
    edit: impl FnOnce(&mut Map<String, Value>) -> Result<()> + Send + 'static,
) -> Result<()> {
    visitor.must_keep_policy()?;
    let (place, actor) = (at.clone(), visitor.actor()?);
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let place = (place.key.as_str(), place.id);
        let draft = drafts::draft(tx, place.0, place.1)?;
        if draft.seen != seen {
            let now = draft.seen;
            return Err(Error::Stale { seen, now });
        }
        let before = document(&draft.text)?;
        let mut after = before.clone();
        edit(&mut after)?;
        let text = match before == after {
            true => draft.text,
            false => laid_out(&Value::Object(after)),
        };
        drafts::save(tx, desk, &author, place, seen, text).map(drop)
    };
    app.command("save_draft", at.id.to_string(), &actor, work)
        .await
}

async fn answered(
    app: &App,
    visitor: &Visitor,
    (at, stage): (&At, Option<String>),
    done: Result<()>,
    next: String,
) -> Result<HttpResponse> {
    let error = match done {
        Ok(()) => return Ok(go_to(app, &next)),
        Err(error @ (Error::Stale { .. } | Error::Invalid(_))) => error,
        Err(error) => return Err(error),
    };
    let message = match &error {
        Error::Stale { .. } => "somebody changed this draft meanwhile, and what you typed was \
                                not saved: here is what stands there now"
            .to_owned(),
        other => other.to_string(),
    };
    let line = SummaryLine {
        target: None,
        message: sentence(&message),
    };
    show(app, visitor, at, stage, vec![line], status_of(&error)).await
}

/// `POST /workflows/{key}/drafts/{id}/general`
///
/// # Errors
/// 403, 404.
pub async fn change_general(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    let (at, pairs) = (At::of(place)?, form.into_inner());
    let seen = seen(&pairs);
    let edit = move |whole: &mut Map<String, Value>| {
        edit::general(whole, &pairs);
        Ok(())
    };
    let done = change(&app, &visitor, &at, seen, edit).await;
    let next = format!("{}/general", at.path());
    answered(&app, &visitor, (&at, None), done, next).await
}

/// `POST /workflows/{key}/drafts/{id}/stages`: one more stage, at the end.
///
/// # Errors
/// 403, 404.
pub async fn add_stage(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    let (at, pairs) = (At::of(place)?, form.into_inner());
    let (seen, key, title) = (seen(&pairs), one(&pairs, "key"), one(&pairs, "title"));
    let new = key.clone();
    let edit = move |whole: &mut Map<String, Value>| {
        super::well_named(&new)?;
        if index_of(whole, &new).is_ok() {
            return Err(super::invalid(
                "key",
                "there is a stage of this short name already",
            ));
        }
        let admin = json!([{ "role": "governance_admin" }]);
        let seat = json!({ "key": "seat", "from": admin, "need": 1, "fallback": admin });
        let stage = json!({ "key": new, "title": title, "kind": "other", "seats": [seat] });
        let stages = whole.entry("stages").or_insert_with(|| json!([]));
        if let Some(stages) = stages.as_array_mut() {
            stages.push(stage);
        }
        Ok(())
    };
    let done = change(&app, &visitor, &at, seen, edit).await;
    let next = format!("{}/stages/{key}", at.path());
    answered(&app, &visitor, (&at, None), done, next).await
}

/// `POST /workflows/{key}/drafts/{id}/stages/{stage}`: saves it, adds a picked condition, moves it,
/// or takes it away, by the button that was pressed.
///
/// # Errors
/// 403, 404.
pub async fn change_stage(
    app: web::Data<App>,
    visitor: Visitor,
    place: StagePlace,
    form: Posted,
) -> Result<HttpResponse> {
    let ((at, stage), pairs) = (at_stage(place)?, form.into_inner());
    let (seen, deed, key) = (seen(&pairs), one(&pairs, "do"), stage.clone());
    let next = match deed.as_str() {
        "remove" => at.path(),
        _ => format!("{}/stages/{stage}", at.path()),
    };
    let edit = move |whole: &mut Map<String, Value>| {
        let index = index_of(whole, &key)?;
        let stages = whole.get_mut("stages").and_then(Value::as_array_mut);
        let stages = stages.ok_or_else(|| Error::not_found("stage", &key))?;
        match deed.as_str() {
            "remove" => drop(stages.remove(index)),
            "up" if index > 0 => stages.swap(index, index - 1),
            "down" if index + 1 < stages.len() => stages.swap(index, index + 1),
            "up" | "down" => {}
            deed => {
                let members = stages.get_mut(index).and_then(Value::as_object_mut);
                if let Some(members) = members {
                    edit::stage(members, &pairs);
                    if deed == "condition" {
                        add_condition(members, &pairs);
                    }
                }
            }
        }
        Ok(())
    };
    let done = change(&app, &visitor, &at, seen, edit).await;
    answered(&app, &visitor, (&at, Some(stage)), done, next).await
}

fn add_condition(stage: &mut Map<String, Value>, pairs: &[(String, String)]) {
    let pick = one(pairs, "pick");
    if pick.is_empty() {
        return;
    }
    let negated = pairs
        .iter()
        .any(|(name, value)| name == "negated" && value == "yes");
    let or = one(pairs, "join") == "or";
    let before = plain(stage.get("when"));
    let when = joined(&before, &pick, negated, &one(pairs, "number"), or);
    stage.insert("when".to_owned(), when.into());
}
