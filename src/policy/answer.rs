//! From a question to its answer: a function of the policy, the question and the day.

use super::document::{folded, names_of};
use super::{Condition, Policy, Rule, Tool, Verdict};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// Every tool, or every class, in the index.
const ANY: u32 = u32::MAX;

/// What somebody asks. Each name may be a key, a title or, for tools, another name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The tool.
    pub tool: String,
    /// The mode; nothing where it is not said.
    #[serde(default)]
    pub mode: Option<String>,
    /// The classes of data.
    pub classes: Vec<String>,
    /// What for.
    #[serde(default)]
    pub purpose: Option<String>,
}

/// Which names of a question the policy knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// Key of the tool; nothing for one that is not listed.
    pub tool: Option<String>,
    /// Key of the mode.
    pub mode: Option<String>,
    /// A mode that the tool does not have.
    pub unknown_mode: Option<String>,
    /// Keys of the classes that were asked for.
    pub classes: Vec<String>,
    /// Classes that the policy does not have.
    pub unknown_classes: Vec<String>,
    /// Classes that are asked because others include them.
    pub included: Vec<String>,
    /// Key of the purpose.
    pub purpose: Option<String>,
    /// A purpose that the policy does not have: rules for every purpose count.
    pub unknown_purpose: Option<String>,
}

/// What holds for one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassOutcome {
    /// Key of the class, or the word that was asked for.
    pub class: String,
    /// Whether the policy has it.
    pub known: bool,
    /// What holds.
    pub verdict: Verdict,
    /// Keys of the rules that say so; none where no rule does.
    pub rules: Vec<String>,
    /// Rules that allow it, but only for what the policy knows.
    pub held_back: Vec<String>,
}

/// What holds in one mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What holds.
    pub verdict: Verdict,
    /// Keys of the rules that decide it.
    pub rules: Vec<String>,
    /// What must be done.
    pub conditions: Vec<Condition>,
    /// Which workflow reviews it.
    pub workflow: Option<String>,
    /// The same for each class.
    pub by_class: Vec<ClassOutcome>,
}

/// What holds in a mode of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModeOutcome {
    /// Its key.
    pub mode: String,
    /// What people read.
    pub title: String,
    /// What holds.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A rule that would have a say on another day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotCounting {
    /// Its key.
    pub rule: String,
    /// Since when it is over.
    pub expired_on: Option<Date>,
    /// When it begins.
    pub begins_on: Option<Date>,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// What was understood.
    pub asked: Resolved,
    /// What holds; where modes differ, in the strictest.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Each mode of the tool, where none was said.
    pub modes: Vec<ModeOutcome>,
    /// Whether it depends on the mode.
    pub depends_on_mode: bool,
    /// Purposes for which another verdict holds, where none was said.
    pub other_purposes: Vec<(String, Verdict)>,
    /// Rules that would have a say on another day.
    pub not_counting: Vec<NotCounting>,
}

/// A rule, ready to be compared.
#[derive(Debug)]
struct Compiled {
    rule: usize,
    specificity: u8,
    verdict: Verdict,
    modes: Option<Vec<u32>>,
    purposes: Option<Vec<u32>>,
}

/// A policy with its rules by tool and class, built once.
#[derive(Debug)]
pub struct Index {
    policy: Policy,
    tools: HashMap<String, u32>,
    classes: HashMap<String, u32>,
    modes: HashMap<String, u32>,
    purposes: HashMap<String, u32>,
    closures: Vec<Vec<u32>>,
    /// Rules that name this tool and this class, or every one; those that count first come first.
    rules: HashMap<(u32, u32), Vec<Compiled>>,
}

/// One place for which rules are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub tool: Option<u32>,
    pub mode: Option<u32>,
    pub class: u32,
    pub purpose: Option<u32>,
}

/// What was found for a place.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The rules that count, all equally specific; the strictest first.
    pub rules: Vec<usize>,
    /// Rules that count on other days only.
    out_of_time: Vec<(u8, usize)>,
    /// Purposes for which other rules count.
    purposes: BTreeSet<u32>,
    specificity: u8,
}

impl Index {
    /// Sorts the rules of a policy.
    pub fn new(policy: Policy) -> Index {
        let mut index = Index {
            tools: HashMap::new(),
            classes: numbered(policy.classes.iter().map(|class| &class.key)),
            modes: HashMap::new(),
            purposes: numbered(policy.purposes.iter().map(|purpose| &purpose.key)),
            closures: Vec::new(),
            rules: HashMap::new(),
            policy: Policy {
                rules: Vec::new(),
                ..policy.clone()
            },
        };
        for (tool, number) in policy.tools.iter().zip(0..) {
            for name in names_of(tool) {
                index.tools.entry(folded(name)).or_insert(number);
            }
            for mode in &tool.modes {
                let next = small(index.modes.len());
                index.modes.entry(mode.key.clone()).or_insert(next);
            }
        }
        let closures = policy.classes.iter().map(|class| index.closure(&class.key));
        index.closures = closures.collect();
        for (number, rule) in policy.rules.iter().enumerate() {
            index.add(number, rule);
        }
        for rules in index.rules.values_mut() {
            rules.sort_by_key(|one| (std::cmp::Reverse((one.specificity, one.verdict)), one.rule));
        }
        index.policy.rules = policy.rules;
        index
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The rule with this key.
    pub fn rule(&self, key: &str) -> Option<&Rule> {
        self.policy.rules.iter().find(|rule| rule.key == key)
    }

    /// The tool by any of its names.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        let number = self.tools.get(&folded(name))?;
        self.policy.tools.get(*number as usize)
    }

    fn closure(&self, class: &str) -> Vec<u32> {
        let mut found: Vec<u32> = self.classes.get(class).copied().into_iter().collect();
        let mut at = 0;
        while let Some(number) = found.get(at).copied() {
            at += 1;
            let class = self.policy.classes.get(number as usize);
            let included = class.into_iter().flat_map(|class| &class.includes);
            for number in included.filter_map(|key| self.classes.get(key)) {
                if !found.contains(number) {
                    found.push(*number);
                }
            }
        }
        found
    }

    fn add(&mut self, number: usize, rule: &Rule) {
        let named = |names: &super::Names, known: &HashMap<String, u32>| {
            let keys = names.keys()?;
            let numbers = keys.iter().filter_map(|key| known.get(key).copied());
            let mut numbers: Vec<u32> = numbers.collect();
            numbers.sort_unstable();
            Some(numbers)
        };
        let tools = named(&rule.tools, &self.tools).unwrap_or_else(|| vec![ANY]);
        let classes = named(&rule.classes, &self.classes).unwrap_or_else(|| vec![ANY]);
        for tool in &tools {
            for class in &classes {
                let compiled = Compiled {
                    rule: number,
                    specificity: rule.specificity(),
                    verdict: rule.verdict,
                    modes: named(&rule.modes, &self.modes),
                    purposes: named(&rule.purposes, &self.purposes),
                };
                self.rules
                    .entry((*tool, *class))
                    .or_default()
                    .push(compiled);
            }
        }
    }

    /// Every rule that speaks of a place, whatever the day.
    pub(super) fn speaking(&self, at: Place) -> Vec<usize> {
        let tools = at.tool.into_iter().chain([ANY]);
        let keys = tools.flat_map(|tool| [(tool, at.class), (tool, ANY)]);
        let all = keys.flat_map(|key| self.rules.get(&key).into_iter().flatten());
        let fits = |one: &&Compiled| {
            one.modes.as_ref().is_none_or(|modes| is_in(modes, at.mode))
                && one
                    .purposes
                    .as_ref()
                    .is_none_or(|all| is_in(all, at.purpose))
        };
        all.filter(fits).map(|one| one.rule).collect()
    }

    /// Number of the mode with this key.
    pub(super) fn mode_number(&self, key: &str) -> Option<u32> {
        self.modes.get(key).copied()
    }

    /// Looks for the rules that count at a place.
    pub(super) fn find(&self, at: Place, today: Date) -> Found {
        let mut found = Found::default();
        let tools = at.tool.into_iter().chain([ANY]);
        for key in tools.flat_map(|tool| [(tool, at.class), (tool, ANY)]) {
            for one in self.rules.get(&key).into_iter().flatten() {
                if !found.rules.is_empty() && one.specificity < found.specificity {
                    break;
                }
                self.weigh(one, at, today, &mut found);
            }
        }
        found
            .out_of_time
            .retain(|(specificity, _)| *specificity >= found.specificity);
        found
    }

    fn weigh(&self, one: &Compiled, at: Place, today: Date, found: &mut Found) {
        if one
            .modes
            .as_ref()
            .is_some_and(|modes| !is_in(modes, at.mode))
        {
            return;
        }
        if one
            .purposes
            .as_ref()
            .is_some_and(|all| !is_in(all, at.purpose))
        {
            if at.purpose.is_none() {
                found.purposes.extend(one.purposes.iter().flatten());
            }
            return;
        }
        let Some(rule) = self.policy.rules.get(one.rule) else {
            return;
        };
        if !rule.is_valid(today) {
            found.out_of_time.push((one.specificity, one.rule));
            return;
        }
        let best = found
            .rules
            .first()
            .and_then(|rule| self.policy.rules.get(*rule));
        let best = best.map(|best| (found.specificity, best.verdict));
        let this = (one.specificity, one.verdict);
        match best {
            Some(best) if this < best => {}
            Some(best) if this == best => found.rules.push(one.rule),
            _ => {
                found.rules = vec![one.rule];
                found.specificity = one.specificity;
            }
        }
    }

    /// Answers a question as of a day.
    pub fn ask(&self, question: &Question, today: Date) -> Answer {
        let asked = self.resolve(question);
        let tool = asked.tool.as_deref().and_then(|key| self.tool(key));
        let mut aside = Aside::default();
        let said = question.mode.is_some();
        let modes = tool.map(|tool| tool.modes.as_slice()).unwrap_or_default();
        let modes: Vec<ModeOutcome> = match said {
            true => Vec::new(),
            false => modes
                .iter()
                .map(|mode| ModeOutcome {
                    mode: mode.key.clone(),
                    title: mode.title.clone(),
                    outcome: self.outcome(&asked, Some(&mode.key), None, today, &mut aside),
                })
                .collect(),
        };
        let strictest = modes
            .iter()
            .map(|mode| &mode.outcome)
            .max_by_key(|one| one.verdict);
        let outcome = match strictest {
            Some(strictest) => strictest.clone(),
            None => self.outcome(&asked, asked.mode.as_deref(), None, today, &mut aside),
        };
        let depends_on_mode = modes.iter().any(|mode| {
            (mode.outcome.verdict, &mode.outcome.conditions)
                != (outcome.verdict, &outcome.conditions)
        });
        let other_purposes = self.other_purposes(&asked, &modes, outcome.verdict, today, &aside);
        Answer {
            not_counting: self.not_counting(&aside, today),
            asked,
            outcome,
            modes,
            depends_on_mode,
            other_purposes,
        }
    }

    fn resolve(&self, question: &Question) -> Resolved {
        let mut asked = Resolved::default();
        let tool = self.tool(&question.tool);
        asked.tool = tool.map(|tool| tool.key.clone());
        if let Some(word) = &question.mode {
            let modes = tool.map(|tool| tool.modes.as_slice()).unwrap_or_default();
            match modes
                .iter()
                .find(|mode| is_named(word, &mode.key, &mode.title))
            {
                Some(mode) => asked.mode = Some(mode.key.clone()),
                None => asked.unknown_mode = Some(word.clone()),
            }
        }
        for word in &question.classes {
            let mut classes = self.policy.classes.iter();
            let class = classes.find(|class| is_named(word, &class.key, &class.title));
            match class {
                Some(class) if asked.classes.contains(&class.key) => {}
                Some(class) => asked.classes.push(class.key.clone()),
                None => asked.unknown_classes.push(word.clone()),
            }
        }
        for class in asked.classes.clone() {
            let number = self.classes.get(&class).map(|number| *number as usize);
            let closure = number.and_then(|number| self.closures.get(number));
            for key in closure
                .into_iter()
                .flatten()
                .filter_map(|n| self.class_key(*n))
            {
                if !asked.classes.contains(&key) && !asked.included.contains(&key) {
                    asked.included.push(key);
                }
            }
        }
        if let Some(word) = question.purpose.as_ref().filter(|word| !word.is_empty()) {
            let mut purposes = self.policy.purposes.iter();
            match purposes.find(|one| is_named(word, &one.key, &one.title)) {
                Some(purpose) => asked.purpose = Some(purpose.key.clone()),
                None => asked.unknown_purpose = Some(word.clone()),
            }
        }
        asked
    }

    fn class_key(&self, number: u32) -> Option<String> {
        self.policy
            .classes
            .get(number as usize)
            .map(|class| class.key.clone())
    }

    fn outcome(
        &self,
        asked: &Resolved,
        mode: Option<&str>,
        purpose: Option<u32>,
        today: Date,
        aside: &mut Aside,
    ) -> Outcome {
        let number = |known: &HashMap<String, u32>, key: &str| known.get(key).copied();
        let tool = asked
            .tool
            .as_deref()
            .and_then(|key| number(&self.tools, &folded(key)));
        let said = asked
            .purpose
            .as_deref()
            .and_then(|key| number(&self.purposes, key));
        let has_modes = |tool: u32| {
            let tool = self.policy.tools.get(tool as usize);
            tool.is_some_and(|tool| !tool.modes.is_empty())
        };
        let fenced = tool.is_none_or(|tool| asked.unknown_mode.is_some() && has_modes(tool));
        let mut by_class = Vec::new();
        let mut deciding: Vec<Vec<usize>> = Vec::new();
        for class in asked.classes.iter().chain(&asked.included) {
            let Some(class_number) = number(&self.classes, class) else {
                continue;
            };
            let place = Place {
                tool,
                mode: mode.and_then(|key| number(&self.modes, key)),
                class: class_number,
                purpose: purpose.or(said),
            };
            let found = self.find(place, today);
            aside
                .out_of_time
                .extend(found.out_of_time.iter().map(|(_, rule)| *rule));
            if asked.purpose.is_none() && asked.unknown_purpose.is_none() {
                aside.purposes.extend(&found.purposes);
            }
            let (outcome, rules) = self.of_class(class, found.rules, fenced);
            by_class.push(outcome);
            deciding.push(rules);
        }
        for class in &asked.unknown_classes {
            by_class.push(unknown_class(class));
            deciding.push(Vec::new());
        }
        self.together(by_class, &deciding)
    }

    fn of_class(&self, class: &str, rules: Vec<usize>, fenced: bool) -> (ClassOutcome, Vec<usize>) {
        let first = rules.first().and_then(|rule| self.policy.rules.get(*rule));
        let says = first.map_or(Verdict::NotDecided, |rule| rule.verdict);
        let held = fenced && says.permits();
        let keys: Vec<String> = rules
            .iter()
            .filter_map(|rule| self.rule_key(*rule))
            .collect();
        let (kept, held_back) = if held {
            (Vec::new(), keys)
        } else {
            (keys, Vec::new())
        };
        let outcome = ClassOutcome {
            class: class.to_owned(),
            known: true,
            verdict: if held { Verdict::NotDecided } else { says },
            rules: kept,
            held_back,
        };
        (outcome, if held { Vec::new() } else { rules })
    }

    fn rule_key(&self, number: usize) -> Option<String> {
        self.policy.rules.get(number).map(|rule| rule.key.clone())
    }

    /// The strictest class decides; the conditions of all classes add up.
    fn together(&self, by_class: Vec<ClassOutcome>, deciding: &[Vec<usize>]) -> Outcome {
        let verdict = by_class.iter().map(|one| one.verdict).max();
        let verdict = verdict.unwrap_or(Verdict::NotDecided);
        let mut rules: Vec<String> = Vec::new();
        let mut conditions: Vec<Condition> = Vec::new();
        let mut workflow = None;
        for (class, numbers) in by_class.iter().zip(deciding) {
            let decides = class.verdict == verdict;
            for rule in numbers
                .iter()
                .filter_map(|number| self.policy.rules.get(*number))
            {
                if decides && !rules.contains(&rule.key) {
                    rules.push(rule.key.clone());
                    workflow = workflow.or_else(|| rule.workflow.clone());
                }
                for condition in &rule.conditions {
                    if !conditions.iter().any(|known| known.text == condition.text) {
                        conditions.push(condition.clone());
                    }
                }
            }
        }
        let bind = [Verdict::AllowedWithConditions, Verdict::ReviewRequired];
        if !bind.contains(&verdict) {
            conditions.clear();
        }
        Outcome {
            verdict,
            rules,
            conditions,
            workflow,
            by_class,
        }
    }

    /// The purposes for which another verdict holds.
    fn other_purposes(
        &self,
        asked: &Resolved,
        modes: &[ModeOutcome],
        usual: Verdict,
        today: Date,
        aside: &Aside,
    ) -> Vec<(String, Verdict)> {
        let mut others = Vec::new();
        for number in &aside.purposes {
            let mut unused = Aside::default();
            let mut one = |mode: Option<&str>| {
                self.outcome(asked, mode, Some(*number), today, &mut unused)
                    .verdict
            };
            let verdict = match modes {
                [] => one(asked.mode.as_deref()),
                modes => modes
                    .iter()
                    .map(|mode| one(Some(&mode.mode)))
                    .max()
                    .unwrap_or(usual),
            };
            let purpose = self.policy.purposes.get(*number as usize);
            if let Some(purpose) = purpose.filter(|_| verdict != usual) {
                others.push((purpose.key.clone(), verdict));
            }
        }
        others
    }

    fn not_counting(&self, aside: &Aside, today: Date) -> Vec<NotCounting> {
        let rules = aside.out_of_time.iter();
        let rules = rules.filter_map(|number| self.policy.rules.get(*number));
        rules
            .map(|rule| NotCounting {
                rule: rule.key.clone(),
                expired_on: rule.valid_until.filter(|until| *until < today),
                begins_on: rule.valid_from.filter(|from| today < *from),
            })
            .collect()
    }
}

/// What is told beside the verdict.
#[derive(Debug, Default)]
struct Aside {
    out_of_time: BTreeSet<usize>,
    purposes: BTreeSet<u32>,
}

fn is_in(names: &[u32], asked: Option<u32>) -> bool {
    asked.is_some_and(|asked| names.binary_search(&asked).is_ok())
}

fn unknown_class(word: &str) -> ClassOutcome {
    ClassOutcome {
        class: word.to_owned(),
        known: false,
        verdict: Verdict::NotDecided,
        rules: Vec::new(),
        held_back: Vec::new(),
    }
}

fn is_named(word: &str, key: &str, title: &str) -> bool {
    word == key || folded(word) == folded(title)
}

fn numbered<'a>(keys: impl Iterator<Item = &'a String>) -> HashMap<String, u32> {
    keys.cloned().zip(0..).collect()
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(ANY)
}
