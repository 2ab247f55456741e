//! What became of approvals after the day they were given: one that ends soon, one being renewed,
//! one whose condition was missed, one suspended, and an override that waits for a second person.
use super::cases::{case, personal, with};
use super::story::{Story, Vote};
use crate::error::Result;
use crate::register::Record;
use crate::review::deeds::Deed;
use serde_json::{Value, json};

/// Those who decide a use case of medium risk, in their order.
const MEDIUM: [&str; 6] = ["mei", "carla", "ruth", "ingrid", "yusuf", "chloe"];

/// Two use cases that were approved almost a year ago; the second is renewed later.
pub(super) fn long_ago(story: &Story) -> Result<Record> {
    let invoices = case(
        "Reading of supplier invoices",
        "Read amounts and dates from invoices; an accountant confirms each one.",
        "ada",
        "Clearwater Reader",
        &["confidential"],
    );
    let at_home = json!({ "data_location": "own_systems", "unit": "Finance" });
    approved(story, "ada", with(invoices, at_home), None)?;
    let terms = case(
        "First translations of policy terms",
        "Translate terms into five languages; a translator corrects every sentence.",
        "nora",
        "Translation desk",
        &["confidential"],
    );
    let more = json!({ "data_location": "eu", "uses": ["translation"], "unit": "Legal" });
    approved(story, "nora", with(terms, more), None)
}

/// What happened to approvals in the last weeks.
pub(super) fn all(story: &Story, terms: &Record) -> Result<()> {
    renewed(story, terms)?;
    missed(story)?;
    suspended(story)?;
    overridden(story)
}

/// Submits a use case and has everybody approve it, the first with these conditions.
fn approved(story: &Story, who: &str, document: Value, first: Option<Vote>) -> Result<Record> {
    let record = story.create(who, "use_case", document)?;
    story.submit(who, &record)?;
    let mut votes = first.into_iter();
    for name in MEDIUM {
        story.decide(name, &record, votes.next().unwrap_or_else(Vote::yes))?;
    }
    Ok(record)
}

fn renewed(story: &Story, terms: &Record) -> Result<()> {
    let draft = story.does_on_record("nora", terms, Deed::Renew, "")?;
    let more = json!({
        "purpose": "Translate terms and letters into seven languages; a translator corrects every \
                    sentence.",
    });
    let draft = story.revise("nora", &draft, with(story.document(&draft)?, more))?;
    story.submit("nora", &draft)?;
    story.decide("samuel", &draft, Vote::yes())
}

fn missed(story: &Story) -> Result<()> {
    let letters = case(
        "Claims letters in plain language",
        "Rewrite letters so that everybody understands them; a handler sends them.",
        "tomas",
        "Northlight Assistant",
        &["confidential", "personal"],
    );
    let more = json!({ "uses": ["drafting"] });
    let reason = "Handlers must know what to look for.";
    let soon = story.day(-3)?;
    let vote = Vote::yes_if(
        "Train the handlers who send the letters",
        "tomas",
        &soon,
        reason,
    );
    let later = story.day(40)?;
    let vote = vote.and_if("Measure how many letters are corrected", "li", &later);
    approved(story, "tomas", with(personal(letters), more), Some(vote)).map(drop)
}

fn suspended(story: &Story) -> Result<()> {
    let plans = case(
        "Shift plans for the service desk",
        "Propose shifts from call volumes; a team lead decides.",
        "li",
        "Northlight interface",
        &["confidential"],
    );
    let more = json!({ "data_location": "eu", "unit": "Service" });
    let record = approved(story, "li", with(plans, more), None)?;
    let reason = "Two plans gave people less than eleven hours of rest. We look into why.";
    story.does_on_record("elena", &record, Deed::Suspend, reason)?;
    Ok(())
}

fn overridden(story: &Story) -> Result<()> {
    let hotline = case(
        "Storm hotline assistant",
        "Sort calls after a storm by urgency, so that people in danger are called back first.",
        "ada",
        "Northlight interface",
        &["internal", "personal"],
    );
    let more = json!({ "unit": "Motor", "uses": ["search"] });
    let record = story.create("ada", "use_case", with(personal(hotline), more))?;
    story.submit("ada", &record)?;
    story.proposes_override(
        "anders",
        &record,
        "A storm is forecast for tonight; without it callers in danger wait for hours.",
    )
}
