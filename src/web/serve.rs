//! The server: every route with what surrounds it.
use crate::app::App;
use crate::error::{Error, Result};
use crate::web::{Site, answer, csrf, headers, health, limit_bodies, routes};
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use std::net::{SocketAddr, TcpListener};

/// Threads that answer requests; each waits for the database outside of them.
const WORKERS: usize = 2;
/// Seconds that running requests get when the server is told to stop.
const DRAIN_SECONDS: u64 = 20;

/// Adds everything the server consists of; tests build theirs with it too.
pub fn configure(app: App) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let base = app.config.base_path().to_owned();
        let site = Site {
            origin: app.config.origin(),
            base_path: base.clone(),
        };
        config
            .app_data(web::Data::new(site))
            .app_data(web::Data::new(app));
        limit_bodies(config);
        // Whoever watches the process knows its port and no base path.
        if !base.is_empty() {
            config
                .route("/healthz", web::get().to(health::alive))
                .route("/readyz", web::get().to(health::ready));
        }
        let everything = web::scope(&base)
            .wrap(from_fn(csrf::same_origin))
            .wrap(from_fn(answer::dress))
            .wrap(from_fn(headers::headers))
            .configure(routes::configure)
            .default_service(web::to(nowhere));
        config.service(everything);
    }
}

/// What no route takes: an address that does not exist, or not in this way.
async fn nowhere(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse> {
    let path = request.path();
    let below = path.strip_prefix(app.config.base_path()).unwrap_or(path);
    let methods = routes::methods_at(below);
    if methods.is_empty() || methods.contains(&request.method().as_str()) {
        return Err(Error::NotFound("page at this address".to_owned()));
    }
    let allowed = methods.join(", ");
    Ok(HttpResponse::MethodNotAllowed()
        .insert_header((header::ALLOW, allowed))
        .finish())
}

/// A listening socket, so that the port is known before the first request.
///
/// # Errors
/// When the address cannot be listened on.
pub fn listen(address: &str) -> Result<(TcpListener, SocketAddr)> {
    let failed = |e: std::io::Error| {
        Error::Configuration(format!(
            "cannot listen on {address}: {e}; set another --listen"
        ))
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Serves until the process is told to stop, then lets running requests end.
///
/// # Errors
/// When the server cannot start.
pub async fn serve(app: App, listener: TcpListener) -> Result<()> {
    let failed = |e: std::io::Error| Error::Unavailable(format!("the server failed: {e}"));
    HttpServer::new(move || actix_web::App::new().configure(configure(app.clone())))
        .workers(WORKERS)
        .shutdown_timeout(DRAIN_SECONDS)
        .client_request_timeout(std::time::Duration::from_secs(30))
        .listen(listener)
        .map_err(failed)?
        .run()
        .await
        .map_err(failed)
}
