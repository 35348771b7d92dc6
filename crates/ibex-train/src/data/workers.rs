//! Work beside the caller's thread: several workers whose results keep their order, and one
//! thread that works ahead.
//!
//! Dropping a stream ends its threads. A panic of a worker goes on in the caller.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::dataset::Stream;
use crate::error::Result;

/// Results that may wait for an earlier one, for each worker.
const WAITING: usize = 4;

/// What a worker made of an item: a result, or a panic.
type Caught<U> = std::result::Result<Result<U>, Box<dyn Any + Send>>;
/// What workers do with the item of this number.
pub(super) type Work<T, U> = Arc<dyn Fn(u64, Result<T>) -> Result<U> + Send + Sync>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a mutex here guards is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What workers take their items from.
struct Source<T> {
    stream: Option<Stream<T>>,
    next: u64,
}

/// Where results wait for their turn.
struct Results<U> {
    /// The number of the result at the front.
    first: u64,
    made: VecDeque<Option<Caught<U>>>,
    /// The number of items, once the source came to its end.
    count: Option<u64>,
    stopped: bool,
}

struct Shared<T, U> {
    source: Mutex<Source<T>>,
    results: Mutex<Results<U>>,
    changed: Condvar,
    room: u64,
}

/// The results of `work` on the items of a stream, in order, made by this many threads.
pub(super) fn in_parallel<T: Send + 'static, U: Send + 'static>(
    stream: Stream<T>,
    work: Work<T, U>,
    workers: usize,
) -> Stream<U> {
    let shared = Arc::new(Shared {
        source: Mutex::new(Source { stream: Some(stream), next: 0 }),
        results: Mutex::new(Results {
            first: 0,
            made: VecDeque::new(),
            count: None,
            stopped: false,
        }),
        changed: Condvar::new(),
        room: (workers * WAITING) as u64,
    });
    let spawn = |_| {
        let (shared, work) = (shared.clone(), work.clone());
        Builder::new().name("ibex-data".into()).spawn(move || shared.work(&work)).ok()
    };
    let threads: Vec<JoinHandle<()>> = (0..workers).filter_map(spawn).collect();
    if threads.is_empty() {
        // A system without threads: the caller does the work.
        let stream = lock(&shared.source).stream.take();
        let numbered = (0u64..).zip(stream.into_iter().flatten());
        return Box::new(numbered.map(move |(index, item)| work(index, item)));
    }
    Box::new(Ordered { shared, threads })
}

impl<T, U> Shared<T, U> {
    fn work(&self, work: &Work<T, U>) {
        while let Some((index, item)) = self.item() {
            let made = catch_unwind(AssertUnwindSafe(|| work(index, item)));
            let mut results = lock(&self.results);
            let place = (index - results.first) as usize;
            if let Some(slot) = results.made.get_mut(place) {
                *slot = Some(made);
            }
            self.changed.notify_all();
        }
    }

    /// The next item, once there is room for its result.
    fn item(&self) -> Option<(u64, Result<T>)> {
        let mut source = lock(&self.source);
        let index = source.next;
        let mut results = lock(&self.results);
        while index - results.first >= self.room && !results.stopped {
            results = self.changed.wait(results).unwrap_or_else(PoisonError::into_inner);
        }
        if results.stopped || results.count.is_some() {
            return None;
        }
        drop(results);
        let item = catch_unwind(AssertUnwindSafe(|| source.stream.as_mut()?.next()));
        let mut results = lock(&self.results);
        let failed = match item {
            Ok(Some(item)) => {
                source.next += 1;
                results.made.push_back(None);
                return Some((index, item));
            }
            Ok(None) => None,
            Err(panic) => Some(panic),
        };
        source.stream = None;
        results.count = Some(index + u64::from(failed.is_some()));
        results.made.extend(failed.map(|panic| Some(Err(panic))));
        self.changed.notify_all();
        None
    }
}

/// The results in the order of their items.
struct Ordered<T, U> {
    shared: Arc<Shared<T, U>>,
    threads: Vec<JoinHandle<()>>,
}

impl<T, U> Iterator for Ordered<T, U> {
    type Item = Result<U>;

    fn next(&mut self) -> Option<Result<U>> {
        let mut results = lock(&self.shared.results);
        loop {
            if results.count == Some(results.first) {
                return None;
            }
            if matches!(results.made.front(), Some(Some(_))) {
                break;
            }
            results = self.shared.changed.wait(results).unwrap_or_else(PoisonError::into_inner);
        }
        results.first += 1;
        let made = results.made.pop_front().flatten();
        drop(results);
        self.shared.changed.notify_all();
        match made? {
            Ok(result) => Some(result),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl<T, U> Drop for Ordered<T, U> {
    fn drop(&mut self) {
        lock(&self.shared.results).stopped = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Workers catch panics: there is nothing to learn here.
            let _ = thread.join();
        }
    }
}

/// The items of a stream, up to `count` of which are made on another thread in advance.
pub(crate) fn ahead<T: Send + 'static>(stream: Stream<T>, count: usize) -> Stream<T> {
    let (sender, receiver) = sync_channel::<Caught<T>>(count.saturating_sub(1));
    let stream = Arc::new(Mutex::new(Some(stream)));
    let taken = stream.clone();
    let produce = move || {
        let Some(mut stream) = lock(&taken).take() else { return };
        loop {
            let made = match catch_unwind(AssertUnwindSafe(|| stream.next())) {
                Ok(Some(item)) => Ok(item),
                Ok(None) => return,
                Err(panic) => Err(panic),
            };
            let is_last = made.is_err();
            if sender.send(made).is_err() || is_last {
                return;
            }
        }
    };
    match Builder::new().name("ibex-prefetch".into()).spawn(produce) {
        Ok(thread) => Box::new(Ahead { receiver: Some(receiver), thread: Some(thread) }),
        Err(_) => lock(&stream).take().unwrap_or_else(|| Box::new(std::iter::empty())),
    }
}

struct Ahead<T> {
    receiver: Option<Receiver<Caught<T>>>,
    thread: Option<JoinHandle<()>>,
}

impl<T> Iterator for Ahead<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        match self.receiver.as_ref()?.recv().ok()? {
            Ok(item) => Some(item),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        // Without a receiver the thread stops at its next item.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use ibex_nn::ConfigError;

    fn stream(count: u64) -> Stream<u64> {
        Box::new((0..count).map(Ok))
    }

    #[test]
    fn results_keep_the_order_of_their_items() {
        let work: Work<u64, u64> = Arc::new(|index, item| {
            let item = item?;
            assert_eq!(index, item);
            // The first of each dozen takes the longest.
            std::thread::sleep(std::time::Duration::from_micros(120 - item % 12 * 10));
            match item % 50 {
                49 => Err(Error::Data(ConfigError::new(format!("{item} is broken")))),
                _ => Ok(item * 2),
            }
        });
        let expected: Vec<String> = (0..200u64)
            .map(|i| if i % 50 == 49 { format!("{i} is broken") } else { (i * 2).to_string() })
            .collect();
        for workers in [1, 2, 3, 7] {
            let made = in_parallel(stream(200), work.clone(), workers);
            let text = |made: Result<u64>| match made {
                Ok(number) => number.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(made.map(text).collect::<Vec<_>>(), expected, "{workers} workers");
        }
    }

    #[test]
    fn an_abandoned_stream_ends_its_threads() {
        let endless: Stream<u64> = Box::new((0u64..).map(Ok));
        let mut made = in_parallel(endless, Arc::new(|_, item| item), 3);
        assert_eq!(made.next().map(|item| item.unwrap()), Some(0));
        drop(made);
        let endless: Stream<u64> = Box::new((0u64..).map(Ok));
        let mut made = ahead(endless, 2);
        assert_eq!(made.next().map(|item| item.unwrap()), Some(0));
    }

    #[test]
    fn a_panic_of_a_worker_reaches_the_caller() {
        let work: Work<u64, u64> = Arc::new(|_, item| {
            let item = item?;
            assert!(item < 3, "three");
            Ok(item)
        });
        let mut made = in_parallel(stream(9), work, 2);
        assert_eq!(made.by_ref().take(3).filter_map(Result::ok).sum::<u64>(), 3);
        assert!(catch_unwind(AssertUnwindSafe(|| made.next())).is_err());
        let broken: Stream<u64> = Box::new((0..3u64).map(|i| {
            assert!(i < 1, "one");
            Ok(i)
        }));
        let mut made = ahead(broken, 2);
        assert!(made.next().is_some());
        assert!(catch_unwind(AssertUnwindSafe(|| made.next())).is_err());
    }
}
