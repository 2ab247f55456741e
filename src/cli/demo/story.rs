//! Tells the demo's story through the same services that people use, some days back.
use super::organisation::{AWAY, MANAGERS, PEOPLE, TOOLS, VENDORS, address};
use super::{afterwards, cases, controls, tools, vendors};
use crate::app::App;
use crate::clock::Clock;
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::people::{self, NewPerson, absence};
use crate::register::{self, Kinds, Record};
use crate::review::deeds::{self, Deed, Given, Subject};
use crate::review::{self, ConditionGiven, DecisionGiven, Desk};
use crate::vendor;
use crate::workflow::{Bundle, Outcome};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;

const POLICY: &str = include_str!("../../../templates/workflows/ai_use_case.json");

const DATA_USE: &str = include_str!("../../../templates/policies/data_use.json");

const HEAD_OFFICE: &str = include_str!("../../../templates/calendars/head_office.json");

/// How long ago the first use cases were approved: their approvals end soon.
const LONG_BACK: i64 = 345;
/// How long ago the rest of the story begins.
const DAYS_BACK: i64 = 38;
/// How long ago its last part begins: nothing in it is overdue yet.
const LAST_HOURS: i64 = 52;
/// How often the clocks are looked at where nothing else happens.
const CLOCK_HOURS: i64 = 6;

/// The story so far: its own clock, so that things happened on different days.
pub(super) struct Story<'a> {
    app: &'a App,
    desk: Arc<Desk>,
    clock: Clock,
    zone: TimeZone,
}

/// The next full hour or so between eight and six on a working day.
fn next_working_hour(zone: &TimeZone, at: Timestamp) -> Timestamp {
    let mut at = at + jiff::Span::new().hours(1);
    loop {
        let there = zone.to_datetime(at);
        let working = there.date().weekday().to_monday_one_offset() <= 5;
        if working && (8..18).contains(&there.hour()) {
            return at;
        }
        at += jiff::Span::new().hours(1);
    }
}

/// Fills an empty register.
pub(super) fn tell(app: &App) -> Result<()> {
    let size = app.db.read_now(|conn| Ok(crate::ledger::head(conn)?.0))?;
    if size > 0 {
        let sentence = "the demo fills an empty database only; take another --database-url";
        return Err(Error::Configuration(sentence.to_owned()));
    }
    let begin = app.desk.clock.now().0 - jiff::Span::new().hours(LONG_BACK * 24);
    let clock = Clock::fixed(At::new(begin));
    let zone = app.desk.zone.clone();
    let desk = Desk {
        clock: clock.clone(),
        zone: zone.clone(),
        kinds: Kinds::load()?,
        workflows: Default::default(),
        timetable: app.desk.timetable.clone(),
        calendars: Default::default(),
        policies: Default::default(),
        overview: Default::default(),
    };
    let story = Story {
        app,
        desk: Arc::new(desk),
        clock,
        zone,
    };
    story.found()?;
    let terms = afterwards::long_ago(&story)?;
    let recent = app.desk.clock.now().0 - jiff::Span::new().hours(DAYS_BACK * 24);
    story.clock.set(At::new(recent));
    story.clocks_go()?;
    story.stock()?;
    cases::all(&story)?;
    tools::a_team_joins(&story)?;
    afterwards::all(&story, &terms)?;
    story.draws_near()?;
    cases::waits_for_legal(&story)?;
    vendors::all(&story)?;
    controls::all(&story)?;
    story.look_ahead()
}

fn report_to_managers(tx: &mut Tx, desk: &Desk) -> Result<()> {
    let id = |tx: &mut Tx, local| -> Result<PersonId> {
        let found = people::by_email(tx, &address(local))?;
        Ok(found.ok_or_else(|| Error::not_found("person", local))?.id)
    };
    for (manager, reports) in MANAGERS {
        let manager = id(tx, manager)?;
        for local in *reports {
            let person = id(tx, local)?;
            people::set_manager(tx, desk.clock.now(), &console(), person, Some(manager))?;
        }
    }
    Ok(())
}

pub(super) fn console() -> Actor {
    Actor::system(Via::new(Method::Cli, "console"))
}

impl Story<'_> {
    /// Lets working hours pass: nobody here decides at night or on a Sunday.
    pub(super) fn later(&self, hours: i64) {
        let mut at = self.clock.now().0;
        for _ in 0..hours {
            at = next_working_hour(&self.zone, at);
        }
        let latest = self.app.desk.clock.now().0 - jiff::Span::new().hours(1);
        if at < latest {
            self.clock.set(At::new(at + jiff::Span::new().minutes(7)));
        }
    }

    /// Days pass until the last ones begin, and the clocks take what comes due in them.
    fn draws_near(&self) -> Result<()> {
        let last = self.app.desk.clock.now().0 - jiff::Span::new().hours(LAST_HOURS);
        loop {
            self.clocks_go()?;
            let at = self.clock.now().0;
            if at >= last {
                return Ok(());
            }
            let next = (at + jiff::Span::new().hours(CLOCK_HOURS)).min(last);
            self.clock.set(At::new(next));
        }
    }

    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx, &Desk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let desk = self.desk.clone();
        self.app.db.write_now(move |tx| work(tx, &desk))
    }

    /// People, the calendar and the policy.
    fn found(&self) -> Result<()> {
        self.write(|tx, desk| {
            for (local, name, roles, groups) in PEOPLE {
                let new = NewPerson {
                    email: address(local),
                    name: (*name).to_owned(),
                    roles: roles.iter().map(ToString::to_string).collect(),
                    groups: groups.iter().map(ToString::to_string).collect(),
                };
                people::add(tx, desk.clock.now(), &console(), &new)?;
            }
            report_to_managers(tx, desk)?;
            let schema = &desk.kinds.by_key("use_case")?.schema;
            let forms = &desk.kinds.stage_forms;
            let bundle = Bundle::load("ai_use_case.json", POLICY, schema, forms).map_err(|p| {
                let all: Vec<String> = p.iter().map(ToString::to_string).collect();
                Error::Configuration(all.join("\n"))
            })?;
            let calendar = serde_json::from_str(HEAD_OFFICE)?;
            crate::calendar::keep(tx, desk.clock.now(), &console(), &calendar)?;
            review::workflows::publish(tx, desk.clock.now(), &console(), &bundle)?;
            crate::rules::drafts::put(tx, desk, &console(), &crate::policy::KIND, DATA_USE)?;
            Ok(())
        })
    }

    /// Vendors and tools.
    fn stock(&self) -> Result<()> {
        for (title, country, services, personal) in VENDORS {
            let document = json!({
                "title": title, "country": country, "services": services,
                "processes_personal_data": personal, "trains_on_our_data": false,
            });
            self.create("jonas", "vendor", document)?;
        }
        for (title, vendor, modes, what_for, owner) in TOOLS {
            let mut document = json!({
                "title": title, "modes": modes, "what_for": what_for, "owner": address(owner),
            });
            if let (false, Some(fields)) = (vendor.is_empty(), document.as_object_mut()) {
                fields.insert("vendor".to_owned(), json!(vendor));
            }
            let known = tools::known(title);
            if let (Some(fields), Value::Object(known)) = (document.as_object_mut(), known) {
                fields.extend(known);
            }
            self.create("pavel", "tool", document)?;
        }
        self.inherit(cases::inherited())
    }

    /// A use case that was in use before there was a register: taken in, never reviewed.
    fn inherit(&self, document: Value) -> Result<()> {
        self.write(move |tx, desk| {
            let kind = desk.kinds.by_key("use_case")?;
            let actor = Actor::system(Via::new(Method::Import, "console"));
            let new = register::NewRecord {
                document,
                status: register::Status::Registered,
                source_key: Some("former-list:7".to_owned()),
            };
            register::create(tx, desk.clock.now(), &actor, kind, new).map(|_| ())
        })
    }

    /// Somebody will be away soon.
    fn look_ahead(&self) -> Result<()> {
        let (who, delegate, first, last) = AWAY;
        let today = self.app.desk.today();
        let new = absence::New {
            from: today.days_later(first),
            until: today.days_later(last),
            delegate: Some(self.id(delegate)?),
        };
        let (person, actor) = (self.id(who)?, self.actor(who, Method::Session)?);
        let now = self.app.desk.clock.now();
        self.write(move |tx, _| absence::set(tx, now, today, &actor, person, &new).map(drop))
    }

    fn id(&self, who: &str) -> Result<PersonId> {
        let email = address(who);
        let found = self
            .app
            .db
            .read_now(|conn| people::by_email(conn, &email))?;
        Ok(found.ok_or_else(|| Error::not_found("person", &email))?.id)
    }

    pub(super) fn actor(&self, who: &str, method: Method) -> Result<Actor> {
        let assurance = if method == Method::EmailLink {
            "link"
        } else {
            "mailed_link"
        };
        Ok(Actor::person(self.id(who)?, Via::new(method, assurance)))
    }

    /// Somebody writes a record.
    pub(super) fn create(&self, who: &str, kind: &'static str, document: Value) -> Result<Record> {
        self.later(1);
        self.clocks_go()?;
        let actor = self.actor(who, Method::Session)?;
        self.write(move |tx, desk| review::start(tx, desk, &actor, kind, document))
    }

    /// Somebody changes a record.
    pub(super) fn revise(&self, who: &str, record: &Record, document: Value) -> Result<Record> {
        self.later(5);
        let (actor, id, seen) = (
            self.actor(who, Method::Session)?,
            record.id,
            record.revision,
        );
        let revised =
            self.write(move |tx, desk| review::revise(tx, desk, &actor, id, seen, &document))?;
        Ok(revised.record)
    }

    /// Somebody submits a record.
    pub(super) fn submit(&self, who: &str, record: &Record) -> Result<()> {
        self.later(1);
        let (actor, id, seen) = (
            self.actor(who, Method::Session)?,
            record.id,
            record.revision,
        );
        self.write(move |tx, desk| review::submit(tx, desk, &actor, id, seen))
            .map(|_| ())
    }

    /// Somebody takes a review back.
    pub(super) fn withdraw(&self, who: &str, record: &Record, reason: &str) -> Result<()> {
        self.later(20);
        let (actor, id, reason) = (
            self.actor(who, Method::Session)?,
            record.id,
            reason.to_owned(),
        );
        self.write(move |tx, desk| {
            let review = register::by_id(tx, id)?.review_id;
            let review = review.ok_or_else(|| Error::not_found("review of", id))?;
            review::withdraw(tx, desk, &actor, review, Some(reason)).map(|_| ())
        })
    }

    /// Somebody reports a change at a vendor.
    pub(super) fn reports_change(
        &self,
        who: &str,
        vendor: &Record,
        given: vendor::Given,
    ) -> Result<()> {
        self.later(1);
        let (actor, id) = (self.actor(who, Method::Session)?, vendor.id);
        self.write(move |tx, desk| vendor::report(tx, desk, &actor, id, &given).map(drop))
    }

    /// What the register knows.
    pub(super) fn read<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.app.db.read_now(work)
    }

    /// What a record says now.
    pub(super) fn document(&self, record: &Record) -> Result<Value> {
        let (id, number) = (record.id, record.revision);
        let read = |conn: &mut Conn| register::revision(conn, id, number)?.document();
        self.app.db.read_now(read)
    }

    /// The day so many days from today, as `YYYY-MM-DD`.
    pub(super) fn day(&self, days: i64) -> Result<String> {
        let at = self.app.desk.clock.now().0 + jiff::Span::new().hours(days * 24);
        Ok(self.zone.to_datetime(at).date().to_string())
    }

    /// The clocks take what is due in the story.
    fn clocks_go(&self) -> Result<()> {
        let app = App {
            desk: self.desk.clone(),
            ..self.app.clone()
        };
        review::clockwork::tick_now(&app).map(drop)
    }

    /// Somebody does something about an approval.
    pub(super) fn does_on_record(
        &self,
        who: &str,
        record: &Record,
        deed: Deed,
        reason: &str,
    ) -> Result<Record> {
        self.later(2);
        let (actor, id) = (self.actor(who, Method::Session)?, record.id);
        let given = Given {
            text: reason.to_owned(),
            ..Given::default()
        };
        self.write(move |tx, desk| {
            deeds::act(tx, desk, &actor, (deed, Subject::Record(id)), &given)?;
            register::by_id(tx, id)
        })
    }

    /// Somebody asks to let a use case go ahead before its review ended.
    pub(super) fn proposes_override(&self, who: &str, record: &Record, reason: &str) -> Result<()> {
        self.later(1);
        let (actor, id) = (self.actor(who, Method::Session)?, record.id);
        let reason = reason.to_owned();
        self.write(move |tx, desk| {
            let review = register::by_id(tx, id)?.review_id;
            let review = review.ok_or_else(|| Error::not_found("review of", id))?;
            let given = Given {
                text: reason,
                digest: crate::review::review(tx, review)?.digest,
                ..Given::default()
            };
            let about = (Deed::ProposeOverride, Subject::Review(review));
            deeds::act(tx, desk, &actor, about, &given)
        })
    }

    /// Somebody decides their open task on a record.
    pub(super) fn decide(&self, who: &str, record: &Record, vote: Vote) -> Result<()> {
        self.later(vote.after_hours);
        let actor = self.actor(who, vote.method)?;
        let (person, id, who) = (self.id(who)?, record.id, who.to_owned());
        self.write(move |tx, desk| {
            let tasks = review::tasks_of_person(tx, person)?;
            let task = tasks.into_iter().find(|t| t.record_id == id);
            let task = task.ok_or_else(|| Error::not_found("task of", &who))?;
            let seen = review::review(tx, task.review_id)?.digest;
            let answers = if vote.outcome.is_approval() {
                cases::answers(&task.stage, &who)
            } else {
                json!({})
            };
            let given = DecisionGiven {
                task: task.id,
                seen,
                outcome: vote.outcome,
                reason: vote.reason,
                answers,
                conditions: vote.conditions,
                link: None,
            };
            review::decide(tx, desk, &actor, &given).map(|_| ())
        })
    }
}

/// How somebody decides.
pub(super) struct Vote {
    outcome: Outcome,
    reason: Option<String>,
    conditions: Vec<ConditionGiven>,
    after_hours: i64,
    method: Method,
}

impl Vote {
    fn new(outcome: Outcome) -> Vote {
        Vote {
            outcome,
            reason: None,
            conditions: Vec::new(),
            after_hours: 3,
            method: Method::Session,
        }
    }

    /// Approves.
    pub(super) fn yes() -> Vote {
        Vote::new(Outcome::Approve)
    }

    /// Rejects.
    pub(super) fn no(reason: &str) -> Vote {
        Vote::new(Outcome::Reject).because(reason)
    }

    /// Asks for changes.
    pub(super) fn change(reason: &str) -> Vote {
        Vote::new(Outcome::RequestChanges).because(reason)
    }

    /// Steps aside.
    pub(super) fn aside(reason: &str) -> Vote {
        Vote::new(Outcome::Recuse).because(reason)
    }

    /// Approves with one condition.
    pub(super) fn yes_if(text: &str, owner: &str, due: &str, reason: &str) -> Vote {
        let condition = ConditionGiven {
            text: text.to_owned(),
            owner: address(owner),
            due: due.to_owned(),
        };
        let vote = Vote::new(Outcome::ApproveWithConditions).because(reason);
        Vote {
            conditions: vec![condition],
            ..vote
        }
    }

    /// Attaches another condition.
    pub(super) fn and_if(mut self, text: &str, owner: &str, due: &str) -> Vote {
        self.conditions.push(ConditionGiven {
            text: text.to_owned(),
            owner: address(owner),
            due: due.to_owned(),
        });
        self
    }

    /// Gives a reason.
    pub(super) fn because(self, reason: &str) -> Vote {
        Vote {
            reason: Some(reason.to_owned()),
            ..self
        }
    }
}
