//! A table that neither grows nor is blinded.

/// As many entries as it was made for, each found by a hash that nobody outside can foresee.
///
/// An entry has a few places where it may stand. When all are taken, the one that weighs least makes room: somebody who
/// floods the table with entries of little weight pushes out entries of little weight.
pub(super) struct Table<T> {
    sets: Box<[Set<T>]>,
}

const WAYS: usize = 8;

/// A place without a key is free.
type Set<T> = [(Option<u64>, T); WAYS];

impl<T: Copy + Default> Table<T> {
    /// Room for so many entries, rounded up to whole sets.
    pub(super) fn new(entries: usize) -> Self {
        Self { sets: vec![Set::default(); entries.div_ceil(WAYS).max(1)].into() }
    }

    /// What is kept under `key`.
    pub(super) fn get(&mut self, key: u64) -> Option<&mut T> {
        self.set(key)?.iter_mut().find(|(place, _)| *place == Some(key)).map(|(_, entry)| entry)
    }

    /// What is kept under `key`, or a new entry, for which the one of the least `weight` makes room.
    pub(super) fn entry<W: Ord>(&mut self, key: u64, weight: impl Fn(&T) -> W) -> Option<&mut T> {
        let set = self.set(key)?;
        let index = match set.iter().position(|(place, _)| *place == Some(key)) {
            Some(index) => index,
            // A free place weighs less than any entry.
            None => set.iter().enumerate().min_by_key(|(_, (place, entry))| place.map(|_| weight(entry)))?.0,
        };
        let (place, entry) = set.get_mut(index)?;
        if *place != Some(key) {
            (*place, *entry) = (Some(key), T::default());
        }
        Some(entry)
    }

    fn set(&mut self, key: u64) -> Option<&mut Set<T>> {
        let sets = self.sets.len() as u64;
        let place = usize::try_from(key.checked_rem(sets)?).ok()?;
        self.sets.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<T> Table<T> {
        /// What it takes in memory.
        pub(in crate::attempts) fn bytes(&self) -> usize {
            size_of_val(&*self.sets)
        }
    }

    #[test]
    fn a_flood_pushes_out_what_weighs_least() {
        let mut table = Table::<u32>::new(1_000);
        let size = table.sets.len();
        assert_eq!(size, 125);
        // In one set, where it is narrowest.
        let key = |number: u64| number * 125;
        for heavy in 0..WAYS as u64 - 1 {
            *table.entry(key(heavy), |weight| *weight).unwrap() = 2;
        }
        for light in 100..10_100 {
            let entry = table.entry(key(light), |weight| *weight).unwrap();
            assert_eq!(*entry, 0, "a new entry knows nothing of the one before it");
            *entry = 1;
        }
        assert!((0..WAYS as u64 - 1).all(|heavy| table.get(key(heavy)) == Some(&mut 2)));
        assert_eq!([10_098, 10_099].map(|light| table.get(key(light)).copied()), [None, Some(1)]);
        assert_eq!(table.sets.len(), size);
    }

    #[test]
    fn what_is_there_is_found_again() {
        let mut table = Table::<u32>::new(0);
        *table.entry(7, |weight| *weight).unwrap() = 5;
        assert_eq!(table.entry(7, |weight| *weight), Some(&mut 5));
        assert_eq!([7, 8].map(|key| table.get(key).copied()), [Some(5), None]);
    }
}
