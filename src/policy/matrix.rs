//! The policy as a table: tools with their modes, by data class; and what two policies say
//! differently.

use super::{Index, Question, Verdict};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeSet;

/// Tools that stand in a table.
pub const MATRIX_TOOLS: usize = 300;

/// The whole table, up to [`MATRIX_TOOLS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// Titles of the classes, in order.
    pub classes: Vec<(String, String)>,
    /// The tools.
    pub tools: Vec<MatrixTool>,
}

/// A tool and its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MatrixTool {
    /// Its key.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Who makes it.
    pub vendor: Option<String>,
    /// One row for each mode, or one.
    pub rows: Vec<MatrixRow>,
}

/// A mode of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MatrixRow {
    /// Its key; nothing where the tool has no modes.
    pub mode: Option<String>,
    /// What people read.
    pub title: Option<String>,
    /// One cell for each class.
    pub cells: Vec<MatrixCell>,
}

/// What holds for a class in a mode of a tool, whatever the purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MatrixCell {
    /// Key of the class.
    pub class: String,
    /// What holds.
    pub verdict: Verdict,
    /// Keys of the rules that say so.
    pub rules: Vec<String>,
    /// How many conditions there are.
    pub conditions: usize,
    /// Whether other rules count for some purposes.
    pub depends_on_purpose: bool,
}

/// The table as of a day.
pub fn matrix(index: &Index, today: Date) -> Matrix {
    let policy = index.policy();
    let classes = policy.classes.iter();
    let tool = |tool: &super::Tool| MatrixTool {
        key: tool.key.clone(),
        title: tool.title.clone(),
        vendor: tool.vendor.clone(),
        rows: rows(index, tool, today),
    };
    Matrix {
        classes: classes
            .map(|class| (class.key.clone(), class.title.clone()))
            .collect(),
        tools: policy.tools.iter().take(MATRIX_TOOLS).map(tool).collect(),
    }
}

/// The rows of one tool as of a day; nothing where the policy does not name it.
pub fn matrix_of(index: &Index, tool: &str, today: Date) -> Option<MatrixTool> {
    let tool = index.tool(tool)?;
    Some(MatrixTool {
        key: tool.key.clone(),
        title: tool.title.clone(),
        vendor: tool.vendor.clone(),
        rows: rows(index, tool, today),
    })
}

fn rows(index: &Index, tool: &super::Tool, today: Date) -> Vec<MatrixRow> {
    let row = |mode: Option<&super::Named>| MatrixRow {
        mode: mode.map(|mode| mode.key.clone()),
        title: mode.map(|mode| mode.title.clone()),
        cells: index
            .policy()
            .classes
            .iter()
            .map(|class| {
                cell(
                    index,
                    &tool.key,
                    mode.map(|m| m.key.as_str()),
                    &class.key,
                    today,
                )
            })
            .collect(),
    };
    match tool.modes.as_slice() {
        [] => vec![row(None)],
        modes => modes.iter().map(|mode| row(Some(mode))).collect(),
    }
}

fn cell(index: &Index, tool: &str, mode: Option<&str>, class: &str, today: Date) -> MatrixCell {
    let question = Question {
        tool: tool.to_owned(),
        mode: mode.map(str::to_owned),
        classes: vec![class.to_owned()],
        purpose: None,
    };
    let answer = index.ask(&question, today);
    MatrixCell {
        class: class.to_owned(),
        verdict: answer.outcome.verdict,
        rules: answer.outcome.rules,
        conditions: answer.outcome.conditions.len(),
        depends_on_purpose: !answer.other_purposes.is_empty(),
    }
}

/// A cell that two policies answer differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellChange {
    /// Key of the tool.
    pub tool: String,
    /// Key of the mode, where the tool has some.
    pub mode: Option<String>,
    /// Key of the class.
    pub class: String,
    /// What held; nothing where the cell was not there.
    pub before: Option<Verdict>,
    /// What would hold; nothing where the cell goes.
    pub after: Option<Verdict>,
    /// Whether conditions differ as well.
    pub conditions: bool,
}

/// Every cell that `after` answers differently from `before`.
pub fn changes(before: &Index, after: &Index, today: Date) -> Vec<CellChange> {
    let places = |index: &Index| -> BTreeSet<(String, Option<String>, String)> {
        let policy = index.policy();
        let rows = policy.tools.iter().flat_map(|tool| {
            let modes = tool.modes.iter().map(|mode| Some(mode.key.clone()));
            let none = tool.modes.is_empty().then_some(None);
            modes.chain(none).map(|mode| (tool.key.clone(), mode))
        });
        let cells = rows.flat_map(|(tool, mode)| {
            let classes = policy.classes.iter();
            classes.map(move |class| (tool.clone(), mode.clone(), class.key.clone()))
        });
        cells.collect()
    };
    let (old, new) = (places(before), places(after));
    let outcome = |index: &Index, (tool, mode, class): &(String, Option<String>, String)| {
        let question = Question {
            tool: tool.clone(),
            mode: mode.clone(),
            classes: vec![class.clone()],
            purpose: None,
        };
        index.ask(&question, today).outcome
    };
    let change = |place: &(String, Option<String>, String)| {
        let was = old.contains(place).then(|| outcome(before, place));
        let will = new.contains(place).then(|| outcome(after, place));
        let verdict = |one: &Option<super::Outcome>| one.as_ref().map(|one| one.verdict);
        let conditions = match (&was, &will) {
            (Some(was), Some(will)) => was.conditions != will.conditions,
            _ => false,
        };
        let (tool, mode, class) = place.clone();
        let change = CellChange {
            tool,
            mode,
            class,
            before: verdict(&was),
            after: verdict(&will),
            conditions,
        };
        (change.before != change.after || conditions).then_some(change)
    };
    old.union(&new).filter_map(change).collect()
}
