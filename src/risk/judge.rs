//! What follows from scores and answers: levels, class, tier, who is told. Pure.
use super::{Class, Level, RiskRules, Role, ScreeningRule, Tier};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How likely, and how bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Score {
    /// 1 to 5.
    pub likelihood: u8,
    /// 1 to 5.
    pub impact: u8,
}

impl Score {
    /// Likelihood times impact, 1 to 25.
    pub fn value(self) -> u8 {
        self.likelihood.saturating_mul(self.impact)
    }
}

/// The risk of one area: before anything is done about it, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    /// Before.
    pub inherent: Score,
    /// Left.
    pub residual: Score,
}

/// An answer to a question of the screening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nobody knows for sure; it counts as yes where that is stricter.
    Unsure,
}

impl Answer {
    /// The word, as entries and the API say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unsure => "unsure",
        }
    }

    /// The answer by its word.
    pub fn named(word: &str) -> Option<Answer> {
        let all = [Answer::Yes, Answer::No, Answer::Unsure];
        all.into_iter().find(|answer| answer.as_str() == word)
    }
}

/// Answers by question.
pub type Answers = BTreeMap<String, Answer>;

/// A rule of a law that fits the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<'a> {
    /// It.
    pub rule: &'a ScreeningRule,
    /// Whether it fits only because an answer is not sure.
    pub unsure: bool,
}

/// What the law makes of a use case on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screened<'a> {
    /// The strictest class of the rules that apply.
    pub class: Class,
    /// The rules that apply, the strictest first.
    pub applies: Vec<Hit<'a>>,
    /// Rules that fit and apply from a later day, the earliest first.
    pub coming: Vec<Hit<'a>>,
}

/// Screens answers by the rules of a law.
pub fn screen<'a>(
    rules: &'a [ScreeningRule],
    answers: &Answers,
    role: Role,
    day: Date,
) -> Screened<'a> {
    let is = |question: &String, answer: Answer| answers.get(question) == Some(&answer);
    let (mut applies, mut coming) = (Vec::new(), Vec::new());
    for rule in rules {
        let sure = rule.any.iter().any(|question| is(question, Answer::Yes));
        let maybe = rule.any.iter().any(|question| is(question, Answer::Unsure));
        let lifted = rule.unless.iter().any(|question| is(question, Answer::Yes));
        let meant = rule.roles.is_empty() || rule.roles.contains(&role);
        let over = rule.until.is_some_and(|until| until < day);
        if !(sure || maybe) || lifted || !meant || over {
            continue;
        }
        let hit = Hit {
            rule,
            unsure: !sure,
        };
        match rule.from <= day {
            true => applies.push(hit),
            false => coming.push(hit),
        }
    }
    applies.sort_by_key(|hit| std::cmp::Reverse(hit.rule.class));
    coming.sort_by_key(|hit| hit.rule.from);
    let class = applies.iter().map(|hit| hit.rule.class).max();
    Screened {
        class: class.unwrap_or(Class::Minimal),
        applies,
        coming,
    }
}

/// Somebody who has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// Key of the rule.
    pub rule: String,
    /// The areas of which the risk is too high; empty where the class alone is the reason.
    pub areas: BTreeSet<String>,
    /// The role.
    pub to: String,
    /// Days until an answer is due.
    pub within_days: i64,
}

/// What an assessment comes to.
#[derive(Debug, Clone)]
pub struct Judged<'a> {
    /// The highest level that is left.
    pub residual: Level,
    /// What the law makes of it.
    pub screened: Screened<'a>,
    /// The tier.
    pub tier: &'a Tier,
    /// Who has to answer.
    pub escalations: Vec<Fired>,
}

/// Judges scores by area and answers. `document` is the content of the use case. Nothing without
/// a tier that fits, which rules that were read do not do.
pub fn judge<'a>(
    rules: &'a RiskRules,
    document: &Value,
    scores: &BTreeMap<String, Option<Scores>>,
    (answers, role): (&Answers, Role),
    day: Date,
) -> Option<Judged<'a>> {
    let level = |scores: &Scores| rules.levels.of(scores.residual.value());
    let left = scores.values().flatten().map(level).max();
    let residual = left.unwrap_or(Level::Low);
    let screened = screen(&rules.screening, answers, role, day);
    let fits = |(tier, condition): &&(Tier, Option<crate::workflow::Condition>)| {
        tier.residual.is_none_or(|least| residual >= least)
            && (tier.classes.is_empty() || tier.classes.contains(&screened.class))
            && condition
                .as_ref()
                .is_none_or(|condition| condition.holds(document))
    };
    let (tier, _) = rules.tiers.iter().find(fits)?;
    let mut escalations = Vec::new();
    for rule in &rules.escalations {
        let high = |(area, scores): (&String, &Option<Scores>)| {
            let level = scores.as_ref().map(level)?;
            let meant = rule.areas.is_empty() || rule.areas.contains(area);
            let enough = rule.residual.is_some_and(|least| level >= least);
            (meant && enough).then(|| area.clone())
        };
        let areas: BTreeSet<String> = scores.iter().filter_map(high).collect();
        if !areas.is_empty() || rule.classes.contains(&screened.class) {
            escalations.push(Fired {
                rule: rule.key.clone(),
                areas,
                to: rule.to.clone(),
                within_days: rule.within_days,
            });
        }
    }
    Some(Judged {
        residual,
        screened,
        tier,
        escalations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;
    use serde_json::json;

    fn rules() -> RiskRules {
        RiskRules::read("risk", super::super::TEMPLATE, None).expect("rules")
    }

    fn answers(said: &[(&str, Answer)]) -> Answers {
        let mut all: Answers = rules()
            .questions
            .into_iter()
            .map(|question| (question.key, Answer::No))
            .collect();
        for (question, answer) in said {
            all.insert((*question).to_owned(), *answer);
        }
        all
    }

    fn class(said: &[(&str, Answer)], role: Role, day: Date) -> Class {
        screen(&rules().screening, &answers(said), role, day).class
    }

    #[test]
    fn hiring_is_high_risk_from_the_day_on_which_the_annex_applies() {
        let hires = [("employment", Answer::Yes)];
        let before = date(2026, 8, 1);
        assert_eq!(class(&hires, Role::Deployer, before), Class::Minimal);
        let (rules, said) = (rules(), answers(&hires));
        let coming = screen(&rules.screening, &said, Role::Deployer, before).coming;
        let first = coming.first().expect("a rule that comes");
        assert_eq!(first.rule.from, date(2026, 8, 2));
        let after = date(2026, 8, 2);
        assert_eq!(class(&hires, Role::Deployer, after), Class::HighRisk);
        let narrow = [("employment", Answer::Yes), ("narrow_task", Answer::Yes)];
        assert_eq!(class(&narrow, Role::Deployer, after), Class::Minimal);
        // Whoever is not sure whether it is narrow has no reason to think so.
        let unsure = [
            ("employment", Answer::Unsure),
            ("narrow_task", Answer::Unsure),
        ];
        assert_eq!(class(&unsure, Role::Deployer, after), Class::HighRisk);
    }

    #[test]
    fn a_duty_of_providers_is_none_of_deployers() {
        let (talks, day) = ([("talks_to_people", Answer::Yes)], date(2027, 3, 1));
        assert_eq!(class(&talks, Role::Provider, day), Class::Transparency);
        assert_eq!(class(&talks, Role::Deployer, day), Class::Minimal);
    }

    #[test]
    fn the_first_tier_that_fits_is_taken_and_who_must_answer_is_named() {
        let rules = rules();
        let score = |likelihood, impact| Score { likelihood, impact };
        let mut scores: BTreeMap<String, Option<Scores>> = BTreeMap::new();
        scores.insert("security".to_owned(), None);
        scores.insert(
            "privacy".to_owned(),
            Some(Scores {
                inherent: score(5, 5),
                residual: score(3, 4),
            }),
        );
        let said = answers(&[]);
        let day = date(2027, 3, 1);
        let document = json!({ "effect_on_people": "none" });
        let judged = judge(&rules, &document, &scores, (&said, Role::Deployer), day);
        let judged = judged.expect("a tier");
        assert_eq!(
            (judged.residual, judged.tier.key.as_str()),
            (Level::High, "high")
        );
        let told: Vec<&str> = judged
            .escalations
            .iter()
            .map(|one| one.to.as_str())
            .collect();
        assert_eq!(told, ["data_protection"]);
    }

    fn any_scores() -> impl Strategy<Value = BTreeMap<String, Option<Scores>>> {
        let score = || (1..=5_u8, 1..=5_u8);
        let one = proptest::option::of((score(), score())).prop_map(|both| {
            both.map(|((il, ii), (rl, ri))| Scores {
                inherent: Score {
                    likelihood: il,
                    impact: ii,
                },
                residual: Score {
                    likelihood: rl.min(il),
                    impact: ri.min(ii),
                },
            })
        });
        let area = proptest::sample::select(vec!["security", "privacy", "bias", "compliance"]);
        proptest::collection::btree_map(area.prop_map(str::to_owned), one, 0..5)
    }

    fn any_answers() -> impl Strategy<Value = Answers> {
        let keys: Vec<String> = rules().questions.into_iter().map(|one| one.key).collect();
        let answer = proptest::sample::select(vec![Answer::Yes, Answer::No, Answer::Unsure]);
        proptest::collection::vec(answer, keys.len())
            .prop_map(move |said| keys.iter().cloned().zip(said).collect())
    }

    proptest! {
        #[test]
        fn there_is_always_a_tier_and_more_risk_never_tells_fewer(
            scores in any_scores(), said in any_answers(),
        ) {
            let (rules, day) = (rules(), date(2027, 9, 1));
            let document = json!({ "effect_on_people": "none" });
            let of = |scores: &BTreeMap<String, Option<Scores>>| {
                judge(&rules, &document, scores, (&said, Role::Deployer), day)
                    .map(|one| (one.residual, one.escalations.len()))
            };
            let before = of(&scores).expect("a tier");
            let mut worse = scores.clone();
            for one in worse.values_mut().flatten() {
                one.residual = one.inherent;
            }
            let after = of(&worse).expect("a tier");
            prop_assert!(after.0 >= before.0 && after.1 >= before.1);
        }

        #[test]
        fn not_being_sure_is_never_milder_than_no(said in any_answers()) {
            let (rules, day) = (rules(), date(2027, 9, 1));
            let of = |said: &Answers| screen(&rules.screening, said, Role::Deployer, day).class;
            let sure: Answers = said
                .iter()
                .map(|(key, answer)| {
                    let narrow = key == "narrow_task" || *answer != Answer::Unsure;
                    (key.clone(), if narrow { *answer } else { Answer::No })
                })
                .collect();
            prop_assert!(of(&said) >= of(&sure));
        }
    }
}
