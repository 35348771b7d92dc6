//! A persistent pool of threads with a low cost of fork and join.
//!
//! Work is cut into numbered tasks by the caller; each thread begins with a share of its own, the
//! same of every job with as many tasks, so that it finds in its cache what it wrote before; a
//! thread that is done goes on with the shares of the others.
//! Which thread runs a task is not determined, so tasks must be cut by fixed sizes and write to
//! disjoint places: then the bits of a result do not depend on the number of threads.
//! Must not know: tensors, kernels, programs.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long an idle worker watches for work before it sleeps.
///
/// Waking a sleeping thread costs tens of microseconds; the gaps between the kernels of one
/// training step are shorter than this.
const SPIN: Duration = Duration::from_micros(60);

/// The job that is running: a closure behind a pointer and the number of its tasks.
#[derive(Clone, Copy)]
struct Job {
    data: *const (),
    call: unsafe fn(*const (), usize),
    tasks: usize,
}

/// Bits of `Shared::state`: low half counts workers inside the job, then one bit says that the
/// job may still be joined, and the rest numbers the jobs.
const ACTIVE_MASK: u64 = 0xffff;
const OPEN: u64 = 1 << 16;
const EPOCH_ONE: u64 = 1 << 17;

/// The next task of a share, in a line of its own.
#[repr(align(128))]
struct Share(AtomicUsize);

struct Shared {
    state: AtomicU64,
    /// The share of each thread, the caller's first.
    shares: Box<[Share]>,
    job: UnsafeCell<Job>,
    sleeping: AtomicUsize,
    stop: AtomicBool,
    busy: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is written only by the caller that holds `busy`, while no worker is inside
// (`state` closed and its count zero), and read only by workers that joined the open job.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer in `job` is used only while the closure's owner waits in `run`.
unsafe impl Send for Shared {}

/// A fixed set of threads that run the tasks of one job at a time.
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    wake: Vec<Thread>,
}

impl std::fmt::Debug for ThreadPool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ThreadPool").field("threads", &self.threads()).finish()
    }
}

impl Default for ThreadPool {
    /// A pool with one thread per core available to the process.
    fn default() -> Self {
        Self::new(thread::available_parallelism().map_or(1, usize::from))
    }
}

impl ThreadPool {
    /// A pool of `threads` threads, the caller of [`ThreadPool::run`] included (0 counts as 1).
    ///
    /// If the system refuses a thread, the pool works with those it got.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        unsafe fn nothing(_: *const (), _: usize) {}
        let job = Job { data: std::ptr::null(), call: nothing, tasks: 0 };
        let threads = threads.clamp(1, 1024);
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            shares: (0..threads).map(|_| Share(AtomicUsize::new(0))).collect(),
            job: UnsafeCell::new(job),
            sleeping: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let workers: Vec<JoinHandle<()>> = (1..threads)
            .map_while(|index| {
                let shared = Arc::clone(&shared);
                let name = format!("ibex-{index}");
                thread::Builder::new().name(name).spawn(move || work(&shared, index)).ok()
            })
            .collect();
        let wake = workers.iter().map(|worker| worker.thread().clone()).collect();
        Self { shared, workers, wake }
    }

    /// The number of threads that run tasks, the caller included.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `task(0)`, `task(1)`, …, `task(tasks - 1)`, each once, and returns when all are done.
    ///
    /// Runs inline when there is one task or one thread, and when the pool is busy already: so a
    /// task may itself call `run`. Allocates nothing.
    ///
    /// # Panics
    /// When a task panics: the first panic goes on in the caller after all threads have stopped.
    pub fn run<F: Fn(usize) + Sync>(&self, tasks: usize, task: F) {
        let alone = tasks <= 1 || self.workers.is_empty();
        if alone || self.shared.busy.swap(true, Ordering::Acquire) {
            (0..tasks).for_each(task);
            return;
        }
        unsafe fn call<F: Fn(usize)>(data: *const (), index: usize) {
            // SAFETY: `data` is the closure of the `run` that waits for this call.
            unsafe { (*data.cast::<F>())(index) }
        }
        let job = Job { data: std::ptr::from_ref(&task).cast(), call: call::<F>, tasks };
        let own = self.run_job(job);
        let theirs = self.shared.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.busy.store(false, Ordering::Release);
        if let Some(payload) = own.or(theirs) {
            resume_unwind(payload);
        }
    }

    fn run_job(&self, job: Job) -> Option<Box<dyn Any + Send>> {
        let shared = &*self.shared;
        // SAFETY: `busy` is held and the state is closed with no worker inside.
        unsafe { *shared.job.get() = job };
        for (index, share) in shared.shares.iter().enumerate() {
            share.0.store(shared.first_of(index, job.tasks), Ordering::Relaxed);
        }
        let epoch = (shared.state.load(Ordering::Relaxed) & !(EPOCH_ONE - 1)) + EPOCH_ONE;
        // Sequentially consistent, with the load of `sleeping` below: either the worker sees the
        // open job before it parks, or this thread sees that it sleeps.
        shared.state.store(epoch | OPEN, Ordering::SeqCst);
        if shared.sleeping.load(Ordering::SeqCst) > 0 {
            self.wake.iter().take(job.tasks - 1).for_each(Thread::unpark);
        }
        let own = claim(shared, 0, job);
        shared.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut spins = 0_u32;
        while shared.state.load(Ordering::Acquire) & ACTIVE_MASK != 0 {
            spins += 1;
            if spins.is_multiple_of(4096) {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        own
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches every panic of a task, so there is nothing to hear from it.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// The first task of a share; the end of the one before it.
    fn first_of(&self, share: usize, tasks: usize) -> usize {
        let count = self.shares.len();
        (tasks / count) * share + (tasks % count).min(share)
    }
}

/// Runs tasks of `job`, those of the thread's own share first, until none is left, or until one
/// panics.
fn claim(shared: &Shared, own: usize, job: Job) -> Option<Box<dyn Any + Send>> {
    let count = shared.shares.len();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        for share in (own..count).chain(0..own) {
            let end = shared.first_of(share + 1, job.tasks);
            let next = &shared.shares[share].0;
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= end {
                    break;
                }
                // SAFETY: the closure outlives the job: its owner waits until no worker is inside.
                unsafe { (job.call)(job.data, index) };
            }
        }
    }));
    // A task that has panicked ends the job: nobody finds another.
    let close = |share: &Share| share.0.store(job.tasks, Ordering::Relaxed);
    outcome.err().inspect(|_| shared.shares.iter().for_each(close))
}

/// The life of a worker: watch, join, claim, leave; sleep when nothing came for a while.
fn work(shared: &Shared, own: usize) {
    crate::scratch::reserve();
    let mut seen = 0;
    let mut idle_since = Instant::now();
    let mut spins = 0_u32;
    while !shared.stop.load(Ordering::Relaxed) {
        let state = shared.state.load(Ordering::Acquire);
        if state & OPEN != 0 && state / EPOCH_ONE != seen {
            if join(shared, state) {
                seen = state / EPOCH_ONE;
                // SAFETY: this worker is counted inside the open job, so nobody writes it.
                let job = unsafe { *shared.job.get() };
                if let Some(payload) = claim(shared, own, job) {
                    let mut slot = shared.panic.lock().unwrap_or_else(PoisonError::into_inner);
                    slot.get_or_insert(payload);
                }
                shared.state.fetch_sub(1, Ordering::AcqRel);
                idle_since = Instant::now();
            }
            continue;
        }
        spins = spins.wrapping_add(1);
        if spins.is_multiple_of(64) && idle_since.elapsed() > SPIN {
            sleep(shared, seen);
            idle_since = Instant::now();
        }
        std::hint::spin_loop();
    }
}

fn join(shared: &Shared, state: u64) -> bool {
    shared.state.compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

fn sleep(shared: &Shared, seen: u64) {
    shared.sleeping.fetch_add(1, Ordering::SeqCst);
    let state = shared.state.load(Ordering::SeqCst);
    let work = state & OPEN != 0 && state / EPOCH_ONE != seen;
    if !work && !shared.stop.load(Ordering::SeqCst) {
        thread::park();
    }
    shared.sleeping.fetch_sub(1, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_at_any_number_of_threads() {
        for threads in [0, 1, 2, 3, 5] {
            let pool = ThreadPool::new(threads);
            for tasks in [0, 1, 2, 7, 1000] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(tasks, |index| {
                    counts[index].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn many_short_jobs_with_pauses_lose_nothing() {
        let pool = ThreadPool::new(3);
        let total = AtomicUsize::new(0);
        for round in 0..2000 {
            pool.run(4, |_| {
                total.fetch_add(1, Ordering::Relaxed);
            });
            if round % 500 == 0 {
                thread::sleep(SPIN * 3);
            }
        }
        assert_eq!(total.load(Ordering::Relaxed), 8000);
    }

    #[test]
    fn a_task_may_run_tasks() {
        let pool = ThreadPool::new(2);
        let total = AtomicUsize::new(0);
        pool.run(4, |_| {
            pool.run(5, |_| {
                total.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(total.load(Ordering::Relaxed), 20);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = ThreadPool::new(2);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.run(16, |index| assert!(index != 5, "task five"));
        }));
        assert!(caught.is_err());
        let total = AtomicUsize::new(0);
        pool.run(8, |_| {
            total.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(total.load(Ordering::Relaxed), 8);
    }
}
