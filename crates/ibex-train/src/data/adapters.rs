//! What datasets are made of other datasets with; each is a method of [`Dataset`].
//!
//! An item that fails is an item like others: what comes after it is still given.
//! An adapter must give the same items whatever the number of threads.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::dataset::{Dataset, Pass, Place, Stream};
use super::epoch_order;
use super::workers::{ahead, in_parallel};
use crate::error::Result;

/// Adapters show what they are, and not what is in them.
macro_rules! opaque {
    ($($name:ident),*) => {$(
        impl<D: Dataset> fmt::Debug for $name<D> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque! { Shuffle, Cache, Prefetch, Take, Skip, Repeat, SkipBroken }

/// See [`Dataset::shuffle`].
#[derive(Clone)]
pub struct Shuffle<D> {
    source: D,
    buffer: Option<usize>,
    seed: Option<u64>,
}

impl<D: Dataset> Shuffle<D> {
    pub(super) fn new(source: D, buffer: Option<usize>) -> Shuffle<D> {
        Shuffle { source, buffer, seed: None }
    }

    /// Shuffles by this seed instead of that of the training.
    pub fn seed(mut self, seed: u64) -> Shuffle<D> {
        self.seed = Some(seed);
        self
    }
}

impl<D: Dataset> Dataset for Shuffle<D> {
    type Item = D::Item;

    fn count(&self) -> Option<usize> {
        self.source.count()
    }

    fn pass(&self, pass: Pass) -> Stream<D::Item> {
        let source = self.source.pass(pass);
        let pass = Pass { seed: self.seed.unwrap_or(pass.seed), ..pass };
        match self.buffer {
            Some(size) => Box::new(Window { source, held: Vec::new(), size, pass, drawn: 0 }),
            None => Box::new(Whole { source: Some(source), shuffled: Vec::new(), pass }),
        }
    }

    fn is_shuffled(&self) -> bool {
        true
    }
}

/// All items of a pass in another order, read when the first one is asked for.
struct Whole<T> {
    source: Option<Stream<T>>,
    /// Last to first.
    shuffled: Vec<Result<T>>,
    pass: Pass,
}

impl<T> Iterator for Whole<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if let Some(source) = self.source.take() {
            let mut items: Vec<Option<Result<T>>> = source.map(Some).collect();
            let order = epoch_order(items.len(), Some((self.pass.seed, self.pass.epoch as usize)));
            let places = order.iter().rev();
            self.shuffled = places.filter_map(|&i| items[i as usize].take()).collect();
        }
        self.shuffled.pop()
    }
}

/// A buffer from which one item after the other is drawn and replaced by the next one.
struct Window<T> {
    source: Stream<T>,
    held: Vec<Result<T>>,
    size: usize,
    pass: Pass,
    drawn: u64,
}

impl<T> Iterator for Window<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        while self.held.len() < self.size {
            let Some(item) = self.source.next() else { break };
            self.held.push(item);
        }
        if self.held.is_empty() {
            return None;
        }
        let draw = Place { pass: self.pass, index: self.drawn }.draw(u32::MAX);
        self.drawn += 1;
        let [a, b, ..] = draw.block(0);
        let bits = (u128::from(a) << 32 | u128::from(b)) * self.held.len() as u128;
        Some(self.held.swap_remove((bits >> 64) as usize))
    }
}

/// A function of an item and its place.
pub(super) type Function<T, U> = Arc<dyn Fn(T, Place) -> Result<U> + Send + Sync>;

/// See [`Dataset::map`].
pub struct Map<D: Dataset, U> {
    source: D,
    function: Function<D::Item, U>,
    workers: usize,
}

impl<D: Dataset, U> Map<D, U> {
    pub(super) fn new(source: D, function: Function<D::Item, U>) -> Map<D, U> {
        Map { source, function, workers: 0 }
    }

    /// Calls the function on this many threads; the items keep their order. 0 calls it where the
    /// items are asked for.
    pub fn workers(mut self, workers: usize) -> Map<D, U> {
        self.workers = workers;
        self
    }
}

impl<D: Dataset + Clone, U> Clone for Map<D, U> {
    fn clone(&self) -> Map<D, U> {
        Map { source: self.source.clone(), function: self.function.clone(), workers: self.workers }
    }
}

impl<D: Dataset, U> fmt::Debug for Map<D, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("workers", &self.workers).finish_non_exhaustive()
    }
}

impl<D: Dataset, U: Send + 'static> Dataset for Map<D, U> {
    type Item = U;

    fn count(&self) -> Option<usize> {
        self.source.count()
    }

    fn pass(&self, pass: Pass) -> Stream<U> {
        let function = self.function.clone();
        let call = move |index: u64, item: Result<D::Item>| {
            item.and_then(|item| function(item, Place { pass, index }))
        };
        let source = self.source.pass(pass);
        match self.workers {
            0 => Box::new((0u64..).zip(source).map(move |(index, item)| call(index, item))),
            workers => in_parallel(source, Arc::new(call), workers),
        }
    }

    fn is_shuffled(&self) -> bool {
        self.source.is_shuffled()
    }
}

/// See [`Dataset::cache`].
#[derive(Clone)]
pub struct Cache<D: Dataset> {
    source: D,
    kept: Arc<OnceLock<Vec<D::Item>>>,
}

impl<D: Dataset> Cache<D> {
    pub(super) fn new(source: D) -> Cache<D> {
        Cache { source, kept: Arc::default() }
    }
}

impl<D: Dataset> Dataset for Cache<D>
where
    D::Item: Clone + Sync,
{
    type Item = D::Item;

    fn count(&self) -> Option<usize> {
        self.kept.get().map(Vec::len).or_else(|| self.source.count())
    }

    fn pass(&self, pass: Pass) -> Stream<D::Item> {
        let kept = self.kept.clone();
        if let Some(count) = kept.get().map(Vec::len) {
            return Box::new((0..count).filter_map(move |i| Some(Ok(kept.get()?[i].clone()))));
        }
        // Only a pass that came to its end without a failure is worth keeping.
        let (mut source, mut items) = (self.source.pass(pass), Some(Vec::new()));
        Box::new(std::iter::from_fn(move || match source.next() {
            Some(Ok(item)) => {
                items.iter_mut().for_each(|items| items.push(item.clone()));
                Some(Ok(item))
            }
            Some(Err(error)) => {
                items = None;
                Some(Err(error))
            }
            None => {
                if let Some(items) = items.take() {
                    // Another pass may have been faster; its items are the same.
                    let _ = kept.set(items);
                }
                None
            }
        }))
    }
}

/// See [`Dataset::prefetch`].
#[derive(Clone)]
pub struct Prefetch<D> {
    source: D,
    ahead: usize,
}

impl<D: Dataset> Prefetch<D> {
    pub(super) fn new(source: D, ahead: usize) -> Prefetch<D> {
        Prefetch { source, ahead }
    }
}

impl<D: Dataset> Dataset for Prefetch<D> {
    type Item = D::Item;

    fn count(&self) -> Option<usize> {
        self.source.count()
    }

    fn pass(&self, pass: Pass) -> Stream<D::Item> {
        ahead(self.source.pass(pass), self.ahead)
    }

    fn is_shuffled(&self) -> bool {
        self.source.is_shuffled()
    }
}

/// See [`Dataset::take`].
#[derive(Clone)]
pub struct Take<D> {
    source: D,
    most: usize,
}

impl<D: Dataset> Take<D> {
    pub(super) fn new(source: D, most: usize) -> Take<D> {
        Take { source, most }
    }
}

impl<D: Dataset> Dataset for Take<D> {
    type Item = D::Item;

    fn count(&self) -> Option<usize> {
        self.source.count().map(|count| count.min(self.most))
    }

    fn pass(&self, pass: Pass) -> Stream<D::Item> {
        Box::new(self.source.pass(pass).take(self.most))
    }

    fn is_shuffled(&self) -> bool {
        self.source.is_shuffled()
    }
}

/// See [`Dataset::skip`].
#[derive(Clone)]
pub struct Skip<D> {
    source: D,
    first: usize,
}

impl<D: Dataset> Skip<D> {
    pub(super) fn new(source: D, first: usize) -> Skip<D> {
        Skip { source, first }
    }
}

impl<D: Dataset> Dataset for Skip<D> {
    type Item = D::Item;

    fn count(&self) -> Option<usize> {
        self.source.count().map(|count| count.saturating_sub(self.first))
    }

    fn pass(&self, pass: Pass) -> Stream<D::Item> {
        Box::new(self.source.pass(pass).skip(self.first))
    }

    fn is_shuffled(&self) -> bool {
        self.source.is_shuffled()
    }
}

/// See [`Dataset::repeat`].
#[derive(Clone)]
pub struct Repeat<D> {
    source: Arc<D>,
    times: Option<usize>,
}

impl<D: Dataset> Repeat<D> {
    pub(super) fn new(source: D, times: Option<usize>) -> Repeat<D> {
        Repeat { source: Arc::new(source), times }
    }
}

impl<D: Dataset + 'static> Dataset for Repeat<D> {
    type Item = D::Item;

    fn count(&self) -> Option<usize> {
        self.source.count()?.checked_mul(self.times?)
    }

    fn pass(&self, pass: Pass) -> Stream<D::Item> {
        let (source, times) = (self.source.clone(), self.times.map(|times| times as u64));
        let first = pass.epoch.saturating_mul(times.unwrap_or(1));
        let mut next = 0;
        let passes = std::iter::from_fn(move || {
            let left = times.is_none_or(|times| next < times);
            let mut items = left.then(|| source.pass(Pass { epoch: first + next, ..pass }))?;
            next += 1;
            // A source without an item would be asked without end.
            let begin = items.next()?;
            Some(std::iter::once(begin).chain(items))
        });
        Box::new(passes.flatten())
    }

    fn is_shuffled(&self) -> bool {
        self.source.is_shuffled()
    }
}

/// See [`Dataset::skip_broken`].
#[derive(Clone)]
pub struct SkipBroken<D> {
    source: D,
    broken: Arc<Mutex<Vec<String>>>,
}

impl<D: Dataset> SkipBroken<D> {
    pub(super) fn new(source: D) -> SkipBroken<D> {
        SkipBroken { source, broken: Arc::default() }
    }

    /// Why items were left out so far: each reason once, in the order of their first occurrence.
    pub fn broken(&self) -> Vec<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<D: Dataset> Dataset for SkipBroken<D> {
    type Item = D::Item;

    fn count(&self) -> Option<usize> {
        self.source.count()
    }

    fn pass(&self, pass: Pass) -> Stream<D::Item> {
        let broken = self.broken.clone();
        Box::new(self.source.pass(pass).filter(move |item| {
            let Err(error) = item else { return true };
            let mut broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
            let text = error.to_string();
            if !broken.contains(&text) {
                broken.push(text);
            }
            false
        }))
    }

    fn is_shuffled(&self) -> bool {
        self.source.is_shuffled()
    }
}
