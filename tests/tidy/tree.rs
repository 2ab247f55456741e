//! The files of the project, and where in them an offence stands.

use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct File {
    /// The path from the project's root, with forward slashes.
    pub path: String,
    pub text: String,
}

/// Something a rule objects to.
#[derive(Debug, PartialEq)]
pub struct Offence {
    pub path: String,
    pub line: usize,
    pub what: String,
}

impl File {
    pub fn new(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    pub fn offence(&self, line: usize, what: impl Into<String>) -> Offence {
        Offence {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }
}

/// Every text file of the project but what machines write.
pub fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(
        root,
        &[".git", ".cache", "target", "data", "Cargo.lock"],
        &mut paths,
    );
    paths.sort();
    let files = paths.iter().filter_map(|path| {
        let text = String::from_utf8(std::fs::read(path).ok()?).ok()?;
        let path = path.strip_prefix(root).ok()?.to_str()?.replace('\\', "/");
        Some(File { path, text })
    });
    files.collect()
}

fn walk(folder: &Path, skipped: &[&str], paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder)
        .expect("a folder of the project")
        .flatten()
    {
        let path = entry.path();
        if skipped.iter().any(|skipped| entry.file_name() == *skipped) {
            continue;
        }
        if path.is_dir() {
            walk(&path, &["node_modules", "__pycache__"], paths);
        } else {
            paths.push(path);
        }
    }
}

/// Fails with one line for each offence: file, line, what is wrong.
pub fn report(rule: &str, offences: &[Offence]) {
    let lines: Vec<String> = offences
        .iter()
        .map(|offence| format!("  {}:{}: {}", offence.path, offence.line, offence.what))
        .collect();
    assert!(lines.is_empty(), "{rule}\n{}\n", lines.join("\n"));
}
