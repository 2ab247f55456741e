//! The answers a form can be given, as far as conditions can tell them apart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::workflow::reads::{Number, Reads};

/// So many values of one list are combined in every way; of more, the single ones, the pairs, and
/// all together.
const ALL_SUBSETS: usize = 6;

/// No answer, as an index into a question's values.
pub(super) const ABSENT: usize = usize::MAX;

/// The questions that conditions read, in an order in which each comes after those that ask for
/// it, with the values that make a difference.
#[derive(Debug)]
pub(super) struct Space {
    pub questions: Vec<Question>,
    /// Whether the values stand for every answer there is.
    pub exact: bool,
}

#[derive(Debug)]
pub(super) struct Question {
    pub name: String,
    pub values: Vec<Value>,
    /// Whether it must be answered, whatever else is.
    always: bool,
    /// The rules that ask for it: one that holds is enough.
    rules: Vec<Vec<(String, Test)>>,
}

/// What an earlier answer is held against.
#[derive(Debug, Clone)]
enum Test {
    Given,
    OneOf(Vec<Value>),
    Contains(Vec<Value>),
}

impl Space {
    /// The space of the fields of `schema` in `names`; `readers` are the conditions that read one.
    pub fn of<'r>(
        schema: &Value,
        names: &BTreeSet<String>,
        readers: &dyn Fn(&str) -> Vec<&'r Reads>,
    ) -> Space {
        let mut rules = rules_of(schema);
        let wanted = with_triggers(names, &rules);
        rules.retain(|(_, asks)| !asks.is_disjoint(&wanted));
        let mut exact = true;
        let required = words(schema.get("required"));
        let mut questions: Vec<Question> = Vec::new();
        for name in &wanted {
            let Some(property) = schema.pointer(&format!("/properties/{name}")) else {
                continue;
            };
            let reads = readers(name);
            let (values, all) = values_of(property, &Compared::of(name, &reads, &rules));
            exact &= all && !reads.iter().any(|read| read.measures);
            let asking = rules.iter().filter(|(_, asks)| asks.contains(name));
            questions.push(Question {
                name: name.clone(),
                values,
                always: required.contains(name),
                rules: asking.map(|(tests, _)| tests.clone()).collect(),
            });
        }
        Space {
            questions: in_order(questions),
            exact,
        }
    }

    /// The answers that question `at` can have after those before it, as indexes of its values.
    pub fn choices(&self, at: usize, before: &[usize]) -> Vec<usize> {
        let Some(question) = self.questions.get(at) else {
            return Vec::new();
        };
        let asked = || question.rules.iter().any(|rule| self.holds(rule, before));
        let given = 0..question.values.len();
        if question.always || asked() {
            given.collect()
        } else if question.rules.is_empty() {
            given.chain([ABSENT]).collect()
        } else {
            vec![ABSENT]
        }
    }

    fn holds(&self, rule: &[(String, Test)], before: &[usize]) -> bool {
        rule.iter().all(|(name, test)| {
            let at = self.questions.iter().position(|q| q.name == *name);
            let Some(value) = at.and_then(|at| self.value(at, before)) else {
                return false;
            };
            match test {
                Test::Given => true,
                Test::OneOf(values) => values.contains(value),
                Test::Contains(values) => {
                    let items = value.as_array().into_iter().flatten();
                    items.into_iter().any(|item| values.contains(item))
                }
            }
        })
    }

    /// The answer to question `at`.
    pub fn value(&self, at: usize, answers: &[usize]) -> Option<&Value> {
        let index = answers.get(at).filter(|index| **index != ABSENT)?;
        self.questions.get(at)?.values.get(*index)
    }

    /// The answers as a document, of the questions at `places`.
    pub fn document(&self, answers: &[usize], places: impl Iterator<Item = usize>) -> Value {
        let members = places.filter_map(|at| {
            let name = self.questions.get(at)?.name.clone();
            Some((name, self.value(at, answers)?.clone()))
        });
        Value::Object(members.collect::<Map<String, Value>>())
    }

    /// Every way to answer, at most `most`.
    pub fn documents(&self, most: usize) -> Vec<Value> {
        let mut all = vec![Vec::new()];
        for at in 0..self.questions.len() {
            let longer = all.iter().flat_map(|before: &Vec<usize>| {
                let choices = self.choices(at, before).into_iter();
                choices.map(move |choice| {
                    let mut answers = before.clone();
                    answers.push(choice);
                    answers
                })
            });
            all = longer.take(most).collect();
        }
        let whole = |answers: Vec<usize>| self.document(&answers, 0..self.questions.len());
        all.into_iter().map(whole).collect()
    }
}

type Rule = (Vec<(String, Test)>, BTreeSet<String>);

/// The follow-up rules of a form: what is tested, and what is asked then.
fn rules_of(schema: &Value) -> Vec<Rule> {
    let rules = schema.get("allOf").and_then(Value::as_array);
    let rule = |rule: &Value| {
        let asked = words(rule.pointer("/then/required"));
        let given = words(rule.pointer("/if/required")).into_iter();
        let mut tests: BTreeMap<String, Test> = given.map(|name| (name, Test::Given)).collect();
        let tested = rule.pointer("/if/properties").and_then(Value::as_object);
        for (name, test) in tested.into_iter().flatten() {
            tests.insert(name.clone(), test_of(test));
        }
        (tests.into_iter().collect(), asked)
    };
    rules.into_iter().flatten().map(rule).collect()
}

fn test_of(test: &Value) -> Test {
    if let Some(values) = listed(test) {
        return Test::OneOf(values);
    }
    match test.get("contains").and_then(listed) {
        Some(values) => Test::Contains(values),
        None => Test::Given,
    }
}

fn listed(test: &Value) -> Option<Vec<Value>> {
    let one = test.get("const").map(|value| vec![value.clone()]);
    one.or_else(|| test.get("enum")?.as_array().cloned())
}

fn words(list: Option<&Value>) -> BTreeSet<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// The names with those of the questions that decide whether they are asked.
fn with_triggers(names: &BTreeSet<String>, rules: &[Rule]) -> BTreeSet<String> {
    let mut all = names.clone();
    loop {
        let asking = rules.iter().filter(|(_, asks)| !asks.is_disjoint(&all));
        let triggers = asking.flat_map(|(tests, _)| tests.iter().map(|(name, _)| name.clone()));
        let more: BTreeSet<String> = triggers.filter(|name| !all.contains(name)).collect();
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

/// Each after the questions its rules test, else as they come.
fn in_order(mut questions: Vec<Question>) -> Vec<Question> {
    let mut ordered: Vec<Question> = Vec::with_capacity(questions.len());
    while !questions.is_empty() {
        let ready = questions.iter().position(|question| {
            let tested = question.rules.iter().flatten().map(|(name, _)| name);
            tested
                .into_iter()
                .all(|name| !questions.iter().any(|other| other.name == *name))
        });
        ordered.push(questions.remove(ready.unwrap_or(0)));
    }
    ordered
}

/// What the conditions and rules about a field compare with.
struct Compared {
    texts: BTreeSet<String>,
    numbers: BTreeSet<Number>,
    loops: bool,
}

impl Compared {
    fn of(name: &str, reads: &[&Reads], rules: &[Rule]) -> Compared {
        let mut texts = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for read in reads {
            texts.extend(read.texts.iter().cloned());
            numbers.extend(read.numbers.iter().copied());
        }
        let tests = rules.iter().flat_map(|(tests, _)| tests);
        for (_, test) in tests.filter(|(tested, _)| tested == name) {
            let (Test::OneOf(values) | Test::Contains(values)) = test else {
                continue;
            };
            texts.extend(values.iter().filter_map(|v| v.as_str().map(str::to_owned)));
            numbers.extend(values.iter().filter_map(Value::as_f64).map(Number));
        }
        Compared {
            texts,
            numbers,
            loops: reads.iter().any(|read| read.loops),
        }
    }
}

/// The values of a field that can make a difference, and whether those are all that can.
fn values_of(property: &Value, compared: &Compared) -> (Vec<Value>, bool) {
    if let Some(choices) = property.get("enum").and_then(Value::as_array) {
        return (choices.clone(), true);
    }
    match property.get("type").and_then(Value::as_str) {
        Some("boolean") => (vec![json!(true), json!(false)], true),
        Some("integer") => (whole_numbers(property, &compared.numbers), true),
        Some("number") => (numbers(&compared.numbers), true),
        Some("array") => lists(property, compared),
        _ => {
            let texts = compared.texts.iter().map(String::as_str);
            (
                texts.chain(["something else"]).map(Value::from).collect(),
                true,
            )
        }
    }
}

/// The numbers compared with and their neighbours, within the bounds of the field.
fn whole_numbers(property: &Value, compared: &BTreeSet<Number>) -> Vec<Value> {
    let bound = |key: &str| property.get(key).and_then(Value::as_i64);
    let (least, most) = (bound("minimum"), bound("maximum"));
    let near = compared.iter().flat_map(|number| {
        let whole = number.0.floor() as i64;
        [whole.saturating_sub(1), whole, whole.saturating_add(1)]
    });
    let fits = |n: &i64| least.is_none_or(|least| *n >= least) && most.is_none_or(|m| *n <= m);
    let mut values: BTreeSet<i64> = near.filter(fits).collect();
    if values.is_empty() {
        values.insert(least.or(most).unwrap_or(1));
    }
    values.into_iter().map(Value::from).collect()
}

fn numbers(compared: &BTreeSet<Number>) -> Vec<Value> {
    let near = compared
        .iter()
        .flat_map(|number| [number.0 - 1.0, number.0, number.0 + 1.0]);
    let mut values: Vec<Value> = near.map(Value::from).collect();
    if values.is_empty() {
        values.push(json!(1.0));
    }
    values
}

/// The lists that differ in what conditions look for in them.
fn lists(property: &Value, compared: &Compared) -> (Vec<Value>, bool) {
    let texts = &compared.texts;
    let offered = property.pointer("/items/enum").and_then(Value::as_array);
    let Some(offered) = offered else {
        let single = texts.iter().map(|text| json!([text]));
        let some = [json!([]), json!(["something else"])];
        return (some.into_iter().chain(single).collect(), false);
    };
    let tested = |item: &&Value| item.as_str().is_some_and(|text| texts.contains(text));
    let looked_for: Vec<&Value> = offered.iter().filter(tested).collect();
    let other = offered.iter().find(|item| !tested(item));
    let count = |key: &str| property.get(key).and_then(Value::as_u64);
    let (least, most) = (count("minItems").unwrap_or(0), count("maxItems"));
    let fits = |list: &Vec<Value>| {
        let length = list.len() as u64;
        length >= least && most.is_none_or(|most| length <= most)
    };
    let lists = subsets(&looked_for).into_iter().flat_map(|list| {
        let mut longer = list.clone();
        longer.extend(other.cloned());
        let bare = list.is_empty();
        let alone = compared.loops || !bare || least == 0;
        let beside = compared.loops || bare;
        let lists = [alone.then_some(list), beside.then_some(longer)];
        lists.into_iter().flatten()
    });
    let mut values: Vec<Value> = lists.filter(fits).map(Value::Array).collect();
    values.dedup();
    (values, looked_for.len() <= ALL_SUBSETS)
}

fn subsets(items: &[&Value]) -> Vec<Vec<Value>> {
    let pick = |mask: u32| -> Vec<Value> {
        let chosen = items.iter().enumerate();
        chosen
            .filter(|(at, _)| mask & (1 << at) != 0)
            .map(|(_, item)| (*item).clone())
            .collect()
    };
    if items.len() <= ALL_SUBSETS {
        return (0..1_u32 << items.len()).map(pick).collect();
    }
    let whole = items.iter().map(|item| (*item).clone()).collect();
    let mut all = vec![Vec::new(), whole];
    for (at, item) in items.iter().enumerate() {
        all.push(vec![(*item).clone()]);
        let later = items.iter().skip(at + 1);
        all.extend(later.map(|other| vec![(*item).clone(), (*other).clone()]));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(fields: &[&str], texts: &[&str], numbers: &[f64]) -> Reads {
        Reads {
            request: fields.iter().map(|f| (*f).to_owned()).collect(),
            texts: texts.iter().map(|t| (*t).to_owned()).collect(),
            numbers: numbers.iter().map(|n| Number(*n)).collect(),
            ..Reads::default()
        }
    }

    fn space(schema: &Value, read: &Reads) -> Space {
        Space::of(schema, &read.request, &|_| vec![read])
    }

    #[test]
    fn numbers_are_those_compared_with_and_their_neighbours_within_bounds() {
        let schema = json!({"properties": {"n": {"type": "integer", "minimum": 5}},
                            "required": ["n"]});
        let documents = space(&schema, &reads(&["n"], &[], &[5.0, 100.0])).documents(99);
        let found: Vec<i64> = documents.iter().filter_map(|d| d["n"].as_i64()).collect();
        assert_eq!(found, [5, 6, 99, 100, 101]);
    }

    #[test]
    fn an_optional_answer_may_be_absent_and_a_follow_up_is_there_when_asked() {
        let schema = json!({
            "properties": {
                "from": {"enum": ["vendor", "us"]}, "checked": {"type": "boolean"},
                "free": {"type": "boolean"}},
            "required": ["from"],
            "allOf": [{"if": {"properties": {"from": {"const": "vendor"}}, "required": ["from"]},
                       "then": {"required": ["checked"]}}]
        });
        let read = reads(&["checked"], &[], &[]);
        let documents = space(&schema, &read).documents(99);
        let expected = [
            json!({"from": "vendor", "checked": true}),
            json!({"from": "vendor", "checked": false}),
            json!({"from": "us"}),
        ];
        assert_eq!(documents, expected);
        let free = space(&schema, &reads(&["free"], &[], &[])).documents(99);
        assert_eq!(
            free,
            [json!({"free": true}), json!({"free": false}), json!({})]
        );
    }

    #[test]
    fn lists_are_every_choice_of_what_is_looked_for() {
        let items = json!(["a", "b", "c"]);
        let schema = json!({"required": ["l"], "properties": {"l": {
            "type": "array", "minItems": 1, "maxItems": 2, "items": {"enum": items}}}});
        let documents = space(&schema, &reads(&["l"], &["a", "b"], &[])).documents(99);
        let lists: Vec<String> = documents.iter().map(|d| d["l"].to_string()).collect();
        assert_eq!(lists, [r#"["c"]"#, r#"["a"]"#, r#"["b"]"#, r#"["a","b"]"#]);
    }

    #[test]
    fn of_many_values_looked_for_the_pairs_are_tried_and_that_is_said() {
        let items: Vec<String> = (0..9).map(|at| format!("v{at}")).collect();
        let texts: Vec<&str> = items.iter().map(String::as_str).collect();
        let schema = json!({"required": ["l"], "properties": {"l": {
            "type": "array", "items": {"enum": items}}}});
        let space = space(&schema, &reads(&["l"], &texts, &[]));
        assert_eq!(space.documents(999).len(), 1 + 9 + 36 + 1);
        assert!(!space.exact);
    }

    #[test]
    fn a_text_is_each_one_compared_with_and_another() {
        let schema = json!({"required": ["t"], "properties": {"t": {"type": "string"}}});
        let documents = space(&schema, &reads(&["t"], &["x"], &[])).documents(99);
        assert_eq!(
            documents,
            [json!({"t": "x"}), json!({"t": "something else"})]
        );
    }
}
