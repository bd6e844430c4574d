//! Medians over rounds, and ratios that are taken round by round.

/// The middle of `values`; the mean of the two middle ones when their number is even. `None` without values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*values.get(middle - 1)?, upper)) }
}

/// Ratios of the same figure of two servers, one for each round.
///
/// Both were measured within seconds of each other, so what else happens on the machine weighs on both; the median
/// of such ratios is steadier than the ratio of medians.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratios(Vec<f64>);

impl Ratios {
    /// `None` when there is nothing to divide, or something to divide by is not above `floor`.
    pub(crate) fn of(ours: &[f64], theirs: &[f64], floor: f64) -> Option<Self> {
        let comparable =
            !ours.is_empty() && ours.len() == theirs.len() && theirs.iter().all(|value| *value > floor);
        comparable.then(|| Self(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()))
    }

    pub(crate) fn median(&self) -> f64 {
        median(self.0.iter().copied()).unwrap_or(f64::NAN)
    }

    pub(crate) fn highest(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ratios, median};

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let ratios = Ratios::of(&[10.0, 30.0, 8.0], &[5.0, 10.0, 8.0], 0.0);
        assert_eq!(ratios.map(|ratios| (ratios.median(), ratios.highest())), Some((2.0, 3.0)));
        assert_eq!(Ratios::of(&[1.0], &[0.5], 0.5), None);
        assert_eq!(Ratios::of(&[1.0, 2.0], &[1.0], 0.0), None);
    }
}
