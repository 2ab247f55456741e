//! Questionnaires as their authors and readers meet them, and Canada's own.

mod support;

use countersign::questionnaire::{
    self, Answers, Given, Kind, Points, Questionnaire, Said, convert, read_answers,
};
use countersign::rules;
use countersign::rules::drafts::{self, Place, Put};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use support::house::House;
use support::on_both;
use support::register::{in_session, operator};

on_both! { now crate::open =>
    a_changed_version_leaves_old_scores_alone
}

fn open(url: String) -> House {
    House::open(url)
}

/// A version of Canada's assessment; nothing where the data is not here.
fn canada(version: &str) -> Option<Questionnaire> {
    let document = converted(version)?;
    Some(
        Questionnaire::read("aia", &document.to_string()).unwrap_or_else(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", told.join("\n"))
        }),
    )
}

fn survey(version: &str) -> Option<PathBuf> {
    let shared = std::env::var("SHARED_DATA").unwrap_or_else(|_| "../shared".to_owned());
    let path = PathBuf::from(shared)
        .join("data/ca-aia/versions")
        .join(format!("survey-enfr-{version}.json"));
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

fn converted(version: &str) -> Option<Value> {
    let text = std::fs::read_to_string(survey(version)?).expect("the survey");
    let said = Said {
        key: "aia".to_owned(),
        title: "Algorithmic Impact Assessment".to_owned(),
        owner: "governance@harbour.example".to_owned(),
        language: "default".to_owned(),
    };
    let file: Value = serde_json::from_str(&text).expect("JSON");
    Some(convert(&file, &said).unwrap_or_else(|error| panic!("{error}")))
}

/// Every question answered, by a choice of options.
fn answered(one: &Questionnaire, phase: &str, worst: impl Fn(&str) -> bool) -> Answers {
    let mut answers = Answers::new();
    for question in one.questions() {
        let by_points = |high: bool| {
            let mut options: Vec<_> = question.options.iter().collect();
            options.sort_by_key(|option| option.points);
            match high {
                true => options.last().map(|option| option.key.clone()),
                false => options.first().map(|option| option.key.clone()),
            }
        };
        let high = question.counts_for.as_deref().is_some_and(&worst);
        let given = match question.kind {
            Kind::Choices if high => {
                Given::Several(question.options.iter().map(|o| o.key.clone()).collect())
            }
            Kind::Choices => Given::Several(by_points(false).into_iter().collect()),
            Kind::Choice if question.key == "projectDetailsPhase" => Given::One(phase.to_owned()),
            Kind::Choice => Given::One(by_points(high).unwrap_or_default()),
            Kind::Text => Given::One("As told".to_owned()),
            Kind::Date => Given::One("2027-03-01".to_owned()),
        };
        answers.insert(question.key.clone(), given);
    }
    answers
}

#[test]
fn both_versions_of_canadas_assessment_have_their_known_most_points() {
    for (version, impact, design, implementation) in
        [("v0.9.1", 107, 45, 45), ("v0.10.0", 126, 46, 46)]
    {
        let Some(one) = canada(version) else { return };
        for (phase, mitigation) in [("item1", design), ("item2", implementation)] {
            let scored = one.score(&answered(&one, phase, |_| true));
            assert_eq!(scored.scores["impact"].most, impact, "{version} {phase}");
            assert_eq!(
                scored.scores["mitigation"].most, mitigation,
                "{version} {phase}"
            );
        }
    }
}

#[test]
fn canadas_assessment_is_scored_by_its_own_rule() {
    let Some(one) = canada("v0.9.1") else { return };
    let bad = one.score(&answered(&one, "item1", |score| score == "impact"));
    let reached = bad.result.expect("a level");
    assert!(!reached.lowered);
    assert_eq!(reached.level.key, "IV");
    assert_eq!(reached.points, bad.scores["impact"].points);

    let mended = one.score(&answered(&one, "item1", |_| true));
    let reached = mended.result.expect("a level");
    let Points { points, most } = mended.scores["impact"];
    assert!(reached.lowered, "all of the mitigation is more than 80 %");
    // 85 % of it, rounded half up: reckoned in another way than the program does.
    let expected = (points * 85).div_euclid(100) + u32::from((points * 85) % 100 >= 50);
    assert_eq!((reached.points, reached.most), (expected, most));

    let good = one.score(&answered(&one, "item2", |_| false));
    let reached = good.result.expect("a level");
    assert_eq!(reached.level.key, "I", "{reached:?}");
}

#[test]
fn what_a_condition_hides_counts_for_nothing() {
    let Some(one) = canada("v0.9.1") else { return };
    let hidden = one
        .questions()
        .find(|question| !question.shown_if.is_empty() && question.most() > 0);
    let hidden = hidden
        .expect("a question with points and a condition")
        .clone();
    let mut answers = answered(&one, "item1", |_| true);
    let condition = hidden.shown_if.first().expect("a condition");
    let shows = condition.is.first().expect("an option").clone();
    let asked = one
        .questions()
        .find(|question| question.key == condition.question)
        .expect("the question of the condition");
    let other = asked
        .options
        .iter()
        .find(|o| !condition.is.contains(&o.key));
    let give = |key: &str| match asked.kind {
        Kind::Choices => Given::Several([key.to_owned()].into()),
        _ => Given::One(key.to_owned()),
    };
    let is_shown = |answers: &Answers| {
        let shown = one.shown(answers);
        let mut keys = shown
            .iter()
            .flat_map(|(_, all)| all.iter().map(|q| q.key.as_str()));
        keys.any(|key| key == hidden.key)
    };
    answers.insert(condition.question.clone(), give(&shows));
    assert!(is_shown(&answers));
    answers.insert(
        condition.question.clone(),
        give(&other.expect("another").key),
    );
    assert!(!is_shown(&answers));
    let with = one.score(&answers);
    answers.remove(&hidden.key);
    assert_eq!(with, one.score(&answers));
}

fn a_changed_version_leaves_old_scores_alone(house: House) {
    let (Some(old), Some(new)) = (canada("v0.9.1"), canada("v0.10.0")) else {
        return;
    };
    let publish = |one: &Questionnaire| {
        let text = one.text.clone();
        house
            .register
            .does(move |tx, desk| drafts::put(tx, desk, &operator(), &questionnaire::KIND, &text))
    };
    let read = |version: i32| {
        let text = house.register.reads(move |conn| {
            let (_, text) = rules::source(conn, &questionnaire::KIND, "aia", version)?;
            Ok(text)
        });
        Questionnaire::read("stored", &text).expect("a questionnaire")
    };
    publish(&old);
    let answers = answered(&old, "item1", |score| score == "impact");
    let before = read(1).score(&answers);
    let Put::Proposed(draft) = publish(&new) else {
        panic!("a change waits for a second person");
    };
    let gus = in_session(house.register.person("gus"));
    let place = Place {
        kind: &questionnaire::KIND,
        key: "aia".to_owned(),
        id: draft.id,
    };
    let desk = house.register.desk.clone();
    let found = house
        .register
        .reads(|conn| drafts::examined(conn, &desk, &draft));
    house
        .register
        .does(move |tx, desk| drafts::publish(tx, desk, &gus, &place, draft.seen, &found));
    assert_eq!(read(1).score(&answers), before);
    assert_eq!(before.scores["impact"].most, 107);
    assert_eq!(read(2).score(&answers).scores["impact"].most, 126);
}

fn countersign(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .output()
        .expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_survey_becomes_a_questionnaire_on_the_command_line() {
    let Some(survey) = survey("v0.10.0") else {
        return;
    };
    let survey = survey.display().to_string();
    let french = ["--owner", "a@b.example", "--language", "fr"];
    let arguments = [&["questionnaire", "convert", &survey][..], &french].concat();
    let (good, made, told) = countersign(&arguments);
    assert!(good, "{told}");
    assert!(made.contains("Conception"), "the texts are French");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("aia.json");
    std::fs::write(&file, &made).expect("a file");
    let (good, told, _) = countersign(&["questionnaire", "check", &file.display().to_string()]);
    assert!(good && told.contains("good, "), "{told}");
}

#[test]
fn answers_are_scored_and_what_is_wrong_is_named_on_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let file = write("vendor.json", questionnaire::TEMPLATE);
    let one = Questionnaire::read("vendor", questionnaire::TEMPLATE).expect("a questionnaire");
    let mut answers = answered(&one, "", |_| true);
    let good = write("good.json", &json!(answers).to_string());
    let score = |answers: &str| countersign(&["questionnaire", "score", answers, "--file", &file]);
    let (done, told, why) = score(&good);
    assert!(done, "{why}");
    assert!(told.contains("High: "), "{told}");
    answers.insert("training".to_owned(), Given::One("sometimes".to_owned()));
    answers.remove("regions");
    let (done, _, why) = score(&write("bad.json", &json!(answers).to_string()));
    assert!(!done);
    assert!(
        why.contains("training: there is no option `sometimes`"),
        "{why}"
    );
    assert!(why.contains("regions: answer it"), "{why}");
    assert!(read_answers("[1]").is_err());
}

#[test]
fn a_questionnaire_that_cannot_be_meant_is_named_with_its_places() {
    let mut said: Value = serde_json::from_str(questionnaire::TEMPLATE).expect("JSON");
    said["sections"][0]["questions"][2]["shown_if"][0]["question"] = json!("liability");
    said["sections"][0]["questions"][1]["counts_for"] = json!("weather");
    said["sections"][1]["questions"][1]["shown_if"][0]["is"] = json!(["maybe"]);
    said["result"]["levels"][2]["up_to_percent"] = json!(90);
    let problems = Questionnaire::read("q", &said.to_string()).expect_err("problems");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let told = told.join("\n");
    for words in [
        "no earlier question is called `liability`",
        "there is no score `weather`",
        "`sub_processors` has no option `maybe`",
        "the last to 100",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
