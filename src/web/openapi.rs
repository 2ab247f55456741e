//! `/api/v1/openapi.json`: the API described for programs, OpenAPI 3.1.
use crate::app::App;
use crate::error::Result;
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

const TEXT: &str = include_str!("../../schemas/api/openapi.json");

/// The description, with this server's address and the schemas of its kinds.
///
/// # Errors
/// When the embedded text is no JSON, which a test rules out.
pub async fn document(app: web::Data<App>) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(described(&app)?))
}

fn described(app: &App) -> Result<Value> {
    let mut document: Value = serde_json::from_str(TEXT)?;
    if let Some(servers) = document.pointer_mut("/servers") {
        *servers = json!([{ "url": app.config.link("") }]);
    }
    if let Some(version) = document.pointer_mut("/info/version") {
        *version = json!(env!("CARGO_PKG_VERSION"));
    }
    if let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    {
        for kind in app.desk.kinds.all() {
            schemas.insert(format!("{}_document", kind.key), kind.schema.clone());
        }
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routes::TABLE;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_of_the_api_is_described_and_nothing_else() {
        let document: Value = serde_json::from_str(TEXT).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods
                .as_object()
                .unwrap()
                .keys()
                .filter(|k| *k != "parameters")
            {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        let served: BTreeSet<(String, String)> = TABLE
            .iter()
            .filter(|r| r.path.starts_with("/api/"))
            // A description cannot say that a part of an address may hold slashes.
            .map(|r| (r.method.to_owned(), r.path.replace(":.*", "")))
            .collect();
        assert_eq!(described, served);
    }
}
