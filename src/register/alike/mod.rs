//! Look-alikes: what the register already has that is like a request, and how it ended. A team
//! finds an approval it can join before it asks for another; an approver sees what was decided
//! before. Nothing is stored for it: candidates come from the text index by their rarest words,
//! so that erasing a text takes it out of here too.
mod score;
mod store;

pub use score::{Likeness, Portrait, likeness};

use crate::db::{Conn, PersonId, RecordId};
use crate::error::Result;
use crate::people;
use crate::register::{Record, Status};
use crate::web::badge::{Badge, of_status};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// From this score on two records are alike, of 1. Set by `tests/alike.rs`.
const ALIKE: f64 = 0.42;
/// How many are shown.
const SHOWN: usize = 5;
/// How many count as precedents.
const COUNTED: usize = 50;
/// How many words are looked up, and how many records are compared.
const LOOKED_UP: usize = 24;
const COMPARED: i64 = 600;

/// A record that is like another.
#[derive(Debug, Clone)]
pub struct Alike {
    /// It.
    pub record: Record,
    /// Its present document.
    pub document: Value,
    /// How much and why.
    pub likeness: Likeness,
}

/// The records of `kind` that are like `document`, the most like first; of these business units,
/// or the person's own, where `within` names them.
///
/// # Errors
/// When the database fails.
pub fn alike(
    conn: &mut Conn,
    kind: &str,
    document: &Value,
    except: Option<RecordId>,
    within: Option<&(Vec<String>, PersonId)>,
) -> Result<Vec<Alike>> {
    let this = Portrait::of(document);
    store::may_read_all(conn, false)?;
    let found = compared(conn, kind, &this, except, within);
    store::may_read_all(conn, true)?;
    let mut found = found?;
    found.retain(|other| other.likeness.score >= ALIKE);
    found.sort_by(|a, b| b.likeness.score.total_cmp(&a.likeness.score));
    found.truncate(COUNTED);
    Ok(found)
}

/// The records that share a telling word with `this`, compared with it.
fn compared(
    conn: &mut Conn,
    kind: &str,
    this: &Portrait,
    except: Option<RecordId>,
    within: Option<&(Vec<String>, PersonId)>,
) -> Result<Vec<Alike>> {
    let mut known = Vec::new();
    for stem in this.stems().take(LOOKED_UP) {
        known.push((store::frequency(conn, stem)?, stem));
    }
    let weights: BTreeMap<&str, f64> = known.iter().map(|(n, stem)| (*stem, rarity(*n))).collect();
    let stems = telling(known);
    if stems.is_empty() {
        return Ok(Vec::new());
    }
    let weight = |stem: &str| weights.get(stem).copied().unwrap_or(1.0);
    let compare = |(record, document): (Record, Value)| Alike {
        likeness: likeness(this, &Portrait::of(&document), weight),
        record,
        document,
    };
    let candidates = store::having(conn, kind, &stems, except, within)?;
    Ok(candidates.into_iter().map(compare).collect())
}

/// The rarest words, as long as not too many records have them; always one.
fn telling(mut known: Vec<(i64, &str)>) -> Vec<&str> {
    known.retain(|(count, _)| *count > 0);
    known.sort_unstable();
    let mut records = 0;
    let few = |(count, _): &(i64, &str)| {
        let first = records == 0;
        records += count;
        first || records <= COMPARED
    };
    known
        .into_iter()
        .take_while(few)
        .map(|(_, stem)| stem)
        .collect()
}

fn rarity(count: i64) -> f64 {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let most = f64::from(u32::try_from(store::FREQUENT).unwrap_or(u32::MAX));
    (1.0 + most / (count + 1.0)).ln()
}

/// One look-alike as pages and the API tell it.
#[derive(Debug, Clone, Serialize)]
pub struct AlikeLine {
    /// `AI-2026-0042`.
    pub reference: String,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: Badge,
    /// How much it is like the other, in percent.
    pub percent: u8,
    /// Why it counts as alike.
    pub because: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Which tool it uses.
    pub tool: Option<String>,
    /// What it costs a year, in euros.
    pub cost: Option<i64>,
}

/// What was decided before on records like this.
#[derive(Debug, Clone, Serialize)]
pub struct Precedents {
    /// `4 are like this: 3 approved, 1 rejected.`
    pub sentence: String,
    /// Conditions that approvals among them carry, with how many records do, the commonest first.
    pub conditions: Vec<CommonCondition>,
    /// The most like.
    pub lines: Vec<AlikeLine>,
}

/// A condition several records carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommonCondition {
    /// Its text, as written first.
    pub text: String,
    /// How many of the records carry it.
    pub records: usize,
}

/// The look-alikes of a document, as lines.
///
/// # Errors
/// When the database fails.
pub fn lines(
    conn: &mut Conn,
    kind: &str,
    document: &Value,
    except: Option<RecordId>,
    within: Option<&(Vec<String>, PersonId)>,
) -> Result<Vec<AlikeLine>> {
    let mut found = alike(conn, kind, document, except, within)?;
    found.truncate(SHOWN);
    told(conn, &found)
}

/// What was decided on records like `record`; nothing where there is none.
///
/// # Errors
/// When the database fails.
pub fn precedents(
    conn: &mut Conn,
    record: &Record,
    document: &Value,
    within: Option<&(Vec<String>, PersonId)>,
) -> Result<Option<Precedents>> {
    let found = alike(conn, &record.kind, document, Some(record.id), within)?;
    if found.is_empty() {
        return Ok(None);
    }
    let ids: Vec<RecordId> = found.iter().map(|other| other.record.id).collect();
    let conditions = common(store::conditions_on(conn, &ids)?);
    let most_like = found.get(..SHOWN).unwrap_or(&found);
    Ok(Some(Precedents {
        sentence: sentence(&found)?,
        conditions,
        lines: told(conn, most_like)?,
    }))
}

fn told(conn: &mut Conn, found: &[Alike]) -> Result<Vec<AlikeLine>> {
    let owners: BTreeSet<PersonId> = found.iter().filter_map(|o| o.record.owner_id).collect();
    let names = people::names(conn, &owners)?;
    let line = |other: &Alike| {
        let text = |name: &str| other.document.get(name).and_then(Value::as_str);
        let owner = other.record.owner_id.and_then(|id| names.get(&id).cloned());
        Ok(AlikeLine {
            reference: other.record.reference.clone(),
            title: other.record.title.clone(),
            status: of_status(other.record.status()?),
            percent: percent(other.likeness.score),
            because: because(&other.likeness),
            owner: owner.or_else(|| text("owner").map(str::to_owned)),
            tool: text("tool").map(str::to_owned),
            cost: other
                .document
                .get("cost_eur_per_year")
                .and_then(Value::as_i64),
        })
    };
    found.iter().map(line).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 100"
)]
fn percent(score: f64) -> u8 {
    (score * 100.0).clamp(0.0, 100.0) as u8
}

fn because(likeness: &Likeness) -> String {
    let mut parts = Vec::new();
    if likeness.same_tool {
        parts.push("the same tool".to_owned());
    } else if likeness.same_vendor {
        parts.push("the same vendor".to_owned());
    }
    let words: Vec<&str> = likeness.words.iter().take(4).map(String::as_str).collect();
    if !words.is_empty() {
        parts.push(format!("words in common: {}", words.join(", ")));
    }
    parts.join("; ")
}

fn sentence(found: &[Alike]) -> Result<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for other in found {
        let word = ended(other.record.status()?);
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let parts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let are = match found.len() {
        1 => "1 is like this".to_owned(),
        COUNTED.. => format!("At least {COUNTED} are like this"),
        many => format!("{many} are like this"),
    };
    Ok(format!("{are}: {}.", parts.join(", ")))
}

fn ended(status: Status) -> &'static str {
    match status {
        Status::Approved => "approved",
        Status::Rejected => "rejected",
        Status::Overridden => "let through",
        Status::Suspended => "suspended",
        Status::Expired => "with an approval that ended",
        Status::Revoked => "with an approval that was revoked",
        Status::Retired => "retired",
        Status::InReview | Status::ChangesRequested => "in review",
        Status::Registered => "registered without a review",
        Status::Draft | Status::Withdrawn | Status::Abandoned => "not submitted",
    }
}

fn common(all: Vec<(RecordId, String)>) -> Vec<CommonCondition> {
    let plain = |text: &str| {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        words.join(" ").trim_end_matches('.').to_owned()
    };
    let mut groups: BTreeMap<String, (String, BTreeSet<RecordId>)> = BTreeMap::new();
    for (record, text) in all {
        let group = groups.entry(plain(&text));
        group
            .or_insert_with(|| (text, BTreeSet::new()))
            .1
            .insert(record);
    }
    let mut common: Vec<CommonCondition> = groups
        .into_values()
        .map(|(text, records)| CommonCondition {
            text,
            records: records.len(),
        })
        .collect();
    common.sort_by_key(|condition| std::cmp::Reverse(condition.records));
    common.truncate(3);
    common
}
