//! Quantiles of data that come in batches, from summaries of bounded size.

/// Numbers in rising order, each with the count of data that it stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Summary {
    /// About `1 / epsilon` of the data, evenly spread over them.
    pub(super) fn of(data: &[f32], epsilon: f64) -> Summary {
        let mut sorted = data.to_vec();
        // NaN comes last.
        sorted.sort_by(|a, b| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
        let step = (data.len() as f64 / (1.0 / epsilon)).max(1.0);
        let (first, distance) = ((step - 1.0) as usize, step as usize);
        let values: Vec<f32> = sorted.into_iter().skip(first).step_by(distance).collect();
        let weights = vec![step as f32; values.len()];
        Summary { values, weights }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Both together, at most about `1 / epsilon` values.
    pub(super) fn merged(self, other: Summary, epsilon: f64) -> Summary {
        let pairs = |s: Summary| s.values.into_iter().zip(s.weights);
        let mut all: Vec<(f32, f32)> = pairs(self).chain(pairs(other)).collect();
        all.sort_by(|(a, _), (b, _)| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
        let (values, weights) = all.into_iter().unzip();
        Summary { values, weights }.compressed(epsilon)
    }

    /// The boundaries between as many bins.
    pub(super) fn boundaries(self, bins: usize) -> Vec<f64> {
        let mut values = self.compressed(1.0 / bins as f64).values;
        values.pop();
        values.into_iter().map(f64::from).collect()
    }

    /// The summary with a value at each multiple of `epsilon`, if it has more.
    fn compressed(self, epsilon: f64) -> Summary {
        if (self.values.len() as f64 * epsilon) < 1.0 {
            return self;
        }
        let mut total = 0f32;
        let sums: Vec<f32> = self
            .weights
            .iter()
            .map(|weight| {
                total += weight;
                total
            })
            .collect();
        let shares: Vec<f64> = sums.iter().map(|sum| f64::from(sum / total)).collect();
        let count = (1.0 / epsilon).ceil() as usize;
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        let mut before = 0.0;
        for place in 0..count {
            let share = epsilon + place as f64 * epsilon;
            values.push(interpolated(share, &shares, &self.values) as f32);
            let sum = interpolated(share, &shares, &sums);
            weights.push((sum - before) as f32);
            before = sum;
        }
        Summary { values, weights }
    }
}

/// The piecewise linear function through the points at `x`; constant beyond them.
fn interpolated(x: f64, xs: &[f64], ys: &[f32]) -> f64 {
    let y = |place: usize| f64::from(ys[place]);
    let Some(place) = xs.partition_point(|&at| at <= x).checked_sub(1) else { return y(0) };
    if place + 1 == xs.len() || xs[place] == x {
        return y(place);
    }
    let slope = (y(place + 1) - y(place)) / (xs[place + 1] - xs[place]);
    slope * (x - xs[place]) + y(place)
}
