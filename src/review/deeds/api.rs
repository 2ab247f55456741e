//! Deeds over the API.
use super::page::{condition, deed, of_review, record};
use super::{Deed, Given, Subject, act, record_of};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::review;
use crate::review::service::Desk;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a program sends with a deed; which member it wants, the deed says.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Why.
    reason: Option<String>,
    /// What shows that a condition is met.
    evidence: Option<String>,
    /// Last day of an override.
    until: Option<String>,
    /// Digest of the revision that is let through.
    digest: Option<String>,
}

impl Body {
    /// What is given for `deed`; a member that it has no use for is an error.
    fn given(self, deed: Deed) -> Result<Given> {
        let odd = |member: &str| {
            let sentence = format!("{member}: {} takes no such member", deed.tail());
            Err(Error::BadRequest(sentence))
        };
        let asks_for_evidence = deed == Deed::GiveEvidence;
        if self.evidence.is_some() && !asks_for_evidence {
            return odd("evidence");
        }
        let asks_for_reason = deed.words().text.is_some() && !asks_for_evidence;
        if self.reason.is_some() && !asks_for_reason {
            return odd("reason");
        }
        if self.until.is_some() && deed != Deed::ProposeOverride {
            return odd("until");
        }
        if self.digest.is_some() != deed.signs() {
            return match deed.signs() {
                true => Err(Error::BadRequest(format!(
                    "digest: {} needs the digest of the revision, as the review has it",
                    deed.tail()
                ))),
                false => odd("digest"),
            };
        }
        Ok(Given {
            text: self.evidence.or(self.reason).unwrap_or_default(),
            until: self.until.unwrap_or_default(),
            digest: self.digest.unwrap_or_default(),
        })
    }
}

/// `POST /api/v1/conditions/{id}/{deed}`
///
/// # Errors
/// 403, 409 and 422 with the refusal's sentence.
pub async fn on_condition(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<Body>,
) -> Result<HttpResponse> {
    let subject = condition(&id)?;
    take(&app, &visitor, &request, subject, body.into_inner()).await
}

/// `POST /api/v1/reviews/{id}/{deed}`
///
/// # Errors
/// As [`on_condition`].
pub async fn on_review(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Json<Body>,
) -> Result<HttpResponse> {
    let subject = of_review(&id)?;
    take(&app, &visitor, &request, subject, body.into_inner()).await
}

/// `POST /api/v1/{kind}/{reference}/{deed}`
///
/// # Errors
/// As [`on_condition`].
pub async fn on_record(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Json<Body>,
) -> Result<HttpResponse> {
    let subject = record(&app, &path).await?;
    take(&app, &visitor, &request, subject, body.into_inner()).await
}

async fn take(
    app: &App,
    visitor: &Visitor,
    request: &HttpRequest,
    subject: Subject,
    body: Body,
) -> Result<HttpResponse> {
    let deed = deed(request)?;
    let key = Key::of(request, visitor, &json!(body))?;
    let given = body.given(deed)?;
    let actor = visitor.actor()?;
    let author = actor.clone();
    let reference = move |conn: &mut Conn| Ok(record_of(conn, subject)?.reference);
    let reference = app.db.read(reference).await?;
    let work = move |tx: &mut Tx, desk: &Desk| {
        act(tx, desk, &author, (deed, subject), &given)?;
        answer(tx, desk, subject)
    };
    let answer = once(app, deed.tail(), reference, &actor, key, work).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// The record and the review that a deed left behind.
fn answer(conn: &mut Conn, desk: &Desk, subject: Subject) -> Result<Value> {
    let record = record_of(conn, subject)?;
    let mut review = |id: Option<crate::db::ReviewId>| match id {
        Some(id) => {
            let state = review::review(conn, id)?;
            review::api::state(conn, desk, &state)
        }
        None => Ok(Value::Null),
    };
    let approval = review(record.approval_id)?;
    let latest = review(record.review_id)?;
    Ok(json!({
        "reference": record.reference,
        "status": record.status,
        "standing": record.standing,
        "valid_until": record.valid_until.map(|at| at.to_string()),
        "revision": record.revision,
        "approval": approval,
        "review": latest,
    }))
}
