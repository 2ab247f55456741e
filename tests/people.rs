//! People over the years: they are away and somebody stands in, they get managers and roles and
//! lose them, they leave and come back. By the services, by pages and by the API, on both
//! databases.

mod support;

use actix_web::http::{Method, StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::{AbsenceId, Day, PersonId, Tx};
use countersign::error::{Error, Result};
use countersign::ledger::entry::Entry;
use countersign::notify::links;
use countersign::people::absence::{self, Absence, New, Typed, Warning};
use countersign::people::{self, Holding, Secret};
use countersign::review::{self, LinkState, workflows};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use countersign::workflow::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Barrier;
use support::on_both;
use support::register::{
    Register, first_day, in_session, operator, seat, stage, tampers, with, workflow,
};

on_both! { now crate::support::register::Register::open =>
    who_is_away_names_who_stands_in_and_the_log_names_them_all
    an_absence_that_makes_no_sense_is_refused_at_its_field
    two_people_never_stand_in_for_each_other
    a_delegate_who_is_away_as_well_is_refused_or_told
    an_absence_is_changed_and_ended_until_it_is_over
    an_absence_is_set_by_its_person_or_an_administrator
    managers_never_form_a_circle
    who_leaves_has_no_way_in_and_keeps_their_decisions
    who_comes_back_needs_new_keys
    the_register_never_loses_its_last_administrator
    two_administrators_cannot_dismiss_each_other
    a_role_that_ends_takes_its_questions_with_it
    an_auditor_whose_appointment_is_over_sits_in_no_seat
    an_absence_is_ended_once
    what_people_hold_is_taken_away_again
    a_review_knows_where_its_people_stand
    the_directory_is_found_by_words_and_by_where_people_stand
}

on_both! { now crate::move_in =>
    a_person_notes_changes_and_ends_an_absence_on_their_page
    an_administrator_keeps_people_on_their_pages
    others_read_the_directory_and_change_nothing
    a_form_pressed_twice_is_one_absence
    the_page_of_who_left_offers_the_way_back
    programs_keep_the_directory_by_tokens_of_administrators
    a_token_of_somebody_else_keeps_nothing
    hostile_names_and_keys_are_refused_in_words
    whoever_leaves_is_asked_no_more_and_others_decide
    questions_go_to_whoever_stands_in
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap_or_else(|| panic!("{text} is no day"))
}

/// An absence in March 2027, by the days of that month.
fn march(from: u8, until: u8, delegate: Option<PersonId>) -> New {
    New {
        from: day(&format!("2027-03-{from:02}")),
        until: day(&format!("2027-03-{until:02}")),
        delegate,
    }
}

fn tries_to_be_away(register: &Register, who: &str, new: New) -> Result<Absence> {
    let person = register.person(who);
    register.tries(move |tx, desk| {
        let (now, today) = (desk.clock.now(), desk.today());
        absence::set(tx, now, today, &in_session(person), person, &new)
    })
}

#[track_caller]
fn is_away(register: &Register, who: &str, new: New) -> Absence {
    tries_to_be_away(register, who, new).unwrap_or_else(|error| panic!("{error}"))
}

fn ends(register: &Register, who: &str, id: AbsenceId) -> Result<Absence> {
    let actor = in_session(register.person(who));
    register.tries(move |tx, desk| absence::end(tx, desk.clock.now(), desk.today(), &actor, id))
}

fn changes(register: &Register, who: &str, id: AbsenceId, new: New) -> Result<Absence> {
    let actor = in_session(register.person(who));
    register.tries(move |tx, desk| {
        absence::change(tx, desk.clock.now(), desk.today(), &actor, id, &new)
    })
}

fn leaves(register: &Register, who: &str) -> Result<()> {
    let (actor, person) = (in_session(register.person("adam")), register.person(who));
    register.tries(move |tx, desk| {
        people::leave(
            tx,
            desk.clock.now(),
            &actor,
            person,
            Some("New job elsewhere"),
        )
    })?;
    register.looks_again();
    Ok(())
}

fn comes_back(register: &Register, who: &str) -> Result<()> {
    let (actor, person) = (in_session(register.person("adam")), register.person(who));
    register.tries(move |tx, desk| people::come_back(tx, desk.clock.now(), &actor, person))
}

fn manages(register: &Register, manager: Option<&str>, who: &str) -> Result<bool> {
    let (actor, person) = (in_session(register.person("adam")), register.person(who));
    let manager = manager.map(|name| register.person(name));
    register.tries(move |tx, desk| {
        let new = people::set_manager(tx, desk.clock.now(), &actor, person, manager)?;
        tx.leave_unchanged();
        Ok(new)
    })
}

fn takes_role(register: &Register, by: &str, who: &str, role: &'static str) -> Result<bool> {
    let (actor, person) = (in_session(register.person(by)), register.person(who));
    register.tries(move |tx, desk| {
        let now = desk.clock.now();
        let taken = people::take(tx, now, &actor, person, Holding::Role, role)?;
        tx.leave_unchanged();
        Ok(taken)
    })
}

fn last(register: &Register) -> Entry {
    register.entries().pop().expect("an entry")
}

/// The field and the sentence of a refusal.
#[track_caller]
fn complaint<T: std::fmt::Debug>(answer: Result<T>) -> (String, String) {
    match answer {
        Err(Error::Invalid(mut wrong)) if wrong.len() == 1 => {
            let wrong = wrong.remove(0);
            (wrong.field, wrong.message)
        }
        other => panic!("{other:?}"),
    }
}

fn who_is_away_names_who_stands_in_and_the_log_names_them_all(register: Register) {
    let dario = register.person("dario");
    let set = is_away(&register, "dana", march(8, 12, Some(dario)));
    assert_eq!(set.set_by, Some(register.person("dana")));
    let entry = last(&register);
    assert_eq!(entry.kind, "absence.set");
    assert_eq!(entry.actor, register.person("dana").to_string());
    assert_eq!(entry.subject["person"], entry.actor);
    assert_eq!(entry.subject["absence"], set.id.to_string());
    assert_eq!(entry.data["delegate"], dario.to_string());
    let text = format!("{entry:?}");
    assert!(
        !text.contains("2027-03-08"),
        "the days stand beside the entry"
    );

    let desk = register.desk.clone();
    let told = register.reads(|conn| {
        let rows = countersign::ledger::rows(
            conn,
            &Default::default(),
            countersign::ledger::Page::From(entry.seq),
            1,
        )?;
        review::describe(conn, &desk, &rows)
    });
    assert_eq!(
        told[0].sentence,
        "Away from 2027-03-08 to 2027-03-12; dario stands in"
    );
    assert_eq!(told[0].actor.as_deref(), Some("dana"));
}

fn an_absence_that_makes_no_sense_is_refused_at_its_field(register: Register) {
    let (dana, dario) = (register.person("dana"), register.person("dario"));
    let far = New {
        from: day("2027-03-08"),
        until: day("2029-03-02"),
        delegate: None,
    };
    is_away(&register, "dana", march(20, 24, None));
    leaves(&register, "sara").expect("she leaves");
    let sara = Some(register.person("sara"));
    for (new, field, says) in [
        (march(12, 8, None), "until", "before the first"),
        (
            New {
                from: day("2027-02-20"),
                ..march(1, 5, None)
            },
            "from",
            "today at the earliest, on 2027-03-01",
        ),
        (far.clone(), "until", "2 years ahead at most: to 2029-03-01"),
        (march(8, 12, Some(dana)), "delegate", "for themselves"),
        (march(8, 12, sara), "delegate", "sara left"),
        (march(10, 20, None), "from", "from 2027-03-20 to 2027-03-24"),
        (march(24, 31, None), "from", "change or end that one"),
        (march(1, 31, Some(dario)), "from", "already"),
    ] {
        let tried = || tries_to_be_away(&register, "dana", new.clone());
        let (at, sentence) = complaint(tried());
        assert_eq!(at, field, "{sentence}");
        assert!(sentence.contains(says), "{sentence}");
        register.refuses("invalid", tried);
    }
    is_away(
        &register,
        "dana",
        New {
            until: day("2029-03-01"),
            from: day("2027-03-25"),
            ..far
        },
    );

    let typed = Typed {
        from: "8.3.2027".to_owned(),
        until: String::new(),
        delegate: "nobody@example.org".to_owned(),
    };
    let Err(Error::Invalid(wrong)) = register.reads(|conn| Ok(typed.read(conn))) else {
        panic!("it is refused")
    };
    let fields: Vec<&str> = wrong.iter().map(|w| w.field.as_str()).collect();
    assert_eq!(fields, ["from", "until", "delegate"], "every field at once");
    let typed = Typed {
        from: " 2027-03-08 ".to_owned(),
        until: "2027-03-12".to_owned(),
        delegate: " Dario@Example.org ".to_owned(),
    };
    assert_eq!(
        register.reads(|conn| typed.read(conn)),
        march(8, 12, Some(dario))
    );
    register.refuses("person-left", || {
        tries_to_be_away(&register, "sara", march(8, 12, None))
    });
}

fn two_people_never_stand_in_for_each_other(register: Register) {
    let (dana, dario) = (register.person("dana"), register.person("dario"));
    is_away(&register, "dana", march(8, 12, Some(dario)));
    for (from, until) in [(8, 12), (1, 8), (12, 31), (10, 10)] {
        let tried = || tries_to_be_away(&register, "dario", march(from, until, Some(dana)));
        let (at, sentence) = complaint(tried());
        assert_eq!(at, "delegate");
        assert!(
            sentence.contains("cannot stand in for each other"),
            "{sentence}"
        );
        register.refuses("invalid", tried);
    }
    let other = is_away(&register, "dario", march(13, 20, Some(dana)));
    let back = || changes(&register, "dario", other.id, march(12, 20, Some(dana)));
    assert!(complaint(back()).1.contains("each other"));
    register.refuses("invalid", back);
}

fn a_delegate_who_is_away_as_well_is_refused_or_told(register: Register) {
    let (dario, priya) = (register.person("dario"), register.person("priya"));
    is_away(&register, "dario", march(8, 10, Some(priya)));
    is_away(&register, "dario", march(11, 12, None));
    let covered = || tries_to_be_away(&register, "dana", march(8, 12, Some(dario)));
    let (at, sentence) = complaint(covered());
    assert_eq!(
        (at.as_str(), sentence.contains("away on these days too")),
        ("delegate", true)
    );
    register.refuses("invalid", covered);

    let partly = is_away(&register, "dana", march(8, 13, Some(dario)));
    let found = register.reads(|conn| absence::warnings(conn, &partly));
    let away = |from, until| {
        let days = march(from, until, None);
        Warning::DelegateAway("dario".to_owned(), days.from, days.until)
    };
    assert_eq!(found, [away(8, 10), away(11, 12)]);
    assert_eq!(
        found[0].sentence(|day| day.to_string()),
        "dario is away too from 2027-03-08 to 2027-03-10; on those days nobody stands in"
    );

    // Nobody can help falling ill, also who stands in for somebody.
    is_away(&register, "dana", march(20, 24, Some(priya)));
    let ill = is_away(&register, "priya", march(20, 24, None));
    let days = march(20, 24, None);
    assert_eq!(
        register.reads(|conn| absence::warnings(conn, &ill)),
        [Warning::StandsIn("dana".to_owned(), days.from, days.until)]
    );
    leaves(&register, "priya").expect("she leaves");
    let theirs =
        register.reads(|conn| absence::ahead(conn, day("2027-03-01"), register.person("dana")));
    let later = register.reads(|conn| absence::warnings(conn, &theirs[1]));
    assert_eq!(later[0], Warning::DelegateLeft("priya".to_owned()));
}

fn an_absence_is_changed_and_ended_until_it_is_over(register: Register) {
    let dario = register.person("dario");
    let first = is_away(&register, "dana", march(8, 12, None));
    let size = register.ledger_size();
    let same = changes(&register, "dana", first.id, march(8, 12, None)).expect("nothing to do");
    assert_eq!((same, register.ledger_size()), (first.clone(), size));
    let after = changes(&register, "dana", first.id, march(2, 12, Some(dario))).expect("changed");
    assert_eq!(
        (after.from_day, after.delegate_id),
        (day("2027-03-02"), Some(dario))
    );
    assert_eq!(last(&register).kind, "absence.set");

    register.days_pass(4);
    for from in [1, 3, 6] {
        let tried = || changes(&register, "dana", first.id, march(from, 12, None));
        assert_eq!(complaint(tried()).0, "from");
        register.refuses("invalid", tried);
    }
    let longer = changes(&register, "dana", first.id, march(2, 15, None)).expect("still away");
    assert_eq!(longer.until_day, day("2027-03-15"));
    let (dana, today) = (register.person("dana"), day("2027-03-05"));
    let away = |on| {
        register
            .reads(|conn| absence::away_today(conn, on, &[dana]))
            .len()
    };
    assert_eq!(
        (
            away(today),
            away(day("2027-03-15")),
            away(day("2027-03-16"))
        ),
        (1, 1, 0)
    );

    ends(&register, "dana", first.id).expect("back early");
    assert_eq!(last(&register).kind, "absence.ended");
    assert_eq!(away(today), 0);
    register.refuses("absence-over", || ends(&register, "dana", first.id));
    register.refuses("absence-over", || {
        changes(&register, "dana", first.id, march(6, 12, None))
    });
    let next = is_away(&register, "dana", march(5, 6, None));
    register.days_pass(2);
    register.refuses("absence-over", || ends(&register, "dana", next.id));
    register.refuses("not-found", || ends(&register, "dana", AbsenceId::new()));
}

fn an_absence_is_set_by_its_person_or_an_administrator(register: Register) {
    let dana = register.person("dana");
    let sets = |actor: countersign::ledger::Actor| {
        register.tries(move |tx, desk| {
            let new = march(8, 12, None);
            absence::set(tx, desk.clock.now(), desk.today(), &actor, dana, &new)
        })
    };
    for name in ["tomas", "dario", "gus", "audra"] {
        register.refuses("forbidden", || sets(in_session(register.person(name))));
    }
    let by_adam = sets(in_session(register.person("adam"))).expect("an administrator may");
    assert_eq!(by_adam.set_by, Some(register.person("adam")));
    assert_eq!(last(&register).actor, register.person("adam").to_string());
    register.refuses("forbidden", || ends(&register, "dario", by_adam.id));
    ends(&register, "dana", by_adam.id).expect("it is hers");
    assert_eq!(sets(operator()).expect("the operator may").set_by, None);
}

fn managers_never_form_a_circle(register: Register) {
    assert!(manages(&register, Some("lars"), "dana").expect("lars manages dana"));
    assert_eq!(last(&register).kind, "manager.set");
    assert_eq!(
        last(&register).data["manager"],
        register.person("lars").to_string()
    );
    assert!(!manages(&register, Some("lars"), "dana").expect("as before"));
    assert!(manages(&register, Some("ezra"), "lars").expect("ezra manages lars"));
    for (manager, who) in [
        ("dana", "dana"),
        ("dana", "lars"),
        ("dana", "ezra"),
        ("lars", "ezra"),
    ] {
        let tried = || manages(&register, Some(manager), who);
        assert_eq!(complaint(tried()).0, "manager", "{manager} {who}");
        register.refuses("invalid", tried);
    }
    leaves(&register, "ezra").expect("he leaves");
    assert!(
        complaint(manages(&register, Some("ezra"), "olga"))
            .1
            .contains("ezra left")
    );
    assert!(manages(&register, None, "lars").expect("nobody manages lars"));
    assert!(last(&register).data["manager"].is_null());
    assert!(manages(&register, Some("dana"), "olga").expect("dana manages olga"));
    let managed = register.reads(|conn| people::managed_by(conn, register.person("lars")));
    let names: Vec<String> = managed.into_iter().map(|person| person.name).collect();
    assert_eq!(names, ["dana"]);
}

struct Keys {
    session: Secret,
    sign_in: Secret,
    token: Secret,
}

fn keys_of(register: &Register, who: &str) -> Keys {
    let person = register.person(who);
    let upkeep = move |tx: &mut Tx| {
        let session = people::open_session(tx, first_day(), person)?;
        Ok((session, people::sign_in_link(tx, first_day(), person)?))
    };
    let (session, sign_in) = register.db.upkeep_now(upkeep).expect("keys");
    let scopes = ["read".to_owned()];
    let token = register.does(move |tx, desk| {
        people::create_token(tx, desk.clock.now(), &operator(), person, &scopes, None)
    });
    Keys {
        session,
        sign_in,
        token,
    }
}

fn inbox_of(register: &Register, who: &str) -> Secret {
    let person = register.person(who);
    let made = register
        .db
        .upkeep_now(move |tx| links::issue_inbox(tx, person, first_day()));
    made.expect("a link")
}

fn opens(register: &Register, inbox: &Secret) -> bool {
    let now = register.desk.clock.now();
    let opened = register.reads(|conn| links::inbox(conn, inbox, now));
    opened.is_some()
}

/// Which of the keys open something: session, sign-in link, token.
fn open(register: &Register, keys: &Keys) -> [bool; 3] {
    let now = register.desk.clock.now();
    register.reads(|conn| {
        Ok([
            people::person_of_session(conn, now, &keys.session)?.is_some(),
            people::sign_in_person(conn, now, &keys.sign_in)?.is_some(),
            people::person_of_token(conn, now, &keys.token)?.is_some(),
        ])
    })
}

fn who_leaves_has_no_way_in_and_keeps_their_decisions(register: Register) {
    let first = register.submitted_by("tomas", json!({}));
    register.as_reviewer("dana").approve(&first);
    let second = register.submitted_by("tomas", json!({ "title": "Another" }));
    let link = register.link_for("dana", &second);
    let keys = keys_of(&register, "dana");
    inbox_of(&register, "dana");
    let others = keys_of(&register, "dario");
    assert_eq!(open(&register, &keys), [true; 3]);

    let entries = register.kinds_of(|| leaves(&register, "dana").expect("she leaves"));
    let about_people = entries.iter().filter(|kind| kind.starts_with("person."));
    assert_eq!(about_people.collect::<Vec<_>>(), ["person.left"]);
    let entry = register
        .entries()
        .into_iter()
        .find(|e| e.kind == "person.left");
    let entry = entry.expect("the entry");
    assert_eq!(entry.data["sessions"], 1);
    assert_eq!(entry.data["tokens"], 1);
    assert_eq!(entry.data["sign_off_links"], 1);
    assert_eq!(entry.data["person_links"], 1);
    assert!(
        !format!("{entry:?}").contains("New job"),
        "the reason lies beside the entry"
    );

    assert_eq!(open(&register, &keys), [false; 3]);
    assert_eq!(open(&register, &others), [true; 3], "only hers");
    assert!(!matches!(register.link_state(&link), LinkState::Open(_)));
    register.refuses("not-asked", || {
        register
            .as_reviewer("dana")
            .by_link(&link)
            .tries(Outcome::Approve, &second)
    });
    assert_eq!(register.decisions(&first), ["dana approve data_use 1"]);
    let names =
        register.reads(|conn| people::names(conn, &BTreeSet::from([register.person("dana")])));
    assert_eq!(names.into_values().collect::<Vec<_>>(), ["dana"]);
    register.refuses("person-left", || leaves(&register, "dana"));
    register.refuses("person-left", || {
        let person = register.person("dana");
        register.tries(move |tx, desk| {
            people::give(
                tx,
                desk.clock.now(),
                &operator(),
                person,
                Holding::Role,
                "legal",
            )
        })
    });
}

fn who_comes_back_needs_new_keys(register: Register) {
    let keys = keys_of(&register, "dana");
    let inboxes = ["dana", "dario"].map(|who| inbox_of(&register, who));
    let opened = || inboxes.each_ref().map(|inbox| opens(&register, inbox));
    assert_eq!(opened(), [true; 2]);
    register.refuses("person-present", || comes_back(&register, "dana"));
    leaves(&register, "dana").expect("she leaves");
    comes_back(&register, "dana").expect("she is back");
    assert_eq!(last(&register).kind, "person.returned");
    assert_eq!(open(&register, &keys), [false; 3], "old keys stay dead");
    assert_eq!(
        opened(),
        [false, true],
        "and so do old addresses, of hers only"
    );
    assert_eq!(open(&register, &keys_of(&register, "dana")), [true; 3]);
    let case = register.submitted_by("tomas", json!({}));
    assert!(
        register
            .asked(&case, "data_use")
            .contains(&"dana".to_owned())
    );
}

fn the_register_never_loses_its_last_administrator(register: Register) {
    register.plants();
    register.refuses("last-administrator", || leaves(&register, "adam"));
    register.refuses("last-administrator", || {
        takes_role(&register, "adam", "adam", "administrator")
    });
    register.appoint("olga", "administrator");
    takes_role(&register, "olga", "adam", "administrator").expect("there is another");
    register.refuses("forbidden", || {
        takes_role(&register, "adam", "olga", "legal")
    });
    register.appoint("adam", "administrator");
    leaves(&register, "olga").expect("there is another");
    register.refuses("last-administrator", || leaves(&register, "adam"));
    assert!(tampers(
        &register,
        "UPDATE people SET active = FALSE WHERE email = 'adam@example.org'"
    ));
    register.refuses("forbidden", || comes_back(&register, "olga"));
}

/// Runs both at the same moment.
fn race<T: Send>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T + Send) -> [T; 2] {
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            start.wait();
            one()
        });
        let other = scope.spawn(|| {
            start.wait();
            other()
        });
        [
            one.join().expect("it answers"),
            other.join().expect("it answers"),
        ]
    })
}

fn code<T>(answer: &Result<T>) -> &'static str {
    match answer {
        Ok(_) => "done",
        Err(error) => error.meaning().code,
    }
}

fn two_administrators_cannot_dismiss_each_other(register: Register) {
    for _ in 0..4 {
        register.appoint("adam", "administrator");
        register.appoint("olga", "administrator");
        let answers = race(
            || takes_role(&register, "adam", "olga", "administrator"),
            || takes_role(&register, "olga", "adam", "administrator"),
        );
        let mut codes = answers.each_ref().map(code);
        codes.sort_unstable();
        assert_eq!(codes, ["done", "forbidden"]);
        let left = register.reads(|conn| people::holders(conn, "role", "administrator"));
        assert_eq!(left.len(), 1, "one remains");
        register.appoint("adam", "administrator");
    }
}

fn an_absence_is_ended_once(register: Register) {
    let set = is_away(&register, "dana", march(8, 12, None));
    let answers = race(
        || ends(&register, "adam", set.id),
        || ends(&register, "dana", set.id),
    );
    let mut codes = answers.each_ref().map(code);
    codes.sort_unstable();
    assert_eq!(codes, ["absence-over", "done"]);
    let answers = race(
        || tries_to_be_away(&register, "dana", march(8, 12, None)),
        || tries_to_be_away(&register, "dana", march(12, 14, None)),
    );
    let mut codes = answers.each_ref().map(code);
    codes.sort_unstable();
    assert_eq!(codes, ["done", "invalid"], "one of them overlaps");
}

fn what_people_hold_is_taken_away_again(register: Register) {
    assert!(takes_role(&register, "adam", "dana", "data_protection").expect("it is taken"));
    assert_eq!(last(&register).kind, "role.taken");
    assert_eq!(last(&register).data["role"], "data_protection");
    let size = register.ledger_size();
    assert!(!takes_role(&register, "adam", "dana", "data_protection").expect("nothing to do"));
    assert_eq!(
        register.ledger_size(),
        size,
        "nothing happened, nothing is noted"
    );
    let case = register.submitted_by("tomas", json!({}));
    assert_eq!(register.asked(&case, "data_use"), ["dario"]);
    let (abby, actor) = (register.person("abby"), in_session(register.person("adam")));
    register.does(move |tx, desk| {
        let now = desk.clock.now();
        people::take(tx, now, &actor, abby, Holding::Group, "ai_council")
    });
    assert_eq!(last(&register).kind, "group.left");
    for name in ["tomas", "audra", "gus"] {
        register.refuses("forbidden", || {
            takes_role(&register, name, "dario", "data_protection")
        });
    }
    register.refuses("invalid", || {
        let (actor, olga) = (in_session(register.person("adam")), register.person("olga"));
        register.tries(move |tx, desk| {
            let now = desk.clock.now();
            people::give(tx, now, &actor, olga, Holding::Role, "Legal counsel")
        })
    });
}

fn a_review_knows_where_its_people_stand(register: Register) {
    register.plants();
    let person = |name: &str| register.person(name);
    manages(&register, Some("lars"), "dana").expect("lars manages dana");
    manages(&register, Some("ezra"), "tomas").expect("ezra manages tomas");
    manages(&register, Some("carl"), "olga").expect("carl manages olga");
    is_away(&register, "dana", march(1, 5, Some(person("kim"))));
    is_away(&register, "dario", march(1, 5, Some(person("noor"))));
    is_away(&register, "kim", march(1, 3, None));
    is_away(&register, "sven", march(2, 5, None));
    for name in ["noor", "carl", "stan"] {
        leaves(&register, name).expect("they leave");
    }
    assert!(tampers(
        &register,
        "UPDATE people SET reachable = FALSE \
         WHERE email IN ('lars@example.org', 'vera@example.org')"
    ));
    register.publish(&workflow(&[
        stage("one", &[], &[seat("data_protection", 1)]),
        with(
            stage("two", &["one"], &[seat("security", 1)]),
            "separation",
            json!({ "not": ["submitter"] }),
        ),
        stage(
            "three",
            &["two"],
            &[json!({ "key": "named", "need": 1,
                      "from": [{ "person": "mei@example.org" }, { "field": "request.owner" }],
                      "fallback": [{ "person": "stan@example.org" }] })],
        ),
    ]));
    let desk = register.desk.clone();
    let loaded = register.reads(|conn| {
        Ok(workflows::choose(conn, &desk.workflows, "use_case", &json!({}))?.expect("a workflow"))
    });
    let request = json!({ "owner": " Olga@example.org" });
    let others = ["tomas", "dana", "vera", "noor"].map(person);
    let others = BTreeSet::from(others);
    let on = |today| {
        let workflow = &loaded.workflow;
        register.reads(|conn| people::directory(conn, workflow, &request, today, &others))
    };
    let found = on(day("2027-03-01"));
    assert_eq!(
        found.roles["data_protection"],
        BTreeSet::from([person("dana"), person("dario")])
    );
    assert!(found.roles["stand_in"].is_empty(), "who left holds nothing");
    let named: Vec<&str> = found.addresses.keys().map(String::as_str).collect();
    assert_eq!(named, ["mei@example.org", "olga@example.org"]);
    assert_eq!(found.away.get(&person("dana")), Some(&Some(person("kim"))));
    assert_eq!(
        found.away.get(&person("dario")),
        Some(&None),
        "who left does not stand in"
    );
    assert_eq!(
        found.away.get(&person("kim")),
        Some(&None),
        "a delegate's own absence shows"
    );
    assert_eq!(found.away.get(&person("sven")), None, "from tomorrow on");
    assert_eq!(found.away.len(), 3);
    assert_eq!(found.managers.get(&person("dana")), Some(&person("lars")));
    assert_eq!(found.managers.get(&person("tomas")), Some(&person("ezra")));
    assert_eq!(
        found.managers.get(&person("olga")),
        None,
        "her manager left"
    );
    let gone = ["noor", "carl", "stan"].map(person);
    assert_eq!(found.gone, BTreeSet::from(gone));
    assert_eq!(
        found.unreachable,
        BTreeSet::from([person("lars"), person("vera")])
    );

    let later = on(day("2027-03-06"));
    assert!(later.away.is_empty());
}

fn the_directory_is_found_by_words_and_by_where_people_stand(register: Register) {
    let today = day("2027-03-01");
    let find = |text: &str, state| {
        let wanted = people::Wanted {
            text: text.to_owned(),
            state,
            after: None,
        };
        let found = register.reads(|conn| people::list(conn, today, &wanted));
        assert_eq!(found.total, found.lines.len() as i64);
        let names = found.lines.into_iter().map(|line| line.person.name);
        names.collect::<Vec<String>>()
    };
    use people::State;
    is_away(&register, "dana", march(1, 5, None));
    is_away(&register, "dario", march(2, 5, None));
    leaves(&register, "sara").expect("she leaves");
    assert_eq!(find("DA", State::Any), ["adam", "dana", "dario"]);
    assert_eq!(find("dar example.org", State::Any), ["dario"]);
    assert_eq!(
        find("da_a", State::Any),
        Vec::<String>::new(),
        "a sign is a sign"
    );
    assert_eq!(find("", State::Away), ["dana"]);
    assert_eq!(find("", State::Left), ["sara"]);
    assert_eq!(find("", State::Here).len(), 28 - 2);
    assert_eq!(find("", State::Unreachable), Vec::<String>::new());

    register.does(|tx, desk| {
        for n in 0..120 {
            let new = people::NewPerson {
                email: format!("p{n}@example.org"),
                name: format!("Person {}", n / 3),
                roles: vec!["legal".to_owned()],
                groups: Vec::new(),
            };
            people::add(tx, desk.clock.now(), &operator(), &new)?;
        }
        Ok(())
    });
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let wanted = people::Wanted {
            after,
            ..Default::default()
        };
        let found = register.reads(|conn| people::list(conn, today, &wanted));
        assert_eq!(found.total, 148);
        assert!(found.lines.len() <= 50);
        seen.extend(found.lines.iter().map(|line| line.person.id));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 148, "everybody once");
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 148);
}

const ORIGIN: &str = "https://register.example";

/// The same database, reached by stories and over HTTP.
struct House {
    register: Register,
    app: App,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    location: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.json(status);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }
}

fn move_in(url: String) -> House {
    let register = Register::open(url.clone());
    let config = Config {
        database_url: url,
        public_url: ORIGIN.to_owned(),
        readers: 1,
        ..Config::default()
    };
    let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
    House { register, app }
}

impl House {
    fn send(&self, request: TestRequest) -> Answer {
        let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
        System::new().block_on(async {
            let app = actix_web::App::new().configure(configure(self.app.clone()));
            let response = call_service(&init_service(app).await, request).await;
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|l| l.to_str().ok()).unwrap_or_default();
            Answer {
                status: response.status(),
                location: location.to_owned(),
                body: String::from_utf8_lossy(&read_body(response).await).into_owned(),
            }
        })
    }

    fn visit(&self, who: &str, request: TestRequest) -> Answer {
        let person = self.register.person(who);
        let session = self
            .app
            .db
            .upkeep_now(move |tx| people::open_session(tx, first_day(), person));
        let cookie = session_cookie(&self.app, &session.expect("a session"));
        self.send(request.cookie(cookie))
    }

    fn get(&self, who: &str, path: &str) -> Answer {
        self.visit(who, TestRequest::get().uri(path))
    }

    fn post(&self, who: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.visit(who, TestRequest::post().uri(path).set_form(pairs))
    }

    /// Sends a form that must be taken, and leads back to `path`.
    #[track_caller]
    fn does(&self, who: &str, path: &str, pairs: &[(&str, &str)], back: &str) {
        let answer = self.post(who, path, pairs);
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert_eq!(answer.location, back);
    }

    fn page_of(&self, who: &str) -> String {
        format!("/people/{}", self.register.person(who))
    }

    fn call(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = TestRequest::with_uri(path).method(method);
        let request = match body {
            Some(body) => request.set_json(body),
            None => request,
        };
        self.send(request.insert_header((header::AUTHORIZATION, token)))
    }

    fn token(&self, who: &str, scopes: &[&str]) -> String {
        let (person, now) = (self.register.person(who), first_day());
        let scopes: Vec<String> = scopes.iter().map(|s| (*s).to_owned()).collect();
        let secret = self
            .register
            .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
        format!("Bearer {}", secret.reveal())
    }

    fn absences(&self, who: &str) -> Vec<Absence> {
        let person = self.register.person(who);
        self.register
            .reads(|conn| absence::ahead(conn, day("2027-03-01"), person))
    }
}

fn absence_form<'a>(from: &'a str, until: &'a str, delegate: &'a str) -> [(&'a str, &'a str); 3] {
    [("from", from), ("until", until), ("delegate", delegate)]
}

/// The value of a hidden field of the first form that is sent to `action`.
fn hidden(html: &str, action: &str, name: &str) -> String {
    let form = html
        .split_once(&format!("action=\"{action}\""))
        .expect("the form")
        .1;
    let field = form
        .split_once(&format!("name=\"{name}\" value=\""))
        .expect("the field")
        .1;
    field.split('"').next().expect("a value").to_owned()
}

fn a_person_notes_changes_and_ends_an_absence_on_their_page(house: House) {
    let page = house.get("dana", "/profile").body;
    for text in [
        "dana@example.org",
        "Data protection",
        "Note an absence",
        "in UTC",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let (path, back) = ("/profile/absences", "/profile");
    let wrong = house.post(
        "dana",
        path,
        &absence_form("2027-03-12", "2027-03-08", "Dario@x"),
    );
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("<title>Error: "), "{}", wrong.body);
    for text in [
        "value=\"2027-03-12\"",
        "value=\"Dario@x\"",
        "href=\"#absence-delegate\"",
    ] {
        assert!(wrong.body.contains(text), "{text}: {}", wrong.body);
    }
    let form = absence_form("2027-03-08", "2027-03-12", "dario@example.org");
    house.does("dana", path, &form, back);
    let noted = house.absences("dana").remove(0);
    let page = house.get("dana", "/profile").body;
    assert!(
        page.contains("8 Mar 2027") && page.contains("12 Mar 2027"),
        "{page}"
    );
    assert!(page.contains("dario</a> stands in"), "{page}");
    assert!(
        house
            .get("dario", "/profile")
            .body
            .contains("Stands in for")
    );

    let of_it = format!("/profile/absences/{}", noted.id);
    let wrong = house.post(
        "dana",
        &of_it,
        &absence_form("2027-03-08", "2027-03-32", ""),
    );
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let target = format!("href=\"#absence-{}-until\"", noted.id);
    assert!(wrong.body.contains(&target), "{}", wrong.body);
    assert!(
        wrong.body.contains("value=\"2027-03-32\""),
        "what was typed stays"
    );
    house.does(
        "dana",
        &of_it,
        &absence_form("2027-03-01", "2027-03-12", ""),
        back,
    );
    assert!(
        house
            .get("tomas", "/people?state=away")
            .body
            .contains(">dana<")
    );
    let theirs = house.get("tomas", &house.page_of("dana")).body;
    assert!(theirs.contains("nobody stands in") && !theirs.contains("Note an absence"));

    let others = house.post("dario", &of_it, &[("end", "yes")]);
    assert_eq!(others.status, StatusCode::NOT_FOUND, "it is not his");
    house.does("dana", &of_it, &[("end", "yes")], back);
    assert!(house.absences("dana").is_empty());
    let again = house.post("dana", &of_it, &[("end", "yes")]);
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(
        again.body.contains("This absence is over or was ended"),
        "{}",
        again.body
    );
    let kinds: Vec<String> = house
        .register
        .entries()
        .into_iter()
        .map(|e| e.kind)
        .collect();
    assert!(kinds.ends_with(&["absence.set", "absence.set", "absence.ended"].map(str::to_owned)));
}

fn an_administrator_keeps_people_on_their_pages(house: House) {
    let dana = house.page_of("dana");
    let to = |place: &str| format!("{dana}/{place}");
    house.does("adam", &to("roles"), &[("role", "legal")], &dana);
    house.does("adam", &to("roles"), &[("take", "data_protection")], &dana);
    house.does("adam", &to("groups"), &[("group", "ai_council")], &dana);
    house.does(
        "adam",
        &to("manager"),
        &[("manager", "lars@example.org")],
        &dana,
    );
    house.does(
        "adam",
        &to("absences"),
        &absence_form("2027-03-08", "2027-03-09", ""),
        &dana,
    );
    let page = house.get("adam", &dana).body;
    for text in [
        "Legal",
        "AI council",
        "value=\"lars@example.org\"",
        "8 Mar 2027",
        "Leaving",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(
        !page.contains("data_protection</code>"),
        "it was taken away"
    );
    assert!(
        house
            .get("adam", &house.page_of("lars"))
            .body
            .contains("Manages")
    );

    for (place, pairs, says, typed) in [
        (
            "roles",
            ("role", "Legal counsel"),
            "Use small letters",
            "Legal counsel",
        ),
        (
            "manager",
            ("manager", "dana@example.org"),
            "their own manager",
            "dana@example.org",
        ),
        (
            "manager",
            ("manager", "x@y.example"),
            "has this address",
            "x@y.example",
        ),
    ] {
        let wrong = house.post("adam", &to(place), &[pairs]);
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        for text in [says, &format!("value=\"{typed}\""), "<title>Error: "] {
            assert!(wrong.body.contains(text), "{text}: {}", wrong.body);
        }
    }
    let last = house.post("adam", &format!("{}/departure", house.page_of("adam")), &[]);
    assert_eq!(last.status, StatusCode::CONFLICT);
    assert!(
        last.body.contains("is the only administrator"),
        "{}",
        last.body
    );

    let new = [("email", "New@Example.org"), ("name", "Nadia New")];
    let made = house.post("adam", "/people", &new);
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    assert!(
        house
            .get("adam", &made.location)
            .body
            .contains("new@example.org")
    );
    let twice = house.post("adam", "/people", &new);
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        twice.body.contains("Nadia New has this address already"),
        "{}",
        twice.body
    );
    assert!(twice.body.contains("<details open>"));
}

fn others_read_the_directory_and_change_nothing(house: House) {
    let dana = house.page_of("dana");
    for name in ["tomas", "audra", "gus", "dana"] {
        let list = house.get(name, "/people?q=dana").body;
        assert!(
            list.contains(">dana<") && !list.contains("Add a person"),
            "{list}"
        );
        let page = house.get(name, &dana).body;
        assert!(
            page.contains("Data protection") && !page.contains("Take away"),
            "{page}"
        );
        let size = house.register.ledger_size();
        for (path, pairs) in [
            (
                "/people".to_owned(),
                vec![("email", "a@b.example"), ("name", "A")],
            ),
            (format!("{dana}/roles"), vec![("role", "administrator")]),
            (format!("{dana}/groups"), vec![("group", "ai_council")]),
            (
                format!("{dana}/manager"),
                vec![("manager", "tomas@example.org")],
            ),
            (
                format!("{dana}/absences"),
                absence_form("2027-03-08", "2027-03-08", "").to_vec(),
            ),
            (format!("{dana}/departure"), vec![]),
            (format!("{dana}/return"), vec![]),
        ] {
            let answer = house.post(name, &path, &pairs);
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name} {path}");
        }
        assert_eq!(house.register.ledger_size(), size);
    }
    for path in ["/people", &dana, "/profile"] {
        let stranger = house.send(TestRequest::get().uri(path));
        assert_eq!(stranger.status, StatusCode::SEE_OTHER, "{path}");
        assert!(stranger.location.starts_with("/sign-in"), "{path}");
    }
    for path in ["/people?state=gone", "/people?after=7", "/people?x=y"] {
        assert_eq!(
            house.get("tomas", path).status,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
    let nobody = format!("/people/{}", PersonId::new());
    for path in [nobody.as_str(), "/people/dana"] {
        assert_eq!(
            house.get("adam", path).status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(house.get("tomas", "/people?q=%25").status, StatusCode::OK);
}

fn a_form_pressed_twice_is_one_absence(house: House) {
    let page = house.get("dana", "/profile").body;
    let once = hidden(&page, "/profile/absences", "_once");
    let mut form = absence_form("2027-03-08", "2027-03-12", "").to_vec();
    form.push(("_once", &once));
    for _ in 0..2 {
        house.does("dana", "/profile/absences", &form, "/profile");
    }
    assert_eq!(house.absences("dana").len(), 1);
    let other = house.post("dana", "/profile/absences", &form[..3]);
    assert_eq!(
        other.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "sent from another page"
    );
}

fn the_page_of_who_left_offers_the_way_back(house: House) {
    let dana = house.page_of("dana");
    let to = |place: &str| format!("{dana}/{place}");
    let reason = [("reason", "New job\r\nelsewhere")];
    house.does("adam", &to("departure"), &reason, &dana);
    let page = house.get("adam", &dana).body;
    for text in ["Left on", "Note that dana came back", "Take away"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for text in ["Note an absence", "Save the manager", "Give this role"] {
        assert!(!page.contains(text), "{text}: {page}");
    }
    assert!(
        house
            .get("tomas", "/people?state=left")
            .body
            .contains(">dana<")
    );
    let again = house.post("adam", &to("departure"), &reason);
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(
        again.body.contains("Dana left") || again.body.contains("dana left"),
        "{}",
        again.body
    );
    house.does("adam", &to("roles"), &[("take", "data_protection")], &dana);
    house.does("adam", &to("return"), &[], &dana);
    assert!(!house.get("adam", &dana).body.contains("Left on"));
    let log = house.get("audra", "/log?person=dana%40example.org").body;
    for text in [
        "Left: asked no more",
        "New job\nelsewhere",
        "Came back",
        "taken away",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
}

fn programs_keep_the_directory_by_tokens_of_administrators(house: House) {
    let token = house.token("adam", &["read", "people"]);
    let person = |name: &str| format!("/api/v1{}", house.page_of(name));
    let put = |path: &str, body: Option<Value>| house.call(&token, Method::PUT, path, body);
    let post = |path: &str, body: Value| house.call(&token, Method::POST, path, Some(body));
    let (dana, dario) = (person("dana"), house.register.person("dario"));

    let made = post(
        "/api/v1/people",
        json!({ "email": "nia@example.org", "name": "Nia",
                                              "roles": ["legal"] }),
    );
    let made = made.json(201);
    assert_eq!(
        (&made["roles"], &made["active"]),
        (&json!(["legal"]), &json!(true))
    );
    let given = put(&format!("{dana}/roles/legal"), None).json(200);
    assert_eq!(given["roles"], json!(["data_protection", "legal"]));
    let size = house.register.ledger_size();
    put(&format!("{dana}/roles/legal"), None).json(200);
    assert_eq!(house.register.ledger_size(), size, "she holds it");
    let role = format!("{dana}/roles/data_protection");
    let taken = house.call(&token, Method::DELETE, &role, None).json(200);
    assert_eq!(taken["roles"], json!(["legal"]));
    let group = format!("{dana}/groups/ai_council");
    assert_eq!(put(&group, None).json(200)["groups"], json!(["ai_council"]));
    let left = house.call(&token, Method::DELETE, &group, None).json(200);
    assert_eq!(left["groups"], json!([]));
    let manager = json!({ "manager": "lars@example.org" });
    let managed = put(&format!("{dana}/manager"), Some(manager)).json(200);
    assert_eq!(managed["manager"]["name"], "lars");

    let absences = format!("{dana}/absences");
    let wanted = json!({ "from": "2027-03-01", "until": "2027-03-12",
                         "delegate": "dario@example.org" });
    let set = keyed_json(&house, &token, &absences, &wanted);
    assert_eq!(set["delegate"], json!({ "id": dario, "name": "dario" }));
    assert_eq!(set["set_by"]["name"], "adam");
    assert_eq!(
        keyed_json(&house, &token, &absences, &wanted),
        set,
        "sent again, happened once"
    );
    let shown = house.call(&token, Method::GET, &dana, None).json(200);
    assert_eq!(shown["away"]["until"], "2027-03-12");
    assert_eq!(shown["absences"], json!([set]));
    let wrong = post(&absences, json!({ "from": "2027-03-12", "until": "soon" }));
    let wrong = wrong.refused(422, "invalid");
    assert_eq!(wrong["errors"][0]["field"], "until");
    let of_it = format!("{absences}/{}", set["id"].as_str().expect("an id"));
    let longer = put(
        &of_it,
        Some(json!({ "from": "2027-03-01", "until": "2027-03-14" })),
    );
    assert_eq!(longer.json(200)["delegate"], Value::Null);
    let foreign = of_it.replace(&dana, &person("dario"));
    house
        .call(&token, Method::DELETE, &foreign, None)
        .refused(404, "not-found");
    let ended = house.call(&token, Method::DELETE, &of_it, None).json(200);
    assert!(ended["ended_at"].is_string());
    house
        .call(&token, Method::DELETE, &of_it, None)
        .refused(409, "absence-over");

    let gone = post(&format!("{dana}/departure"), json!({ "reason": "Moves" })).json(200);
    assert_eq!(gone["active"], false);
    post(&format!("{dana}/departure"), json!({})).refused(409, "person-left");
    put(&format!("{dana}/roles/security"), None).refused(409, "person-left");
    let found = house
        .call(&token, Method::GET, "/api/v1/people?state=left", None)
        .json(200);
    assert_eq!(
        (&found["total"], &found["people"][0]["name"]),
        (&json!(1), &json!("dana"))
    );
    let back = house
        .call(&token, Method::POST, &format!("{dana}/return"), None)
        .json(200);
    assert_eq!(back["active"], true);
    post(&format!("{dana}/return"), json!({})).refused(409, "person-present");
    let own = format!("{}/roles/administrator", person("adam"));
    house
        .call(&token, Method::DELETE, &own, None)
        .refused(409, "last-administrator");
}

fn keyed_json(house: &House, token: &str, path: &str, body: &Value) -> Value {
    let request = TestRequest::post().uri(path).set_json(body);
    let request = request.insert_header(("Idempotency-Key", "away-1"));
    house
        .send(request.insert_header((header::AUTHORIZATION, token)))
        .json(201)
}

fn a_token_of_somebody_else_keeps_nothing(house: House) {
    let dana = format!("/api/v1{}", house.page_of("dana"));
    let absences = format!("{dana}/absences");
    let body = json!({ "from": "2027-03-01", "until": "2027-03-12" });
    for (name, scopes) in [
        ("adam", &["read", "write", "log"][..]),
        ("dana", &["read", "people"]),
        ("gus", &["read", "people"]),
        ("audra", &["read", "people", "log"]),
    ] {
        let token = house.token(name, scopes);
        let size = house.register.ledger_size();
        for (method, path) in [
            (Method::POST, absences.clone()),
            (Method::PUT, format!("{dana}/roles/legal")),
            (Method::DELETE, format!("{dana}/roles/data_protection")),
            (Method::PUT, format!("{dana}/groups/ai_council")),
            (Method::PUT, format!("{dana}/manager")),
            (Method::POST, format!("{dana}/departure")),
            (Method::POST, format!("{dana}/return")),
            (Method::POST, "/api/v1/people".to_owned()),
        ] {
            let answer = house.call(&token, method, &path, Some(body.clone()));
            answer.refused(403, "forbidden");
        }
        assert_eq!(house.register.ledger_size(), size);
        let read = house.call(&token, Method::GET, &dana, None).json(200);
        let own_or_all = ["adam", "dana"].contains(&name);
        assert_eq!(read.get("absences").is_some(), own_or_all, "{name}");
    }
    house
        .send(TestRequest::get().uri(&dana))
        .refused(401, "unauthenticated");
}

fn hostile_names_and_keys_are_refused_in_words(house: House) {
    let token = house.token("adam", &["read", "people"]);
    let dana = format!("/api/v1{}", house.page_of("dana"));
    let before = house.register.ledger_size();
    for key in [
        "Legal",
        "a%20b",
        "%2e%2e",
        "x'--",
        &"a".repeat(49),
        "%F0%9F%92%A9",
    ] {
        for method in [Method::PUT, Method::DELETE] {
            let path = format!("{dana}/roles/{key}");
            let answer = house.call(&token, method, &path, None);
            assert_eq!(
                answer.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{key}: {}",
                answer.body
            );
        }
    }
    for body in [
        json!({ "from": "2027-03-08", "until": "2027-03-08", "delegate": "a\u{0}b@example.org" }),
        json!({ "from": "-009999-01-02", "until": "9999-12-31" }),
        json!({ "from": "2027-03-08T10:00", "until": "20270308" }),
        json!({ "from": "2027-02-30", "until": "2027-03-08" }),
    ] {
        let answer = house.call(
            &token,
            Method::POST,
            &format!("{dana}/absences"),
            Some(body),
        );
        answer.refused(422, "invalid");
    }
    for body in [
        json!({ "from": 7, "until": "2027-03-08" }),
        json!({ "until": "2027-03-08" }),
    ] {
        let answer = house.call(
            &token,
            Method::POST,
            &format!("{dana}/absences"),
            Some(body),
        );
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    }
    let long = json!({ "reason": "x".repeat(2001) });
    let answer = house.call(
        &token,
        Method::POST,
        &format!("{dana}/departure"),
        Some(long),
    );
    assert_eq!(
        answer.refused(422, "invalid")["errors"][0]["field"],
        "reason"
    );
    let search = house.call(&token, Method::GET, "/api/v1/people?q=%27%25_%5C", None);
    assert_eq!(search.json(200)["total"], 0);
    assert_eq!(house.register.ledger_size(), before, "nothing happened");

    let hostile = json!({ "reason": "a\u{0}\u{202e}b" });
    house
        .call(
            &token,
            Method::POST,
            &format!("{dana}/departure"),
            Some(hostile),
        )
        .json(200);
}

fn whoever_leaves_is_asked_no_more_and_others_decide(house: House) {
    let register = &house.register;
    let case = register.submitted_by("tomas", json!({}));
    assert_eq!(register.asked(&case, "data_use"), ["dana", "dario"]);
    let link = register.link_for("dana", &case);
    for (name, left) in [("dana", &["dario"][..]), ("dario", &["gus", "priya"])] {
        let page = house.page_of(name);
        house.does("adam", &format!("{page}/departure"), &[], &page);
        assert_eq!(register.asked(&case, "data_use"), left, "after {name} left");
    }
    let shown = house.send(TestRequest::get().uri(&format!("/s/{}", link.reveal())));
    assert!(!shown.body.contains("Record my decision"), "{}", shown.body);
    register.as_reviewer("priya").approve(&case);
    assert_eq!(register.decisions(&case), ["priya approve data_use 1"]);
    let back = house.page_of("dana");
    house.does("adam", &format!("{back}/return"), &[], &back);
    let next = register.submitted_by("tomas", json!({ "title": "Another" }));
    assert_eq!(register.asked(&next, "data_use"), ["dana"]);
}

fn questions_go_to_whoever_stands_in(house: House) {
    let register = &house.register;
    let open_to_all = json!("any_eligible");
    register.publish(&workflow(&[with(
        stage("one", &[], &[seat("reviewer", 1)]),
        "delegation",
        open_to_all,
    )]));
    let case = register.submitted_by("tomas", json!({}));
    assert_eq!(register.asked(&case, "one"), ["mei", "ravi", "rosa"]);
    let link = register.link_for("mei", &case);
    let path = "/profile/absences";
    let later = absence_form("2027-03-02", "2027-03-05", "noor@example.org");
    house.does("rosa", path, &later, "/profile");
    let today = absence_form("2027-03-01", "2027-03-05", "kim@example.org");
    house.does("mei", path, &today, "/profile");
    assert_eq!(register.asked(&case, "one"), ["kim", "ravi", "rosa"]);
    let moved = register
        .entries()
        .into_iter()
        .find(|e| e.kind == "task.moved");
    let moved = moved.expect("the log says so");
    assert_eq!(moved.data["from"], register.person("mei").to_string());
    assert_eq!(moved.data["to"], register.person("kim").to_string());
    register.refuses("task-moved", || {
        let mei = register.as_reviewer("mei").by_link(&link);
        mei.tries(Outcome::Approve, &case)
    });

    let next = register.submitted_by("tomas", json!({ "title": "Another" }));
    assert_eq!(register.asked(&next, "one"), ["kim", "ravi", "rosa"]);
    register.as_reviewer("kim").approve(&next);
    assert_eq!(register.decisions(&next), ["kim approve one 1"]);
}

fn a_role_that_ends_takes_its_questions_with_it(register: Register) {
    let stages = [stage("look", &[], &[seat("reviewer", 1)])];
    register.publish(&workflow(&stages));
    let case = register.submitted_by("tomas", json!({}));
    let mut asked = register.asked(&case, "look");
    asked.sort();
    assert_eq!(asked, ["mei", "ravi", "rosa"]);
    takes_role(&register, "adam", "mei", "reviewer").expect("it is taken");
    // A page that was open all the while decides nothing any more.
    register.refuses("no-longer-named", || {
        register.as_reviewer("mei").tries(Outcome::Approve, &case)
    });
    assert_eq!(register.looks_again(), 1);
    assert!(!register.asked(&case, "look").contains(&"mei".to_owned()));
    assert_eq!(last(&register).kind, "seat.left");
    assert_eq!(register.looks_again(), 0, "once");
    register.refuses("task-moved", || {
        register.as_reviewer("mei").tries(Outcome::Approve, &case)
    });
    // When the last of them loses it, others stand in.
    takes_role(&register, "adam", "ravi", "reviewer").expect("it is taken");
    takes_role(&register, "adam", "rosa", "reviewer").expect("it is taken");
    assert_eq!(register.looks_again(), 1);
    assert_eq!(last(&register).kind, "seat.fell_back");
    let asked = register.asked(&case, "look");
    register.as_reviewer(&asked[0]).approve(&case);
}

fn an_auditor_whose_appointment_is_over_sits_in_no_seat(register: Register) {
    let stages = [stage("look", &[], &[seat("auditor", 1)])];
    register.publish(&workflow(&stages));
    let (adam, audra) = (
        in_session(register.person("adam")),
        register.person("audra"),
    );
    let today = register.reads(|_| Ok(register.desk.today()));
    let terms = people::auditor::Terms {
        last_day: Some(today.days_later(3)),
        ..Default::default()
    };
    let by = adam.clone();
    register.does(move |tx, desk| {
        people::auditor::appoint(tx, desk.clock.now(), &by, audra, &terms).map(drop)
    });
    let before = register.submitted_by("tomas", json!({}));
    assert_eq!(register.asked(&before, "look"), ["audra"]);
    register.days_pass(4);
    assert_eq!(register.looks_again(), 1);
    assert!(
        !register
            .asked(&before, "look")
            .contains(&"audra".to_owned())
    );
    let after = register.submitted_by("tomas", json!({"title": "Another one"}));
    assert!(!register.asked(&after, "look").contains(&"audra".to_owned()));
    // Giving the role would say nothing of the appointment that is over.
    register.refuses("auditor-appointed", || {
        register.tries(move |tx, desk| {
            let now = desk.clock.now();
            people::give(tx, now, &adam, audra, Holding::Role, "auditor")
        })
    });
}
