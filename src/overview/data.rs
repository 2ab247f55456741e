//! Data: what the data-use policy says of the use case's tool and data, asked anew each time; where
//! that is a review, the decision of the stage about data.
use super::approval::{Approvals, accepted};
use super::sources::{Standings, Subject};
use super::{Proof, Standing};
use crate::catalogue::{self, Worth};
use crate::db::schema::{decisions, policy_answers};
use crate::db::{At, Conn, Day, RecordId, ReviewId};
use crate::error::Result;
use crate::policy::kept::Asked;
use crate::policy::{Answer, Question, Verdict, Version};
use crate::review::Desk;
use diesel::dsl::max;
use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::Value;
use std::collections::HashMap;

/// The stage that decides about data.
const STAGE: &str = "data_use";

/// How each of these stands.
///
/// # Errors
/// When the database fails.
pub(super) fn standings(
    conn: &mut Conn,
    desk: &Desk,
    subjects: &[Subject],
    today: Date,
) -> Result<Standings> {
    let version = catalogue::policy(conn, desk)?;
    let approvals = Approvals::read(conn, desk, subjects)?;
    let reviews: Vec<ReviewId> = subjects
        .iter()
        .filter_map(|subject| approvals.base(subject.record.id)?.approval_id)
        .collect();
    let told = Told {
        decided: decided(conn, &reviews)?,
        asked: asked(conn, subjects)?,
        accepted: accepted(conn, subjects)?,
        approvals,
        desk,
        today,
    };
    let standing = |subject: &Subject| {
        let standing = match &version {
            None => told.reviewed(subject, "There is no data-use policy."),
            Some(version) => told.of(version, subject),
        };
        (subject.record.id, standing)
    };
    Ok(subjects.iter().map(standing).collect())
}

struct Told<'a> {
    desk: &'a Desk,
    today: Date,
    approvals: Approvals,
    /// When the stage about data approved, by review.
    decided: HashMap<ReviewId, At>,
    /// What was asked when it was registered under the policy.
    asked: HashMap<RecordId, Asked>,
    accepted: std::collections::HashSet<RecordId>,
}

impl Told<'_> {
    fn of(&self, version: &Version, subject: &Subject) -> Standing {
        let answers = self.answers(version, subject);
        let Some(strictest) = answers.iter().max_by_key(|answer| answer.outcome.verdict) else {
            return Standing::open("It does not say which data goes in.");
        };
        let accepted = self.accepted.contains(&subject.record.id);
        let approved = self
            .approvals
            .worth(subject.record.id)
            .is_some_and(Worth::holds);
        let mildest = strictest
            .modes
            .iter()
            .map(|mode| mode.outcome.verdict)
            .min();
        let in_some = mildest.is_some_and(|mildest| mildest != Verdict::Prohibited);
        if strictest.depends_on_mode && in_some {
            return self.reviewed(
                subject,
                "What the data-use policy says depends on the account.",
            );
        }
        match strictest.outcome.verdict {
            Verdict::Allowed => self.by_rules(version, strictest, "The data-use policy allows it."),
            Verdict::AllowedWithConditions if accepted || approved => {
                let why = "The data-use policy allows it with conditions, which were accepted.";
                self.by_rules(version, strictest, why)
            }
            Verdict::AllowedWithConditions => Standing::open(
                "The data-use policy allows it with conditions that nobody has accepted.",
            ),
            Verdict::ReviewRequired => {
                self.reviewed(subject, "The data-use policy asks for a review.")
            }
            Verdict::NotDecided => {
                self.reviewed(subject, "The data-use policy has not decided this.")
            }
            Verdict::Prohibited => Standing::open("The data-use policy forbids it."),
        }
    }

    /// What the policy says of each use; of none where no use is a purpose of the policy.
    fn answers(&self, version: &Version, subject: &Subject) -> Vec<Answer> {
        let document = &subject.document;
        let policy = version.index.policy();
        let data = words(document, "data_classes");
        let classes = policy.classes.iter();
        let classes = classes.filter(|class| {
            class
                .counts_as
                .iter()
                .any(|one| data.contains(&one.as_str()))
        });
        let classes: Vec<String> = classes.map(|class| class.key.clone()).collect();
        let asked = self.asked.get(&subject.record.id);
        if classes.is_empty() {
            return Vec::new();
        }
        let ask = |purpose: Option<&str>| {
            let question = Question {
                tool: document
                    .get("tool")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                mode: asked.and_then(|asked| asked.mode.clone()),
                classes: classes.clone(),
                purpose: purpose.map(str::to_owned),
            };
            version.index.ask(&question, self.today)
        };
        match words(document, "uses").as_slice() {
            [] => vec![ask(None)],
            uses => uses.iter().map(|one| ask(Some(one))).collect(),
        }
    }

    fn by_rules(&self, version: &Version, answer: &Answer, why: &str) -> Standing {
        let published = Day::of(version.published_at, &self.desk.zone).0;
        let rules = answer.outcome.rules.iter().take(10);
        let proof = |key: &String| {
            let rule = version.index.rule(key)?;
            Some(Proof {
                label: format!("Rule {key} of the data-use policy"),
                href: format!(
                    "/policy/{}/versions/{}/rules/{key}",
                    version.key, version.version
                ),
                on: rule.valid_from.unwrap_or(published),
                until: rule.valid_until,
            })
        };
        Standing::by(rules.filter_map(proof).collect(), self.today, why)
    }

    /// By the decision of the stage about data, while the approval holds.
    fn reviewed(&self, subject: &Subject, why: &str) -> Standing {
        let id = subject.record.id;
        let base = self.approvals.base(id);
        let holds = self.approvals.worth(id).is_some_and(Worth::holds);
        let decided = base.and_then(|base| self.decided.get(&base.approval_id?));
        match (base, decided) {
            (Some(base), Some(at)) if holds => {
                let proof = Proof {
                    label: format!("Decision about the data of {}", base.reference),
                    href: format!("/use-cases/{}", base.reference),
                    on: Day::of(*at, &self.desk.zone).0,
                    until: base.valid_until.map(|at| Day::of(at, &self.desk.zone).0),
                };
                let why = format!("{why} It was reviewed and approved.");
                Standing::by(vec![proof], self.today, why)
            }
            _ => Standing::open(format!("{why} Nobody has decided about its data.")),
        }
    }
}

fn words<'a>(document: &'a Value, field: &str) -> Vec<&'a str> {
    let items = document.get(field).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn decided(conn: &mut Conn, reviews: &[ReviewId]) -> Result<HashMap<ReviewId, At>> {
    let rows: Vec<(ReviewId, Option<At>)> = decisions::table
        .filter(decisions::review_id.eq_any(reviews))
        .filter(decisions::stage.eq(STAGE))
        .filter(decisions::outcome.eq_any(["approve", "approve_with_conditions"]))
        .group_by(decisions::review_id)
        .select((decisions::review_id, max(decisions::decided_at)))
        .load(conn)?;
    let rows = rows.into_iter().filter_map(|(id, at)| Some((id, at?)));
    Ok(rows.collect())
}

fn asked(conn: &mut Conn, subjects: &[Subject]) -> Result<HashMap<RecordId, Asked>> {
    let ids: Vec<RecordId> = subjects.iter().map(|subject| subject.record.id).collect();
    let rows: Vec<(Option<RecordId>, String)> = policy_answers::table
        .filter(policy_answers::record_id.eq_any(ids))
        .order(policy_answers::seq)
        .select((policy_answers::record_id, policy_answers::asked))
        .load(conn)?;
    let mut found = HashMap::new();
    for (id, text) in rows {
        if let Some(id) = id {
            found.insert(id, serde_json::from_str(&text)?);
        }
    }
    Ok(found)
}
