//! Work papers as CSV: first what they were drawn from, then one row for each item of the sample
//! and each exception, with every test.
use crate::audit::draw::Drawn;
use crate::audit::exam::{Item, Test, tests_of};
use crate::db::PersonId;
use crate::ledger::csv::{Cell, Rows};
use std::collections::BTreeMap;
use std::io;

const DRAWN_FROM: [&str; 13] = [
    "part",
    "population",
    "from_utc",
    "before_utc",
    "unit",
    "drawing",
    "seed",
    "asked_for",
    "ledger_size",
    "root",
    "signed_size",
    "items",
    "exceptions",
];

const ITEM: [&str; 13] = [
    "place",
    "seq",
    "entry_id",
    "recorded_at_utc",
    "record",
    "revision",
    "digest",
    "stage",
    "person",
    "outcome",
    "method",
    "risk",
    "leaf_hash",
];

/// The papers.
///
/// # Errors
/// When a row cannot be written.
pub(super) fn csv(drawn: &Drawn, names: &BTreeMap<PersonId, String>) -> io::Result<Vec<u8>> {
    let tests = tests_of(drawn.wanted.population);
    let why: Vec<String> = tests.iter().map(|(key, _)| format!("{key}_why")).collect();
    let rests: Vec<String> = tests
        .iter()
        .map(|(key, _)| format!("{key}_entries"))
        .collect();
    let mut header: Vec<&str> = DRAWN_FROM.into_iter().chain(ITEM).collect();
    for ((key, why), rests) in tests.iter().map(|(key, _)| *key).zip(&why).zip(&rests) {
        header.extend([key, why, rests]);
    }
    let width = header.len();
    let mut rows = Rows::new(Vec::new(), &header)?;
    rows.row(&filled(drawn_from(drawn), width))?;
    let sample = drawn.sample.iter().map(|item| ("sample", item)).enumerate();
    let exceptions = drawn
        .exceptions
        .iter()
        .map(|item| ("exception", item))
        .enumerate();
    for (index, (part, item)) in sample.chain(exceptions) {
        let mut cells = filled(vec![Cell::from(part)], DRAWN_FROM.len());
        cells.push(Cell::from(i64::try_from(index + 1).unwrap_or(i64::MAX)));
        cells.extend(of_item(item, names));
        cells.extend(item.tests.iter().flat_map(of_test));
        rows.row(&filled(cells, width))?;
    }
    rows.finish()
}

fn filled(mut cells: Vec<Cell<'_>>, width: usize) -> Vec<Cell<'_>> {
    cells.resize(width, Cell::Empty);
    cells
}

fn number<'a>(number: u64) -> Cell<'a> {
    Cell::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn drawn_from(drawn: &Drawn) -> Vec<Cell<'_>> {
    let wanted = &drawn.wanted;
    vec![
        Cell::from("drawn_from"),
        Cell::from(wanted.population.as_str()),
        Cell::from(wanted.from.map(|at| at.to_string())),
        Cell::from(wanted.to.map(|at| at.to_string())),
        Cell::from(wanted.unit.as_deref()),
        Cell::from(wanted.drawing.as_str()),
        Cell::from(wanted.seed.as_str()),
        Cell::from(i64::try_from(wanted.count).unwrap_or(i64::MAX)),
        number(drawn.size),
        Cell::from(drawn.root.as_str()),
        drawn.signed.map_or(Cell::Empty, number),
        number(drawn.population),
        number(drawn.excepted),
    ]
}

fn of_item<'a>(item: &'a Item, names: &'a BTreeMap<PersonId, String>) -> [Cell<'a>; 12] {
    let name = item.person.and_then(|person| names.get(&person));
    [
        number(item.seq),
        Cell::from(item.id.as_str()),
        Cell::from(item.at.to_string()),
        Cell::from(item.reference.as_str()),
        Cell::from(i64::from(item.revision)),
        Cell::from(item.digest.as_str()),
        Cell::from(item.stage.as_deref()),
        Cell::from(name.map(String::as_str)),
        Cell::from(item.outcome.as_str()),
        Cell::from(item.method),
        Cell::from(item.risk.as_deref()),
        Cell::from(item.leaf_hash.as_str()),
    ]
}

fn of_test(test: &Test) -> [Cell<'_>; 3] {
    [
        Cell::from(test.verdict.as_str()),
        Cell::from(test.sentence.as_str()),
        Cell::from(listed(&test.entries)),
    ]
}

/// Numbers of entries as people read them.
pub(super) fn listed(entries: &[u64]) -> String {
    let numbers: Vec<String> = entries.iter().map(u64::to_string).collect();
    numbers.join(", ")
}
