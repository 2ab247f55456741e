//! Seven points and nine areas over the API.
use super::page::{Asked, PAGE};
use super::portfolio::{self, Lens, Row};
use super::{AREAS, Light, POINTS, Standing};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::register;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

type Pairs = Vec<(String, String)>;

fn keyed<T: serde::Serialize>(
    names: &[(&str, &str)],
    all: impl IntoIterator<Item = T>,
) -> Result<Value> {
    let mut members = Map::new();
    for ((key, _), one) in names.iter().zip(all) {
        members.insert((*key).to_owned(), serde_json::to_value(one)?);
    }
    Ok(Value::Object(members))
}

/// `GET /api/v1/use-cases/{reference}/overview`
///
/// # Errors
/// 404.
pub async fn screen(app: web::Data<App>, path: web::Path<String>) -> Result<HttpResponse> {
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let record = register::by_reference(conn, "use_case", &path)?;
        let screen = super::screen(conn, &desk, record)?;
        Ok(json!({
            "reference": path.as_str(),
            "on": desk.today().to_string(),
            "points": keyed::<&Standing>(&POINTS, &screen.points)?,
            "areas": keyed::<&Standing>(&AREAS, &screen.areas)?,
        }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

/// `GET /api/v1/overview`: how many use cases have each light; with `point` and `light`, which.
///
/// # Errors
/// 400 for parameters that are none.
pub async fn all(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse> {
    const NAMES: [&str; 4] = ["unit", "point", "light", "from"];
    let odd = pairs
        .iter()
        .find(|(name, _)| !NAMES.contains(&name.as_str()));
    if let Some((name, _)) = odd {
        return Err(Error::BadRequest(format!("there is no parameter {name}")));
    }
    let listed = pairs.iter().any(|(name, _)| name == "point");
    let asked = listed.then(|| Asked::read(&pairs)).transpose()?;
    let unit = pairs.iter().find(|(name, _)| name == "unit");
    let lens = Lens {
        unit: unit.map(|(_, unit)| unit.clone()),
        within: visitor.register_query()?,
    };
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let all = super::portfolio(conn, &desk)?;
        let rows = portfolio::seen(conn, &all, &lens)?;
        match asked {
            Some(asked) => Ok(list(&rows, &asked)),
            None => counted(&rows),
        }
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

fn counted(rows: &[&Row]) -> Result<Value> {
    let counts = portfolio::counts(rows);
    let told = counts.iter().map(|counts| {
        let count = |light: Light| {
            let number = counts.get(&light).copied().unwrap_or(0);
            (light.as_str().to_owned(), Value::from(number))
        };
        Value::Object(Light::ALL.into_iter().map(count).collect())
    });
    let told: Vec<Value> = told.collect();
    let areas = told.iter().skip(POINTS.len());
    Ok(json!({
        "total": rows.len(),
        "points": keyed(&POINTS, &told)?,
        "areas": keyed(&AREAS, areas)?,
    }))
}

fn list(rows: &[&Row], asked: &Asked) -> Value {
    let rows = rows.iter();
    let fitting: Vec<&&Row> = rows
        .filter(|row| row.light(asked.key) == Some(asked.light))
        .collect();
    let shown = fitting.iter().skip(asked.from).take(PAGE);
    let shown = shown
        .map(|row| json!({ "reference": row.reference, "title": row.title, "unit": row.unit }));
    let next = asked.from + PAGE;
    json!({
        "total": fitting.len(),
        "use_cases": shown.collect::<Vec<Value>>(),
        "next": (fitting.len() > next).then_some(next),
    })
}
