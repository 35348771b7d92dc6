//! `OneHotIoU`: the overlap of one-hot targets and predictions, of some classes.

use super::confusion_matrix::{ConfusionMatrix, confusion_matrix_metric};
use super::iou::ClassIds;
use crate::keras_options;

keras_options! {
    /// [`IoU`](super::IoU) of one-hot targets.
    ///
    /// ```
    /// use ibex_nn::metrics::{Metric, OneHotIoU};
    /// let metric = Metric::from(OneHotIoU::new(3, [0]));
    /// assert_eq!(metric.name(), "one_hot_io_u");
    /// ```
    ///
    /// Source: <https://keras.io/api/metrics/segmentation_metrics/>.
    OneHotIoU {
        /// The number of classes.
        num_classes: usize = 2,
        /// The classes whose overlaps are averaged.
        target_class_ids: ClassIds = vec![0, 1],
        /// The name in logs.
        name: String = "one_hot_io_u".to_string(),
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

impl OneHotIoU {
    /// The metric for so many classes, about some of them.
    pub fn new(num_classes: usize, target_class_ids: impl Into<Vec<usize>>) -> OneHotIoU {
        OneHotIoU { num_classes, target_class_ids: target_class_ids.into(), ..OneHotIoU::default() }
    }

    fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix {
            name: self.name.clone(),
            dtype: self.dtype.clone(),
            num_classes: self.num_classes,
            target_class_ids: self.target_class_ids.clone(),
            ignore_class: self.ignore_class,
            sparse_y_true: false,
            sparse_y_pred: self.sparse_y_pred,
            axis: self.axis,
            threshold: None,
        }
    }
}

confusion_matrix_metric!(OneHotIoU);
