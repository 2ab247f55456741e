//! Human review as pages and programs see it.
use super::store::{Line, Overseen, Sample};
use super::{KIND, State, share, standing};
use crate::db::{Conn, Day, PersonId};
use crate::error::Result;
use crate::overview::Standing;
use crate::web::badge::{Badge, badge};
use crate::{ledger, people, rules};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many samples a page shows.
pub const SHOWN: usize = 50;

/// The human review of one use case.
#[derive(Debug, Clone, Serialize)]
pub struct OverseenView {
    /// The state in one word: `settled`, `open`, `expired` or `not_needed`.
    pub state: &'static str,
    /// The same for people.
    pub status: Badge,
    /// Why, in one sentence.
    pub why: String,
    /// The rules that it falls under.
    pub rules: Vec<LineView>,
    /// Who oversees it.
    pub arranged: Option<ArrangedView>,
    /// What they looked at, the newest first, [`SHOWN`] at most.
    pub samples: Vec<SampleView>,
    /// How many there are in all.
    pub samples_in_all: usize,
}

/// A rule with how it stands.
#[derive(Debug, Clone, Serialize)]
pub struct LineView {
    /// Key of the document.
    pub book: String,
    /// Its version in force.
    pub version: i32,
    /// Key of the rule.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Why this use case falls under it.
    pub because: String,
    /// Which outputs a human reviews, in words.
    pub review: &'static str,
    /// What overseers must be able to do.
    pub duty: String,
    /// What is asked of them, in words.
    pub demand: String,
    /// The state in one word.
    pub state: State,
    /// The same for people.
    pub status: Badge,
    /// Outputs looked at within the rule's days.
    pub looked_at: u64,
    /// How many of them were overridden.
    pub overridden: u64,
    /// The same as a share; nothing where nothing was looked at.
    pub share: Option<String>,
    /// The last day on which it counts without looking again.
    pub until: Option<String>,
}

/// Who oversees a use case.
#[derive(Debug, Clone, Serialize)]
pub struct ArrangedView {
    /// Its entry.
    pub entry: i64,
    /// The day from which it counts.
    pub on: String,
    /// The last day on which it counts, by the strictest rule.
    pub until: Option<String>,
    /// Who named them.
    pub by: String,
    /// They.
    pub overseers: Vec<OverseerView>,
    /// How they step in; nothing once it is erased.
    pub intervene: Option<String>,
    /// How it is stopped.
    pub stop: Option<String>,
}

/// One overseer.
#[derive(Debug, Clone, Serialize)]
pub struct OverseerView {
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Whether they are still here.
    pub here: bool,
}

/// What an overseer looked at.
#[derive(Debug, Clone, Serialize)]
pub struct SampleView {
    /// Identifier.
    pub id: String,
    /// The day on which they looked.
    pub looked_on: String,
    /// How many outputs.
    pub looked_at: i32,
    /// How many of them they overrode.
    pub overridden: i32,
    /// Who.
    pub recorded_by: String,
    /// Which outputs; nothing once it is erased.
    pub outputs: Option<String>,
    /// Why they overrode them.
    pub reason: Option<String>,
    /// Who took it back.
    pub withdrawn_by: Option<String>,
    /// Why.
    pub withdrawn_because: Option<String>,
    /// Its entry.
    pub entry: i64,
}

fn of_state(state: State) -> Badge {
    let tone = match state {
        State::Kept => "good",
        State::Open => "open",
        State::Exceeded | State::Expired => "bad",
    };
    badge(state.words(), tone)
}

fn of_line(line: &Line) -> LineView {
    let (rule, judged) = (&line.rule, line.judged);
    LineView {
        book: line.book.clone(),
        version: line.version,
        key: rule.key.clone(),
        title: rule.title.clone(),
        because: rule.because.clone(),
        review: rule.review.words(),
        duty: rule.duty.clone(),
        demand: rule.demand(),
        state: judged.state,
        status: of_state(judged.state),
        looked_at: judged.looked_at,
        overridden: judged.overridden,
        share: share(judged.overridden, judged.looked_at),
        until: judged.until.map(|until| until.to_string()),
    }
}

/// The light and the sentence of it.
///
/// # Errors
/// When the database fails.
pub(super) fn standing_of(
    conn: &mut Conn,
    overseen: &Overseen,
    at: (&str, &str),
    today: Day,
) -> Result<Standing> {
    let is_ruled = !rules::heads(conn, &KIND)?.is_empty();
    Ok(standing::standing(overseen, at, is_ruled, today.0))
}

/// The human review of the use case that is called so and is there in its life.
///
/// # Errors
/// When the database fails.
pub(super) fn of(
    conn: &mut Conn,
    overseen: &Overseen,
    at: (&str, &str),
    today: Day,
) -> Result<OverseenView> {
    let shown: Vec<&Sample> = overseen.samples.iter().take(SHOWN).collect();
    let mut seqs: Vec<i64> = shown.iter().map(|sample| sample.seq).collect();
    seqs.extend(shown.iter().filter_map(|sample| sample.withdrawn_seq));
    seqs.extend(overseen.arranged.iter().map(|arranged| arranged.seq));
    let opened = ledger::opened(conn, &seqs)?.into_iter();
    let beside: HashMap<(i64, String), String> = opened
        .map(|(seq, name, _, text)| ((seq, name), text))
        .collect();
    let mut about: BTreeSet<PersonId> = shown.iter().map(|sample| sample.recorded_by).collect();
    about.extend(shown.iter().filter_map(|sample| sample.withdrawn_by));
    if let Some(arranged) = &overseen.arranged {
        about.insert(arranged.by);
        about.extend(&arranged.overseers);
    }
    let names = people::names(conn, &about)?;
    let told = Told { beside, names };
    let standing = standing_of(conn, overseen, at, today)?;
    Ok(OverseenView {
        state: standing.light.as_str(),
        status: standing.light.badge(),
        why: standing.why,
        rules: overseen.lines.iter().map(of_line).collect(),
        arranged: told.arranged(overseen),
        samples: shown
            .into_iter()
            .map(|sample| told.sample(sample))
            .collect(),
        samples_in_all: overseen.samples.len(),
    })
}

/// What lies beside entries, and people's names.
struct Told {
    beside: HashMap<(i64, String), String>,
    names: BTreeMap<PersonId, String>,
}

impl Told {
    fn text(&self, seq: i64, name: &str) -> Option<String> {
        self.beside.get(&(seq, name.to_owned())).cloned()
    }

    fn name(&self, person: PersonId) -> String {
        self.names.get(&person).cloned().unwrap_or_default()
    }

    fn arranged(&self, overseen: &Overseen) -> Option<ArrangedView> {
        let arranged = overseen.arranged.as_ref()?;
        let overseers = arranged.overseers.iter().map(|person| OverseerView {
            person: *person,
            name: self.name(*person),
            here: overseen.here.contains(person),
        });
        Some(ArrangedView {
            entry: arranged.seq,
            on: arranged.on.to_string(),
            until: overseen.named_until().map(|until| until.to_string()),
            by: self.name(arranged.by),
            overseers: overseers.collect(),
            intervene: self.text(arranged.seq, "intervene"),
            stop: self.text(arranged.seq, "stop"),
        })
    }

    fn sample(&self, sample: &Sample) -> SampleView {
        let withdrawn = sample.withdrawn_seq;
        SampleView {
            id: sample.id.to_string(),
            looked_on: sample.looked_on.to_string(),
            looked_at: sample.looked_at,
            overridden: sample.overridden,
            recorded_by: self.name(sample.recorded_by),
            outputs: self.text(sample.seq, "outputs"),
            reason: self.text(sample.seq, "reason"),
            withdrawn_by: sample.withdrawn_by.map(|person| self.name(person)),
            withdrawn_because: withdrawn.and_then(|seq| self.text(seq, "reason")),
            entry: sample.seq,
        }
    }
}
