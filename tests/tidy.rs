//! The habits of this code base, as tests. Each rule names every place that breaks it; below each
//! stands the proof that it can say no.

#[path = "tidy/html.rs"]
mod html;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/rust.rs"]
mod rust;
#[path = "tidy/tree.rs"]
mod tree;

use rules::*;
use tree::{File, Offence, files, report};

fn everywhere(rule: &str, check: fn(&File) -> Vec<Offence>) {
    let offences: Vec<Offence> = files().iter().flat_map(check).collect();
    report(rule, &offences);
}

/// The lines of a planted file that a rule objects to.
fn caught(check: fn(&File) -> Vec<Offence>, path: &str, text: &str) -> Vec<usize> {
    let offences = check(&File::new(path, text));
    assert!(
        offences
            .iter()
            .all(|offence| offence.path == path && !offence.what.is_empty())
    );
    offences.iter().map(|offence| offence.line).collect()
}

#[test]
fn the_walk_sees_sources_tests_and_documents_but_nothing_built() {
    let files = files();
    for path in [
        "src/lib.rs",
        "tests/tidy.rs",
        "tests/tidy/rules.rs",
        "tests/run",
        "Cargo.toml",
    ] {
        assert!(
            files.iter().any(|file| file.path == path),
            "{path} is not looked at"
        );
    }
    let built = |file: &&File| file.path.contains("node_modules") || file.path.contains("target/");
    assert_eq!(files.iter().filter(built).count(), 0);
}

#[test]
fn an_offence_is_reported_with_its_place() {
    let offence = File::new("src/a.rs", "").offence(7, "too long");
    let told = std::panic::catch_unwind(|| report("Keep it short.", &[offence])).unwrap_err();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(
        told.contains("Keep it short.\n  src/a.rs:7: too long"),
        "{told}"
    );
}

#[test]
fn lines_have_at_most_100_columns() {
    everywhere("A line has at most 100 columns.", long_lines);
}

#[test]
fn a_line_of_101_columns_is_caught_and_one_long_address_is_not() {
    let (fits, long) = ("ü".repeat(100), "x ".repeat(51));
    assert_eq!(
        caught(long_lines, "src/a.rs", &format!("{fits}\n{long}\n")),
        [2]
    );
    assert_eq!(caught(long_lines, "tests/a.rs", &long), [1]);
    assert_eq!(caught(long_lines, "docs/a.md", &long), []);
    let address = format!("    // https://example.org/{}", "x".repeat(100));
    assert_eq!(caught(long_lines, "src/a.rs", &address), []);
    assert_eq!(
        caught(long_lines, "src/a.rs", &format!("{address} {fits}")),
        [1]
    );
}

#[test]
fn functions_have_at_most_70_lines() {
    everywhere("A function has at most 70 lines.", long_functions);
}

#[test]
fn a_function_of_71_lines_is_caught_whatever_its_strings_and_comments_hold() {
    let function = |lines: usize| {
        let body =
            "    let _ = ('{', \"{\", r#\"\"{\"#, b'{', '\\''); // { /* {\n".repeat(lines - 2);
        format!("/* {{ /* {{ */ */\nfn f<'a>(x: &'a [u8; 2]) -> u8 {{\n{body}}}\nfn g() {{}}\n")
    };
    assert_eq!(caught(long_functions, "src/a.rs", &function(70)), []);
    assert_eq!(caught(long_functions, "src/a.rs", &function(71)), [2]);
    let declared = "trait T { fn f(&self) -> [u8; 4]; }\n".to_owned() + &function(70);
    assert_eq!(caught(long_functions, "src/a.rs", &declared), []);
}

#[test]
fn only_the_clock_asks_for_the_time() {
    everywhere(
        "Only src/clock.rs asks what time it is; everyone else is told.",
        clock_calls,
    );
}

#[test]
fn a_call_of_the_clock_is_caught_wherever_it_hides() {
    let text = "fn f() { jiff::Timestamp::now() }\nfn g() { Timestamp :: now() }\n\
                // Timestamp::now\nconst S: &str = \"Utc::now\";\nuse std::time::SystemTime;\n\
                fn h() { SystemTime::now(); chrono::Utc::now() }\nlet f = Instant::now;\n";
    assert_eq!(
        caught(clock_calls, "src/people/mod.rs", text),
        [1, 2, 6, 6, 7]
    );
    assert_eq!(caught(clock_calls, "src/clock.rs", text), []);
    assert_eq!(
        caught(clock_calls, "src/cli/bench.rs", "fn f() { Instant::now() }"),
        []
    );
    let tested = "fn f() {}\n#[cfg(test)]\nmod tests {\n  fn t() { Instant::now() }\n}\n\
                  fn g() { Instant::now() }\n";
    assert_eq!(caught(clock_calls, "src/db/mod.rs", tested), [6]);
}

#[test]
fn pure_parts_reach_for_nothing_outside() {
    everywhere(
        "Pure parts name no database, web, clock, chance or file.",
        impure_names,
    );
}

#[test]
fn a_pure_part_that_reaches_outside_is_caught() {
    let text = "use crate::{\n    clock::Clock,\n    error::Error,\n};\nuse serde_json::json;\n\
                fn f() { getrandom::fill(&mut b); std::fs::read(p) }\nfn g(c: &diesel::Pg) {}\n\
                use super::super::super::db;\n#[cfg(test)]\nmod tests { use std::fs; }\n";
    for path in ["src/review/engine/decide.rs", "src/form/deep/er.rs"] {
        assert_eq!(caught(impure_names, path, text), [2, 6, 6, 7, 8]);
    }
    assert_eq!(
        caught(impure_names, "src/ledger/tree.rs", "use rand::Rng;"),
        [1]
    );
    assert_eq!(
        caught(
            impure_names,
            "src/ledger/store.rs",
            "use diesel::prelude::*;"
        ),
        []
    );
    assert_eq!(
        caught(impure_names, "src/formless.rs", "use diesel::prelude::*;"),
        []
    );
}

#[test]
fn each_pure_part_is_where_the_rule_looks_for_it() {
    let files = files();
    for part in PURE {
        let found = files
            .iter()
            .any(|file| file.path == part || file.path == format!("{part}/mod.rs"));
        assert!(found, "{part} has moved, and the rule no longer guards it");
    }
}

#[test]
fn each_room_keeps_its_store_to_itself() {
    everywhere("No room touches another room's store.", foreign_stores);
}

#[test]
fn a_hand_in_another_rooms_store_is_caught() {
    let text = "use crate::people::{Person, store};\nuse crate::review::store as own;\n\
                fn f() { crate::register::import::store::insert() }\nuse super::store::find;\n\
                use crate::ledger::append;\nuse super::super::notify::store::{self, Row};\n";
    assert_eq!(
        caught(foreign_stores, "src/review/tasks.rs", text),
        [1, 3, 6, 6]
    );
    assert_eq!(
        caught(foreign_stores, "src/review/tasks/page.rs", text),
        [1, 3]
    );
}

#[test]
fn templates_escape_everything_and_leave_style_and_script_to_the_assets() {
    everywhere(
        "Templates: escaped, quoted, no inline style or script, {{url}}.",
        template_faults,
    );
}

#[test]
fn each_fault_of_a_template_is_caught() {
    let sound = r#"{{!-- <p style="x"> --}}
        <a href="{{url "/x"}}" {{#if on}}aria-current="page"{{/if}} title="a > b">onclick=1</a>
        <script src="{{asset "app.js"}}" defer></script><input type="text" required>
        <img alt='' src="{{url "/y"}}"><p class="{{#if a}}b{{/if}}">a = b, 1 < 2</p>"#;
    assert_eq!(caught(template_faults, "templates/pages/a.html", sound), []);
    for fault in [
        "<p>{{{name}}}</p>",
        "<p>{{&name}}</p>",
        "<p>{{~{name}~}}</p>",
        "<p style=\"color:red\">",
        "<p\n STYLE='x'>",
        "<button onclick=\"go()\">",
        "<body {{#if a}}onload=\"x\"{{/if}}>",
        "<script>go()</script>",
        "<style>p {}</style>",
        "<p class=a>",
        "<p class={{a}}>",
        "<a href=\"/s/1\">",
        "<form method=\"post\" action=\"/x\">",
        "<img alt=\"\" src=\" //cdn/x\">",
        "<a href=\"JavaScript:go()\">",
    ] {
        let found = caught(
            template_faults,
            "templates/pages/a.hbs",
            &format!("\n{fault}"),
        );
        assert_eq!(found.len(), 1, "{fault}: {found:?}");
    }
    let styled = "<style>p {}</style><p style=\"margin:0\">";
    assert_eq!(caught(template_faults, "templates/mail/a.html", styled), []);
    assert_eq!(
        caught(template_faults, "templates/mail/a.txt", "Dear {{{name}}}"),
        [1]
    );
}

#[test]
fn pages_and_assets_name_no_other_host() {
    everywhere("Pages and assets name no other host.", foreign_hosts);
}

#[test]
fn an_address_of_another_host_is_caught() {
    let text = "<svg xmlns=\"http://www.w3.org/2000/svg\">\n@import \"https://fonts.test/a\";\n\
                url(//cdn.test/x)\n<a href=\"https://{{host}}/\">\nhttp://www.w3.org.evil.test/";
    assert_eq!(caught(foreign_hosts, "assets/app.css", text), [2, 3, 4, 5]);
    assert_eq!(
        caught(foreign_hosts, "templates/pages/a.html", text),
        [2, 3, 4, 5]
    );
    assert_eq!(caught(foreign_hosts, "docs/a.md", text), []);
}

#[test]
fn the_words_of_the_glossary_are_used() {
    everywhere("One word for one thing: the glossary's.", replaced_words);
}

#[test]
fn a_replaced_word_is_caught_however_it_is_written() {
    for (phrase, _) in REPLACED {
        assert_eq!(
            caught(replaced_words, "src/a.rs", &format!("\n// the {phrase}s")),
            [2]
        );
    }
    for text in [
        "MagicLink",
        "magic_links",
        "MAGIC-LINK",
        "send_magic_link()",
        "let magicLink",
    ] {
        assert_eq!(
            caught(replaced_words, "templates/pages/a.html", text),
            [1],
            "{text}"
        );
    }
    for text in [
        "imagic link",
        "magic for a link",
        "sign-off link",
        "an audited log",
    ] {
        assert_eq!(caught(replaced_words, "docs/a.md", text), [], "{text}");
    }
}

#[test]
fn nothing_is_left_unfinished() {
    everywhere(
        "Finish it, or file an issue and leave no trace.",
        unfinished_words,
    );
}

#[test]
fn an_unfinished_word_is_caught() {
    for text in [
        "// TODO later",
        "FIXME:",
        "fn f() { todo!() }",
        "unimplemented!()",
        "Coming Soon",
    ] {
        assert_eq!(
            caught(unfinished_words, "templates/pages/a.html", text),
            [1],
            "{text}"
        );
    }
    for text in ["METODO", "TODOS_LOS", "mastodo!"] {
        assert_eq!(caught(unfinished_words, "src/a.rs", text), [], "{text}");
    }
}

#[test]
fn no_path_belongs_to_one_machine() {
    everywhere("A path of one machine helps nobody else.", machine_paths);
}

#[test]
fn a_path_of_one_machine_is_caught() {
    for text in [
        "cd /work/x",
        "\"/root/.cargo\"",
        "=/home/ann/",
        "file:///home/ann",
    ] {
        assert_eq!(caught(machine_paths, "docs/a.md", text), [1], "{text}");
    }
    for text in [
        "https://example.org/home/x",
        "frame/work/",
        "$DIR/work/",
        "~/work/",
    ] {
        let found = caught(machine_paths, "docs/a.md", text);
        assert_eq!(found, [], "{text}");
    }
}

#[test]
fn lock_files_name_no_download_host() {
    everywhere("Lock files pin digests, not hosts.", recorded_downloads);
}

#[test]
fn a_recorded_download_is_caught() {
    let lock = "{\n\"resolved\": \"https://registry.test/a.tgz\"\n}";
    assert_eq!(
        caught(recorded_downloads, "tests/browser/package-lock.json", lock),
        [2]
    );
}
