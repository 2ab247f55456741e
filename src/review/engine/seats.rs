//! Who is asked: seats become people, duties are kept apart, and needs are counted.
use crate::db::PersonId;
use crate::review::engine::command::Context;
use crate::review::engine::state::{Phase, Progress, Review, SeatRun, StageRun};
use crate::workflow::{
    ASKED_MAX, Delegation, Inputs, Mode, Need, Outcome, Party, Relation, Seat, Stage, StageResult,
    Verdict, Who, Workflow,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The active people of the organisation, as far as a workflow names them.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Holders by role.
    pub roles: BTreeMap<String, BTreeSet<PersonId>>,
    /// Members by group.
    pub groups: BTreeMap<String, BTreeSet<PersonId>>,
    /// People by lower-case e-mail address.
    pub addresses: BTreeMap<String, PersonId>,
    /// Managers by person.
    pub managers: BTreeMap<PersonId, PersonId>,
    /// Who is away today, with the delegate they named.
    pub away: BTreeMap<PersonId, Option<PersonId>>,
    /// Who was asked or is somebody's delegate and is no longer active.
    pub gone: BTreeSet<PersonId>,
    /// Whom mail does not reach.
    pub unreachable: BTreeSet<PersonId>,
}

impl Directory {
    fn named(&self, review: &Review, request: &Value, who: &Who) -> BTreeSet<PersonId> {
        let by_address = |address: &str| {
            self.addresses
                .get(&address.trim().to_lowercase())
                .copied()
                .into_iter()
                .collect()
        };
        match who {
            Who::Role(role) => self.roles.get(role).cloned().unwrap_or_default(),
            Who::Group(group) => self.groups.get(group).cloned().unwrap_or_default(),
            Who::Person(address) => by_address(address),
            Who::Field(field) => request
                .get(field)
                .and_then(Value::as_str)
                .map(by_address)
                .unwrap_or_default(),
            Who::Relation(relation) => BTreeSet::from([person_of(review, *relation)]),
            Who::ManagerOf(relation) => {
                let manager = self.managers.get(&person_of(review, *relation));
                manager.copied().into_iter().collect()
            }
        }
    }

    /// Whether a task would lie with them: they are active, here, and mail reaches them.
    fn is_here(&self, person: &PersonId) -> bool {
        !self.gone.contains(person)
            && !self.away.contains_key(person)
            && !self.unreachable.contains(person)
    }
}

fn person_of(review: &Review, relation: Relation) -> PersonId {
    match relation {
        Relation::Submitter => review.submitter,
        Relation::Owner => review.owner,
    }
}

/// Why separation of duties keeps `person` out of `stage`, if it does.
pub(super) fn separated(
    ctx: &Context,
    review: &Review,
    stage: &Stage,
    person: PersonId,
) -> Option<&'static str> {
    if review.apart.contains(&person) {
        return Some("you let this go ahead before its review");
    }
    for party in &stage.separation.not {
        match party {
            Party::Submitter if review.submitter == person => return Some("you submitted this"),
            Party::Owner if review.owner == person => return Some("you own this"),
            Party::Editors if review.editors.contains(&person) => return Some("you edited this"),
            _ => {}
        }
    }
    let approved = |key: &str| {
        review
            .stage(key)
            .is_some_and(|s| s.approvers().contains(&person))
    };
    // Both directions: with parallel stages the order in which they are decided is open.
    let here = stage
        .separation
        .not_approvers_of
        .iter()
        .any(|other| approved(other));
    let there = ctx
        .workflow
        .stages
        .iter()
        .any(|s| s.separation.not_approvers_of.contains(&stage.key) && approved(&s.key));
    (here || there).then_some("you approved another stage that must be kept apart")
}

/// Everybody whom `from` names now.
pub fn named(ctx: &Context, review: &Review, from: &[Who]) -> BTreeSet<PersonId> {
    from.iter()
        .flat_map(|who| ctx.directory.named(review, ctx.request, who))
        .collect()
}

/// By which lines of the workflow a person was asked: those of their seats, with whom those fall
/// back to, and those whom escalations of the stage call in. Whose delegate was asked when the
/// stage opened sits in no seat: `people` are both.
pub fn lines<'s>(stage: &'s Stage, run: &StageRun, people: [PersonId; 2]) -> Vec<&'s Who> {
    let theirs = |seat: &&SeatRun| seat.asked().any(|asked| people.contains(&asked));
    let mut all: Vec<&Who> = Vec::new();
    for seat in run.seats.iter().filter(theirs) {
        let key = seat.beside.as_ref().unwrap_or(&seat.key);
        let defined = stage.seats.iter().filter(|seat| seat.key == *key);
        all.extend(defined.flat_map(|seat| seat.from.iter().chain(&seat.fallback)));
    }
    let timed = stage.sla.iter().flat_map(|sla| &sla.escalate);
    all.extend(timed.flat_map(|called| &called.to));
    all.extend(stage.escalate.iter().flat_map(|called| &called.to));
    all
}

/// Whether the workflow still names a person who was asked, or the one in whose place they decide:
/// a role can be lost while the task is open. Who stands in for somebody who left goes on.
pub(super) fn still_named(
    ctx: &Context,
    review: &Review,
    stage: &Stage,
    run: &StageRun,
    person: PersonId,
) -> bool {
    let seated = run.on_behalf.get(&person).copied().unwrap_or(person);
    if seated != person && ctx.directory.gone.contains(&seated) {
        return true;
    }
    let names = |who: &Who| {
        ctx.directory
            .named(review, ctx.request, who)
            .contains(&seated)
    };
    lines(stage, run, [person, seated]).into_iter().any(names)
}

fn admitted(ctx: &Context, review: &Review, stage: &Stage, from: &[Who]) -> BTreeSet<PersonId> {
    let mut people = named(ctx, review, from);
    people.retain(|person| separated(ctx, review, stage, *person).is_none());
    people
}

/// Whether `to` may decide in the place of `from`: admitted by the rules, there, and, where the
/// workflow wants it, somebody a seat of `from` names too.
pub(super) fn may_stand_for(
    ctx: &Context,
    review: &Review,
    stage: &Stage,
    from: PersonId,
    to: PersonId,
) -> bool {
    if separated(ctx, review, stage, to).is_some() || !ctx.directory.is_here(&to) {
        return false;
    }
    match stage.delegation {
        Delegation::None => false,
        Delegation::AnyEligible => true,
        Delegation::SameRole => stage.seats.iter().any(|seat| {
            let mut all = named(ctx, review, &seat.from);
            let own = all.contains(&from);
            let fallback = named(ctx, review, &seat.fallback);
            let own = own || fallback.contains(&from);
            all.extend(fallback);
            own && all.contains(&to)
        }),
    }
}

/// Seats with their people, and who is asked in the place of whom.
pub(super) struct Resolved {
    pub seats: Vec<SeatRun>,
    pub on_behalf: BTreeMap<PersonId, PersonId>,
}

/// The seats of `stage` with the people they name now. For who is away the delegate is asked; who
/// is away without one, or out of reach, is asked only where a seat has nobody else.
pub(super) fn resolve(ctx: &Context, review: &Review, stage: &Stage) -> Resolved {
    let mut on_behalf = BTreeMap::new();
    let mut seats = Vec::new();
    let mut found: Vec<BTreeSet<PersonId>> = stage
        .seats
        .iter()
        .map(|seat| present(ctx, review, stage, &seat.from, &mut on_behalf))
        .collect();
    bound(&mut found);
    for (seat, people) in stage.seats.iter().zip(found) {
        let need = match seat.need {
            Need::AtLeast(need) => need as usize,
            Need::All => people.len().max(1),
        };
        seats.push(SeatRun {
            key: seat.key.clone(),
            need,
            people,
            fallback: None,
            beside: None,
        });
    }
    let asked: BTreeSet<PersonId> = seats.iter().flat_map(SeatRun::asked).collect();
    // Somebody who is asked anyway decides for themselves.
    on_behalf.retain(|delegate, first| {
        let own = |seat: &Seat| named(ctx, review, &seat.from).contains(delegate);
        asked.contains(delegate) && first != delegate && !stage.seats.iter().any(own)
    });
    Resolved { seats, on_behalf }
}

/// Keeps a stage within what one entry can name. A workflow that names more is neither published
/// nor submitted to; this is for groups that grow while a review runs, which must not stick.
fn bound(seats: &mut [BTreeSet<PersonId>]) {
    let all: usize = seats.iter().map(BTreeSet::len).sum();
    if all > ASKED_MAX {
        let share = (ASKED_MAX / seats.len().max(1)).max(1);
        for people in seats {
            *people = at_most(std::mem::take(people), share);
        }
    }
}

/// The first so many of these people.
pub(super) fn at_most(people: BTreeSet<PersonId>, most: usize) -> BTreeSet<PersonId> {
    people.into_iter().take(most).collect()
}

/// A stage that names more people than can be asked: its title, and how many they are.
pub fn crowded(workflow: &Workflow, directory: &Directory) -> Option<(String, usize)> {
    let count = |list: &[Who]| -> usize {
        let held = |who: &Who| match who {
            Who::Role(role) => directory.roles.get(role),
            Who::Group(group) => directory.groups.get(group),
            _ => None,
        };
        let people: BTreeSet<&PersonId> = list.iter().filter_map(held).flatten().collect();
        people.len()
    };
    let of = |stage: &Stage| {
        let named = stage.seats.iter().map(|seat| count(&seat.from)).sum();
        let others = stage.seats.iter().map(|seat| count(&seat.fallback));
        let called = stage.sla.iter().flat_map(|sla| &sla.escalate);
        let called = called.filter(|rule| rule.mode != Mode::Notify);
        let called = called.map(|rule| count(&rule.to));
        let rules = stage
            .escalate
            .iter()
            .filter(|rule| rule.mode != Mode::Notify);
        let rules = rules.map(|rule| count(&rule.to));
        others.chain(called).chain(rules).fold(named, usize::max)
    };
    let stages = workflow.stages.iter().map(|stage| (stage, of(stage)));
    let mut crowded = stages.filter(|(_, count)| *count > ASKED_MAX);
    crowded
        .next()
        .map(|(stage, count)| (stage.title.clone(), count))
}

fn present(
    ctx: &Context,
    review: &Review,
    stage: &Stage,
    from: &[Who],
    on_behalf: &mut BTreeMap<PersonId, PersonId>,
) -> BTreeSet<PersonId> {
    let mut people = BTreeSet::new();
    for person in admitted(ctx, review, stage, from) {
        if ctx.directory.is_here(&person) {
            people.insert(person);
            continue;
        }
        let delegate = ctx.directory.away.get(&person).copied().flatten();
        let fit = |to: &PersonId| may_stand_for(ctx, review, stage, person, *to);
        if let Some(to) = delegate.filter(fit) {
            people.insert(to);
            on_behalf.entry(to).or_insert(person);
        }
    }
    people
}

/// The stand-ins of one seat, as they are now. Who is away stands in only when nobody else does:
/// a stage must not stick, and a mail still reaches them.
pub(super) fn stand_ins(
    ctx: &Context,
    review: &Review,
    stage: &Stage,
    seat: &Seat,
) -> BTreeSet<PersonId> {
    let all = admitted(ctx, review, stage, &seat.fallback);
    let here: BTreeSet<PersonId> = all
        .iter()
        .filter(|person| ctx.directory.is_here(person))
        .copied()
        .collect();
    at_most(if here.is_empty() { all } else { here }, ASKED_MAX)
}

/// To whom a task may be handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fitting {
    /// The workflow keeps it with whom it asks, or it was handed on already.
    Nobody,
    /// To one of these.
    These(BTreeSet<PersonId>),
    /// To anybody whom the rules do not keep out.
    Anybody,
}

/// How a stage stands with its needs.
pub(super) enum Count {
    /// Every seat has its need of approvals.
    Met,
    /// It can still be met by those who were asked.
    Open,
    /// Rejections made it impossible.
    Rejected,
    /// Seats lack people.
    Short {
        /// Which, by index, even if those who rejected had approved.
        seats: Vec<usize>,
        /// Whether rejections made yet another seat impossible.
        outvoted: bool,
    },
}

/// Counts the stage: each person for one seat at most, whatever seats name them.
pub(super) fn count(ctx: &Context, review: &Review, stage: &Stage, run: &StageRun) -> Count {
    let approvers = run.approvers();
    if short(&run.seats, &approvers).is_empty() {
        return Count::Met;
    }
    let waiting = run.asked().into_iter().filter(|person| {
        !run.votes.contains_key(person) && separated(ctx, review, stage, *person).is_none()
    });
    let mut able = approvers.clone();
    able.extend(waiting);
    let is_here = |person: &&PersonId| approvers.contains(person) || ctx.directory.is_here(person);
    let here = able.iter().filter(is_here).copied().collect();
    let lacking = short(&run.seats, &here);
    if lacking.is_empty() {
        return Count::Open;
    }
    let unfilled = short(&run.seats, &able).len();
    if unfilled == 0 {
        // Who is away or out of reach may still decide; until then others are asked as well.
        return Count::Short {
            seats: lacking,
            outvoted: false,
        };
    }
    able.extend(
        run.votes
            .iter()
            .filter(|(_, o)| **o == Outcome::Reject)
            .map(|(p, _)| *p),
    );
    let seats = short(&run.seats, &able);
    let outvoted = seats.len() < unfilled;
    if seats.is_empty() {
        Count::Rejected
    } else {
        Count::Short { seats, outvoted }
    }
}

/// Whether the seats of `stage` can be filled with `person`, once every stand-in is called, and
/// cannot without them.
pub(super) fn is_last(ctx: &Context, review: &Review, stage: &Stage, person: PersonId) -> bool {
    let Some(run) = review.stage(&stage.key) else {
        return false;
    };
    let mut seats = run.seats.clone();
    for seat in seats.iter_mut().filter(|seat| seat.fallback.is_none()) {
        let key = seat.beside.as_ref().unwrap_or(&seat.key);
        let defined = stage.seats.iter().find(|defined| defined.key == *key);
        seat.fallback = defined.map(|seat| stand_ins(ctx, review, stage, seat));
    }
    let approvers = run.approvers();
    let may = |p: &PersonId| {
        approvers.contains(p)
            || (!run.votes.contains_key(p) && separated(ctx, review, stage, *p).is_none())
    };
    let mut able: BTreeSet<PersonId> = seats.iter().flat_map(SeatRun::asked).collect();
    able.retain(may);
    let with = short(&seats, &able).is_empty();
    able.remove(&person);
    with && !short(&seats, &able).is_empty()
}

/// The seats of open stages that those who are asked and here cannot fill: stage and seat.
pub fn vacant(ctx: &Context, review: &Review) -> Vec<(String, String)> {
    let mut vacant = Vec::new();
    for stage in &ctx.workflow.stages {
        let open = |run: &&StageRun| run.progress == Progress::Open;
        let Some(run) = review.stage(&stage.key).filter(open) else {
            continue;
        };
        if let Count::Short { seats, .. } = count(ctx, review, stage, run) {
            let runs = seats.into_iter().filter_map(|index| run.seats.get(index));
            vacant.extend(runs.map(|seat| (stage.key.clone(), seat.key.clone())));
        }
    }
    vacant
}

/// Who could take the task of `from` in this stage, by the rules and as people stand today:
/// everybody who is here, or those alone whom a seat of `from` names too.
pub fn fitting(ctx: &Context, review: &Review, stage: &str, from: PersonId) -> Fitting {
    let stage = ctx.workflow.stages.iter().find(|s| s.key == stage);
    let run = stage.and_then(|stage| review.stage(&stage.key));
    let (Some(stage), Some(run)) = (stage, run) else {
        return Fitting::Nobody;
    };
    let free = |person: &PersonId| !run.asked().contains(person) && !run.votes.contains_key(person);
    let fits = |person: &PersonId| free(person) && may_stand_for(ctx, review, stage, from, *person);
    match stage.delegation {
        _ if run.on_behalf.contains_key(&from) => Fitting::Nobody,
        Delegation::None => Fitting::Nobody,
        Delegation::AnyEligible => Fitting::Anybody,
        Delegation::SameRole => {
            let named = stage.seats.iter().flat_map(|seat| {
                let mut all = named(ctx, review, &seat.from);
                all.extend(named(ctx, review, &seat.fallback));
                all
            });
            Fitting::These(named.filter(fits).collect())
        }
    }
}

/// The seats that `people` cannot fill, counting each person for one seat.
fn short(seats: &[SeatRun], people: &BTreeSet<PersonId>) -> Vec<usize> {
    let mut taken: Vec<(usize, PersonId)> = Vec::new();
    let mut lacking = Vec::new();
    for (index, seat) in seats.iter().enumerate() {
        let filled = (0..seat.need)
            .take_while(|_| give_one(seats, people, index, &mut taken, &mut BTreeSet::new()))
            .count();
        if filled < seat.need {
            lacking.push(index);
        }
    }
    lacking
}

/// Gives `seat` one more person, moving others to their second seat where that helps.
fn give_one(
    seats: &[SeatRun],
    people: &BTreeSet<PersonId>,
    seat: usize,
    taken: &mut Vec<(usize, PersonId)>,
    tried: &mut BTreeSet<PersonId>,
) -> bool {
    let Some(run) = seats.get(seat) else {
        return false;
    };
    for person in run.asked().filter(|p| people.contains(p)) {
        if !tried.insert(person) {
            continue;
        }
        let holds = taken.iter().position(|(_, p)| *p == person);
        let Some(at) = holds else {
            taken.push((seat, person));
            return true;
        };
        let elsewhere = taken.get(at).map_or(seat, |(s, _)| *s);
        if elsewhere != seat && give_one(seats, people, elsewhere, taken, tried) {
            taken.retain(|held| *held != (elsewhere, person));
            taken.push((seat, person));
            return true;
        }
    }
    false
}

/// Whether a stage will be needed, as far as can be said before it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// Its condition holds.
    Yes,
    /// Its condition does not hold.
    No,
    /// It depends on what earlier stages decide.
    Perhaps,
}

/// One stage of the route ahead.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Key of the stage.
    pub stage: String,
    /// Whether it will be needed.
    pub needed: Needed,
    /// Who would be asked now.
    pub seats: Vec<SeatRun>,
}

/// The route a review would take: what a submitter is shown before submitting.
pub fn forecast(ctx: &Context, review: &Review) -> Vec<Forecast> {
    let mut outcomes: BTreeMap<String, Needed> = BTreeMap::new();
    let mut route = Vec::new();
    for stage in ctx.workflow.in_order() {
        let needed = needed(ctx, review, stage, &outcomes);
        outcomes.insert(stage.key.clone(), needed);
        let seats = expected_seats(ctx, review, stage);
        route.push(Forecast {
            stage: stage.key.clone(),
            needed,
            seats,
        });
    }
    route
}

fn needed(
    ctx: &Context,
    review: &Review,
    stage: &Stage,
    earlier: &BTreeMap<String, Needed>,
) -> Needed {
    let holds = |outcome: &str| {
        let result = |(key, needed): (&String, &Needed)| {
            let outcome = if *needed == Needed::No {
                "skipped"
            } else {
                outcome
            };
            let answers = Value::Object(serde_json::Map::new());
            let result = StageResult {
                outcome: outcome.to_owned(),
                timed_out: false,
                answers,
            };
            (key.clone(), result)
        };
        let stages = earlier.iter().map(result).collect();
        let inputs = Inputs {
            request: ctx.request,
            derived: &review.derived,
            stages: &stages,
        };
        !matches!(
            ctx.workflow.condition(stage, &inputs),
            Verdict::Skipped { .. }
        )
    };
    match (holds("approved"), holds("approved_with_conditions")) {
        (true, true) => Needed::Yes,
        (false, false) => Needed::No,
        _ => Needed::Perhaps,
    }
}

fn expected_seats(ctx: &Context, review: &Review, stage: &Stage) -> Vec<SeatRun> {
    let mut seats = resolve(ctx, review, stage).seats;
    let everyone = seats.iter().flat_map(SeatRun::asked).collect();
    for index in short(&seats, &everyone) {
        if let (Some(run), Some(seat)) = (seats.get_mut(index), stage.seats.get(index)) {
            run.fallback = Some(stand_ins(ctx, review, stage, seat));
        }
    }
    seats
}

/// A question that is open to one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenTask {
    /// Key of the stage.
    pub stage: String,
    /// Its epoch.
    pub epoch: u32,
    /// Who is asked.
    pub person: PersonId,
}

/// Every question that is open now: one for each person who is asked and may still decide.
pub fn open_tasks(ctx: &Context, review: &Review) -> BTreeSet<OpenTask> {
    let mut open = BTreeSet::new();
    if review.phase != Phase::InReview {
        return open;
    }
    for stage in &ctx.workflow.stages {
        let Some(run) = review
            .stage(&stage.key)
            .filter(|r| r.progress == Progress::Open)
        else {
            continue;
        };
        let still = |p: &PersonId| {
            !run.votes.contains_key(p) && separated(ctx, review, stage, *p).is_none()
        };
        let task = |person| OpenTask {
            stage: stage.key.clone(),
            epoch: run.epoch,
            person,
        };
        open.extend(run.asked().into_iter().filter(still).map(task));
    }
    open
}
