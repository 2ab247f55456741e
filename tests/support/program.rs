//! The program itself, started as an operator starts it: its own folder, its own database, and
//! none of this machine's settings.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// An installation: a working folder and a database.
pub struct Program {
    folder: TempDir,
    /// What COUNTERSIGN_DATABASE_URL is set to.
    pub url: String,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// The complaint of a command that must have failed with this code.
    #[track_caller]
    pub fn bad(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self.err
    }
}

impl Program {
    /// An installation on this database.
    pub fn on(url: String) -> Program {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Program { folder, url }
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.with(&[], arguments)
    }

    /// Runs a command with more settings.
    pub fn with(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Answer {
        let mut command = self.command(arguments);
        let done = command.envs(settings.iter().copied()).output();
        let done = done.expect("the program starts");
        Answer {
            code: done.status.code().expect("an exit code, not a signal"),
            out: String::from_utf8(done.stdout).expect("text"),
            err: String::from_utf8(done.stderr).expect("text"),
        }
    }

    /// Runs a command with more settings that reads `input` from its standard input.
    pub fn fed(&self, settings: &[(&str, &str)], arguments: &[&str], input: &[u8]) -> Answer {
        let file = self.path("input");
        std::fs::write(&file, input).expect("the input is written");
        let input = std::fs::File::open(&file).expect("the input is there");
        let mut command = self.command(arguments);
        let done = command.stdin(input).envs(settings.iter().copied());
        let done = done.output().expect("the program starts");
        Answer {
            code: done.status.code().expect("an exit code, not a signal"),
            out: String::from_utf8(done.stdout).expect("text"),
            err: String::from_utf8(done.stderr).expect("text"),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
            command.env_remove(name);
        }
        command
            .env("COUNTERSIGN_DATABASE_URL", &self.url)
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// A file in the working folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the working folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("the file is written");
    }

    /// Reads a file of the working folder.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// Puts a person into the directory.
    pub fn add_person(&self, email: &str, name: &str, roles: &[&str], groups: &[&str]) {
        let mut arguments = vec!["people", "add", "--email", email, "--name", name];
        roles.iter().for_each(|r| arguments.extend(["--role", r]));
        groups.iter().for_each(|g| arguments.extend(["--group", g]));
        self.run(&arguments).good();
    }

    /// Publishes the policy that ships with the program.
    pub fn publish_policy(&self) {
        let policy = project().join("templates/workflows/ai_use_case.json");
        let policy = policy.to_str().expect("a path in UTF-8");
        self.run(&["workflow", "publish", policy]).good();
    }

    /// A token for a person.
    pub fn token(&self, email: &str, scopes: &str) -> String {
        let arguments = ["token", "create", "--person", email, "--scope", scopes];
        self.run(&arguments).good().trim().to_owned()
    }

    /// The whole decision log, as `export decisions` writes it.
    pub fn log(&self) -> String {
        self.run(&["export", "decisions"]).good()
    }

    /// Starts `serve` on a free port and waits until it says where.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command
            .envs(settings.iter().copied())
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        let out = process.stdout.take().expect("its output is ours");
        let mut line = String::new();
        BufReader::new(out)
            .read_line(&mut line)
            .expect("it says where it serves");
        let address = line.trim().rsplit("http://").next().unwrap_or_default();
        let address = address.to_owned();
        Server { process, address }
    }
}

/// A running server, stopped when it goes out of scope.
pub struct Server {
    process: Child,
    /// Address and port.
    pub address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The project's folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The entries of a decision log, but for those that taking the log away left.
pub fn entries(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    lines
        .filter_map(|line| Some(serde_json::from_str(line.get("entry")?.as_str()?).unwrap()))
        .filter(|entry: &Value| entry["kind"] != "log.exported")
        .collect()
}

/// A file of the shared data, or nothing and a sentence that says so.
pub fn shared(file: &str) -> Option<PathBuf> {
    let beside = project().join("../shared");
    let folder = std::env::var_os("SHARED_DATA").map_or(beside, PathBuf::from);
    let file = folder.join("data").join(file);
    if !file.is_file() {
        println!("skipped: there is no {}", file.display());
        return None;
    }
    Some(file)
}
