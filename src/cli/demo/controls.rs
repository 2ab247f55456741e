//! What keeps use cases in hand after their approval: tests, human review, risk.
use super::organisation::address;
use super::story::Story;
use crate::db::Conn;
use crate::db::schema::records;
use crate::error::{Error, Result};
use crate::gates;
use crate::ledger::entry::Method;
use crate::oversight;
use crate::overview::AREAS;
use crate::questionnaire;
use crate::register::{self, Record};
use crate::risk::{self, AreaGiven, RiskRules};
use crate::rules;
use diesel::prelude::*;

/// Rules of every kind, and what people did by them.
pub(super) fn all(story: &Story) -> Result<()> {
    publish(story)?;
    let summaries = called(story, "Contract summaries for claims handlers")?;
    tested_and_live(story, &summaries)?;
    overseen(story, &summaries)?;
    let privacy = area((4, 4), (3, 4));
    assessed(story, "tomas", &summaries, Some(("privacy", privacy)))?;
    let texts = called(story, "Alt texts for our website")?;
    assessed(story, "li", &texts, None)
}

fn publish(story: &Story) -> Result<()> {
    story.later(1);
    story.write(|tx, desk| {
        let console = super::story::console();
        for (kind, text) in [
            (&gates::KIND, gates::TEMPLATE),
            (&oversight::KIND, oversight::TEMPLATE),
            (&risk::KIND, risk::TEMPLATE),
            (&questionnaire::KIND, questionnaire::TEMPLATE),
        ] {
            rules::drafts::put(tx, desk, &console, kind, text)?;
        }
        Ok(())
    })
}

/// The use case with this title.
fn called(story: &Story, title: &'static str) -> Result<Record> {
    let read = |conn: &mut Conn| {
        let found = records::table
            .filter(records::kind.eq(gates::USE_CASE))
            .filter(records::title.eq(title))
            .select(Record::as_select());
        Ok(found.first(conn).optional()?)
    };
    let found = story.read(read)?;
    found.ok_or_else(|| Error::not_found("use case", title))
}

fn tested_and_live(story: &Story, record: &Record) -> Result<()> {
    story.later(1);
    let (actor, id, seen) = (
        story.actor("tomas", Method::Session)?,
        record.id,
        record.revision,
    );
    let given = gates::Given {
        value: "0.94".to_owned(),
        dataset: "120 contracts of last year, each summarised by a handler before".to_owned(),
        performed_on: story.day(-3)?,
        performed_by: "Ruth Adeyemi".to_owned(),
        ..gates::Given::default()
    };
    story.write(move |tx, desk| {
        let at = ("test_plan", "output_quality");
        gates::record(tx, desk, &actor, id, at, &given, &[])?;
        gates::move_to(tx, desk, &actor, id, seen, "live").map(drop)
    })
}

fn overseen(story: &Story, record: &Record) -> Result<()> {
    story.later(1);
    let (tomas, ruth) = (
        story.actor("tomas", Method::Session)?,
        story.actor("ruth", Method::Session)?,
    );
    let named = oversight::Named {
        overseers: vec![address("ruth"), address("henrik")],
        intervene: "They see each summary beside the contract and write their own where it is \
                    wrong."
            .to_owned(),
        stop: "Henrik takes the button away in the claims system.".to_owned(),
        seen: None,
    };
    let looked = oversight::Given {
        looked_on: story.day(-1)?,
        looked_at: "24".to_owned(),
        overridden: "3".to_owned(),
        outputs: "Summaries of contracts 2207 to 2230".to_owned(),
        reason: "Three left out a notice period.".to_owned(),
    };
    let id = record.id;
    story.write(move |tx, desk| {
        oversight::arrange(tx, desk, &tomas, id, &named)?;
        oversight::record(tx, desk, &ruth, id, &looked).map(drop)
    })
}

fn area(inherent: (u8, u8), residual: (u8, u8)) -> AreaGiven {
    AreaGiven {
        inherent_likelihood: Some(inherent.0),
        inherent_impact: Some(inherent.1),
        residual_likelihood: Some(residual.0),
        residual_impact: Some(residual.1),
        why: "As the people who work with it see it.".to_owned(),
        mitigation: "A person reads what comes out; names are left out of what goes in.".to_owned(),
        ..AreaGiven::default()
    }
}

/// Little risk everywhere but in one area.
fn assessed(
    story: &Story,
    who: &str,
    record: &Record,
    other: Option<(&str, AreaGiven)>,
) -> Result<()> {
    story.later(1);
    let rules = RiskRules::read("risk.json", risk::TEMPLATE, None);
    let rules = rules.map_err(|_| Error::Interrupted)?;
    let id = record.id;
    let record = story.read(move |conn| register::by_id(conn, id))?;
    let mut given = risk::Given {
        revision: record.revision,
        role: "deployer".to_owned(),
        areas: AREAS
            .iter()
            .map(|(key, _)| ((*key).to_owned(), area((2, 3), (1, 3))))
            .collect(),
        answers: rules
            .questions
            .into_iter()
            .map(|question| (question.key, "no".to_owned()))
            .collect(),
    };
    if let Some((key, area)) = other {
        given.areas.insert(key.to_owned(), area);
    }
    let actor = story.actor(who, Method::Session)?;
    story.write(move |tx, desk| risk::assess(tx, desk, &actor, record.id, &given).map(drop))
}
