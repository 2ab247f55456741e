//! The signing worker: signs soon after something was entered, at most once a second, and looks
//! each hour whether all that was signed still holds.
use crate::app::App;
use crate::error::Result;
use crate::ledger::head;
use crate::ledger::seal::outside;
use crate::ledger::seal::signer::{Signed, sign};
use std::future::Future;
use std::time::Duration;

/// How often the ledger's size is looked at when nobody rings: other nodes enter as well.
const POLL: Duration = Duration::from_secs(1);
/// How often, in polls, everything is looked at though nothing was entered.
const HEARTBEAT: u32 = 3600;
/// How often, in polls, signing is tried again after it was refused.
const RETRY: u32 = 30;

/// Signs until `shutdown` is over, and once more then.
pub async fn run(app: App, shutdown: impl Future<Output = ()>) {
    if app.sealer.paths().is_none() {
        tracing::warn!(
            "COUNTERSIGN_SIGNING_KEY_FILE is empty: the ledger's checkpoints are not signed here"
        );
        return shutdown.await;
    }
    tokio::select! {
        () = outside::run(app.clone()) => {}
        () = sealing(app, shutdown) => {}
    }
}

async fn sealing(app: App, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut worker = Worker {
        app: app.clone(),
        size: None,
        polls: 0,
    };
    loop {
        let signed = worker.look().await;
        // Whatever is entered in the next second shares a checkpoint.
        let pause = if signed { POLL } else { Duration::ZERO };
        tokio::select! {
            () = &mut shutdown => break,
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            () = &mut shutdown => break,
            () = app.sealer.bell.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
    worker.polls = HEARTBEAT;
    worker.look().await;
}

struct Worker {
    app: App,
    /// What was signed last, as far as this process knows.
    size: Option<u64>,
    polls: u32,
}

impl Worker {
    /// Signs when there is a reason to; whether it did.
    async fn look(&mut self) -> bool {
        self.polls = self.polls.saturating_add(1);
        let due = match self.app.db.read(|conn| Ok(head(conn)?.0)).await {
            Ok(size) => self.is_due(size),
            Err(error) => {
                tracing::error!(%error, "the ledger cannot be read");
                false
            }
        };
        if !due {
            return false;
        }
        self.polls = 0;
        let app = self.app.clone();
        match tokio::task::spawn_blocking(move || sign(&app)).await {
            Ok(signed) => self.note(signed),
            Err(_) => false,
        }
    }

    fn is_due(&self, size: u64) -> bool {
        match (self.app.sealer.halted(), self.size) {
            (Some(_), _) => self.polls >= RETRY,
            (None, Some(signed)) => signed != size || self.polls >= HEARTBEAT,
            (None, None) => true,
        }
    }

    fn note(&mut self, signed: Result<Signed>) -> bool {
        let (size, halted) = match signed {
            Ok(Signed::Now(checkpoint)) => {
                tracing::debug!(size = checkpoint.size, "checkpoint signed");
                (Some(checkpoint.size), None)
            }
            Ok(Signed::Before(checkpoint)) => (Some(checkpoint.size), None),
            Ok(Signed::Refused(why)) => (None, Some(why)),
            Err(error) => (None, Some(error.to_string())),
        };
        self.size = size;
        let news = self.app.sealer.halt(halted.clone());
        match halted {
            Some(why) if news => tracing::error!(why, "checkpoints are not signed any more"),
            None if news => tracing::info!("checkpoints are signed again"),
            _ => {}
        }
        if size.is_some() {
            // Receipts that waited for this checkpoint can go out.
            self.app.post.notify_one();
            self.app.sealer.signed.notify_one();
        }
        size.is_some()
    }
}
