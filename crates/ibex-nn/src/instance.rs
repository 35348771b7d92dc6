//! A layer with its weights.
//!
//! An instance first only knows which weights the layer asks for; they become variables when a
//! model takes the layer in and names it, because initial values depend on the model's seed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ibex_graph::{Array, DType, OpError, Shape, Tensor, Variable, tensor};

use crate::arguments::{Bound, CallArguments, MaskSource};
use crate::constraints::Constraint;
use crate::initializers::{Initializer, Seeds, Zeros};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::regularizers::Regularizer;
use crate::trace::{Call, Received, Trace, in_scope};

/// A weight that a layer asks for.
#[derive(Clone, Debug)]
pub struct WeightSpec {
    /// The name inside the layer, such as `kernel`.
    pub name: String,
    /// Extents.
    pub shape: Shape,
    /// Element type.
    pub dtype: DType,
    /// Initial values.
    pub initializer: Initializer,
    /// Penalty added to the loss.
    pub regularizer: Option<Regularizer>,
    /// Projection after each update.
    pub constraint: Option<Constraint>,
    /// Whether training changes it (statistics are not trained).
    pub trainable: bool,
}

impl WeightSpec {
    /// A trainable `float32` weight without penalty and constraint.
    pub fn new(
        name: impl Into<String>,
        shape: impl Into<Shape>,
        initializer: impl Into<Initializer>,
    ) -> WeightSpec {
        WeightSpec {
            name: name.into(),
            shape: shape.into(),
            dtype: DType::F32,
            initializer: initializer.into(),
            regularizer: None,
            constraint: None,
            trainable: true,
        }
    }

    /// Adds a penalty, if there is one.
    pub fn regularizer(mut self, regularizer: Option<Regularizer>) -> WeightSpec {
        self.regularizer = regularizer;
        self
    }

    /// Adds a constraint, if there is one.
    pub fn constraint(mut self, constraint: Option<Constraint>) -> WeightSpec {
        self.constraint = constraint;
        self
    }

    /// Excludes it from training: a statistic that the layer updates itself.
    pub fn not_trained(mut self) -> WeightSpec {
        self.trainable = false;
        self
    }

    /// Another dtype than `float32`.
    pub fn dtype(mut self, dtype: DType) -> WeightSpec {
        self.dtype = dtype;
        self
    }
}

/// A weight: what was asked for, and its variable once a model has it.
#[derive(Debug)]
pub struct Weight {
    spec: WeightSpec,
    variable: Arc<OnceLock<Variable>>,
    /// Whether it is listed here only: a layer inside asked for it and makes its variable.
    shared: bool,
}

impl Weight {
    /// What was asked for.
    pub fn spec(&self) -> &WeightSpec {
        &self.spec
    }

    /// The variable, once a model has taken the layer in.
    pub fn variable(&self) -> Option<&Variable> {
        self.variable.get()
    }

    /// A tensor of its type, for inferring shapes before there are values.
    pub(crate) fn placeholder(&self) -> Tensor {
        Tensor::input(&self.spec.name, self.spec.dtype, &self.spec.shape)
    }
}

/// What a layer sees while it is built: it collects weights and children.
#[derive(Debug)]
pub struct Build<'a> {
    dtype: DType,
    bound: &'a Bound,
    weights: &'a mut Vec<Weight>,
    states: &'a mut Vec<Weight>,
    children: &'a mut Vec<(String, Arc<Instance>)>,
}

impl Build<'_> {
    /// Asks for a weight; the order of asking is the order in files.
    pub fn weight(&mut self, spec: WeightSpec) {
        let dtype = if spec.dtype == DType::F32 { self.dtype } else { spec.dtype };
        let spec = WeightSpec { dtype, ..spec };
        self.weights.push(Weight { spec, variable: Arc::default(), shared: false });
    }

    /// Lists a weight of the layer inside that is called `child` as one of this layer too, first
    /// where it is listed: Keras does so with weights that are attributes of two layers.
    pub fn share(&mut self, child: &str, weight: &str) {
        let inside = self.children.iter().find(|(name, _)| name == child);
        let inside = inside.and_then(|(_, child)| child.weight(weight));
        self.weights.extend(inside.map(|weight| Weight {
            spec: weight.spec.clone(),
            variable: weight.variable.clone(),
            shared: true,
        }));
    }

    /// Asks for a state: a variable that goes from one batch to the next, zero at first.
    ///
    /// It is no weight: it is neither counted nor saved.
    pub fn state(&mut self, name: impl Into<String>, shape: impl Into<Shape>) {
        let spec = WeightSpec::new(name, shape, Zeros).not_trained().dtype(self.dtype);
        self.states.push(Weight { spec, variable: Arc::default(), shared: false });
    }

    /// The arguments of the call that builds the layer, by name.
    pub fn arguments(&self) -> &Bound {
        self.bound
    }

    /// Builds a layer inside this one, under `name`, and gives the types of its outputs.
    ///
    /// `name` is the place in weight files: Keras's name of the attribute that holds the layer.
    ///
    /// # Errors
    /// If it cannot be applied to such inputs.
    pub fn child(
        &mut self,
        name: &str,
        layer: &Arc<dyn Layer>,
        inputs: &[PartialType],
    ) -> Result<Vec<PartialType>, ConfigError> {
        let slots = CallArguments::of_inputs(layer.as_ref(), inputs.len());
        self.child_with(name, layer, inputs, &slots)
    }

    /// The same for a call with named arguments.
    ///
    /// # Errors
    /// If it cannot be applied to such inputs.
    pub fn child_with(
        &mut self,
        name: &str,
        layer: &Arc<dyn Layer>,
        inputs: &[PartialType],
        slots: &CallArguments<usize>,
    ) -> Result<Vec<PartialType>, ConfigError> {
        let instance = Instance::of_call(layer, inputs, slots)?;
        let outputs = instance.output_types_of_call(inputs, slots)?;
        self.children.push((name.to_string(), instance));
        Ok(outputs)
    }

    /// Takes in a layer that is already built.
    pub fn adopt(&mut self, name: &str, instance: &Arc<Instance>) {
        self.children.push((name.to_string(), instance.clone()));
    }
}

/// A layer with its weights and the instances of the layers inside it.
#[derive(Debug)]
pub struct Instance {
    layer: Arc<dyn Layer>,
    inputs: Vec<PartialType>,
    bound: Bound,
    weights: Vec<Weight>,
    states: Vec<Weight>,
    children: Vec<(String, Arc<Instance>)>,
    trainable: AtomicBool,
}

impl Instance {
    /// The instance of a layer: the one it has, or a new one for inputs of these types.
    ///
    /// # Errors
    /// If the layer cannot be applied to such inputs.
    pub fn of(
        layer: &Arc<dyn Layer>,
        inputs: &[PartialType],
    ) -> Result<Arc<Instance>, ConfigError> {
        let slots = CallArguments::of_inputs(layer.as_ref(), inputs.len());
        Instance::of_call(layer, inputs, &slots)
    }

    /// The same for a call whose tensors have these types and this arrangement.
    ///
    /// # Errors
    /// If the layer cannot be called in this way.
    pub fn of_call(
        layer: &Arc<dyn Layer>,
        tensors: &[PartialType],
        slots: &CallArguments<usize>,
    ) -> Result<Arc<Instance>, ConfigError> {
        let identity = &layer.base().identity;
        let known = identity.instance();
        if known.is_none()
            && let Some(mistake) = layer.check().into_iter().next()
        {
            return Err(mistake);
        }
        let bound = Bound::of(layer.as_ref(), slots)?;
        check_count(layer.as_ref(), bound.count())?;
        if let Some(instance) = known {
            return Ok(instance.clone());
        }
        let inputs = bound.inputs(tensors);
        let (mut weights, mut states, mut children) = (Vec::new(), Vec::new(), Vec::new());
        let mut build = Build {
            dtype: layer.base().dtype.variable(),
            bound: &bound,
            weights: &mut weights,
            states: &mut states,
            children: &mut children,
        };
        layer.build(&mut build, &inputs)?;
        for weight in &weights {
            weight.spec.initializer.check(&weight.spec.shape)?;
            weight.spec.regularizer.as_ref().map_or(Ok(()), |r| r.check())?;
        }
        let instance = Arc::new(Instance {
            layer: layer.clone(),
            inputs,
            bound,
            weights,
            states,
            children,
            trainable: AtomicBool::new(layer.base().trainable),
        });
        Ok(identity.set_instance(instance).clone())
    }

    /// The layer.
    pub fn layer(&self) -> &Arc<dyn Layer> {
        &self.layer
    }

    /// The number of the layer: calls on the same layer have the same.
    pub(crate) fn identity(&self) -> u64 {
        self.layer.base().identity.sequence()
    }

    /// The name: its own, or the automatic one once a model has given it.
    pub fn name(&self) -> &str {
        self.layer.base().known_name().unwrap_or_else(|| self.layer.class_name())
    }

    /// The types of the inputs that it was built for, in the order of its signature.
    pub fn inputs(&self) -> &[PartialType] {
        &self.inputs
    }

    /// The arguments of the call that built it, by name.
    pub fn arguments(&self) -> &Bound {
        &self.bound
    }

    /// Its own weights, in the order in which the layer asked for them.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// What it carries from one batch to the next, in the order in which the layer asked for it.
    pub fn states(&self) -> &[Weight] {
        &self.states
    }

    /// Its own state and that of everything inside it.
    pub fn all_states(&self) -> Vec<&Weight> {
        let inner = self.children.iter().flat_map(|(_, child)| child.all_states());
        self.states.iter().chain(inner).collect()
    }

    /// Sets its own state, and that of everything inside it, to zero: the next batch begins anew.
    pub fn reset_states(&self) {
        for variable in self.all_states().into_iter().filter_map(Weight::variable) {
            variable.lock().bytes_mut().fill(0);
        }
    }

    /// The instances inside it, in order.
    pub fn children(&self) -> &[(String, Arc<Instance>)] {
        &self.children
    }

    /// Its own weight of that name.
    pub fn weight(&self, name: &str) -> Option<&Weight> {
        self.weights.iter().find(|w| w.spec.name == name)
    }

    /// The instance inside it of that name.
    pub fn child(&self, name: &str) -> Option<&Arc<Instance>> {
        self.children.iter().find(|(n, _)| n == name).map(|(_, child)| child)
    }

    /// Whether training may change its weights.
    pub fn is_trainable(&self) -> bool {
        self.trainable.load(Ordering::Relaxed)
    }

    /// Whether it, and everything inside it, has computed what only a first step does.
    pub fn is_initialized(&self) -> bool {
        self.layer.is_initialized(self) && self.children.iter().all(|(_, c)| c.is_initialized())
    }

    /// Freezes or thaws it and everything inside it, as setting `layer.trainable` does in Keras.
    pub fn set_trainable(&self, trainable: bool) {
        self.trainable.store(trainable, Ordering::Relaxed);
        self.children.iter().for_each(|(_, child)| child.set_trainable(trainable));
    }

    /// All weights, in Keras's order: its own trainable ones, its own others, then its children's.
    pub fn all_weights(&self) -> Vec<&Weight> {
        let own = |trainable| self.weights.iter().filter(move |w| w.spec.trainable == trainable);
        let inner = self.children.iter().flat_map(|(_, child)| child.all_weights());
        self.once_each(own(true).chain(own(false)).chain(inner).collect())
    }

    /// The weights that training changes, in Keras's order; none of a frozen layer or model.
    pub fn trainable_weights(&self) -> Vec<&Weight> {
        if !self.is_trainable() {
            return Vec::new();
        }
        let inner: Vec<&Weight> =
            self.children.iter().flat_map(|(_, child)| child.trainable_weights()).collect();
        let is_trained = |weight: &&Weight| match weight.shared {
            true => inner.iter().any(|other| Arc::ptr_eq(&other.variable, &weight.variable)),
            false => weight.spec.trainable,
        };
        let own = self.weights.iter().filter(is_trained);
        self.once_each(own.chain(inner.iter().copied()).collect())
    }

    /// Weights without those that were listed before, which only shared ones can be.
    fn once_each<'a>(&self, mut weights: Vec<&'a Weight>) -> Vec<&'a Weight> {
        if self.weights.iter().any(|weight| weight.shared) {
            let mut seen = HashSet::new();
            weights.retain(|weight| seen.insert(Arc::as_ptr(&weight.variable)));
        }
        weights
    }

    /// Makes variables of all weights that are not yet, below `path`.
    pub fn materialize(&self, path: &str, seeds: &mut Seeds) {
        self.materialize_with(path, &mut |spec| {
            spec.initializer.initialize(&spec.shape, seeds).cast(spec.dtype)
        });
    }

    /// Makes variables of all weights that are not yet, below `path`, with values of one's own.
    pub fn materialize_with(&self, path: &str, value: &mut dyn FnMut(&WeightSpec) -> Array) {
        let own = self.weights.iter().filter(|weight| !weight.shared);
        for weight in own.chain(&self.states) {
            weight.variable.get_or_init(|| {
                Variable::new(format!("{path}/{}", weight.spec.name), value(&weight.spec))
            });
        }
        for (_, child) in &self.children {
            child.materialize_with(&format!("{path}/{}", child.name()), value);
        }
    }

    /// Calls the layer inside `trace`; masks are passed along.
    pub fn call(&self, trace: &mut Trace, inputs: &[Tensor]) -> Vec<Tensor> {
        let slots = CallArguments::of_inputs(self.layer.as_ref(), inputs.len());
        self.call_with(trace, inputs, &slots)
    }

    /// Calls the layer inside `trace` with tensors in the given arrangement.
    pub fn call_with(
        &self,
        trace: &mut Trace,
        tensors: &[Tensor],
        slots: &CallArguments<usize>,
    ) -> Vec<Tensor> {
        if let Some(poisoned) = tensors.iter().find(|t| t.is_poisoned()) {
            return vec![poisoned.clone()];
        }
        let bound = match Bound::of(self.layer.as_ref(), slots) {
            Ok(bound) => bound,
            Err(error) => return vec![poison(error)],
        };
        // A model that nobody named, and is in no other, is not worth a word in messages.
        in_scope(self.layer.base().known_name(), || {
            trace.within(self, |trace| self.call_bound(trace, tensors, &bound))
        })
    }

    fn call_bound(&self, trace: &mut Trace, tensors: &[Tensor], bound: &Bound) -> Vec<Tensor> {
        let policy = self.layer.base().dtype.compute();
        let lifted = self.layer.computes_in_float32() && policy.is_float() && policy.size() < 4;
        let dtype = if lifted { DType::F32 } else { policy };
        let given = bound.inputs(tensors);
        let casts = self.layer.casts_inputs() && dtype.is_float();
        let cast = |t: &Tensor| match casts && t.dtype().is_float() {
            true => t.cast(dtype),
            false => t.clone(),
        };
        let inputs: Vec<Tensor> = given.iter().map(cast).collect();
        let carried: Vec<Option<Tensor>> = given.iter().map(|t| trace.mask(t)).collect();
        for (tensor, mask) in inputs.iter().zip(&carried) {
            if let Some(mask) = mask {
                trace.set_mask(tensor, mask.clone());
            }
        }
        let told = |(source, carried): (&MaskSource, &Option<Tensor>)| match source {
            MaskSource::None => None,
            MaskSource::Carried => carried.clone(),
            MaskSource::Given(slot) => tensors.get(*slot).cloned(),
        };
        let masks: Vec<Option<Tensor>> = bound.masks().iter().zip(&carried).map(told).collect();
        // The outputs get the mask that was given as `mask` rather than the one that the input
        // carries.
        let replaces = self.layer.mask_arguments().contains(&"mask");
        let given = |mask: &Tensor| mask.cast(DType::Bool);
        let previous = masks
            .iter()
            .zip(carried)
            .map(|(told, carried)| told.as_ref().filter(|_| replaces).map(given).or(carried));
        let previous: Vec<Option<Tensor>> = previous.collect();
        let arguments = Received { bound, inputs: &inputs, masks };
        let mut outputs = self.layer.forward(&mut Call::new(trace, self, &arguments), &inputs);
        if lifted {
            outputs = outputs.iter().map(|output| output.cast(policy)).collect();
        }
        if let Some(regularizer) = &self.layer.base().activity_regularizer {
            for output in &outputs {
                let penalty = regularizer.penalty(output);
                trace.add_loss(match output.shape().first() {
                    Some(&batch) => penalty / batch.max(1) as f64,
                    None => penalty,
                });
            }
        }
        let first = bound.first_count();
        let masks = self.layer.mask(
            &mut Call::new(trace, self, &arguments),
            &inputs[..first],
            &previous[..first],
        );
        for (output, mask) in outputs.iter().zip(masks) {
            if let Some(mask) = mask {
                trace.set_mask(output, mask);
            }
        }
        outputs
    }

    /// The types of the outputs for inputs of these types.
    ///
    /// # Errors
    /// If an operation inside does not fit its inputs.
    pub fn output_types(&self, inputs: &[PartialType]) -> Result<Vec<PartialType>, ConfigError> {
        let slots = CallArguments::of_inputs(self.layer.as_ref(), inputs.len());
        self.output_types_of_call(inputs, &slots)
    }

    /// The types of the outputs of a call whose tensors have these types and this arrangement.
    ///
    /// Unknown extents are found as Keras finds them: the forward function is traced with two
    /// different sizes, and what differs is unknown.
    ///
    /// # Errors
    /// If an operation inside does not fit its inputs.
    pub fn output_types_of_call(
        &self,
        tensors: &[PartialType],
        slots: &CallArguments<usize>,
    ) -> Result<Vec<PartialType>, ConfigError> {
        let bound = Bound::of(self.layer.as_ref(), slots)?;
        if let Some(types) = self.layer.own_types(&bound, &bound.inputs(tensors)) {
            return Ok(types);
        }
        let known = tensors.iter().all(|t| !t.shape.0.contains(&None));
        let first = self.traced_types(tensors, slots, 83)?;
        let second = if known { first.clone() } else { self.traced_types(tensors, slots, 89)? };
        let merged = first
            .iter()
            .zip(&second)
            .map(|(a, b)| PartialType::new(a.dtype(), PartialShape::common(a.shape(), b.shape())));
        Ok(merged.collect())
    }

    fn traced_types(
        &self,
        tensors: &[PartialType],
        slots: &CallArguments<usize>,
        unknown: usize,
    ) -> Result<Vec<Tensor>, ConfigError> {
        let tensors: Vec<Tensor> = tensors
            .iter()
            .map(|ty| Tensor::input("input", ty.dtype, ty.shape.filled(unknown)))
            .collect();
        let outputs = self.call_with(&mut Trace::new(false), &tensors, slots);
        match tensor::errors(&outputs).into_iter().next() {
            None => Ok(outputs),
            Some(e) => {
                let error = ConfigError::new(e.what).expected(e.expected).received(e.received);
                Err(error.help(e.help))
            }
        }
    }
}

fn poison(error: ConfigError) -> Tensor {
    let ConfigError { what, expected, received, help } = error;
    Tensor::poisoned(OpError::new(what, expected, received).help(help))
}

/// Checks that a layer is called on as many inputs as it takes.
fn check_count(layer: &dyn Layer, received: usize) -> Result<(), ConfigError> {
    let count = layer.input_count();
    if count.contains(&received) {
        return Ok(());
    }
    let expected = match (*count.start(), *count.end()) {
        (1, 1) => "one input".to_string(),
        (low, usize::MAX) => format!("at least {low}"),
        (low, high) if low == high => format!("{low} inputs"),
        (low, high) => format!("{low} to {high} inputs"),
    };
    Err(ConfigError::new("wrong number of inputs")
        .expected(expected)
        .received(received.to_string()))
}
