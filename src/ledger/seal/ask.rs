//! Asking somebody outside of the house over HTTP: a short question, a short answer, soon. Nothing
//! in the answer is trusted, not even that it ends.
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Longest wait for a whole answer of a witness or a time-stamping authority.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer in bytes: a time stamp with its certificates has a tenth of that.
const MAX_ANSWER: u64 = 64 * 1024;

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Media type, in small letters and without parameters.
    pub(super) media: String,
    pub(super) body: Vec<u8>,
}

/// Checks the address of somebody outside: `https://`, or `http://` to this machine, or anywhere
/// where `plain` allows it.
///
/// # Errors
/// The rule that it breaks.
pub fn address(text: &str, plain: bool) -> Result<(), String> {
    let rule = "be an address like https://host/path, without user name, ? and #";
    let uri: Uri = text.parse().map_err(|_| rule.to_owned())?;
    let host = uri.host().unwrap_or_default();
    let authority = uri.authority().map_or("", |all| all.as_str());
    if host.is_empty() || authority.contains('@') || text.contains(['?', '#']) {
        return Err(rule.to_owned());
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if plain || is_loopback(host) => Ok(()),
        Some("http") => Err(format!(
            "begin with https:// ({host} is not this machine), unless COUNTERSIGN_PLAIN_HTTP is \
             true"
        )),
        _ => Err(rule.to_owned()),
    }
}

/// Whether a host is this machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Posts `body` and reads the answer. A redirect is an answer like any other: it is not followed.
pub(super) fn post(url: &str, media: &str, body: &[u8]) -> Result<Answer, String> {
    let agent = agent(url, PATIENCE)?;
    let answer = agent.post(url).header("Content-Type", media).send(body);
    let mut answer = answer.map_err(|error| in_words(&error))?;
    let kind = answer.headers().get("content-type");
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = kind.split(';').next().unwrap_or("").trim();
    let media = media.to_ascii_lowercase();
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER);
    let body = body.read_to_vec().map_err(|error| in_words(&error))?;
    Ok(Answer {
        status,
        media,
        body,
    })
}

/// What asks at `url` and waits `patience` at most. Whoever gave an address is told of another one,
/// and not led there.
///
/// # Errors
/// This machine has no list of certificate authorities, and the address needs one.
pub fn agent(url: &str, patience: Duration) -> Result<Agent, String> {
    let mut config = Agent::config_builder()
        .timeout_global(Some(patience))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
    let host = url.parse::<Uri>().ok();
    if host.and_then(|uri| uri.host().map(is_loopback)) == Some(true) {
        config = config.proxy(None);
    }
    if url.starts_with("https://") {
        config = config.tls_config(tls()?);
    }
    Ok(config.build().new_agent())
}

/// TLS with this machine's own list of authorities.
fn tls() -> Result<TlsConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err("this machine has no list of certificate authorities".to_owned());
    }
    let roots = found.certs.iter().map(|der| {
        let der: &[u8] = der;
        Certificate::from_der(der).to_owned()
    });
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("it does not answer within {} s", PATIENCE.as_secs()),
        ureq::Error::BodyExceedsLimit(_) => "its answer is too long".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::ConnectionFailed => "it cannot be reached".to_owned(),
        other => format!("it cannot be asked: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_outside_has_tls_unless_that_is_allowed() {
        let good = |text: &str, plain| address(text, plain).is_ok();
        for text in [
            "https://w.example/a",
            "https://w.example",
            "http://127.0.0.1:1/x",
        ] {
            assert!(good(text, false), "{text}");
        }
        for text in ["http://localhost/w", "http://[::1]:80/w"] {
            assert!(good(text, false), "{text}");
        }
        let plain = "http://tsa.example/";
        assert!(!good(plain, false) && good(plain, true));
        for text in [
            "",
            "w.example/a",
            "ftp://w.example/",
            "file:///etc/passwd",
            "https://",
            "https://a:b@w.example/",
            "https://w.example/?a=b",
            "https://w.example/#x",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
        ] {
            assert!(!good(text, false), "{text}");
        }
    }
}
