//! State that outlives a program: weights, optimizer slots, metric totals, random counters.
//!
//! A variable owns its current value in host memory.
//! A program that reads or writes it locks the value for the length of one run, so two programs
//! never see a half-written one, and a CPU program works on the elements in place.
//! Whoever wants to keep the value takes a snapshot, which costs nothing until somebody writes.
//! Its version tells whether somebody may have written since, so that what was made of a weight
//! (packed for products, say) can be kept as long as the weight.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Array, DType, Shape, Type};

/// A named, typed value that programs read and update; clones are the same variable.
#[derive(Clone)]
pub struct Variable(Arc<Inner>);

struct Inner {
    id: u64,
    name: String,
    ty: Type,
    value: Mutex<Arc<Array>>,
    /// How often the value was locked to be written.
    version: AtomicU64,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Variable {
    /// A variable holding `value`; its dtype and shape never change.
    pub fn new(name: impl Into<String>, value: Array) -> Variable {
        let ty = Type::new(value.dtype(), value.shape());
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (name, value, version) = (name.into(), Mutex::new(Arc::new(value)), AtomicU64::new(0));
        Variable(Arc::new(Inner { id, name, ty, value, version }))
    }

    /// A number that grows in order of creation.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The path, such as `dense_1/kernel`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Dtype and shape.
    pub fn ty(&self) -> &Type {
        &self.0.ty
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        self.0.ty.dtype
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.0.ty.shape
    }

    /// Locks the value for reading or writing in place.
    pub fn lock(&self) -> Writing<'_> {
        let guard = self.guard();
        // Only those who hold the lock look at it.
        self.0.version.fetch_add(1, Ordering::Relaxed);
        Writing(guard)
    }

    /// Locks the value for reading.
    pub fn read(&self) -> Reading<'_> {
        let value = self.guard();
        Reading { value, version: self.0.version.load(Ordering::Relaxed) }
    }

    /// The current value, to be kept: it is copied if the variable is written meanwhile.
    pub fn snapshot(&self) -> Arc<Array> {
        self.guard().clone()
    }

    fn guard(&self) -> MutexGuard<'_, Arc<Array>> {
        // A panic elsewhere leaves plain numbers behind, never a broken array.
        self.0.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of the current value.
    pub fn get(&self) -> Array {
        Array::clone(&self.read())
    }

    /// Replaces the value, cast to the variable's dtype; the shape must be the variable's.
    pub fn set(&self, value: &Array) -> Result<(), VariableError> {
        if value.shape() != self.shape() {
            return Err(VariableError {
                name: self.name().to_string(),
                expected: self.shape().clone(),
                received: value.shape().clone(),
            });
        }
        let value = value.cast(self.dtype());
        self.lock().bytes_mut().copy_from_slice(value.bytes());
        Ok(())
    }
}

/// The value of a variable, locked for reading and writing in place.
#[derive(Debug)]
pub struct Writing<'a>(MutexGuard<'a, Arc<Array>>);

impl Deref for Writing<'_> {
    type Target = Array;

    fn deref(&self) -> &Array {
        &self.0
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut Array {
        Arc::make_mut(&mut self.0)
    }
}

/// The value of a variable, locked for reading.
#[derive(Debug)]
pub struct Reading<'a> {
    value: MutexGuard<'a, Arc<Array>>,
    version: u64,
}

impl Reading<'_> {
    /// A number that is the same as long as nobody has locked the variable to write it.
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl Deref for Reading<'_> {
    type Target = Array;

    fn deref(&self) -> &Array {
        &self.value
    }
}

/// A value was assigned whose shape is not the variable's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot assign to variable `{name}`\n  expected  shape {expected}\n  received  shape {received}"
)]
pub struct VariableError {
    /// The variable's path.
    pub name: String,
    /// Its shape.
    pub expected: Shape,
    /// The shape of the value.
    pub received: Shape,
}

impl PartialEq for Variable {
    fn eq(&self, other: &Variable) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Variable {}

impl Hash for Variable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.ty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_stays_as_it_was_and_copies_nothing_before_the_variable_is_written() {
        let variable = Variable::new("kernel", Array::from_slice([2], &[1.0f32, 2.0]).unwrap());
        let before = variable.snapshot();
        assert_eq!(before.bytes().as_ptr(), variable.read().bytes().as_ptr());
        variable.set(&Array::from_slice([2], &[3.0f32, 4.0]).unwrap()).unwrap();
        assert_eq!(before.to_f64_vec(), [1.0, 2.0]);
        assert_eq!(variable.get().to_f64_vec(), [3.0, 4.0]);
        drop(before);
        let place = variable.read().bytes().as_ptr();
        variable.lock().bytes_mut()[0] = 0;
        assert_eq!(variable.read().bytes().as_ptr(), place);
    }

    #[test]
    fn the_version_changes_when_the_value_may_have() {
        let variable = Variable::new("kernel", Array::from_slice([1], &[1.0f32]).unwrap());
        let version = variable.read().version();
        variable.get();
        variable.snapshot();
        assert_eq!(variable.read().version(), version);
        variable.lock();
        assert_ne!(variable.read().version(), version);
    }
}
