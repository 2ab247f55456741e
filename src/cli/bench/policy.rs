//! `bench policy`: how long one question takes, beside the time of looking a name up in a map.
use crate::error::{Error, Result};
use crate::policy::{Document, Index, Question, Verdict};
use clap::Args;
use jiff::civil::date;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What one answer may take.
const OWED: Duration = Duration::from_millis(1);
const CLASSES: usize = 10;
const MODES: usize = 3;
const PURPOSES: usize = 12;

/// `countersign bench policy`
#[derive(Debug, Args)]
pub struct Policy {
    /// How many rules the policy has.
    #[arg(long, default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(100..=20_000))]
    rules: u32,
    /// How many questions are asked.
    #[arg(long, default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    questions: u32,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

impl Policy {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let text = document(self.rules as usize).to_string();
        let begun = Instant::now();
        let document = Document::load("bench", &text).map_err(|problems| {
            let first = problems.first().map(ToString::to_string);
            Error::Corrupt(first.unwrap_or_default())
        })?;
        let index = Index::new(document.policy);
        let built = begun.elapsed();
        let (mut times, bare) = (Vec::new(), look_ups(self.questions as usize));
        let today = date(2027, 3, 1);
        for number in 0..self.questions as usize {
            let question = question(number);
            let begun = Instant::now();
            std::hint::black_box(index.ask(&question, today));
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let at = |percent: usize| {
            let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(place).copied().unwrap_or_default()
        };
        let (p50, p99, longest) = (at(50), at(99), at(100));
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let ratio = p50.as_secs_f64() / bare.as_secs_f64().max(1e-12);
        if self.json {
            let report = json!({
                "bench": "policy", "rules": self.rules, "questions": self.questions,
                "built_ms": built.as_secs_f64() * 1e3, "p50_us": micros(p50),
                "p99_us": micros(p99), "longest_us": micros(longest),
                "owed_us": micros(OWED), "kept": p99 <= OWED,
                "limit": { "name": "one look-up of a name in a map", "us": micros(bare) },
                "ratio": ratio,
            });
            println!("{report}");
        } else {
            println!(
                "Answers of a policy with {} rules, built in {built:.1?}",
                self.rules
            );
            println!("p50 {p50:.1?}, p99 {p99:.1?}, longest {longest:.1?}; owed {OWED:.1?}");
            println!("One answer costs as much as {ratio:.0} look-ups of a name in a map");
        }
        Ok(if p99 <= OWED {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The mean time of one look-up of a name.
fn look_ups(count: usize) -> Duration {
    let known: HashMap<String, usize> = (0..count).map(|n| (format!("tool_{n}"), n)).collect();
    let names: Vec<&String> = known.keys().collect();
    let begun = Instant::now();
    let found: usize = names.iter().filter_map(|name| known.get(*name)).sum();
    std::hint::black_box(found);
    let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    begun.elapsed() / count
}

fn tools(rules: usize) -> usize {
    (rules / (CLASSES * MODES)).clamp(1, 2000)
}

/// A policy of so many rules: one for each cell, then exceptions for purposes, one in ten for
/// every tool.
fn document(rules: usize) -> Value {
    let tools = tools(rules);
    let named = |what: &str, count: usize| -> Vec<Value> {
        let one = |n| json!({ "key": format!("{what}_{n}"), "title": format!("{what} {n}") });
        (0..count).map(one).collect()
    };
    let tool = |n: usize| {
        json!({ "key": format!("tool_{n}"), "title": format!("Tool {n}"),
                "modes": named("mode", MODES) })
    };
    json!({
        "format": 1, "key": "bench", "title": "Bench", "owner": "bench@example.org",
        "classes": named("class", CLASSES), "purposes": named("purpose", PURPOSES),
        "tools": (0..tools).map(tool).collect::<Vec<_>>(),
        "rules": (0..rules).map(|number| rule(number, tools)).collect::<Vec<_>>(),
    })
}

fn rule(number: usize, tools: usize) -> Value {
    let verdict = Verdict::ALL.get(number % Verdict::ALL.len());
    let verdict = verdict.map_or("allowed", |verdict| verdict.as_str());
    let mut rule = json!({
        "key": format!("rule_{number}"), "verdict": verdict, "reason": "Measured.",
        "tools": [format!("tool_{}", number % tools)],
        "classes": [format!("class_{}", number / tools % CLASSES)],
    });
    let Some(fields) = rule.as_object_mut() else {
        return rule;
    };
    if verdict == "allowed_with_conditions" {
        let conditions = json!([{ "key": "c", "text": format!("Condition {number}.") }]);
        fields.insert("conditions".to_owned(), conditions);
    }
    match number % 10 {
        0 => {
            fields.insert("tools".to_owned(), json!("any"));
            fields.insert(
                "purposes".to_owned(),
                json!([format!("purpose_{}", number % PURPOSES)]),
            );
        }
        1..=4 => {
            fields.insert(
                "modes".to_owned(),
                json!([format!("mode_{}", number % MODES)]),
            );
        }
        _ => {}
    }
    rule
}

/// Three classes, a mode in every second question, a purpose in every third.
fn question(number: usize) -> Question {
    let class = |step: usize| format!("class_{}", (number + step) % CLASSES);
    Question {
        tool: format!("Tool {}", number % 333),
        mode: number
            .is_multiple_of(2)
            .then(|| format!("mode_{}", number % MODES)),
        classes: vec![class(0), class(3), class(7)],
        purpose: number
            .is_multiple_of(3)
            .then(|| format!("purpose_{}", number % PURPOSES)),
    }
}
