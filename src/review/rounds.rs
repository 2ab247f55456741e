//! The daily round. Once on every day of the organisation's zone, one of the programs that share
//! the database looks at the running reviews again, because absences begin and end at midnight,
//! and tells administrators what they can still prevent: seats that nobody can fill, calendars
//! that know no more holidays. Whoever wants it gets the checkpoint of the day.
use crate::app::App;
use crate::calendar;
use crate::catalogue::reminders;
use crate::db::schema::settings;
use crate::db::{At, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::evidence;
use crate::gates;
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::notify::checkpoint;
use crate::notify::outbox::{self, Message};
use crate::oversight;
use crate::people;
use crate::register;
use crate::review::again;
use crate::review::engine;
use crate::review::service::{self, Desk};
use crate::review::{store, workflows};
use crate::risk;
use crate::vendor;
use crate::workflow::{Staffing, short_staffed};
use diesel::prelude::*;
use jiff::Span;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Name of the row that says how far the round of the day is.
const ROW: &str = "daily_round";
/// A round that takes longer is made again by whoever comes next: its program died.
const LEASE: Duration = Duration::from_secs(600);
/// Holidays must be stated for at least so many days ahead.
const HOLIDAYS_DAYS: i64 = 90;

/// How far the round of a day is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Round {
    day: String,
    /// Until when whoever makes it may take; nothing once it is made.
    until: Option<String>,
}

impl Round {
    fn read(conn: &mut Conn) -> Result<Option<Round>> {
        let text: Option<String> = settings::table
            .find(ROW)
            .select(settings::value)
            .get_result(conn)
            .optional()?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    fn write(&self, tx: &mut Tx) -> Result<()> {
        let text = serde_json::to_string(self)?;
        let known = diesel::update(settings::table.find(ROW)).set(settings::value.eq(&text));
        if known.execute(&mut **tx)? == 0 {
            diesel::insert_into(settings::table)
                .values((settings::name.eq(ROW), settings::value.eq(text)))
                .execute(&mut **tx)?;
        }
        Ok(())
    }

    /// Whether the round of `day` still has to be made, and nobody is about it. For a program
    /// whose day is behind that of the others it is made.
    fn is_free(round: Option<&Round>, day: Day, now: At) -> bool {
        let Some(round) = round else {
            return true;
        };
        match Day::parse(&round.day) {
            None => return true,
            Some(last) if last < day => return true,
            Some(last) if last > day => return false,
            Some(_) => {}
        }
        match round.until.as_deref().map(At::parse) {
            None => false,
            Some(until) => until.is_none_or(|until| until <= now),
        }
    }
}

/// Makes the round of the day, unless it is made or somebody is about it; whether it was made.
///
/// # Errors
/// When the database fails. A review that cannot be looked at is reported and left for tomorrow.
pub async fn make(app: &App) -> Result<bool> {
    let (today, now) = (app.desk.today(), app.desk.clock.now());
    let round = app.db.read(Round::read).await?;
    if !Round::is_free(round.as_ref(), today, now) {
        return Ok(false);
    }
    if !app.db.upkeep(move |tx| claim(tx, today, now)).await? {
        return Ok(false);
    }
    again::look_again(app, &Actor::system(Via::new(Method::Timer, "none"))).await;
    crate::erasure::retention::apply(&app.db, &app.desk).await?;
    let folder = evidence::folder(&app.config);
    let swept = move |conn: &mut Conn| evidence::sweep(conn, &folder, evidence::UNUSED);
    app.db.read(swept).await?;
    let told = move |tx: &mut Tx| {
        gates::make_round(tx, today, now)?;
        oversight::make_round(tx, today, now)?;
        risk::make_round(tx, today, now)
    };
    app.db.upkeep(told).await?;
    vendor::remind(app).await?;
    let (db, desk) = (app.db.clone(), app.desk.clone());
    let held_back = move || vendor::open_due_now(&db, &desk, true);
    let begun = tokio::task::spawn_blocking(held_back).await;
    begun.map_err(|_| Error::Interrupted)??;
    let desk = app.desk.clone();
    let told = app.db.read(move |conn| findings(conn, &desk)).await?;
    let endings = app
        .db
        .read(move |conn| reminders::endings(conn, today))
        .await?;
    let finish = move |tx: &mut Tx| {
        reminders::remind(tx, &endings, now)?;
        tell(tx, today, now, told)
    };
    app.db.upkeep(finish).await?;
    app.post.notify_one();
    Ok(true)
}

fn claim(tx: &mut Tx, today: Day, now: At) -> Result<bool> {
    let free = Round::is_free(Round::read(tx)?.as_ref(), today, now);
    if free {
        let until = Some(now.plus(LEASE).to_string());
        let day = today.to_string();
        Round { day, until }.write(tx)?;
    }
    Ok(free)
}

/// What administrators should know, as their mail tells it; nothing when all is well.
fn findings(conn: &mut Conn, desk: &Desk) -> Result<Option<Value>> {
    let staffing = people::staffing(conn, desk.today())?;
    let seats = seats(conn, desk, &staffing)?;
    let waiting = waiting(conn, desk)?;
    let calendars = calendars(conn, desk)?;
    let well = seats.is_empty() && waiting.is_empty() && calendars.is_empty();
    let found = json!({ "seats": seats, "waiting": waiting, "calendars": calendars });
    Ok((!well).then_some(found))
}

/// The seats of published workflows that nobody could fill today.
fn seats(conn: &mut Conn, desk: &Desk, staffing: &Staffing) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for version in workflows::versions(conn)?.into_iter().filter(|v| v.active) {
        let loaded = workflows::version(conn, &desk.workflows, &version.key, version.version)?;
        let workflow = &loaded.workflow;
        for problem in short_staffed(&version.key, "", workflow, staffing) {
            let Some((stage, seat)) = seat_at(&problem.place) else {
                continue;
            };
            let stage = workflow.stages.get(stage);
            let seat = stage.and_then(|stage| stage.seats.get(seat));
            if let (Some(stage), Some(seat)) = (stage, seat) {
                found.push(json!({
                    "workflow": workflow.title, "stage": stage.title, "seat": seat.key,
                    "message": problem.message,
                }));
            }
        }
    }
    Ok(found)
}

/// Stage and seat of `/stages/2/seats/0`; nothing for any other place.
fn seat_at(place: &str) -> Option<(usize, usize)> {
    let (stage, seat) = place.strip_prefix("/stages/")?.split_once("/seats/")?;
    Some((stage.parse().ok()?, seat.parse().ok()?))
}

/// The open stages of running reviews that those who are here cannot settle.
fn waiting(conn: &mut Conn, desk: &Desk) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for id in store::running(conn)? {
        let record = store::review(conn, id)?.record;
        let record = register::by_id(conn, record)?;
        let (review, loading) = service::load(conn, desk, id, &record)?;
        let ctx = loading.context();
        for (stage, seat) in engine::vacant(&ctx, &review) {
            let title = ctx.workflow.stage(&stage).map(|stage| stage.title.clone());
            found.push(json!({
                "record": { "reference": record.reference, "title": record.title },
                "stage": title.unwrap_or(stage), "seat": seat,
            }));
        }
    }
    Ok(found)
}

/// The calendars whose stated holidays end soon.
fn calendars(conn: &mut Conn, desk: &Desk) -> Result<Vec<Value>> {
    let soon = Span::new().days(HOLIDAYS_DAYS);
    let soon = desk.today().0.saturating_add(soon);
    let keys: BTreeSet<String> = calendar::versions(conn)?
        .into_iter()
        .map(|head| head.key)
        .collect();
    let mut found = Vec::new();
    for key in keys {
        let version = desk.calendars.current(conn, &key)?;
        let until = version.calendar.holidays_until();
        if let Some(until) = until.filter(|until| *until < soon) {
            let title = &version.calendar.title;
            found.push(json!({ "calendar": title, "until": until.to_string() }));
        }
    }
    Ok(found)
}

/// Queues the mail of the day and notes that the round is made.
fn tell(tx: &mut Tx, today: Day, now: At, told: Option<Value>) -> Result<()> {
    if let Some(told) = told {
        let administrators = people::holders(tx, "role", people::ADMINISTRATOR)?;
        for person in administrators {
            outbox::queue(tx, mail(person, today, &told), now)?;
        }
    }
    checkpoint::queue_all(tx, today, now)?;
    let day = today.to_string();
    Round { day, until: None }.write(tx)
}

fn mail(person: PersonId, today: Day, told: &Value) -> Message {
    let once = format!("staffing:{today}:{person}");
    Message::new("staffing", person)
        .context(told.clone())
        .once(&once)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        At(text.parse().unwrap())
    }

    #[test]
    fn only_a_seat_as_a_whole_is_told_of() {
        assert_eq!(seat_at("/stages/2/seats/0"), Some((2, 0)));
        for other in [
            "/stages/2/seats/0/from",
            "/calendar",
            "/stages/2/escalate/0/to",
            "",
        ] {
            assert_eq!(seat_at(other), None, "{other}");
        }
    }

    #[test]
    fn a_round_is_made_once_a_day_and_again_when_its_program_died() {
        let day = Day("2027-03-01".parse().unwrap());
        let now = at("2027-03-01T00:10:00Z");
        let round = |day: &str, until: Option<&str>| Round {
            day: day.to_owned(),
            until: until.map(str::to_owned),
        };
        let free = |round: Option<&Round>| Round::is_free(round, day, now);
        assert!(free(None));
        assert!(free(Some(&round("2027-02-28", None))));
        assert!(!free(Some(&round("2027-03-01", None))));
        let at_work = round("2027-03-01", Some("2027-03-01T00:15:00Z"));
        assert!(!free(Some(&at_work)));
        let dead = round("2027-03-01", Some("2027-03-01T00:09:00Z"));
        assert!(free(Some(&dead)));
        // Made by a program of a zone where it is tomorrow already.
        assert!(!free(Some(&round("2027-03-02", None))));
    }

    #[test]
    fn programs_whose_days_differ_make_one_round_a_day_together() {
        let now = at("2027-03-01T13:00:00Z");
        let (mut round, mut rounds): (Option<Round>, usize) = (None, 0);
        // Auckland is a day ahead of Lisbon, and both ask again and again.
        for day in ["2027-03-02", "2027-03-01", "2027-03-02", "2027-03-01"] {
            if Round::is_free(round.as_ref(), Day(day.parse().unwrap()), now) {
                let day = day.to_owned();
                round = Some(Round { day, until: None });
                rounds += 1;
            }
        }
        assert_eq!(rounds, 1);
    }
}
