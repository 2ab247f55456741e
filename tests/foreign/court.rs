//! Three verifiers: ours, the Go project's and one from PyPI. The same files go to each.

use countersign::ledger::checkpoint::{self, Checkpoint};
use countersign::ledger::key::Vkey;
use countersign::ledger::package::{self, Asked, Contents, Manifest, measured};
use countersign::ledger::proof::Growth;
use countersign::ledger::receipt::Receipt;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// An unpacked package, and what else somebody holds, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Files {
    pub all: BTreeMap<String, Vec<u8>>,
    /// The files of the package in its order.
    order: Vec<String>,
    filter: Option<Map<String, Value>>,
}

impl Contents for &Files {
    fn write(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.all[name])
    }
}

impl Files {
    /// Unpacks a package; nothing in it is compressed.
    pub fn unpacked(mut zip: &[u8]) -> Files {
        let mut files = Files::default();
        while let Some(rest) = zip.strip_prefix(b"PK\x03\x04") {
            let two = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
            let size = two(14) | two(16) << 16;
            let (name, body) = (26 + two(22), 26 + two(22) + two(24));
            let name = String::from_utf8(rest[26..name].to_vec()).expect("a name");
            let bytes = rest[body..body + size].to_vec();
            zip = &rest[body + size..];
            match name.as_str() {
                package::MANIFEST => {
                    let manifest: Manifest = serde_json::from_slice(&bytes).expect("a manifest");
                    files.filter = manifest.filter;
                }
                _ => files.order.push(name.clone()),
            }
            files.all.insert(name, bytes);
        }
        files
    }

    /// Packs it again, as a forger would: every sum is computed anew.
    fn packed(&self) -> Vec<u8> {
        let note = &self.all["checkpoint"];
        let checkpoint = checkpoint::unverified(note).unwrap_or_else(|_| nothing());
        let lines = self.all["entries.jsonl"].iter().filter(|b| **b == b'\n');
        let ours = |name: &&String| name.contains('/') && !extra(name);
        let mut names = self.order.clone();
        names.extend(self.all.keys().filter(ours).cloned());
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| self.all.contains_key(name) && seen.insert(name.clone()));
        let mut body = Vec::new();
        let parts = measured(names, &mut &*self, &mut body).expect("they are measured");
        let count = lines.count() as u64;
        let manifest = Manifest::new(&checkpoint, count, self.filter.clone(), parts);
        let written = package::write(&manifest, &mut body.as_slice(), Vec::new());
        written.expect("it is written")
    }
}

/// A file beside the package.
fn extra(name: &str) -> bool {
    name.starts_with("growth/") || name.starts_with("receipts/")
}

fn nothing() -> Checkpoint {
    Checkpoint::parse("nothing\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
        .expect("an empty log")
}

fn ours(files: &Files, key: &Vkey) -> Result<(), String> {
    let keys = std::slice::from_ref(key);
    let asked = Asked {
        keys,
        ..Asked::default()
    };
    package::verify(files.packed().as_slice(), &asked, &mut ()).map_err(|no| no.to_string())?;
    let now = checkpoint::open(&files.all["checkpoint"], keys).map_err(|no| no.to_string())?;
    for (name, bytes) in files.all.iter().filter(|(name, _)| extra(name)) {
        let checked = match name.split_once('.') {
            Some((_, "txt")) => receipt(bytes, keys),
            Some((stem, "growth")) => {
                growth(&files.all[&format!("{stem}.checkpoint")], bytes, &now, keys)
            }
            _ => Ok(()),
        };
        checked.map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

fn receipt(text: &[u8], keys: &[Vkey]) -> Result<(), String> {
    let checked = Receipt::parse(text).and_then(|receipt| receipt.check(keys));
    checked.map(drop).map_err(|flaw| flaw.to_string())
}

fn growth(before: &[u8], text: &[u8], now: &Checkpoint, keys: &[Vkey]) -> Result<(), String> {
    let old = checkpoint::open(before, keys).map_err(|flaw| flaw.to_string())?;
    let grown = Growth::parse(text).and_then(|growth| growth.check(&old, keys));
    match grown.map_err(|flaw| flaw.to_string())? == *now {
        true => Ok(()),
        false => Err("it leads to another checkpoint".to_owned()),
    }
}

/// A program of others, that is asked about one folder after the other.
struct Other {
    name: &'static str,
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn start(name: &'static str, mut command: Command, key: &Vkey) -> Other {
        command.arg(key.to_string());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the verifier starts");
        Other {
            name,
            questions: child.stdin.take(),
            answers: BufReader::new(child.stdout.take().expect("its output")),
            child,
        }
    }

    fn ask(&mut self, folder: &Path) {
        let questions = self.questions.as_mut().expect("its input");
        writeln!(questions, "{}", folder.display()).expect("it listens");
    }

    fn answer(&mut self) -> Result<(), String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        match line.trim_end().split_once(": ") {
            None if line == "good\n" => Ok(()),
            Some(("bad", why)) => Err(why.to_owned()),
            _ => panic!("{} said {line:?}", self.name),
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.questions.take());
        drop(self.child.wait());
    }
}

/// Where `tests/run` puts what it installs for this test: in the folder of what is built.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("verifiers")
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/foreign")
        .join(name)
}

fn go() -> Command {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify-go");
    let gopath = format!("{}:/usr/share/gocode", installed().display());
    let built = Command::new("go")
        .args(["build", "-o"])
        .args([&program, &source("verify.go")])
        .envs([("GO111MODULE", "off"), ("GOPATH", &gopath)])
        .env("GOCACHE", installed().join("go-cache"))
        .status();
    let good = built.is_ok_and(|status| status.success());
    assert!(
        good,
        "the Go verifier is not built; `tests/run unit` installs what it needs"
    );
    Command::new(program)
}

fn python() -> Command {
    let python = installed().join("python/bin/python");
    let told = "`tests/run unit` installs aics-tlog";
    assert!(python.exists(), "{} is missing; {told}", python.display());
    let mut command = Command::new(python);
    command.arg("-B").arg(source("verify.py"));
    command
}

/// All three, and the folder that they look at.
pub struct Court {
    key: Vkey,
    others: Vec<Other>,
    folder: TempDir,
    there: BTreeMap<String, Vec<u8>>,
}

impl Court {
    pub fn convened(key: Vkey) -> Court {
        let others = vec![
            Other::start("Go", go(), &key),
            Other::start("Python", python(), &key),
        ];
        Court {
            key,
            others,
            folder: tempfile::tempdir().expect("a folder"),
            there: BTreeMap::new(),
        }
    }

    fn lay_out(&mut self, files: &Files) {
        let place = |name: &String| self.folder.path().join(name);
        for name in self
            .there
            .keys()
            .filter(|name| !files.all.contains_key(*name))
        {
            std::fs::remove_file(place(name)).expect("it goes");
            if let Some(parent) = place(name).parent() {
                // The folder may hold others.
                drop(std::fs::remove_dir(parent));
            }
        }
        for (name, bytes) in &files.all {
            if self.there.get(name) != Some(bytes) {
                let parent = place(name).parent().map(Path::to_owned).expect("a folder");
                std::fs::create_dir_all(parent).expect("a folder");
                std::fs::write(place(name), bytes).expect("it is written");
            }
        }
        self.there.clone_from(&files.all);
    }

    /// What each says: its name, and why it refuses.
    pub fn verdicts(&mut self, files: &Files) -> Vec<(&'static str, Result<(), String>)> {
        self.lay_out(files);
        for other in &mut self.others {
            other.ask(self.folder.path());
        }
        let mut verdicts = vec![("ours", ours(files, &self.key))];
        let theirs = self.others.iter_mut();
        verdicts.extend(theirs.map(|other| (other.name, other.answer())));
        verdicts
    }

    #[track_caller]
    pub fn all_accept(&mut self, files: &Files, what: &str) {
        for (name, verdict) in self.verdicts(files) {
            assert_eq!(verdict, Ok(()), "{what}: {name}");
        }
    }

    #[track_caller]
    pub fn all_refuse(&mut self, files: &Files, what: &str) {
        for (name, verdict) in self.verdicts(files) {
            assert!(verdict.is_err(), "{what}: {name} accepts it");
        }
    }

    /// What only we look at.
    #[track_caller]
    pub fn we_refuse(&mut self, files: &Files, what: &str) {
        for (name, verdict) in self.verdicts(files) {
            assert_eq!(
                verdict.is_err(),
                name == "ours",
                "{what}: {name}: {verdict:?}"
            );
        }
    }
}
