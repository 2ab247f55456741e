//! `people add`, `people list`.
use crate::cli::{open_app, operator};
use crate::error::Result;
use crate::people::{self, NewPerson};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// `countersign people …`
#[derive(Debug, Args)]
pub struct People {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a person, or give a known one more roles and groups.
    #[command(
        after_help = "Example: countersign people add --email ann@example.org \
                            --name 'Ann Lee' --role legal --role auditor --group ai_council"
    )]
    Add(Add),
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
}

impl People {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::Add(add) => add.run(),
            Action::List { json } => list(json),
        }
    }
}

impl Add {
    fn run(self) -> Result<ExitCode> {
        let app = open_app()?;
        let desk = app.desk.clone();
        let new = NewPerson {
            email: self.email,
            name: self.name,
            roles: self.roles,
            groups: self.groups,
        };
        let (email, name) = (new.email.clone(), new.name.clone());
        let changed = app.db.write_now(move |tx| {
            people::add(tx, desk.clock.now(), &operator(), &new)?;
            crate::review::refill(tx, &desk, &operator())?;
            tx.leave_unchanged();
            Ok(tx.has_entries())
        })?;
        let told = if changed {
            "is in the directory"
        } else {
            "was there already, unchanged"
        };
        println!("{name} <{email}> {told}");
        Ok(ExitCode::SUCCESS)
    }
}

fn list(as_json: bool) -> Result<ExitCode> {
    let app = open_app()?;
    let rows = app.db.read_now(|conn| {
        let mut rows = Vec::new();
        for person in people::all(conn)? {
            let roles = people::held_by(conn, person.id)?;
            let groups = people::member_names(conn, person.id, "group")?;
            rows.push((person, roles, groups));
        }
        Ok(rows)
    })?;
    for (person, roles, groups) in rows {
        if as_json {
            let (id, email, name) = (person.id, person.email, person.name);
            let row = json!({ "id": id, "email": email, "name": name, "active": person.active,
                              "roles": roles, "groups": groups });
            println!("{row}");
        } else {
            let held: Vec<String> = roles.into_iter().chain(groups).collect();
            println!("{} <{}>  {}", person.name, person.email, held.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}
