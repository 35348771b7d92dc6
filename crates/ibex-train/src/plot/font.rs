//! The bundled font: widths and outlines of texts.
//!
//! See `data/font/SOURCE.md` for where it comes from.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

static FONT: &[u8] = include_bytes!("../../data/font/plot.ttf");

/// The font at a size in pixels.
pub(crate) struct Font {
    face: Face<'static>,
    scale: f64,
}

/// A glyph of a text and how far along the base line it begins.
pub(crate) struct Placed {
    glyph: GlyphId,
    pub(crate) offset: f64,
}

impl Font {
    /// The font at this size; `None` only if the bundled bytes are damaged.
    pub(crate) fn new(size: f64) -> Option<Font> {
        let face = Face::parse(FONT, 0).ok()?;
        let scale = size / f64::from(face.units_per_em());
        Some(Font { face, scale })
    }

    /// Pixels of one unit of an outline.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// The glyphs of a text, and its width; what the font lacks becomes its box.
    pub(crate) fn place(&self, text: &str) -> (Vec<Placed>, f64) {
        let mut offset = 0.0;
        let mut placed = Vec::new();
        for character in text.chars() {
            let glyph = self.face.glyph_index(character).unwrap_or(GlyphId(0));
            placed.push(Placed { glyph, offset });
            offset += self.scale * f64::from(self.face.glyph_hor_advance(glyph).unwrap_or(0));
        }
        (placed, offset)
    }

    /// Draws the outline of a glyph, in units of the font with `y` upwards.
    pub(crate) fn outline(&self, placed: &Placed, builder: &mut dyn OutlineBuilder) {
        self.face.outline_glyph(placed.glyph, builder);
    }
}

/// The width of a text at a size, in pixels.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    Font::new(size).map_or(0.0, |font| font.place(text).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_text_and_size() {
        assert_eq!(text_width("", 12.0), 0.0);
        let one = text_width("m", 12.0);
        assert!(one > 6.0 && one < 14.0, "{one}");
        assert!((text_width("mm", 24.0) - 4.0 * one).abs() < 1e-9);
        assert!(text_width("漢", 12.0) > 0.0);
    }
}
