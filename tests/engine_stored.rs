//! Long histories through the real services, on both databases: after each command what is stored
//! (state, tasks, timers, decisions, conditions, standing, entries) is what the pure engine says.

#[path = "engine/rich.rs"]
mod rich;
mod support;

use countersign::app::App;
use countersign::config::Config;
use countersign::db::schema::{conditions, decisions, timers};
use countersign::db::{At, ConditionId, Conn, Day, Db, PersonId, RecordId, ReviewId, TimerId};
use countersign::ledger::seal::Sealer;
use countersign::ledger::{self, Page};
use countersign::people::{self, absence};
use countersign::review::engine::{
    self, ApprovalDeed, Calendars, Command, Condition, ConditionDeed, Context, Decision, Directory,
    Event, Handover, OpenTask, OverrideDeed, Resubmission, Review, Timer,
};
use countersign::review::{self, ConditionGiven, DecisionGiven, HandoverGiven, clockwork};
use countersign::templates::{Place, Templates};
use countersign::workflow::{Bundle, Outcome};
use diesel::prelude::*;
use rich::Chance;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use support::on_both;
use support::register::{Case, Register, in_session, operator};
use tokio::sync::Notify;

/// Commands of each database, unless COUNTERSIGN_COMMANDS says another number.
const COMMANDS: usize = 10_000;
/// Reviews that run at once.
const TOGETHER: usize = 8;
/// Commands after which reviews are left alone and others begin.
const ROUND: usize = 400;

const ROLES: rich::Roles = rich::Roles {
    screener: "reviewer",
    expert: "expert",
    last: "stand_in",
    council: "legal",
    chief: "security",
    watch: "auditor",
};
/// Those who may be asked, and some who may not.
const ACTORS: &[&str] = &[
    "mei", "ravi", "rosa", "kim", "noor", "stan", "lena", "gina", "sven", "sara", "tomas", "olga",
    "audra",
];

on_both! { now crate::support::register::Register::open =>
    ten_thousand_commands_are_stored_as_the_engine_decides
    two_nodes_take_each_step_once
    an_override_does_not_outlive_its_review
}

fn app(register: &Register, db: Db) -> App {
    let place = Place {
        base_path: String::new(),
        zone: jiff::tz::TimeZone::UTC,
    };
    App {
        db,
        desk: register.desk.clone(),
        config: Arc::new(Config::default()),
        templates: Arc::new(Templates::load(&place).expect("the templates")),
        post: Arc::new(Notify::new()),
        sealer: Arc::new(Sealer::new(&Config::default())),
        mailbox: None,
        verifying: countersign::ledger::verifying::turns(),
        exporting: countersign::ledger::send::turns(),
        counting: countersign::ledger::summary::turns(),
        counted: Arc::default(),
    }
}

/// A review in the register, and what the engine alone makes of it.
struct Twin {
    case: Case,
    review: Review,
}

/// The people of a day, as far as some of them are concerned.
type Directories = HashMap<(Day, BTreeSet<PersonId>), Rc<Directory>>;

struct Play<'a> {
    register: &'a Register,
    app: App,
    bundle: Bundle,
    chance: Chance,
    twins: Vec<Twin>,
    names: BTreeMap<PersonId, &'static str>,
    taken: usize,
    refused: usize,
    titles: usize,
    requests: RefCell<HashMap<(RecordId, i32), Rc<Value>>>,
    directories: RefCell<Directories>,
}

/// A command: to the engine, and to the service.
type Service<'a> = Box<dyn FnOnce(&Register) -> bool + 'a>;

impl<'a> Play<'a> {
    fn open(register: &'a Register, seed: u64) -> Play<'a> {
        for (name, role) in [
            ("gina", "legal"),
            ("ezra", "stand_in"),
            ("carl", "stand_in"),
            ("vera", "expert"),
        ] {
            register.appoint(name, role);
        }
        let text = rich::workflow(&ROLES, "default");
        register.publish(&text);
        let kind = register.desk.kinds.by_key("use_case").expect("the kind");
        let forms = &register.desk.kinds.stage_forms;
        let bundle = Bundle::load("story.json", &text.to_string(), &kind.schema, forms);
        Play {
            register,
            app: app(register, register.db.clone()),
            bundle: bundle.expect("it loads"),
            chance: Chance::new(seed),
            twins: Vec::new(),
            names: ACTORS
                .iter()
                .map(|name| (register.person(name), *name))
                .collect(),
            taken: 0,
            refused: 0,
            titles: 0,
            requests: RefCell::default(),
            directories: RefCell::default(),
        }
    }

    fn person(&mut self) -> &'static str {
        self.chance.one::<&str>(ACTORS)
    }

    fn name(&self, person: PersonId) -> &'static str {
        self.names.get(&person).copied().unwrap_or("tomas")
    }

    fn begin(&mut self) {
        let classes = *self.chance.one(&["internal", "public", "confidential"]);
        let changes = json!({"data_classes": [classes], "data_location": "eu"});
        let case = self.register.draft_by(
            "tomas",
            match classes {
                "confidential" => changes,
                _ => json!({"data_classes": [classes]}),
            },
        );
        let review = self.register.submit(&case);
        let twin = Twin { case, review };
        self.agrees(&twin);
        self.twins.push(twin);
        self.taken += 1;
    }

    /// The document that the engine reads with this review.
    fn request(&self, twin: &Twin) -> Rc<Value> {
        let (record, number) = (twin.case.record, twin.review.revision);
        let mut requests = self.requests.borrow_mut();
        let read = || {
            let revision = |c: &mut Conn| countersign::register::revision(c, record, number);
            let revision = self.register.reads(revision);
            Rc::new(revision.document().expect("a document"))
        };
        requests
            .entry((record, number))
            .or_insert_with(read)
            .clone()
    }

    /// The people as they are today for the engine of this review.
    fn directory(&self, review: &Review, request: &Value) -> Rc<Directory> {
        let (workflow, today) = (&self.bundle.workflow, self.register.desk.today());
        let concerned = review.people();
        let mut known = self.directories.borrow_mut();
        if let Some(directory) = known.get(&(today, concerned.clone())) {
            return directory.clone();
        }
        let read = |c: &mut Conn| people::directory(c, workflow, request, today, &concerned);
        let directory = Rc::new(self.register.reads(read));
        known.insert((today, concerned), directory.clone());
        directory
    }

    fn within<T>(&self, review: &Review, request: &Value, work: impl FnOnce(&Context) -> T) -> T {
        let directory = self.directory(review, request);
        work(&Context {
            workflow: &self.bundle.workflow,
            forms: &BTreeMap::new(),
            request,
            directory: &directory,
            calendars: &Calendars::default(),
        })
    }

    /// One command to both; they must agree in everything.
    fn takes(&mut self, place: usize, command: &Command, request: &Value, service: Service) {
        let now = self.register.desk.clock.now();
        let before = &self.twins[place].review;
        let judged = self.within(before, request, |ctx| {
            engine::decide(ctx, before, command, now)
        });
        let size = self.register.ledger_size();
        let accepted = service(self.register);
        self.taken += 1;
        let told = format!("{command:?}: {:?}", judged.as_ref().err());
        assert_eq!(accepted, judged.is_ok(), "{told}");
        let Ok((after, events)) = judged else {
            self.refused += 1;
            assert_eq!(self.register.ledger_size(), size, "a refusal left an entry");
            return;
        };
        self.entries_follow(&after, size, &events);
        self.twins[place].review = after;
        self.agrees(&self.twins[place]);
        if events
            .iter()
            .any(|e| matches!(e, Event::OverrideGranted { .. }))
        {
            let case = self.twins[place].case.clone();
            let review = self.register.review(&case);
            assert!(review.after_the_fact, "a review after the fact began");
            self.twins.push(Twin { case, review });
        }
    }

    /// One entry per event of this review, in their order.
    fn entries_follow(&self, review: &Review, size: u64, events: &[Event]) {
        let page = Page::From(size);
        let filter = ledger::Filter {
            record: Some(review.record),
            ..Default::default()
        };
        let added = self
            .register
            .reads(|c| ledger::rows(c, &filter, page, 1000));
        let of_this = added.iter().filter(|row| row.review_id == Some(review.id));
        let kinds: Vec<&str> = of_this.map(|row| row.kind.as_str()).collect();
        let expected: Vec<&str> = events.iter().map(Event::kind).collect();
        assert_eq!(kinds, expected);
    }

    /// What is stored is what the engine says.
    fn agrees(&self, twin: &Twin) {
        let (id, expected) = (twin.review.id, &twin.review);
        let stored = self.register.reads(|conn| review::review(conn, id));
        assert_eq!(stored, *expected);
        let request = self.request(twin);
        let (tasks, steps) = self.within(expected, &request, |ctx| {
            (
                engine::open_tasks(ctx, expected),
                engine::timers(ctx, expected),
            )
        });
        self.register.reads(|conn| {
            let open = review::open_tasks_of(conn, id)?
                .into_iter()
                .map(|task| OpenTask {
                    stage: task.stage,
                    epoch: task.epoch as u32,
                    person: task.person_id,
                });
            assert_eq!(open.collect::<BTreeSet<_>>(), tasks);
            let rows = timers::table.filter(timers::review_id.eq(id));
            let rows: Vec<(String, At)> =
                rows.select((timers::timer, timers::fire_at)).load(conn)?;
            let read = |(text, at): (String, At)| {
                let timer: Timer = serde_json::from_str(&text).expect("a timer");
                (timer, at)
            };
            let rows: BTreeMap<Timer, At> = rows.into_iter().map(read).collect();
            assert_eq!(rows, steps);
            let made = decisions::table.filter(decisions::review_id.eq(id));
            let made: i64 = made.count().get_result(conn)?;
            let votes: usize = expected.stages.values().map(|run| run.votes.len()).sum();
            assert!(made as usize >= votes, "a decision was lost");
            if expected.obligations.is_empty() {
                return Ok(());
            }
            let rows = conditions::table.filter(conditions::record_id.eq(expected.record));
            let columns = (conditions::id, conditions::state, conditions::due_at);
            let rows: Vec<(ConditionId, String, Option<At>)> = rows.select(columns).load(conn)?;
            for (id, state, due) in rows {
                let Some(owed) = expected.obligations.get(&id) else {
                    continue;
                };
                let ended = expected.phase.is_final() && state == "void";
                assert!(ended || state == owed.state.as_str(), "{state}: {owed:?}");
                assert!(ended || due == owed.due);
            }
            Ok(())
        });
        let record = self.register.record(&twin.case);
        if record.approval_id == Some(id) && expected.phase.as_str() != "superseded" {
            assert_eq!(record.standing.as_deref(), Some(expected.phase.as_str()));
            assert_eq!(record.valid_until, expected.valid_until);
        }
    }

    fn step(&mut self) {
        let place = self.chance.below(self.twins.len());
        match self.chance.below(100) {
            0..45 => self.vote(place),
            45..58 => self.hand_over(place),
            58..66 => self.edit(place),
            66..76 => self.on_condition(place),
            76..79 => self.on_approval(place),
            79..83 => self.on_override(place),
            83..84 => self.withdraw(place),
            84..88 => self.absence(),
            88..90 => self.leave_or_come_back(),
            _ => self.time_passes(),
        }
        self.others_follow();
    }

    fn vote(&mut self, place: usize) {
        let review = self.twins[place].review.clone();
        let request = self.request(&self.twins[place]);
        let open = self.within(&review, &request, |ctx| engine::open_tasks(ctx, &review));
        let open: Vec<OpenTask> = open.into_iter().collect();
        if open.is_empty() {
            return;
        }
        let asked = self.chance.one(&open).clone();
        let outcome = match self.chance.below(20) {
            0..10 => Outcome::Approve,
            10..13 => Outcome::ApproveWithConditions,
            13..15 => Outcome::RequestChanges,
            15..17 => Outcome::Reject,
            _ => Outcome::Recuse,
        };
        let seen = match self.chance.percent(5) {
            true => "of another revision".to_owned(),
            false => review.digest.clone(),
        };
        let conditional = outcome == Outcome::ApproveWithConditions;
        let condition = Condition {
            text: "Do it.".to_owned(),
            owner: None,
            due: None,
        };
        let reason = Some("It is so.".to_owned());
        let command = Command::Decide(Decision {
            stage: asked.stage.clone(),
            epoch: asked.epoch,
            person: asked.person,
            seen: seen.clone(),
            by_link: false,
            outcome,
            reason: reason.clone(),
            answers: json!({}),
            conditions: if conditional {
                vec![condition]
            } else {
                Vec::new()
            },
        });
        let task = countersign::db::TaskId::of(review.id, &asked.stage, asked.epoch, asked.person);
        let given = DecisionGiven {
            task,
            seen,
            outcome,
            reason,
            answers: json!({}),
            conditions: Vec::from_iter(conditional.then(|| ConditionGiven {
                text: "Do it.".to_owned(),
                ..ConditionGiven::default()
            })),
            link: None,
        };
        let actor = in_session(asked.person);
        self.takes(
            place,
            &command,
            &request,
            Box::new(move |register| {
                register
                    .tries(move |tx, desk| review::decide(tx, desk, &actor, &given))
                    .is_ok()
            }),
        );
    }

    fn hand_over(&mut self, place: usize) {
        let review = self.twins[place].review.clone();
        let request = self.request(&self.twins[place]);
        let open = self.within(&review, &request, |ctx| engine::open_tasks(ctx, &review));
        let open: Vec<OpenTask> = open.into_iter().collect();
        if open.is_empty() {
            return;
        }
        let asked = self.chance.one(&open).clone();
        let to = self.person();
        let here = |id| {
            self.register
                .reads(|c| Ok(people::by_id(c, id)?.expect("known").active))
        };
        if !here(self.register.person(to)) || !here(asked.person) {
            return; // the service refuses such before the engine is asked
        }
        let own = self.chance.percent(60);
        let by = if own {
            asked.person
        } else {
            self.register.person("adam")
        };
        let handover = Handover {
            stage: asked.stage.clone(),
            epoch: asked.epoch,
            from: asked.person,
            to: self.register.person(to),
            by,
            by_link: false,
            reason: "Please.".to_owned(),
        };
        let given = HandoverGiven {
            task: countersign::db::TaskId::of(review.id, &asked.stage, asked.epoch, asked.person),
            to: format!("{to}@example.org"),
            reason: "Please.".to_owned(),
            link: None,
        };
        let actor = in_session(by);
        let command = match own {
            true => Command::Delegate(handover),
            false => Command::Reassign(handover),
        };
        // Whoever shall take the task must be known to the engine, as they are to the service.
        self.takes(
            place,
            &command,
            &request,
            Box::new(move |register| {
                let done = register.tries(move |tx, desk| match own {
                    true => review::delegate(tx, desk, &actor, &given),
                    false => review::reassign(tx, desk, &actor, &given),
                });
                done.is_ok()
            }),
        );
    }

    fn edit(&mut self, place: usize) {
        let twin = &self.twins[place];
        let latest = self.register.record(&twin.case).review_id == Some(twin.review.id);
        if !twin.review.phase.is_running() || !latest {
            return;
        }
        self.titles += 1;
        let (case, review) = (twin.case.clone(), twin.review.clone());
        let mut document = self.register.document(&case);
        let field = *self.chance.one(&["title", "purpose", "tool"]);
        document[field] = json!(format!("Number {}", self.titles));
        let author = *self.chance.one(&["tomas", "olga"]);
        let by = self.register.person(author);
        // The digest is salted, so the register acts first and gives it.
        let now = self.register.desk.clock.now();
        let size = self.register.ledger_size();
        let (actor, record, seen) = (in_session(by), case.record, review.revision);
        let given = document.clone();
        let done = self.register.tries(move |tx, desk| {
            let revised = review::revise(tx, desk, &actor, record, seen, &given)?;
            if !revised.reopened {
                review::submit(tx, desk, &actor, record, revised.record.revision)?;
            }
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("an edit was refused: {error}"));
        let revision = |c: &mut Conn| countersign::register::revision(c, record, seen + 1);
        let digest = self.register.reads(revision).digest;
        let editors = self
            .register
            .reads(|c| countersign::register::editors(c, case.record));
        let command = Command::Resubmit(Resubmission {
            by,
            revision: review.revision + 1,
            digest,
            owner: review.owner,
            editors,
            changed: [field.to_owned()].into(),
        });
        let judged = self.within(&review, &document, |ctx| {
            engine::decide(ctx, &review, &command, now)
        });
        let (after, events) = judged.expect("the service took it");
        self.taken += 1;
        self.entries_follow(&after, size, &events);
        self.twins[place].review = after;
        self.agrees(&self.twins[place]);
    }

    fn on_condition(&mut self, place: usize) {
        let review = self.twins[place].review.clone();
        let ids: Vec<ConditionId> = review.obligations.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let condition = *self.chance.one(&ids);
        let text = || "It is so.".to_owned();
        let deed = match self.chance.below(7) {
            0..3 => ConditionDeed::GiveEvidence(text()),
            3..5 => ConditionDeed::Accept,
            5 => ConditionDeed::RefuseEvidence(text()),
            _ if self.chance.percent(50) => ConditionDeed::Refuse(text()),
            _ => ConditionDeed::Waive(text()),
        };
        let asked_by = self.name(review.obligations[&condition].asked_by);
        let name = *self.chance.one(&["olga", "tomas", "gus", asked_by]);
        let by = self.register.person(name);
        let command = Command::OnCondition {
            condition,
            by,
            steward: name == "gus",
            deed: deed.clone(),
        };
        let request = self.request(&self.twins[place]);
        let actor = in_session(by);
        self.takes(
            place,
            &command,
            &request,
            Box::new(move |register| {
                let done = register
                    .tries(move |tx, desk| review::on_condition(tx, desk, &actor, condition, deed));
                done.is_ok()
            }),
        );
    }

    fn on_approval(&mut self, place: usize) {
        let (case, review) = (self.twins[place].case.clone(), self.twins[place].review.id);
        if self.register.record(&case).approval_id != Some(review) {
            return;
        }
        let deed = match self.chance.below(8) {
            0..3 => ApprovalDeed::Suspend,
            3..6 => ApprovalDeed::Reinstate,
            6 => ApprovalDeed::Revoke,
            _ => ApprovalDeed::Retire,
        };
        let name = *self.chance.one(&["gus", "olga", "mei"]);
        let by = self.register.person(name);
        let reason = "It is so.".to_owned();
        let command = Command::OnApproval {
            by,
            steward: name == "gus",
            deed,
            reason: reason.clone(),
        };
        let request = self.request(&self.twins[place]);
        let actor = in_session(by);
        self.takes(
            place,
            &command,
            &request,
            Box::new(move |register| {
                let record = case.record;
                let done = register.tries(move |tx, desk| {
                    review::on_approval(tx, desk, &actor, record, deed, reason)
                });
                done.is_ok()
            }),
        );
    }

    fn on_override(&mut self, place: usize) {
        let review = self.twins[place].review.clone();
        let deed = match (review.overriding.is_some(), self.chance.below(4)) {
            (true, 0..3) => OverrideDeed::Agree,
            (true, _) => OverrideDeed::Decline(None),
            _ => OverrideDeed::Propose {
                reason: "Without it nobody can work today.".to_owned(),
                until: None,
            },
        };
        let name = *self.chance.one(&["sven", "sara", "lena", "tomas", "mei"]);
        let by = self.register.person(name);
        let seen = match self.chance.percent(5) {
            true => "of another revision".to_owned(),
            false => review.digest.clone(),
        };
        let command = Command::OnOverride {
            by,
            seen: seen.clone(),
            deed: deed.clone(),
        };
        let request = self.request(&self.twins[place]);
        let (actor, id) = (in_session(by), review.id);
        self.takes(
            place,
            &command,
            &request,
            Box::new(move |register| {
                register
                    .tries(move |tx, desk| review::on_override(tx, desk, &actor, id, &seen, deed))
                    .is_ok()
            }),
        );
    }

    fn withdraw(&mut self, place: usize) {
        let twin = &self.twins[place];
        let (id, case) = (twin.review.id, twin.case.clone());
        if self.register.record(&case).review_id != Some(id) {
            return;
        }
        let name = *self.chance.one(&["tomas", "mei"]);
        let by = self.register.person(name);
        let command = Command::Withdraw { by, reason: None };
        let request = self.request(&self.twins[place]);
        let actor = in_session(by);
        self.takes(
            place,
            &command,
            &request,
            Box::new(move |register| {
                register
                    .tries(move |tx, desk| review::withdraw(tx, desk, &actor, id, None))
                    .is_ok()
            }),
        );
    }

    /// What one review means for another of the same record is the service's matter: the engine's
    /// twin takes it over.
    fn others_follow(&mut self) {
        let records: Vec<RecordId> = self.twins.iter().map(|twin| twin.case.record).collect();
        let several = |record| records.iter().filter(|other| **other == record).count() > 1;
        let twins = self.twins.iter_mut();
        for twin in twins.filter(|twin| several(twin.case.record)) {
            let id = twin.review.id;
            twin.review = self.register.reads(|conn| review::review(conn, id));
        }
    }

    fn absence(&mut self) {
        let (name, other) = (self.person(), self.person());
        let (person, delegate) = (self.register.person(name), self.register.person(other));
        let today = self.register.desk.today();
        let until = Day(today.0.saturating_add(jiff::Span::new().days(3)));
        let new = absence::New {
            from: today,
            until,
            delegate: (name != other).then_some(delegate),
        };
        let set = self.register.tries(move |tx, desk| {
            absence::set(tx, desk.clock.now(), today, &operator(), person, &new)
        });
        if set.is_ok() {
            self.refill();
        }
    }

    fn leave_or_come_back(&mut self) {
        let name = *self.chance.one(&["rosa", "noor", "sara", "mei"]);
        let person = self.register.person(name);
        let active = self
            .register
            .reads(|c| Ok(people::by_id(c, person)?.expect("known").active));
        self.register.does(move |tx, desk| match active {
            true => people::leave(tx, desk.clock.now(), &operator(), person, None),
            false => people::come_back(tx, desk.clock.now(), &operator(), person),
        });
        self.refill();
    }

    fn refill(&mut self) {
        self.directories.borrow_mut().clear();
        let now = self.register.desk.clock.now();
        let size = self.register.ledger_size();
        let mut happened = Vec::new();
        for place in 0..self.twins.len() {
            let twin = &self.twins[place];
            if !twin.review.phase.is_running() {
                continue;
            }
            let request = self.request(twin);
            let judged = self.within(&twin.review, &request, |ctx| {
                engine::decide(ctx, &twin.review, &Command::Refill, now)
            });
            let (after, events) = judged.expect("nobody refuses");
            self.twins[place].review = after;
            happened.push((place, events));
            self.taken += 1;
        }
        self.register.looks_again();
        for (place, events) in happened {
            if !events.is_empty() {
                self.entries_follow(&self.twins[place].review, size, &events);
                self.agrees(&self.twins[place]);
            }
        }
    }

    /// Time goes on, mostly to the next step of some clock, and every step that is due is taken.
    fn time_passes(&mut self) {
        let now = self.register.desk.clock.now();
        let next: Option<At> = self.register.reads(|conn| {
            let earliest = timers::table.select(timers::fire_at).order(timers::fire_at);
            Ok(earliest.first(conn).optional()?)
        });
        let hours = Duration::from_secs(3600 * (1 + self.chance.below(30) as u64));
        let later = match next.filter(|_| self.chance.percent(50)) {
            Some(next) => next.max(now),
            None => now.plus(hours),
        };
        self.register.desk.clock.set(later);
        let size = self.register.ledger_size();
        let mut expected = Vec::new();
        for place in 0..self.twins.len() {
            expected.push(self.clocks_alone(place, later));
        }
        // Without the daily round, which looks at reviews that this one knows nothing of.
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().expect("a runtime");
        let ticked = runtime.block_on(clockwork::tick(&self.app));
        ticked.expect("the clocks are read");
        let moved: Vec<usize> = (0..expected.len())
            .filter(|place| !expected[*place].is_empty())
            .collect();
        let record = |place: usize| self.twins[place].case.record;
        for place in &moved {
            // Where two reviews of a record moved at once, the one may have ended the other.
            let alone = |other: &usize| other == place || record(*other) != record(*place);
            if moved.iter().all(alone) {
                let twin = &self.twins[*place];
                self.entries_follow(&twin.review, size, &expected[*place]);
                self.agrees(twin);
            }
        }
    }

    /// The steps that are due, taken by the engine in the order of the rows.
    fn clocks_alone(&mut self, place: usize, now: At) -> Vec<Event> {
        let request = self.request(&self.twins[place]);
        let mut all = Vec::new();
        loop {
            let review = self.twins[place].review.clone();
            let steps = self.within(&review, &request, |ctx| engine::timers(ctx, &review));
            let mut due: Vec<(At, TimerId, Timer)> = steps
                .into_iter()
                .filter(|(_, at)| *at <= now)
                .map(|(timer, at)| {
                    let text = serde_json::to_string(&timer).expect("text");
                    (at, TimerId::of(review.id, &text), timer)
                })
                .collect();
            due.sort();
            if due.is_empty() {
                return all;
            }
            for (_, _, timer) in due {
                let review = self.twins[place].review.clone();
                let command = Command::Fire(timer);
                let judged = self.within(&review, &request, |ctx| {
                    engine::decide(ctx, &review, &command, now)
                });
                let (after, events) = judged.expect("nobody refuses a clock");
                self.taken += usize::from(!events.is_empty());
                all.extend(events);
                self.twins[place].review = after;
            }
        }
    }
}

fn ten_thousand_commands_are_stored_as_the_engine_decides(register: Register) {
    let said = std::env::var("COUNTERSIGN_COMMANDS").ok();
    let most = said.map_or(COMMANDS, |text| text.parse().expect("a number"));
    let mut play = Play::open(&register, 3);
    let mut reviews = 0;
    let mut round = 0;
    while play.taken < most {
        if play.taken / ROUND >= round {
            round = play.taken / ROUND + 1;
            play.twins.clear();
        }
        let running = play
            .twins
            .iter()
            .filter(|twin| !twin.review.phase.is_final())
            .count();
        if running < TOGETHER {
            play.begin();
            reviews += 1;
        }
        play.step();
    }
    let entries = register.ledger_size();
    println!(
        "{} commands, {} of them refused, on {reviews} reviews: {entries} entries",
        play.taken, play.refused
    );
}

/// Both read the same rows, and still nobody is reminded twice.
fn two_nodes_take_each_step_once(register: Register) {
    let mut play = Play::open(&register, 5);
    for _ in 0..6 {
        play.begin();
    }
    let nodes = [register.another_node(), register.another_node()].map(|db| app(&register, db));
    for day in 1..=20 {
        let later = register.desk.clock.now().plus(Duration::from_secs(86_400));
        register.desk.clock.set(later);
        let expected: Vec<Vec<Event>> = (0..play.twins.len())
            .map(|place| play.clocks_alone(place, later))
            .collect();
        let size = register.ledger_size();
        std::thread::scope(|scope| {
            for node in &nodes {
                scope.spawn(|| clockwork::tick_now(node).expect("the clocks are read"));
            }
        });
        for (place, events) in expected.iter().enumerate() {
            let review: ReviewId = play.twins[place].review.id;
            let filter = ledger::Filter::default();
            let rows = register.reads(|c| ledger::rows(c, &filter, Page::From(size), 1000));
            let count = rows
                .iter()
                .filter(|row| row.review_id == Some(review))
                .count();
            assert_eq!(count, events.len(), "on day {day}: {events:#?}");
            play.agrees(&play.twins[place]);
        }
    }
    let filter = ledger::Filter {
        kind: Some("stage.reminded".to_owned()),
        ..Default::default()
    };
    let reminded = register.reads(|c| ledger::rows(c, &filter, Page::From(0), 1000));
    assert!(reminded.len() >= 6, "somebody was reminded");
}

/// The review after the fact cannot be taken back, and what the override let through ends.
fn an_override_does_not_outlive_its_review(register: Register) {
    let play = Play::open(&register, 1);
    let case = register.submitted_by("tomas", json!({}));
    let state = register.review(&case);
    let review = state.id;
    let reason = "Without it nobody can work today.".to_owned();
    let propose = OverrideDeed::Propose {
        reason,
        until: None,
    };
    for (name, deed) in [("sven", propose), ("sara", OverrideDeed::Agree)] {
        let (actor, seen) = (in_session(register.person(name)), state.digest.clone());
        register.does(move |tx, desk| review::on_override(tx, desk, &actor, review, &seen, deed));
    }
    assert_eq!(
        register.record(&case).standing.as_deref(),
        Some("overridden")
    );
    assert!(register.tries_to_withdraw("tomas", &case).is_err());
    register.days_pass(15);
    clockwork::tick_now(&play.app).expect("the clocks are read");
    assert_eq!(register.record(&case).standing.as_deref(), Some("expired"));
}
