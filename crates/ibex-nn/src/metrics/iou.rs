//! `IoU`: the overlap of targets and predictions, of some classes.

use super::confusion_matrix::{ConfusionMatrix, confusion_matrix_metric};
use crate::keras_options;

/// Class indices.
pub(super) type ClassIds = Vec<usize>;

keras_options! {
    /// Right answers of a class over all samples that are it or were taken for it, averaged over
    /// the target classes.
    ///
    /// Targets and predictions are class indices, or have a number for each class along `axis`.
    /// Indices out of range do not count.
    ///
    /// ```
    /// use ibex_nn::metrics::{IoU, Metric};
    /// let metric = Metric::from(IoU::new(3, [1, 2]).ignore_class(0));
    /// assert_eq!(metric.name(), "io_u");
    /// ```
    ///
    /// Source: <https://keras.io/api/metrics/segmentation_metrics/>.
    IoU {
        /// The name in logs.
        name: String = "io_u".to_string(),
        /// The dtype of the counts: with `int32` weights lose their fractions.
        dtype: String = "int32".to_string(),
        /// The number of classes.
        num_classes: usize = 2,
        /// The classes whose overlaps are averaged.
        target_class_ids: ClassIds = vec![0, 1],
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

impl IoU {
    /// The metric for so many classes, about some of them.
    pub fn new(num_classes: usize, target_class_ids: impl Into<Vec<usize>>) -> IoU {
        IoU { num_classes, target_class_ids: target_class_ids.into(), ..IoU::default() }
    }

    fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix {
            name: self.name.clone(),
            dtype: self.dtype.clone(),
            num_classes: self.num_classes,
            target_class_ids: self.target_class_ids.clone(),
            ignore_class: self.ignore_class,
            sparse_y_true: self.sparse_y_true,
            sparse_y_pred: self.sparse_y_pred,
            axis: self.axis,
            threshold: None,
        }
    }
}

confusion_matrix_metric!(IoU);
