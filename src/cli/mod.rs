//! The command line: one file per command.

mod audit;
mod bench;
mod bounce;
mod calendar;
mod demo;
mod doctor;
mod export;
mod import;
mod key;
mod migrate;
mod people;
mod policy;
mod questionnaire;

mod serve;
mod throwaway;
mod token;
mod verify;
mod workflow;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// AI governance and use-case register: who approved what, with proof.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a throw-away sample organisation with a built-in mailbox.
    Demo(demo::Demo),
    /// Serve the register by the COUNTERSIGN_* settings.
    Serve(serve::Serve),
    /// Take a register in from a CSV file.
    Import(import::Import),
    /// Write the decision log to a file.
    Export(export::Export),
    /// Check an exported decision log, offline.
    Verify(verify::Verify),
    /// Do the tests of an auditor on every decision, of the database or of a package.
    Audit(audit::Audit),
    /// Check or publish a workflow.
    Workflow(workflow::WorkflowCommand),
    /// Check, publish, take in or show a data-use policy.
    Policy(policy::PolicyCommand),
    /// Check, convert or publish a questionnaire, or score answers.
    Questionnaire(questionnaire::QuestionnaireCommand),
    /// Keep a calendar of working hours and holidays, list or show them.
    Calendar(calendar::CalendarCommand),
    /// Keep the directory: who is in it, what they hold, who left.
    People(people::People),
    /// Make, change and show the key that signs the ledger's checkpoints.
    Key(key::Key),
    /// Make an API token.
    Token(token::Token),
    /// Take in a mail that came back, from standard input.
    Bounce(bounce::Bounce),
    /// Look whether the installation is as it must be.
    Doctor(doctor::Doctor),
    /// Bring the database's schema up to this program's, without serving.
    Migrate(migrate::Migrate),
    /// Measure this machine: what it decides, beside what its disk can do.
    Bench(bench::Bench),
}

/// Runs one command; the code is the process's.
///
/// # Errors
/// What the command could not do, in a sentence for the operator.
pub fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Workflow(command) => command.run(),
        Command::Policy(command) => command.run(),
        Command::Questionnaire(command) => command.run(),
        Command::Calendar(command) => command.run(),
        Command::People(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Bounce(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Bench(command) => command.run(),
    }
}

/// The program by its settings, for commands that work on the database.
fn open_app() -> Result<App> {
    App::open(Config::load()?, Clock::system())
}

/// The operator at the console.
fn operator() -> Actor {
    Actor::system(Via::new(Method::Cli, "console"))
}

/// Reads a file, naming it when that fails.
fn read_file(path: &std::path::Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|e| Error::Configuration(format!("cannot read {}: {e}", path.display())))
}

/// Whether the path means standard output.
fn is_stdout(path: &std::path::Path) -> bool {
    path.as_os_str() == "-"
}
