//! When a review is expected to end: by how long earlier ones took on the same route, or, while
//! these are too few, by the times that its stages may take.
use crate::calendar::Calendar;
use crate::db::{At, Conn};
use crate::error::Result;
use crate::review::engine::{
    self, Calendars, Context, Directory, Forecast, Needed, Progress, Review,
};
use crate::review::expected::{Expected, Past, expected};
use crate::review::service::Desk;
use crate::review::store;
use crate::review::workflows::Loaded;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Earlier reviews that are looked at, the newest.
const NEWEST: i64 = 200;

/// When a review is expected to end, as `parts/finish` draws it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finish {
    /// From how many earlier reviews; none when it follows from the clocks of the stages.
    pub past: Option<usize>,
    /// When half of them would have ended; by the clocks, when the last stage is due.
    pub half: At,
    /// When 85 of 100 would have ended; by the clocks the same.
    pub most: At,
}

/// When a running review, or one that begins now, is expected to end. Nothing for one that is over,
/// and where neither earlier reviews nor clocks say anything.
///
/// # Errors
/// When the database fails.
pub fn finish(
    conn: &mut Conn,
    desk: &Desk,
    loaded: &Loaded,
    review: &Review,
    request: &Value,
) -> Result<Option<Finish>> {
    if !review.phase.is_running() {
        return Ok(None);
    }
    let key = &loaded.workflow.calendar;
    let calendars = Calendars {
        current: desk.calendars.current(conn, key)?,
        earlier: BTreeMap::new(),
    };
    let directory = Directory::default();
    let ctx = Context {
        workflow: &loaded.workflow,
        forms: &loaded.forms,
        request,
        directory: &directory,
        calendars: &calendars,
    };
    let route = route(&ctx, review);
    let past = past(conn, &review.workflow.key, &route)?;
    let calendar = &calendars.current.calendar;
    Ok(match expected(calendar, review.opened_at, &past) {
        Expected::Finish(finish) => Some(Finish {
            past: Some(finish.past),
            half: finish.by_median,
            most: finish.by_most,
        }),
        Expected::TooFew { .. } => {
            by_clocks(&ctx, review, &route, desk.clock.now()).map(|at| Finish {
                past: None,
                half: at,
                most: at,
            })
        }
    })
}

/// The stages that this review takes: those it took, and those it will surely need.
fn route(ctx: &Context, review: &Review) -> BTreeSet<String> {
    let ahead = engine::forecast(ctx, review);
    let takes = |forecast: &Forecast| match review.stage(&forecast.stage).map(|run| run.progress) {
        Some(Progress::Pending) | None => forecast.needed == Needed::Yes,
        Some(progress) => progress != Progress::Skipped,
    };
    let taken = ahead.into_iter().filter(takes);
    taken.map(|forecast| forecast.stage).collect()
}

fn past(conn: &mut Conn, workflow: &str, route: &BTreeSet<String>) -> Result<Vec<Past>> {
    let route: Vec<&str> = route.iter().map(String::as_str).collect();
    let rows = store::closed_on(conn, workflow, &route.join(" "), NEWEST)?;
    let past = |(opened, closed)| Past { opened, closed };
    Ok(rows.into_iter().map(past).collect())
}

/// When the last stage of the route is due if every stage takes as long as it may; nothing when one
/// of them has no clock.
fn by_clocks(ctx: &Context, review: &Review, route: &BTreeSet<String>, now: At) -> Option<At> {
    let calendar: &Calendar = &ctx.calendars.current.calendar;
    let mut ends: BTreeMap<&str, At> = BTreeMap::new();
    for stage in ctx.workflow.in_order() {
        if !route.contains(&stage.key) {
            continue;
        }
        let run = review.stage(&stage.key);
        let needs = stage.needs.iter().filter_map(|key| ends.get(key.as_str()));
        let begins = needs.copied().max().unwrap_or(now).max(now);
        let end = match run.map(|run| (run.progress, &run.clock)) {
            Some((Progress::Open, Some(clock))) => clock.due.max(now),
            Some((Progress::Pending, _)) | None => {
                calendar.due(begins, &stage.sla.as_ref()?.due, &[])
            }
            Some((Progress::Open, None)) => return None,
            Some(_) => now,
        };
        ends.insert(&stage.key, end);
    }
    ends.into_values().max()
}
