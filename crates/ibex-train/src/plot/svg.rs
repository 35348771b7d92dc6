//! Writes a scene as SVG.

use std::fmt::Write;

use super::scene::{Anchor, Colour, DASH, Point, Scene, Shape};

/// The bytes of the file.
pub(super) fn write(scene: &Scene) -> Result<Vec<u8>, String> {
    let mut text = String::new();
    write_scene(scene, &mut text).map_err(|error| error.to_string())?;
    Ok(text.into_bytes())
}

fn write_scene(scene: &Scene, out: &mut String) -> std::fmt::Result {
    let (width, height) = scene.size;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" \
         font-family=\"'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif\">"
    )?;
    for shape in &scene.shapes {
        write_shape(shape, out)?;
    }
    writeln!(out, "</svg>")
}

fn write_shape(shape: &Shape, out: &mut String) -> std::fmt::Result {
    match shape {
        Shape::Line { points, width, colour, dashed } => {
            let places: Vec<String> = points.iter().map(place).collect();
            let dash = match dashed {
                true => format!(" stroke-dasharray=\"{} {}\"", DASH[0], DASH[1]),
                false => String::new(),
            };
            writeln!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" \
                 stroke-linejoin=\"round\"{dash}/>",
                places.join(" "),
                hex(*colour)
            )
        }
        Shape::Rectangle { corner, size, fill, opacity } => writeln!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\" \
             fill-opacity=\"{opacity}\"/>",
            corner.0,
            corner.1,
            size.0,
            size.1,
            hex(*fill)
        ),
        Shape::Circle { centre, radius, fill } => writeln!(
            out,
            "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius}\" fill=\"{}\"/>",
            centre.0,
            centre.1,
            hex(*fill)
        ),
        Shape::Polygon { points, fill } => {
            let places: Vec<String> = points.iter().map(place).collect();
            writeln!(out, "<polygon points=\"{}\" fill=\"{}\"/>", places.join(" "), hex(*fill))
        }
        Shape::Picture { corner, size, width, height, pixels } => {
            let png = super::png::encode(*width, *height, pixels).unwrap_or_default();
            write_picture(*corner, *size, &png, out)
        }
        Shape::Text { at, text, size, anchor, colour, rotated } => {
            let turn = match rotated {
                true => format!(" transform=\"rotate(-90 {:.2} {:.2})\"", at.0, at.1),
                false => String::new(),
            };
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            writeln!(
                out,
                "<text x=\"{:.2}\" y=\"{:.2}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
                 fill=\"{}\"{turn}>{}</text>",
                at.0,
                at.1,
                hex(*colour),
                escape(text)
            )
        }
    }
}

/// A picture whose pixels stay sharp.
fn write_picture(corner: Point, size: Point, png: &[u8], out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "<image x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" \
         preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" \
         href=\"data:image/png;base64,{}\"/>",
        corner.0,
        corner.1,
        size.0,
        size.1,
        super::base64(png)
    )
}

fn place(point: &Point) -> String {
    format!("{:.2},{:.2}", point.0, point.1)
}

fn hex(colour: Colour) -> String {
    let [red, green, blue] = colour;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text as XML wants it; characters that XML cannot hold become spaces.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            character if character.is_control() => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_the_file() {
        assert_eq!(escape("a<b>&\"c\"\n\u{1}"), "a&lt;b&gt;&amp;&quot;c&quot;  ");
    }
}
