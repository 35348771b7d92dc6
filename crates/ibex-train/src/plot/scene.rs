//! What a picture consists of, whoever writes it.
//!
//! Lengths are pixels of the page; `y` grows downwards.

/// Red, green and blue.
pub(super) type Colour = [u8; 3];

/// A place on the page.
pub(super) type Point = (f64, f64);

/// Which end of a text its place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A piece of the picture.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A line through points.
    Line { points: Vec<Point>, width: f64, colour: Colour, dashed: bool },
    /// A filled rectangle; `opacity` is that of the filling.
    Rectangle { corner: Point, size: Point, fill: Colour, opacity: f64 },
    /// A filled circle.
    Circle { centre: Point, radius: f64, fill: Colour },
    /// A text on its base line; a rotated one runs upwards.
    Text { at: Point, text: String, size: f64, anchor: Anchor, colour: Colour, rotated: bool },
}

/// A page and what is on it, from back to front.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) size: Point,
    pub(super) shapes: Vec<Shape>,
}

/// The lengths of a dash and of the gap after it.
pub(super) const DASH: [f64; 2] = [7.0, 5.0];
