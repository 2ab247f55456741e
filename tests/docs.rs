//! The documents against the code they describe: what they name exists, what exists is named,
//! and the commands they show do what they say.

mod support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use support::http::send;
use support::program::{Program, project};

/// Everything between backticks that stands in one line, outside of blocks.
fn ticked(text: &str) -> Vec<&str> {
    let lines = text.split("```").step_by(2).flat_map(str::lines);
    lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// The rest of the quoted word after each occurrence of `before`.
fn words_after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let after = text.split(before).skip(1);
    after.filter_map(|rest| rest.split('"').next()).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn documents() -> Vec<(String, String)> {
    let mut paths = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for file in std::fs::read_dir(project().join("docs")).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    paths
        .into_iter()
        .map(|path| (path.clone(), read(&path)))
        .collect()
}

#[test]
fn every_place_that_the_architecture_names_exists() {
    let text = read("docs/ARCHITECTURE.md");
    const ROOTS: [&str; 7] = [
        "src/",
        "tests/",
        "docs/",
        "migrations/",
        "schemas/",
        "templates/",
        "assets/",
    ];
    let mut seen = 0;
    for place in ticked(&text)
        .iter()
        .filter(|t| ROOTS.iter().any(|r| t.starts_with(r)))
    {
        assert!(project().join(place).exists(), "{place} does not exist");
        seen += 1;
    }
    assert!(seen > 60, "{seen} places were seen");
}

#[test]
fn every_room_and_every_file_beside_them_is_named_in_the_architecture() {
    let text = read("docs/ARCHITECTURE.md");
    for entry in std::fs::read_dir(project().join("src")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let room = entry.file_type().unwrap().is_dir();
        let place = if room {
            format!("`src/{name}/`")
        } else {
            format!("`src/{name}`")
        };
        let known = ["lib.rs", "main.rs"].contains(&name.as_str());
        assert!(
            known || text.contains(&place),
            "docs/ARCHITECTURE.md does not name {place}"
        );
    }
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    let text = read("docs/ARCHITECTURE.md");
    let mut seen = 0;
    for claim in text.lines().filter(|line| line.contains("` in `tests/")) {
        let names: Vec<&str> = ticked(claim);
        for pair in names.chunks(2) {
            let [test, file] = pair else {
                panic!("a test and its file: {claim}")
            };
            assert!(
                read(file).contains(&format!("fn {test}(")),
                "{file} has no {test}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen} tests were seen");
}

#[test]
fn every_link_of_every_document_leads_to_a_file() {
    for (path, text) in documents() {
        let folder = project().join(&path).parent().unwrap().to_owned();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            let picture = target.starts_with("docs/pictures/");
            if file.is_empty() || file.contains("://") || picture {
                continue;
            }
            assert!(folder.join(file).exists(), "{path}: {target} leads nowhere");
        }
    }
}

/// What the browser tests draw for the README.
const PICTURES: [&str; 5] = [
    "sign-off-phone.png",
    "check-answers-desktop.png",
    "use-case-desktop.png",
    "decision-log-desktop.png",
    "register-desktop.png",
];

#[test]
fn the_readme_shows_each_picture_once_and_no_other() {
    let text = read("README.md");
    let shown: Vec<&str> = text.split("](docs/pictures/").skip(1).collect();
    let shown: BTreeSet<&str> = shown.iter().filter_map(|r| r.split(')').next()).collect();
    assert_eq!(shown, BTreeSet::from(PICTURES));
}

/// The table of settings as `src/config.rs` has them.
fn settings_table() -> String {
    let source = read("src/config.rs");
    let body = source
        .split("pub struct Config {")
        .nth(1)
        .unwrap()
        .split("\n}")
        .next()
        .unwrap();
    let defaults = source.split("Config {\n            ").nth(1).unwrap();
    let defaults = defaults.split("\n        }").next().unwrap();
    let default = |setting: &str| {
        let line = defaults
            .lines()
            .find(|l| l.trim().starts_with(&format!("{setting}:")))
            .unwrap();
        let value = line
            .trim()
            .split_once(": ")
            .unwrap()
            .1
            .trim_end_matches(',');
        match value {
            "String::new()" => "empty".to_owned(),
            text => format!(
                "`{}`",
                text.trim_end_matches(".to_owned()").trim_matches('"')
            ),
        }
    };
    let mut table = String::from("| variable | meaning | default |\n|---|---|---|\n");
    let mut meaning = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("/// ") {
            meaning.push(words);
        } else if let Some(field) = line.strip_prefix("pub ") {
            let setting = field.split(':').next().unwrap();
            let (words, default) = (meaning.join(" "), default(setting));
            let variable = setting.to_uppercase();
            table.push_str(&format!(
                "| `COUNTERSIGN_{variable}` | {words} | {default} |\n"
            ));
            meaning.clear();
        }
    }
    table
}

#[test]
fn the_settings_table_of_the_readme_is_that_of_the_code() {
    let text = read("README.md");
    let shown = text
        .split("<!-- settings:")
        .nth(1)
        .expect("the table's mark");
    let shown = shown.split_once("-->\n\n").expect("the table").1;
    let shown = shown.split("<!-- end of settings -->").next().unwrap();
    assert_eq!(
        shown,
        settings_table(),
        "put this into README.md:\n{}",
        settings_table()
    );
}

#[test]
fn every_problem_is_explained_and_nothing_else() {
    let text = read("docs/problems.md");
    let explained: Vec<&str> = text.split("\n## ").skip(1).collect();
    let explained: Vec<&str> = explained
        .iter()
        .map(|s| s.lines().next().unwrap())
        .collect();
    let (errors, answers) = (read("src/error.rs"), read("src/web/answer.rs"));
    let refusals = [
        "src/review/engine/refusal.rs",
        "src/rules/refusal.rs",
        "src/gates/refusal.rs",
        "src/oversight/refusal.rs",
        "src/risk/refusal.rs",
        "src/people/refusal.rs",
        "src/erasure/refusal.rs",
        "src/vendor/refusal.rs",
    ];
    let refusals = refusals.map(read);
    let refusals = refusals.iter().map(|text| {
        let codes = text.split("fn code(").nth(1).unwrap();
        codes.split("fn status(").next().unwrap()
    });
    let plain = answers
        .split("fn plain(")
        .nth(1)
        .unwrap()
        .split("let meaning")
        .next()
        .unwrap();
    let plain = plain.replace("(\n            \"", "(\"");
    let mut codes: BTreeSet<&str> = words_after(&errors, "meaning(\"").into_iter().collect();
    codes.extend(refusals.flat_map(|text| words_after(text, "=> \"")));
    codes.extend(words_after(&plain, "(\""));
    assert!(codes.len() > 35, "{codes:?}");
    assert_eq!(explained.iter().copied().collect::<BTreeSet<_>>(), codes);
    assert_eq!(explained.len(), codes.len(), "each once");
}

/// The variables of a shell, as the page sets and uses them.
type Variables = BTreeMap<String, String>;

/// Splits a command as a shell does: quotes, and variables outside of single ones.
fn words(command: &str, variables: &Variables) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    let mut signs = command.chars().peekable();
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(q), s) if s == q => quote = None,
            (None, '\'' | '"') => (quote, open) = (Some(sign), true),
            (Some('"') | None, '\\') => word.extend(signs.next()),
            (Some('"') | None, '$') => {
                let mut name = String::new();
                while let Some(s) = signs.next_if(|s| s.is_ascii_uppercase() || *s == '_') {
                    name.push(s);
                }
                let value = variables
                    .get(&name)
                    .unwrap_or_else(|| panic!("${name} is not set"));
                (word.push_str(value), open = true).1
            }
            (None, s) if s.is_whitespace() => {
                if open {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (_, s) => (word.push(s), open = true).1,
        }
    }
    if open {
        words.push(word);
    }
    words
}

/// Does what a `curl` command would do, and gives the answer.
fn curl(command: &str, variables: &Variables) -> Value {
    let words = words(command, variables);
    let (mut method, mut url, mut headers, mut body) = ("GET", "", Vec::new(), "");
    let mut rest = words.iter().map(String::as_str);
    assert_eq!(
        (rest.next(), rest.next()),
        (Some("curl"), Some("-s")),
        "{command}"
    );
    while let Some(word) = rest.next() {
        match word {
            "-X" => method = rest.next().unwrap(),
            "-H" => headers.push(rest.next().unwrap().split_once(": ").unwrap()),
            "-d" => body = rest.next().unwrap(),
            address => url = address,
        }
    }
    let place = url
        .strip_prefix("http://")
        .expect("an address of the server");
    let (address, path) = place.split_once('/').unwrap();
    send(
        address,
        method,
        &format!("/{path}"),
        &headers,
        body.as_bytes(),
    )
    .json()
}

/// What a path of jq, such as `.tasks[0].id`, finds.
fn found<'a>(answer: &'a Value, path: &str) -> &'a str {
    let pointer = path.replace('[', "/").replace(']', "").replace('.', "/");
    let value = answer.pointer(&pointer).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("{path} finds nothing in {answer}"))
}

/// Whether a quote is still open at the end.
fn within_quotes(command: &str) -> bool {
    let (mut quote, mut signs) = (None, command.chars());
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(q), s) if s == q => quote = None,
            (None, '\'' | '"') => quote = Some(sign),
            (Some('"') | None, '\\') => drop(signs.next()),
            _ => {}
        }
    }
    quote.is_some()
}

/// Runs a block line by line and gives its last answer. A command ends where its quotes do.
fn run(block: &str, variables: &mut Variables) -> Value {
    let mut answer = Value::Null;
    let mut command = String::new();
    for line in block.lines() {
        command.push_str(line);
        command.push('\n');
        if within_quotes(&command) {
            continue;
        }
        let text = std::mem::take(&mut command);
        match text.trim().split_once("=$(") {
            Some((name, rest)) if name.chars().all(|c| c.is_ascii_uppercase()) => {
                let (call, path) = rest.rsplit_once(" | jq -r '").expect(rest);
                answer = curl(call, variables);
                let value = found(&answer, path.trim_end_matches("')"));
                variables.insert(name.to_owned(), value.to_owned());
            }
            _ => answer = curl(text.trim(), variables),
        }
    }
    answer
}

/// Whether the answer has what the page shows of it. Digests, identifiers, times and figures of the
/// ledger are each time others, and a list that is shown empty stands for any.
fn shows(shown: &Value, answer: &Value) -> Result<(), String> {
    match (shown, answer) {
        (Value::Object(shown), Value::Object(answer)) => {
            for (name, value) in shown {
                let other = answer
                    .get(name)
                    .ok_or_else(|| format!("there is no {name}"))?;
                match name.as_str() {
                    "type" => {}
                    "id" | "digest" | "root" | "leaf_hash" | "decided_at" if other.is_string() => {}
                    "entry" | "seq" | "size" if other.is_u64() => {}
                    _ => shows(value, other).map_err(|e| format!("{name}: {e}"))?,
                }
            }
            Ok(())
        }
        (Value::Array(shown), Value::Array(answer)) => {
            shown
                .iter()
                .zip(answer)
                .try_for_each(|(s, a)| shows(s, a))?;
            if shown.len() > answer.len() {
                Err("too few".to_owned())
            } else {
                Ok(())
            }
        }
        _ if shown == answer => Ok(()),
        _ => Err(format!("{answer} instead of {shown}")),
    }
}

fn served() -> (
    Program,
    support::program::Server,
    Variables,
    tempfile::TempDir,
) {
    let (folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    program.publish_policy();
    let data_use = project().join("templates/policies/data_use.json");
    program
        .run(&["policy", "publish", &data_use.display().to_string()])
        .good();
    let mut variables = Variables::new();
    for (name, role, scopes) in [
        ("tomas", None, "read,write"),
        ("mei", Some("data_protection"), "read,decide"),
        ("henrik", Some("line_manager"), "read,decide"),
        ("ruth", Some("ai_reviewer"), "read,decide"),
        ("david", Some("auditor"), "log"),
        ("carla", Some("governance_admin"), "read,write"),
        ("sofia", Some("administrator"), "read,people"),
    ] {
        let email = format!("{name}@harbour.example");
        program.add_person(&email, name, &role.into_iter().collect::<Vec<_>>(), &[]);
        variables.insert(name.to_uppercase(), program.token(&email, scopes));
    }
    let server = program.serve(&[]);
    variables.insert("SERVER".to_owned(), format!("http://{}", server.address));
    (program, server, variables, folder)
}

#[test]
fn every_command_on_the_page_about_the_api_does_what_it_says() {
    let (_program, _server, mut variables, _folder) = served();
    let page = read("docs/api.md");
    let mut answer = Value::Null;
    let (mut calls, mut answers) = (0, 0);
    for block in page.split("```").skip(1).step_by(2) {
        if let Some(commands) = block.strip_prefix("sh\n") {
            if commands.contains("curl") {
                answer = run(commands, &mut variables);
                calls += 1;
            }
        } else if let Some(shown) = block.strip_prefix("json\n") {
            let shown: Value =
                serde_json::from_str(shown).unwrap_or_else(|e| panic!("{e}:{shown}"));
            shows(&shown, &answer).unwrap_or_else(|e| panic!("{e}\n{shown:#}\n{answer:#}"));
            answers += 1;
        }
    }
    assert_eq!((calls, answers), (22, 21));
}

#[test]
fn the_type_of_a_problem_leads_to_its_explanation() {
    let (_program, server, _variables, _folder) = served();
    let problem = send(&server.address, "GET", "/api/v1/tasks", &[], b"").expect(401);
    let (page, code) = problem["type"].as_str().unwrap().rsplit_once('#').unwrap();
    let path = page.strip_prefix("http://127.0.0.1:8080").unwrap();
    let shown = send(&server.address, "GET", path, &[], b"");
    assert_eq!((shown.status, code), (200, "unauthenticated"));
    assert!(
        shown.text().contains("<section id=\"unauthenticated\">"),
        "{}",
        shown.text()
    );
}
