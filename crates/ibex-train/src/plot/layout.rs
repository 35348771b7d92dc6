//! Lays a chart out: title, axes with round numbers, grid, curves and legend.

use super::Series;
use super::font::text_width;
use super::scene::{Anchor, Colour, Point, Scene, Shape, text};
use super::ticks::ticks;

/// What is to be seen.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) x_label: &'a str,
    pub(super) y_label: &'a str,
    pub(super) series: &'a [Series],
}

const PAGE: Point = (800.0, 500.0);
pub(crate) const WHITE: Colour = [255, 255, 255];
pub(crate) const INK: Colour = [38, 38, 38];
pub(crate) const FAINT: Colour = [110, 110, 110];
pub(crate) const GRID: Colour = [228, 228, 228];
/// Colours that people with any colour vision can tell apart (M. Okabe and K. Ito, 2008), the
/// darker ones first.
pub(crate) const COLOURS: [Colour; 7] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [60, 60, 60],
];
const TITLE_SIZE: f64 = 17.0;
const LABEL_SIZE: f64 = 14.0;
const TICK_SIZE: f64 = 12.5;
const LEGEND_SIZE: f64 = 13.0;
const LEGEND_ROW: f64 = 21.0;
/// Up to this many points each is marked: the corners of a short curve are its only facts.
const MARKED_POINTS: usize = 25;
/// Numbers beyond this cannot be subtracted from each other without overflow.
const LARGEST: f64 = 1e300;

/// The rectangle of the axes, and the numbers at its sides.
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
}

impl Frame {
    pub(crate) fn place(&self, point: Point) -> Point {
        let part = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let across = part(point.0, self.x);
        let up = part(point.1, self.y);
        let x = self.left + across * (self.right - self.left);
        (x, self.bottom - up * (self.bottom - self.top))
    }
}

fn is_drawable(&(x, y): &Point) -> bool {
    x.abs() <= LARGEST && y.abs() <= LARGEST
}

impl Chart<'_> {
    /// The scene of the chart; `None` if there is no finite point.
    pub(super) fn lay_out(&self) -> Option<Scene> {
        let points: Vec<Point> =
            self.series.iter().flat_map(|one| &one.points).copied().filter(is_drawable).collect();
        let x = widen(extent(points.iter().map(|point| point.0))?, 0.02, None);
        let y = extent(points.iter().map(|point| point.1))?;
        let y = widen(y, 0.06, (y.0 >= 0.0).then_some(0.0));
        let whole = points.iter().all(|point| point.0.fract() == 0.0);
        let x_ticks = ticks(x.0, x.1, 9, whole);
        let y_ticks = ticks(y.0, y.1, 7, false);
        let widest = y_ticks.iter().map(|tick| text_width(&tick.1, TICK_SIZE)).fold(0.0, f64::max);
        let left = 22.0 + LABEL_SIZE + 10.0 + widest + 8.0;
        let frame = Frame { left, right: PAGE.0 - 28.0, top: 52.0, bottom: PAGE.1 - 66.0, x, y };

        let mut shapes =
            vec![Shape::Rectangle { corner: (0.0, 0.0), size: PAGE, fill: WHITE, opacity: 1.0 }];
        draw_axes(&frame, &x_ticks, &y_ticks, &mut shapes);
        self.draw_titles(&frame, &mut shapes);
        for (one, colour) in self.series.iter().zip(self.colours()) {
            draw_series(&frame, one, colour, &mut shapes);
        }
        let placed: Vec<Point> = points.iter().map(|&point| frame.place(point)).collect();
        self.draw_legend(&frame, &placed, &mut shapes);
        Some(Scene { size: PAGE, shapes })
    }

    /// A colour for each series: the same for `loss` and `val_loss`.
    fn colours(&self) -> Vec<Colour> {
        let mut names: Vec<&str> = Vec::new();
        let mut colours = Vec::with_capacity(self.series.len());
        for one in self.series {
            let name = one.name.strip_prefix("val_").unwrap_or(&one.name);
            let known = names.iter().position(|seen| *seen == name);
            let index = known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            colours.push(COLOURS[index % COLOURS.len()]);
        }
        colours
    }

    fn draw_titles(&self, frame: &Frame, shapes: &mut Vec<Shape>) {
        let middle = (frame.left + frame.right) / 2.0;
        shapes.push(text((middle, 33.0), self.title, TITLE_SIZE, Anchor::Middle, INK));
        let under = (middle, PAGE.1 - 20.0);
        shapes.push(text(under, self.x_label, LABEL_SIZE, Anchor::Middle, INK));
        shapes.push(Shape::Text {
            at: (14.0 + LABEL_SIZE, (frame.top + frame.bottom) / 2.0),
            text: self.y_label.to_owned(),
            size: LABEL_SIZE,
            anchor: Anchor::Middle,
            colour: INK,
            rotated: true,
        });
    }

    /// Draws the legend into the corner that hides the fewest points.
    fn draw_legend(&self, frame: &Frame, placed: &[Point], shapes: &mut Vec<Shape>) {
        let (sample, padding, margin) = (30.0, 10.0, 10.0);
        let names = self.series.iter().map(|one| text_width(&one.name, LEGEND_SIZE));
        let width = names.fold(0.0, f64::max) + sample + 3.0 * padding;
        let height = LEGEND_ROW * self.series.len() as f64 + padding;
        let columns = [frame.right - width - margin, frame.left + margin];
        let rows = [frame.top + margin, frame.bottom - height - margin];
        let corners = rows.iter().flat_map(|&y| columns.iter().map(move |&x| (x, y)));
        let hidden = |corner: &Point| {
            let inside = |point: &&Point| {
                point.0 >= corner.0
                    && point.0 <= corner.0 + width
                    && point.1 >= corner.1
                    && point.1 <= corner.1 + height
            };
            placed.iter().filter(inside).count()
        };
        let Some(corner) = corners.min_by_key(hidden) else {
            return;
        };
        let size = (width, height);
        shapes.push(Shape::Rectangle { corner, size, fill: GRID, opacity: 1.0 });
        let inner = (corner.0 + 1.0, corner.1 + 1.0);
        let size = (width - 2.0, height - 2.0);
        shapes.push(Shape::Rectangle { corner: inner, size, fill: WHITE, opacity: 1.0 });
        for (row, (one, colour)) in self.series.iter().zip(self.colours()).enumerate() {
            let y = corner.1 + padding / 2.0 + LEGEND_ROW * (row as f64 + 0.5);
            let x = corner.0 + padding;
            let points = vec![(x, y), (x + sample, y)];
            shapes.push(Shape::Line { points, width: 2.0, colour, dashed: one.dashed });
            let at = (x + sample + padding, y + 0.36 * LEGEND_SIZE);
            shapes.push(text(at, &one.name, LEGEND_SIZE, Anchor::Start, INK));
        }
    }
}

/// Draws the axes, with round numbers and a grid.
pub(crate) fn draw_axes(
    frame: &Frame,
    x_ticks: &[(f64, String)],
    y_ticks: &[(f64, String)],
    shapes: &mut Vec<Shape>,
) {
    let line = |from: Point, to: Point, width: f64, colour: Colour| Shape::Line {
        points: vec![from, to],
        width,
        colour,
        dashed: false,
    };
    for (value, label) in x_ticks {
        let (x, _) = frame.place((*value, frame.y.0));
        shapes.push(line((x, frame.top), (x, frame.bottom), 1.0, GRID));
        let at = (x, frame.bottom + 8.0 + TICK_SIZE);
        shapes.push(text(at, label, TICK_SIZE, Anchor::Middle, FAINT));
    }
    for (value, label) in y_ticks {
        let (_, y) = frame.place((frame.x.0, *value));
        shapes.push(line((frame.left, y), (frame.right, y), 1.0, GRID));
        let at = (frame.left - 8.0, y + 0.36 * TICK_SIZE);
        shapes.push(text(at, label, TICK_SIZE, Anchor::End, FAINT));
    }
    let (left, right) = (frame.left, frame.right);
    shapes.push(line((left, frame.bottom), (right, frame.bottom), 1.2, FAINT));
    shapes.push(line((left, frame.top), (left, frame.bottom), 1.2, FAINT));
}

/// Draws a curve, interrupted where a point is not finite.
fn draw_series(frame: &Frame, one: &Series, colour: Colour, shapes: &mut Vec<Shape>) {
    let drawn = one.points.iter().filter(|point| is_drawable(point)).count();
    for run in one.points.split(|point| !is_drawable(point)) {
        let points: Vec<Point> = run.iter().map(|&point| frame.place(point)).collect();
        // A point between two gaps has no line; its mark is all there is to see of it.
        if drawn <= MARKED_POINTS || points.len() == 1 {
            let mark = |&centre: &Point| Shape::Circle { centre, radius: 3.0, fill: colour };
            shapes.extend(points.iter().map(mark));
        }
        if points.len() > 1 {
            shapes.push(Shape::Line { points, width: 2.0, colour, dashed: one.dashed });
        }
    }
}

/// The smallest and the largest value.
fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// The extent with a part of it added at both ends, not below `floor`.
fn widen((low, high): (f64, f64), part: f64, floor: Option<f64>) -> (f64, f64) {
    let spread = high - low;
    // A flat curve, or one whose ups and downs are nothing but rounding, gets room of its own.
    let spread =
        if spread > 1e-9 * high.abs().max(low.abs()) { spread } else { high.abs().max(1.0) };
    let (low, high) = (low - part * spread, high + part * spread);
    (floor.map_or(low, |floor| low.max(floor)), high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(series: &[Series]) -> Vec<Shape> {
        Chart { title: "t", x_label: "x", y_label: "y", series }.lay_out().unwrap().shapes
    }

    fn curves(shapes: &[Shape]) -> Vec<(usize, Colour, bool)> {
        let curve = |shape: &Shape| match shape {
            Shape::Line { points, colour, dashed, width } if *width == 2.0 => {
                Some((points.len(), *colour, *dashed))
            }
            _ => None,
        };
        shapes.iter().filter_map(curve).collect()
    }

    #[test]
    fn validation_has_the_colour_of_training() {
        let one = |name: &str, dashed| Series {
            name: name.into(),
            points: vec![(0.0, 1.0), (1.0, 2.0), (2.0, 0.5)],
            dashed,
        };
        let shapes = chart(&[one("loss", false), one("val_loss", true), one("auc", false)]);
        let found = curves(&shapes);
        let [first, second, third] = [COLOURS[0], COLOURS[0], COLOURS[1]];
        // Three curves, then their samples in the legend.
        assert_eq!(found[..3], [(3, first, false), (3, second, true), (3, third, false)]);
        assert_eq!(found[3..], [(2, first, false), (2, second, true), (2, third, false)]);
    }

    #[test]
    fn a_curve_is_interrupted_where_it_is_not_finite() {
        let values = [1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 2.0, 1.0, 4.0];
        let points = values.iter().enumerate().map(|(x, &y)| (x as f64, y)).collect();
        let shapes = chart(&[Series { name: "a".into(), points, dashed: false }]);
        let lengths: Vec<usize> = curves(&shapes).iter().map(|curve| curve.0).collect();
        assert_eq!(lengths, [2, 3, 2]);
        let marks = shapes.iter().filter(|shape| matches!(shape, Shape::Circle { .. })).count();
        assert_eq!(marks, 6);
    }

    #[test]
    fn everything_is_on_the_page() {
        let points: Vec<Point> = (0..200).map(|x| (f64::from(x), f64::from(x * x % 37))).collect();
        let on_page = |point: &Point| {
            point.0 >= 0.0 && point.0 <= PAGE.0 && point.1 >= 0.0 && point.1 <= PAGE.1
        };
        for shape in chart(&[Series { name: "a".into(), points, dashed: true }]) {
            match shape {
                Shape::Line { points, .. } | Shape::Polygon { points, .. } => {
                    assert!(points.iter().all(on_page));
                }
                Shape::Circle { centre, .. } => assert!(on_page(&centre)),
                Shape::Text { at, .. } => assert!(on_page(&at)),
                Shape::Rectangle { corner, size, .. } | Shape::Picture { corner, size, .. } => {
                    assert!(on_page(&corner));
                    assert!(on_page(&(corner.0 + size.0, corner.1 + size.1)));
                }
            }
        }
    }

    #[test]
    fn losses_do_not_get_an_axis_below_zero() {
        assert_eq!(widen((0.01, 1.0), 0.06, Some(0.0)).0, 0.0);
        assert!(widen((-1.0, 1.0), 0.06, None).0 < -1.0);
        let flat = widen((5.0, 5.0), 0.06, None);
        assert!(flat.0 < 5.0 && flat.1 > 5.0);
    }
}
