//! A log at an address: asked for over HTTP, with bounds for time and size.
use crate::ledger::seal;
use crate::ledger::verify::live::{Answer, Source};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;
use ureq::http::header::LOCATION;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a log is served.
pub(super) struct Remote {
    agent: Agent,
    /// The address that `/log` is added to.
    base: String,
}

impl Remote {
    /// The register at this address. Without TLS anybody on the way could put another log there:
    /// that is for this machine alone, unless `allow_http` says otherwise.
    pub(super) fn at(address: &str, allow_http: bool) -> Result<Remote, String> {
        let odd = |why: &str| format!("{address}: {why}");
        let uri: Uri = address
            .parse()
            .map_err(|_| odd("this is no address such as https://register.example.org/ai"))?;
        let host = uri.host().unwrap_or_default();
        if host.is_empty() || uri.query().is_some() || address.contains(['@', '#']) {
            let why =
                "write the register's public address, such as https://register.example.org/ai";
            return Err(odd(why));
        }
        if uri.scheme_str() != Some("https") && !allow_http && !seal::is_loopback(host) {
            let why = "it is not https, so anybody on the way could answer; --allow-http asks it \
                       all the same";
            return Err(odd(why));
        }
        let base = address.trim_end_matches('/');
        let base = base.strip_suffix("/log").unwrap_or(base).to_owned();
        Ok(Remote {
            agent: seal::agent(address, PATIENCE)?,
            base,
        })
    }
}

impl Source for Remote {
    fn get(&mut self, path: &str, most: usize) -> Result<Answer, String> {
        let address = format!("{}/log/{path}", self.base);
        let failed = |error: ureq::Error| format!("{address}: {error}");
        let mut response = self.agent.get(&address).call().map_err(failed)?;
        let status = response.status();
        if status.is_redirection() {
            let to = response.headers().get(LOCATION);
            let to = to.and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
            // A register leads whoever is not signed in to where they could.
            if to.starts_with('/') && to.contains("/sign-in?") {
                return Ok(Answer::Refused(401));
            }
            return Err(format!("{address} leads to {to}: give that address"));
        }
        match status.as_u16() {
            200 => {}
            status @ (401 | 403 | 404) => return Ok(Answer::Refused(status)),
            status => return Err(format!("{address}: the server answered {status}")),
        }
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config();
        // One byte more shows that there is more.
        let bytes = body.limit(most.saturating_add(1)).read_to_vec();
        match bytes.map_err(failed)? {
            long if u64::try_from(long.len()).unwrap_or(u64::MAX) > most => {
                Err(format!("{address}: the answer is longer than it can be"))
            }
            bytes => Ok(Answer::Bytes(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for address in [
            "http://127.0.0.1:8080/ai",
            "http://localhost:8080",
            "http://[::1]:9/",
            "https://register.example.org/ai",
        ] {
            assert!(Remote::at(address, false).is_ok(), "{address}");
        }
        for address in [
            "http://register.example.org",
            "http://127.0.0.1.example.org",
            "http://localhost@register.example.org",
            "https://",
            "https://register.example.org/?x=1",
        ] {
            assert!(Remote::at(address, false).is_err(), "{address}");
        }
        assert!(Remote::at("http://register.example.org", true).is_ok());
    }
}
