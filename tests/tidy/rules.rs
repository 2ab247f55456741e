//! The rules: each takes a file and answers with what it objects to.

use super::html::tags;
use super::rust::{code_only, functions, line_of, module_of, paths, test_parts};
use super::tree::{File, Offence};

const COLUMNS: usize = 100;
const COLUMNS_BESIDE_ADDRESS: usize = 40;
const FUNCTION_LINES: usize = 70;

fn is_source(file: &File) -> bool {
    file.path.starts_with("src/") && file.extension() == "rs"
}

fn is_rust(file: &File) -> bool {
    is_source(file) || (file.path.starts_with("tests/") && file.extension() == "rs")
}

fn is_template(file: &File) -> bool {
    file.path.starts_with("templates/") && ["html", "hbs", "txt"].contains(&file.extension())
}

fn is_asset(file: &File) -> bool {
    file.path.starts_with("assets/")
}

/// Whether a byte of a source stands in a part that is compiled for tests only.
fn in_tests(file: &File, code: &str) -> impl Fn(usize) -> bool {
    let parts = test_parts(code);
    let whole = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
    move |at| whole || parts.iter().any(|part| part.contains(&at))
}

/// The rules quote what they forbid.
fn states_the_rules(file: &File) -> bool {
    file.path == "tests/tidy.rs" || file.path.starts_with("tests/tidy/")
}

fn lines(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

/// Lines over 100 columns, unless an address that cannot be broken is what makes them long.
pub fn long_lines(file: &File) -> Vec<Offence> {
    if !is_rust(file) {
        return Vec::new();
    }
    let width = |line: &str| line.chars().count();
    let long = lines(file).filter(|(_, line)| {
        let addresses = line
            .split_whitespace()
            .filter(|word| word.contains("://"))
            .map(width);
        width(line) > COLUMNS && width(line) - addresses.max().unwrap_or(0) > COLUMNS_BESIDE_ADDRESS
    });
    long.map(|(at, line)| file.offence(at, format!("{} columns", width(line))))
        .collect()
}

/// Functions of more than 70 lines.
pub fn long_functions(file: &File) -> Vec<Offence> {
    if !is_source(file) {
        return Vec::new();
    }
    let code = code_only(&file.text);
    let long = functions(&code)
        .into_iter()
        .filter(|(_, _, length)| *length > FUNCTION_LINES);
    long.map(|(name, at, length)| {
        file.offence(line_of(&code, at), format!("{name} has {length} lines"))
    })
    .collect()
}

/// Where a stopwatch may run: what is measured there, speed and the age of an idle connection,
/// is real time, whatever the register's clock says.
const STOPWATCHES: [&str; 2] = ["src/cli/bench", "src/notify/smtp.rs"];

/// Calls of the clock outside src/clock.rs; a stopwatch also in tests.
pub fn clock_calls(file: &File) -> Vec<Offence> {
    const CLOCKS: [&str; 7] = [
        "Timestamp::now",
        "Zoned::now",
        "Utc::now",
        "Local::now",
        "SystemTime::now",
        "OffsetDateTime::now_utc",
        "Instant::now",
    ];
    if !is_source(file) || file.path == "src/clock.rs" {
        return Vec::new();
    }
    let code = code_only(&file.text);
    let in_tests = in_tests(file, &code);
    let calls = paths(&code, &module_of(&file.path))
        .into_iter()
        .filter(|(at, path)| {
            let stopwatch_allowed =
                STOPWATCHES.iter().any(|place| file.path.starts_with(place)) || in_tests(*at);
            let is = |clock: &str| path == clock || path.ends_with(&format!("::{clock}"));
            let clock = CLOCKS.iter().any(|clock| is(clock));
            clock && !(is("Instant::now") && stopwatch_allowed)
        });
    calls
        .map(|(at, path)| {
            let what = format!("{path}: only src/clock.rs asks the clock");
            file.offence(line_of(&code, at), what)
        })
        .collect()
}

/// What the pure parts may not name: databases, the web, the clock, chance, the outside.
const IMPURE: [&str; 22] = [
    "diesel",
    "diesel_migrations",
    "actix_web",
    "lettre",
    "tokio",
    "rand",
    "getrandom",
    "uuid::Uuid::now_v7",
    "uuid::Uuid::new_v4",
    "Uuid::now_v7",
    "Uuid::new_v4",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "crate::clock",
    "crate::db",
    "crate::web",
    "crate::cli",
    "crate::notify",
];

/// The parts that compute and nothing else, but for what follows below.
pub const PURE: [&str; 16] = [
    "src/calendar",
    "src/form",
    "src/workflow",
    "src/review/engine",
    "src/ledger",
    "src/policy",
    "src/gates/amount.rs",
    "src/gates/document.rs",
    "src/gates/judge.rs",
    "src/oversight/document.rs",
    "src/oversight/judge.rs",
    "src/risk/document.rs",
    "src/risk/judge.rs",
    "src/questionnaire/document.rs",
    "src/questionnaire/score.rs",
    "src/questionnaire/convert.rs",
];

/// The files and folders by which calendars, policies and the ledger reach the database, files and
/// the web.
const BRIDGES: &[&str] = &[
    "src/calendar/store.rs",
    "src/calendar/page.rs",
    "src/calendar/api.rs",
    "src/ledger/store.rs",
    "src/ledger/check.rs",
    "src/ledger/counted.rs",
    "src/ledger/erase.rs",
    "src/ledger/rows.rs",
    "src/ledger/page.rs",
    "src/ledger/api.rs",
    "src/ledger/download.rs",
    "src/ledger/packing.rs",
    "src/ledger/seal/",
    "src/ledger/send.rs",
    "src/ledger/spool.rs",
    "src/ledger/summary.rs",
    "src/policy/store.rs",
    "src/policy/kind.rs",
    "src/policy/kept.rs",
    "src/policy/overlay.rs",
    "src/policy/api.rs",
    "src/policy/view.rs",
    "src/policy/page/",
    "src/ledger/verifying/",
];

fn is_pure(path: &str) -> bool {
    let within = |part: &str| {
        path.strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let bridge = |bridge: &str| path == bridge || bridge.ends_with('/') && path.starts_with(bridge);
    PURE.iter().any(|part| within(part)) && !BRIDGES.iter().any(|one| bridge(one))
}

/// Ids and times are plain values, whoever defines them.
fn is_value(path: &str) -> bool {
    let name = path
        .strip_prefix("crate::db::")
        .map(|name| name.split("::").next().unwrap_or(name));
    name.is_some_and(|name| name == "At" || name.ends_with("Id"))
}

/// Names in pure parts that reach for the world outside.
pub fn impure_names(file: &File) -> Vec<Offence> {
    if !is_source(file) || !is_pure(&file.path) {
        return Vec::new();
    }
    let code = code_only(&file.text);
    let in_tests = in_tests(file, &code);
    let named = paths(&code, &module_of(&file.path))
        .into_iter()
        .filter(|(at, path)| {
            let within = |root: &str| path == root || path.starts_with(&format!("{root}::"));
            IMPURE.iter().any(|root| within(root)) && !is_value(path) && !in_tests(*at)
        });
    named
        .map(|(at, path)| file.offence(line_of(&code, at), format!("{path} in a pure part")))
        .collect()
}

/// Names of another room's store: what a room offers stands in its mod.rs.
pub fn foreign_stores(file: &File) -> Vec<Offence> {
    if !is_source(file) {
        return Vec::new();
    }
    let module = module_of(&file.path);
    let own_room = module.get(1).map_or("", String::as_str);
    let code = code_only(&file.text);
    let named = paths(&code, &module).into_iter().filter(|(_, path)| {
        let mut segments = path.split("::");
        let room = (segments.next() == Some("crate"))
            .then(|| segments.next())
            .flatten();
        room.is_some_and(|room| room != own_room) && segments.any(|segment| segment == "store")
    });
    named
        .map(|(at, path)| {
            file.offence(
                line_of(&code, at),
                format!("{path}: ask that room, not its store"),
            )
        })
        .collect()
}

/// What a template may not contain: unescaped output, inline style or script, paths that forget
/// the base path, attributes without quotes. Mails may be styled inline: no stylesheet reaches
/// them, and no policy forbids it.
pub fn template_faults(file: &File) -> Vec<Offence> {
    if !is_template(file) {
        return Vec::new();
    }
    let mail = file.path.starts_with("templates/mail/");
    let mut faults = Vec::new();
    for sign in ["{{{", "{{&", "{{~{", "{{~&"] {
        let places = file
            .text
            .match_indices(sign)
            .map(|(at, _)| line_of(&file.text, at));
        faults.extend(places.map(|line| file.offence(line, "output that is not escaped")));
    }
    if ["html", "hbs"].contains(&file.extension()) {
        for tag in tags(&file.text) {
            let has_source = tag
                .attributes
                .iter()
                .any(|attribute| attribute.name == "src");
            if tag.name == "script" && !has_source {
                faults.push(file.offence(tag.line, "<script> without src"));
            }
            if tag.name == "style" && !mail {
                faults.push(file.offence(tag.line, "<style>: styles stand in assets/"));
            }
            for attribute in tag.attributes {
                let fault = attribute_fault(&attribute, mail);
                faults.extend(fault.map(|what| file.offence(attribute.line, what)));
            }
        }
    }
    faults
}

fn attribute_fault(attribute: &super::html::Attribute, mail: bool) -> Option<String> {
    const ADDRESSES: [&str; 8] = [
        "href",
        "action",
        "src",
        "formaction",
        "srcset",
        "poster",
        "hx-get",
        "hx-post",
    ];
    let name = attribute.name.as_str();
    let value = attribute.value.trim_start();
    if !attribute.quoted {
        return Some(format!("{name} has no quotes"));
    }
    if name == "style" && !mail {
        return Some("style=: styles stand in assets/".to_owned());
    }
    let handler = name
        .strip_prefix("on")
        .is_some_and(|event| !event.is_empty() && event.chars().all(|c| c.is_ascii_alphabetic()));
    if handler {
        return Some(format!("{name}=: scripts stand in assets/"));
    }
    if ADDRESSES.contains(&name) && value.starts_with('/') {
        return Some(format!(
            "{name}=\"{value}\" forgets the base path: use {{{{url}}}}"
        ));
    }
    if value.to_ascii_lowercase().starts_with("javascript:") {
        return Some(format!("{name} is a script"));
    }
    None
}

/// Addresses of other hosts in templates and assets. Namespaces are names, nobody fetches them.
pub fn foreign_hosts(file: &File) -> Vec<Offence> {
    const NAMESPACES: [&str; 2] = ["www.w3.org", "json-schema.org"];
    if !is_template(file) && !is_asset(file) {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for scheme in ["http://", "https://", "url(//", "url(\"//", "url('//"] {
        for (at, _) in file.text.match_indices(scheme) {
            let rest = &file.text[at + scheme.len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && !".-:".contains(c));
            let host = &rest[..end.unwrap_or(rest.len())];
            if !NAMESPACES.contains(&host) {
                let line = line_of(&file.text, at);
                offences.push(file.offence(line, format!("an address of another host: {host}")));
            }
        }
    }
    offences.sort_by_key(|offence| offence.line);
    offences
}

/// Words that the glossary replaces, and by what. A phrase is found however it is written:
/// `magic link`, `magic_link`, `MagicLink`, `magic-links`.
pub const REPLACED: [(&str, &str); 13] = [
    ("requester", "submitter"),
    ("requestor", "submitter"),
    ("audit log", "ledger (in code), decision log (for people)"),
    ("audit trail", "ledger (in code), decision log (for people)"),
    ("audit event", "entry"),
    ("audit entry", "entry"),
    ("magic link", "sign-off link or sign-in link"),
    ("approver link", "sign-off link"),
    ("approval link", "sign-off link"),
    ("workflow instance", "review"),
    ("workflow run", "review"),
    ("user id", "person"),
    ("approval step", "stage"),
];

/// Where a replaced word may stand after all: path prefix, word, and why.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// Words that the glossary replaces, in code, pages, mails, schemas and docs.
pub fn replaced_words(file: &File) -> Vec<Offence> {
    const PLACES: [&str; 8] = [
        "src/",
        "tests/",
        "templates/",
        "assets/",
        "migrations/",
        "schemas/",
        "docs/",
        "README.md",
    ];
    const TEXTS: [&str; 10] = [
        "rs", "html", "hbs", "txt", "md", "sql", "json", "mjs", "js", "css",
    ];
    let looked_at = PLACES.iter().any(|place| file.path.starts_with(place))
        && TEXTS.contains(&file.extension());
    if !looked_at || states_the_rules(file) {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (at, line) in lines(file) {
        let spoken = spoken_words(line);
        for (phrase, instead) in REPLACED {
            let excepted = EXCEPTIONS
                .iter()
                .any(|(prefix, word, _)| file.path.starts_with(prefix) && *word == phrase);
            if !excepted && says(&spoken, phrase) {
                offences.push(file.offence(at, format!("{phrase:?}: say {instead}")));
            }
        }
    }
    offences
}

/// The words of a line in lower case: `MagicLink_2` is said `magic link 2`.
fn spoken_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in line.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words
                .last_mut()
                .expect("one at least")
                .extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn says(spoken: &[String], phrase: &str) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    spoken.windows(phrase.len()).any(|window| {
        let mut pairs = window.iter().zip(&phrase);
        pairs.all(|(word, wanted)| word == wanted || word.strip_suffix('s') == Some(wanted))
    })
}

/// Words that say a thing is not finished.
pub fn unfinished_words(file: &File) -> Vec<Offence> {
    const EXACT: [&str; 6] = ["TODO", "FIXME", "XXX", "HACK", "todo!", "unimplemented!"];
    const ANY_CASE: [&str; 3] = ["coming soon", "not yet implemented", "lorem ipsum"];
    // A mapping names the placeholders that a register's authors left in their own data.
    let quotes_others = file.path.starts_with("docs/mappings/") || file.extension() == "csv";
    if states_the_rules(file) || quotes_others {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (at, line) in lines(file) {
        let lower = line.to_lowercase();
        let exact = EXACT.iter().filter(|word| stands_alone(line, word));
        for word in exact.chain(ANY_CASE.iter().filter(|words| lower.contains(*words))) {
            offences.push(file.offence(at, format!("{word:?}: finish it or file an issue")));
        }
    }
    offences
}

fn stands_alone(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let ends_open = word.ends_with('!') || !after.starts_with(joins);
        !before.ends_with(joins) && ends_open
    })
}

/// Folders that exist on one machine only.
pub fn machine_paths(file: &File) -> Vec<Offence> {
    const FOLDERS: [&str; 4] = ["/work/", "/root/", "/home/", "/Users/"];
    if states_the_rules(file) {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (at, line) in lines(file) {
        for folder in FOLDERS {
            // `example.org/home/` and `$ROOT/work/` are other things: a path starts with its slash.
            let starts = |place: usize| {
                !line[..place].ends_with(|c: char| c.is_alphanumeric() || "._-}~".contains(c))
            };
            if line.match_indices(folder).any(|(place, _)| starts(place)) {
                offences.push(file.offence(at, format!("{folder} is a path of one machine")));
            }
        }
    }
    offences
}

/// Download addresses in a lock file: each would bind every machine to one registry's host.
pub fn recorded_downloads(file: &File) -> Vec<Offence> {
    if !file.path.ends_with("package-lock.json") {
        return Vec::new();
    }
    let recorded = lines(file).filter(|(_, line)| line.contains("\"resolved\""));
    recorded
        .map(|(at, _)| file.offence(at, "a download address in the lock file"))
        .collect()
}
