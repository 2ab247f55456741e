//! The pages of people: signing in, the directory, one person, and one's own page.
mod ask;
mod away;
mod list;
mod person;
mod profile;
mod sign_in;

pub use ask::Ask;
pub(crate) use ask::{optional, question};
pub use away::{absence_again, ask_for_absence};
pub(super) use list::read;
pub use list::{add, list};
pub use person::{
    absence, appointment, change_absence, come_back, departure, groups, manager, person, roles,
};
pub use profile::{profile, profile_absence, profile_change};
pub use sign_in::{ask, confirm, form, sent, sign_out, use_link};

use crate::app::App;
use crate::db::{Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::Actor;
use crate::people::{self, Line};
use crate::review::words::sentence;
use crate::review::{self, Desk};
use crate::web::badge::{Badge, badge, sentence_case};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::web;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A form as browsers send it.
type Pairs = Vec<(String, String)>;
type Posted = web::Form<Pairs>;

/// A form that comes back: which one, what was typed, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Again {
    form: String,
    typed: Pairs,
    errors: Vec<FieldError>,
    pub(crate) refusal: Option<String>,
}

impl Again {
    /// The form comes back for what the person can mend or must know; anything else is an error.
    pub(crate) fn with(form: &str, typed: Pairs, error: Error) -> Result<Again> {
        let mut again = Again {
            form: form.to_owned(),
            typed,
            ..Again::default()
        };
        match error {
            Error::Invalid(errors) => again.errors = errors,
            Error::People(refusal) => again.refusal = Some(sentence(&refusal.to_string())),
            Error::Erasure(refusal) => again.refusal = Some(sentence(&refusal.to_string())),
            other => return Err(other),
        }
        Ok(again)
    }
}

/// Runs a change of people as one command, and has the running reviews looked at again
/// after it. A form that was drawn with `_once` is one command however often it is sent.
async fn change(
    app: &App,
    visitor: &Visitor,
    name: &'static str,
    sent: (String, &Pairs),
    work: impl FnOnce(&mut Tx, &Desk, &Actor) -> Result<()> + Send + 'static,
) -> Result<()> {
    let (path, pairs) = sent;
    let actor = visitor.actor()?;
    let author = actor.clone();
    let key = Key::of_form(visitor, &path, pairs)?;
    let done = once(app, name, path, &actor, key, move |tx, desk| {
        work(tx, desk, &author)?;
        tx.leave_unchanged();
        Ok(Value::Null)
    });
    done.await?;
    review::look_again(app, &actor).await;
    Ok(())
}

/// A person as pages name them.
#[derive(Debug, Clone, Serialize)]
struct Named {
    id: PersonId,
    name: String,
}

impl Named {
    fn of(conn: &mut Conn, id: PersonId) -> Result<Named> {
        let name = people::known(conn, id)?.name;
        Ok(Named { id, name })
    }
}

/// A person as every page about them says.
#[derive(Debug, Serialize)]
struct PersonView {
    id: PersonId,
    name: String,
    address: String,
    states: Vec<Badge>,
    left_at: Option<String>,
    roles: Vec<String>,
    groups: Vec<String>,
    manager: Option<Named>,
    manages: Vec<Named>,
    away: Option<away::AwayView>,
}

impl PersonView {
    /// With the whole address: forms ask for those of colleagues, and nobody else is signed in.
    fn of(conn: &mut Conn, line: &Line) -> Result<PersonView> {
        let person = &line.person;
        let manager = person
            .manager_id
            .map(|id| Named::of(conn, id))
            .transpose()?;
        let manages = people::managed_by(conn, person.id)?.into_iter();
        let manages = manages.map(|p| Named {
            id: p.id,
            name: p.name,
        });
        let away = line
            .away
            .as_ref()
            .map(|absence| away::AwayView::of(conn, absence));
        Ok(PersonView {
            id: person.id,
            name: person.name.clone(),
            address: person.email.clone(),
            states: states(line),
            left_at: person.left_at.map(|at| at.to_string()),
            roles: spoken(&line.held.roles),
            groups: spoken(&line.held.groups),
            manager,
            manages: manages.collect(),
            away: away.transpose()?,
        })
    }
}

/// Where somebody stands, in words with shapes; nothing for who is simply here.
fn states(line: &Line) -> Vec<Badge> {
    let mut states = Vec::new();
    if !line.person.active {
        states.push(badge("Left", ""));
        return states;
    }
    if line.away.is_some() {
        states.push(badge("Away", "part"));
    }
    if !line.person.reachable {
        states.push(badge("Mail does not arrive", "bad"));
    }
    states
}

fn spoken(keys: &BTreeSet<String>) -> Vec<String> {
    keys.iter().map(|key| sentence_case(key)).collect()
}

/// Whom a question for a person offers.
#[derive(Debug, Serialize)]
struct Offer {
    email: String,
    name: String,
}

fn offers(conn: &mut Conn) -> Result<(Vec<Offer>, bool)> {
    let (people, more) = people::offered(conn)?;
    let offer = |p: people::Person| Offer {
        email: p.email,
        name: p.name,
    };
    Ok((people.into_iter().map(offer).collect(), more))
}
