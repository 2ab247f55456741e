//! Files handed over, and erased.
use super::folder::{folder, place};
use super::store::{self, File};
use super::sweep;
use crate::app::App;
use crate::db::{Conn, FileId, Tx};
use crate::error::{Error, Result};
use crate::register;
use crate::review::Desk;
use crate::web::answer::go_to;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::header::{self, ContentDisposition, DispositionParam, DispositionType};
use actix_web::http::header::{Charset, ExtendedValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Read;

/// Bytes handed over at a time.
const PIECE: usize = 64 * 1024;
/// What a browser may do with a file that it shows in spite of everything: nothing.
const SANDBOX: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

fn id(text: &str) -> Result<FileId> {
    text.parse().map_err(|_| Error::not_found("file", text))
}

/// `GET /evidence/{file}` and `GET /api/v1/evidence/{file}`: the content, as a download.
///
/// # Errors
/// 404, also for what was erased.
pub async fn fetch(
    app: web::Data<App>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let id = id(&path)?;
    let file = app.db.read(move |conn| store::file(conn, id)).await?;
    if file.erased {
        return Err(Error::NotFound(format!(
            "file {id} any more; it was erased"
        )));
    }
    let tag = format!("\"{}\"", file.digest);
    let asked = request.headers().get(header::IF_NONE_MATCH);
    if asked.is_some_and(|asked| asked.as_bytes() == tag.as_bytes()) {
        return Ok(HttpResponse::NotModified()
            .insert_header((header::ETAG, tag))
            .finish());
    }
    let content = open(&app, &file).await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::ETAG, tag));
    answer.insert_header((header::CONTENT_TYPE, file.media_type.as_str()));
    answer.insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX));
    answer.insert_header(attachment(&file.called()));
    let length = u64::try_from(file.bytes).unwrap_or_default();
    answer.no_chunking(length);
    Ok(answer.streaming(pieces(content)))
}

fn attachment(name: &str) -> ContentDisposition {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && c != '\\' || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let whole = ExtendedValue {
        charset: Charset::Ext("UTF-8".to_owned()),
        language_tag: None,
        value: name.as_bytes().to_vec(),
    };
    let mut parameters = vec![DispositionParam::Filename(plain)];
    parameters.push(DispositionParam::FilenameExt(whole));
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters,
    }
}

/// The content, after it proved to be what its digest says.
async fn open(app: &App, file: &File) -> Result<std::fs::File> {
    let (path, digest) = (
        place(&folder(&app.config), &file.digest),
        file.digest.clone(),
    );
    let opened = tokio::task::spawn_blocking(move || {
        let (found, _) = store::measure(&path)?;
        let same = found == digest;
        Ok::<_, std::io::Error>((std::fs::File::open(&path)?, same))
    });
    let trouble = |why: String| Error::Corrupt(format!("the file {}: {why}", file.digest));
    match opened.await.map_err(|_| Error::Interrupted)? {
        Ok((content, true)) => Ok(content),
        Ok((_, false)) => Err(trouble("its content was altered".to_owned())),
        Err(error) => Err(trouble(error.to_string())),
    }
}

fn pieces(
    content: std::fs::File,
) -> impl stream::Stream<Item = std::result::Result<Bytes, std::io::Error>> {
    stream::unfold(Some(content), |content| async move {
        let mut content = content?;
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = content.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, std::io::Error>((piece, content))
        });
        match read.await {
            Ok(Ok((piece, _))) if piece.is_empty() => None,
            Ok(Ok((piece, content))) => Some((Ok(Bytes::from(piece)), Some(content))),
            Ok(Err(error)) => Some((Err(error), None)),
            Err(error) => Some((Err(std::io::Error::other(error)), None)),
        }
    })
}

/// Why a file is erased.
#[derive(Debug, Deserialize, Serialize)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

/// `POST /evidence/{file}/erasure`
///
/// # Errors
/// 403 for others than administrators, 404, 422.
pub async fn erase(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    why: web::Form<Why>,
) -> Result<HttpResponse> {
    let id = id(&path)?;
    do_erase(&app, &visitor, id, why.into_inner(), None).await?;
    let read = move |conn: &mut Conn| {
        let record = store::file(conn, id)?.record;
        register::by_id(conn, record)
    };
    let record = app.db.read(read).await?;
    let plural = app.desk.kinds.by_key(&record.kind)?.path;
    Ok(go_to(&app, &format!("/{plural}/{}", record.reference)))
}

/// `POST /api/v1/evidence/{file}/erasure`
///
/// # Errors
/// 403 for others than administrators, 404, 422.
pub async fn erase_by_token(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<String>,
    why: web::Json<Why>,
) -> Result<HttpResponse> {
    let key = Key::of(&request, &visitor, &json!(&*why))?;
    do_erase(&app, &visitor, id(&path)?, why.into_inner(), key).await?;
    Ok(HttpResponse::Ok().json(json!({ "erased": true })))
}

async fn do_erase(
    app: &App,
    visitor: &Visitor,
    id: FileId,
    why: Why,
    key: Option<Key>,
) -> Result<()> {
    let (actor, place) = (visitor.actor()?, folder(&app.config));
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let digest = store::erase(tx, desk, &author, id, &why.reason)?;
        Ok(json!({ "digest": digest }))
    };
    let done = once(app, "erase_file", id.to_string(), &actor, key, work).await?;
    if let Some(digest) = done.get("digest").and_then(|digest| digest.as_str()) {
        sweep::remove(&place, digest);
    }
    Ok(())
}
