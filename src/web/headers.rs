//! What every answer carries, whatever made it.
use super::Site;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Adds the security headers. A page whose address is a secret besides tells nobody its address
/// and is kept nowhere. Wants [`Site`] in the application's data.
///
/// # Errors
/// Those of the rest of the chain.
pub async fn headers(
    site: web::Data<Site>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let by_link = site.is_secret(request.path());
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    // A mail shown in the demo brings a narrower policy of its own.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        set(headers, header::CONTENT_SECURITY_POLICY, POLICY);
    }
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    set(
        headers,
        HeaderName::from_static("permissions-policy"),
        PERMISSIONS,
    );
    set(
        headers,
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        headers,
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    if site.is_secure() {
        set(
            headers,
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000",
        );
    }
    if by_link {
        set(headers, header::REFERRER_POLICY, "no-referrer");
        set(
            headers,
            HeaderName::from_static("x-robots-tag"),
            "noindex, nofollow",
        );
        set(headers, header::CACHE_CONTROL, "no-store");
    } else {
        set(headers, header::REFERRER_POLICY, "same-origin");
        if !headers.contains_key(header::CACHE_CONTROL) {
            set(headers, header::CACHE_CONTROL, "private, no-cache");
        }
    }
    Ok(response)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, test};

    async fn headers_of(origin: &str, path: &str) -> HeaderMap {
        let site = Site {
            origin: origin.to_owned(),
            base_path: "/reg".to_owned(),
        };
        let app = App::new()
            .app_data(web::Data::new(site))
            .default_service(web::to(HttpResponse::NotFound))
            .wrap(from_fn(headers));
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri(path).to_request();
        test::call_service(&app, request).await.headers().clone()
    }

    #[actix_web::test]
    async fn every_answer_forbids_foreign_content_even_one_that_found_nothing() {
        let headers = headers_of("http://localhost", "/reg/nothing").await;
        let policy = headers
            .get("content-security-policy")
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(headers.get("referrer-policy").unwrap(), "same-origin");
        assert!(headers.get("strict-transport-security").is_none());
    }

    #[actix_web::test]
    async fn the_address_of_a_sign_off_link_stays_secret_and_its_page_is_kept_nowhere() {
        let headers = headers_of("https://harbour.example", "/reg/s/token").await;
        assert_eq!(headers.get("referrer-policy").unwrap(), "no-referrer");
        assert_eq!(headers.get("cache-control").unwrap(), "no-store");
        assert_eq!(headers.get("x-robots-tag").unwrap(), "noindex, nofollow");
        assert!(headers.get("strict-transport-security").is_some());
    }
}
