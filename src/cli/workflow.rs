//! `workflow check FILE`, `workflow publish FILE`.
use crate::cli::{open_app, operator, read_file};
use crate::error::{Error, Result};
use crate::register::Kinds;
use crate::workflow::{Bundle, Problem};
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
    /// Say what is wrong with a workflow file, with file, line and place.
    #[command(after_help = "Example: countersign workflow check policies/ai_use_case.json")]
    Check(File),
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

impl WorkflowCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::Check(file) => file.check(),
            Action::Publish(file) => file.publish(),
        }
    }
}

impl File {
    fn check(&self) -> Result<ExitCode> {
        Ok(match self.load()? {
            Ok(bundle) => {
                self.say_good(&bundle, None);
                ExitCode::SUCCESS
            }
            Err(problems) => {
                self.say_bad(&problems);
                ExitCode::FAILURE
            }
        })
    }

    fn publish(&self) -> Result<ExitCode> {
        let bundle = match self.load()? {
            Ok(bundle) => bundle,
            Err(problems) => {
                self.say_bad(&problems);
                return Ok(ExitCode::FAILURE);
            }
        };
        let app = open_app()?;
        let (now, known) = (app.desk.clock.now(), bundle.clone());
        let version = app
            .db
            .write_now(move |tx| crate::review::workflows::publish(tx, now, &operator(), &known))?;
        self.say_good(&bundle, Some(version));
        Ok(ExitCode::SUCCESS)
    }

    fn load(&self) -> Result<std::result::Result<Bundle, Vec<Problem>>> {
        let text = String::from_utf8(read_file(&self.file)?)
            .map_err(|_| Error::Configuration(format!("{}: not UTF-8", self.file.display())))?;
        let kinds = Kinds::load()?;
        let mut forms = kinds.stage_forms.clone();
        if let Some(folder) = &self.forms {
            forms.extend(forms_in(folder)?);
        }
        let kind = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|v| v.get("form").and_then(Value::as_str).map(str::to_owned))
            .unwrap_or_else(|| "use_case".to_owned());
        let kind = kinds.by_key(&kind).or_else(|_| kinds.by_key("use_case"))?;
        Ok(Bundle::load(
            &self.file.display().to_string(),
            &text,
            &kind.schema,
            &forms,
        ))
    }

    fn say_good(&self, bundle: &Bundle, version: Option<i32>) {
        let (key, stages) = (&bundle.workflow.key, bundle.workflow.stages.len());
        if self.json {
            let answer = json!({
                "good": true, "key": key, "stages": stages, "hash": bundle.hash,
                "version": version, "problems": [],
            });
            println!("{answer}");
        } else if let Some(version) = version {
            println!(
                "{key}: version {version} is in force, sha256 {}",
                bundle.hash
            );
        } else {
            println!("{key}: good, {stages} stages, sha256 {}", bundle.hash);
        }
    }

    fn say_bad(&self, problems: &[Problem]) {
        if self.json {
            println!("{}", json!({ "good": false, "problems": problems }));
        } else {
            for problem in problems {
                eprintln!("{problem}");
            }
        }
    }
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
