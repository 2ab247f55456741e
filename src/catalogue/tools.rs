//! Tools as people look for them: the record, what the policy says, who uses it.
use crate::db::schema::{record_facets, records, revisions};
use crate::db::{Conn, Day, PersonId, RecordId};
use crate::error::{Error, Result};
use crate::form::Form;
use crate::people;
use crate::policy::view::{self, of_verdict};
use crate::policy::{self, Question, Verdict, Version};
use crate::register::{self, Cursor, Query, Record, Sort};
use crate::review::Desk;
use crate::web::badge::{Badge, badge};
use diesel::prelude::*;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Tools that only the policy names, on one page.
const LISTED: usize = 25;
/// Policy tools looked at together while those without a record are sought.
const CHUNK: usize = 200;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Words that must all occur.
    pub text: Option<String>,
    /// Only of this vendor.
    pub vendor: Option<String>,
    /// Only of this sort.
    pub category: Option<String>,
    /// Only where `verdict` holds for this class of data in some mode.
    pub class: Option<String>,
    /// What must hold for `class`.
    pub verdict: Option<Verdict>,
    /// Where the page begins.
    pub after: Option<Cursor>,
    /// Where the tools that only the policy names begin.
    pub from: usize,
}

/// A tool that another stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What people read.
    pub title: String,
    /// Where its page is.
    pub path: String,
}

/// What holds for a class of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForClass {
    /// Key of the class.
    pub class: String,
    /// What people read.
    pub title: String,
    /// The mildest verdict of its modes.
    pub verdict: Verdict,
    /// Whether another holds in some mode.
    pub depends_on_mode: bool,
    /// As a word with a shape.
    pub status: Badge,
    /// Where it is asked.
    pub ask: String,
}

/// A tool.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// Reference of its record; nothing where only the policy names it.
    pub reference: Option<String>,
    /// Its key in the policy; nothing where the policy does not name it.
    pub listed: Option<String>,
    /// What it is called.
    pub title: String,
    /// Who supplies it.
    pub vendor: Option<String>,
    /// Its sort, in words.
    pub sort: Option<String>,
    /// What it is good for.
    pub what_for: Option<String>,
    /// What people must not do with it, and check.
    pub limits: Option<String>,
    /// Accounts and licences.
    pub modes: Vec<String>,
    /// Where one can read how to use it.
    pub guidance_url: Option<String>,
    /// Whether that is an address of the web.
    pub guidance_is_address: bool,
    /// Who looks after it.
    pub owner: Option<String>,
    /// What it costs a year, in euros.
    pub cost_eur_per_year: Option<i64>,
    /// How many licences there are.
    pub licences: Option<i64>,
    /// The last day on which it is approved.
    pub approved_until: Option<String>,
    /// That it is over or replaced; nothing while it may be used.
    pub over: Option<Badge>,
    /// What takes its place.
    pub successor: Option<Link>,
    /// How many use cases name it.
    pub use_cases: i64,
    /// How many units those are of.
    pub teams: i64,
    /// What holds for each class of data.
    pub classes: Vec<ForClass>,
    /// Where its page is.
    pub path: String,
    /// Where the use cases are listed that name it.
    pub uses_path: String,
    /// Where “May I use it?” is asked for it.
    pub ask: String,
}

/// One page of the catalogue.
#[derive(Debug, Serialize)]
pub struct Catalogue {
    /// Tools with a record.
    pub tools: Vec<Card>,
    /// How many there are.
    pub total: i64,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Tools that only the policy names.
    pub listed: Vec<Card>,
    /// Where more of them begin.
    pub more_listed: Option<usize>,
}

/// Beyond which business units a reader must not see, and who reads.
pub type Within = Option<(Vec<String>, PersonId)>;

/// The policy that is in force, where there is one.
///
/// # Errors
/// When the database fails.
pub fn policy(conn: &mut Conn, desk: &Desk) -> Result<Option<Arc<Version>>> {
    match policy::current(conn, &desk.policies, policy::MAIN) {
        Err(Error::NotFound(_)) => Ok(None),
        found => found.map(Some),
    }
}

/// One page of what is looked for.
///
/// # Errors
/// When the database fails.
pub fn catalogue(
    conn: &mut Conn,
    desk: &Desk,
    wanted: &Wanted,
    within: &Within,
) -> Result<Catalogue> {
    let version = policy(conn, desk)?;
    let today = desk.today().0;
    let fitting = version
        .as_deref()
        .and_then(|version| fitting(version, wanted, today));
    let mut query = Query {
        kind: "tool".to_owned(),
        text: wanted.text.clone(),
        within: within.clone(),
        sort: Sort::Title,
        after: wanted.after.clone(),
        ..Query::default()
    };
    let facet = |name: &str, value: &Option<String>| {
        let value = value.clone().filter(|value| !value.is_empty());
        value.map(|value| (name.to_owned(), vec![value]))
    };
    query.facets.extend(facet("vendor", &wanted.vendor));
    query.facets.extend(facet("category", &wanted.category));
    query.called = fitting.as_ref().map(|tools| {
        let tools = tools.iter().flat_map(|tool| names(tool));
        tools.collect()
    });
    if wanted.class.is_some() && wanted.verdict.is_some() && version.is_none() {
        query.called = Some(Vec::new());
    }
    let listing = register::list(conn, &query)?;
    let total = register::total(conn, &query)?;
    let tools = cards(conn, desk, version.as_deref(), &listing.records)?;
    let (listed, more_listed) = match &version {
        Some(version) if wanted.after.is_none() && wanted.category.is_none() => {
            unrecorded(conn, version, wanted, today)?
        }
        _ => (Vec::new(), None),
    };
    Ok(Catalogue {
        tools,
        total,
        next: listing.next.map(|cursor| cursor.to_text()),
        listed,
        more_listed,
    })
}

/// The tools of the policy for which the wanted verdict holds; nothing where none is wanted.
fn fitting<'a>(
    version: &'a Version,
    wanted: &Wanted,
    today: Date,
) -> Option<Vec<&'a policy::Tool>> {
    let (class, verdict) = (wanted.class.as_deref()?, wanted.verdict?);
    let holds = |tool: &&policy::Tool| verdicts(version, tool, class, today).contains(&verdict);
    Some(version.index.policy().tools.iter().filter(holds).collect())
}

/// What holds for a class in each mode of a tool.
fn verdicts(version: &Version, tool: &policy::Tool, class: &str, today: Date) -> Vec<Verdict> {
    let ask = |mode: Option<&policy::Named>| {
        let question = Question {
            tool: tool.key.clone(),
            mode: mode.map(|mode| mode.key.clone()),
            classes: vec![class.to_owned()],
            purpose: None,
        };
        version.index.ask(&question, today).outcome.verdict
    };
    match tool.modes.as_slice() {
        [] => vec![ask(None)],
        modes => modes.iter().map(|mode| ask(Some(mode))).collect(),
    }
}

/// By what a record or use case may name a tool of the policy.
fn names(tool: &policy::Tool) -> Vec<String> {
    let own = [tool.title.clone(), tool.key.clone()];
    let others = tool.aliases.iter().cloned().chain(tool.reference.clone());
    own.into_iter().chain(others).collect()
}

/// Tools of the policy that have no record, from a place on, and where more of them begin.
fn unrecorded(
    conn: &mut Conn,
    version: &Version,
    wanted: &Wanted,
    today: Date,
) -> Result<(Vec<Card>, Option<usize>)> {
    let all = &version.index.policy().tools;
    let text = wanted.text.as_deref().unwrap_or("").to_lowercase();
    let fits = |tool: &policy::Tool| {
        let vendor = wanted.vendor.as_deref().filter(|vendor| !vendor.is_empty());
        let of_vendor = vendor.is_none_or(|vendor| tool.vendor.as_deref() == Some(vendor));
        let about = format!(
            "{} {}",
            names(tool).join(" "),
            tool.vendor.as_deref().unwrap_or("")
        );
        let about = about.to_lowercase();
        let holds = match (wanted.class.as_deref(), wanted.verdict) {
            (Some(class), Some(verdict)) => {
                verdicts(version, tool, class, today).contains(&verdict)
            }
            _ => true,
        };
        of_vendor && text.split_whitespace().all(|word| about.contains(word)) && holds
    };
    let mut found = Vec::new();
    let mut at = wanted.from.min(all.len());
    while let Some(chunk) = all.get(at..(at + CHUNK).min(all.len())) {
        if chunk.is_empty() {
            return Ok((found, None));
        }
        let held = recorded(conn, chunk)?;
        for tool in chunk {
            if found.len() == LISTED {
                return Ok((found, Some(at)));
            }
            at += 1;
            if fits(tool) && !names(tool).iter().any(|name| held.contains(&folded(name))) {
                found.push(card_of_policy(version, tool, today));
            }
        }
    }
    Ok((found, None))
}

/// Titles and references of the tool records that these tools of the policy may be.
fn recorded(conn: &mut Conn, tools: &[policy::Tool]) -> Result<BTreeSet<String>> {
    let all: Vec<String> = tools.iter().flat_map(names).collect();
    let lower: Vec<String> = all.iter().map(|name| name.to_lowercase()).collect();
    let titled = diesel::dsl::sql::<diesel::sql_types::Text>("lower(records.title)");
    let rows: Vec<(String, String)> = records::table
        .filter(records::kind.eq("tool"))
        .filter(titled.eq_any(lower).or(records::reference.eq_any(all)))
        .select((records::title, records::reference))
        .load(conn)?;
    let both = rows
        .into_iter()
        .flat_map(|(title, reference)| [title, reference]);
    Ok(both.map(|name| folded(&name)).collect())
}

fn folded(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// What holds for each class of data.
fn classes(version: &Version, tool: &policy::Tool, today: Date) -> Vec<ForClass> {
    let of = |class: &policy::Class| {
        let all = verdicts(version, tool, &class.key, today);
        let mildest = all.iter().min().copied().unwrap_or(Verdict::NotDecided);
        let depends = all.iter().any(|other| *other != mildest);
        let question = Question {
            tool: tool.title.clone(),
            mode: None,
            classes: vec![class.key.clone()],
            purpose: None,
        };
        ForClass {
            class: class.key.clone(),
            title: class.title.clone(),
            verdict: mildest,
            depends_on_mode: depends,
            status: match (mildest, depends) {
                (Verdict::AllowedWithConditions, false) => badge("With conditions", "part"),
                (_, false) => of_verdict(mildest, 0),
                _ => badge("Depends on the mode", "part"),
            },
            ask: view::path(&version.key, &question),
        }
    };
    version.index.policy().classes.iter().map(of).collect()
}

fn ask(version: Option<&Version>, tool: &str) -> String {
    let question = Question {
        tool: tool.to_owned(),
        ..Question::default()
    };
    let key = version.map_or(policy::MAIN, |version| version.key.as_str());
    view::path(key, &question)
}

/// A tool that only the policy names.
pub fn card_of_policy(version: &Version, tool: &policy::Tool, today: Date) -> Card {
    Card {
        reference: None,
        listed: Some(tool.key.clone()),
        title: tool.title.clone(),
        vendor: tool.vendor.clone(),
        sort: None,
        what_for: None,
        limits: None,
        modes: tool.modes.iter().map(|mode| mode.title.clone()).collect(),
        guidance_url: None,
        guidance_is_address: false,
        owner: None,
        cost_eur_per_year: None,
        licences: None,
        approved_until: None,
        over: None,
        successor: None,
        use_cases: 0,
        teams: 0,
        classes: classes(version, tool, today),
        path: format!("/catalogue/listed/{}", tool.key),
        uses_path: uses_path(std::slice::from_ref(&tool.title)),
        ask: ask(Some(version), &tool.title),
    }
}

/// Cards of these records, in their order.
///
/// # Errors
/// When the database fails.
pub fn cards(
    conn: &mut Conn,
    desk: &Desk,
    version: Option<&Version>,
    all: &[Record],
) -> Result<Vec<Card>> {
    let documents = documents(conn, all)?;
    let by_reference: HashMap<&str, &policy::Tool> = version
        .into_iter()
        .flat_map(|version| &version.index.policy().tools)
        .filter_map(|tool| Some((tool.reference.as_deref()?, tool)))
        .collect();
    let listed = |record: &Record| {
        let by_name = || version.and_then(|version| version.index.tool(&record.title));
        by_reference
            .get(record.reference.as_str())
            .copied()
            .or_else(by_name)
    };
    let called = all.iter().map(|record| {
        let mut called = vec![record.title.clone()];
        called.extend(listed(record).map(names).unwrap_or_default());
        called.sort();
        called.dedup();
        (record.id, called)
    });
    let called: HashMap<RecordId, Vec<String>> = called.collect();
    let used = used(conn, called.values().flatten())?;
    let successors = successors(conn, documents.values())?;
    let owners = all.iter().filter_map(|record| record.owner_id).collect();
    let shelf = Shelf {
        version,
        today: desk.today(),
        form: &desk.kinds.by_key("tool")?.form,
        owners: people::names(conn, &owners)?,
        documents,
        called,
        used,
        successors,
    };
    let card = |record: &Record| shelf.card(record, listed(record));
    Ok(all.iter().map(card).collect())
}

/// What the cards of a page are made of.
struct Shelf<'a> {
    version: Option<&'a Version>,
    today: Day,
    form: &'a Form,
    owners: BTreeMap<PersonId, String>,
    documents: HashMap<RecordId, Value>,
    /// By what use cases may name each tool.
    called: HashMap<RecordId, Vec<String>>,
    used: HashMap<String, Used>,
    successors: BTreeMap<String, String>,
}

impl Shelf<'_> {
    fn card(&self, record: &Record, tool: Option<&policy::Tool>) -> Card {
        let empty = Value::Null;
        let document = self.documents.get(&record.id).unwrap_or(&empty);
        let text = |name: &str| {
            let value = document.get(name).and_then(Value::as_str);
            value.map(str::to_owned).filter(|text| !text.is_empty())
        };
        let number = |name: &str| document.get(name).and_then(Value::as_i64);
        let names = self.called.get(&record.id).cloned().unwrap_or_default();
        let uses = names.iter().filter_map(|name| self.used.get(name));
        let (use_cases, teams) = uses.fold((0, BTreeSet::new()), |(count, mut teams), one| {
            teams.extend(one.units.iter().cloned());
            (count + one.count, teams)
        });
        let until = text("approved_until");
        let words = |field: &str| {
            let said = document.get(field);
            said.and_then(|said| self.form.words(field, said).into_iter().next())
        };
        Card {
            reference: Some(record.reference.clone()),
            listed: tool.map(|tool| tool.key.clone()),
            title: record.title.clone(),
            vendor: text("vendor"),
            sort: words("category"),
            what_for: text("what_for"),
            limits: text("limits"),
            modes: lines(text("modes")),
            guidance_is_address: text("guidance_url").is_some_and(|one| is_address(&one)),
            guidance_url: text("guidance_url"),
            owner: record.owner_id.and_then(|id| self.owners.get(&id).cloned()),
            cost_eur_per_year: number("cost_eur_per_year"),
            licences: number("licences"),
            over: over(
                until.as_deref(),
                text("superseded_by").is_some(),
                self.today,
            ),
            approved_until: until,
            successor: text("superseded_by").map(|named| successor(&self.successors, named)),
            use_cases,
            teams: i64::try_from(teams.len()).unwrap_or(i64::MAX),
            classes: match (self.version, tool) {
                (Some(version), Some(tool)) => classes(version, tool, self.today.0),
                _ => Vec::new(),
            },
            path: format!("/catalogue/{}", record.reference),
            uses_path: uses_path(&names),
            ask: ask(self.version, &record.title),
        }
    }
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn lines(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn uses_path(names: &[String]) -> String {
    let pairs: Vec<(&str, &String)> = names.iter().map(|name| ("tool", name)).collect();
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    format!("/use-cases?{query}")
}

fn over(until: Option<&str>, superseded: bool, today: Day) -> Option<Badge> {
    let expired = until
        .and_then(Day::parse)
        .is_some_and(|until| until < today);
    match (expired, superseded) {
        (true, _) => Some(badge("Expired", "bad")),
        (false, true) => Some(badge("Superseded", "part")),
        _ => None,
    }
}

fn successor(known: &BTreeMap<String, String>, named: String) -> Link {
    match known.get(&named) {
        Some(title) => Link {
            title: format!("{named} {title}"),
            path: format!("/catalogue/{named}"),
        },
        None => Link {
            path: ask(None, &named),
            title: named,
        },
    }
}

/// Titles of the tools that take the place of others, by reference.
fn successors<'a>(
    conn: &mut Conn,
    documents: impl Iterator<Item = &'a Value>,
) -> Result<BTreeMap<String, String>> {
    let named = documents.filter_map(|document| document.get("superseded_by")?.as_str());
    let named: Vec<&str> = named.collect();
    if named.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, String)> = records::table
        .filter(
            records::kind
                .eq("tool")
                .and(records::reference.eq_any(named)),
        )
        .select((records::reference, records::title))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// The present documents of these records.
///
/// # Errors
/// When the database fails.
pub fn documents(conn: &mut Conn, all: &[Record]) -> Result<HashMap<RecordId, Value>> {
    let ids: Vec<RecordId> = all.iter().map(|record| record.id).collect();
    let rows: Vec<(RecordId, String)> = revisions::table
        .inner_join(records::table.on(records::id.eq(revisions::record_id)))
        .filter(
            records::id
                .eq_any(ids)
                .and(revisions::number.eq(records::revision)),
        )
        .select((records::id, revisions::document))
        .load(conn)?;
    let read = |(id, text): (RecordId, String)| Ok((id, serde_json::from_str(&text)?));
    rows.into_iter().map(read).collect()
}

/// Use cases that name a tool.
struct Used {
    count: i64,
    units: BTreeSet<String>,
}

/// Which use cases name which of these tools.
fn used<'a>(
    conn: &mut Conn,
    names: impl Iterator<Item = &'a String>,
) -> Result<HashMap<String, Used>> {
    let names: Vec<&String> = names.collect();
    let (having, beside) = diesel::alias!(record_facets as having, record_facets as beside);
    let value = having.field(record_facets::value);
    let of_tool = having
        .field(record_facets::field)
        .eq("tool")
        .and(value.eq_any(&names));
    let rows: Vec<(String, i64)> = having
        .filter(of_tool)
        .group_by(value)
        .select((value, diesel::dsl::count_star()))
        .load(conn)?;
    let mut used: HashMap<String, Used> = HashMap::new();
    for (name, count) in rows {
        let units = BTreeSet::new();
        used.insert(name, Used { count, units });
    }
    let of_tool = having
        .field(record_facets::field)
        .eq("tool")
        .and(value.eq_any(&names));
    let same = beside
        .field(record_facets::record_id)
        .eq(having.field(record_facets::record_id));
    let unit = beside.field(record_facets::value);
    let rows: Vec<(String, String)> = having
        .inner_join(beside.on(same.and(beside.field(record_facets::field).eq("unit"))))
        .filter(of_tool)
        .select((value, unit))
        .distinct()
        .load(conn)?;
    for (name, unit) in rows {
        if let Some(one) = used.get_mut(&name) {
            one.units.insert(unit);
        }
    }
    Ok(used)
}
