//! Past reviews taken through a draft of a workflow: who would be asked instead, and how much.
//!
//! Pure. Each review is opened anew with the people of today, once under the version it ran under
//! and once under the draft, and everybody who is asked approves; so every difference comes from
//! the rules. Answers to stage forms are those that were given then; where there are none that fit,
//! a condition that reads them makes its stage required, as it would in a review.
use crate::db::{At, PersonId};
use crate::review::engine::{
    self, Command, Context, Decision, OpenTask, Opening, Phase, Progress, Refusal, Review,
};
use crate::workflow::Outcome;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most decisions that one review is given: 40 stages of 6 seats of 20 people.
const DECISIONS_MAX: usize = 4_800;

/// One stage that is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Its key.
    pub stage: String,
    /// Its title.
    pub title: String,
    /// Everybody who is asked there.
    pub people: BTreeSet<PersonId>,
}

/// The way of one review.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Course {
    /// The stages that are asked, in the order of work.
    pub asked: Vec<Asked>,
    /// Titles of stages that nobody is left to decide.
    pub stuck: Vec<String>,
}

/// One past review under the old rules and the new.
#[derive(Debug, Clone, Serialize)]
pub struct Replayed {
    /// Reference of the record.
    pub reference: String,
    /// Title of the record.
    pub title: String,
    /// Under the version it ran under.
    pub before: Course,
    /// Under the draft; nothing when the draft is not meant for it.
    pub after: Option<Course>,
}

/// How many tasks a person has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Load {
    /// Under the versions the reviews ran under.
    pub before: usize,
    /// Under the draft.
    pub after: usize,
}

/// What a draft would have changed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Simulation {
    /// Each review.
    pub reviews: Vec<Replayed>,
    /// How many the draft is not meant for; they are left out of all other figures.
    pub not_meant: usize,
    /// How many ask the same people in the same stages.
    pub same: usize,
    /// How many ask more stages.
    pub more_stages: usize,
    /// How many ask fewer stages.
    pub fewer_stages: usize,
    /// How many are approved without anybody being asked.
    pub automatic: usize,
    /// How many end in a stage that nobody is left to decide.
    pub stuck: usize,
    /// Tasks by person.
    pub load: BTreeMap<PersonId, Load>,
}

impl Simulation {
    /// The figures, without who and what: for the entry of a publication.
    pub fn figures(&self) -> Value {
        json!({
            "reviews": self.reviews.len(), "not_meant": self.not_meant, "same": self.same,
            "more_stages": self.more_stages, "fewer_stages": self.fewer_stages,
            "automatic": self.automatic, "stuck": self.stuck,
        })
    }

    /// Counts what happened.
    pub fn of(reviews: Vec<Replayed>) -> Simulation {
        let mut all = Simulation::default();
        for replayed in &reviews {
            match &replayed.after {
                Some(after) => all.count(&replayed.before, after),
                None => all.not_meant += 1,
            }
        }
        all.reviews = reviews;
        all
    }

    fn count(&mut self, before: &Course, after: &Course) {
        self.same += usize::from(before == after);
        let (old, new) = (before.asked.len(), after.asked.len());
        self.more_stages += usize::from(new > old);
        self.fewer_stages += usize::from(new < old);
        self.automatic += usize::from(new == 0 && after.stuck.is_empty());
        self.stuck += usize::from(!after.stuck.is_empty());
        for person in before.asked.iter().flat_map(|asked| &asked.people) {
            self.load.entry(*person).or_default().before += 1;
        }
        for person in after.asked.iter().flat_map(|asked| &asked.people) {
            self.load.entry(*person).or_default().after += 1;
        }
    }
}

/// Takes one review through a workflow; `answers` are those that stage forms were given, by stage.
pub fn replay(
    ctx: &Context,
    opening: Opening,
    answers: &BTreeMap<String, Value>,
    now: At,
) -> Course {
    let Some((mut review, _)) = engine::open(ctx, opening, now) else {
        return Course::default();
    };
    for _ in 0..DECISIONS_MAX {
        let Some(task) = engine::open_tasks(ctx, &review).into_iter().next() else {
            break;
        };
        match approve(ctx, &review, task, answers, now) {
            Some(after) => review = after,
            None => break,
        }
    }
    course(ctx, &review)
}

fn approve(
    ctx: &Context,
    review: &Review,
    task: OpenTask,
    answers: &BTreeMap<String, Value>,
    now: At,
) -> Option<Review> {
    let given = answers.get(&task.stage).cloned();
    let command = Command::Decide(Decision {
        stage: task.stage,
        epoch: task.epoch,
        person: task.person,
        seen: review.digest.clone(),
        by_link: false,
        outcome: Outcome::Approve,
        reason: Some("Simulated".to_owned()),
        answers: given.unwrap_or_else(|| json!({})),
        conditions: Vec::new(),
    });
    let without_forms = Context {
        forms: &BTreeMap::new(),
        ..*ctx
    };
    let decided = match engine::decide(ctx, review, &command, now) {
        Err(Refusal::AnswersInvalid(_)) => engine::decide(&without_forms, review, &command, now),
        decided => decided,
    };
    decided.ok().map(|(after, _)| after)
}

fn course(ctx: &Context, review: &Review) -> Course {
    let mut course = Course::default();
    for stage in ctx.workflow.in_order() {
        let Some(run) = review.stage(&stage.key) else {
            continue;
        };
        let asked = !matches!(run.progress, Progress::Pending | Progress::Skipped);
        if asked {
            course.asked.push(Asked {
                stage: stage.key.clone(),
                title: stage.title.clone(),
                people: run.asked(),
            });
        }
        let undecided = matches!(run.progress, Progress::Open | Progress::Rejected);
        if undecided && review.phase != Phase::Approved {
            course.stuck.push(stage.title.clone());
        }
    }
    course
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn person(number: u128) -> PersonId {
        PersonId(Uuid::from_u128(number))
    }

    fn course(stages: &[(&str, &[u128])], stuck: &[&str]) -> Course {
        let asked = |(stage, people): &(&str, &[u128])| Asked {
            stage: (*stage).to_owned(),
            title: (*stage).to_owned(),
            people: people.iter().map(|number| person(*number)).collect(),
        };
        Course {
            asked: stages.iter().map(asked).collect(),
            stuck: stuck.iter().map(|stage| (*stage).to_owned()).collect(),
        }
    }

    #[test]
    fn the_figures_tell_who_gets_more_and_what_passes_by_itself() {
        let old = course(&[("a", &[1]), ("b", &[2])], &[]);
        let replayed = |after: Option<Course>| Replayed {
            reference: "UC-1".to_owned(),
            title: "One".to_owned(),
            before: old.clone(),
            after,
        };
        let all = Simulation::of(vec![
            replayed(Some(old.clone())),
            replayed(Some(course(&[], &[]))),
            replayed(Some(course(
                &[("a", &[1]), ("b", &[2]), ("c", &[2])],
                &["c"],
            ))),
            replayed(None),
        ]);
        assert_eq!(
            all.figures(),
            json!({
                "reviews": 4, "not_meant": 1, "same": 1, "more_stages": 1, "fewer_stages": 1,
                "automatic": 1, "stuck": 1,
            })
        );
        let load = |number| all.load[&person(number)];
        assert_eq!(
            load(1),
            Load {
                before: 3,
                after: 2
            }
        );
        assert_eq!(
            load(2),
            Load {
                before: 3,
                after: 3
            }
        );
    }
}
