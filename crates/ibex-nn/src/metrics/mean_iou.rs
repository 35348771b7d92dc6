//! `MeanIoU`: the overlap of targets and predictions, averaged over all classes.

use super::confusion_matrix::{ConfusionMatrix, confusion_matrix_metric};
use crate::keras_options;

keras_options! {
    /// [`IoU`](super::IoU) averaged over all classes.
    ///
    /// ```
    /// use ibex_nn::metrics::{MeanIoU, Metric};
    /// let metric = Metric::from(MeanIoU::new(3).sparse_y_pred(false));
    /// assert_eq!(metric.name(), "mean_io_u");
    /// ```
    ///
    /// Source: <https://keras.io/api/metrics/segmentation_metrics/>.
    MeanIoU {
        /// The number of classes.
        num_classes: usize = 2,
        /// The name in logs.
        name: String = "mean_io_u".to_string(),
        /// The dtype of the counts: with `int32` weights lose their fractions.
        dtype: String = "int32".to_string(),
        /// The target whose samples do not count.
        ignore_class: Option<i64> = None,
        /// Whether targets are class indices, not a number for each class.
        sparse_y_true: bool = true,
        /// Whether predictions are class indices, not a number for each class.
        sparse_y_pred: bool = true,
        /// The axis of the classes of what is no index.
        axis: isize = -1,
    }
}

impl MeanIoU {
    /// The metric for so many classes.
    pub fn new(num_classes: usize) -> MeanIoU {
        MeanIoU { num_classes, ..MeanIoU::default() }
    }

    fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix {
            name: self.name.clone(),
            dtype: self.dtype.clone(),
            num_classes: self.num_classes,
            target_class_ids: (0..self.num_classes).collect(),
            ignore_class: self.ignore_class,
            sparse_y_true: self.sparse_y_true,
            sparse_y_pred: self.sparse_y_pred,
            axis: self.axis,
            threshold: None,
        }
    }
}

confusion_matrix_metric!(MeanIoU);
