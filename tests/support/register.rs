//! A register with people in every role, told as a story: `register.as_reviewer("mei")
//! .approve(&case)`. Everything goes through the real services on the story's own database.
//!
//! A verb that fails ends the story; [`Register::refuses`] is for what must be refused, and holds
//! the whole database against a copy made before. When a story ends, the promises that hold in
//! every state are checked (see `promises`).

use countersign::clock::Clock;
use countersign::db::schema::{sign_off_links, tasks};
use countersign::db::{At, Conn, Db, PersonId, RecordId, ReviewId, TaskId, Tx};
use countersign::error::{Error, Result};
use countersign::ledger::entry::{Entry, Method, Via};
use countersign::ledger::{self, Actor, Filter, Page};
use countersign::people::{self, NewPerson, Secret};
use countersign::register::{self as records, Kinds, Record};
use countersign::review::engine::{Phase, Progress, Review};
use countersign::review::{
    self, ConditionGiven, DecisionGiven, DecisionRow, Desk, LinkState, Revised, Task, workflows,
};
use countersign::workflow::{Bundle, Outcome};
use diesel::prelude::*;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

const POLICY: &str = include_str!("../../templates/workflows/ai_use_case.json");

/// Who is in the directory: name, roles, groups. The last six serve [`workflow`]s of a story.
const PEOPLE: &[(&str, &[&str], &[&str])] = &[
    ("tomas", &[], &[]),
    ("olga", &[], &[]),
    ("dana", &["data_protection"], &[]),
    ("dario", &["data_protection"], &[]),
    ("priya", &["privacy_lead"], &[]),
    ("aiko", &["ai_reviewer"], &[]),
    ("lars", &["line_manager"], &[]),
    ("vera", &["vendor_risk"], &[]),
    ("pavel", &["procurement_lead"], &[]),
    ("lena", &["legal"], &[]),
    ("gina", &["general_counsel"], &[]),
    ("sven", &["security"], &[]),
    ("sara", &["security"], &[]),
    ("carl", &["ciso"], &[]),
    ("cleo", &["cto"], &[]),
    ("ezra", &["ceo"], &[]),
    ("gus", &["governance_admin"], &[]),
    ("abby", &[], &["ai_council"]),
    ("anton", &[], &["ai_council"]),
    ("aisha", &[], &["ai_council"]),
    ("audra", &["auditor"], &[]),
    ("adam", &["administrator"], &[]),
    ("mei", &["reviewer"], &[]),
    ("ravi", &["reviewer"], &[]),
    ("rosa", &["reviewer"], &[]),
    ("kim", &["expert"], &[]),
    ("noor", &["expert"], &[]),
    ("stan", &["stand_in"], &[]),
];

/// The story's world.
pub struct Register {
    pub db: Db,
    pub desk: Arc<Desk>,
    url: String,
    people: Mutex<BTreeMap<String, PersonId>>,
    /// Whether the story planted what no entry tells of.
    planted: AtomicBool,
    /// The program on the same database, once it is asked for.
    pub(super) program: OnceLock<countersign::app::App>,
}

/// A use case of the story.
#[derive(Debug, Clone)]
pub struct Case {
    pub record: RecordId,
    pub author: String,
}

/// A person at work on their tasks, by session unless they come by a link.
#[derive(Clone)]
pub struct Reviewer<'a> {
    register: &'a Register,
    name: String,
    task: Option<TaskId>,
    seen: Option<String>,
    link: Option<Secret>,
    reason: Option<String>,
    answers: Option<Value>,
}

/// The moment at which every story begins.
pub fn first_day() -> At {
    At::new("2027-03-01T09:00:00Z".parse().expect("a time"))
}

/// A person who works in a session.
pub fn in_session(person: PersonId) -> Actor {
    Actor::person(person, Via::new(Method::Session, "session"))
}

/// The operator at the command line.
pub fn operator() -> Actor {
    Actor::system(Via::new(Method::Cli, "none"))
}

/// A complete use case that asks for two stages of the default policy, with `changes` made.
pub fn use_case(changes: &Value) -> Value {
    let mut document = json!({
        "title": "Summaries of tickets", "purpose": "Summarise tickets for the team.",
        "owner": "olga@example.org", "tool": "Small model", "sourcing": "in_house",
        "data_classes": ["internal"], "uses": ["summarising"], "effect_on_people": "none"
    });
    for (name, value) in changes.as_object().expect("changes by field") {
        document[name] = value.clone();
    }
    document
}

/// A workflow of these stages, taken before the default policy.
pub fn workflow(stages: &[Value]) -> Value {
    json!({"format": 1, "key": "story", "title": "Story", "form": "use_case", "priority": 900,
           "stages": stages})
}

/// A stage without conditions or form.
pub fn stage(key: &str, needs: &[&str], seats: &[Value]) -> Value {
    json!({"key": key, "kind": "other", "title": key, "needs": needs, "seats": seats})
}

/// A seat of `need` people who hold `role`; those who hold `stand_in` take their place.
pub fn seat(role: &str, need: impl Into<Value>) -> Value {
    json!({"key": role, "from": [{"role": role}], "need": need.into(),
           "fallback": [{"role": "stand_in"}]})
}

/// `json` with one more member.
pub fn with(mut json: Value, name: &str, value: Value) -> Value {
    json[name] = value;
    json
}

impl Register {
    /// Everybody is in the directory, and the default policy is published.
    pub fn open(url: String) -> Register {
        let db = Db::open(&url, 4).expect("the database opens");
        let desk = Desk {
            clock: Clock::fixed(first_day()),
            zone: TimeZone::UTC,
            kinds: Kinds::load().expect("the kinds are right"),
            workflows: Default::default(),
            timetable: Default::default(),
            calendars: Default::default(),
            policies: Default::default(),
            overview: Default::default(),
        };
        let register = Register {
            db,
            desk: Arc::new(desk),
            url,
            people: Mutex::default(),
            planted: AtomicBool::new(false),
            program: OnceLock::new(),
        };
        let everybody = register.does(|tx, desk| {
            let mut everybody = BTreeMap::new();
            for (name, roles, groups) in PEOPLE {
                let id = people::add(tx, desk.clock.now(), &operator(), &new(name, roles, groups))?;
                everybody.insert((*name).to_owned(), id);
            }
            Ok(everybody)
        });
        *register.people.lock().expect("nobody panicked") = everybody;
        register.publish_text(POLICY);
        register
    }

    /// The same database as another process would have it open.
    pub fn another_node(&self) -> Db {
        Db::open(&self.url, 1).expect("the database opens")
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A write that must succeed.
    pub fn does<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx, &Desk) -> Result<T> + Send + 'static,
    ) -> T {
        self.tries(work).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A write that may be refused.
    pub fn tries<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx, &Desk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let desk = self.desk.clone();
        self.db.write_now(move |tx| work(tx, &desk))
    }

    pub fn reads<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> T {
        self.db
            .read_now(work)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn person(&self, name: &str) -> PersonId {
        let people = self.people.lock().expect("nobody panicked");
        *people
            .get(name)
            .unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// The story puts into the database what no entry tells of, and leaves it there.
    pub fn plants(&self) {
        self.planted.store(true, Ordering::Relaxed);
    }

    /// Running reviews are looked at again, as after every change of people; how many moved.
    pub fn looks_again(&self) -> usize {
        review::look_again_now(&self.db, &self.desk, &operator())
    }

    /// Gives somebody, new or not, a role; vacant seats are looked at again.
    pub fn appoint(&self, name: &str, role: &'static str) {
        let person = new(name, &[role], &[]);
        let id = self.does(move |tx, desk| {
            tx.leave_unchanged();
            people::add(tx, desk.clock.now(), &operator(), &person)
        });
        self.looks_again();
        self.people
            .lock()
            .expect("nobody panicked")
            .insert(name.to_owned(), id);
    }

    /// Time goes by.
    pub fn days_pass(&self, days: u64) {
        let later = self
            .desk
            .clock
            .now()
            .plus(Duration::from_secs(days * 86_400));
        self.desk.clock.set(later);
    }

    /// Publishes a workflow of the story; its version.
    pub fn publish(&self, workflow: &Value) -> i32 {
        self.publish_text(&workflow.to_string())
    }

    fn publish_text(&self, text: &str) -> i32 {
        self.tries_to_publish(text)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn tries_to_publish(&self, text: &str) -> Result<i32> {
        let kind = self.desk.kinds.by_key("use_case").expect("the kind");
        let bundle = Bundle::load(
            "story.json",
            text,
            &kind.schema,
            &self.desk.kinds.stage_forms,
        )
        .unwrap_or_else(|problems| panic!("{problems:?}"));
        self.tries(move |tx, desk| workflows::publish(tx, desk.clock.now(), &operator(), &bundle))
    }

    pub fn draft_by(&self, author: &str, changes: Value) -> Case {
        let actor = in_session(self.person(author));
        let document = use_case(&changes);
        let record =
            self.does(move |tx, desk| review::start(tx, desk, &actor, "use_case", document));
        Case {
            record: record.id,
            author: author.to_owned(),
        }
    }

    pub fn submitted_by(&self, author: &str, changes: Value) -> Case {
        let case = self.draft_by(author, changes);
        self.submit(&case);
        case
    }

    /// The author submits what the record holds now.
    pub fn submit(&self, case: &Case) -> Review {
        self.tries_to_submit(&case.author, case)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn tries_to_submit(&self, name: &str, case: &Case) -> Result<Review> {
        let (actor, id) = (in_session(self.person(name)), case.record);
        let seen = self.record(case).revision;
        self.tries(move |tx, desk| review::submit(tx, desk, &actor, id, seen))
    }

    /// The author changes some answers.
    pub fn edit(&self, case: &Case, changes: Value) -> Revised {
        self.tries_to_edit(&case.author, case, changes)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn tries_to_edit(&self, name: &str, case: &Case, changes: Value) -> Result<Revised> {
        let seen = self.record(case).revision;
        self.tries_to_edit_revision(name, case, seen, changes)
    }

    pub fn tries_to_edit_revision(
        &self,
        name: &str,
        case: &Case,
        seen: i32,
        changes: Value,
    ) -> Result<Revised> {
        let (actor, id) = (in_session(self.person(name)), case.record);
        let mut document = self.document(case);
        for (field, value) in changes.as_object().expect("changes by field") {
            document[field] = value.clone();
        }
        self.tries(move |tx, desk| review::revise(tx, desk, &actor, id, seen, &document))
    }

    pub fn withdraw(&self, case: &Case) -> Review {
        self.tries_to_withdraw(&case.author, case)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn tries_to_withdraw(&self, name: &str, case: &Case) -> Result<Review> {
        let (actor, id) = (in_session(self.person(name)), self.review(case).id);
        self.tries(move |tx, desk| review::withdraw(tx, desk, &actor, id, None))
    }

    pub fn as_reviewer(&self, name: &str) -> Reviewer<'_> {
        Reviewer {
            register: self,
            name: name.to_owned(),
            task: None,
            seen: None,
            link: None,
            reason: Some("It is so.".to_owned()),
            answers: None,
        }
    }

    pub fn record(&self, case: &Case) -> Record {
        self.reads(|conn| records::by_id(conn, case.record))
    }

    pub fn status(&self, case: &Case) -> String {
        self.record(case).status
    }

    pub fn document(&self, case: &Case) -> Value {
        let number = self.record(case).revision;
        self.reads(|conn| records::revision(conn, case.record, number)?.document())
    }

    /// The latest review of the case.
    pub fn review(&self, case: &Case) -> Review {
        let id = self.record(case).review_id.expect("it was submitted");
        self.reads(|conn| review::review(conn, id))
    }

    pub fn progress(&self, case: &Case, stage: &str) -> Progress {
        self.review(case).stage(stage).expect("the stage").progress
    }

    /// The names of those who have an open task in this stage.
    pub fn asked(&self, case: &Case, stage: &str) -> Vec<String> {
        let review = self.review(case).id;
        let open = self.reads(|conn| review::open_tasks_of(conn, review));
        let people = self.people.lock().expect("nobody panicked");
        let holds = |id: &PersonId| {
            open.iter()
                .any(|task| task.stage == stage && task.person_id == *id)
        };
        people
            .iter()
            .filter(|(_, id)| holds(id))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// All tasks of a review that somebody was ever given, the newest first.
    pub fn tasks_of(&self, case: &Case, name: &str) -> Vec<Task> {
        let (review, person) = (self.review(case).id, self.person(name));
        self.reads(|conn| {
            Ok(tasks::table
                .filter(tasks::review_id.eq(review).and(tasks::person_id.eq(person)))
                .order((tasks::epoch.desc(), tasks::state.desc(), tasks::stage))
                .select(Task::as_select())
                .load(conn)?)
        })
    }

    /// The link that a mail would bring for the person's open task.
    pub fn link_for(&self, name: &str, case: &Case) -> Secret {
        let task = self
            .tasks_of(case, name)
            .into_iter()
            .find(|task| task.state == "open");
        self.link_to(task.unwrap_or_else(|| panic!("{name} has no open task")).id)
    }

    pub fn link_to(&self, task: TaskId) -> Secret {
        let now = self.desk.clock.now();
        let desk = self.desk.clone();
        let issued = self.db.upkeep_now(move |tx| {
            let asked = review::task(tx, task)?;
            let end = review::link_end(tx, &desk, &asked, now)?;
            review::issue_link(tx, task, now, end)
        });
        issued.expect("a link")
    }

    pub fn link_state(&self, link: &Secret) -> LinkState {
        let now = self.desk.clock.now();
        self.reads(|conn| review::link_state(conn, link, now))
    }

    /// The decisions on a case, in their order: `name outcome stage revision`.
    pub fn decisions(&self, case: &Case) -> Vec<String> {
        let rows = self.reads(|conn| review::decisions_of(conn, case.record));
        let name = |id: PersonId| {
            let people = self.people.lock().expect("nobody panicked");
            people
                .iter()
                .find(|(_, known)| **known == id)
                .map(|(name, _)| name.clone())
        };
        let line = |row: DecisionRow| {
            let name = name(row.person_id).unwrap_or_default();
            format!("{name} {} {} {}", row.outcome, row.stage, row.revision)
        };
        rows.into_iter().map(line).collect()
    }

    pub fn entries(&self) -> Vec<Entry> {
        let rows =
            self.reads(|conn| ledger::rows(conn, &Filter::default(), Page::From(0), 100_000));
        rows.iter()
            .map(|row| Entry::parse(&row.entry).expect("an entry"))
            .collect()
    }

    pub fn ledger_size(&self) -> u64 {
        self.reads(|conn| Ok(ledger::head(conn)?.0))
    }

    /// The kinds of the entries that `deed` adds.
    pub fn kinds_of<T>(&self, deed: impl FnOnce() -> T) -> Vec<String> {
        let before = self.ledger_size() as usize;
        deed();
        self.entries()
            .into_iter()
            .skip(before)
            .map(|entry| entry.kind)
            .collect()
    }

    /// Asserts that `deed` is refused under this code and that not one row of the database is
    /// other than before.
    pub fn refuses<T>(&self, code: &str, deed: impl FnOnce() -> Result<T>) {
        let before = self.dump();
        let Err(error) = deed() else {
            panic!("it should be refused as {code}")
        };
        assert_eq!(error.meaning().code, code, "{error}");
        assert_eq!(self.dump(), before, "the refusal {code} changed something");
    }

    /// Every row of every table, by table.
    pub fn dump(&self) -> BTreeMap<&'static str, Vec<String>> {
        self.reads(|conn| {
            let rows = |table: &'static str| Ok((table, dump_table(conn, table)?));
            TABLES.iter().copied().map(rows).collect()
        })
    }
}

fn new(name: &str, roles: &[&str], groups: &[&str]) -> NewPerson {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    NewPerson {
        email: format!("{name}@example.org"),
        name: name.to_owned(),
        roles: texts(roles),
        groups: texts(groups),
    }
}

impl Reviewer<'_> {
    /// On this task, which may be somebody else's or an old one.
    pub fn on_task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// In this stage, for those who are asked in several.
    pub fn in_stage(self, stage: &str, case: &Case) -> Self {
        let tasks = self.register.tasks_of(case, &self.name);
        let found = tasks.into_iter().find(|task| task.stage == stage);
        self.on_task(found.expect("a task in this stage").id)
    }

    /// Having seen the revision with this digest.
    pub fn seeing(mut self, digest: &str) -> Self {
        self.seen = Some(digest.to_owned());
        self
    }

    pub fn by_link(mut self, link: &Secret) -> Self {
        self.link = Some(link.clone());
        self
    }

    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    pub fn answering(mut self, answers: Value) -> Self {
        self.answers = Some(answers);
        self
    }

    pub fn approve(&self, case: &Case) -> DecisionRow {
        self.must(Outcome::Approve, case, &[])
    }

    /// Approves with these conditions: text, and the day it is due.
    pub fn approve_if(&self, case: &Case, conditions: &[(&str, &str)]) -> DecisionRow {
        self.must(Outcome::ApproveWithConditions, case, conditions)
    }

    pub fn request_changes(&self, case: &Case) -> DecisionRow {
        self.must(Outcome::RequestChanges, case, &[])
    }

    pub fn reject(&self, case: &Case) -> DecisionRow {
        self.must(Outcome::Reject, case, &[])
    }

    pub fn recuse(&self, case: &Case) -> DecisionRow {
        self.must(Outcome::Recuse, case, &[])
    }

    fn must(&self, outcome: Outcome, case: &Case, conditions: &[(&str, &str)]) -> DecisionRow {
        self.tries_with(outcome, case, conditions)
            .unwrap_or_else(|error| panic!("{} may not {outcome:?}: {error}", self.name))
    }

    pub fn tries(&self, outcome: Outcome, case: &Case) -> Result<DecisionRow> {
        self.tries_with(outcome, case, &[])
    }

    pub fn tries_with(
        &self,
        outcome: Outcome,
        case: &Case,
        conditions: &[(&str, &str)],
    ) -> Result<DecisionRow> {
        let given = self.given(outcome, case, conditions);
        let actor = self.actor();
        self.register
            .tries(move |tx, desk| review::decide(tx, desk, &actor, &given))
    }

    /// How the ledger will know them.
    pub fn actor(&self) -> Actor {
        let person = self.register.person(&self.name);
        match self.link {
            Some(_) => Actor::person(person, Via::new(Method::EmailLink, "link")),
            None => in_session(person),
        }
    }

    /// The decision as a page would hand it on.
    pub fn given(
        &self,
        outcome: Outcome,
        case: &Case,
        conditions: &[(&str, &str)],
    ) -> DecisionGiven {
        let task = self.task.unwrap_or_else(|| self.own_task(case));
        let condition = |(text, due): &(&str, &str)| ConditionGiven {
            text: (*text).to_owned(),
            owner: String::new(),
            due: (*due).to_owned(),
        };
        let review = self.register.review(case);
        DecisionGiven {
            task,
            outcome,
            seen: self.seen.clone().unwrap_or_else(|| review.digest.clone()),
            reason: self.reason.clone(),
            answers: self
                .answers
                .clone()
                .unwrap_or_else(|| self.filled(task, &review)),
            conditions: conditions.iter().map(condition).collect(),
            link: self.link.as_ref().map(Secret::hash),
        }
    }

    fn own_task(&self, case: &Case) -> TaskId {
        let tasks = self.register.tasks_of(case, &self.name);
        let open = tasks.iter().find(|task| task.state == "open");
        let task = open.or(tasks.first());
        task.unwrap_or_else(|| panic!("{} was never asked", self.name))
            .id
    }

    /// The stage's form as a conscientious person fills it.
    fn filled(&self, task: TaskId, review: &Review) -> Value {
        let stage = self.register.reads(|conn| review::task(conn, task)).stage;
        let (key, version) = (&review.workflow.key, review.workflow.version);
        let cache = &self.register.desk.workflows;
        let loaded = self
            .register
            .reads(|conn| workflows::version(conn, cache, key, version));
        let form = loaded
            .workflow
            .stage(&stage)
            .and_then(|stage| stage.form.clone());
        form.map_or_else(|| json!({}), |form| answers_to(&form))
    }
}

/// Good answers to each stage form of the default policy.
pub fn answers_to(form: &str) -> Value {
    match form {
        "data_use_review" => json!({"data_needed": "yes", "lawful": "yes", "destination": "stays",
                                    "impact_assessment": "not_needed"}),
        "human_oversight_review" => json!({"who_checks": "every_output", "can_judge": "yes",
                                           "can_stop": true, "people_told": "yes"}),
        "vendor_assessment" => json!({"evidence": ["contract"], "training_on_data": "excluded",
                                      "sub_processors": "none", "exit": "Export, then delete."}),
        "legal_security_review" => json!({"side": "legal", "ai_act_class": "minimal",
                                          "duties": "None."}),
        "escalation_review" => json!({"benefit": "Time.", "harm": "Little.", "prohibited": "no"}),
        other => panic!("no answers to {other}"),
    }
}

/// What a refused command must leave as it was: all tables but those of sessions and of the
/// refusals themselves.
const TABLES: &[&str] = &[
    "people",
    "absences",
    "memberships",
    "api_tokens",
    "records",
    "record_facets",
    "revisions",
    "counters",
    "workflows",
    "calendars",
    "rule_versions",
    "rule_drafts",
    "rule_draft_authors",
    "policy_answers",
    "joins",
    "join_limits",
    "evidence_files",
    "evidence_uses",
    "test_results",
    "test_waivers",
    "oversight_arrangements",
    "overseers",
    "oversight_samples",
    "risk_assessments",
    "risk_scores",
    "risk_escalations",
    "vendor_changes",
    "vendor_change_cases",
    "reviews",
    "tasks",
    "decisions",
    "conditions",
    "sign_off_links",
    "outbox",
    "unreachable_people",
    "person_links",
    "idempotency",
    "settings",
    "ledger_entries",
    "ledger_nodes",
    "ledger_private",
    "ledger_index",
    "erased_values",
    "erasures",
    "legal_holds",
    "retention_rules",
];

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

fn dump_table(conn: &mut Conn, table: &str) -> Result<Vec<String>> {
    let row = match conn {
        Conn::Postgres(_) => "t::text".to_owned(),
        Conn::Sqlite(_) => {
            let columns = format!("SELECT name AS line FROM pragma_table_info('{table}')");
            let columns: Vec<Line> = diesel::sql_query(columns).load(conn)?;
            let quoted = columns
                .iter()
                .map(|column| format!("quote(t.{})", column.line));
            quoted.collect::<Vec<_>>().join(" || ',' || ")
        }
    };
    let lines: Vec<Line> =
        diesel::sql_query(format!("SELECT {row} AS line FROM {table} t ORDER BY 1")).load(conn)?;
    Ok(lines.into_iter().map(|line| line.line).collect())
}

/// One number from the database.
pub fn count(conn: &mut Conn, query: &str) -> Result<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    Ok(diesel::sql_query(query).get_result::<Count>(conn)?.count)
}

/// Raw SQL by somebody who has the database's password; whether it was let through.
pub fn tampers(register: &Register, sql: &'static str) -> bool {
    let done: Result<()> = register.db.upkeep_now(move |tx| {
        use diesel::connection::SimpleConnection;
        (**tx).batch_execute(sql)?;
        Ok(())
    });
    match done {
        Ok(()) => true,
        Err(Error::Database(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// A task that should not exist, with a link to it, as a fault elsewhere might leave behind.
pub fn forged_task(register: &Register, case: &Case, stage: &str, name: &str) -> (TaskId, Secret) {
    let review = register.review(case);
    let epoch = review.stage(stage).expect("the stage").epoch;
    let id = TaskId::of(review.id, stage, epoch, register.person(name));
    let (stage, person, now) = (stage.to_owned(), register.person(name), first_day());
    let row = move |tx: &mut Tx| {
        diesel::insert_into(tasks::table)
            .values((
                tasks::id.eq(id),
                tasks::review_id.eq(review.id),
                tasks::record_id.eq(review.record),
                tasks::stage.eq(stage),
                tasks::epoch.eq(epoch as i32),
                tasks::person_id.eq(person),
                tasks::state.eq("open"),
                tasks::opened_at.eq(now),
            ))
            .execute(&mut **tx)?;
        Ok(())
    };
    register.db.upkeep_now(row).expect("a forged task");
    (id, register.link_to(id))
}

/// Takes a forged task away again.
pub fn forget(register: &Register, task: TaskId) {
    let gone = move |tx: &mut Tx| {
        diesel::delete(sign_off_links::table.filter(sign_off_links::task_id.eq(task)))
            .execute(&mut **tx)?;
        diesel::delete(tasks::table.find(task)).execute(&mut **tx)?;
        Ok(())
    };
    register.db.upkeep_now(gone).expect("it is gone");
}

impl Drop for Register {
    fn drop(&mut self) {
        // A story that failed already says more than its ruins.
        if !std::thread::panicking() {
            self.reads(|conn| {
                promises::the_ledger_is_whole(conn)?;
                promises::every_task_and_decision_has_its_mail(conn)?;
                promises::every_decision_has_its_entry(conn)?;
                for review in promises::all_reviews(conn)? {
                    promises::record_and_tasks_follow_the_review(conn, &review)?;
                    promises::the_pin_stands_in_every_entry(conn, &review)?;
                }
                match self.planted.load(Ordering::Relaxed) {
                    true => Ok(()),
                    false => promises::the_entries_alone_lead_to_all_of_it(conn, &self.desk),
                }
            });
        }
    }
}

/// What holds in every state, whatever a story did.
mod promises {
    use super::*;
    use countersign::db::schema::{
        decisions, ledger_entries, ledger_index, ledger_private, outbox, reviews,
    };
    use countersign::ledger::entry::commitment;
    use countersign::ledger::tree::{Range, leaf_hash};
    use countersign::replay;

    pub fn all_reviews(conn: &mut Conn) -> Result<Vec<Review>> {
        let ids: Vec<ReviewId> = reviews::table.select(reviews::id).load(conn)?;
        ids.into_iter().map(|id| review::review(conn, id)).collect()
    }

    pub fn the_ledger_is_whole(conn: &mut Conn) -> Result<()> {
        let texts: Vec<(i64, Vec<u8>)> = ledger_entries::table
            .order(ledger_entries::seq)
            .load(conn)?;
        let indexed: Vec<(i64, At, String)> = ledger_index::table
            .order(ledger_index::seq)
            .select((ledger_index::seq, ledger_index::at, ledger_index::kind))
            .load(conn)?;
        assert_eq!(texts.len(), indexed.len(), "every entry is indexed");
        let mut tree = Range::default();
        let mut last = None;
        for (expected, ((seq, text), index)) in texts.iter().zip(&indexed).enumerate() {
            let entry = Entry::parse(text).expect("an entry");
            assert_eq!(
                (entry.seq, *seq, index.0),
                (expected as u64, entry.seq as i64, *seq)
            );
            assert_eq!((&entry.kind, At(entry.at)), (&index.2, index.1));
            assert!(
                last.is_none_or(|before| before <= entry.at),
                "entry {seq} is dated earlier"
            );
            last = Some(entry.at);
            tree.push(leaf_hash(text));
        }
        assert_eq!(
            ledger::root(conn, texts.len() as u64)?,
            tree.root(),
            "root of the nodes"
        );
        the_side_table_opens_commitments(conn, &texts)
    }

    fn the_side_table_opens_commitments(conn: &mut Conn, texts: &[(i64, Vec<u8>)]) -> Result<()> {
        let opened: Vec<(i64, String, Vec<u8>, String)> = ledger_private::table.load(conn)?;
        for (seq, name, salt, value) in opened {
            let entry = Entry::parse(&texts[seq as usize].1).expect("an entry");
            let salt: [u8; 32] = salt.try_into().expect("32 bytes");
            let sealed = commitment(&salt, &name, value.as_bytes());
            assert_eq!(
                entry.private.get(&name),
                Some(&sealed),
                "{name} of entry {seq}"
            );
            let text = String::from_utf8_lossy(&texts[seq as usize].1).into_owned();
            assert!(
                value.len() < 8 || !text.contains(&value),
                "{name} stands in entry {seq}"
            );
        }
        Ok(())
    }

    pub fn the_entries_alone_lead_to_all_of_it(conn: &mut Conn, desk: &Desk) -> Result<()> {
        let checked = replay::check(conn, desk)?;
        assert_eq!(checked.first, None);
        Ok(())
    }

    pub fn every_task_and_decision_has_its_mail(conn: &mut Conn) -> Result<()> {
        let keys: Vec<String> = outbox::table.select(outbox::dedupe_key).load(conn)?;
        let keys: BTreeSet<String> = keys.into_iter().collect();
        let all: Vec<(TaskId, ReviewId, PersonId)> = tasks::table
            .select((tasks::id, tasks::review_id, tasks::person_id))
            .load(conn)?;
        let mut given = Vec::new();
        for (id, review, person) in all {
            // A change at a vendor may ask for many at once: in the digest.
            let together = review::review(conn, review)?.looks_again;
            let digest = format!("digest:{person}:");
            match together && !keys.contains(&format!("task:{id}")) {
                true => assert!(
                    keys.iter().any(|key| key.starts_with(&digest)),
                    "nobody asked for task {id}"
                ),
                false => given.push(id),
            }
        }
        for id in &given {
            assert!(
                keys.contains(&format!("task:{id}")),
                "task {id} was never mailed"
            );
        }
        let made: Vec<TaskId> = decisions::table.select(decisions::id).load(conn)?;
        for id in &made {
            assert!(
                keys.contains(&format!("receipt:{id}")),
                "decision {id} has no receipt"
            );
        }
        // A task that came back to its person has a mail for each round, told apart at the end.
        let first = |key: &&String| key.starts_with("task:") && key.matches(':').count() == 1;
        let announced = keys.iter().filter(first).count();
        assert_eq!(
            announced,
            given.len(),
            "mails announce tasks that there are not"
        );
        Ok(())
    }

    pub fn every_decision_has_its_entry(conn: &mut Conn) -> Result<()> {
        let filter = Filter {
            kind: Some("decision.recorded".to_owned()),
            ..Filter::default()
        };
        let entries = ledger::rows(conn, &filter, Page::From(0), 100_000)?;
        let rows: Vec<DecisionRow> = decisions::table
            .order(decisions::seq)
            .select(DecisionRow::as_select())
            .load(conn)?;
        assert_eq!(rows.len(), entries.len(), "a decision for each entry");
        for (row, entry) in rows.iter().zip(&entries) {
            assert_eq!((row.seq, Some(row.person_id)), (entry.seq, entry.person_id));
            let entry = Entry::parse(&entry.entry).expect("an entry");
            assert_eq!(entry.subject["task"], row.id.to_string());
            assert_eq!(entry.subject["digest"], row.digest);
            assert_eq!(entry.actor, row.person_id.to_string());
            assert_eq!(entry.via.method.as_str(), row.method);
        }
        Ok(())
    }

    pub fn record_and_tasks_follow_the_review(conn: &mut Conn, review: &Review) -> Result<()> {
        let record = records::by_id(conn, review.record)?;
        if record.review_id == Some(review.id) && review.phase == Phase::InReview {
            assert_eq!(
                record.revision, review.revision,
                "the revision under review"
            );
        }
        let open = review::open_tasks_of(conn, review.id)?;
        if review.phase != Phase::InReview {
            assert!(open.is_empty(), "{:?} and yet {open:?}", review.phase);
        }
        for task in &open {
            let run = review.stage(&task.stage).expect("its stage");
            assert_eq!(
                (run.progress, run.epoch),
                (Progress::Open, task.epoch as u32)
            );
            assert!(
                run.asked().contains(&task.person_id) && !run.votes.contains_key(&task.person_id)
            );
        }
        for (key, run) in review
            .stages
            .iter()
            .filter(|(_, run)| run.progress == Progress::Open)
        {
            let waits = open.iter().any(|task| task.stage == *key);
            let vacant = run.seats.iter().any(|seat| seat.fallback.is_some());
            assert!(
                waits || vacant || review.phase != Phase::InReview,
                "{key} waits for nobody"
            );
        }
        Ok(())
    }

    pub fn the_pin_stands_in_every_entry(conn: &mut Conn, review: &Review) -> Result<()> {
        let filter = Filter {
            record: Some(review.record),
            ..Filter::default()
        };
        let rows = ledger::rows(conn, &filter, Page::From(0), 100_000)?;
        for row in rows.iter().filter(|row| row.review_id == Some(review.id)) {
            let entry = Entry::parse(&row.entry).expect("an entry");
            assert_eq!(
                entry.subject["workflow_hash"], review.workflow.hash,
                "entry {}",
                row.seq
            );
        }
        Ok(())
    }
}
