//! The filter as the person keeps it: clauses as chips that can be switched off, what is being typed, saved filters.
//!
//! Invariant: a chip that is off changes nothing and is not lost; what is on, with what is typed, is the filter.
//! Absent on purpose: what a clause means (`filter`), and files.

use super::filter::Filter;

/// Saved filters: as many as there are number keys.
pub const SAVED: usize = 9;

/// A clause kept as a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// As typed.
    pub text: String,
    /// Whether it takes part.
    pub on: bool,
}

/// The filter as kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Kept clauses, in the order they came.
    pub chips: Vec<Chip>,
    /// What is being typed; it takes part as it stands.
    pub typed: String,
    /// Saved filters, the first under Alt+1.
    pub saved: Vec<String>,
    /// What a link put in the place of the person's own filter, and that one.
    lent: Option<Lent>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Lent {
    text: String,
    own: Vec<(String, bool)>,
}

impl Query {
    /// Every clause that takes part.
    #[must_use]
    pub fn text(&self) -> String {
        let on = self.chips.iter().filter(|chip| chip.on).map(|chip| chip.text.as_str());
        on.chain([self.typed.trim()]).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Whether there is anything to clear.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chips.is_empty() && self.typed.trim().is_empty()
    }

    /// Puts another filter in the place of this one.
    pub fn set(&mut self, text: &str) {
        self.typed.clear();
        self.chips.clear();
        self.keep(text);
    }

    /// The same for a link, as if it had just been typed. What the person had is still theirs, until they touch this one.
    pub fn ask(&mut self, text: &str) {
        let own = self.own();
        self.clear();
        text.clone_into(&mut self.typed);
        self.lent = Some(Lent { text: text.to_owned(), own });
    }

    /// The clauses of the person's own filter, and whether each takes part. Where a link's stands untouched, those before it.
    pub fn own(&mut self) -> Vec<(String, bool)> {
        self.lent.take_if(|lent| !self.chips.is_empty() || self.typed != lent.text);
        if let Some(lent) = &self.lent {
            return lent.own.clone();
        }
        let typed = Some(self.typed.trim()).filter(|typed| !typed.is_empty());
        let chips = self.chips.iter().map(|chip| (chip.text.clone(), chip.on));
        chips.chain(typed.map(|typed| (typed.to_owned(), true))).collect()
    }

    /// Makes chips of what is typed.
    pub fn keep_typed(&mut self) {
        let typed = std::mem::take(&mut self.typed);
        self.keep(&typed);
    }

    fn keep(&mut self, text: &str) {
        for clause in Filter::parse(text).clauses() {
            match self.chips.iter_mut().find(|chip| chip.text == clause.text) {
                Some(chip) => chip.on = true,
                None => self.chips.push(Chip { text: clause.text.clone(), on: true }),
            }
        }
    }

    /// Lets everything go; saved filters stay.
    pub fn clear(&mut self) {
        self.chips.clear();
        self.typed.clear();
    }

    /// Takes one clause out, wherever it stands.
    pub fn without(&mut self, clause: &str) {
        self.keep_typed();
        self.chips.retain(|chip| chip.text != clause);
    }

    /// The place (from 1) under which this filter is saved.
    #[must_use]
    pub fn saved_at(&self) -> Option<usize> {
        let text = self.text();
        self.saved.iter().position(|saved| *saved == text).map(|place| place + 1)
    }

    /// Saves this filter and returns its place, from 1. `None`: it is empty, or all places are taken.
    pub fn save(&mut self) -> Option<usize> {
        let text = self.text();
        if text.is_empty() || self.saved_at().is_none() && self.saved.len() >= SAVED {
            return None;
        }
        if self.saved_at().is_none() {
            self.saved.push(text);
        }
        self.saved_at()
    }

    /// Takes up the filter saved at a place, from 1.
    pub fn recall(&mut self, place: usize) -> bool {
        let saved = place.checked_sub(1).and_then(|place| self.saved.get(place)).cloned();
        if let Some(text) = &saved {
            self.set(text);
        }
        saved.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_that_is_off_takes_no_part_and_is_not_lost() {
        let mut query = Query::default();
        query.set("status>=400 client:\"my tool\"");
        query.typed = " -sim ".to_owned();
        assert_eq!(query.text(), "status>=400 client:\"my tool\" -sim");
        query.chips[0].on = false;
        assert_eq!(query.text(), "client:\"my tool\" -sim");
        query.typed = "status>=400".to_owned();
        query.keep_typed();
        assert_eq!(query.chips.len(), 2, "typed again, it is on again");
        assert!(query.chips[0].on && query.typed.is_empty());
    }

    #[test]
    fn a_saved_filter_comes_back_by_its_place_and_is_saved_once() {
        let mut query = Query::default();
        assert_eq!(query.save(), None, "an empty filter is none");
        query.set("429");
        assert_eq!((query.save(), query.save()), (Some(1), Some(1)));
        query.set("why:held");
        assert_eq!(query.save(), Some(2));
        assert!(query.recall(1) && !query.recall(3) && !query.recall(0));
        assert_eq!(query.text(), "429");
        query.without("429");
        assert!(query.is_empty() && query.saved.len() == 2);
    }

    #[test]
    fn there_are_as_many_saved_filters_as_number_keys() {
        let mut query = Query::default();
        for number in 400..400 + SAVED {
            query.set(&number.to_string());
            assert!(query.save().is_some());
        }
        query.set("500");
        assert_eq!(query.save(), None);
    }
}
