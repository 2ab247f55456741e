//! Entries, taken one after the other, become a snapshot. Pure.
use crate::db::{At, RecordId, ReviewId};
use crate::ledger::entry::{Entry, SYSTEM, time_text};
use crate::people::AUDITOR;
use crate::replay::joins;
use crate::replay::reviews::{Course, object};
use crate::replay::vendors::Vendors;
use crate::replay::{Key, Last, Snapshot, Thing};
use crate::review::engine::{Event, Review};
use crate::review::{Place, recall};
use crate::rules::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A register on its way from entry to entry.
#[derive(Debug, Default)]
pub struct Replay {
    things: Snapshot,
    courses: BTreeMap<ReviewId, Course>,
    places: BTreeMap<RecordId, Place>,
    /// How many entries tell of each record.
    counts: BTreeMap<String, u64>,
    /// Which changes at vendors each review deals with.
    vendors: Vendors,
    next: u64,
}

impl Replay {
    /// Takes the next entry.
    ///
    /// # Errors
    /// Why it cannot follow, in a sentence.
    pub fn take(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.seq != self.next {
            let next = self.next;
            return Err(format!(
                "entry {} stands where entry {next} belongs",
                entry.seq
            ));
        }
        self.next += 1;
        self.entry(entry).map_err(|why| {
            format!(
                "entry {} ({}) cannot be replayed: {why}",
                entry.seq, entry.kind
            )
        })
    }

    /// The reviews as they stand, and the calendar and workflow versions they run by.
    pub fn reviews(&self) -> impl Iterator<Item = &Review> {
        self.courses.values().map(|course| &course.review)
    }

    /// The snapshot after the last entry.
    pub fn snapshot(mut self) -> Snapshot {
        for (id, place) in self.places {
            if let Some(record) = self.things.get_mut(&Key::new("record", id)) {
                record.fields.extend(object(place_fields(&place)));
            }
        }
        for course in self.courses.into_values() {
            course.things(&mut self.things);
        }
        self.things
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), String> {
        if let Some(record) = entry.subject.get("record").and_then(Value::as_str) {
            self.count(record, entry)?;
        }
        if let Some((id, event)) = recall(entry)? {
            return self.event(id, &event, entry);
        }
        self.evidence(entry)?;
        let (what, deed) = entry.kind.split_once('.').unwrap_or((&entry.kind, ""));
        match what {
            "person" | "manager" | "digest" => self.person(entry),
            "role" => {
                self.holding(entry, "role", deed == "given")?;
                match entry.data.get("role").and_then(Value::as_str) {
                    Some(AUDITOR) => self.appointment(entry),
                    _ => Ok(()),
                }
            }
            "auditor" => self.appointment(entry),
            "hold" => self.hold(entry, deed),
            "erasure" => self.erasure(entry, deed),
            "retention" => self.retention(entry, deed),
            "group" => self.holding(entry, "group", deed == "joined"),
            "absence" => self.absence(entry, deed),
            "calendar" => self.calendar(entry),
            "calendar_link" => self.calendar_link(entry, deed),
            "token" => self.token(entry),
            "workflow" => self.rules(entry, deed, &WORKFLOWS),
            "answer" => self.answer(entry),
            "use_case" => joins::joined(self, entry),
            "joining" => joins::limited(self, entry),
            "test" | "waiver" => self.gates(entry, deed),
            "oversight" => self.oversight(entry, deed),
            "risk" => self.risk(entry, deed),
            "vendor_change" => self.vendors.take(&mut self.things, entry, deed),
            "values" => self.erased(entry),
            "record" | "approval" => self.record(entry),
            other => match Kind::of_word(other) {
                Some(kind) => self.rules(entry, deed, &Rules::of(kind)),
                None => Ok(()),
            },
        }
    }

    /// Each record numbers its entries without a gap.
    fn count(&mut self, record: &str, entry: &Entry) -> Result<(), String> {
        let stated = entry.subject.get("record_seq").and_then(Value::as_u64);
        let count = self.counts.entry(record.to_owned()).or_default();
        *count += 1;
        if stated == Some(*count) {
            return Ok(());
        }
        let stated = stated.map_or("no number".to_owned(), |n| format!("number {n}"));
        Err(format!(
            "it has {stated} of its record, whose entry {count} it is"
        ))
    }

    fn event(&mut self, id: ReviewId, event: &Event, entry: &Entry) -> Result<(), String> {
        let last = last(entry);
        let opened = matches!(event, Event::Opened(_));
        if opened {
            let review = Review::begin(event, At(entry.at)).ok_or("it begins no review")?;
            self.courses.insert(id, Course::begin(review, last.clone()));
        }
        let course = self
            .courses
            .get_mut(&id)
            .ok_or("its review has not begun")?;
        if !opened {
            course.take(event, entry, last.clone());
        }
        let review = &course.review;
        let record = review.record;
        if let Some(place) = self.places.get_mut(&record) {
            place.follow(review, opened);
        }
        self.vendors.follow(&mut self.things, review, opened, &last);
        self.touch(&Key::new("record", record), last);
        Ok(())
    }

    pub(super) fn touch(&mut self, key: &Key, last: Last) {
        if let Some(thing) = self.things.get_mut(key) {
            thing.last = Some(last);
        }
    }

    pub(super) fn put(&mut self, key: Key, entry: &Entry, fields: Value) {
        let thing = Thing {
            fields: object(fields),
            last: Some(last(entry)),
        };
        self.things.insert(key, thing);
    }

    /// Puts a thing that is not there yet.
    pub(super) fn once(&mut self, key: Key, entry: &Entry, fields: Value) {
        if !self.things.contains_key(&key) {
            self.put(key, entry, fields);
        }
    }

    pub(super) fn forget(&mut self, key: &Key) {
        self.things.remove(key);
    }

    /// Changes fields of a thing that must be there.
    pub(super) fn set(&mut self, key: &Key, entry: &Entry, fields: Value) -> Result<(), String> {
        let missing = || format!("no entry before it tells of {} {}", key.thing, key.id);
        let thing = self.things.get_mut(key).ok_or_else(missing)?;
        thing.fields.extend(object(fields));
        thing.last = Some(last(entry));
        Ok(())
    }

    fn person(&mut self, entry: &Entry) -> Result<(), String> {
        let id = subject(entry, "person")?;
        let key = Key::new("person", id);
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        match entry.kind.as_str() {
            "person.added" => {
                let fields = json!({
                    "name": committed(entry, "name"), "email": committed(entry, "email"),
                    "active": true, "manager": null, "digest": true, "unreachable": null,
                });
                self.put(key, entry, fields);
                Ok(())
            }
            "person.left" => {
                self.revoke_tokens(id, entry);
                self.set(&key, entry, json!({ "active": false }))
            }
            "person.returned" => self.set(&key, entry, json!({ "active": true })),
            "person.unreachable" => self.set(&key, entry, json!({ "unreachable": data("code") })),
            "person.erased" => {
                self.erased(entry)?;
                self.erasure(entry, "done")?;
                self.set(&key, entry, json!({ "unreachable": null }))
            }
            "person.reachable" => self.set(&key, entry, json!({ "unreachable": null })),
            "manager.set" => self.set(&key, entry, json!({ "manager": data("manager") })),
            "digest.started" => self.set(&key, entry, json!({ "digest": true })),
            "digest.stopped" => self.set(&key, entry, json!({ "digest": false })),
            _ => Ok(()),
        }
    }

    /// The values that an entry says are erased, and the revisions that say less since then.
    fn erased(&mut self, entry: &Entry) -> Result<(), String> {
        let values = entry.data.get("values").and_then(Value::as_object);
        for (name, seqs) in values.into_iter().flatten() {
            for seq in seqs.as_array().into_iter().flatten() {
                let key = Key::new("erased_value", format!("{seq}:{name}"));
                self.put(key, entry, json!({ "entry": entry.seq }));
            }
        }
        let revisions = entry.data.get("revisions").and_then(Value::as_array);
        for revision in revisions.into_iter().flatten() {
            let number = revision.get("revision").and_then(Value::as_i64);
            let number = number.ok_or("it does not say `revision`")?;
            let record = text(revision.get("record"), "record")?;
            let left = text(revision.get("digest"), "digest")?;
            let key = Key::new("revision", format!("{record}:{number}"));
            self.set(&key, entry, json!({ "redacted": left }))?;
        }
        Ok(())
    }

    fn revoke_tokens(&mut self, person: &str, entry: &Entry) {
        let tokens = self.things.iter_mut();
        let tokens = tokens.filter(|(key, _)| key.thing == "token");
        for (_, token) in tokens.filter(|(_, t)| t.fields.get("person") == Some(&json!(person))) {
            token.fields.insert("revoked".to_owned(), true.into());
            token.last = Some(last(entry));
        }
    }

    fn holding(&mut self, entry: &Entry, what: &str, given: bool) -> Result<(), String> {
        let name = text(entry.data.get(what), what)?;
        let person = subject(entry, "person")?;
        let key = Key::new("holding", format!("{what}:{name}:{person}"));
        if given {
            self.put(key, entry, json!({}));
        } else {
            self.things.remove(&key);
        }
        Ok(())
    }

    fn absence(&mut self, entry: &Entry, deed: &str) -> Result<(), String> {
        let key = Key::new("absence", subject(entry, "absence")?);
        if deed == "ended" {
            return self.set(&key, entry, json!({ "ended": true }));
        }
        let delegate = entry.data.get("delegate").cloned().unwrap_or_default();
        let fields = json!({
            "person": subject(entry, "person")?, "delegate": delegate,
            "days": committed(entry, "days"), "ended": false,
        });
        self.put(key, entry, fields);
        Ok(())
    }

    fn calendar(&mut self, entry: &Entry) -> Result<(), String> {
        let (name, version) = (
            subject(entry, "calendar")?,
            number(entry, "calendar_version")?,
        );
        let key = Key::new("calendar", format!("{name}:{version}"));
        let hash = subject(entry, "calendar_hash")?;
        self.put(key, entry, json!({ "hash": hash, "by": by(entry) }));
        Ok(())
    }

    fn calendar_link(&mut self, entry: &Entry, deed: &str) -> Result<(), String> {
        let key = Key::new("calendar_link", subject(entry, "person")?);
        if deed == "made" {
            self.put(key, entry, json!({}));
        } else {
            self.things.remove(&key);
        }
        Ok(())
    }

    fn token(&mut self, entry: &Entry) -> Result<(), String> {
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        let key = Key::new("token", subject(entry, "token")?);
        let fields = json!({
            "person": subject(entry, "person")?, "digest": subject(entry, "digest")?,
            "scopes": data("scopes"), "expires_at": data("expires_at"), "revoked": false,
        });
        self.put(key, entry, fields);
        Ok(())
    }

    fn answer(&mut self, entry: &Entry) -> Result<(), String> {
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        let key = Key::new("answer", subject(entry, "answer")?);
        let record = entry.subject.get("record").cloned().unwrap_or_default();
        if let Some(id) = record.as_str() {
            self.touch(&Key::new("record", id), last(entry));
        }
        let fields = json!({
            "policy": subject(entry, "policy")?, "version": number(entry, "policy_version")?,
            "asked": data("asked"), "verdict": data("verdict"), "rules": data("rules"),
            "person": by(entry), "record": record, "entry": entry.seq,
        });
        self.put(key, entry, fields);
        Ok(())
    }

    /// Versions and drafts of what is published by a second person.
    fn rules(&mut self, entry: &Entry, deed: &str, of: &Rules) -> Result<(), String> {
        if deed == "published" {
            return self.published(entry, of);
        }
        let base = || entry.data.get("base_version").cloned();
        let key = Key::new(of.draft, subject(entry, "draft")?);
        let state = match deed {
            "proposed" => "proposed",
            "returned" => "returned",
            "draft_discarded" => "discarded",
            _ => "draft",
        };
        let writes = !["returned", "draft_discarded"].contains(&deed);
        let author = (entry.actor != SYSTEM && writes).then_some(&entry.actor);
        let discarded_by = (state == "discarded").then(|| by(entry));
        let known = self.things.get(&key).map(|thing| thing.fields.clone());
        let mut fields = known.unwrap_or_else(|| {
            object(json!({ of.version: subject(entry, of.version).ok(), "authors": [], "seen": 0 }))
        });
        let seen = fields.get("seen").and_then(Value::as_u64).unwrap_or(0) + 1;
        let authors = fields.get("authors").cloned().unwrap_or_default();
        fields.extend(object(json!({
            "state": state, "seen": seen, "digest": subject(entry, "digest")?,
            "authors": with(authors, author), "discarded_by": discarded_by,
        })));
        if let Some(base) = base() {
            fields.insert("base".to_owned(), base);
        }
        self.put(key, entry, Value::Object(fields));
        Ok(())
    }

    fn published(&mut self, entry: &Entry, of: &Rules) -> Result<(), String> {
        let name = subject(entry, of.version)?;
        let version = number(entry, &format!("{}_version", of.version))?;
        let hash = subject(entry, &format!("{}_hash", of.version))?;
        let mut fields = object(json!({ "hash": hash, "by": by(entry) }));
        if of.has_active {
            fields.insert("active".to_owned(), true.into());
            let of_it = format!("{name}:");
            let versions = self.things.iter_mut();
            for (key, thing) in versions.filter(|(key, _)| key.thing == of.version) {
                if key.id.starts_with(&of_it) {
                    thing.fields.insert("active".to_owned(), false.into());
                }
            }
        }
        let key = Key::new(of.version, format!("{name}:{version}"));
        self.put(key, entry, Value::Object(fields));
        let Some(draft) = entry.data.get("draft").and_then(Value::as_str) else {
            return Ok(());
        };
        let key = Key::new(of.draft, draft);
        let seen = self
            .things
            .get(&key)
            .and_then(|t| t.fields.get("seen")?.as_u64());
        let seen = seen.unwrap_or(0) + 1;
        self.set(&key, entry, json!({ "state": "published", "seen": seen }))
    }

    fn record(&mut self, entry: &Entry) -> Result<(), String> {
        let id = subject(entry, "record")?;
        let key = Key::new("record", id);
        let record: RecordId = id.parse().map_err(|_| format!("`record` is {id}"))?;
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        match entry.kind.as_str() {
            "record.created" => {
                let status = text(entry.data.get("status"), "status")?;
                self.places.insert(record, Place::new(status));
                let fields = json!({
                    "kind": data("kind"), "reference": subject(entry, "reference")?,
                    "submitter": by(entry), "owner": data("owner"), "revision": 1,
                    "content": "of its revision",
                });
                self.put(key, entry, fields);
                self.revision(entry, id)
            }
            "record.revised" => {
                let revision = number(entry, "revision")?;
                let fields = json!({ "revision": revision, "owner": data("owner") });
                self.set(&key, entry, fields)?;
                self.revision(entry, id)
            }
            "approval.renewal_begun" => {
                self.place(record)?.status = "draft".to_owned();
                self.touch(&key, last(entry));
                Ok(())
            }
            "approval.renewal_given_up" => {
                let place = self.place(record)?;
                place.review = place.approval;
                if let Some(standing) = place.standing.clone() {
                    place.status = standing;
                }
                self.touch(&key, last(entry));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn place(&mut self, record: RecordId) -> Result<&mut Place, String> {
        let place = self.places.get_mut(&record);
        place.ok_or_else(|| format!("no entry before it tells of record {record}"))
    }

    fn revision(&mut self, entry: &Entry, record: &str) -> Result<(), String> {
        let revision = number(entry, "revision")?;
        let key = Key::new("revision", format!("{record}:{revision}"));
        let digest = subject(entry, "digest")?;
        self.put(key, entry, json!({ "digest": digest, "author": by(entry) }));
        Ok(())
    }
}

/// What is published in versions, after a draft.
struct Rules {
    /// What a version is called, and what its entries name it by.
    version: &'static str,
    /// What a draft is called.
    draft: &'static str,
    /// Whether a version says that it is in force.
    has_active: bool,
}

const WORKFLOWS: Rules = Rules {
    version: "workflow",
    draft: "draft",
    has_active: true,
};
impl Rules {
    fn of(kind: &Kind) -> Rules {
        Rules {
            version: kind.word,
            draft: kind.draft_word,
            has_active: false,
        }
    }
}

/// What a record says of its reviews.
pub(super) fn place_fields(place: &Place) -> Value {
    json!({
        "status": place.status, "risk": place.risk, "review": place.review,
        "approval": place.approval, "standing": place.standing,
        "valid_until": place.valid_until.map(|at| at.to_string()),
    })
}

pub(super) fn last(entry: &Entry) -> Last {
    Last {
        seq: entry.seq,
        kind: entry.kind.clone(),
        at: time_text(entry.at),
    }
}

fn with(authors: Value, author: Option<&String>) -> Value {
    let mut all: Vec<Value> = authors.as_array().cloned().unwrap_or_default();
    all.extend(author.map(|id| json!(id)));
    all.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    all.dedup();
    all.into()
}

pub(super) fn by(entry: &Entry) -> Option<&str> {
    (entry.actor != SYSTEM).then_some(entry.actor.as_str())
}

pub(super) fn committed(entry: &Entry, name: &str) -> Option<String> {
    entry.private.get(name).map(hex::encode)
}

fn text<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a str, String> {
    let text = value.and_then(Value::as_str);
    text.ok_or_else(|| format!("it does not say `{name}`"))
}

pub(super) fn subject<'a>(entry: &'a Entry, name: &str) -> Result<&'a str, String> {
    text(entry.subject.get(name), name)
}

pub(super) fn number(entry: &Entry, name: &str) -> Result<i64, String> {
    let number = entry.subject.get(name).and_then(Value::as_i64);
    number.ok_or_else(|| format!("it does not say `{name}`"))
}
