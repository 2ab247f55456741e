//! `countersign bench`: what an operator may rely on. How fast a machine is, no test says.

mod support;

use serde_json::Value;
use std::process::{Command, Output};
use support::database::{fresh_postgres, fresh_sqlite};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["bench", "decisions", "--seconds", "1"])
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn told(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn figures(report: &Value, callers: &[u64], limits: usize) {
    let runs = report["runs"].as_array().expect("runs");
    let asked: Vec<u64> = runs
        .iter()
        .filter_map(|run| run["callers"].as_u64())
        .collect();
    assert_eq!(asked, callers);
    for run in runs {
        let above_zero = |value: &Value| assert!(value.as_f64().is_some_and(|n| n > 0.0), "{run}");
        for name in ["decisions", "decisions_per_second", "p50_ms", "p99_ms"] {
            above_zero(&run[name]);
        }
        // A decision is an entry, and what it settles and opens are others.
        assert!(
            run["entries_per_decision"]
                .as_f64()
                .is_some_and(|n| n > 1.0),
            "{run}"
        );
        let beside = run["limits"].as_array().expect("limits");
        assert_eq!(beside.len(), limits);
        for limit in beside {
            above_zero(&limit["commits_per_second"]);
            above_zero(&limit["ratio"]);
        }
    }
}

#[test]
fn decisions_are_measured_beside_bare_commits() {
    let report = told(&bench(&["--callers", "1,16", "--json"]));
    assert_eq!(report["durable"], true);
    figures(&report, &[1, 16], 1);
}

#[test]
fn a_bench_beside_a_database_leaves_nothing_there() {
    let (folder, url) = fresh_sqlite();
    let output = bench(&["--callers", "2", "--database-url", &url]);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && table.contains("one-row commits, 1 connection"),
        "{table}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .count(),
        0
    );
}

#[test]
fn a_postgresql_server_is_measured_in_a_schema_that_goes() {
    let (_schema, url) = fresh_postgres();
    let report = told(&bench(&[
        "--callers",
        "4",
        "--json",
        "--database-url",
        &url,
    ]));
    figures(&report, &[4], 3);
    assert_eq!(
        support::database::schemas_like(&url, "countersign_bench_%"),
        0
    );
}

#[test]
fn nobody_and_no_time_are_refused() {
    for wrong in [["--callers", "0"], ["--callers", "1,x"], ["--seconds", "0"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["bench", "decisions"])
            .args(wrong)
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

fn a_log(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["bench", "ledger", "--entries", "2000", "--json"])
        .args(arguments)
        .output()
        .expect("the program runs");
    told(&output)
}

fn is_measured(report: &Value, beside: &str) {
    assert_eq!(report["entries"], 2_000);
    let phases = report["phases"].as_array().expect("phases");
    assert_eq!(phases.len(), 14);
    for phase in phases {
        let above_zero =
            |value: &Value| assert!(value.as_f64().is_some_and(|n| n > 0.0), "{phase}");
        above_zero(&phase["seconds"]);
        let name = phase["name"].as_str().expect("a name");
        if name.starts_with("page") {
            above_zero(&phase["p99_seconds"]);
        } else {
            above_zero(&phase["entries_per_second"]);
            above_zero(&phase["bytes"]);
        }
        if matches!(name, "csv" | "xlsx" | "jsonl" | "package") {
            above_zero(&phase["beside"]["ratio"]);
            let limit = phase["beside"]["name"].as_str().expect("a name");
            assert!(limit.starts_with(beside), "{phase}");
        }
        if cfg!(target_os = "linux") {
            assert!(phase["memory_over_idle_bytes"].is_u64(), "{phase}");
        }
    }
}

#[test]
fn a_long_log_is_measured_beside_the_shell_and_leaves_nothing() {
    let (folder, url) = fresh_sqlite();
    let shell = Command::new("sqlite3").arg("-version").output();
    let beside = if shell.is_ok() {
        "sqlite3"
    } else {
        "bare SELECT"
    };
    is_measured(&a_log(&["--database-url", &url]), beside);
    let left = std::fs::read_dir(folder.path()).expect("the folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn a_long_log_on_postgresql_is_measured_in_a_schema_that_goes() {
    let (_schema, url) = fresh_postgres();
    is_measured(&a_log(&["--database-url", &url]), "bare SELECT");
    assert_eq!(
        support::database::schemas_like(&url, "countersign_bench_%"),
        0
    );
}
