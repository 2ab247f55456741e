//! The directory as a page.
use super::ask::{Ask, question};
use super::{Again, Pairs, Posted, change, spoken, states};
use crate::app::App;
use crate::db::{Conn, Day, PersonId};
use crate::error::{Error, Result};
use crate::form::{FieldError, SummaryLine, Widget};
use crate::people::{self, ADMINISTRATOR, Line, NewPerson, State, Wanted};
use crate::review::words::field;
use crate::web::answer::{go_to, page_with};
use crate::web::badge::Badge;
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// Longest search, in characters.
const SEARCH_MAX: usize = 200;

#[derive(Serialize)]
struct ListPage {
    summary: Vec<SummaryLine>,
    search: String,
    states: Vec<StateView>,
    filtered: bool,
    rows: Vec<Row>,
    total: i64,
    shown: usize,
    page_size: i64,
    first: Option<String>,
    next: Option<String>,
    add: Option<Ask>,
}

#[derive(Serialize)]
struct StateView {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

#[derive(Serialize)]
struct Row {
    id: PersonId,
    name: String,
    roles: String,
    groups: String,
    states: Vec<Badge>,
    away_until: Option<Day>,
}

impl Row {
    fn of(line: Line) -> Row {
        Row {
            states: states(&line),
            id: line.person.id,
            roles: spoken(&line.held.roles).join(", "),
            groups: spoken(&line.held.groups).join(", "),
            away_until: line.away.map(|absence| absence.until_day),
            name: line.person.name,
        }
    }
}

/// `GET /people`
///
/// # Errors
/// For filters that do not exist, and when the database fails.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse> {
    let wanted = read(&pairs)?;
    show(&app, &visitor, wanted, Again::default(), StatusCode::OK).await
}

/// Reads the filters of the directory from an address: `q`, `state` and `after`.
///
/// # Errors
/// [`Error::BadRequest`] naming the filter that does not exist or has a value that does not.
pub(in crate::people) fn read(pairs: &[(String, String)]) -> Result<Wanted> {
    let mut wanted = Wanted::default();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let wrong = || Error::BadRequest(format!("{name}: {value} is not one of its values"));
        match name.as_str() {
            "q" => wanted.text = value.chars().take(SEARCH_MAX).collect(),
            "state" => wanted.state = State::named(value).ok_or_else(wrong)?,
            "after" => wanted.after = Some(value.parse().map_err(|_| wrong())?),
            other => return Err(Error::BadRequest(format!("there is no filter {other}"))),
        }
    }
    Ok(wanted)
}

async fn show(
    app: &App,
    visitor: &Visitor,
    wanted: Wanted,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (today, keeps) = (app.desk.today(), visitor.holds(&[ADMINISTRATOR]));
    let context = app
        .db
        .read(move |conn| draw(conn, today, &wanted, keeps, &again))
        .await?;
    page_with(app, visitor, "people", "people", &context, status)
}

fn draw(
    conn: &mut Conn,
    today: Day,
    wanted: &Wanted,
    keeps: bool,
    again: &Again,
) -> Result<ListPage> {
    let found = people::list(conn, today, wanted)?;
    let add = keeps.then(|| ask(again));
    let address = |after: Option<PersonId>| {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let pairs = [
            ("q", wanted.text.as_str()),
            ("state", wanted.state.as_str()),
            ("after", after.as_str()),
        ];
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let given: Vec<(&str, &str)> = given.collect();
        format!(
            "?{}",
            serde_urlencoded::to_string(given).unwrap_or_default()
        )
    };
    let state = |state: State| StateView {
        value: state.as_str(),
        label: label(state),
        chosen: state == wanted.state,
    };
    Ok(ListPage {
        summary: add.iter().flat_map(Ask::complaints).collect(),
        search: wanted.text.clone(),
        states: State::ALL.into_iter().map(state).collect(),
        filtered: !wanted.text.is_empty() || wanted.state != State::Any,
        shown: found.lines.len(),
        rows: found.lines.into_iter().map(Row::of).collect(),
        total: found.total,
        page_size: people::PAGE,
        first: wanted.after.map(|_| address(None)),
        next: found.next.map(|last| address(Some(last))),
        add,
    })
}

fn label(state: State) -> &'static str {
    match state {
        State::Any => "Everybody",
        State::Here => "Here today",
        State::Away => "Away today",
        State::Unreachable => "Mail does not arrive",
        State::Left => "Left",
    }
}

fn ask(again: &Again) -> Ask {
    let email = question(
        ("person", "email"),
        "E-mail address",
        Some("They sign in by a link that is mailed there."),
        Widget::Email,
        "",
        again,
    );
    let help = "As others read it, on pages and in mails.";
    let name = question(
        ("person", "name"),
        "Name",
        Some(help),
        Widget::Text,
        "",
        again,
    );
    Ask::new("/people".to_owned(), "Add this person")
        .field(email)
        .field(name)
}

/// `POST /people`: adds somebody, for administrators.
///
/// # Errors
/// 403 for others.
pub async fn add(app: web::Data<App>, visitor: Visitor, posted: Posted) -> Result<HttpResponse> {
    let pairs = posted.into_inner();
    let new = NewPerson {
        email: field(&pairs, "email"),
        name: field(&pairs, "name"),
        roles: Vec::new(),
        groups: Vec::new(),
    };
    let email = new.email.clone();
    let sent = ("/people".to_owned(), &pairs);
    let done = change(&app, &visitor, "add", sent, move |tx, desk, actor| {
        if let Some(known) = people::by_email(tx, &new.email)? {
            let sentence = format!("{} has this address already", known.name);
            return Err(Error::Invalid(vec![FieldError::new(
                "email", "repeated", sentence,
            )]));
        }
        people::add(tx, desk.clock.now(), actor, &new).map(drop)
    });
    match done.await {
        Ok(()) => {
            let found = app
                .db
                .read(move |conn| people::by_email(conn, &email))
                .await?;
            let path = found.map_or_else(|| "/people".to_owned(), |p| format!("/people/{}", p.id));
            Ok(go_to(&app, &path))
        }
        Err(error) => {
            let status = crate::web::answer::status_of(&error);
            let again = Again::with("person", pairs, error)?;
            show(&app, &visitor, Wanted::default(), again, status).await
        }
    }
}
