//! Conditions in CEL: parsed within limits, checked once at load, run without clock or I/O.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};
use std::thread;

use cel::common::ast::SourceInfo;
use cel::objects::{Key, Map};
use cel::parser::{ParseErrors, Parser};
use cel::{Context, Env, IdedExpr, Value as Cel};
use serde_json::Value;

use super::checker::{self, Checked};
use super::problem::shortened;
use super::reads::Reads;
use super::types::{Fields, Type};

/// The longest condition, in bytes.
const MAX_BYTES: usize = 1000;
/// How deep parentheses, lists and choices may nest.
const MAX_DEPTH: u16 = 32;
/// The stack the parser gets, in bytes.
const PARSER_STACK: usize = 16 * 1024 * 1024;
/// The most steps one evaluation may take.
const MAX_COST: u64 = 20_000;

/// The functions of CEL's standard library; the checker admits only some of them.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What is wrong with a condition: the character it is about, from 0, and a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub at: usize,
    pub message: String,
}

/// Parsed conditions by their text, shared by the clones of a workflow.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions(HashMap<String, Kept>);

/// A condition as kept, with the most steps an evaluation can take where it was checked.
#[derive(Debug, Clone)]
struct Kept {
    expression: Arc<IdedExpr>,
    cost: u64,
}

/// A condition as parsed.
pub(super) struct Parsed {
    expression: IdedExpr,
    source: SourceInfo,
}

/// How much there is to a condition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    /// The parts that were looked at to check it.
    pub parts: u64,
    /// The most steps an evaluation can take.
    pub cost: u64,
}

impl Parsed {
    /// What it reads.
    pub fn reads(&self) -> Reads {
        Reads::of(&self.expression)
    }

    /// Whether it reads only `variables`, is true or false and stays within the cost limit; what
    /// is wrong stands beside its size.
    pub fn check(&self, variables: &Fields) -> (Size, Vec<Fault>) {
        let checked = checker::check(&self.expression, variables);
        let size = Size {
            parts: checked.parts,
            cost: checked.cost,
        };
        (size, faults(&checked, &self.source))
    }
}

impl Conditions {
    /// Keeps a condition for [`Conditions::evaluate`].
    pub fn keep(&mut self, text: &str, parsed: Parsed, cost: u64) {
        let expression = Arc::new(parsed.expression);
        self.0.insert(text.to_owned(), Kept { expression, cost });
    }

    /// What a condition that was kept reads.
    pub fn reads(&self, text: &str) -> Option<Reads> {
        self.0.get(text).map(|kept| Reads::of(&kept.expression))
    }

    /// The most steps an evaluation of a condition that was kept can take.
    pub fn cost(&self, text: &str) -> u64 {
        self.0.get(text).map_or(0, |kept| kept.cost)
    }

    /// Whether the condition holds, or why that cannot be said.
    pub fn evaluate(&self, text: &str, variables: &Variables) -> Result<bool, String> {
        let result = match self.0.get(text) {
            Some(kept) => Cel::resolve(&kept.expression, &variables.0),
            None => {
                let parsed = parse(text).map_err(|faults| joined(&faults))?;
                Cel::resolve(&parsed.expression, &variables.0)
            }
        };
        match result {
            Ok(Cel::Bool(holds)) => Ok(holds),
            Ok(_) => Err("the condition gave neither true nor false".to_owned()),
            Err(error) => Err(shortened(&error.to_string(), 300)),
        }
    }
}

/// The values a condition can read.
pub(super) struct Variables(Context<'static, 'static>);

impl Variables {
    pub fn new(request: &Value) -> Variables {
        let mut variables = Variables(Context::with_env(Arc::clone(&ENVIRONMENT)));
        variables.set("request", to_cel(request));
        variables
    }

    pub fn set(&mut self, name: &str, value: Cel) {
        self.0.add_variable_from_value(name, value);
    }
}

/// JSON as CEL sees it. Every whole number becomes an `int`: `cel` alone would make it a `uint`,
/// which cannot be added to or subtracted from one. A field that is null is absent.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => number_to_cel(number),
        Value::String(text) => Cel::from(text.as_str()),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let there = fields.iter().filter(|(_, value)| !value.is_null());
            object(there.map(|(name, value)| (name.as_str(), to_cel(value))))
        }
    }
}

fn number_to_cel(number: &serde_json::Number) -> Cel {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => Cel::Int(whole),
        (None, Some(real)) if real.fract() == 0.0 && real.abs() <= EXACT => Cel::Int(real as i64),
        (None, real) => Cel::Float(real.unwrap_or(f64::NAN)),
    }
}

/// A CEL object with these members.
pub(super) fn object<'a>(members: impl Iterator<Item = (&'a str, Cel)>) -> Cel {
    let map: HashMap<Key, Cel> = members
        .map(|(name, value)| (Key::from(name.to_owned()), value))
        .collect();
    Cel::Map(Map { map: Arc::new(map) })
}

/// Reads a condition, within limits of length and depth.
pub(super) fn parse(text: &str) -> Result<Parsed, Vec<Fault>> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the condition has {} bytes; at most {MAX_BYTES} fit",
            text.len()
        );
        return Err(vec![Fault { at: 0, message }]);
    }
    with_deep_stack(|| {
        let parser = Parser::new().max_recursion_depth(MAX_DEPTH);
        let parsed = parser.parse_with_source_info(text);
        let parsed = parsed.map(|(expression, source)| Parsed { expression, source });
        parsed.map_err(|errors| vec![syntax_fault(text, &errors)])
    })
}

/// The generated parser takes some 150 kB of stack for each level of nesting, more than a worker
/// thread has; what makes it panic is a condition that cannot be read.
fn with_deep_stack<T: Send>(
    work: impl FnOnce() -> Result<T, Vec<Fault>> + Send,
) -> Result<T, Vec<Fault>> {
    let builder = thread::Builder::new().stack_size(PARSER_STACK);
    let answer = thread::scope(|scope| builder.spawn_scoped(scope, work).ok()?.join().ok());
    let unreadable = "this cannot be read as a condition".to_owned();
    answer.unwrap_or_else(|| {
        Err(vec![Fault {
            at: 0,
            message: unreadable,
        }])
    })
}

/// The first error of the parser; those after it are mostly echoes.
fn syntax_fault(text: &str, errors: &ParseErrors) -> Fault {
    let Some(first) = errors.errors.first() else {
        return Fault {
            at: 0,
            message: "this cannot be read as a condition".to_owned(),
        };
    };
    let (line, column) = (first.pos.0.max(1) as usize, first.pos.1.max(1) as usize);
    let before: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(|line| line.chars().count())
        .sum();
    let at = before + column - 1;
    if first.msg.contains("Recursion limit") {
        return Fault {
            at,
            message: format!("this nests deeper than {MAX_DEPTH} levels"),
        };
    }
    let hint = operator_hint(text, at);
    let cause = shortened(&first.msg, 300);
    Fault {
        at,
        message: format!("this cannot be read as a condition: {cause}{hint}"),
    }
}

/// What an author who writes like in another language probably wants.
fn operator_hint(text: &str, at: usize) -> &'static str {
    let rest: String = text.chars().skip(at).take(4).collect();
    let word: String = rest
        .chars()
        .take_while(|letter| letter.is_ascii_alphabetic())
        .collect();
    match (rest.chars().next(), word.to_ascii_lowercase().as_str()) {
        (Some('='), _) => " (to compare write ==)",
        (Some('&'), _) | (_, "and") => " (write &&)",
        (Some('|'), _) | (_, "or") => " (write ||)",
        (_, "not") => " (write !)",
        _ => "",
    }
}

fn faults(checked: &Checked, source: &SourceInfo) -> Vec<Fault> {
    let place = |id: u64| source.offset_for(id).map_or(0, |(start, _)| start as usize);
    let mut faults: Vec<Fault> = checked
        .faults
        .iter()
        .map(|(id, message)| Fault {
            at: place(*id),
            message: message.clone(),
        })
        .collect();
    if faults.is_empty() && checked.kind != Type::Bool {
        let message = format!(
            "this gives {}; a condition must be true or false",
            checked.kind
        );
        faults.push(Fault { at: 0, message });
    }
    if checked.cost > MAX_COST {
        let message = format!(
            "this can take {} steps; at most {MAX_COST} are allowed: nest fewer exists() and all()",
            checked.cost
        );
        faults.push(Fault { at: 0, message });
    }
    faults
}

fn joined(faults: &[Fault]) -> String {
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    messages.join("; ")
}

/// `derived.*` and the like: members by name.
pub(super) fn members<'a, T>(
    map: &'a BTreeMap<String, T>,
    value: impl Fn(&'a T) -> Option<Cel> + 'a,
) -> Cel {
    object(
        map.iter()
            .filter_map(move |(name, item)| Some((name.as_str(), value(item)?))),
    )
}
