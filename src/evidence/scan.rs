//! A program of the organisation that looks at each file before it is taken.
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often it is asked whether it is done.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `program` with the file's path; exit code 0 lets it pass.
///
/// # Errors
/// Why the file does not pass.
pub(super) fn scan(program: &str, file: &Path, patience: Duration) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null());
    // Secrets of ours are nothing for it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    // In a group of its own it can be stopped with everything it started.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| {
        tracing::error!(program, %error, "the scanner could not be started");
        "it could not be scanned; try again later".to_owned()
    })?;
    let mut waited = Duration::ZERO;
    let verdict = loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break Ok(()),
            Ok(Some(status)) => {
                tracing::warn!(program, %status, "the scanner refused a file");
                break Err("the scanner does not let it pass".to_owned());
            }
            Ok(None) if waited < patience => {
                std::thread::sleep(LOOK);
                waited += LOOK;
            }
            Ok(None) => {
                tracing::error!(program, "the scanner took too long and was stopped");
                break Err("scanning it took too long; try again later".to_owned());
            }
            Err(error) => {
                tracing::error!(program, %error, "the scanner could not be followed");
                break Err("it could not be scanned; try again later".to_owned());
            }
        }
    };
    stop(&mut child);
    verdict
}

/// Ends it with its children; what has ended is only collected.
fn stop(child: &mut Child) {
    #[cfg(unix)]
    {
        let group = i32::try_from(child.id()).ok();
        if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn program(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let name = path.display().to_string();
        (folder, name)
    }

    #[test]
    fn exit_code_0_lets_a_file_pass_and_nothing_else_does() {
        let second = Duration::from_secs(20);
        let (_a, good) = program("test -f \"$1\"");
        assert_eq!(scan(&good, Path::new(&good), second), Ok(()));
        assert!(scan(&good, Path::new("/nowhere"), second).is_err());
        assert!(scan("/no/such/program", Path::new(&good), second).is_err());
    }

    #[test]
    fn a_scanner_that_hangs_is_stopped_with_its_children() {
        let (folder, slow) = program("(sleep 5; touch \"$0.late\") &\nsleep 60");
        let patience = Duration::from_millis(200);
        assert!(scan(&slow, Path::new(&slow), patience).is_err());
        let status = Command::new("pgrep").arg("-f").arg(&slow).status();
        assert!(
            !status.is_ok_and(|status| status.success()),
            "it still runs"
        );
        drop(folder);
    }
}
