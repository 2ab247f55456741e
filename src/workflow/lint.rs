//! What a JSON Schema cannot say about a workflow: names that meet, an order that ends, values and
//! conditions that fit the form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::conditions::{Conditions, Fault};
use super::definition::{Derive, DeriveKind, Need, Outcome, Seat, Stage, Who, Workflow};
use super::format::shown;
use super::problem::{Problem, Source, did_you_mean, one_of};
use super::types::{self, Fields, Type};

/// The stage forms by key.
pub(super) type Forms = BTreeMap<String, Value>;

/// Checks one workflow and collects what is wrong.
pub(super) struct Lint<'a> {
    source: &'a Source<'a>,
    workflow: &'a Workflow,
    /// The schema of the request; none when a stored version is opened again.
    request: Option<&'a Value>,
    forms: &'a Forms,
    conditions: Conditions,
    problems: Vec<Problem>,
}

impl<'a> Lint<'a> {
    pub fn new(
        source: &'a Source<'a>,
        workflow: &'a Workflow,
        request: Option<&'a Value>,
        forms: &'a Forms,
    ) -> Lint<'a> {
        let conditions = Conditions::default();
        Lint {
            source,
            workflow,
            request,
            forms,
            conditions,
            problems: Vec::new(),
        }
    }

    /// The parsed conditions, or every problem found.
    pub fn run(mut self) -> Result<Conditions, Vec<Problem>> {
        self.unique_keys();
        self.tables();
        for (index, stage) in self.workflow.stages.iter().enumerate() {
            self.stage(&format!("/stages/{index}"), stage);
        }
        self.cycle();
        self.all_conditions();
        if self.problems.is_empty() {
            Ok(self.conditions)
        } else {
            Err(self.problems)
        }
    }

    fn refuse(&mut self, place: &str, message: impl Into<String>) {
        self.problems.push(self.source.value(place, message));
    }

    fn unique_keys(&mut self) {
        let workflow = self.workflow;
        self.unique("/stages", workflow.stages.iter().map(|stage| &stage.key));
        self.unique("/derive", workflow.derive.iter().map(|table| &table.key));
        for (index, stage) in workflow.stages.iter().enumerate() {
            let keys = stage.seats.iter().map(|seat| &seat.key);
            self.unique(&format!("/stages/{index}/seats"), keys);
        }
    }

    fn unique<'k>(&mut self, list: &str, keys: impl Iterator<Item = &'k String>) {
        let mut seen = BTreeSet::new();
        for (index, key) in keys.enumerate() {
            if !seen.insert(key) {
                let message = format!("the key `{key}` is taken already: choose another");
                self.refuse(&format!("{list}/{index}/key"), message);
            }
        }
    }

    fn tables(&mut self) {
        for (index, table) in self.workflow.derive.iter().enumerate() {
            let place = format!("/derive/{index}");
            if !table.values.is_empty() && table.kind != DeriveKind::String {
                let message = "only a table of type string has values: remove them";
                self.refuse(&format!("{place}/values"), message);
            }
            for (row, case) in table.cases.iter().enumerate() {
                self.table_value(&format!("{place}/cases/{row}/then"), table, &case.then);
            }
            self.table_value(&format!("{place}/otherwise"), table, &table.otherwise);
        }
    }

    fn table_value(&mut self, place: &str, table: &Derive, value: &Value) {
        let wanted = match table.kind {
            DeriveKind::Bool if !value.is_boolean() => "true or false",
            DeriveKind::Int if !value.is_i64() => "a whole number",
            DeriveKind::String if !value.is_string() => "a text",
            _ => return self.listed_value(place, table, value),
        };
        let given = shown(value);
        let message = format!("{given} does not fit the type of the table: write {wanted}");
        self.refuse(place, message);
    }

    fn listed_value(&mut self, place: &str, table: &Derive, value: &Value) {
        let Some(text) = value.as_str() else { return };
        if table.values.is_empty() || table.values.iter().any(|listed| listed == text) {
            return;
        }
        let known = table.values.iter().map(String::as_str);
        let hint = did_you_mean(text, known.clone());
        let (given, known) = (shown(value), one_of(known));
        let message = format!("{given} is not among `values`{hint}; write {known}");
        self.refuse(place, message);
    }

    fn stage(&mut self, place: &str, stage: &Stage) {
        self.needs(place, stage);
        self.separation(place, stage);
        self.stage_form(place, stage);
        if !stage
            .decisions
            .iter()
            .any(|d| matches!(d, Outcome::Reject | Outcome::RequestChanges))
        {
            let message = "an approver must be able to say no: add `reject` or `request_changes`";
            self.refuse(&format!("{place}/decisions"), message);
        }
        for (index, seat) in stage.seats.iter().enumerate() {
            self.seat(&format!("{place}/seats/{index}"), seat);
        }
    }

    fn needs(&mut self, place: &str, stage: &Stage) {
        for (index, need) in stage.needs.iter().enumerate() {
            let place = format!("{place}/needs/{index}");
            if *need == stage.key {
                self.refuse(&place, "a stage cannot need itself: remove this");
            } else if self.workflow.stage(need).is_none() {
                self.unknown_stage(&place, need, stage);
            }
        }
    }

    fn unknown_stage(&mut self, place: &str, name: &str, stage: &Stage) {
        let others = self.workflow.stages.iter().map(|other| other.key.as_str());
        let others: Vec<&str> = others.filter(|key| *key != stage.key).collect();
        let hint = did_you_mean(name, others.iter().copied());
        let message = format!(
            "there is no stage `{name}`{hint}; the others are {}",
            one_of(others)
        );
        self.refuse(place, message);
    }

    fn separation(&mut self, place: &str, stage: &Stage) {
        let later = |other: &Stage| {
            let needed = self.workflow.ancestors(other);
            other.key == stage.key || needed.iter().any(|need| need.key == stage.key)
        };
        for (index, name) in stage.separation.not_approvers_of.iter().enumerate() {
            let place = format!("{place}/separation/not_approvers_of/{index}");
            match self.workflow.stage(name) {
                None => self.unknown_stage(&place, name, stage),
                Some(other) if later(other) => {
                    let key = &stage.key;
                    let message = format!(
                        "`{name}` is not decided before or beside this stage: let it name `{key}`"
                    );
                    self.refuse(&place, message);
                }
                Some(_) => {}
            }
        }
    }

    fn stage_form(&mut self, place: &str, stage: &Stage) {
        let Some(name) = &stage.form else { return };
        let place = format!("{place}/form");
        match self.forms.get(name) {
            Some(form) if form.get("properties").is_some_and(Value::is_object) => {}
            Some(_) => self.refuse(&place, format!("the form `{name}` has no `properties`")),
            None => {
                let known = self.forms.keys().map(String::as_str);
                let hint = did_you_mean(name, known.clone());
                let message = format!(
                    "there is no form `{name}`{hint}; there are {}",
                    one_of(known)
                );
                self.refuse(&place, message);
            }
        }
    }

    fn seat(&mut self, place: &str, seat: &Seat) {
        let lists = [("from", &seat.from), ("fallback", &seat.fallback)];
        for (list, people) in lists {
            for (index, who) in people.iter().enumerate() {
                self.field_with_address(&format!("{place}/{list}/{index}/field"), who);
            }
        }
        let one_each = seat
            .from
            .iter()
            .all(|w| !matches!(w, Who::Role(_) | Who::Group(_)));
        match seat.need {
            Need::AtLeast(need) if one_each && need as usize > seat.from.len() => {
                let most = seat.from.len();
                let message = format!("`from` names {most}: need at most {most}, or name a role");
                self.refuse(&format!("{place}/need"), message);
            }
            _ => {}
        }
    }

    /// A seat can only be filled from a field that holds an e-mail address.
    fn field_with_address(&mut self, place: &str, who: &Who) {
        let (Who::Field(name), Some(request)) = (who, self.request) else {
            return;
        };
        let properties = request.get("properties").and_then(Value::as_object);
        let all: Vec<(&str, &Value)> = properties
            .into_iter()
            .flatten()
            .map(|(name, rule)| (name.as_str(), rule))
            .collect();
        let addresses = all
            .iter()
            .filter(|(_, rule)| holds_address(rule))
            .map(|(name, _)| *name);
        if addresses.clone().any(|address| address == name) {
            return;
        }
        let exists = all.iter().any(|(field, _)| field == name);
        let hint = did_you_mean(name, addresses.clone());
        let wrong = match exists {
            true => format!("`request.{name}` does not hold an e-mail address"),
            false => format!("the form has no field `{name}`{hint}"),
        };
        let message = format!("{wrong}; fields that hold one: {}", one_of(addresses));
        self.refuse(place, message);
    }

    /// Names a cycle among `needs` once, by walking back from a stage that never gets its turn.
    fn cycle(&mut self) {
        let ordered = self.workflow.in_order();
        let stuck = |key: &str| {
            let known = self.workflow.stage(key).is_some();
            known && !ordered.iter().any(|stage| stage.key == key)
        };
        let first = self.workflow.stages.iter().find(|stage| stuck(&stage.key));
        let mut trail: Vec<&Stage> = Vec::new();
        let mut next = first;
        while let Some(stage) = next {
            if let Some(start) = trail.iter().position(|seen| seen.key == stage.key) {
                let keys = trail.iter().skip(start).map(|seen| seen.key.as_str());
                let circle: Vec<&str> = keys.chain([stage.key.as_str()]).collect();
                return self.refuse_cycle(&circle);
            }
            trail.push(stage);
            let need = stage.needs.iter().find(|need| stuck(need));
            next = need.and_then(|need| self.workflow.stage(need));
        }
    }

    fn refuse_cycle(&mut self, circle: &[&str]) {
        let stages = &self.workflow.stages;
        let index = stages
            .iter()
            .position(|stage| circle.first() == Some(&stage.key.as_str()));
        if circle.len() > 2 {
            let message = format!("these stages wait for each other: {}", circle.join(" → "));
            self.refuse(&format!("/stages/{}/needs", index.unwrap_or(0)), message);
        }
    }

    fn all_conditions(&mut self) {
        let request = self
            .request
            .map(|schema| Type::Object(types::fields_from(schema)));
        let mut scope = request.map(|request| Fields::from([types::always("request", request)]));
        if let Some(text) = &self.workflow.applies_when {
            self.condition("/applies_when", text, scope.as_ref());
        }
        let mut derived = Fields::new();
        for (index, table) in self.workflow.derive.iter().enumerate() {
            extend(&mut scope, "derived", &derived);
            for (row, case) in table.cases.iter().enumerate() {
                let place = format!("/derive/{index}/cases/{row}/when");
                self.condition(&place, &case.when, scope.as_ref());
            }
            derived.extend([types::always(&table.key, types::from_derive(table))]);
        }
        extend(&mut scope, "derived", &derived);
        self.validity(scope.as_ref());
        for (index, stage) in self.workflow.stages.iter().enumerate() {
            extend(&mut scope, "stages", &self.settled_before(stage));
            for (place, text) in side_conditions(stage) {
                self.condition(&format!("/stages/{index}/{place}"), text, scope.as_ref());
            }
        }
    }

    /// Rows of validity read request and derived only: they are asked when everything is over.
    fn validity(&mut self, scope: Option<&Fields>) {
        let rows = self.workflow.renewal.iter().flat_map(|r| &r.valid_for);
        for (row, validity) in rows.enumerate() {
            if let Some(text) = &validity.when {
                self.condition(&format!("/renewal/valid_for/{row}/when"), text, scope);
            }
        }
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

    /// Parses a condition and, where the form is known, checks it.
    fn condition(&mut self, place: &str, text: &str, scope: Option<&Fields>) {
        let outcome = match scope {
            Some(variables) => self.conditions.add_checked(text, variables),
            None => self.conditions.add(text),
        };
        for Fault { at, message } in outcome.err().unwrap_or_default() {
            self.problems.push(self.source.inside(place, at, message));
        }
    }
}

/// Every condition of a stage with its place in it.
fn side_conditions(stage: &Stage) -> Vec<(String, &String)> {
    let own = stage.when.iter().map(|text| ("when".to_owned(), text));
    let step_up = stage.email.step_up_when.iter();
    let escalations = stage.escalate.iter().enumerate();
    own.chain(step_up.map(|text| ("email/step_up_when".to_owned(), text)))
        .chain(escalations.filter_map(|(index, escalation)| {
            let text = escalation.when.as_ref()?;
            Some((format!("escalate/{index}/when"), text))
        }))
        .collect()
}

fn extend(scope: &mut Option<Fields>, name: &str, fields: &Fields) {
    if let Some(variables) = scope {
        variables.extend([types::always(name, Type::Object(fields.clone()))]);
    }
}

fn holds_address(rule: &Value) -> bool {
    let says = |key: &str, value: &str| rule.get(key).and_then(Value::as_str) == Some(value);
    says("x-widget", "person") || says("format", "email")
}
