//! The state of a review, and how each event changes it.
use crate::db::{At, PersonId, RecordId, ReviewId};
use crate::review::engine::event::Event;
use crate::workflow::{Derived, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Which immutable workflow version a review runs under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Key of the workflow.
    pub key: String,
    /// Its version, from 1.
    pub version: i32,
    /// SHA-256 of its canonical text, in hex.
    pub hash: String,
}

/// Where a review stands. The last three are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Stages are open or waiting.
    InReview,
    /// The submitter is asked to change something.
    ChangesRequested,
    /// Every stage is settled.
    Approved,
    /// A stage was rejected, or there were too many revisions.
    Rejected,
    /// The submitter took it back.
    Withdrawn,
}

impl Phase {
    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::InReview => "in_review",
            Phase::ChangesRequested => "changes_requested",
            Phase::Approved => "approved",
            Phase::Rejected => "rejected",
            Phase::Withdrawn => "withdrawn",
        }
    }

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        matches!(self, Phase::Approved | Phase::Rejected | Phase::Withdrawn)
    }
}

/// Where a stage stands in its present epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Waits for the stages it needs.
    Pending,
    /// Its condition says that it is not needed.
    Skipped,
    /// People are asked.
    Open,
    /// Every seat has its need.
    Approved,
    /// As approved, and somebody attached a condition.
    ApprovedWithConditions,
    /// Rejected.
    Rejected,
}

impl Progress {
    /// The word, as stored and as conditions read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Progress::Pending => "pending",
            Progress::Skipped => "skipped",
            Progress::Open => "open",
            Progress::Approved => "approved",
            Progress::ApprovedWithConditions => "approved_with_conditions",
            Progress::Rejected => "rejected",
        }
    }

    /// Whether stages that need this one may start.
    pub fn lets_others_start(self) -> bool {
        matches!(
            self,
            Progress::Skipped | Progress::Approved | Progress::ApprovedWithConditions
        )
    }
}

/// One seat of an open stage: who was asked, and how many of them it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRun {
    /// Key of the seat.
    pub key: String,
    /// Approvals it takes.
    pub need: usize,
    /// Those it names, as resolved when the stage opened.
    pub people: BTreeSet<PersonId>,
    /// Those who stand in, once the seat's own people no longer suffice.
    pub fallback: Option<BTreeSet<PersonId>>,
}

impl SeatRun {
    /// Everyone who was asked for this seat.
    pub fn asked(&self) -> impl Iterator<Item = PersonId> {
        self.people
            .iter()
            .chain(self.fallback.iter().flatten())
            .copied()
    }
}

/// One stage in its present epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRun {
    /// Counts how often the stage started anew.
    pub epoch: u32,
    /// Where it stands.
    pub progress: Progress,
    /// Its seats, resolved when it opened; empty before.
    pub seats: Vec<SeatRun>,
    /// The decisions of this epoch, one per person.
    pub votes: BTreeMap<PersonId, Outcome>,
    /// The answers of those who approved, the latest on top; conditions of later stages read them.
    pub answers: Value,
    /// When it took its present progress.
    pub since: Option<At>,
}

impl StageRun {
    /// Everyone who was asked in this epoch, each once.
    pub fn asked(&self) -> BTreeSet<PersonId> {
        self.seats.iter().flat_map(SeatRun::asked).collect()
    }

    /// Those who approved, with or without conditions.
    pub fn approvers(&self) -> BTreeSet<PersonId> {
        self.votes
            .iter()
            .filter(|(_, o)| o.is_approval())
            .map(|(p, _)| *p)
            .collect()
    }
}

/// One run of one workflow version on one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Its identifier.
    pub id: ReviewId,
    /// The record under review.
    pub record: RecordId,
    /// The version it runs under, which never changes.
    pub workflow: Pin,
    /// Where it stands.
    pub phase: Phase,
    /// The revision under review.
    pub revision: i32,
    /// Digest of that revision: what approvers sign.
    pub digest: String,
    /// How often a new revision replaced one under review.
    pub resubmissions: u32,
    /// Who submitted it.
    pub submitter: PersonId,
    /// Who answers for the use case.
    pub owner: PersonId,
    /// Everyone who wrote a revision.
    pub editors: BTreeSet<PersonId>,
    /// Results of the workflow's tables for this revision.
    pub derived: BTreeMap<String, Derived>,
    /// The stages by key.
    pub stages: BTreeMap<String, StageRun>,
}

impl Review {
    /// A stage by key.
    pub fn stage(&self, key: &str) -> Option<&StageRun> {
        self.stages.get(key)
    }

    /// The review as its first event leaves it; `None` when the event is another.
    pub fn begin(event: &Event) -> Option<Review> {
        let Event::Opened {
            review,
            record,
            workflow,
            revision,
            digest,
            submitter,
            owner,
            ..
        } = event
        else {
            return None;
        };
        let Event::Opened {
            editors,
            derived,
            stages,
            ..
        } = event
        else {
            return None;
        };
        let pending = |key: &String| (key.clone(), StageRun::pending(0));
        Some(Review {
            id: *review,
            record: *record,
            workflow: workflow.clone(),
            phase: Phase::InReview,
            revision: *revision,
            digest: digest.clone(),
            resubmissions: 0,
            submitter: *submitter,
            owner: *owner,
            editors: editors.clone(),
            derived: derived.clone(),
            stages: stages.iter().map(pending).collect(),
        })
    }

    /// Takes in what happened at `at`.
    pub fn apply(&mut self, event: &Event, at: At) {
        match event {
            Event::Opened { .. } => {}
            Event::Resubmitted {
                revision,
                digest,
                owner,
                editors,
                derived,
            } => {
                self.phase = Phase::InReview;
                self.revision = *revision;
                self.digest = digest.clone();
                self.resubmissions += 1;
                self.owner = *owner;
                self.editors = editors.clone();
                self.derived = derived.clone();
            }
            Event::ChangesRequested { .. } => self.phase = Phase::ChangesRequested,
            Event::Approved { .. } => self.phase = Phase::Approved,
            Event::Rejected { .. } => self.phase = Phase::Rejected,
            Event::Withdrawn { .. } => self.phase = Phase::Withdrawn,
            _ => self.apply_to_stage(event, at),
        }
    }

    fn apply_to_stage(&mut self, event: &Event, at: At) {
        let Some(run) = event.stage().and_then(|key| self.stages.get_mut(key)) else {
            return;
        };
        match event {
            Event::StageReopened { epoch, .. } => *run = StageRun::pending(*epoch),
            Event::StageSkipped { .. } => run.take(Progress::Skipped, at),
            Event::StageOpened { seats, .. } => {
                run.seats = seats.clone();
                run.take(Progress::Open, at);
            }
            Event::SeatFellBack { seat, people, .. } => {
                if let Some(seat) = run.seats.iter_mut().find(|s| s.key == *seat) {
                    seat.fallback = Some(people.clone());
                }
            }
            Event::Decided {
                person,
                outcome,
                answers,
                ..
            } => {
                run.votes.insert(*person, *outcome);
                if outcome.is_approval() {
                    merge(&mut run.answers, answers);
                }
            }
            Event::StageSettled { progress, .. } => run.take(*progress, at),
            _ => {}
        }
    }
}

impl StageRun {
    fn pending(epoch: u32) -> StageRun {
        StageRun {
            epoch,
            progress: Progress::Pending,
            seats: Vec::new(),
            votes: BTreeMap::new(),
            answers: Value::Object(serde_json::Map::new()),
            since: None,
        }
    }

    fn take(&mut self, progress: Progress, at: At) {
        self.progress = progress;
        self.since = Some(at);
    }
}

fn merge(answers: &mut Value, more: &Value) {
    if let (Value::Object(into), Value::Object(more)) = (answers, more) {
        into.extend(more.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
}
