//! The one table of routes: method, path, who may, handler.
use crate::app::App;
use crate::web::session;
use actix_web::body::BoxBody;
use actix_web::dev::{ResourceDef, ServiceRequest};
use actix_web::middleware::{Next, from_fn};
use actix_web::{guard, web};
use std::sync::LazyLock;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone; the address itself may carry the right, as a sign-off link does.
    Anyone,
    /// Anyone who is signed in.
    SignedIn,
    /// Auditors, administrators and keepers of the policy.
    LogReader,
    /// Administrators.
    Administrator,
    /// A program with a token of this scope.
    Token(&'static str),
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` answers `HEAD` as well.
    pub method: &'static str,
    /// Path below the base path.
    pub path: &'static str,
    /// Who may.
    pub who: Who,
}

/// Writes the table once, for routing and for whoever asks who may.
macro_rules! table {
    ($($method:ident $path:literal $who:expr => $handler:path;)*) => {
        /// Every route.
        pub const TABLE: &[Route] = &[
            $(Route { method: stringify!($method), path: $path, who: $who },)*
        ];

        /// Adds every route.
        pub fn configure(config: &mut web::ServiceConfig) {
            $(config.route(
                $path,
                guarded(method(stringify!($method)).to($handler), $who, $path),
            );)*
        }
    };
}

fn method(name: &'static str) -> actix_web::Route {
    match name {
        "GET" => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        "PUT" => web::put(),
        "DELETE" => web::delete(),
        _ => web::post(),
    }
}

/// The methods that an address below the base path takes; none when it is no address of ours.
pub fn methods_at(path: &str) -> Vec<&'static str> {
    static PATTERNS: LazyLock<Vec<(ResourceDef, &str)>> = LazyLock::new(|| {
        let pattern = |route: &Route| (ResourceDef::new(route.path), route.method);
        TABLE.iter().map(pattern).collect()
    });
    let here = PATTERNS
        .iter()
        .filter(|(pattern, _)| pattern.is_match(path));
    let mut methods: Vec<&str> = here.map(|(_, method)| *method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.dedup();
    methods
}

/// A route that lets in whom its row names. The check belongs to the very route that was chosen:
/// one that read the address a second time could read it otherwise than the router does.
fn guarded(route: actix_web::Route, who: Who, pattern: &'static str) -> actix_web::Route {
    let admit = move |app: web::Data<App>, request: ServiceRequest, next: Next<BoxBody>| {
        session::admit((who, pattern), app, request, next)
    };
    route.wrap(from_fn(admit))
}

use Who::{Administrator, Anyone, LogReader, SignedIn, Token};

table! {
    GET "/assets/{name}" Anyone => crate::web::assets::asset;
    GET "/" SignedIn => crate::register::page::home;
    GET "/sign-in" Anyone => crate::people::page::form;
    POST "/sign-in" Anyone => crate::people::page::ask;
    GET "/sign-in/sent" Anyone => crate::people::page::sent;
    GET "/sign-in/{token}" Anyone => crate::people::page::confirm;
    POST "/sign-in/{token}" Anyone => crate::people::page::use_link;
    POST "/sign-out" Anyone => crate::people::page::sign_out;
    GET "/{kind:use-cases|vendors|tools}" SignedIn => crate::register::page::list;
    POST "/{kind:use-cases|vendors|tools}" SignedIn => crate::register::page::create;
    GET "/{kind:use-cases|vendors|tools}/new" SignedIn => crate::register::page::start;
    GET "/{kind:use-cases|vendors|tools}/{reference}" SignedIn => crate::register::page::record;
    GET "/{kind:use-cases|vendors|tools}/{reference}/draft" SignedIn =>
        crate::register::page::draft;
    GET "/{kind:use-cases|vendors|tools}/{reference}/draft/{section}" SignedIn =>
        crate::register::page::section;
    POST "/{kind:use-cases|vendors|tools}/{reference}/draft/{section}" SignedIn =>
        crate::register::page::change;
    GET "/{kind:use-cases|vendors|tools}/{reference}/check" SignedIn =>
        crate::register::page::check;
    POST "/{kind:use-cases|vendors|tools}/{reference}/submission" SignedIn =>
        crate::register::page::submit;
    POST "/{kind:use-cases|vendors|tools}/{reference}/withdrawal" SignedIn =>
        crate::register::page::withdraw;
    GET "/{kind:use-cases|vendors|tools}/{reference}/revisions/{number}" SignedIn =>
        crate::register::page::revision;
    GET "/{kind:use-cases|vendors|tools}/{reference}/revisions/{number}/changes-since/{since}"
        SignedIn => crate::register::page::changes;
    GET "/{kind:use-cases|vendors|tools}/{reference}/suspension" SignedIn =>
        crate::review::deeds::page::on_record;
    POST "/{kind:use-cases|vendors|tools}/{reference}/suspension" SignedIn =>
        crate::review::deeds::page::do_on_record;
    GET "/{kind:use-cases|vendors|tools}/{reference}/reinstatement" SignedIn =>
        crate::review::deeds::page::on_record;
    POST "/{kind:use-cases|vendors|tools}/{reference}/reinstatement" SignedIn =>
        crate::review::deeds::page::do_on_record;
    GET "/{kind:use-cases|vendors|tools}/{reference}/revocation" SignedIn =>
        crate::review::deeds::page::on_record;
    POST "/{kind:use-cases|vendors|tools}/{reference}/revocation" SignedIn =>
        crate::review::deeds::page::do_on_record;
    GET "/{kind:use-cases|vendors|tools}/{reference}/retirement" SignedIn =>
        crate::review::deeds::page::on_record;
    POST "/{kind:use-cases|vendors|tools}/{reference}/retirement" SignedIn =>
        crate::review::deeds::page::do_on_record;
    GET "/{kind:use-cases|vendors|tools}/{reference}/renewal" SignedIn =>
        crate::review::deeds::page::on_record;
    POST "/{kind:use-cases|vendors|tools}/{reference}/renewal" SignedIn =>
        crate::review::deeds::page::do_on_record;
    GET "/{kind:use-cases|vendors|tools}/{reference}/renewal/withdrawal" SignedIn =>
        crate::review::deeds::page::on_record;
    POST "/{kind:use-cases|vendors|tools}/{reference}/renewal/withdrawal" SignedIn =>
        crate::review::deeds::page::do_on_record;
    GET "/vendors/{reference}/changes" SignedIn => crate::vendor::page::list;
    POST "/vendors/{reference}/changes" SignedIn => crate::vendor::page::report;
    GET "/vendors/{reference}/changes/{id}" SignedIn => crate::vendor::page::one;
    POST "/vendors/{reference}/changes/{id}/{deed:confirmation|dismissal|closing}" SignedIn =>
        crate::vendor::page::deed;
    GET "/conditions/{id}/evidence" SignedIn => crate::review::deeds::page::on_condition;
    POST "/conditions/{id}/evidence" SignedIn => crate::review::deeds::page::do_on_condition;
    GET "/conditions/{id}/evidence/refusal" SignedIn => crate::review::deeds::page::on_condition;
    POST "/conditions/{id}/evidence/refusal" SignedIn =>
        crate::review::deeds::page::do_on_condition;
    GET "/conditions/{id}/acceptance" SignedIn => crate::review::deeds::page::on_condition;
    POST "/conditions/{id}/acceptance" SignedIn => crate::review::deeds::page::do_on_condition;
    GET "/conditions/{id}/refusal" SignedIn => crate::review::deeds::page::on_condition;
    POST "/conditions/{id}/refusal" SignedIn => crate::review::deeds::page::do_on_condition;
    GET "/conditions/{id}/waiver" SignedIn => crate::review::deeds::page::on_condition;
    POST "/conditions/{id}/waiver" SignedIn => crate::review::deeds::page::do_on_condition;
    GET "/reviews/{id}/override" SignedIn => crate::review::deeds::page::on_review;
    POST "/reviews/{id}/override" SignedIn => crate::review::deeds::page::do_on_review;
    GET "/reviews/{id}/override/agreement" SignedIn => crate::review::deeds::page::on_review;
    POST "/reviews/{id}/override/agreement" SignedIn => crate::review::deeds::page::do_on_review;
    GET "/reviews/{id}/override/refusal" SignedIn => crate::review::deeds::page::on_review;
    POST "/reviews/{id}/override/refusal" SignedIn => crate::review::deeds::page::do_on_review;
    GET "/reviews/{id}/restart" SignedIn => crate::review::deeds::page::on_review;
    POST "/reviews/{id}/restart" SignedIn => crate::review::deeds::page::do_on_review;
    GET "/use-cases/{reference}/tests" SignedIn => crate::gates::page::list;
    GET "/use-cases/{reference}/tests/{plan}/{gate}" SignedIn => crate::gates::page::gate;
    POST "/use-cases/{reference}/tests/{plan}/{gate}/results" SignedIn =>
        crate::gates::page::do_record;
    POST "/use-cases/{reference}/tests/{plan}/{gate}/waivers" SignedIn =>
        crate::gates::page::do_ask;
    GET "/risk" SignedIn => crate::risk::page::heat;
    GET "/use-cases/{reference}/risk" SignedIn => crate::risk::page::show;
    POST "/use-cases/{reference}/risk" SignedIn => crate::risk::page::do_assess;
    POST "/risk-escalations/{escalation}/{verb:acceptance|return}" SignedIn =>
        crate::risk::page::do_settle;
    GET "/human-review" SignedIn => crate::oversight::page::own;
    GET "/use-cases/{reference}/human-review" SignedIn => crate::oversight::page::show;
    POST "/use-cases/{reference}/human-review/overseers" SignedIn =>
        crate::oversight::page::do_arrange;
    POST "/use-cases/{reference}/human-review/samples" SignedIn =>
        crate::oversight::page::do_record;
    POST "/oversight-samples/{sample}/withdrawal" SignedIn =>
        crate::oversight::page::do_withdraw;
    POST "/use-cases/{reference}/lifecycle" SignedIn => crate::gates::page::do_move;
    POST "/test-waivers/{waiver}/{verb:grant|refusal|withdrawal}" SignedIn =>
        crate::gates::page::do_settle;
    GET "/evidence/{file}" SignedIn => crate::evidence::page::fetch;
    POST "/evidence/{file}/erasure" Administrator => crate::evidence::page::erase;
    GET "/docs/problems" Anyone => crate::web::problems::problems;
    GET "/healthz" Anyone => crate::web::health::alive;
    GET "/readyz" Anyone => crate::web::health::ready;
    GET "/s/{token}" Anyone => crate::review::page::link;
    POST "/s/{token}" Anyone => crate::review::page::decide_by_link;
    POST "/s/{token}/renewal" Anyone => crate::review::page::renew;
    GET "/s/{token}/receipt" Anyone => crate::review::page::receipt_by_link;
    GET "/s/{token}/delegation" Anyone => crate::review::page::hand_on_by_link;
    POST "/s/{token}/delegation" Anyone => crate::review::page::delegate_by_link;
    GET "/s/{token}/absence" Anyone => crate::review::page::away_by_link;
    POST "/s/{token}/absence" Anyone => crate::review::page::note_away_by_link;
    GET "/inbox/{token}" Anyone => crate::review::page::inbox_by_link;
    GET "/inbox/{token}/check" Anyone => crate::review::page::check_by_link;
    POST "/inbox/{token}/decisions" Anyone => crate::review::page::decide_many_by_link;
    GET "/unsubscription/{token}" Anyone => crate::notify::page::ask_end;
    POST "/unsubscription/{token}" Anyone => crate::notify::page::end;
    GET "/calendar/{token}.ics" Anyone => crate::notify::page::calendar;
    GET "/profile/mail" SignedIn => crate::notify::page::wishes;
    POST "/profile/mail/digest" SignedIn => crate::notify::page::digest;
    POST "/profile/mail/checkpoints" LogReader => crate::notify::page::checkpoints;
    POST "/profile/mail/calendar" SignedIn => crate::notify::page::make_calendar;
    POST "/profile/mail/calendar/revocation" SignedIn => crate::notify::page::revoke_calendar;
    GET "/tasks" SignedIn => crate::review::page::tasks;
    GET "/tasks/check" SignedIn => crate::review::page::check;
    POST "/tasks/decisions" SignedIn => crate::review::page::decide_many;
    GET "/tasks/{id}" SignedIn => crate::review::page::task;
    POST "/tasks/{id}/decision" SignedIn => crate::review::page::decide_signed_in;
    GET "/tasks/{id}/receipt" SignedIn => crate::review::page::receipt_signed_in;
    GET "/tasks/{id}/delegation" SignedIn => crate::review::page::hand_on_signed_in;
    POST "/tasks/{id}/delegation" SignedIn => crate::review::page::delegate_signed_in;
    GET "/tasks/{id}/holder" Administrator => crate::review::page::holder;
    POST "/tasks/{id}/holder" Administrator => crate::review::page::give;
    GET "/profile" SignedIn => crate::people::page::profile;
    POST "/profile/absences" SignedIn => crate::people::page::profile_absence;
    POST "/profile/absences/{absence}" SignedIn => crate::people::page::profile_change;
    GET "/people" SignedIn => crate::people::page::list;
    POST "/people" Administrator => crate::people::page::add;
    GET "/people/{id}" SignedIn => crate::people::page::person;
    POST "/people/{id}/roles" Administrator => crate::people::page::roles;
    POST "/people/{id}/groups" Administrator => crate::people::page::groups;
    POST "/people/{id}/auditor" Administrator => crate::people::page::appointment;
    POST "/people/{id}/manager" Administrator => crate::people::page::manager;
    POST "/people/{id}/absences" Administrator => crate::people::page::absence;
    POST "/people/{id}/absences/{absence}" Administrator => crate::people::page::change_absence;
    POST "/people/{id}/departure" Administrator => crate::people::page::departure;
    POST "/people/{id}/return" Administrator => crate::people::page::come_back;
    GET "/erasure" Administrator => crate::erasure::page::show;
    POST "/erasure/proposals" Administrator => crate::erasure::page::propose;
    POST "/erasure/proposals/{id}/{verb:agreement|refusal}" Administrator =>
        crate::erasure::page::settle;
    POST "/erasure/holds" Administrator => crate::erasure::page::hold;
    POST "/erasure/holds/{id}/end" Administrator => crate::erasure::page::lift;
    POST "/erasure/retention" Administrator => crate::erasure::page::keep;
    POST "/erasure/retention/{id}/{verb:agreement|refusal}" Administrator =>
        crate::erasure::page::settle_keeping;
    GET "/log" LogReader => crate::ledger::page::log;
    GET "/log/summary" LogReader => crate::ledger::summary::summary;
    POST "/log/exports" LogReader => crate::ledger::page::export;
    GET "/log/verify" SignedIn => crate::ledger::verifying::page::form;
    POST "/log/verify" SignedIn => crate::ledger::verifying::page::verify;
    GET "/audit"
        LogReader => crate::audit::page::desk;
    POST "/audit/papers" LogReader => crate::audit::page::papers;
    GET "/audit/as-of" LogReader => crate::audit::page::as_of;
    GET "/audit/receipts/{seq}" LogReader => crate::ledger::seal::page::receipt;
    GET "/log/checkpoint" Anyone => crate::ledger::seal::page::checkpoint;
    GET "/log/vkey" Anyone => crate::ledger::seal::page::vkey;
    GET "/log/stamps" Anyone => crate::ledger::seal::page::stamps;
    GET "/log/stamps/{name}" Anyone => crate::ledger::seal::page::stamp;
    GET "/log/tile/{path:.*}" Anyone => crate::ledger::seal::page::tile;
    GET "/workflows" SignedIn => crate::review::workflow_page::list;
    POST "/workflows" SignedIn => crate::review::drafts::page::start;
    GET "/workflows/new" SignedIn => crate::review::drafts::page::new;
    GET "/workflows/{key}/versions" SignedIn => crate::review::workflow_page::history;
    GET "/workflows/{key}/drafts" SignedIn => crate::review::drafts::page::list;
    POST "/workflows/{key}/drafts" SignedIn => crate::review::drafts::page::start_from;
    GET "/workflows/{key}/drafts/{id}" SignedIn => crate::review::drafts::page::show;
    POST "/workflows/{key}/drafts/{id}" SignedIn => crate::review::drafts::page::save;
    POST "/workflows/{key}/drafts/{id}/discard" SignedIn => crate::review::drafts::page::discard;
    GET "/workflows/{key}/drafts/{id}/{part:general|edits|conditions|renewal|override}" SignedIn =>
        crate::review::drafts::parts::page::part;
    POST "/workflows/{key}/drafts/{id}/{part:general|edits|conditions|renewal|override}" SignedIn =>
        crate::review::drafts::parts::page::change_part;
    POST "/workflows/{key}/drafts/{id}/{list:stages|tables}" SignedIn =>
        crate::review::drafts::parts::page::add_member;
    GET "/workflows/{key}/drafts/{id}/{list:stages|tables}/{name}" SignedIn =>
        crate::review::drafts::parts::page::member;
    POST "/workflows/{key}/drafts/{id}/{list:stages|tables}/{name}" SignedIn =>
        crate::review::drafts::parts::page::change_member;
    POST "/workflows/{key}/drafts/{id}/base" SignedIn => crate::review::drafts::page::rebase;
    POST "/workflows/{key}/drafts/{id}/proposal" SignedIn => crate::review::drafts::page::propose;
    POST "/workflows/{key}/drafts/{id}/publication" SignedIn =>
        crate::review::drafts::page::publish;
    POST "/workflows/{key}/drafts/{id}/return" SignedIn => crate::review::drafts::page::send_back;
    GET "/workflows/{key}/{version}" SignedIn => crate::review::workflow_page::version;
    GET "/calendars" SignedIn => crate::calendar::page::list;
    POST "/calendars" SignedIn => crate::calendar::page::create;
    GET "/calendars/new" SignedIn => crate::calendar::page::start;
    GET "/calendars/{key}" SignedIn => crate::calendar::page::current;
    POST "/calendars/{key}" SignedIn => crate::calendar::page::change;
    GET "/calendars/{key}/change" SignedIn => crate::calendar::page::edit;
    GET "/calendars/{key}/{version}" SignedIn => crate::calendar::page::version;
    GET "/answers" SignedIn => crate::policy::page::ask;
    POST "/answers" SignedIn => crate::policy::page::keep;
    POST "/answers/use-cases" SignedIn => crate::policy::page::accept;
    GET "/answers/{id}" SignedIn => crate::policy::page::kept_answer;
    GET "/catalogue" SignedIn => crate::catalogue::page::list;
    GET "/catalogue/spend" SignedIn => crate::catalogue::page::spend;
    GET "/catalogue/listed/{key}" SignedIn => crate::catalogue::page::listed;
    GET "/catalogue/{reference}" SignedIn => crate::catalogue::page::tool;
    GET "/use-cases/{reference}/joins" SignedIn => crate::catalogue::page::ask;
    POST "/use-cases/{reference}/joins" SignedIn => crate::catalogue::page::join;
    POST "/use-cases/{reference}/joins/limit" SignedIn => crate::catalogue::page::limit;
    GET "/use-cases/{reference}/overview" SignedIn => crate::overview::page::screen;
    GET "/overview" SignedIn => crate::overview::page::all;
    GET "/overview/list" SignedIn => crate::overview::page::list;
    GET "/policy" SignedIn => crate::policy::page::policies;
    GET "/policy/{key}" SignedIn => crate::policy::page::policy;
    GET "/policy/{key}/versions/{version}" SignedIn => crate::policy::page::version;
    GET "/policy/{key}/versions/{version}/rules/{rule}" SignedIn => crate::policy::page::rule;
    GET "/policy/{key}/drafts" SignedIn => crate::rules::page::list;
    POST "/policy/{key}/drafts" SignedIn => crate::rules::page::begin;
    GET "/policy/{key}/drafts/{id}" SignedIn => crate::rules::page::draft;
    POST "/policy/{key}/drafts/{id}" SignedIn => crate::rules::page::save;
    POST "/policy/{key}/drafts/{id}/{deed}" SignedIn => crate::rules::page::deed;
    GET "/rules" SignedIn => crate::rules::page::kinds;
    GET "/rules/{rules}" SignedIn => crate::rules::page::all;
    GET "/rules/{rules}/{key}" SignedIn => crate::rules::page::version;
    GET "/rules/{rules}/{key}/versions/{version}" SignedIn => crate::rules::page::version;
    GET "/rules/{rules}/{key}/drafts" SignedIn => crate::rules::page::list;
    POST "/rules/{rules}/{key}/drafts" SignedIn => crate::rules::page::begin;
    GET "/rules/{rules}/{key}/drafts/{id}" SignedIn => crate::rules::page::draft;
    POST "/rules/{rules}/{key}/drafts/{id}" SignedIn => crate::rules::page::save;
    POST "/rules/{rules}/{key}/drafts/{id}/{deed}" SignedIn => crate::rules::page::deed;
    GET "/demo" Anyone => crate::web::demo::people;
    POST "/demo/session" Anyone => crate::web::demo::act_as;
    GET "/demo/mailbox" Anyone => crate::web::demo::mailbox;
    GET "/demo/mailbox/{id}" Anyone => crate::web::demo::letter;
    GET "/demo/mailbox/{id}/html" Anyone => crate::web::demo::html;
    GET "/api/v1/openapi.json" Anyone => crate::web::openapi::document;
    GET "/api/v1/log/entries" Token("log") => crate::ledger::api::entries;
    GET "/api/v1/log/entries/{seq}/receipt" Token("log") => crate::ledger::seal::page::receipt;
    GET "/api/v1/log/checkpoint" Token("log") => crate::ledger::seal::page::checkpoint;
    GET "/api/v1/log/vkey" Token("log") => crate::ledger::seal::page::vkey;
    GET "/api/v1/log/stamps" Token("log") => crate::ledger::seal::page::stamps;
    GET "/api/v1/log/stamps/{name}" Token("log") => crate::ledger::seal::page::stamp;
    GET "/api/v1/log/tile/{path:.*}" Token("log") => crate::ledger::seal::page::tile;
    POST "/api/v1/exports" Token("log") => crate::ledger::api::export;
    POST "/api/v1/log/verifications" Token("log") => crate::ledger::verifying::api::verify;
    POST "/api/v1/audit/papers" Token("log") => crate::audit::api::papers;
    GET "/api/v1/audit/as-of" Token("log") => crate::audit::api::as_of;
    GET "/api/v1/erasures" Token("people") => crate::erasure::api::erasures;
    POST "/api/v1/erasures" Token("people") => crate::erasure::api::propose;
    POST "/api/v1/erasures/{id}/agreement" Token("people") => crate::erasure::api::agree;
    POST "/api/v1/erasures/{id}/refusal" Token("people") => crate::erasure::api::decline;
    GET "/api/v1/holds" Token("people") => crate::erasure::api::holds;
    POST "/api/v1/holds" Token("people") => crate::erasure::api::hold;
    POST "/api/v1/holds/{id}/end" Token("people") => crate::erasure::api::lift;
    GET "/api/v1/retention" Token("people") => crate::erasure::api::retention;
    POST "/api/v1/retention" Token("people") => crate::erasure::api::keep;
    POST "/api/v1/retention/{id}/agreement" Token("people") =>
        crate::erasure::api::agree_to_keep;
    POST "/api/v1/retention/{id}/refusal" Token("people") =>
        crate::erasure::api::decline_to_keep;
    GET "/api/v1/profile/mail" Token("read") => crate::notify::api::wishes;
    PUT "/api/v1/profile/mail" Token("write") => crate::notify::api::wish;
    POST "/api/v1/profile/calendar" Token("write") => crate::notify::api::make_calendar;
    DELETE "/api/v1/profile/calendar" Token("write") => crate::notify::api::revoke_calendar;
    GET "/api/v1/tasks" Token("read") => crate::review::api::tasks;
    GET "/api/v1/tasks/{id}" Token("read") => crate::review::api::task;
    POST "/api/v1/tasks/{id}/decisions" Token("decide") => crate::review::api::decide;
    POST "/api/v1/tasks/{id}/delegation" Token("decide") => crate::review::api::delegate;
    POST "/api/v1/tasks/{id}/holder" Token("people") => crate::review::api::give;
    POST "/api/v1/decisions" Token("decide") => crate::review::api::decide_many;
    GET "/api/v1/reviews/{id}" Token("read") => crate::review::api::review;
    POST "/api/v1/reviews/{id}/withdrawal" Token("write") => crate::review::api::withdraw;
    POST "/api/v1/conditions/{id}/evidence" Token("write") =>
        crate::review::deeds::api::on_condition;
    POST "/api/v1/conditions/{id}/evidence/refusal" Token("decide") =>
        crate::review::deeds::api::on_condition;
    POST "/api/v1/conditions/{id}/acceptance" Token("decide") =>
        crate::review::deeds::api::on_condition;
    POST "/api/v1/conditions/{id}/refusal" Token("write") =>
        crate::review::deeds::api::on_condition;
    POST "/api/v1/conditions/{id}/waiver" Token("decide") =>
        crate::review::deeds::api::on_condition;
    POST "/api/v1/reviews/{id}/override" Token("decide") =>
        crate::review::deeds::api::on_review;
    POST "/api/v1/reviews/{id}/override/agreement" Token("decide") =>
        crate::review::deeds::api::on_review;
    POST "/api/v1/reviews/{id}/override/refusal" Token("decide") =>
        crate::review::deeds::api::on_review;
    POST "/api/v1/reviews/{id}/restart" Token("decide") =>
        crate::review::deeds::api::on_review;
    GET "/api/v1/workflows" Token("read") => crate::review::api::workflows;
    GET "/api/v1/workflows/{key}/drafts" Token("read") => crate::review::drafts::api::list;
    POST "/api/v1/workflows/{key}/drafts" Token("write") => crate::review::drafts::api::create;
    GET "/api/v1/workflows/{key}/drafts/{id}" Token("read") => crate::review::drafts::api::show;
    PUT "/api/v1/workflows/{key}/drafts/{id}" Token("write") => crate::review::drafts::api::save;
    POST "/api/v1/workflows/{key}/drafts/{id}/proposal" Token("write") =>
        crate::review::drafts::api::propose;
    POST "/api/v1/workflows/{key}/drafts/{id}/publication" Token("decide") =>
        crate::review::drafts::api::publish;
    POST "/api/v1/workflows/{key}/drafts/{id}/return" Token("decide") =>
        crate::review::drafts::api::send_back;
    POST "/api/v1/workflows/{key}/drafts/{id}/discard" Token("write") =>
        crate::review::drafts::api::discard;
    GET "/api/v1/calendars" Token("read") => crate::calendar::api::list;
    GET "/api/v1/calendars/{key}" Token("read") => crate::calendar::api::show;
    PUT "/api/v1/calendars/{key}" Token("write") => crate::calendar::api::keep;
    GET "/api/v1/vendors/{reference}/dependants" Token("read") => crate::vendor::api::dependants;
    GET "/api/v1/vendors/{reference}/changes" Token("read") => crate::vendor::api::list;
    POST "/api/v1/vendors/{reference}/changes" Token("write") => crate::vendor::api::report;
    GET "/api/v1/vendors/{reference}/changes/{id}" Token("read") => crate::vendor::api::one;
    POST "/api/v1/vendors/{reference}/changes/{id}/confirmation" Token("decide") =>
        crate::vendor::api::deed;
    POST "/api/v1/vendors/{reference}/changes/{id}/dismissal" Token("decide") =>
        crate::vendor::api::deed;
    POST "/api/v1/vendors/{reference}/changes/{id}/closing" Token("decide") =>
        crate::vendor::api::deed;
    GET "/api/v1/policy" Token("read") => crate::policy::api::list;
    GET "/api/v1/policy/answers" Token("read") => crate::policy::api::ask;
    POST "/api/v1/policy/answers" Token("write") => crate::policy::api::keep;
    GET "/api/v1/policy/{key}" Token("read") => crate::policy::api::current;
    GET "/api/v1/policy/{key}/versions" Token("read") => crate::policy::api::versions;
    GET "/api/v1/policy/{key}/versions/{version}" Token("read") => crate::policy::api::version;
    GET "/api/v1/policy/{key}/drafts" Token("read") => crate::rules::api::draft_list;
    POST "/api/v1/policy/{key}/drafts" Token("write") => crate::rules::api::begin;
    GET "/api/v1/policy/{key}/drafts/{id}" Token("read") => crate::rules::api::draft;
    PUT "/api/v1/policy/{key}/drafts/{id}" Token("write") => crate::rules::api::save;
    POST "/api/v1/policy/{key}/drafts/{id}/proposal" Token("write") => crate::rules::api::deed;
    POST "/api/v1/policy/{key}/drafts/{id}/base" Token("write") => crate::rules::api::deed;
    POST "/api/v1/policy/{key}/drafts/{id}/discard" Token("write") => crate::rules::api::deed;
    POST "/api/v1/policy/{key}/drafts/{id}/publication" Token("decide") => crate::rules::api::deed;
    POST "/api/v1/policy/{key}/drafts/{id}/return" Token("decide") => crate::rules::api::deed;
    GET "/api/v1/rules" Token("read") => crate::rules::api::kinds;
    GET "/api/v1/rules/{rules}" Token("read") => crate::rules::api::list;
    GET "/api/v1/rules/{rules}/{key}" Token("read") => crate::rules::api::version;
    GET "/api/v1/rules/{rules}/{key}/versions" Token("read") => crate::rules::api::versions;
    GET "/api/v1/rules/{rules}/{key}/versions/{version}" Token("read") =>
        crate::rules::api::version;
    GET "/api/v1/rules/{rules}/{key}/drafts" Token("read") => crate::rules::api::draft_list;
    POST "/api/v1/rules/{rules}/{key}/drafts" Token("write") => crate::rules::api::begin;
    GET "/api/v1/rules/{rules}/{key}/drafts/{id}" Token("read") => crate::rules::api::draft;
    PUT "/api/v1/rules/{rules}/{key}/drafts/{id}" Token("write") => crate::rules::api::save;
    POST "/api/v1/rules/{rules}/{key}/drafts/{id}/proposal" Token("write") =>
        crate::rules::api::deed;
    POST "/api/v1/rules/{rules}/{key}/drafts/{id}/base" Token("write") => crate::rules::api::deed;
    POST "/api/v1/rules/{rules}/{key}/drafts/{id}/discard" Token("write") =>
        crate::rules::api::deed;
    POST "/api/v1/rules/{rules}/{key}/drafts/{id}/publication" Token("decide") =>
        crate::rules::api::deed;
    POST "/api/v1/rules/{rules}/{key}/drafts/{id}/return" Token("decide") =>
        crate::rules::api::deed;
    GET "/api/v1/use-cases/{reference}/tests" Token("read") => crate::gates::api::list;
    POST "/api/v1/use-cases/{reference}/tests/{plan}/{gate}/results" Token("write") =>
        crate::gates::api::results;
    POST "/api/v1/use-cases/{reference}/tests/{plan}/{gate}/waivers" Token("write") =>
        crate::gates::api::waive;
    POST "/api/v1/use-cases/{reference}/lifecycle" Token("write") =>
        crate::gates::api::lifecycle;
    GET "/api/v1/risk" Token("read") => crate::risk::api::heat;
    GET "/api/v1/use-cases/{reference}/risk" Token("read") => crate::risk::api::show;
    POST "/api/v1/use-cases/{reference}/risk" Token("write") => crate::risk::api::record;
    POST "/api/v1/risk-escalations/{escalation}/acceptance" Token("decide") =>
        crate::risk::api::settled;
    POST "/api/v1/risk-escalations/{escalation}/return" Token("decide") =>
        crate::risk::api::settled;
    GET "/api/v1/use-cases/{reference}/human-review" Token("read") =>
        crate::oversight::api::show;
    POST "/api/v1/use-cases/{reference}/human-review/overseers" Token("write") =>
        crate::oversight::api::overseers;
    POST "/api/v1/use-cases/{reference}/human-review/samples" Token("write") =>
        crate::oversight::api::samples;
    POST "/api/v1/oversight-samples/{sample}/withdrawal" Token("write") =>
        crate::oversight::api::withdrawal;
    POST "/api/v1/test-waivers/{waiver}/grant" Token("decide") => crate::gates::api::settled;
    POST "/api/v1/test-waivers/{waiver}/refusal" Token("decide") => crate::gates::api::settled;
    POST "/api/v1/test-waivers/{waiver}/withdrawal" Token("write") => crate::gates::api::settled;
    GET "/api/v1/evidence/{file}" Token("read") => crate::evidence::page::fetch;
    POST "/api/v1/evidence/{file}/erasure" Token("people") =>
        crate::evidence::page::erase_by_token;
    GET "/api/v1/people" Token("read") => crate::people::api::list;
    POST "/api/v1/people" Token("people") => crate::people::api::add;
    GET "/api/v1/people/{id}" Token("read") => crate::people::api::show;
    PUT "/api/v1/people/{id}/roles/{role}" Token("people") => crate::people::api::give_role;
    DELETE "/api/v1/people/{id}/roles/{role}" Token("people") => crate::people::api::take_role;
    PUT "/api/v1/people/{id}/groups/{group}" Token("people") => crate::people::api::join_group;
    DELETE "/api/v1/people/{id}/groups/{group}" Token("people") =>
        crate::people::api::leave_group;
    GET "/api/v1/people/{id}/auditor" Token("people") => crate::people::api::appointment;
    PUT "/api/v1/people/{id}/auditor" Token("people") => crate::people::api::appoint;
    PUT "/api/v1/people/{id}/manager" Token("people") => crate::people::api::manager;
    POST "/api/v1/people/{id}/absences" Token("people") => crate::people::api::set_absence;
    PUT "/api/v1/people/{id}/absences/{absence}" Token("people") =>
        crate::people::api::change_absence;
    DELETE "/api/v1/people/{id}/absences/{absence}" Token("people") =>
        crate::people::api::end_absence;
    POST "/api/v1/people/{id}/departure" Token("people") => crate::people::api::departure;
    POST "/api/v1/people/{id}/return" Token("people") => crate::people::api::come_back;
    GET "/api/v1/catalogue" Token("read") => crate::catalogue::api::list;
    GET "/api/v1/catalogue/spend" Token("read") => crate::catalogue::api::spend;
    GET "/api/v1/catalogue/{reference}" Token("read") => crate::catalogue::api::tool;
    GET "/api/v1/use-cases/{reference}/joins" Token("read") => crate::catalogue::api::offer;
    POST "/api/v1/use-cases/{reference}/joins" Token("write") => crate::catalogue::api::join;
    PUT "/api/v1/use-cases/{reference}/joins/limit" Token("decide") =>
        crate::catalogue::api::limit;
    GET "/api/v1/use-cases/{reference}/overview" Token("read") => crate::overview::api::screen;
    GET "/api/v1/overview" Token("read") => crate::overview::api::all;
    GET "/api/v1/{kind}" Token("read") => crate::register::api::list;
    POST "/api/v1/{kind}" Token("write") => crate::register::api::create;
    GET "/api/v1/{kind}/look-alikes" Token("read") => crate::register::api::look_alikes;
    GET "/api/v1/{kind}/{reference}" Token("read") => crate::register::api::show;
    GET "/api/v1/{kind}/{reference}/look-alikes" Token("read") =>
        crate::register::api::precedents;
    PUT "/api/v1/{kind}/{reference}" Token("write") => crate::register::api::revise;
    GET "/api/v1/{kind}/{reference}/revisions" Token("read") => crate::register::api::revisions;
    GET "/api/v1/{kind}/{reference}/revisions/{number}" Token("read") =>
        crate::register::api::revision;
    POST "/api/v1/{kind}/{reference}/submission" Token("write") => crate::register::api::submit;
    POST "/api/v1/{kind}/{reference}/suspension" Token("decide") =>
        crate::review::deeds::api::on_record;
    POST "/api/v1/{kind}/{reference}/reinstatement" Token("decide") =>
        crate::review::deeds::api::on_record;
    POST "/api/v1/{kind}/{reference}/revocation" Token("decide") =>
        crate::review::deeds::api::on_record;
    POST "/api/v1/{kind}/{reference}/retirement" Token("write") =>
        crate::review::deeds::api::on_record;
    POST "/api/v1/{kind}/{reference}/renewal" Token("write") =>
        crate::review::deeds::api::on_record;
    POST "/api/v1/{kind}/{reference}/renewal/withdrawal" Token("write") =>
        crate::review::deeds::api::on_record;
    GET "/api/v1/{kind}/{reference}/timeline" Token("read") => crate::register::api::timeline;
}
