//! “May I use it?”: asked by an address, answered on the same page, kept by a press.
use crate::app::App;
use crate::db::{At, Conn, Tx};
use crate::error::{Error, Result};
use crate::form::{FieldError, SummaryLine};
use crate::people::{self, Secret};
use crate::policy::kept::{self, Acceptance};
use crate::policy::view::{self, AnswerView};
use crate::policy::{self, MAIN, Question, Version};
use crate::register;
use crate::review::Desk;
use crate::web::answer::{go_to, page, page_with, status_of};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};

/// What an address or a form says.
pub type Pairs = Vec<(String, String)>;

/// The question in pairs of names and values: `tool`, `mode`, `class` (repeated), `purpose`, and
/// the key of the policy.
pub fn read(pairs: &[(String, String)]) -> (String, Question) {
    let value = |name: &str| {
        let found = pairs
            .iter()
            .find(|(known, value)| known == name && !value.trim().is_empty());
        found.map(|(_, value)| value.trim().to_owned())
    };
    let classes = pairs.iter().filter(|(name, _)| name == "class");
    let classes = classes.map(|(_, value)| value.trim().to_owned());
    let question = Question {
        tool: value("tool").unwrap_or_default(),
        mode: value("mode"),
        classes: classes.filter(|class| !class.is_empty()).collect(),
        purpose: value("purpose"),
    };
    (value("policy").unwrap_or_else(|| MAIN.to_owned()), question)
}

#[derive(Serialize)]
struct AskPage {
    summary: Vec<SummaryLine>,
    policy: String,
    is_main: bool,
    /// What stands in the first field.
    typed: String,
    tool_wrong: bool,
    classes_wrong: bool,
    tools: Vec<String>,
    modes: Vec<Choice>,
    classes: Vec<Choice>,
    purposes: Vec<Choice>,
    answer: Option<AnswerView>,
    once: String,
    offer: Option<Offer>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
    hint: Option<String>,
    checked: bool,
}

/// Being registered without a review.
#[derive(Serialize)]
struct Offer {
    title: String,
    main: bool,
    accepted: Vec<usize>,
}

/// What comes back with what was typed.
#[derive(Default)]
struct Again {
    title: Option<String>,
    errors: Vec<FieldError>,
}

/// `GET /answers`: the questions, and with them answered in the address, the answer. Nothing is
/// kept.
///
/// # Errors
/// 404 for a policy there is none of.
pub async fn ask(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse> {
    draw(&app, &visitor, &pairs, Again::default(), StatusCode::OK).await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    pairs: &[(String, String)],
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    visitor.person()?;
    let (key, question) = read(pairs);
    // The start page asks for the tool alone; the form sends all that it has.
    let asked = pairs
        .iter()
        .any(|(name, _)| ["class", "mode", "purpose"].contains(&name.as_str()));
    let (desk, within) = (app.desk.clone(), visitor.register_query()?);
    let context = app
        .db
        .read(move |conn| {
            let version = policy::current(conn, &desk.policies, &key)?;
            let question = (question, &within);
            AskPage::read(conn, &desk, &version, question, asked, again)
        })
        .await;
    match context {
        Ok(context) => page_with(app, visitor, "answers", "answers", &context, status),
        Err(Error::NotFound(_)) if !pairs.iter().any(|(name, _)| name == "policy") => {
            page(app, visitor, "answers", "answers-none", &json!({}))
        }
        Err(error) => Err(error),
    }
}

impl AskPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        version: &Version,
        (question, within): (Question, &view::Within),
        asked: bool,
        again: Again,
    ) -> Result<AskPage> {
        let mut errors = again.errors;
        let mut answer = None;
        if asked {
            match kept::check(&question) {
                Ok(()) => answer = Some(view::answer(conn, desk, version, &question, within)?),
                Err(Error::Invalid(wrong)) => errors.extend(wrong),
                Err(error) => return Err(error),
            }
        }
        let wrong = |field: &str| errors.iter().any(|error| error.field == field);
        let offer = answer
            .as_ref()
            .filter(|answer| answer.verdict.permits() && !answer.depends_on_mode);
        let policy = version.index.policy();
        Ok(AskPage {
            tool_wrong: wrong("tool"),
            classes_wrong: wrong("classes"),
            policy: version.key.clone(),
            is_main: version.key == MAIN,
            tools: policy.tools.iter().map(|tool| tool.title.clone()).collect(),
            modes: modes(version, &question),
            classes: classes(version, &question),
            purposes: purposes(version, &question),
            once: Secret::new()?.reveal().to_owned(),
            offer: offer.map(|answer| Offer {
                title: again.title.unwrap_or_else(|| suggested(version, answer)),
                main: !answer.conditions.is_empty(),
                accepted: (0..answer.conditions.len()).collect(),
            }),
            summary: errors.iter().map(line).collect(),
            typed: question.tool,
            answer,
        })
    }
}

fn line(error: &FieldError) -> SummaryLine {
    let target = match error.field.as_str() {
        "tool" => Some("tool"),
        "classes" => Some("classes"),
        "title" => Some("title"),
        "conditions" => Some("conditions"),
        _ => None,
    };
    SummaryLine {
        target: target.map(str::to_owned),
        message: error.message.clone(),
    }
}

/// What a use case might be called.
fn suggested(version: &Version, answer: &AnswerView) -> String {
    let tool = version.index.tool(&answer.question.tool);
    let tool = tool.map_or(answer.question.tool.as_str(), |tool| tool.title.as_str());
    let key = answer.asked.purpose.as_deref();
    let mut purposes = version.index.policy().purposes.iter();
    let purpose = purposes.find(|purpose| Some(purpose.key.as_str()) == key);
    let title = match purpose {
        Some(purpose) => format!("{} with {tool}", purpose.title),
        None => format!("Work with {tool}"),
    };
    title.chars().take(200).collect()
}

fn modes(version: &Version, question: &Question) -> Vec<Choice> {
    let policy = version.index.policy();
    let of_tool = version.index.tool(&question.tool);
    let modes: Vec<&policy::Named> = match of_tool {
        Some(tool) => tool.modes.iter().collect(),
        None => policy.tools.iter().flat_map(|tool| &tool.modes).collect(),
    };
    let mut choices: Vec<Choice> = Vec::new();
    for mode in modes {
        if choices.iter().any(|choice| choice.label == mode.title) {
            continue;
        }
        let said = question.mode.as_deref();
        choices.push(Choice {
            checked: said == Some(&mode.key) || said == Some(&mode.title),
            value: mode.title.clone(),
            label: mode.title.clone(),
            hint: None,
        });
    }
    let unknown = question
        .mode
        .iter()
        .filter(|_| choices.iter().all(|choice| !choice.checked));
    let unknown: Vec<Choice> = unknown.map(|mode| kept_word(mode)).collect();
    choices.extend(unknown);
    choices
}

/// A word that the policy does not have, so that asking again does not lose it.
fn kept_word(word: &str) -> Choice {
    Choice {
        value: word.to_owned(),
        label: word.to_owned(),
        hint: None,
        checked: true,
    }
}

fn classes(version: &Version, question: &Question) -> Vec<Choice> {
    let said = |key: &str, title: &str| {
        question
            .classes
            .iter()
            .any(|class| class == key || class.eq_ignore_ascii_case(title))
    };
    let classes = &version.index.policy().classes;
    let known = classes.iter().map(|class| Choice {
        checked: said(&class.key, &class.title),
        value: class.key.clone(),
        label: class.title.clone(),
        hint: class.description.clone(),
    });
    let is_known = |word: &&String| {
        classes
            .iter()
            .any(|c| c.key == **word || word.eq_ignore_ascii_case(&c.title))
    };
    let others = question.classes.iter().filter(|word| !is_known(word));
    known.chain(others.map(|word| kept_word(word))).collect()
}

fn purposes(version: &Version, question: &Question) -> Vec<Choice> {
    let said = question.purpose.as_deref();
    let known = version
        .index
        .policy()
        .purposes
        .iter()
        .map(|purpose| Choice {
            checked: said == Some(&purpose.key) || said == Some(&purpose.title),
            value: purpose.key.clone(),
            label: purpose.title.clone(),
            hint: None,
        });
    let mut choices: Vec<Choice> = known.collect();
    let unknown = said.filter(|_| choices.iter().all(|choice| !choice.checked));
    choices.extend(unknown.map(kept_word).into_iter().collect::<Vec<_>>());
    choices
}

/// `POST /answers`: keeps the answer.
///
/// # Errors
/// When the database fails; a question without a tool or data comes back as typed.
pub async fn keep(
    app: web::Data<App>,
    visitor: Visitor,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let pairs = form.into_inner();
    let (actor, sent) = (
        visitor.actor()?,
        Key::of_form(&visitor, "/answers", &pairs)?,
    );
    let (author, said) = (actor.clone(), read(&pairs));
    let work = move |tx: &mut Tx, desk: &Desk| {
        let version = policy::current(tx, &desk.policies, &said.0)?;
        let kept = kept::keep(tx, desk, &author, &version, &said.1)?;
        Ok(json!({ "id": kept.id }))
    };
    match once(&app, "keep_answer", "answer".to_owned(), &actor, sent, work).await {
        Ok(done) => {
            let id = done.get("id").and_then(Value::as_str).unwrap_or_default();
            Ok(go_to(&app, &format!("/answers/{id}")))
        }
        Err(error @ Error::Invalid(_)) => {
            let status = status_of(&error);
            draw(&app, &visitor, &pairs, Again::default(), status).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /answers/use-cases`: accepts the conditions; a use case stands in the register.
///
/// # Errors
/// When the database fails; what is missing comes back as typed, and so does an answer that another
/// version gives by now.
pub async fn accept(
    app: web::Data<App>,
    visitor: Visitor,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let pairs = form.into_inner();
    let value = |name: &str| {
        let found = pairs.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| crate::review::words::typed(value))
            .unwrap_or_default()
    };
    let accepted = pairs.iter().filter(|(name, _)| name == "accepted");
    let given = Acceptance {
        version: value("version").parse().unwrap_or(0),
        terms: value("terms"),
        title: value("title"),
        conditions: accepted
            .filter_map(|(_, value)| value.parse().ok())
            .collect(),
    };
    let title = given.title.clone();
    let actor = visitor.actor()?;
    let sent = Key::of_form(&visitor, "/answers/use-cases", &pairs)?;
    let (author, said) = (actor.clone(), read(&pairs));
    let work = move |tx: &mut Tx, desk: &Desk| {
        let version = policy::current(tx, &desk.policies, &said.0)?;
        let record = kept::accept(tx, desk, &author, &version, &said.1, &given)?;
        Ok(json!({ "reference": record.reference }))
    };
    let error = match once(
        &app,
        "accept_answer",
        "answer".to_owned(),
        &actor,
        sent,
        work,
    )
    .await
    {
        Ok(done) => {
            let reference = done
                .get("reference")
                .and_then(Value::as_str)
                .unwrap_or_default();
            return Ok(go_to(&app, &format!("/use-cases/{reference}")));
        }
        Err(error) => error,
    };
    let status = status_of(&error);
    let errors = match error {
        Error::Invalid(errors) => errors,
        Error::Stale { .. } => {
            let message = "The policy says something else by now than what you saw: this is what \
                           holds today";
            vec![FieldError::new("", "stale", message.to_owned())]
        }
        error => return Err(error),
    };
    let again = Again {
        title: Some(title),
        errors,
    };
    draw(&app, &visitor, &pairs, again, status).await
}

#[derive(Serialize)]
struct KeptPage {
    about: String,
    words: String,
    status: crate::web::badge::Badge,
    rules: Vec<Link>,
    policy: String,
    version: i32,
    person: Option<String>,
    at: At,
    seq: i64,
    record: Option<Link>,
    path: String,
    changed: bool,
    erased: bool,
}

#[derive(Serialize)]
struct Link {
    title: String,
    path: String,
}

/// `GET /answers/{id}`: an answer as it was kept.
///
/// # Errors
/// 404, also for answers of others, unless one keeps the policy or reads the decision log.
pub async fn kept_answer(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (desk, who, id) = (app.desk.clone(), visitor.clone(), path.into_inner());
    let context = app
        .db
        .read(move |conn| {
            let missing = || Error::not_found("answer", &id);
            let kept = kept::kept(conn, id.parse().map_err(|_| missing())?)?;
            let may = kept.person == who.id()? || who.keeps_policy() || who.reads_whole_log();
            if may {
                KeptPage::read(conn, &desk, &kept)
            } else {
                Err(missing())
            }
        })
        .await?;
    page(&app, &visitor, "answers", "answer", &context)
}

impl KeptPage {
    fn read(conn: &mut Conn, desk: &Desk, kept: &kept::Kept) -> Result<KeptPage> {
        let version = policy::version(conn, &desk.policies, &kept.policy, kept.version)?;
        let question = kept::question(conn, kept)?;
        let now = policy::current(conn, &desk.policies, &kept.policy)?;
        let now = now.index.ask(&question, desk.today().0).outcome.verdict;
        let record = kept
            .record
            .map(|id| register::by_id(conn, id))
            .transpose()?;
        let day = crate::db::Day::of(kept.at, &desk.zone).0;
        let answer = version.index.ask(&question, day);
        let link = |key: &String| Link {
            title: key.clone(),
            path: format!(
                "/policy/{}/versions/{}/rules/{key}",
                kept.policy, kept.version
            ),
        };
        let names = people::names(conn, &[kept.person].into_iter().collect())?;
        Ok(KeptPage {
            about: view::about(&version, &question, &answer),
            words: policy::headline(&answer),
            status: view::of_verdict(kept.verdict, answer.outcome.conditions.len()),
            rules: kept.rules.iter().map(link).collect(),
            policy: kept.policy.clone(),
            version: kept.version,
            person: names.get(&kept.person).cloned(),
            at: kept.at,
            seq: kept.seq,
            record: record.map(|record| Link {
                path: format!("/use-cases/{}", record.reference),
                title: format!("{} {}", record.reference, record.title),
            }),
            path: view::path(&kept.policy, &question),
            changed: now != kept.verdict,
            erased: question.tool.is_empty(),
        })
    }
}
