use super::*;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SHIPPED: &str = include_str!("../../templates/policies/data_use.json");
const TODAY: Date = date(2027, 3, 1);

fn index(document: &Value) -> Index {
    Index::new(
        Document::read(document)
            .unwrap_or_else(|p| panic!("{p:#?}"))
            .policy,
    )
}

/// Two tools, the first with two modes; three classes, `health` includes `personal`.
fn policy(rules: &[Value]) -> Value {
    let rules: Vec<Value> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| complete(at, rule))
        .collect();
    json!({
        "format": 1, "key": "here", "title": "Here", "owner": "olga@example.org",
        "contact": "The AI desk",
        "classes": [
            {"key": "open", "title": "Open"}, {"key": "personal", "title": "Personal data"},
            {"key": "health", "title": "Health", "includes": ["personal"]},
        ],
        "tools": [
            {"key": "copilot", "title": "Big Copilot", "aliases": ["Pilot"],
             "modes": [{"key": "work", "title": "Work"}, {"key": "web", "title": "Web"}]},
            {"key": "scribe", "title": "Scribe"},
        ],
        "purposes": [
            {"key": "drafting", "title": "Drafting"}, {"key": "hiring", "title": "Hiring"},
        ],
        "rules": rules,
    })
}

/// A rule with a key and a reason, and a condition where it needs one.
fn complete(at: usize, rule: &Value) -> Value {
    let mut rule = rule.clone();
    let fields = rule.as_object_mut().unwrap();
    fields.entry("key").or_insert(json!(format!("rule_{at}")));
    fields.entry("reason").or_insert(json!("Because."));
    if fields["verdict"] == "allowed_with_conditions" {
        let text = format!("Condition of {at}.");
        fields
            .entry("conditions")
            .or_insert(json!([{"key": "c", "text": text}]));
    }
    rule
}

fn ask(index: &Index, tool: &str, mode: Option<&str>, classes: &[&str]) -> Answer {
    ask_for(index, tool, mode, classes, None)
}

fn ask_for(
    index: &Index,
    tool: &str,
    mode: Option<&str>,
    classes: &[&str],
    purpose: Option<&str>,
) -> Answer {
    let question = Question {
        tool: tool.to_owned(),
        mode: mode.map(str::to_owned),
        classes: classes.iter().map(ToString::to_string).collect(),
        purpose: purpose.map(str::to_owned),
    };
    index.ask(&question, TODAY)
}

fn refused(document: &Value, pieces: &[&str]) {
    let problems = Document::read(document).expect_err("it is refused");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for piece in pieces {
        assert!(
            told.iter().any(|line| line.contains(piece)),
            "{piece}: {told:#?}"
        );
    }
}

#[test]
fn the_policy_that_ships_is_in_order_and_leaves_nothing_open_for_its_own_tools() {
    let document = Document::load("data_use.json", SHIPPED).unwrap_or_else(|p| panic!("{p:#?}"));
    let index = Index::new(document.policy);
    let found = lint(&index, TODAY);
    assert_eq!(found.gaps, []);
    assert_eq!(found.contradictions, []);
    assert_eq!(found.idle, []);
    let answer = ask(&index, "northlight", None, &["personal"]);
    let said = "No, not in “Free account”. In “Work account” yes, with 2 conditions.";
    assert_eq!(headline(&answer), said);
    let answer = ask(&index, "Nobody's tool", None, &["special_category"]);
    assert_eq!(answer.outcome.verdict, Verdict::Prohibited);
    let answer = ask(&index, "Nobody's tool", None, &["public"]);
    assert_eq!(answer.outcome.verdict, Verdict::NotDecided);
}

#[test]
fn the_rule_that_names_more_counts_whatever_it_says() {
    let index = index(&policy(&[
        json!({"tools": "any", "verdict": "prohibited"}),
        json!({"tools": ["scribe"], "classes": ["open"], "verdict": "allowed"}),
    ]));
    let answer = ask(&index, "scribe", None, &["open"]);
    assert_eq!(answer.outcome.verdict, Verdict::Allowed);
    assert_eq!(answer.outcome.rules, ["rule_1"]);
    assert_eq!(
        ask(&index, "scribe", None, &["personal"]).outcome.verdict,
        Verdict::Prohibited
    );
}

#[test]
fn of_rules_that_name_equally_much_the_strictest_counts_and_the_author_is_told() {
    let index = index(&policy(&[
        json!({"tools": ["scribe"], "verdict": "allowed"}),
        json!({"tools": "any", "classes": ["open"], "verdict": "review_required"}),
    ]));
    let answer = ask(&index, "scribe", None, &["open"]);
    assert_eq!(answer.outcome.verdict, Verdict::ReviewRequired);
    let found = lint(&index, TODAY);
    let [contradiction] = found.contradictions.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!(contradiction.rules, ["rule_1", "rule_0"]);
    assert_eq!(contradiction.verdict, Verdict::ReviewRequired);
    let cell = |class: &str, tool: &str| Cell {
        tool: Some(tool.to_owned()),
        mode: None,
        class: class.to_owned(),
        purpose: None,
    };
    assert_eq!(contradiction.cells, [cell("open", "scribe")]);
}

#[test]
fn over_several_classes_the_strictest_verdict_counts_and_conditions_add_up() {
    let index = index(&policy(&[
        json!({"tools": ["scribe"], "classes": ["open"], "verdict": "allowed_with_conditions"}),
        json!({"tools": ["scribe"], "classes": ["personal"], "verdict": "allowed_with_conditions"}),
        json!({"tools": ["scribe"], "classes": ["health"], "verdict": "allowed"}),
    ]));
    let answer = ask(&index, "scribe", None, &["open", "personal"]);
    assert_eq!(answer.outcome.verdict, Verdict::AllowedWithConditions);
    let texts: Vec<&str> = answer
        .outcome
        .conditions
        .iter()
        .map(|c| c.text.as_str())
        .collect();
    assert_eq!(texts, ["Condition of 0.", "Condition of 1."]);
    assert_eq!(headline(&answer), "Yes, with 2 conditions.");
    assert_eq!(next_step(&index, &answer, None), Step::Accept);
    // Health is personal data too.
    let answer = ask(&index, "scribe", None, &["health"]);
    assert_eq!(answer.asked.included, ["personal"]);
    assert_eq!(answer.outcome.verdict, Verdict::AllowedWithConditions);
}

#[test]
fn the_order_of_strictness_is_the_one_that_is_promised() {
    use Verdict::{Allowed, AllowedWithConditions, NotDecided, Prohibited, ReviewRequired};
    let order = [
        Allowed,
        AllowedWithConditions,
        NotDecided,
        ReviewRequired,
        Prohibited,
    ];
    assert_eq!(Verdict::ALL, order);
    assert!(order.is_sorted());
}

#[test]
fn a_mode_that_is_not_said_is_answered_for_each_and_the_strictest_counts() {
    let rules = [
        json!({"tools": ["copilot"], "modes": ["work"], "verdict": "allowed_with_conditions"}),
        json!({"tools": ["copilot"], "modes": ["web"], "verdict": "prohibited"}),
    ];
    let index = index(&policy(&rules));
    let answer = ask(&index, "pilot", None, &["open"]);
    assert_eq!(answer.outcome.verdict, Verdict::Prohibited);
    assert!(answer.depends_on_mode);
    assert_eq!(
        headline(&answer),
        "No, not in “Web”. In “Work” yes, with one condition."
    );
    let step = next_step(&index, &answer, None);
    assert!(
        matches!(step, Step::ChooseMode { ref mode, .. } if mode == "work"),
        "{step:?}"
    );
    let answer = ask(&index, "Big  copilot", Some("Work"), &["open"]);
    assert_eq!(answer.outcome.verdict, Verdict::AllowedWithConditions);
    assert!(answer.modes.is_empty());
}

#[test]
fn rules_outside_their_days_do_not_count_and_are_named() {
    let index = index(&policy(&[
        json!({"tools": ["scribe"], "classes": ["open"], "verdict": "allowed",
               "valid_until": "2027-02-28"}),
        json!({"tools": ["scribe"], "classes": ["open"], "verdict": "prohibited",
               "valid_from": "2027-03-02"}),
        json!({"tools": ["scribe"], "verdict": "review_required", "valid_from": "2027-03-01",
               "valid_until": "2027-03-01"}),
    ]));
    let answer = ask(&index, "scribe", None, &["open"]);
    assert_eq!(answer.outcome.verdict, Verdict::ReviewRequired);
    let named: Vec<_> = answer
        .not_counting
        .iter()
        .map(|n| n.rule.as_str())
        .collect();
    assert_eq!(named, ["rule_0", "rule_1"]);
    assert_eq!(answer.not_counting[0].expired_on, Some(date(2027, 2, 28)));
    assert_eq!(answer.not_counting[1].begins_on, Some(date(2027, 3, 2)));
    let found = lint(&index, TODAY);
    assert_eq!(found.expired, ["rule_0"]);
    assert_eq!(found.not_yet, ["rule_1"]);
}

#[test]
fn what_the_policy_does_not_know_is_never_allowed() {
    let index = index(&policy(&[
        json!({"tools": "any", "classes": ["open"], "verdict": "allowed"}),
        json!({"tools": "any", "classes": ["health"], "verdict": "prohibited"}),
    ]));
    let answer = ask(&index, "Strange Bot", None, &["open"]);
    assert_eq!(answer.asked.tool, None);
    assert_eq!(answer.outcome.verdict, Verdict::NotDecided);
    assert_eq!(answer.outcome.by_class[0].held_back, ["rule_0"]);
    let contact = "The AI desk".to_owned();
    assert_eq!(next_step(&index, &answer, None), Step::Ask { contact });
    assert_eq!(
        ask(&index, "Strange Bot", None, &["health"])
            .outcome
            .verdict,
        Verdict::Prohibited
    );
    let answer = ask(&index, "copilot", Some("beta"), &["open"]);
    assert_eq!(answer.asked.unknown_mode.as_deref(), Some("beta"));
    assert_eq!(answer.outcome.verdict, Verdict::NotDecided);
    // A tool without modes has nothing to choose.
    assert_eq!(
        ask(&index, "scribe", Some("x"), &["open"]).outcome.verdict,
        Verdict::Allowed
    );
    let answer = ask(&index, "scribe", None, &["open", "secret"]);
    assert_eq!(answer.asked.unknown_classes, ["secret"]);
    assert_eq!(answer.outcome.verdict, Verdict::NotDecided);
    assert_eq!(
        ask(&index, "scribe", None, &[]).outcome.verdict,
        Verdict::NotDecided
    );
}

#[test]
fn a_purpose_that_is_not_said_is_told_where_it_matters() {
    let index = index(&policy(&[
        json!({"tools": ["scribe"], "classes": ["open"], "verdict": "allowed"}),
        json!({"tools": ["scribe"], "classes": ["open"], "purposes": ["hiring"],
               "verdict": "prohibited"}),
    ]));
    let answer = ask(&index, "scribe", None, &["open"]);
    assert_eq!(answer.outcome.verdict, Verdict::Allowed);
    assert_eq!(
        answer.other_purposes,
        [("hiring".to_owned(), Verdict::Prohibited)]
    );
    let answer = ask_for(&index, "scribe", None, &["open"], Some("Hiring"));
    assert_eq!(answer.outcome.verdict, Verdict::Prohibited);
    assert_eq!(answer.other_purposes, []);
    let answer = ask_for(&index, "scribe", None, &["open"], Some("gardening"));
    assert_eq!(answer.asked.unknown_purpose.as_deref(), Some("gardening"));
    assert_eq!(answer.outcome.verdict, Verdict::Allowed);
}

#[test]
fn an_author_hears_of_gaps_overlaps_and_rules_that_never_count() {
    let index = index(&policy(&[
        json!({"tools": ["copilot"], "modes": ["work"], "verdict": "allowed"}),
        json!({"tools": ["scribe"], "verdict": "prohibited"}),
        json!({"tools": ["scribe"], "classes": ["open", "personal", "health"],
               "verdict": "allowed"}),
    ]));
    let found = lint(&index, TODAY);
    assert_eq!(found.gap_count, 3, "{found:#?}");
    assert!(
        found
            .gaps
            .iter()
            .all(|cell| cell.mode.as_deref() == Some("web"))
    );
    let idle: Vec<_> = found
        .idle
        .iter()
        .map(|idle| (&idle.rule, &idle.behind))
        .collect();
    assert_eq!(idle, [(&"rule_1".to_owned(), &vec!["rule_2".to_owned()])]);
    let overlap = &found.overlaps[0];
    assert_eq!(
        (overlap.counts.as_str(), overlap.yields.as_str()),
        ("rule_2", "rule_1")
    );
    assert!(overlap.loosens && overlap.count == 3 && found.complete);
}

#[test]
fn wrong_documents_are_refused_with_what_would_be_right() {
    let with = |changes: &[(&str, Value)]| {
        let mut document = policy(&[json!({"tools": ["scribe"], "verdict": "allowed"})]);
        for (place, value) in changes {
            *document.pointer_mut(place).unwrap() = value.clone();
        }
        document
    };
    let rule = |rule: Value| with(&[("/rules/0", complete(0, &rule))]);
    refused(
        &rule(json!({"tools": ["scrib"], "verdict": "allowed"})),
        &["/rules/0/tools", "did you mean `scribe`?"],
    );
    refused(
        &rule(json!({"tools": ["scribe"], "modes": ["web"], "verdict": "allowed"})),
        &["no mode of these tools `web`"],
    );
    refused(
        &rule(json!({"tools": "any", "classes": ["persnal"], "verdict": "allowed"})),
        &["did you mean `personal`?"],
    );
    refused(
        &rule(json!({"tools": "any", "verdict": "allowed", "valid_from": "2027-02-30"})),
        &["no day of the calendar"],
    );
    let reversed = json!({"tools": "any", "verdict": "allowed", "valid_from": "2027-03-02",
                          "valid_until": "2027-03-01"});
    refused(&rule(reversed), &["before it begins"]);
    refused(
        &rule(json!({"tools": "every", "verdict": "allowed"})),
        &["/rules/0/tools"],
    );
    refused(
        &rule(json!({"tools": "any", "verdict": "fine"})),
        &["/rules/0/verdict"],
    );
    let bare =
        json!({"key": "r", "reason": "R.", "tools": "any", "verdict": "allowed_with_conditions"});
    refused(&with(&[("/rules/0", bare)]), &["conditions"]);
    refused(
        &rule(json!({"tools": "any", "verdict": "allowed", "workflow": "w"})),
        &["only a rule that says `review_required`"],
    );
    refused(
        &with(&[("/tools/1/title", json!("PILOT"))]),
        &["a name of `copilot` too"],
    );
    refused(
        &with(&[("/classes/2/key", json!("open"))]),
        &["stands here twice"],
    );
    refused(
        &with(&[("/classes/2/includes", json!(["opn"]))]),
        &["did you mean `open`?"],
    );
    refused(&with(&[("/key", json!("answers"))]), &["a page of ours"]);
    refused(
        &with(&[("/title", json!("two\nlines"))]),
        &["one plain line"],
    );
    let twice = "{\"format\":1,\"format\":1}";
    assert!(Document::load("x.json", twice).is_err());
    assert!(Document::load("x.json", &" ".repeat(MAX_BYTES + 1)).is_err());
}

#[test]
fn what_a_draft_changes_is_told_cell_by_cell() {
    let before = index(&policy(&[
        json!({"tools": ["scribe"], "verdict": "allowed"}),
    ]));
    let mut after = policy(&[json!({"tools": ["scribe"], "verdict": "allowed_with_conditions"})]);
    after["classes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"key": "secret", "title": "Secret"}));
    let told = changes(&before, &index(&after), TODAY);
    let scribe: Vec<_> = told
        .iter()
        .filter(|change| change.tool == "scribe")
        .collect();
    assert_eq!(scribe.len(), 4);
    assert!(
        scribe
            .iter()
            .all(|c| c.after == Some(Verdict::AllowedWithConditions))
    );
    assert_eq!(
        told.iter().filter(|change| change.before.is_none()).count(),
        3
    );
    assert_eq!(changes(&before, &before, TODAY), []);
}

/// What the promises say, as directly as it can be written.
fn naive(
    policy: &Policy,
    tool: Option<&str>,
    mode: Option<&str>,
    classes: &[&str],
    purpose: Option<&str>,
) -> (Verdict, BTreeSet<String>) {
    let mut all: BTreeSet<&str> = classes.iter().copied().collect();
    if all.contains("health") {
        all.insert("personal");
    }
    let mut strictest = (Verdict::Allowed, BTreeSet::new());
    for class in all {
        let names = |names: &Names, key: Option<&str>| match names {
            Names::Any => true,
            Names::These(keys) => key.is_some_and(|key| keys.contains(key)),
        };
        let fits = |rule: &&Rule| {
            names(&rule.tools, tool)
                && names(&rule.modes, mode)
                && names(&rule.classes, Some(class))
                && names(&rule.purposes, purpose)
                && rule.valid_from.is_none_or(|day| day <= TODAY)
                && rule.valid_until.is_none_or(|day| day >= TODAY)
        };
        let rank = |rule: &Rule| {
            let parts = [&rule.tools, &rule.modes, &rule.classes, &rule.purposes];
            (
                parts.iter().filter(|names| ***names != Names::Any).count(),
                rule.verdict,
            )
        };
        let fitting: Vec<&Rule> = policy.rules.iter().filter(fits).collect();
        let best = fitting.iter().map(|rule| rank(rule)).max();
        let deciding = fitting.iter().filter(|rule| Some(rank(rule)) == best);
        let keys: BTreeSet<String> = deciding.map(|rule| rule.key.clone()).collect();
        let (verdict, keys) = match best {
            None => (Verdict::NotDecided, BTreeSet::new()),
            Some((_, says)) if tool.is_none() && says.permits() => {
                (Verdict::NotDecided, BTreeSet::new())
            }
            Some((_, says)) => (says, keys),
        };
        if verdict > strictest.0 {
            strictest = (verdict, keys);
        } else if verdict == strictest.0 {
            strictest.1.extend(keys);
        }
    }
    strictest
}

fn names(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("any")),
        prop::sample::subsequence(of, 1..=of.len()).prop_map(|keys| json!(keys)),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let day = || prop::sample::select(vec![None, Some("2027-02-01"), Some("2027-03-01")]);
    let until = || prop::sample::select(vec![None, Some("2027-03-01"), Some("2027-04-01")]);
    let verdict = prop::sample::select(Verdict::ALL.map(Verdict::as_str).to_vec());
    let parts = (
        names(&["copilot", "scribe"]),
        any::<bool>(),
        names(&["open", "personal", "health"]),
        names(&["drafting", "hiring"]),
        verdict,
        day(),
        until(),
        any::<bool>(),
    );
    parts.prop_map(
        |(tools, work, classes, purposes, verdict, from, until, late)| {
            let mut rule = json!({"tools": tools, "classes": classes, "purposes": purposes,
                              "verdict": verdict});
            let has_modes = rule["tools"] != json!(["scribe"]);
            if work && has_modes {
                rule["modes"] = json!(["work"]);
            }
            if let Some(from) = from {
                rule["valid_from"] = json!(from);
            }
            if let Some(until) = until {
                rule["valid_until"] = json!(until);
            }
            if late {
                rule["valid_until"] = json!("2027-02-28");
                rule["valid_from"] = json!("2027-01-01");
            }
            rule
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn answers_are_those_of_a_naive_reading(rules in prop::collection::vec(rule(), 0..12)) {
        let index = index(&policy(&rules));
        let places = [
            (Some("copilot"), Some("work")), (Some("copilot"), Some("web")),
            (Some("scribe"), None), (None, None),
        ];
        let classes: [&[&str]; 4] = [&["open"], &["personal"], &["health"], &["open", "health"]];
        for (tool, mode) in places {
            for classes in classes {
                for purpose in [None, Some("drafting"), Some("hiring")] {
                    let asked = tool.unwrap_or("unlisted");
                    let answer = ask_for(&index, asked, mode, classes, purpose);
                    let should = naive(index.policy(), tool, mode, classes, purpose);
                    let keys: BTreeSet<String> = answer.outcome.rules.iter().cloned().collect();
                    prop_assert_eq!((answer.outcome.verdict, keys), should);
                    if purpose.is_none() {
                        for other in ["drafting", "hiring"] {
                            let there = naive(index.policy(), tool, mode, classes, Some(other)).0;
                            let told = answer.other_purposes.iter().find(|(key, _)| key == other);
                            let told = told.map_or(answer.outcome.verdict, |(_, verdict)| *verdict);
                            prop_assert_eq!(told, there);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_rule_that_is_called_idle_changes_nothing_when_it_goes(
        rules in prop::collection::vec(rule(), 1..10)
    ) {
        let whole = policy(&rules);
        let found = lint(&index(&whole), TODAY);
        for idle in &found.idle {
            let mut less = whole.clone();
            less["rules"].as_array_mut().unwrap().retain(|rule| rule["key"] != json!(idle.rule));
            prop_assert_eq!(changes(&index(&whole), &index(&less), TODAY), []);
        }
    }
}
