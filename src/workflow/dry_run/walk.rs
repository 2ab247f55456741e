//! Takes a workflow through one combination of answers and histories after the other.
//!
//! A condition is evaluated once for all combinations that look the same to it: its answer is kept
//! by the values it reads.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::space::{ABSENT, Space};
use super::{Limits, chance::Chance};
use crate::workflow::definition::{OnTimeout, Outcome, Stage, Workflow};
use crate::workflow::load::Bundle;
use crate::workflow::reads::Reads;
use crate::workflow::verdict::{Derived, Inputs, StageResult};

/// So many ways to answer a stage form are told apart.
const MOST_ANSWERS: usize = 64;

/// What was counted of a condition.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub held: u64,
    pub failed: u64,
    pub errors: u64,
    /// The first error with answers that lead to it.
    pub error: Option<(String, Value)>,
}

/// A condition, what it reads by place, and its answers so far.
struct Condition<'w> {
    place: String,
    text: &'w str,
    fields: Vec<usize>,
    tables: Vec<usize>,
    stages: Vec<usize>,
    cost: u64,
    known: HashMap<u128, Result<bool, String>>,
    tally: Tally,
}

/// A way in which a stage can end.
struct End {
    result: StageResult,
    timed_out: bool,
}

/// A stage as the walk needs it; all numbers are places in [`Walk::stages`].
struct Step<'w> {
    stage: &'w Stage,
    when: Option<usize>,
    sides: Vec<usize>,
    /// The first is "left out"; the others can follow when it is required.
    ends: Vec<End>,
    later: Vec<usize>,
}

/// One combination under way.
struct Now<'a> {
    answers: &'a [usize],
    derived: Vec<usize>,
    ends: Vec<usize>,
}

/// How often a route was taken, and answers that lead to it.
pub(super) struct Taken {
    pub count: u64,
    pub example: Vec<usize>,
}

/// How each stage ends, by place, and the value of each table, by place among those found.
type RouteKey = (Vec<Leg>, Vec<usize>);

/// What a route does with a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leg {
    LeftOut,
    Asked,
    TimedOut,
}

pub(super) struct Walk<'w> {
    workflow: &'w Workflow,
    pub space: Space,
    conditions: Vec<Condition<'w>>,
    applies: Option<usize>,
    /// By table, the condition of each row.
    rows: Vec<Vec<usize>>,
    validity: Vec<Option<usize>>,
    order: Vec<&'w Stage>,
    stages: Vec<Step<'w>>,
    /// By table, the values it gave.
    values: Vec<Vec<Derived>>,
    pub routes: BTreeMap<RouteKey, Taken>,
    /// By table, hits of each row and of `otherwise`, which is the last.
    pub row_hits: Vec<Vec<u64>>,
    pub validity_hits: Vec<u64>,
    /// Stages that timed out with nobody after them, with answers that lead there.
    pub uncovered: BTreeMap<usize, Vec<usize>>,
    pub requests: u64,
    pub combinations: u64,
    pub not_meant: u64,
    pub exact: bool,
    steps: u64,
    limits: Limits,
}

impl<'w> Walk<'w> {
    pub fn new(bundle: &'w Bundle, schema: &Value, limits: Limits) -> Walk<'w> {
        let workflow = &bundle.workflow;
        let reads = all_reads(workflow);
        let names = reads.iter().flat_map(|(_, r)| r.request.iter().cloned());
        let space = Space::of(schema, &names.collect(), &|name| {
            let all = reads.iter().map(|(_, reads)| reads);
            all.filter(|reads| reads.request.contains(name)).collect()
        });
        let mut walk = Walk {
            workflow,
            exact: space.exact,
            space,
            conditions: Vec::new(),
            applies: None,
            rows: Vec::new(),
            validity: Vec::new(),
            order: workflow.in_order(),
            stages: Vec::new(),
            values: workflow.derive.iter().map(|_| Vec::new()).collect(),
            routes: BTreeMap::new(),
            row_hits: rows_of(workflow),
            validity_hits: Vec::new(),
            uncovered: BTreeMap::new(),
            requests: 0,
            combinations: 0,
            not_meant: 0,
            steps: 0,
            limits,
        };
        walk.lay_out(bundle, &reads);
        walk
    }

    fn lay_out(&mut self, bundle: &'w Bundle, reads: &[(&str, Reads)]) {
        let workflow = self.workflow;
        let order = self.order.clone();
        self.applies = self.add("/applies_when".to_owned(), workflow.applies_when.as_deref());
        for (index, table) in workflow.derive.iter().enumerate() {
            let cases = table.cases.iter().enumerate();
            let rows = cases.filter_map(|(row, case)| {
                let place = format!("/derive/{index}/cases/{row}/when");
                self.add(place, Some(&case.when))
            });
            let rows = rows.collect();
            self.rows.push(rows);
        }
        let validity = workflow.renewal.iter().flat_map(|r| &r.valid_for);
        for (row, validity) in validity.enumerate() {
            let place = format!("/renewal/valid_for/{row}/when");
            let condition = self.add(place, validity.when.as_deref());
            self.validity.push(condition);
            self.validity_hits.push(0);
        }
        for stage in &order {
            let index = workflow.stages.iter().position(|s| s.key == stage.key);
            let place = format!("/stages/{}", index.unwrap_or_default());
            let when = self.add(format!("{place}/when"), stage.when.as_deref());
            let step_up = stage.email.step_up_when.as_deref();
            let mut sides: Vec<usize> = Vec::new();
            sides.extend(self.add(format!("{place}/email/step_up_when"), step_up));
            for (at, escalation) in stage.escalate.iter().enumerate() {
                let place = format!("{place}/escalate/{at}/when");
                sides.extend(self.add(place, escalation.when.as_deref()));
            }
            let (ends, exact) = ends_of(bundle, stage, reads);
            self.exact &= exact;
            let later = order.iter().enumerate();
            let later = later.filter(|(_, other)| {
                let needed = workflow.ancestors(other);
                needed.iter().any(|need| need.key == stage.key)
            });
            self.stages.push(Step {
                stage,
                when,
                sides,
                ends,
                later: later.map(|(at, _)| at).collect(),
            });
        }
    }

    /// Adds a condition; its place among them.
    fn add(&mut self, place: String, text: Option<&'w str>) -> Option<usize> {
        let text = text?;
        let workflow = self.workflow;
        let reads = workflow.conditions.reads(text)?;
        let fields = self.space.questions.iter().enumerate();
        let fields = fields.filter(|(_, question)| reads.request.contains(&question.name));
        let tables = workflow.derive.iter().enumerate();
        let tables = tables.filter(|(_, table)| reads.derived.contains(&table.key));
        let stages = self.order.iter().enumerate();
        let stages = stages.filter(|(_, stage)| reads.stages.contains_key(&stage.key));
        let condition = Condition {
            place,
            text,
            fields: fields.map(|(at, _)| at).collect(),
            tables: tables.map(|(at, _)| at).collect(),
            stages: stages.map(|(at, _)| at).collect(),
            cost: workflow.conditions.cost(text),
            known: HashMap::new(),
            tally: Tally::default(),
        };
        self.conditions.push(condition);
        Some(self.conditions.len() - 1)
    }

    /// Every combination; false when there are more than the limits allow, and then what was
    /// counted is of no use.
    pub fn everything(&mut self) -> bool {
        self.answer(&mut Vec::new())
    }

    fn answer(&mut self, answers: &mut Vec<usize>) -> bool {
        let at = answers.len();
        if at == self.space.questions.len() {
            return self.request(&answers.clone(), &mut None) && self.within();
        }
        for choice in self.space.choices(at, answers) {
            answers.push(choice);
            let goes_on = self.answer(answers);
            answers.pop();
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn within(&self) -> bool {
        self.combinations <= self.limits.combinations
            && self.requests <= self.limits.combinations
            && self.steps <= self.limits.steps
    }

    /// As many combinations as the limits allow, drawn by chance.
    pub fn sample(&mut self, mut chance: Chance) {
        while self.within() && self.requests < self.limits.combinations {
            let mut answers: Vec<usize> = Vec::new();
            for at in 0..self.space.questions.len() {
                let choices = self.space.choices(at, &answers);
                answers.push(chance.pick(&choices).copied().unwrap_or(ABSENT));
            }
            self.request(&answers, &mut Some(&mut chance));
        }
    }

    /// Forgets what was counted, not what is known.
    pub fn forget(&mut self) {
        self.routes.clear();
        self.uncovered.clear();
        self.row_hits = rows_of(self.workflow);
        self.validity_hits.iter_mut().for_each(|hits| *hits = 0);
        for condition in &mut self.conditions {
            condition.tally = Tally::default();
        }
        (self.requests, self.combinations, self.not_meant, self.steps) = (0, 0, 0, 0);
    }

    fn request(&mut self, answers: &[usize], chance: &mut Option<&mut Chance>) -> bool {
        self.requests += 1;
        let mut now = Now {
            answers,
            derived: Vec::new(),
            ends: Vec::new(),
        };
        let meant = self.applies.map(|condition| self.ask(condition, &now));
        if meant == Some(Ok(false)) {
            self.not_meant += 1;
            return true;
        }
        for table in 0..self.rows.len() {
            let value = self.first_row(table, &now);
            now.derived.push(value);
        }
        self.first_validity(&now);
        self.stage(&mut now, chance)
    }

    /// The value of a table, as its place among those it gave.
    fn first_row(&mut self, table: usize, now: &Now) -> usize {
        let rows = self.rows.get(table).cloned().unwrap_or_default();
        let mut hit = rows.len();
        let mut error = None;
        for (row, condition) in rows.into_iter().enumerate() {
            match self.ask(condition, now) {
                Ok(false) => {}
                Ok(true) => {
                    hit = row;
                    break;
                }
                Err(message) => {
                    (hit, error) = (row, Some(message));
                    break;
                }
            }
        }
        let hits = self.row_hits.get_mut(table);
        if let Some(hits) = hits.and_then(|hits| hits.get_mut(hit)) {
            *hits += 1;
        }
        let derived = self.derived(table, hit, error);
        let Some(known) = self.values.get_mut(table) else {
            return 0;
        };
        known.iter().position(|d| *d == derived).unwrap_or_else(|| {
            known.push(derived);
            known.len() - 1
        })
    }

    fn derived(&self, table: usize, row: usize, error: Option<String>) -> Derived {
        let definition = self.workflow.derive.get(table);
        let case = definition.and_then(|table| table.cases.get(row));
        let otherwise = definition.map(|table| &table.otherwise);
        let value = case.map(|case| &case.then).or(otherwise);
        Derived {
            value: value
                .filter(|_| error.is_none())
                .cloned()
                .unwrap_or_default(),
            because: None,
            row: None,
            error,
        }
    }

    fn first_validity(&mut self, now: &Now) {
        for row in 0..self.validity.len() {
            let condition = self.validity.get(row).copied().flatten();
            let holds = condition.is_none_or(|at| self.ask(at, now).unwrap_or(true));
            if let Some(hits) = self.validity_hits.get_mut(row).filter(|_| holds) {
                *hits += 1;
                return;
            }
        }
    }

    /// Goes on with the next stage in every way it can end, or in one drawn by chance.
    fn stage(&mut self, now: &mut Now, chance: &mut Option<&mut Chance>) -> bool {
        let at = now.ends.len();
        let Some(step) = self.stages.get(at) else {
            self.finish(now);
            return self.within();
        };
        let (when, ends) = (step.when, step.ends.len());
        let required = when.is_none_or(|condition| self.ask(condition, now) != Ok(false));
        let mut next: Vec<usize> = vec![0];
        if required {
            next = (1..ends).collect();
            let sides = self.stages.get(at).map(|step| step.sides.clone());
            for condition in sides.unwrap_or_default() {
                let _ = self.ask(condition, now);
            }
        }
        if let Some(chance) = chance.as_mut() {
            next = chance.pick(&next).copied().into_iter().collect();
        }
        for end in next {
            now.ends.push(end);
            let goes_on = self.stage(now, chance);
            now.ends.pop();
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn finish(&mut self, now: &Now) {
        self.combinations += 1;
        let ends = self.stages.iter().zip(&now.ends);
        let legs = ends.map(|(step, end)| match step.ends.get(*end) {
            _ if *end == 0 => Leg::LeftOut,
            Some(end) if end.timed_out => Leg::TimedOut,
            _ => Leg::Asked,
        });
        let legs: Vec<Leg> = legs.collect();
        for (at, (step, leg)) in self.stages.iter().zip(&legs).enumerate() {
            let asked = |later: &usize| legs.get(*later).is_some_and(|leg| *leg != Leg::LeftOut);
            if *leg == Leg::TimedOut && !step.later.iter().any(asked) {
                let example = || now.answers.to_vec();
                self.uncovered.entry(at).or_insert_with(example);
            }
        }
        let taken = self.routes.entry((legs, now.derived.clone()));
        let taken = taken.or_insert_with(|| Taken {
            count: 0,
            example: now.answers.to_vec(),
        });
        taken.count += 1;
    }

    /// The answer of a condition, counted.
    fn ask(&mut self, at: usize, now: &Now) -> Result<bool, String> {
        let Some(condition) = self.conditions.get(at) else {
            return Err("there is no such condition".to_owned());
        };
        let key = self.key(condition, now);
        let known = key.and_then(|key| condition.known.get(&key).cloned());
        let fresh = known.is_none();
        let answer = known.unwrap_or_else(|| self.evaluate(condition, now));
        let example = || {
            let fields = condition.fields.iter().copied();
            self.space.document(now.answers, fields)
        };
        let error = answer.as_ref().err().map(|e| (e.clone(), example()));
        let cost = condition.cost.max(1);
        let Some(condition) = self.conditions.get_mut(at) else {
            return answer;
        };
        match &answer {
            Ok(true) => condition.tally.held += 1,
            Ok(false) => condition.tally.failed += 1,
            Err(_) => condition.tally.errors += 1,
        }
        condition.tally.error = condition.tally.error.take().or(error);
        if fresh {
            self.steps += cost;
            if let Some(key) = key {
                condition.known.insert(key, answer.clone());
            }
        }
        answer
    }

    /// What a condition reads, as one number; none when that is too large to be one.
    fn key(&self, condition: &Condition, now: &Now) -> Option<u128> {
        const MANY: usize = 4096;
        let fields = condition.fields.iter().map(|at| {
            let answer = now.answers.get(*at).copied();
            answer.map_or(0, |answer| answer.wrapping_add(1))
        });
        let tables = condition
            .tables
            .iter()
            .map(|at| now.derived.get(*at).copied());
        let stages = condition.stages.iter().map(|at| now.ends.get(*at).copied());
        let rest = tables.chain(stages).map(Option::unwrap_or_default);
        fields.chain(rest).try_fold(0_u128, |key, part| {
            let part = u128::try_from(part).ok().filter(|_| part < MANY)?;
            key.checked_mul(MANY as u128)?.checked_add(part)
        })
    }

    fn evaluate(&self, condition: &Condition, now: &Now) -> Result<bool, String> {
        let request = self
            .space
            .document(now.answers, condition.fields.iter().copied());
        let derived = condition.tables.iter().filter_map(|at| {
            let value = self.values.get(*at)?.get(*now.derived.get(*at)?)?;
            Some((self.workflow.derive.get(*at)?.key.clone(), value.clone()))
        });
        let stages = condition.stages.iter().filter_map(|at| {
            let step = self.stages.get(*at)?;
            let end = step.ends.get(*now.ends.get(*at)?)?;
            Some((step.stage.key.clone(), end.result.clone()))
        });
        let (derived, stages) = (derived.collect(), stages.collect());
        let inputs = Inputs {
            request: &request,
            derived: &derived,
            stages: &stages,
        };
        self.workflow.answer(condition.text, &inputs)
    }

    /// Every condition with its place and count.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, &str, &Tally)> {
        let all = self.conditions.iter();
        all.map(|condition| (condition.place.as_str(), condition.text, &condition.tally))
    }

    /// The stages in the order of work.
    pub fn stages(&self) -> Vec<&'w Stage> {
        self.order.clone()
    }

    /// The answers as a document.
    pub fn document(&self, answers: &[usize]) -> Value {
        self.space.document(answers, 0..self.space.questions.len())
    }

    /// The values of the tables on a route, by table.
    pub fn values(&self, derived: &[usize]) -> BTreeMap<String, Value> {
        let tables = self.workflow.derive.iter().zip(&self.values).zip(derived);
        tables
            .filter_map(|((table, known), at)| {
                Some((table.key.clone(), known.get(*at)?.value.clone()))
            })
            .collect()
    }
}

/// What each condition of the workflow reads.
fn all_reads(workflow: &Workflow) -> Vec<(&str, Reads)> {
    let rows = workflow.derive.iter().flat_map(|table| &table.cases);
    let validity = workflow.renewal.iter().flat_map(|r| &r.valid_for);
    let of_stages = workflow.stages.iter().flat_map(|stage| {
        let escalations = stage.escalate.iter().filter_map(|e| e.when.as_ref());
        stage
            .when
            .iter()
            .chain(&stage.email.step_up_when)
            .chain(escalations)
    });
    let texts = workflow
        .applies_when
        .iter()
        .chain(rows.map(|case| &case.when))
        .chain(validity.filter_map(|row| row.when.as_ref()))
        .chain(of_stages);
    texts
        .filter_map(|text| Some((text.as_str(), workflow.conditions.reads(text)?)))
        .collect()
}

fn rows_of(workflow: &Workflow) -> Vec<Vec<u64>> {
    let tables = workflow.derive.iter();
    tables.map(|table| vec![0; table.cases.len() + 1]).collect()
}

/// The ways in which a stage can end that later conditions can tell apart, and whether they are
/// all there are.
fn ends_of(bundle: &Bundle, stage: &Stage, reads: &[(&str, Reads)]) -> (Vec<End>, bool) {
    let mut read = crate::workflow::reads::OfStage::default();
    let readers = reads.iter().map(|(_, reads)| reads);
    let readers: Vec<&Reads> = readers
        .filter(|reads| reads.stages.contains_key(&stage.key))
        .collect();
    for of_stage in readers.iter().filter_map(|r| r.stages.get(&stage.key)) {
        read.outcome |= of_stage.outcome;
        read.answers.extend(of_stage.answers.iter().cloned());
    }
    let form = stage.form.as_ref().and_then(|name| bundle.forms.get(name));
    let reading = |name: &str| -> Vec<&Reads> {
        let of_stage = |reads: &&&Reads| {
            let of_stage = reads.stages.get(&stage.key);
            of_stage.is_some_and(|of_stage| of_stage.answers.contains(name))
        };
        readers.iter().filter(of_stage).copied().collect()
    };
    let space = form.map(|form| Space::of(form, &read.answers, &reading));
    let answers = space.as_ref().map(|space| space.documents(MOST_ANSWERS));
    let answers = answers.unwrap_or_else(|| vec![Value::Object(Map::new())]);
    let exact = space.is_none_or(|space| space.exact) && answers.len() < MOST_ANSWERS;
    let mut ends = vec![End::of("skipped")];
    let mut outcomes = vec!["approved"];
    let with_conditions = stage.decisions.contains(&Outcome::ApproveWithConditions);
    if read.outcome && with_conditions {
        outcomes.push("approved_with_conditions");
    }
    for outcome in outcomes {
        ends.extend(
            answers
                .iter()
                .map(|answers| End::answered(outcome, answers)),
        );
    }
    let on_timeout = stage.sla.as_ref().map(|sla| sla.on_timeout);
    if on_timeout == Some(OnTimeout::MarkTimedOut) {
        ends.push(End::of("timed_out"));
    }
    (ends, exact)
}

impl End {
    fn of(outcome: &str) -> End {
        let timed_out = outcome == "timed_out";
        let mut result = StageResult::new(outcome);
        result.timed_out = timed_out;
        End { result, timed_out }
    }

    fn answered(outcome: &str, answers: &Value) -> End {
        let mut end = End::of(outcome);
        end.result.answers = answers.clone();
        end
    }
}
