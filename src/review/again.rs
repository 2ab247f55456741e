//! Running reviews looked at again: after the directory changed, after mail stopped or began to
//! reach somebody, and every morning.
//!
//! Readers find out which reviews would move, so that the writer, which everybody shares, is asked
//! for those alone, each in a write of its own.
use crate::app::App;
use crate::db::{Conn, Db, ReviewId, Tx};
use crate::error::Result;
use crate::ledger::Actor;
use crate::register;
use crate::review::engine::{self, Command};
use crate::review::service::{self, Desk};
use crate::review::store;
use std::sync::Arc;

/// Looks again at the tasks and seats of every running review; how many moved. What cannot be
/// looked at is reported and left for the next time, and keeps no other waiting.
pub async fn look_again(app: &App, actor: &Actor) -> usize {
    let (db, desk, actor) = (app.db.clone(), app.desk.clone(), actor.clone());
    let looked = tokio::task::spawn_blocking(move || look_again_now(&db, &desk, &actor)).await;
    let moved = looked.unwrap_or_else(|error| {
        tracing::error!(%error, "running reviews could not be looked at again");
        0
    });
    if moved > 0 {
        app.post.notify_one();
    }
    moved
}

/// As [`look_again`], for a thread that may block.
pub fn look_again_now(db: &Db, desk: &Arc<Desk>, actor: &Actor) -> usize {
    let running = db.read_now(store::running).unwrap_or_else(|error| {
        tracing::error!(%error, "running reviews could not be looked at again");
        Vec::new()
    });
    let mut moved = 0;
    for id in running {
        match look(db, desk, actor, id) {
            Ok(done) => moved += usize::from(done),
            Err(error) => {
                tracing::error!(%error, review = %id, "a review could not be looked at again");
            }
        }
    }
    moved
}

fn look(db: &Db, desk: &Arc<Desk>, actor: &Actor, id: ReviewId) -> Result<bool> {
    if !db.read_now(|conn| would_move(conn, desk, id))? {
        return Ok(false);
    }
    let (desk, actor) = (desk.clone(), actor.clone());
    db.write_now(move |tx| refill(tx, &desk, &actor, id))
}

fn would_move(conn: &mut Conn, desk: &Desk, id: ReviewId) -> Result<bool> {
    let record = store::review(conn, id)?.record;
    let record = register::by_id(conn, record)?;
    let (review, loading) = service::load(conn, desk, id, &record)?;
    let now = desk.clock.now();
    let (_, events) = engine::decide(&loading.context(), &review, &Command::Refill, now)?;
    Ok(!events.is_empty())
}

/// The review may have moved since it was read: whether it moves now.
fn refill(tx: &mut Tx, desk: &Desk, actor: &Actor, id: ReviewId) -> Result<bool> {
    let before = store::review(tx, id)?;
    let after = service::command(tx, desk, actor, id, &Command::Refill)?;
    tx.leave_unchanged();
    Ok(after != before)
}
