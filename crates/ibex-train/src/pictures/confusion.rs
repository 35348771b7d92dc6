//! Which classes a classifier takes for which.

use std::path::Path;

use crate::error::Result;
use crate::plot::font::text_width;
use crate::plot::layout::{FAINT, INK, WHITE};
use crate::plot::scene::{Anchor, Colour, Scene, Shape, rectangle, text};
use crate::plot::{draw, svg_text};

/// Beyond so many classes the numbers would not be read.
const NUMBERED: usize = 30;
const FULL: Colour = [0, 78, 135];

/// Draws how often each class (a row) was taken for each class (a column).
///
/// A cell is the darker the larger its share of the row.
///
/// # Errors
/// If the file cannot be written.
pub fn confusion_matrix(
    counts: &[Vec<usize>],
    labels: &[String],
    path: impl AsRef<Path>,
) -> Result<()> {
    Ok(draw(&scene(counts, labels), path.as_ref())?)
}

/// The picture of [`confusion_matrix`] as text.
pub(crate) fn confusion_svg(counts: &[Vec<usize>], labels: &[String]) -> String {
    svg_text(&scene(counts, labels))
}

fn scene(counts: &[Vec<usize>], labels: &[String]) -> Scene {
    let classes = counts.len().max(1);
    let cell = (560.0 / classes as f64).clamp(6.0, 64.0);
    let size = (cell * 0.34).clamp(5.0, 13.0);
    let label = |class: usize| labels.get(class).cloned().unwrap_or_else(|| class.to_string());
    let widest = (0..classes).map(|class| text_width(&label(class), size)).fold(0.0, f64::max);
    let (left, top) = (56.0 + widest, 60.0);
    let side = cell * classes as f64;
    let page = ((left + side + 24.0).max(240.0), top + side + 44.0 + widest);
    let mut shapes = vec![rectangle((0.0, 0.0), page, WHITE)];
    let correct: usize = (0..counts.len()).map(|class| counts[class][class]).sum();
    let all: usize = counts.iter().flatten().sum();
    let title = format!("{correct} of {all} right");
    shapes.push(text((left + side / 2.0, 26.0), &title, 16.0, Anchor::Middle, INK));
    shapes.push(text((left + side / 2.0, 46.0), "predicted", 12.5, Anchor::Middle, FAINT));
    shapes.push(Shape::Text {
        at: (22.0, top + side / 2.0),
        text: "true".to_string(),
        size: 12.5,
        anchor: Anchor::Middle,
        colour: FAINT,
        rotated: true,
    });
    for (row, counts) in counts.iter().enumerate() {
        let total = counts.iter().sum::<usize>().max(1) as f64;
        let middle = cell * 0.5 + size * 0.36;
        let y = top + cell * row as f64;
        shapes.push(text((left - 8.0, y + middle), &label(row), size, Anchor::End, INK));
        shapes.push(Shape::Text {
            at: (left + cell * row as f64 + middle, top + side + 10.0),
            text: label(row),
            size,
            anchor: Anchor::End,
            colour: INK,
            rotated: true,
        });
        for (column, &count) in counts.iter().enumerate() {
            let share = count as f64 / total;
            let corner = (left + cell * column as f64, y);
            shapes.push(rectangle(corner, (cell - 1.0, cell - 1.0), shade(share)));
            if classes <= NUMBERED && count > 0 {
                let colour = if share > 0.5 { WHITE } else { INK };
                let at = (corner.0 + cell / 2.0, y + middle);
                shapes.push(text(at, &count.to_string(), size, Anchor::Middle, colour));
            }
        }
    }
    Scene { size: page, shapes }
}

/// From nearly white for nothing to dark for all.
fn shade(share: f64) -> Colour {
    // The square root makes rare confusions visible.
    let part = share.sqrt();
    let mix = |full: u8| (244.0 + (f64::from(full) - 244.0) * part).round() as u8;
    FULL.map(mix)
}
