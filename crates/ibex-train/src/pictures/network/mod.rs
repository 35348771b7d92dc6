//! A model as boxes and arrows; `keras.utils.plot_model`.
//!
//! Read in this order: this file (what is shown), `arrange` (where the boxes go).

mod arrange;

use std::path::Path;

use arrange::{Arranged, arrange};

use crate::diagram::{Diagram, LayerBox, shapes};
use crate::error::Result;
use crate::model::Model;
use crate::plot::font::text_width;
use crate::plot::layout::{FAINT, INK, WHITE};
use crate::plot::scene::{Anchor, Colour, Point, Scene, Shape, line, rectangle, text};
use crate::plot::{draw, svg_text};

/// In which direction the arrows of a picture go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RankDir {
    /// From top to bottom; Keras's `TB`.
    #[default]
    TopToBottom,
    /// From left to right; Keras's `LR`.
    LeftToRight,
}

/// What a picture of a model shows.
///
/// ```
/// use ibex_nn::layers::{Dense, Input};
/// use ibex_nn::models::Sequential;
/// use ibex_train::BuildModel;
/// use ibex_train::pictures::PlotModel;
///
/// let model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build()?;
/// let svg = PlotModel::new().show_shapes(true).to_svg(&model);
/// assert!(svg.contains("dense (Dense)") && svg.contains("(None, 1)"));
/// # Ok::<(), ibex_train::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PlotModel {
    shapes: bool,
    dtype: bool,
    names: bool,
    activations: bool,
    trainable: bool,
    expand_nested: bool,
    rankdir: RankDir,
}

impl Default for PlotModel {
    fn default() -> PlotModel {
        PlotModel {
            shapes: false,
            dtype: false,
            names: true,
            activations: false,
            trainable: false,
            expand_nested: false,
            rankdir: RankDir::TopToBottom,
        }
    }
}

/// Setters, one for each option.
macro_rules! options {
    ($($(#[$doc:meta])* $method:ident $field:ident;)*) => {
        impl PlotModel {
            $($(#[$doc])*
            pub fn $method(mut self, show: bool) -> PlotModel {
                self.$field = show;
                self
            })*
        }
    };
}

options! {
    /// Whether the shapes of inputs and outputs are shown.
    show_shapes shapes;
    /// Whether the dtypes of outputs are shown.
    show_dtype dtype;
    /// Whether the names of layers are shown; they are by default.
    show_layer_names names;
    /// Whether the activations of layers are shown.
    show_layer_activations activations;
    /// Whether it is shown which layers training changes.
    show_trainable trainable;
    /// Whether models in the model are shown with their layers.
    expand_nested expand_nested;
}

const HEAD: Colour = [0, 78, 135];
const FROZEN: Colour = [110, 110, 110];
const BODY: Colour = [240, 244, 248];
const GROUP: Colour = [250, 250, 246];
const SIZE: f64 = 13.0;
const ROW: f64 = 20.0;
const PADDING: f64 = 10.0;
/// The room around the boxes of a group, and that for its name.
const MARGIN: f64 = 16.0;
const TITLE: f64 = 24.0;

impl PlotModel {
    /// Names of layers from top to bottom.
    pub fn new() -> PlotModel {
        PlotModel::default()
    }

    /// In which direction the arrows go.
    pub fn rankdir(mut self, direction: RankDir) -> PlotModel {
        self.rankdir = direction;
        self
    }

    /// Draws the model into a `.png` or `.svg` file.
    ///
    /// # Errors
    /// Another extension, a picture that is too large for a `.png`, or a file that cannot be
    /// written.
    pub fn write(&self, model: &Model, path: impl AsRef<Path>) -> Result<()> {
        Ok(draw(&self.scene(model), path.as_ref())?)
    }

    /// The picture as the text of an `.svg` file.
    pub fn to_svg(&self, model: &Model) -> String {
        svg_text(&self.scene(model))
    }

    fn scene(&self, model: &Model) -> Scene {
        let group = self.group(&Diagram::of(&model.functional));
        let size = (group.size.0 + 2.0 * MARGIN, group.size.1 + 2.0 * MARGIN);
        let mut shapes = vec![rectangle((0.0, 0.0), size, WHITE)];
        shapes.extend(group.shapes.into_iter().map(|shape| shape.moved((MARGIN, MARGIN))));
        Scene { size, shapes }
    }

    /// The boxes of a model with their arrows.
    fn group(&self, diagram: &Diagram) -> Drawn {
        let boxes: Vec<Drawn> = diagram.boxes.iter().map(|layer| self.layer(layer)).collect();
        let sizes: Vec<Point> = boxes.iter().map(|drawn| drawn.size).collect();
        let sources: Vec<&[usize]> = diagram.boxes.iter().map(|b| b.sources.as_slice()).collect();
        let Arranged { size, corners, arrows } = arrange(&sizes, &sources, self.rankdir);
        let mut shapes = Vec::new();
        for points in arrows {
            shapes.extend(head(&points));
            shapes.push(line(points, 1.2, FAINT));
        }
        for (drawn, corner) in boxes.into_iter().zip(corners) {
            shapes.extend(drawn.shapes.into_iter().map(|shape| shape.moved(corner)));
        }
        Drawn { size, shapes }
    }

    fn layer(&self, layer: &LayerBox) -> Drawn {
        let title = match self.names {
            true => format!("{} ({})", layer.name, layer.class),
            false => layer.class.to_string(),
        };
        if let (true, Some(inner)) = (self.expand_nested, &layer.inner) {
            return framed(&title, self.group(inner));
        }
        let rows = self.rows(layer);
        let widest = rows.iter().chain([&title]).map(|row| text_width(row, SIZE));
        let width = widest.fold(60.0, f64::max) + 2.0 * PADDING;
        let size = (width, ROW * (rows.len() + 1) as f64 + 6.0);
        let colour = if layer.trainable || layer.params == 0 { HEAD } else { FROZEN };
        let mut shapes = vec![
            rectangle((0.0, 0.0), size, BODY),
            rectangle((0.0, 0.0), (width, ROW + 4.0), colour),
        ];
        let base = |row: usize| ROW * row as f64 + 0.5 * ROW + 0.36 * SIZE + 2.0;
        let middle = width / 2.0;
        shapes.push(text((middle, base(0)), &title, SIZE, Anchor::Middle, WHITE));
        for (index, row) in rows.iter().enumerate() {
            let at = (middle, base(index + 1) + 2.0);
            shapes.push(text(at, row, SIZE, Anchor::Middle, INK));
        }
        Drawn { size, shapes }
    }

    fn rows(&self, layer: &LayerBox) -> Vec<String> {
        let mut rows = Vec::new();
        if self.activations
            && let Some(activation) = &layer.activation
        {
            rows.push(format!("activation: {activation}"));
        }
        if self.shapes {
            if !layer.inputs.is_empty() {
                rows.push(format!("input: {}", shapes(&layer.inputs)));
            }
            rows.push(format!("output: {}", shapes(&layer.outputs)));
        }
        if self.dtype
            && let Some(output) = layer.outputs.first()
        {
            rows.push(format!("dtype: {}", output.dtype));
        }
        if self.trainable && layer.params > 0 {
            rows.push(format!("trainable: {}", layer.trainable));
        }
        rows
    }
}

impl Model {
    /// Draws the layers into a `.png` or `.svg` file, with their shapes; [`PlotModel`] draws more.
    ///
    /// # Errors
    /// As [`PlotModel::write`].
    pub fn plot(&self, path: impl AsRef<Path>) -> Result<()> {
        PlotModel::new().show_shapes(true).write(self, path)
    }
}

/// Something drawn, with the upper left corner at zero.
struct Drawn {
    size: Point,
    shapes: Vec<Shape>,
}

/// A frame with a name around something.
fn framed(title: &str, inner: Drawn) -> Drawn {
    let width = inner.size.0.max(text_width(title, SIZE)) + 2.0 * MARGIN;
    let size = (width, inner.size.1 + TITLE + 2.0 * MARGIN);
    let mut shapes = vec![
        rectangle((0.0, 0.0), size, FAINT),
        rectangle((1.0, 1.0), (size.0 - 2.0, size.1 - 2.0), GROUP),
        text((MARGIN, 18.0), title, SIZE, Anchor::Start, INK),
    ];
    let corner = ((width - inner.size.0) / 2.0, TITLE + MARGIN);
    shapes.extend(inner.shapes.into_iter().map(|shape| shape.moved(corner)));
    Drawn { size, shapes }
}

/// The head of an arrow along these points.
fn head(points: &[Point]) -> Option<Shape> {
    let [.., from, to] = points else { return None };
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1e-9);
    let (ux, uy) = (dx / length, dy / length);
    let back = (to.0 - 8.0 * ux, to.1 - 8.0 * uy);
    let (left, right) =
        ((back.0 - 4.0 * uy, back.1 + 4.0 * ux), (back.0 + 4.0 * uy, back.1 - 4.0 * ux));
    Some(Shape::Polygon { points: vec![*to, left, right], fill: FAINT })
}
