//! What the bench decides on: use cases of medium risk under the shipped policy, each with the
//! seven decisions that approve it.
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{PersonId, ReviewId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::people::{self, NewPerson};
use crate::review::{self, DecisionGiven, Desk};
use crate::workflow::{Bundle, Outcome};
use serde_json::{Value, json};
use std::sync::Arc;

const POLICY: &str = include_str!("../../../templates/workflows/ai_use_case.json");

/// Who decides, in the order in which the stages open: stage, name and role.
pub(super) const ROUTE: [(&str, &str, &str); 7] = [
    ("data_use", "dana", "data_protection"),
    ("human_review", "lars", "line_manager"),
    ("human_review", "aiko", "ai_reviewer"),
    ("vendor", "vera", "vendor_risk"),
    ("legal_security", "lena", "legal"),
    ("legal_security", "sven", "security"),
    ("legal_security", "sara", "security"),
];

/// Use cases that one write of the seeding makes.
const BATCH: usize = 50;

/// The register that is measured.
pub(super) struct Stock {
    /// The program that is measured.
    pub(super) app: App,
    submitter: Actor,
    route: Arc<[Step]>,
}

/// One decision of the route.
struct Step {
    stage: &'static str,
    actor: Actor,
    person: PersonId,
    answers: Value,
}

/// A submitted use case, from which every decision is still to come.
pub(super) struct Case {
    review: ReviewId,
    digest: String,
    route: Arc<[Step]>,
}

impl Case {
    /// The review.
    pub(super) fn review(&self) -> ReviewId {
        self.review
    }

    /// Digest of what is decided on.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Stage and person of one step of its route, which is walked again and again.
    pub(super) fn step(&self, turn: usize) -> Option<(&'static str, &Actor)> {
        let step = self.route.get(turn % self.route.len())?;
        Some((step.stage, &step.actor))
    }

    /// The decisions that approve it, in their order.
    pub(super) fn decisions(self) -> impl Iterator<Item = (Actor, DecisionGiven)> {
        let route = self.route.clone();
        (0..route.len()).filter_map(move |nr| {
            let step = route.get(nr)?;
            let given = DecisionGiven {
                task: TaskId::of(self.review, step.stage, 0, step.person),
                seen: self.digest.clone(),
                outcome: Outcome::Approve,
                reason: Some("Sound as described.".to_owned()),
                answers: step.answers.clone(),
                conditions: Vec::new(),
                link: None,
            };
            Some((step.actor.clone(), given))
        })
    }
}

impl Stock {
    /// An organisation with its policy, on an empty database.
    pub(super) fn found(url: &str) -> Result<Stock> {
        let config = Config {
            database_url: url.to_owned(),
            ..Config::default()
        };
        let app = App::open(config, Clock::system())?;
        let desk = app.desk.clone();
        let (submitter, route) = app.db.write_now(move |tx| found(tx, &desk))?;
        Ok(Stock {
            app,
            submitter: session(submitter),
            route: route.into(),
        })
    }

    /// Submits `count` use cases, as people do.
    pub(super) fn submit(&self, count: usize) -> Result<Vec<Case>> {
        let mut cases = Vec::with_capacity(count);
        while cases.len() < count {
            let batch = BATCH.min(count - cases.len());
            let (desk, actor) = (self.app.desk.clone(), self.submitter.clone());
            let submitted = self.app.db.write_now(move |tx| {
                let one = |_| submit(tx, &desk, &actor);
                (0..batch).map(one).collect::<Result<Vec<_>>>()
            })?;
            cases.extend(submitted.into_iter().map(|(review, digest)| Case {
                review,
                digest,
                route: self.route.clone(),
            }));
        }
        Ok(cases)
    }
}

fn session(person: PersonId) -> Actor {
    Actor::person(person, Via::new(Method::Session, "mailed_link"))
}

fn found(tx: &mut Tx, desk: &Desk) -> Result<(PersonId, Vec<Step>)> {
    let console = Actor::system(Via::new(Method::Cli, "console"));
    let now = desk.clock.now();
    let add = |tx: &mut Tx, name: &str, roles: &[&str]| {
        let new = NewPerson {
            email: format!("{name}@example.org"),
            name: name.to_owned(),
            roles: roles.iter().map(ToString::to_string).collect(),
            groups: Vec::new(),
        };
        people::add(tx, now, &console, &new)
    };
    let submitter = add(tx, "tomas", &[])?;
    add(tx, "olga", &[])?;
    let mut route = Vec::new();
    for (stage, name, role) in ROUTE {
        let person = add(tx, name, &[role])?;
        route.push(Step {
            stage,
            actor: session(person),
            person,
            answers: answers(stage, role),
        });
    }
    let schema = &desk.kinds.by_key("use_case")?.schema;
    let forms = &desk.kinds.stage_forms;
    let bundle = Bundle::load("ai_use_case.json", POLICY, schema, forms).map_err(|problems| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Error::Configuration(all.join("\n"))
    })?;
    review::workflows::publish(tx, now, &console, &bundle)?;
    Ok((submitter, route))
}

fn submit(tx: &mut Tx, desk: &Desk, actor: &Actor) -> Result<(ReviewId, String)> {
    let record = review::start(tx, desk, actor, "use_case", use_case())?;
    let review = review::submit(tx, desk, actor, record.id, record.revision)?;
    Ok((review.id, review.digest))
}

fn use_case() -> Value {
    json!({
        "title": "Summaries of claims", "owner": "olga@example.org", "tool": "Helvia Assist",
        "purpose": "Summarise the letters of a claim for the handler, who reads them as well.",
        "sourcing": "vendor", "vendor": "Helvia", "vendor_assessed": false,
        "trains_on_our_data": false, "cost_eur_per_year": 12_000,
        "data_classes": ["personal"], "data_subjects": "People named in claims",
        "lawful_basis": "contract", "retention": "6 months", "data_location": "eu",
        "uses": ["summarising"], "effect_on_people": "none", "unit": "Claims",
    })
}

/// The stage's form as a reviewer fills it.
fn answers(stage: &str, role: &str) -> Value {
    match (stage, role) {
        ("data_use", _) => json!({
            "data_needed": "yes", "lawful": "yes", "destination": "contract",
            "impact_assessment": "not_needed",
        }),
        ("human_review", _) => json!({
            "who_checks": "every_output", "can_judge": "yes", "can_stop": true,
            "people_told": "yes",
        }),
        ("vendor", _) => json!({
            "evidence": ["contract", "data_processing_agreement"],
            "training_on_data": "excluded", "sub_processors": "yes",
            "exit": "Texts can be exported; three months' notice.",
        }),
        (_, "legal") => json!({
            "side": "legal", "ai_act_class": "minimal",
            "duties": "None beyond training our staff.",
        }),
        _ => json!({
            "side": "security", "access": "single_sign_on", "threats": ["prompt_injection"],
            "countermeasures": "No tool calls; output is shown as text only.",
        }),
    }
}
