//! The directory over the API. Changes want a token with the scope `people` of an administrator.
use crate::app::App;
use crate::db::{AbsenceId, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::people::absence::{self, Absence, Typed};
use crate::people::{self, ADMINISTRATOR, Holding, Line, NewPerson, auditor};
use crate::review::{self, Desk};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

type Pairs = web::Query<Vec<(String, String)>>;
type Names = BTreeMap<PersonId, String>;

/// `GET /api/v1/people`
///
/// # Errors
/// For filters that do not exist.
pub async fn list(app: web::Data<App>, pairs: Pairs) -> Result<HttpResponse> {
    let wanted = people::page::read(&pairs)?;
    let today = app.desk.today();
    let answer = app
        .db
        .read(move |conn| {
            let found = people::list(conn, today, &wanted)?;
            let names = names(conn, &found.lines)?;
            let lines = found.lines.iter();
            let people: Vec<Value> = lines.map(|line| summary(line, &names)).collect();
            Ok(json!({ "people": people, "total": found.total, "next": found.next }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn names(conn: &mut Conn, lines: &[Line]) -> Result<Names> {
    let ids: BTreeSet<PersonId> = lines
        .iter()
        .flat_map(|line| {
            let delegate = line.away.as_ref().and_then(|absence| absence.delegate_id);
            [line.person.manager_id, delegate]
        })
        .flatten()
        .collect();
    people::names(conn, &ids)
}

fn named(id: Option<PersonId>, names: &Names) -> Value {
    id.map_or(
        Value::Null,
        |id| json!({ "id": id, "name": names.get(&id) }),
    )
}

/// A person as others read them.
fn summary(line: &Line, names: &Names) -> Value {
    let person = &line.person;
    let away = line.away.as_ref().map(|absence| {
        json!({
            "from": absence.from_day, "until": absence.until_day,
            "delegate": named(absence.delegate_id, names),
        })
    });
    json!({
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "active": person.active,
        "left_at": person.left_at.map(|at| at.to_string()),
        "reachable": person.reachable,
        "roles": line.held.roles,
        "groups": line.held.groups,
        "manager": named(person.manager_id, names),
        "away": away,
    })
}

/// Coming absences are for administrators and the person.
fn sees_all(visitor: &Visitor, person: PersonId) -> bool {
    visitor.holds(&[ADMINISTRATOR]) || visitor.person.as_ref().is_some_and(|p| p.id == person)
}

/// `GET /api/v1/people/{id}`
///
/// # Errors
/// 404.
pub async fn show(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let (id, desk) = (person_id(&id)?, app.desk.clone());
    let answer = app
        .db
        .read(move |conn| full(conn, &desk, id, &visitor))
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn person_id(text: &str) -> Result<PersonId> {
    text.parse().map_err(|_| Error::not_found("person", text))
}

/// A person with their absences, for those who may read them.
fn full(conn: &mut Conn, desk: &Desk, id: PersonId, visitor: &Visitor) -> Result<Value> {
    let line = people::line(conn, desk.today(), id)?;
    let names = names(conn, std::slice::from_ref(&line))?;
    let mut answer = summary(&line, &names);
    if sees_all(visitor, id)
        && let Some(fields) = answer.as_object_mut()
    {
        let ahead = absence::ahead(conn, desk.today(), id)?;
        let ahead = ahead.iter().map(|absence| absence_state(conn, absence));
        let ahead = ahead.collect::<Result<Vec<Value>>>()?;
        fields.insert("absences".to_owned(), json!(ahead));
    }
    Ok(answer)
}

fn absence_state(conn: &mut Conn, absence: &Absence) -> Result<Value> {
    let ids = [absence.delegate_id, absence.set_by];
    let names = people::names(conn, &ids.into_iter().flatten().collect())?;
    let warnings = match absence.ended_at {
        Some(_) => Vec::new(),
        None => absence::warnings(conn, absence)?,
    };
    let warnings = warnings.iter().map(|w| w.sentence(|day| day.to_string()));
    Ok(json!({
        "id": absence.id,
        "person": absence.person_id,
        "from": absence.from_day,
        "until": absence.until_day,
        "delegate": named(absence.delegate_id, &names),
        "set_by": named(absence.set_by, &names),
        "ended_at": absence.ended_at.map(|at| at.to_string()),
        "warnings": warnings.collect::<Vec<String>>(),
    }))
}

/// What a call is about, for its key and for the note of a refusal.
struct Call<'a> {
    app: &'a App,
    visitor: Visitor,
    request: &'a HttpRequest,
    name: &'static str,
}

impl Call<'_> {
    /// Runs a change of people as one command, has the running reviews looked at again
    /// after it, and answers what `work` answers.
    async fn run(
        &self,
        body: &impl Serialize,
        work: impl FnOnce(&mut Tx, &Desk, &Actor) -> Result<Value> + Send + 'static,
    ) -> Result<Value> {
        let key = Key::of(self.request, &self.visitor, &json!(body))?;
        let actor = self.visitor.actor()?;
        let (author, subject) = (actor.clone(), self.request.path().to_owned());
        let done = once(
            self.app,
            self.name,
            subject,
            &actor,
            key,
            move |tx, desk| {
                let answer = work(tx, desk, &author)?;
                tx.leave_unchanged();
                Ok(answer)
            },
        );
        let answer = done.await?;
        review::look_again(self.app, &actor).await;
        Ok(answer)
    }

    /// As [`Call::run`], and answers the person as they are afterwards.
    async fn change(
        &self,
        person: PersonId,
        body: &impl Serialize,
        work: impl FnOnce(&mut Tx, &Desk, &Actor) -> Result<()> + Send + 'static,
    ) -> Result<HttpResponse> {
        let visitor = self.visitor.clone();
        let done = self.run(body, move |tx, desk, actor| {
            work(tx, desk, actor)?;
            full(tx, desk, person, &visitor)
        });
        Ok(HttpResponse::Ok().json(done.await?))
    }
}

/// `POST /api/v1/people`: adds somebody, or gives a known person more.
///
/// # Errors
/// 422 with the fields that are wrong.
pub async fn add(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<NewPerson>,
) -> Result<HttpResponse> {
    let (new, name) = (body.into_inner(), "add");
    let reader = visitor.clone();
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name,
    };
    let sent = new.clone();
    let done = call.run(&sent, move |tx, desk, actor| {
        let id = people::add(tx, desk.clock.now(), actor, &new)?;
        full(tx, desk, id, &reader)
    });
    Ok(HttpResponse::Created().json(done.await?))
}

/// `GET /api/v1/people/{id}/auditor`: what an auditor is appointed to, and every change of it.
///
/// # Errors
/// 404.
pub async fn appointment(app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse> {
    let (id, today) = (person_id(&id)?, app.desk.today());
    let read = move |conn: &mut Conn| appointed(conn, today, id);
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

fn appointed(conn: &mut Conn, today: Day, id: PersonId) -> Result<Value> {
    people::known(conn, id)?;
    let roles = people::roles_on(conn, today, id)?;
    let terms = auditor::terms(conn, id)?.unwrap_or_default();
    Ok(json!({
        "in_force": roles.contains(people::AUDITOR),
        "terms": terms,
        "changes": auditor::changes(conn, id)?,
    }))
}

/// `PUT /api/v1/people/{id}/auditor`: appoints an auditor, or changes what they are appointed to.
///
/// # Errors
/// 409 for who left, 422 with the fields that are wrong.
pub async fn appoint(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<auditor::Typed>,
) -> Result<HttpResponse> {
    let (id, typed) = (person_id(&id)?, body.into_inner());
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "appoint auditor",
    };
    let sent = typed.clone();
    let done = call.run(&sent, move |tx, desk, actor| {
        let terms = typed.read(desk.today())?;
        auditor::appoint(tx, desk.clock.now(), actor, id, &terms)?;
        appointed(tx, desk.today(), id)
    });
    Ok(HttpResponse::Ok().json(done.await?))
}

type Held = web::Path<(String, String)>;

/// `PUT /api/v1/people/{id}/roles/{role}`
///
/// # Errors
/// 409 for who left, 422 for what is no key.
pub async fn give_role(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: Held,
) -> Result<HttpResponse> {
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "hold",
    };
    give(call, path.into_inner(), Holding::Role).await
}

/// `PUT /api/v1/people/{id}/groups/{group}`
///
/// # Errors
/// 409 for who left, 422 for what is no key.
pub async fn join_group(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: Held,
) -> Result<HttpResponse> {
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "hold",
    };
    give(call, path.into_inner(), Holding::Group).await
}

async fn give(call: Call<'_>, path: (String, String), what: Holding) -> Result<HttpResponse> {
    let (id, key) = (person_id(&path.0)?, path.1);
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        people::give(tx, desk.clock.now(), actor, id, what, &key).map(drop)
    };
    call.change(id, &Value::Null, work).await
}

/// `DELETE /api/v1/people/{id}/roles/{role}`
///
/// # Errors
/// 409 for the last administrator.
pub async fn take_role(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: Held,
) -> Result<HttpResponse> {
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "hold",
    };
    take(call, path.into_inner(), Holding::Role).await
}

/// `DELETE /api/v1/people/{id}/groups/{group}`
///
/// # Errors
/// 404.
pub async fn leave_group(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: Held,
) -> Result<HttpResponse> {
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "hold",
    };
    take(call, path.into_inner(), Holding::Group).await
}

async fn take(call: Call<'_>, path: (String, String), what: Holding) -> Result<HttpResponse> {
    let (id, key) = (person_id(&path.0)?, path.1);
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        people::take(tx, desk.clock.now(), actor, id, what, &key).map(drop)
    };
    call.change(id, &Value::Null, work).await
}

/// Who manages somebody.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ManagerBody {
    manager: Option<String>,
}

/// `PUT /api/v1/people/{id}/manager`
///
/// # Errors
/// 422 for an address nobody has and for a circle.
pub async fn manager(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<ManagerBody>,
) -> Result<HttpResponse> {
    let id = person_id(&id)?;
    let address = body.manager.clone().unwrap_or_default();
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "set manager",
    };
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        let manager = people::manager_by_address(tx, &address)?;
        people::set_manager(tx, desk.clock.now(), actor, id, manager).map(drop)
    };
    call.change(id, &body.0, work).await
}

/// An absence as a program sends it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AbsenceBody {
    from: String,
    until: String,
    #[serde(default)]
    delegate: Option<String>,
}

impl AbsenceBody {
    fn typed(&self) -> Typed {
        Typed {
            from: self.from.clone(),
            until: self.until.clone(),
            delegate: self.delegate.clone().unwrap_or_default(),
        }
    }
}

/// `POST /api/v1/people/{id}/absences`
///
/// # Errors
/// 422 with the fields that are wrong.
pub async fn set_absence(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<AbsenceBody>,
) -> Result<HttpResponse> {
    let (id, typed) = (person_id(&id)?, body.typed());
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "set absence",
    };
    let done = call.run(&body.0, move |tx, desk, actor| {
        let new = typed.read(tx)?;
        let set = absence::set(tx, desk.clock.now(), desk.today(), actor, id, &new)?;
        absence_state(tx, &set)
    });
    Ok(HttpResponse::Created().json(done.await?))
}

/// `PUT /api/v1/people/{id}/absences/{absence}`
///
/// # Errors
/// 409 when it is over, 422 with the fields that are wrong.
pub async fn change_absence(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Json<AbsenceBody>,
) -> Result<HttpResponse> {
    let (id, of) = absence_of(path.into_inner())?;
    let typed = body.typed();
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "change absence",
    };
    let done = call.run(&body.0, move |tx, desk, actor| {
        absence::of_person(tx, id, of)?;
        let new = typed.read(tx)?;
        let after = absence::change(tx, desk.clock.now(), desk.today(), actor, id, &new)?;
        absence_state(tx, &after)
    });
    Ok(HttpResponse::Ok().json(done.await?))
}

/// `DELETE /api/v1/people/{id}/absences/{absence}`: ends it now, or calls it off.
///
/// # Errors
/// 409 when it is over.
pub async fn end_absence(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let (id, of) = absence_of(path.into_inner())?;
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "change absence",
    };
    let done = call.run(&Value::Null, move |tx, desk, actor| {
        absence::of_person(tx, id, of)?;
        let after = absence::end(tx, desk.clock.now(), desk.today(), actor, id)?;
        absence_state(tx, &after)
    });
    Ok(HttpResponse::Ok().json(done.await?))
}

fn absence_of((person, absence): (String, String)) -> Result<(AbsenceId, PersonId)> {
    let nothing = |_| Error::not_found("absence", &absence);
    Ok((absence.parse().map_err(nothing)?, person_id(&person)?))
}

/// Why somebody leaves.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DepartureBody {
    reason: Option<String>,
}

/// `POST /api/v1/people/{id}/departure`
///
/// # Errors
/// 409 for who left before and for the last administrator.
pub async fn departure(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<DepartureBody>,
) -> Result<HttpResponse> {
    let (id, reason) = (person_id(&id)?, body.reason.clone());
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "leave",
    };
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        people::leave(tx, desk.clock.now(), actor, id, reason.as_deref())
    };
    call.change(id, &body.0, work).await
}

/// `POST /api/v1/people/{id}/return`
///
/// # Errors
/// 409 for who has not left.
pub async fn come_back(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let id = person_id(&id)?;
    let call = Call {
        app: &app,
        visitor,
        request: &request,
        name: "return",
    };
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        people::come_back(tx, desk.clock.now(), actor, id)
    };
    call.change(id, &Value::Null, work).await
}
