//! Seven points and nine areas as pages: of one use case, of all, and the lists behind each count.
use super::portfolio::{self, Lens, Row};
use super::{AREAS, Light, POINTS, Proof, Standing, screens};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::register;
use crate::web::answer::page;
use crate::web::badge::Badge;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::collections::BTreeMap;

type Pairs = Vec<(String, String)>;

/// Use cases on one page of a list.
pub(super) const PAGE: usize = 25;
/// Units in the table of units.
const UNITS: usize = 100;

#[derive(Serialize)]
struct ScreenPage {
    reference: String,
    title: String,
    today: jiff::civil::Date,
    points: Vec<Line>,
    areas: Vec<Line>,
}

/// A point or area of a use case.
#[derive(Serialize)]
struct Line {
    title: &'static str,
    status: Badge,
    why: String,
    proofs: Vec<Proof>,
}

fn lines(names: &[(&str, &'static str)], all: Vec<Standing>) -> Vec<Line> {
    let named = names.iter().zip(all);
    let line = |((_, title), standing): (&(&str, &'static str), Standing)| Line {
        title,
        status: standing.light.badge(),
        why: standing.why,
        proofs: standing.proofs,
    };
    named.map(line).collect()
}

/// `GET /use-cases/{reference}/overview`
///
/// # Errors
/// 404.
pub async fn screen(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (desk, reference) = (app.desk.clone(), path.into_inner());
    let read = move |conn: &mut Conn| {
        let record = register::by_reference(conn, "use_case", &reference)?;
        let screen = super::screen(conn, &desk, record.clone())?;
        Ok(ScreenPage {
            reference: record.reference,
            title: record.title,
            today: desk.today().0,
            points: lines(&POINTS, screen.points),
            areas: lines(&AREAS, screen.areas),
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "use-cases", "overview-record", &context)
}

#[derive(Serialize)]
struct PortfolioPage {
    unit: Option<String>,
    units: Vec<Choice>,
    total: usize,
    points: Vec<CountLine>,
    areas: Vec<CountLine>,
    by_unit: Vec<UnitLine>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    chosen: bool,
}

/// A point or area with how many use cases have each light.
#[derive(Serialize)]
struct CountLine {
    title: &'static str,
    counts: Vec<Count>,
}

#[derive(Serialize)]
struct Count {
    word: String,
    tone: &'static str,
    number: usize,
    path: String,
}

/// A unit with how many points of its use cases are settled.
#[derive(Serialize)]
struct UnitLine {
    unit: String,
    path: String,
    total: usize,
    settled: usize,
    open: usize,
    expired: usize,
}

fn value(pairs: &[(String, String)], name: &str) -> Option<String> {
    let mut all = pairs.iter().filter(|(known, _)| known == name);
    let found = all.find(|(_, value)| !value.trim().is_empty());
    found.map(|(_, value)| value.trim().to_owned())
}

fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    format!(
        "{path}?{}",
        serde_urlencoded::to_string(pairs).unwrap_or_default()
    )
}

/// `GET /overview`
///
/// # Errors
/// When the database fails.
pub async fn all(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse> {
    let lens = Lens {
        unit: value(&pairs, "unit"),
        within: visitor.register_query()?,
    };
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let all = super::portfolio(conn, &desk)?;
        let everything = Lens {
            unit: None,
            within: lens.within.clone(),
        };
        let visible = portfolio::seen(conn, &all, &everything)?;
        Ok(PortfolioPage::of(&visible, lens.unit))
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "overview", "overview", &context)
}

impl PortfolioPage {
    fn of(visible: &[&Row], unit: Option<String>) -> PortfolioPage {
        let rows = visible
            .iter()
            .filter(|row| unit.is_none() || row.unit == unit);
        let rows: Vec<&Row> = rows.copied().collect();
        let counts = portfolio::counts(&rows);
        let lines = |names: &[(&str, &'static str)], from: usize| {
            let counts = counts.iter().skip(from);
            let named = names.iter().zip(counts);
            named
                .map(|((key, title), counts)| CountLine {
                    title,
                    counts: count_line(key, counts, unit.as_deref()),
                })
                .collect::<Vec<CountLine>>()
        };
        let by_unit = by_unit(visible);
        PortfolioPage {
            total: rows.len(),
            points: lines(&POINTS, 0),
            areas: lines(&AREAS, POINTS.len()),
            units: by_unit
                .iter()
                .map(|line| Choice {
                    chosen: unit.as_ref() == Some(&line.unit),
                    value: line.unit.clone(),
                })
                .collect(),
            by_unit,
            unit,
        }
    }
}

fn count_line(key: &str, counts: &BTreeMap<Light, usize>, unit: Option<&str>) -> Vec<Count> {
    let count = |light: Light| {
        let mut pairs = vec![("point", key), ("light", light.as_str())];
        pairs.extend(unit.map(|unit| ("unit", unit)));
        let Badge { word, tone } = light.badge();
        Count {
            word,
            tone,
            number: counts.get(&light).copied().unwrap_or(0),
            path: address("/overview/list", &pairs),
        }
    };
    Light::ALL.into_iter().map(count).collect()
}

/// Units with the most use cases first.
fn by_unit(rows: &[&Row]) -> Vec<UnitLine> {
    let mut units: BTreeMap<&str, UnitLine> = BTreeMap::new();
    for row in rows {
        let Some(unit) = row.unit.as_deref() else {
            continue;
        };
        let line = units.entry(unit).or_insert_with(|| UnitLine {
            path: address("/overview", &[("unit", unit)]),
            unit: unit.to_owned(),
            total: 0,
            settled: 0,
            open: 0,
            expired: 0,
        });
        line.total += 1;
        for light in row.lights().iter().take(POINTS.len()) {
            match light {
                Light::Settled => line.settled += 1,
                Light::Open => line.open += 1,
                Light::Expired => line.expired += 1,
                Light::NotNeeded => {}
            }
        }
    }
    let mut lines: Vec<UnitLine> = units.into_values().collect();
    lines.sort_by(|a, b| b.total.cmp(&a.total).then(a.unit.cmp(&b.unit)));
    lines.truncate(UNITS);
    lines
}

#[derive(Serialize)]
struct ListPage {
    title: &'static str,
    light: Badge,
    unit: Option<String>,
    total: usize,
    rows: Vec<ListLine>,
    next: Option<String>,
    back: String,
}

/// A use case in a list.
#[derive(Serialize)]
struct ListLine {
    reference: String,
    title: String,
    unit: Option<String>,
    why: String,
}

/// What a list asks for.
pub(super) struct Asked {
    pub(super) place: usize,
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) light: Light,
    pub(super) from: usize,
}

impl Asked {
    /// As an address says it.
    ///
    /// # Errors
    /// [`Error::BadRequest`] for words that are none.
    pub(super) fn read(pairs: &[(String, String)]) -> Result<Asked> {
        let odd = |name: &str| Error::BadRequest(format!("{name}: there is none called that"));
        let key = value(pairs, "point").ok_or_else(|| odd("point"))?;
        let mut all = POINTS.iter().chain(&AREAS).enumerate();
        let found = all.find(|(_, (known, _))| *known == key);
        let (place, (key, title)) = found.ok_or_else(|| odd("point"))?;
        let light = value(pairs, "light").and_then(|word| Light::named(&word));
        let from = value(pairs, "from").map(|text| text.parse().map_err(|_| odd("from")));
        Ok(Asked {
            place,
            key,
            title,
            light: light.ok_or_else(|| odd("light"))?,
            from: from.transpose()?.unwrap_or(0),
        })
    }
}

/// `GET /overview/list`: the use cases behind a count.
///
/// # Errors
/// 400 for a point, area or light that is none.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse> {
    let asked = Asked::read(&pairs)?;
    let lens = Lens {
        unit: value(&pairs, "unit"),
        within: visitor.register_query()?,
    };
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let all = super::portfolio(conn, &desk)?;
        let rows = portfolio::seen(conn, &all, &lens)?;
        let rows = rows.into_iter();
        let fitting: Vec<&Row> = rows
            .filter(|row| row.light(asked.key) == Some(asked.light))
            .collect();
        let shown: Vec<&Row> = fitting
            .iter()
            .skip(asked.from)
            .take(PAGE)
            .copied()
            .collect();
        let mut records = Vec::new();
        for row in &shown {
            records.push(register::by_id(conn, row.id)?);
        }
        let screens = screens(conn, &desk, records)?;
        let why = |row: &Row| {
            let screen = screens.get(&row.id)?;
            screen.all().nth(asked.place).map(|one| one.why.clone())
        };
        let from = (asked.from + PAGE).to_string();
        let mut more = vec![
            ("point", asked.key),
            ("light", asked.light.as_str()),
            ("from", from.as_str()),
        ];
        let unit = lens.unit.as_deref();
        more.extend(unit.map(|unit| ("unit", unit)));
        let back = unit.map(|unit| address("/overview", &[("unit", unit)]));
        Ok(ListPage {
            title: asked.title,
            light: asked.light.badge(),
            total: fitting.len(),
            next: (fitting.len() > asked.from + PAGE).then(|| address("/overview/list", &more)),
            rows: shown
                .iter()
                .map(|row| ListLine {
                    reference: row.reference.clone(),
                    title: row.title.clone(),
                    unit: row.unit.clone(),
                    why: why(row).unwrap_or_default(),
                })
                .collect(),
            back: back.unwrap_or_else(|| "/overview".to_owned()),
            unit: lens.unit.clone(),
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "overview", "overview-list", &context)
}
