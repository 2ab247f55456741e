//! The risk of a use case on its page, and the heat map of all.
use super::form::{self, FormView};
use super::map::{Cell, Measure, map};
use super::store::{self, rules_in_force};
use super::view::{self, AssessedView, EscalationView};
use super::{Given, Level, Score, Settling, assess, may_assess, settle};
use crate::app::App;
use crate::db::{Conn, EscalationId, PersonId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::overview::{self, AREAS, Lens, Row};
use crate::people::{self, Secret};
use crate::register;
use crate::review::words::field;
use crate::review::{self, Desk};
use crate::web::answer::{complaints, go_to, page_with};
use crate::web::badge::Badge;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

type Shared = web::Data<App>;
type Pairs = Vec<(String, String)>;

/// Risks of a cell that its page lists.
const LISTED: usize = 200;

#[derive(Serialize)]
struct RiskPage {
    summary: Vec<SummaryLine>,
    reference: String,
    title: String,
    assessed: Option<AssessedView>,
    escalations: Vec<Waiting>,
    form: Option<FormView>,
    is_ruled: bool,
    reason: String,
    until: String,
    once: String,
}

/// An escalation with whether its reader may answer it.
#[derive(Serialize)]
struct Waiting {
    escalation: EscalationView,
    settle: bool,
}

/// What comes back as it was typed.
#[derive(Default)]
struct Again {
    summary: Vec<SummaryLine>,
    given: Option<Given>,
    reason: String,
    until: String,
}

/// `GET /use-cases/{reference}/risk`
///
/// # Errors
/// 404.
pub async fn show(app: Shared, visitor: Visitor, path: web::Path<String>) -> Result<HttpResponse> {
    let reference = path.into_inner();
    draw(&app, &visitor, reference, Again::default(), StatusCode::OK).await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    reference: String,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let read = move |conn: &mut Conn| RiskPage::read(conn, &desk, person, &reference, again);
    let context = app.db.read(read).await?;
    page_with(app, visitor, "use-cases", "risk", &context, status)
}

impl RiskPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        person: PersonId,
        reference: &str,
        again: Again,
    ) -> Result<RiskPage> {
        let record = register::by_reference(conn, super::USE_CASE, reference)?;
        let assessed = store::assessed(conn, &[record.id])?.remove(&record.id);
        let shown = match &assessed {
            Some(assessed) => Some(view::of(conn, &record, assessed, desk.today())?),
            None => None,
        };
        let roles = people::roles_on(conn, desk.today(), person)?;
        let mut part = review::parties(conn, &record)?;
        part.extend(assessed.iter().map(|one| one.assessment.assessed_by));
        let rows = assessed.iter().flat_map(|one| &one.escalations);
        let views = shown.iter().flat_map(|one| &one.escalations);
        let waiting = rows.zip(views).map(|(row, view)| Waiting {
            escalation: view.clone(),
            settle: row.state == "open" && roles.contains(&row.role) && !part.contains(&person),
        });
        let waiting: Vec<Waiting> = waiting.collect();
        let rules = rules_in_force(conn)?;
        let may = may_assess(conn, desk, person, &record)?;
        let form = match &rules {
            Some((_, rules)) if may => {
                let open = assessed.is_none() || again.given.is_some();
                let before = assessed.as_ref().zip(shown.as_ref());
                let given = match again.given {
                    Some(given) => Given {
                        revision: record.revision,
                        ..given
                    },
                    None => view::given_again(conn, &record, before, rules)?,
                };
                Some(FormView::of(rules, &given, open))
            }
            _ => None,
        };
        Ok(RiskPage {
            summary: again.summary,
            reference: record.reference,
            title: record.title,
            assessed: shown,
            escalations: waiting,
            form,
            is_ruled: rules.is_some(),
            reason: again.reason,
            until: again.until,
            once: Secret::new()?.reveal().to_owned(),
        })
    }
}

/// `POST /use-cases/{reference}/risk`
///
/// # Errors
/// 404; what is wrong comes back beside the form as typed.
pub async fn do_assess(
    app: Shared,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (actor, reference) = (visitor.actor()?, path.into_inner());
    let given = form::read(&pairs);
    let to = format!("/use-cases/{reference}/risk");
    let key = Key::of_form(&visitor, &to, &pairs)?;
    let (author, name, typed) = (actor.clone(), reference.clone(), given.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &name)?;
        assess(tx, desk, &author, case.id, &given)?;
        Ok(json!({}))
    };
    match once(&app, "assess_risk", reference.clone(), &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &to)),
        Err(error) => {
            let (summary, status) = complaints(error)?;
            let again = Again {
                summary,
                given: Some(typed),
                ..Again::default()
            };
            draw(&app, &visitor, reference, again, status).await
        }
    }
}

/// `POST /risk-escalations/{escalation}/{verb}`
///
/// # Errors
/// 404; refusals come back beside the form.
pub async fn do_settle(
    app: Shared,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (id, verb) = path.into_inner();
    let missing = || Error::not_found("escalation", &id);
    let escalation: EscalationId = id.parse().map_err(|_| missing())?;
    let settling = Settling::named(&verb).ok_or_else(missing)?;
    let (actor, why, until) = (
        visitor.actor()?,
        field(&pairs, "reason"),
        field(&pairs, "until"),
    );
    let read = move |conn: &mut Conn| {
        let record = store::escalation(conn, escalation)?.record_id;
        Ok(register::by_id(conn, record)?.reference)
    };
    let reference = app.db.read(read).await?;
    let key = Key::of_form(&visitor, &format!("/risk-escalations/{id}/{verb}"), &pairs)?;
    let (author, typed) = (actor.clone(), (why.clone(), until.clone()));
    let work = move |tx: &mut Tx, desk: &Desk| {
        settle(tx, desk, &author, escalation, settling, (&why, &until))?;
        Ok(json!({}))
    };
    match once(&app, "settle_escalation", id, &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &format!("/use-cases/{reference}/risk"))),
        Err(error) => {
            let (summary, status) = complaints(error)?;
            let again = Again {
                summary,
                reason: typed.0,
                until: typed.1,
                ..Again::default()
            };
            draw(&app, &visitor, reference, again, status).await
        }
    }
}

#[derive(Serialize)]
struct MapPage {
    is_ruled: bool,
    areas: Vec<Choice>,
    measures: Vec<Choice>,
    impacts: Vec<String>,
    rows: Vec<MapRow>,
    cases: usize,
    assessed: usize,
    cell: Option<CellPage>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// A row of the map: one likelihood.
#[derive(Serialize)]
struct MapRow {
    likelihood: String,
    cells: Vec<CellView>,
}

#[derive(Serialize)]
struct CellView {
    count: usize,
    level: &'static str,
    tone: &'static str,
    path: Option<String>,
}

/// What is in the cell that was chosen.
#[derive(Serialize)]
struct CellPage {
    heading: String,
    status: Badge,
    risks: Vec<RiskLine>,
    more: usize,
}

#[derive(Serialize)]
struct RiskLine {
    reference: String,
    title: String,
    area: String,
}

/// What of the map is asked for.
struct Asked {
    area: Option<&'static str>,
    measure: Measure,
    cell: Option<Score>,
}

impl Asked {
    fn read(pairs: &[(String, String)]) -> Asked {
        let said = field(pairs, "area");
        let known = AREAS.iter().find(|(key, _)| *key == said);
        let number = |name: &str| {
            let number = field(pairs, name).parse::<u8>().ok();
            number.filter(|number| (1..=5).contains(number))
        };
        let cell = number("likelihood").zip(number("impact"));
        Asked {
            area: known.map(|(key, _)| *key),
            measure: Measure::named(&field(pairs, "of")),
            cell: cell.map(|(likelihood, impact)| Score { likelihood, impact }),
        }
    }

    fn path(&self, score: Score) -> String {
        let area = self.area.map(|area| format!("area={area}&"));
        let (area, of) = (area.unwrap_or_default(), self.measure.as_str());
        let (likelihood, impact) = (score.likelihood, score.impact);
        format!("/risk?{area}of={of}&likelihood={likelihood}&impact={impact}")
    }
}

/// `GET /risk`: the heat map.
///
/// # Errors
/// When the database fails.
pub async fn heat(app: Shared, visitor: Visitor, pairs: web::Query<Pairs>) -> Result<HttpResponse> {
    let asked = Asked::read(&pairs);
    let lens = Lens {
        unit: None,
        within: visitor.register_query()?,
    };
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let all = overview::portfolio(conn, &desk)?;
        let rows = overview::seen(conn, &all, &lens)?;
        let ids: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
        let cells = map(conn, &ids, asked.area, asked.measure)?;
        let assessed = store::assessed(conn, &ids)?.len();
        MapPage::of(conn, &asked, &rows, &cells, assessed)
    };
    let context = app.db.read(read).await?;
    page_with(
        &app,
        &visitor,
        "overview",
        "risk-map",
        &context,
        StatusCode::OK,
    )
}

impl MapPage {
    fn of(
        conn: &mut Conn,
        asked: &Asked,
        rows: &[&Row],
        cells: &BTreeMap<Score, Cell>,
        assessed: usize,
    ) -> Result<MapPage> {
        let rules = rules_in_force(conn)?.map(|(_, rules)| rules);
        let level = |score: Score| rules.as_ref().map(|rules| rules.levels.of(score.value()));
        let word = |words: Option<&Vec<String>>, number: u8| {
            let words = words.and_then(|words| words.get(usize::from(number) - 1));
            format!("{number} {}", words.map_or("", String::as_str))
        };
        let likelihood = rules.as_ref().map(|rules| &rules.likelihood);
        let impact = rules.as_ref().map(|rules| &rules.impact);
        let row = |number: u8| MapRow {
            likelihood: word(likelihood, number),
            cells: (1..=5)
                .map(|impact| {
                    let score = Score {
                        likelihood: number,
                        impact,
                    };
                    cell_view(asked, score, level(score), cells.get(&score))
                })
                .collect(),
        };
        let names: HashMap<RecordId, &Row> = rows.iter().map(|row| (row.id, *row)).collect();
        let chosen = asked.cell.map(|score| {
            let level = level(score).unwrap_or(Level::Low);
            let heading = format!(
                "Likelihood {}, impact {}",
                word(likelihood, score.likelihood),
                word(impact, score.impact)
            );
            cell_page(heading, level, cells.get(&score), &names)
        });
        let area = |key: &str, title: &str| Choice {
            value: key.to_owned(),
            label: title.to_owned(),
            chosen: asked.area.unwrap_or_default() == key,
        };
        let measure = |measure: Measure, label: &str| Choice {
            value: measure.as_str().to_owned(),
            label: label.to_owned(),
            chosen: asked.measure == measure,
        };
        let first = area("", "All nine areas");
        let areas = AREAS.iter().map(|(key, title)| area(key, title));
        Ok(MapPage {
            is_ruled: rules.is_some(),
            areas: std::iter::once(first).chain(areas).collect(),
            measures: vec![
                measure(Measure::Residual, "What is left"),
                measure(Measure::Inherent, "Before anything is done"),
            ],
            impacts: (1..=5).map(|number| word(impact, number)).collect(),
            rows: (1..=5).rev().map(row).collect(),
            cases: rows.len(),
            assessed,
            cell: chosen,
        })
    }
}

fn cell_view(asked: &Asked, score: Score, level: Option<Level>, cell: Option<&Cell>) -> CellView {
    let count = cell.map_or(0, |cell| cell.risks.len());
    CellView {
        count,
        level: level.map_or("", Level::words),
        tone: level.map_or("", super::map::tone),
        path: (count > 0).then(|| asked.path(score)),
    }
}

fn cell_page(
    heading: String,
    level: Level,
    cell: Option<&Cell>,
    names: &HashMap<RecordId, &Row>,
) -> CellPage {
    let risks = cell.map(|cell| cell.risks.as_slice()).unwrap_or_default();
    let line = |(id, key): &(RecordId, String)| {
        let row = names.get(id)?;
        let title = AREAS.iter().find(|(known, _)| known == key);
        Some(RiskLine {
            reference: row.reference.clone(),
            title: row.title.clone(),
            area: title.map_or_else(|| key.clone(), |(_, title)| (*title).to_owned()),
        })
    };
    CellPage {
        heading,
        status: crate::web::badge::badge(level.words(), super::map::tone(level)),
        risks: risks.iter().take(LISTED).filter_map(line).collect(),
        more: risks.len().saturating_sub(LISTED),
    }
}
