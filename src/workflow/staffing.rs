//! Whether there are people for the seats of a workflow. It is asked when a version is published
//! and again every day: people leave, and go away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::definition::{Need, Seat, Stage, Who, Workflow};
use super::problem::{Problem, Source};

/// Most people whom the seats of one stage may name: who is asked stands in one entry of the
/// ledger, whose length has a limit.
pub const ASKED_MAX: usize = 400;

/// The organisation, as far as a workflow names it.
#[derive(Debug, Clone, Default)]
pub struct Staffing {
    /// Active people by role.
    pub roles: BTreeMap<String, Vec<Colleague>>,
    /// Active people by group.
    pub groups: BTreeMap<String, Vec<Colleague>>,
    /// Active people by address in lower case.
    pub people: BTreeMap<String, Colleague>,
    /// The calendars there are, by key.
    pub calendars: BTreeMap<String, HolidaysStated>,
    /// Today.
    pub today: Date,
}

/// A person who may be asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Colleague {
    /// Their name.
    pub name: String,
    /// Their address, which tells them apart.
    pub address: String,
    /// Whether mail reaches them.
    pub reachable: bool,
    /// Whether they are away today.
    pub away: bool,
}

/// The last day for which a calendar states its holidays.
pub type HolidaysStated = Option<Date>;

type People<'s> = BTreeSet<&'s Colleague>;

/// What people should know before reviews run under this workflow, as warnings at their places in
/// `text`.
pub fn short_staffed(
    file: &str,
    text: &str,
    workflow: &Workflow,
    staffing: &Staffing,
) -> Vec<Problem> {
    let source = Source::new(file, text, "");
    let mut look = Look {
        source: &source,
        workflow,
        staffing,
        problems: Vec::new(),
    };
    for (index, stage) in workflow.stages.iter().enumerate() {
        if look.crowded(&format!("/stages/{index}/seats/0"), stage) {
            continue;
        }
        for (at, seat) in stage.seats.iter().enumerate() {
            look.seat(&format!("/stages/{index}/seats/{at}"), stage, seat);
        }
        look.called_in(&format!("/stages/{index}"), stage);
    }
    look.unreachable();
    look.others();
    look.calendar();
    look.problems
}

struct Look<'a> {
    source: &'a Source<'a>,
    workflow: &'a Workflow,
    staffing: &'a Staffing,
    problems: Vec<Problem>,
}

impl<'a> Look<'a> {
    fn warn(&mut self, place: &str, message: String) {
        let problem = self.source.value(place, message).into_warning();
        self.problems.push(problem);
    }

    /// The people whom a list names today, whoever the record is about.
    fn named(&self, list: &[Who]) -> People<'a> {
        let staffing = self.staffing;
        let mut people = People::new();
        for who in list {
            match who {
                Who::Role(role) => people.extend(staffing.roles.get(role).into_iter().flatten()),
                Who::Group(group) => {
                    people.extend(staffing.groups.get(group).into_iter().flatten());
                }
                Who::Person(address) => {
                    people.extend(staffing.people.get(&address.to_lowercase()));
                }
                Who::Field(_) | Who::Relation(_) | Who::ManagerOf(_) => {}
            }
        }
        people
    }

    /// Whether the seats name more people than can be asked: that is an error.
    fn crowded(&mut self, place: &str, stage: &Stage) -> bool {
        let first = stage.seats.iter().map(|seat| self.named(&seat.from).len());
        let others = stage
            .seats
            .iter()
            .map(|seat| self.named(&seat.fallback).len());
        let count = others.fold(first.sum::<usize>(), usize::max);
        if count > ASKED_MAX {
            let message = format!(
                "this stage names {count} people, and at most {ASKED_MAX} can be asked: name a \
                 smaller role or group"
            );
            self.problems.push(self.source.value(place, message));
        }
        count > ASKED_MAX
    }

    fn seat(&mut self, place: &str, stage: &Stage, seat: &Seat) {
        let need = match seat.need {
            Need::AtLeast(count) => count as usize,
            Need::All => 1,
        };
        let from = self.named(&seat.from);
        let found_later = seat.from.iter().filter(|who| depends(who)).count();
        let mut all = self.named(&seat.fallback);
        all.extend(&from);
        let later = found_later + seat.fallback.iter().filter(|who| depends(who)).count();
        let kept_out = self.kept_out(stage, &all);
        let (able, stand_ins) = (able(&from), able(&all));
        let left = able.len().saturating_sub(kept_out) + found_later;
        let in_the_end = stand_ins.len().saturating_sub(kept_out) + later;
        let apart = match kept_out {
            0 => String::new(),
            1 => " once one of them has approved in a stage that is kept apart".to_owned(),
            many => format!(" once {many} of them have approved in stages that are kept apart"),
        };
        if in_the_end < need {
            let message = format!(
                "{need} must approve, but with everybody who stands in there are {in_the_end} \
                 today{apart}: {}. Reviews will wait here until somebody comes",
                listed(&all)
            );
            self.warn(place, message);
        } else if left < need {
            let message = format!(
                "{need} must approve, but `from` finds {left} today{apart}: {}. Those who stand \
                 in will be asked instead",
                listed(&from)
            );
            self.warn(&format!("{place}/from"), message);
        } else if later == 0 && stand_ins.len() == 1 && !stage.separation.not.is_empty() {
            let message = format!(
                "{} is the only person for this seat, and can never decide their own records: \
                 name somebody who stands in",
                listed(&stand_ins)
            );
            self.warn(&format!("{place}/fallback"), message);
        }
    }

    /// How many of these people can be kept out of `stage` because they had to approve elsewhere.
    fn kept_out(&self, stage: &Stage, people: &People) -> usize {
        let apart = self.workflow.stages.iter().filter(|other| {
            let here = &stage.separation.not_approvers_of;
            let there = &other.separation.not_approvers_of;
            here.contains(&other.key) || (other.key != stage.key && there.contains(&stage.key))
        });
        let seats = apart.flat_map(|other| &other.seats);
        let taken = seats.map(|seat| {
            let shared = self.named(&seat.from);
            let shared = shared.intersection(people).count();
            match seat.need {
                Need::AtLeast(count) => shared.min(count as usize),
                Need::All => shared,
            }
        });
        taken.sum()
    }

    /// Escalations that call nobody.
    fn called_in(&mut self, place: &str, stage: &Stage) {
        let by_time = stage.sla.iter().flat_map(|sla| &sla.escalate).enumerate();
        let by_time = by_time.map(|(at, e)| (format!("{place}/sla/escalate/{at}/to"), &e.to));
        let others = stage.escalate.iter().enumerate();
        let others = others.map(|(at, e)| (format!("{place}/escalate/{at}/to"), &e.to));
        for (place, to) in by_time.chain(others).collect::<Vec<_>>() {
            self.somebody(&place, to);
        }
    }

    fn somebody(&mut self, place: &str, people: &[Who]) {
        if people.is_empty() || people.iter().any(depends) {
            return;
        }
        if self.named(people).is_empty() {
            let message = "this names nobody today: nobody will be told".to_owned();
            self.warn(place, message);
        }
    }

    /// People who are named anywhere and whom no mail reaches.
    fn unreachable(&mut self) {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for (index, stage) in self.workflow.stages.iter().enumerate() {
            for (at, seat) in stage.seats.iter().enumerate() {
                let named = self.named(&seat.from);
                for person in named.into_iter().filter(|person| !person.reachable) {
                    if told.insert(&person.address) {
                        let message = format!(
                            "no mail reaches {} ({}): they are asked only when they look",
                            person.name, person.address
                        );
                        self.warn(&format!("/stages/{index}/seats/{at}/from"), message);
                    }
                }
            }
        }
    }

    fn others(&mut self) {
        self.somebody(
            "/conditions/escalate_to",
            &self.workflow.obligations.escalate_to,
        );
        let Some(over_ride) = &self.workflow.over_ride else {
            return;
        };
        self.somebody("/override/notify", &over_ride.notify);
        let roles: Vec<Who> = over_ride.roles.iter().cloned().map(Who::Role).collect();
        let people = self.named(&roles);
        if people.len() < 2 {
            let message = format!(
                "an override takes two people, and these roles have {} today: {}",
                people.len(),
                listed(&people)
            );
            self.warn("/override/roles", message);
        }
    }

    fn calendar(&mut self) {
        let key = &self.workflow.calendar;
        let place = "/calendar";
        let year = self
            .staffing
            .today
            .saturating_add(jiff::Span::new().years(1));
        let known = self.staffing.calendars.get(key);
        if !self.counts_business_time() && (known.is_some() || key == "default") {
            return;
        }
        match known {
            None if key == "default" => {}
            None => self.warn(
                place,
                format!(
                    "there is no calendar `{key}`: until it is kept, working time is Monday to \
                     Friday, 9 to 17 o'clock UTC, without holidays"
                ),
            ),
            Some(Some(until)) if *until >= year => {}
            Some(until) => {
                let until = match until {
                    Some(day) => format!("only until {day}"),
                    None => "for no year".to_owned(),
                };
                let message = format!(
                    "the calendar `{key}` states its holidays {until}: state them for the next \
                     twelve months, or due days will fall on holidays"
                );
                self.warn(place, message);
            }
        }
    }

    fn counts_business_time(&self) -> bool {
        use crate::calendar::Span;
        let business = |span: &Span| !matches!(span, Span::Period(_));
        let stages = self.workflow.stages.iter();
        let of_stages = stages.flat_map(|stage| {
            let sla = stage.sla.iter();
            let spans = sla.flat_map(|sla| {
                let after = sla.escalate.iter().map(|escalation| &escalation.after);
                sla.remind.iter().chain(after).chain([&sla.due])
            });
            spans.chain(&stage.email.valid_for)
        });
        let obligations = &self.workflow.obligations;
        let of_ends = obligations.remind_before.iter().chain(&obligations.due);
        of_stages
            .chain(of_ends)
            .chain(&self.workflow.max_duration)
            .any(business)
    }
}

/// Whether whom this finds depends on the record.
fn depends(who: &Who) -> bool {
    matches!(who, Who::Field(_) | Who::Relation(_) | Who::ManagerOf(_))
}

/// Those who can be asked today.
fn able<'s>(people: &People<'s>) -> People<'s> {
    let able = people
        .iter()
        .filter(|person| !person.away && person.reachable);
    able.copied().collect()
}

/// Names with what keeps each from deciding.
fn listed(people: &People) -> String {
    let named = people
        .iter()
        .map(|person| match (person.away, person.reachable) {
            (true, _) => format!("{} (away)", person.name),
            (false, false) => format!("{} (no mail reaches them)", person.name),
            (false, true) => person.name.clone(),
        });
    let names: Vec<String> = named.collect();
    match names.is_empty() {
        true => "nobody".to_owned(),
        false => names.join(", "),
    }
}
