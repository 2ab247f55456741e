//! What runs out at a vendor: our assessment, certificates, the contract, and the day by which we
//! wanted to look again. Keepers of vendors and the owner are reminded 30 and 7 days before, and on
//! the day after.
use super::standing::{CERTIFICATES, day};
use super::{dependants, letters};
use crate::app::App;
use crate::db::schema::records;
use crate::db::{Conn, Day, PersonId, RecordId, Tx};
use crate::error::Result;
use crate::notify::outbox::{self, Message};
use crate::people;
use crate::register::{self, Record};
use crate::review::Desk;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Days before the last day on which somebody is reminded; the last is the day after.
const STEPS: [i32; 3] = [30, 7, -1];
/// A day that passed longer ago is told no more: the register is old, not the news.
const OLDEST: i32 = -30;
/// Vendors whose documents are read at once.
const AT_ONCE: usize = 200;

/// What runs out, by field, as a mail calls it.
fn dated() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = [
        ("assessment_valid_until", "our assessment"),
        ("contract_end", "the contract"),
        (
            "review_by",
            "the time in which we wanted to look at it again",
        ),
    ];
    let certificates = CERTIFICATES
        .iter()
        .map(|(field, _, title)| (*field, *title));
    own.into_iter().chain(certificates)
}

/// The step that a day is at: the latest that was reached.
fn step(days_left: i32) -> Option<i32> {
    let reached = STEPS.into_iter().filter(|step| days_left <= *step);
    reached.min().filter(|_| days_left >= OLDEST)
}

/// One reminder that is owed.
struct Owed {
    vendor: RecordId,
    owner: Option<PersonId>,
    field: &'static str,
    day: Day,
    step: i32,
}

/// Queues the reminders of the day: each goes out once, however often the round is made.
///
/// # Errors
/// When the database fails.
pub async fn remind(app: &App) -> Result<()> {
    let today = app.desk.today();
    let owed = app.db.read(move |conn| owed(conn, today)).await?;
    if owed.is_empty() {
        return Ok(());
    }
    let now = app.desk.clock.now();
    let queue = move |tx: &mut Tx| {
        let keepers = people::holders(tx, "role", super::change::KEEPER)?;
        for one in &owed {
            let mut people: BTreeSet<PersonId> = keepers.clone();
            people.extend(one.owner);
            for person in people {
                let Owed {
                    vendor,
                    field,
                    day,
                    step,
                    ..
                } = one;
                let mail = Message::new(letters::DUE, person)
                    .record(*vendor)
                    .context(json!({ "field": field, "day": day }))
                    .once(&format!(
                        "vendor_due:{vendor}:{field}:{}:{step}:{person}",
                        day
                    ));
                outbox::queue(tx, mail, now)?;
            }
        }
        Ok(())
    };
    app.db.upkeep(queue).await
}

fn owed(conn: &mut Conn, today: Day) -> Result<Vec<Owed>> {
    let vendors: Vec<(RecordId, Option<PersonId>)> = records::table
        .filter(records::kind.eq("vendor"))
        .order(records::nr)
        .select((records::id, records::owner_id))
        .load(conn)?;
    let mut all = Vec::new();
    for some in vendors.chunks(AT_ONCE) {
        let ids: Vec<RecordId> = some.iter().map(|(id, _)| *id).collect();
        let documents = register::documents(conn, &ids)?;
        for (vendor, owner) in some {
            let Some(document) = documents.get(vendor) else {
                continue;
            };
            for (field, _) in dated() {
                let Some(until) = day(document, field) else {
                    continue;
                };
                let left = (until - today.0).get_days();
                all.extend(step(left).map(|step| Owed {
                    vendor: *vendor,
                    owner: *owner,
                    field,
                    day: Day(until),
                    step,
                }));
            }
        }
    }
    Ok(all)
}

/// What a reminder says; nothing when the register says another day by now.
pub(super) fn tell(
    conn: &mut Conn,
    desk: &Desk,
    vendor: &Record,
    context: &Value,
) -> Result<Option<(String, Value)>> {
    let said = |name: &str| {
        context
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let document = register::revision(conn, vendor.id, vendor.revision)?.document()?;
    let same = document.get(said("field")).and_then(Value::as_str) == Some(said("day"));
    let what = dated().find(|(field, _)| *field == said("field"));
    let (Some((_, what)), true) = (what, same) else {
        return Ok(None);
    };
    let today = desk.today();
    let over = Day::parse(said("day")).is_some_and(|day| day < today);
    let dependants = dependants::of(conn, vendor)?.len();
    let facts = json!({
        "vendor": { "reference": vendor.reference, "title": vendor.title },
        "what": what, "day": said("day"), "over": over, "dependants": dependants,
        "one": dependants == 1,
    });
    Ok(Some((format!("/vendors/{}", vendor.reference), facts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_reached_once_and_what_is_long_over_is_told_no_more() {
        let steps = [31, 30, 8, 7, 1, 0, -1, -30, -31].map(step);
        let expected = [
            None,
            Some(30),
            Some(30),
            Some(7),
            Some(7),
            Some(7),
            Some(-1),
            Some(-1),
            None,
        ];
        assert_eq!(steps, expected);
    }
}
