//! How the questions of a part are drawn: each with what is wrong at its place.
use super::answers::{plain, usual};
use super::who;
use crate::form::{ChoiceView, FieldView, Widget};
use crate::review::words::sentence;
use crate::workflow::Problem;
use serde::Serialize;
use serde_json::{Value, json};

/// Values with what a person reads.
pub(super) type Said<'a> = &'a [(&'a str, &'a str)];

/// Questions below a heading.
#[derive(Serialize)]
pub(super) struct Section {
    pub title: String,
    pub note: Option<&'static str>,
    pub groups: Vec<Group>,
    pub button: Option<&'static str>,
}

/// Questions that belong together: a row, or all of a section.
#[derive(Serialize)]
pub(super) struct Group {
    /// What the row is called.
    pub legend: Option<String>,
    /// An empty row is folded below this.
    pub folded: Option<String>,
    pub questions: Vec<Question>,
    pub buttons: Vec<Button>,
}

#[derive(Serialize)]
pub(super) struct Button {
    value: String,
    says: &'static str,
}

/// A question; with `inputs` where several answers are given, each in a control of its own.
#[derive(Serialize)]
pub(super) struct Question {
    #[serde(flatten)]
    pub field: FieldView,
    pub inputs: Vec<Input>,
}

#[derive(Serialize)]
pub(super) struct Input {
    id: String,
    value: String,
    label: String,
}

/// One answer that is offered while somebody types.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Offer {
    pub value: String,
    pub says: String,
}

/// Answers that are offered, by the name that controls ask for them by.
#[derive(Serialize)]
pub(super) struct Offers {
    pub id: &'static str,
    pub offers: Vec<Offer>,
}

impl Question {
    pub fn hint(mut self, help: &str) -> Question {
        let id = format!("{}-hint", self.field.name);
        let error = self.field.error_id.iter();
        let described = std::iter::once(&id).chain(error).map(String::as_str);
        self.field.described_by = Some(described.collect::<Vec<&str>>().join(" "));
        self.field.help = Some(help.to_owned());
        self.field.hint_id = Some(id);
        self
    }

    pub fn free(mut self) -> Question {
        self.field.required = false;
        self
    }

    pub fn offering(mut self, list: &'static str) -> Question {
        self.field.list = Some(list);
        self
    }
}

/// A section without rows.
pub(super) fn section(title: &str, questions: Vec<Question>) -> Section {
    Section {
        title: title.to_owned(),
        note: None,
        groups: vec![Group {
            legend: None,
            folded: None,
            questions,
            buttons: Vec::new(),
        }],
        button: None,
    }
}

/// The problems at one part, and how its questions are drawn.
pub(super) struct Pen<'a> {
    /// Place of the part in the document.
    pub place: String,
    pub problems: &'a [Problem],
}

impl Pen<'_> {
    fn error(&self, below: &str) -> Option<String> {
        let place = format!("{}/{below}", self.place);
        let inside = format!("{place}/");
        let mut here = self.problems.iter().filter(|p| p.is_error());
        let found = here.find(|p| p.place == place || p.place.starts_with(&inside));
        found.map(|problem| sentence(&problem.message))
    }

    /// A question whose answer stands at `below` the part; with no place of its own where that is
    /// empty.
    fn ask(&self, (name, below, label): (&str, &str, &str), widget: Widget) -> Question {
        let error = (!below.is_empty()).then(|| self.error(below)).flatten();
        let error_id = error.as_ref().map(|_| format!("{name}-error"));
        let field = FieldView {
            id: name.to_owned(),
            name: name.to_owned(),
            label: label.to_owned(),
            help: None,
            limit: None,
            widget,
            input_type: match widget {
                Widget::Radios => "radio",
                Widget::Checkboxes => "checkbox",
                _ => "text",
            },
            inputmode: None,
            autocomplete: Some("off"),
            list: None,
            rows: 3,
            lines: Vec::new(),
            value: String::new(),
            choices: Vec::new(),
            required: true,
            max_length: None,
            described_by: error_id.clone(),
            hint_id: None,
            error,
            error_id,
            because: None,
        };
        Question {
            field,
            inputs: Vec::new(),
        }
    }

    pub fn text(&self, asked: (&str, &str, &str), value: Option<&Value>) -> Question {
        let mut question = self.ask(asked, Widget::Text);
        question.field.value = plain(value);
        question
    }

    pub fn area(&self, asked: (&str, &str, &str), value: &str) -> Question {
        let mut question = self.ask(asked, Widget::Textarea);
        question.field.lines = value.split('\n').map(str::to_owned).collect();
        question.field.value = value.to_owned();
        question
    }

    /// A condition in CEL.
    pub fn condition(&self, asked: (&str, &str, &str), value: Option<&Value>) -> Question {
        let mut question = self.area(asked, &plain(value));
        question.field.rows = 2;
        question
    }

    /// A choice of `choices`; what stands there besides is offered as it is written.
    pub fn choose(
        &self,
        asked: (&str, &str, &str),
        widget: Widget,
        choices: Said,
        value: Option<&Value>,
    ) -> Question {
        let usual = usual(asked.0);
        let value = value.unwrap_or(&usual);
        let chosen: Vec<String> = match value {
            Value::Array(items) => items.iter().map(|item| plain(Some(item))).collect(),
            Value::Null => Vec::new(),
            other => vec![plain(Some(other))],
        };
        let known = |word: &String| choices.iter().any(|(known, _)| known == word);
        let odd = chosen
            .iter()
            .filter(|word| !word.is_empty() && !known(word));
        let odd = odd.map(|word| (word.as_str(), word.as_str()));
        let all: Vec<(&str, &str)> = choices.iter().copied().chain(odd).collect();
        let view = |(at, (word, says)): (usize, &(&str, &str))| ChoiceView {
            id: match at {
                0 => asked.0.to_owned(),
                _ => format!("{}-{at}", asked.0),
            },
            value: (*word).to_owned(),
            label: (*says).to_owned(),
            hint: None,
            hint_id: None,
            checked: chosen.iter().any(|chosen| chosen == word),
        };
        let mut question = self.ask(asked, widget);
        question.field.choices = all.iter().enumerate().map(view).collect();
        question
    }

    /// Several answers, each in a control of its own, with an empty one for another.
    pub fn several(&self, asked: (&str, &str, &str), values: Vec<String>) -> Question {
        let mut question = self.ask(asked, Widget::Text);
        let (name, _, label) = asked;
        let empty = [String::new()];
        let input = |(at, value): (usize, String)| Input {
            id: match at {
                0 => name.to_owned(),
                _ => format!("{name}-{at}"),
            },
            value,
            label: format!("{label}, {}", at + 1),
        };
        let all = values.into_iter().chain(empty).enumerate();
        question.inputs = all.map(input).collect();
        question
    }

    /// People, offered while somebody types.
    pub fn people(&self, asked: (&str, &str, &str), value: Option<&Value>) -> Question {
        let question = self.several(asked, who::written(value));
        question.offering("who").hint(who::HOW)
    }
}

/// The rows of a list, with an empty one to add another.
pub(super) struct Rows<'a> {
    pub pen: &'a Pen<'a>,
    /// What the names of their controls begin with.
    pub sort: &'a str,
    /// The list's place below the part; empty when the part is the list.
    pub below: &'a str,
    /// What a row is called: `seat`.
    pub noun: &'static str,
    /// Whether the order says something.
    pub ordered: bool,
}

/// One row of them.
pub(super) struct Row<'a> {
    rows: &'a Rows<'a>,
    at: usize,
    value: &'a Value,
}

impl Rows<'_> {
    pub fn draw(
        &self,
        values: Option<&Value>,
        questions: impl Fn(&Row) -> Vec<Question>,
    ) -> Vec<Group> {
        let nothing = json!({});
        let known = values.and_then(Value::as_array);
        let known: Vec<&Value> = known.into_iter().flatten().collect();
        let all = known.iter().copied().chain([&nothing]).enumerate();
        let group = |(at, value): (usize, &Value)| {
            let new = at == known.len();
            let number = at + 1;
            let noun = crate::web::badge::sentence_case(self.noun);
            Group {
                legend: Some(format!("{noun} {number}")),
                folded: new.then(|| format!("Add a {}", self.noun)),
                questions: questions(&Row {
                    rows: self,
                    at,
                    value,
                }),
                buttons: if new { Vec::new() } else { self.buttons(at) },
            }
        };
        all.map(group).collect()
    }

    fn buttons(&self, at: usize) -> Vec<Button> {
        let button = |deed: &str, says: &'static str| Button {
            value: format!("{deed}_{}_{at}", self.sort),
            says,
        };
        let mut buttons = Vec::new();
        if self.ordered && at > 0 {
            buttons.push(button("up", "Move up"));
        }
        buttons.push(button("drop", "Take away"));
        buttons
    }
}

impl Row<'_> {
    fn place(&self, part: &str) -> String {
        match self.rows.below {
            "" => format!("{}/{part}", self.at),
            below => format!("{below}/{}/{part}", self.at),
        }
    }

    fn name(&self, part: &str) -> String {
        format!("{}_{}_{part}", self.rows.sort, self.at)
    }

    pub fn text(&self, part: &str, label: &str) -> Question {
        let (name, place) = (self.name(part), self.place(part));
        let value = self.value.get(part);
        self.rows.pen.text((&name, &place, label), value)
    }

    pub fn condition(&self, part: &str, label: &str) -> Question {
        let (name, place) = (self.name(part), self.place(part));
        let value = self.value.get(part);
        self.rows.pen.condition((&name, &place, label), value)
    }

    pub fn people(&self, part: &str, label: &str) -> Question {
        let (name, place) = (self.name(part), self.place(part));
        let value = self.value.get(part);
        let people = super::who::written(value);
        let question = self.rows.pen.several((&name, &place, label), people);
        question.offering("who")
    }

    pub fn several(&self, part: &str, label: &str, values: Vec<String>) -> Question {
        let (name, place) = (self.name(part), self.place(part));
        self.rows.pen.several((&name, &place, label), values)
    }

    pub fn choose(&self, part: &str, label: &str, widget: Widget, choices: Said) -> Question {
        let (name, place) = (self.name(part), self.place(part));
        let value = self.value.get(part);
        let pen = self.rows.pen;
        pen.choose((&name, &place, label), widget, choices, value)
    }

    pub fn value(&self, part: &str) -> Option<&Value> {
        self.value.get(part)
    }
}
