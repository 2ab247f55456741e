//! Tests as gates and the files that show them, as people and programs meet them. On both
//! databases.

mod support;

use actix_web::http::{StatusCode, header};
use actix_web::test::TestRequest;
use countersign::app::App;
use countersign::config::Config;
use countersign::db::Tx;
use countersign::error::Error;
use countersign::finding::Verdict;
use countersign::gates::{self, Given, Settling};
use countersign::overview::Light;
use countersign::register::{self as records, NewRecord, Status};
use countersign::review::Desk;
use countersign::{evidence, rules};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::house::{Answer, House};
use support::on_both;
use support::register::{Case, Register, in_session, operator, seat, stage, tampers, workflow};

on_both! { now crate::open =>
    hostile_files_are_refused_and_nothing_is_left
    what_the_scanner_does_not_let_pass_is_refused
    a_file_is_handed_over_as_a_download_and_erased_by_an_entry
    doctor_tells_an_erased_file_from_a_missing_or_altered_one
    what_nothing_refers_to_is_swept_and_nothing_else
    nothing_goes_live_while_a_gate_is_open
    an_answer_that_marks_a_use_case_live_meets_the_same_gates
    an_approval_stands_when_its_use_case_goes_live
    the_newest_test_counts_also_one_that_failed
    what_is_wrong_with_a_result_is_told_by_field
    a_waiver_takes_a_second_person_whose_role_the_plan_names
    two_who_settle_a_waiver_at_once_settle_it_once
    owners_hear_of_a_test_before_it_runs_out_and_when_it_has
    results_and_waivers_never_change_in_the_database
    an_import_may_say_live_and_the_gates_show_as_open
    a_program_records_a_result_and_moves_a_use_case
}

/// A house whose files lie in a folder of the story's own.
struct World {
    house: House,
    folder: PathBuf,
    _kept: tempfile::TempDir,
}

fn open(url: String) -> World {
    open_with(url, |_| {})
}

fn open_with(url: String, change: impl FnOnce(&mut Config)) -> World {
    let register = Register::open(url.clone());
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path().join("evidence");
    let mut config = Config {
        database_url: url,
        public_url: "https://register.example".to_owned(),
        readers: 2,
        evidence_dir: folder.display().to_string(),
        evidence_max_bytes: 100_000,
        ..Config::default()
    };
    change(&mut config);
    let app = App::open(config, register.desk.clock.clone()).expect("the program opens");
    register
        .does(|tx, desk| rules::drafts::put(tx, desk, &operator(), &gates::KIND, gates::TEMPLATE));
    let house = House { register, app };
    World {
        house,
        folder,
        _kept: kept,
    }
}

const QUALITY: (&str, &str) = ("test_plan", "output_quality");
const BIAS: (&str, &str) = ("test_plan", "bias");

fn given(value: &str) -> Given {
    Given {
        value: value.to_owned(),
        dataset: "Two hundred tickets of last year".to_owned(),
        performed_on: "2027-03-01".to_owned(),
        performed_by: "Aiko Mori".to_owned(),
        ..Given::default()
    }
}

impl World {
    fn register(&self) -> &Register {
        &self.house.register
    }

    /// A use case of olga's that tomas brought, in the register without a review.
    fn registered(&self, changes: Value) -> Case {
        let actor = in_session(self.register().person("tomas"));
        let document = support::register::use_case(&changes);
        let record = self.register().does(move |tx, desk| {
            let kind = desk.kinds.by_key("use_case")?;
            let new = NewRecord {
                document,
                status: Status::Registered,
                source_key: None,
            };
            records::create(tx, desk.clock.now(), &actor, kind, new)
        });
        Case {
            record: record.id,
            author: "tomas".to_owned(),
        }
    }

    fn reference(&self, case: &Case) -> String {
        self.register().record(case).reference
    }

    fn tries_to_record(
        &self,
        who: &str,
        case: &Case,
        at: (&'static str, &'static str),
        given: Given,
    ) -> Result<gates::Recorded, Error> {
        let (actor, id) = (in_session(self.register().person(who)), case.record);
        self.register()
            .tries(move |tx, desk| gates::record(tx, desk, &actor, id, at, &given, &[]))
    }

    fn records(&self, who: &str, case: &Case, value: &str) -> gates::Recorded {
        self.tries_to_record(who, case, QUALITY, given(value))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn tries_to_move(&self, who: &str, case: &Case, to: &str) -> Result<gates::Moved, Error> {
        let (actor, id, to) = (
            in_session(self.register().person(who)),
            case.record,
            to.to_owned(),
        );
        let seen = self.register().record(case).revision;
        self.register()
            .tries(move |tx, desk| gates::move_to(tx, desk, &actor, id, seen, &to))
    }

    fn asks(&self, case: &Case) -> gates::Waiver {
        let (actor, id) = (in_session(self.register().person("olga")), case.record);
        let until = self.register().desk.today().days_later(30).to_string();
        self.register().does(move |tx, desk| {
            gates::ask(
                tx,
                desk,
                &actor,
                id,
                QUALITY,
                ("The examples come later", &until),
            )
        })
    }

    fn tries_to_settle(
        &self,
        who: &str,
        waiver: &gates::Waiver,
        settling: Settling,
    ) -> Result<gates::Waiver, Error> {
        let (actor, id) = (in_session(self.register().person(who)), waiver.id);
        self.register().tries(move |tx: &mut Tx, desk: &Desk| {
            gates::settle(tx, desk, &actor, id, settling, "Looked at it")
        })
    }

    fn light(&self, case: &Case) -> Light {
        let today = self.register().desk.today().0;
        let ids = [case.record];
        let all = self
            .register()
            .reads(move |conn| gates::standings(conn, &ids, today));
        all.get(&case.record).expect("a standing").light
    }

    /// Fills the form of a test and sends it with files.
    fn uploads(&self, who: &str, case: &Case, gate: &str, files: &[(&str, &[u8])]) -> Answer {
        let fields = [
            ("value", "0.95"),
            ("dataset", "Applications of 2026"),
            ("performed_on", "2027-03-01"),
            ("performed_by", "Aiko Mori"),
        ];
        let mut body = Vec::new();
        let part = |body: &mut Vec<u8>, head: &str, content: &[u8]| {
            body.extend(b"--edge\r\nContent-Disposition: form-data; ");
            body.extend(head.as_bytes());
            body.extend(b"\r\n\r\n");
            body.extend(content);
            body.extend(b"\r\n");
        };
        for (name, value) in fields {
            part(&mut body, &format!("name=\"{name}\""), value.as_bytes());
        }
        for (name, content) in files {
            let head = format!(
                "name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream"
            );
            part(&mut body, &head, content);
        }
        body.extend(b"--edge--\r\n");
        let path = format!(
            "/use-cases/{}/tests/test_plan/{gate}/results",
            self.reference(case)
        );
        let request = TestRequest::post()
            .uri(&path)
            .cookie(self.house.cookie(who))
            .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=edge"))
            .set_payload(body);
        self.house.send(request)
    }

    fn check(&self) -> countersign::finding::Finding {
        let folder = self.folder.clone();
        self.register()
            .reads(move |conn| evidence::check(conn, &folder))
    }

    fn results(&self, case: &Case) -> Vec<gates::Recorded> {
        let (id, desk) = (case.record, self.register().desk.clone());
        let document = self.register().document(case);
        let lines = self
            .register()
            .reads(move |conn| gates::lines(conn, id, &document, desk.today()));
        lines.into_iter().flat_map(|line| line.results).collect()
    }
}

/// Every file below a folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        match entry.path().is_dir() {
            true => all.extend(files_in(&entry.path())),
            false => all.push(entry.path()),
        }
    }
    all
}

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";

fn hostile_files_are_refused_and_nothing_is_left(world: World) {
    let case = world.registered(json!({ "uses": ["hiring"], "test_plan": "To come" }));
    let large = [b"%PDF-1.7".as_slice(), &vec![b' '; 200_000]].concat();
    let hostile: [(&str, &[u8], &str); 11] = [
        ("report.exe", b"MZ", "must end in one of these"),
        ("report", PDF, "must end in one of these"),
        ("report.pdf.exe", PDF, "must end in one of these"),
        ("../../../etc/cron.d/x", PDF, "must end in one of these"),
        ("report.png", PDF, "its content is none"),
        (
            "report.pdf",
            b"<script>alert(1)</script>",
            "its content is none",
        ),
        ("report.pdf", b"", "empty"),
        ("report.pdf", &large, "larger than"),
        ("report.csv", b"a;b\0c", "zero bytes"),
        ("report.json", b"{\"a\":", "no JSON"),
        (
            "report.xlsx",
            b"PK\x03\x04 nothing in it",
            "its content is none",
        ),
    ];
    let before = world.register().dump();
    for (name, content, word) in hostile {
        let answer = world.uploads("aiko", &case, "bias", &[(name, content)]);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(answer.body.contains(word), "{name}: {}", answer.body);
        let typed = "value=\"Applications of 2026\"";
        assert!(
            answer.body.contains(typed),
            "{name}: what was typed is lost"
        );
        assert_eq!(files_in(&world.folder), Vec::<PathBuf>::new(), "{name}");
    }
    assert!(
        world.register().dump() == before,
        "a refusal left something"
    );
    // A path in a name is no reason to refuse what is good, and nothing of it is kept.
    let answer = world.uploads("aiko", &case, "bias", &[("../../ok\u{202e}.pdf", PDF)]);
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(files_in(&world.folder).len(), 1);
    let [result] = world.results(&case).try_into().expect("one result");
    let files = world
        .register()
        .reads(move |conn| evidence::of_entries(conn, &[result.seq]));
    let [file] = files.get(&result.seq).expect("files").as_slice() else {
        panic!("one file");
    };
    assert_eq!(file.name.as_deref(), Some("ok.pdf"));
    assert!(
        world
            .house
            .send(fetch(&world, "nobody", file))
            .status
            .is_redirection()
    );
}

fn fetch(world: &World, who: &str, file: &evidence::File) -> TestRequest {
    let request = TestRequest::get().uri(&format!("/evidence/{}", file.id));
    match who {
        "nobody" => request,
        who => request.cookie(world.house.cookie(who)),
    }
}

#[cfg(unix)]
fn scanner(folder: &Path, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder).expect("a folder");
    let path = folder.join("scan.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a program");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("its rights");
    path.display().to_string()
}

fn what_the_scanner_does_not_let_pass_is_refused(world: World) {
    let tools = tempfile::tempdir().expect("a folder");
    let case = world.registered(json!({ "uses": ["hiring"], "test_plan": "To come" }));
    let url = world.register().url().to_owned();
    let clock = world.register().desk.clock.clone();
    let folder = world.folder.display().to_string();
    let with = |scan: String| {
        let config = Config {
            database_url: url.clone(),
            public_url: "https://register.example".to_owned(),
            evidence_dir: folder.clone(),
            evidence_scan: scan,
            evidence_scan_seconds: 1,
            ..Config::default()
        };
        App::open(config, clock.clone()).expect("the program opens")
    };
    let bad = scanner(
        &tools.path().join("bad"),
        "grep -q EVIL \"$1\" && exit 1; exit 0",
    );
    let slow = scanner(&tools.path().join("slow"), "sleep 30");
    let mut world = world;
    for (scan, word) in [
        (bad.clone(), "does not let it pass"),
        (slow, "took too long"),
        ("/no/such/scanner".to_owned(), "could not be scanned"),
    ] {
        world.house.app = with(scan);
        let evil = [PDF, b"EVIL"].concat();
        let answer = world.uploads("aiko", &case, "bias", &[("report.pdf", &evil)]);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains(word), "{}", answer.body);
        assert_eq!(files_in(&world.folder), Vec::<PathBuf>::new());
    }
    world.house.app = with(bad);
    let answer = world.uploads("aiko", &case, "bias", &[("report.pdf", PDF)]);
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

/// A result with one file, and the file.
fn with_file(world: &World) -> (Case, evidence::File) {
    let case = world.registered(json!({ "uses": ["hiring"], "test_plan": "To come" }));
    let answer = world.uploads("aiko", &case, "bias", &[("bias report ä.pdf", PDF)]);
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let seq = world.results(&case).first().expect("a result").seq;
    let mut files = world
        .register()
        .reads(move |conn| evidence::of_entries(conn, &[seq]));
    let file = files.remove(&seq).and_then(|mut files| files.pop());
    (case, file.expect("its file"))
}

fn a_file_is_handed_over_as_a_download_and_erased_by_an_entry(world: World) {
    let (_, file) = with_file(&world);
    let answer = world.house.send(fetch(&world, "dana", &file));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body.as_bytes(), PDF);
    let says = |name: &str| {
        let value = answer.headers.get(name).expect("a header");
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    assert!(says("content-disposition").starts_with("attachment; filename=\"bias report _.pdf\""));
    assert_eq!(says("content-type"), "application/pdf");
    assert_eq!(says("x-content-type-options"), "nosniff");
    assert!(says("content-security-policy").contains("sandbox"));
    let tag = format!("\"{}\"", file.digest);
    let again = fetch(&world, "dana", &file).insert_header((header::IF_NONE_MATCH, tag));
    assert_eq!(world.house.send(again).status, StatusCode::NOT_MODIFIED);

    // Only an administrator erases, and says why.
    let path = format!("/evidence/{}/erasure", file.id);
    let refused = world.house.post("olga", &path, &[("reason", "I want to")]);
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = world.house.post("adam", &path, &[("reason", " ")]);
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(files_in(&world.folder).len(), 1);
    let kinds = world.register().kinds_of(|| {
        let done = world
            .house
            .post("adam", &path, &[("reason", "It names applicants")]);
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    });
    assert_eq!(kinds, ["file.erased"]);
    assert_eq!(files_in(&world.folder), Vec::<PathBuf>::new());
    let gone = world.house.send(fetch(&world, "dana", &file));
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.body.contains("erased"), "{}", gone.body);
    // The same content does not come back by another door.
    let other = world.registered(json!({ "uses": ["hiring"], "test_plan": "To come" }));
    let answer = world.uploads("aiko", &other, "bias", &[("again.pdf", PDF)]);
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains("erased here before"),
        "{}",
        answer.body
    );
    assert_eq!(files_in(&world.folder), Vec::<PathBuf>::new());
}

fn doctor_tells_an_erased_file_from_a_missing_or_altered_one(world: World) {
    let (_, file) = with_file(&world);
    assert_eq!(world.check().verdict, Verdict::Good);
    let [path] = files_in(&world.folder).try_into().expect("one file");
    std::fs::write(&path, b"%PDF-1.7 something else").expect("altered");
    let altered = world.check();
    assert_eq!(altered.verdict, Verdict::Wrong);
    assert!(altered.details[0].contains("altered"), "{altered:?}");
    // What was altered is not handed over.
    let answer = world.house.send(fetch(&world, "dana", &file));
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    std::fs::remove_file(&path).expect("gone");
    assert!(world.check().details[0].contains("missing"));
    std::fs::write(&path, PDF).expect("back");
    assert_eq!(world.check().verdict, Verdict::Good);
    let erase = format!("/evidence/{}/erasure", file.id);
    world
        .house
        .post("adam", &erase, &[("reason", "It names applicants")]);
    let erased = world.check();
    assert_eq!(erased.verdict, Verdict::Good);
    assert!(erased.says.contains("1 are erased"), "{}", erased.says);
    // A restore brings back what was erased: that is told.
    std::fs::write(&path, PDF).expect("restored");
    assert!(world.check().details[0].contains("erased, but it is there"));
}

fn what_nothing_refers_to_is_swept_and_nothing_else(world: World) {
    let (_, file) = with_file(&world);
    let stray = world.folder.join("ab").join("c".repeat(62));
    std::fs::create_dir_all(stray.parent().expect("above")).expect("a folder");
    std::fs::write(&stray, "stray").expect("written");
    let half = world.folder.join("incoming").join("half");
    std::fs::write(&half, "half").expect("written");
    let note = world.folder.join("README");
    std::fs::write(&note, "for operators").expect("written");
    let sweep = |age: Duration| {
        let folder = world.folder.clone();
        world
            .register()
            .reads(move |conn| evidence::sweep(conn, &folder, age))
    };
    assert_eq!(sweep(evidence::UNUSED), 0, "what is young stays");
    assert_eq!(sweep(Duration::ZERO), 2);
    assert!(!stray.exists() && !half.exists() && note.exists());
    assert_eq!(
        world.house.send(fetch(&world, "dana", &file)).status,
        StatusCode::OK
    );
}

fn nothing_goes_live_while_a_gate_is_open(world: World) {
    let case = world.registered(json!({}));
    assert_eq!(world.light(&case), Light::Open);
    world
        .register()
        .refuses("gates-open", || world.tries_to_move("olga", &case, "live"));
    let path = format!("/use-cases/{}/tests", world.reference(&case));
    let page = world.house.get("olga", &path);
    assert!(
        page.body.contains("waits for: Quality of outputs"),
        "{}",
        page.body
    );
    // A test of what it does not need, and a test by a stranger, are no way around.
    let strange = world.tries_to_record("aiko", &case, BIAS, given("1"));
    assert!(matches!(strange, Err(Error::NotFound(_))));
    world.register().refuses("not-a-recorder", || {
        world.tries_to_record("lars", &case, QUALITY, given("1"))
    });
    let result = world.records("olga", &case, "0.9");
    assert!(result.met);
    assert_eq!(result.valid_until.to_string(), "2028-02-29");
    assert_eq!(world.light(&case), Light::Settled);
    world.register().refuses("not-yours-to-move", || {
        world.tries_to_move("aiko", &case, "live")
    });
    let kinds = world.register().kinds_of(|| {
        world
            .tries_to_move("olga", &case, "live")
            .unwrap_or_else(|e| panic!("{e}"))
    });
    assert_eq!(kinds, ["record.revised", "lifecycle.moved"]);
    assert_eq!(world.register().document(&case)["lifecycle"], "live");
    // Time passes: the gate of what is live expires, and it cannot be marked live anew.
    world.register().days_pass(366);
    assert_eq!(world.light(&case), Light::Expired);
    world
        .tries_to_move("olga", &case, "retired")
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(world.light(&case), Light::NotNeeded);
    world
        .register()
        .refuses("gates-open", || world.tries_to_move("olga", &case, "pilot"));
}

fn an_answer_that_marks_a_use_case_live_meets_the_same_gates(world: World) {
    let register = world.register();
    let case = register.draft_by("tomas", json!({}));
    register.refuses("gates-open", || {
        register.tries_to_edit("tomas", &case, json!({ "lifecycle": "live" }))
    });
    let actor = in_session(register.person("tomas"));
    register.refuses("gates-open", || {
        let actor = actor.clone();
        let document = support::register::use_case(&json!({ "lifecycle": "pilot" }));
        register.tries(move |tx, desk| {
            countersign::review::start(tx, desk, &actor, "use_case", document)
        })
    });
    register.edit(&case, json!({ "lifecycle": "development" }));
    // A draft is not moved: it is approved first.
    world.records("tomas", &case, "0.99");
    register.refuses("not-approved", || {
        world.tries_to_move("tomas", &case, "live")
    });
}

fn an_approval_stands_when_its_use_case_goes_live(world: World) {
    let register = world.register();
    register.publish(&workflow(&[stage("one", &[], &[seat("reviewer", 1)])]));
    let case = register.submitted_by("tomas", json!({}));
    world.records("tomas", &case, "0.95");
    register.refuses("under-review", || {
        world.tries_to_move("tomas", &case, "pilot")
    });
    register.as_reviewer("mei").approve(&case);
    world
        .tries_to_move("tomas", &case, "pilot")
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(register.status(&case), "approved");
    let page = world
        .house
        .get("tomas", &format!("/use-cases/{}", world.reference(&case)));
    assert!(
        !page.body.contains("which is not approved"),
        "{}",
        page.body
    );
}

fn the_newest_test_counts_also_one_that_failed(world: World) {
    let case = world.registered(json!({}));
    world.records("aiko", &case, "0.95");
    assert_eq!(world.light(&case), Light::Settled);
    let failed = world.records("aiko", &case, "0.899999");
    assert!(!failed.met);
    assert_eq!(world.light(&case), Light::Open);
    world
        .register()
        .refuses("gates-open", || world.tries_to_move("olga", &case, "live"));
    // One of an earlier day does not outweigh it.
    let earlier = Given {
        performed_on: "2027-02-01".to_owned(),
        ..given("1")
    };
    world
        .tries_to_record("aiko", &case, QUALITY, earlier)
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(world.light(&case), Light::Open);
    world.records("aiko", &case, "0.97");
    assert_eq!(world.light(&case), Light::Settled);
    assert_eq!(world.results(&case).len(), 4);
}

fn what_is_wrong_with_a_result_is_told_by_field(world: World) {
    let case = world.registered(json!({ "uses": ["hiring"], "test_plan": "To come" }));
    let wrong = Given {
        value: "about 1".to_owned(),
        performed_on: "2027-03-02".to_owned(),
        valid_until: "2029-01-01".to_owned(),
        ..Given::default()
    };
    let before = world.register().dump();
    let Err(Error::Invalid(fields)) = world.tries_to_record("aiko", &case, BIAS, wrong) else {
        panic!("it was taken");
    };
    let named: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    let all = [
        "value",
        "performed_on",
        "valid_until",
        "dataset",
        "performed_by",
        "file",
    ];
    assert_eq!(named, all);
    let before_it = Given {
        valid_until: "2027-02-28".to_owned(),
        ..given("1")
    };
    let refused = world.tries_to_record("aiko", &case, QUALITY, before_it);
    assert!(matches!(refused, Err(Error::Invalid(_))));
    assert!(world.register().dump() == before);
}

fn a_waiver_takes_a_second_person_whose_role_the_plan_names(world: World) {
    let register = world.register();
    let case = world.registered(json!({}));
    let (actor, id) = (in_session(register.person("olga")), case.record);
    for until in ["2027-02-28", "2027-05-31", "soon"] {
        let actor = actor.clone();
        let asked = register.tries(move |tx, desk| {
            gates::ask(tx, desk, &actor, id, QUALITY, ("No examples yet", until))
        });
        assert!(matches!(asked, Err(Error::Invalid(_))), "{until}");
    }
    let waiver = world.asks(&case);
    assert_eq!(register.mails("gate"), 1, "who may grant it has mail");
    assert_eq!(
        world.light(&case),
        Light::Open,
        "asking alone opens nothing"
    );
    for (who, code) in [
        ("olga", "not-a-granter"),
        ("adam", "not-a-granter"),
        ("audra", "not-a-granter"),
        ("carl", "not-a-granter"),
    ] {
        register.refuses(code, || {
            world.tries_to_settle(who, &waiver, Settling::Grant)
        });
    }
    // Whoever has a part in it does not grant it, whatever their role.
    register.appoint("olga", "cto");
    register.refuses("own-waiver", || {
        world.tries_to_settle("olga", &waiver, Settling::Grant)
    });
    register.appoint("tomas", "cto");
    register.refuses("own-waiver", || {
        world.tries_to_settle("tomas", &waiver, Settling::Grant)
    });
    register.refuses("not-yours-to-move", || {
        world.tries_to_settle("cleo", &waiver, Settling::Withdraw)
    });
    world
        .tries_to_settle("cleo", &waiver, Settling::Grant)
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(world.light(&case), Light::Settled);
    assert_eq!(register.mails("gate"), 2, "who asked has mail");
    world
        .tries_to_move("olga", &case, "pilot")
        .unwrap_or_else(|e| panic!("{e}"));
    // It runs out by itself.
    register.days_pass(31);
    assert_eq!(world.light(&case), Light::Open);
    let second = world.asks(&case);
    world
        .tries_to_settle("cleo", &second, Settling::Refuse)
        .unwrap_or_else(|e| panic!("{e}"));
    let third = world.asks(&case);
    world
        .tries_to_settle("cleo", &third, Settling::Grant)
        .unwrap_or_else(|e| panic!("{e}"));
    world
        .tries_to_settle("olga", &third, Settling::Withdraw)
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(world.light(&case), Light::Open);
}

fn two_who_settle_a_waiver_at_once_settle_it_once(world: World) {
    let register = world.register();
    register.appoint("rosa", "cto");
    let case = world.registered(json!({}));
    let waiver = world.asks(&case);
    let node = register.another_node();
    let before = register.ledger_size();
    let done: Vec<bool> = std::thread::scope(|scope| {
        let both = [("cleo", &register.db), ("rosa", &node)].map(|(who, db)| {
            let (actor, id) = (in_session(register.person(who)), waiver.id);
            let desk = register.desk.clone();
            scope.spawn(move || {
                let granted = db.write_now(move |tx| {
                    gates::settle(tx, &desk, &actor, id, Settling::Grant, "Looked at it")
                });
                match granted {
                    Ok(_) => true,
                    Err(error) => {
                        assert_eq!(error.meaning().code, "waiver-settled", "{error}");
                        false
                    }
                }
            })
        });
        both.into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    assert_eq!(register.ledger_size(), before + 1);
}

fn owners_hear_of_a_test_before_it_runs_out_and_when_it_has(world: World) {
    let register = world.register();
    let case = world.registered(json!({}));
    world.records("olga", &case, "0.95");
    world
        .tries_to_move("olga", &case, "live")
        .unwrap_or_else(|e| panic!("{e}"));
    let round = || {
        register.does(|tx, desk| {
            tx.leave_unchanged();
            gates::make_round(tx, desk.today(), desk.clock.now())
        });
    };
    let upkeep = || {
        let (desk, db) = (register.desk.clone(), &register.db);
        db.upkeep_now(move |tx| gates::make_round(tx, desk.today(), desk.clock.now()))
            .expect("a round");
    };
    round();
    assert_eq!(register.mails("gate"), 0);
    register.days_pass(351);
    upkeep();
    upkeep();
    assert_eq!(register.mails("gate"), 1, "a fortnight before, and once");
    register.days_pass(15);
    upkeep();
    upkeep();
    assert_eq!(register.mails("gate"), 2, "and when it has run out");
}

fn results_and_waivers_never_change_in_the_database(world: World) {
    let (_, _) = with_file(&world);
    let case = world.registered(json!({}));
    world.records("olga", &case, "0.95");
    let case = world.registered(json!({}));
    let waiver = world.asks(&case);
    world
        .tries_to_settle("cleo", &waiver, Settling::Refuse)
        .unwrap_or_else(|e| panic!("{e}"));
    for statement in [
        "UPDATE test_results SET value = 1000000",
        "UPDATE test_results SET valid_until = '2099-01-01'",
        "DELETE FROM test_results",
        "UPDATE test_waivers SET until = '2099-01-01'",
        "DELETE FROM test_waivers",
        "UPDATE evidence_files SET digest = 'x'",
        "UPDATE evidence_files SET bytes = 1",
        "DELETE FROM evidence_files",
        "UPDATE evidence_uses SET seq = 0",
        "DELETE FROM evidence_uses",
    ] {
        assert!(!tampers(world.register(), statement), "{statement}");
    }
}

fn an_import_may_say_live_and_the_gates_show_as_open(world: World) {
    let case = world.registered(json!({ "lifecycle": "live" }));
    assert_eq!(world.light(&case), Light::Open);
    // Other answers of it may change: nothing is marked anew.
    world
        .register()
        .edit(&case, json!({ "purpose": "Shorter summaries." }));
}

fn a_program_records_a_result_and_moves_a_use_case(world: World) {
    let case = world.registered(json!({}));
    let base = format!("/api/v1/use-cases/{}", world.reference(&case));
    let olga = world.house.token("olga");
    let call = |request: TestRequest, path: &str| world.house.call(&olga, request, path);
    let (status, found) = call(TestRequest::get(), &format!("{base}/tests"));
    assert_eq!(status, StatusCode::OK);
    assert_eq!(found["gates"][0]["state"], "open");
    let to_live = json!({ "to": "live", "revision": 1 });
    let moving = || TestRequest::post().set_json(&to_live);
    let (status, refused) = call(moving(), &format!("{base}/lifecycle"));
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("gates-open"))
    );
    let results = format!("{base}/tests/test_plan/output_quality/results");
    let result = json!({
        "value": "0.93", "dataset": "Tickets", "performed_on": "2027-03-01",
        "performed_by": "Olga Braun",
    });
    let recording = || {
        TestRequest::post()
            .insert_header(("idempotency-key", "one"))
            .set_json(&result)
    };
    let (status, first) = call(recording(), &results);
    assert_eq!(
        (status, &first["met"]),
        (StatusCode::CREATED, &json!(true)),
        "{first}"
    );
    let (_, again) = call(recording(), &results);
    assert_eq!(first, again);
    assert_eq!(world.results(&case).len(), 1);
    let typed = json!({ "value": "0.93", "met": true });
    let (status, _) = call(TestRequest::post().set_json(&typed), &results);
    assert_eq!(
        status,
        StatusCode::BAD_REQUEST,
        "whether it passed is not for a caller to say"
    );
    let (status, moved) = call(moving(), &format!("{base}/lifecycle"));
    assert_eq!(status, StatusCode::OK, "{moved}");
    assert_eq!(moved["gates"][0]["state"], "passed");
    let auditor = world.house.token("audra");
    let (status, _) = world.house.call(&auditor, recording(), &results);
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[test]
fn a_plan_that_is_wrong_says_where() {
    let mut plan: Value = serde_json::from_str(gates::TEMPLATE).expect("JSON");
    plan["gates"][1]["when"] = json!("'hiring' in request.usess");
    plan["gates"][2]["recorders"] = json!(["administrator"]);
    plan["gates"][3]["waived_by"] = json!(["owner"]);
    plan["gates"][3]["key"] = json!("bias");
    let kinds = countersign::register::Kinds::load().expect("kinds");
    let schema = &kinds.by_key("use_case").expect("the kind").schema;
    let problems = gates::Plan::read("plan", &plan.to_string(), Some(schema)).expect_err("wrong");
    let mut places: Vec<&str> = problems
        .iter()
        .map(|problem| problem.place.as_str())
        .collect();
    places.sort_unstable();
    let all = [
        "/gates/1/when",
        "/gates/2/recorders",
        "/gates/3/key",
        "/gates/3/waived_by",
    ];
    assert_eq!(places, all);
}
