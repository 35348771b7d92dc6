//! What a picture consists of, whoever writes it.
//!
//! Lengths are pixels of the page; `y` grows downwards.

/// Red, green and blue.
pub(crate) type Colour = [u8; 3];

/// A place on the page.
pub(crate) type Point = (f64, f64);

/// Which end of a text its place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A piece of the picture.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A line through points.
    Line { points: Vec<Point>, width: f64, colour: Colour, dashed: bool },
    /// A filled rectangle; `opacity` is that of the filling.
    Rectangle { corner: Point, size: Point, fill: Colour, opacity: f64 },
    /// A filled circle.
    Circle { centre: Point, radius: f64, fill: Colour },
    /// A filled polygon.
    Polygon { points: Vec<Point>, fill: Colour },
    /// A picture of pixels, three bytes each, drawn with sharp edges into a rectangle.
    Picture { corner: Point, size: Point, width: usize, height: usize, pixels: Vec<u8> },
    /// A text on its base line; a rotated one runs upwards.
    Text { at: Point, text: String, size: f64, anchor: Anchor, colour: Colour, rotated: bool },
}

/// A page and what is on it, from back to front.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) size: Point,
    pub(crate) shapes: Vec<Shape>,
}

/// The lengths of a dash and of the gap after it.
pub(crate) const DASH: [f64; 2] = [7.0, 5.0];

/// A text on its base line.
pub(crate) fn text(at: Point, text: &str, size: f64, anchor: Anchor, colour: Colour) -> Shape {
    Shape::Text { at, text: text.to_owned(), size, anchor, colour, rotated: false }
}

/// A filled rectangle that hides what is behind it.
pub(crate) fn rectangle(corner: Point, size: Point, fill: Colour) -> Shape {
    Shape::Rectangle { corner, size, fill, opacity: 1.0 }
}

/// A solid line.
pub(crate) fn line(points: Vec<Point>, width: f64, colour: Colour) -> Shape {
    Shape::Line { points, width, colour, dashed: false }
}

impl Shape {
    /// The same shape elsewhere.
    pub(crate) fn moved(mut self, by: Point) -> Shape {
        let shift = |point: &mut Point| *point = (point.0 + by.0, point.1 + by.1);
        match &mut self {
            Shape::Line { points, .. } | Shape::Polygon { points, .. } => {
                points.iter_mut().for_each(shift);
            }
            Shape::Rectangle { corner, .. } | Shape::Picture { corner, .. } => shift(corner),
            Shape::Circle { centre, .. } => shift(centre),
            Shape::Text { at, .. } => shift(at),
        }
        self
    }
}
