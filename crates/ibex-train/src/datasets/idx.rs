//! The IDX format of MNIST and its kin: a magic number, extents, and bytes.
//!
//! Source: the description of the format on the MNIST page of Y. LeCun, C. Cortes and C. Burges.

use ibex_graph::Array;

/// Bytes that are not an IDX file of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdxError {
    /// The file ends within its header.
    #[error(
        "the IDX header is cut off\n  expected  {expected} bytes\n  received  {received} bytes"
    )]
    Header {
        /// How long the header claims to be.
        expected: usize,
        /// How many bytes there are.
        received: usize,
    },
    /// The first two bytes are not zero.
    #[error(
        "not an IDX file\n  expected  two zero bytes at its start\n  received  {received:02x?}"
    )]
    Magic {
        /// The first two bytes.
        received: [u8; 2],
    },
    /// The elements are not unsigned bytes.
    #[error(
        "unknown IDX elements\n  expected  type 0x08 (unsigned bytes)\n  received  {received:#04x}"
    )]
    ElementType {
        /// The type byte.
        received: u8,
    },
    /// The extents do not fit the bytes that follow them.
    #[error("an IDX file of shape {shape:?} does not fit its bytes\n  received  {received} bytes")]
    Size {
        /// The shape that the header claims.
        shape: Vec<usize>,
        /// How many bytes follow the header.
        received: usize,
    },
}

/// Reads an IDX file of unsigned bytes into an array of the shape that its header gives.
///
/// The shape is held against the bytes before memory is taken.
///
/// # Errors
/// Whatever keeps `bytes` from being such a file.
pub fn parse(bytes: &[u8]) -> Result<Array, IdxError> {
    let cut_off = |expected: usize| IdxError::Header { expected, received: bytes.len() };
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| cut_off(4))?;
    let [zero, also_zero, element_type, rank] = *magic;
    if [zero, also_zero] != [0, 0] {
        return Err(IdxError::Magic { received: [zero, also_zero] });
    }
    if element_type != 0x08 {
        return Err(IdxError::ElementType { received: element_type });
    }
    let extents_bytes = 4 * usize::from(rank);
    let (extents, elements) =
        rest.split_at_checked(extents_bytes).ok_or_else(|| cut_off(4 + extents_bytes))?;
    let (extents, _) = extents.as_chunks::<4>();
    let shape: Vec<usize> =
        extents.iter().map(|extent| u32::from_be_bytes(*extent) as usize).collect();
    Array::from_slice(shape.clone(), elements)
        .map_err(|_| IdxError::Size { shape, received: elements.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: [u8; 22] =
        [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60];

    #[test]
    fn images_have_the_shape_of_the_header() {
        let array = parse(&IMAGES).unwrap();
        assert_eq!(array.shape().dims(), [1, 2, 3]);
        assert_eq!(array.as_slice::<u8>().unwrap(), [10, 20, 30, 40, 50, 60]);
    }

    #[test]
    fn other_bytes_are_refused() {
        let error = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = IMAGES.to_vec();
            change(&mut bytes);
            parse(&bytes).unwrap_err()
        };
        assert_eq!(error(&|b| b.truncate(3)), IdxError::Header { expected: 4, received: 3 });
        assert_eq!(error(&|b| b.truncate(15)), IdxError::Header { expected: 16, received: 15 });
        assert_eq!(error(&|b| b[0] = 0x1f), IdxError::Magic { received: [0x1f, 0] });
        assert_eq!(error(&|b| b[2] = 0x0d), IdxError::ElementType { received: 0x0d });
        let shape = vec![1, 2, 3];
        assert_eq!(error(&|b| b.truncate(21)), IdxError::Size { shape, received: 5 });
        let huge = |b: &mut Vec<u8>| b[4..16].fill(0xff);
        assert!(matches!(error(&huge), IdxError::Size { received: 6, .. }));
    }

    #[test]
    fn no_bytes_at_all_end_in_a_panic() {
        let mut state = 1_u32;
        for length in 0..2000_usize {
            let mut bytes = vec![0_u8; length % 40];
            for byte in &mut bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = if state >> 31 == 0 { 0 } else { (state >> 16) as u8 };
            }
            if let [_, _, element_type, rank, ..] = bytes.as_mut_slice() {
                (*element_type, *rank) = (8, *rank % 6);
            }
            if let Ok(array) = parse(&bytes) {
                assert!(array.size() <= bytes.len());
            }
        }
    }
}
