//! From the text of a workflow to a [`Bundle`] that can be published, or to every reason why not.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::definition::Workflow;
use super::format::{self, MAX_PROBLEMS};
use super::lint::{Forms, Lint};
use super::problem::{Problem, Source};

/// A workflow with everything a review of it needs, as one text with one hash.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The workflow, checked.
    pub workflow: Workflow,
    /// The stage forms it names, by key.
    pub forms: BTreeMap<String, Value>,
    /// Canonical JSON (RFC 8785) of `{"workflow": …, "forms": …}`: what is stored and hashed.
    pub text: String,
    /// SHA-256 of `text` in lower-case hex.
    pub hash: String,
    /// What people should know before they publish it; empty for a version that is published.
    pub warnings: Vec<Problem>,
}

impl Bundle {
    /// Reads the workflow in `text`. `file` names it in problems, `request_schema` is the JSON
    /// Schema of the kind under review, and `stage_forms` are the forms a stage may name.
    ///
    /// # Errors
    /// Every problem found, warnings too, in the order of the checks: first the JSON, then its
    /// shape, then what the parts say to each other. At least one is an error.
    pub fn load(
        file: &str,
        text: &str,
        request_schema: &Value,
        stage_forms: &BTreeMap<String, Value>,
    ) -> Result<Bundle, Vec<Problem>> {
        judge(file, text, request_schema, stage_forms).0
    }

    /// Reads [`Bundle::text`] back and checks it like [`Bundle::load`] against the schema of
    /// today. For a running review use [`Bundle::pinned`].
    ///
    /// # Errors
    /// As [`Bundle::load`], and when the text is not canonical.
    pub fn from_canonical(text: &str, request_schema: &Value) -> Result<Bundle, Vec<Problem>> {
        reopen(text, Some(request_schema))
    }

    /// Reads back the version a running review is pinned to, without holding its conditions
    /// against the schema of today: the kind may have moved on since the version was published. A
    /// condition that then reads a field that is gone makes its stage required.
    ///
    /// # Errors
    /// As [`Bundle::load`] but for the types of conditions, and when the text is not canonical.
    pub fn pinned(text: &str) -> Result<Bundle, Vec<Problem>> {
        reopen(text, None)
    }
}

/// [`Bundle::load`], and how much work it was to read and check the conditions.
pub(super) fn judge(
    file: &str,
    text: &str,
    request_schema: &Value,
    stage_forms: &Forms,
) -> (Result<Bundle, Vec<Problem>>, u64) {
    let source = Source::new(file, text, "");
    let mut work = 0;
    let document = source.parse().map_err(|problem| vec![problem]);
    let bundle = document.and_then(|document| {
        build(
            &source,
            document,
            Some(request_schema),
            stage_forms,
            &mut work,
        )
    });
    (bundle, work)
}

fn reopen(text: &str, request_schema: Option<&Value>) -> Result<Bundle, Vec<Problem>> {
    let source = Source::new("stored version", text, "/workflow");
    let mut whole = source.parse().map_err(|problem| vec![problem])?;
    let missing = |name: &str| vec![source.value("", format!("the stored text has no `{name}`"))];
    let mut part = |name: &str| {
        whole
            .get_mut(name)
            .map(Value::take)
            .ok_or_else(|| missing(name))
    };
    let workflow = part("workflow")?;
    let Value::Object(forms) = part("forms")? else {
        return Err(missing("forms"));
    };
    let forms: Forms = forms.into_iter().collect();
    let bundle = build(&source, workflow, request_schema, &forms, &mut 0)?;
    if bundle.text == text {
        Ok(bundle)
    } else {
        Err(vec![
            source.value("", "the stored text is not what was published"),
        ])
    }
}

fn build(
    source: &Source,
    document: Value,
    request_schema: Option<&Value>,
    stage_forms: &Forms,
    work: &mut u64,
) -> Result<Bundle, Vec<Problem>> {
    let mut workflow = format::read(source, &document)?;
    let linted = Lint::new(source, &workflow, request_schema, stage_forms).run();
    *work = linted.work;
    let mut problems = linted.problems;
    if problems.iter().any(Problem::is_error) {
        problems.sort_by_key(|problem| problem.severity);
        problems.truncate(MAX_PROBLEMS);
        return Err(problems);
    }
    workflow.conditions = linted.conditions;
    let named = workflow
        .stages
        .iter()
        .filter_map(|stage| stage.form.as_ref());
    let forms: Forms = named
        .filter_map(|name| Some((name.clone(), stage_forms.get(name)?.clone())))
        .collect();
    let text = serde_json_canonicalizer::to_string(&json!({"workflow": document, "forms": forms}))
        .map_err(|error| vec![source.value("", format!("cannot be stored: {error}"))])?;
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    Ok(Bundle {
        workflow,
        forms,
        text,
        hash,
        warnings: problems,
    })
}
