//! The clockwork: takes the steps of clocks that are due, each through the door.
use crate::app::App;
use crate::db::{ReviewId, TimerId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::review::engine::{Command, Timer};
use crate::review::keep::sync_timers;
use crate::review::service::{self, Desk};
use crate::review::{rounds, store};
use crate::vendor;
use std::future::Future;
use std::time::Duration;

/// How often due steps are looked for.
const POLL: Duration = Duration::from_secs(5);
/// Most steps taken before due ones are looked for again.
const BATCH: i64 = 100;

/// Takes due steps, and makes the daily round, until `shutdown` is over.
pub async fn run(app: App, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        if let Err(error) = tick(&app).await {
            tracing::error!(%error, "clocks cannot be read");
        }
        if let Err(error) = vendor::open_due(&app).await {
            tracing::error!(%error, "what a change at a vendor calls for cannot begin");
        }
        if let Err(error) = rounds::make(&app).await {
            tracing::error!(%error, "the daily round failed");
        }
        tokio::select! {
            () = &mut shutdown => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Takes every step that is due now, and says how many reviews that changed. Two programs may do
/// this at once: each step meets the state as it is in its own transaction and is taken once.
///
/// # Errors
/// When the database fails. A step that fails by itself is reported and left for later.
pub async fn tick(app: &App) -> Result<usize> {
    let mut taken = 0;
    // Those that failed, and those that had nothing to change: each is tried once.
    let mut tried: Vec<TimerId> = Vec::new();
    loop {
        let now = app.desk.clock.now();
        // Steps tried in vain must not keep those behind them from being seen.
        let most = BATCH.saturating_add(i64::try_from(tried.len()).unwrap_or(i64::MAX));
        let due = app
            .db
            .read(move |conn| store::due_timers(conn, now, most))
            .await?;
        let fresh: Vec<_> = due
            .into_iter()
            .filter(|(id, ..)| !tried.contains(id))
            .collect();
        if fresh.is_empty() {
            return Ok(taken);
        }
        for (id, review, timer) in fresh {
            match take(app, id, review, &timer).await {
                Ok(true) => taken += 1,
                Ok(false) => tried.push(id),
                Err(error) => {
                    tracing::error!(%error, %review, timer, "a step of a clock failed");
                    tried.push(id);
                }
            }
        }
    }
}

async fn take(app: &App, id: TimerId, review: ReviewId, timer: &str) -> Result<bool> {
    let step: Timer = serde_json::from_str(timer)?;
    let desk = app.desk.clone();
    let changed = app
        .db
        .write(move |tx| fire(tx, &desk, id, review, step))
        .await?;
    if changed {
        app.post.notify_one();
    } else {
        // The row says what the state does not: out of date, and put right here.
        let desk = app.desk.clone();
        app.db
            .upkeep(move |tx| put_right(tx, &desk, review))
            .await?;
    }
    Ok(changed)
}

fn fire(tx: &mut Tx, desk: &Desk, id: TimerId, review: ReviewId, step: Timer) -> Result<bool> {
    let system = Actor::system(Via::new(Method::Timer, "none"));
    if !store::timer_is_there(tx, id)? {
        tx.leave_unchanged();
        return Ok(true);
    }
    let before = store::review(tx, review)?;
    let after = service::command(tx, desk, &system, review, &Command::Fire(step))?;
    let changed = after != before;
    if !changed {
        tx.leave_unchanged();
    }
    Ok(changed)
}

fn put_right(tx: &mut Tx, desk: &Desk, review: ReviewId) -> Result<()> {
    let record = store::review(tx, review)?.record;
    let record = crate::register::by_id(tx, record)?;
    let (state, loading) = service::load(tx, desk, review, &record)?;
    sync_timers(tx, &loading, &state)
}

/// As [`tick`] after the daily round, for a thread that may block: the demo's story and tests.
///
/// # Errors
/// As [`tick`]; the first failure ends it.
pub fn tick_now(app: &App) -> Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Configuration(error.to_string()))?;
    runtime.block_on(async {
        rounds::make(app).await?;
        let begun = vendor::open_due(app).await?;
        Ok(begun + tick(app).await?)
    })
}
