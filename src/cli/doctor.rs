//! `doctor`: whether the installation is as it must be.
use crate::clock::Clock;
use crate::config::Config;
use crate::db::check::{self, grants_sql};
use crate::db::{Conn, Url};
use crate::error::Result;
use crate::finding::{Finding, Verdict};
use crate::{evidence, ledger, notify};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// `countersign doctor`: exit code 0 good, 1 something is wrong, 2 it could not be looked at.
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign doctor --json\n\
                  Example: countersign doctor --grants | psql -d countersign")]
pub struct Doctor {
    /// Read every entry of the ledger and every page of the database.
    #[arg(long)]
    full: bool,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
    /// Print the PostgreSQL statements that give the program's role what it needs and no more.
    #[arg(long, conflicts_with_all = ["full", "json"])]
    grants: bool,
    /// With --grants: the role that shall own the tables, in which nobody signs in.
    #[arg(long, requires = "grants", default_value = "countersign_owner")]
    owner: String,
    /// With --grants: the role of the program.
    #[arg(long, requires = "grants", default_value = "countersign")]
    role: String,
    /// With --grants: the schema that holds the tables.
    #[arg(long, requires = "grants", default_value = "public")]
    schema: String,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        if self.grants {
            print!("{}", grants_sql(&self.schema, &self.owner, &self.role)?);
            return Ok(ExitCode::SUCCESS);
        }
        let config = Config::load()?;
        let findings = look(&config, self.full);
        if self.json {
            println!("{}", as_json(&findings));
        } else {
            print!("{}", as_text(&findings));
        }
        Ok(ExitCode::from(code(&findings)))
    }
}

/// Every check, each in the room that knows.
fn look(config: &Config, full: bool) -> Vec<Finding> {
    let mut findings = match check::open(&config.database_url) {
        Ok(mut conn) => in_database(&mut conn, config, full),
        Err(error) => vec![Finding::unknown("database", error.to_string())],
    };
    if let Ok(url) = Url::parse(&config.database_url) {
        findings.push(check::disk(&url));
    }
    findings.push(notify::check(config));
    findings
}

fn in_database(conn: &mut Conn, config: &Config, full: bool) -> Vec<Finding> {
    let mut findings = vec![
        tried("database", check::version(conn)),
        tried("migrations", check::migrations(conn)),
    ];
    // Of tables that this program does not know nothing can be said.
    if findings.iter().any(|found| found.verdict != Verdict::Good) {
        return findings;
    }
    findings.push(tried("triggers", check::triggers(conn)));
    findings.extend(tried_some("grants", check::grants(conn)));
    findings.extend(tried_some("pragmas", check::pragmas(conn)));
    if full {
        findings.extend(tried_some("pages", check::pages(conn)));
    }
    findings.push(tried("ledger", ledger::check(conn, full)));
    let now = Clock::system().now();
    let signing = ledger::seal::check(conn, config, now, full);
    findings.push(tried("signing", signing));
    match ledger::seal::check_outside(conn, config, now) {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::unknown("witnesses", error.to_string())),
    }
    let files = evidence::check(conn, &evidence::folder(config));
    findings.push(tried("evidence", files));
    let clock = ledger::newest(conn).and_then(|newest| check::clock(conn, now, newest));
    findings.push(tried("clock", clock));
    findings
}

fn tried(check: &'static str, found: Result<Finding>) -> Finding {
    found.unwrap_or_else(|error| Finding::unknown(check, error.to_string()))
}

fn tried_some(check: &'static str, found: Result<Option<Finding>>) -> Option<Finding> {
    found.unwrap_or_else(|error| Some(Finding::unknown(check, error.to_string())))
}

fn code(findings: &[Finding]) -> u8 {
    let any = |verdict| findings.iter().any(|found| found.verdict == verdict);
    if any(Verdict::Wrong) {
        1
    } else if any(Verdict::Unknown) {
        2
    } else {
        0
    }
}

fn as_json(findings: &[Finding]) -> String {
    let verdict = match code(findings) {
        0 => "good",
        1 => "wrong",
        _ => "unknown",
    };
    json!({ "version": env!("CARGO_PKG_VERSION"), "verdict": verdict, "findings": findings })
        .to_string()
}

fn as_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for found in findings {
        let word = match found.verdict {
            Verdict::Good => "good   ",
            Verdict::Advice => "note   ",
            Verdict::Unknown => "unknown",
            Verdict::Wrong => "WRONG  ",
        };
        text.push_str(&format!("{word}  {}: {}\n", found.check, found.says));
        for detail in &found.details {
            text.push_str(&format!("           {detail}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_weighs_more_than_what_could_not_be_looked_at() {
        let good = Finding::good("a", "x");
        let note = Finding::advice("b", "x");
        let unknown = Finding::unknown("c", "x");
        let wrong = Finding::wrong("d", "x");
        assert_eq!(code(&[good.clone(), note]), 0);
        assert_eq!(code(&[good.clone(), unknown.clone()]), 2);
        assert_eq!(code(&[unknown, wrong, good]), 1);
    }
}
