//! Edits under review, and overrides.

use std::collections::BTreeMap;

use super::Lint;
use crate::workflow::definition::{
    Effect, OnChange, Override, Party, Relation, Seat, Stage, Who, Workflow,
};
use crate::workflow::length::{least, most};
use crate::workflow::problem::{did_you_mean, one_of};

impl Lint<'_> {
    pub(super) fn changes(&mut self) {
        let workflow = self.workflow;
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, rule) in workflow.on_change.iter().enumerate() {
            let place = format!("/on_change/{index}");
            for (at, field) in rule.fields.iter().enumerate() {
                let place = format!("{place}/fields/{at}");
                self.changed_field(&place, field);
                if let Some(first) = taken.insert(field, index) {
                    let message = format!(
                        "`request.{field}` stands in /on_change/{first} already, and the first \
                         rule wins: remove it here or there"
                    );
                    self.refuse(&place, message);
                }
            }
            self.effect(&place, rule);
        }
        if let Some(over_ride) = &workflow.over_ride {
            self.over_ride(over_ride);
        }
    }

    fn changed_field(&mut self, place: &str, field: &str) {
        let properties = self.request.and_then(|schema| schema.get("properties"));
        let Some(properties) = properties.and_then(serde_json::Value::as_object) else {
            return;
        };
        if properties.contains_key(field) {
            return;
        }
        let hint = did_you_mean(field, properties.keys().map(String::as_str));
        let message = format!("the form has no field `{field}`{hint}");
        self.refuse(place, message);
    }

    fn effect(&mut self, place: &str, rule: &OnChange) {
        if rule.effect == Effect::Keep {
            if !rule.stages.is_empty() {
                let message = "an edit that keeps every decision reopens no stage: remove \
                               `stages`, or write `reopen`";
                self.refuse(&format!("{place}/stages"), message);
            }
            self.kept_fields(place, rule);
            return;
        }
        for (index, name) in rule.stages.iter().enumerate() {
            if self.workflow.stage(name).is_none() {
                let known = self.workflow.stages.iter().map(|stage| stage.key.as_str());
                let hint = did_you_mean(name, known.clone());
                let message = format!(
                    "there is no stage `{name}`{hint}; there are {}",
                    one_of(known)
                );
                self.refuse(&format!("{place}/stages/{index}"), message);
            }
        }
        if !rule.stages.is_empty() {
            self.forgotten_stages(place, rule);
        }
    }

    /// What decides who is asked cannot change without anybody being asked again.
    fn kept_fields(&mut self, place: &str, rule: &OnChange) {
        let readers = self.readers();
        for (index, field) in rule.fields.iter().enumerate() {
            let reader = readers.get(field).cloned();
            let Some(reader) = reader.or_else(|| named_by(self.workflow, field)) else {
                continue;
            };
            let message = format!(
                "{reader} reads `request.{field}`, so an edit of it can change who has to decide: \
                 write `reopen`"
            );
            self.refuse(&format!("{place}/fields/{index}"), message);
        }
    }

    /// Stages whose own condition reads the field and that still do not start anew.
    fn forgotten_stages(&mut self, place: &str, rule: &OnChange) {
        for stage in &self.workflow.stages {
            let text = stage.when.as_deref();
            let reads = text.and_then(|text| self.conditions.reads(text));
            let Some(reads) = reads.filter(|_| !rule.stages.contains(&stage.key)) else {
                continue;
            };
            if let Some(field) = rule.fields.iter().find(|f| reads.request.contains(*f)) {
                let key = &stage.key;
                let message = format!(
                    "the condition of `{key}` reads `request.{field}`, but an edit of it leaves \
                     the decision of `{key}` as it is: add `{key}`"
                );
                self.warn(&format!("{place}/stages"), message);
            }
        }
    }

    fn over_ride(&mut self, over_ride: &Override) {
        self.people("/override/notify", &over_ride.notify);
        let among = |who: &Who| matches!(who, Who::Role(role) if over_ride.roles.contains(role));
        if over_ride.notify.iter().all(among) {
            let message = "this tells only those who may override themselves: add somebody who \
                           watches over them, such as {\"role\": \"auditor\"}";
            self.refuse("/override/notify", message);
        }
        let rows = self.workflow.renewal.iter().flat_map(|r| &r.valid_for);
        let shortest = rows.map(|row| row.then).min_by_key(least);
        if let Some(shortest) = shortest.filter(|s| least(&over_ride.valid_for) > most(s)) {
            let message = format!(
                "an override would hold longer than an approval, which can end after {shortest}: \
                 make it shorter"
            );
            self.warn("/override/valid_for", message);
        }
    }
}

/// Where people are found, or kept out, by this field of the request.
fn named_by(workflow: &Workflow, field: &str) -> Option<String> {
    let stages = || workflow.stages.iter().enumerate();
    let seat = stages().find_map(|(index, stage)| {
        let seat = stage
            .seats
            .iter()
            .position(|seat| seat_reads(seat, field))?;
        Some(format!("/stages/{index}/seats/{seat}"))
    });
    let kept_out = stages().find(|(_, stage)| field == "owner" && keeps_out_owner(stage));
    seat.or_else(|| kept_out.map(|(index, _)| format!("/stages/{index}/separation")))
}

fn seat_reads(seat: &Seat, field: &str) -> bool {
    seat.from.iter().chain(&seat.fallback).any(|who| match who {
        Who::Field(name) => name == field,
        Who::Relation(Relation::Owner) | Who::ManagerOf(Relation::Owner) => field == "owner",
        _ => false,
    })
}

fn keeps_out_owner(stage: &Stage) -> bool {
    stage.separation.not.contains(&Party::Owner)
}
