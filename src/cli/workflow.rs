//! `workflow check FILE`, `workflow diagram FILE`, `workflow publish FILE`.
use crate::cli::{open_app, operator, read_file};
use crate::error::{Error, Result};
use crate::register::{Kind, Kinds};
use crate::workflow::{Bundle, DryRun, Examination, Limits, Problem, examine, flow, svg};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `countersign workflow …`
#[derive(Debug, Args)]
pub struct WorkflowCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what is wrong with a workflow file, with file, line and place, and try it out.
    #[command(
        after_help = "Example: countersign workflow check policies/ai_use_case.json --routes"
    )]
    Check(Check),
    /// Draw a workflow as a picture (SVG).
    #[command(
        after_help = "Example: countersign workflow diagram policies/ai_use_case.json --out p.svg"
    )]
    Diagram(Diagram),
    /// Publish a workflow: new reviews run under it, running ones keep their version.
    #[command(after_help = "Example: countersign workflow publish policies/ai_use_case.json")]
    Publish(File),
}

#[derive(Debug, Args)]
struct File {
    /// The workflow, as JSON.
    file: PathBuf,
    /// Folder with the stage forms it names, besides those that ship with the program.
    #[arg(long)]
    forms: Option<PathBuf>,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    file: File,
    /// Print every route with its count, the rows of tables and the conditions.
    #[arg(long)]
    routes: bool,
}

#[derive(Debug, Args)]
struct Diagram {
    /// The workflow, as JSON.
    file: PathBuf,
    /// Folder with the stage forms it names, besides those that ship with the program.
    #[arg(long)]
    forms: Option<PathBuf>,
    /// Where to write the picture; the terminal without it.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl WorkflowCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::Check(check) => check.run(),
            Action::Diagram(diagram) => diagram.run(),
            Action::Publish(file) => file.publish(),
        }
    }
}

impl Check {
    fn run(&self) -> Result<ExitCode> {
        let found = self.file.examined()?;
        let run = found.dry_run.as_ref().filter(|_| self.routes);
        Ok(match found.publishable() {
            Some(bundle) => {
                self.file.say_good(bundle, &found.problems, run);
                ExitCode::SUCCESS
            }
            None => {
                self.file.say_bad(&found.problems, run);
                ExitCode::FAILURE
            }
        })
    }
}

impl Diagram {
    fn run(self) -> Result<ExitCode> {
        let file = File {
            file: self.file,
            forms: self.forms,
            json: false,
        };
        let bundle = match file.load()? {
            Ok(bundle) => bundle,
            Err(problems) => {
                file.say_bad(&problems, None);
                return Ok(ExitCode::FAILURE);
            }
        };
        let picture = svg(&flow(&bundle.workflow, &[]));
        match self.out {
            None => print!("{picture}"),
            Some(out) => std::fs::write(&out, picture)
                .map_err(|e| Error::Configuration(format!("{}: {e}", out.display())))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl File {
    fn publish(&self) -> Result<ExitCode> {
        let found = self.examined()?;
        let Some(bundle) = found.publishable() else {
            self.say_bad(&found.problems, None);
            return Ok(ExitCode::FAILURE);
        };
        let app = open_app()?;
        let (now, known) = (app.desk.clock.now(), bundle.clone());
        let version = app
            .db
            .write_now(move |tx| crate::review::workflows::publish(tx, now, &operator(), &known))?;
        self.say_published(bundle, &found.problems, version);
        Ok(ExitCode::SUCCESS)
    }

    /// The text, the schema of its kind, and the stage forms it may name.
    fn read(&self) -> Result<(String, Kinds, BTreeMap<String, Value>)> {
        let text = String::from_utf8(read_file(&self.file)?)
            .map_err(|_| Error::Configuration(format!("{}: not UTF-8", self.file.display())))?;
        let kinds = Kinds::load()?;
        let mut forms = kinds.stage_forms.clone();
        if let Some(folder) = &self.forms {
            forms.extend(forms_in(folder)?);
        }
        Ok((text, kinds, forms))
    }

    fn load(&self) -> Result<std::result::Result<Bundle, Vec<Problem>>> {
        let (text, kinds, forms) = self.read()?;
        let schema = &kind_of(&text, &kinds)?.schema;
        Ok(Bundle::load(&self.name(), &text, schema, &forms))
    }

    fn examined(&self) -> Result<Examination> {
        let (text, kinds, forms) = self.read()?;
        let schema = &kind_of(&text, &kinds)?.schema;
        Ok(examine(
            &self.name(),
            &text,
            schema,
            &forms,
            Limits::default(),
        ))
    }

    fn name(&self) -> String {
        self.file.display().to_string()
    }

    fn say_good(&self, bundle: &Bundle, warnings: &[Problem], run: Option<&DryRun>) {
        let (key, stages) = (&bundle.workflow.key, bundle.workflow.stages.len());
        if self.json {
            let answer = json!({
                "good": true, "key": key, "stages": stages, "hash": bundle.hash,
                "problems": warnings, "dry_run": run,
            });
            println!("{answer}");
            return;
        }
        warnings.iter().for_each(|warning| eprintln!("{warning}"));
        println!("{key}: good, {stages} stages, sha256 {}", bundle.hash);
        if let Some(run) = run {
            print!("\n{run}");
        }
    }

    fn say_published(&self, bundle: &Bundle, warnings: &[Problem], version: i32) {
        let key = &bundle.workflow.key;
        if self.json {
            let answer = json!({
                "good": true, "key": key, "stages": bundle.workflow.stages.len(),
                "hash": bundle.hash, "version": version, "problems": warnings,
            });
            println!("{answer}");
            return;
        }
        warnings.iter().for_each(|warning| eprintln!("{warning}"));
        println!(
            "{key}: version {version} is in force, sha256 {}",
            bundle.hash
        );
    }

    fn say_bad(&self, problems: &[Problem], run: Option<&DryRun>) {
        if self.json {
            let answer = json!({ "good": false, "problems": problems, "dry_run": run });
            println!("{answer}");
            return;
        }
        problems.iter().for_each(|problem| eprintln!("{problem}"));
        if let Some(run) = run {
            print!("{run}");
        }
    }
}

/// The kind whose fields the workflow reads; use cases where the text does not say.
fn kind_of<'k>(text: &str, kinds: &'k Kinds) -> Result<&'k Kind> {
    let named = serde_json::from_str::<Value>(text).ok();
    let named = named.as_ref().and_then(|v| v.get("form")?.as_str());
    let kind = named.unwrap_or("use_case");
    kinds.by_key(kind).or_else(|_| kinds.by_key("use_case"))
}

fn forms_in(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let wrong = |e: &dyn std::fmt::Display, path: &Path| {
        Error::Configuration(format!("{}: {e}", path.display()))
    };
    let mut forms = BTreeMap::new();
    for file in std::fs::read_dir(folder).map_err(|e| wrong(&e, folder))? {
        let path = file.map_err(|e| wrong(&e, folder))?.path();
        let key = path
            .file_stem()
            .and_then(|s| s.to_str())
            .unwrap_or_default()
            .to_owned();
        if path.extension().is_some_and(|e| e == "json") {
            let value = serde_json::from_slice(&read_file(&path)?).map_err(|e| wrong(&e, &path))?;
            forms.insert(key, value);
        }
    }
    Ok(forms)
}
