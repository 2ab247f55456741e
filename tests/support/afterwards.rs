//! What people do about an approval after the day it was given.

use super::register::{Case, Register, in_session};
use countersign::app::App;
use countersign::config::Config;
use countersign::db::{ConditionId, ReviewId};
use countersign::error::Result;
use countersign::register::{self as records, Record};
use countersign::review::deeds::{self, Deed, Subject};
use countersign::review::engine::{ApprovalDeed, ConditionDeed, OverrideDeed, Review};
use countersign::review::{self, clockwork};
use serde_json::json;

/// Where the program says that it is.
pub const ORIGIN: &str = "https://register.example";

/// Long enough for any override.
pub const EMERGENCY: &str = "A storm brought four thousand claims in one night, and they wait.";

impl Register {
    /// Days pass one by one, and each morning the clocks take what is due.
    pub fn days_pass_with_clocks(&self, days: u64) {
        for _ in 0..days {
            self.days_pass(1);
            self.clocks_tick();
        }
    }

    /// The program on the same database, with the story's clock.
    pub fn app(&self) -> App {
        self.program.get_or_init(|| self.start()).clone()
    }

    fn start(&self) -> App {
        let config = Config {
            database_url: self.url().to_owned(),
            public_url: ORIGIN.to_owned(),
            readers: 1,
            ..Config::default()
        };
        let mut app = App::open(config, self.desk.clock.clone()).expect("the program opens");
        app.desk = self.desk.clone();
        app
    }

    /// The clocks take every step that is due now; how many.
    pub fn clocks_tick(&self) -> usize {
        clockwork::tick_now(&self.app()).expect("the clocks go")
    }

    /// A use case of low risk, written by tomas and owned by olga, which dana, lars and aiko
    /// approve; dana attaches this condition, due on `day`.
    pub fn approved_if(&self, text: &str, day: &str) -> Case {
        let case = self.submitted_by("tomas", json!({}));
        self.approve_all(&case, &[(text, day)]);
        case
    }

    pub fn approved(&self) -> Case {
        let case = self.submitted_by("tomas", json!({}));
        self.approve_all(&case, &[]);
        case
    }

    /// Everybody who is asked approves, dana with these conditions.
    pub fn approve_all(&self, case: &Case, conditions: &[(&str, &str)]) {
        match conditions {
            [] => self.as_reviewer("dana").approve(case),
            some => self.as_reviewer("dana").approve_if(case, some),
        };
        loop {
            let review = self.review(case);
            let open = review
                .stages
                .iter()
                .find(|(key, _)| !self.asked(case, key).is_empty());
            let Some((stage, _)) = open else { return };
            let asked = self.asked(case, stage);
            let name = asked.first().expect("somebody is asked").clone();
            self.as_reviewer(&name).in_stage(stage, case).approve(case);
        }
    }

    /// The review whose approval counts.
    pub fn approval(&self, case: &Case) -> Review {
        let id = self.record(case).approval_id.expect("it was approved");
        self.reads(|conn| review::review(conn, id))
    }

    pub fn standing(&self, case: &Case) -> String {
        self.record(case).standing.expect("it was approved")
    }

    /// The first condition of the approval.
    pub fn condition(&self, case: &Case) -> ConditionId {
        let approval = self.approval(case);
        *approval.obligations.keys().next().expect("a condition")
    }

    /// Where that condition stands: in the state, which must be the row's too.
    pub fn condition_state(&self, case: &Case) -> &'static str {
        let id = self.condition(case);
        let state = self.approval(case).obligations[&id].state.as_str();
        let rows = self.reads(|conn| review::conditions_of(conn, case.record));
        let row = rows.iter().find(|row| row.id == id).expect("its row");
        assert_eq!(row.state, state, "row and state");
        state
    }

    pub fn tries_on_condition(
        &self,
        who: &str,
        case: &Case,
        deed: ConditionDeed,
    ) -> Result<Review> {
        let (actor, id) = (in_session(self.person(who)), self.condition(case));
        self.tries(move |tx, desk| review::on_condition(tx, desk, &actor, id, deed))
    }

    pub fn on_condition(&self, who: &str, case: &Case, deed: ConditionDeed) -> Review {
        self.tries_on_condition(who, case, deed)
            .unwrap_or_else(|error| panic!("{who}: {error}"))
    }

    pub fn gives_evidence(&self, who: &str, case: &Case) -> Review {
        let evidence = ConditionDeed::GiveEvidence("See annex 2 of the contract.".to_owned());
        self.on_condition(who, case, evidence)
    }

    pub fn tries_on_approval(&self, who: &str, case: &Case, deed: ApprovalDeed) -> Result<Review> {
        self.tries_on_approval_because(who, case, deed, "An incident is looked into.")
    }

    pub fn tries_on_approval_because(
        &self,
        who: &str,
        case: &Case,
        deed: ApprovalDeed,
        reason: &str,
    ) -> Result<Review> {
        let (actor, id, reason) = (in_session(self.person(who)), case.record, reason.to_owned());
        self.tries(move |tx, desk| review::on_approval(tx, desk, &actor, id, deed, reason))
    }

    pub fn on_approval(&self, who: &str, case: &Case, deed: ApprovalDeed) -> Review {
        self.tries_on_approval(who, case, deed)
            .unwrap_or_else(|error| panic!("{who}: {error}"))
    }

    pub fn tries_on_override(
        &self,
        who: &str,
        review: ReviewId,
        deed: OverrideDeed,
    ) -> Result<Review> {
        let actor = in_session(self.person(who));
        let seen = self.reads(|conn| review::review(conn, review)).digest;
        self.tries(move |tx, desk| review::on_override(tx, desk, &actor, review, &seen, deed))
    }

    pub fn proposes_override(&self, who: &str, case: &Case) -> Result<Review> {
        let deed = OverrideDeed::Propose {
            reason: EMERGENCY.to_owned(),
            until: None,
        };
        self.tries_on_override(who, self.review(case).id, deed)
    }

    pub fn agrees_to_override(&self, who: &str, case: &Case) -> Result<Review> {
        self.tries_on_override(who, self.review(case).id, OverrideDeed::Agree)
    }

    /// carl and gus let the case go ahead.
    pub fn overridden(&self, case: &Case) {
        self.proposes_override("carl", case)
            .expect("carl may propose");
        self.agrees_to_override("gus", case).expect("gus may agree");
    }

    pub fn tries_to_renew(&self, who: &str, case: &Case) -> Result<Record> {
        let (actor, id) = (in_session(self.person(who)), case.record);
        self.tries(move |tx, desk| review::renew(tx, desk, &actor, id))
    }

    pub fn renew(&self, case: &Case) -> Record {
        self.tries_to_renew(&case.author, case)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn tries_to_give_renewal_up(&self, who: &str, case: &Case) -> Result<Record> {
        let (actor, id) = (in_session(self.person(who)), case.record);
        self.tries(move |tx, desk| review::give_renewal_up(tx, desk, &actor, id))
    }

    /// What the record's page offers somebody.
    pub fn offered(&self, who: &str, case: &Case) -> Vec<Deed> {
        let (person, desk) = (self.person(who), self.desk.clone());
        let offered = self.reads(|conn| {
            let record = records::by_id(conn, case.record)?;
            deeds::offered(conn, &desk, person, &record)
        });
        offered
            .into_iter()
            .map(|(deed, _): (Deed, Subject)| deed)
            .collect()
    }

    /// How many mails of this template are queued.
    pub fn mails(&self, template: &str) -> i64 {
        let query = format!("SELECT COUNT(*) AS count FROM outbox WHERE template = '{template}'");
        self.reads(|conn| super::register::count(conn, &query))
    }
}
