//! Checks a parsed condition before it is ever run: names, types, guards and worst-case cost.
//! The crate `cel` has no checker of its own; a misspelt field would only show as a condition that
//! never fires.

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, SelectExpr, operators as op,
};

use super::problem::{did_you_mean, one_of};
use super::types::{Fields, Type};

/// What is wrong with a part of a condition: the part's id, and a message.
pub(super) type Fault = (u64, String);

/// The answer of [`check`].
pub(super) struct Checked {
    pub kind: Type,
    /// The most steps an evaluation can take.
    pub cost: u64,
    /// The parts that were looked at.
    pub parts: u64,
    pub faults: Vec<Fault>,
}

/// Finds the type of a condition that may read `variables`.
pub(super) fn check(condition: &IdedExpr, variables: &Fields) -> Checked {
    let mut checker = Checker {
        variables,
        locals: Vec::new(),
        present: Vec::new(),
        faults: Vec::new(),
        cost: 0,
        parts: 0,
        times: 1,
    };
    let kind = checker.visit(condition);
    Checked {
        kind,
        cost: checker.cost,
        parts: checker.parts,
        faults: checker.faults,
    }
}

struct Checker<'a> {
    variables: &'a Fields,
    /// Names bound by `exists`, `all` and the like, innermost last.
    locals: Vec<(String, Type)>,
    /// Optional fields known to be there, from `has()` to the left.
    present: Vec<String>,
    faults: Vec<Fault>,
    cost: u64,
    parts: u64,
    /// How often the part under the visitor can run.
    times: u64,
}

impl Checker<'_> {
    fn fault(&mut self, id: u64, message: impl Into<String>) -> Type {
        let fault = (id, message.into());
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
        Type::Unknown
    }

    fn spend(&mut self, steps: u64) {
        self.cost = self.cost.saturating_add(self.times.saturating_mul(steps));
    }

    fn visit(&mut self, e: &IdedExpr) -> Type {
        self.spend(1);
        self.parts += 1;
        match &e.expr {
            Expr::Literal(literal) => self.literal(e.id, literal),
            Expr::Ident(name) => self.name(e.id, name),
            Expr::Select(select) => self.select(e, select),
            Expr::List(list) => self.list(e.id, list),
            Expr::Comprehension(each) => self.comprehension(each),
            Expr::Call(call) => self.call(e.id, call),
            Expr::Map(_) | Expr::Struct(_) => {
                self.fault(e.id, "objects in braces are not allowed in conditions")
            }
            Expr::Unspecified => self.fault(e.id, "something is missing here"),
        }
    }

    fn literal(&mut self, id: u64, literal: &LiteralValue) -> Type {
        match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::Double(_) => Type::Double,
            LiteralValue::String(text) => Type::Literal(vec![text.inner().to_owned()]),
            LiteralValue::Null => self.fault(
                id,
                "fields are never null: ask has(request.<field>) instead",
            ),
            LiteralValue::UInt(_) => self.fault(id, "write a number without u: 5, not 5u"),
            LiteralValue::Bytes(_) => self.fault(id, "write a text without b: 'x', not b'x'"),
        }
    }

    fn name(&mut self, id: u64, name: &str) -> Type {
        if let Some((_, kind)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return kind.clone();
        }
        if let Some(variable) = self.variables.get(name) {
            return variable.kind.clone();
        }
        let known = self.variables.keys().map(String::as_str);
        let message = match self.variables.get("request") {
            Some(request) if matches!(&request.kind, Type::Object(f) if f.contains_key(name)) => {
                format!("`{name}` is not known here: write request.{name}")
            }
            _ => {
                let hint = did_you_mean(name, known.clone());
                format!(
                    "`{name}` is not known here{hint}; a condition can read {}",
                    one_of(known)
                )
            }
        };
        self.fault(id, message)
    }

    fn select(&mut self, e: &IdedExpr, select: &SelectExpr) -> Type {
        let fields = match self.visit(&select.operand) {
            Type::Object(fields) => fields,
            Type::Unknown => {
                return if select.test {
                    Type::Bool
                } else {
                    Type::Unknown
                };
            }
            other => {
                return self.fault(e.id, format!("`.{}`: {other} has no fields", select.field));
            }
        };
        let owner = path(&select.operand).unwrap_or_default();
        let Some(field) = fields.get(&select.field) else {
            return self.unknown_field(e.id, &owner, &select.field, &fields);
        };
        let whole = format!("{owner}.{}", select.field);
        if select.test {
            if !field.optional && !owner.starts_with("request") {
                self.fault(e.id, format!("`{whole}` is always there: remove has()"));
            }
            return Type::Bool;
        }
        if field.optional && !self.present.contains(&whole) {
            let message = format!("`{whole}` may be missing: write has({whole}) && before it");
            self.fault(e.id, message);
        }
        field.kind.clone()
    }

    fn unknown_field(&mut self, id: u64, owner: &str, name: &str, fields: &Fields) -> Type {
        let known = fields.keys().map(String::as_str);
        let hint = did_you_mean(name, known.clone());
        let message = match owner {
            "stages" if fields.is_empty() => {
                format!("this stage needs no other, so it cannot read `stages.{name}`")
            }
            "stages" => format!(
                "`stages.{name}` is not settled when this is asked{hint}; \
                 stages that are: {}. Add it to `needs` to read it",
                one_of(known)
            ),
            _ => format!(
                "`{owner}` has no field `{name}`{hint}; it has {}",
                one_of(known)
            ),
        };
        self.fault(id, message)
    }

    fn list(&mut self, id: u64, list: &ListExpr) -> Type {
        let mut item = Type::Unknown;
        for element in &list.elements {
            let kind = self.visit(element);
            if !item.fits(&kind) {
                self.fault(id, format!("a list cannot hold both {item} and {kind}"));
            }
            item = item.join(kind);
        }
        Type::List(Box::new(item), list.elements.len() as u64)
    }

    /// `exists`, `all`, `exists_one`, `map` and `filter`, which the parser writes as a loop over an
    /// accumulator.
    fn comprehension(&mut self, each: &ComprehensionExpr) -> Type {
        let (item, most) = match self.visit(&each.iter_range) {
            Type::List(item, most) => (*item, most),
            Type::Unknown => (Type::Unknown, 1),
            other => {
                let message = format!("this goes through a list, but here is {other}");
                (self.fault(each.iter_range.id, message), 1)
            }
        };
        self.refuse_taken_name(each);
        let start = self.visit(&each.accu_init);
        let outer = self.times;
        self.times = outer.saturating_mul(most.max(1));
        self.locals.push((each.iter_var.clone(), item));
        self.locals.push((each.accu_var.clone(), start.clone()));
        self.visit(&each.loop_cond);
        let step = self.visit(&each.loop_step);
        self.locals.pop();
        self.times = outer;
        let end = match (start, step) {
            (Type::List(..), Type::List(item, _)) => Type::List(item, most),
            (start, _) => start,
        };
        self.locals.push((each.accu_var.clone(), end));
        let result = self.visit(&each.result);
        self.locals.truncate(self.locals.len().saturating_sub(2));
        result
    }

    fn refuse_taken_name(&mut self, each: &ComprehensionExpr) {
        let name = each.iter_var.as_str();
        let taken =
            self.variables.contains_key(name) || self.locals.iter().any(|(local, _)| local == name);
        if taken {
            let message = format!("`{name}` already means something here: choose another name");
            self.fault(each.iter_range.id, message);
        }
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Type {
        match call.func_name.as_str() {
            op::LOGICAL_AND => self.logic(id, "&&", &call.args, true),
            op::LOGICAL_OR => self.logic(id, "||", &call.args, false),
            op::CONDITIONAL => self.conditional(id, &call.args),
            _ => {
                let operands: Vec<&IdedExpr> = call
                    .target
                    .as_deref()
                    .into_iter()
                    .chain(&call.args)
                    .collect();
                let kinds: Vec<Type> = operands.iter().map(|part| self.visit(part)).collect();
                self.function(id, call, &operands, &kinds)
            }
        }
    }

    /// `a && b` and `a || b`: b is only asked when a is `goes_on`, so it may rely on a's `has()`.
    fn logic(&mut self, id: u64, sign: &str, args: &[IdedExpr], goes_on: bool) -> Type {
        let known = self.present.len();
        for arg in args {
            let kind = self.visit(arg);
            if !kind.is_bool() {
                let message = format!("`{sign}` joins what is true or false, but here is {kind}");
                self.fault(if arg.id == 0 { id } else { arg.id }, message);
            }
            facts(arg, goes_on, &mut self.present);
        }
        self.present.truncate(known);
        Type::Bool
    }

    fn conditional(&mut self, id: u64, args: &[IdedExpr]) -> Type {
        let [condition, yes, no] = args else {
            return self.fault(id, "write condition ? value : value");
        };
        if !self.visit(condition).is_bool() {
            self.fault(condition.id, "what stands before ? must be true or false");
        }
        let yes = self.branch(condition, true, yes);
        let no = self.branch(condition, false, no);
        if !yes.fits(&no) {
            return self.fault(
                id,
                format!("? gives {yes} or {no}: both must be of one sort"),
            );
        }
        yes.join(no)
    }

    fn branch(&mut self, condition: &IdedExpr, truth: bool, value: &IdedExpr) -> Type {
        let known = self.present.len();
        facts(condition, truth, &mut self.present);
        let kind = self.visit(value);
        self.present.truncate(known);
        kind
    }

    fn function(&mut self, id: u64, call: &CallExpr, parts: &[&IdedExpr], kinds: &[Type]) -> Type {
        let name = call.func_name.as_str();
        match (name, call.target.is_some(), kinds) {
            (op::LOGICAL_NOT, _, [kind]) if kind.is_bool() => Type::Bool,
            (op::LOGICAL_NOT, _, [kind]) => {
                self.fault(id, format!("`!` turns true into false, but here is {kind}"))
            }
            (op::NOT_STRICTLY_FALSE, _, _) => Type::Bool,
            (op::EQUALS | op::NOT_EQUALS, _, [a, b]) => self.equality(id, parts, a, b),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, _, [a, b]) => {
                self.order(id, a, b)
            }
            (op::IN, _, [a, b]) => self.membership(id, parts, a, b),
            (op::NEGATE, _, [kind @ (Type::Int | Type::Double | Type::Unknown)]) => kind.clone(),
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, _, [a, b]) => {
                self.arithmetic(id, name, a, b)
            }
            ("size", _, [kind]) => self.size(id, kind),
            ("contains" | "startsWith" | "endsWith", true, [a, b]) => {
                self.text_search(id, name, a, b)
            }
            ("int", false, [kind]) if kind.is_number() => Type::Int,
            ("double", false, [kind]) if kind.is_number() => Type::Double,
            _ => self.unknown_function(id, name, kinds),
        }
    }

    fn equality(&mut self, id: u64, parts: &[&IdedExpr], a: &Type, b: &Type) -> Type {
        if !a.fits(b) {
            self.fault(id, format!("{a} is never equal to {b}"));
        }
        self.refuse_misspelt(id, parts, a, b);
        Type::Bool
    }

    fn membership(&mut self, id: u64, parts: &[&IdedExpr], item: &Type, list: &Type) -> Type {
        match list {
            Type::List(inner, most) => {
                self.spend(*most);
                if !item.fits(inner) {
                    self.fault(id, format!("{item} is never in {list}"));
                }
                self.refuse_misspelt(id, parts, item, inner);
            }
            Type::Unknown => {}
            other => {
                self.fault(
                    id,
                    format!("what stands after `in` must be a list, not {other}"),
                );
            }
        }
        Type::Bool
    }

    fn refuse_misspelt(&mut self, id: u64, parts: &[&IdedExpr], a: &Type, b: &Type) {
        let Some((wrong, choices)) = a.misspelt(b) else {
            return;
        };
        let known = choices.iter().map(String::as_str);
        let hint = did_you_mean(wrong, known.clone());
        let message = format!(
            "'{wrong}' is not one of the values{hint}: {}",
            one_of(known)
        );
        let at = parts
            .iter()
            .find_map(|part| find_text(part, wrong))
            .unwrap_or(id);
        self.fault(at, message);
    }

    fn order(&mut self, id: u64, a: &Type, b: &Type) -> Type {
        let plain = |kind: &Type| kind.is_text() && !matches!(kind, Type::Choice(_));
        let ordered = (a.is_number() && b.is_number()) || (plain(a) && plain(b));
        if !ordered {
            let message = format!("{a} and {b} have no order: compare with == or `in`");
            self.fault(id, message);
        }
        Type::Bool
    }

    fn arithmetic(&mut self, id: u64, name: &str, a: &Type, b: &Type) -> Type {
        match (a, b) {
            (Type::Unknown, kind) | (kind, Type::Unknown) => kind.clone(),
            (Type::Int, Type::Int) => Type::Int,
            (Type::Double, Type::Double) if name != op::MODULO => Type::Double,
            (Type::List(a, n), Type::List(b, m)) if name == op::ADD && a.fits(b) => {
                self.spend(n.saturating_add(*m));
                Type::List(Box::new(a.clone().join(*b.clone())), n.saturating_add(*m))
            }
            _ if a.is_number() && b.is_number() => self.fault(
                id,
                "whole and other numbers do not mix: write double(a) + double(b)",
            ),
            _ if a.is_text() && b.is_text() => {
                self.fault(id, "texts cannot be joined or reckoned with in conditions")
            }
            _ => self.fault(id, format!("cannot reckon with {a} and {b}")),
        }
    }

    fn size(&mut self, id: u64, kind: &Type) -> Type {
        if !kind.is_text() && !matches!(kind, Type::List(..)) {
            self.fault(
                id,
                format!("size() counts a list or a text, but here is {kind}"),
            );
        }
        Type::Int
    }

    fn text_search(&mut self, id: u64, name: &str, a: &Type, b: &Type) -> Type {
        self.spend(10);
        if matches!(a, Type::List(..)) {
            self.fault(
                id,
                "this looks into a text; to look into a list write 'x' in list",
            );
        } else if !a.is_text() || !b.is_text() {
            self.fault(
                id,
                format!("`{name}` looks for a text in a text, but here is {a} and {b}"),
            );
        }
        Type::Bool
    }

    fn unknown_function(&mut self, id: u64, name: &str, kinds: &[Type]) -> Type {
        const KNOWN: [&str; 12] = [
            "has",
            "size",
            "contains",
            "startsWith",
            "endsWith",
            "int",
            "double",
            "exists",
            "all",
            "exists_one",
            "map",
            "filter",
        ];
        let message = match name {
            "timestamp" | "duration" | "now" => {
                format!(
                    "`{name}` is not allowed: conditions know no clock, so they can be replayed"
                )
            }
            "matches" => {
                "`matches` is not allowed: use contains, startsWith or endsWith".to_owned()
            }
            op::INDEX => "items cannot be picked by number: use `in` or exists()".to_owned(),
            op::NEGATE => "`-` needs a whole number or double(…)".to_owned(),
            _ if KNOWN.contains(&name) => {
                let given: Vec<String> = kinds.iter().map(Type::to_string).collect();
                format!(
                    "`{name}` cannot be used like this, with {}",
                    given.join(" and ")
                )
            }
            _ => {
                let hint = did_you_mean(name, KNOWN);
                format!("`{name}` is not allowed{hint}; there are {}", one_of(KNOWN))
            }
        };
        self.fault(id, message)
    }
}

/// `request.vendor` for a plain chain of names.
fn path(e: &IdedExpr) -> Option<String> {
    match &e.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(s) if !s.test => Some(format!("{}.{}", path(&s.operand)?, s.field)),
        _ => None,
    }
}

/// Adds the fields that must be there when `e` is `truth`.
fn facts(e: &IdedExpr, truth: bool, out: &mut Vec<String>) {
    match &e.expr {
        Expr::Select(s) if s.test && truth => {
            out.extend(path(&s.operand).map(|owner| format!("{owner}.{}", s.field)));
        }
        Expr::Call(call) => match (call.func_name.as_str(), truth) {
            (op::LOGICAL_NOT, _) => call.args.iter().for_each(|arg| facts(arg, !truth, out)),
            (op::LOGICAL_AND, true) | (op::LOGICAL_OR, false) => {
                call.args.iter().for_each(|arg| facts(arg, truth, out));
            }
            _ => {}
        },
        _ => {}
    }
}

/// The part that is the text literal `wanted`.
fn find_text(e: &IdedExpr, wanted: &str) -> Option<u64> {
    match &e.expr {
        Expr::Literal(LiteralValue::String(text)) => (text.inner() == wanted).then_some(e.id),
        Expr::List(list) => list
            .elements
            .iter()
            .find_map(|part| find_text(part, wanted)),
        Expr::Call(call) => call.args.iter().find_map(|part| find_text(part, wanted)),
        _ => None,
    }
}
