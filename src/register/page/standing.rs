//! What an approval is worth now, as the record's page says it.
use super::record::author;
use super::{Names, names};
use crate::db::{At, Conn, PersonId};
use crate::error::Result;
use crate::register::{self, Record, SOON_DAYS, Status};
use crate::review::deeds::page::OfferView;
use crate::review::deeds::{Deed, Subject};
use crate::review::engine::Review;
use crate::review::{self, Desk, TimelineItem};
use crate::web::badge::{Badge, of_phase, of_status};
use serde::Serialize;

/// Where the approval of a record stands.
#[derive(Debug, Serialize)]
pub struct StandingView {
    status: Badge,
    /// Class of the sheet: `good`, `warn`, `bad` or none.
    tone: &'static str,
    /// What stands, each in a sentence.
    sentences: Vec<String>,
    /// Why, in the words of who did it.
    reason: Option<String>,
    /// The revision that was approved.
    revision: i32,
    /// Whether the content shown is another.
    draft: bool,
    offers: Vec<OfferView>,
}

/// One of the reviews of a record.
#[derive(Debug, Serialize)]
pub struct ReviewLine {
    /// Its first entry.
    seq: i64,
    opened_at: At,
    revision: i32,
    status: Badge,
    version: i32,
    /// What it has to do with another review.
    relation: Option<Relation>,
}

/// What a review has to do with another.
#[derive(Debug, Serialize)]
struct Relation {
    words: &'static str,
    /// First entry of the other.
    seq: i64,
}

/// The state of the approval that counts for `record`.
///
/// # Errors
/// When the database fails.
pub fn standing(
    conn: &mut Conn,
    desk: &Desk,
    record: &Record,
    timeline: &[TimelineItem],
    offers: &[(Deed, Subject, OfferView)],
) -> Result<Option<StandingView>> {
    let (Some(id), Some(status)) = (record.approval_id, record.standing()) else {
        return Ok(None);
    };
    let approval = review::review(conn, id)?;
    let over = approval.overriding;
    let people = over.map_or([None, None], |o| [Some(o.first), o.second]);
    let told = Told {
        desk,
        names: names(conn, people)?,
        approval,
        timeline,
    };
    let (tone, sentences, reason) = told.of(status);
    let mine =
        |(_, subject, _): &&(Deed, Subject, OfferView)| matches!(subject, Subject::Record(_));
    Ok(Some(StandingView {
        status: of_status(status),
        tone,
        sentences,
        reason,
        revision: told.approval.revision,
        draft: differs(conn, record, told.approval.revision)?,
        offers: offers
            .iter()
            .filter(mine)
            .map(|(.., view)| view.clone())
            .collect(),
    }))
}

/// Whether the record says something else than what was approved. Its way from pilot to live is no
/// answer that was approved.
fn differs(conn: &mut Conn, record: &Record, approved: i32) -> Result<bool> {
    if approved == record.revision {
        return Ok(false);
    }
    let mut answers = |number: i32| {
        let mut document = register::revision(conn, record.id, number)?.document()?;
        if let Some(fields) = document.as_object_mut() {
            fields.remove("lifecycle");
        }
        Ok::<_, crate::error::Error>(document)
    };
    Ok(answers(approved)? != answers(record.revision)?)
}

struct Told<'a> {
    desk: &'a Desk,
    names: Names,
    approval: Review,
    timeline: &'a [TimelineItem],
}

type Words = (&'static str, Vec<String>, Option<String>);

impl Told<'_> {
    fn of(&self, status: Status) -> Words {
        match status {
            Status::Overridden => self.overridden(),
            Status::Suspended => self.ended("approval.suspended", "Suspended", "bad"),
            Status::Revoked => self.ended("approval.revoked", "Revoked", "bad"),
            Status::Retired => self.ended("approval.retired", "Retired", ""),
            Status::Expired => ("bad", vec![self.expired()], None),
            _ => self.approved(),
        }
    }

    fn day(&self, at: At) -> String {
        review::spelled(at, &self.desk.zone)
    }

    fn approved(&self) -> Words {
        let approved = self.approval.approved_at.map(|at| self.day(at));
        let approved = approved.unwrap_or_else(|| "an earlier day".to_owned());
        let first = format!(
            "Approved on {approved}, for revision {}.",
            self.approval.revision
        );
        let Some(until) = self.approval.valid_until else {
            return ("good", vec![first, "It has no end.".to_owned()], None);
        };
        let days = self.days_to(until);
        let until = self.day(until);
        if days > SOON_DAYS {
            return ("good", vec![first, format!("Valid until {until}.")], None);
        }
        let soon = match days {
            days if days <= 0 => format!("Valid until {until}, which is today."),
            1 => format!("Valid until {until}, which is tomorrow."),
            days => format!("Valid until {until}: it ends in {days} days."),
        };
        ("warn", vec![first, soon], None)
    }

    fn days_to(&self, until: At) -> i64 {
        let now = self.desk.clock.now();
        until.0.duration_since(now.0).as_hours() / 24
    }

    fn overridden(&self) -> Words {
        let name = |id: Option<PersonId>| author(&self.names, id);
        let over = self.approval.overriding;
        let (first, second) = (over.map(|o| o.first), over.and_then(|o| o.second));
        let until = self.approval.valid_until.map(|at| self.day(at));
        let sentence = format!(
            "Let through until {} by {} and {}, before its review ended.",
            until.unwrap_or_default(),
            name(first),
            name(second)
        );
        let reason = self
            .last("override.proposed")
            .and_then(|item| item.reason.clone());
        ("warn", vec![sentence], reason)
    }

    fn expired(&self) -> String {
        let until = self.approval.valid_until.map(|at| self.day(at));
        format!(
            "The approval ended on {}. It may not be used until a new review approves it.",
            until.unwrap_or_default()
        )
    }

    /// What the last entry of a kind says: who did it, when and why.
    fn ended(&self, kind: &str, word: &str, tone: &'static str) -> Words {
        let Some(item) = self.last(kind) else {
            return (tone, vec![format!("{word}.")], None);
        };
        let day = self.day(item.at);
        let sentence = match &item.actor {
            Some(name) => format!("{word} on {day} by {name}."),
            None => match item.sentence.split_once(": ") {
                Some((_, why)) => format!("{word} on {day}: {why}."),
                None => format!("{word} on {day}."),
            },
        };
        (tone, vec![sentence], item.reason.clone())
    }

    fn last(&self, kind: &str) -> Option<&TimelineItem> {
        let mut items = self.timeline.iter().rev();
        items.find(|item| item.review == Some(self.approval.id) && item.kind == kind)
    }
}

/// The reviews of a record, the latest first; nothing while there is only one.
///
/// # Errors
/// When the database fails.
pub fn reviews(
    conn: &mut Conn,
    record: &Record,
    timeline: &[TimelineItem],
) -> Result<Vec<ReviewLine>> {
    let all = review::reviews_of(conn, record.id)?;
    if all.len() < 2 {
        return Ok(Vec::new());
    }
    let first = |id| {
        let opened = |item: &&TimelineItem| item.review == Some(id) && item.kind == "review.opened";
        timeline.iter().find(opened).map(|item| item.seq)
    };
    let restarted = |former: &Review| {
        let last = timeline
            .iter()
            .rev()
            .find(|item| item.review == Some(former.id));
        last.is_some_and(|item| item.kind == "review.superseded")
    };
    let line = |(place, one): (usize, &Review)| {
        let relation = match one.renews {
            Some(other) if one.after_the_fact => Some(("looks at the override of", other)),
            Some(other) if one.looks_again => Some(("looks again at", other)),
            Some(other) => Some(("renews", other)),
            None => {
                let before = place.checked_sub(1).and_then(|before| all.get(before));
                let before = before.filter(|former| restarted(former));
                before.map(|former| ("takes the place of", former.id))
            }
        };
        Some(ReviewLine {
            seq: first(one.id)?,
            opened_at: one.opened_at,
            revision: one.revision,
            status: of_phase(one.phase),
            version: one.workflow.version,
            relation: relation.and_then(|(words, other)| {
                let seq = first(other)?;
                Some(Relation { words, seq })
            }),
        })
    };
    let mut lines: Vec<ReviewLine> = all.iter().enumerate().filter_map(line).collect();
    lines.reverse();
    Ok(lines)
}
