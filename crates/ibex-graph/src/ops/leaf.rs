//! Leaves of a graph: arguments, reads of variables and constants. Nothing is computed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::interpreter::Values;
use crate::op::{Described, Forward, Info, Kind, Rule, Vjp, expect_inputs};
use crate::{Array, OpError, Type, Variable};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// An argument of a graph.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Input {
    id: u64,
    name: Arc<str>,
    ty: Type,
}

impl Input {
    /// A new argument, different from every other.
    pub fn new(name: &str, ty: Type) -> Input {
        Input { id: NEXT.fetch_add(1, Ordering::Relaxed), name: name.into(), ty }
    }
}

impl Rule for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn attributes(&self) -> String {
        self.name.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        expect_inputs::<0>("input", inputs)?;
        Ok(vec![self.ty.clone()])
    }

    /// The interpreter supplies arguments itself; on its own an argument is zero.
    fn reference(&self, _: &[&Values], outputs: &[Type]) -> Vec<Values> {
        outputs.iter().map(|ty| Values::new(ty.clone(), vec![0.0; ty.shape.size()])).collect()
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::Rule(Vec::new())
    }
}

impl Described for Input {
    const INFO: Info = Info {
        name: "input",
        kind: Kind::Leaf,
        summary: "an argument of the graph",
        samples: Vec::new,
        errors: Vec::new,
    };
}

/// The value of a variable when the program starts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Read {
    /// The variable.
    pub variable: Variable,
}

impl Rule for Read {
    fn name(&self) -> &'static str {
        "read"
    }

    fn attributes(&self) -> String {
        self.variable.name().to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        expect_inputs::<0>("read", inputs)?;
        Ok(vec![self.variable.ty().clone()])
    }

    fn reference(&self, _: &[&Values], _: &[Type]) -> Vec<Values> {
        vec![Values::from(&*self.variable.read())]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::Rule(Vec::new())
    }
}

impl Described for Read {
    const INFO: Info = Info {
        name: "read",
        kind: Kind::Leaf,
        summary: "the value of a variable when the program starts",
        samples: Vec::new,
        errors: Vec::new,
    };
}

/// A known value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Constant {
    /// The value, shared by all users.
    pub value: Arc<Array>,
}

impl Constant {
    /// A constant of the given value.
    pub fn new(value: Array) -> Constant {
        Constant { value: Arc::new(value) }
    }

    /// The number, if all elements are the same and there is at least one.
    pub fn splat(&self) -> Option<f64> {
        if self.value.size() == 1 {
            return self.value.to_f64_vec().first().copied();
        }
        let width = self.value.dtype().size();
        let mut elements = self.value.bytes().chunks_exact(width);
        let first = elements.next()?;
        let same = elements.all(|e| e == first);
        same.then(|| self.value.rows(0, 1).to_f64_vec()[0])
    }
}

impl Rule for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn attributes(&self) -> String {
        match self.value.size() {
            0..=4 => self.value.to_string(),
            _ => "…".to_string(),
        }
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        expect_inputs::<0>("constant", inputs)?;
        Ok(vec![Type::new(self.value.dtype(), self.value.shape())])
    }

    fn reference(&self, _: &[&Values], _: &[Type]) -> Vec<Values> {
        vec![Values::from(&*self.value)]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::Rule(Vec::new())
    }
}

impl Described for Constant {
    const INFO: Info = Info {
        name: "constant",
        kind: Kind::Leaf,
        summary: "a known value",
        samples: Vec::new,
        errors: Vec::new,
    };
}
