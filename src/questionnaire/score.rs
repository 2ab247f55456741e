//! Answers: which questions they show, what is wrong with them, what they come to. Pure.
use super::{Kind, Level, Question, Questionnaire, Section, Shown};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Longest words of an answer, in characters.
const WORDS: usize = 8000;

/// An answer: the key of an option, several of them, words, or a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Given {
    /// One option, words or a day.
    One(String),
    /// Several options.
    Several(BTreeSet<String>),
}

impl Given {
    fn has(&self, option: &str) -> bool {
        match self {
            Given::One(one) => one == option,
            Given::Several(several) => several.contains(option),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Given::One(one) => one.trim().is_empty(),
            Given::Several(several) => several.is_empty(),
        }
    }
}

/// Answers by question.
pub type Answers = BTreeMap<String, Given>;

/// Reads answers from JSON.
///
/// # Errors
/// What is no object of texts and lists of texts, in a sentence.
pub fn read_answers(text: &str) -> Result<Answers, String> {
    serde_json::from_str(text).map_err(|e| format!("answers are an object by question: {e}"))
}

/// Something that is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The question.
    pub question: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Points of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Points {
    /// As answered.
    pub points: u32,
    /// The most there are in the sections that are shown.
    pub most: u32,
}

impl Points {
    /// Whether so many per cent of the most are reached.
    fn reaches(self, percent: u32) -> bool {
        u64::from(self.points) * 100 >= u64::from(percent) * u64::from(self.most)
    }
}

/// The level that is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// The points that it is read from, lowered where the document says so.
    pub points: u32,
    /// The most there are.
    pub most: u32,
    /// Whether they were lowered.
    pub lowered: bool,
    /// The level.
    pub level: Level,
}

/// What answers come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scored {
    /// By score.
    pub scores: BTreeMap<String, Points>,
    /// The level; nothing where the document names none.
    pub result: Option<Reached>,
}

impl Questionnaire {
    /// The sections that these answers show, each with its questions that are shown.
    pub fn shown(&self, answers: &Answers) -> Vec<(&Section, Vec<&Question>)> {
        let mut counted = Answers::new();
        let mut all = Vec::new();
        for section in &self.sections {
            if !holds(&section.shown_if, &counted) {
                continue;
            }
            let mut questions = Vec::new();
            for question in &section.questions {
                if !holds(&question.shown_if, &counted) {
                    continue;
                }
                // An answer to what is not shown shows nothing else.
                if let Some(given) = answers.get(&question.key) {
                    counted.insert(question.key.clone(), given.clone());
                }
                questions.push(question);
            }
            all.push((section, questions));
        }
        all
    }

    /// Everything that is wrong with answers; what is missing is wrong only where `complete`.
    pub fn wrong(&self, answers: &Answers, complete: bool) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut complain = |question: &str, message: String| {
            wrong.push(Wrong {
                question: question.to_owned(),
                message,
            });
        };
        let known: BTreeMap<&str, &Question> = self
            .questions()
            .map(|question| (question.key.as_str(), question))
            .collect();
        for (key, given) in answers {
            match known.get(key.as_str()) {
                None => complain(key, "there is no such question".to_owned()),
                Some(question) => {
                    if let Some(message) = flaw(question, given) {
                        complain(key, message);
                    }
                }
            }
        }
        if complete {
            for question in self.shown(answers).into_iter().flat_map(|(_, all)| all) {
                let given = answers.get(&question.key);
                if question.required && given.is_none_or(Given::is_empty) {
                    complain(&question.key, "answer it".to_owned());
                }
            }
        }
        wrong
    }

    /// What answers come to. What is not shown does not count; the most counts every question of
    /// each section that is shown.
    pub fn score(&self, answers: &Answers) -> Scored {
        let none = Points { points: 0, most: 0 };
        let keys = self.scores.iter().map(|score| (score.key.clone(), none));
        let mut scores: BTreeMap<String, Points> = keys.collect();
        for (section, questions) in self.shown(answers) {
            for question in &section.questions {
                if let Some(score) = of(&mut scores, question) {
                    score.most = score.most.saturating_add(question.most());
                }
            }
            for question in questions {
                let Some(given) = answers.get(&question.key) else {
                    continue;
                };
                let chosen = question.options.iter().filter(|one| given.has(&one.key));
                let points = chosen.map(|one| one.points).fold(0, u32::saturating_add);
                if let Some(score) = of(&mut scores, question) {
                    score.points = score.points.saturating_add(points);
                }
            }
        }
        let result = self.reached(&scores);
        Scored { scores, result }
    }

    fn reached(&self, scores: &BTreeMap<String, Points>) -> Option<Reached> {
        let rule = self.result.as_ref()?;
        let Points { mut points, most } = *scores.get(&rule.of)?;
        let mut is_lowered = false;
        if let Some(lowered) = &rule.lowered
            && let Some(by) = scores.get(&lowered.by)
            && by.most > 0
            && by.reaches(lowered.from_percent)
        {
            is_lowered = true;
            let left = (u64::from(points) * u64::from(lowered.to_percent) * 2 + 100) / 200;
            points = u32::try_from(left).unwrap_or(points);
        }
        let within = |level: &&Level| {
            u64::from(points) * 100 <= u64::from(level.up_to_percent) * u64::from(most)
        };
        let level = rule.levels.iter().find(within).or(rule.levels.last())?;
        Some(Reached {
            points,
            most,
            lowered: is_lowered,
            level: level.clone(),
        })
    }
}

fn of<'a>(scores: &'a mut BTreeMap<String, Points>, question: &Question) -> Option<&'a mut Points> {
    scores.get_mut(question.counts_for.as_ref()?)
}

fn holds(shown: &[Shown], answers: &Answers) -> bool {
    let one = |one: &Shown| {
        let given = answers.get(&one.question);
        given.is_some_and(|given| one.is.iter().any(|option| given.has(option)))
    };
    shown.iter().all(one)
}

/// What is wrong with an answer that was given.
fn flaw(question: &Question, given: &Given) -> Option<String> {
    let known = |key: &&String| question.options.iter().any(|option| option.key == **key);
    match (question.kind, given) {
        (_, given) if given.is_empty() => None,
        (Kind::Choice, Given::One(one)) => {
            let unknown = !known(&one);
            unknown.then(|| format!("there is no option `{one}`"))
        }
        (Kind::Choices, Given::Several(several)) => {
            let unknown = several.iter().find(|key| !known(key));
            unknown.map(|key| format!("there is no option `{key}`"))
        }
        (Kind::Choice, Given::Several(_)) => Some("choose one option".to_owned()),
        (Kind::Choices, Given::One(_)) => Some("give the options as a list".to_owned()),
        (Kind::Text | Kind::Date, Given::Several(_)) => Some("write one text".to_owned()),
        (Kind::Text, Given::One(words)) => {
            let long = words.chars().count() > WORDS;
            long.then(|| format!("write at most {WORDS} characters"))
        }
        (Kind::Date, Given::One(day)) => {
            let none = day.trim().parse::<Date>().is_err();
            none.then(|| "write a day such as 2027-01-31".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn vendor() -> Questionnaire {
        Questionnaire::read("vendor", super::super::TEMPLATE).expect("a questionnaire")
    }

    fn answers(said: &serde_json::Value) -> Answers {
        read_answers(&said.to_string()).expect("answers")
    }

    #[test]
    fn what_is_not_shown_is_neither_asked_nor_counted() {
        let vendor = vendor();
        let none = answers(&json!({ "sub_processors": "no", "sub_processors_told": "no" }));
        let some = answers(&json!({ "sub_processors": "yes", "sub_processors_told": "no" }));
        let points = |answers: &Answers| vendor.score(answers).scores["risk"].points;
        assert_eq!((points(&none), points(&some)), (0, 5));
        let asked = |answers: &Answers| {
            let wrong = vendor.wrong(answers, true);
            wrong.iter().any(|one| one.question == "sub_processors_who")
        };
        assert_eq!((asked(&none), asked(&some)), (false, true));
    }

    #[test]
    fn what_is_wrong_names_its_question() {
        let said = answers(&json!({
            "training": "sometimes", "certificates": "soc_2", "certificate_until": "soon",
            "weather": "fine",
        }));
        let wrong: Vec<(String, String)> = vendor()
            .wrong(&said, false)
            .into_iter()
            .map(|one| (one.question, one.message))
            .collect();
        let told = |question: &str| {
            let found = wrong.iter().find(|(known, _)| known == question);
            found.map(|(_, message)| message.as_str())
        };
        assert_eq!(told("training"), Some("there is no option `sometimes`"));
        assert_eq!(told("certificates"), Some("give the options as a list"));
        assert_eq!(
            told("certificate_until"),
            Some("write a day such as 2027-01-31")
        );
        assert_eq!(told("weather"), Some("there is no such question"));
        assert_eq!(wrong.len(), 4);
    }

    fn any_answers() -> impl Strategy<Value = Answers> {
        let vendor = vendor();
        let of = |question: &Question| {
            let keys: Vec<String> = question.options.iter().map(|one| one.key.clone()).collect();
            let (key, kind) = (question.key.clone(), question.kind);
            let picked = match keys.is_empty() {
                true => Just(Vec::new()).boxed(),
                false => proptest::sample::subsequence(keys.clone(), 0..=keys.len()).boxed(),
            };
            picked.prop_map(move |picked| {
                let given = match kind {
                    Kind::Choices => Given::Several(picked.into_iter().collect()),
                    _ => Given::One(picked.into_iter().next().unwrap_or_default()),
                };
                (key.clone(), given)
            })
        };
        let all: Vec<_> = vendor.questions().map(of).collect();
        all.prop_map(|all| all.into_iter().collect())
    }

    proptest! {
        #[test]
        fn points_never_pass_the_most_and_there_is_always_a_level(said in any_answers()) {
            let vendor = vendor();
            prop_assert_eq!(vendor.wrong(&said, false), Vec::<Wrong>::new());
            let scored = vendor.score(&said);
            for one in scored.scores.values() {
                prop_assert!(one.points <= one.most);
            }
            prop_assert!(scored.result.is_some());
        }

        #[test]
        fn answers_to_what_is_hidden_change_nothing(said in any_answers()) {
            let vendor = vendor();
            let shown: BTreeSet<String> = vendor
                .shown(&said)
                .into_iter()
                .flat_map(|(_, all)| all.into_iter().map(|one| one.key.clone()))
                .collect();
            let mut only = said.clone();
            only.retain(|key, _| shown.contains(key));
            prop_assert_eq!(vendor.score(&said), vendor.score(&only));
        }
    }
}
