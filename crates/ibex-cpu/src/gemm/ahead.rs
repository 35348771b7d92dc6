//! Memory that is packed next, asked for while the tiles before it compute.
//!
//! Packing waits for memory and computing does not, so one after the other wastes both. Tiles ask
//! for one line at every step, so that what comes next is in the second cache when it is packed.
//! Must not know: what a product computes.

use std::ops::Range;

use super::view::View;

/// Floats in a line of the cache.
const LINE: usize = 16;

/// Lines of memory that a tile asks for, one at every step: down a column of lines, then down the
/// one beside it.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    /// The next, or null for none.
    pub(crate) from: *const f32,
    /// Floats from one to the one below.
    down: isize,
    /// How many are left in this column, and how many are in each.
    left: usize,
    rows: usize,
    /// Floats from below the last of a column to the first of the one beside it.
    beside: isize,
}

impl Stream {
    /// Nothing.
    pub(crate) const NONE: Self =
        Self { from: std::ptr::null(), down: 0, left: usize::MAX, rows: usize::MAX, beside: 0 };

    /// Goes on to the next line.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        self.from = self.from.wrapping_offset(self.down);
        self.left -= 1;
        if self.left == 0 {
            self.from = self.from.wrapping_offset(self.beside);
            self.left = self.rows;
        }
    }
}

/// A part of a matrix whose lines are asked for.
pub(super) struct Ahead {
    from: *const f32,
    down: isize,
    rows: usize,
    lines: usize,
    asked: usize,
}

impl Ahead {
    /// Nothing.
    pub(super) const NOTHING: Self =
        Self { from: std::ptr::null(), down: 0, rows: 0, lines: 0, asked: 0 };

    /// Some lanes (rows of the view) over some steps; nothing where neither are neighbours.
    pub(super) fn of(view: &View, lanes: Range<usize>, steps: Range<usize>) -> Self {
        let View::Strided { data, row, column } = *view else { return Self::NOTHING };
        let offset = lanes.start.cast_signed() * row + steps.start.cast_signed() * column;
        // Only asked for, never read.
        let from = data.wrapping_offset(offset);
        match (row, column) {
            (_, 1) => Self::rows(from, row, lanes.len(), steps.len()),
            (1, _) => Self::rows(from, column, steps.len(), lanes.len()),
            _ => Self::NOTHING,
        }
    }

    /// So many rows of so many floats, so far apart.
    pub(super) fn rows(from: *const f32, down: isize, rows: usize, floats: usize) -> Self {
        if floats == 0 {
            return Self::NOTHING;
        }
        // Rows begin anywhere in a line, and end in one that may have to be counted, too.
        let begin = from.addr() / size_of::<f32>() % LINE;
        let columns = match down.cast_unsigned().is_multiple_of(LINE) {
            true => (begin + floats).div_ceil(LINE),
            false => floats.div_ceil(LINE) + 1,
        };
        Self { from, down, rows, lines: rows * columns, asked: 0 }
    }

    /// What the next tile asks for in its steps.
    #[inline(always)]
    pub(super) fn stream(&mut self, steps: usize) -> Stream {
        if self.asked >= self.lines {
            return Stream::NONE;
        }
        let (column, row) = (self.asked / self.rows, self.asked % self.rows);
        self.asked += steps;
        let at = (row.cast_signed() * self.down).wrapping_add((column * LINE).cast_signed());
        Stream {
            from: self.from.wrapping_offset(at),
            down: self.down,
            left: self.rows - row,
            rows: self.rows,
            beside: LINE.cast_signed() - self.rows.cast_signed() * self.down,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The lines that tiles of so many steps ask for, until nothing is left.
    fn asked(mut ahead: Ahead, steps: usize) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        for _ in 0..1000 {
            let mut stream = ahead.stream(steps);
            if stream.from.is_null() {
                break;
            }
            for _ in 0..steps {
                lines.insert(stream.from.addr() / (4 * LINE));
                stream.advance();
            }
        }
        lines
    }

    #[test]
    fn every_line_of_the_part_is_asked_for() {
        let memory = vec![0.0_f32; 100 * 100];
        for (distance, lanes, steps) in [(100, 3..40, 17..91), (96, 0..33, 5..6), (64, 7..8, 1..64)]
        {
            for turned in [false, true] {
                let data = memory.as_ptr();
                let (row, column) = if turned { (1, distance) } else { (distance, 1) };
                let view = View::Strided { data, row, column };
                let element = |lane: usize, step: usize| {
                    let offset = lane.cast_signed() * row + step.cast_signed() * column;
                    data.wrapping_offset(offset).addr() / (4 * LINE)
                };
                let wanted: BTreeSet<usize> = lanes
                    .clone()
                    .flat_map(|i| steps.clone().map(move |j| (i, j)))
                    .map(|(i, j)| element(i, j))
                    .collect();
                for tile in [1, 7, 33, 500] {
                    let found = asked(Ahead::of(&view, lanes.clone(), steps.clone()), tile);
                    let missing: Vec<_> = wanted.difference(&found).collect();
                    assert!(missing.is_empty(), "{distance} {turned} {tile}: {missing:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_asked_for_where_neither_lanes_nor_steps_are_neighbours() {
        let memory = [0.0_f32; 64];
        let view = View::Strided { data: memory.as_ptr(), row: 16, column: 2 };
        assert!(Ahead::of(&view, 0..4, 0..8).stream(8).from.is_null());
        let mut nothing = Ahead::NOTHING;
        assert!(nothing.stream(8).from.is_null());
    }
}
