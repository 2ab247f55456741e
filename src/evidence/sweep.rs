//! What no entry refers to goes after a while: uploads that broke off, files of commands that were
//! refused at the last moment, what was erased.
use super::folder::{INCOMING, place};
use super::store::wanted;
use crate::db::Conn;
use crate::error::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a file stays that nothing refers to.
pub const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);
/// Length of the rest of a digest after the two characters that name its folder.
const REST: usize = 62;

/// Removes what no entry refers to and lies there for longer than `age`; how many files went.
/// Nothing but files named by a digest, and what comes in, is touched.
///
/// # Errors
/// When the database fails.
pub fn sweep(conn: &mut Conn, folder: &Path, age: Duration) -> Result<usize> {
    let mut removed = 0;
    for below in folders(folder) {
        let first = name(&below);
        let old = files(&below).into_iter().filter(|file| older(file, age));
        if first == INCOMING {
            removed += old.filter(|file| fs::remove_file(file).is_ok()).count();
            continue;
        }
        let digests: Vec<String> = old
            .map(|file| name(&file))
            .filter(|rest| rest.len() == REST && is_hex(rest) && first.len() == 2)
            .map(|rest| format!("{first}{rest}"))
            .collect();
        let wanted = wanted(conn, &digests)?;
        for digest in digests.iter().filter(|digest| !wanted.contains(*digest)) {
            removed += usize::from(remove(folder, digest));
        }
    }
    Ok(removed)
}

/// Removes a content; whether it was there.
pub(super) fn remove(folder: &Path, digest: &str) -> bool {
    fs::remove_file(place(folder, digest)).is_ok()
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn older(file: &Path, age: Duration) -> bool {
    let changed = fs::metadata(file).and_then(|about| about.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed >= age))
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    inside(folder, fs::FileType::is_dir)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    inside(folder, fs::FileType::is_file)
}

fn inside(folder: &Path, is: fn(&fs::FileType) -> bool) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let wanted = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| is(&kind));
    let found = found.filter_map(std::io::Result::ok).filter(wanted);
    found.map(|entry| entry.path()).collect()
}
