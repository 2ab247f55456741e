//! The register: records of several kinds, each a document in immutable revisions.
//!
//! A record has a reference (`AI-2026-0042`) and a current revision. A revision never changes;
//! its digest, a salted commitment to its exact text, is what an approver signs and what the
//! ledger carries. Every save that changes something is a new revision and one ledger entry.
mod alike;
pub mod api;
pub mod import;
pub mod intake;
pub mod kinds;
mod list;
mod names;
pub mod page;
mod redact;
mod store;
mod within;

pub use alike::{AlikeLine, CommonCondition, Precedents, alike, lines, precedents};
pub use kinds::{Kind, Kinds};
pub use list::{
    Cursor, FacetCount, Listing, PAGE, Query, SOON_DAYS, Sort, Standing, facet_counts, list, total,
};
pub use names::{Name, all_of, documents, names_of, naming, one_spelling, referred};
pub use redact::{Redaction, redact, redactions};
pub use store::{
    Record, Revision, RevisionHead, any_by_reference, by_id, by_reference, editors, references,
    revision, revisions, set_review, set_standing, set_status,
};
pub use within::{Place, is_of as is_of_units, of as of_units, within};

use crate::db::{At, PersonId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::entry::commitment;
use crate::ledger::{Actor, Note, random};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest document, in bytes of its canonical text.
pub const DOCUMENT_MAX: usize = 256 * 1024;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In the register; no review has run here.
    Registered,
    /// Being written.
    Draft,
    /// Under review.
    InReview,
    /// Back with its submitter.
    ChangesRequested,
    /// Approved.
    Approved,
    /// Rejected.
    Rejected,
    /// Taken back.
    Withdrawn,
    /// Ran longer than its workflow allows.
    Abandoned,
    /// Let go ahead for a while before its review ended.
    Overridden,
    /// Approved, and not in force for now.
    Suspended,
    /// Approved once; the time is over.
    Expired,
    /// Approved once; the approval was taken away.
    Revoked,
    /// No longer used.
    Retired,
}

impl Status {
    /// Every status, in the order of a record's life.
    pub const ALL: [Status; 13] = [
        Status::Draft,
        Status::InReview,
        Status::ChangesRequested,
        Status::Approved,
        Status::Overridden,
        Status::Suspended,
        Status::Expired,
        Status::Revoked,
        Status::Retired,
        Status::Rejected,
        Status::Withdrawn,
        Status::Abandoned,
        Status::Registered,
    ];

    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Registered => "registered",
            Status::Draft => "draft",
            Status::InReview => "in_review",
            Status::ChangesRequested => "changes_requested",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
            Status::Withdrawn => "withdrawn",
            Status::Abandoned => "abandoned",
            Status::Overridden => "overridden",
            Status::Suspended => "suspended",
            Status::Expired => "expired",
            Status::Revoked => "revoked",
            Status::Retired => "retired",
        }
    }

    /// The words a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Status::Registered => "registered, not reviewed",
            Status::Draft => "a draft",
            Status::InReview => "in review",
            Status::ChangesRequested => "waiting for changes",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
            Status::Withdrawn => "withdrawn",
            Status::Abandoned => "abandoned",
            Status::Overridden => "let through for a while",
            Status::Suspended => "suspended",
            Status::Expired => "expired",
            Status::Revoked => "revoked",
            Status::Retired => "retired",
        }
    }

    /// The status by its word.
    pub fn named(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Whether a review can begin.
    pub fn can_be_submitted(self) -> bool {
        !matches!(self, Status::InReview | Status::ChangesRequested) && !self.is_approval()
    }

    /// Whether its content can change. What is approved changes by a renewal.
    pub fn can_be_edited(self) -> bool {
        !self.is_approval()
    }

    /// Whether an approval or override is in force or suspended.
    pub fn is_approval(self) -> bool {
        matches!(
            self,
            Status::Approved | Status::Overridden | Status::Suspended
        )
    }
}

/// A record to be created.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Its content.
    pub document: Value,
    /// Where it begins: a draft, or registered by an import.
    pub status: Status,
    /// What identifies it in the register it was imported from.
    pub source_key: Option<String>,
}

/// Creates a record with its first revision.
///
/// # Errors
/// [`Error::Invalid`] when an answer breaks a rule other than being required.
pub fn create(tx: &mut Tx, now: At, actor: &Actor, kind: &Kind, new: NewRecord) -> Result<Record> {
    check(kind, &new.document)?;
    // All that can be refused comes before a number is taken: an import goes on after a refusal,
    // and references have no gaps.
    let (sealed, title) = (seal(&new.document)?, title(&new.document)?);
    let id = RecordId::new();
    let reference = store::next_reference(tx, kind.prefix, now)?;
    let record = Record {
        id,
        nr: store::next_number(tx)?,
        kind: kind.key.to_owned(),
        reference: reference.clone(),
        title,
        status: new.status.as_str().to_owned(),
        risk: None,
        revision: 1,
        submitter_id: actor.person,
        owner_id: owner(tx, &new.document)?,
        review_id: None,
        source_key: new.source_key,
        created_at: now,
        updated_at: now,
        approval_id: None,
        standing: None,
        valid_until: None,
    };
    store::insert(tx, &record, &search_text(&new.document))?;
    store::insert_revision(tx, &record, &sealed, actor.person, now)?;
    store::set_facets(tx, id, &facets(kind, &new.document))?;
    let note = Note::new("record.created", actor).record(id, &reference);
    let note = note
        .data("kind", kind.key)
        .data("status", new.status.as_str())
        .data("owner", record.owner_id.map(|id| id.to_string()));
    crate::ledger::append(
        tx,
        now,
        note.subject("revision", 1).subject("digest", sealed.digest),
    )?;
    Ok(record)
}

/// Writes a new revision of a record, if the content differs from the present one and `seen` is
/// still its number.
///
/// # Errors
/// [`Error::Stale`] when it changed meanwhile, [`Error::Invalid`] for wrong answers.
pub fn revise(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    kind: &Kind,
    record: &Record,
    seen: i32,
    document: &Value,
) -> Result<Record> {
    if record.revision != seen {
        return Err(Error::Stale {
            seen,
            now: record.revision,
        });
    }
    check(kind, document)?;
    if store::revision(tx, record.id, seen)?.document()? == *document {
        tx.leave_unchanged();
        return Ok(record.clone());
    }
    let sealed = seal(document)?;
    let mut after = record.clone();
    after.revision += 1;
    after.title = title(document)?;
    after.owner_id = owner(tx, document)?;
    after.updated_at = now;
    store::update_content(tx, &after, &search_text(document))?;
    store::insert_revision(tx, &after, &sealed, actor.person, now)?;
    store::set_facets(tx, after.id, &facets(kind, document))?;
    let note = Note::new("record.revised", actor).record(after.id, &after.reference);
    let note = note
        .subject("revision", after.revision)
        .subject("digest", sealed.digest)
        .data("owner", after.owner_id.map(|id| id.to_string()));
    crate::ledger::append(tx, now, note)?;
    Ok(after)
}

/// A document's exact text and its digest with the salt that hides it from guessing.
pub(crate) struct Sealed {
    pub(crate) text: String,
    pub(crate) salt: String,
    pub(crate) digest: String,
}

fn seal(document: &Value) -> Result<Sealed> {
    let text = serde_json_canonicalizer::to_string(document)?;
    if text.len() > DOCUMENT_MAX {
        return Err(Error::BadRequest(format!(
            "the document has {} bytes; at most {DOCUMENT_MAX} are kept",
            text.len()
        )));
    }
    let salt = random::<32>()?;
    let digest = hex::encode(commitment(&salt, "document", text.as_bytes()));
    Ok(Sealed {
        text,
        salt: hex::encode(salt),
        digest,
    })
}

/// The digest that the text of a revision has; nothing where its salt is none.
pub fn digest_of(revision: &Revision) -> Option<String> {
    let mut salt = [0; 32];
    hex::decode_to_slice(&revision.salt, &mut salt).ok()?;
    let digest = commitment(&salt, "document", revision.text.as_bytes());
    Some(hex::encode(digest))
}

/// What the register shows of a document, and finds it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its title.
    pub title: String,
    /// What a search finds.
    pub body: String,
    /// Field and value of what lists are narrowed by, sorted.
    pub facets: Vec<(String, String)>,
}

impl Shown {
    /// What it shows of this one.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a title.
    pub fn of(kind: &Kind, document: &Value) -> Result<Shown> {
        Ok(Shown {
            title: title(document)?,
            body: search_text(document),
            facets: facets(kind, document),
        })
    }
}

fn check(kind: &Kind, document: &Value) -> Result<()> {
    let errors = kind.form.check_draft(document);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

fn title(document: &Value) -> Result<String> {
    let title = document.get("title").and_then(Value::as_str).map(str::trim);
    match title.filter(|t| !t.is_empty()) {
        Some(title) => Ok(title.to_owned()),
        None => {
            let missing = FieldError::new("title", "missing", "Enter a title".to_owned());
            Err(Error::Invalid(vec![missing]))
        }
    }
}

fn owner(tx: &mut Tx, document: &Value) -> Result<Option<PersonId>> {
    match document.get("owner").and_then(Value::as_str) {
        Some(address) => Ok(crate::people::by_email(tx, address)?.map(|p| p.id)),
        None => Ok(None),
    }
}

/// Everything a search should find: every text of the document.
fn search_text(document: &Value) -> String {
    let mut words = Vec::new();
    collect(document, &mut words);
    words.join("\n")
}

fn collect<'a>(value: &'a Value, words: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => words.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, words)),
        _ => {}
    }
}

fn facets(kind: &Kind, document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for facet in kind.form.facets() {
        let mut texts = Vec::new();
        if let Some(value) = document.get(&facet.field) {
            collect(value, &mut texts);
        }
        found.extend(
            texts
                .into_iter()
                .map(|t| (facet.field.clone(), t.to_owned())),
        );
    }
    found.extend(names::of(kind, document));
    found.sort();
    found.dedup();
    found
}
