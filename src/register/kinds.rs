//! The kinds of record: a JSON Schema each, embedded, parsed once at start.
use crate::error::{Error, Result};
use crate::form::Form;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(rust_embed::RustEmbed)]
#[folder = "schemas/kinds"]
struct Schemas;

#[derive(rust_embed::RustEmbed)]
#[folder = "schemas/forms"]
struct StageForms;

/// One kind of record.
#[derive(Debug)]
pub struct Kind {
    /// Its key, such as `use_case`.
    pub key: &'static str,
    /// Its name in addresses, such as `use-cases`.
    pub path: &'static str,
    /// What one is called.
    pub singular: &'static str,
    /// What many are called.
    pub plural: &'static str,
    /// What its references begin with.
    pub prefix: &'static str,
    /// Whether its records go through review.
    pub reviewed: bool,
    /// Its schema.
    pub schema: Value,
    /// Its form.
    pub form: Form,
}

/// All kinds, and the stage forms that ship with the program.
#[derive(Debug)]
pub struct Kinds {
    kinds: Vec<Kind>,
    /// Stage forms by key.
    pub stage_forms: BTreeMap<String, Value>,
}

impl Kinds {
    /// Parses the embedded schemas.
    ///
    /// # Errors
    /// When one is not in our subset, which the tests rule out.
    pub fn load() -> Result<Kinds> {
        let kinds = vec![
            kind(
                "use_case",
                "use-cases",
                ["use case", "Use cases"],
                "AI",
                true,
            )?,
            kind("vendor", "vendors", ["vendor", "Vendors"], "VE", false)?,
            kind("tool", "tools", ["tool", "Tools"], "TO", false)?,
        ];
        let mut stage_forms = BTreeMap::new();
        for name in StageForms::iter() {
            if let Some(key) = name.strip_suffix(".json") {
                stage_forms.insert(key.to_owned(), json(StageForms::get(&name))?);
            }
        }
        Ok(Kinds { kinds, stage_forms })
    }

    /// Every kind.
    pub fn all(&self) -> &[Kind] {
        &self.kinds
    }

    /// The kind with this key.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn by_key(&self, key: &str) -> Result<&Kind> {
        let found = self.kinds.iter().find(|k| k.key == key);
        found.ok_or_else(|| Error::not_found("kind", key))
    }

    /// The kind at this place in addresses.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn by_path(&self, path: &str) -> Result<&Kind> {
        let found = self.kinds.iter().find(|k| k.path == path);
        found.ok_or_else(|| Error::not_found("page", path))
    }
}

fn kind(
    key: &'static str,
    path: &'static str,
    [singular, plural]: [&'static str; 2],
    prefix: &'static str,
    reviewed: bool,
) -> Result<Kind> {
    let schema = json(Schemas::get(&format!("{key}.json")))?;
    let form = Form::parse(&schema).map_err(|problems| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Error::Configuration(format!("schemas/kinds/{key}.json: {}", all.join("; ")))
    })?;
    Ok(Kind {
        key,
        path,
        singular,
        plural,
        prefix,
        reviewed,
        schema,
        form,
    })
}

fn json(file: Option<rust_embed::EmbeddedFile>) -> Result<Value> {
    let file = file.ok_or_else(|| Error::Configuration("an embedded schema is missing".into()))?;
    serde_json::from_slice(&file.data)
        .map_err(|e| Error::Configuration(format!("an embedded schema: {e}")))
}
