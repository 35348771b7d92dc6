//! [`Dataset`]: what can be passed over again and again, one item after the other.
//!
//! A pass is an iterator that owns what it needs, so that it can move to another thread; which
//! items it gives, and in which order, follows from the [`Pass`] alone, never from the number of
//! workers. Items are anything until [`Samples`] come out at the end, which training takes.
//! It must not know models.

use std::fmt;
use std::sync::Arc;

use super::adapters::{Cache, Map, Prefetch, Repeat, Shuffle, Skip, SkipBroken, Take};
use super::batch::Batch;
use super::{Samples, epoch_order};
use crate::error::Result;

/// The items of one pass.
pub type Stream<T> = Box<dyn Iterator<Item = Result<T>> + Send>;

/// Which pass over a dataset: everything that its order and its random numbers follow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// The seed of the training.
    pub seed: u64,
    /// The number of the epoch, from 0.
    pub epoch: u64,
}

/// Where an item stands: in which pass, and as which of its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The pass.
    pub pass: Pass,
    /// The number of the item in the pass, from 0.
    pub index: u64,
}

impl Place {
    /// The random numbers that belong to this item and no other; `stream` keeps apart what draws
    /// for different purposes.
    pub fn draw(&self, stream: u32) -> ibex_graph::rng::Draw {
        let seed = self.pass.seed ^ (self.pass.epoch.wrapping_add(1) << 32).rotate_left(17);
        ibex_graph::rng::Draw::new(seed, self.index, stream)
    }
}

/// A source of items that can be passed over again and again: arrays, files, or a stream.
///
/// ```
/// use ibex_train::data::{Dataset, Items, Pass};
///
/// let squares = Items::new(vec![1, 2, 3, 4]).map(|n| Ok(n * n)).workers(2).take(3);
/// let items: ibex_train::Result<Vec<i32>> = squares.pass(Pass::default()).collect();
/// assert_eq!(items?, [1, 4, 9]);
/// # Ok::<(), ibex_train::Error>(())
/// ```
pub trait Dataset: Send + Sync {
    /// What comes out.
    type Item: Send + 'static;

    /// The number of items of a pass, if it is known; endless datasets do not know one.
    fn count(&self) -> Option<usize>;

    /// The items of a pass, in the order that follows from it.
    fn pass(&self, pass: Pass) -> Stream<Self::Item>;

    /// Whether every pass gives other items or another order; so that nobody keeps the first.
    fn is_shuffled(&self) -> bool {
        false
    }

    /// The items in another order in each pass, all of them held at the same time.
    ///
    /// Shuffle what is small, such as the paths of files, before what is large is made of it.
    fn shuffle(self) -> Shuffle<Self>
    where
        Self: Sized,
    {
        Shuffle::new(self, None)
    }

    /// The items in another order in each pass, while only `buffer` are held at the same time.
    fn shuffle_within(self, buffer: usize) -> Shuffle<Self>
    where
        Self: Sized,
    {
        Shuffle::new(self, Some(buffer.max(1)))
    }

    /// What `function` makes of each item; see [`Map::workers`].
    fn map<U, F>(self, function: F) -> Map<Self, U>
    where
        Self: Sized,
        U: Send + 'static,
        F: Fn(Self::Item) -> Result<U> + Send + Sync + 'static,
    {
        Map::new(self, Arc::new(move |item, _| function(item)))
    }

    /// As [`Dataset::map`], for a function that draws random numbers: they follow from the place.
    fn map_at<U, F>(self, function: F) -> Map<Self, U>
    where
        Self: Sized,
        U: Send + 'static,
        F: Fn(Self::Item, Place) -> Result<U> + Send + Sync + 'static,
    {
        Map::new(self, Arc::new(function))
    }

    /// Keeps the items of the first whole pass in memory, and gives them again in later ones.
    fn cache(self) -> Cache<Self>
    where
        Self: Sized,
        Self::Item: Clone + Sync,
    {
        Cache::new(self)
    }

    /// Makes up to `ahead` items on another thread while the last one is being used.
    fn prefetch(self, ahead: usize) -> Prefetch<Self>
    where
        Self: Sized,
    {
        Prefetch::new(self, ahead)
    }

    /// The first `count` items.
    fn take(self, count: usize) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, count)
    }

    /// All but the first `count` items.
    fn skip(self, count: usize) -> Skip<Self>
    where
        Self: Sized,
    {
        Skip::new(self, count)
    }

    /// The passes of this many epochs as one; without end for `None`.
    fn repeat(self, times: Option<usize>) -> Repeat<Self>
    where
        Self: Sized + 'static,
    {
        Repeat::new(self, times)
    }

    /// Leaves out items that fail, and keeps the reasons; see [`SkipBroken::broken`].
    fn skip_broken(self) -> SkipBroken<Self>
    where
        Self: Sized,
    {
        SkipBroken::new(self)
    }

    /// Batches of `size` samples; the last one may have fewer.
    fn batch(self, size: usize) -> Batch<Self>
    where
        Self: Sized + Dataset<Item = Samples>,
    {
        Batch::new(self, size)
    }
}

macro_rules! by_reference {
    ($($holder:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $holder {
            type Item = D::Item;

            fn count(&self) -> Option<usize> {
                (**self).count()
            }

            fn pass(&self, pass: Pass) -> Stream<D::Item> {
                (**self).pass(pass)
            }

            fn is_shuffled(&self) -> bool {
                (**self).is_shuffled()
            }
        }
    )*};
}

by_reference!(&D, Box<D>, Arc<D>);

/// Items that are in memory, such as the paths of files.
#[derive(Clone, Debug)]
pub struct Items<T>(Arc<Vec<T>>);

impl<T> Items<T> {
    /// These items, in this order.
    pub fn new(items: Vec<T>) -> Items<T> {
        Items(Arc::new(items))
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: Clone + Send + Sync + 'static> Dataset for Items<T> {
    type Item = T;

    fn count(&self) -> Option<usize> {
        Some(self.0.len())
    }

    fn pass(&self, _: Pass) -> Stream<T> {
        let items = self.0.clone();
        Box::new((0..items.len()).map(move |i| Ok(items[i].clone())))
    }
}

/// A stream that a function opens anew for each pass: a socket, a generator, a file too large.
pub struct Streamed<T> {
    open: Arc<dyn Fn(Pass) -> Stream<T> + Send + Sync>,
    count: Option<usize>,
}

impl<T> Streamed<T> {
    /// The stream that `open` gives for each pass.
    pub fn new<I>(open: impl Fn(Pass) -> I + Send + Sync + 'static) -> Streamed<T>
    where
        I: Iterator<Item = Result<T>> + Send + 'static,
    {
        Streamed { open: Arc::new(move |pass| Box::new(open(pass))), count: None }
    }

    /// Says how many items a pass has.
    pub fn of_count(mut self, count: usize) -> Streamed<T> {
        self.count = Some(count);
        self
    }
}

impl<T> Clone for Streamed<T> {
    fn clone(&self) -> Streamed<T> {
        Streamed { open: self.open.clone(), count: self.count }
    }
}

impl<T> fmt::Debug for Streamed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("count", &self.count).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Dataset for Streamed<T> {
    type Item = T;

    fn count(&self) -> Option<usize> {
        self.count
    }

    fn pass(&self, pass: Pass) -> Stream<T> {
        (self.open)(pass)
    }
}

/// Batches that are gathered from arrays, in the order in which `fit` takes them from arrays.
#[derive(Clone, Debug)]
pub struct ArrayBatches {
    samples: Arc<Samples>,
    size: usize,
    shuffle: bool,
}

impl Samples {
    /// Batches of these samples, shuffled in each pass as [`Fit::shuffle`](crate::Fit::shuffle)
    /// does.
    ///
    /// # Errors
    /// As [`Samples::check`].
    pub fn batches(self, size: usize, shuffle: bool) -> Result<ArrayBatches> {
        self.check()?;
        Ok(ArrayBatches { samples: Arc::new(self), size: size.max(1), shuffle })
    }
}

impl Dataset for ArrayBatches {
    type Item = Samples;

    fn count(&self) -> Option<usize> {
        Some(self.samples.count().div_ceil(self.size))
    }

    fn pass(&self, pass: Pass) -> Stream<Samples> {
        let shuffle = self.shuffle.then_some((pass.seed, pass.epoch as usize));
        let order = epoch_order(self.samples.count(), shuffle);
        let (samples, size) = (self.samples.clone(), self.size);
        let batches = order.len().div_ceil(size);
        Box::new((0..batches).map(move |i| {
            let end = order.len().min((i + 1) * size);
            Ok(samples.at(&order[i * size..end]))
        }))
    }

    fn is_shuffled(&self) -> bool {
        self.shuffle
    }
}
