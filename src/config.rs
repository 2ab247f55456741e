//! Settings: flags over `COUNTERSIGN_*` over `countersign.toml` over defaults, read once.
use crate::error::{Error, Result};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

/// Everything an operator can set. `COUNTERSIGN_X_FILE` names a file that holds the value of
/// `COUNTERSIGN_X`, for secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: String,
    /// Address and port to serve on.
    pub listen: String,
    /// Where people reach the server; links in mails begin with it. May have a path.
    pub public_url: String,
    /// `smtp://host:port`, `smtps://…`, with user and password where wanted; empty sends nothing.
    pub smtp_url: String,
    /// Sender of mails.
    pub mail_from: String,
    /// Name of the organisation, on pages and in mails.
    pub organisation: String,
    /// IANA time zone in which pages and mails show times.
    pub time_zone: String,
    /// Connections for reading.
    pub readers: u32,
    /// `text` or `json`.
    pub log_format: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            database_url: "sqlite:data/countersign.sqlite".to_owned(),
            listen: "127.0.0.1:8080".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            smtp_url: String::new(),
            mail_from: "Countersign <countersign@localhost.localdomain>".to_owned(),
            organisation: "Your organisation".to_owned(),
            time_zone: "UTC".to_owned(),
            readers: 8,
            log_format: "text".to_owned(),
        }
    }
}

impl Config {
    /// Reads `countersign.toml` in the working folder, if there is one, then the environment.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the setting that is unknown or wrong.
    pub fn load() -> Result<Config> {
        let figment = Figment::from(Serialized::defaults(Config::default()))
            .merge(Toml::file("countersign.toml"))
            .merge(Env::prefixed("COUNTERSIGN_").filter(|key| !is_file(key.as_str())));
        let config: Config = with_files(figment)?
            .extract()
            .map_err(|e| Error::Configuration(e.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// Checks what can be checked without connecting.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the setting.
    pub fn check(&self) -> Result<()> {
        crate::db::Url::parse(&self.database_url)?;
        let http = ["http://", "https://"]
            .iter()
            .any(|p| self.public_url.starts_with(p));
        if !http {
            return Err(wrong("public_url", "begin with http:// or https://"));
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(wrong("time_zone", "be an IANA name such as Europe/Berlin"));
        }
        if !matches!(self.log_format.as_str(), "text" | "json") {
            return Err(wrong("log_format", "be text or json"));
        }
        if self.readers == 0 {
            return Err(wrong("readers", "be at least 1"));
        }
        Ok(())
    }

    /// The path part of the public address, without a final slash.
    pub fn base_path(&self) -> &str {
        let rest = self
            .public_url
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        rest.find('/')
            .map_or("", |at| rest.get(at..).unwrap_or(""))
            .trim_end_matches('/')
    }

    /// Scheme, host and port of the public address: what a browser sends as `Origin`.
    pub fn origin(&self) -> String {
        let (scheme, rest) = self.public_url.split_once("://").unwrap_or(("http", ""));
        format!("{scheme}://{}", rest.split('/').next().unwrap_or(""))
    }

    /// An absolute address for a mail.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.trim_end_matches('/'))
    }
}

fn wrong(setting: &str, rule: &str) -> Error {
    let name = setting.to_uppercase();
    Error::Configuration(format!(
        "COUNTERSIGN_{name} (or {setting} in countersign.toml) must {rule}"
    ))
}

fn is_file(key: &str) -> bool {
    key.to_ascii_lowercase().ends_with("_file")
}

/// Adds the values that stand in files.
fn with_files(figment: Figment) -> Result<Figment> {
    let mut figment = figment;
    for (key, path) in Env::prefixed("COUNTERSIGN_").iter() {
        let key = key.as_str().to_ascii_lowercase();
        if let Some(setting) = key.strip_suffix("_file") {
            let value = std::fs::read_to_string(&path).map_err(|e| {
                Error::Configuration(format!("COUNTERSIGN_{}: {path}: {e}", key.to_uppercase()))
            })?;
            figment = figment.merge((setting.to_owned(), value.trim_end().to_owned()));
        }
    }
    Ok(figment)
}
