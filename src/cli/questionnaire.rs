//! `questionnaire check FILE`, `convert FILE`, `publish FILE`, `score ANSWERS`.
use crate::cli::{open_app, operator, read_file};
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::questionnaire::{KIND, Questionnaire, Said, convert, read_answers};
use crate::rules;
use crate::rules::drafts::{self, Put};
use crate::workflow::Problem;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `countersign questionnaire …`
#[derive(Debug, Args)]
pub struct QuestionnaireCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what is wrong with a questionnaire.
    #[command(after_help = "Example: countersign questionnaire check ai_vendor.json")]
    Check(File),
    /// Make a questionnaire of Canada's Algorithmic Impact Assessment, a SurveyJS file.
    #[command(after_help = "Example: countersign questionnaire convert survey.json \
                      --owner a@b.example > aia.json")]
    Convert(Convert),
    /// Publish the first version of a questionnaire, or propose a change for somebody else.
    #[command(after_help = "Example: countersign questionnaire publish aia.json")]
    Publish(File),
    /// Score answers by the version that was answered.
    #[command(
        after_help = "Example: countersign questionnaire score answers.json --key aia --version 1"
    )]
    Score(Score),
}

#[derive(Debug, Args)]
struct File {
    /// The questionnaire, as JSON.
    file: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Convert {
    /// The survey, as JSON.
    file: PathBuf,
    /// Short name of the questionnaire.
    #[arg(long, default_value = "aia")]
    key: String,
    /// What people read.
    #[arg(long, default_value = "Algorithmic Impact Assessment")]
    title: String,
    /// Address of who answers for it.
    #[arg(long)]
    owner: String,
    /// Language of the texts: `default`, which is English, or `fr`.
    #[arg(long, default_value = "default")]
    language: String,
}

#[derive(Debug, Args)]
struct Score {
    /// The answers, as JSON: an object by question.
    answers: PathBuf,
    /// The questionnaire as a file.
    #[arg(long, conflicts_with = "key", required_unless_present = "key")]
    file: Option<PathBuf>,
    /// The questionnaire of this name in the register.
    #[arg(long)]
    key: Option<String>,
    /// Its version; the one in force without it.
    #[arg(long = "version", value_name = "N", requires = "key")]
    number: Option<i32>,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

impl QuestionnaireCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::Check(file) => file.check(),
            Action::Convert(convert) => convert.run(),
            Action::Publish(file) => file.publish(),
            Action::Score(score) => score.run(),
        }
    }
}

fn text_of(path: &Path) -> Result<String> {
    let name = path.display();
    String::from_utf8(read_file(path)?)
        .map_err(|_| Error::Configuration(format!("{name}: not UTF-8")))
}

fn say_bad(problems: &[Problem], as_json: bool) -> ExitCode {
    match as_json {
        true => println!("{}", json!({ "good": false, "problems": problems })),
        false => problems.iter().for_each(|problem| eprintln!("{problem}")),
    }
    ExitCode::FAILURE
}

impl File {
    fn load(&self) -> Result<std::result::Result<Questionnaire, Vec<Problem>>> {
        let name = self.file.display().to_string();
        Ok(Questionnaire::read(&name, &text_of(&self.file)?))
    }

    fn check(&self) -> Result<ExitCode> {
        let one = match self.load()? {
            Ok(one) => one,
            Err(problems) => return Ok(say_bad(&problems, self.json)),
        };
        let questions = one.questions().count();
        match self.json {
            true => println!(
                "{}",
                json!({ "good": true, "hash": one.hash, "questions": questions })
            ),
            false => println!(
                "{}: good, {questions} questions, sha256 {}",
                self.file.display(),
                one.hash
            ),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn publish(&self) -> Result<ExitCode> {
        let one = match self.load()? {
            Ok(one) => one,
            Err(problems) => return Ok(say_bad(&problems, self.json)),
        };
        let (app, key, text) = (open_app()?, one.key, one.text);
        let desk = app.desk.clone();
        let work = move |tx: &mut Tx| drafts::put(tx, &desk, &operator(), &KIND, &text);
        let (deed, number) = match app.db.write_now(work)? {
            Put::Version(version) => ("version", version.to_string()),
            Put::Proposed(draft) => ("draft", draft.id.to_string()),
        };
        match self.json {
            true => println!("{}", json!({ "key": key, deed: number })),
            false => println!("{key}: {deed} {number}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Convert {
    fn run(&self) -> Result<ExitCode> {
        let name = self.file.display().to_string();
        let unreadable = |e: String| Error::Configuration(format!("{name}: {e}"));
        let file: Value = serde_json::from_str(&text_of(&self.file)?)
            .map_err(|e| unreadable(format!("not JSON: {e}")))?;
        let said = Said {
            key: self.key.clone(),
            title: self.title.clone(),
            owner: self.owner.clone(),
            language: self.language.clone(),
        };
        let document = convert(&file, &said).map_err(unreadable)?;
        let text = serde_json::to_string_pretty(&document)?;
        if let Err(problems) = Questionnaire::read(&name, &text) {
            return Ok(say_bad(&problems, false));
        }
        println!("{text}");
        Ok(ExitCode::SUCCESS)
    }
}

impl Score {
    fn questionnaire(&self) -> Result<std::result::Result<Questionnaire, Vec<Problem>>> {
        if let Some(file) = &self.file {
            let name = file.display().to_string();
            return Ok(Questionnaire::read(&name, &text_of(file)?));
        }
        let (app, number) = (open_app()?, self.number);
        let key = self.key.clone().unwrap_or_default();
        let read = move |conn: &mut Conn| {
            let version = match number {
                Some(number) => number,
                None => rules::in_force(conn, &KIND, &key)?,
            };
            Ok(rules::source(conn, &KIND, &key, version)?.1)
        };
        let text = app.db.read_now(read)?;
        Ok(Questionnaire::read("stored version", &text))
    }

    fn run(&self) -> Result<ExitCode> {
        let one = match self.questionnaire()? {
            Ok(one) => one,
            Err(problems) => return Ok(say_bad(&problems, self.json)),
        };
        let name = self.answers.display().to_string();
        let answers = read_answers(&text_of(&self.answers)?)
            .map_err(|e| Error::Configuration(format!("{name}: {e}")))?;
        let wrong = one.wrong(&answers, true);
        if !wrong.is_empty() {
            match self.json {
                true => println!("{}", json!({ "good": false, "problems": wrong })),
                false => {
                    for one in wrong {
                        eprintln!("{name}: {}: {}", one.question, one.message);
                    }
                }
            }
            return Ok(ExitCode::FAILURE);
        }
        let scored = one.score(&answers);
        if self.json {
            println!(
                "{}",
                json!({ "good": true, "hash": one.hash, "scored": scored })
            );
            return Ok(ExitCode::SUCCESS);
        }
        for (key, points) in &scored.scores {
            println!("{key}: {} of {}", points.points, points.most);
        }
        if let Some(reached) = &scored.result {
            let lowered = if reached.lowered { ", lowered" } else { "" };
            let (points, most) = (reached.points, reached.most);
            println!("{}: {points} of {most}{lowered}", reached.level.title);
        }
        Ok(ExitCode::SUCCESS)
    }
}
