//! Usual photos, decoded in the shortest way: JPEG files of three colours that are stored upright.
//!
//! What comes out is what the crate `image` gives, which decodes with the same crate but parses
//! the tables of a file three times on the way. Whatever is unusual, broken files included, is
//! left to it. It must not know what becomes of the pixels.

use std::cell::RefCell;

use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The most pixels: in larger images, the tables are nothing beside the pixels.
const MOST_PIXELS: usize = 1 << 22;

thread_local! {
    /// The pixels of the last photo: a thread decodes one after the other.
    static PIXELS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What `f` makes of the height, the width and the red, green and blue of a photo; `None` if the
/// file is another kind of image, or has to be turned to stand `upright`.
pub(super) fn with_photo<T>(
    bytes: &[u8],
    upright: bool,
    f: impl FnOnce([usize; 2], &[u8]) -> T,
) -> Option<T> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_strict_mode(false)
        .set_max_width(MOST_PIXELS)
        .set_max_height(MOST_PIXELS);
    if !bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return None;
    }
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let turned = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let as_it_is = !upright || turned.is_none_or(|turned| turned == Orientation::NoTransforms);
    let (width, height) = decoder.dimensions()?;
    let pixels = width.checked_mul(height).filter(|pixels| (1..=MOST_PIXELS).contains(pixels))?;
    if decoder.input_colorspace() != Some(ColorSpace::YCbCr) || !as_it_is {
        return None;
    }
    PIXELS.with_borrow_mut(|buffer| {
        // What a file that ends early does not have is black, not what was there before.
        buffer.clear();
        buffer.resize(3 * pixels, 0);
        decoder.decode_into(buffer).ok()?;
        Some(f([height, width], buffer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(width: u32, height: u32) -> Vec<u8> {
        let pixel = |x, y| image::Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, 90]);
        let photo = image::RgbImage::from_fn(width, height, pixel);
        let mut bytes = std::io::Cursor::new(Vec::new());
        photo.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn photos_have_the_pixels_that_the_longer_way_gives() {
        for (width, height) in [(1, 1), (40, 30), (33, 70)] {
            let whole = file(width, height);
            // A file that ends early, after a larger one that the same thread read.
            let short = whole[..whole.len() - whole.len() / 4].to_vec();
            for bytes in [file(90, 80), whole, short] {
                let expected = image::load_from_memory(&bytes).map(|image| image.into_rgb8()).ok();
                let found = with_photo(&bytes, true, |size, pixels| (size, pixels.to_vec()));
                let expected = expected.map(|image| {
                    let size = [image.height() as usize, image.width() as usize];
                    (size, image.into_raw())
                });
                assert_eq!(found, expected, "{width} {height}");
            }
        }
    }

    #[test]
    fn what_is_no_usual_photo_is_left_to_others() {
        let gray = image::GrayImage::from_pixel(9, 9, image::Luma([7]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        gray.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        for bytes in [bytes.into_inner(), b"\x89PNG".to_vec(), file(9, 9)[..40].to_vec()] {
            assert_eq!(with_photo(&bytes, true, |_, _| ()), None);
        }
    }
}
