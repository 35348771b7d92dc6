//! Where boxes and arrows go: in ranks, so that arrows lead from one rank to a later one.
//!
//! The method is that of Sugiyama, Tagawa and Toda (1981): longest paths give the ranks, arrows
//! across several ranks get a place in each of them, the order within a rank is that of the means
//! of the neighbours, and the places are moved towards those means as far as order and room allow.
//! It must not know what the boxes are.

use super::RankDir;
use crate::plot::scene::Point;

/// The room between boxes of a rank, and between ranks.
const GAP: f64 = 28.0;
const RANK_GAP: f64 = 34.0;
/// The room of an arrow that passes a rank.
const LANE: f64 = 14.0;
/// How often order and places are improved.
const ROUNDS: usize = 8;

/// Boxes in their places.
pub(super) struct Arranged {
    pub(super) size: Point,
    /// The upper left corner of each box.
    pub(super) corners: Vec<Point>,
    /// The points of each arrow.
    pub(super) arrows: Vec<Vec<Point>>,
}

/// A box, or the place where an arrow passes a rank.
struct Place {
    rank: usize,
    /// Across the direction of the arrows, and along it.
    across: f64,
    along: f64,
    centre: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Arranges boxes of these sizes; `sources` are those from which arrows lead to each.
pub(super) fn arrange(sizes: &[Point], sources: &[&[usize]], direction: RankDir) -> Arranged {
    let turned = direction == RankDir::LeftToRight;
    let turn = |point: Point| if turned { (point.1, point.0) } else { point };
    let mut places: Vec<Place> = Vec::new();
    for (index, &size) in sizes.iter().enumerate() {
        // An arrow back, to a layer that is called again, does not count for the rank.
        let earlier = sources[index].iter().filter(|&&source| source < index);
        let rank = earlier.map(|&source| places[source].rank + 1).max().unwrap_or(0);
        places.push(Place::new(rank, turn(size)));
    }
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for (index, sources) in sources.iter().enumerate() {
        for &source in *sources {
            chains.push(connect(&mut places, source, index));
        }
    }
    let ranks = order(&mut places);
    let along = along(&places, &ranks);
    let mut least = f64::INFINITY;
    let mut most = f64::NEG_INFINITY;
    for place in &places {
        least = least.min(place.centre - place.across / 2.0);
        most = most.max(place.centre + place.across / 2.0);
    }
    let corner = |index: usize| {
        let place = &places[index];
        // Boxes lie in the middle of their rank.
        let middle = along[place.rank].0 + (along[place.rank].1 - place.along) / 2.0;
        (place.centre - place.across / 2.0 - least, middle)
    };
    let point = |index: usize, end: f64| {
        let (across, start) = corner(index);
        (across + places[index].across / 2.0, start + places[index].along * end)
    };
    let arrow = |chain: &Vec<usize>| {
        let last = chain.len() - 1;
        let points = chain.iter().enumerate().flat_map(|(position, &index)| match position {
            0 => vec![point(index, 1.0)],
            p if p == last => vec![point(index, 0.0)],
            _ => vec![point(index, 0.0), point(index, 1.0)],
        });
        points.map(turn).collect::<Vec<Point>>()
    };
    let end = along.last().map_or(0.0, |(start, extent)| start + extent);
    Arranged {
        size: turn(((most - least).max(0.0), end)),
        corners: (0..sizes.len()).map(|index| turn(corner(index))).collect(),
        arrows: chains.iter().map(arrow).collect(),
    }
}

impl Place {
    fn new(rank: usize, (across, along): Point) -> Place {
        Place { rank, across, along, centre: 0.0, before: Vec::new(), after: Vec::new() }
    }
}

/// Connects two boxes by a place in each rank between them; gives all of them in order.
fn connect(places: &mut Vec<Place>, from: usize, to: usize) -> Vec<usize> {
    let mut chain = vec![from];
    for rank in places[from].rank + 1..places[to].rank {
        places.push(Place::new(rank, (LANE, 0.0)));
        chain.push(places.len() - 1);
    }
    chain.push(to);
    for pair in chain.windows(2) {
        if places[pair[0]].rank < places[pair[1]].rank {
            places[pair[0]].after.push(pair[1]);
            places[pair[1]].before.push(pair[0]);
        }
    }
    chain
}

/// Finds an order within each rank and the places across; gives the ranks.
fn order(places: &mut [Place]) -> Vec<Vec<usize>> {
    let count = places.iter().map(|place| place.rank + 1).max().unwrap_or(0);
    let mut ranks: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, place) in places.iter().enumerate() {
        ranks[place.rank].push(index);
    }
    for rank in &ranks {
        spread(places, rank, |_| 0.0);
    }
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        for step in 0..count {
            let rank = &mut ranks[if down { step } else { count - 1 - step }];
            let means: Vec<f64> = rank.iter().map(|&index| mean(places, index, down)).collect();
            // The first rounds find the order, the later ones keep it.
            if round < ROUNDS / 2 {
                let mut order: Vec<usize> = (0..rank.len()).collect();
                order.sort_by(|&a, &b| means[a].total_cmp(&means[b]));
                *rank = order.into_iter().map(|position| rank[position]).collect();
            }
            let wanted: Vec<f64> = rank.iter().map(|&index| mean(places, index, down)).collect();
            spread(places, rank, |position| wanted[position]);
        }
    }
    ranks
}

/// Where a place would like to be: in the middle of its neighbours on one side.
fn mean(places: &[Place], index: usize, down: bool) -> f64 {
    let place = &places[index];
    let neighbours = if down { &place.before } else { &place.after };
    if neighbours.is_empty() {
        return place.centre;
    }
    let sum: f64 = neighbours.iter().map(|&other| places[other].centre).sum();
    sum / neighbours.len() as f64
}

/// Puts the places of a rank where they want to be, as far as there is room for each.
fn spread(places: &mut [Place], rank: &[usize], wanted: impl Fn(usize) -> f64) {
    let room = |a: usize, b: usize| (places[a].across + places[b].across) / 2.0 + GAP;
    let mut forward: Vec<f64> = Vec::with_capacity(rank.len());
    for position in 0..rank.len() {
        let own = wanted(position);
        forward.push(match position.checked_sub(1) {
            Some(last) => own.max(forward[last] + room(rank[last], rank[position])),
            None => own,
        });
    }
    let mut backward = forward.clone();
    for position in (0..rank.len()).rev() {
        let own = wanted(position);
        backward[position] = match rank.get(position + 1) {
            Some(&next) => own.min(backward[position + 1] - room(rank[position], next)),
            None => own,
        };
    }
    // Either keeps the distances, and so does their middle, which leans to no side.
    for (position, &index) in rank.iter().enumerate() {
        places[index].centre = (forward[position] + backward[position]) / 2.0;
    }
}

/// Where each rank starts along the arrows, and its extent.
fn along(places: &[Place], ranks: &[Vec<usize>]) -> Vec<(f64, f64)> {
    let mut start = 0.0;
    let extent = |rank: &Vec<usize>| {
        let extent = rank.iter().map(|&index| places[index].along).fold(0.0, f64::max);
        let own = (start, extent);
        start += extent + RANK_GAP;
        own
    };
    ranks.iter().map(extent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boxes that overlap, of all pairs.
    fn overlaps(sizes: &[Point], arranged: &Arranged) -> usize {
        let mut found = 0;
        for a in 0..sizes.len() {
            for b in a + 1..sizes.len() {
                let apart = |axis: fn(Point) -> f64| {
                    let (a0, b0) = (axis(arranged.corners[a]), axis(arranged.corners[b]));
                    a0 + axis(sizes[a]) <= b0 + 1e-9 || b0 + axis(sizes[b]) <= a0 + 1e-9
                };
                found += usize::from(!apart(|p| p.0) && !apart(|p| p.1));
            }
        }
        found
    }

    #[test]
    fn boxes_have_room_and_arrows_lead_onwards() {
        // A residual block between two branches of different length.
        let sources: [&[usize]; 7] = [&[], &[0], &[1], &[0, 2], &[3], &[3], &[4, 5, 0]];
        let sizes = [
            (60.0, 20.0),
            (90.0, 40.0),
            (70.0, 20.0),
            (50.0, 20.0),
            (120.0, 60.0),
            (80.0, 20.0),
            (60.0, 20.0),
        ];
        for direction in [RankDir::TopToBottom, RankDir::LeftToRight] {
            let arranged = arrange(&sizes, &sources, direction);
            assert_eq!(overlaps(&sizes, &arranged), 0);
            assert_eq!(arranged.arrows.len(), 9);
            for points in &arranged.arrows {
                let onwards = |pair: &[Point]| match direction {
                    RankDir::TopToBottom => pair[1].1 >= pair[0].1,
                    RankDir::LeftToRight => pair[1].0 >= pair[0].0,
                };
                assert!(points.windows(2).all(onwards), "{points:?}");
            }
            for (corner, size) in arranged.corners.iter().zip(sizes) {
                assert!(corner.0 >= 0.0 && corner.1 >= 0.0);
                assert!(corner.0 + size.0 <= arranged.size.0 + 1e-9);
                assert!(corner.1 + size.1 <= arranged.size.1 + 1e-9);
            }
        }
    }

    #[test]
    fn nothing_and_a_layer_that_takes_its_own_output() {
        assert_eq!(arrange(&[], &[], RankDir::TopToBottom).size, (0.0, 0.0));
        let arranged = arrange(&[(10.0, 10.0); 2], &[&[1], &[0]], RankDir::TopToBottom);
        assert_eq!(arranged.arrows.len(), 2);
    }
}
