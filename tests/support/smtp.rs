//! A real SMTP server for a test: `tests/smtp/server.py`, started, watched and ended with it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

/// How long a mail may take to arrive before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. How it treats a recipient is told by the local part of the address
/// (`nouser@`, `greylist@`, `slow@` …, see `tests/smtp/server.py`), or by [`Smtp::behave`].
pub struct Smtp {
    folder: TempDir,
    options: Vec<String>,
    port: u16,
    running: Option<(Child, ChildStdin)>,
}

/// A message as the server received it.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// The envelope's sender.
    pub mail_from: String,
    /// The envelope's recipients.
    pub rcpt_to: Vec<String>,
    /// Header fields in their order, decoded.
    pub headers: Vec<(String, String)>,
    /// The decoded subject.
    pub subject: String,
    /// The decoded plain text part, empty where there is none.
    pub text: String,
    /// The decoded HTML part, empty where there is none.
    pub html: String,
    /// The exact bytes of the message.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl Smtp {
    /// A server that answers at once, and `slow@` after a second.
    pub fn start() -> Smtp {
        Smtp::start_with(&["--slow", "1"])
    }

    /// A server that accepts connections and never says a word.
    pub fn dead() -> Smtp {
        Smtp::start_with(&["--dead"])
    }

    /// A server with these options of `server.py`.
    pub fn start_with(options: &[&str]) -> Smtp {
        let mut smtp = Smtp {
            folder: tempfile::tempdir().expect("a temporary folder"),
            options: options.iter().map(|option| option.to_string()).collect(),
            port: 0,
            running: None,
        };
        smtp.resume();
        smtp
    }

    /// Starts the server again after [`Smtp::stop`], at the same address.
    pub fn resume(&mut self) {
        assert!(self.running.is_none(), "the SMTP server is running");
        let mut child = self.command().spawn().expect("python3 starts");
        let stdin = child.stdin.take().expect("its standard input");
        let stdout = child.stdout.take().expect("its standard output");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its first line");
        let port = line
            .trim()
            .strip_prefix("PORT ")
            .and_then(|port| port.parse().ok());
        self.port = port.unwrap_or_else(|| panic!("the SMTP server did not start: {line:?}"));
        self.running = Some((child, stdin));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(python());
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp/server.py"))
            .arg("--dir")
            .arg(self.folder.path())
            .arg("--control")
            .arg(self.control())
            .args(["--port", &self.port.to_string(), "--until-stdin-closes"])
            .args(&self.options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    /// Ends the server: from now on connections are refused. Its mails stay.
    pub fn stop(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// `smtp://127.0.0.1:PORT`, as COUNTERSIGN_SMTP_URL wants it.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Treats every recipient this way from now on; an empty word goes by recipient again.
    pub fn behave(&self, word: &str) {
        std::fs::write(self.control(), word).expect("the control file");
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// The mails accepted so far, in the order of their arrival.
    pub fn mails(&self) -> Vec<Mail> {
        let files = std::fs::read_dir(self.folder.path()).expect("the mail folder");
        let mut paths: Vec<PathBuf> = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        paths.sort();
        paths.iter().map(|path| Mail::read(path)).collect()
    }

    /// Waits until `count` mails are there, and returns all. Fails after half a minute with the
    /// subjects of those that came.
    pub async fn wait_for(&self, count: usize) -> Vec<Mail> {
        let end = Instant::now() + PATIENCE;
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            if Instant::now() > end {
                let subjects: Vec<_> = mails.iter().map(|mail| &mail.subject).collect();
                panic!(
                    "waited for {count} mails, {} came: {subjects:?}",
                    mails.len()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Mail {
    fn read(eml: &Path) -> Mail {
        let beside = std::fs::read(eml.with_extension("json")).expect("the envelope");
        let mut mail: Mail = serde_json::from_slice(&beside).expect("the envelope is JSON");
        mail.bytes = std::fs::read(eml).expect("the message");
        mail
    }

    /// The first header field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self
            .headers
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// The first address in the text that contains `part`, as in `mail.link("/s/")`.
    pub fn link(&self, part: &str) -> Option<&str> {
        let words = self
            .text
            .split(|c: char| c.is_whitespace() || "<>\"()".contains(c));
        words
            .filter(|word| word.starts_with("http"))
            .find(|word| word.contains(part))
    }
}

/// The Python that has aiosmtpd: Debian's own, even where another one shadows it on the PATH.
fn python() -> PathBuf {
    for python in ["/usr/bin/python3", "python3"] {
        let mut asked = Command::new(python);
        asked.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        if asked.status().is_ok_and(|status| status.success()) {
            return PathBuf::from(python);
        }
    }
    panic!("no python3 here has aiosmtpd; `tests/run unit` installs python3-aiosmtpd")
}
