//! The format of questionnaires. Pure.
use crate::workflow::{Format, MAX_PROBLEMS, Problem, Source, typed};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The format as JSON Schema, for editors.
pub const SCHEMA: &str = include_str!("../../schemas/questionnaire/questionnaire.json");
/// The longest text, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

static FORMAT: LazyLock<Option<Format>> = LazyLock::new(|| Format::of(SCHEMA));

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One option.
    Choice,
    /// Several options.
    Choices,
    /// Words.
    Text,
    /// A day.
    Date,
}

impl Kind {
    fn has_options(self) -> bool {
        matches!(self, Kind::Choice | Kind::Choices)
    }
}

/// When something is shown: an earlier question is answered with one of these options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The question.
    pub question: String,
    /// The options.
    pub is: BTreeSet<String>,
}

/// An option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opt {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub text: String,
    /// Its points.
    #[serde(default)]
    pub points: u32,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub text: String,
    /// What helps to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How it is answered.
    pub kind: Kind,
    /// Whether it must be answered where it is shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What may be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Opt>,
    /// The score that its points count for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_for: Option<String>,
    /// Shown when all of these hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown_if: Vec<Shown>,
}

impl Question {
    /// The most points that it can give: all options where several may be chosen, else the best.
    pub fn most(&self) -> u32 {
        let points = self.options.iter().map(|option| option.points);
        match self.kind {
            Kind::Choices => points.fold(0, u32::saturating_add),
            _ => points.max().unwrap_or(0),
        }
    }
}

/// Questions under one heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Shown when all of these hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown_if: Vec<Shown>,
    /// Its questions.
    pub questions: Vec<Question>,
}

/// What points are counted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreKey {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
}

/// What lowers the points that a level is read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lowered {
    /// The score that lowers.
    pub by: String,
    /// The share of its most from which it does, in per cent.
    pub from_percent: u32,
    /// How much of the points is left then, in per cent, rounded half up.
    pub to_percent: u32,
}

/// A level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// The share of the most points up to which it reaches, in per cent.
    pub up_to_percent: u32,
}

/// How a level is read from a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The score.
    pub of: String,
    /// What lowers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowered: Option<Lowered>,
    /// The levels, the lowest first.
    pub levels: Vec<Level>,
}

/// A questionnaire that was checked.
#[derive(Debug, Clone)]
pub struct Questionnaire {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Its sections.
    pub sections: Vec<Section>,
    /// What points are counted for.
    pub scores: Vec<ScoreKey>,
    /// How a level is read from them.
    pub result: Option<Outcome>,
    /// The document as canonical JSON (RFC 8785).
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

#[derive(Deserialize)]
struct Said {
    key: String,
    title: String,
    #[serde(default)]
    description: String,
    sections: Vec<Section>,
    scores: Vec<ScoreKey>,
    #[serde(default)]
    result: Option<Outcome>,
}

impl Questionnaire {
    /// Reads a questionnaire.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(file: &str, text: &str) -> Result<Questionnaire, Vec<Problem>> {
        let source = Source::new(file, text, "").of_at_most(MAX_BYTES, 200_000);
        let (said, kept): (Said, _) = typed(&source, FORMAT.as_ref())?;
        let mut problems = Checker::new(&source, &said).problems();
        if !problems.is_empty() {
            problems.truncate(MAX_PROBLEMS);
            return Err(problems);
        }
        Ok(Questionnaire {
            key: said.key,
            title: said.title,
            description: said.description,
            sections: said.sections,
            scores: said.scores,
            result: said.result,
            hash: kept.hash,
            text: kept.text,
        })
    }

    /// Every question, in its order.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.sections.iter().flat_map(|section| &section.questions)
    }
}

/// What the schema cannot say.
struct Checker<'a> {
    source: &'a Source<'a>,
    said: &'a Said,
    scores: BTreeSet<&'a str>,
    earlier: BTreeMap<&'a str, BTreeSet<&'a str>>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn new(source: &'a Source<'a>, said: &'a Said) -> Checker<'a> {
        let scores = said.scores.iter().map(|score| score.key.as_str());
        Checker {
            source,
            said,
            scores: scores.collect(),
            earlier: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    fn complain(&mut self, place: &str, message: String) {
        let problem = self.source.value(place, message);
        self.problems.push(problem);
    }

    fn problems(mut self) -> Vec<Problem> {
        if self.scores.len() != self.said.scores.len() {
            self.complain("/scores", "two scores have one key".to_owned());
        }
        let mut sections = BTreeSet::new();
        for (index, section) in self.said.sections.iter().enumerate() {
            let place = format!("/sections/{index}");
            if !sections.insert(section.key.as_str()) {
                let message = format!("two sections have the key `{}`", section.key);
                self.complain(&format!("{place}/key"), message);
            }
            self.shown_if(&place, &section.shown_if);
            for (index, question) in section.questions.iter().enumerate() {
                self.question(&format!("{place}/questions/{index}"), question);
            }
        }
        if let Some(result) = &self.said.result {
            self.result(result);
        }
        self.problems
    }

    fn question(&mut self, place: &str, question: &'a Question) {
        self.shown_if(place, &question.shown_if);
        let options: BTreeSet<&str> = question.options.iter().map(|o| o.key.as_str()).collect();
        if options.len() != question.options.len() {
            let message = "two options have one key".to_owned();
            self.complain(&format!("{place}/options"), message);
        }
        match (question.kind.has_options(), options.is_empty()) {
            (true, true) => {
                let message = "say what may be chosen".to_owned();
                self.complain(place, message);
            }
            (false, false) => {
                let message = "only choices have options".to_owned();
                self.complain(&format!("{place}/options"), message);
            }
            _ => {}
        }
        if let Some(score) = question.counts_for.as_deref()
            && !self.scores.contains(score)
        {
            let message = format!("there is no score `{score}`");
            self.complain(&format!("{place}/counts_for"), message);
        }
        if self
            .earlier
            .insert(question.key.as_str(), options)
            .is_some()
        {
            let message = format!("two questions have the key `{}`", question.key);
            self.complain(&format!("{place}/key"), message);
        }
    }

    fn shown_if(&mut self, place: &str, shown: &[Shown]) {
        for (index, one) in shown.iter().enumerate() {
            let place = format!("{place}/shown_if/{index}");
            let Some(options) = self.earlier.get(one.question.as_str()) else {
                let message = format!("no earlier question is called `{}`", one.question);
                self.complain(&format!("{place}/question"), message);
                continue;
            };
            let strange = one.is.iter().find(|key| !options.contains(key.as_str()));
            if let Some(strange) = strange.cloned() {
                let message = format!("`{}` has no option `{strange}`", one.question);
                self.complain(&format!("{place}/is"), message);
            }
        }
    }

    fn result(&mut self, result: &Outcome) {
        let named = [Some(&result.of), result.lowered.as_ref().map(|one| &one.by)];
        for score in named.into_iter().flatten() {
            if !self.scores.contains(score.as_str()) {
                self.complain("/result", format!("there is no score `{score}`"));
            }
        }
        let reach = |level: &Level| level.up_to_percent;
        let rising = result.levels.is_sorted_by(|a, b| reach(a) < reach(b));
        if !rising || result.levels.last().map(reach) != Some(100) {
            let message = "each level reaches further than the one before it, the last to 100";
            self.complain("/result/levels", message.to_owned());
        }
    }
}
