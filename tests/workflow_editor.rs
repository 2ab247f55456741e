//! Workflows edited by questions in a browser: every part, what was typed when somebody else was
//! faster, drafts that are given up. On both databases.

mod support;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use countersign::review::drafts::{self, Draft, State};
use serde_json::{Value, json};
use support::house::House;
use support::on_both;
use support::register::in_session;

on_both! { now crate::support::house::House::open =>
    a_workflow_is_edited_by_questions_alone
    tables_are_edited_row_by_row
    edits_conditions_renewal_and_override_are_questions_too
    what_was_typed_in_a_part_is_kept_when_somebody_else_was_faster
    a_stage_that_was_taken_away_meanwhile_comes_back_with_what_was_typed
    people_whom_a_seat_can_name_are_offered
    a_draft_is_given_up_and_stays_to_be_read
}

fn a_workflow_is_edited_by_questions_alone(house: House) {
    let path = house
        .post("gus", "/workflows/ai_use_case/drafts", &[])
        .location;
    let before = house.document();
    for stage in before["stages"].as_array().expect("stages") {
        let page = format!("{path}/stages/{}", stage["key"].as_str().expect("a key"));
        let same = house.fills(&page, &[], "save");
        assert_eq!(same.status, StatusCode::SEE_OTHER, "{}", same.body);
        assert_eq!(
            house.document(),
            before,
            "{page}: nothing touched, nothing changed"
        );
    }
    let page = format!("{path}/general");
    house.fills(&page, &[], "save");
    assert_eq!(house.document(), before);
    house.fills(
        &page,
        &[("title", "By questions"), ("priority", "high")],
        "save",
    );
    assert_eq!(house.document()["title"], "By questions");
    assert_eq!(
        house.document()["priority"],
        "high",
        "what was typed is kept"
    );
    let wrong = house.get("gus", &page).body;
    assert!(wrong.contains("id=\"priority-error\""), "{wrong}");
    assert!(
        house
            .get("gus", &path)
            .body
            .contains(&format!("href=\"{page}\""))
    );
    house.fills(&page, &[("priority", "300")], "save");

    let seen = house.draft().seen.to_string();
    let new = [
        ("seen", seen.as_str()),
        ("key", "ethics"),
        ("title", "Ethics"),
    ];
    let added = house.post("gus", &format!("{path}/stages"), &new);
    assert_eq!(
        added.location,
        format!("{path}/stages/ethics"),
        "{}",
        added.body
    );
    let page = added.location;
    let answers = [
        ("seat_0_key", "ethicist"),
        ("seat_0_from", "role legal\r\nperson lena@example.org"),
        ("seat_1_key", "second"),
        ("seat_1_from", "role ciso"),
        ("seat_1_need", "all"),
        ("seat_1_fallback", "role cto"),
        ("due", "3 business days"),
        ("remind", "1 business days"),
        ("timed_0_after", "2 business days"),
        ("timed_0_to", "role cto"),
        ("timed_0_mode", "notify"),
        ("pick", "'personal' in request.data_classes"),
        ("guidance", "Look <b>well</b>"),
    ];
    let done = house.fills(&page, &answers, "condition");
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let pick = [("pick", "request.sourcing == 'vendor'"), ("join", "or")];
    house.fills(&page, &pick, "condition");
    let stages = house.document()["stages"].clone();
    let ethics = stages
        .as_array()
        .expect("stages")
        .last()
        .expect("the new one")
        .clone();
    let when = "'personal' in request.data_classes || request.sourcing == 'vendor'";
    assert_eq!(ethics["when"], when);
    assert_eq!(ethics["seats"][0]["from"][1]["person"], "lena@example.org");
    assert_eq!(ethics["seats"][1]["need"], "all");
    assert_eq!(ethics["sla"]["escalate"][0]["to"], json!([{"role": "cto"}]));

    house.fills(&page, &[], "up");
    let stages = house.document()["stages"].clone();
    let last = stages.as_array().expect("stages").len() - 1;
    assert_eq!(stages[last - 1]["key"], "ethics");
    let draft = propose(&house);
    let seen = draft.seen.to_string();
    let published = house.post("adam", &format!("{path}/publication"), &[("seen", &seen)]);
    assert_eq!(
        published.location, "/workflows/ai_use_case/2",
        "{}",
        published.body
    );
    assert_eq!(house.get("gus", &page).status, StatusCode::CONFLICT);

    let path = house
        .post("gus", "/workflows/ai_use_case/drafts", &[("_once", "2")])
        .location;
    house.fills(&format!("{path}/stages/ethics"), &[], "remove");
    assert_eq!(
        house.document()["stages"].as_array().map(Vec::len),
        Some(last)
    );
    let late = [("seen", "1"), ("title", "Late")];
    let late = house.post("gus", &format!("{path}/general"), &late);
    assert_eq!(late.status, StatusCode::CONFLICT);
}

/// A draft of the policy by gus; its page.
fn begun(house: &House) -> String {
    house
        .post("gus", "/workflows/ai_use_case/drafts", &[])
        .location
}

fn tables_are_edited_row_by_row(house: House) {
    let path = begun(&house);
    let before = house.document();
    let page = format!("{path}/tables/risk");
    let same = house.fills(&page, &[], "save");
    assert_eq!(same.location, page, "{}", same.body);
    assert_eq!(house.document(), before, "nothing touched, nothing changed");

    let cases = |house: &House| house.document()["derive"][0]["cases"].clone();
    let count = cases(&house).as_array().expect("rows").len();
    let new = [
        ("pick", "'translation' in request.uses"),
        (&*format!("case_{count}_then"), "medium"),
        (&*format!("case_{count}_because"), "It <b>translates</b>."),
    ];
    house.fills(&page, &new, "condition");
    let row = cases(&house)[count].clone();
    let when = "'translation' in request.uses";
    let because = "It <b>translates</b>.";
    assert_eq!(
        row,
        json!({"when": when, "then": "medium", "because": because})
    );

    house.fills(&page, &[], &format!("up_case_{count}"));
    assert_eq!(
        cases(&house)[count - 1],
        row,
        "it was moved before its neighbour"
    );
    house.fills(&page, &[], "drop_case_0");
    assert_eq!(cases(&house).as_array().map(Vec::len), Some(count));
    assert_ne!(cases(&house)[0], before["derive"][0]["cases"][0]);

    house.fills(&page, &[("case_0_then", "dangerous")], "save");
    let wrong = house.get("gus", &page).body;
    assert!(wrong.contains("id=\"case_0_then-error\""), "{wrong}");
    assert!(wrong.contains("value=\"dangerous\""), "it is kept as typed");
    let draft = house.get("gus", &path).body;
    assert!(
        draft.contains(&format!("href=\"{page}\"")),
        "the place leads to it"
    );

    let seen = house.draft().seen.to_string();
    let new = [("seen", seen.as_str()), ("key", "Bad key")];
    let refused = house.post("gus", &format!("{path}/tables"), &new);
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("value=\"Bad key\""),
        "{}",
        refused.body
    );
    let new = [("seen", seen.as_str()), ("key", "urgent")];
    let added = house.post("gus", &format!("{path}/tables"), &new);
    assert_eq!(
        added.location,
        format!("{path}/tables/urgent"),
        "{}",
        added.body
    );
    let answers = [
        ("type", "bool"),
        ("case_0_when", "derived.risk == 'high'"),
        ("case_0_then", "true"),
        ("case_0_because", "The risk is high."),
        ("otherwise", "false"),
    ];
    house.fills(&added.location, &answers, "save");
    let urgent = house.document()["derive"][1].clone();
    assert_eq!(
        (&urgent["cases"][0]["then"], &urgent["otherwise"]),
        (&json!(true), &json!(false))
    );
    house.fills(&added.location, &[], "remove");
    assert_eq!(house.document()["derive"].as_array().map(Vec::len), Some(1));
}

fn edits_conditions_renewal_and_override_are_questions_too(house: House) {
    let path = begun(&house);
    let before = house.document();
    let links = house.get("gus", &path).body;
    for part in ["edits", "conditions", "renewal", "override"] {
        let page = format!("{path}/{part}");
        assert!(
            links.contains(&format!("href=\"{page}\"")),
            "{part}: {links}"
        );
        let same = house.fills(&page, &[], "save");
        assert_eq!(same.status, StatusCode::SEE_OTHER, "{part}: {}", same.body);
        assert_eq!(
            house.document(),
            before,
            "{part}: nothing touched, nothing changed"
        );
    }
    let rule = [
        ("edit_3_fields", "benefits\nrequest.outputs"),
        ("edit_3_effect", "reopen"),
        ("edit_3_stages", "council"),
    ];
    house.fills(&format!("{path}/edits"), &rule, "save");
    let conditions = [
        ("due", "P14D"),
        ("on_missed", "notify"),
        ("escalate_to", "role cto\nlena@example.org"),
    ];
    house.fills(&format!("{path}/conditions"), &conditions, "save");
    let renewal = [
        ("pick", "derived.risk == 'low'"),
        ("into", "valid_3_when"),
        ("valid_3_then", "P36M"),
    ];
    house.fills(&format!("{path}/renewal"), &renewal, "condition");
    house.fills(&format!("{path}/renewal"), &[], "up_valid_3");
    let overriding = [("roles", "ciso\ncto"), ("valid_for", "soon")];
    house.fills(&format!("{path}/override"), &overriding, "save");

    let whole = house.document();
    let fields = json!(["request.benefits", "request.outputs"]);
    assert_eq!(
        whole["on_change"][3],
        json!({"fields": fields, "effect": "reopen", "stages": ["council"]})
    );
    let told = json!([{"role": "cto"}, {"person": "lena@example.org"}]);
    assert_eq!(whole["conditions"]["escalate_to"], told);
    assert_eq!(whole["conditions"]["on_missed"], "notify");
    assert_eq!(whole["renewal"]["valid_for"][2]["then"], "P36M");
    assert_eq!(whole["renewal"]["valid_for"][3], json!({"then": "P24M"}));
    assert_eq!(whole["override"]["roles"], json!(["ciso", "cto"]));

    let page = format!("{path}/override");
    let wrong = house.get("gus", &page).body;
    assert!(wrong.contains("id=\"valid_for-error\""), "{wrong}");
    assert!(wrong.contains("value=\"soon\""));
    house.fills(&page, &[("valid_for", "P7D")], "save");
    let draft = propose(&house);
    assert_eq!(draft.state, State::Proposed, "the whole is sound");
    house.fills(
        &page,
        &[
            ("roles", ""),
            ("notify", ""),
            ("valid_for", ""),
            ("min_reason_length", ""),
        ],
        "save",
    );
    assert_eq!(
        house.document().get("override"),
        None,
        "emptied, nobody overrides"
    );
}

/// gus proposes the draft as it stands.
fn propose(house: &House) -> Draft {
    let (draft, actor) = (house.draft(), in_session(house.register.person("gus")));
    let examined = drafts::examined(&house.register.desk, &draft).expect("it is looked at");
    house.register.does(move |tx, desk| {
        let place = (draft.key.as_str(), draft.id);
        drafts::propose(tx, desk, &actor, place, draft.seen, &examined)
    })
}

fn what_was_typed_in_a_part_is_kept_when_somebody_else_was_faster(house: House) {
    let path = begun(&house);
    for (part, name, mine) in [
        ("/general", "title", "My <b> title"),
        ("/stages/legal_security", "guidance", "My <b> guidance"),
        ("/tables/risk", "case_2_because", "My <b> reason"),
        ("/edits", "edit_0_fields", "request.my_field"),
        ("/conditions", "due", "my time"),
        ("/renewal", "valid_0_then", "my time"),
        ("/override", "roles", "my_role"),
    ] {
        let page = format!("{path}{part}");
        let read = house.draft().seen.to_string();
        let theirs = format!("Theirs, before {part}");
        house.fills(
            &format!("{path}/general"),
            &[("description", &theirs)],
            "save",
        );
        let before = house.document();
        let late = house.fills(&page, &[("seen", &read), (name, mine)], "save");
        assert_eq!(late.status, StatusCode::CONFLICT, "{part}: {}", late.body);
        let typed = mine.replace('<', "&lt;").replace('>', "&gt;");
        assert!(late.body.contains(&typed), "{part}: {}", late.body);
        assert!(late.body.contains("is not saved"), "{part}");
        assert_eq!(house.document(), before, "{part}: nothing was saved");

        // The page that came back saves it: the other's change of another part stays.
        let mut again = support::house::untouched(&late.body);
        again.push(("do".to_owned(), "save".to_owned()));
        let request = TestRequest::post().uri(&page).cookie(house.cookie("gus"));
        let saved = house.send(request.set_form(&again));
        assert_eq!(
            saved.status,
            StatusCode::SEE_OTHER,
            "{part}: {}",
            saved.body
        );
        let after = house.document();
        assert!(after.to_string().contains(mine), "{part}: {after}");
        // Each form answers for its own part only.
        if part != "/general" {
            assert_eq!(after["description"], *theirs, "{part}");
        }
    }
}

fn a_stage_that_was_taken_away_meanwhile_comes_back_with_what_was_typed(house: House) {
    let path = begun(&house);
    let page = format!("{path}/stages/council");
    let open = support::house::untouched(&house.get("gus", &page).body);
    let last = house.document()["stages"].as_array().map(Vec::len);
    house.fills(&page, &[], "remove");
    let mut typed = open;
    typed.retain(|(name, _)| name != "title");
    typed.extend(
        [("title", "My council"), ("do", "save")].map(|(n, v)| (n.to_owned(), v.to_owned())),
    );
    let send = |pairs: &[(String, String)]| {
        let request = TestRequest::post().uri(&page).cookie(house.cookie("gus"));
        house.send(request.set_form(pairs))
    };
    let late = send(&typed);
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
    assert!(
        late.body.contains("was taken away meanwhile"),
        "{}",
        late.body
    );
    assert!(late.body.contains("value=\"My council\""));
    let mut again = support::house::untouched(&late.body);
    again.push(("do".to_owned(), "save".to_owned()));
    let saved = send(&again);
    assert_eq!(saved.location, page, "{}", saved.body);
    let stages = house.document()["stages"].clone();
    assert_eq!(stages.as_array().map(Vec::len), last);
    let back = stages.as_array().and_then(|stages| stages.last()).cloned();
    assert_eq!(back.expect("a stage")["title"], "My council");
    assert_eq!(
        house.get("gus", &format!("{path}/stages/nothing")).status,
        StatusCode::NOT_FOUND
    );
}

fn people_whom_a_seat_can_name_are_offered(house: House) {
    let path = begun(&house);
    let stage = house
        .get("gus", &format!("{path}/stages/legal_security"))
        .body;
    assert!(stage.contains("<datalist id=\"who\">"), "{stage}");
    for offer in [
        "role governance_admin",
        "group ai_council",
        "field request.owner",
        "relation submitter",
        "manager_of owner",
        "dana@example.org",
    ] {
        assert!(
            stage.contains(&format!("<option value=\"{offer}\">")),
            "{offer}: {stage}"
        );
    }
    let rules = house.get("gus", &format!("{path}/override")).body;
    assert!(rules.contains("<datalist id=\"roles\">"), "{rules}");
    let edits = house.get("gus", &format!("{path}/edits")).body;
    assert!(
        edits.contains("<option value=\"request.vendor\">"),
        "{edits}"
    );
}

fn a_draft_is_given_up_and_stays_to_be_read(house: House) {
    let path = begun(&house);
    let stale = house.post("adam", &format!("{path}/discard"), &[("seen", "9")]);
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.body);
    let entries = || house.register.entries().len();
    let before = entries();
    let gone = house.post("adam", &format!("{path}/discard"), &[("seen", "1")]);
    assert_eq!(gone.location, path, "{}", gone.body);
    assert_eq!(entries(), before + 1);
    let entry = house.register.entries().pop().expect("an entry");
    let adam = house.register.person("adam").to_string();
    assert_eq!(entry.kind, "workflow.draft_discarded");
    assert_eq!(entry.data["former_state"], "draft");
    assert_eq!(entry.actor, adam);

    let page = house.get("gus", &path);
    assert!(page.body.contains("Discarded by"), "{}", page.body);
    assert!(!page.body.contains("Save the draft"), "{}", page.body);
    assert!(page.body.contains("legal_security"), "its text can be read");
    for (deed, more) in [
        ("", ("text", "{}")),
        ("/discard", ("seen", "2")),
        ("/proposal", ("seen", "2")),
        ("/base", ("seen", "2")),
        ("/general", ("title", "Late")),
    ] {
        let late = house.post("gus", &format!("{path}{deed}"), &[("seen", "2"), more]);
        assert_eq!(late.status, StatusCode::CONFLICT, "{deed}: {}", late.body);
        assert!(
            late.body.contains("this draft was discarded")
                || late.body.contains("This draft was discarded"),
            "{deed}: {}",
            late.body
        );
    }
    assert_eq!(entries(), before + 1, "a refusal leaves no entry");
    let list = "/api/v1/workflows/ai_use_case/drafts";
    let gus = house.token("gus");
    let (_, all) = house.call(&gus, TestRequest::get(), list);
    assert_eq!(all["drafts"][0]["state"], "discarded");
    let (_, draft) = house.call(&gus, TestRequest::post().set_json(json!({})), list);
    let place = format!("{list}/{}/discard", draft["id"].as_str().expect("an id"));
    let (status, discarded) = house.call(
        &gus,
        TestRequest::post().set_json(json!({"seen": 1})),
        &place,
    );
    assert_eq!(
        (status, &discarded["state"]),
        (StatusCode::OK, &Value::from("discarded"))
    );
}
