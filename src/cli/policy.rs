//! `policy check FILE`, `policy publish FILE`, `policy import FILE`, `policy show KEY`.
use crate::app::App;
use crate::cli::{open_app, operator, read_file};
use crate::db::{Day, Tx};
use crate::error::{Error, Result};
use crate::policy::import::{self, Converted};
use crate::policy::{self, Document, Findings, Index, lint};
use crate::rules;
use crate::rules::drafts::{self, Put};
use crate::workflow::Problem;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `countersign policy …`
#[derive(Debug, Args)]
pub struct PolicyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what is wrong with a policy file, and what its author should know.
    #[command(after_help = "Example: countersign policy check policies/data_use.json")]
    Check(File),
    /// Publish the first version of a policy, or propose a change for somebody else to publish.
    #[command(after_help = "Example: countersign policy publish policies/data_use.json")]
    Publish(File),
    /// Take tables of tools by data class in from CSV, one policy for each organisation.
    #[command(after_help = "Example: countersign policy import matrix.csv --dry-run")]
    Import(Import),
    /// Print the document of a policy.
    #[command(after_help = "Example: countersign policy show data_use > data_use.json")]
    Show(Show),
}

#[derive(Debug, Args)]
struct File {
    /// The policy, as JSON.
    file: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Import {
    /// The tables, as CSV: organisation, tool, vendor, account_or_mode, data_class, verdict,
    /// condition, source_url, page_version.
    file: PathBuf,
    /// Only this organisation.
    #[arg(long)]
    organisation: Option<String>,
    /// Address of who answers for the rules.
    #[arg(long)]
    owner: String,
    /// Say what would happen and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    /// Short name of the policy.
    key: String,
    /// Another version than the one in force.
    #[arg(long = "version", value_name = "N")]
    number: Option<i32>,
}

impl PolicyCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::Check(file) => file.check(),
            Action::Publish(file) => file.publish(),
            Action::Import(import) => import.run(),
            Action::Show(show) => show.run(),
        }
    }
}

fn text_of(path: &Path) -> Result<String> {
    let name = path.display();
    String::from_utf8(read_file(path)?)
        .map_err(|_| Error::Configuration(format!("{name}: not UTF-8")))
}

impl File {
    fn load(&self) -> Result<std::result::Result<Document, Vec<Problem>>> {
        let name = self.file.display().to_string();
        Ok(Document::load(&name, &text_of(&self.file)?))
    }

    fn say_bad(&self, problems: &[Problem]) -> ExitCode {
        if self.json {
            println!("{}", json!({ "good": false, "problems": problems }));
        } else {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
        }
        ExitCode::FAILURE
    }

    fn check(&self) -> Result<ExitCode> {
        let document = match self.load()? {
            Ok(document) => document,
            Err(problems) => return Ok(self.say_bad(&problems)),
        };
        let index = Index::new(document.policy);
        let now = crate::db::At::new(crate::clock::Clock::system().now().0);
        let found = lint(&index, Day::of(now, &jiff::tz::TimeZone::UTC).0);
        if self.json {
            let answer = json!({ "good": true, "hash": document.hash, "findings": found });
            println!("{answer}");
        } else {
            println!("{}: good, sha256 {}", self.file.display(), document.hash);
            print!("{}", told(&found));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn publish(&self) -> Result<ExitCode> {
        let document = match self.load()? {
            Ok(document) => document,
            Err(problems) => return Ok(self.say_bad(&problems)),
        };
        let (app, text) = (open_app()?, text_of(&self.file)?);
        let desk = app.desk.clone();
        let work = move |tx: &mut Tx| drafts::put(tx, &desk, &operator(), &policy::KIND, &text);
        let put = app.db.write_now(work)?;
        let (key, hash) = (&document.policy.key, &document.hash);
        let (answer, words) = match put {
            Put::Version(version) => (
                json!({ "good": true, "key": key, "version": version, "hash": hash }),
                format!("{key}: version {version} is in force, sha256 {hash}"),
            ),
            Put::Proposed(draft) => {
                let page = app
                    .config
                    .link(&format!("/policy/{key}/drafts/{}", draft.id));
                let answer = json!({ "good": true, "key": key, "draft": draft.id, "page": page });
                let words = format!("{key}: proposed; a keeper of the policy publishes it: {page}");
                (answer, words)
            }
        };
        println!("{}", if self.json { answer.to_string() } else { words });
        Ok(ExitCode::SUCCESS)
    }
}

/// What an author should know, a line each.
fn told(found: &Findings) -> String {
    let mut lines = Vec::new();
    let cell = |cell: &policy::Cell| {
        let tool = cell.tool.as_deref().unwrap_or("a tool that is not listed");
        let mode = cell.mode.as_deref().map(|mode| format!(" in {mode}"));
        format!("{tool}{} with {}", mode.unwrap_or_default(), cell.class)
    };
    lines.extend(
        found
            .gaps
            .iter()
            .map(|gap| format!("no rule: {}", cell(gap))),
    );
    lines.extend(found.contradictions.iter().map(|one| {
        let cells: Vec<String> = one.cells.iter().take(5).map(cell).collect();
        let (rules, verdict) = (one.rules.join(", "), one.verdict.as_str());
        format!(
            "contradiction: {rules}; {verdict} counts for {}",
            cells.join("; ")
        )
    }));
    lines.extend(
        found
            .idle
            .iter()
            .map(|one| format!("never counts: {}", one.rule)),
    );
    lines.extend(found.expired.iter().map(|rule| format!("is over: {rule}")));
    lines.into_iter().map(|line| line + "\n").collect()
}

impl Import {
    fn run(&self) -> Result<ExitCode> {
        let file = read_file(&self.file)?;
        let name = self.file.display();
        let mut all = import::convert(file, &self.owner, self.organisation.as_deref())
            .map_err(|why| Error::BadRequest(format!("{name}: {why}")))?;
        for one in &mut all {
            if let Err(problems) = Document::read(&one.document) {
                one.problems
                    .extend(problems.iter().map(ToString::to_string));
            }
        }
        let app = if self.dry_run {
            None
        } else {
            Some(open_app()?)
        };
        let mut reports = Vec::new();
        for one in &all {
            let became = match &app {
                Some(app) if Document::read(&one.document).is_ok() => Some(keep(app, one)?),
                _ => None,
            };
            reports.push(report(one, became));
        }
        if self.json {
            println!(
                "{}",
                json!({ "policies": reports, "dry_run": self.dry_run })
            );
        } else {
            all.iter()
                .zip(&reports)
                .for_each(|(one, report)| say(one, report));
            if self.dry_run {
                println!("This was a dry run: nothing was kept.");
            }
        }
        let clean = all
            .iter()
            .all(|one| one.conflicts.is_empty() && one.problems.is_empty());
        Ok(if clean {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn keep(app: &App, one: &Converted) -> Result<Value> {
    let text = serde_json::to_string_pretty(&one.document)?;
    let desk = app.desk.clone();
    let work = move |tx: &mut Tx| drafts::put(tx, &desk, &operator(), &policy::KIND, &text);
    Ok(match app.db.write_now(work)? {
        Put::Version(version) => json!({ "version": version }),
        Put::Proposed(draft) => json!({ "draft": draft.id }),
    })
}

fn report(one: &Converted, became: Option<Value>) -> Value {
    json!({
        "organisation": one.organisation, "key": one.key, "rows": one.rows, "rules": one.rules,
        "conflicts": one.conflicts, "not_decided": one.not_decided, "problems": one.problems,
        "became": became,
    })
}

fn say(one: &Converted, report: &Value) {
    let became = match report.get("became") {
        Some(Value::Object(became)) if became.contains_key("version") => "in force",
        Some(Value::Object(_)) => "proposed",
        _ => "not kept",
    };
    println!(
        "{} ({}): {} rows, {} rules, {became}",
        one.organisation, one.key, one.rows, one.rules
    );
    one.conflicts
        .iter()
        .for_each(|conflict| println!("  conflict: {conflict}"));
    one.not_decided
        .iter()
        .for_each(|word| println!("  not decided: {word}"));
    one.problems
        .iter()
        .for_each(|problem| println!("  problem: {problem}"));
}

impl Show {
    fn run(&self) -> Result<ExitCode> {
        let text = open_app()?.db.read_now(|conn| {
            let newest = rules::in_force(conn, &policy::KIND, &self.key)?;
            Ok(rules::source(
                conn,
                &policy::KIND,
                &self.key,
                self.number.unwrap_or(newest),
            )?
            .1)
        })?;
        let document: Value = serde_json::from_str(&text)?;
        println!("{}", serde_json::to_string_pretty(&document)?);
        Ok(ExitCode::SUCCESS)
    }
}
