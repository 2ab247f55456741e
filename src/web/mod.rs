//! Pages and the API over HTTP: who may come in, what every answer carries, which address leads
//! where.
pub mod answer;
pub mod assets;
pub mod badge;
pub mod csrf;
pub mod demo;
pub mod headers;
pub mod health;
pub mod once;
pub mod openapi;
pub mod problems;
pub mod routes;
pub mod serve;
pub mod session;
pub mod spine;
mod within;

/// What the middlewares need to know of the installation.
#[derive(Debug, Clone)]
pub struct Site {
    /// Scheme, host and port of the public address: what a browser sends as `Origin`.
    pub origin: String,
    /// Path part of the public address, without a final slash; empty at the root.
    pub base_path: String,
}

impl Site {
    /// Whether browsers reach the server by https.
    pub fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// The path below the base path, or nothing when it lies elsewhere.
    pub fn below_base<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.base_path)
    }

    /// Whether the address alone gives a right: that of a sign-off link, an inbox, a calendar feed,
    /// the end of digests.
    fn is_secret(&self, path: &str) -> bool {
        const SECRET: [&str; 4] = ["/s/", "/inbox/", "/calendar/", "/unsubscription/"];
        self.below_base(path)
            .is_some_and(|path| SECRET.iter().any(|secret| path.starts_with(secret)))
    }

    /// Whether mail programs send forms there by themselves, from no page at all (RFC 8058). The
    /// address gives the right, and no cookie is looked at.
    fn is_for_mail_programs(&self, path: &str) -> bool {
        self.below_base(path)
            .is_some_and(|path| path.starts_with("/unsubscription/"))
    }
}

/// Largest body of a form, in bytes; a use case with every answer filled stays well below.
pub const FORM_MAX: usize = 512 * 1024;
/// Largest body of an API call, in bytes.
pub const JSON_MAX: usize = 1024 * 1024;

/// Sets how much a request may carry.
pub fn limit_bodies(config: &mut actix_web::web::ServiceConfig) {
    config
        .app_data(actix_web::web::FormConfig::default().limit(FORM_MAX))
        .app_data(
            actix_web::web::JsonConfig::default()
                .limit(JSON_MAX)
                .error_handler(|error, _| unread(error)),
        )
        .app_data(actix_web::web::PayloadConfig::new(JSON_MAX));
}

/// A body that is not what the call takes, with the place where it stops being so.
fn unread(error: actix_web::error::JsonPayloadError) -> actix_web::Error {
    use actix_web::error::JsonPayloadError::{ContentType, Deserialize};
    let sentence = match &error {
        Deserialize(why) => format!("the body cannot be read: {why}"),
        ContentType => "send the body as JSON, with Content-Type: application/json".to_owned(),
        _ => return error.into(),
    };
    crate::error::Error::BadRequest(sentence).into()
}
