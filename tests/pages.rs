//! The pages of teams over HTTP, as a browser without scripts uses them: each story signs in,
//! sends forms with their hidden fields, and follows where it is sent.
mod support;

use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode, header};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::people::{self, NewPerson};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use countersign::workflow::Bundle;
use serde_json::Value;
use support::on_both;
use support::register::{first_day, operator, use_case};

const ORIGIN: &str = "https://register.example";
const BASE: &str = "/reg";

/// Answers to the eight first questions, as a browser sends them.
const FIRST: &[(&str, &str)] = &[
    ("title", "Zusammenfassungen <script>alert(1)</script>"),
    ("purpose", "Summarise tickets.\r\nA person reads each."),
    ("owner", "tomas@example.org"),
    ("tool", "Small model"),
    ("sourcing", "in_house"),
    ("data_classes", "internal"),
    ("uses", "summarising"),
    ("effect_on_people", "none"),
];

struct World {
    app: App,
}

struct Page {
    status: StatusCode,
    html: String,
    location: String,
}

async fn open(url: String) -> World {
    let config = Config {
        database_url: url,
        public_url: format!("{ORIGIN}{BASE}"),
        organisation: "Harbour Mutual".to_owned(),
        ..Config::default()
    };
    let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
    let people = [
        ("tomas", vec![]),
        ("olga", vec![]),
        ("dana", vec!["data_protection"]),
    ];
    app.db
        .write(move |tx| {
            for (name, roles) in people {
                let new = NewPerson {
                    email: format!("{name}@example.org"),
                    name: name.to_owned(),
                    roles: roles.into_iter().map(str::to_owned).collect(),
                    groups: Vec::new(),
                };
                people::add(tx, first_day(), &operator(), &new)?;
            }
            Ok(())
        })
        .await
        .expect("people are added");
    publish(&app).await;
    World { app }
}

async fn publish(app: &App) {
    let text = include_str!("../templates/workflows/ai_use_case.json");
    let kind = app.desk.kinds.by_key("use_case").expect("the kind");
    let forms = &app.desk.kinds.stage_forms;
    let bundle = Bundle::load("policy", text, &kind.schema, forms).expect("the policy is right");
    app.db
        .write(move |tx| {
            countersign::review::workflows::publish(tx, first_day(), &operator(), &bundle)
        })
        .await
        .expect("the policy is published");
}

/// The first answers with another tool, given on revision 1.
fn with_tool(tool: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut pairs: Vec<_> = FIRST
        .iter()
        .copied()
        .filter(|(name, _)| *name != "tool")
        .collect();
    pairs.extend([("tool", tool), ("_seen", "1")]);
    pairs
}

impl World {
    async fn cookie(&self, name: &str) -> Cookie<'static> {
        let email = format!("{name}@example.org");
        let session = self
            .app
            .db
            .upkeep(move |tx| {
                let person = people::by_email(tx, &email)?.expect("a known person");
                people::open_session(tx, first_day(), person.id)
            })
            .await
            .expect("a session");
        session_cookie(&self.app, &session)
    }

    async fn send(&self, request: TestRequest) -> ServiceResponse {
        let service = init_service(actix_web::App::new().configure(configure(self.app.clone())));
        let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
        call_service(&service.await, request)
            .await
            .map_into_boxed_body()
    }

    async fn page(&self, request: TestRequest) -> Page {
        let response = self.send(request).await;
        let location = response.headers().get(header::LOCATION);
        let location = location.and_then(|l| l.to_str().ok()).unwrap_or_default();
        let location = location.strip_prefix(BASE).unwrap_or(location).to_owned();
        let status = response.status();
        let html = String::from_utf8(read_body(response).await.to_vec()).expect("UTF-8");
        assert!(!html.contains("<script"), "a script came through");
        Page {
            status,
            html,
            location,
        }
    }

    async fn get(&self, who: &str, path: &str) -> Page {
        let request = TestRequest::get().uri(&format!("{BASE}{path}"));
        self.page(request.cookie(self.cookie(who).await)).await
    }

    async fn post(&self, who: &str, path: &str, pairs: &[(&str, &str)]) -> Page {
        let request = TestRequest::post()
            .uri(&format!("{BASE}{path}"))
            .set_form(pairs);
        self.page(request.cookie(self.cookie(who).await)).await
    }

    async fn entries(&self) -> u64 {
        let head = self.app.db.read(countersign::ledger::head).await;
        head.expect("the ledger").0
    }

    /// A complete draft of Tomás's; its path.
    async fn draft(&self) -> String {
        let pairs = [FIRST, &[("_then", "continue")]].concat();
        let made = self.post("tomas", "/use-cases", &pairs).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.html);
        let path = made
            .location
            .strip_suffix("/draft")
            .expect("nothing is missing");
        path.to_owned()
    }
}

async fn a_team_writes_checks_submits_and_withdraws(world: World) {
    let path = world.draft().await;
    let check = world.get("tomas", &format!("{path}/check")).await;
    assert!(check.html.contains("Submit for review"), "{}", check.html);
    assert!(check.html.contains("dana"), "who will be asked is named");
    let submitted = world
        .post("tomas", &format!("{path}/submission"), &[("_seen", "1")])
        .await;
    assert_eq!(
        (submitted.status, submitted.location),
        (StatusCode::SEE_OTHER, path.clone())
    );
    let record = world.get("olga", &path).await;
    assert!(record.html.contains("In review"));
    assert!(record.html.contains("is with dana"), "{}", record.html);
    assert!(
        !record.html.contains("Take this use case back"),
        "it is not Olga's to withdraw"
    );
    let home = world.get("dana", "/").await;
    assert!(home.html.contains("My tasks (1)") && home.html.contains("asked by tomas"));
    let back = world
        .post(
            "tomas",
            &format!("{path}/withdrawal"),
            &[("reason", "Not now")],
        )
        .await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    let record = world.get("tomas", &path).await.html;
    assert!(record.contains("Withdrawn") && record.contains("Not now"));
}

async fn further_questions_appear_because_of_an_answer(world: World) {
    let mut pairs = FIRST.to_vec();
    pairs.retain(|(name, _)| *name != "sourcing");
    pairs.push(("sourcing", "vendor"));
    pairs.push(("_then", "continue"));
    let made = world.post("tomas", "/use-cases", &pairs).await;
    assert!(
        made.location.ends_with("/draft/vendor"),
        "{}",
        made.location
    );
    let section = world.get("tomas", &made.location).await.html;
    assert!(section.contains("class=\"because\""), "{section}");
    let list = made
        .location
        .strip_suffix("/vendor")
        .expect("a section")
        .to_owned();
    assert!(
        world
            .get("tomas", &list)
            .await
            .html
            .contains("Cannot start yet")
    );
    let check = list.replace("/draft", "/check");
    let check = world.get("tomas", &check).await.html;
    assert!(check.contains("Not ready to submit") && !check.contains("Submit for review</button>"));
}

async fn a_wrong_form_comes_back_as_typed_and_changes_nothing(world: World) {
    let before = world.entries().await;
    let typed = [
        ("title", "My <title>"),
        ("owner", "nobody"),
        ("_then", "continue"),
    ];
    let page = world.post("tomas", "/use-cases", &typed).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.html.contains("<title>Error: ") && page.html.contains("There is a problem"));
    assert!(page.html.contains("My &lt;title&gt;") && page.html.contains("value=\"nobody\""));
    assert!(page.html.contains("href=\"#field-owner\""));
    assert_eq!(world.entries().await, before);
}

async fn a_draft_is_kept_with_gaps_and_goes_on_later(world: World) {
    let made = world
        .post(
            "tomas",
            "/use-cases",
            &[("title", "Half"), ("_then", "later")],
        )
        .await;
    assert!(
        made.location.ends_with("/draft"),
        "{} {}",
        made.status,
        made.html
    );
    let about = format!("{}/about", made.location);
    let page = world.get("tomas", &about).await.html;
    assert!(page.contains("value=\"Half\""));
    let saved = [
        FIRST,
        &[("_seen", "1"), ("_then", "continue"), ("_return", "check")],
    ]
    .concat();
    let saved = world.post("tomas", &about, &saved).await;
    assert!(
        saved.location.ends_with("/check"),
        "{} {}",
        saved.status,
        saved.html
    );
    let list = world
        .get("tomas", "/use-cases?status=draft&q=Zusammenfassungen")
        .await
        .html;
    assert!(list.contains("1 use case,"), "{list}");
    let record = saved.location.replace("/check", "");
    let changes = world
        .get("tomas", &format!("{record}/revisions/2/changes-since/1"))
        .await
        .html;
    assert!(changes.contains("Half") && changes.contains("answers changed"));
    assert!(
        world
            .get("tomas", &format!("{record}/revisions/1"))
            .await
            .html
            .contains("not the latest")
    );
}

async fn a_form_for_an_older_revision_is_shown_again_and_not_lost(world: World) {
    let path = world.draft().await;
    let about = format!("{path}/draft/about");
    let first = with_tool("Another model");
    assert_eq!(
        world.post("tomas", &about, &first).await.status,
        StatusCode::SEE_OTHER
    );
    let second = with_tool("A third model");
    let page = world.post("tomas", &about, &second).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(
        page.html.contains("A third model") && page.html.contains("name=\"_seen\" value=\"2\"")
    );
}

async fn only_those_who_may_change_a_record(world: World) {
    let path = world.draft().await;
    let before = world.entries().await;
    let theirs = with_tool("Mine now");
    let change = world
        .post("olga", &format!("{path}/draft/about"), &theirs)
        .await;
    assert_eq!(change.status, StatusCode::FORBIDDEN);
    let submitted = world
        .post("olga", &format!("{path}/submission"), &[("_seen", "1")])
        .await;
    assert_ne!(submitted.status, StatusCode::SEE_OTHER);
    let withdrawn = world.post("olga", &format!("{path}/withdrawal"), &[]).await;
    assert_ne!(withdrawn.status, StatusCode::SEE_OTHER);
    assert_eq!(world.entries().await, before);
}

async fn signing_in_takes_a_mailed_link_and_a_button(world: World) {
    let first = world
        .page(TestRequest::get().uri(&format!("{BASE}/use-cases?q=x")))
        .await;
    assert_eq!(first.location, "/sign-in?next=%2Fuse-cases%3Fq%3Dx");
    for email in ["tomas@example.org", "stranger@example.org"] {
        let form = [("email", email), ("next", "/use-cases")];
        let request = TestRequest::post()
            .uri(&format!("{BASE}/sign-in"))
            .set_form(form);
        assert_eq!(
            world.page(request).await.location,
            "/sign-in/sent",
            "{email}"
        );
    }
    let secret = world
        .app
        .db
        .upkeep(|tx| {
            let person = people::by_email(tx, "tomas@example.org")?.expect("Tomás");
            people::sign_in_link(tx, first_day(), person.id)
        })
        .await
        .expect("a link");
    let link = format!("{BASE}/sign-in/{}", secret.reveal());
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let request = TestRequest::with_uri(&link).method(method);
        assert_eq!(
            world.page(request).await.status,
            StatusCode::OK,
            "looking uses nothing up"
        );
    }
    let signed_in = world.send(TestRequest::post().uri(&link)).await;
    let cookies: Vec<_> = signed_in.response().cookies().collect();
    let session = cookies
        .iter()
        .find(|c| c.name() == "__Host-session")
        .expect("a session");
    assert!(session.http_only() == Some(true) && session.secure() == Some(true));
    assert_eq!(
        world.page(TestRequest::post().uri(&link)).await.status,
        StatusCode::GONE
    );
    let out = TestRequest::post()
        .uri(&format!("{BASE}/sign-out"))
        .cookie(session.clone());
    assert_eq!(world.page(out).await.location, "/sign-in");
    let again = TestRequest::get()
        .uri(&format!("{BASE}/"))
        .cookie(session.clone());
    assert_eq!(world.page(again).await.location, "/sign-in?next=%2F");
}

async fn hostile_addresses_and_forms_get_a_plain_answer(world: World) {
    let path = world.draft().await;
    for (address, status) in [
        ("/use-cases?status=nonsense", StatusCode::BAD_REQUEST),
        ("/use-cases?nonsense=1", StatusCode::BAD_REQUEST),
        ("/use-cases?after=%00", StatusCode::BAD_REQUEST),
        ("/use-cases?q=%22%27%28%2A%3A^+NEAR", StatusCode::OK),
        ("/use-cases/AI-1999-9999", StatusCode::NOT_FOUND),
        ("/vendors/AI-2027-0001", StatusCode::NOT_FOUND),
        ("/nonsense", StatusCode::NOT_FOUND),
        ("/use-cases/AI-%00", StatusCode::BAD_REQUEST),
        ("/use-cases?unit=%00", StatusCode::BAD_REQUEST),
        ("/sign-in/%00", StatusCode::BAD_REQUEST),
    ] {
        let page = world.get("tomas", address).await;
        assert_eq!(page.status, status, "{address}");
    }
    for address in [
        "/revisions/99",
        "/revisions/x",
        "/draft/nonsense",
        "/revisions/1/changes-since/9",
    ] {
        let page = world.get("tomas", &format!("{path}{address}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{address}");
    }
    let zero = [("reason", "a\0b")];
    let withdrawn = world
        .post("tomas", &format!("{path}/withdrawal"), &zero)
        .await;
    assert!(withdrawn.status.is_client_error(), "{}", withdrawn.status);
    let long = "x".repeat(600_000);
    for form in [
        vec![("title", long.as_str())],
        vec![("nonsense", "1"), ("title", "T")],
        vec![("title", "a\0b")],
    ] {
        let status = world.post("tomas", "/use-cases", &form).await.status;
        assert!(status.is_client_error(), "{status}");
    }
}

async fn a_vendor_is_written_in_one_go(world: World) {
    let made = world
        .post("tomas", "/vendors", &[("title", "Nordlicht GmbH")])
        .await;
    assert!(
        made.location.starts_with("/vendors/VE-"),
        "{} {}",
        made.status,
        made.html
    );
    assert!(!made.location.contains("draft"));
    let record = world.get("tomas", &made.location).await.html;
    assert!(record.contains("Nordlicht GmbH") && !record.contains("Submit for review"));
    let edit = format!("{}/draft/all", made.location);
    let changed = [("title", "Nordlicht AG"), ("_seen", "1")];
    assert_eq!(
        world.post("tomas", &edit, &changed).await.location,
        made.location
    );
    assert!(
        world
            .get("tomas", "/vendors?sort=title")
            .await
            .html
            .contains("Nordlicht AG")
    );
}

async fn another_sites_form_is_refused(world: World) {
    let cookie = world.cookie("tomas").await;
    let before = world.entries().await;
    let request = TestRequest::post()
        .uri(&format!("{BASE}/use-cases"))
        .insert_header(("sec-fetch-site", "cross-site"))
        .set_form([("title", "Forged"), ("_then", "later")])
        .cookie(cookie);
    let page = world.page(request).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        page.html.contains("not sent from our own page"),
        "{}",
        page.html
    );
    assert_eq!(world.entries().await, before);
}

#[test]
fn the_first_questions_are_those_of_the_story() {
    let document: Value = use_case(&serde_json::json!({}));
    for (name, _) in FIRST {
        assert!(document.get(*name).is_some(), "{name}");
    }
}

on_both! { open =>
    a_team_writes_checks_submits_and_withdraws
    further_questions_appear_because_of_an_answer
    a_wrong_form_comes_back_as_typed_and_changes_nothing
    a_draft_is_kept_with_gaps_and_goes_on_later
    a_form_for_an_older_revision_is_shown_again_and_not_lost
    only_those_who_may_change_a_record
    signing_in_takes_a_mailed_link_and_a_button
    hostile_addresses_and_forms_get_a_plain_answer
    a_vendor_is_written_in_one_go
    another_sites_form_is_refused
}
