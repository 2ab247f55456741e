//! The catalogue: looked through by words, vendor, sort, data and what the policy says of it.
use crate::app::App;
use crate::catalogue::spend::{self, Spend};
use crate::catalogue::tools::{self, Card, Catalogue, Wanted};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::policy::Verdict;
use crate::policy::view::of_verdict;
use crate::register::{Cursor, FacetCount, Query, facet_counts};
use crate::review::Desk;
use crate::web::answer::page;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

type Pairs = Vec<(String, String)>;

/// Vendors that are offered to choose from.
const VENDORS: usize = 200;

#[derive(Serialize)]
struct CataloguePage {
    search: String,
    vendors: Vec<Choice>,
    sorts: Vec<Choice>,
    classes: Vec<Choice>,
    verdicts: Vec<Choice>,
    narrowed: bool,
    tools: Vec<Card>,
    total: i64,
    shown: usize,
    next: Option<String>,
    first: Option<String>,
    listed: Vec<Card>,
    more_listed: Option<String>,
    may_keep: bool,
    has_policy: bool,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// What an address asks for.
///
/// # Errors
/// [`Error::BadRequest`] for words that are none.
pub fn wanted(pairs: &[(String, String)]) -> Result<Wanted> {
    let value = |name: &str| {
        let mut all = pairs.iter().filter(|(known, _)| known == name);
        let found = all.find(|(_, value)| !value.trim().is_empty());
        found.map(|(_, value)| value.trim().to_owned())
    };
    let verdict = value("verdict").map(|word| {
        let odd = || Error::BadRequest(format!("verdict: there is none called {word}"));
        Verdict::named(&word).ok_or_else(odd)
    });
    let from = value("from").map(|number| {
        let odd = |_| Error::BadRequest("from: take it from the previous page".to_owned());
        number.parse().map_err(odd)
    });
    Ok(Wanted {
        text: value("q"),
        vendor: value("vendor"),
        category: value("category"),
        class: value("class"),
        verdict: verdict.transpose()?,
        after: value("after")
            .map(|text| Cursor::parse(&text))
            .transpose()?,
        from: from.transpose()?.unwrap_or(0),
    })
}

/// `GET /catalogue`
///
/// # Errors
/// 400 for an address that says what is none.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Pairs>,
) -> Result<HttpResponse> {
    visitor.person()?;
    let (wanted, within) = (wanted(&pairs)?, visitor.register_query()?);
    let (desk, pairs, keeps) = (app.desk.clone(), pairs.into_inner(), visitor.keeps_policy());
    let read = move |conn: &mut Conn| {
        let found = tools::catalogue(conn, &desk, &wanted, &within)?;
        let query = Query {
            kind: "tool".to_owned(),
            within,
            ..Query::default()
        };
        let fields = ["vendor".to_owned(), "category".to_owned()];
        let counts = facet_counts(conn, &query, &fields)?;
        let mut page = CataloguePage::of(conn, &desk, &wanted, found, &counts)?;
        let address = |name: &str, value: Option<String>| {
            value.map(|value| address(&pairs, Some((name, value))))
        };
        page.next = address("after", page.next);
        page.more_listed = address("from", page.more_listed);
        page.first =
            (wanted.after.is_some() || wanted.from > 0).then(|| self::address(&pairs, None));
        page.may_keep = keeps;
        Ok(page)
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "catalogue", "catalogue", &context)
}

fn address(pairs: &[(String, String)], more: Option<(&str, String)>) -> String {
    let kept = pairs
        .iter()
        .filter(|(name, value)| !["after", "from"].contains(&name.as_str()) && !value.is_empty());
    let mut all: Vec<(&str, &str)> = kept.map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let more = more.as_ref();
    all.extend(more.map(|(name, value)| (*name, value.as_str())));
    format!("?{}", serde_urlencoded::to_string(all).unwrap_or_default())
}

impl CataloguePage {
    fn of(
        conn: &mut Conn,
        desk: &Desk,
        wanted: &Wanted,
        found: Catalogue,
        counts: &[FacetCount],
    ) -> Result<CataloguePage> {
        let version = tools::policy(conn, desk)?;
        let classes = version.iter().flat_map(|v| &v.index.policy().classes);
        let classes = classes.map(|class| Choice {
            chosen: wanted.class.as_ref() == Some(&class.key),
            value: class.key.clone(),
            label: class.title.clone(),
        });
        let verdicts = Verdict::ALL.into_iter().map(|verdict| Choice {
            value: verdict.as_str().to_owned(),
            label: match verdict {
                Verdict::AllowedWithConditions => "With conditions".to_owned(),
                other => of_verdict(other, 0).word,
            },
            chosen: wanted.verdict == Some(verdict),
        });
        let form = &desk.kinds.by_key("tool")?.form;
        let sorts = form.field("category").map(|field| field.choices());
        let sorts = sorts.unwrap_or_default().iter().map(|sort| Choice {
            value: sort.value.clone(),
            label: sort.label.clone(),
            chosen: wanted.category.as_ref() == Some(&sort.value),
        });
        let vendors = counts.iter().filter(|count| count.field == "vendor");
        let mut vendors: Vec<String> = vendors.map(|count| count.value.clone()).collect();
        let of_policy = version.iter().flat_map(|v| &v.index.policy().tools);
        vendors.extend(of_policy.filter_map(|tool| tool.vendor.clone()));
        vendors.sort();
        vendors.dedup();
        vendors.truncate(VENDORS);
        let chosen = |value: &String| wanted.vendor.as_ref() == Some(value);
        let vendors = vendors.into_iter().map(|value| Choice {
            chosen: chosen(&value),
            label: value.clone(),
            value,
        });
        Ok(CataloguePage {
            search: wanted.text.clone().unwrap_or_default(),
            vendors: vendors.collect(),
            sorts: sorts.collect(),
            has_policy: version.is_some(),
            classes: classes.collect(),
            verdicts: verdicts.collect(),
            narrowed: wanted.text.is_some()
                || wanted.vendor.is_some()
                || wanted.category.is_some()
                || wanted.verdict.is_some(),
            shown: found.tools.len(),
            tools: found.tools,
            total: found.total,
            next: found.next,
            first: None,
            listed: found.listed,
            more_listed: found.more_listed.map(|at| at.to_string()),
            may_keep: false,
        })
    }
}

#[derive(Serialize)]
struct SpendPage {
    groups: Vec<Spend>,
}

/// `GET /catalogue/spend`
///
/// # Errors
/// When the database fails.
pub async fn spend(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let (desk, within) = (app.desk.clone(), visitor.register_query()?);
    let groups = app
        .db
        .read(move |conn| spend::spend(conn, &desk, &within))
        .await?;
    page(
        &app,
        &visitor,
        "catalogue",
        "catalogue-spend",
        &SpendPage { groups },
    )
}
