//! Forms that bring files: their fields and what became of each file.
use super::take::{Rules, Taken, take};
use super::{FIELD, refused};
use crate::error::{Error, Result};
use crate::form::FieldError;
use actix_multipart::{Field, Multipart, MultipartError};
use futures_util::StreamExt;
use futures_util::stream::Fuse;
use std::time::Duration;

/// Longest text of a field, in bytes.
const TEXT_MAX: usize = 64 * 1024;
/// Most fields of a form.
const FIELDS: usize = 64;
/// Most files of a form.
const FILES: usize = 5;
/// How long a form may take to come in.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a form brought.
#[derive(Debug, Default)]
pub struct Form {
    /// Name and text of each field, as they came.
    pub fields: Vec<(String, String)>,
    /// The files that were taken.
    pub files: Vec<Taken>,
    /// What is wrong with the others; the fields are there all the same.
    pub wrong: Vec<FieldError>,
}

impl Form {
    /// The text of a field, trimmed; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, text)| text.trim())
    }
}

/// Reads a form to its end, so that the browser comes to show the answer.
///
/// # Errors
/// [`Error::BadRequest`] for what is no such form or never ends.
pub async fn read(rules: &Rules, form: Multipart) -> Result<Form> {
    let read = tokio::time::timeout(PATIENCE, read_on(rules, form)).await;
    read.unwrap_or_else(|_| {
        let seconds = PATIENCE.as_secs();
        let sentence = format!("the form took longer than {seconds} seconds to come in");
        Err(Error::BadRequest(sentence))
    })
}

async fn read_on(rules: &Rules, mut form: Multipart) -> Result<Form> {
    let mut read = Form::default();
    for _ in 0..FIELDS {
        let Some(field) = form.next().await else {
            return Ok(read);
        };
        let field = field.map_err(|error| unread(&error))?;
        let name = field.name().unwrap_or_default().to_owned();
        let file = field.content_disposition().and_then(|of| of.get_filename());
        match file.map(str::to_owned) {
            Some(file) => one(rules, &mut read, &file, field).await?,
            None => {
                let text = text(&name, field).await?;
                read.fields.push((name, text));
            }
        }
    }
    Err(Error::BadRequest(format!(
        "the form has more than {FIELDS} fields"
    )))
}

async fn one(rules: &Rules, read: &mut Form, name: &str, field: Field) -> Result<()> {
    // It must not be asked again after its end, which a refusal may come after.
    let mut field = field.fuse();
    // A browser sends a choice that was not made as a file without a name.
    if name.is_empty() {
        drain(rules, field).await;
        return Ok(());
    }
    let taken = match read.files.len() < FILES {
        true => take(rules, name, &mut field).await,
        false => Err(refused(format!("at most {FILES} files are taken at once"))),
    };
    match taken {
        Ok(taken) => read.files.push(taken),
        Err(Error::Invalid(wrong)) => {
            drain(rules, field).await;
            read.wrong.extend(wrong);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Reads the rest of what was refused, within reason.
async fn drain(rules: &Rules, mut field: Fuse<Field>) {
    let mut length = 0_u64;
    while let Some(Ok(piece)) = field.next().await {
        length = length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if length > rules.max_bytes().saturating_mul(2) {
            return;
        }
    }
}

async fn text(name: &str, mut field: Field) -> Result<String> {
    let mut text = Vec::new();
    while let Some(piece) = field.next().await {
        text.extend_from_slice(&piece.map_err(|error| unread(&error))?);
        if text.len() > TEXT_MAX {
            let rule = format!("{name}: write at most {TEXT_MAX} bytes");
            return Err(Error::BadRequest(rule));
        }
    }
    String::from_utf8(text).map_err(|_| Error::BadRequest(format!("{name}: write text in UTF-8")))
}

fn unread(error: &MultipartError) -> Error {
    Error::BadRequest(format!("{FIELD}: the form cannot be read: {error}"))
}
