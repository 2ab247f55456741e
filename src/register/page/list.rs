//! The list of a kind: facets with counts, chips, search, sorting and pages, all in the address.
use super::{KindView, Names, here, names};
use crate::app::App;
use crate::db::{At, Conn, RecordId};
use crate::error::Result;
use crate::form::Facet;
use crate::register::api::read_query;
use crate::register::{self, FacetCount, Kind, Listing, Query, Record, Sort, Standing, Status};
use crate::review::{self, Holder};
use crate::vendor;
use crate::web::answer::page;
use crate::web::badge::{Badge, of_risk_briefly, of_status, sentence_case};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::collections::HashMap;

/// Values of a facet that stand open; the rest is folded away.
const FACET_VALUES: usize = 8;
const RISKS: [&str; 4] = ["high", "medium", "low", "prohibited"];

type Pairs = Vec<(String, String)>;

#[derive(Serialize)]
struct ListPage {
    kind: KindView,
    search: String,
    sort: &'static str,
    sorted: &'static str,
    facets: Vec<FacetView>,
    chips: Vec<Chip>,
    may_create: bool,
    columns: Vec<Column>,
    rows: Vec<Row>,
    shown: usize,
    total: i64,
    page_size: i64,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Serialize)]
struct FacetView {
    name: String,
    label: String,
    values: Vec<ValueView>,
    more: Vec<ValueView>,
    more_count: usize,
}

#[derive(Clone, Serialize)]
struct ValueView {
    value: String,
    label: String,
    count: i64,
    checked: bool,
}

#[derive(Serialize)]
struct Chip {
    label: String,
    href: String,
}

#[derive(Serialize)]
struct Column {
    label: &'static str,
    href: Option<String>,
    direction: Option<&'static str>,
}

#[derive(Serialize)]
struct Row {
    reference: String,
    title: String,
    owner: String,
    status: Badge,
    standing: Option<Badge>,
    until: Option<String>,
    risk: Option<Badge>,
    holder: Option<String>,
    waiting: Option<String>,
    under: Option<String>,
    updated_at: String,
}

/// `GET /{kind}`
///
/// # Errors
/// For filters that do not exist, and when the database fails.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse> {
    let now = app.desk.clock.now();
    let mut query = read_query(app.desk.kinds.by_path(&path)?, &pairs, now)?;
    query.within = visitor.register_query()?;
    let (desk, at) = (app.desk.clone(), path.clone());
    let pairs = pairs.into_inner();
    let found = app
        .db
        .read(move |conn| {
            let kind = desk.kinds.by_path(&at)?;
            let found = Found::read(conn, kind, &query)?;
            found.page(kind, &query, &pairs, now)
        })
        .await?;
    page(&app, &visitor, here(&app, &path), "register", &found)
}

/// What the database knows of a list.
struct Found {
    listing: Listing,
    total: i64,
    counts: Vec<FacetCount>,
    names: Names,
    holders: Vec<Holder>,
    under: HashMap<RecordId, String>,
}

impl Found {
    fn read(conn: &mut Conn, kind: &Kind, query: &Query) -> Result<Found> {
        let listing = register::list(conn, query)?;
        let fields: Vec<String> = kind.form.facets().into_iter().map(|f| f.field).collect();
        let ids: Vec<_> = listing.records.iter().map(|r| r.id).collect();
        Ok(Found {
            total: register::total(conn, query)?,
            counts: register::facet_counts(conn, query, &fields)?,
            names: names(conn, listing.records.iter().map(|r| r.owner_id))?,
            holders: review::holders(conn, &ids)?,
            under: vendor::notes(conn, &ids)?,
            listing,
        })
    }

    fn page(self, kind: &Kind, query: &Query, pairs: &Pairs, now: At) -> Result<ListPage> {
        let rows = self.listing.records.iter().map(|r| self.row(r, now));
        let rows = rows.collect::<Result<Vec<Row>>>()?;
        let facets = facets(kind, query, &self.counts);
        Ok(ListPage {
            kind: KindView::of(kind),
            search: query.text.clone().unwrap_or_default(),
            sort: query.sort.as_str(),
            sorted: sorted(query.sort),
            chips: chips(&facets, pairs),
            may_create: true,
            columns: columns(kind, query.sort, pairs),
            shown: rows.len(),
            rows,
            total: self.total,
            page_size: register::PAGE,
            first: query
                .after
                .is_some()
                .then(|| address(pairs, |_, _| true, None)),
            next: self
                .listing
                .next
                .map(|cursor| address(pairs, |_, _| true, Some(("after", cursor.to_text())))),
            facets,
        })
    }

    fn row(&self, record: &Record, now: At) -> Result<Row> {
        let mine: Vec<&Holder> = self
            .holders
            .iter()
            .filter(|h| h.record_id == record.id)
            .collect();
        let holder = match mine.as_slice() {
            [] => None,
            [one] => Some(one.name.clone()),
            [first, rest @ ..] => Some(format!("{} and {} more", first.name, rest.len())),
        };
        let owner = record.owner_id.and_then(|id| self.names.get(&id).cloned());
        Ok(Row {
            reference: record.reference.clone(),
            title: record.title.clone(),
            owner: owner.unwrap_or_else(|| "–".to_owned()),
            status: of_status(record.status()?),
            standing: standing_apart(record)?,
            until: record
                .valid_until
                .filter(|_| record.is_in_force())
                .map(|until| until.to_string()),
            risk: record.risk.as_deref().map(of_risk_briefly),
            holder,
            waiting: mine
                .iter()
                .map(|h| h.since)
                .min()
                .map(|since| days(since, now)),
            under: self.under.get(&record.id).cloned(),
            updated_at: record.updated_at.to_string(),
        })
    }
}

/// What became of the approval, where the status says something else: a renewal is written.
fn standing_apart(record: &Record) -> Result<Option<Badge>> {
    let status = record.status()?;
    Ok(record.standing().filter(|s| *s != status).map(of_status))
}

fn days(since: At, now: At) -> String {
    match now.0.duration_since(since.0).as_hours() / 24 {
        days if days <= 0 => "since today".to_owned(),
        1 => "for 1 day".to_owned(),
        days => format!("for {days} days"),
    }
}

fn sorted(sort: Sort) -> &'static str {
    match sort {
        Sort::Updated => "latest change first",
        Sort::Waiting => "longest unchanged first",
        Sort::Reference => "by reference",
        Sort::Title => "by title",
    }
}

fn columns(kind: &Kind, sort: Sort, pairs: &Pairs) -> Vec<Column> {
    let plain = |label| Column {
        label,
        href: None,
        direction: None,
    };
    let by = |label, to: Sort, direction| Column {
        label,
        href: Some(address(
            pairs,
            |name, _| name != "sort",
            Some(("sort", to.as_str().to_owned())),
        )),
        direction,
    };
    let up = |of: Sort| (sort == of).then_some("ascending");
    let (changed, direction) = match sort {
        Sort::Updated => (Sort::Waiting, Some("descending")),
        Sort::Waiting => (Sort::Updated, Some("ascending")),
        _ => (Sort::Updated, None),
    };
    let mut columns = vec![
        by("Reference", Sort::Reference, up(Sort::Reference)),
        by("Title", Sort::Title, up(Sort::Title)),
    ];
    if kind.reviewed {
        columns.extend(["Owner", "Status", "Risk", "Now with"].map(plain));
    }
    columns.push(by("Last change", changed, direction));
    columns
}

/// The address of this list with those pairs that are kept, and one more. The place in the list
/// is never kept: another filter or order begins at the first page.
fn address(
    pairs: &Pairs,
    is_kept: impl Fn(&str, &str) -> bool,
    more: Option<(&str, String)>,
) -> String {
    let kept = pairs
        .iter()
        .filter(|(name, value)| name != "after" && !value.is_empty() && is_kept(name, value))
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<(&str, &str)> = kept
        .chain(more.iter().map(|(name, value)| (*name, value.as_str())))
        .collect();
    format!("?{}", serde_urlencoded::to_string(all).unwrap_or_default())
}

fn facets(kind: &Kind, query: &Query, counts: &[FacetCount]) -> Vec<FacetView> {
    let mut facets = Vec::new();
    if kind.reviewed {
        let statuses = Status::ALL.map(|s| (s.as_str().to_owned(), of_status(s).word));
        let chosen: Vec<String> = query.status.iter().map(|s| s.as_str().to_owned()).collect();
        facets.push(facet("status", "Status", &statuses, &chosen, counts));
        let risks = RISKS.map(|risk| (risk.to_owned(), of_risk_briefly(risk).word));
        facets.push(facet("risk", "Risk", &risks, &query.risk, counts));
        let standings = Standing::ALL.map(|s| (s.as_str().to_owned(), s.words().to_owned()));
        let chosen: Vec<String> = query
            .standing
            .iter()
            .map(|s| s.as_str().to_owned())
            .collect();
        facets.push(facet("standing", "Approval", &standings, &chosen, counts));
        let overdue = [("overdue".to_owned(), "Overdue".to_owned())];
        let chosen: Vec<String> = query
            .overdue
            .then(|| "overdue".to_owned())
            .into_iter()
            .collect();
        facets.push(facet("conditions", "Conditions", &overdue, &chosen, counts));
    }
    for Facet {
        field,
        label,
        values,
    } in kind.form.facets()
    {
        let chosen = query.facets.get(&field).cloned().unwrap_or_default();
        facets.push(facet(&field, &label, &values, &chosen, counts));
    }
    facets.retain(|facet| !facet.values.is_empty());
    facets
}

/// The values of one facet: in the order of their choices, or the most frequent first where any
/// text may stand. What is chosen is always shown, also when nothing has it.
fn facet(
    name: &str,
    label: &str,
    choices: &[(String, String)],
    chosen: &[String],
    counts: &[FacetCount],
) -> FacetView {
    let mut values: Vec<ValueView> = Vec::new();
    let count = |value: &str| {
        let here = counts.iter().find(|c| c.field == name && c.value == value);
        here.map_or(0, |c| c.count)
    };
    let view = |value: &str, label: String| ValueView {
        value: value.to_owned(),
        label,
        count: count(value),
        checked: chosen.iter().any(|c| c == value),
    };
    if choices.is_empty() {
        values.extend(
            counts
                .iter()
                .filter(|c| c.field == name)
                .map(|c| view(&c.value, c.value.clone())),
        );
        let missing = chosen.iter().filter(|c| count(c) == 0);
        values.extend(missing.map(|c| view(c, sentence_case(c))));
        values.sort_by_key(|v| (!v.checked, -v.count));
    } else {
        values.extend(
            choices
                .iter()
                .map(|(value, label)| view(value, label.clone())),
        );
        values.retain(|v| v.count > 0 || v.checked);
        if values.len() > FACET_VALUES {
            values.sort_by_key(|v| !v.checked);
        }
    }
    let open = chosen.len().max(FACET_VALUES).min(values.len());
    let more = values.split_off(open);
    FacetView {
        name: name.to_owned(),
        label: label.to_owned(),
        values,
        more_count: more.len(),
        more,
    }
}

fn chips(facets: &[FacetView], pairs: &Pairs) -> Vec<Chip> {
    let mut chips = Vec::new();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let label = match facets.iter().find(|facet| facet.name == *name) {
            Some(facet) => {
                let known = facet
                    .values
                    .iter()
                    .chain(&facet.more)
                    .find(|v| v.value == *value);
                known.map_or_else(|| value.clone(), |v| v.label.clone())
            }
            None if name == "q" => format!("“{value}”"),
            None if name == "sort" || name == "after" => continue,
            None => value.clone(),
        };
        let href = address(
            pairs,
            |n, v| (n, v) != (name.as_str(), value.as_str()),
            None,
        );
        chips.push(Chip { label, href });
    }
    chips
}
