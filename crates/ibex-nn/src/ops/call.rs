//! A call of an operation that is being written: its arguments and options.

use std::panic::Location;

use ibex_graph::{Array, DType};
use serde_json::{Map, Value, json};

use crate::arguments::{Argument, CallArguments};
use crate::layer::Layer;
use crate::layers::operation::Operation;
use crate::models::symbolic::{Arguments, SymbolicTensor, apply_to};

/// The value of an option: a number, a flag, a name, a dtype, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting(Value);

macro_rules! settings {
    ($($value:ty)*) => {$(
        impl From<$value> for Setting {
            fn from(value: $value) -> Setting {
                Setting(value.into())
            }
        }
    )*};
}
settings! { bool f64 i32 i64 isize usize &str String Value }

impl From<DType> for Setting {
    fn from(dtype: DType) -> Setting {
        Setting(dtype.name().into())
    }
}

impl<T: Into<Setting>, const N: usize> From<[T; N]> for Setting {
    fn from(items: [T; N]) -> Setting {
        Setting(items.into_iter().map(|item| item.into().0).collect())
    }
}

impl<T: Into<Setting>> From<Vec<T>> for Setting {
    fn from(items: Vec<T>) -> Setting {
        Setting(items.into_iter().map(|item| item.into().0).collect())
    }
}

/// A call of a `keras.ops` function before it is made.
///
/// Options have Keras's names; one that the function does not have is a mistake of the result.
#[derive(Clone, Debug)]
#[must_use]
pub struct OperationCall {
    class_name: &'static str,
    arguments: CallArguments<SymbolicTensor>,
    options: Map<String, Value>,
    location: &'static Location<'static>,
}

impl OperationCall {
    pub(super) fn new(
        class_name: &'static str,
        location: &'static Location<'static>,
    ) -> OperationCall {
        let arguments = CallArguments::new(Vec::new());
        OperationCall { class_name, arguments, options: Map::new(), location }
    }

    pub(super) fn positional(
        mut self,
        argument: impl Into<Argument<SymbolicTensor>>,
    ) -> OperationCall {
        self.arguments.positional.push(argument.into());
        self
    }

    pub(super) fn named(mut self, name: &str, argument: Argument<SymbolicTensor>) -> OperationCall {
        self.arguments.named.insert(name.to_string(), argument);
        self
    }

    /// Sets an option, or an argument that is no tensor, by Keras's name.
    pub fn set(mut self, name: &str, value: impl Into<Setting>) -> OperationCall {
        let Setting(value) = value.into();
        if Operation::has_argument(self.class_name, name) {
            return self.named(name, Argument::Value(value));
        }
        self.options.insert(name.to_string(), value);
        self
    }

    /// Makes the call and gives its first result.
    #[must_use]
    pub fn tensor(self) -> SymbolicTensor {
        self.tensors().swap_remove(0)
    }

    /// Makes the call and gives all its results; there is at least one.
    #[must_use]
    pub fn tensors(self) -> Vec<SymbolicTensor> {
        let operation = Operation::with_options(self.class_name, self.options).shared();
        apply_to(&operation, &self.arguments, self.location)
    }
}

macro_rules! setters {
    ($($name:ident)*) => {
        impl OperationCall {
            $(
                #[doc = concat!("Sets Keras's `", stringify!($name), "`.")]
                pub fn $name(self, value: impl Into<Setting>) -> OperationCall {
                    self.set(stringify!($name), value)
                }
            )*
        }
    };
}

setters! {
    alpha antialias approximate assume_unique atol axes axis axis1 axis2 axisa axisb axisc b
    base bins bottom_cropping bottom_padding center compute_uv constant_values
    crop_to_aspect_ratio data_format decimals dilation dilation_rate dtype dx endpoint
    epsilon equal_nan fft_length fill_mode fill_value filter_sigma filter_size from_logits
    full_matrices increasing indexing initial interpolation invert is_causal k k1 k2
    keepdims kernel_size left_cropping left_padding length lower max_val method minlength
    mode n nan negative_slope neginf num num_classes num_segments num_tokens ord order
    output_padding pad_to_aspect_ratio padding posinf range rcond reduction retstep
    right_cropping right_padding rms_scaling rtol side sigma sorted stride strides
    target_height target_width threshold tol top_cropping top_padding upper window
}

macro_rules! tensor_setters {
    ($($name:ident)*) => {
        impl OperationCall {
            $(
                #[doc = concat!("Gives Keras's `", stringify!($name), "`: a tensor or a number.")]
                pub fn $name(self, value: impl Into<Argument<SymbolicTensor>>) -> OperationCall {
                    let name = stringify!($name);
                    match (value.into(), Operation::has_argument(self.class_name, name)) {
                        (Argument::Value(value), false) => self.set(name, Setting(value)),
                        (value, _) => self.named(name, value),
                    }
                }
            )*
        }
    };
}

tensor_setters! { beta bias default gamma mask offset scale weights }

impl From<OperationCall> for SymbolicTensor {
    fn from(call: OperationCall) -> SymbolicTensor {
        call.tensor()
    }
}

impl Arguments for OperationCall {
    fn into_inputs(self) -> Vec<SymbolicTensor> {
        vec![self.tensor()]
    }
}

impl From<OperationCall> for Argument<SymbolicTensor> {
    fn from(call: OperationCall) -> Argument<SymbolicTensor> {
        Argument::Tensor(call.tensor())
    }
}

impl<const N: usize> From<[SymbolicTensor; N]> for Argument<SymbolicTensor> {
    fn from(tensors: [SymbolicTensor; N]) -> Argument<SymbolicTensor> {
        Argument::tensors_of(tensors)
    }
}

impl<const N: usize> From<[&SymbolicTensor; N]> for Argument<SymbolicTensor> {
    fn from(tensors: [&SymbolicTensor; N]) -> Argument<SymbolicTensor> {
        Argument::tensors_of(tensors.into_iter().cloned())
    }
}

impl From<Vec<SymbolicTensor>> for Argument<SymbolicTensor> {
    fn from(tensors: Vec<SymbolicTensor>) -> Argument<SymbolicTensor> {
        Argument::tensors_of(tensors)
    }
}

impl From<i32> for Argument<SymbolicTensor> {
    fn from(number: i32) -> Argument<SymbolicTensor> {
        Argument::Value(json!(number))
    }
}

impl From<&Array> for Argument<SymbolicTensor> {
    /// A known array, as Keras writes arrays of NumPy.
    fn from(array: &Array) -> Argument<SymbolicTensor> {
        let numbers = array.to_f64_vec();
        let number = |value: f64| match array.dtype() {
            DType::Bool => json!(value != 0.0),
            dtype if dtype.is_float() => json!(value),
            _ => json!(value as i64),
        };
        let mut values: Vec<Value> = numbers.into_iter().map(number).collect();
        for &extent in array.shape().iter().skip(1).rev() {
            values =
                values.chunks(extent.max(1)).map(|row| row.iter().cloned().collect()).collect();
        }
        if array.shape().rank() == 0 {
            return Argument::Value(values.into_iter().next().unwrap_or_default());
        }
        Argument::Value(json!({
            "class_name": "__numpy__",
            "config": {"value": values, "dtype": array.dtype().name()},
        }))
    }
}
