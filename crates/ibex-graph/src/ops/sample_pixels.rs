//! Pixels of images at places between them: what turned, moved and bent images are made of.
//!
//! It is an operation of its own because its parts, four lookups and some seventy functions of
//! each pixel, cost many times what one loop does.

use super::image::map_coordinates::{Axis, Sampling, sample};
use super::image::{FillMode, Interpolation};
use crate::interpreter::Values;
use crate::op::{
    BadSample, Described, Forward, Info, Kind, Number, Rule, Sample, Vjp, expect_inputs,
    vjp_of_decomposition,
};
use crate::{DType, OpError, Tensor, Type};

/// The pixels `(n, h, w, c)` of images `(n, height, width, c)` at rows and columns `(n, h, w)`;
/// rows and columns `(1, h, w)` are those of all images.
///
/// Interpolation is nearest or bilinear.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SamplePixels {
    /// How values between pixels are found.
    pub interpolation: Interpolation,
    /// What is beyond the borders.
    pub mode: FillMode,
    /// The value there, for [`FillMode::Constant`].
    pub value: Number,
}

/// The extents of a use.
#[derive(Clone, Copy)]
struct Extents {
    height: usize,
    width: usize,
    channels: usize,
    /// Results in each image.
    places: usize,
    /// Rows and columns are those of all images.
    shared: bool,
}

impl SamplePixels {
    /// The pixels of `images` at `[rows, columns]`.
    #[track_caller]
    pub(crate) fn of(images: &Tensor, places: [&Tensor; 2], sampling: Sampling) -> Tensor {
        let Sampling { interpolation, mode, value } = sampling;
        let op = SamplePixels { interpolation, mode, value: Number::new(value) };
        Tensor::apply(op, &[images, places[0], places[1]])
    }

    fn sampling(&self) -> Sampling {
        let SamplePixels { interpolation, mode, value } = *self;
        Sampling { interpolation, mode, value: value.value() }
    }

    /// The neighbours of a place along an axis with their weights.
    fn neighbours(&self, place: f64, extent: usize) -> Vec<(Option<usize>, f64)> {
        if self.interpolation == Interpolation::Nearest {
            return vec![(self.mode.element(place.round(), extent), 1.0)];
        }
        let lower = place.floor();
        let weight = place - lower;
        let at = |place| self.mode.element(place, extent);
        vec![(at(lower), 1.0 - weight), (at(lower + 1.0), weight)]
    }
}

fn extents(images: &[usize], rows: &[usize]) -> Extents {
    Extents {
        height: images[1],
        width: images[2],
        channels: images[3],
        places: rows[1] * rows[2],
        shared: rows[0] == 1,
    }
}

impl Rule for SamplePixels {
    fn name(&self) -> &'static str {
        "sample_pixels"
    }

    fn attributes(&self) -> String {
        let SamplePixels { interpolation, mode, value } = self;
        let text = format!("{interpolation:?}, {mode:?}").to_lowercase();
        match mode {
            FillMode::Constant => format!("{text} {}", value.value()),
            _ => text,
        }
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [images, rows, columns] = expect_inputs("sample_pixels", inputs)?;
        let wrong = |what, expected, received| Err(OpError::new(what, expected, received));
        self.sampling().between("sample_pixels")?;
        let &[count, height, width, channels] = images.shape.dims() else {
            let what = "`sample_pixels` takes a batch of images";
            return wrong(what, "4 axes".to_string(), images.to_string());
        };
        if height * width == 0 {
            let what = "`sample_pixels` takes images with pixels";
            return wrong(what, "at least one".to_string(), images.to_string());
        }
        if !matches!(images.dtype, DType::F32 | DType::F64) {
            let what = "`sample_pixels` does not apply to this dtype";
            return wrong(what, "float32 or float64".to_string(), images.to_string());
        }
        for places in [rows, columns] {
            let fits = match places.shape.dims() {
                &[of, ..] => (of == count || of == 1) && places.shape.len() == 3,
                [] => false,
            };
            if !fits || places.dtype != images.dtype || places.shape != rows.shape {
                let what = "`sample_pixels` takes a row and a column for each result";
                let expected = format!("{} (1 or {count}, h, w)", images.dtype);
                return wrong(what, expected, format!("{rows} and {columns}"));
            }
        }
        let shape = [count, rows.shape[1], rows.shape[2], channels];
        Ok(vec![Type::new(images.dtype, shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [images, rows, columns] = inputs else { return Vec::new() };
        let of = extents(images.shape(), rows.shape());
        let size = of.height * of.width * of.channels;
        let mut data = Vec::with_capacity(outputs[0].shape.size());
        for at in 0..outputs[0].shape[0] * of.places {
            let image = at / of.places;
            let place = if of.shared { at % of.places } else { at };
            let down = self.neighbours(rows.data[place], of.height);
            let across = self.neighbours(columns.data[place], of.width);
            data.extend((0..of.channels).map(|channel| {
                let mut sum = 0.0;
                for (row, row_weight) in &down {
                    for (column, weight) in &across {
                        let value = match (row, column) {
                            (Some(row), Some(column)) => {
                                let pixel = (row * of.width + column) * of.channels;
                                images.data[image * size + pixel + channel]
                            }
                            _ => self.value.value(),
                        };
                        sum += value * row_weight * weight;
                    }
                }
                sum
            }));
        }
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        vjp_of_decomposition(self, node)
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [images, rows, columns] = inputs else { return None };
        let of = extents(images.shape(), rows.shape());
        let (count, size) = (images.dim(0), of.height * of.width);
        let sites = images.reshape([count * size, of.channels]);
        let base = Tensor::iota(DType::I32, [count, 1, 1], 0) * size as f64;
        let axes = [
            Axis { extent: of.height, stride: of.width, places: rows },
            Axis { extent: of.width, stride: 1, places: columns },
        ];
        Some(vec![sample(&sites, Some(&base), &axes, self.sampling())])
    }
}

impl Described for SamplePixels {
    const INFO: Info = Info {
        name: "sample_pixels",
        kind: Kind::Library,
        summary: "pixels of images at places between them",
        samples: || {
            let places = |count: usize, salt| Values::uniform([count, 4, 5], -9.0, 9.0, salt);
            let images = |channels: usize| Values::uniform([2, 3, 4, channels], -1.0, 1.0, 1);
            let case = |label: &str, interpolation, mode, inputs| {
                let op = SamplePixels { interpolation, mode, value: Number::new(0.25) };
                Sample::new(label, op, inputs)
            };
            let mut all = Vec::new();
            for mode in FillMode::ALL {
                // The numbers of channels for which there are loops of their own, and another.
                let channels = [3, 1, 4, 7, 2][mode as usize];
                let inputs = vec![images(channels), places(2, 2), places(2, 3)];
                let label = |text| format!("{mode:?}, {text}");
                let bilinear = Interpolation::Bilinear;
                all.push(case(&label("bilinear"), bilinear, mode, inputs.clone()));
                all.push(case(&label("nearest"), Interpolation::Nearest, mode, inputs.clone()));
                let whole = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.5, 2.0, 2.5, 3.0, 4.0];
                let edges = || Values::of([1, 2, 5], &whole);
                let inputs = vec![images(3), edges(), edges()];
                for (text, way) in [("whole", bilinear), ("ties", Interpolation::Nearest)] {
                    let edge = case(&label(text), way, mode, inputs.clone());
                    all.push(edge.without_gradient());
                }
            }
            let (way, mode) = (Interpolation::Bilinear, FillMode::Reflect);
            let one = Values::uniform([1, 1, 1, 3], -1.0, 1.0, 4);
            let at = || Values::uniform([1, 2, 2], -3.0, 3.0, 5);
            for mode in [FillMode::Mirror, mode] {
                // The result is that pixel everywhere.
                let inputs = vec![one.clone(), at(), at()];
                all.push(case("one pixel", way, mode, inputs).without_gradient());
            }
            let many = || Values::uniform([1, 30, 40], -40.0, 40.0, 6);
            let large = Values::uniform([3, 17, 19, 3], -1.0, 1.0, 7);
            let inputs = vec![large, many(), many()];
            all.push(case("many places", way, FillMode::Constant, inputs).without_gradient());
            let none = Values::of([1, 0, 2], &[]);
            all.push(case("nothing", way, mode, vec![images(3), none.clone(), none]));
            all
        },
        errors: || {
            let op = |interpolation| SamplePixels {
                interpolation,
                mode: FillMode::Constant,
                value: Number::new(0.0),
            };
            let bilinear = op(Interpolation::Bilinear);
            let float = |shape: &[usize]| Type::new(DType::F32, shape);
            let (images, places) = (float(&[2, 3, 4, 1]), float(&[2, 5, 5]));
            let bytes = Type::new(DType::U8, [2, 3, 4, 1]);
            vec![
                BadSample::new(
                    bilinear,
                    &[images.clone(), places.clone()],
                    "`sample_pixels` takes 3 inputs\n  expected  3\n  received  2",
                ),
                BadSample::new(
                    op(Interpolation::Bicubic),
                    &[images.clone(), places.clone(), places.clone()],
                    "`sample_pixels` interpolates between two neighbours at most\n  \
                     expected  nearest or bilinear\n  received  bicubic",
                ),
                BadSample::new(
                    bilinear,
                    &[places.clone(), places.clone(), places.clone()],
                    "`sample_pixels` takes a batch of images\n  expected  4 axes\n  \
                     received  float32 (2, 5, 5)",
                ),
                BadSample::new(
                    bilinear,
                    &[float(&[2, 0, 4, 1]), places.clone(), places.clone()],
                    "`sample_pixels` takes images with pixels\n  expected  at least one\n  \
                     received  float32 (2, 0, 4, 1)",
                ),
                BadSample::new(
                    bilinear,
                    &[bytes, places.clone(), places.clone()],
                    "`sample_pixels` does not apply to this dtype\n  \
                     expected  float32 or float64\n  received  uint8 (2, 3, 4, 1)",
                ),
                BadSample::new(
                    bilinear,
                    &[images, places, float(&[3, 5, 5])],
                    "`sample_pixels` takes a row and a column for each result\n  \
                     expected  float32 (1 or 2, h, w)\n  \
                     received  float32 (2, 5, 5) and float32 (3, 5, 5)",
                ),
            ]
        },
    };
}
