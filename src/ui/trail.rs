//! Where the person is and was: places to go back and forward to.
//!
//! Invariant: going somewhere forgets what lay ahead; going where one is leaves no step.
//! Absent on purpose: what a page remembers of itself, such as its filter.

use super::cx::{Page, Target};

const STEPS: usize = 50;

/// A page, and what is open in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The page.
    pub page: Page,
    /// What is open in it.
    pub target: Option<Target>,
}

/// A place that was left, and how far down it was scrolled, in points.
type Left = (Place, f32);

/// The way the person took.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    past: Vec<Left>,
    now: Place,
    ahead: Vec<Left>,
    /// How far down the page is scrolled now.
    scrolled: f32,
}

impl Trail {
    /// The page that is shown.
    #[must_use]
    pub fn page(&self) -> Page {
        self.now.page
    }

    /// Where the person is.
    #[must_use]
    pub fn now(&self) -> &Place {
        &self.now
    }

    /// Whether there is a place to go back to.
    #[must_use]
    pub fn can_go_back(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether the person came back from somewhere.
    #[must_use]
    pub fn can_go_forward(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// How far down the page is scrolled now, in points; after going back or forward, how far it was.
    #[must_use]
    pub fn scrolled(&self) -> f32 {
        self.scrolled
    }

    /// Notes how far down the page is scrolled.
    pub fn scroll(&mut self, to: f32) {
        self.scrolled = to;
    }

    /// Goes to a place.
    pub fn go(&mut self, page: Page, target: Option<Target>) {
        let target = target.filter(|target| !matches!(target, Target::Top(_)));
        let next = Place { page, target };
        if next == self.now {
            return;
        }
        if self.past.len() == STEPS {
            self.past.remove(0);
        }
        self.past.push((std::mem::replace(&mut self.now, next), std::mem::take(&mut self.scrolled)));
        self.ahead.clear();
    }

    /// Goes back; returns what is to be opened there.
    pub fn back(&mut self) -> Option<Target> {
        let left = self.past.pop()?;
        let left = self.leave_for(left);
        self.ahead.push(left);
        Some(self.open())
    }

    /// Goes forward again; returns what is to be opened there.
    pub fn forward(&mut self) -> Option<Target> {
        let left = self.ahead.pop()?;
        let left = self.leave_for(left);
        self.past.push(left);
        Some(self.open())
    }

    fn leave_for(&mut self, (place, scrolled): Left) -> Left {
        (std::mem::replace(&mut self.now, place), std::mem::replace(&mut self.scrolled, scrolled))
    }

    fn open(&self) -> Target {
        self.now.target.clone().unwrap_or(Target::Top(self.now.page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Target {
        Target::Endpoint("sim-eastus".into())
    }

    #[test]
    fn back_and_forward_lead_over_pages_and_what_was_open_in_them() {
        let mut trail = Trail::default();
        trail.go(Page::Endpoints, None);
        trail.go(Page::Endpoints, Some(endpoint()));
        trail.go(Page::Quotas, None);
        assert_eq!(trail.back(), Some(endpoint()));
        assert_eq!(trail.back(), Some(Target::Top(Page::Endpoints)));
        assert_eq!((trail.back(), trail.page()), (Some(Target::Top(Page::Overview)), Page::Overview));
        assert_eq!(trail.back(), None);
        assert_eq!(trail.forward(), Some(Target::Top(Page::Endpoints)));
        assert_eq!(trail.forward(), Some(endpoint()));
    }

    #[test]
    fn back_and_forward_know_how_far_down_a_page_was_and_going_there_begins_at_its_top() {
        let mut trail = Trail::default();
        trail.scroll(300.0);
        trail.go(Page::Quotas, None);
        assert_eq!(trail.scrolled().to_bits(), 0.0_f32.to_bits());
        trail.scroll(40.0);
        trail.back();
        assert_eq!(trail.scrolled().to_bits(), 300.0_f32.to_bits());
        trail.forward();
        assert_eq!(trail.scrolled().to_bits(), 40.0_f32.to_bits());
    }

    #[test]
    fn going_elsewhere_forgets_what_lay_ahead() {
        let mut trail = Trail::default();
        trail.go(Page::Endpoints, None);
        trail.back();
        trail.go(Page::Quotas, None);
        assert!(!trail.can_go_forward());
    }

    #[test]
    fn going_where_one_is_leaves_no_step() {
        let mut trail = Trail::default();
        trail.go(Page::Overview, Some(Target::Top(Page::Overview)));
        assert!(!trail.can_go_back());
    }

    #[test]
    fn the_oldest_of_many_steps_are_forgotten() {
        let mut trail = Trail::default();
        for step in 0..3 * STEPS {
            trail.go(if step % 2 == 0 { Page::Quotas } else { Page::Routing }, None);
        }
        assert_eq!(std::iter::from_fn(|| trail.back()).count(), STEPS);
    }
}
