//! Pages and mails as text: every template is inside the binary, read once, and strict: a value
//! that a handler forgot is an error, never an empty place.
//!
//! A page is `templates/pages/NAME.hbs`. A mail is a folder `templates/mail/NAME/` with
//! `subject.txt.hbs`, `body.txt.hbs` and `body.html.hbs`. What they may be given stands in
//! `tests/fixtures/`.
pub mod assets;
mod helpers;
mod text;

use handlebars::{Handlebars, RenderError, TemplateError};
use jiff::tz::TimeZone;
use rust_embed::{Embed, EmbeddedFile};
use serde::Serialize;

#[derive(Embed)]
#[folder = "templates/pages"]
struct Pages;

#[derive(Embed)]
#[folder = "templates/mail"]
struct Mails;

/// What helpers need to know of the installation.
#[derive(Debug, Clone)]
pub struct Place {
    /// Path part of the public address, without a final slash; empty at the root.
    pub base_path: String,
    /// Zone in which people read times.
    pub zone: TimeZone,
}

/// Why a page or mail could not be made; the program is at fault, not its user.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A template cannot be read.
    #[error("template {0}: {1}")]
    Template(String, Box<TemplateError>),
    /// A template wants what it was not given.
    #[error("template {0}: {1}")]
    Render(String, Box<RenderError>),
}

/// A mail, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// The plain text, complete by itself.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Every template.
#[derive(Debug)]
pub struct Templates {
    html: Handlebars<'static>,
    plain: Handlebars<'static>,
}

impl Templates {
    /// Reads all templates.
    ///
    /// # Errors
    /// [`Fault::Template`] naming the one that cannot be read.
    pub fn load(place: &Place) -> Result<Templates, Fault> {
        let mut html = registry(place);
        let mut plain = registry(place);
        plain.register_escape_fn(text::clean);
        for path in Pages::iter() {
            let name = path.trim_end_matches(".hbs");
            register(&mut html, name, Pages::get(&path))?;
        }
        for path in Mails::iter() {
            let name = format!("mail/{}", path.trim_end_matches(".hbs"));
            let registry = if name.ends_with(".txt") {
                &mut plain
            } else {
                &mut html
            };
            register(registry, &name, Mails::get(&path))?;
        }
        Ok(Templates { html, plain })
    }

    /// A page, as HTML.
    ///
    /// # Errors
    /// [`Fault::Render`] when there is no such page or `context` lacks what it shows.
    pub fn page(&self, name: &str, context: &impl Serialize) -> Result<String, Fault> {
        render(&self.html, name, context)
    }

    /// A mail.
    ///
    /// # Errors
    /// [`Fault::Render`] when there is no such mail or `context` lacks what it says.
    pub fn mail(&self, name: &str, context: &impl Serialize) -> Result<Mail, Fault> {
        let subject = render(&self.plain, &format!("mail/{name}/subject.txt"), context)?;
        let body = render(&self.plain, &format!("mail/{name}/body.txt"), context)?;
        Ok(Mail {
            subject: text::header(&subject),
            text: text::fold(&body),
            html: render(&self.html, &format!("mail/{name}/body.html"), context)?,
        })
    }
}

fn registry(place: &Place) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    // An indented partial would push the lines of a text area to the right.
    registry.set_prevent_indent(true);
    helpers::register(&mut registry, place);
    registry
}

fn register(
    registry: &mut Handlebars<'static>,
    name: &str,
    file: Option<EmbeddedFile>,
) -> Result<(), Fault> {
    let bytes = file.map(|file| file.data).unwrap_or_default();
    registry
        .register_template_string(name, String::from_utf8_lossy(&bytes))
        .map_err(|e| Fault::Template(name.to_owned(), Box::new(e)))
}

fn render(
    registry: &Handlebars<'static>,
    name: &str,
    context: &impl Serialize,
) -> Result<String, Fault> {
    registry
        .render(name, context)
        .map_err(|e| Fault::Render(name.to_owned(), Box::new(e)))
}
