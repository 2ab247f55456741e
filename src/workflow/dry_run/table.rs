//! A dry run as text, for people at a terminal.

use std::fmt;

use serde_json::Value;

use super::{DryRun, Route};

impl fmt::Display for DryRun {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = match (self.sampled, self.complete) {
            (true, _) => ", drawn by chance from more",
            (false, true) => ", all there are",
            (false, false) => ", not all there are: conditions count or look into texts",
        };
        let answers = grouped(self.requests);
        let combinations = grouped(self.combinations);
        writeln!(
            to,
            "{combinations} combinations of {answers} sets of answers{tried}"
        )?;
        if self.not_meant > 0 {
            writeln!(
                to,
                "{} sets of answers are for another workflow",
                grouped(self.not_meant)
            )?;
        }
        let errors: u64 = self.conditions.iter().map(|asked| asked.errors).sum();
        writeln!(to, "{} errors in conditions", grouped(errors))?;
        writeln!(to, "\nroutes")?;
        for route in &self.routes {
            let stages = route.words();
            let values: Vec<String> = route.derived.values().map(plain).collect();
            let count = grouped(route.count);
            writeln!(to, "{count:>12}  {stages} [{}]", values.join(", "))?;
        }
        writeln!(to, "\nrows")?;
        for row in &self.rows {
            let (hits, gives) = (grouped(row.hits), plain(&row.gives));
            writeln!(to, "{hits:>12}  {} {gives} ({})", row.table, row.place)?;
        }
        writeln!(to, "\nconditions (held, did not hold)")?;
        for asked in &self.conditions {
            let (held, failed) = (grouped(asked.held), grouped(asked.failed));
            writeln!(to, "{held:>12} {failed:>12}  {}", asked.place)?;
        }
        Ok(())
    }
}

impl Route {
    /// The stages in one line, with those whose time runs out.
    pub fn words(&self) -> String {
        let stages = self
            .stages
            .iter()
            .map(|key| match self.timed_out.contains(key) {
                true => format!("{key} (timed out)"),
                false => key.clone(),
            });
        let stages: Vec<String> = stages.collect();
        match stages.is_empty() {
            true => "approved without a stage".to_owned(),
            false => stages.join(" > "),
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// `12,345`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
