//! Stages, their order, seats and forms.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Lint;
use crate::form::Form;
use crate::workflow::definition::{
    Link, Need, Outcome, Party, Relation, Seat, Stage, Who, default_reason_required,
};
use crate::workflow::problem::{did_you_mean, one_of};

/// The largest stage form that is taken, in bytes of JSON.
const MAX_FORM: usize = 64 * 1024;

impl Lint<'_> {
    pub(super) fn stages(&mut self) {
        for (index, stage) in self.workflow.stages.iter().enumerate() {
            self.stage(&format!("/stages/{index}"), stage);
        }
        if self.request.is_some() {
            self.forms();
        }
    }

    fn stage(&mut self, place: &str, stage: &Stage) {
        self.needs(place, stage);
        self.separation(place, stage);
        self.stage_form(place, stage);
        self.decisions(place, stage);
        for (index, seat) in stage.seats.iter().enumerate() {
            self.seat(&format!("{place}/seats/{index}"), stage, seat);
        }
        if stage.email.link == Link::View && stage.email.step_up_when.is_some() {
            let message = "the link of this stage never decides (`link` is `view`), so this can \
                           never matter: remove one of the two";
            self.refuse(&format!("{place}/email/step_up_when"), message);
        }
    }

    fn decisions(&mut self, place: &str, stage: &Stage) {
        let no = |d: &Outcome| matches!(d, Outcome::Reject | Outcome::RequestChanges);
        if !stage.decisions.iter().any(no) {
            let message = "an approver must be able to say no: add `reject` or `request_changes`";
            self.refuse(&format!("{place}/decisions"), message);
        }
        if stage.reason_required == default_reason_required() {
            return;
        }
        for (index, outcome) in stage.reason_required.iter().enumerate() {
            if *outcome != Outcome::Recuse && !stage.decisions.contains(outcome) {
                let word = outcome.as_str();
                let message = format!("nobody can choose `{word}` here: remove it");
                self.warn(&format!("{place}/reason_required/{index}"), message);
            }
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
        if self.forms.contains_key(name) {
            return;
        }
        let known = self.forms.keys().map(String::as_str);
        let hint = did_you_mean(name, known.clone());
        let message = format!(
            "there is no form `{name}`{hint}; there are {}",
            one_of(known)
        );
        self.refuse(&format!("{place}/form"), message);
    }

    /// Each form that a stage names is one that people can be asked.
    fn forms(&mut self) {
        let mut seen = BTreeSet::new();
        for (index, stage) in self.workflow.stages.iter().enumerate() {
            let Some(name) = stage.form.as_ref().filter(|name| seen.insert(*name)) else {
                continue;
            };
            let Some(fault) = self.forms.get(name).and_then(form_fault) else {
                continue;
            };
            let message = format!("the form `{name}` cannot be used: {fault}");
            self.refuse(&format!("/stages/{index}/form"), message);
        }
    }

    fn seat(&mut self, place: &str, stage: &Stage, seat: &Seat) {
        for (list, people) in [("from", &seat.from), ("fallback", &seat.fallback)] {
            let place = format!("{place}/{list}");
            self.people(&place, people);
            self.excluded(&place, stage, people);
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
        self.fallback(&format!("{place}/fallback"), seat);
    }

    /// Somebody whom the stage keeps out is no way to fill a seat of it.
    fn excluded(&mut self, place: &str, stage: &Stage, people: &[Who]) {
        if self.request.is_none() {
            return;
        }
        for (index, who) in people.iter().enumerate() {
            let Some(word) = kept_out(stage, who) else {
                continue;
            };
            let message = format!(
                "the {word} cannot decide here, so nobody is ever found this way: name somebody \
                 else, or take `{word}` out of `separation.not`"
            );
            self.warn(&format!("{place}/{index}"), message);
        }
    }

    fn fallback(&mut self, place: &str, seat: &Seat) {
        let nobody_else = seat.fallback.iter().all(|who| seat.from.contains(who));
        let of_this_review =
            |who: &Who| matches!(who, Who::Field(_) | Who::Relation(_) | Who::ManagerOf(_));
        if nobody_else {
            let message = "this names nobody who is not in `from`: when those cannot decide, \
                           nobody is left. Name another role";
            self.warn(place, message);
        } else if seat.fallback.iter().all(of_this_review) {
            let message = "whom this finds depends on the record, and may be nobody: add a role, \
                           a group or a person";
            self.warn(place, message);
        }
    }

    /// What every list of people is held to.
    pub(super) fn people(&mut self, place: &str, people: &[Who]) {
        for (index, who) in people.iter().enumerate() {
            self.field_with_address(&format!("{place}/{index}/field"), who);
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
    pub(super) fn cycle(&mut self) {
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
}

/// What a person is called whom this names and whom the stage keeps out.
fn kept_out(stage: &Stage, who: &Who) -> Option<&'static str> {
    let (party, word) = match who {
        Who::Relation(Relation::Submitter) => (Party::Submitter, "submitter"),
        Who::Relation(Relation::Owner) => (Party::Owner, "owner"),
        Who::Field(field) if field == "owner" => (Party::Owner, "owner"),
        _ => return None,
    };
    stage.separation.not.contains(&party).then_some(word)
}

/// Why a form cannot be used, if it cannot. Size comes first: what follows reads all of it.
fn form_fault(form: &Value) -> Option<String> {
    let size = form.to_string().len();
    if size > MAX_FORM {
        return Some(format!("it has {size} bytes; at most {MAX_FORM} are read"));
    }
    let problems = Form::parse(form).err()?;
    problems.first().map(ToString::to_string)
}

fn holds_address(rule: &Value) -> bool {
    let says = |key: &str, value: &str| rule.get(key).and_then(Value::as_str) == Some(value);
    says("x-widget", "person") || says("format", "email")
}
