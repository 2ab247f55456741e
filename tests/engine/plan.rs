//! What is generated: a workflow of three or four stages, who holds which role, and a history.

use countersign::workflow::Outcome;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// People by number: 0 submits, 1 owns at first.
pub const PEOPLE: usize = 7;
/// Roles by number.
pub const ROLES: usize = 4;

/// A workflow and its world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub stages: Vec<StagePlan>,
    pub max_revisions: u32,
    /// Holders by role.
    pub roles: Vec<BTreeSet<usize>>,
}

#[derive(Debug, Clone)]
pub struct StagePlan {
    /// Earlier stages, by number.
    pub needs: BTreeSet<usize>,
    pub when: When,
    pub seats: Vec<SeatPlan>,
    pub until_impossible: bool,
    /// Whether submitter, owner and editors are kept out.
    pub not: [bool; 3],
    /// Stages whose approvers are kept out.
    pub apart: BTreeSet<usize>,
    /// Whether links only show.
    pub view_only: bool,
}

#[derive(Debug, Clone)]
pub struct SeatPlan {
    pub from: Vec<Who>,
    /// So many, or everybody.
    pub need: Option<usize>,
    pub fallback: Vec<Who>,
}

#[derive(Debug, Clone, Copy)]
pub enum Who {
    Role(usize),
    Person(usize),
    Owner,
    Submitter,
}

#[derive(Debug, Clone, Copy)]
pub enum When {
    Always,
    Public,
    NotPublic,
    /// It can never be answered.
    Broken,
    /// A stage that is needed was approved with conditions.
    Conditional(usize),
    /// A stage that is needed was skipped.
    Skipped(usize),
}

/// One thing somebody tries.
#[derive(Debug, Clone)]
pub enum Step {
    /// One of the open tasks is answered.
    Answer {
        pick: usize,
        outcome: Outcome,
        by_link: bool,
    },
    /// Anybody tries anything.
    Intrude {
        person: usize,
        stage: usize,
        old: bool,
        blind: bool,
        outcome: Outcome,
        by_link: bool,
    },
    /// A new revision.
    Edit {
        person: usize,
        public: bool,
        owner: usize,
    },
    Withdraw {
        person: usize,
    },
    /// Somebody gets a role, and vacant seats are looked at again.
    Appoint {
        person: usize,
        role: usize,
    },
}

pub fn email(person: usize) -> String {
    format!("p{person}@example.org")
}

pub fn stage_key(stage: usize) -> String {
    format!("s{stage}")
}

pub fn seat_key(seat: usize) -> String {
    format!("c{seat}")
}

impl Plan {
    /// Whether `stage` is decided after `other`.
    pub fn follows(&self, stage: usize, other: usize) -> bool {
        let needs = &self.stages[stage].needs;
        needs
            .iter()
            .any(|need| *need == other || self.follows(*need, other))
    }

    /// The workflow as its author would write it. `tag` makes the names of roles its own.
    pub fn workflow(&self, tag: &str) -> Value {
        let stages = (0..self.stages.len()).map(|stage| self.stage(stage, tag));
        json!({"format": 1, "key": "generated", "title": "Generated", "form": "use_case",
               "priority": 1000, "max_revisions": self.max_revisions,
               "stages": stages.collect::<Vec<_>>()})
    }

    fn stage(&self, number: usize, tag: &str) -> Value {
        let plan = &self.stages[number];
        let keys = |stages: &BTreeSet<usize>| stages.iter().copied().map(stage_key).collect();
        let needs: Vec<String> = keys(&plan.needs);
        let apart: Vec<String> = keys(&plan.apart);
        let parties = ["submitter", "owner", "editors"].into_iter().zip(plan.not);
        let not: Vec<&str> = parties
            .filter(|(_, kept)| *kept)
            .map(|(party, _)| party)
            .collect();
        let seats: Vec<Value> = plan
            .seats
            .iter()
            .enumerate()
            .map(|(n, seat)| seat.written(n, tag))
            .collect();
        let mut stage = json!({
            "key": stage_key(number), "kind": "other", "title": "A stage", "needs": needs,
            "seats": seats, "separation": {"not": not, "not_approvers_of": apart},
            "on_reject": if plan.until_impossible { "until_impossible" } else { "veto" },
            "email": {"link": if plan.view_only { "view" } else { "decide" }},
        });
        let outcome = |of: usize, word: &str| format!("stages.s{of}.outcome == '{word}'");
        let when = match plan.when {
            When::Always => return stage,
            When::Public => "'public' in request.data_classes".to_owned(),
            When::NotPublic => "!('public' in request.data_classes)".to_owned(),
            When::Broken => "10 / (1 - 1) > 1".to_owned(),
            When::Conditional(of) => outcome(of, "approved_with_conditions"),
            When::Skipped(of) => outcome(of, "skipped"),
        };
        stage["when"] = json!(when);
        stage
    }
}

impl StagePlan {
    /// A fallback that only names people whom the stage keeps out is refused.
    fn name_somebody(&mut self) {
        let kept_out = |who: &Who| match who {
            Who::Submitter => self.not[0],
            Who::Owner => self.not[1],
            Who::Role(_) | Who::Person(_) => false,
        };
        for seat in &mut self.seats {
            if seat.fallback.iter().all(kept_out) {
                seat.fallback.push(Who::Role(0));
            }
        }
    }
}

impl SeatPlan {
    fn written(&self, number: usize, tag: &str) -> Value {
        let people = |list: &[Who]| list.iter().map(|who| who.written(tag)).collect::<Vec<_>>();
        let need = self.need.map_or(json!("all"), |need| json!(need));
        json!({"key": seat_key(number), "from": people(&self.from), "need": need,
               "fallback": people(&self.fallback)})
    }
}

impl Who {
    fn written(self, tag: &str) -> Value {
        match self {
            Who::Role(role) => json!({"role": role_name(role, tag)}),
            Who::Person(person) => json!({"person": email(person)}),
            Who::Owner => json!({"field": "request.owner"}),
            Who::Submitter => json!({"relation": "submitter"}),
        }
    }
}

pub fn role_name(role: usize, tag: &str) -> String {
    format!("r{role}{tag}")
}

pub fn plans() -> impl Strategy<Value = Plan> {
    let stages = prop::collection::vec(stages(), 3..=4);
    let holders = prop::collection::btree_set(0..PEOPLE, 0..=3);
    let roles = prop::collection::vec(holders, ROLES);
    (stages, roles, 0..=3_u32).prop_map(|(mut stages, roles, max_revisions)| {
        for (number, stage) in stages.iter_mut().enumerate() {
            stage.needs.retain(|need| *need < number);
            stage.when = match stage.when {
                When::Conditional(of) | When::Skipped(of) if !stage.needs.contains(&of) => {
                    When::Always
                }
                when => when,
            };
        }
        let mut plan = Plan {
            stages,
            max_revisions,
            roles,
        };
        for number in 0..plan.stages.len() {
            let count = plan.stages.len();
            let possible =
                |other: &usize| *other < count && *other != number && !plan.follows(*other, number);
            let apart = plan.stages[number]
                .apart
                .iter()
                .copied()
                .filter(possible)
                .collect();
            plan.stages[number].apart = apart;
            plan.stages[number].name_somebody();
        }
        plan
    })
}

fn stages() -> impl Strategy<Value = StagePlan> {
    let some = || prop::collection::btree_set(0..4_usize, 0..=2);
    let when = prop_oneof![
        5 => Just(When::Always),
        1 => Just(When::Public),
        1 => Just(When::NotPublic),
        1 => Just(When::Broken),
        2 => (0..3_usize).prop_map(When::Conditional),
        1 => (0..3_usize).prop_map(When::Skipped),
    ];
    let kept = prop_oneof![3 => Just([true; 3]), 2 => any::<[bool; 3]>()];
    let seats = prop::collection::vec(seats(), 1..=3);
    (
        some(),
        when,
        seats,
        any::<bool>(),
        kept,
        some(),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(needs, when, seats, until_impossible, not, apart, view_only)| StagePlan {
                needs,
                when,
                seats,
                until_impossible,
                not,
                apart,
                view_only,
            },
        )
}

fn seats() -> impl Strategy<Value = SeatPlan> {
    let role = || (0..ROLES).prop_map(Who::Role);
    let who = || {
        prop_oneof![
            4 => role(),
            3 => (0..PEOPLE).prop_map(Who::Person),
            1 => Just(Who::Owner),
            1 => Just(Who::Submitter),
        ]
    };
    let need = prop_oneof![4 => Just(Some(1)), 3 => Just(Some(2)), 2 => Just(None)];
    let more = prop::option::weighted(0.3, who());
    (role(), more, need, prop::collection::vec(who(), 1..=2)).prop_map(
        |(role, more, need, fallback)| SeatPlan {
            from: [role].into_iter().chain(more).collect(),
            need,
            fallback,
        },
    )
}

pub fn histories(length: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(steps(), 1..=length)
}

fn steps() -> impl Strategy<Value = Step> {
    let people = 0..PEOPLE;
    let link = prop::bool::weighted(0.3);
    let outcome = prop_oneof![
        10 => Just(Outcome::Approve),
        2 => Just(Outcome::ApproveWithConditions),
        1 => Just(Outcome::RequestChanges),
        2 => Just(Outcome::Reject),
        3 => Just(Outcome::Recuse),
    ]
    .boxed();
    let answer = (any::<prop::sample::Index>(), outcome.clone(), link).prop_map(
        |(pick, outcome, by_link)| Step::Answer {
            pick: pick.index(1 << 20),
            outcome,
            by_link,
        },
    );
    let rarely = || prop::bool::weighted(0.2);
    let intrude = (
        people.clone(),
        0..4_usize,
        rarely(),
        rarely(),
        outcome,
        rarely(),
    )
        .prop_map(
            |(person, stage, old, blind, outcome, by_link)| Step::Intrude {
                person,
                stage,
                old,
                blind,
                outcome,
                by_link,
            },
        );
    let editor = prop_oneof![4 => 0..2_usize, 1 => people.clone()];
    let edit = (
        editor,
        any::<bool>(),
        prop_oneof![3 => Just(1), 1 => people.clone()],
    )
        .prop_map(|(person, public, owner)| Step::Edit {
            person,
            public,
            owner,
        });
    let withdraw = people.clone().prop_map(|person| Step::Withdraw { person });
    let appoint = (people, 0..ROLES).prop_map(|(person, role)| Step::Appoint { person, role });
    prop_oneof![24 => answer, 8 => intrude, 3 => edit, 1 => withdraw, 2 => appoint]
}
