//! How much two records are alike: pure, by the words of title and purpose, the tool and the
//! vendor. A word counts the more the rarer it is in the register, so that neither a list of
//! stop words nor a language has to be chosen.
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many different words of a title and a text are looked at, the first ones.
const WORDS_MAX: usize = 60;
/// Up to here a word is cut, so that its endings do not matter.
const STEM: usize = 6;

/// What of a document tells what it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Portrait {
    /// Stems of the title, each with the word it came from.
    title: BTreeMap<String, String>,
    /// Stems of title and text.
    words: BTreeMap<String, String>,
    tool: Vec<String>,
    vendor: Vec<String>,
}

/// How much a record is like another, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeness {
    /// From 0 to 1.
    pub score: f64,
    /// Words both have, the rarest first.
    pub words: Vec<String>,
    /// Whether both name the same tool.
    pub same_tool: bool,
    /// Whether both name the same vendor.
    pub same_vendor: bool,
}

impl Portrait {
    /// The portrait of a document of any kind.
    pub fn of(document: &Value) -> Portrait {
        let text = |name: &str| {
            document
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let title = stems(text("title"));
        let mut words = title.clone();
        for name in ["purpose", "what_for", "services"] {
            for (stem, word) in in_order(text(name)) {
                if words.len() < WORDS_MAX {
                    words.entry(stem).or_insert(word);
                }
            }
        }
        Portrait {
            title,
            words,
            tool: names(text("tool")),
            vendor: names(text("vendor")),
        }
    }

    /// Every stem to look for, once, those of title and names first.
    pub fn stems(&self) -> impl Iterator<Item = &str> {
        let names = self.tool.iter().chain(&self.vendor);
        let long = names.filter(|name| name.chars().count() > 2);
        let all = self.title.keys().chain(long).chain(self.words.keys());
        let mut seen = BTreeSet::new();
        all.map(String::as_str)
            .filter(move |stem| seen.insert(*stem))
    }
}

/// How much `other` is like `this`. `weight` says how much a stem of `this` counts; a stem that
/// only `other` has counts as the mean of those.
pub fn likeness(this: &Portrait, other: &Portrait, weight: impl Fn(&str) -> f64) -> Likeness {
    let title = overlap(&this.title, &other.title, &weight);
    let text = overlap(&this.words, &other.words, &weight);
    let same_tool = same(&this.tool, &other.tool);
    let same_vendor = same(&this.vendor, &other.vendor);
    let named = !this.tool.is_empty() && !other.tool.is_empty();
    let by_words = title.mul_add(0.55, text * 0.45);
    let mut score = match (named, same_tool || same_vendor) {
        (true, true) => by_words.mul_add(0.85, 0.15),
        (true, false) => by_words * 0.9,
        (false, _) => by_words,
    };
    if !this.title.is_empty() && this.title.keys().eq(other.title.keys()) {
        score = score.max(0.8);
    }
    let mut common: Vec<(&String, &String)> = this
        .words
        .iter()
        .filter(|(stem, _)| other.words.contains_key(*stem))
        .collect();
    common.sort_by(|a, b| weight(b.0).total_cmp(&weight(a.0)));
    Likeness {
        score: score.clamp(0.0, 1.0),
        words: common.into_iter().map(|(_, word)| word.clone()).collect(),
        same_tool,
        same_vendor,
    }
}

/// The cosine of two sets of weighted words.
fn overlap(
    this: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
    weight: &impl Fn(&str) -> f64,
) -> f64 {
    let whole: f64 = this.keys().map(|stem| weight(stem)).sum();
    if other.is_empty() || whole <= 0.0 {
        return 0.0;
    }
    let common: Vec<f64> = this
        .keys()
        .filter(|stem| other.contains_key(*stem))
        .map(|stem| weight(stem))
        .collect();
    let shared: f64 = common.iter().sum();
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let mean = whole / count(this.len());
    let theirs = mean.mul_add(count(other.len() - common.len()), shared);
    shared / (whole * theirs).sqrt()
}

/// The same name, or one is the other with an edition or a plan added.
fn same(this: &[String], other: &[String]) -> bool {
    let within = |a: &[String], b: &[String]| a.iter().all(|name| b.contains(name));
    !this.is_empty() && !other.is_empty() && (within(this, other) || within(other, this))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn names(text: &str) -> Vec<String> {
    words(text).take(8).collect()
}

fn in_order(text: &str) -> impl Iterator<Item = (String, String)> {
    let long = words(text).filter(|word| word.chars().count() > 2);
    long.map(|word| (stem(&word), word))
}

fn stems(text: &str) -> BTreeMap<String, String> {
    in_order(text).take(WORDS_MAX).collect()
}

fn stem(word: &str) -> String {
    let long = word.chars().count() > 4 && !word.ends_with("ss");
    let one = if long {
        word.strip_suffix('s').unwrap_or(word)
    } else {
        word
    };
    one.chars().take(STEM).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn portrait(title: &str, purpose: &str, tool: &str) -> Portrait {
        Portrait::of(&json!({ "title": title, "purpose": purpose, "tool": tool }))
    }

    fn score(this: &Portrait, other: &Portrait) -> f64 {
        likeness(this, other, |_| 1.0).score
    }

    #[test]
    fn the_same_said_with_other_endings_is_alike() {
        let this = portrait(
            "Summaries of supplier contracts",
            "Summarise each contract",
            "Claude",
        );
        let other = portrait(
            "Summarising a supplier's contract",
            "Contracts are summarised",
            "",
        );
        assert!(score(&this, &other) > 0.6, "{}", score(&this, &other));
    }

    #[test]
    fn another_purpose_with_the_same_tool_is_not_alike() {
        let this = portrait(
            "Summaries of supplier contracts",
            "Summarise each",
            "Claude",
        );
        let other = portrait("Chat for claims on the phone", "Answer callers", "Claude");
        assert!(score(&this, &other) < 0.3, "{}", score(&this, &other));
    }

    #[test]
    fn the_same_tool_with_its_plan_counts_as_the_same() {
        let this = portrait("Translate letters", "Translate", "ChatGPT Enterprise");
        let other = portrait("Translation of letters", "To translate", "chatgpt");
        let told = likeness(&this, &other, |_| 1.0);
        assert!(told.same_tool && told.score > 0.8, "{told:?}");
        let third = portrait("Translation of letters", "To translate", "DeepL");
        assert!(!likeness(&this, &third, |_| 1.0).same_tool);
    }

    #[test]
    fn rare_words_count_more_and_come_first() {
        let this = portrait("Data of orangutans", "", "");
        let rare = portrait("Orangutans in pictures", "", "");
        let common = portrait("Data in pictures", "", "");
        let weight = |stem: &str| if stem == "data" { 0.1 } else { 5.0 };
        let near = likeness(&this, &rare, weight);
        let far = likeness(&this, &common, weight);
        assert!(near.score > far.score, "{near:?} {far:?}");
        let both = likeness(&this, &this, weight);
        assert_eq!(both.words, ["orangutans", "data"]);
    }

    #[test]
    fn nothing_is_like_nothing() {
        let empty = Portrait::of(&json!({}));
        assert_eq!(score(&empty, &empty), 0.0);
        assert_eq!(empty.stems().count(), 0);
        let odd = Portrait::of(&json!({ "title": 7, "purpose": ["a"], "tool": null }));
        assert_eq!(odd, empty);
    }

    proptest! {
        #[test]
        fn a_score_lies_between_none_and_all(a in ".{0,80}", b in ".{0,80}", t in ".{0,9}") {
            let (this, other) = (portrait(&a, &b, &t), portrait(&b, &a, &t));
            let told = score(&this, &other);
            prop_assert!((0.0..=1.0).contains(&told));
            if !this.title.is_empty() {
                prop_assert!(score(&this, &this) > 0.99);
            }
        }

        #[test]
        fn stems_carry_no_sign_of_a_search_language(text in ".{0,80}") {
            let this = portrait(&text, &text, &text);
            let plain = |stem: &str| stem.chars().all(char::is_alphanumeric);
            prop_assert!(this.stems().all(plain));
        }
    }
}
