//! Work on many things at once, on all cores, with results in their order. Any stage may use it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many results for each worker may wait for an earlier one.
const AHEAD: usize = 4;

/// Does the same with each of some items, on all cores. The results are in the order of the items.
pub fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, work(item)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers(items.len()))
            .map(|_| scope.spawn(worker))
            .collect();
        let mut all = worker();
        for other in others {
            all.extend(other.join().expect("work does not panic"));
        }
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Does two things at once.
pub fn both<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (first.join().expect("work does not panic"), second)
    })
}

/// Does the same with each of some items, on all cores, and hands on each result as soon as those
/// before it are. Only a few results wait at any time, however many items there are.
///
/// # Errors
/// The first one of `take`; what was not begun by then is left.
pub fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let workers = workers(items.len());
    if workers < 2 {
        return items.iter().try_for_each(|item| take(work(item)));
    }
    let line = Line::new(items.len(), workers * AHEAD);
    let worker = || {
        let _close = Close {
            line: &line,
            only_in_panic: true,
        };
        while let Some(index) = line.claim() {
            line.put(index, work(&items[index]));
        }
    };
    std::thread::scope(|scope| {
        let _close = Close {
            line: &line,
            only_in_panic: false,
        };
        for _ in 0..workers {
            scope.spawn(worker);
        }
        while let Some(result) = line.next() {
            take(result)?;
        }
        Ok(())
    })
}

fn workers(items: usize) -> usize {
    // To count the cores takes several looks at files.
    if items < 2 {
        return items;
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(items)
}

/// Results that come in any order and leave in theirs.
struct Line<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    items: usize,
    ahead: usize,
}

struct State<R> {
    claimed: usize,
    taken: usize,
    waiting: BTreeMap<usize, R>,
    /// Whether nobody waits any more: for a result, or for a place.
    is_closed: bool,
}

impl<R> Line<R> {
    fn new(items: usize, ahead: usize) -> Self {
        Self {
            state: Mutex::new(State {
                claimed: 0,
                taken: 0,
                waiting: BTreeMap::new(),
                is_closed: false,
            }),
            changed: Condvar::new(),
            items,
            ahead,
        }
    }

    /// The next item to work on; waits while too many results do.
    fn claim(&self) -> Option<usize> {
        let mut state = self.wait_while(|state| {
            state.claimed < self.items && state.claimed >= state.taken + self.ahead
        });
        if state.is_closed || state.claimed == self.items {
            return None;
        }
        state.claimed += 1;
        Some(state.claimed - 1)
    }

    fn put(&self, index: usize, result: R) {
        self.lock().waiting.insert(index, result);
        self.changed.notify_all();
    }

    /// The next result; waits for it.
    fn next(&self) -> Option<R> {
        let mut state = self.wait_while(|state| {
            state.taken < self.items && !state.waiting.contains_key(&state.taken)
        });
        let next = state.taken;
        let result = state.waiting.remove(&next)?;
        state.taken += 1;
        drop(state);
        self.changed.notify_all();
        Some(result)
    }

    fn wait_while(&self, mut must_wait: impl FnMut(&State<R>) -> bool) -> MutexGuard<'_, State<R>> {
        let waits = |state: &mut State<R>| !state.is_closed && must_wait(state);
        self.changed
            .wait_while(self.lock(), waits)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the line when the consumer is done, or when a worker panics, so that nobody waits for
/// what never comes.
struct Close<'l, R> {
    line: &'l Line<R>,
    only_in_panic: bool,
}

impl<R> Drop for Close<'_, R> {
    fn drop(&mut self) {
        if !self.only_in_panic || std::thread::panicking() {
            self.line.lock().is_closed = true;
            self.line.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_few_wait() {
        let items: Vec<usize> = (0..500).collect();
        let begun = AtomicUsize::new(0);
        let mut taken = Vec::new();
        let work = |item: &usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            if item.is_multiple_of(7) {
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
            item * 2
        };
        let done = in_order(&items, work, |result| -> Result<(), ()> {
            taken.push(result);
            let ahead = begun.load(Ordering::SeqCst) - taken.len();
            assert!(ahead <= AHEAD * workers(500) + 1, "{ahead} results wait");
            Ok(())
        });
        assert_eq!(done, Ok(()));
        assert_eq!(taken, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(on_all_cores(&items, |n| n * 2), taken);
        assert_eq!(in_order(&[], |n: &u8| *n, |_| Err(())), Ok(()));
    }

    #[test]
    fn an_error_of_the_consumer_ends_it() {
        let items: Vec<usize> = (0..500).collect();
        let mut taken = 0;
        let done = in_order(
            &items,
            |n| *n,
            |n| {
                taken += 1;
                if n == 3 { Err("enough") } else { Ok(()) }
            },
        );
        assert_eq!((done, taken), (Err("enough"), 4));
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_of_a_worker_ends_it() {
        let items: Vec<usize> = (0..50).collect();
        let work = |n: &usize| assert_ne!(*n, 20, "no twenty");
        let _ = in_order(&items, work, |()| -> Result<(), ()> { Ok(()) });
    }
}
