//! The reference model: the rules once more, from the words of the format, over people and stages
//! by number. It shares no code with the engine and counts in another way: where the engine moves
//! people between seats until they fit, the model takes the least cut over all sets of seats.

use super::plan::{PEOPLE, Plan, SeatPlan, StagePlan, When, Who};
use countersign::workflow::Outcome;
use std::collections::{BTreeMap, BTreeSet};

type People = BTreeSet<usize>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Running,
    Waiting,
    Approved,
    Rejected,
    Withdrawn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Pending,
    Skipped,
    Open,
    Approved { conditions: bool },
    Rejected,
}

impl Mark {
    fn passed(self) -> bool {
        matches!(self, Mark::Skipped | Mark::Approved { .. })
    }
}

/// One seat of a stage that opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chair {
    pub need: usize,
    pub own: People,
    pub stand_ins: Option<People>,
}

impl Chair {
    fn may_sit(&self, person: usize) -> bool {
        let stand_ins = self.stand_ins.as_ref();
        self.own.contains(&person) || stand_ins.is_some_and(|people| people.contains(&person))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub epoch: u32,
    pub mark: Mark,
    pub chairs: Vec<Chair>,
    pub ballots: BTreeMap<usize, Outcome>,
}

impl Room {
    fn empty(epoch: u32) -> Room {
        Room {
            epoch,
            mark: Mark::Pending,
            chairs: Vec::new(),
            ballots: BTreeMap::new(),
        }
    }

    fn said(&self, words: &[Outcome]) -> People {
        let fits = |(_, outcome): &(&usize, &Outcome)| words.contains(outcome);
        self.ballots
            .iter()
            .filter(fits)
            .map(|(person, _)| *person)
            .collect()
    }

    fn approvers(&self) -> People {
        self.said(&[Outcome::Approve, Outcome::ApproveWithConditions])
    }

    /// How many needs of the first `chairs` chairs `people` can fill, each for one: by the theorem
    /// of the least cut.
    fn filled(&self, chairs: usize, people: &People) -> usize {
        let cut = |kept: usize| {
            let within = |chair: &usize| kept & (1 << chair) != 0;
            let reached = |person: &&usize| {
                (0..chairs)
                    .filter(within)
                    .any(|chair| self.chairs[chair].may_sit(**person))
            };
            let given_up: usize = (0..chairs)
                .filter(|chair| !within(chair))
                .map(|c| self.chairs[c].need)
                .sum();
            people.iter().filter(reached).count() + given_up
        };
        (0..1 << chairs).map(cut).min().unwrap_or(0)
    }

    /// The chairs that stay short when those before them are served first.
    fn short(&self, people: &People) -> Vec<usize> {
        let gain = |chair: usize| self.filled(chair + 1, people) - self.filled(chair, people);
        (0..self.chairs.len())
            .filter(|chair| gain(*chair) < self.chairs[*chair].need)
            .collect()
    }

    /// Whether every chair has its need of approvals.
    pub fn is_full(&self) -> bool {
        self.short(&self.approvers()).is_empty()
    }
}

/// The state of a review.
#[derive(Debug, Clone)]
pub struct Model {
    plan: Plan,
    pub end: End,
    pub rooms: Vec<Room>,
    pub owner: usize,
    pub editors: People,
    pub resubmissions: u32,
    public: bool,
}

/// A vote as somebody tries it.
#[derive(Debug, Clone, Copy)]
pub struct Ballot {
    pub person: usize,
    pub stage: usize,
    pub epoch: u32,
    pub blind: bool,
    pub by_link: bool,
    pub outcome: Outcome,
}

impl Model {
    pub fn open(plan: &Plan) -> Model {
        let mut model = Model {
            plan: plan.clone(),
            end: End::Running,
            rooms: vec![Room::empty(0); plan.stages.len()],
            owner: 1,
            editors: People::from([0]),
            resubmissions: 0,
            public: false,
        };
        model.advance();
        model
    }

    /// Who has an open task, by stage.
    pub fn asked(&self) -> Vec<(usize, usize)> {
        let every = (0..self.rooms.len()).flat_map(|stage| (0..PEOPLE).map(move |p| (stage, p)));
        every
            .filter(|(stage, person)| self.may_answer(*stage, *person))
            .collect()
    }

    fn may_answer(&self, stage: usize, person: usize) -> bool {
        let room = &self.rooms[stage];
        self.end == End::Running
            && room.mark == Mark::Open
            && room.chairs.iter().any(|chair| chair.may_sit(person))
            && !room.ballots.contains_key(&person)
            && !self.kept_out(stage, person)
    }

    /// Separation of duties.
    pub fn kept_out(&self, stage: usize, person: usize) -> bool {
        let plan = &self.plan.stages[stage];
        let parts = [
            person == 0,
            person == self.owner,
            self.editors.contains(&person),
        ];
        let has_part = plan.not.iter().zip(parts).any(|(kept, part)| *kept && part);
        let apart = |other: usize| {
            plan.apart.contains(&other) || self.plan.stages[other].apart.contains(&stage)
        };
        let elsewhere = (0..self.rooms.len())
            .any(|other| apart(other) && self.rooms[other].approvers().contains(&person));
        has_part || elsewhere
    }

    /// Somebody votes; whether it counts.
    pub fn vote(&mut self, ballot: Ballot) -> bool {
        let Ballot {
            person,
            stage,
            outcome,
            ..
        } = ballot;
        let Some(room) = self.rooms.get(stage) else {
            return false;
        };
        let last_resort = |chair: &Chair| {
            chair
                .stand_ins
                .as_ref()
                .is_some_and(|people| people.contains(&person))
        };
        let accepted = self.may_answer(stage, person)
            && ballot.epoch == room.epoch
            && !ballot.blind
            && !(ballot.by_link && self.plan.stages[stage].view_only)
            && !(outcome == Outcome::Recuse
                && (room.chairs.iter().any(last_resort) || self.is_needed(stage, person)));
        if !accepted {
            return false;
        }
        self.rooms[stage].ballots.insert(person, outcome);
        match outcome {
            Outcome::RequestChanges => self.end = End::Waiting,
            Outcome::Reject if !self.plan.stages[stage].until_impossible => self.refuse(stage),
            _ => self.advance(),
        }
        true
    }

    /// Whether somebody the plan lets stand in is missed once every stand-in is called.
    fn is_needed(&self, stage: usize, person: usize) -> bool {
        let plan = &self.plan.stages[stage];
        let stands_in = |seat: &SeatPlan| self.people(stage, &seat.fallback).contains(&person);
        if !plan.seats.iter().any(stands_in) {
            return false;
        }
        let mut called = self.clone();
        for (chair, seat) in plan.seats.iter().enumerate() {
            let resort = self.people(stage, &seat.fallback);
            let chair = &mut called.rooms[stage].chairs[chair];
            chair.stand_ins.get_or_insert(resort);
        }
        let room = &called.rooms[stage];
        let mut able = called.hopeful(stage);
        let with = room.short(&able).is_empty();
        able.remove(&person);
        with && !room.short(&able).is_empty()
    }

    fn refuse(&mut self, stage: usize) {
        self.rooms[stage].mark = Mark::Rejected;
        self.end = End::Rejected;
    }

    /// A new revision by `person`; whether it is taken.
    pub fn edit(&mut self, person: usize, public: bool, owner: usize) -> bool {
        let open = matches!(self.end, End::Running | End::Waiting);
        if !open || (person != 0 && person != self.owner) {
            return false;
        }
        (self.end, self.public, self.owner) = (End::Running, public, owner);
        self.editors.insert(person);
        self.resubmissions += 1;
        for room in self
            .rooms
            .iter_mut()
            .filter(|room| room.mark != Mark::Pending)
        {
            *room = Room::empty(room.epoch + 1);
        }
        if self.resubmissions > self.plan.max_revisions {
            self.end = End::Rejected;
        }
        self.advance();
        true
    }

    pub fn withdraw(&mut self, person: usize) -> bool {
        let open = matches!(self.end, End::Running | End::Waiting);
        let may = open && (person == 0 || person == self.owner);
        if may {
            self.end = End::Withdrawn;
        }
        may
    }

    /// Somebody gets a role; open stages that are short of people ask once more.
    pub fn appoint(&mut self, person: usize, role: usize) {
        self.plan.roles[role].insert(person);
        for stage in 0..self.rooms.len() {
            if self.end == End::Running && self.rooms[stage].mark == Mark::Open {
                for chair in self.vacant(stage) {
                    self.ask_again(stage, chair);
                }
            }
        }
        self.advance();
    }

    fn ask_again(&mut self, stage: usize, chair: usize) {
        let plan = self.plan.stages[stage].seats[chair].clone();
        let (named, resort) = (
            self.people(stage, &plan.from),
            self.people(stage, &plan.fallback),
        );
        let seat = &self.rooms[stage].chairs[chair];
        let asked = seat.stand_ins.clone();
        let newcomers: People = named
            .into_iter()
            .filter(|person| !seat.may_sit(*person))
            .collect();
        let more = if newcomers.is_empty() {
            resort
        } else {
            newcomers
        };
        let all: People = asked.iter().flatten().copied().chain(more).collect();
        if asked.is_none_or(|asked| asked.len() < all.len()) {
            self.rooms[stage].chairs[chair].stand_ins = Some(all);
        }
    }

    fn people(&self, stage: usize, list: &[Who]) -> People {
        let named = |who: &Who| match who {
            Who::Role(role) => self.plan.roles[*role].clone(),
            Who::Person(person) => People::from([*person]),
            Who::Owner => People::from([self.owner]),
            Who::Submitter => People::from([0]),
        };
        list.iter()
            .flat_map(named)
            .filter(|person| !self.kept_out(stage, *person))
            .collect()
    }

    fn advance(&mut self) {
        while self.end == End::Running {
            let before = self.rooms.clone();
            for stage in 0..self.rooms.len() {
                match self.rooms[stage].mark {
                    _ if self.end != End::Running => {}
                    Mark::Pending => self.begin(stage),
                    Mark::Open => self.look_at(stage),
                    _ => {}
                }
            }
            if self.rooms == before {
                break;
            }
        }
        if self.end == End::Running && self.rooms.iter().all(|room| room.mark.passed()) {
            self.end = End::Approved;
        }
    }

    fn begin(&mut self, stage: usize) {
        let plan: StagePlan = self.plan.stages[stage].clone();
        if plan
            .needs
            .iter()
            .any(|need| !self.rooms[*need].mark.passed())
        {
            return;
        }
        let needed = match plan.when {
            When::Always | When::Broken => true,
            When::Public => self.public,
            When::NotPublic => !self.public,
            When::Conditional(of) => self.rooms[of].mark == Mark::Approved { conditions: true },
            When::Skipped(of) => self.rooms[of].mark == Mark::Skipped,
        };
        if !needed {
            self.rooms[stage].mark = Mark::Skipped;
            return;
        }
        let mut chairs = Vec::new();
        for seat in &plan.seats {
            let own = self.people(stage, &seat.from);
            let need = seat.need.unwrap_or(own.len().max(1));
            chairs.push(Chair {
                need,
                own,
                stand_ins: None,
            });
        }
        self.rooms[stage].mark = Mark::Open;
        self.rooms[stage].chairs = chairs;
    }

    /// Approvers, and who can still become one.
    fn hopeful(&self, stage: usize) -> People {
        let undecided = (0..PEOPLE).filter(|person| self.may_answer(stage, *person));
        self.rooms[stage]
            .approvers()
            .into_iter()
            .chain(undecided)
            .collect()
    }

    /// The chairs that nobody is left to fill, even had nobody rejected.
    fn vacant(&self, stage: usize) -> Vec<usize> {
        let room = &self.rooms[stage];
        let had_nobody_rejected = &self.hopeful(stage) | &room.said(&[Outcome::Reject]);
        room.short(&had_nobody_rejected)
    }

    fn look_at(&mut self, stage: usize) {
        if self.rooms[stage].is_full() {
            let with = self.rooms[stage].said(&[Outcome::ApproveWithConditions]);
            self.rooms[stage].mark = Mark::Approved {
                conditions: !with.is_empty(),
            };
            return;
        }
        let hopeless = self.rooms[stage].short(&self.hopeful(stage)).len();
        let vacant = self.vacant(stage);
        let mut asked = false;
        for chair in &vacant {
            if self.rooms[stage].chairs[*chair].stand_ins.is_none() {
                let resort = self.plan.stages[stage].seats[*chair].fallback.clone();
                let people = self.people(stage, &resort);
                self.rooms[stage].chairs[*chair].stand_ins = Some(people);
                asked = true;
            }
        }
        if !asked && vacant.len() < hopeless {
            self.refuse(stage);
        }
    }
}
