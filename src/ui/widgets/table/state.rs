//! What a table remembers: the row in hand, the rows picked with it, the order, and whether it follows.
//!
//! Invariant: rows are remembered by id, so they stay picked when the order changes or rows come and go.
//! Absent on purpose: the rows; whoever owns them hands them in.

use std::collections::{BTreeMap, BTreeSet};

/// Rows in their order, known by id.
pub trait Rows<I> {
    /// How many there are.
    fn count(&self) -> usize;
    /// The id of the row at a place.
    fn id_at(&self, place: usize) -> Option<I>;
    /// Where a row is.
    fn place_of(&self, id: &I) -> Option<usize>;
}

impl<I: Clone + PartialEq> Rows<I> for [I] {
    fn count(&self) -> usize {
        self.len()
    }

    fn id_at(&self, place: usize) -> Option<I> {
        self.get(place).cloned()
    }

    fn place_of(&self, id: &I) -> Option<usize> {
        self.iter().position(|other| other == id)
    }
}

impl<I: Clone + PartialEq> Rows<I> for Vec<I> {
    fn count(&self) -> usize {
        self.len()
    }

    fn id_at(&self, place: usize) -> Option<I> {
        self.get(place).cloned()
    }

    fn place_of(&self, id: &I) -> Option<usize> {
        self.as_slice().place_of(id)
    }
}

/// Where a table goes in the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scroll {
    /// To this row.
    Row(usize),
    /// To the last row, to follow from there.
    End,
}

/// What a table remembers between frames.
#[derive(Clone, Debug)]
pub struct TableState<I> {
    /// The row in hand.
    pub selected: Option<I>,
    /// The rows picked, if more than the one in hand; it is among them.
    pub picked: BTreeSet<I>,
    /// The column that sorts and whether it descends; `None`: the caller's own order.
    pub sort: Option<(usize, bool)>,
    /// Columns that were drawn wider or narrower, by heading, in points.
    pub widths: BTreeMap<&'static str, f32>,
    /// The person scrolled away from the last row of a table that follows.
    pub released: bool,
    /// Where a range of picked rows began.
    anchor: Option<I>,
    pub(super) scroll: Option<Scroll>,
}

impl<I> Default for TableState<I> {
    fn default() -> Self {
        let (selected, picked, anchor) = (None, BTreeSet::new(), None);
        Self { selected, picked, sort: None, widths: BTreeMap::new(), released: false, anchor, scroll: None }
    }
}

impl<I: Clone + Ord> TableState<I> {
    /// Takes one row in hand and lets the others go.
    pub fn select(&mut self, id: I) {
        self.picked.clear();
        self.anchor = Some(id.clone());
        self.selected = Some(id);
    }

    /// Picks a row besides, or lets it go.
    pub fn toggle(&mut self, id: I) {
        if self.picked.is_empty() {
            self.picked.extend(self.selected.clone());
        }
        if !self.picked.remove(&id) {
            self.picked.insert(id.clone());
        }
        self.anchor = Some(id.clone());
        self.selected = Some(id);
    }

    /// Picks every row from where the range began to this one.
    pub fn extend_to<R: Rows<I> + ?Sized>(&mut self, rows: &R, id: I) {
        let anchor = self.anchor.clone().or_else(|| self.selected.clone()).unwrap_or_else(|| id.clone());
        let (Some(from), Some(to)) = (rows.place_of(&anchor), rows.place_of(&id)) else {
            return self.select(id);
        };
        self.picked = (from.min(to)..=from.max(to)).filter_map(|place| rows.id_at(place)).collect();
        self.anchor = Some(anchor);
        self.selected = Some(id);
    }

    /// Picks every row.
    pub fn pick_all<R: Rows<I> + ?Sized>(&mut self, rows: &R) {
        self.picked = (0..rows.count()).filter_map(|place| rows.id_at(place)).collect();
    }

    /// Whether a row is in hand or picked.
    #[must_use]
    pub fn holds(&self, id: &I) -> bool {
        if self.picked.is_empty() { self.selected.as_ref() == Some(id) } else { self.picked.contains(id) }
    }

    /// How many rows are in hand.
    #[must_use]
    pub fn held(&self) -> usize {
        if self.picked.is_empty() { usize::from(self.selected.is_some()) } else { self.picked.len() }
    }

    /// Goes `by` rows down (or up), picking those between if `extend`. Without a row in hand it takes the last one if the
    /// table follows, else the first. Returns the row it came to.
    pub fn step<R: Rows<I> + ?Sized>(&mut self, rows: &R, by: isize, extend: bool, follows: bool) -> Option<I> {
        let last = rows.count().checked_sub(1)?;
        let at = self.selected.as_ref().and_then(|id| rows.place_of(id));
        let place = match at {
            Some(at) => at.saturating_add_signed(by).min(last),
            None if follows => last,
            None => 0,
        };
        self.go_to(rows, place, extend)
    }

    /// Takes the row at a place in hand and shows it; too large a place means the last row.
    pub fn go_to<R: Rows<I> + ?Sized>(&mut self, rows: &R, place: usize, extend: bool) -> Option<I> {
        let place = place.min(rows.count().checked_sub(1)?);
        let id = rows.id_at(place)?;
        if extend {
            self.extend_to(rows, id.clone());
        } else {
            self.select(id.clone());
        }
        self.scroll = self.scroll.or(Some(Scroll::Row(place)));
        Some(id)
    }

    /// Goes to the last row and follows from there.
    pub fn follow(&mut self) {
        self.scroll = Some(Scroll::End);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [u32; 5] = [10, 20, 30, 40, 50];

    fn picked(state: &TableState<u32>) -> Vec<u32> {
        state.picked.iter().copied().collect()
    }

    #[test]
    fn a_range_is_drawn_from_where_it_began_and_can_turn_round() {
        let mut state = TableState::default();
        state.select(30);
        state.extend_to(&ROWS[..], 50);
        assert_eq!(picked(&state), [30, 40, 50]);
        state.extend_to(&ROWS[..], 10);
        assert_eq!((picked(&state), state.held()), (vec![10, 20, 30], 3));
        state.select(40);
        assert!(state.holds(&40) && !state.holds(&10) && state.held() == 1);
    }

    #[test]
    fn a_row_picked_besides_keeps_the_one_in_hand_and_goes_when_picked_again() {
        let mut state = TableState::default();
        state.select(10);
        state.toggle(40);
        assert_eq!(picked(&state), [10, 40]);
        state.toggle(10);
        assert_eq!(picked(&state), [40]);
    }

    #[test]
    fn steps_stop_at_the_ends_and_begin_at_the_newest_row_of_a_table_that_follows() {
        let mut state = TableState::default();
        assert_eq!(state.step(&ROWS[..], 1, false, true), Some(50));
        assert_eq!(state.step(&ROWS[..], 1, false, true), Some(50));
        assert_eq!(state.step(&ROWS[..], -3, true, true), Some(20));
        assert_eq!(picked(&state), [20, 30, 40, 50]);
        assert_eq!(state.step(&ROWS[..], -9, false, true), Some(10));
        assert_eq!(TableState::<u32>::default().step(&[][..], 1, false, true), None);
        assert_eq!(TableState::default().step(&ROWS[..], 1, false, false), Some(10));
    }

    #[test]
    fn picked_rows_stay_picked_when_others_come_and_go() {
        let mut state = TableState::default();
        state.select(30);
        state.extend_to(&ROWS[..], 40);
        let later = [30, 35, 40, 60];
        assert!(state.holds(&40) && !state.holds(&35));
        assert_eq!(state.step(&later[..], 1, false, true), Some(60));
    }
}
