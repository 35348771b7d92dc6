//! Charts of curves over epochs, as `.png` or `.svg`.
//!
//! A chart is laid out once into a `scene` of lines, rectangles and texts, in units of a pixel of
//! a page 800 wide; the file's extension chooses who writes the scene.
//! It needs no system font and no system library.
//! It must not know histories or metrics: whoever calls it names the series.
//!
//! Read `layout` first, then `ticks`, `scene`, `svg` and `png`.
//! Why not `plotters`: without system fonts it draws text only in fonts of a table that the whole
//! process shares, which a library must not fill for its users.

use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) mod font;
pub(crate) mod layout;
mod png;
pub(crate) mod scene;
mod svg;
pub(crate) mod ticks;

/// A curve: its name in the legend, its points, and how it is drawn.
///
/// Two series whose names differ only by a leading `val_` have the same colour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// The points `(x, y)`, by growing `x`; the curve is interrupted where one is not finite.
    pub points: Vec<(f64, f64)>,
    /// Dashed (as for validation) rather than solid.
    pub dashed: bool,
}

/// A chart that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The extension of the file names no format.
    #[error(
        "cannot tell how to draw `{}`\n  expected  a name that ends in .png or .svg",
        path.display()
    )]
    Format {
        /// The file asked for.
        path: PathBuf,
    },
    /// There is nothing to draw.
    #[error(
        "nothing to draw in `{}`\n  expected  at least one finite point\n  received  {received}",
        path.display()
    )]
    Empty {
        /// The file asked for.
        path: PathBuf,
        /// What the series hold instead.
        received: String,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] ibex_format::FormatError),
    /// The picture cannot be painted or packed.
    #[error("cannot draw `{}`: {reason}", path.display())]
    Draw {
        /// The file asked for.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Draws curves into a file whose extension is `.png` or `.svg`.
///
/// # Errors
/// Another extension, no finite point at all, or a file that cannot be written.
///
/// ```
/// use ibex_train::plot::{Series, line_chart};
///
/// let curve = |name: &str, values: &[f64], dashed| {
///     let points = values.iter().enumerate().map(|(epoch, &value)| (epoch as f64, value));
///     Series { name: name.to_owned(), points: points.collect(), dashed }
/// };
/// let curves =
///     [curve("loss", &[0.9, 0.4, 0.2], false), curve("val_loss", &[0.8, 0.5, 0.3], true)];
/// let file = std::env::temp_dir().join("ibex-line-chart.svg");
/// line_chart("Training", "epoch", "loss", &curves, &file)?;
/// assert!(std::fs::read_to_string(&file)?.starts_with("<svg"));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn line_chart(
    title: &str,
    x_label: &str,
    y_label: &str,
    series: &[Series],
    path: impl AsRef<Path>,
) -> Result<(), PlotError> {
    let path = path.as_ref();
    let chart = layout::Chart { title, x_label, y_label, series };
    let Some(scene) = chart.lay_out() else {
        let points: usize = series.iter().map(|one| one.points.len()).sum();
        let received = format!("{points} points in {} series", series.len());
        writer(path)?;
        return Err(PlotError::Empty { path: path.to_owned(), received });
    };
    draw(&scene, path)
}

/// What makes the bytes of a file of a scene.
type Writer = fn(&scene::Scene) -> Result<Vec<u8>, String>;

/// Who writes a file of this name.
fn writer(path: &Path) -> Result<Writer, PlotError> {
    let extension = path.extension().and_then(|end| end.to_str()).map(str::to_lowercase);
    match extension.as_deref() {
        Some("png") => Ok(png::write),
        Some("svg") => Ok(svg::write),
        _ => Err(PlotError::Format { path: path.to_owned() }),
    }
}

/// Writes a scene to a file whose extension is `.png` or `.svg`, whole or not at all.
///
/// # Errors
/// Another extension, or a file that cannot be written.
pub(crate) fn draw(scene: &scene::Scene, path: &Path) -> Result<(), PlotError> {
    let bytes =
        writer(path)?(scene).map_err(|reason| PlotError::Draw { path: path.to_owned(), reason })?;
    Ok(ibex_format::write_atomically(path, |file| {
        file.write_all(&bytes).map_err(ibex_format::FormatError::writing(path))
    })?)
}

/// A scene as the text of an `.svg` file.
pub(crate) fn svg_text(scene: &scene::Scene) -> String {
    let bytes = svg::write(scene).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// Bytes as text, by RFC 4648.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// A colour picture as PNG, three bytes for each pixel.
///
/// # Errors
/// If it has no pixels.
pub(crate) fn colour_png(
    (width, height): (usize, usize),
    pixels: &[u8],
) -> Result<Vec<u8>, PlotError> {
    png::encode(width, height, pixels)
        .map_err(|reason| PlotError::Draw { path: PathBuf::from("a picture"), reason })
}

/// A grey picture as PNG, one byte for each pixel.
///
/// # Errors
/// If it has no pixels.
pub(crate) fn grey_png(
    (width, height): (usize, usize),
    pixels: &[u8],
) -> Result<Vec<u8>, PlotError> {
    let colours: Vec<u8> = pixels.iter().flat_map(|&grey| [grey, grey, grey]).collect();
    colour_png((width, height), &colours)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn series(name: &str, values: &[f64], dashed: bool) -> Series {
        let points = values.iter().enumerate().map(|(x, &y)| (x as f64, y)).collect();
        Series { name: name.into(), points, dashed }
    }

    #[test]
    fn a_chart_is_a_picture_of_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let curves = [series("loss", &[1.0, 0.5, 0.3], false), series("val_loss", &[0.9], true)];
        let draw = |name: &str| {
            let path = folder.path().join(name);
            line_chart("Training <1>", "epoch", "loss", &curves, &path).unwrap();
            fs::read(path).unwrap()
        };
        let png = draw("a.png");
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        let side = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
        assert_eq!((side(16), side(20)), (1600, 1000));
        let svg = String::from_utf8(draw("b.SVG")).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        for part in ["Training &lt;1&gt;", ">val_loss<", ">epoch<", "stroke-dasharray"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (bytes, text) in pairs {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = |curves: &[Series], path: &Path| {
            line_chart("", "", "", curves, path).unwrap_err().to_string()
        };
        let one = [series("a", &[1.0], false)];
        assert_eq!(
            error(&one, Path::new("curves.gif")),
            "cannot tell how to draw `curves.gif`\n  expected  a name that ends in .png or .svg"
        );
        let empty = "`a.svg`\n  expected  at least one finite point\n  received  ";
        let message = error(&[series("a", &[f64::NAN, f64::INFINITY], false)], Path::new("a.svg"));
        assert_eq!(message, format!("nothing to draw in {empty}2 points in 1 series"));
        let message = error(&[], Path::new("a.svg"));
        assert_eq!(message, format!("nothing to draw in {empty}0 points in 0 series"));
        let nowhere = folder.path().join("no").join("a.svg");
        assert!(error(&one, &nowhere).starts_with("cannot write `"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [&[f64]; 7] = [
            &[0.0],
            &[5.0, 5.0, 5.0],
            &[1.0, f64::NAN, 2.0, f64::INFINITY, 3.0],
            &[-1e-12, 1e-12],
            &[1e200, -1e200],
            &[f64::MIN_POSITIVE, 0.0],
            &[1e9, 1e9 + 1.0],
        ];
        for values in cases {
            for name in ["a.png", "a.svg"] {
                let curves = [series("a", values, false), series("b", values, true)];
                line_chart("t", "x", "y", &curves, folder.path().join(name)).unwrap();
            }
        }
    }
}
