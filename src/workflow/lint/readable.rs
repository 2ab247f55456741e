//! Conditions: what each may read, how much they take together, what nobody has to answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Lint;
use crate::workflow::conditions::{self, Fault, Parsed, Size};
use crate::workflow::definition::{Derive, Stage};

use crate::workflow::reads::Reads;
use crate::workflow::types::{self, Fields};

/// The most bytes that the conditions of a workflow have together.
const MAX_TEXT: usize = 24_000;
/// The most steps that asking every condition of a workflow once may take.
const MAX_STEPS: u64 = 200_000;

/// A condition and where it stands.
type Placed<'w> = (String, &'w str);

impl<'a> Lint<'a> {
    pub(super) fn all_conditions(&mut self) {
        if self.too_much_text() {
            return;
        }
        let mut scope = self.request.map(|schema| {
            let request = types::object(types::fields_from(schema));
            Fields::from([types::always("request", request)])
        });
        let mut steps = 0_u64;
        if let Some(text) = &self.workflow.applies_when {
            steps += self.condition(("/applies_when".to_owned(), text), scope.as_ref());
        }
        steps += self.tables_and_validity(&mut scope);
        for (index, stage) in self.workflow.stages.iter().enumerate() {
            extend(&mut scope, "stages", self.settled_before(stage));
            for (place, text) in side_conditions(stage) {
                let place = format!("/stages/{index}/{place}");
                steps = steps.saturating_add(self.condition((place, text), scope.as_ref()));
            }
        }
        if steps > MAX_STEPS {
            let message = format!(
                "the conditions can take {steps} steps together; at most {MAX_STEPS} are allowed: \
                 nest fewer exists() and all()"
            );
            self.refuse("", message);
        }
    }

    /// Tables, each reading those above it, then the rows of validity, which read them all and no
    /// stage: they are asked when everything is over.
    fn tables_and_validity(&mut self, scope: &mut Option<Fields>) -> u64 {
        let workflow = self.workflow;
        let mut steps = 0_u64;
        let mut derived = Fields::new();
        let tables = self.parsed_tables();
        let reads: Vec<Reads> = tables.iter().map(|rows| joined(rows)).collect();
        for (index, rows) in tables.into_iter().enumerate() {
            extend(scope, "derived", derived.clone());
            for (row, parsed) in rows {
                let (place, _) = &row;
                if !self.reads_below(place, index, &parsed.reads(), &reads) {
                    steps = steps.saturating_add(self.checked(row, parsed, scope.as_ref()));
                }
            }
            if let Some(table) = workflow.derive.get(index) {
                derived.extend([types::always(&table.key, types::from_derive(table))]);
            }
        }
        extend(scope, "derived", derived);
        let rows = workflow.renewal.iter().flat_map(|r| &r.valid_for);
        for (row, validity) in rows.enumerate() {
            if let Some(text) = &validity.when {
                let place = format!("/renewal/valid_for/{row}/when");
                steps = steps.saturating_add(self.condition((place, text), scope.as_ref()));
            }
        }
        steps
    }

    /// Counts before anything is read, so that the answer comes soon.
    fn too_much_text(&mut self) -> bool {
        let size: usize = self.placed().iter().map(|(_, text)| text.len()).sum();
        let too_much = size > MAX_TEXT;
        if too_much {
            let message =
                format!("the conditions have {size} bytes together; at most {MAX_TEXT} are read");
            self.refuse("", message);
        }
        too_much
    }

    /// Every condition of the workflow with its place.
    pub(super) fn placed(&self) -> Vec<Placed<'a>> {
        let workflow = self.workflow;
        let own = workflow.applies_when.iter();
        let mut all: Vec<Placed> = own
            .map(|text| ("/applies_when".to_owned(), text.as_str()))
            .collect();
        for (index, table) in workflow.derive.iter().enumerate() {
            all.extend(rows_of(index, table));
        }
        let validity = workflow.renewal.iter().flat_map(|r| &r.valid_for);
        for (row, validity) in validity.enumerate() {
            let text = validity.when.iter();
            all.extend(text.map(|text| (format!("/renewal/valid_for/{row}/when"), text.as_str())));
        }
        for (index, stage) in workflow.stages.iter().enumerate() {
            let conditions = side_conditions(stage).into_iter();
            all.extend(conditions.map(|(place, text)| (format!("/stages/{index}/{place}"), text)));
        }
        all
    }

    /// The rows of every table that can be read.
    fn parsed_tables(&mut self) -> Vec<Vec<(Placed<'a>, Parsed)>> {
        let tables = self.workflow.derive.iter().enumerate();
        tables
            .map(|(index, table)| {
                let rows = rows_of(index, table).into_iter();
                rows.filter_map(|row| Some((row.clone(), self.parsed(&row)?)))
                    .collect()
            })
            .collect()
    }

    /// Whether a row reads its own table or one below it; says so.
    fn reads_below(&mut self, place: &str, index: usize, row: &Reads, tables: &[Reads]) -> bool {
        let all: Vec<&str> = self
            .workflow
            .derive
            .iter()
            .map(|t| t.key.as_str())
            .collect();
        let below = all
            .iter()
            .skip(index)
            .find(|key| row.derived.contains(**key));
        let (Some(own), Some(below)) = (all.get(index), below) else {
            return false;
        };
        let message = match circle(own, below, &all, tables) {
            Some(circle) if circle.len() == 2 => "a table cannot read itself".to_owned(),
            Some(circle) => format!("these tables wait for each other: {}", circle.join(" → ")),
            None => format!(
                "`derived.{below}` stands below: a table reads the tables above it. Move \
                 `{below}` up"
            ),
        };
        self.refuse(place, message);
        true
    }

    fn settled_before(&self, stage: &Stage) -> Fields {
        let earlier = self.workflow.ancestors(stage).into_iter();
        let field = |other: &Stage| {
            let form = other.form.as_ref().and_then(|name| self.forms.get(name));
            types::always(&other.key, types::from_stage(form))
        };
        earlier
            .filter(|other| other.key != stage.key)
            .map(field)
            .collect()
    }

    /// Parses a condition and, where the form is known, checks it; the steps it can take.
    fn condition(&mut self, row: Placed<'a>, scope: Option<&Fields>) -> u64 {
        match self.parsed(&row) {
            Some(parsed) => self.checked(row, parsed, scope),
            None => 0,
        }
    }

    fn parsed(&mut self, (place, text): &Placed) -> Option<Parsed> {
        self.work += text.len() as u64;
        match conditions::parse(text) {
            Ok(parsed) => Some(parsed),
            Err(faults) => {
                self.faults(place, faults);
                None
            }
        }
    }

    fn checked(&mut self, row: Placed<'a>, parsed: Parsed, scope: Option<&Fields>) -> u64 {
        let (place, text) = row;
        let (size, faults) = match scope {
            Some(variables) => parsed.check(variables),
            None => (Size::default(), Vec::new()),
        };
        self.work += size.parts;
        if faults.is_empty() {
            self.conditions.keep(text, parsed, size.cost);
            return size.cost;
        }
        self.faults(&place, faults);
        0
    }

    fn faults(&mut self, place: &str, faults: Vec<Fault>) {
        for Fault { at, message } in faults {
            self.problems.push(self.source.inside(place, at, message));
        }
    }

    /// Warns of conditions on answers that nobody has to give: where the answer is missing, the
    /// condition goes without it.
    pub(super) fn unasked_fields(&mut self) {
        let mut told = BTreeSet::new();
        for (place, text) in self.placed() {
            let Some(reads) = self.conditions.reads(text) else {
                continue;
            };
            let mut names: Vec<String> = Vec::new();
            let request = self.request.map(answered).unwrap_or_default();
            let read = reads.request.iter().filter(|name| !request.contains(*name));
            names.extend(read.map(|name| format!("request.{name}")));
            for (key, of_stage) in &reads.stages {
                let form = self.workflow.stage(key).and_then(|s| s.form.as_ref());
                let form = form.and_then(|name| self.forms.get(name));
                let sure = form.map(answered).unwrap_or_default();
                let read = of_stage.answers.iter().filter(|name| !sure.contains(*name));
                names.extend(read.map(|name| format!("stages.{key}.answers.{name}")));
            }
            for name in names {
                if told.insert(name.clone()) {
                    let message = format!(
                        "nobody has to answer `{name}`, so this condition often goes without it: \
                         let the form require it, at least as a follow-up question"
                    );
                    self.warn(&place, message);
                }
            }
        }
    }

    /// The conditions that read each field of the request, by the first place.
    pub(super) fn readers(&self) -> BTreeMap<String, String> {
        let mut readers = BTreeMap::new();
        for (place, text) in self.placed() {
            let reads = self.conditions.reads(text).unwrap_or_default();
            for field in reads.request {
                readers.entry(field).or_insert_with(|| place.clone());
            }
        }
        readers
    }
}

/// The fields that a form requires, always or as a follow-up question.
fn answered(schema: &Value) -> BTreeSet<String> {
    let names = |list: Option<&Value>| -> Vec<String> {
        let items = list.and_then(Value::as_array).into_iter().flatten();
        items
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    let always = names(schema.get("required"));
    let rules = schema.get("allOf").and_then(Value::as_array);
    let follow_up = rules
        .into_iter()
        .flatten()
        .flat_map(|rule| names(rule.pointer("/then/required")));
    always.into_iter().chain(follow_up).collect()
}

/// The circle that leads from one table to another and back, if there is one.
fn circle<'k>(
    own: &'k str,
    below: &'k str,
    all: &[&'k str],
    tables: &[Reads],
) -> Option<Vec<&'k str>> {
    let mut trails = vec![vec![own, below]];
    let mut seen = BTreeSet::from([below]);
    if own == below {
        return Some(vec![own, own]);
    }
    while let Some(trail) = trails.pop() {
        let last = trail.last()?;
        let at = all.iter().position(|key| key == last)?;
        for next in all.iter().filter(|key| {
            let reads = tables.get(at);
            reads.is_some_and(|reads| reads.derived.contains(**key))
        }) {
            let mut longer = trail.clone();
            longer.push(next);
            if *next == own {
                return Some(longer);
            }
            if seen.insert(*next) {
                trails.push(longer);
            }
        }
    }
    None
}

fn joined(rows: &[(Placed, Parsed)]) -> Reads {
    let mut all = Reads::default();
    for (_, parsed) in rows {
        all.join(&parsed.reads());
    }
    all
}

fn rows_of(index: usize, table: &Derive) -> Vec<Placed<'_>> {
    let rows = table.cases.iter().enumerate();
    rows.map(|(row, case)| {
        let place = format!("/derive/{index}/cases/{row}/when");
        (place, case.when.as_str())
    })
    .collect()
}

/// Every condition of a stage with its place in it.
fn side_conditions(stage: &Stage) -> Vec<Placed<'_>> {
    let own = stage.when.iter();
    let step_up = stage.email.step_up_when.iter();
    let escalations = stage.escalate.iter().enumerate();
    own.map(|text| ("when".to_owned(), text.as_str()))
        .chain(step_up.map(|text| ("email/step_up_when".to_owned(), text.as_str())))
        .chain(escalations.filter_map(|(index, escalation)| {
            let text = escalation.when.as_deref()?;
            Some((format!("escalate/{index}/when"), text))
        }))
        .collect()
}

fn extend(scope: &mut Option<Fields>, name: &str, fields: Fields) {
    if let Some(variables) = scope {
        variables.extend([types::always(name, types::object(fields))]);
    }
}
