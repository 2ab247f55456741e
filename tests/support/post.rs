//! A register whose mails go to a server of the story's own.

use super::database::fresh_sqlite;
use super::register::{Case, Register, stage, workflow};
use super::smtp::{Mail, Smtp};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::MessageId;
use countersign::db::schema::{outbox, people, sign_off_links};
use countersign::notify::outbox::Message;
use countersign::notify::{Postman, Worker};
use diesel::prelude::*;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take before the story fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything the program wrote to its log in this process.
pub static LOG: LazyLock<Log> = LazyLock::new(Log::default);

#[derive(Clone, Default)]
pub struct Log(pub Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A register whose mails go to a server of the story's own.
pub struct Post {
    pub runtime: Runtime,
    pub register: Register,
    pub app: App,
    pub smtp: Smtp,
}

/// A worker at work.
pub struct Running {
    pub task: JoinHandle<()>,
    pub stop: oneshot::Sender<()>,
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Queryable)]
pub struct Row {
    pub id: MessageId,
    pub template: String,
    pub state: String,
    pub attempts: i32,
    pub last_error: Option<String>,
}

/// A register whose mails are not held, on this database.
pub fn open(url: String) -> Post {
    open_with(url, |_| {})
}

/// As [`open`], with other settings.
pub fn open_with(url: String, change: impl FnOnce(&mut Config)) -> Post {
    let log = LOG.clone();
    // Another story of this process may have set it already.
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || log.clone())
        .try_init();
    let smtp = Smtp::start_with(&["--slow", "3"]);
    let register = Register::open(url.clone());
    let mut config = Config {
        database_url: url,
        public_url: "https://register.test/ai".to_owned(),
        smtp_url: format!("{}?timeout=20", smtp.url()),
        mail_from: "Countersign <register@countersign.test>".to_owned(),
        organisation: "Harbour Mutual".to_owned(),
        mail_hold: 0,
        readers: 4,
        ..Config::default()
    };
    change(&mut config);
    let app = App::open(config, register.desk.clock.clone()).expect("the program opens");
    let runtime = Runtime::new().expect("a runtime");
    Post {
        runtime,
        register,
        app,
        smtp,
    }
}

pub fn on_sqlite() -> (TempDir, Post) {
    let (folder, url) = fresh_sqlite();
    (folder, open(url))
}

impl Post {
    pub fn worker(&self) -> Running {
        self.worker_with(Postman::new(&self.app.config).expect("the URL is understood"))
    }

    pub fn worker_to(&self, url: &str) -> Running {
        let config = Config {
            smtp_url: url.to_owned(),
            ..Config::default()
        };
        self.worker_with(Postman::new(&config).expect("the URL is understood"))
    }

    pub fn worker_with(&self, postman: Postman) -> Running {
        let worker = Worker::new(self.app.clone(), postman).expect("a worker");
        let (stop, stopped) = oneshot::channel();
        let task = self.runtime.spawn(worker.run(async move {
            let _ = stopped.await;
        }));
        Running { task, stop }
    }

    /// A use case that waits for this one person, who may be new.
    pub fn waits_for(&self, name: &str) -> Case {
        self.register.appoint(name, "guest");
        let address = format!("{name}@example.org");
        let seat = json!({"key": "one", "from": [{"person": address}], "need": 1,
                          "fallback": [{"role": "stand_in"}]});
        self.register
            .publish(&workflow(&[stage("check", &[], &[seat])]));
        self.register.submitted_by("tomas", json!({}))
    }

    pub fn seconds_pass(&self, seconds: u64) {
        let clock: &Clock = &self.register.desk.clock;
        clock.set(clock.now().plus(Duration::from_secs(seconds)));
        self.app.post.notify_one();
    }

    /// Time passes once no message is on its way: one that was would be taken for abandoned.
    pub fn later(&self, seconds: u64) {
        until("messages on their way", || {
            let rows = self.rows();
            let on_its_way = |row: &Row| row.state == "queued" && row.attempts > 0;
            (!rows.iter().any(on_its_way)).then_some(())
        });
        self.seconds_pass(seconds);
    }

    pub fn mails(&self, count: usize) -> Vec<Mail> {
        self.runtime.block_on(self.smtp.wait_for(count))
    }

    /// The messages of the outbox in the order in which they were queued.
    pub fn rows(&self) -> Vec<Row> {
        self.register.reads(|conn| {
            let columns = (
                outbox::id,
                outbox::template,
                outbox::state,
                outbox::attempts,
                outbox::last_error,
            );
            Ok(outbox::table.order(outbox::id).select(columns).load(conn)?)
        })
    }

    pub fn task_row(&self) -> Row {
        let rows = self.rows();
        rows.into_iter()
            .find(|row| row.template == "task")
            .expect("a task mail is owed")
    }

    /// Waits until the first task mail is as wanted.
    pub fn task_row_when(&self, wanted: impl Fn(&Row) -> bool) -> Row {
        until("the task mail", || {
            Some(self.task_row()).filter(|row| wanted(row))
        })
    }

    /// Waits until no message is queued.
    pub fn all_done(&self) -> Vec<Row> {
        let done = |rows: &Vec<Row>| rows.iter().all(|row| row.state != "queued");
        until("an empty outbox", || Some(self.rows()).filter(done))
    }

    /// Sign-off links made so far: each right before its mail is handed over.
    pub fn links(&self) -> i64 {
        self.register
            .reads(|conn| Ok(sign_off_links::table.count().get_result(conn)?))
    }

    pub fn is_reachable(&self, name: &str) -> bool {
        let id = self.register.person(name);
        self.register.reads(|conn| {
            Ok(people::table
                .find(id)
                .select(people::reachable)
                .first::<bool>(conn)?)
        })
    }

    pub fn rename(&self, name: &str, to: &str) {
        let (id, to) = (self.register.person(name), to.to_owned());
        let renamed = self.register.db.upkeep_now(move |tx| {
            diesel::update(people::table.find(id))
                .set(people::name.eq(to))
                .execute(&mut **tx)?;
            Ok(())
        });
        renamed.expect("another name");
    }

    pub fn asks_to_sign_in(&self, name: &str) {
        let (id, now) = (self.register.person(name), self.register.desk.clock.now());
        let queued = self.register.db.upkeep_now(move |tx| {
            countersign::notify::outbox::queue(tx, Message::new("sign_in", id), now)
        });
        queued.expect("a queued mail");
        self.app.post.notify_one();
    }

    pub fn message_id(&self, row: &Row) -> String {
        format!("<{}@register.test>", row.id)
    }
}

impl Running {
    /// Ends as a killed process does.
    pub fn dies(self) {
        self.task.abort();
    }
}

/// Asks again and again until there is an answer.
pub fn until<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
