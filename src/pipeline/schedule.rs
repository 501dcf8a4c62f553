//! Which steps may start: a state machine without clock or process.
//!
//! Groups run strictly one after the other; within one, `needs` orders, and what is independent shares the slots. Who
//! stands first in the plan starts first, and what wants the machine to itself lets nothing behind it slip in front.

use crate::model::StepState;

/// How much of the machine a unit takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// One slot.
    #[default]
    One,
    /// Every slot: what the gate's own engine times shares the machine with nothing.
    All,
}

/// A step to be: what matters for its turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Units of a lower group run before it.
    pub group: u8,
    /// Places of the units that come before it.
    pub needs: Vec<usize>,
    /// How much of the machine it takes.
    pub slots: Weight,
    /// Units with the same word never run together.
    pub mutex: Option<String>,
}

/// What a unit's end means for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// They may go on.
    GoesOn,
    /// They may not.
    Stops,
}

impl Came {
    /// What a step that came to this state means for those after it.
    #[must_use]
    pub const fn of(state: StepState) -> Self {
        if state.lets_go_on() { Self::GoesOn } else { Self::Stops }
    }
}

/// Why a unit did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It needs, itself or through others, this unit, which stopped.
    Needs(usize),
    /// A unit of an earlier group stopped.
    GroupBefore(usize),
    /// A unit that it does not depend on stopped before its turn came.
    EarlierFailure(usize),
    /// The whole was abandoned.
    Interrupted,
    /// What it needs comes after it, or is not there: its turn can never come.
    NeverReady,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Settled(Came),
}

/// The units of a pipeline, and how far they are.
#[derive(Clone, Debug)]
pub struct Schedule {
    units: Vec<Unit>,
    states: Vec<State>,
    /// The units whose turn can come at all.
    reachable: Vec<bool>,
    slots: usize,
    keep_going: bool,
    abandoned: bool,
    /// Who stopped, the first to do so first.
    stopped: Vec<usize>,
}

impl Schedule {
    /// Nothing has started yet. With `keep_going` everything runs that does not need what stopped.
    #[must_use]
    pub fn new(units: Vec<Unit>, slots: usize, keep_going: bool) -> Self {
        let states = vec![State::Waiting; units.len()];
        let reachable = reachable(&units);
        Self { units, states, reachable, slots: slots.max(1), keep_going, abandoned: false, stopped: Vec::new() }
    }

    /// Takes all that may start now, in plan order; they count as running from here on.
    pub fn start(&mut self) -> Vec<usize> {
        let mut started = Vec::new();
        for place in self.ready() {
            match self.room_for(place) {
                Room::Free => {
                    self.put(place, State::Running);
                    started.push(place);
                }
                Room::Reserved => break,
                Room::MutexHeld => {}
            }
        }
        started
    }

    /// A unit is done with, whether it ran or was known or left out without running.
    pub fn settle(&mut self, unit: usize, came: Came) {
        if matches!(self.states.get(unit), None | Some(State::Settled(_))) {
            return;
        }
        self.put(unit, State::Settled(came));
        if came == Came::Stops {
            self.stopped.push(unit);
        }
    }

    /// Nothing starts any more; what runs is still to be settled.
    pub const fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Does nothing run, and will nothing start?
    #[must_use]
    pub fn is_over(&self) -> bool {
        // Where nothing runs, no mutex is held and every slot is free: who is ready may start.
        !self.states.contains(&State::Running) && self.ready().is_empty()
    }

    /// What never ran, and why, in plan order. To be asked when it is over.
    #[must_use]
    pub fn not_run(&self) -> Vec<(usize, Why)> {
        let waits = |(place, state): (usize, &State)| (*state == State::Waiting).then_some(place);
        self.states.iter().enumerate().filter_map(waits).map(|place| (place, self.why(place))).collect()
    }

    fn why(&self, place: usize) -> Why {
        if let Some(needed) = self.stopped.iter().find(|stopped| self.depends(place, **stopped)) {
            return Why::Needs(*needed);
        }
        if !self.is_reachable(place) {
            return Why::NeverReady;
        }
        if self.abandoned {
            return Why::Interrupted;
        }
        let group = self.group(place);
        if let Some(before) = self.stopped.iter().find(|stopped| self.group(**stopped) < group) {
            return Why::GroupBefore(*before);
        }
        match self.stopped.first() {
            Some(first) => Why::EarlierFailure(*first),
            // An earlier group has a unit whose turn cannot come.
            None => {
                self.unreachable().find(|before| self.group(*before) < group).map_or(Why::NeverReady, Why::GroupBefore)
            }
        }
    }

    /// Who waits for nothing but room, in plan order.
    fn ready(&self) -> Vec<usize> {
        if self.abandoned || (!self.keep_going && !self.stopped.is_empty()) {
            return Vec::new();
        }
        let places = 0..self.units.len();
        let Some(group) = places.clone().filter(|place| self.is_open(*place)).map(|place| self.group(place)).min()
        else {
            return Vec::new();
        };
        if !self.keep_going && self.unreachable().any(|place| self.group(place) < group) {
            return Vec::new();
        }
        places.filter(|place| self.group(*place) == group && self.is_ready(*place)).collect()
    }

    fn is_ready(&self, place: usize) -> bool {
        let is_past = |need: &usize| self.states.get(*need) == Some(&State::Settled(Came::GoesOn));
        self.states.get(place) == Some(&State::Waiting)
            && self.is_reachable(place)
            && self.units.get(place).is_some_and(|unit| unit.needs.iter().all(is_past))
    }

    /// Is something of it still to come?
    fn is_open(&self, place: usize) -> bool {
        match self.states.get(place) {
            Some(State::Running) => true,
            Some(State::Waiting) => {
                self.is_reachable(place) && !self.stopped.iter().any(|stopped| self.depends(place, *stopped))
            }
            Some(State::Settled(_)) | None => false,
        }
    }

    fn room_for(&self, place: usize) -> Room {
        let Some(unit) = self.units.get(place) else { return Room::Reserved };
        let states = self.units.iter().zip(&self.states);
        let running: Vec<&Unit> = states.filter(|(_, state)| **state == State::Running).map(|(unit, _)| unit).collect();
        let is_alone = running.is_empty();
        match unit.slots {
            Weight::All if is_alone => Room::Free,
            Weight::All => Room::Reserved,
            Weight::One if running.len() >= self.slots => Room::Reserved,
            Weight::One if running.iter().any(|other| other.slots == Weight::All) => Room::Reserved,
            Weight::One if unit.mutex.is_some() && running.iter().any(|other| other.mutex == unit.mutex) => {
                Room::MutexHeld
            }
            Weight::One => Room::Free,
        }
    }

    /// Does a unit need another, itself or through others that are not settled?
    fn depends(&self, place: usize, on: usize) -> bool {
        let mut seen = vec![false; self.units.len()];
        let mut open = vec![place];
        while let Some(unit) = open.pop().and_then(|place| self.units.get(place)) {
            for need in &unit.needs {
                if *need == on {
                    return true;
                }
                let waits = self.states.get(*need) == Some(&State::Waiting);
                if let Some(seen) = seen.get_mut(*need).filter(|seen| waits && !**seen) {
                    *seen = true;
                    open.push(*need);
                }
            }
        }
        false
    }

    fn unreachable(&self) -> impl Iterator<Item = usize> {
        let waits = |place: &usize| self.states.get(*place) == Some(&State::Waiting);
        (0..self.units.len()).filter(move |place| waits(place) && !self.is_reachable(*place))
    }

    fn is_reachable(&self, place: usize) -> bool {
        self.reachable.get(place).copied().unwrap_or_default()
    }

    fn group(&self, place: usize) -> u8 {
        self.units.get(place).map_or(u8::MAX, |unit| unit.group)
    }

    fn put(&mut self, place: usize, state: State) {
        if let Some(slot) = self.states.get_mut(place) {
            *slot = state;
        }
    }
}

/// May a unit start that is ready?
enum Room {
    Free,
    /// Another unit has its mutex: those behind it may start all the same.
    MutexHeld,
    /// It waits for slots, and so does whoever stands behind it.
    Reserved,
}

/// The units all of whose needs can be met before their turn: not those in a circle, nor those that wait for a later
/// group or for what is not there.
fn reachable(units: &[Unit]) -> Vec<bool> {
    let mut reachable = vec![false; units.len()];
    loop {
        let can = |place: usize, unit: &Unit, reachable: &[bool]| {
            !reachable.get(place).copied().unwrap_or(true)
                && unit.needs.iter().all(|need| {
                    reachable.get(*need).copied().unwrap_or_default()
                        && units.get(*need).is_some_and(|needed| needed.group <= unit.group)
                })
        };
        let next = units.iter().enumerate().position(|(place, unit)| can(place, unit, &reachable));
        match next.and_then(|place| reachable.get_mut(place)) {
            Some(found) => *found = true,
            None => return reachable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(group: u8, needs: &[usize]) -> Unit {
        Unit { group, needs: needs.to_vec(), ..Unit::default() }
    }

    fn whole(group: u8) -> Unit {
        Unit { group, slots: Weight::All, ..Unit::default() }
    }

    #[test]
    fn a_group_waits_for_the_one_before_and_its_own_share_the_slots() {
        let mut schedule = Schedule::new(vec![unit(1, &[]), unit(0, &[]), unit(1, &[]), unit(1, &[])], 2, false);
        assert_eq!(schedule.start(), [1]);
        assert!(schedule.start().is_empty());
        schedule.settle(1, Came::GoesOn);
        assert_eq!(schedule.start(), [0, 2]);
        schedule.settle(2, Came::GoesOn);
        assert_eq!(schedule.start(), [3]);
        schedule.settle(0, Came::GoesOn);
        assert!(!schedule.is_over());
        schedule.settle(3, Came::GoesOn);
        assert!(schedule.is_over() && schedule.not_run().is_empty());
    }

    #[test]
    fn who_wants_all_slots_waits_for_what_runs_and_is_not_overtaken() {
        let mut schedule = Schedule::new(vec![unit(0, &[]), whole(0), unit(0, &[])], 8, false);
        assert_eq!(schedule.start(), [0]);
        schedule.settle(0, Came::GoesOn);
        assert_eq!(schedule.start(), [1]);
        assert!(schedule.start().is_empty());
        schedule.settle(1, Came::GoesOn);
        assert_eq!(schedule.start(), [2]);
    }

    #[test]
    fn one_mutex_is_had_by_one_and_holds_up_nobody_else() {
        let with = || Unit { mutex: Some("db".to_owned()), ..Unit::default() };
        let mut schedule = Schedule::new(vec![with(), with(), unit(0, &[])], 8, false);
        assert_eq!(schedule.start(), [0, 2]);
        schedule.settle(0, Came::GoesOn);
        assert_eq!(schedule.start(), [1]);
    }

    #[test]
    fn after_a_failure_nothing_new_starts_and_each_is_told_why() {
        let units = vec![unit(0, &[]), unit(0, &[]), unit(0, &[0]), unit(0, &[1]), unit(1, &[]), unit(1, &[2])];
        let mut schedule = Schedule::new(units, 2, false);
        assert_eq!(schedule.start(), [0, 1]);
        schedule.settle(0, Came::Stops);
        assert!(schedule.start().is_empty());
        assert!(!schedule.is_over(), "what runs is waited for");
        schedule.settle(1, Came::GoesOn);
        assert!(schedule.is_over());
        let not_run = [(2, Why::Needs(0)), (3, Why::EarlierFailure(0)), (4, Why::GroupBefore(0)), (5, Why::Needs(0))];
        assert_eq!(schedule.not_run(), not_run);
    }

    #[test]
    fn keeping_going_leaves_out_only_what_needs_the_failed() {
        let units = vec![unit(0, &[]), unit(0, &[0]), unit(0, &[]), unit(1, &[1]), unit(1, &[])];
        let mut schedule = Schedule::new(units, 1, true);
        assert_eq!(schedule.start(), [0]);
        schedule.settle(0, Came::Stops);
        assert_eq!(schedule.start(), [2]);
        schedule.settle(2, Came::GoesOn);
        assert_eq!(schedule.start(), [4]);
        schedule.settle(4, Came::GoesOn);
        assert!(schedule.is_over());
        assert_eq!(schedule.not_run(), [(1, Why::Needs(0)), (3, Why::Needs(0))]);
    }

    #[test]
    fn what_is_settled_without_running_counts_and_an_abandoned_one_starts_nothing() {
        let mut schedule = Schedule::new(vec![unit(0, &[]), unit(0, &[0]), unit(1, &[])], 1, false);
        schedule.settle(0, Came::GoesOn);
        assert_eq!(schedule.start(), [1]);
        schedule.abandon();
        schedule.settle(1, Came::GoesOn);
        assert!(schedule.is_over());
        assert_eq!(schedule.not_run(), [(2, Why::Interrupted)]);
    }

    #[test]
    fn a_turn_that_can_never_come_is_named_and_waited_for_by_nobody() {
        let units = || vec![unit(0, &[1]), unit(1, &[]), unit(0, &[2]), unit(0, &[9])];
        let mut schedule = Schedule::new(units(), 4, false);
        assert!(schedule.start().is_empty());
        assert!(schedule.is_over());
        let never = |place| (place, Why::NeverReady);
        assert_eq!(schedule.not_run(), [never(0), (1, Why::GroupBefore(0)), never(2), never(3)]);
        let mut schedule = Schedule::new(units(), 4, true);
        assert_eq!(schedule.start(), [1]);
    }

    #[test]
    fn what_does_not_let_others_go_on_stops() {
        assert_eq!(Came::of(StepState::Cached), Came::GoesOn);
        assert_eq!(Came::of(StepState::Warned), Came::GoesOn);
        assert_eq!(Came::of(StepState::ToolError), Came::Stops);
    }

    fn any_unit(count: usize) -> impl Strategy<Value = Unit> {
        let weight = prop_oneof![4 => Just(Weight::One), 1 => Just(Weight::All)];
        let mutex = proptest::option::weighted(0.3, prop_oneof![Just("a".to_owned()), Just("b".to_owned())]);
        (0u8..4, proptest::collection::vec(0..count + 1, 0..3), weight, mutex)
            .prop_map(|(group, needs, slots, mutex)| Unit { group, needs, slots, mutex })
    }

    fn any_units() -> impl Strategy<Value = Vec<Unit>> {
        (1usize..12).prop_flat_map(|count| proptest::collection::vec(any_unit(count), count)).prop_map(|mut units| {
            // Most plans are sound: of a need that would come too late, every other one is turned the right way.
            for place in 0..units.len() {
                let group = units[place].group;
                let is_sound = |need: usize| need < place && units[need].group <= group;
                let needs: Vec<usize> =
                    units[place].needs.iter().copied().filter(|need| is_sound(*need) || need % 5 == 4).collect();
                units[place].needs = needs;
            }
            units
        })
    }

    /// Is what runs allowed to run together, and was it allowed to start?
    fn check(units: &[Unit], running: &[usize], settled: &[Option<Came>], slots: usize, keep_going: bool) {
        assert!(running.len() <= slots, "{running:?} on {slots} slots");
        let is_alone = |place: &usize| units[*place].slots == Weight::One || running.len() == 1;
        assert!(running.iter().all(is_alone), "{running:?} beside what wants all");
        let mut words: Vec<&str> = running.iter().filter_map(|place| units[*place].mutex.as_deref()).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count, "{running:?} share a mutex");
        for place in running {
            assert!(units[*place].needs.iter().all(|need| settled[*need] == Some(Came::GoesOn)), "{place} needs more");
            let before = (0..units.len()).filter(|other| units[*other].group < units[*place].group);
            for other in before {
                assert!(!running.contains(&other), "{other} still runs beside {place} of a later group");
                assert!(keep_going || settled[other] == Some(Came::GoesOn), "{place} runs in spite of {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_plan_comes_to_an_end_by_the_rules(
            units in any_units(),
            slots in 1usize..=64,
            keep_going: bool,
            ends in proptest::collection::vec((any::<proptest::sample::Index>(), proptest::bool::weighted(0.8)), 12),
            known in proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
            abandons_after in proptest::option::weighted(0.2, 0usize..12),
        ) {
            let mut schedule = Schedule::new(units.clone(), slots, keep_going);
            let mut settled: Vec<Option<Came>> = vec![None; units.len()];
            let mut running: Vec<usize> = Vec::new();
            for known in known {
                let place = known.index(units.len());
                schedule.settle(place, Came::GoesOn);
                settled[place] = Some(Came::GoesOn);
            }
            for (step, (which, goes_on)) in ends.into_iter().enumerate() {
                let is_abandoned = abandons_after.is_some_and(|after| after <= step);
                if is_abandoned {
                    schedule.abandon();
                }
                let started = schedule.start();
                let is_stopped = settled.contains(&Some(Came::Stops)) && !keep_going;
                prop_assert!(started.is_empty() || !(is_abandoned || is_stopped));
                for place in &started {
                    prop_assert!(settled[*place].is_none() && !running.contains(place), "{} starts twice", place);
                }
                running.extend(started);
                check(&units, &running, &settled, slots, keep_going);
                prop_assert_eq!(schedule.is_over(), running.is_empty(), "stuck with {:?} running", running);
                if running.is_empty() {
                    break;
                }
                let place = running.remove(which.index(running.len()));
                let came = if goes_on { Came::GoesOn } else { Came::Stops };
                schedule.settle(place, came);
                settled[place] = Some(came);
            }
            prop_assert!(schedule.is_over());
            let not_run: Vec<usize> = schedule.not_run().into_iter().map(|(place, _)| place).collect();
            let unsettled: Vec<usize> = (0..units.len()).filter(|place| settled[*place].is_none()).collect();
            prop_assert_eq!(&not_run, &unsettled);
            for (place, why) in schedule.not_run() {
                match why {
                    Why::Needs(other) | Why::GroupBefore(other) | Why::EarlierFailure(other) => {
                        prop_assert_ne!(settled[other], Some(Came::GoesOn), "{} of {}", other, place);
                    }
                    Why::Interrupted => prop_assert!(abandons_after.is_some()),
                    Why::NeverReady => prop_assert!(!units[place].needs.is_empty()),
                }
            }
        }
    }
}
