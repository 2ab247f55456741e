//! A workflow as a picture, layers of stages from left to right, and the same as an ordered list.
//! With marks it shows a running review.
//!
//! The picture comes as plain shapes and texts; pages and [`svg()`] only write them down.

mod layout;
mod svg;

use std::collections::BTreeMap;

use serde::Serialize;

use super::definition::{Need, Relation, Seat, Stage, Who, Workflow};
use layout::{Placed, place};
pub use svg::svg;

/// How one stage of a review stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Key of the stage.
    pub stage: String,
    /// How it stands.
    pub standing: Standing,
    /// More about it, in a few words: who decided, the condition that left it out.
    pub note: String,
}

/// How a stage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits for earlier stages.
    Waiting,
    /// It is open.
    Current,
    /// It is approved.
    Done,
    /// Its condition left it out.
    Skipped,
    /// It is rejected.
    Rejected,
    /// Its time ran out.
    TimedOut,
}

impl Standing {
    /// The word people read.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Waiting => "waits",
            Standing::Current => "open",
            Standing::Done => "approved",
            Standing::Skipped => "not needed",
            Standing::Rejected => "rejected",
            Standing::TimedOut => "time ran out",
        }
    }

    /// The class of the stylesheet.
    pub fn class(self) -> &'static str {
        match self {
            Standing::Waiting => "ahead",
            Standing::Current => "now",
            Standing::Done => "done",
            Standing::Skipped => "skipped",
            Standing::Rejected | Standing::TimedOut => "stopped",
        }
    }

    /// The sign beside the word.
    fn sign(self) -> &'static str {
        match self {
            Standing::Waiting => "○",
            Standing::Current => "●",
            Standing::Done => "✓",
            Standing::Skipped => "–",
            Standing::Rejected => "✕",
            Standing::TimedOut => "◔",
        }
    }
}

/// A workflow, or a review of it, as a picture and as a list.
#[derive(Debug, Clone, Serialize)]
pub struct Flow {
    /// What it is a picture of.
    pub title: String,
    /// What stands in it, for those who cannot see it.
    pub description: String,
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
    /// Lines from stage to stage.
    pub edges: Vec<Edge>,
    /// The stages, and where it starts and ends.
    pub boxes: Vec<Shape>,
    /// The same as a list, in the order of work.
    pub steps: Vec<Step>,
}

/// A line with an arrow, as SVG paths.
#[derive(Debug, Clone, Serialize)]
pub struct Edge {
    /// The line.
    pub line: String,
    /// Its head.
    pub head: String,
}

/// A box with its texts.
#[derive(Debug, Clone, Serialize)]
pub struct Shape {
    /// Left.
    pub x: u32,
    /// Top.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// `ahead`, `now`, `done`, `skipped`, `stopped`, `stage` where nothing runs, or `end`.
    pub class: &'static str,
    /// The box in one sentence.
    pub title: String,
    /// Its texts.
    pub texts: Vec<Line>,
}

/// A line of text in a [`Shape`].
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Left end, or the middle in an `end`.
    pub x: u32,
    /// Baseline.
    pub y: u32,
    /// `name`, `fact` or `state`.
    pub class: &'static str,
    /// What it says.
    pub text: String,
}

/// A stage in the list.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// From 1, in the order of work.
    pub number: usize,
    /// Key of the stage.
    pub key: String,
    /// Title of the stage.
    pub title: String,
    /// Titles of the stages it comes after.
    pub after: Vec<String>,
    /// Who decides.
    pub seats: Vec<String>,
    /// How long it may take.
    pub due: Option<String>,
    /// When it is needed; always without it.
    pub when: Option<String>,
    /// The word for how it stands; none where nothing runs.
    pub state: Option<&'static str>,
    /// The class for how it stands.
    pub class: &'static str,
    /// More about how it stands.
    pub note: String,
}

/// Draws a workflow; with `marks`, a review of it.
pub fn flow(workflow: &Workflow, marks: &[Mark]) -> Flow {
    let stages = workflow.in_order();
    let by_stage: BTreeMap<&str, &Mark> = marks.iter().map(|m| (m.stage.as_str(), m)).collect();
    let mark = |stage: &Stage| by_stage.get(stage.key.as_str()).copied();
    let steps: Vec<Step> = stages
        .iter()
        .enumerate()
        .map(|(at, stage)| step(workflow, at + 1, stage, mark(stage)))
        .collect();
    let texts: Vec<Vec<(&'static str, String)>> = steps
        .iter()
        .zip(&stages)
        .map(|(step, stage)| lines(step, mark(stage)))
        .collect();
    let placed = place(workflow, &stages, &texts);
    picture(workflow, steps, &texts, &placed)
}

fn step(workflow: &Workflow, number: usize, stage: &Stage, mark: Option<&Mark>) -> Step {
    let title = |key: &String| {
        let stage = workflow.stage(key);
        stage.map_or_else(|| key.clone(), |stage| stage.title.clone())
    };
    Step {
        number,
        key: stage.key.clone(),
        title: stage.title.clone(),
        after: stage.needs.iter().map(title).collect(),
        seats: stage.seats.iter().map(seat_in_words).collect(),
        due: stage.sla.as_ref().map(|sla| sla.due.words()),
        when: stage.when.clone(),
        state: mark.map(|mark| mark.standing.word()),
        class: mark.map_or("stage", |mark| mark.standing.class()),
        note: mark.map(|mark| mark.note.clone()).unwrap_or_default(),
    }
}

/// Who sits in a seat: `2 of security`.
fn seat_in_words(seat: &Seat) -> String {
    let names: Vec<String> = seat.from.iter().map(who_in_words).collect();
    let need = match seat.need {
        Need::AtLeast(count) => count.to_string(),
        Need::All => "all".to_owned(),
    };
    format!("{need} of {}", names.join(" or "))
}

fn who_in_words(who: &Who) -> String {
    let relation = |relation: &Relation| match relation {
        Relation::Submitter => "submitter",
        Relation::Owner => "owner",
    };
    match who {
        Who::Role(name) | Who::Group(name) => name.replace('_', " "),
        Who::Person(address) => address.clone(),
        Who::Field(field) => format!("whom “{}” names", field.replace('_', " ")),
        Who::Relation(of) => format!("the {}", relation(of)),
        Who::ManagerOf(of) => format!("the {}'s manager", relation(of)),
    }
}

/// The texts of a stage's box, top to bottom, as they fit.
fn lines(step: &Step, mark: Option<&Mark>) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    let name = layout::wrapped(&format!("{}. {}", step.number, step.title), 3);
    lines.extend(name.into_iter().map(|text| ("name", text)));
    let seats = step.seats.iter().flat_map(|seat| layout::wrapped(seat, 2));
    lines.extend(seats.map(|text| ("fact", text)));
    if let Some(due) = &step.due {
        lines.push(("fact", format!("within {due}")));
    }
    if step.when.is_some() && mark.is_none() {
        lines.push(("fact", "only when needed".to_owned()));
    }
    if let Some(mark) = mark {
        let standing = mark.standing;
        lines.push(("state", format!("{} {}", standing.sign(), standing.word())));
    }
    lines
}

fn picture(
    workflow: &Workflow,
    steps: Vec<Step>,
    texts: &[Vec<(&'static str, String)>],
    placed: &Placed,
) -> Flow {
    let stages = steps.iter().zip(texts).zip(&placed.stages);
    let mut boxes: Vec<Shape> = stages
        .map(|((step, texts), spot)| Shape {
            x: spot.x,
            y: spot.y,
            width: spot.width,
            height: spot.height,
            class: step.class,
            title: said(step),
            texts: layout::stacked(spot, texts),
        })
        .collect();
    for (spot, word) in [(&placed.start, "Submission"), (&placed.end, "Approval")] {
        boxes.push(Shape {
            x: spot.x,
            y: spot.y,
            width: spot.width,
            height: spot.height,
            class: "end",
            title: word.to_owned(),
            texts: vec![layout::centred(spot, word)],
        });
    }
    let count = steps.len();
    Flow {
        title: workflow.title.clone(),
        description: format!(
            "{count} {} from submission to approval, from left to right. The list says the same.",
            if count == 1 { "stage" } else { "stages" }
        ),
        width: placed.width,
        height: placed.height,
        edges: placed.edges.clone(),
        boxes,
        steps,
    }
}

/// A stage in a sentence, for the box's own title.
fn said(step: &Step) -> String {
    let state = step
        .state
        .map(|word| format!(": {word}"))
        .unwrap_or_default();
    let note = match step.note.is_empty() {
        true => String::new(),
        false => format!(". {}", step.note),
    };
    format!("{}. {}{state}{note}", step.number, step.title)
}
