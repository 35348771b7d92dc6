//! `BinaryIoU`: the overlap of binary targets and predictions above a threshold.

use super::confusion_matrix::{ConfusionMatrix, confusion_matrix_metric};
use super::iou::ClassIds;
use crate::keras_options;

keras_options! {
    /// [`IoU`](super::IoU) of two classes: predictions of at least `threshold` are class 1.
    ///
    /// ```
    /// use ibex_nn::metrics::{BinaryIoU, Metric};
    /// let metric = Metric::from(BinaryIoU::new().target_class_ids([1]).threshold(0.3));
    /// assert_eq!(metric.name(), "binary_io_u");
    /// ```
    ///
    /// Source: <https://keras.io/api/metrics/segmentation_metrics/>.
    BinaryIoU {
        /// The classes whose overlaps are averaged.
        target_class_ids: ClassIds = vec![0, 1],
        /// The least prediction that counts as class 1.
        threshold: f64 = 0.5,
        /// The name in logs.
        name: String = "binary_io_u".to_string(),
        /// The dtype of the counts: with `int32` weights lose their fractions.
        dtype: String = "int32".to_string(),
    }
}

impl BinaryIoU {
    /// The metric with Keras's defaults.
    pub fn new() -> BinaryIoU {
        BinaryIoU::default()
    }

    fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix {
            name: self.name.clone(),
            dtype: self.dtype.clone(),
            num_classes: 2,
            target_class_ids: self.target_class_ids.clone(),
            ignore_class: None,
            sparse_y_true: true,
            sparse_y_pred: true,
            axis: -1,
            threshold: Some(self.threshold),
        }
    }
}

confusion_matrix_metric!(BinaryIoU);
