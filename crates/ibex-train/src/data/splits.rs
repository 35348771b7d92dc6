//! Splits: which samples to train on and which to keep apart, and folds of cross-validation.
//!
//! A split is made of places (indices of samples) and follows from its seed.
//! It must not know what the samples are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Builder;

use ibex_nn::ConfigError;

use super::epoch_order;
use crate::error::{Error, Result};

/// The places of the samples to train on, and of those to keep apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What to train on.
    pub train: Vec<u32>,
    /// What to keep apart.
    pub held: Vec<u32>,
}

/// The last part, as Keras's `validation_split` cuts it.
///
/// # Errors
/// If one of the parts would be empty.
pub fn tail(count: usize, fraction: f64) -> Result<Split> {
    let at = (count as f64 * (1.0 - fraction)).floor() as usize;
    let order: Vec<u32> = (0..count as u32).collect();
    let at = at.min(count);
    checked(Split { train: order[..at].to_vec(), held: order[at..].to_vec() }, fraction)
}

/// The last part, as Keras's `validation_split` cuts lists of files.
///
/// # Errors
/// If one of the parts would be empty.
pub fn tail_of_files(count: usize, fraction: f64) -> Result<Split> {
    let held = ((count as f64 * fraction).max(0.0) as usize).min(count);
    let order: Vec<u32> = (0..count as u32).collect();
    let (train, held) = order.split_at(count - held);
    checked(Split { train: train.to_vec(), held: held.to_vec() }, fraction)
}

/// A random part of this fraction.
///
/// # Errors
/// If one of the parts would be empty.
///
/// ```
/// let split = ibex_train::data::splits::random(10, 0.2, 1)?;
/// assert_eq!((split.train.len(), split.held.len()), (8, 2));
/// # Ok::<(), ibex_train::Error>(())
/// ```
pub fn random(count: usize, fraction: f64, seed: u64) -> Result<Split> {
    let order = epoch_order(count, Some((seed, 0)));
    let at = count - ((count as f64 * fraction).round() as usize).min(count);
    checked(Split { train: order[..at].to_vec(), held: order[at..].to_vec() }, fraction)
}

/// A random part of this fraction of every class.
///
/// # Errors
/// If one of the parts would be empty.
pub fn stratified(classes: &[u32], fraction: f64, seed: u64) -> Result<Split> {
    let mut split = Split::default();
    // What rounding takes from one class it gives to another.
    let mut owed = 0.0;
    for (class, places) in by_key(classes) {
        let order = epoch_order(places.len(), Some((seed, class as usize)));
        let exact = places.len() as f64 * fraction + owed;
        let held = (exact.round().max(0.0) as usize).min(places.len());
        owed = exact - held as f64;
        let at = places.len() - held;
        let shuffled = order.iter().map(|&i| places[i as usize]);
        let shuffled: Vec<u32> = shuffled.collect();
        split.train.extend(&shuffled[..at]);
        split.held.extend(&shuffled[at..]);
    }
    split.train.sort_unstable();
    split.held.sort_unstable();
    checked(split, fraction)
}

/// About this fraction, in whole groups: no group, such as the photos of one patient, is in both
/// parts.
///
/// # Errors
/// If one of the parts would be empty.
pub fn grouped(groups: &[u32], fraction: f64, seed: u64) -> Result<Split> {
    let groups: Vec<Vec<u32>> = by_key(groups).into_values().collect();
    let count: usize = groups.iter().map(Vec::len).sum();
    let wanted = (count as f64 * fraction).round() as usize;
    let mut split = Split::default();
    for &group in &epoch_order(groups.len(), Some((seed, 0))) {
        let places = &groups[group as usize];
        let part = match split.held.len() + places.len() <= wanted || split.held.is_empty() {
            true => &mut split.held,
            false => &mut split.train,
        };
        part.extend(places);
    }
    split.train.sort_unstable();
    split.held.sort_unstable();
    checked(split, fraction)
}

/// The latest part: nothing to train on is later than what is kept apart.
///
/// # Errors
/// If one of the parts would be empty, or a time is not a number.
pub fn by_time(times: &[f64], fraction: f64) -> Result<Split> {
    if let Some(place) = times.iter().position(|time| time.is_nan()) {
        return Err(Error::Data(
            ConfigError::new("a time is missing")
                .expected("a number for each sample")
                .received(format!("none for sample {place}")),
        ));
    }
    let mut order: Vec<u32> = (0..times.len() as u32).collect();
    order.sort_by(|&a, &b| times[a as usize].total_cmp(&times[b as usize]));
    let at = (times.len() as f64 * (1.0 - fraction)).floor() as usize;
    // Samples of one moment stay together, with what is kept apart.
    let moment = order.get(at).map(|&place| times[place as usize]);
    let at = order.iter().take(at).take_while(|&&p| Some(times[p as usize]) != moment).count();
    checked(Split { train: order[..at].to_vec(), held: order[at..].to_vec() }, fraction)
}

fn checked(split: Split, fraction: f64) -> Result<Split> {
    let count = split.train.len() + split.held.len();
    if !(0.0..1.0).contains(&fraction) || split.train.is_empty() || split.held.is_empty() {
        return Err(Error::Data(
            ConfigError::new("the split leaves one part empty")
                .expected("a fraction in (0, 1) that leaves samples on both sides")
                .received(format!("{fraction} of {count} samples")),
        ));
    }
    Ok(split)
}

fn by_key(keys: &[u32]) -> BTreeMap<u32, Vec<u32>> {
    let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (place, &key) in keys.iter().enumerate() {
        places.entry(key).or_default().push(place as u32);
    }
    places
}

/// Cross-validation: every sample is kept apart in one fold of each round.
///
/// ```
/// use ibex_train::data::splits::KFold;
///
/// let folds = KFold::new(3).rounds(2).seed(1).split(10, None)?;
/// assert_eq!(folds.len(), 6);
/// assert!(folds.iter().all(|fold| fold.train.len() + fold.held.len() == 10));
/// # Ok::<(), ibex_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KFold {
    folds: usize,
    rounds: usize,
    seed: u64,
    shuffle: bool,
}

impl KFold {
    /// So many folds, shuffled.
    pub fn new(folds: usize) -> KFold {
        KFold { folds, rounds: 1, seed: 0, shuffle: true }
    }

    /// Repeats the folds so many times, shuffled anew each time.
    pub fn rounds(mut self, rounds: usize) -> KFold {
        self.rounds = rounds.max(1);
        self
    }

    /// The seed of the orders.
    pub fn seed(mut self, seed: u64) -> KFold {
        self.seed = seed;
        self
    }

    /// Whether the samples are shuffled before they are dealt out.
    pub fn shuffle(mut self, shuffle: bool) -> KFold {
        self.shuffle = shuffle;
        self
    }

    /// The folds; with `classes`, each fold has its share of every class.
    ///
    /// # Errors
    /// If there are fewer than two folds, or fewer samples than folds.
    pub fn split(&self, count: usize, classes: Option<&[u32]>) -> Result<Vec<Split>> {
        if self.folds < 2 || count < self.folds {
            return Err(Error::Data(
                ConfigError::new("the samples cannot be dealt out to the folds")
                    .expected("at least 2 folds, and a sample for each")
                    .received(format!("{} folds, {count} samples", self.folds)),
            ));
        }
        let rounds = if self.shuffle { self.rounds } else { 1 };
        let mut all = Vec::with_capacity(rounds * self.folds);
        for round in 0..rounds {
            let shuffle = self.shuffle.then_some((self.seed, round));
            let mut order = epoch_order(count, shuffle);
            if let Some(classes) = classes {
                // Stable: the order within a class stays random.
                order.sort_by_key(|&place| classes.get(place as usize));
            }
            let fold_of = |i: usize| match classes {
                Some(_) => i % self.folds,
                None => i * self.folds / count,
            };
            for fold in 0..self.folds {
                let part = |held: bool| {
                    let mut places: Vec<u32> = (0..count)
                        .filter(|&i| (fold_of(i) == fold) == held)
                        .map(|i| order[i])
                        .collect();
                    places.sort_unstable();
                    places
                };
                all.push(Split { train: part(false), held: part(true) });
            }
        }
        Ok(all)
    }
}

/// Bytes of the stack of a thread that trains: as many as the first thread of a program has.
const STACK: usize = 8 << 20;

/// Does something with every fold, `jobs` of them at a time; the results in the order of the folds.
///
/// A model that is made, trained and measured within `run` gives the same bits whatever `jobs` is.
/// Each takes all cores unless its device says otherwise: share them out among the jobs.
///
/// # Errors
/// The error of the first fold that has one; folds that were not begun are left out then.
///
/// ```
/// use ibex_train::data::splits::{KFold, each};
///
/// let folds = KFold::new(3).split(10, None)?;
/// let held = each(&folds, 2, |_, fold| Ok::<_, ibex_train::Error>(fold.held.len()))?;
/// assert_eq!(held, [4, 3, 3]);
/// # Ok::<(), ibex_train::Error>(())
/// ```
pub fn each<T: Send, E: Send>(
    folds: &[Split],
    jobs: usize,
    run: impl Fn(usize, &Split) -> std::result::Result<T, E> + Sync,
) -> std::result::Result<Vec<T>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(fold) = folds.get(i) else { break };
            let result = run(i, fold);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            done.push((i, result));
        }
        done
    };
    let mut all = std::thread::scope(|scope| {
        let thread = || Builder::new().name("ibex-fold".into()).stack_size(STACK);
        // A system without threads: the caller does the work.
        let spawn = |_| thread().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..jobs.min(folds.len())).filter_map(spawn).collect();
        let mut all = work();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_folds_keep_their_order() {
        let folds = KFold::new(7).split(20, None).unwrap();
        let expected: Vec<u32> = folds.iter().map(|fold| fold.held[0]).collect();
        for jobs in [0, 1, 2, 3, 9] {
            let run = |i: usize, fold: &Split| {
                // Later folds are done first.
                std::thread::sleep(std::time::Duration::from_millis(7 - i as u64));
                Ok::<_, usize>(fold.held[0])
            };
            assert_eq!(each(&folds, jobs, run), Ok(expected.clone()));
            let run = |i: usize, _: &Split| if i == 2 || i == 4 { Err(i) } else { Ok(()) };
            assert_eq!(each(&folds, jobs, run), Err(2));
        }
    }

    fn whole(split: &Split, count: usize) {
        let mut all = [split.train.clone(), split.held.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..count as u32).collect::<Vec<_>>());
    }

    #[test]
    fn every_sample_is_in_one_part() {
        let classes: Vec<u32> = (0..50).map(|i| u32::from(i % 5 == 0)).collect();
        let groups: Vec<u32> = (0..50).map(|i| i / 7).collect();
        let times: Vec<f64> = (0..50).map(|i| f64::from((i * 13) % 50)).collect();
        for split in [
            tail(50, 0.2).unwrap(),
            random(50, 0.2, 3).unwrap(),
            stratified(&classes, 0.2, 3).unwrap(),
            grouped(&groups, 0.2, 3).unwrap(),
            by_time(&times, 0.2).unwrap(),
        ] {
            whole(&split, 50);
        }
        assert_ne!(random(50, 0.2, 3).unwrap(), random(50, 0.2, 4).unwrap());
        assert!(random(3, 0.01, 0).is_err() && random(3, 1.0, 0).is_err());
    }

    #[test]
    fn classes_groups_and_times_are_kept() {
        let classes: Vec<u32> = (0..60).map(|i| u32::from(i % 6 == 0)).collect();
        let split = stratified(&classes, 0.2, 1).unwrap();
        let ones = split.held.iter().filter(|&&i| classes[i as usize] == 1).count();
        assert_eq!((split.held.len(), ones), (12, 2));
        let groups: Vec<u32> = (0..60).map(|i| i % 9).collect();
        let split = grouped(&groups, 0.3, 1).unwrap();
        let group = |i: &u32| groups[*i as usize];
        let held: Vec<u32> = split.held.iter().map(group).collect();
        assert!(split.train.iter().all(|i| !held.contains(&group(i))));
        assert!((12..=20).contains(&split.held.len()), "{}", split.held.len());
        let times = [3.0, 1.0, 2.0, 2.0, 5.0];
        let split = by_time(&times, 0.5).unwrap();
        assert_eq!((split.train, split.held), (vec![1], vec![2, 3, 0, 4]));
        assert!(by_time(&[1.0, f64::NAN], 0.5).is_err());
    }

    #[test]
    fn folds_hold_every_sample_once_in_each_round() {
        let classes: Vec<u32> = (0..30).map(|i| i % 3).collect();
        for classes in [None, Some(classes.as_slice())] {
            let folds = KFold::new(4).rounds(3).seed(9).split(30, classes).unwrap();
            assert_eq!(folds.len(), 12);
            for round in folds.chunks(4) {
                let mut held: Vec<u32> = round.iter().flat_map(|f| f.held.clone()).collect();
                held.sort_unstable();
                assert_eq!(held, (0..30).collect::<Vec<u32>>());
                for fold in round {
                    whole(fold, 30);
                    assert!((7..=8).contains(&fold.held.len()));
                    if let Some(classes) = classes {
                        let of =
                            |c| fold.held.iter().filter(|&&i| classes[i as usize] == c).count();
                        assert!((0..3).all(|class| (2..=3).contains(&of(class))));
                    }
                }
            }
            assert_ne!(folds[0], folds[4]);
        }
        assert!(KFold::new(1).split(9, None).is_err() && KFold::new(5).split(4, None).is_err());
    }
}
