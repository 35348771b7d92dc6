//! `OneHotMeanIoU`: the overlap of one-hot targets and predictions, averaged over all
//! classes.

use super::confusion_matrix::{ConfusionMatrix, confusion_matrix_metric};
use crate::keras_options;

keras_options! {
    /// [`IoU`](super::IoU) of one-hot targets, averaged over all classes.
    ///
    /// ```
    /// use ibex_nn::metrics::{Metric, OneHotMeanIoU};
    /// let metric = Metric::from(OneHotMeanIoU::new(3));
    /// assert_eq!(metric.name(), "one_hot_mean_io_u");
    /// ```
    ///
    /// Source: <https://keras.io/api/metrics/segmentation_metrics/>.
    OneHotMeanIoU {
        /// The number of classes.
        num_classes: usize = 2,
        /// The name in logs.
        name: String = "one_hot_mean_io_u".to_string(),
        /// The dtype of the counts: with `int32` weights lose their fractions.
        dtype: String = "int32".to_string(),
        /// The target whose samples do not count.
        ignore_class: Option<i64> = None,
        /// Whether predictions are class indices, not a number for each class.
        sparse_y_pred: bool = false,
        /// The axis of the classes of what is no index.
        axis: isize = -1,
    }
}

impl OneHotMeanIoU {
    /// The metric for so many classes.
    pub fn new(num_classes: usize) -> OneHotMeanIoU {
        OneHotMeanIoU { num_classes, ..OneHotMeanIoU::default() }
    }

    fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix {
            name: self.name.clone(),
            dtype: self.dtype.clone(),
            num_classes: self.num_classes,
            target_class_ids: (0..self.num_classes).collect(),
            ignore_class: self.ignore_class,
            sparse_y_true: false,
            sparse_y_pred: self.sparse_y_pred,
            axis: self.axis,
            threshold: None,
        }
    }
}

confusion_matrix_metric!(OneHotMeanIoU);
