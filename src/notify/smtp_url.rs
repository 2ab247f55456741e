//! `COUNTERSIGN_SMTP_URL`, read once at start.
use crate::error::{Error, Result};
use std::time::Duration;

/// How long one mail may take when the address does not say otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, or nothing at all.
    StartTls,
    /// Readable by whoever carries it.
    None,
}

/// A mail server's address with what is needed to use it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ServerUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<(String, String)>,
    pub(super) timeout: Duration,
}

impl ServerUrl {
    /// Reads `smtp://[user:password@]host[:port][?tls=none|starttls][&timeout=SECONDS]`, or the
    /// same with `smtps://`.
    ///
    /// # Errors
    /// [`Error::Configuration`]; the password is never part of the sentence.
    pub(super) fn parse(url: &str) -> Result<ServerUrl> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            wrong("it must look like smtp://host:25, smtp://user:password@host:587 or smtps://host")
        })?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, place) = match rest.trim_end_matches('/').rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest.trim_end_matches('/')),
        };
        let (host, port) = host_and_port(place)?;
        let options = options(query)?;
        let security = security(scheme, &host, options.tls.as_deref())?;
        let usual = match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::None => 25,
        };
        let credentials = user.map(credentials).transpose()?;
        if security == Security::None && credentials.is_some() && !is_loopback(&host) {
            return Err(wrong(
                "with tls=none the password would travel readable; leave one out",
            ));
        }
        let timeout = options.timeout.unwrap_or(TIMEOUT);
        Ok(ServerUrl {
            host,
            port: port.unwrap_or(usual),
            security,
            credentials,
            timeout,
        })
    }
}

fn wrong(rule: &str) -> Error {
    Error::Configuration(format!(
        "COUNTERSIGN_SMTP_URL (or smtp_url in countersign.toml): {rule}"
    ))
}

fn security(scheme: &str, host: &str, tls: Option<&str>) -> Result<Security> {
    match (scheme, tls) {
        ("smtps", None) => Ok(Security::Tls),
        ("smtp", None) if is_loopback(host) => Ok(Security::None),
        ("smtp", None | Some("starttls")) => Ok(Security::StartTls),
        ("smtp", Some("none")) => Ok(Security::None),
        ("smtps", Some(_)) => Err(wrong("smtps:// is TLS from the start; leave tls= out")),
        ("smtp", Some(_)) => Err(wrong("tls= must be none or starttls")),
        _ => Err(wrong("it must begin with smtp:// or smtps://")),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let good = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if host.is_empty() || !host.chars().all(good) {
        return Err(wrong("it names no host"));
    }
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0));
    match port {
        Some(None) => Err(wrong("the port must be a number from 1 to 65535")),
        port => Ok((host.to_owned(), port.flatten())),
    }
}

fn credentials(user: &str) -> Result<(String, String)> {
    let (name, password) = user
        .split_once(':')
        .ok_or_else(|| wrong("a user needs a password: user:password@host"))?;
    Ok((unescaped(name)?, unescaped(password)?))
}

/// `%40` becomes `@`: names and passwords may hold what an address may not.
fn unescaped(text: &str) -> Result<String> {
    let broken = || wrong("user and password: write @ as %40, : as %3A, / as %2F, % as %25");
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).ok_or_else(broken)?;
        bytes.extend(hex::decode(code).map_err(|_| broken())?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

#[derive(Default)]
struct Options {
    tls: Option<String>,
    timeout: Option<Duration>,
}

fn options(query: &str) -> Result<Options> {
    let mut options = Options::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("tls", value)) => options.tls = Some(value.to_owned()),
            Some(("timeout", value)) => {
                let seconds = value.parse::<u64>().ok().filter(|s| (1..=300).contains(s));
                let seconds = seconds.ok_or_else(|| wrong("timeout= takes 1 to 300 seconds"))?;
                options.timeout = Some(Duration::from_secs(seconds));
            }
            _ => return Err(wrong("after ? only tls= and timeout= are understood")),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> ServerUrl {
        ServerUrl::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"))
    }

    #[test]
    fn only_this_machine_and_an_explicit_wish_go_without_tls() {
        let securities = [
            ("smtp://127.0.0.1:2525", Security::None, 2525),
            ("smtp://localhost", Security::None, 25),
            ("smtp://[::1]:2525", Security::None, 2525),
            ("smtp://localhost?tls=starttls", Security::StartTls, 587),
            ("smtp://mail.example.org", Security::StartTls, 587),
            ("smtp://mail.example.org:25/?tls=none", Security::None, 25),
            ("smtps://mail.example.org", Security::Tls, 465),
        ];
        for (url, security, port) in securities {
            let server = read(url);
            assert_eq!((server.security, server.port), (security, port), "{url}");
        }
    }

    #[test]
    fn names_and_passwords_may_hold_any_character() {
        let server = read("smtp://app%40example.org:p%3A%2F%25@mail.example.org:587");
        let expected = ("app@example.org".to_owned(), "p:/%".to_owned());
        assert_eq!(server.credentials, Some(expected));
        assert_eq!(server.host, "mail.example.org");
    }

    #[test]
    fn how_long_a_mail_may_take_can_be_set() {
        assert_eq!(read("smtps://mail.example.org").timeout, TIMEOUT);
        let short = read("smtp://mail.example.org?tls=none&timeout=5");
        assert_eq!(short.timeout, Duration::from_secs(5));
    }

    #[test]
    fn a_wrong_address_says_what_would_be_right_and_never_the_password() {
        for url in [
            "mail.example.org:25",
            "http://mail.example.org",
            "smtp://",
            "smtp://host\r\nRCPT",
            "smtp://mail.example.org:0",
            "smtp://mail.example.org:99999",
            "smtp://mail.example.org:port",
            "smtp://user@mail.example.org",
            "smtp://u:secret%4@mail.example.org",
            "smtp://u:secret%ff@mail.example.org",
            "smtp://u:secret@mail.example.org?tls=none",
            "smtp://mail.example.org?tls=maybe",
            "smtps://mail.example.org?tls=none",
            "smtp://mail.example.org?timeout=0",
            "smtp://u:secret@mail.example.org?retry=1",
        ] {
            let error = ServerUrl::parse(url)
                .err()
                .map(|e| e.to_string())
                .unwrap_or_default();
            assert!(error.contains("COUNTERSIGN_SMTP_URL"), "{url}: {error:?}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
