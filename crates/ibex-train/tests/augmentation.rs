//! Augmentation of data outside a model, on the processor.

use ibex_graph::{Array, DType};
use ibex_nn::layers::{
    AugMix, CutMix, Equalization, MixUp, Pipeline, RandAugment, RandomCrop, RandomElasticTransform,
    RandomFlip, RandomHue, RandomPerspective, RandomRotation, RandomZoom,
};
use ibex_train::ApplyLayer;

/// Two images of 16 x 12 pixels with values from 0 to 255.
fn images() -> Array {
    let pixel = |i: usize| ((i * 7919) % 2551) as f64 / 10.0;
    let values: Vec<f64> = (0..2 * 16 * 12 * 3).map(pixel).collect();
    Array::from_f64_slice(DType::F32, [2, 16, 12, 3], &values)
}

fn check(layer: &impl ApplyLayer) {
    let (x, class) = (images(), layer.class_name());
    let changed = |seed| layer.apply_training(&x, seed).unwrap_or_else(|e| panic!("{class}: {e}"));
    let first = changed(1);
    assert_eq!(first, changed(1), "{class}");
    assert!((2..8).any(|seed| changed(seed) != first), "{class}");
    assert_eq!(layer.apply(&x).unwrap(), x, "{class}");
    let inside = |value: &f32| (-0.01..=255.01).contains(value);
    assert!(first.to_f32_vec().iter().all(inside), "{class}");
}

#[test]
fn data_are_augmented_outside_a_model() {
    check(&RandomFlip::default());
    check(&RandomRotation::new(0.3));
    check(&RandomZoom::new([-0.4, 0.4]));
    check(&RandomPerspective::new([1.0, 1.0]));
    check(&RandomElasticTransform::new([1.0, 1.0]));
    check(&RandomHue::new(0.7));
    check(&RandAugment::new(0.4));
    check(&AugMix::new(0.4));
    check(&MixUp::new(1.0));
    check(&CutMix::new(1.0));
    check(&Pipeline::new().add(RandomFlip::default()).add(RandomHue::new(0.7)));
    let part = RandomCrop::new(4, 5).apply_training(images(), 3).unwrap();
    assert_eq!(part.shape().dims(), [2, 4, 5, 3]);
    // All values are about equally frequent: the mean is near the middle.
    let even = Equalization::new().apply_training(images(), 3).unwrap().to_f32_vec();
    let mean = even.iter().sum::<f32>() / even.len() as f32;
    assert!((mean - 127.5).abs() < 5.0, "{mean}");
}
