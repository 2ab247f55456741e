//! `workflow check FILE`, `… simulate FILE`, `… diagram FILE`, `… publish FILE`.
use crate::cli::{open_app, operator, read_file};
use crate::db::{PersonId, Tx};
use crate::error::{Error, Result};
use crate::people;
use crate::register::Kinds;
use crate::review::Desk;
use crate::review::drafts::{self, Draft, LAST_MAX, simulate_bundle};
use crate::review::simulation::{Course, Simulation};
use crate::review::workflows::{self, kind_of};
use crate::workflow::{
    Bundle, DryRun, Examination, Limits, Problem, examine, flow, short_staffed, svg,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Take the last reviews through a workflow file: who would be asked instead, and how much.
    #[command(
        after_help = "Example: countersign workflow simulate policies/ai_use_case.json --last 50"
    )]
    Simulate(Simulate),
    /// Publish the first version of a workflow; propose a change of one that has versions, which
    /// a second person then publishes in the browser.
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
struct Simulate {
    #[command(flatten)]
    file: File,
    /// How many reviews.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=LAST_MAX))]
    last: i64,
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
            Action::Simulate(simulate) => simulate.run(),
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

impl Simulate {
    fn run(&self) -> Result<ExitCode> {
        let bundle = match self.file.load()? {
            Ok(bundle) => bundle,
            Err(problems) => {
                self.file.say_bad(&problems, None);
                return Ok(ExitCode::FAILURE);
            }
        };
        let app = open_app()?;
        let (simulation, names) = app.db.read_now(|conn| {
            let simulation = simulate_bundle(conn, &app.desk, &bundle, self.last)?;
            let people: BTreeSet<PersonId> = simulation.load.keys().copied().collect();
            let names = people::names(conn, &people)?;
            Ok((simulation, names))
        })?;
        if self.file.json {
            let answer = json!({ "figures": simulation.figures(), "simulation": simulation });
            println!("{answer}");
        } else {
            say_simulated(&simulation, &names);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn say_simulated(simulation: &Simulation, names: &BTreeMap<PersonId, String>) {
    let Simulation {
        not_meant,
        same,
        more_stages,
        fewer_stages,
        automatic,
        stuck,
        ..
    } = simulation;
    println!("{} reviews", simulation.reviews.len());
    for (count, what) in [
        (not_meant, "it is not meant for"),
        (same, "ask the same people"),
        (more_stages, "ask more stages"),
        (fewer_stages, "ask fewer stages"),
        (automatic, "are approved with nobody asked"),
        (stuck, "end where nobody is left to decide"),
    ] {
        println!("{count:>6} {what}");
    }
    let stages = |course: &Course| match course.asked.is_empty() {
        true => "nobody".to_owned(),
        false => {
            let stages: Vec<&str> = course.asked.iter().map(|a| a.stage.as_str()).collect();
            stages.join(" > ")
        }
    };
    println!("\nreviews, before and under the file");
    for review in &simulation.reviews {
        let after = review.after.as_ref();
        let after = after.map_or_else(|| "not meant for it".to_owned(), stages);
        println!(
            "  {}: {} | {after}",
            review.reference,
            stages(&review.before)
        );
    }
    println!("\nquestions by person, before and under the file");
    for (person, load) in &simulation.load {
        let name = names.get(person).map_or("", String::as_str);
        println!("{:>6} {:>6}  {name}", load.before, load.after);
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
        let (app, text) = (open_app()?, self.read()?.0);
        let (desk, known) = (app.desk.clone(), bundle.clone());
        let staffing = app.db.read_now(|conn| drafts::staffing(conn, &desk))?;
        let mut warnings = found.problems.clone();
        warnings.extend(short_staffed(
            &self.name(),
            &text,
            &bundle.workflow,
            &staffing,
        ));
        let put = app.db.write_now(move |tx| put(tx, &desk, &known, &text))?;
        match put {
            Put::Version(version) => self.say_published(bundle, &warnings, version),
            Put::Proposed(draft) => {
                let path = format!("/workflows/{}/drafts/{}", draft.key, draft.id);
                let link = app.config.link(&path);
                self.say_proposed(bundle, &warnings, (&draft, &link));
            }
        }
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

    fn say_proposed(&self, bundle: &Bundle, warnings: &[Problem], (draft, link): (&Draft, &str)) {
        let (key, base) = (&draft.key, draft.base);
        if self.json {
            let answer = json!({
                "good": true, "key": key, "stages": bundle.workflow.stages.len(),
                "hash": bundle.hash, "base_version": base, "draft": draft.id, "link": link,
                "problems": warnings,
            });
            println!("{answer}");
            return;
        }
        warnings.iter().for_each(|warning| eprintln!("{warning}"));
        println!(
            "{key}: proposed as a change of version {base}, sha256 {}",
            bundle.hash
        );
        println!("a keeper of the policy publishes it at {link}");
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

/// What became of a file.
enum Put {
    /// It is this version.
    Version(i32),
    /// It waits for a second person.
    Proposed(Draft),
}

/// The first version is published at once, for somebody must begin; a change is proposed.
fn put(tx: &mut Tx, desk: &Desk, bundle: &Bundle, text: &str) -> Result<Put> {
    let key = &bundle.workflow.key;
    let now = workflows::in_force(tx, key)?;
    if now == 0 || workflows::hash(tx, key, now)? == bundle.hash {
        let version = workflows::publish(tx, desk.clock.now(), &operator(), bundle)?;
        return Ok(Put::Version(version));
    }
    let draft = drafts::propose_file(tx, desk, &operator(), bundle, text)?;
    Ok(Put::Proposed(draft))
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
