//! What a condition reads: fields, tables, earlier stages, and the values it compares them with.

use std::collections::{BTreeMap, BTreeSet};

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators as op};

/// What one condition reads, or several together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reads {
    /// Fields of the request.
    pub request: BTreeSet<String>,
    /// Tables.
    pub derived: BTreeSet<String>,
    /// Earlier stages and what of them.
    pub stages: BTreeMap<String, OfStage>,
    /// Texts it writes out.
    pub texts: BTreeSet<String>,
    /// Numbers it writes out, as they are written.
    pub numbers: BTreeSet<Number>,
    /// Whether it counts, reckons or looks into texts, so that the values written out do not say
    /// where its answer changes.
    pub measures: bool,
    /// Whether it goes through a list item by item, so that an item it does not name can matter.
    pub loops: bool,
}

/// A number in an order, whole or not, by its bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub f64);

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What is read of an earlier stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OfStage {
    /// How it ended.
    pub outcome: bool,
    /// Whether its time ran out.
    pub timed_out: bool,
    /// These answers of its form.
    pub answers: BTreeSet<String>,
}

impl Reads {
    /// What `condition` reads.
    pub fn of(condition: &IdedExpr) -> Reads {
        let mut reads = Reads::default();
        reads.visit(condition);
        reads
    }

    /// Both.
    pub fn join(&mut self, other: &Reads) {
        self.request.extend(other.request.iter().cloned());
        self.derived.extend(other.derived.iter().cloned());
        for (key, theirs) in &other.stages {
            let ours = self.stages.entry(key.clone()).or_default();
            ours.outcome |= theirs.outcome;
            ours.timed_out |= theirs.timed_out;
            ours.answers.extend(theirs.answers.iter().cloned());
        }
        self.texts.extend(other.texts.iter().cloned());
        self.numbers.extend(other.numbers.iter().copied());
        self.measures |= other.measures;
        self.loops |= other.loops;
    }

    fn visit(&mut self, e: &IdedExpr) {
        match &e.expr {
            Expr::Select(select) => match chain(e) {
                Some(names) => self.name(&names),
                None => self.visit(&select.operand),
            },
            Expr::Literal(literal) => self.literal(literal),
            Expr::List(list) => list.elements.iter().for_each(|item| self.visit(item)),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(each) => {
                self.loops = true;
                for part in [
                    &each.iter_range,
                    &each.accu_init,
                    &each.loop_cond,
                    &each.loop_step,
                    &each.result,
                ] {
                    self.visit(part);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &CallExpr) {
        const PLAIN: [&str; 11] = [
            op::LOGICAL_AND,
            op::LOGICAL_OR,
            op::LOGICAL_NOT,
            op::CONDITIONAL,
            op::NOT_STRICTLY_FALSE,
            op::EQUALS,
            op::NOT_EQUALS,
            op::IN,
            op::LESS,
            op::LESS_EQUALS,
            op::GREATER,
        ];
        let name = call.func_name.as_str();
        self.measures |= !PLAIN.contains(&name) && name != op::GREATER_EQUALS;
        call.target
            .iter()
            .for_each(|target| self.visit(target.as_ref()));
        call.args.iter().for_each(|part| self.visit(part));
    }

    fn literal(&mut self, literal: &LiteralValue) {
        match literal {
            LiteralValue::String(text) => {
                self.texts.insert(text.inner().to_owned());
            }
            LiteralValue::Int(number) => {
                self.numbers.insert(Number(*number.inner() as f64));
            }
            LiteralValue::Double(number) => {
                self.numbers.insert(Number(*number.inner()));
            }
            _ => {}
        }
    }

    fn name(&mut self, names: &[&str]) {
        match names {
            ["request", field, ..] => {
                self.request.insert((*field).to_owned());
            }
            ["derived", table, ..] => {
                self.derived.insert((*table).to_owned());
            }
            ["stages", stage, rest @ ..] => {
                let read = self.stages.entry((*stage).to_owned()).or_default();
                match rest {
                    ["outcome", ..] => read.outcome = true,
                    ["timed_out", ..] => read.timed_out = true,
                    ["answers", field, ..] => {
                        read.answers.insert((*field).to_owned());
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// `["request", "vendor"]` for a plain chain of names, asked for by `has()` or read.
fn chain(e: &IdedExpr) -> Option<Vec<&str>> {
    match &e.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) => {
            let mut names = chain(&select.operand)?;
            names.push(&select.field);
            Some(names)
        }
        _ => None,
    }
}
