//! Canada's Algorithmic Impact Assessment, from the SurveyJS file that its government publishes.
//! Pure.
//!
//! How points stand in that file is said in its README: the weight of an option is the number
//! after its last hyphen. A name, or that of its panel, ends in `-RS` where it counts for the
//! impact, in `-MS` for mitigation, in `-NS` for nothing. What they come to is told by the
//! government's page on the tool, under scoring: from 80 % of the mitigation points on, 15 % are
//! taken off the impact; levels I to IV reach to 25, 50, 75 and 100 %.
use serde_json::{Map, Value, json};

/// What the file does not say.
#[derive(Debug, Clone)]
pub struct Said {
    /// Short name of the questionnaire.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Address of who answers for it.
    pub owner: String,
    /// Language of the texts: `default`, which is English, or `fr`.
    pub language: String,
}

/// The questionnaire that a file holds, as a document of ours.
///
/// # Errors
/// What the file has that cannot be said here, in a sentence with its place.
pub fn convert(file: &Value, said: &Said) -> Result<Value, String> {
    let pages = file.get("pages").and_then(Value::as_array);
    let pages = pages.ok_or("the file has no `pages`; is it a survey?")?;
    let mut sections = Vec::new();
    for page in pages {
        let key = name_of(page)?;
        let mut reading = Reading {
            said,
            title: None,
            questions: Vec::new(),
        };
        reading.elements(page, None, &[])?;
        if reading.questions.is_empty() {
            continue;
        }
        let mut section = json!({
            "key": key, "title": reading.title.clone().unwrap_or_else(|| key.to_owned()),
            "questions": reading.questions,
        });
        let shown = shown(page)?;
        if !shown.is_empty() {
            set(&mut section, "shown_if", json!(shown));
        }
        sections.push(section);
    }
    Ok(json!({
        "format": 1, "key": said.key, "title": said.title, "owner": said.owner,
        "sections": sections,
        "scores": [
            { "key": "impact", "title": "Impact" },
            { "key": "mitigation", "title": "Mitigation" },
        ],
        "result": {
            "of": "impact",
            "lowered": { "by": "mitigation", "from_percent": 80, "to_percent": 85 },
            "levels": [
                level("I", "Level I", 25), level("II", "Level II", 50),
                level("III", "Level III", 75), level("IV", "Level IV", 100),
            ],
        },
    }))
}

fn level(key: &str, title: &str, percent: u32) -> Value {
    json!({ "key": key, "title": title, "up_to_percent": percent })
}

/// What questions count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Impact,
    Mitigation,
    Nothing,
}

fn counts(name: &str) -> Option<Counts> {
    match name.rsplit_once('-')?.1 {
        "RS" => Some(Counts::Impact),
        "MS" => Some(Counts::Mitigation),
        "NS" => Some(Counts::Nothing),
        _ => None,
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn name_of(element: &Value) -> Result<&str, String> {
    let name = element.get("name").and_then(Value::as_str);
    name.ok_or_else(|| "an element has no name".to_owned())
}

/// A page while its questions are read.
struct Reading<'a> {
    said: &'a Said,
    title: Option<String>,
    questions: Vec<Value>,
}

impl Reading<'_> {
    /// A text in the wanted language, without markup.
    fn words(&self, text: Option<&Value>) -> Option<String> {
        let text = text?;
        let said = match text {
            Value::String(text) => text.as_str(),
            Value::Object(all) => all
                .get(&self.said.language)
                .or_else(|| all.get("default"))?
                .as_str()?,
            _ => return None,
        };
        let mut words = String::new();
        let mut inside = false;
        for c in said.chars() {
            match c {
                '<' => inside = true,
                '>' if inside => {
                    inside = false;
                    words.push(' ');
                }
                _ if !inside => words.push(c),
                _ => {}
            }
        }
        let words: Vec<&str> = words.split_whitespace().collect();
        Some(words.join(" ")).filter(|words| !words.is_empty())
    }

    fn elements(
        &mut self,
        parent: &Value,
        counted: Option<Counts>,
        outer: &[Value],
    ) -> Result<(), String> {
        let elements = parent.get("elements").and_then(Value::as_array);
        for element in elements.into_iter().flatten() {
            let mut shown_if = outer.to_vec();
            shown_if.extend(shown(element)?);
            match element.get("type").and_then(Value::as_str) {
                Some("panel") => {
                    let title = self.words(element.get("title"));
                    self.title = self.title.take().or(title);
                    let inner = counts(name_of(element)?);
                    self.elements(element, inner, &shown_if)?;
                }
                Some("html") => {}
                Some(kind) => self.question(element, kind, counted, shown_if)?,
                None => return Err(format!("{} has no type", name_of(element)?)),
            }
        }
        Ok(())
    }

    fn question(
        &mut self,
        element: &Value,
        kind: &str,
        counted: Option<Counts>,
        shown_if: Vec<Value>,
    ) -> Result<(), String> {
        let name = name_of(element)?;
        let kind = match kind {
            "radiogroup" | "dropdown" => "choice",
            "checkbox" => "choices",
            "text" | "comment" => "text",
            other => {
                return Err(format!(
                    "{name}: questions of type {other} are not known here"
                ));
            }
        };
        let text = self.words(element.get("title"));
        let mut question = json!({
            "key": name, "text": text.unwrap_or_else(|| name.to_owned()), "kind": kind,
        });
        let hint = element.get("description").or_else(|| element.get("help"));
        if let Some(hint) = self.words(hint) {
            set(&mut question, "hint", json!(hint));
        }
        if element.get("isRequired") == Some(&Value::Bool(true)) {
            set(&mut question, "required", json!(true));
        }
        if !shown_if.is_empty() {
            set(&mut question, "shown_if", json!(shown_if));
        }
        if kind != "text" {
            let counted = counts(name).or(counted);
            let scored = matches!(counted, Some(Counts::Impact | Counts::Mitigation));
            let options = self.options(element, scored)?;
            set(&mut question, "options", json!(options));
            let score = match counted {
                Some(Counts::Impact) => Some("impact"),
                Some(Counts::Mitigation) => Some("mitigation"),
                _ => None,
            };
            if let Some(score) = score {
                set(&mut question, "counts_for", json!(score));
            }
        }
        self.questions.push(question);
        Ok(())
    }

    fn options(&self, element: &Value, scored: bool) -> Result<Vec<Value>, String> {
        let name = name_of(element)?;
        let choices = element.get("choices").and_then(Value::as_array);
        let mut options = Vec::new();
        for choice in choices.into_iter().flatten() {
            let key = choice.get("value").unwrap_or(choice).as_str();
            let key = key.ok_or_else(|| format!("{name}: an option has no value"))?;
            let mut option = Map::new();
            option.insert("key".to_owned(), json!(key));
            let text = self.words(choice.get("text"));
            option.insert(
                "text".to_owned(),
                json!(text.unwrap_or_else(|| key.to_owned())),
            );
            let points = key
                .rsplit_once('-')
                .and_then(|(_, n)| n.parse::<u32>().ok());
            if let Some(points) = points.filter(|_| scored) {
                option.insert("points".to_owned(), json!(points));
            }
            options.push(Value::Object(option));
        }
        Ok(options)
    }
}

/// When something is shown: `{question} = "option"` or `{question} contains "option"`, also with
/// the option in a list.
fn shown(element: &Value) -> Result<Vec<Value>, String> {
    let Some(said) = element.get("visibleIf").and_then(Value::as_str) else {
        return Ok(Vec::new());
    };
    let unknown = || format!("this condition is not known here: {said}");
    let rest = said.trim().strip_prefix('{').ok_or_else(unknown)?;
    let (question, rest) = rest.split_once('}').ok_or_else(unknown)?;
    let rest = rest.trim();
    let value = rest
        .strip_prefix('=')
        .or_else(|| rest.strip_prefix("contains"))
        .ok_or_else(unknown)?;
    let value: Value = serde_json::from_str(value.trim()).map_err(|_| unknown())?;
    let options = match value {
        Value::String(one) => vec![one],
        Value::Array(all) => {
            let texts = all.iter().map(|one| one.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>().ok_or_else(unknown)?
        }
        _ => return Err(unknown()),
    };
    Ok(vec![json!({ "question": question, "is": options })])
}
