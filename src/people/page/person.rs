//! One person: what everybody may know of them, and what administrators keep.
use super::ask::{Ask, optional, question};
use super::away::{self, AbsencesView};
use super::{Again, Offer, Pairs, PersonView, Posted, change, offers};
use crate::app::App;
use crate::db::{AbsenceId, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::{SummaryLine, Widget};
use crate::ledger::Actor;
use crate::people::absence::{self, Typed};
use crate::people::{self, ADMINISTRATOR, AUDITOR, Holding, Line, auditor};
use crate::review::words::field;
use crate::review::{self, Desk};
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::badge::sentence_case;
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

#[derive(Serialize)]
struct PersonPage {
    summary: Vec<SummaryLine>,
    person: PersonView,
    own: bool,
    keeping: Option<Keeping>,
}

/// What an administrator does here.
#[derive(Serialize)]
struct Keeping {
    holdings: Vec<HoldingsView>,
    auditor: Option<Ask>,
    manager: Option<Ask>,
    absences: Option<AbsencesView>,
    zone: String,
    departure: Option<Departure>,
    back: Option<Ask>,
    people: Vec<Offer>,
    more_people: bool,
}

/// Roles or groups.
#[derive(Serialize)]
struct HoldingsView {
    title: &'static str,
    noun: &'static str,
    action: String,
    held: Vec<HeldView>,
    give: Option<Ask>,
    list: &'static str,
    known: Vec<String>,
}

#[derive(Serialize)]
struct HeldView {
    key: String,
    label: String,
}

/// What leaving means for others, and the form that notes it.
#[derive(Serialize)]
struct Departure {
    tasks: i64,
    manages: usize,
    stands_in: usize,
    open: bool,
    ask: Ask,
}

/// `GET /people/{id}`
///
/// # Errors
/// 404 for a person nobody knows.
pub async fn person(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let id = person_id(&id)?;
    show(&app, &visitor, id, Again::default(), StatusCode::OK).await
}

fn person_id(text: &str) -> Result<PersonId> {
    text.parse().map_err(|_| Error::not_found("person", text))
}

async fn show(
    app: &App,
    visitor: &Visitor,
    id: PersonId,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (own, keeps) = (visitor.id()? == id, visitor.holds(&[ADMINISTRATOR]));
    let (desk, zone) = (app.desk.clone(), app.config.time_zone.clone());
    let draw = move |conn: &mut Conn| {
        let line = people::line(conn, desk.today(), id)?;
        let keeping = keeps.then(|| Keeping::of(conn, &desk, &line, zone, &again));
        let keeping = keeping.transpose()?;
        let mut summary = keeping.as_ref().map_or_else(Vec::new, Keeping::complaints);
        summary.extend(again.refusal.map(|message| SummaryLine {
            target: None,
            message,
        }));
        Ok(PersonPage {
            summary,
            person: PersonView::of(conn, &line)?,
            own,
            keeping,
        })
    };
    let context = app.db.read(draw).await?;
    page_with(app, visitor, "people", "person", &context, status)
}

impl Keeping {
    fn of(
        conn: &mut Conn,
        desk: &Desk,
        line: &Line,
        zone: String,
        again: &Again,
    ) -> Result<Keeping> {
        let person = &line.person;
        let path = format!("/people/{}", person.id);
        let (people, more_people) = offers(conn)?;
        let mut keeping = Keeping {
            holdings: vec![
                HoldingsView::of(conn, Holding::Role, line, &path, again)?,
                HoldingsView::of(conn, Holding::Group, line, &path, again)?,
            ],
            auditor: None,
            manager: None,
            absences: None,
            zone,
            departure: None,
            back: None,
            people,
            more_people,
        };
        if !person.active {
            let button = format!("Note that {} came back", person.name);
            keeping.back = Some(Ask::new(format!("{path}/return"), button).once()?);
            return Ok(keeping);
        }
        keeping.auditor = Some(ask_for_terms(conn, line, &path, again)?);
        keeping.manager = Some(ask_for_manager(conn, line, &path, again)?);
        let absences = format!("{path}/absences");
        let today = desk.today();
        keeping.absences = Some(AbsencesView::of(conn, today, person.id, &absences, again)?);
        keeping.departure = Some(Departure {
            tasks: review::open_task_count(conn, person.id)?,
            manages: people::managed_by(conn, person.id)?.len(),
            stands_in: absence::relying_on(conn, person.id, today)?.len(),
            open: again.form == "departure",
            ask: ask_for_departure(line, &path, again)?,
        });
        Ok(keeping)
    }

    fn complaints(&self) -> Vec<SummaryLine> {
        let small = self.holdings.iter().filter_map(|h| h.give.as_ref());
        let small = small
            .chain(&self.auditor)
            .chain(&self.manager)
            .chain(self.departure.iter().map(|d| &d.ask));
        let mut lines: Vec<SummaryLine> = small.flat_map(Ask::complaints).collect();
        lines.extend(self.absences.iter().flat_map(AbsencesView::complaints));
        lines
    }
}

impl HoldingsView {
    fn of(
        conn: &mut Conn,
        what: Holding,
        line: &Line,
        path: &str,
        again: &Again,
    ) -> Result<HoldingsView> {
        let (title, noun, list, button, held) = match what {
            Holding::Role => ("Roles", "role", "roles", "Give this role", &line.held.roles),
            Holding::Group => (
                "Groups",
                "group",
                "groups",
                "Add to this group",
                &line.held.groups,
            ),
        };
        let action = format!("{path}/{list}");
        let label = format!("Another {noun}");
        let help = "As workflows name it: small letters, digits and _.";
        let mut give = question((noun, noun), &label, Some(help), Widget::Text, "", again);
        give.list = Some(list);
        let keys = held.iter();
        let shown = keys.map(|key| HeldView {
            key: key.clone(),
            label: sentence_case(key),
        });
        let give = Ask::new(action.clone(), button).field(give);
        let known = people::in_use(conn, what)?;
        Ok(HoldingsView {
            title,
            noun,
            action,
            held: shown.collect(),
            give: line.person.active.then_some(give),
            list,
            known: known
                .into_iter()
                .filter(|key| !held.contains(key))
                .collect(),
        })
    }
}

fn ask_for_manager(conn: &mut Conn, line: &Line, path: &str, again: &Again) -> Result<Ask> {
    let now = line.person.manager_id.map(|id| people::known(conn, id));
    let now = now
        .transpose()?
        .map_or_else(String::new, |manager| manager.email);
    let field = question(
        ("manager", "manager"),
        "Managed by",
        Some("E-mail address; empty for nobody. Workflows can ask somebody's manager."),
        Widget::Person,
        &now,
        again,
    );
    Ok(Ask::new(format!("{path}/manager"), "Save the manager").field(optional(field)))
}

fn ask_for_terms(conn: &mut Conn, line: &Line, path: &str, again: &Again) -> Result<Ask> {
    let is_auditor = line.held.roles.contains(AUDITOR);
    let terms = auditor::terms(conn, line.person.id)?.unwrap_or_default();
    let day = |day: Option<Day>| day.map_or_else(String::new, |day| day.to_string());
    let ask = |name: &str, label: &str, help: &str, widget: Widget, value: &str| {
        let field = question((AUDITOR, name), label, Some(help), widget, value, again);
        optional(field)
    };
    let button = match is_auditor {
        true => "Change the appointment",
        false => "Appoint as an auditor",
    };
    let units = (
        "Business units",
        "One a line, as records name them. Empty: all.",
    );
    let from = (
        "Log from",
        "First day, in UTC. Empty: from the first entry.",
    );
    let until = ("Log until", "That day included. Empty: to the last entry.");
    let last = ("Last day of the role", "Empty: until it is taken away.");
    let lines = terms.units.iter().map(String::as_str).collect::<Vec<_>>();
    let (first, second) = (day(terms.from), day(terms.until));
    Ok(Ask::new(format!("{path}/auditor"), button)
        .once()?
        .field(ask(
            "units",
            units.0,
            units.1,
            Widget::Textarea,
            &lines.join("\n"),
        ))
        .field(ask("from", from.0, from.1, Widget::Date, &first))
        .field(ask("until", until.0, until.1, Widget::Date, &second))
        .field(ask(
            "last_day",
            last.0,
            last.1,
            Widget::Date,
            &day(terms.last_day),
        )))
}

fn ask_for_departure(line: &Line, path: &str, again: &Again) -> Result<Ask> {
    let field = question(
        ("departure", "reason"),
        "Reason",
        Some("Kept in the decision log, for those who read it."),
        Widget::Textarea,
        "",
        again,
    );
    let button = format!("Note that {} left", line.person.name);
    let ask = Ask::new(format!("{path}/departure"), button).once()?;
    Ok(ask.toned("grave").field(optional(field)))
}

/// Runs what a form of this page asks, and shows the person again.
async fn keep(
    app: &App,
    visitor: &Visitor,
    id: PersonId,
    (name, form): (&'static str, &str),
    (path, pairs): (&str, Pairs),
    work: impl FnOnce(&mut Tx, &Desk, &Actor) -> Result<()> + Send + 'static,
) -> Result<HttpResponse> {
    let sent = (format!("/people/{id}/{path}"), &pairs);
    match change(app, visitor, name, sent, work).await {
        Ok(()) => Ok(go_to(app, &format!("/people/{id}"))),
        Err(error) => {
            let status = status_of(&error);
            let again = Again::with(form, pairs, error)?;
            show(app, visitor, id, again, status).await
        }
    }
}

/// `POST /people/{id}/roles`: gives `role`, or takes `take` away.
///
/// # Errors
/// 403 for others than administrators.
pub async fn roles(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let pairs = posted.into_inner();
    hold(&app, &visitor, person_id(&id)?, Holding::Role, pairs).await
}

/// `POST /people/{id}/groups`: puts into `group`, or takes out of `take`.
///
/// # Errors
/// 403 for others than administrators.
pub async fn groups(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let pairs = posted.into_inner();
    hold(&app, &visitor, person_id(&id)?, Holding::Group, pairs).await
}

async fn hold(
    app: &App,
    visitor: &Visitor,
    id: PersonId,
    what: Holding,
    pairs: Pairs,
) -> Result<HttpResponse> {
    let (form, path) = match what {
        Holding::Role => ("role", "roles"),
        Holding::Group => ("group", "groups"),
    };
    let (given, taken) = (field(&pairs, form), field(&pairs, "take"));
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        let now = desk.clock.now();
        match taken.as_str() {
            "" => people::give(tx, now, actor, id, what, &given).map(drop),
            key => people::take(tx, now, actor, id, what, key).map(drop),
        }
    };
    keep(app, visitor, id, ("hold", form), (path, pairs), work).await
}

/// `POST /people/{id}/auditor`: appoints an auditor, or changes what they are appointed to.
///
/// # Errors
/// 403 for others than administrators.
pub async fn appointment(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (id, pairs) = (person_id(&id)?, posted.into_inner());
    let typed = auditor::Typed {
        units: field(&pairs, "units").lines().map(str::to_owned).collect(),
        from: field(&pairs, "from"),
        until: field(&pairs, "until"),
        last_day: field(&pairs, "last_day"),
    };
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        let terms = typed.read(desk.today())?;
        auditor::appoint(tx, desk.clock.now(), actor, id, &terms).map(drop)
    };
    let form = ("appoint auditor", AUDITOR);
    keep(&app, &visitor, id, form, (AUDITOR, pairs), work).await
}

/// `POST /people/{id}/manager`
///
/// # Errors
/// 403 for others than administrators.
pub async fn manager(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (id, pairs) = (person_id(&id)?, posted.into_inner());
    let address = field(&pairs, "manager");
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        let manager = people::manager_by_address(tx, &address)?;
        people::set_manager(tx, desk.clock.now(), actor, id, manager).map(drop)
    };
    let form = ("set manager", "manager");
    keep(&app, &visitor, id, form, ("manager", pairs), work).await
}

/// `POST /people/{id}/absences`
///
/// # Errors
/// 403 for others than administrators.
pub async fn absence(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (id, pairs) = (person_id(&id)?, posted.into_inner());
    let typed = Typed::of(&pairs);
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        let new = typed.read(tx)?;
        absence::set(tx, desk.clock.now(), desk.today(), actor, id, &new).map(drop)
    };
    let form = ("set absence", "absence");
    keep(&app, &visitor, id, form, ("absences", pairs), work).await
}

/// `POST /people/{id}/absences/{absence}`: changes it, or ends it with `end`.
///
/// # Errors
/// 403 for others than administrators, 404 for an absence of somebody else.
pub async fn change_absence(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (id, absence) = path.into_inner();
    let (id, absence) = (person_id(&id)?, absence_id(&absence)?);
    let pairs = posted.into_inner();
    let work = changing(id, absence, &pairs);
    let form = away::form_of(absence);
    let path = format!("absences/{absence}");
    keep(
        &app,
        &visitor,
        id,
        ("change absence", &form),
        (&path, pairs),
        work,
    )
    .await
}

pub(super) fn absence_id(text: &str) -> Result<AbsenceId> {
    text.parse().map_err(|_| Error::not_found("absence", text))
}

/// What a form for a noted absence of `person` asks.
pub(super) fn changing(
    person: PersonId,
    id: AbsenceId,
    pairs: &Pairs,
) -> impl FnOnce(&mut Tx, &Desk, &Actor) -> Result<()> + Send + use<> {
    let (typed, ends) = (Typed::of(pairs), !field(pairs, "end").is_empty());
    move |tx, desk, actor| {
        let (now, today) = (desk.clock.now(), desk.today());
        absence::of_person(tx, id, person)?;
        if ends {
            return absence::end(tx, now, today, actor, id).map(drop);
        }
        let new = typed.read(tx)?;
        absence::change(tx, now, today, actor, id, &new).map(drop)
    }
}

/// `POST /people/{id}/departure`
///
/// # Errors
/// 403 for others than administrators.
pub async fn departure(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (id, pairs) = (person_id(&id)?, posted.into_inner());
    let reason = field(&pairs, "reason");
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        people::leave(tx, desk.clock.now(), actor, id, Some(&reason))
    };
    let form = ("leave", "departure");
    keep(&app, &visitor, id, form, ("departure", pairs), work).await
}

/// `POST /people/{id}/return`
///
/// # Errors
/// 403 for others than administrators.
pub async fn come_back(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (id, pairs) = (person_id(&id)?, posted.into_inner());
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        people::come_back(tx, desk.clock.now(), actor, id)
    };
    keep(
        &app,
        &visitor,
        id,
        ("return", "return"),
        ("return", pairs),
        work,
    )
    .await
}
