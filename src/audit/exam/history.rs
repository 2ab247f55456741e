//! What the entries have told so far: who held what, which workflow version was in force, where
//! each running review stands.
use crate::audit::exam::{Item, Population, Test, decision, ended, overridden};
use crate::db::{At, PersonId, RecordId, ReviewId};
use crate::ledger::entry::{Entry, SYSTEM};
use crate::people::AUDITOR;
use crate::review::engine::{Event, Phase, Pin, Review};
use crate::review::recall;
use crate::review::workflows::Loaded;
use crate::workflow::{Mode, Relation, Who};
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Finds a workflow version by its pin; nothing when it is not at hand.
pub type Definitions<'a> = dyn FnMut(&Pin) -> Option<Arc<Loaded>> + 'a;

/// The ledger, read from its first entry on.
#[derive(Debug, Default)]
pub struct History {
    next: u64,
    /// Roles and groups held, and the entry that gave them.
    holdings: BTreeMap<(String, String, PersonId), u64>,
    /// The last day of auditors who have one.
    last_days: BTreeMap<PersonId, Date>,
    /// Who left, and the entry that says so.
    gone: BTreeMap<PersonId, u64>,
    managers: BTreeMap<PersonId, (PersonId, u64)>,
    /// The version in force by workflow: version, hash, entry.
    in_force: BTreeMap<String, (i32, String, u64)>,
    revisions: BTreeMap<(RecordId, i32), (String, u64)>,
    courses: BTreeMap<ReviewId, Course>,
}

/// A running review.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub review: Review,
    pub reference: String,
    pub definition: Option<Arc<Loaded>>,
    /// Its first entry.
    pub opened: u64,
    /// The entry that put the present revision under review.
    pub shown: u64,
    /// Whether its workflow version was the one in force.
    pub version: Test,
    /// The entry that asked a person in an epoch of a stage.
    pub asked: BTreeMap<(String, u32, PersonId), u64>,
    /// The entry that opened a stage last.
    pub stage_opened: BTreeMap<String, u64>,
    /// The entry that settled or skipped a stage last.
    pub settled: BTreeMap<String, u64>,
    /// Decisions so far, and whether a test found something.
    pub decisions: Vec<(u64, bool)>,
    /// Entries that say that a stage ran out of time.
    pub overdue: Vec<u64>,
    /// The last proposal to override.
    pub proposal: Option<Entry>,
}

/// An entry, what it tells of a review, and all that is known before it.
pub(super) struct Case<'a> {
    pub history: &'a History,
    pub course: &'a Course,
    pub entry: &'a Entry,
}

impl History {
    /// Takes the next entry; the items that it tells of.
    ///
    /// # Errors
    /// Why it cannot be read, in a sentence that names it.
    pub fn take(&mut self, entry: &Entry, find: &mut Definitions) -> Result<Vec<Item>, String> {
        let next = self.next;
        if entry.seq != next {
            let seq = entry.seq;
            return Err(format!("entry {seq} stands where entry {next} belongs"));
        }
        self.next += 1;
        let read = recall(entry).and_then(|told| match told {
            Some((id, event)) => self.event(id, &event, entry, find),
            None => self.deed(entry).map(|()| Vec::new()),
        });
        read.map_err(|why| format!("entry {next} ({}) cannot be read: {why}", entry.kind))
    }

    fn deed(&mut self, entry: &Entry) -> Result<(), String> {
        let seq = entry.seq;
        match entry.kind.as_str() {
            "role.given" => {
                self.holdings.insert(holding("role", entry)?, seq);
                self.appointment(entry)?;
            }
            "auditor.scoped" => self.appointment(entry)?,
            "role.taken" => drop(self.holdings.remove(&holding("role", entry)?)),
            "group.joined" => drop(self.holdings.insert(holding("group", entry)?, seq)),
            "group.left" => drop(self.holdings.remove(&holding("group", entry)?)),
            "person.left" => drop(self.gone.insert(person(entry)?, seq)),
            "person.returned" => drop(self.gone.remove(&person(entry)?)),
            "manager.set" => {
                let manager = entry.data.get("manager").and_then(Value::as_str);
                match manager.and_then(|id| id.parse().ok()) {
                    Some(manager) => drop(self.managers.insert(person(entry)?, (manager, seq))),
                    None => drop(self.managers.remove(&person(entry)?)),
                }
            }
            "workflow.published" => {
                let (key, hash) = (text(entry, "workflow")?, text(entry, "workflow_hash")?);
                let version = (number(entry, "workflow_version")?, hash, seq);
                self.in_force.insert(key, version);
            }
            "record.created" | "record.revised" => {
                let record = text(entry, "record")?.parse();
                let record = record.map_err(|_| "`record` is no identifier".to_owned())?;
                let revision = (record, number(entry, "revision")?);
                self.revisions
                    .insert(revision, (text(entry, "digest")?, seq));
            }
            _ => {}
        }
        Ok(())
    }

    fn appointment(&mut self, entry: &Entry) -> Result<(), String> {
        let of_another = |role: &Value| role != AUDITOR;
        if entry.data.get("role").is_some_and(of_another) {
            return Ok(());
        }
        let last = entry.data.get("last_day").and_then(Value::as_str);
        match last.and_then(|day| day.parse().ok()) {
            Some(day) => drop(self.last_days.insert(person(entry)?, day)),
            None => drop(self.last_days.remove(&person(entry)?)),
        }
        Ok(())
    }

    fn event(
        &mut self,
        id: ReviewId,
        event: &Event,
        entry: &Entry,
        find: &mut Definitions,
    ) -> Result<Vec<Item>, String> {
        if let Event::Opened(_) = event {
            let review = Review::begin(event, At(entry.at)).ok_or("it begins no review")?;
            let course = self.begin(review, entry, find)?;
            self.courses.insert(id, course);
            return Ok(Vec::new());
        }
        // What follows the end of a review is no part of it.
        let Some(mut course) = self.courses.remove(&id) else {
            return Ok(Vec::new());
        };
        let mut items = Vec::new();
        let case = Case {
            history: self,
            course: &course,
            entry,
        };
        match event {
            Event::Decided { .. } => items.extend(decision::examine(&case, event)),
            Event::OverrideGranted { .. } => items.push(overridden::examine(&case, event)),
            _ => {}
        }
        course.follow(event, entry, items.first());
        if course.review.phase.is_running() {
            self.courses.insert(id, course);
        } else {
            let case = Case {
                history: self,
                course: &course,
                entry,
            };
            items.push(ended::examine(&case));
        }
        Ok(items)
    }

    fn begin(
        &self,
        review: Review,
        entry: &Entry,
        find: &mut Definitions,
    ) -> Result<Course, String> {
        Ok(Course {
            reference: text(entry, "reference")?,
            definition: find(&review.workflow),
            opened: entry.seq,
            shown: entry.seq,
            version: self.version(&review.workflow, entry.seq),
            asked: BTreeMap::new(),
            stage_opened: BTreeMap::new(),
            settled: BTreeMap::new(),
            decisions: Vec::new(),
            overdue: Vec::new(),
            proposal: None,
            review,
        })
    }

    fn version(&self, pin: &Pin, opened: u64) -> Test {
        const KEY: &str = "workflow";
        let Some((version, hash, published)) = self.in_force.get(&pin.key) else {
            let sentence = "No version of the workflow was in force when the review opened.";
            return Test::fails(KEY, sentence).on([opened]);
        };
        let both = [*published, opened];
        if (version, hash) == (&pin.version, &pin.hash) {
            let sentence = format!("Version {version} was in force when the review opened.");
            return Test::holds(KEY, sentence).on(both);
        }
        let sentence = format!(
            "The review runs by version {}, but version {version} was in force when it opened.",
            pin.version
        );
        Test::fails(KEY, sentence).on(both)
    }

    /// The entry by which a person held a role or group at a time.
    pub(super) fn holds(&self, what: &str, name: &str, person: PersonId, at: At) -> Option<u64> {
        let key = (what.to_owned(), name.to_owned(), person);
        let last = self.last_days.get(&person);
        if (what, name) == ("role", AUDITOR) && last.is_some_and(|last| is_over(*last, at)) {
            return None;
        }
        self.holdings.get(&key).copied()
    }

    /// The entry by which a person had left.
    pub(super) fn left(&self, person: PersonId) -> Option<u64> {
        self.gone.get(&person).copied()
    }

    /// The entry of a revision, and the digest that it gave it.
    pub(super) fn revision(&self, record: RecordId, number: i32) -> Option<(&str, u64)> {
        let (digest, seq) = self.revisions.get(&(record, number))?;
        Some((digest, *seq))
    }

    /// The entry by which `who` names the person at a time; nothing when it does not, or names by
    /// address.
    pub(super) fn named(
        &self,
        course: &Course,
        who: &Who,
        person: PersonId,
        at: At,
    ) -> Option<u64> {
        let review = &course.review;
        let of = |relation: &Relation| match relation {
            Relation::Submitter => review.submitter,
            Relation::Owner => review.owner,
        };
        match who {
            Who::Role(role) => self.holds("role", role, person, at),
            Who::Group(group) => self.holds("group", group, person, at),
            Who::Relation(relation) => (of(relation) == person).then_some(course.shown),
            Who::ManagerOf(relation) => {
                let (manager, seq) = self.managers.get(&of(relation))?;
                (*manager == person).then_some(*seq)
            }
            Who::Person(_) | Who::Field(_) => None,
        }
    }
}

impl Course {
    /// Takes in what happened.
    fn follow(&mut self, event: &Event, entry: &Entry, examined: Option<&Item>) {
        let seq = entry.seq;
        match event {
            Event::Resubmitted { .. } => self.shown = seq,
            Event::StageOpened {
                stage,
                epoch,
                seats,
                ..
            } => {
                self.stage_opened.insert(stage.clone(), seq);
                let people = seats.iter().flat_map(|seat| seat.asked());
                self.ask(stage, *epoch, people, seq);
            }
            Event::SeatFellBack {
                stage,
                epoch,
                people,
                ..
            } => self.ask(stage, *epoch, people.iter().copied(), seq),
            Event::Escalated(called) if called.mode != Mode::Notify => {
                let people = called.people.iter().copied();
                self.ask(&called.stage, called.epoch, people, seq);
            }
            Event::TaskMoved {
                stage, epoch, to, ..
            } => self.ask(stage, *epoch, [*to].into_iter(), seq),
            Event::StageSettled { stage, .. } | Event::StageSkipped { stage, .. } => {
                self.settled.insert(stage.clone(), seq);
            }
            Event::StageOverdue { .. } => self.overdue.push(seq),
            Event::OverrideProposed { .. } => self.proposal = Some(entry.clone()),
            Event::Decided { .. } => {
                let found = examined.is_some_and(Item::is_exception);
                self.decisions.push((seq, found));
            }
            _ => {}
        }
        self.review.apply(event, At(entry.at));
    }

    fn ask(&mut self, stage: &str, epoch: u32, people: impl Iterator<Item = PersonId>, seq: u64) {
        for person in people {
            let key = (stage.to_owned(), epoch, person);
            self.asked.entry(key).or_insert(seq);
        }
    }
}

impl Case<'_> {
    /// The item that the entry tells of.
    pub(super) fn item(&self, population: Population, outcome: &str, tests: Vec<Test>) -> Item {
        let Case { course, entry, .. } = self;
        let review = &course.review;
        let said = |name: &str| Some(entry.subject.get(name)?.as_str()?.to_owned());
        let risk = review.derived.get("risk");
        let actor = entry.actor.parse().ok();
        Item {
            population,
            id: entry.id.to_string(),
            seq: entry.seq,
            at: At(entry.at),
            record: review.record,
            reference: course.reference.clone(),
            review: review.id,
            revision: review.revision,
            digest: review.digest.clone(),
            stage: said("stage").filter(|_| population == Population::Decisions),
            task: said("task"),
            person: actor.filter(|_| entry.actor != SYSTEM),
            outcome: outcome.to_owned(),
            method: entry.via.method.as_str(),
            risk: risk.and_then(|d| Some(d.value.as_str()?.to_owned())),
            leaf_hash: String::new(),
            tests,
        }
    }

    /// Whether the workflow version was in force when the review opened, and the entry names it.
    pub(super) fn version(&self) -> Test {
        let pinned = &self.course.review.workflow.hash;
        let said = self.entry.subject.get("workflow_hash");
        if said.and_then(Value::as_str) == Some(pinned) {
            return self.course.version.clone();
        }
        let sentence = "The entry names another workflow version than the review runs by.";
        Test::fails("workflow", sentence).on([self.course.opened, self.entry.seq])
    }

    /// Where the review stands.
    pub(super) fn phase(&self) -> Phase {
        self.course.review.phase
    }
}

/// Whether a day is over everywhere. In which time zone it was meant, the entries do not say.
fn is_over(last: Date, at: At) -> bool {
    let farthest_west = at.0 - SignedDuration::from_hours(12);
    farthest_west.to_zoned(TimeZone::UTC).date() > last
}

fn holding(what: &str, entry: &Entry) -> Result<(String, String, PersonId), String> {
    let name = entry.data.get(what).and_then(Value::as_str);
    let name = name.ok_or_else(|| format!("it does not say `{what}`"))?;
    Ok((what.to_owned(), name.to_owned(), person(entry)?))
}

fn person(entry: &Entry) -> Result<PersonId, String> {
    let id = text(entry, "person")?.parse();
    id.map_err(|_| "`person` is no identifier".to_owned())
}

fn text(entry: &Entry, name: &str) -> Result<String, String> {
    let text = entry.subject.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| format!("it does not say `{name}`"))?;
    Ok(text.to_owned())
}

fn number(entry: &Entry, name: &str) -> Result<i32, String> {
    let number = entry.subject.get(name).and_then(Value::as_i64);
    let number = number.and_then(|n| i32::try_from(n).ok());
    number.ok_or_else(|| format!("it does not say `{name}`"))
}
