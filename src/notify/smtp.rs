//! The conversation with the mail server, step by step: only so is it known whose fault a
//! failure is. A server that cannot be reached is not the message's fault, and a refused
//! password is not the recipient's.
use crate::error::{Error, Result};
use crate::notify::letter::Letter;
use crate::notify::postman::Failure;
use crate::notify::smtp_url::{Security, ServerUrl};
use crate::notify::status::{Status, Verdict};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long an unused connection is kept: less than relays do.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// Most unused connections that are kept.
const IDLE_COUNT: usize = 4;
/// How long a farewell may take; nobody depends on it.
const FAREWELL: Duration = Duration::from_secs(2);

/// A mail server by its settings, with the connections that wait for the next mail.
pub struct Smtp {
    url: ServerUrl,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({})", self.name())
    }
}

impl Smtp {
    /// A server by `COUNTERSIGN_SMTP_URL`. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Configuration`] saying what the address should look like.
    pub fn new(url: &str) -> Result<Smtp> {
        let url = ServerUrl::parse(url)?;
        let tls = match url.security {
            Security::None => None,
            _ => Some(TlsParameters::new(url.host.clone()).map_err(|e| {
                Error::Configuration(format!("COUNTERSIGN_SMTP_URL: TLS cannot be prepared: {e}"))
            })?),
        };
        Ok(Smtp {
            url,
            tls,
            hello: ClientId::default(),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Host and port, for messages to the operator.
    pub fn name(&self) -> String {
        format!("{}:{}", self.url.host, self.url.port)
    }

    /// The longest that opening and delivering can take together.
    pub(super) fn patience(&self) -> Duration {
        self.url.timeout * 3 + FAREWELL
    }

    /// A connection that answers and lets us in.
    pub(super) async fn open(&self) -> std::result::Result<AsyncSmtpConnection, Failure> {
        if let Some(mut kept) = self.kept() {
            if self.in_time(kept.test_connected()).await.unwrap_or(false) {
                return Ok(kept);
            }
            self.forget_kept();
        }
        match self.in_time(self.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(Failure::Server(error.to_string())),
            Err(late) => Err(Failure::Server(late)),
        }
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().ok()?;
        idle.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        idle.pop().map(|(connection, _)| connection)
    }

    /// When one unused connection is dead the others are hardly better.
    fn forget_kept(&self) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.clear();
        }
    }

    async fn connect(&self) -> std::result::Result<AsyncSmtpConnection, SmtpError> {
        let address = (self.url.host.as_str(), self.url.port);
        let implicit = self
            .tls
            .clone()
            .filter(|_| self.url.security == Security::Tls);
        let patience = Some(self.url.timeout);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, patience, &self.hello, implicit, None)
                .await?;
        if let (Security::StartTls, Some(tls)) = (self.url.security, &self.tls) {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((name, password)) = &self.url.credentials {
            let credentials = Credentials::new(name.clone(), password.clone());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    /// Hands one letter over. The connection is kept when the server took the letter.
    pub(super) async fn deliver(
        &self,
        mut connection: AsyncSmtpConnection,
        letter: &Letter,
    ) -> std::result::Result<(), Failure> {
        let sent = self.in_time(converse(&mut connection, letter)).await;
        match sent {
            Ok(Ok(())) => {
                self.keep(connection);
                Ok(())
            }
            Ok(Err(failure)) => {
                let _ = tokio::time::timeout(FAREWELL, connection.abort()).await;
                Err(failure)
            }
            Err(late) => Err(Failure::Later(late)),
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        if let Ok(mut idle) = self.idle.lock()
            && idle.len() < IDLE_COUNT
        {
            idle.push((connection, Instant::now()));
        }
    }

    /// Bounds the whole of `work`: the client's own limit covers connecting only.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> std::result::Result<T, String> {
        let limit = self.url.timeout;
        tokio::time::timeout(limit, work).await.map_err(|_| {
            format!(
                "the mail server did not answer within {} s",
                limit.as_secs()
            )
        })
    }
}

async fn converse(
    connection: &mut AsyncSmtpConnection,
    letter: &Letter,
) -> std::result::Result<(), Failure> {
    let sender = Mail::new(Some(letter.from.clone()), Vec::new());
    connection
        .command(sender)
        .await
        .map_err(|e| Failure::Server(e.to_string()))?;
    let recipient = Rcpt::new(letter.to.clone(), Vec::new());
    connection.command(recipient).await.map_err(of_recipient)?;
    connection.command(Data).await.map_err(of_message)?;
    connection
        .message(&letter.bytes)
        .await
        .map_err(of_message)?;
    Ok(())
}

/// A relay that wants a password, or knows nothing of our domain, refuses every recipient; that
/// must not mark everybody unreachable. Nor must a mailbox that is full today.
fn of_recipient(error: SmtpError) -> Failure {
    let text = error.to_string();
    let status = Status::within(&text);
    let plain = error
        .status()
        .map(|code| code.to_string())
        .unwrap_or_default();
    if !error.is_permanent() {
        return Failure::Later(text);
    }
    match status.and_then(Status::verdict) {
        Some(Verdict::Later | Verdict::Rule) => Failure::Later(text),
        None if matches!(plain.as_str(), "530" | "552") => Failure::Later(text),
        _ => Failure::Lost(status.map_or(plain, |status| status.to_string()), text),
    }
}

/// A refusal after the recipient was taken is about the message, unless the status says that there
/// is no such mailbox after all.
fn of_message(error: SmtpError) -> Failure {
    let text = error.to_string();
    let status = Status::within(&text).filter(|_| error.is_permanent());
    match status.map(|status| (status, status.verdict())) {
        Some((status, Some(Verdict::Lost))) => Failure::Lost(status.to_string(), text),
        Some((_, Some(Verdict::Later))) => Failure::Later(text),
        _ if error.is_permanent() => Failure::Never(text),
        _ => Failure::Later(text),
    }
}
