//! One workflow with everything a workflow can have, for histories that are stored, and the chance
//! they are made with.

use serde_json::{Value, json};

/// Chance that comes out the same each time.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `most`, which is not 0.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    /// Yes in so many of a hundred times.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let place = self.below(of.len());
        &of[place]
    }
}

/// Who does what in a [`workflow`], by role.
pub struct Roles {
    pub screener: &'static str,
    pub expert: &'static str,
    pub last: &'static str,
    pub council: &'static str,
    pub chief: &'static str,
    pub watch: &'static str,
}

/// Screening and, beside it, an expert opinion; a council over what took too long or matters most.
pub fn workflow(roles: &Roles, calendar: &str) -> Value {
    let one = |role: &str| json!([{"role": role}]);
    let seat = |key: &str, role: &str, need: usize| {
        let (from, fallback) = (one(role), one(roles.last));
        json!({"key": key, "from": from, "need": need, "fallback": fallback})
    };
    let screen = json!({
        "key": "screen", "kind": "data_use", "title": "Screening",
        "seats": [seat("screener", roles.screener, 1)],
        "sla": {"due": "4 business days", "remind": ["1 business days", "2 business days"],
                "escalate": [{"after": "3 business days", "to": one(roles.chief),
                              "mode": "notify"}],
                "on_timeout": "mark_timed_out"}});
    let expert = json!({
        "key": "expert", "kind": "human_review", "title": "Expert opinion",
        "when": "!('public' in request.data_classes)",
        "seats": [seat("expert", roles.expert, 2)],
        "on_reject": "until_impossible", "delegation": "any_eligible",
        "separation": {"not": ["submitter", "owner", "editors"], "not_approvers_of": ["screen"]},
        "escalate": [{"on": "disagreement", "to": one(roles.chief), "mode": "must_agree",
                      "seat": "expert"}],
        "sla": {"due": "6 business days", "remind": ["3 business days"],
                "escalate": [{"after": "5 business days", "to": one(roles.chief),
                              "mode": "add_to_seat", "seat": "expert"},
                             {"after": "8 business days", "to": one(roles.watch),
                              "mode": "notify"}],
                "on_timeout": "keep_open"}});
    let council = json!({
        "key": "council", "kind": "escalation", "title": "Council",
        "needs": ["screen", "expert"],
        "when": "stages.screen.timed_out || 'confidential' in request.data_classes",
        "seats": [seat("council", roles.council, 2)],
        "sla": {"due": "15 business days", "remind": ["5 business days", "10 business days"],
                "on_timeout": "reject"}});
    json!({
        "format": 1, "key": "rich", "title": "Rich", "form": "use_case", "priority": 1000,
        "calendar": calendar, "max_revisions": 3, "max_duration": "P120D",
        "on_change": [
            {"fields": ["request.title"], "effect": "keep"},
            {"fields": ["request.purpose"], "effect": "reopen", "stages": ["screen"]}],
        "stages": [screen, expert, council],
        "conditions": {"due": "P30D", "remind_before": ["P7D"], "escalate_to": one(roles.chief)},
        "renewal": {"valid_for": [{"when": "'confidential' in request.data_classes",
                                   "then": "P150D"}, {"then": "P240D"}],
                    "remind_before": ["P30D"]},
        "override": {"roles": [roles.chief, roles.council], "min_reason_length": 20,
                     "notify": one(roles.watch), "valid_for": "P14D"}})
}
