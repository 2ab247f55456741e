//! The worker: takes messages from the outbox and sees them out, a few at a time.
use crate::app::App;
use crate::db::{At, Tx};
use crate::error::Result;
use crate::notify::Timetable;
use crate::notify::breaker::Breaker;
use crate::notify::catalogue::{Waits, sort_of};
use crate::notify::letter::Sender;
use crate::notify::mail;
use crate::notify::outbox::{self, Owed};
use crate::notify::postman::{Failure, Postman};
use crate::notify::returns::{self, Maildir};
use crate::notify::status::Status;
use crate::people::mailing;
use crate::review;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often the outbox is looked at when nobody rings.
const POLL: Duration = Duration::from_secs(1);
/// How often mail that came back is looked for.
const RETURNS_POLL: Duration = Duration::from_secs(2);
/// How long it is let be after that failed.
const RETURNS_PAUSE: Duration = Duration::from_secs(300);
/// How long messages on their way are waited for at the end.
const GRACE: Duration = Duration::from_secs(10);
/// Added to the time one message can take at most, before another worker may take it.
const LEASE_SPARE: Duration = Duration::from_secs(120);
/// Seconds until the next attempt; later ones follow hourly.
const DELAYS: [u64; 5] = [10, 30, 120, 600, 1800];
const HOUR: u64 = 3600;
/// Attempts before a message is given up: about a day.
const ATTEMPTS_MAX: i32 = 29;

/// Sends what the outbox owes.
#[derive(Clone)]
pub struct Worker {
    app: App,
    postman: Postman,
    sender: Arc<Sender>,
    breaker: Arc<Mutex<Breaker>>,
    bounces: Option<Maildir>,
}

/// How one attempt ended.
enum Ending {
    Sent,
    Dropped(&'static str),
    Failed(Failure),
    /// We are at fault; to be tried again.
    Trouble(String),
    /// The message can never be built.
    Parked(String),
    /// It waits for something that comes in a moment.
    Early,
}

impl Worker {
    /// A worker that hands letters to `postman`.
    ///
    /// # Errors
    /// [`crate::error::Error::Configuration`] when the sender's address is none, or there is no
    /// Maildir where bounces are looked for.
    pub fn new(app: App, postman: Postman) -> Result<Worker> {
        let sender = Arc::new(Sender::new(&app.config)?);
        let bounces = Maildir::open(&app.config.bounce_dir)?;
        Ok(Worker {
            app,
            postman,
            sender,
            breaker: Arc::default(),
            bounces,
        })
    }

    /// Works until `shutdown` is over, then waits a little for messages on their way. What does
    /// not arrive in time is sent by the next worker.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        if matches!(self.postman, Postman::Nobody) {
            tracing::warn!("COUNTERSIGN_SMTP_URL is empty: mails wait until it names a server");
            return shutdown.await;
        }
        let watch = AbortOnDrop(tokio::spawn(self.clone().watch_returns()));
        let mut shutdown = std::pin::pin!(shutdown);
        let mut on_their_way = JoinSet::new();
        loop {
            if let Err(error) = self.fill(&mut on_their_way).await {
                tracing::error!(%error, "the outbox cannot be read");
            }
            tokio::select! {
                () = &mut shutdown => break,
                Some(done) = on_their_way.join_next() => note(done),
                () = self.app.post.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        drop(watch);
        let rest = async { while on_their_way.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, rest).await.is_err() {
            tracing::warn!("mails on their way were left to the next worker");
        }
    }

    /// Looks again and again for mail that came back, and for people whose mail no longer does.
    async fn watch_returns(self) {
        loop {
            let worker = self.clone();
            let looked = tokio::task::spawn_blocking(move || worker.look_for_returns()).await;
            let (moved, pause) = looked.unwrap_or((false, RETURNS_PAUSE));
            if moved {
                look_again(&self.app).await;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether somebody is out of reach or in it again, and when to look again. What one of the
    /// two found counts though the other fails.
    fn look_for_returns(&self) -> (bool, Duration) {
        let lost = match &self.bounces {
            Some(maildir) => maildir.sweep(&self.app),
            None => Ok(false),
        };
        let (mut moved, mut pause) = (false, RETURNS_POLL);
        for found in [lost, returns::forgive(&self.app)] {
            match found {
                Ok(found) => moved |= found,
                Err(error) => {
                    tracing::error!(%error, "mail that came back could not be looked for");
                    pause = RETURNS_PAUSE;
                }
            }
        }
        (moved, pause)
    }

    /// Claims as many due messages as there are places, and starts them.
    async fn fill(&self, on_their_way: &mut JoinSet<()>) -> Result<()> {
        let now = self.app.desk.clock.now();
        let hold = self.app.desk.timetable.hold();
        let places = self.with_breaker(|breaker| breaker.places(now));
        let free = places.saturating_sub(on_their_way.len());
        if free == 0
            || !self
                .app
                .db
                .read(move |conn| outbox::is_due(conn, now, hold))
                .await?
        {
            return Ok(());
        }
        let desk = self.app.desk.clone();
        let lease = now.plus(LEASE_SPARE + self.postman.patience());
        let claimed = self
            .app
            .db
            .upkeep(move |tx| claim(tx, &desk.timetable, free, now, lease))
            .await?;
        for owed in claimed {
            on_their_way.spawn(self.clone().carry(owed));
        }
        Ok(())
    }

    async fn carry(self, owed: Owed) {
        let ending = match self.attempt(&owed).await {
            Ok(ending) => ending,
            Err(error) => Ending::Trouble(error.to_string()),
        };
        let now = self.app.desk.clock.now();
        self.tell_breaker(&ending, now);
        report(&owed, &ending);
        let settled = move |tx: &mut Tx| settle(tx, &owed, ending, now);
        match self.app.db.upkeep(settled).await {
            Ok(true) => look_again(&self.app).await,
            Ok(false) => {}
            // The lease brings the message back; its Message-ID shows that it is the same.
            Err(error) => tracing::error!(%error, "how a mail fared could not be noted"),
        }
    }

    async fn attempt(&self, owed: &Owed) -> Result<Ending> {
        let (app, message) = (self.app.clone(), owed.clone());
        let now = app.desk.clock.now();
        let draft = self
            .app
            .db
            .read(
                move |conn| match mail::waits_for_seal(conn, &message, now)? {
                    true => Ok(None),
                    false => mail::draft(conn, &app, &message, now).map(Some),
                },
            )
            .await?;
        let mut draft = match draft {
            None => return Ok(Ending::Early),
            Some(Ok(draft)) => draft,
            Some(Err(unwanted)) => return Ok(Ending::Dropped(unwanted)),
        };
        let counter = match self.postman.ready().await {
            Ok(counter) => counter,
            Err(failure) => return Ok(Ending::Failed(failure)),
        };
        let (key, digests) = (draft.key.clone(), draft.ends_digests_of);
        let make = move |tx: &mut Tx| mail::link(tx, key, digests, now);
        let made = self.app.db.upkeep(make).await?;
        let way = match made {
            Ok(way) => way,
            Err(unwanted) => return Ok(Ending::Dropped(unwanted)),
        };
        draft.cover.unsubscription = way.unsubscription(&self.app);
        let words = mail::render(&self.app, &draft, &way)?;
        let letter = match self.sender.letter(draft.cover, words) {
            Ok(letter) => letter,
            Err(unbuildable) => return Ok(Ending::Parked(unbuildable)),
        };
        Ok(match counter.take(letter).await {
            Ok(()) => Ending::Sent,
            Err(failure) => Ending::Failed(failure),
        })
    }

    fn tell_breaker(&self, ending: &Ending, now: At) {
        match ending {
            Ending::Failed(Failure::Server(why)) => {
                let pause = self.with_breaker(|breaker| breaker.failed(now));
                if let Some(pause) = pause {
                    let seconds = pause.as_secs();
                    tracing::warn!(why, seconds, "the mail server is out of reach; mails wait");
                }
            }
            Ending::Sent | Ending::Failed(_) => {
                if self.with_breaker(Breaker::answered) {
                    tracing::info!("the mail server is back; mails are sent again");
                }
            }
            Ending::Dropped(_) | Ending::Trouble(_) | Ending::Parked(_) | Ending::Early => {}
        }
    }

    fn with_breaker<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self
            .breaker
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut breaker)
    }
}

/// Ends a task with whoever started it.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn note(done: std::result::Result<(), tokio::task::JoinError>) {
    if let Err(error) = done {
        // Its lease gives the message back.
        tracing::error!(%error, "sending a mail broke off");
    }
}

/// Claims due messages. What waits for the morning is put off until then: an hour that was good
/// when a message was queued need not be good when it is sent.
fn claim(tx: &mut Tx, table: &Timetable, most: usize, now: At, lease: At) -> Result<Vec<Owed>> {
    let morning = table.quiet_until(now);
    let mut claimed = Vec::new();
    while claimed.len() < most
        && let Some(owed) = outbox::claim(tx, now, table.hold(), lease)?
    {
        let sort = sort_of(&owed.template, owed.task_id.is_some());
        match morning.filter(|_| sort.waits == Waits::Morning) {
            Some(morning) => outbox::postpone(tx, owed.id, morning)?,
            None => claimed.push(owed),
        }
    }
    Ok(claimed)
}

fn report(owed: &Owed, ending: &Ending) {
    let (id, template) = (owed.id, owed.template.as_str());
    match ending {
        Ending::Sent => tracing::info!(%id, template, "mail sent"),
        Ending::Dropped(why) => tracing::info!(%id, template, why, "mail no longer wanted"),
        Ending::Failed(Failure::Server(_)) | Ending::Early => {}
        Ending::Failed(Failure::Later(why) | Failure::Never(why) | Failure::Lost(_, why)) => {
            tracing::warn!(%id, template, why, attempt = owed.attempts, "mail not taken");
        }
        Ending::Trouble(why) => tracing::error!(%id, template, why, "mail could not be made"),
        Ending::Parked(why) => tracing::error!(%id, template, why, "mail cannot be built"),
    }
}

/// Has the seats of running reviews looked at anew, because mail reaches somebody no more, or
/// again. What was noted about the mail stands even if this fails.
pub async fn look_again(app: &App) {
    let moved = review::look_again(app, &mailing::postmaster()).await;
    if moved > 0 {
        tracing::info!(moved, "reviews were given to others whom mail reaches");
    }
}

/// Notes how an attempt ended. Whether mail reaches its person no more, or again, by that.
fn settle(tx: &mut Tx, owed: &Owed, ending: Ending, now: At) -> Result<bool> {
    let (id, person) = (owed.id, owed.person_id);
    match ending {
        Ending::Sent => {
            let stays = outbox::finish(tx, id, "sent", None, now)?;
            return Ok(stays && mailing::taken(tx, now, person)?);
        }
        Ending::Dropped(why) => {
            outbox::finish(tx, id, "dropped", Some(why), now)?;
        }
        Ending::Parked(why) => {
            outbox::finish(tx, id, "failed", Some(&why), now)?;
        }
        Ending::Early => outbox::postpone(tx, id, now.plus(POLL))?,
        Ending::Failed(Failure::Server(why)) => outbox::give_back(tx, id, now, &why)?,
        Ending::Failed(Failure::Later(why)) | Ending::Trouble(why)
            if owed.attempts < ATTEMPTS_MAX =>
        {
            outbox::retry(tx, id, now.plus(delay(owed.attempts)), &why)?;
        }
        Ending::Trouble(why) | Ending::Failed(Failure::Never(why)) => {
            outbox::finish(tx, id, "failed", Some(&why), now)?;
        }
        Ending::Failed(Failure::Later(why)) => {
            let code = Status::within(&why).map_or_else(|| "none".to_owned(), |s| s.to_string());
            outbox::finish(tx, id, "failed", Some(&why), now)?;
            return mailing::lose(tx, now, person, &code, false);
        }
        Ending::Failed(Failure::Lost(code, why)) => {
            outbox::finish(tx, id, "failed", Some(&why), now)?;
            return mailing::lose(tx, now, person, &code, false);
        }
    }
    Ok(false)
}

/// How long to wait after so many attempts: a little more than the schedule says, so that
/// messages refused together do not come back together.
fn delay(attempts: i32) -> Duration {
    let tried = usize::try_from(attempts).unwrap_or(1).saturating_sub(1);
    let seconds = DELAYS.get(tried).copied().unwrap_or(HOUR);
    let jitter = crate::ledger::random::<1>().map_or(0, |[byte]| u64::from(byte));
    Duration::from_millis(seconds * 1000 + seconds * jitter / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_at_growing_intervals_for_about_a_day() {
        let mut total = Duration::ZERO;
        for (attempt, least) in [(1, 10), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600)] {
            let delay = delay(attempt).as_secs();
            assert!(
                (least..=least + least / 7 + 1).contains(&delay),
                "{attempt}: {delay}"
            );
        }
        for attempt in 1..ATTEMPTS_MAX {
            total += delay(attempt);
        }
        let hours = total.as_secs() / 3600;
        assert!((23..=28).contains(&hours), "{hours} hours");
    }
}
