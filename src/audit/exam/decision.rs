//! The tests of a decision.
use crate::audit::exam::history::{Case, Course};
use crate::audit::exam::{Item, Population, Test};
use crate::db::{At, PersonId};
use crate::ledger::entry::Method;
use crate::review::engine::{Event, Phase, Progress, lines};
use crate::workflow::{Inputs, Link, Outcome, Stage, Who, Workflow};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const TESTS: &[(&str, &str)] = &[
    ("entitled", "Entitled"),
    ("evidence", "Evidence first"),
    ("separate", "Duties separate"),
    ("in_time", "In time"),
    ("known", "Known well enough"),
    ("workflow", "Workflow in force"),
    ("once", "Decided once"),
];

/// A decision under examination.
struct Vote<'a> {
    case: &'a Case<'a>,
    stage: &'a str,
    epoch: u32,
    person: PersonId,
    /// Whose seat it is.
    seated: PersonId,
    outcome: Outcome,
    revision: i32,
    digest: &'a str,
    conditions: usize,
}

pub(super) fn examine(case: &Case, event: &Event) -> Option<Item> {
    let Event::Decided {
        stage,
        epoch,
        person,
        on_behalf_of,
        outcome,
        revision,
        digest,
        conditions,
        ..
    } = event
    else {
        return None;
    };
    let vote = Vote {
        case,
        stage,
        epoch: *epoch,
        person: *person,
        seated: on_behalf_of.unwrap_or(*person),
        outcome: *outcome,
        revision: *revision,
        digest,
        conditions: conditions.len(),
    };
    let tests = vec![
        vote.entitled(),
        vote.evidence(),
        vote.separate(),
        vote.in_time(),
        vote.known(),
        case.version(),
        vote.once(),
    ];
    Some(case.item(Population::Decisions, outcome.as_str(), tests))
}

impl Vote<'_> {
    fn course(&self) -> &Course {
        self.case.course
    }

    fn workflow(&self) -> Option<&Workflow> {
        let loaded = self.course().definition.as_ref()?;
        Some(&loaded.workflow)
    }

    fn stage(&self) -> Option<&Stage> {
        self.workflow()?.stage(self.stage)
    }

    fn unread(&self, key: &'static str) -> Test {
        let sentence = "The workflow version that the review runs by is not at hand.";
        Test::by_hand(key, sentence).on([self.course().opened])
    }

    fn asked(&self, person: PersonId) -> Option<u64> {
        let key = (self.stage.to_owned(), self.epoch, person);
        self.course().asked.get(&key).copied()
    }

    fn entitled(&self) -> Test {
        const KEY: &str = "entitled";
        let (history, seq) = (self.case.history, self.case.entry.seq);
        if self.case.entry.actor != self.person.to_string() {
            let sentence = "The decision was entered by somebody else than who decided.";
            return Test::fails(KEY, sentence).on([seq]);
        }
        let Some(asked) = self.asked(self.person) else {
            let sentence = "No entry asked them in this round of the stage.";
            return Test::fails(KEY, sentence).on([seq]);
        };
        if let Some(left) = history.left(self.person) {
            let sentence = "They had left the organisation when they decided.";
            return Test::fails(KEY, sentence).on([left, seq]);
        }
        let run = self.course().review.stage(self.stage);
        if run.is_some_and(|run| run.gone.contains(&self.person)) {
            let sentence = "Their task had gone to somebody else when they decided.";
            return Test::fails(KEY, sentence).on([asked, seq]);
        }
        let Some(stage) = self.stage() else {
            return self.unread(KEY);
        };
        self.by_role(stage, asked)
    }

    /// They were asked; whether the workflow named them, or whom they stood for, at that moment.
    fn by_role(&self, stage: &Stage, asked: u64) -> Test {
        const KEY: &str = "entitled";
        let named = self.names(stage);
        let (history, at) = (self.case.history, At(self.case.entry.at));
        let by = |who: &&&Who| history.named(self.course(), who, self.seated, at).is_some();
        let stands = match self.seated == self.person {
            true => "",
            false => " They stood in for a person who was.",
        };
        let both = [Some(asked), self.asked(self.seated)];
        if let Some(who) = named.iter().find(by) {
            let since = history.named(self.course(), who, self.seated, at);
            let sentence = format!("Asked for this stage, and named as {}.{stands}", word(who));
            let rests = both.into_iter().chain([since]).flatten();
            return Test::holds(KEY, sentence).on(rests);
        }
        let address = |who: &&Who| matches!(who, Who::Person(_) | Who::Field(_));
        if named.iter().any(address) {
            let sentence = format!(
                "Asked for this stage. The workflow names somebody by address here, and addresses \
                 lie outside of the entries.{stands}"
            );
            return Test::holds(KEY, sentence).on(both.into_iter().flatten());
        }
        let names: Vec<String> = named.iter().map(|who| word(who)).collect();
        let sentence = format!(
            "They were asked, but when they decided they were none of those whom the workflow \
             names for it: {}.",
            names.join(", ")
        );
        Test::fails(KEY, sentence).on([asked, self.case.entry.seq])
    }

    /// Whom the workflow names for the seats in which they were asked.
    fn names<'s>(&self, stage: &'s Stage) -> Vec<&'s Who> {
        let run = self.course().review.stage(self.stage);
        run.map(|run| lines(stage, run, [self.person, self.seated]))
            .unwrap_or_default()
    }

    fn evidence(&self) -> Test {
        const KEY: &str = "evidence";
        let review = &self.course().review;
        let (seq, shown) = (self.case.entry.seq, self.course().shown);
        if (self.revision, self.digest) != (review.revision, review.digest.as_str()) {
            let sentence = "What they saw is not the revision that was under review.";
            return Test::fails(KEY, sentence).on([shown, seq]);
        }
        let kept = self.case.history.revision(review.record, self.revision);
        let Some((digest, revised)) = kept else {
            let sentence = "No entry before it tells of the revision they decided on.";
            return Test::fails(KEY, sentence).on([shown, seq]);
        };
        let rests = [revised, shown, seq];
        if digest != self.digest {
            let sentence = "The digest they signed is not the one the revision was entered with.";
            return Test::fails(KEY, sentence).on(rests);
        }
        let Some(stage) = self.stage() else {
            return self.unread(KEY);
        };
        match self.lacking(stage) {
            Some(sentence) => Test::fails(KEY, sentence).on(rests),
            None => {
                let sentence = format!(
                    "They saw revision {}, which was under review, and gave what the stage \
                     asks for.",
                    self.revision
                );
                Test::holds(KEY, sentence).on(rests)
            }
        }
    }

    /// What the stage asks for and the entry has no commitment to.
    fn lacking(&self, stage: &Stage) -> Option<&'static str> {
        let given = |name: &str| self.case.entry.private.contains_key(name);
        let forms = self
            .course()
            .definition
            .as_ref()
            .map(|loaded| &loaded.forms);
        let form = stage.form.as_ref().and_then(|key| forms?.get(key));
        let asks = form.is_some_and(|form| !form.check(&json!({})).is_empty());
        if self.outcome.is_approval() && asks && !given("answers") {
            return Some("The stage's form was not answered.");
        }
        if stage.reason_required.contains(&self.outcome) && !given("reason") {
            return Some("The stage asks for a reason, and none was given.");
        }
        let texts = (1..=self.conditions).all(|n| given(&format!("condition_{n}")));
        let conditional = self.outcome == Outcome::ApproveWithConditions;
        if conditional && (self.conditions == 0 || !texts) {
            return Some("They approved with conditions, and no condition was written.");
        }
        None
    }

    fn separate(&self) -> Test {
        const KEY: &str = "separate";
        let (review, seq) = (&self.course().review, self.case.entry.seq);
        if self.outcome == Outcome::Recuse {
            return Test::unasked(KEY, "They recused themselves, which counts for nothing.")
                .on([seq]);
        }
        let parts = [
            (review.submitter == self.person, "submitted it"),
            (review.owner == self.person, "answers for the record"),
            (review.editors.contains(&self.person), "wrote in it"),
            (
                review.apart.contains(&self.person),
                "had let it go ahead before",
            ),
        ];
        let part = parts.iter().find(|(has, _)| *has).map(|(_, part)| *part);
        let rests = [self.course().shown, seq];
        if let Some(part) = part {
            let sentence = format!("Whoever decided {part}.");
            return Test::fails(KEY, sentence).on(rests);
        }
        match self.approved_apart() {
            Some(other) => {
                let sentence = format!(
                    "They approved stage `{other}` too, which the workflow keeps apart from this."
                );
                Test::fails(KEY, sentence).on(rests)
            }
            None => {
                let sentence = "They neither submitted it, nor answer for it, nor wrote in it.";
                Test::holds(KEY, sentence).on(rests)
            }
        }
    }

    /// A stage that they approved and that must be kept apart from this one.
    fn approved_apart(&self) -> Option<&String> {
        if !self.outcome.is_approval() {
            return None;
        }
        let (here, review) = (self.stage()?, &self.course().review);
        let apart = |other: &&Stage| {
            let kept = |a: &Stage, b: &Stage| a.separation.not_approvers_of.contains(&b.key);
            kept(here, other) || kept(other, here)
        };
        let approved = |other: &&Stage| {
            let run = review.stage(&other.key);
            run.is_some_and(|run| run.approvers().contains(&self.person))
        };
        let stages = &self.workflow()?.stages;
        let other = stages.iter().filter(apart).find(approved)?;
        Some(&other.key)
    }

    fn in_time(&self) -> Test {
        const KEY: &str = "in_time";
        let (course, seq) = (self.course(), self.case.entry.seq);
        let opened = course.stage_opened.get(self.stage).copied();
        let settled = course.settled.get(self.stage).copied();
        let run = course.review.stage(self.stage);
        let open = run.is_some_and(|run| run.progress == Progress::Open && run.epoch == self.epoch);
        if !open || self.case.phase() != Phase::InReview {
            let sentence = "The stage was not open when they decided.";
            let rests = [opened, settled, Some(seq)];
            return Test::fails(KEY, sentence).on(rests.into_iter().flatten());
        }
        let rests = opened.into_iter().chain([seq]);
        let at = At(self.case.entry.at);
        match course.review.due(self.stage) {
            Some(due) if due < at => {
                let sentence = format!("The stage was open, but due at {due}.");
                Test::fails(KEY, sentence).on(rests)
            }
            Some(due) => {
                Test::holds(KEY, format!("Decided before it was due, at {due}.")).on(rests)
            }
            None => Test::holds(KEY, "The stage was open; no due time was set.").on(rests),
        }
    }

    fn known(&self) -> Test {
        const KEY: &str = "known";
        let seq = self.case.entry.seq;
        let Some(stage) = self.stage() else {
            return self.unread(KEY);
        };
        match self.case.entry.via.method {
            Method::Session => Test::holds(KEY, "They were signed in.").on([seq]),
            Method::ApiToken => Test::holds(KEY, "A program decided with their token.").on([seq]),
            Method::EmailLink => self.by_link(stage),
            Method::Timer | Method::Cli | Method::Import => {
                let sentence = "No person was known: it did not come from one.";
                Test::fails(KEY, sentence).on([seq])
            }
        }
    }

    fn by_link(&self, stage: &Stage) -> Test {
        const KEY: &str = "known";
        let rests = [self.course().shown, self.case.entry.seq];
        if stage.email.link == Link::View {
            let sentence = "They decided by a mailed link, but the stage asks for a sign-in.";
            return Test::fails(KEY, sentence).on(rests);
        }
        let Some(condition) = &stage.email.step_up_when else {
            return Test::holds(KEY, "A mailed link suffices for this stage.").on(rests);
        };
        if condition.contains("request") || condition.contains("stages") {
            let sentence = format!(
                "They decided by a mailed link. The stage asks for a sign-in when `{condition}`, \
                 which reads what lies outside of the entries."
            );
            return Test::by_hand(KEY, sentence).on(rests);
        }
        let inputs = Inputs {
            request: &Value::Null,
            derived: &self.course().review.derived,
            stages: &BTreeMap::new(),
        };
        if self.workflow().is_some_and(|w| w.holds(condition, &inputs)) {
            let sentence = format!(
                "They decided by a mailed link, but the stage asks for a sign-in: `{condition}`."
            );
            return Test::fails(KEY, sentence).on(rests);
        }
        let sentence = format!("A mailed link suffices, for `{condition}` does not hold.");
        Test::holds(KEY, sentence).on(rests)
    }

    fn once(&self) -> Test {
        const KEY: &str = "once";
        let run = self.course().review.stage(self.stage);
        if run.is_some_and(|run| run.votes.contains_key(&self.person)) {
            let sentence = "They had decided in this round of the stage before.";
            return Test::fails(KEY, sentence).on([self.case.entry.seq]);
        }
        Test::holds(KEY, "Their only decision in this round of the stage.")
            .on([self.case.entry.seq])
    }
}

fn word(who: &Who) -> String {
    match who {
        Who::Role(role) => format!("role {role}"),
        Who::Group(group) => format!("group {group}"),
        Who::Person(_) => "one person".to_owned(),
        Who::Field(field) => format!("who stands in the field {field}"),
        Who::Relation(_) => "submitter or owner".to_owned(),
        Who::ManagerOf(_) => "manager".to_owned(),
    }
}
