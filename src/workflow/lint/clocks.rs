//! Clocks: reminders, escalations and ends that come in an order in which each can happen.

use super::Lint;
use crate::calendar::Span;
use crate::workflow::definition::{
    Escalation, EscalationByTime, Mode, Need, Obligations, OnMissed, OnReject, OnTimeout, Outcome,
    Renewal, Sla, Stage, Trigger, Who,
};
use crate::workflow::length::{at_least, least, most};
use crate::workflow::problem::{did_you_mean, one_of};

impl Lint<'_> {
    pub(super) fn clocks(&mut self) {
        let workflow = self.workflow;
        for (index, stage) in workflow.stages.iter().enumerate() {
            let place = format!("/stages/{index}");
            match &stage.sla {
                Some(sla) => self.sla(&format!("{place}/sla"), stage, sla),
                None => self.no_clock(&place),
            }
            for (index, escalation) in stage.escalate.iter().enumerate() {
                let place = format!("{place}/escalate/{index}");
                self.escalation(&place, stage, escalation);
            }
        }
        self.obligations(&workflow.obligations);
        if let Some(renewal) = &workflow.renewal {
            self.renewal(renewal);
        }
        self.max_duration();
    }

    fn no_clock(&mut self, place: &str) {
        let message = "no clock runs here: nobody is reminded, and the stage may stay open for \
                       ever. Add `sla` with `due`";
        self.warn(place, message);
    }

    fn sla(&mut self, place: &str, stage: &Stage, sla: &Sla) {
        let due = sla.due;
        for (index, span) in sla.remind.iter().enumerate() {
            if at_least(span, &due) {
                let message = format!(
                    "the reminder comes when the time is up (`due` is {due}): make it shorter"
                );
                self.refuse(&format!("{place}/remind/{index}"), message);
            }
        }
        self.in_order(&format!("{place}/remind"), &sla.remind);
        self.escalations_by_time(&format!("{place}/escalate"), stage, sla);
        if sla.on_timeout == OnTimeout::MarkTimedOut && !self.has_descendant(stage) {
            let message = "no later stage makes up for this one when its time runs out: let a \
                           later stage need it, or write `keep_open` or `reject`";
            self.refuse(&format!("{place}/on_timeout"), message);
        }
        if sla.on_timeout == OnTimeout::KeepOpen && sla.escalate.is_empty() {
            let message = "when the time is up nobody else hears of it: add `escalate`, or choose \
                           another `on_timeout`";
            self.warn(place, message);
        }
    }

    fn has_descendant(&self, stage: &Stage) -> bool {
        let mut stages = self.workflow.stages.iter();
        stages.any(|other| other.key != stage.key && other.needs.contains(&stage.key))
    }

    fn escalations_by_time(&mut self, place: &str, stage: &Stage, sla: &Sla) {
        let mut before: Option<Span> = None;
        for (index, escalation) in sla.escalate.iter().enumerate() {
            let EscalationByTime {
                after,
                to,
                mode,
                seat,
            } = escalation;
            let place = format!("{place}/{index}");
            if before.is_some_and(|before| before != *after && at_least(&before, after)) {
                let message = "this comes before the one above it: put them in rising order";
                self.refuse(&format!("{place}/after"), message);
            }
            if sla.on_timeout != OnTimeout::KeepOpen && at_least(after, &sla.due) {
                let message = format!(
                    "the stage ends after {} (`on_timeout`), so this can never happen: make it \
                     shorter than `due`",
                    sla.due
                );
                self.refuse(&format!("{place}/after"), message);
            }
            self.called_in(&place, stage, to, *mode, seat.as_deref());
            before = Some(*after);
        }
    }

    fn escalation(&mut self, place: &str, stage: &Stage, escalation: &Escalation) {
        let Escalation { on, to, mode, .. } = escalation;
        self.called_in(place, stage, to, *mode, escalation.seat.as_deref());
        if *on != Trigger::Disagreement {
            return;
        }
        let needs: u32 = stage
            .seats
            .iter()
            .map(|seat| people_needed(seat.need))
            .sum();
        let never = if stage.on_reject == OnReject::Veto {
            "one rejection ends this stage (`on_reject` is `veto`)"
        } else if !stage.decisions.contains(&Outcome::Reject) {
            "nobody can reject in this stage"
        } else if needs < 2 {
            "one approval ends this stage"
        } else {
            return;
        };
        let message = format!(
            "{never}, so it is never open while people disagree: remove this, or change that"
        );
        self.refuse(&format!("{place}/on"), message);
    }

    /// Who is called in, and the seat they are called to.
    fn called_in(
        &mut self,
        place: &str,
        stage: &Stage,
        to: &[Who],
        mode: Mode,
        seat: Option<&str>,
    ) {
        self.people(&format!("{place}/to"), to);
        let seats = stage.seats.iter().map(|seat| seat.key.as_str());
        match seat {
            None if mode != Mode::Notify => {
                let message = format!("say which seat they come to: add `seat`, {}", one_of(seats));
                self.refuse(place, message);
            }
            Some(name) if !seats.clone().any(|seat| seat == name) => {
                let hint = did_you_mean(name, seats.clone());
                let message = format!(
                    "this stage has no seat `{name}`{hint}; it has {}",
                    one_of(seats)
                );
                self.refuse(&format!("{place}/seat"), message);
            }
            Some(_) if mode == Mode::Notify => {
                let message = "those who are only told take no seat: remove this";
                self.warn(&format!("{place}/seat"), message);
            }
            _ => {}
        }
    }

    /// Spans counted from one moment, each after the one before.
    fn in_order(&mut self, place: &str, spans: &[Span]) {
        for (index, (before, span)) in spans.iter().zip(spans.iter().skip(1)).enumerate() {
            if at_least(before, span) {
                let message = format!(
                    "{span} does not come after {before}: put them in rising order, each once"
                );
                self.refuse(&format!("{place}/{}", index + 1), message);
            }
        }
    }

    /// Spans counted back from an end, each nearer to it than the one before.
    fn in_falling_order(&mut self, place: &str, spans: &[Span]) {
        for (index, (before, span)) in spans.iter().zip(spans.iter().skip(1)).enumerate() {
            if at_least(span, before) {
                let message = format!(
                    "{span} before the end does not come after {before} before it: put the \
                     longest first, each once"
                );
                self.refuse(&format!("{place}/{}", index + 1), message);
            }
        }
    }

    fn obligations(&mut self, obligations: &Obligations) {
        let place = "/conditions";
        self.in_falling_order(
            &format!("{place}/remind_before"),
            &obligations.remind_before,
        );
        self.people(&format!("{place}/escalate_to"), &obligations.escalate_to);
        for (index, span) in obligations.remind_before.iter().enumerate() {
            if let Some(due) = obligations.due.filter(|due| at_least(span, due)) {
                let message = format!(
                    "a condition is due after {due}, so this reminder would come before the \
                     approval: make it shorter"
                );
                self.warn(&format!("{place}/remind_before/{index}"), message);
            }
        }
        if obligations.on_missed == OnMissed::Notify && obligations.escalate_to.is_empty() {
            let message = "nobody is named to be told: add `escalate_to`";
            self.warn(&format!("{place}/on_missed"), message);
        }
    }

    fn renewal(&mut self, renewal: &Renewal) {
        self.in_falling_order("/renewal/remind_before", &renewal.remind_before);
        let rows = &renewal.valid_for;
        let always = |row: Option<&String>| row.is_none_or(|when| when.trim() == "true");
        let last = rows.iter().position(|row| always(row.when.as_ref()));
        for index in last.map_or(rows.len(), |last| last + 1)..rows.len() {
            let message = "the row above always holds, so this one is never reached: move it up or \
                           remove it";
            self.refuse(&format!("/renewal/valid_for/{index}"), message);
        }
        for (index, span) in renewal.remind_before.iter().enumerate() {
            if rows.iter().all(|row| at_least(span, &row.then)) {
                let message = format!(
                    "no approval is valid for longer than {span}, so this reminder would come \
                     before it: make it shorter"
                );
                self.warn(&format!("/renewal/remind_before/{index}"), message);
            }
        }
    }

    /// A review that is abandoned before its stages have had their time.
    fn max_duration(&mut self) {
        let Some(limit) = self.workflow.max_duration else {
            return;
        };
        let mut ends: Vec<(&str, u64)> = Vec::new();
        for stage in self.workflow.in_order() {
            let before = ends
                .iter()
                .filter(|(key, _)| stage.needs.iter().any(|n| n == key));
            let start = before.map(|(_, end)| *end).max().unwrap_or(0);
            let own = stage.sla.as_ref().map_or(0, |sla| least(&sla.due));
            ends.push((&stage.key, start + own));
        }
        let longest = ends.iter().map(|(_, end)| *end).max().unwrap_or(0);
        if longest > most(&limit) {
            let message = format!(
                "the stages may take longer than {limit}, and the review would be abandoned while \
                 they are in time: make it longer"
            );
            self.warn("/max_duration", message);
        }
    }
}

/// How many people a seat hears at least.
fn people_needed(need: Need) -> u32 {
    match need {
        Need::AtLeast(count) => count,
        Need::All => 2,
    }
}
