//! Breadth-first over every state that the engine can reach in a small organisation.

use crate::laws::{self, Breach, Seen};
use crate::small::{Move, Small, State, is_decided};
use countersign::review::engine::{self, Context, Event, Refusal, Review};
use std::collections::HashMap;

/// An engine: the real one, or one with a fault planted in it.
pub trait Engine {
    fn decide(&self, ctx: &Context, state: &State, step: &Move) -> Decided;

    /// What can be seen of a transition; a fault may make it look different.
    fn shown<'a>(&self, seen: Seen<'a>) -> Seen<'a> {
        seen
    }
}

pub type Decided = Result<(Review, Vec<Event>), Refusal>;

/// The product's engine.
pub struct Real;

impl Engine for Real {
    fn decide(&self, ctx: &Context, state: &State, step: &Move) -> Decided {
        engine::decide(ctx, &state.review, &step.command, step.now)
    }
}

/// What an exploration came to.
pub struct Explored {
    pub states: usize,
    pub transitions: usize,
    pub refusals: usize,
    /// Whether every state was looked at.
    pub complete: bool,
    /// The first transition that breaks a law.
    pub fault: Option<Fault>,
    /// Running states from which no decision can be reached.
    pub stuck: Vec<State>,
}

pub struct Fault {
    pub breaches: Vec<Breach>,
    pub story: String,
}

/// Looks at states, nearest first, until all or `most` of them were seen or `enough` says so.
pub fn explore(
    small: &Small,
    engine: &dyn Engine,
    most: usize,
    enough: impl Fn(&[Breach]) -> bool,
) -> Explored {
    let (first, _) = small.open();
    let mut known: HashMap<u128, usize> = HashMap::from([(small.key(&first), 0)]);
    let mut states = vec![first];
    let mut before: Vec<Vec<u32>> = vec![Vec::new()];
    let mut found = Explored {
        states: 0,
        transitions: 0,
        refusals: 0,
        complete: true,
        fault: None,
        stuck: Vec::new(),
    };
    let mut next = 0;
    while next < states.len() {
        let state = states[next].clone();
        for step in small.moves(&state) {
            let outcome = small.within(&step, |ctx| {
                let (after, events) = engine.decide(ctx, &state, &step).ok()?;
                let seen = Seen::new(
                    ctx,
                    step.now,
                    &step.command,
                    &state.review,
                    (&after, &events),
                );
                let breaches = laws::breaches(&engine.shown(seen));
                Some((after, events, breaches))
            });
            let Some((after, events, breaches)) = outcome else {
                found.refusals += 1;
                continue;
            };
            found.transitions += 1;
            if found.fault.is_none() && !breaches.is_empty() && enough(&breaches) {
                let story = format!(
                    "{:#?}\nby {:#?}\nwith {events:#?}\nto {after:#?}",
                    state.review, step.command
                );
                found.fault = Some(Fault { breaches, story });
                found.states = states.len();
                return found;
            }
            let after = State {
                review: after,
                now: step.now,
                away: step.away.clone(),
                gone: step.gone.clone(),
                public: step.public,
            };
            let key = small.key(&after);
            let place = match known.get(&key) {
                Some(place) => *place,
                None if states.len() >= most => {
                    found.complete = false;
                    continue;
                }
                None => {
                    let place = states.len();
                    known.insert(key, place);
                    states.push(after);
                    before.push(Vec::new());
                    place
                }
            };
            if step.leads && place != next {
                before[place].push(next as u32);
            }
        }
        next += 1;
    }
    found.states = states.len();
    found.stuck = stuck(&states, &before);
    found
}

/// Walks back from every decision: what is not met on the way can never come to one.
fn stuck(states: &[State], before: &[Vec<u32>]) -> Vec<State> {
    let mut leads = vec![false; states.len()];
    let decided = |place: &usize| is_decided(&states[*place].review);
    let mut todo: Vec<usize> = (0..states.len()).filter(decided).collect();
    while let Some(place) = todo.pop() {
        if !std::mem::replace(&mut leads[place], true) {
            todo.extend(before[place].iter().map(|earlier| *earlier as usize));
        }
    }
    let lost = |place: &usize| !leads[*place] && states[*place].review.phase.is_running();
    (0..states.len())
        .filter(lost)
        .map(|place| states[place].clone())
        .collect()
}
