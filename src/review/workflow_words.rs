//! The rules of a workflow about time, change and what follows an approval, in sentences.
use crate::calendar::Span;
use crate::web::badge::sentence_case;
use crate::workflow::{
    Delegation, Effect, EscalationByTime, Mode, OnMissed, OnTimeout, Override, Relation, Renewal,
    Stage, Trigger, Who, Workflow,
};

/// Whom a list names, in words.
pub(super) fn named(people: &[Who]) -> String {
    let one = |who: &Who| match who {
        Who::Role(role) => format!("role {}", sentence_case(role)),
        Who::Group(group) => format!("group {}", sentence_case(group)),
        Who::Person(address) => address.clone(),
        Who::Field(field) => format!("the person named in “{}”", field.replace('_', " ")),
        Who::Relation(Relation::Submitter) => "the submitter".to_owned(),
        Who::Relation(Relation::Owner) => "the owner".to_owned(),
        Who::ManagerOf(Relation::Submitter) => "the submitter's manager".to_owned(),
        Who::ManagerOf(Relation::Owner) => "the owner's manager".to_owned(),
    };
    let all: Vec<String> = people.iter().map(one).collect();
    all.join(", ")
}

fn listed(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}

/// What the clock of a stage does; nothing where none runs.
pub(super) fn clock(stage: &Stage) -> Vec<String> {
    let Some(sla) = &stage.sla else {
        return Vec::new();
    };
    let mut said = vec![format!("Due {} after it opens.", sla.due.words())];
    if !sla.remind.is_empty() {
        said.push(format!(
            "Reminders after {}.",
            listed(sla.remind.iter().map(Span::words))
        ));
    }
    said.push(
        match sla.on_timeout {
            OnTimeout::KeepOpen => "Then it shows as overdue and stays open.",
            OnTimeout::Reject => "Then it is rejected.",
            OnTimeout::MarkTimedOut => "Then it is settled without an answer.",
        }
        .to_owned(),
    );
    said.push(
        match sla.pause_while.is_empty() {
            true => "The clock never stands.",
            false => "The clock stands while the submitter is asked to change something.",
        }
        .to_owned(),
    );
    said
}

/// Who else is brought in, and when.
pub(super) fn escalations(stage: &Stage) -> Vec<String> {
    let timed = stage.sla.iter().flat_map(|sla| &sla.escalate);
    let timed = timed.map(|step: &EscalationByTime| {
        let seat = step.seat.as_deref();
        format!(
            "After {}: {}.",
            step.after.words(),
            brought_in(&step.to, step.mode, seat)
        )
    });
    let others = stage.escalate.iter().map(|step| {
        let on = match step.on {
            Trigger::Opened => "When it opens",
            Trigger::Disagreement => "When somebody rejects and somebody approves",
        };
        let when = step.when.as_ref();
        let when = when.map_or_else(String::new, |when| format!(", if {when}"));
        let seat = step.seat.as_deref();
        format!("{on}{when}: {}.", brought_in(&step.to, step.mode, seat))
    });
    timed.chain(others).collect()
}

fn brought_in(to: &[Who], mode: Mode, seat: Option<&str>) -> String {
    let to = named(to);
    match (mode, seat) {
        (Mode::Notify, _) => format!("{to} is told"),
        (Mode::AddToSeat, Some(seat)) => {
            format!("{to} may decide too, for {}", sentence_case(seat))
        }
        (Mode::AddToSeat, None) => format!("{to} may decide too"),
        (Mode::MustAgree, _) => format!("one of {to} must agree as well"),
    }
}

/// To whom a task may be handed on.
pub(super) fn delegation(stage: &Stage) -> &'static str {
    match stage.delegation {
        Delegation::None => "nobody",
        Delegation::SameRole => "somebody whom the seat or its fallback names",
        Delegation::AnyEligible => "anybody whom the rules admit",
    }
}

/// What an edit under review does.
pub(super) fn changes(workflow: &Workflow) -> Vec<String> {
    let title = |key: &String| {
        let stage = workflow.stage(key);
        stage.map_or_else(|| key.clone(), |stage| stage.title.clone())
    };
    let mut said: Vec<String> = workflow
        .on_change
        .iter()
        .map(|rule| {
            let fields = listed(rule.fields.iter().map(|field| sentence_case(field)));
            match (rule.effect, rule.stages.is_empty()) {
                (Effect::Keep, _) => format!("{fields}: every decision stands."),
                (Effect::Reopen, true) => format!("{fields}: every stage starts anew."),
                (Effect::Reopen, false) => {
                    let stages = listed(rule.stages.iter().map(title));
                    format!("{fields}: {stages} and what needs them start anew.")
                }
            }
        })
        .collect();
    said.push("Anything else: every stage starts anew.".to_owned());
    said
}

/// What becomes of the conditions of an approval.
pub(super) fn conditions(workflow: &Workflow) -> Vec<String> {
    let rules = &workflow.obligations;
    let mut said = Vec::new();
    if let Some(due) = &rules.due {
        said.push(format!(
            "A condition without a day of its own is due {} after the approval.",
            due.words()
        ));
    }
    if !rules.remind_before.is_empty() {
        let before = listed(rules.remind_before.iter().map(Span::words));
        said.push(format!("Its owner is reminded {before} before."));
    }
    said.push(
        match rules.on_missed {
            OnMissed::Suspend => "When it is missed the approval is suspended.",
            OnMissed::Notify => "When it is missed people are told.",
        }
        .to_owned(),
    );
    if !rules.escalate_to.is_empty() {
        let told = named(&rules.escalate_to);
        said.push(format!("Told when it is missed or refused: {told}."));
    }
    said
}

/// How long an approval is valid.
pub(super) fn renewal(renewal: Option<&Renewal>) -> Vec<String> {
    let Some(renewal) = renewal else {
        return vec!["An approval is valid until it is revoked.".to_owned()];
    };
    let rows = renewal.valid_for.iter().map(|row| match &row.when {
        Some(when) => format!("{} if {when}.", row.then.words()),
        None => format!("Otherwise {}.", row.then.words()),
    });
    let mut said: Vec<String> = rows.collect();
    if !renewal.remind_before.is_empty() {
        let before = listed(renewal.remind_before.iter().map(Span::words));
        said.push(format!("Submitter and owner are reminded {before} before."));
    }
    said
}

/// Who may let a use case go ahead.
pub(super) fn overriding(rules: Option<&Override>) -> Vec<String> {
    let Some(rules) = rules else {
        return vec!["Nobody may let a use case go ahead before its review ends.".to_owned()];
    };
    let roles = listed(rules.roles.iter().map(|role| sentence_case(role)));
    vec![
        format!("Two people with one of these roles: {roles}."),
        format!("It holds {} at most.", rules.valid_for.words()),
        format!(
            "Its reason has {} characters at least.",
            rules.min_reason_length
        ),
        format!("Told at once: {}.", named(&rules.notify)),
    ]
}
