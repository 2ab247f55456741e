//! Parts of a draft as questions that need no script: the whole, stages, tables, and what follows.
pub(super) mod answers;
mod condition;
mod general;
mod later;
pub mod page;
mod pen;
mod stage;
mod table;
mod who;

use super::Draft;
use super::staff::staffing;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::form::Widget;
use crate::review::service::Desk;
use crate::review::workflows::kind_of;
use answers::{Pairs, plain};
use condition::Reads;
use pen::{Offer, Offers, Pen, Said, Section, section};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What of a workflow has a page of questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    General,
    Stage(String),
    Table(String),
    Edits,
    Conditions,
    Renewal,
    Override,
}

/// A part that can be edited by questions.
#[derive(Debug, Serialize)]
pub(super) struct PartLink {
    /// Its page.
    pub path: String,
    pub title: String,
    /// Short name of a stage or table.
    pub key: Option<String>,
}

impl Part {
    /// The part whose page has this name.
    fn named(name: &str) -> Result<Part> {
        let one = [
            Part::General,
            Part::Edits,
            Part::Conditions,
            Part::Renewal,
            Part::Override,
        ];
        let path = format!("/{name}");
        let mut found = one.into_iter().filter(|part| part.path() == path);
        found.next().ok_or_else(|| Error::not_found("part", name))
    }

    /// A stage or a table by its short name.
    fn listed(list: &str, key: &str) -> Result<Part> {
        match list {
            "stages" => Ok(Part::Stage(key.to_owned())),
            "tables" => Ok(Part::Table(key.to_owned())),
            other => Err(Error::not_found("part", other)),
        }
    }

    /// Its page below the draft's.
    fn path(&self) -> String {
        match self {
            Part::General => "/general".to_owned(),
            Part::Stage(key) => format!("/stages/{key}"),
            Part::Table(key) => format!("/tables/{key}"),
            Part::Edits => "/edits".to_owned(),
            Part::Conditions => "/conditions".to_owned(),
            Part::Renewal => "/renewal".to_owned(),
            Part::Override => "/override".to_owned(),
        }
    }

    /// The list of the document that it stands in, and its short name there.
    fn member(&self) -> Option<(&'static str, &str)> {
        match self {
            Part::Stage(key) => Some(("stages", key)),
            Part::Table(key) => Some(("derive", key)),
            _ => None,
        }
    }

    /// Its place in the document.
    fn place(&self, document: &Map<String, Value>) -> Result<String> {
        Ok(match self {
            Part::General => String::new(),
            Part::Edits => "/on_change".to_owned(),
            Part::Conditions => "/conditions".to_owned(),
            Part::Renewal => "/renewal".to_owned(),
            Part::Override => "/override".to_owned(),
            Part::Stage(key) => format!("/stages/{}", index_of(document, "stages", key)?),
            Part::Table(key) => format!("/derive/{}", index_of(document, "derive", key)?),
        })
    }

    fn title(&self, document: &Map<String, Value>) -> String {
        match self {
            Part::General => "The whole".to_owned(),
            Part::Edits => "Edits under review".to_owned(),
            Part::Conditions => "Conditions of an approval".to_owned(),
            Part::Renewal => "Renewal".to_owned(),
            Part::Override => "Override".to_owned(),
            Part::Table(key) => format!("How {key} is found"),
            Part::Stage(key) => {
                let stages = named(document, "stages", "title").into_iter();
                let mut titles = stages.filter(|(known, _)| known == key);
                match titles.next() {
                    Some((_, title)) if !title.is_empty() => title,
                    _ => key.clone(),
                }
            }
        }
    }

    /// The condition that a clause is picked for where nothing else is said.
    fn usual_condition(&self) -> &'static str {
        match self {
            Part::General => "applies_when",
            Part::Table(_) => "case_0_when",
            Part::Renewal => "valid_0_when",
            _ => "when",
        }
    }

    /// What was answered, into the document.
    fn take(&self, document: &mut Map<String, Value>, pairs: &Pairs) -> Result<()> {
        match self {
            Part::General => general::take(document, pairs),
            Part::Edits => later::take_edits(document, pairs),
            Part::Conditions => later::take_conditions(document, pairs),
            Part::Renewal => later::take_renewal(document, pairs),
            Part::Override => later::take_override(document, pairs),
            Part::Stage(_) => stage::take(self.found(document)?, pairs),
            Part::Table(_) => table::take(self.found(document)?, pairs),
        }
        Ok(())
    }

    fn found<'d>(
        &self,
        document: &'d mut Map<String, Value>,
    ) -> Result<&'d mut Map<String, Value>> {
        let (list, key) = self.member().unwrap_or_default();
        let index = index_of(document, list, key)?;
        let items = document.get_mut(list).and_then(Value::as_array_mut);
        let item = items.and_then(|items| items.get_mut(index)?.as_object_mut());
        item.ok_or_else(|| Error::not_found("part", key))
    }

    /// Puts an empty one at the end of its list where it is not there.
    fn put_back(&self, document: &mut Map<String, Value>) {
        let Some((list, key)) = self.member() else {
            return;
        };
        if index_of(document, list, key).is_err() {
            let items = document.entry(list).or_insert_with(|| json!([]));
            if let Some(items) = items.as_array_mut() {
                items.push(json!({ "key": key }));
            }
        }
    }
}

/// The draft's text as an object; its parts cannot be shown before it is one.
fn document(text: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Error::BadRequest(
            "the text of this draft is no JSON object: mend it there first".to_owned(),
        )),
    }
}

/// Where the member with this key stands in a list.
fn index_of(document: &Map<String, Value>, list: &str, key: &str) -> Result<usize> {
    let items = document.get(list).and_then(Value::as_array);
    let mut items = items.into_iter().flatten();
    let found = items.position(|item| plain(item.get("key")) == key);
    let what = if list == "stages" { "stage" } else { "table" };
    found.ok_or_else(|| Error::not_found(what, key))
}

/// The members of a list that have a key, with what they say under `name`.
fn named(document: &Map<String, Value>, list: &str, name: &str) -> Vec<(String, String)> {
    let items = document.get(list).and_then(Value::as_array);
    let items = items.into_iter().flatten();
    let named = items.map(|item| (plain(item.get("key")), plain(item.get(name))));
    named.filter(|(key, _)| !key.is_empty()).collect()
}

/// The page of the part at which a problem stands, below the draft's own.
pub(super) fn part_of(text: &str, place: &str) -> Option<String> {
    Some(part_at(&document(text).ok()?, place)?.path())
}

fn part_at(document: &Map<String, Value>, place: &str) -> Option<Part> {
    let mut tokens = place.split('/').skip(1);
    let list = tokens.next()?;
    match list {
        "stages" | "derive" => {
            let index: usize = tokens.next()?.parse().ok()?;
            let key = plain(document.get(list)?.get(index)?.get("key"));
            let part = match list {
                "stages" => Part::Stage(key.clone()),
                _ => Part::Table(key.clone()),
            };
            (!key.is_empty()).then_some(part)
        }
        "title" | "description" | "applies_when" | "calendar" | "max_duration" | "priority"
        | "max_revisions" => Some(Part::General),
        "on_change" => Some(Part::Edits),
        "conditions" => Some(Part::Conditions),
        "renewal" => Some(Part::Renewal),
        "override" => Some(Part::Override),
        _ => None,
    }
}

/// The parts of a draft whose page is at `path`, in the order of its text.
pub(super) fn parts_of(path: &str, text: &str) -> Vec<PartLink> {
    let document = document(text).unwrap_or_default();
    let tables = named(&document, "derive", "key").into_iter();
    let stages = named(&document, "stages", "title").into_iter();
    let mut parts = vec![Part::General];
    parts.extend(tables.map(|(key, _)| Part::Table(key)));
    parts.extend(stages.map(|(key, _)| Part::Stage(key)));
    parts.extend([Part::Edits, Part::Conditions, Part::Renewal, Part::Override]);
    let link = |part: Part| PartLink {
        path: format!("{path}{}", part.path()),
        title: part.title(&document),
        key: part.member().map(|(_, key)| key.to_owned()),
    };
    parts.into_iter().map(link).collect()
}

/// The questions of a part, and what is offered while they are answered.
fn drawn(
    conn: &mut Conn,
    desk: &Desk,
    draft: &Draft,
    (part, pen): (&Part, &Pen),
    document: &Map<String, Value>,
) -> Result<(Vec<Section>, Vec<Offers>)> {
    let whole = Value::Object(document.clone());
    let nothing = Value::Null;
    let here = whole.pointer(&pen.place).unwrap_or(&nothing);
    let kind = kind_of(&draft.text, &desk.kinds)?;
    let fields = kind.form.fields();
    let stages = named(document, "stages", "title");
    let reads = reads(fields, &whole, part);
    let sections = match part {
        Part::General => general::ask(pen, &whole, &reads),
        Part::Table(_) => table::ask(pen, here, &reads),
        Part::Edits => later::ask_edits(pen, Some(here), &words(&stages)),
        Part::Conditions => later::ask_conditions(pen, here),
        Part::Renewal => later::ask_renewal(pen, here, &reads),
        Part::Override => later::ask_override(pen, here),
        Part::Stage(key) => {
            let others: Vec<_> = stages.iter().filter(|(k, _)| k != key).cloned().collect();
            let mut forms: Vec<&str> = desk.kinds.stage_forms.keys().map(String::as_str).collect();
            forms.extend(draft.forms.keys().map(String::as_str));
            let forms: Vec<(&str, &str)> = forms.into_iter().map(|f| (f, f)).collect();
            let around = stage::Around {
                others: &words(&others),
                forms: &forms,
                reads,
            };
            stage::ask(pen, here, &around)
        }
    };
    let staffing = staffing(conn, desk)?;
    let calendars = staffing.calendars.keys().map(|key| Offer {
        value: key.clone(),
        says: key.clone(),
    });
    let offers = [
        ("who", who::offered(&staffing, &whole, fields)),
        ("roles", who::roles(&staffing, &whole)),
        ("fields", later::fields_offered(fields)),
        ("values", table::offered(here)),
        ("calendars", calendars.collect()),
    ];
    let offers = offers.into_iter().filter(|(id, _)| wanted(&sections, id));
    let offers = offers.map(|(id, offers)| Offers { id, offers }).collect();
    Ok((sections, offers))
}

fn words(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, says)| (key.as_str(), says.as_str()))
        .collect()
}

fn wanted(sections: &[Section], list: &str) -> bool {
    let groups = sections.iter().flat_map(|section| &section.groups);
    let mut questions = groups.flat_map(|group| &group.questions);
    questions.any(|question| question.field.list == Some(list))
}

/// What the conditions of a part can read.
fn reads<'a>(fields: &'a [crate::form::Field], whole: &'a Value, part: &Part) -> Reads<'a> {
    let tables = whole.get("derive").and_then(Value::as_array);
    let tables = tables.into_iter().flatten();
    let tables: Vec<&Value> = match part {
        Part::General => Vec::new(),
        Part::Table(key) => tables
            .take_while(|table| plain(table.get("key")) != *key)
            .collect(),
        _ => tables.collect(),
    };
    let stages = match part {
        Part::Stage(key) => before(whole, key),
        _ => Vec::new(),
    };
    Reads {
        fields,
        tables,
        stages,
    }
}

/// The stages that are settled before one opens: short name and title.
fn before(whole: &Value, key: &str) -> Vec<(String, String)> {
    let stages = whole.get("stages").and_then(Value::as_array);
    let stages: Vec<&Value> = stages.into_iter().flatten().collect();
    let needs = |key: &str| {
        let stage = stages.iter().find(|s| plain(s.get("key")) == key);
        let needs = stage.and_then(|stage| stage.get("needs")?.as_array());
        let needs = needs.into_iter().flatten().map(|need| plain(Some(need)));
        needs.collect::<Vec<String>>()
    };
    let mut found = BTreeSet::new();
    let mut open = needs(key);
    while let Some(need) = open.pop() {
        if need != key && found.insert(need.clone()) {
            open.extend(needs(&need));
        }
    }
    let named = stages
        .iter()
        .map(|s| (plain(s.get("key")), plain(s.get("title"))));
    named.filter(|(key, _)| found.contains(key)).collect()
}

/// A clause can be picked for one of these conditions.
fn picker(pen: &Pen, clauses: &[(String, String)], into: &[(String, String)]) -> Section {
    let clauses = words(clauses);
    let targets = words(into);
    let first = targets.first().map(|(name, _)| json!(name));
    let select = Widget::Select;
    let nots: Said = &[("yes", "only when it does not hold")];
    let joins: Said = &[("and", "and"), ("or", "or")];
    let mut questions = vec![
        pen.choose(("pick", "", "One more condition"), select, &clauses, None)
            .free(),
        pen.text(("number", "", "Number"), None)
            .free()
            .hint("For those that say “more than the number”."),
        pen.choose(
            ("negated", "", "Turned round"),
            Widget::Checkboxes,
            nots,
            None,
        )
        .free(),
        pen.choose(
            ("join", "", "Joined by"),
            select,
            joins,
            Some(&json!("and")),
        )
        .free(),
    ];
    if targets.len() > 1 {
        let where_to = ("into", "", "Where to");
        let where_to = pen.choose(where_to, select, &targets, first.as_ref());
        questions.push(where_to.free());
    }
    let mut section = section("Pick a condition", questions);
    section.note = Some("From the form's fields and what is known by then. It is added as CEL.");
    section.button = Some("Add the condition");
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow() -> Map<String, Value> {
        let whole = json!({
            "title": "W",
            "derive": [{"key": "risk"}, {"key": "size"}],
            "stages": [
                {"key": "a", "title": "A"},
                {"key": "b", "title": "B", "needs": ["a"]},
                {"key": "c", "title": "C", "needs": ["b", "c"]},
            ],
        });
        whole.as_object().cloned().expect("an object")
    }

    #[test]
    fn every_place_with_questions_leads_to_their_page() {
        let whole = workflow();
        for (place, path) in [
            ("/title", Some("/general")),
            ("/stages/1/when", Some("/stages/b")),
            ("/derive/0/cases/3", Some("/tables/risk")),
            ("/on_change/0", Some("/edits")),
            ("/conditions/due", Some("/conditions")),
            ("/renewal", Some("/renewal")),
            ("/override/roles", Some("/override")),
            ("/stages/9", None),
            ("/form", None),
            ("", None),
        ] {
            let found = part_at(&whole, place).map(|part| part.path());
            assert_eq!(found.as_deref(), path, "{place}");
        }
    }

    #[test]
    fn a_condition_reads_what_is_settled_before_it() {
        let whole = Value::Object(workflow());
        let tables = |part: Part| reads(&[], &whole, &part).tables.len();
        assert_eq!(tables(Part::Table("risk".to_owned())), 0);
        assert_eq!(tables(Part::Table("size".to_owned())), 1);
        assert_eq!(tables(Part::Renewal), 2);
        assert_eq!(tables(Part::General), 0);
        let earlier = |key: &str| before(&whole, key).into_iter().map(|(key, _)| key);
        assert_eq!(earlier("a").count(), 0);
        let names: Vec<String> = earlier("c").collect();
        assert_eq!(names, ["a", "b"], "also through others, and never itself");
    }
}
