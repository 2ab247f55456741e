//! Only our own pages may send forms to us: another site's form would act with the visitor's
//! session.
use super::Site;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderName, ORIGIN};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

/// Refuses an unsafe request that does not come from our own pages. A call with a bearer token
/// carries its right with it and passes. Wants [`Site`] in the application's data, and makes the
/// answer with [`Refuse`] when that is there too.
///
/// # Errors
/// Those of the rest of the chain.
pub async fn same_origin(
    site: web::Data<Site>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    if is_ours(&site, &request) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let refuse = request.app_data::<web::Data<Refuse>>().cloned();
    let answer = match refuse {
        Some(refuse) => (refuse.0)(),
        None => HttpResponse::Forbidden().body(REFUSAL),
    };
    Ok(request.into_response(answer).map_into_right_body())
}

/// What the visitor is told.
pub const REFUSAL: &str = "This form was not sent from our own page. Nothing was changed. \
    Open the page again and send the form from there.";

/// How a refusal looks.
pub struct Refuse(pub fn() -> HttpResponse);

impl std::fmt::Debug for Refuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refuse")
    }
}

fn is_ours(site: &Site, request: &ServiceRequest) -> bool {
    let path = site.below_base(request.path()).unwrap_or_default();
    // No cookie gives any right below /api/: who has no token there is told so.
    if request.method().is_safe() || has_bearer(request) || path.starts_with("/api/") {
        return true;
    }
    match text(request, &HeaderName::from_static("sec-fetch-site")) {
        Some(from) => from == "same-origin",
        None => match text(request, &ORIGIN) {
            Some(origin) if origin == site.origin => true,
            // Its page sends no referrer, which makes browsers hide the origin too. Nothing but
            // the token in the address gives it any right.
            Some("null") => site.is_secret(request.path()),
            None => site.is_for_mail_programs(request.path()),
            _ => false,
        },
    }
}

fn has_bearer(request: &ServiceRequest) -> bool {
    text(request, &AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()
        })
}

fn text<'a>(request: &'a ServiceRequest, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::{Method, StatusCode};
    use actix_web::middleware::from_fn;
    use actix_web::{App, test};

    async fn answer(method: Method, path: &str, headers: &[(&str, &str)]) -> StatusCode {
        let site = Site {
            origin: "https://harbour.example".to_owned(),
            base_path: String::new(),
        };
        let app = App::new()
            .app_data(web::Data::new(site))
            .default_service(web::to(HttpResponse::Ok))
            .wrap(from_fn(same_origin));
        let app = test::init_service(app).await;
        let mut request = test::TestRequest::with_uri(path).method(method);
        for header in headers {
            request = request.insert_header(*header);
        }
        test::call_service(&app, request.to_request())
            .await
            .status()
    }

    #[actix_web::test]
    async fn our_own_forms_are_taken() {
        for headers in [
            [("sec-fetch-site", "same-origin")].as_slice(),
            &[("origin", "https://harbour.example")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        ] {
            assert_eq!(
                answer(Method::POST, "/tasks", headers).await,
                StatusCode::OK
            );
        }
    }

    #[actix_web::test]
    async fn forms_of_other_sites_are_refused_by_every_unsafe_method() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for headers in [
                [].as_slice(),
                &[("sec-fetch-site", "cross-site")],
                &[("sec-fetch-site", "same-site")],
                &[("sec-fetch-site", "none")],
                &[("origin", "https://evil.example")],
                &[("origin", "https://harbour.example.evil.example")],
                &[("origin", "null")],
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://harbour.example"),
                ],
                &[("authorization", "Basic YTpi")],
                &[("authorization", "Bearer ")],
            ] {
                let got = answer(method.clone(), "/tasks", headers).await;
                assert_eq!(got, StatusCode::FORBIDDEN, "{method} {headers:?}");
            }
        }
    }

    #[actix_web::test]
    async fn reading_and_calls_with_a_token_need_no_origin() {
        assert_eq!(answer(Method::GET, "/", &[]).await, StatusCode::OK);
        assert_eq!(answer(Method::HEAD, "/", &[]).await, StatusCode::OK);
        let bearer = [("authorization", "bearer cs_abc")];
        assert_eq!(
            answer(Method::POST, "/api/v1/tasks", &bearer).await,
            StatusCode::OK
        );
    }

    #[actix_web::test]
    async fn a_call_of_the_api_without_a_token_is_left_to_whoever_asks_for_one() {
        let foreign = [("origin", "https://evil.example")];
        assert_eq!(
            answer(Method::POST, "/api/v1/tasks", &foreign).await,
            StatusCode::OK
        );
        assert_eq!(
            answer(Method::POST, "/apiary", &foreign).await,
            StatusCode::FORBIDDEN
        );
    }

    #[actix_web::test]
    async fn a_sign_off_page_may_hide_its_origin_but_not_name_another() {
        let null = [("origin", "null")];
        assert_eq!(
            answer(Method::POST, "/s/token", &null).await,
            StatusCode::OK
        );
        let foreign = [("origin", "https://evil.example")];
        assert_eq!(
            answer(Method::POST, "/s/token", &foreign).await,
            StatusCode::FORBIDDEN
        );
    }

    #[actix_web::test]
    async fn a_mail_program_ends_digests_without_a_page_and_nothing_else() {
        for (path, status) in [
            ("/unsubscription/token", StatusCode::OK),
            ("/s/token", StatusCode::FORBIDDEN),
            ("/profile/mail/digest", StatusCode::FORBIDDEN),
        ] {
            assert_eq!(answer(Method::POST, path, &[]).await, status, "{path}");
        }
        let foreign = [("origin", "https://evil.example")];
        assert_eq!(
            answer(Method::POST, "/unsubscription/token", &foreign).await,
            StatusCode::FORBIDDEN
        );
    }
}
