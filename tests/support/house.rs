//! A register reached by stories and over HTTP at once, as a browser and as a program.
use super::register::{Register, first_day, operator};
use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::people;
use countersign::review::drafts::{self, Draft};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use serde_json::Value;

const ORIGIN: &str = "https://register.example";

/// The same database, reached by stories and over HTTP.
pub struct House {
    pub register: Register,
    pub app: App,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub headers: header::HeaderMap,
    pub body: String,
}

impl House {
    pub fn open(url: String) -> House {
        let register = Register::open(url.clone());
        let config = Config {
            database_url: url,
            public_url: ORIGIN.to_owned(),
            readers: 1,
            ..Config::default()
        };
        let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
        House { register, app }
    }

    pub fn cookie(&self, name: &str) -> Cookie<'static> {
        let person = self.register.person(name);
        let open =
            move |tx: &mut countersign::db::Tx| people::open_session(tx, first_day(), person);
        let session = self.app.db.upkeep_now(open).expect("a session");
        session_cookie(&self.app, &session)
    }

    pub fn token(&self, name: &str) -> String {
        let (person, now) = (self.register.person(name), first_day());
        let scopes = ["read", "write", "decide"].map(str::to_owned);
        let secret = self
            .register
            .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
        format!("Bearer {}", secret.reveal())
    }

    pub fn send(&self, request: TestRequest) -> Answer {
        let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
        System::new().block_on(async {
            let app = actix_web::App::new().configure(configure(self.app.clone()));
            let response = call_service(&init_service(app).await, request).await;
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|l| l.to_str().ok()).unwrap_or_default();
            Answer {
                status: response.status(),
                location: location.to_owned(),
                headers: response.headers().clone(),
                body: String::from_utf8_lossy(&read_body(response).await).into_owned(),
            }
        })
    }

    pub fn get(&self, who: &str, path: &str) -> Answer {
        let answer = self.send(TestRequest::get().uri(path).cookie(self.cookie(who)));
        assert!(!answer.body.contains("<script"), "{path}");
        answer
    }

    pub fn post(&self, who: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let request = TestRequest::post().uri(path).cookie(self.cookie(who));
        self.send(request.set_form(pairs))
    }

    pub fn call(&self, token: &str, request: TestRequest, path: &str) -> (StatusCode, Value) {
        let bearer = (header::AUTHORIZATION, token);
        let answer = self.send(request.uri(path).insert_header(bearer));
        let body = serde_json::from_str(&answer.body).unwrap_or_default();
        (answer.status, body)
    }
}

impl House {
    /// Fills the form of a page with other answers and sends it by a button.
    pub fn fills(&self, page: &str, answers: &[(&str, &str)], button: &str) -> Answer {
        let mut pairs = untouched(&self.get("gus", page).body);
        pairs.retain(|(name, _)| !answers.iter().any(|(other, _)| other == name));
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.extend(answers.iter().map(own));
        pairs.push(("do".to_owned(), button.to_owned()));
        let request = TestRequest::post().uri(page).cookie(self.cookie("gus"));
        self.send(request.set_form(&pairs))
    }

    pub fn draft(&self) -> Draft {
        let drafts = self.register.reads(|conn| drafts::drafts(conn, None));
        drafts.into_iter().next().expect("a draft")
    }

    pub fn document(&self) -> Value {
        serde_json::from_str(&self.draft().text).expect("JSON")
    }
}

/// What a browser sends back of a form that was not touched: every control as the page drew it.
pub fn untouched(html: &str) -> Vec<(String, String)> {
    let text = |s: &str| {
        s.replace("&quot;", "\"")
            .replace("&#10;", "\n")
            .replace("&#x27;", "'")
            .replace("&#x3D;", "=")
            .replace("&gt;", ">")
            .replace("&lt;", "<")
            .replace("&amp;", "&")
    };
    let attribute = |tag: &str, name: &str| {
        let rest = tag.split_once(&format!(" {name}=\""))?.1;
        Some(text(rest.split_once('"')?.0))
    };
    let form = html
        .split("<form class=\"ask act\"")
        .nth(1)
        .expect("the form");
    let form = form.split("</form>").next().expect("its end");
    let mut pairs = Vec::new();
    for part in form.split('<').skip(1) {
        let (tag, inside) = part.split_once('>').unwrap_or((part, ""));
        let name = attribute(tag, "name");
        let boxed = tag.contains("type=\"checkbox\"") || tag.contains("type=\"radio\"");
        if tag.starts_with("input ") && (!boxed || tag.ends_with(" checked")) {
            let value = attribute(tag, "value").unwrap_or_default();
            pairs.push((name.expect("a name"), value));
        } else if tag.starts_with("textarea ") {
            pairs.push((name.expect("a name"), text(inside)));
        } else if tag.starts_with("select ") {
            pairs.push((name.expect("a name"), String::new()));
        } else if tag.starts_with("option ") && tag.ends_with(" selected") {
            pairs.last_mut().expect("its select").1 = attribute(tag, "value").unwrap_or_default();
        }
    }
    pairs
}
