//! What the mails tell that follow from clocks, absence, conditions, renewal and overrides.
use crate::app::App;
use crate::db::{At, Conn, TaskId};
use crate::error::Result;
use crate::notify::case::Case;
use crate::notify::given::{Given, Names};
use crate::notify::mail::{About, Found, Key, MOVED_ON, SETTLED, asked};
use crate::notify::outbox::Owed;
use crate::people::{self, Person};
use crate::review;
use crate::review::engine::{Phase, Progress};
use crate::workflow::Trigger;
use serde_json::{Value, json};

/// A message that is about a record, with what its templates say.
pub(super) struct Notice<'a> {
    pub(super) app: &'a App,
    pub(super) case: Case,
    pub(super) given: Given,
    pub(super) person: &'a Person,
    /// When it was queued, which is when it happened.
    pub(super) at: At,
}

impl Notice<'_> {
    /// What a mail by `template` tells; nothing known to this program means nothing to tell.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn tell(self, conn: &mut Conn, template: &str) -> Result<Found> {
        let names = self.given.names(conn)?;
        let own = match template {
            "escalated" | "overdue" if !self.stage_is_open() => return Ok(Err(MOVED_ON)),
            "escalated" => self.escalated(conn)?,
            "overdue" => self.overdue(conn)?,
            "delegated" => self.delegated(conn, &names)?,
            "timed_out" => self.timed_out(),
            _ if template.starts_with("condition_") => {
                match self.condition(conn, template, &names)? {
                    Some(own) => own,
                    None => return Ok(Err(MOVED_ON)),
                }
            }
            "renewal_due" if !self.case.review.phase.is_in_force() => return Ok(Err(MOVED_ON)),
            "renewal_due" | "expired" => json!({ "ends": self.ends() }),
            "override_requested" | "override_granted" => self.overriding(&names),
            "abandoned" => json!({ "since": self.case.review.opened_at }),
            _ => json!({ "by": names.of(self.given.by), "because": self.out_of_force() }),
        };
        let mut facts = json!({
            "at": self.at,
            "revision": self.case.review.revision,
            "why": self.case.why(conn, self.person)?,
            "reason": self.given.reason(conn)?,
        });
        extend(&mut facts, own);
        let path = match &self.given.path {
            Some(path) => path.clone(),
            None => self.case.path(&self.app.desk)?,
        };
        Ok(Ok(About {
            case: Some(self.case),
            key: Key::Page(path),
            facts,
            enclosed: None,
        }))
    }

    fn stage(&self) -> &str {
        self.given.stage.as_deref().unwrap_or_default()
    }

    fn stage_is_open(&self) -> bool {
        let run = self.case.review.stage(self.stage());
        run.is_some_and(|run| run.progress == Progress::Open)
    }

    fn titled(&self) -> Value {
        json!({ "title": self.case.title(self.stage()) })
    }

    fn ends(&self) -> Option<At> {
        self.given.ends.or(self.case.review.valid_until)
    }

    fn escalated(&self, conn: &mut Conn) -> Result<Value> {
        Ok(json!({
            "stage": self.titled(),
            "asks": false,
            "mode": "notify",
            "cause": cause(&self.case, &self.given),
            "since": self.case.since(self.stage()),
            "due": self.case.due(self.stage()),
            "submitter": self.case.name(self.case.review.submitter),
            "risk": self.case.risk(),
            "holders": self.case.holders(conn, self.stage())?,
        }))
    }

    fn overdue(&self, conn: &mut Conn) -> Result<Value> {
        Ok(json!({
            "stage": self.titled(),
            "since": self.case.since(self.stage()),
            "due": self.case.due(self.stage()),
            "holders": self.case.holders(conn, self.stage())?,
        }))
    }

    fn delegated(&self, conn: &mut Conn, names: &Names) -> Result<Value> {
        let by = names.of(self.given.by);
        let to = self.given.to;
        let to = to.or_else(|| self.case.delegate_of(self.stage(), self.person.id));
        let to = people::names(conn, &to.into_iter().collect())?
            .into_values()
            .next();
        let sentence = match self.given.because.as_deref() {
            Some("absent") => "You are away.".to_owned(),
            Some("delegated") => "You handed the task on.".to_owned(),
            Some("returned") => "The task went back to its first person.".to_owned(),
            _ => match by {
                Some(by) => format!("{by}, an administrator, gave the task to somebody else."),
                None => "An administrator gave the task to somebody else.".to_owned(),
            },
        };
        Ok(json!({
            "stage": self.titled(),
            "to": to,
            "because": sentence,
            "until": self.given.until,
        }))
    }

    fn timed_out(&self) -> Value {
        let then = match self.given.then.as_deref() {
            Some("rejected") => "The use case is rejected by that, as the workflow says.",
            Some("stays_open") => "It stays open and can still be decided.",
            _ => "The review goes on without an answer; a later stage must make up for it.",
        };
        json!({ "stage": self.titled(), "then": then })
    }

    /// What a mail about a condition tells; nothing when it is not there or, for a reminder, no
    /// longer owed.
    fn condition(&self, conn: &mut Conn, template: &str, names: &Names) -> Result<Option<Value>> {
        let condition = self.given.condition.and_then(|id| self.case.condition(id));
        let found = condition.and_then(|row| Some((row, self.case.decision(row.decision_id)?)));
        let Some((condition, decision)) = found else {
            return Ok(None);
        };
        if template == "condition_due" && condition.state != "open" {
            return Ok(None);
        }
        let owner = condition.owner_id.unwrap_or(self.case.review.owner);
        let word = |key: &Option<String>, word: &str| key.as_deref() == Some(word);
        Ok(Some(json!({
            "condition": {
                "text": condition.text,
                "owner": self.case.name(owner),
                "due": condition.due,
                "due_at": condition.due_at.filter(|_| condition.due.is_none()),
            },
            "said": self.given.kept(conn, "evidence")?,
            "yours": owner == self.person.id,
            "stage": { "title": self.case.title(&decision.stage) },
            "attached_by": self.case.name(decision.person_id),
            "by": names.of(self.given.by),
            "suspended": self.case.review.phase == Phase::Suspended
                || word(&self.given.then, "suspended"),
            "evidence": !word(&self.given.because, "owner"),
            "waived": word(&self.given.because, "waived"),
        })))
    }

    fn overriding(&self, names: &Names) -> Value {
        json!({
            "by": names.of(self.given.by),
            "second": names.of(self.given.second),
            "until": self.given.until,
        })
    }

    /// Why an approval went out of force, or came into force again, when nobody did it.
    fn out_of_force(&self) -> Option<&'static str> {
        Some(match self.given.because.as_deref()? {
            "condition_missed" => "A condition of the approval was not met.",
            "condition_met" => "The last condition that was missed is met or waived.",
            "after_the_fact" => {
                "The review after the fact rejected what an override had let through."
            }
            "looked_again" => {
                "The review that a change at the vendor called for did not approve it."
            }
            _ => return None,
        })
    }
}

/// An escalation by which its reader is asked to decide themselves.
///
/// # Errors
/// When the database fails.
pub(super) fn brought_in(
    conn: &mut Conn,
    app: &App,
    given: Given,
    task: TaskId,
    now: At,
) -> Result<Found> {
    let row = review::task(conn, task)?;
    let given = given.for_task(conn, &row, "stage.escalated")?;
    let about = match asked(conn, app, given.clone(), task, now)? {
        Ok(about) => about,
        Err(unwanted) => return Ok(Err(unwanted)),
    };
    let Some(case) = about.case else {
        return Ok(Err(SETTLED));
    };
    let mut facts = about.facts;
    let agrees = given.mode.as_deref() == Some("must_agree");
    extend(
        &mut facts,
        json!({
            "asks": true,
            "mode": if agrees { "must_agree" } else { "add_to_seat" },
            "cause": cause(&case, &given),
            "holders": case.holders(conn, &row.stage)?,
            "why": "the workflow brings you in",
        }),
    );
    Ok(Ok(About {
        case: Some(case),
        key: about.key,
        facts,
        enclosed: None,
    }))
}

/// What calls an escalation in, as a sentence.
fn cause(case: &Case, given: &Given) -> &'static str {
    let stage = given.stage.as_deref().unwrap_or_default();
    let trigger = given.rule.and_then(|rule| case.trigger(stage, rule));
    match (given.because.as_deref(), trigger) {
        (Some("late"), _) => "The stage takes longer than the workflow foresees.",
        (Some("opened" | "risk"), _) | (_, Some(Trigger::Opened)) => {
            "The workflow brings in others because of the risk."
        }
        (Some("disagreement"), _) | (_, Some(Trigger::Disagreement)) => {
            "Those who decided disagree: somebody approved, somebody rejected."
        }
        (Some("timed_out"), _) => "The time of an earlier stage ran out without an answer.",
        (Some("condition_refused"), _) => "A condition of the approval was refused.",
        _ => "The workflow brings in others.",
    }
}

/// How a task came to its reader, when it was somebody else's before.
pub(super) fn moved(given: &Given, names: &Names) -> Option<String> {
    let from = names.of(given.from);
    let theirs = from.map_or_else(String::new, |from| format!(" It was {from}'s before."));
    Some(match given.because.as_deref()? {
        "absent" => format!("{} is away. You decide in their place.", from?),
        "delegated" => format!(
            "{} handed this task on to you. You decide in their place.",
            from?
        ),
        "reassigned" => match names.of(given.by) {
            Some(by) => format!("{by}, an administrator, handed this task to you.{theirs}"),
            None => format!("An administrator handed this task to you.{theirs}"),
        },
        "returned" => "The task is yours again: your delegate no longer decides.".to_owned(),
        _ => return None,
    })
}

fn extend(facts: &mut Value, more: Value) {
    if let (Value::Object(facts), Value::Object(more)) = (facts, more) {
        facts.extend(more);
    }
}

/// A workflow version that waits for somebody else to publish it.
///
/// # Errors
/// When the database fails.
pub(super) fn proposed(conn: &mut Conn, given: &Given, at: At) -> Result<About> {
    let names = given.names(conn)?;
    let facts = json!({
        "workflow": { "title": given.title.clone().unwrap_or_default() },
        "by": names.of(given.by),
        "at": at,
        "reason": given.reason(conn)?,
    });
    let path = given
        .path
        .clone()
        .unwrap_or_else(|| "/workflows".to_owned());
    Ok(About {
        case: None,
        key: Key::Page(path),
        facts,
        enclosed: None,
    })
}

/// What administrators should know before reviews get stuck, as the daily round found it.
///
/// # Errors
/// When the context cannot be read.
pub(super) fn staffing(owed: &Owed) -> Result<About> {
    Ok(About {
        case: None,
        key: Key::Page("/people".to_owned()),
        facts: serde_json::from_str(&owed.context)?,
        enclosed: None,
    })
}

/// The time of a tool ends or is over, as the daily round found it.
///
/// # Errors
/// When the context cannot be read.
pub(super) fn tool_ends(owed: &Owed) -> Result<About> {
    let facts: Value = serde_json::from_str(&owed.context)?;
    let path = facts.get("path").and_then(Value::as_str);
    let path = path.unwrap_or("/catalogue").to_owned();
    Ok(About {
        case: None,
        key: Key::Page(path),
        facts,
        enclosed: None,
    })
}
