//! A dozen use cases, one in every state that a use case can be in.
use super::organisation::address;
use super::story::{Story, Vote};
use crate::error::Result;
use serde_json::{Value, json};

/// All of them, in the order in which they happened.
pub(super) fn all(story: &Story) -> Result<()> {
    approved_low(story)?;
    approved_with_conditions(story)?;
    approved_high(story)?;
    rejected(story)?;
    withdrawn(story)?;
    changes_requested(story)?;
    out_of_time(story)?;
    with_council(story)?;
    in_parallel(story)?;
    just_submitted(story)?;
    drafts(story)
}

/// The use case that the register inherited from a former list.
pub(super) fn inherited() -> Value {
    json!({
        "title": "Storm damage forecasts", "tool": "Sea state model", "unit": "Motor",
        "lifecycle": "live", "started_on": "2024-03-01", "owner": address("ada"),
        "purpose": "Estimate how many claims a storm will bring, to plan shifts.",
    })
}

/// The stage's form as a reviewer of the demo would fill it.
pub(super) fn answers(stage: &str, who: &str) -> Value {
    match (stage, who) {
        ("data_use", _) => json!({
            "data_needed": "yes", "lawful": "yes", "destination": "contract",
            "impact_assessment": "not_needed",
        }),
        ("human_review", _) => json!({
            "who_checks": "every_output", "can_judge": "yes", "can_stop": true,
            "people_told": "yes",
        }),
        ("vendor", _) => json!({
            "evidence": ["contract", "data_processing_agreement"],
            "training_on_data": "excluded", "sub_processors": "yes",
            "exit": "Texts can be exported; the contract ends with three months' notice.",
        }),
        ("legal_security", "ingrid" | "marta") => json!({
            "side": "legal", "ai_act_class": "minimal",
            "duties": "None beyond training our staff.",
        }),
        ("legal_security", _) => json!({
            "side": "security", "access": "single_sign_on", "threats": ["prompt_injection"],
            "countermeasures": "No tool calls; output is shown as text only.",
        }),
        _ => json!({
            "benefit": "Two hours saved per claim.",
            "harm": "A wrong summary could mislead a handler, who reads the original.",
            "prohibited": "no",
        }),
    }
}

pub(super) fn case(title: &str, purpose: &str, owner: &str, tool: &str, data: &[&str]) -> Value {
    json!({
        "title": title, "purpose": purpose, "owner": address(owner), "tool": tool,
        "sourcing": "in_house", "data_classes": data, "uses": ["summarising"],
        "effect_on_people": "none", "unit": "Claims",
    })
}

pub(super) fn with(mut document: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut document, more) {
        fields.extend(more);
    }
    document
}

fn from_vendor(document: Value, vendor: &str, assessed: bool) -> Value {
    with(
        document,
        json!({
            "sourcing": "vendor", "vendor": vendor, "vendor_assessed": assessed,
            "trains_on_our_data": false, "cost_eur_per_year": 12_000,
        }),
    )
}

pub(super) fn personal(document: Value) -> Value {
    with(
        document,
        json!({
            "data_subjects": "Policy holders and the people their claims name",
            "lawful_basis": "contract", "retention": "30 days", "data_location": "eu",
        }),
    )
}

fn assisting(document: Value) -> Value {
    with(
        document,
        json!({
            "effect_on_people": "assistive",
            "human_oversight": "A handler reads each result before it is used and can discard it.",
            "people_affected": "About 40 claims handlers",
        }),
    )
}

fn approved_low(story: &Story) -> Result<()> {
    let document = case(
        "Alt texts for our website",
        "Suggest descriptions of pictures on our public pages; an editor corrects each one.",
        "li",
        "Northlight Assistant",
        &["public"],
    );
    let record = story.create(
        "li",
        "use_case",
        with(document, json!({ "unit": "Service" })),
    )?;
    story.submit("li", &record)?;
    story.decide("mei", &record, Vote::yes())?;
    story.decide("henrik", &record, Vote::yes())?;
    story.decide("ruth", &record, Vote::yes())
}

fn approved_with_conditions(story: &Story) -> Result<()> {
    let document = case(
        "Contract summaries for claims handlers",
        "Summarise supplier contracts; a handler reads every summary before use.",
        "tomas",
        "Northlight Assistant",
        &["confidential", "personal"],
    );
    let document = assisting(personal(from_vendor(document, "Northlight AI", true)));
    let record = story.create("tomas", "use_case", document.clone())?;
    story.submit("tomas", &record)?;
    story.decide(
        "mei",
        &record,
        Vote::change(
            "Which account? A team account lets the vendor \
        keep prompts.",
        ),
    )?;
    let after = with(
        document,
        json!({ "tool": "Northlight Assistant, enterprise account" }),
    );
    let record = story.revise("tomas", &record, after)?;
    story.submit("tomas", &record)?;
    let deletion = "The vendor deletes prompts within 30 days";
    let reason = "Prompts hold names of counterparties.";
    story.decide(
        "mei",
        &record,
        Vote::yes_if(deletion, "tomas", "2027-01-31", reason),
    )?;
    story.decide("carla", &record, Vote::yes())?;
    story.decide("ruth", &record, Vote::yes())?;
    story.decide("ingrid", &record, Vote::yes())?;
    story.decide("yusuf", &record, Vote::yes())?;
    story.decide("chloe", &record, Vote::yes())
}

fn approved_high(story: &Story) -> Result<()> {
    let document = case(
        "Early signs of depression in sick-leave notes",
        "Point case managers to people who may need help sooner. Nothing is decided by it.",
        "nora",
        "Own model",
        &["personal", "special_category"],
    );
    let document = with(
        assisting(personal(document)),
        json!({ "unit": "Health", "uses": ["scoring"],
                "test_plan": "500 past notes, judged by two physicians; error rates by group." }),
    );
    let record = story.create("nora", "use_case", document)?;
    story.submit("nora", &record)?;
    for (who, vote) in [
        ("samuel", Vote::yes()),
        ("henrik", Vote::yes()),
        ("ruth", Vote::yes()),
        ("ingrid", Vote::yes()),
        (
            "chloe",
            Vote::aside("I wrote part of this model in my former team."),
        ),
        ("yusuf", Vote::yes()),
        ("anders", Vote::yes()),
        (
            "grace",
            Vote::yes().because("Help comes earlier, and people stay in charge."),
        ),
        (
            "leila",
            Vote::yes().because("Only with the monthly report we agreed on."),
        ),
        ("oscar", Vote::yes().because("The test plan convinces me.")),
    ] {
        story.decide(who, &record, vote)?;
    }
    Ok(())
}

fn rejected(story: &Story) -> Result<()> {
    let document = case(
        "Mood of callers, live",
        "Show agents the emotion of a caller while they speak.",
        "li",
        "Clearwater Reader",
        &["personal"],
    );
    let document = with(
        assisting(personal(document)),
        json!({ "uses": ["emotion_recognition_at_work"], "unit": "Service" }),
    );
    let record = story.create("li", "use_case", document)?;
    story.submit("li", &record)?;
    let reason = "Reading emotions of our agents at work is prohibited.";
    story.decide("grace", &record, Vote::no(reason))
}

fn withdrawn(story: &Story) -> Result<()> {
    let document = case(
        "Draft answers to complaints",
        "Write first drafts of answers to complaints.",
        "tomas",
        "Northlight Assistant",
        &["confidential"],
    );
    let document = with(
        document,
        json!({ "uses": ["drafting"], "data_location": "eu" }),
    );
    let record = story.create("tomas", "use_case", document)?;
    story.submit("tomas", &record)?;
    story.withdraw(
        "tomas",
        &record,
        "We use the approved contract summaries instead.",
    )
}

fn changes_requested(story: &Story) -> Result<()> {
    let document = case(
        "Meeting notes with outside advisers",
        "Record and summarise meetings with outside lawyers and experts.",
        "ada",
        "Meeting notes",
        &["confidential", "personal"],
    );
    let record = story.create(
        "ada",
        "use_case",
        personal(from_vendor(document, "Northlight AI", true)),
    )?;
    story.submit("ada", &record)?;
    let reason = "How do the advisers agree to be recorded, and what happens when one does not?";
    story.decide("samuel", &record, Vote::change(reason))
}

fn out_of_time(story: &Story) -> Result<()> {
    let document = case(
        "Search in old claim files",
        "Find similar claims of the past twenty years for a handler.",
        "tomas",
        "Sea state model",
        &["confidential", "personal"],
    );
    let document = with(
        assisting(personal(document)),
        json!({ "uses": ["search", "summarising"] }),
    );
    let record = story.create("tomas", "use_case", document)?;
    story.submit("tomas", &record)?;
    let reason = "Health data turn up in old files.";
    let text = "Health data are masked before files are indexed";
    story.decide(
        "mei",
        &record,
        Vote::yes_if(text, "tomas", "2026-12-31", reason),
    )?;
    story.decide("carla", &record, Vote::yes())?;
    story.decide("ruth", &record, Vote::yes())?;
    story.decide("yusuf", &record, Vote::yes())
}

/// A question of the last days that waits for legal and security: the first one to be looked at.
pub(super) fn waits_for_legal(story: &Story) -> Result<()> {
    let document = case(
        "Answers to brokers from the product handbook",
        "Draft answers to brokers' questions from the handbook; a broker desk reads and sends \
         them.",
        "tomas",
        "Northlight Assistant",
        &["confidential"],
    );
    let more = json!({ "data_location": "eu", "unit": "Sales", "uses": ["drafting", "search"] });
    let record = story.create("tomas", "use_case", with(document, more))?;
    story.submit("tomas", &record)?;
    story.decide("mei", &record, Vote::yes())?;
    story.decide("carla", &record, Vote::yes())?;
    let reason = "The desk sees which page of the handbook an answer comes from.";
    story.decide("ruth", &record, Vote::yes().because(reason))?;
    story.decide("yusuf", &record, Vote::yes())
}

fn with_council(story: &Story) -> Result<()> {
    let document = case(
        "Ranking of applications for the summer school",
        "Sort 300 applications so that a jury reads the strongest first.",
        "nora",
        "Northlight interface",
        &["personal"],
    );
    let document = with(
        assisting(personal(from_vendor(document, "Northlight AI", true))),
        json!({ "uses": ["hiring"], "unit": "People", "effect_on_people": "significant",
                "appeal": "Every applicant can ask for a reading by people.",
                "test_plan": "Ranks of last year's applications against the jury's." }),
    );
    let record = story.create("nora", "use_case", document)?;
    story.submit("nora", &record)?;
    for who in ["mei", "henrik", "jonas", "ruth", "ingrid", "yusuf", "chloe"] {
        story.decide(who, &record, Vote::yes())?;
    }
    let reason = "Only as a reading order; nobody may be left unread.";
    story.decide("priya", &record, Vote::yes().because(reason))
}

fn in_parallel(story: &Story) -> Result<()> {
    let document = case(
        "Photo triage of motor damage",
        "Sort photos of damaged cars by how bad the damage looks, so that experts start with \
         the worst.",
        "ada",
        "Photo triage by Clearwater",
        &["internal", "personal"],
    );
    let document = with(
        assisting(personal(from_vendor(document, "Clearwater Systems", false))),
        json!({ "unit": "Motor" }),
    );
    let record = story.create("ada", "use_case", document)?;
    story.submit("ada", &record)?;
    story.decide("samuel", &record, Vote::yes())?;
    story.decide("henrik", &record, Vote::yes())
}

fn just_submitted(story: &Story) -> Result<()> {
    let document = case(
        "Call notes for the service desk",
        "Write a short note after each call; the agent corrects and saves it.",
        "li",
        "Northlight Assistant",
        &["internal", "personal"],
    );
    let document = with(
        personal(from_vendor(document, "Northlight AI", true)),
        json!({ "unit": "Service" }),
    );
    let record = story.create("li", "use_case", document)?;
    story.later(12);
    story.submit("li", &record)
}

fn drafts(story: &Story) -> Result<()> {
    let complete = case(
        "Release notes from tickets",
        "Turn closed tickets into release notes that a developer edits.",
        "pavel",
        "Orrery Code",
        &["internal"],
    );
    let complete = with(
        complete,
        json!({ "uses": ["coding", "drafting"], "unit": "IT" }),
    );
    story.create("pavel", "use_case", complete)?;
    let begun = json!({ "title": "Assistant for brokers", "owner": address("tomas"),
                        "purpose": "Answer questions of brokers about our terms." });
    story.create("tomas", "use_case", begun)?;
    Ok(())
}
