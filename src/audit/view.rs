//! What was drawn, as pages show it.
use crate::app::App;
use crate::audit::draw::{Drawn, Tally};
use crate::audit::exam::{Item, Population, Test, Verdict, tests_of};
use crate::audit::papers::listed;
use crate::audit::take::names;
use crate::db::{At, Conn, PersonId, RecordId};
use crate::error::Result;
use crate::register;
use crate::review::Desk;
use crate::review::words;
use crate::web::badge::{Badge, badge};
use crate::web::spine;
use serde::Serialize;
use std::collections::BTreeMap;

/// One choice of a list.
#[derive(Serialize)]
pub(super) struct Offer {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

/// A choice, taken when `chosen` names it.
pub(super) fn offer(value: &'static str, label: &'static str, chosen: &str) -> Offer {
    Offer {
        value,
        label,
        chosen: chosen == value,
    }
}

/// What was drawn.
#[derive(Serialize)]
pub(super) struct Shown {
    size: u64,
    root: String,
    signed: Option<u64>,
    /// What was examined, in words.
    what: String,
    from: Option<String>,
    before: Option<String>,
    unit: Option<String>,
    drawing: &'static str,
    seed: String,
    asked_for: usize,
    population: u64,
    excepted: u64,
    tests: Vec<Tally>,
    exceptions: Vec<Line>,
    /// Exceptions that are counted and not listed.
    left_out: u64,
    sample: Vec<Line>,
}

/// One item.
#[derive(Serialize)]
struct Line {
    place: usize,
    seq: u64,
    at: At,
    reference: String,
    /// Address of the record below the base path.
    record: Option<String>,
    /// Query that shows its record in the log.
    log: String,
    /// Address of the receipt, where a checkpoint covers the entry.
    receipt: Option<String>,
    revision: i32,
    digest: String,
    stage: Option<String>,
    who: Option<String>,
    outcome: String,
    method: &'static str,
    risk: Option<String>,
    leaf_hash: String,
    result: Badge,
    tests: Vec<TestLine>,
}

#[derive(Serialize)]
struct TestLine {
    title: &'static str,
    verdict: Badge,
    sentence: String,
    entries: String,
}

impl Shown {
    /// Looks up names and addresses.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(app: &App, drawn: Drawn) -> Result<Shown> {
        let names = names(app, &drawn).await?;
        let items = drawn.sample.iter().chain(&drawn.exceptions);
        let records: Vec<RecordId> = items.map(|item| item.record).collect();
        let desk = app.desk.clone();
        let paths = app
            .db
            .read(move |conn| paths(conn, &desk, &records))
            .await?;
        let lines = |items: &[Item]| {
            let line = |(index, item)| Line::of(index, item, &drawn, &names, &paths);
            items.iter().enumerate().map(line).collect::<Vec<Line>>()
        };
        let wanted = &drawn.wanted;
        let listed = u64::try_from(drawn.exceptions.len()).unwrap_or(0);
        Ok(Shown {
            what: what(wanted.population, drawn.population),
            from: wanted.from.map(|at| at.to_string()),
            before: wanted.to.map(|at| at.to_string()),
            unit: wanted.unit.clone(),
            drawing: wanted.drawing.as_str(),
            seed: wanted.seed.clone(),
            asked_for: wanted.count,
            exceptions: lines(&drawn.exceptions),
            sample: lines(&drawn.sample),
            left_out: drawn.excepted.saturating_sub(listed),
            size: drawn.size,
            signed: drawn.signed,
            population: drawn.population,
            excepted: drawn.excepted,
            tests: drawn.tests.clone(),
            root: drawn.root.clone(),
        })
    }
}

fn what(population: Population, count: u64) -> String {
    let (one, many) = match population {
        Population::Decisions => ("decision", "decisions"),
        Population::Reviews => ("review that ended", "reviews that ended"),
        Population::Overrides => ("override", "overrides"),
    };
    format!("{count} {}", if count == 1 { one } else { many })
}

fn paths(conn: &mut Conn, desk: &Desk, records: &[RecordId]) -> Result<BTreeMap<RecordId, String>> {
    let mut paths = BTreeMap::new();
    for id in records {
        if !paths.contains_key(id) {
            let record = register::by_id(conn, *id)?;
            let kind = desk.kinds.by_key(&record.kind)?;
            paths.insert(*id, format!("/{}/{}", kind.path, record.reference));
        }
    }
    Ok(paths)
}

impl Line {
    fn of(
        index: usize,
        item: &Item,
        drawn: &Drawn,
        names: &BTreeMap<PersonId, String>,
        paths: &BTreeMap<RecordId, String>,
    ) -> Line {
        let covered = drawn.signed.is_some_and(|size| item.seq < size);
        let outcome = match item.population {
            Population::Decisions => words::done_by_key(&item.outcome).to_owned(),
            _ => item.outcome.replace('_', " "),
        };
        let query = serde_urlencoded::to_string([("record", &item.reference)]);
        let result = match item.is_exception() {
            true => badge("Exception", "bad"),
            false => badge("No exception", "good"),
        };
        let titles = tests_of(item.population);
        let tests = item.tests.iter().zip(titles);
        Line {
            place: index + 1,
            seq: item.seq,
            at: item.at,
            reference: item.reference.clone(),
            record: paths.get(&item.record).cloned(),
            log: format!("?{}#entry-{}", query.unwrap_or_default(), item.seq),
            receipt: covered.then(|| format!("/audit/receipts/{}", item.seq)),
            revision: item.revision,
            digest: item.digest.clone(),
            stage: item.stage.clone(),
            who: item.person.and_then(|id| names.get(&id).cloned()),
            outcome: words::sentence(&outcome).trim_end_matches('.').to_owned(),
            method: spine::method(item.method),
            risk: item.risk.clone(),
            leaf_hash: item.leaf_hash.clone(),
            result,
            tests: tests
                .map(|(test, (_, title))| TestLine::of(test, title))
                .collect(),
        }
    }
}

impl TestLine {
    fn of(test: &Test, title: &'static str) -> TestLine {
        let verdict = match test.verdict {
            Verdict::Holds => badge("Holds", "good"),
            Verdict::Exception => badge("Exception", "bad"),
            Verdict::NotApplicable => badge("Not asked", ""),
            Verdict::ByHand => badge("Look yourself", "part"),
        };
        TestLine {
            title,
            verdict,
            sentence: test.sentence.clone(),
            entries: listed(&test.entries),
        }
    }
}
