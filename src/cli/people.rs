//! `people add`, `people take`, `people leave`, `people return`, `people list`.
use crate::cli::{open_app, operator};
use crate::db::{Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::people::{self, Holding, Line, NewPerson, Person, auditor};
use crate::review::{self, Desk};
use clap::{Args, Subcommand};
use serde_json::json;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// People looked up at a time, below what a statement can name.
const AT_A_TIME: usize = 1000;

/// `countersign people …`
#[derive(Debug, Args)]
pub struct People {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a person, or give a known one more roles and groups, or a manager.
    #[command(
        after_help = "Example: countersign people add --email ann@example.org --name 'Ann Lee' \
                            --role legal --group ai_council --manager bo@example.org"
    )]
    Add(Add),
    /// Take roles and groups away from a person, or their manager.
    #[command(after_help = "Example: countersign people take --email ann@example.org --role legal")]
    Take(Take),
    /// Appoint an auditor, or change to what; they and the administrators are told by mail.
    #[command(
        after_help = "Example: countersign people auditor --email ann@example.org \
                            --unit Claims --from 2026-01-01 --until 2026-12-31 \
                            --last-day 2027-03-31"
    )]
    Auditor(Auditor),
    /// Note that a person left: every way in closes, their open questions go to others.
    #[command(
        after_help = "Example: countersign people leave --email ann@example.org \
                            --reason 'End of contract'"
    )]
    Leave {
        /// E-mail address.
        #[arg(long)]
        email: String,
        /// Why; kept beside the decision log.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Note that a person who left came back, to the roles and groups they still hold.
    #[command(after_help = "Example: countersign people return --email ann@example.org")]
    Return {
        /// E-mail address.
        #[arg(long)]
        email: String,
    },
    /// List the directory.
    #[command(after_help = "Example: countersign people list --json")]
    List {
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// E-mail address.
    #[arg(long)]
    email: String,
    /// Name as others read it.
    #[arg(long)]
    name: String,
    /// A role, such as legal or administrator; may be repeated.
    #[arg(long = "role")]
    roles: Vec<String>,
    /// A group, such as ai_council; may be repeated.
    #[arg(long = "group")]
    groups: Vec<String>,
    /// E-mail address of who manages them.
    #[arg(long)]
    manager: Option<String>,
}

#[derive(Debug, Args)]
struct Auditor {
    /// E-mail address.
    #[arg(long)]
    email: String,
    /// A business unit, as records name it; may be repeated. All when none is given.
    #[arg(long = "unit")]
    units: Vec<String>,
    /// First day of the log that they read, in UTC.
    #[arg(long, default_value = "")]
    from: String,
    /// Last day of the log that they read, in UTC.
    #[arg(long, default_value = "")]
    until: String,
    /// Last day of the role.
    #[arg(long, default_value = "")]
    last_day: String,
}

#[derive(Debug, Args)]
struct Take {
    /// E-mail address.
    #[arg(long)]
    email: String,
    /// A role; may be repeated.
    #[arg(long = "role")]
    roles: Vec<String>,
    /// A group; may be repeated.
    #[arg(long = "group")]
    groups: Vec<String>,
    /// Nobody manages them any more.
    #[arg(long)]
    manager: bool,
}

impl People {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::Add(add) => add.run(),
            Action::Take(take) => take.run(),
            Action::Auditor(auditor) => auditor.run(),
            Action::Leave { email, reason } => leave(email, reason),
            Action::Return { email } => come_back(email),
            Action::List { json } => list(json),
        }
    }
}

/// Runs a change of one person, and has the running reviews looked at again; the person, and
/// whether anything changed.
fn change(
    work: impl FnOnce(&mut Tx, &Desk) -> Result<PersonId> + Send + 'static,
) -> Result<(Person, bool)> {
    let app = open_app()?;
    let desk = app.desk.clone();
    let done = app.db.write_now(move |tx| {
        let person = work(tx, &desk)?;
        tx.leave_unchanged();
        Ok((people::known(tx, person)?, tx.has_entries()))
    })?;
    review::look_again_now(&app.db, &app.desk, &operator());
    Ok(done)
}

fn named(conn: &mut Conn, email: &str) -> Result<Person> {
    people::by_email(conn, email)?.ok_or_else(|| Error::not_found("person", email))
}

fn tell(person: &Person, told: &str) -> ExitCode {
    println!("{} <{}> {told}", person.name, person.email);
    ExitCode::SUCCESS
}

impl Add {
    fn run(self) -> Result<ExitCode> {
        let new = NewPerson {
            email: self.email,
            name: self.name,
            roles: self.roles,
            groups: self.groups,
        };
        let manager = self.manager;
        let (person, changed) = change(move |tx, desk| {
            let now = desk.clock.now();
            let person = people::add(tx, now, &operator(), &new)?;
            if let Some(email) = manager {
                let manager = named(tx, &email)?.id;
                people::set_manager(tx, now, &operator(), person, Some(manager))?;
            }
            Ok(person)
        })?;
        let told = match changed {
            true => "is in the directory",
            false => "was there already, unchanged",
        };
        Ok(tell(&person, told))
    }
}

impl Auditor {
    fn run(self) -> Result<ExitCode> {
        let typed = auditor::Typed {
            units: self.units,
            from: self.from,
            until: self.until,
            last_day: self.last_day,
        };
        let (person, changed) = change(move |tx, desk| {
            let (now, person) = (desk.clock.now(), named(tx, &self.email)?.id);
            let terms = typed.read(desk.today())?;
            auditor::appoint(tx, now, &operator(), person, &terms)?;
            Ok(person)
        })?;
        let told = match changed {
            true => "is appointed as an auditor",
            false => "was appointed so already, unchanged",
        };
        Ok(tell(&person, told))
    }
}

impl Take {
    fn run(self) -> Result<ExitCode> {
        let (person, changed) = change(move |tx, desk| {
            let (now, person) = (desk.clock.now(), named(tx, &self.email)?.id);
            for (what, keys) in [(Holding::Role, &self.roles), (Holding::Group, &self.groups)] {
                for key in keys {
                    people::take(tx, now, &operator(), person, what, key)?;
                }
            }
            if self.manager {
                people::set_manager(tx, now, &operator(), person, None)?;
            }
            Ok(person)
        })?;
        let told = match changed {
            true => "no longer holds that",
            false => "did not hold that, unchanged",
        };
        Ok(tell(&person, told))
    }
}

fn leave(email: String, reason: Option<String>) -> Result<ExitCode> {
    let (person, _) = change(move |tx, desk| {
        let person = named(tx, &email)?.id;
        people::leave(tx, desk.clock.now(), &operator(), person, reason.as_deref())?;
        Ok(person)
    })?;
    Ok(tell(&person, "left"))
}

fn come_back(email: String) -> Result<ExitCode> {
    let (person, _) = change(move |tx, desk| {
        let person = named(tx, &email)?.id;
        people::come_back(tx, desk.clock.now(), &operator(), person)?;
        Ok(person)
    })?;
    Ok(tell(&person, "is back"))
}

fn list(as_json: bool) -> Result<ExitCode> {
    let app = open_app()?;
    let today = app.desk.today();
    let rows = app.db.read_now(|conn| rows(conn, today))?;
    for row in rows {
        println!("{}", if as_json { row.json() } else { row.text() });
    }
    Ok(ExitCode::SUCCESS)
}

struct Row {
    line: Line,
    manager: Option<String>,
}

fn rows(conn: &mut Conn, today: Day) -> Result<Vec<Row>> {
    let everybody = people::all(conn)?;
    let address = |person: &Person| (person.id, person.email.clone());
    let addresses: BTreeMap<PersonId, String> = everybody.iter().map(address).collect();
    let mut rows = Vec::new();
    for some in everybody.chunks(AT_A_TIME) {
        for line in people::lines(conn, today, some.to_vec())? {
            let manager = line.person.manager_id;
            let manager = manager.and_then(|id| addresses.get(&id).cloned());
            rows.push(Row { line, manager });
        }
    }
    Ok(rows)
}

impl Row {
    fn json(&self) -> String {
        let (person, held) = (&self.line.person, &self.line.held);
        let away = self.line.away.as_ref().map(|absence| absence.until_day);
        json!({
            "id": person.id, "email": person.email, "name": person.name, "active": person.active,
            "roles": held.roles, "groups": held.groups, "manager": self.manager,
            "away_until": away, "reachable": person.reachable,
        })
        .to_string()
    }

    fn text(&self) -> String {
        let (person, held) = (&self.line.person, &self.line.held);
        let held: Vec<&str> = held
            .roles
            .iter()
            .chain(&held.groups)
            .map(String::as_str)
            .collect();
        let mut text = format!("{} <{}>  {}", person.name, person.email, held.join(", "));
        if !person.active {
            text.push_str("  (left)");
        } else if let Some(absence) = &self.line.away {
            text.push_str(&format!("  (away until {})", absence.until_day));
        }
        text
    }
}
