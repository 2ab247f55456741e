//! `/assets/HASH-NAME`: the stylesheet and pictures.
use crate::templates::assets::find;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};

/// Answers with a file of `assets/`, to be kept for ever, or 404.
pub async fn asset(address: web::Path<String>) -> HttpResponse {
    match find(&address) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, asset.media_type))
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .body(asset.bytes.into_owned()),
        None => HttpResponse::NotFound().finish(),
    }
}
