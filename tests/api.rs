//! The API as programs meet it: a server is started, and everything goes through its socket.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::http::{Response, exchange, send};
use support::on_both;
use support::program::{Program, Server, entries};

on_both! { now crate::open =>
    a_use_case_lives_from_draft_to_approved
    who_saw_an_older_revision_changes_nothing
    a_request_sent_again_happens_once
    a_token_does_what_its_scopes_say_and_no_more
    a_person_cannot_approve_their_own_use_case_by_a_token
    hostile_input_is_refused_in_a_sentence_and_changes_nothing
    odd_addresses_are_answered_and_change_nothing
    the_description_can_be_followed_to_its_end
}

/// A served register with people in the roles that a use case of low risk needs.
struct Register {
    server: Server,
    tokens: BTreeMap<&'static str, String>,
    program: Program,
}

fn open(url: String) -> Register {
    let program = Program::on(url);
    program.publish_policy();
    let mut tokens = BTreeMap::new();
    for (name, role, scopes) in [
        ("tomas", None, "read,write,decide"),
        ("mei", Some("data_protection"), "read,decide"),
        ("henrik", Some("line_manager"), "read,decide"),
        ("ruth", Some("ai_reviewer"), "read,decide"),
        ("david", Some("auditor"), "read,log"),
        ("elena", Some("governance_admin"), "read"),
    ] {
        let roles: Vec<&str> = role.into_iter().collect();
        program.add_person(&address(name), name, &roles, &[]);
        tokens.insert(name, program.token(&address(name), scopes));
    }
    let server = program.serve(&[]);
    Register {
        server,
        tokens,
        program,
    }
}

fn address(name: &str) -> String {
    format!("{name}@harbour.example")
}

fn alt_texts() -> Value {
    json!({
        "title": "Alt texts for our website",
        "purpose": "Suggest descriptions of pictures; an editor corrects each one.",
        "owner": address("tomas"), "tool": "Northlight Assistant", "sourcing": "in_house",
        "data_classes": ["public"], "uses": ["drafting"], "effect_on_people": "none",
    })
}

fn with(document: &Value, field: &str, value: Value) -> Value {
    let mut document = document.clone();
    document[field] = value;
    document
}

/// The stage's form as a reviewer fills it.
fn answers(stage: &str) -> Value {
    match stage {
        "data_use" => json!({
            "data_needed": "yes", "lawful": "no_personal_data", "destination": "contract",
            "impact_assessment": "not_needed",
        }),
        _ => json!({
            "who_checks": "every_output", "can_judge": "yes", "can_stop": true,
            "people_told": "yes",
        }),
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

impl Register {
    fn raw(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let bearer = self.tokens.get(who).map(|token| format!("Bearer {token}"));
        let mut all = headers.to_vec();
        if let Some(bearer) = &bearer {
            all.push(("Authorization", bearer));
        }
        send(&self.server.address, method, path, &all, body)
    }

    fn call(&self, who: &str, method: &str, path: &str, body: &Value) -> Response {
        self.raw(who, method, path, &[JSON], body.to_string().as_bytes())
    }

    fn get(&self, who: &str, path: &str) -> Response {
        self.raw(who, "GET", path, &[], b"")
    }

    /// Sends JSON with one more header.
    fn keyed(&self, who: &str, call: (&str, &str), header: (&str, &str), body: &Value) -> Response {
        self.raw(
            who,
            call.0,
            call.1,
            &[JSON, header],
            body.to_string().as_bytes(),
        )
    }

    fn create(&self, document: &Value) -> String {
        let body = json!({ "document": document });
        let record = self
            .call("tomas", "POST", "/api/v1/use-cases", &body)
            .expect(201);
        record["reference"].as_str().unwrap().to_owned()
    }

    fn submit(&self, reference: &str) -> Value {
        let path = format!("/api/v1/use-cases/{reference}/submission");
        self.call("tomas", "POST", &path, &json!({ "revision": 1 }))
            .expect(201)
    }

    /// The one task that waits for somebody.
    fn task(&self, who: &str) -> Value {
        let tasks = self.get(who, "/api/v1/tasks").expect(200);
        assert_eq!(
            tasks["tasks"].as_array().unwrap().len(),
            1,
            "{who}: {tasks}"
        );
        tasks["tasks"][0].clone()
    }

    fn approve(&self, who: &str) -> Value {
        let task = self.task(who);
        let body = json!({
            "outcome": "approve", "digest": task["digest"],
            "answers": answers(task["stage"].as_str().unwrap()),
        });
        self.call(who, "POST", &decisions(&task), &body).expect(201)
    }

    /// How many entries the ledger has.
    fn size(&self) -> u64 {
        let ready = send(&self.server.address, "GET", "/readyz", &[], b"").expect(200);
        ready["entries"].as_u64().unwrap()
    }
}

fn decisions(task: &Value) -> String {
    format!("/api/v1/tasks/{}/decisions", task["id"].as_str().unwrap())
}

/// Holds a refusal against RFC 9457 and our own promises, and gives its code.
#[track_caller]
fn problem(response: &Response, status: u16) -> String {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json"),
        "{text}"
    );
    let problem = response.json();
    assert_eq!(problem["status"], status);
    let code = problem["code"].as_str().unwrap();
    let place = format!("http://127.0.0.1:8080/docs/problems#{code}");
    assert_eq!(problem["type"], place);
    assert!(!problem["title"].as_str().unwrap().is_empty());
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(' '), "a sentence: {detail}");
    for inside in ["panicked", "diesel", "SQL", "::", "serde"] {
        assert!(!detail.contains(inside), "our own insides: {detail}");
    }
    code.to_owned()
}

fn a_use_case_lives_from_draft_to_approved(register: Register) {
    let start = register.size();
    let body = json!({ "document": alt_texts() });
    let created = register.call("tomas", "POST", "/api/v1/use-cases", &body);
    assert_eq!(created.header("etag"), Some("\"1\""));
    let record = created.expect(201);
    assert_eq!(
        (&record["reference"], &record["status"]),
        (&json!("AI-2026-0001"), &json!("draft"))
    );
    assert_eq!(record["document"], alt_texts());

    let path = "/api/v1/use-cases/AI-2026-0001";
    let newer = with(
        &alt_texts(),
        "tool",
        json!("Northlight Assistant, enterprise account"),
    );
    let body = json!({ "document": newer });
    let revised = register.keyed("tomas", ("PUT", path), ("If-Match", "\"1\""), &body);
    assert_eq!(revised.header("etag"), Some("\"2\""));
    assert_eq!(revised.expect(200)["revision"], 2);
    let changes = register
        .get("tomas", &format!("{path}/revisions/2?against=1"))
        .expect(200);
    assert_eq!(changes["changes"].as_array().unwrap().len(), 1, "{changes}");

    let submission = format!("{path}/submission");
    let review = register
        .call("tomas", "POST", &submission, &json!({ "revision": 2 }))
        .expect(201);
    assert_eq!(review["phase"], "in_review");
    assert_eq!(review["derived"]["risk"]["value"], "low", "{review}");
    assert_eq!(review["stages"][0]["waiting_for"], json!(["mei"]));
    assert_eq!(
        register.get("henrik", "/api/v1/tasks").expect(200)["tasks"],
        json!([])
    );

    let signed = register.approve("mei");
    assert_eq!(
        (&signed["stage"], &signed["revision"]),
        (&json!("data_use"), &json!(2))
    );
    assert_eq!(signed["digest"], review["digest"]);
    register.approve("henrik");
    let last = register.approve("ruth");
    let review = review["id"].as_str().unwrap();
    let review = register
        .get("david", &format!("/api/v1/reviews/{review}"))
        .expect(200);
    assert_eq!(review["phase"], "approved");
    assert_eq!(
        register.get("david", path).expect(200)["status"],
        "approved"
    );

    let timeline = register
        .get("tomas", &format!("{path}/timeline"))
        .expect(200);
    let told: Vec<&Value> = timeline["entries"].as_array().unwrap().iter().collect();
    let decided = |item: &&&Value| item["outcome"] == "approve";
    assert_eq!(told.iter().filter(decided).count(), 3, "{timeline}");
    let log = "/api/v1/log/entries?record=AI-2026-0001&outcome=approve";
    let log = register.get("david", log).expect(200);
    assert_eq!(log["entries"].as_array().unwrap().len(), 3, "{log}");
    assert_eq!(log["entries"][2]["seq"], last["entry"]);
    assert_eq!(log["size"], register.size());
    assert!(register.size() >= start + 6);
    register.program.write("log.jsonl", register.program.log());
    let verified = register.program.run(&["verify", "log.jsonl"]).good();
    assert!(
        verified.contains(log["root"].as_str().unwrap()),
        "{verified}"
    );
}

fn who_saw_an_older_revision_changes_nothing(register: Register) {
    let path = format!("/api/v1/use-cases/{}", register.create(&alt_texts()));
    let put = |tag: Option<&str>, title: &str| {
        let body = json!({ "document": with(&alt_texts(), "title", json!(title)) });
        match tag {
            Some(tag) => register.keyed("tomas", ("PUT", &path), ("If-Match", tag), &body),
            None => register.call("tomas", "PUT", &path, &body),
        }
    };
    put(Some("\"1\""), "First").expect(200);
    let size = register.size();
    assert_eq!(problem(&put(Some("\"1\""), "Second"), 409), "stale");
    for tag in [
        None,
        Some("one"),
        Some("\"\""),
        Some("\"99999999999\""),
        Some("*"),
    ] {
        assert_eq!(problem(&put(tag, "Third"), 400), "bad-request", "{tag:?}");
    }
    for tag in ["\"0\"", "\"-1\"", "\"3\""] {
        assert_eq!(problem(&put(Some(tag), "Fourth"), 409), "stale", "{tag}");
    }
    assert_eq!(register.get("tomas", &path).expect(200)["title"], "First");
    put(Some("W/\"2\""), "Fifth").expect(200);
    let submission = format!("{path}/submission");
    let older = register.call("tomas", "POST", &submission, &json!({ "revision": 1 }));
    assert_eq!(problem(&older, 409), "stale");
    assert_eq!(register.size(), size + 1);
}

fn a_request_sent_again_happens_once(register: Register) {
    let size = register.size();
    let create = |key: &str, title: &str| {
        let body = json!({ "document": with(&alt_texts(), "title", json!(title)) });
        let call = ("POST", "/api/v1/use-cases");
        register.keyed("tomas", call, ("Idempotency-Key", key), &body)
    };
    let first = create("k-1", "Once").expect(201);
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let again = (0..8).map(|_| scope.spawn(|| create("k-1", "Once").expect(201)));
        let again: Vec<_> = again.collect();
        again
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(answers.iter().all(|answer| *answer == first));
    assert_eq!(register.size(), size + 1);
    assert_eq!(
        problem(&create("k-1", "Twice"), 422),
        "idempotency-key-reused"
    );
    assert_eq!(problem(&create("", "Once"), 400), "bad-request");
    assert_eq!(
        problem(&create(&"k".repeat(201), "Once"), 400),
        "bad-request"
    );
    let fresh: Vec<Value> = std::thread::scope(|scope| {
        let racing = (0..8).map(|_| scope.spawn(|| create("k-2", "Raced").expect(201)));
        let racing: Vec<_> = racing.collect();
        racing
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(fresh.iter().all(|answer| *answer == fresh[0]) && fresh[0] != first);
    assert_eq!(register.size(), size + 2);

    register.submit(first["reference"].as_str().unwrap());
    let (task, size) = (register.task("mei"), register.size());
    let path = decisions(&task);
    let decide = |outcome: &str, key: &str| {
        let body = json!({
            "outcome": outcome, "digest": task["digest"], "answers": answers_of(outcome),
            "reason": "As written.",
        });
        register.keyed("mei", ("POST", &path), ("Idempotency-Key", key), &body)
    };
    let decided = decide("approve", "d-1").expect(201);
    let after = register.size();
    assert!(after > size);
    assert_eq!(decide("approve", "d-1").expect(201), decided);
    assert_eq!(
        problem(&decide("reject", "d-1"), 422),
        "idempotency-key-reused"
    );
    assert_eq!(problem(&decide("approve", "d-2"), 409), "already-decided");
    assert_eq!(register.size(), after);
}

fn answers_of(outcome: &str) -> Value {
    match outcome {
        "approve" => answers("data_use"),
        _ => json!({}),
    }
}

fn a_token_does_what_its_scopes_say_and_no_more(register: Register) {
    let reference = register.create(&alt_texts());
    let review = register.submit(&reference)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let task = register.task("mei");
    let size = register.size();
    let record = format!("/api/v1/use-cases/{reference}");
    let (withdrawal, decision) = (
        format!("/api/v1/reviews/{review}/withdrawal"),
        decisions(&task),
    );
    let document = json!({ "document": alt_texts() });
    let vote = json!({ "outcome": "approve", "digest": task["digest"] });
    let calls: [(&str, &str, &str, &Value); 7] = [
        ("elena", "POST", "/api/v1/use-cases", &document),
        ("mei", "PUT", &record, &document),
        ("mei", "POST", &withdrawal, &Value::Null),
        ("elena", "POST", &decision, &vote),
        ("mei", "GET", "/api/v1/log/entries", &Value::Null),
        ("tomas", "GET", "/api/v1/log/entries", &Value::Null),
        ("david", "POST", &decision, &vote),
    ];
    for (who, method, path, body) in calls {
        let lacking = register.call(who, method, path, body);
        assert_eq!(problem(&lacking, 403), "forbidden", "{who} {method} {path}");
        let nobody = register.call("nobody", method, path, body);
        assert_eq!(problem(&nobody, 401), "unauthenticated", "{method} {path}");
        assert!(
            nobody
                .header("www-authenticate")
                .is_some_and(|v| v.starts_with("Bearer"))
        );
    }
    let bearer = register.tokens["tomas"].clone();
    for wrong in [
        "Bearer csn_wrong".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {bearer}"),
        bearer.clone(),
        format!("Bearer {}", bearer.to_uppercase()),
        format!("Bearer {bearer}x"),
        format!("Bearer {}", "x".repeat(5_000)),
        "Bearer caf\u{e9}".to_owned(),
    ] {
        let answer = register.raw("nobody", "GET", &record, &[("Authorization", &wrong)], b"");
        assert_eq!(problem(&answer, 401), "unauthenticated", "{wrong}");
    }
    let foreign = register.call("tomas", "POST", &decision, &vote);
    assert_eq!(problem(&foreign, 403), "not-asked");
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    assert_eq!(problem(&register.get("henrik", &path), 404), "not-found");
    assert_eq!(register.size(), size);
}

fn a_person_cannot_approve_their_own_use_case_by_a_token(register: Register) {
    register
        .program
        .add_person(&address("tomas"), "tomas", &["data_protection"], &[]);
    register.submit(&register.create(&alt_texts()));
    assert_eq!(
        register.get("tomas", "/api/v1/tasks").expect(200)["tasks"],
        json!([])
    );
    let task = register.task("mei");
    let body =
        json!({ "outcome": "approve", "digest": task["digest"], "answers": answers("data_use") });
    let refused = register.call("tomas", "POST", &decisions(&task), &body);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(
        register
            .get("tomas", "/api/v1/use-cases/AI-2026-0001")
            .expect(200)["status"],
        "in_review"
    );
}

/// Bodies that no call can take, with what they are.
fn hostile_bodies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"document\":{}{}}}",
            open.repeat(10_000),
            close.repeat(10_000)
        )
        .into_bytes()
    };
    let titled = |title: Value| {
        json!({ "document": { "title": title } })
            .to_string()
            .into_bytes()
    };
    let latin = b"{\"document\":{\"title\":\"caf\xe9\"}}".to_vec();
    let utf_16 = "{\"document\":{}}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    vec![
        ("nothing", b"".to_vec(), 400),
        ("half", b"{\"document\":".to_vec(), 400),
        ("no JSON", b"title=x".to_vec(), 400),
        ("latin-1", latin, 400),
        ("UTF-16", utf_16, 400),
        ("a NUL byte", b"{\"document\":\0}".to_vec(), 400),
        (
            "a lone surrogate",
            br#"{"document":{"title":"\ud800"}}"#.to_vec(),
            400,
        ),
        (
            "a number too large",
            br#"{"document":{"title":1e999}}"#.to_vec(),
            400,
        ),
        ("deep lists", deep("[", "]"), 400),
        ("deep objects", deep("{\"a\":", "}"), 400),
        ("deep and open", "[".repeat(10_000).into_bytes(), 400),
        ("not an object", b"[]".to_vec(), 400),
        ("no document", b"{}".to_vec(), 400),
        (
            "an unknown member",
            br#"{"document":{},"status":"approved"}"#.to_vec(),
            400,
        ),
        (
            "a member twice",
            br#"{"document":{},"document":{}}"#.to_vec(),
            400,
        ),
        (
            "a document that is a list",
            br#"{"document":[]}"#.to_vec(),
            422,
        ),
        (
            "a document that is null",
            br#"{"document":null}"#.to_vec(),
            422,
        ),
        (
            "an unknown field",
            br#"{"document":{"colour":"red"}}"#.to_vec(),
            422,
        ),
        ("a title that is a number", titled(json!(7)), 422),
        (
            "a title that is too long",
            titled(json!("x".repeat(301))),
            422,
        ),
        ("a title with NUL", titled(json!("a\u{0}b")), 422),
        (
            "a huge integer",
            br#"{"document":{"cost_eur_per_year":1e30}}"#.to_vec(),
            422,
        ),
        (
            "a longer integer",
            {
                let number = "9".repeat(400);
                format!("{{\"document\":{{\"cost_eur_per_year\":{number}}}}}").into_bytes()
            },
            400,
        ),
        (
            "a fraction",
            br#"{"document":{"cost_eur_per_year":1.5}}"#.to_vec(),
            422,
        ),
        (
            "one byte too many",
            {
                let mut body = br#"{"document":{"purpose":""#.to_vec();
                body.resize(1024 * 1024 + 1, b'x');
                body
            },
            413,
        ),
    ]
}

fn hostile_input_is_refused_in_a_sentence_and_changes_nothing(register: Register) {
    let reference = register.create(&alt_texts());
    let record = format!("/api/v1/use-cases/{reference}");
    register.submit(&register.create(&alt_texts()));
    let task = register.task("mei");
    let before = entries(&register.program.log());
    for (what, body, status) in hostile_bodies() {
        let created = register.raw("tomas", "POST", "/api/v1/use-cases", &[JSON], &body);
        println!("{what}");
        problem(&created, status);
        let headers = [JSON, ("If-Match", "\"1\"")];
        problem(
            &register.raw("tomas", "PUT", &record, &headers, &body),
            status,
        );
        let submission = register.raw(
            "tomas",
            "POST",
            &format!("{record}/submission"),
            &[JSON],
            &body,
        );
        problem(&submission, if status == 413 { 413 } else { 400 });
        let decided = register.raw("mei", "POST", &decisions(&task), &[JSON], &body);
        problem(&decided, if status == 413 { 413 } else { 400 });
    }
    let good = json!({ "document": alt_texts() }).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
    ] {
        let header = ("Content-Type", kind);
        let odd = register.raw(
            "tomas",
            "POST",
            "/api/v1/use-cases",
            &[header],
            good.as_bytes(),
        );
        assert!([400, 415].contains(&odd.status), "{kind}: {}", odd.text());
        problem(&odd, odd.status);
    }
    let claims = [JSON, ("Content-Length", "99999999999")];
    problem(
        &register.raw("tomas", "POST", "/api/v1/use-cases", &claims, b""),
        413,
    );
    hostile_decisions(&register, &task);
    let after = entries(&register.program.log());
    assert!(after == before, "the ledger is as it was");
}

fn hostile_decisions(register: &Register, task: &Value) {
    let digest = &task["digest"];
    let condition = json!({ "text": "Do it", "owner": "", "due": "" });
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let deep: Value = serde_json::from_str(&deep).unwrap();
    for (status, body) in [
        (400, json!({ "outcome": "override", "digest": digest })),
        (400, json!({ "outcome": 1, "digest": digest })),
        (400, json!({ "outcome": "approve" })),
        (
            400,
            json!({ "outcome": "approve", "digest": digest, "person": "tomas" }),
        ),
        (
            409,
            json!({ "outcome": "approve", "digest": "00", "answers": answers("data_use") }),
        ),
        (422, json!({ "outcome": "approve", "digest": digest })),
        (
            422,
            json!({ "outcome": "approve", "digest": digest, "answers": null }),
        ),
        (
            422,
            json!({ "outcome": "approve", "digest": digest, "answers": [] }),
        ),
        (
            422,
            json!({ "outcome": "approve", "digest": digest, "answers": deep }),
        ),
        (422, json!({ "outcome": "reject", "digest": digest })),
        (
            422,
            json!({ "outcome": "reject", "digest": digest, "reason": " \u{a0}\n" }),
        ),
        (
            422,
            json!({ "outcome": "reject", "digest": digest, "reason": "x".repeat(4_001) }),
        ),
        (
            422,
            json!({
                "outcome": "approve", "digest": digest, "answers": answers("data_use"),
                "conditions": [condition],
            }),
        ),
        (
            422,
            json!({
                "outcome": "approve_with_conditions", "digest": digest, "reason": "So",
                "answers": answers("data_use"), "conditions": vec![condition.clone(); 11],
            }),
        ),
        (
            422,
            json!({
                "outcome": "approve_with_conditions", "digest": digest, "reason": "So",
                "answers": answers("data_use"),
                "conditions": [{ "text": "Do it", "owner": "nobody@x", "due": "2027-02-31" }],
            }),
        ),
    ] {
        let refused = register.call("mei", "POST", &decisions(task), &body);
        println!("{body:.80}");
        problem(&refused, status);
    }
}

fn odd_addresses_are_answered_and_change_nothing(register: Register) {
    let reference = register.create(&alt_texts());
    let before = entries(&register.program.log());
    for (status, path) in [
        (404, "/api"),
        (404, "/api/"),
        (404, "/api/v1"),
        (404, "/api/v1/"),
        (404, "/api/v2/use-cases"),
        (404, "/api/v1/incidents"),
        (404, "/api/v1/use-cases/"),
        (404, "/api/v1/use_case"),
        (404, "/api/v1/use-cases/AI-2026-9999"),
        (400, "/api/v1/use-cases/%00"),
        (404, "/api/v1/use-cases/%F0%9F%92%A9"),
        (404, "/api/v1/vendors/AI-2026-0001"),
        (404, "/api/v1/use-cases/AI-2026-0001/revisions/2"),
        (404, "/api/v1/use-cases/AI-2026-0001/revisions/-1"),
        (404, "/api/v1/use-cases/AI-2026-0001/revisions/99999999999"),
        (404, "/api/v1/use-cases/AI-2026-0001/revisions/one"),
        (404, "/api/v1/use-cases/AI-2026-0001/revisions/1?against=7"),
        (400, "/api/v1/use-cases/AI-2026-0001/revisions/1?against=x"),
        (404, "/api/v1/reviews/x"),
        (400, "/api/v1/reviews/%00"),
        (400, "/api/v1/tasks/%00"),
        (404, "/api/v1/tasks/00000000-0000-7000-8000-000000000000"),
        (404, "/api/v1/use-cases/..%2f..%2fetc%2fpasswd"),
        (404, "/api/v1/a/b/c/d/e/f"),
        (400, "/api/v1/use-cases?colour=red"),
        (400, "/api/v1/use-cases?sort=colour"),
        (400, "/api/v1/use-cases?status=maybe"),
        (400, "/api/v1/use-cases?after=nonsense"),
        (400, "/api/v1/use-cases?after=%00"),
        (400, "/api/v1/use-cases?q=%00"),
        (400, "/api/v1/use-cases?unit=%00"),
        (400, "/api/v1/use-cases?risk=%00"),
    ] {
        println!("{path}");
        problem(&register.get("tomas", path), status);
    }
    for (status, query) in [
        (400, "from=soon"),
        (400, "to=2026-02-31"),
        (400, "after=-1"),
        (400, "after=x"),
        (400, "colour=red"),
        (404, "person=nobody%40example.org"),
        (404, "record=AI-1999-0001"),
        (400, "stage=%00"),
        (400, "outcome=%00"),
        (400, "person=%00"),
        (400, "record=%00"),
    ] {
        println!("{query}");
        problem(
            &register.get("david", &format!("/api/v1/log/entries?{query}")),
            status,
        );
    }
    for query in [
        "q=%22%27%3B--",
        "q=%25_%5C",
        "q=AND+OR+NOT+NEAR",
        "q=%2A%2A",
        "q=%E2%80%AE",
        "q=(((",
    ] {
        register
            .get("tomas", &format!("/api/v1/use-cases?{query}"))
            .expect(200);
    }
    let beyond = "/api/v1/log/entries?after=18446744073709551615";
    assert_eq!(
        register.get("david", beyond).expect(200)["entries"],
        json!([])
    );
    for (method, path) in [
        ("DELETE", format!("/api/v1/use-cases/{reference}")),
        ("POST", format!("/api/v1/use-cases/{reference}")),
        ("PUT", "/api/v1/use-cases".to_owned()),
        ("PATCH", "/api/v1/use-cases".to_owned()),
        ("DELETE", "/api/v1/log/entries".to_owned()),
        ("POST", "/api/v1/log/entries".to_owned()),
        ("BREW", format!("/api/v1/use-cases/{reference}")),
    ] {
        println!("{method} {path}");
        let refused = register.call("tomas", method, &path, &json!({}));
        assert_eq!(problem(&refused, 405), "method-not-allowed");
    }
    for bytes in [
        "GET / HTTP/1.1\r\nHost: x\r\nHost\r\n\r\n",
        "NONSENSE\r\n\r\n",
        "GET /api/v1/use-cases HTTP/9.9\r\nHost: x\r\n\r\n",
    ] {
        let refused = exchange(&register.server.address, bytes.as_bytes());
        assert!(
            (400..=505).contains(&refused.status) && refused.status != 500,
            "{bytes}"
        );
    }
    let after = entries(&register.program.log());
    assert!(after == before, "the ledger is as it was");
}

/// Every `$ref` of a document, with the place where it stands.
fn references<'a>(value: &'a Value, place: String, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str()) {
                    ("$ref", Some(target)) => found.push((place.clone(), target)),
                    _ => references(member, format!("{place}/{name}"), found),
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                references(item, format!("{place}/{at}"), found);
            }
        }
        _ => {}
    }
}

fn the_description_can_be_followed_to_its_end(register: Register) {
    let document = register.get("nobody", "/api/v1/openapi.json").expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["servers"][0]["url"], "http://127.0.0.1:8080");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut found = Vec::new();
    references(&document, String::new(), &mut found);
    assert!(found.len() > 20);
    for (place, target) in found {
        let pointer = target
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("{place}: {target}"));
        assert!(
            document.pointer(pointer).is_some(),
            "{place} leads nowhere: {target}"
        );
    }
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods
            .as_object()
            .unwrap()
            .iter()
            .filter(|(m, _)| *m != "parameters")
        {
            let name = call["operationId"]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path}"));
            assert!(names.insert(name), "{name} twice");
            let answers = call["responses"].as_object().unwrap();
            assert!(
                answers.keys().any(|status| status.starts_with('2')),
                "{method} {path}"
            );
        }
    }
}
