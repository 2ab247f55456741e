//! What the program is made of: built once, handed on, no globals.
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, RefusalId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::ledger::seal::Sealer;
use crate::ledger::turns::Turns;
use crate::ledger::{Counted, send, summary, verifying};
use crate::notify::{Mailbox, Timetable};
use crate::register::Kinds;
use crate::review::Desk;
use crate::templates::{Place, Templates};
use std::sync::Arc;
use tokio::sync::Notify;

/// The running program.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// Clock, kinds and workflows.
    pub desk: Arc<Desk>,
    /// The settings.
    pub config: Arc<Config>,
    /// Pages and mails.
    pub templates: Arc<Templates>,
    /// Rung when a message may have been queued, so that the mail worker looks at once.
    pub post: Arc<Notify>,
    /// What seals the ledger, and how that fares.
    pub sealer: Arc<Sealer>,
    /// Files that may be checked at this moment for whoever brings one.
    pub verifying: Arc<Turns>,
    /// Files that may be taken out of the log at this moment.
    pub exporting: Arc<Turns>,
    /// Counts of the log that may be made from its beginning at this moment.
    pub counting: Arc<Turns>,
    /// What was counted of the log before.
    pub counted: Arc<Counted>,
    /// The demo's mailbox; there only in the throw-away demo, where anyone may act as anyone.
    pub mailbox: Option<Mailbox>,
}

impl App {
    /// Opens the database and loads what is embedded.
    ///
    /// # Errors
    /// When the database is out of reach or of a newer schema.
    pub fn open(config: Config, clock: Clock) -> Result<App> {
        let db = Db::open(&config.database_url, config.readers)?;
        let zone = jiff::tz::TimeZone::get(&config.time_zone)
            .map_err(|e| Error::Configuration(format!("time_zone: {e}")))?;
        let desk = Desk {
            clock,
            zone: zone.clone(),
            kinds: Kinds::load()?,
            workflows: Default::default(),
            calendars: Default::default(),
            policies: Default::default(),
            overview: Default::default(),
            timetable: Timetable::new(&config)?,
        };
        let place = Place {
            base_path: config.base_path().to_owned(),
            zone,
        };
        let templates =
            Templates::load(&place).map_err(|fault| Error::Configuration(fault.to_string()))?;
        Ok(App {
            db,
            desk: Arc::new(desk),
            sealer: Arc::new(Sealer::new(&config)),
            config: Arc::new(config),
            templates: Arc::new(templates),
            post: Arc::new(Notify::new()),
            verifying: verifying::turns(),
            exporting: send::turns(),
            counting: summary::turns(),
            counted: Arc::default(),
            mailbox: None,
        })
    }

    /// The same program as a demo, with its mailbox.
    pub fn as_demo(mut self) -> (App, Mailbox) {
        let mailbox = Mailbox::default();
        self.mailbox = Some(mailbox.clone());
        (self, mailbox)
    }

    /// Whether this is the demo.
    pub fn is_demo(&self) -> bool {
        self.mailbox.is_some()
    }

    /// Runs a command through the door. A refusal changes nothing and is noted apart from the
    /// decision log, under `name` and `subject`.
    ///
    /// # Errors
    /// What the command answers.
    pub async fn command<T: Send + 'static>(
        &self,
        name: &'static str,
        subject: String,
        actor: &Actor,
        work: impl FnOnce(&mut Tx, &Desk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let desk = self.desk.clone();
        let done = self.db.write(move |tx| work(tx, &desk)).await;
        match &done {
            Ok(_) => {
                self.post.notify_one();
                self.sealer.ring();
            }
            Err(error) => self.note_refusal(name, subject, actor, error).await,
        }
        done
    }

    async fn note_refusal(&self, command: &str, subject: String, actor: &Actor, error: &Error) {
        let meaning = error.meaning();
        if error.is_ours() {
            tracing::error!(command, %error, "a command failed");
            return;
        }
        let refused = Refused {
            at: self.desk.clock.now(),
            person: actor.person,
            method: actor.via.method.as_str(),
            command: command.to_owned(),
            subject,
            code: meaning.code,
        };
        if let Err(e) = self.db.upkeep(move |tx| refused.insert(tx)).await {
            tracing::error!(error = %e, "a refusal could not be noted");
        }
    }
}

struct Refused {
    at: crate::db::At,
    person: Option<crate::db::PersonId>,
    method: &'static str,
    command: String,
    subject: String,
    code: &'static str,
}

impl Refused {
    fn insert(self, tx: &mut Tx) -> Result<()> {
        use crate::db::schema::refusals;
        use diesel::prelude::*;
        diesel::insert_into(refusals::table)
            .values((
                refusals::id.eq(RefusalId::new()),
                refusals::at.eq(self.at),
                refusals::person_id.eq(self.person),
                refusals::method.eq(self.method),
                refusals::command.eq(self.command),
                refusals::subject.eq(self.subject),
                refusals::code.eq(self.code),
            ))
            .execute(&mut **tx)?;
        Ok(())
    }
}
