//! A year of an invented organisation: sixty people, holidays, absences, a leaver a month, five
//! hundred reviews, through the real services, with a clock that the test moves. Nothing gets
//! stuck, nobody is reminded twice or forgotten. It prints its figures: run it with `--nocapture`.

#[path = "engine/rich.rs"]
mod rich;
mod support;

use countersign::app::App;
use countersign::calendar;
use countersign::config::Config;
use countersign::db::schema::{conditions, records, reviews, tasks};
use countersign::db::{At, ConditionId, Day, PersonId, RecordId, ReviewId};
use countersign::ledger::seal::Sealer;
use countersign::ledger::{self, Filter, Page};
use countersign::people::{self, absence};
use countersign::review::engine::{
    ConditionDeed, ObligationState, OverrideDeed, Phase, Progress, Review, Step,
};
use countersign::review::{self, ConditionGiven, DecisionGiven, HandoverGiven, Task, clockwork};
use countersign::templates::{Place, Templates};
use countersign::workflow::{Bundle, Outcome, Workflow};
use diesel::prelude::*;
use rich::Chance;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use support::database::fresh_sqlite;
use support::register::{Case, Register, first_day, in_session, operator};
use tokio::sync::Notify;

/// Reviews of the year, unless COUNTERSIGN_REVIEWS says another number.
const REVIEWS: usize = 500;
const ROLES: rich::Roles = rich::Roles {
    screener: "screener",
    expert: "expert",
    last: "last",
    council: "council",
    chief: "chief",
    watch: "auditor",
};
/// Role by role, so many of those who are called p0, p1 and so on. The rest only submit.
const HOLDERS: &[(&str, usize)] = &[
    ("screener", 7),
    ("expert", 7),
    ("last", 5),
    ("council", 5),
    ("chief", 3),
];
/// People besides those whom every story has.
const MORE: usize = 32;
const HOUR: u64 = 3600;
const CALENDAR: &str = include_str!("../templates/calendars/head_office.json");

struct Year<'a> {
    register: &'a Register,
    app: App,
    runtime: tokio::runtime::Runtime,
    chance: Chance,
    /// Holders by role, by name.
    held: BTreeMap<&'static str, Vec<String>>,
    names: BTreeMap<PersonId, String>,
    away: BTreeMap<String, Day>,
    gone: BTreeSet<String>,
    hired: usize,
    left: usize,
    absences: usize,
    /// Who is to be replaced from when on, and in which role.
    vacant: Vec<(Day, &'static str)>,
    submitted: usize,
    conditions: usize,
}

impl<'a> Year<'a> {
    fn open(register: &'a Register) -> Year<'a> {
        let place = Place {
            base_path: String::new(),
            zone: jiff::tz::TimeZone::UTC,
        };
        let app = App {
            db: register.db.clone(),
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
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let mut year = Year {
            register,
            app,
            runtime: runtime.expect("a runtime"),
            chance: Chance::new(2027),
            held: BTreeMap::new(),
            names: BTreeMap::new(),
            away: BTreeMap::new(),
            gone: BTreeSet::new(),
            hired: 0,
            left: 0,
            absences: 0,
            vacant: Vec::new(),
            submitted: 0,
            conditions: 0,
        };
        let document: Value = serde_json::from_str(CALENDAR).expect("a calendar");
        register.does(move |tx, desk| {
            calendar::keep(tx, desk.clock.now(), &operator(), &document).map(drop)
        });
        for (role, count) in HOLDERS {
            for _ in 0..*count {
                year.hire(role);
            }
        }
        while year.hired < MORE {
            year.hire("colleague");
        }
        register.publish(&rich::workflow(&ROLES, "head_office"));
        for name in ["tomas", "olga", "audra", "adam"] {
            year.names.insert(register.person(name), name.to_owned());
        }
        year
    }

    fn hire(&mut self, role: &'static str) {
        let name = format!("p{}", self.hired);
        self.hired += 1;
        self.register.appoint(&name, role);
        self.names.insert(self.register.person(&name), name.clone());
        self.held.entry(role).or_default().push(name);
    }

    fn now(&self) -> At {
        self.register.desk.clock.now()
    }

    fn is_here(&self, name: &str) -> bool {
        !self.gone.contains(name) && !self.away.contains_key(name)
    }

    /// Half a day: what is due, then what people do.
    fn half_day(&mut self, morning: bool, submit: usize) {
        if morning {
            self.comings_and_goings();
            self.register.looks_again();
        }
        self.runtime
            .block_on(clockwork::tick(&self.app))
            .expect("the clocks are read");
        while self.submitted < submit {
            self.submits();
        }
        self.people_decide();
        self.authors_answer();
        self.conditions_are_met();
        if self.chance.percent(2) {
            self.overrides();
        }
    }

    fn comings_and_goings(&mut self) {
        let today = self.register.desk.today();
        self.away.retain(|_, until| *until >= today);
        let due: Vec<_> = self
            .vacant
            .iter()
            .filter(|(day, _)| *day <= today)
            .copied()
            .collect();
        self.vacant.retain(|(day, _)| *day > today);
        for (_, role) in due {
            self.hire(role);
        }
        if today.0.day() <= 7 && today.0.weekday() == jiff::civil::Weekday::Tuesday {
            self.somebody_leaves(today);
        }
        let names: Vec<String> = self.names.values().cloned().collect();
        for name in names {
            if self.is_here(&name) && self.chance.percent(2) {
                self.goes_away(&name, today);
            }
        }
    }

    fn somebody_leaves(&mut self, today: Day) {
        let role = *self.chance.one(&["screener", "expert", "council"]);
        let Some(name) = self.held.get_mut(role).map(|held| held.remove(0)) else {
            return;
        };
        let person = self.register.person(&name);
        self.register
            .does(move |tx, desk| people::leave(tx, desk.clock.now(), &operator(), person, None));
        self.register.looks_again();
        self.gone.insert(name);
        self.left += 1;
        let later = Day(today.0.saturating_add(jiff::Span::new().days(10)));
        self.vacant.push((later, role));
    }

    fn goes_away(&mut self, name: &str, today: Day) {
        let days = 4 + self.chance.below(12) as i64;
        let until = Day(today.0.saturating_add(jiff::Span::new().days(days)));
        let peers = self
            .held
            .values()
            .find(|held| held.iter().any(|other| other == name));
        let peers: Vec<String> = peers.into_iter().flatten().cloned().collect();
        let others: Vec<String> = peers.into_iter().filter(|other| other != name).collect();
        let delegate = match others.is_empty() || self.chance.percent(40) {
            true => None,
            false => Some(self.register.person(self.chance.one::<String>(&others))),
        };
        let person = self.register.person(name);
        let new = absence::New {
            from: today,
            until,
            delegate,
        };
        let set = self.register.tries(move |tx, desk| {
            absence::set(tx, desk.clock.now(), today, &operator(), person, &new)
        });
        if set.is_ok() {
            self.away.insert(name.to_owned(), until);
            self.absences += 1;
        }
    }

    fn submits(&mut self) {
        let author = match self.chance.percent(50) {
            true => "tomas".to_owned(),
            false => self.chance.one(&self.held["colleague"]).clone(),
        };
        let changes = match self.chance.below(10) {
            0..3 => json!({"data_classes": ["public"]}),
            3..8 => json!({"data_classes": ["internal"]}),
            _ => json!({"data_classes": ["confidential"], "data_location": "eu"}),
        };
        self.register.submitted_by(&author, changes);
        self.submitted += 1;
    }

    fn people_decide(&mut self) {
        let open: Vec<Task> = self.register.reads(|conn| {
            let open = tasks::table.filter(tasks::state.eq("open"));
            let ordered = open.order((
                tasks::opened_at,
                tasks::review_id,
                tasks::stage,
                tasks::person_id,
            ));
            Ok(ordered.select(Task::as_select()).load(conn)?)
        });
        for task in open {
            let name = self.names.get(&task.person_id).cloned().unwrap_or_default();
            if !self.is_here(&name) || !self.chance.percent(6) {
                continue;
            }
            if self.chance.percent(10) && self.hands_on(&task) {
                continue;
            }
            let outcome = match self.chance.below(100) {
                0..72 => Outcome::Approve,
                72..84 => Outcome::ApproveWithConditions,
                84..91 => Outcome::RequestChanges,
                91..95 => Outcome::Reject,
                _ => Outcome::Recuse,
            };
            self.decides(&task, outcome);
        }
    }

    /// Whoever cannot step aside, because there is nobody after them, approves.
    fn decides(&mut self, task: &Task, outcome: Outcome) {
        let still = self
            .register
            .reads(|conn| Ok(review::task(conn, task.id)?.state == "open"));
        if !still {
            return;
        }
        let seen = self
            .register
            .reads(|conn| Ok(review::review(conn, task.review_id)?.digest));
        let condition = ConditionGiven {
            text: format!("{:05}: say so in the guide.", self.conditions),
            ..ConditionGiven::default()
        };
        let conditional = outcome == Outcome::ApproveWithConditions;
        self.conditions += usize::from(conditional);
        let given = |outcome| DecisionGiven {
            task: task.id,
            seen: seen.clone(),
            outcome,
            reason: Some("It is so.".to_owned()),
            answers: json!({}),
            conditions: Vec::from_iter(conditional.then(|| condition.clone())),
            link: None,
        };
        let tries = |given: DecisionGiven| {
            let actor = in_session(task.person_id);
            self.register
                .tries(move |tx, desk| review::decide(tx, desk, &actor, &given))
        };
        if tries(given(outcome)).is_err() {
            tries(given(Outcome::Approve)).unwrap_or_else(|error| panic!("{task:?}: {error}"));
        }
    }

    fn hands_on(&mut self, task: &Task) -> bool {
        // Whoever holds the same role is asked already.
        let to = self.chance.one(&self.held["last"]).clone();
        let given = HandoverGiven {
            task: task.id,
            to: format!("{to}@example.org"),
            reason: "You know this better.".to_owned(),
            link: None,
        };
        let actor = in_session(task.person_id);
        let done = self
            .register
            .tries(move |tx, desk| review::delegate(tx, desk, &actor, &given));
        done.is_ok()
    }

    /// Submitters change what they were asked to change; now and then they correct a title.
    fn authors_answer(&mut self) {
        let wait: Vec<(RecordId, PersonId, i32)> = self.register.reads(|conn| {
            let wait = records::table.filter(records::status.eq("changes_requested"));
            let rows = wait.order(records::nr).select((
                records::id,
                records::submitter_id.assume_not_null(),
                records::revision,
            ));
            Ok(rows.load(conn)?)
        });
        for (record, submitter, revision) in wait {
            if !self.chance.percent(15) {
                continue;
            }
            let case = Case {
                record,
                author: self.names.get(&submitter).cloned().unwrap_or_default(),
            };
            let field = *self.chance.one(&["purpose", "tool"]);
            self.register
                .edit(&case, json!({field: format!("Revision {}", revision + 1)}));
            self.register.submit(&case);
        }
    }

    fn conditions_are_met(&mut self) {
        let owed: Vec<(ConditionId, String, RecordId)> = self.register.reads(|conn| {
            let owed = conditions::table
                .filter(conditions::state.eq_any(["open", "evidence_given", "missed"]))
                .filter(conditions::due_at.is_not_null());
            let columns = (conditions::id, conditions::state, conditions::record_id);
            Ok(owed.order(conditions::text).select(columns).load(conn)?)
        });
        for (condition, state, _) in owed {
            let given = state == "evidence_given";
            if !self.chance.percent(if given { 20 } else { 3 }) {
                continue;
            }
            let (name, deed) = match given {
                true => ("gus", ConditionDeed::Accept),
                false => (
                    "olga",
                    ConditionDeed::GiveEvidence("See the guide.".to_owned()),
                ),
            };
            let actor = in_session(self.register.person(name));
            // An approval may have ended meanwhile.
            let done = self
                .register
                .tries(move |tx, desk| review::on_condition(tx, desk, &actor, condition, deed));
            drop(done);
        }
    }

    /// Two of those who may let something go ahead.
    fn overrides(&mut self) {
        let running: Vec<ReviewId> = self.register.reads(|conn| {
            let running = reviews::table.filter(reviews::phase.eq("in_review"));
            Ok(running
                .order((reviews::opened_at.desc(), reviews::id))
                .select(reviews::id)
                .load(conn)?)
        });
        let Some(review) = running.first().copied() else {
            return;
        };
        let chiefs: Vec<String> = self.held["chief"].clone();
        let reason = "The customers cannot wait for it.".to_owned();
        let propose = OverrideDeed::Propose {
            reason,
            until: None,
        };
        for (name, deed) in chiefs.iter().zip([propose, OverrideDeed::Agree]) {
            let actor = in_session(self.register.person(name));
            let seen = self.register.reads(|c| review::review(c, review)).digest;
            let done = self
                .register
                .tries(move |tx, desk| review::on_override(tx, desk, &actor, review, &seen, deed));
            drop(done);
        }
    }

    /// In every open stage somebody who is here is asked.
    fn no_seat_is_empty(&self) {
        self.register.reads(|conn| {
            let running = reviews::table.filter(reviews::phase.eq("in_review"));
            let ids: Vec<ReviewId> = running.select(reviews::id).load(conn)?;
            for id in ids {
                let state = review::review(conn, id)?;
                let open = review::open_tasks_of(conn, id)?;
                for (key, run) in &state.stages {
                    let waits = run.progress == Progress::Open;
                    let asked = open.iter().filter(|task| task.stage == *key);
                    let here = |task: &&Task| {
                        let name = self.names.get(&task.person_id);
                        !name.is_some_and(|name| self.gone.contains(name))
                    };
                    let somebody = asked.filter(here).count() > 0;
                    assert!(
                        !waits || somebody,
                        "{key} of {id} waits for nobody: {run:#?}"
                    );
                }
            }
            Ok(())
        });
    }

    fn running(&self) -> i64 {
        self.register.reads(|conn| {
            let running =
                reviews::table.filter(reviews::phase.eq_any(["in_review", "changes_requested"]));
            Ok(running.count().get_result(conn)?)
        })
    }
}

/// What the log says of the year.
struct Told {
    rows: Vec<(At, String, Option<ReviewId>, Value)>,
}

impl Told {
    fn read(register: &Register) -> Told {
        let rows =
            register.reads(|c| ledger::rows(c, &Filter::default(), Page::From(0), 1_000_000));
        let row = |row: ledger::Row| {
            let entry = serde_json::from_slice(&row.entry).expect("an entry");
            (row.at, row.kind, row.review_id, entry)
        };
        Told {
            rows: rows.into_iter().map(row).collect(),
        }
    }

    fn count(&self, kind: &str) -> usize {
        self.rows.iter().filter(|row| row.1 == kind).count()
    }

    fn because(&self, kind: &str, because: &str) -> usize {
        let fits = |row: &&(At, String, Option<ReviewId>, Value)| {
            row.1 == kind && row.3["data"]["because"] == because
        };
        self.rows.iter().filter(fits).count()
    }

    /// Steps of clocks, each told once in its epoch.
    fn each_step_once(&self) {
        let mut told = BTreeSet::new();
        for (_, kind, _, entry) in &self.rows {
            let step = match kind.as_str() {
                "stage.reminded" | "condition.reminded" | "approval.renewal_due" => {
                    &entry["data"]["step"]
                }
                "stage.escalated" => &entry["data"]["cause"],
                "stage.overdue" | "condition.missed" | "approval.expired" | "review.abandoned" => {
                    &Value::Null
                }
                _ => continue,
            };
            let subject = &entry["subject"];
            let of = ["review", "stage", "epoch", "condition"].map(|k| subject[k].to_string());
            let once = told.insert((kind.clone(), of, step.to_string()));
            assert!(once, "{kind} happened twice: {entry:#}");
        }
    }

    /// Days from opening to the first end of each review, in rising order.
    fn cycle_times(&self) -> Vec<f64> {
        let mut opened = BTreeMap::new();
        let mut days = Vec::new();
        for (at, kind, review, _) in &self.rows {
            let Some(review) = review else { continue };
            match kind.as_str() {
                "review.opened" => {
                    opened.insert(*review, *at);
                }
                "review.approved" | "review.rejected" => {
                    if let Some(from) = opened.remove(review) {
                        let seconds = at.0.as_second() - from.0.as_second();
                        days.push(seconds as f64 / 86_400.0);
                    }
                }
                _ => {}
            }
        }
        days.sort_by(f64::total_cmp);
        days
    }
}

fn all_reviews(register: &Register) -> Vec<Review> {
    register.reads(|conn| {
        let ids: Vec<ReviewId> = reviews::table.select(reviews::id).load(conn)?;
        ids.into_iter().map(|id| review::review(conn, id)).collect()
    })
}

/// Every step of a stage's last clock was taken when its time came, and none that did not come.
fn no_step_is_lost(register: &Register, workflow: &Workflow, review: &Review) {
    let calendar = register
        .reads(|conn| calendar::current(conn, "head_office"))
        .calendar;
    for stage in &workflow.stages {
        let run = review.stage(&stage.key).expect("the stage");
        let (Some(clock), Some(sla)) = (&run.clock, &stage.sla) else {
            continue;
        };
        let ended = match (run.progress, review.approved_at) {
            (Progress::Open, Some(overridden)) => overridden,
            (Progress::Open, None) => continue,
            _ => run.since.expect("when it ended"),
        };
        let over = |(from, until): &(At, Option<At>)| Some((*from, (*until)?));
        let pauses: Vec<(At, At)> = clock.pauses.iter().filter_map(over).collect();
        let reminders = sla.remind.iter().enumerate();
        let reminders = reminders.map(|(at, span)| (Step::Remind(at), span));
        let escalations = sla.escalate.iter().enumerate();
        let escalations = escalations.map(|(at, rule)| (Step::Escalate(at), &rule.after));
        for (step, span) in reminders.chain(escalations).chain([(Step::Due, &sla.due)]) {
            let at = calendar.due(clock.started, span, &pauses);
            let fired = clock.fired.contains(&step);
            // Nobody looks at clocks at the weekend.
            let surely = at.plus(Duration::from_secs(3 * 24 * HOUR)) < ended;
            let key = &stage.key;
            assert!(
                fired || !surely,
                "{step:?} of {key} never came: {review:#?}"
            );
            assert!(
                !fired || at <= ended,
                "{step:?} of {key} came early: {review:#?}"
            );
        }
    }
}

/// Nothing that was due by `now` is left undone.
fn every_end_has_come(review: &Review, now: At) {
    assert!(!review.phase.is_running(), "it is stuck: {review:#?}");
    let past = |at: At| at.plus(Duration::from_secs(3 * 24 * HOUR)) < now;
    if review.phase.is_in_force() || review.phase == Phase::Suspended {
        let ends = review.valid_until.expect("every approval ends");
        assert!(!past(ends), "it should have expired: {review:#?}");
        for (id, owed) in &review.obligations {
            let due = owed.due.expect("every condition is dated");
            let looked = review.fired.contains(&Step::ConditionDue(*id));
            assert!(
                !matches!(owed.state, ObligationState::Open | ObligationState::Refused)
                    || !past(due)
                    || looked,
                "{id}: {review:#?}"
            );
            let missed = looked && !owed.state.is_settled();
            assert!(
                !missed || review.phase == Phase::Suspended,
                "{id}: {review:#?}"
            );
        }
    }
}

#[test]
fn a_year_passes_and_no_review_is_stuck() {
    let said = std::env::var("COUNTERSIGN_REVIEWS").ok();
    let most = said.map_or(REVIEWS, |text| text.parse().expect("a number"));
    let (_folder, url) = fresh_sqlite();
    let register = Register::open(url);
    let mut year = Year::open(&register);
    let people = register.reads(|conn| Ok(people::all(conn)?.len()));
    for day in 0..365 + 200 {
        let morning = first_day().plus(Duration::from_secs(day * 24 * HOUR));
        let weekday = Day::of(morning, &jiff::tz::TimeZone::UTC).0.weekday();
        if weekday.to_monday_zero_offset() >= 5 {
            continue;
        }
        if day >= 365 && year.running() == 0 {
            break;
        }
        let submit = most.min(most * (day as usize + 1) / 360);
        for hours in [0, 6] {
            register
                .desk
                .clock
                .set(morning.plus(Duration::from_secs(hours * HOUR)));
            year.half_day(hours == 0, submit);
        }
        if weekday.to_monday_zero_offset() == 0 {
            year.no_seat_is_empty();
        }
    }
    let (told, all) = (Told::read(&register), all_reviews(&register));
    told.each_step_once();
    let kind = register.desk.kinds.by_key("use_case").expect("the kind");
    let text = rich::workflow(&ROLES, "head_office").to_string();
    let forms = &register.desk.kinds.stage_forms;
    let bundle = Bundle::load("year.json", &text, &kind.schema, forms).expect("it loads");
    for review in &all {
        every_end_has_come(review, year.now());
        no_step_is_lost(&register, &bundle.workflow, review);
    }
    print(&year, &told, people, all.len());
}

fn print(year: &Year, told: &Told, people: usize, reviews: usize) {
    let cycle = told.cycle_times();
    let of = |share: usize| cycle[(cycle.len() - 1) * share / 100];
    let lines = [
        ("people", people),
        ("absences", year.absences),
        ("left", year.left),
        ("reviews", reviews),
        ("decisions", told.count("decision.recorded")),
        ("approved", told.count("review.approved")),
        ("rejected", told.count("review.rejected")),
        ("reminders", told.count("stage.reminded")),
        ("escalations", told.count("stage.escalated")),
        ("stages overdue", told.count("stage.overdue")),
        ("tasks handed on", told.because("task.moved", "delegated")),
        (
            "tasks moved by absence",
            told.because("task.moved", "absent"),
        ),
        ("seats that fell back", told.count("seat.fell_back")),
        ("seats that a leaver left", told.count("seat.left")),
        ("revisions", told.count("review.resubmitted")),
        ("overrides", told.count("override.granted")),
        ("conditions met", told.count("condition.met")),
        ("conditions missed", told.count("condition.missed")),
        ("approvals expired", told.count("approval.expired")),
        ("entries", told.rows.len()),
    ];
    for (what, count) in lines {
        println!("{what:>26} {count}");
    }
    println!(
        "{:>26} {:.1} days, 85 of 100 within {:.1} days",
        "cycle time, median",
        of(50),
        of(85)
    );
}
