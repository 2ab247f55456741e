//! Settings: flags over `COUNTERSIGN_*` over `countersign.toml` over defaults, read once.
use crate::error::{Error, Result};
use crate::ledger::origin::Origin;
use crate::ledger::seal::Witness;
use crate::notify::Timetable;
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

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
    /// Seconds that a task mail waits; a task decided meanwhile sends none.
    pub mail_hold: u64,
    /// When reminders, digests and notices wait for the morning, as `20:00-07:00`; empty for never.
    pub quiet_hours: String,
    /// Time of day of the daily digest.
    pub digest_at: String,
    /// Whether each mail has an envelope sender of its own (`name+ID@…`), to which bounces return.
    pub bounce_sender: bool,
    /// Maildir whose new mails are read as bounces; empty reads none.
    pub bounce_dir: String,
    /// Name of the organisation, on pages and in mails.
    pub organisation: String,
    /// IANA time zone in which pages and mails show times.
    pub time_zone: String,
    /// File with the key that signs the ledger's checkpoints; empty leaves them unsigned.
    pub signing_key_file: String,
    /// File that says what was signed last; empty: the key's file with `.lock` added.
    pub checkpoint_lock_file: String,
    /// Name of the log for a new key; empty: host and path of `public_url`, and `/log`.
    pub log_origin: String,
    /// What `/log/` shows to anybody: `nothing`, `hashes`, or `entries` as well.
    pub log_public: String,
    /// Witnesses of checkpoints: address and vkey of each, separated by commas or line ends.
    pub witnesses: String,
    /// How many of them must have seen a checkpoint; fewer are told.
    pub witness_quorum: u32,
    /// Address of the authority (RFC 3161) that stamps a checkpoint each hour; empty asks none.
    pub timestamp_url: String,
    /// Whether witnesses and authority may be asked without TLS: what they answer is signed.
    pub plain_http: bool,
    /// Folder of evidence files; empty: `evidence` beside the SQLite file, else `data/evidence`.
    pub evidence_dir: String,
    /// Largest evidence file, in bytes.
    pub evidence_max_bytes: u64,
    /// Program that gets the path of each file and lets it pass by exit code 0; empty runs none.
    pub evidence_scan: String,
    /// Seconds that it may take.
    pub evidence_scan_seconds: u64,
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
            mail_hold: 60,
            quiet_hours: String::new(),
            digest_at: "08:00".to_owned(),
            bounce_sender: true,
            bounce_dir: String::new(),
            organisation: "Your organisation".to_owned(),
            time_zone: "UTC".to_owned(),
            signing_key_file: String::new(),
            checkpoint_lock_file: String::new(),
            log_origin: String::new(),
            log_public: "hashes".to_owned(),
            witnesses: String::new(),
            witness_quorum: 0,
            timestamp_url: String::new(),
            plain_http: false,
            evidence_dir: String::new(),
            evidence_max_bytes: 20_971_520,
            evidence_scan: String::new(),
            evidence_scan_seconds: 60,
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
        let mut figment = Figment::from(Serialized::defaults(Config::default()))
            .merge(Toml::file("countersign.toml"));
        figment.extract::<Config>().map_err(in_words)?;
        for (setting, value) in from_environment()? {
            figment = figment.merge((setting, value));
        }
        let config: Config = figment.extract().map_err(in_words)?;
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
        if !matches!(self.log_public.as_str(), "nothing" | "hashes" | "entries") {
            return Err(wrong("log_public", "be nothing, hashes or entries"));
        }
        if !self.log_origin.is_empty() && Origin::new(&self.log_origin).is_err() {
            let rule = "be a name such as register.example.org/log: at most 200 bytes without \
                        spaces, plus signs and control characters";
            return Err(wrong("log_origin", rule));
        }
        let witnesses = self.witnesses()?;
        if usize::try_from(self.witness_quorum).is_ok_and(|quorum| quorum > witnesses.len()) {
            return Err(wrong(
                "witness_quorum",
                "be at most the number of witnesses",
            ));
        }
        if !self.timestamp_url.is_empty() {
            let address = crate::ledger::seal::address(&self.timestamp_url, self.plain_http);
            address.map_err(|rule| wrong("timestamp_url", &rule))?;
        }
        if self.readers == 0 {
            return Err(wrong("readers", "be at least 1"));
        }
        if self.evidence_max_bytes == 0 {
            return Err(wrong("evidence_max_bytes", "be at least 1"));
        }
        if self.mail_hold > HOLD_MAX {
            return Err(wrong("mail_hold", "be at most 86400 seconds, a day"));
        }
        Timetable::new(self).map(|_| ())
    }

    /// The witnesses of checkpoints.
    ///
    /// # Errors
    /// [`Error::Configuration`] saying what is wrong with the setting.
    pub fn witnesses(&self) -> Result<Vec<Witness>> {
        let witnesses = Witness::list(&self.witnesses, self.plain_http);
        witnesses.map_err(|rule| wrong("witnesses", &rule))
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

/// Longest time that a task mail may be held, in seconds.
const HOLD_MAX: u64 = 86_400;
/// The settings that are whole numbers.
const NUMBERS: [&str; 5] = [
    "evidence_max_bytes",
    "evidence_scan_seconds",
    "mail_hold",
    "readers",
    "witness_quorum",
];
/// The settings that are `true` or `false`.
const SWITCHES: [&str; 2] = ["bounce_sender", "plain_http"];

/// A complaint about a setting, with the rule it breaks.
pub(crate) fn wrong(setting: &str, rule: &str) -> Error {
    let name = setting.to_uppercase();
    Error::Configuration(format!(
        "COUNTERSIGN_{name} (or {setting} in countersign.toml) must {rule}"
    ))
}

fn is_setting(name: &str) -> bool {
    names().iter().any(|known| known == name)
}

/// Every setting's name, in the order of the alphabet.
fn names() -> Vec<String> {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let names = defaults.as_object().map(|all| all.keys().cloned());
    names.map(Iterator::collect).unwrap_or_default()
}

/// The settings that stand in the environment, or in the files that it names.
fn from_environment() -> Result<BTreeMap<String, Value>> {
    let mut settings = BTreeMap::new();
    for (key, text) in Env::prefixed("COUNTERSIGN_").iter() {
        let key = key.as_str().to_ascii_lowercase();
        let variable = format!("COUNTERSIGN_{}", key.to_uppercase());
        let named_file = key.strip_suffix("_file").filter(|name| is_setting(name));
        let setting = named_file.unwrap_or(&key).to_owned();
        if !is_setting(&setting) {
            return Err(unknown(&variable, "COUNTERSIGN_", str::to_uppercase));
        }
        let text = match named_file {
            Some(_) => content(&variable, &text)?,
            None => text,
        };
        let value = value_of(&setting, &variable, text)?;
        if settings.insert(setting.clone(), value).is_some() {
            let plain = setting.to_uppercase();
            return Err(Error::Configuration(format!(
                "COUNTERSIGN_{plain} and COUNTERSIGN_{plain}_FILE are both set; keep one of them"
            )));
        }
    }
    Ok(settings)
}

fn content(variable: &str, path: &str) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::Configuration(format!("{variable}: cannot read {path}: {e}")))?;
    Ok(text.trim_end().to_owned())
}

/// Text is taken as it stands: an organisation may be called 42.
fn value_of(setting: &str, variable: &str, text: String) -> Result<Value> {
    let must = |rule| Error::Configuration(format!("{variable} must be {rule}"));
    if NUMBERS.contains(&setting) {
        let number = text.trim().parse::<u32>().map(Value::from);
        number.map_err(|_| must("a whole number"))
    } else if SWITCHES.contains(&setting) {
        let switch = text.trim().parse::<bool>().map(Value::from);
        switch.map_err(|_| must("true or false"))
    } else {
        Ok(Value::from(text))
    }
}

fn unknown(found: &str, prefix: &str, spelled: fn(&str) -> String) -> Error {
    let names = names();
    let known: Vec<String> = names
        .iter()
        .map(|name| format!("{prefix}{}", spelled(name)))
        .collect();
    let known = known.join(", ");
    Error::Configuration(format!("{found} is no setting; there are {known}"))
}

/// A complaint about the settings file.
fn in_words(error: figment::Error) -> Error {
    const FILE: &str = "countersign.toml";
    let place = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(found, _) => unknown(&format!("{FILE}: {found}"), "", str::to_owned),
        Kind::InvalidType(_, _) | Kind::InvalidValue(_, _) if NUMBERS.contains(&&*place) => {
            Error::Configuration(format!("{FILE}: {place} must be a whole number"))
        }
        Kind::InvalidType(_, _) if SWITCHES.contains(&&*place) => {
            Error::Configuration(format!("{FILE}: {place} must be true or false"))
        }
        Kind::InvalidType(_, _) => {
            Error::Configuration(format!("{FILE}: {place} must be text in quotes"))
        }
        _ => Error::Configuration(error.to_string()),
    }
}
