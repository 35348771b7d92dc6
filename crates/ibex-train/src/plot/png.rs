//! Paints a scene as PNG, with two pixels to each of the page so that it is sharp on any screen.

use tiny_skia::{
    ColorU8, FillRule, FilterQuality, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap,
    PixmapPaint, Rect, Stroke, StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::font::Font;
use super::scene::{Anchor, Colour, DASH, Point, Scene, Shape};

/// Pixels of the picture to each pixel of the page.
const SCALE: f32 = 2.0;

/// The most bytes that the pixels of a picture may take.
const LARGEST: u64 = 1 << 30;

/// The bytes of the file.
pub(super) fn write(scene: &Scene) -> Result<Vec<u8>, String> {
    let side = |length: f64| (length as f32 * SCALE).ceil() as u32;
    let (width, height) = (side(scene.size.0), side(scene.size.1));
    let bytes = u64::from(width) * u64::from(height) * 4;
    if bytes > LARGEST {
        return Err(format!(
            "the picture has {width} times {height} pixels, which is too many for a .png file; an \
             .svg file has no pixels"
        ));
    }
    let mut pixmap = Pixmap::new(width, height).ok_or("the page has no pixels")?;
    for shape in &scene.shapes {
        paint_shape(&mut pixmap, shape);
    }
    pixmap.encode_png().map_err(|error| error.to_string())
}

/// The bytes of a file with these pixels, three bytes for each.
pub(super) fn encode(width: usize, height: usize, colours: &[u8]) -> Result<Vec<u8>, String> {
    let pixmap = pixels(width, height, colours)?;
    pixmap.encode_png().map_err(|error| error.to_string())
}

fn pixels(width: usize, height: usize, colours: &[u8]) -> Result<Pixmap, String> {
    let mut pixmap = Pixmap::new(width as u32, height as u32).ok_or("the picture has no pixels")?;
    for (pixel, colour) in pixmap.pixels_mut().iter_mut().zip(colours.chunks_exact(3)) {
        *pixel = ColorU8::from_rgba(colour[0], colour[1], colour[2], 255).premultiply();
    }
    Ok(pixmap)
}

fn paint_shape(pixmap: &mut Pixmap, shape: &Shape) {
    let scale = Transform::from_scale(SCALE, SCALE);
    match shape {
        Shape::Line { points, width, colour, dashed } => {
            let dash = DASH.map(|length| length as f32).to_vec();
            let stroke = Stroke {
                width: *width as f32,
                line_join: LineJoin::Round,
                line_cap: LineCap::Butt,
                dash: if *dashed { StrokeDash::new(dash, 0.0) } else { None },
                ..Stroke::default()
            };
            if let Some(path) = polyline(points) {
                pixmap.stroke_path(&path, &paint(*colour, 1.0), &stroke, scale, None);
            }
        }
        Shape::Rectangle { corner, size, fill, opacity } => {
            let (x, y, width, height) =
                (corner.0 as f32, corner.1 as f32, size.0 as f32, size.1 as f32);
            if let Some(rectangle) = Rect::from_xywh(x, y, width, height) {
                pixmap.fill_rect(rectangle, &paint(*fill, *opacity), scale, None);
            }
        }
        Shape::Circle { centre, radius, fill } => {
            let circle = PathBuilder::from_circle(centre.0 as f32, centre.1 as f32, *radius as f32);
            if let Some(path) = circle {
                pixmap.fill_path(&path, &paint(*fill, 1.0), FillRule::Winding, scale, None);
            }
        }
        Shape::Polygon { points, fill } => {
            if let Some(path) = polyline(points) {
                let rule = FillRule::Winding;
                pixmap.fill_path(&path, &paint(*fill, 1.0), rule, scale, None);
            }
        }
        Shape::Picture { corner, size, width, height, pixels: colours } => {
            let Ok(picture) = pixels(*width, *height, colours) else { return };
            let stretch = (size.0 / *width as f64, size.1 / *height as f64);
            let place = scale
                .pre_translate(corner.0 as f32, corner.1 as f32)
                .pre_scale(stretch.0 as f32, stretch.1 as f32);
            let sharp = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
            pixmap.draw_pixmap(0, 0, picture.as_ref(), &sharp, place, None);
        }
        Shape::Text { at, text, size, anchor, colour, rotated } => {
            paint_text(pixmap, *at, text, *size, *anchor, &paint(*colour, 1.0), *rotated);
        }
    }
}

fn paint_text(
    pixmap: &mut Pixmap,
    at: Point,
    text: &str,
    size: f64,
    anchor: Anchor,
    paint: &Paint<'_>,
    rotated: bool,
) {
    let Some(font) = Font::new(size) else {
        return;
    };
    let (glyphs, width) = font.place(text);
    let start = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let unit = font.scale() as f32;
    let turn = if rotated { -90.0 } else { 0.0 };
    for glyph in &glyphs {
        let mut outline = Outline(PathBuilder::new());
        font.outline(glyph, &mut outline);
        let Some(path) = outline.0.finish() else {
            continue;
        };
        // Read from the end: glyph units, along the base line, turned, placed, in pixels.
        let transform = Transform::from_scale(SCALE, SCALE)
            .pre_translate(at.0 as f32, at.1 as f32)
            .pre_rotate(turn)
            .pre_translate((start + glyph.offset) as f32, 0.0)
            .pre_scale(unit, -unit);
        pixmap.fill_path(&path, paint, FillRule::Winding, transform, None);
    }
}

fn paint(colour: Colour, opacity: f64) -> Paint<'static> {
    let [red, green, blue] = colour;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, (opacity * 255.0).round() as u8);
    paint
}

fn polyline(points: &[Point]) -> Option<Path> {
    let (first, rest) = points.split_first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.0 as f32, first.1 as f32);
    for point in rest {
        builder.line_to(point.0 as f32, point.1 as f32);
    }
    builder.finish()
}

/// Hands the outline of a glyph on to a path.
struct Outline(PathBuilder);

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
