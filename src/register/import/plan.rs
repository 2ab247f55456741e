//! A mapping held against a table and a kind.

use serde_json::Value;

use super::Problem;
use super::fields::{Field, Shape};
use super::mapping::{FieldMapping, From, Mapping, Otherwise};
use super::table::Table;
use super::text::{fold, hint, shorten};

/// A mapping that fits a table and a kind: ready to read rows with [`super::map_rows`].
#[derive(Debug)]
pub struct Plan<'a> {
    pub(crate) table: &'a Table,
    pub(crate) mapping: &'a Mapping,
    pub(crate) key: Vec<usize>,
    pub(crate) fields: Vec<Planned<'a>>,
    pub(crate) columns: Vec<Use<'a>>,
    remarks: Vec<Problem>,
}

/// One field with the places of its columns.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    pub field: &'a Field,
    pub how: &'a FieldMapping,
    pub columns: Vec<(usize, Option<&'a str>)>,
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use<'a> {
    Field,
    Key,
    Ignored(&'a str),
    Unmapped,
}

impl Plan<'_> {
    /// Columns that the mapping names and the file lacks, and columns that the mapping forgets.
    /// They stop nothing and belong into the report.
    pub fn remarks(&self) -> &[Problem] {
        &self.remarks
    }
}

impl Mapping {
    /// Holds the mapping against the table's header and the kind's fields. What makes an import
    /// pointless (an unknown field, a value the field cannot hold, no column for key or title) is
    /// an error; all of it is told at once.
    pub fn fit<'a>(
        &'a self,
        table: &'a Table,
        fields: &'a [Field],
    ) -> Result<Plan<'a>, Vec<Problem>> {
        let mut fit = Fit {
            table,
            mapping: self,
            faults: Vec::new(),
            remarks: Vec::new(),
        };
        let key = fit.key();
        let planned = fit.fields(fields);
        let columns = fit.columns(&planned, &key);
        if fit.faults.is_empty() {
            let remarks = fit.remarks;
            Ok(Plan {
                table,
                mapping: self,
                key,
                fields: planned,
                columns,
                remarks,
            })
        } else {
            Err(fit.faults)
        }
    }
}

struct Fit<'a> {
    table: &'a Table,
    mapping: &'a Mapping,
    faults: Vec<Problem>,
    remarks: Vec<Problem>,
}

impl<'a> Fit<'a> {
    /// The column of that name; upper and lower case matter only between names alike.
    fn place(&self, name: &str) -> Option<usize> {
        let headers = self.table.headers();
        let alike = || headers.iter().position(|header| fold(header) == fold(name));
        headers
            .iter()
            .position(|header| header == name)
            .or_else(alike)
    }

    fn missing(&self, name: &str, what: &str) -> Problem {
        let headers = self.table.headers();
        let hint = hint(name, headers.iter().map(String::as_str));
        let rule = match self.elsewhere() {
            Some(row) => format!("{what}; the names stand in row {row}: set header_row to {row}"),
            None => format!("{what}; the file has no such column.{hint}"),
        };
        Problem::new(self.table.header_line(), name, "", rule)
    }

    /// The row that looks like the header, when the one that was read does not.
    fn elsewhere(&self) -> Option<u64> {
        let names: Vec<&str> = self.mapping.fields.iter().flat_map(column_names).collect();
        let here = names
            .iter()
            .filter(|name| self.place(name).is_some())
            .count();
        if here * 2 > names.len() {
            None
        } else {
            self.table.row_with(&names)
        }
    }

    fn key(&mut self) -> Vec<usize> {
        let mut key = Vec::new();
        for name in &self.mapping.key {
            match self.place(name) {
                Some(place) => key.push(place),
                None => self
                    .faults
                    .push(self.missing(name, "the mapping's key needs this column")),
            }
        }
        key
    }

    fn fields(&mut self, fields: &'a [Field]) -> Vec<Planned<'a>> {
        let mut planned = Vec::new();
        for how in &self.mapping.fields {
            let Some(field) = fields.iter().find(|field| field.name == how.name) else {
                let hint = hint(&how.name, fields.iter().map(|field| field.name.as_str()));
                let kind = &self.mapping.kind;
                let rule = format!("the kind {kind} has no field `{}`.{hint}", how.name);
                self.faults.push(Problem::new(0, "", &how.name, rule));
                continue;
            };
            self.values(field, how);
            planned.push(Planned {
                field,
                how,
                columns: self.columns_of(how),
            });
        }
        planned
    }

    fn columns_of(&mut self, how: &'a FieldMapping) -> Vec<(usize, Option<&'a str>)> {
        let From::Columns(columns) = &how.from else {
            return Vec::new();
        };
        let mut places = Vec::new();
        for column in columns {
            match self.place(&column.name) {
                Some(place) => places.push((place, column.label.as_deref())),
                None => {
                    let what = format!("the mapping fills `{}` from this column", how.name);
                    self.remarks.push(self.missing(&column.name, &what));
                }
            }
        }
        if how.name == "title" && places.is_empty() {
            let name = columns
                .first()
                .map(|column| column.name.as_str())
                .unwrap_or_default();
            self.faults
                .push(self.missing(name, "every record needs a title from this column"));
        }
        places
    }

    /// Every value that the mapping writes must be one that the field holds.
    fn values(&mut self, field: &Field, how: &FieldMapping) {
        let constant = match &how.from {
            From::Const(value) if field.shape != Shape::List => Some(value),
            _ => None,
        };
        let otherwise = match &how.otherwise {
            Otherwise::Value(value) => Some(value),
            _ => None,
        };
        let listed = how
            .starts_with
            .iter()
            .map(|(_, value)| value)
            .chain(how.values.values());
        let mut wrong: Vec<String> = listed
            .chain(otherwise)
            .filter(|value| !value.is_null())
            .chain(constant)
            .filter(|value| !field.holds(value))
            .map(ToString::to_string)
            .collect();
        wrong.sort();
        wrong.dedup();
        for value in wrong {
            let rule = format!(
                "the mapping's value for `{}` must be {}",
                field.name,
                field.wanted()
            );
            self.faults.push(Problem::new(0, "", &value, rule));
        }
        if !how.dates.is_empty() && !matches!(field.shape, Shape::Date | Shape::Line | Shape::Text)
        {
            let rule = format!("`{}` holds no dates: leave “dates” out", field.name);
            self.faults
                .push(Problem::new(0, "", &how.dates.join(" "), rule));
        }
    }

    fn columns(&mut self, fields: &[Planned], key: &[usize]) -> Vec<Use<'a>> {
        let mut columns = vec![Use::Unmapped; self.table.headers().len()];
        let mut mark = |place: usize, what: Use<'a>| {
            if let Some(column) = columns.get_mut(place) {
                *column = what;
            }
        };
        key.iter().for_each(|place| mark(*place, Use::Key));
        let mut lacking = Vec::new();
        for (name, reason) in &self.mapping.ignore {
            match self.place(name) {
                Some(place) => mark(place, Use::Ignored(reason)),
                None => lacking.push(self.missing(name, "the mapping ignores this column")),
            }
        }
        fields
            .iter()
            .flat_map(|one| &one.columns)
            .for_each(|(at, _)| mark(*at, Use::Field));
        self.remarks.append(&mut lacking);
        for (header, column) in self.table.headers().iter().zip(&columns) {
            if *column == Use::Unmapped {
                let rule = "the mapping neither uses nor ignores this column";
                self.remarks
                    .push(Problem::new(self.table.header_line(), header, "", rule));
            }
        }
        columns
    }
}

fn column_names(how: &FieldMapping) -> Vec<&str> {
    match &how.from {
        From::Columns(columns) => columns.iter().map(|column| column.name.as_str()).collect(),
        From::Const(_) => Vec::new(),
    }
}

impl Planned<'_> {
    /// The names of the field's columns, for a problem that concerns all of them.
    pub fn column_names(&self, headers: &[String]) -> String {
        let names = self
            .columns
            .iter()
            .filter_map(|(place, _)| headers.get(*place));
        let names = names.map(String::as_str).collect::<Vec<_>>().join(" + ");
        shorten(&names, 400)
    }

    /// The most characters that the field takes here.
    pub fn most(&self) -> usize {
        let here = self.how.max_length.unwrap_or(usize::MAX);
        here.min(self.field.max_length.unwrap_or(usize::MAX))
    }

    /// The value that needs no column.
    pub fn constant(&self) -> Option<&Value> {
        match &self.how.from {
            From::Const(value) => Some(value),
            From::Columns(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::import::{Layout, fields_of};
    use serde_json::json;

    fn fit(csv: &str, about: Value) -> Result<Vec<Problem>, Vec<Problem>> {
        let fields = fields_of(&json!({ "properties": {
            "title": { "type": "string" },
            "lifecycle": { "type": "string", "enum": ["planned", "live"] },
            "users": { "type": "integer" },
        }}));
        let mut mapping = json!({
            "format": 1, "kind": "use_case", "title": "T", "source": "s", "key": ["Id"],
            "fields": { "title": { "column": "Name" } }
        });
        for (key, value) in about.as_object().unwrap() {
            mapping[key] = value.clone();
        }
        let mapping = Mapping::load("m", &mapping.to_string()).unwrap();
        let table = Table::open(csv.as_bytes().to_vec(), &Layout::default()).unwrap();
        mapping
            .fit(&table, &fields)
            .map(|plan| plan.remarks().to_vec())
    }

    #[test]
    fn a_column_that_the_mapping_forgets_is_a_remark_and_stops_nothing() {
        let remarks = fit("Id,Name,Extra\n", json!({})).unwrap();
        assert_eq!(remarks[0].column, "Extra");
        assert!(remarks[0].rule.contains("neither uses nor ignores"));
        let ignored = json!({ "ignore": { "Extra": "internal" } });
        assert_eq!(fit("Id,Name,Extra\n", ignored).unwrap(), []);
    }

    #[test]
    fn a_missing_column_is_told_with_the_one_that_is_like_it() {
        let faults = fit("Id,Nane\n", json!({})).unwrap_err();
        assert!(
            faults[0].rule.ends_with("Did you mean “Nane”?"),
            "{}",
            faults[0].rule
        );
        let faults = fit("Nr,Name\n", json!({})).unwrap_err();
        assert_eq!(faults[0].column, "Id");
        assert_eq!(fit("ID,NAME\n", json!({})).unwrap(), []);
    }

    #[test]
    fn a_banner_above_the_header_is_recognised_and_the_row_named() {
        let faults = fit("Section 1,\nId,Name\n", json!({})).unwrap_err();
        assert!(
            faults[0].rule.contains("set header_row to 2"),
            "{}",
            faults[0].rule
        );
    }

    #[test]
    fn a_field_or_value_that_the_kind_does_not_have_is_refused_before_any_row() {
        let fields = json!({ "fields": {
            "title": { "column": "Name" },
            "lifecyle": { "column": "Stage" },
            "lifecycle": { "column": "Stage", "values": { "A": "alive", "B": null } },
        }});
        let faults = fit("Id,Name,Stage\n", fields).unwrap_err();
        let rules: Vec<&str> = faults.iter().map(|fault| fault.rule.as_str()).collect();
        assert!(
            rules
                .iter()
                .any(|rule| rule.contains("Did you mean “lifecycle”?"))
        );
        assert!(
            rules
                .iter()
                .any(|rule| rule.ends_with("one of: planned, live")),
            "{rules:?}"
        );
    }
}
