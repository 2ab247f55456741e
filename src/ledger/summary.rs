//! What a filter shows of the log, on one page that can be printed: counts, decisions, and how far
//! the log is signed.
use crate::app::App;
use crate::db::{At, Conn};
use crate::error::Result;
use crate::ledger::download::filter_words;
use crate::ledger::page::{Row, Wanted};
use crate::ledger::seal::{self, Standing};
use crate::ledger::turns::{Turn, Turns};
use crate::ledger::views::in_words;
use crate::ledger::{Count, Filter, Page, head, root};
use crate::review::words;
use crate::review::{Desk, log_page};
use crate::web::answer::page;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decisions that are listed; the rest is counted.
pub const LISTED_MAX: i64 = 200;
/// Entries that are counted at any time; from more on a turn is needed.
const QUICKLY: u64 = 20_000;

/// Turns at counting the log from its beginning.
pub fn turns() -> Arc<Turns> {
    Turns::new("counts of the log", 2, 1)
}

/// The kind of entry that a decision is.
const DECISION: &str = "decision.recorded";

#[derive(Serialize)]
struct SummaryPage {
    /// What the log is narrowed to.
    filter: Vec<Narrowed>,
    /// The filter as a query, for the way back.
    query: String,
    count: i64,
    first: Option<At>,
    last: Option<At>,
    kinds: Vec<Tally>,
    outcomes: Vec<Tally>,
    /// The newest decisions.
    rows: Vec<Row>,
    /// How many decisions there are besides.
    hidden: i64,
    size: u64,
    root: String,
    standing: Standing,
}

#[derive(Serialize)]
struct Narrowed {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Tally {
    name: String,
    count: i64,
}

/// `GET /log/summary`: the summary of what the same filter shows on `GET /log`.
///
/// # Errors
/// For filters that cannot be read.
pub async fn summary(
    app: web::Data<App>,
    visitor: Visitor,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let (desk, wanted) = (app.desk.clone(), wanted.into_inner());
    let scope = visitor.scope.clone();
    let standing = seal::standing(&app).await?;
    let read = move |conn: &mut Conn| Ok((wanted.filter(conn, &scope)?, head(conn)?.0, wanted));
    let (filter, size, wanted) = app.db.read(read).await?;
    let counted = app.counted.clone();
    let ahead = size.saturating_sub(counted.size(&filter));
    let turn = turn_at(&app.counting, ahead, &visitor)?;
    let draw = move |conn: &mut Conn| {
        // Whoever goes away does not end the counting, and so keeps the turn.
        let _turn = turn;
        let counts = counted.counts(conn, &filter, size)?;
        draw_up(conn, &desk, (&wanted, &filter), (size, &counts), standing)
    };
    let context = app.db.read(draw).await?;
    page(&app, &visitor, "log", "log-summary", &context)
}

/// The turn at counting so many entries, where one is needed.
fn turn_at(counting: &Arc<Turns>, entries: u64, visitor: &Visitor) -> Result<Option<Turn>> {
    match entries > QUICKLY {
        true => Ok(Some(counting.take(visitor.actor()?.person)?)),
        false => Ok(None),
    }
}

fn draw_up(
    conn: &mut Conn,
    desk: &Desk,
    (wanted, filter): (&Wanted, &Filter),
    (size, counts): (u64, &[Count]),
    standing: Standing,
) -> Result<SummaryPage> {
    let decisions = Filter {
        kind: Some(DECISION.to_owned()),
        ..filter.clone()
    };
    let items = log_page(conn, desk, &decisions, Page::Newest, LISTED_MAX)?;
    let listed = i64::try_from(items.len()).unwrap_or(LISTED_MAX);
    let of_decisions = counts.iter().filter(|count| count.kind == DECISION);
    let decided: i64 = of_decisions.map(|count| count.count).sum();
    Ok(SummaryPage {
        filter: narrowed(wanted, filter),
        query: wanted.query(),
        count: counts.iter().map(|count| count.count).sum(),
        first: counts.iter().filter_map(|count| count.first).min(),
        last: counts.iter().filter_map(|count| count.last).max(),
        kinds: kinds(counts),
        outcomes: outcomes(counts),
        rows: items.into_iter().map(Row::of).collect(),
        hidden: decided - listed,
        size,
        root: root(conn, size)?.to_string(),
        standing,
    })
}

/// The filter as it was read: whom an address or a reference means is told as it was asked.
fn narrowed(wanted: &Wanted, filter: &Filter) -> Vec<Narrowed> {
    let words = filter_words(filter);
    let all = words.into_iter().map(|(name, value)| Narrowed {
        value: match name.as_str() {
            "person" => wanted.person.trim().to_owned(),
            "record" => wanted.record.trim().to_owned(),
            _ => value.as_str().unwrap_or_default().to_owned(),
        },
        name: words::sentence(&name).trim_end_matches('.').to_owned(),
    });
    all.collect()
}

fn kinds(counts: &[Count]) -> Vec<Tally> {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for count in counts {
        *sums.entry(count.kind.as_str()).or_default() += count.count;
    }
    let tally = |(kind, count)| Tally {
        name: in_words(kind),
        count,
    };
    sums.into_iter().map(tally).collect()
}

fn outcomes(counts: &[Count]) -> Vec<Tally> {
    let decisions = counts.iter().filter(|count| count.kind == DECISION);
    let tally = |count: &Count| Tally {
        name: words::sentence(&words::done_by_key(
            count.outcome.as_deref().unwrap_or_default(),
        ))
        .trim_end_matches('.')
        .to_owned(),
        count: count.count,
    };
    decisions.map(tally).collect()
}
