//! Places for what runs at the same time, in turns between clients: whoever asks a hundred times waits behind himself,
//! and others beside him.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Of a client that is told apart, so many wait at most.
const MOST_WAITING: usize = 64;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// Those who are not told apart: they may have all places.
    Anybody,
    /// Whoever is behind this address.
    Address(IpAddr),
}

/// Places; cheap to clone.
#[derive(Debug, Clone)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_per_client: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    n_free: usize,
    /// Those who have a place or wait for one.
    clients: HashMap<Client, Queue>,
    /// Those who wait, each once, the next one first.
    turns: VecDeque<Client>,
}

#[derive(Debug, Default)]
struct Queue {
    n_held: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// One of the [`Places`], until dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    client: Client,
}

/// Too many of the client's wait already.
#[derive(Debug, PartialEq, Eq)]
pub struct Crowded;

impl Places {
    /// `n` places, of which one client may have `max_per_client`.
    #[must_use]
    pub fn new(n: usize, max_per_client: usize) -> Self {
        Self(Arc::new(Shared {
            max_per_client,
            state: Mutex::new(State {
                n_free: n,
                clients: HashMap::new(),
                turns: VecDeque::new(),
            }),
        }))
    }

    /// Waits for a place, behind what the client waits for already. Whoever waits no longer drops the future.
    ///
    /// # Errors
    /// [`Crowded`] if that is too much, at once.
    pub fn ask(&self, client: Client) -> Result<impl Future<Output = Place> + use<>, Crowded> {
        let receiver = {
            let mut state = self.lock();
            let waiting = &mut state.clients.entry(client).or_default().waiting;
            if client != Client::Anybody && waiting.len() >= MOST_WAITING {
                waiting.retain(|one| !one.is_closed());
                if waiting.len() >= MOST_WAITING {
                    return Err(Crowded);
                }
            }
            let (sender, receiver) = oneshot::channel();
            waiting.push_back(sender);
            state.take_turns(client);
            receiver
        };
        self.grant();
        Ok(given(receiver))
    }

    /// Waits for a place once more, before what the client waits for already: what has begun is to end.
    pub(super) fn ask_again(&self, client: Client) -> impl Future<Output = Place> + use<> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.lock();
            let queue = state.clients.entry(client).or_default();
            queue.waiting.push_front(sender);
            state.take_turns(client);
        }
        self.grant();
        given(receiver)
    }

    /// Whether the client has as many places as it may have.
    #[must_use]
    pub fn has_all_of_its(&self, client: Client) -> bool {
        let state = self.lock();
        let n_held = state.clients.get(&client).map_or(0, |queue| queue.n_held);
        n_held >= self.most(client)
    }

    fn most(&self, client: Client) -> usize {
        match client {
            Client::Anybody => usize::MAX,
            Client::Address(_) => self.0.max_per_client,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free places to those who wait.
    fn grant(&self) {
        loop {
            let next = self.lock().next(|client| self.most(client));
            let Some((client, waiting)) = next else {
                return;
            };
            // One that has just ceased to wait gives it back, and that goes on from here.
            drop(waiting.send(Place {
                places: self.clone(),
                client,
            }));
        }
    }

    #[cfg(test)]
    pub(crate) fn n_free(&self) -> usize {
        self.lock().n_free
    }
}

async fn given(receiver: oneshot::Receiver<Place>) -> Place {
    receiver.await.expect("who waits is not forgotten")
}

impl State {
    /// A client that waits has its turns.
    fn take_turns(&mut self, client: Client) {
        if !self.turns.contains(&client) {
            self.turns.push_back(client);
        }
    }

    /// Takes a free place for the next client who may have one more.
    fn next(&mut self, most: impl Fn(Client) -> usize) -> Option<(Client, oneshot::Sender<Place>)> {
        if self.n_free == 0 {
            return None;
        }
        for _ in 0..self.turns.len() {
            let client = self.turns.pop_front()?;
            let queue = self.clients.entry(client).or_default();
            while queue
                .waiting
                .front()
                .is_some_and(oneshot::Sender::is_closed)
            {
                queue.waiting.pop_front();
            }
            let may_have_more = queue.n_held < most(client);
            let next = match may_have_more {
                true => queue.waiting.pop_front(),
                false => None,
            };
            queue.n_held += usize::from(next.is_some());
            if !queue.waiting.is_empty() {
                self.turns.push_back(client);
            }
            self.forget_idle(client);
            if let Some(next) = next {
                self.n_free -= 1;
                return Some((client, next));
            }
        }
        None
    }

    fn forget_idle(&mut self, client: Client) {
        let is_idle = |queue: &Queue| queue.n_held == 0 && queue.waiting.is_empty();
        if self.clients.get(&client).is_some_and(is_idle) {
            self.clients.remove(&client);
        }
    }
}

impl Place {
    /// Gives the place back, and says where and for whom to ask for another.
    pub(super) fn give_back(self) -> (Places, Client) {
        (self.places.clone(), self.client)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut state = self.places.lock();
            state.n_free += 1;
            if let Some(queue) = state.clients.get_mut(&self.client) {
                queue.n_held -= 1;
            }
            state.forget_idle(self.client);
        }
        self.places.grant();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use proptest::prelude::*;
    use std::pin::Pin;

    type Wait = Pin<Box<dyn Future<Output = Place>>>;

    fn client(n: u8) -> Client {
        Client::Address(IpAddr::from([192, 0, 2, n]))
    }

    fn ask(places: &Places, client: Client) -> Wait {
        Box::pin(places.ask(client).unwrap())
    }

    fn now(wait: &mut Wait) -> Option<Place> {
        wait.now_or_never()
    }

    #[test]
    fn a_client_that_asks_often_waits_behind_others() {
        let places = Places::new(2, 2);
        let mut greedy: Vec<Wait> = (0..5).map(|_| ask(&places, client(1))).collect();
        let held: Vec<Place> = greedy[..2].iter_mut().filter_map(now).collect();
        assert_eq!((held.len(), places.n_free()), (2, 0));
        let mut modest = ask(&places, client(2));
        assert!(now(&mut modest).is_none());
        let mut held = held.into_iter();
        drop(held.next());
        // One of the greedy was the next; then it is the other's turn, whatever else the greedy one waits for.
        let third = now(&mut greedy[2]).expect("it waited first");
        drop(third);
        let modest = now(&mut modest).expect("its turn has come");
        assert!(now(&mut greedy[3]).is_none());
        drop(modest);
        assert!(now(&mut greedy[3]).is_some());
    }

    #[test]
    fn one_client_has_no_more_than_its_share() {
        let places = Places::new(3, 2);
        let mut waits: Vec<Wait> = (0..3).map(|_| ask(&places, client(1))).collect();
        let held: Vec<Place> = waits.iter_mut().filter_map(now).collect();
        assert_eq!((held.len(), places.n_free()), (2, 1));
        assert!(places.has_all_of_its(client(1)) && !places.has_all_of_its(client(2)));
        assert!(now(&mut ask(&places, client(2))).is_some());
        let mut anybody: Vec<Wait> = (0..2).map(|_| ask(&places, Client::Anybody)).collect();
        assert!(now(&mut anybody[0]).is_some());
        drop(held);
        assert!(now(&mut waits[2]).is_some());
    }

    #[test]
    fn who_waits_no_longer_is_passed_over() {
        let places = Places::new(1, 1);
        let held = now(&mut ask(&places, client(1))).unwrap();
        let left = ask(&places, client(2));
        let mut stays = ask(&places, client(3));
        drop(left);
        drop(held);
        assert!(now(&mut stays).is_some());
        drop(stays);
        assert_eq!(places.n_free(), 1);
        assert!(places.lock().clients.is_empty());
    }

    #[test]
    fn a_crowd_of_one_client_is_refused() {
        let places = Places::new(1, 1);
        let _held = now(&mut ask(&places, client(1))).unwrap();
        let mut waits: Vec<Wait> = (0..MOST_WAITING).map(|_| ask(&places, client(1))).collect();
        assert_eq!(places.ask(client(1)).err(), Some(Crowded));
        assert!(places.ask(client(2)).is_ok());
        waits.pop();
        assert!(places.ask(client(1)).is_ok(), "one has left");
    }

    proptest! {
        /// Whatever is asked, given back and left: never more places than there are, never more for one client than it may
        /// have, and none is lost.
        #[test]
        fn places_are_neither_lost_nor_made(
            n in 1..5_usize,
            most in 1..4_usize,
            steps in prop::collection::vec((0..3_u8, 0..4_u8, any::<prop::sample::Index>()), 0..60),
        ) {
            let places = Places::new(n, most);
            let mut waits: Vec<(Client, Wait)> = Vec::new();
            let mut held: Vec<Place> = Vec::new();
            for (step, who, index) in steps {
                match step {
                    0 => waits.push((client(who), ask(&places, client(who)))),
                    1 if !waits.is_empty() => drop(waits.remove(index.index(waits.len()))),
                    2 if !held.is_empty() => drop(held.remove(index.index(held.len()))),
                    _ => {}
                }
                waits.retain_mut(|(_, wait)| now(wait).map(|place| held.push(place)).is_none());
                prop_assert!(held.len() + places.n_free() == n);
                for who in 0..4 {
                    let n_held = held.iter().filter(|place| place.client == client(who)).count();
                    prop_assert!(n_held <= most);
                    let waits_in_vain = waits.iter().any(|(other, _)| *other == client(who))
                        && n_held < most && places.n_free() > 0;
                    prop_assert!(!waits_in_vain);
                }
            }
            drop((waits, held));
            prop_assert_eq!(places.n_free(), n);
            prop_assert!(places.lock().clients.is_empty());
        }
    }
}
