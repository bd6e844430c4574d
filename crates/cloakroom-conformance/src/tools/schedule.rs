//! A store whose callers go one at a time, in an order that a test chooses.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use cloakroom_core::{Operation, Store, StoreFuture, StoreKey};
use futures_channel::oneshot;
use futures_util::future::{join, join_all};

use super::Moment;

/// Lets several requests use a store side by side and decides, call by call, who goes next.
///
/// Every request is an *actor* and has a [`ScheduledStore`] of its own. Its calls wait before they reach the store,
/// before the answer comes back, or both. Only when every actor waits or has finished is the next one chosen, so the
/// same choices give the same story. [`Orders`] makes all choices there are, one story after the other;
/// [`Dice`](super::Dice) makes some.
///
/// It knows no runtime and no timer. An actor makes one call at a time and waits for nothing but its own calls: one
/// that waits for another actor's next step waits for ever.
///
/// ```
/// use std::sync::Arc;
/// use cloakroom_conformance::{Moment, Orders, Release, Schedule, block_on};
/// use cloakroom_core::{MemoryStore, Operation, Record, Store, StoreKey, Lifetime, Put, Timestamp};
///
/// let (key, now) = (StoreKey::from_bytes([0_u8; 32]), Timestamp::from_millis(0));
/// let mut orders = Orders::new();
/// let mut stories = 0;
/// while orders.begin() {
///     let memory = Arc::new(MemoryStore::new());
///     let schedule = Schedule::new([Moment::Before]);
///     let actors = (0..2).map(|actor| {
///         let (store, key) = (schedule.store(actor, Arc::clone(&memory)), key.clone());
///         async move {
///             let record = Record::new(Lifetime::default(), now);
///             let created = store.put(&key, Put::New, &record, now).await.is_ok();
///             (created, store.delete(&key).await.is_ok())
///         }
///     });
///     let created = block_on(schedule.run(actors, |waiting| Release::One(orders.choose(waiting.len()))));
///     assert!(created.contains(&(true, true)), "somebody was first: {:?}", orders.choices());
///     stories += 1;
/// }
/// // Two calls of two actors can be interleaved in six ways.
/// assert_eq!(stories, 6);
/// ```
#[derive(Clone)]
pub struct Schedule(Arc<Mutex<State>>);

struct State {
    moments: Vec<Moment>,
    actors: Vec<Actor>,
    parked: Vec<Parked>,
    /// Who directs the actors and waits until all of them wait.
    director: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    Playing,
    Finished,
}

struct Parked {
    waiting: Waiting,
    release: oneshot::Sender<()>,
}

/// A call that waits to be let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Whose call it is: the actor's place among those that were given to [`Schedule::run`], from zero.
    pub actor: usize,
    /// Which verb it is.
    pub operation: Operation,
    /// Whether it waits for the store to be asked or for the store's answer to come back.
    pub moment: Moment,
}

/// Who goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The call at this place among those that wait; one beyond the end means the last.
    One(usize),
    /// All that wait, at once: their order is left to the store, as its own locks decide it.
    All,
}

/// The store as one actor sees it: made by [`Schedule::store`].
///
/// Its calls wait only while [`Schedule::run`] drives the actor; before and afterwards they pass.
#[derive(Clone, Debug)]
pub struct ScheduledStore {
    inner: Arc<dyn Store>,
    schedule: Schedule,
    actor: usize,
}

impl Schedule {
    /// Calls wait at these moments: [`Moment::Before`] they reach the store, [`Moment::After`] it has answered.
    ///
    /// Waiting before is enough to try every order in which the store can be asked. Waiting after as well also tries
    /// every order in which the answers arrive, and has many more stories to tell.
    pub fn new(moments: impl Into<Vec<Moment>>) -> Self {
        let moments = moments.into();
        Self(Arc::new(Mutex::new(State { moments, actors: Vec::new(), parked: Vec::new(), director: None })))
    }

    /// `store` as this actor is to use it. The actors' stores may be one or different ones, such as the nodes of a
    /// cluster.
    pub fn store(&self, actor: usize, store: impl Store) -> ScheduledStore {
        ScheduledStore { inner: Arc::new(store), schedule: self.clone(), actor }
    }

    /// Drives the actors to their end and returns what they returned. Whenever all of them wait, `choose` sees the
    /// calls that wait, in the order of the actors, and says which may go on.
    ///
    /// # Cancel safety
    /// Dropping the future drops the actors where they are.
    pub async fn run<F: Future>(
        &self,
        actors: impl IntoIterator<Item = F>,
        mut choose: impl FnMut(&[Waiting]) -> Release,
    ) -> Vec<F::Output> {
        let actors: Vec<F> = actors.into_iter().collect();
        self.lock().actors = vec![Actor::Playing; actors.len()];
        let actors = actors.into_iter().enumerate().map(|(number, actor)| async move {
            // Also when the actor is dropped half-way: nobody then waits for it.
            let _finished = Finish(self, number);
            actor.await
        });
        let direct = async {
            while let Some(waiting) = self.all_wait().await {
                self.release(choose(&waiting));
            }
        };
        join(join_all(actors), direct).await.0
    }

    /// Waits until every actor waits or has finished. `None` when all have finished.
    async fn all_wait(&self) -> Option<Vec<Waiting>> {
        poll_fn(|context| {
            let mut state = self.lock();
            // A call that was dropped waits no longer; its actor goes on with something else.
            state.parked.retain(|parked| !parked.release.is_canceled());
            let waits = |number| state.parked.iter().any(|parked| parked.waiting.actor == number);
            let mut actors = state.actors.iter().enumerate();
            if actors.any(|(number, actor)| *actor == Actor::Playing && !waits(number)) {
                state.director = Some(context.waker().clone());
                return Poll::Pending;
            }
            // They came in the order in which a database happened to answer.
            state.parked.sort_by_key(|parked| parked.waiting.actor);
            let waiting: Vec<_> = state.parked.iter().map(|parked| parked.waiting).collect();
            Poll::Ready((!waiting.is_empty()).then_some(waiting))
        })
        .await
    }

    fn release(&self, release: Release) {
        let mut state = self.lock();
        let last = state.parked.len().saturating_sub(1);
        let released = match release {
            Release::One(index) => index.min(last)..=index.min(last),
            Release::All => 0..=last,
        };
        let released: Vec<_> = state.parked.drain(released).collect();
        drop(state);
        for parked in released {
            // A caller that went away meanwhile needs no signal.
            let _ = parked.release.send(());
        }
    }

    async fn pass(&self, waiting: Waiting) {
        let Some(released) = self.park(waiting) else { return };
        // A sender that was dropped instead of used lets the call go as well.
        let _ = released.await;
    }

    fn park(&self, waiting: Waiting) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        let playing = state.actors.get(waiting.actor) == Some(&Actor::Playing);
        if !playing || !state.moments.contains(&waiting.moment) {
            return None;
        }
        let (release, released) = oneshot::channel();
        state.parked.push(Parked { waiting, release });
        state.tell_director();
        Some(released)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell_director(&mut self) {
        if let Some(director) = self.director.take() {
            director.wake();
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        formatter
            .debug_struct("Schedule")
            .field("moments", &state.moments)
            .field("actors", &state.actors)
            .field("parked", &state.parked.len())
            .finish_non_exhaustive()
    }
}

impl ScheduledStore {
    fn around<'a, T: Send + 'a>(
        &'a self,
        operation: Operation,
        _key: Option<&StoreKey>,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let waiting = move |moment| Waiting { actor: self.actor, operation, moment };
        Box::pin(async move {
            self.schedule.pass(waiting(Moment::Before)).await;
            let answer = call().await;
            self.schedule.pass(waiting(Moment::After)).await;
            answer
        })
    }
}

decorate!(ScheduledStore);

/// Notes that an actor has finished, however that came about.
struct Finish<'a>(&'a Schedule, usize);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let Some(actor) = state.actors.get_mut(self.1) {
            *actor = Actor::Finished;
        }
        state.tell_director();
    }
}

/// Every sequence of choices that a story offers, depth first: begin a story, make its choices, begin the next.
///
/// A story must offer the same choices whenever the same choices were made before.
///
/// ```
/// use cloakroom_conformance::Orders;
///
/// let mut orders = Orders::new();
/// let mut seen = Vec::new();
/// while orders.begin() {
///     let first = orders.choose(2);
///     // Only one of the ways forks again.
///     let second = if first == 0 { orders.choose(2) } else { 0 };
///     seen.push((first, second));
/// }
/// assert_eq!(seen, [(0, 0), (0, 1), (1, 0)]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Orders {
    choices: Vec<Choice>,
    /// How many choices the present story has made.
    made: usize,
    begun: Begun,
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    taken: usize,
    of: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Begun {
    #[default]
    Never,
    Before,
}

impl Orders {
    /// Nothing was chosen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the next story; false when every one has been told.
    pub fn begin(&mut self) -> bool {
        if std::mem::replace(&mut self.begun, Begun::Before) == Begun::Never {
            return true;
        }
        self.choices.truncate(self.made);
        self.made = 0;
        while let Some(last) = self.choices.pop() {
            if last.taken + 1 < last.of {
                self.choices.push(Choice { taken: last.taken + 1, ..last });
                return true;
            }
        }
        false
    }

    /// Makes the next choice of the present story: a number below `of`, or zero when there is nothing to choose.
    pub fn choose(&mut self, of: usize) -> usize {
        if self.made == self.choices.len() {
            self.choices.push(Choice { taken: 0, of });
        }
        let taken = self.choices.get(self.made).map_or(0, |choice| choice.taken);
        self.made += 1;
        taken
    }

    /// The choices of the present story so far, to show what led to a failure.
    pub fn choices(&self) -> Vec<usize> {
        self.choices.iter().take(self.made).map(|choice| choice.taken).collect()
    }
}
