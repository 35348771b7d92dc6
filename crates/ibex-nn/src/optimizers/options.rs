//! The options that every optimizer has, and the macro that gives them to each.

use serde::{Deserialize, Serialize};

use super::Optimizer;
use crate::object::ConfigError;
use crate::schedules::LearningRate;

/// The options that every optimizer has, under Keras's names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The name in files.
    pub name: String,
    /// The learning rate.
    pub learning_rate: LearningRate,
    /// Decoupled weight decay.
    pub weight_decay: Option<f64>,
    /// Bound of each gradient's norm.
    pub clipnorm: Option<f64>,
    /// Bound of the norm of all gradients together.
    pub global_clipnorm: Option<f64>,
    /// Bound of each gradient's elements.
    pub clipvalue: Option<f64>,
    /// Whether moving averages of the weights are kept.
    pub use_ema: bool,
    /// Their momentum.
    pub ema_momentum: f64,
    /// After how many updates they replace the weights; `None`: only at the end of training.
    pub ema_overwrite_frequency: Option<u64>,
    /// Factor by which the loss is scaled and the gradients are divided.
    pub loss_scale_factor: Option<f64>,
    /// Number of batches whose gradients make one update.
    pub gradient_accumulation_steps: Option<u64>,
    /// Parts of names of weights, such as `bias`, to which weight decay does not apply.
    ///
    /// Files do not hold it, as in Keras.
    #[serde(skip)]
    pub exclude_from_weight_decay: Vec<String>,
}

impl Options {
    /// The options with Keras's defaults, under a name and a learning rate.
    pub fn named(name: &str, learning_rate: f64) -> Options {
        let learning_rate = LearningRate::Constant(learning_rate);
        Options { name: name.to_string(), learning_rate, ..Options::default() }
    }

    /// The number of batches that make one update.
    pub(super) fn period(&self) -> u64 {
        self.gradient_accumulation_steps.unwrap_or(1).max(1)
    }

    /// Whether weight decay applies to the weight at `path`.
    pub(super) fn decays(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !self.exclude_from_weight_decay.iter().any(|part| name.contains(part))
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            name: String::new(),
            learning_rate: LearningRate::Constant(0.001),
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
            exclude_from_weight_decay: Vec::new(),
        }
    }
}

impl Optimizer {
    /// Whether the options go together.
    ///
    /// # Errors
    /// If two ways of clipping are set, or a number is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let options = self.options();
        let wrong = |what: &str, expected: &str, received: String| {
            let what = format!("the optimizer `{}` has {what}", self.class_name());
            Err(ConfigError::new(what).expected(expected).received(received))
        };
        let clips = [
            ("clipnorm", options.clipnorm),
            ("clipvalue", options.clipvalue),
            ("global_clipnorm", options.global_clipnorm),
        ];
        let set = clips.iter().filter_map(|(name, bound)| Some(format!("{name} = {}", (*bound)?)));
        let set: Vec<String> = set.collect();
        if set.len() > 1 {
            return wrong("several ways of clipping", "at most one", set.join(", "));
        }
        match options.gradient_accumulation_steps {
            Some(steps) if steps < 2 => {
                let received = format!("gradient_accumulation_steps = {steps}");
                return wrong("too few steps to accumulate", "at least 2", received);
            }
            _ => {}
        }
        if options.use_ema && !(0.0..=1.0).contains(&options.ema_momentum) {
            let received = format!("ema_momentum = {}", options.ema_momentum);
            return wrong("a momentum out of range", "from 0 to 1", received);
        }
        if options.use_ema && options.ema_overwrite_frequency == Some(0) {
            let received = "ema_overwrite_frequency = 0".to_string();
            return wrong("no period between overwrites", "at least 1", received);
        }
        (**self).check()
    }

    /// The optimizer with another learning rate; inside a loss scale that of the inner one.
    ///
    /// # Errors
    /// If the optimizer is a user's own that is not registered.
    pub fn with_learning_rate(
        &self,
        rate: impl Into<LearningRate>,
    ) -> Result<Optimizer, ConfigError> {
        let mut value = self.to_value();
        let config = match self.loss_scale() {
            Some(_) => &mut value["config"]["inner_optimizer"]["config"],
            None => &mut value["config"],
        };
        config["learning_rate"] = serde_json::to_value(rate.into()).unwrap_or_default();
        Optimizer::from_value(&value)
    }
}

/// Defines the struct of an optimizer: the shared options, its own ones, and setters for all.
macro_rules! optimizer_options {
    ($(#[$doc:meta])* $member:ident = $defaults:expr; {
        $($(#[$field_doc:meta])* $field:ident: $ty:ident $(<$inner:ident>)? = $default:expr,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default)]
        pub struct $member {
            /// The options of every optimizer.
            #[serde(flatten)]
            pub options: $crate::optimizers::Options,
            $($(#[$field_doc])* pub $field: $ty $(<$inner>)?,)*
        }

        impl Default for $member {
            fn default() -> $member {
                $member { options: $defaults, $($field: $default,)* }
            }
        }

        impl $member {
            /// The optimizer with this learning rate, a number or a schedule, and Keras's
            /// defaults.
            pub fn new(
                learning_rate: impl Into<$crate::schedules::LearningRate>,
            ) -> $member {
                $member::default().learning_rate(learning_rate)
            }

            $($crate::keras_setter! { [$(#[$field_doc])*] $field: $ty $(<$inner>)? })*

            /// The learning rate, a number or a schedule.
            pub fn learning_rate(
                mut self,
                learning_rate: impl Into<$crate::schedules::LearningRate>,
            ) -> Self {
                self.options.learning_rate = learning_rate.into();
                self
            }

            /// The name in files.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.options.name = name.into();
                self
            }

            /// Decoupled weight decay: at each update weights shrink by this times the rate.
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.options.weight_decay = Some(weight_decay);
                self
            }

            /// Parts of names of weights, such as `bias`, to which weight decay does not apply.
            pub fn exclude_from_weight_decay<S: Into<String>>(
                mut self,
                names: impl IntoIterator<Item = S>,
            ) -> Self {
                let names = names.into_iter().map(Into::into).collect();
                self.options.exclude_from_weight_decay = names;
                self
            }

            /// Bound of each gradient's norm.
            pub fn clipnorm(mut self, clipnorm: f64) -> Self {
                self.options.clipnorm = Some(clipnorm);
                self
            }

            /// Bound of the norm of all gradients together.
            pub fn global_clipnorm(mut self, global_clipnorm: f64) -> Self {
                self.options.global_clipnorm = Some(global_clipnorm);
                self
            }

            /// Bound of each gradient's elements.
            pub fn clipvalue(mut self, clipvalue: f64) -> Self {
                self.options.clipvalue = Some(clipvalue);
                self
            }

            /// Whether moving averages of the weights are kept and become the weights at the end.
            pub fn use_ema(mut self, use_ema: bool) -> Self {
                self.options.use_ema = use_ema;
                self
            }

            /// The momentum of the moving averages.
            pub fn ema_momentum(mut self, ema_momentum: f64) -> Self {
                self.options.ema_momentum = ema_momentum;
                self
            }

            /// After how many updates the moving averages replace the weights during training.
            pub fn ema_overwrite_frequency(mut self, updates: u64) -> Self {
                self.options.ema_overwrite_frequency = Some(updates);
                self
            }

            /// Factor by which the loss is scaled and the gradients are divided.
            pub fn loss_scale_factor(mut self, factor: f64) -> Self {
                self.options.loss_scale_factor = Some(factor);
                self
            }

            /// Number of batches whose gradients make one update.
            pub fn gradient_accumulation_steps(mut self, steps: u64) -> Self {
                self.options.gradient_accumulation_steps = Some(steps);
                self
            }
        }
    };
}

/// Implements what an optimizer made by `optimizer_options!` shares with all others.
macro_rules! optimizer_object {
    ($member:ident) => {
        $crate::keras_object!($member);

        fn options(&self) -> &$crate::optimizers::Options {
            &self.options
        }
    };
}

pub(super) use {optimizer_object, optimizer_options};
