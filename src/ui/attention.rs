//! Whether somebody is at the window, and how soon a frame shows what is new.
//!
//! Invariant: figures bring at most four frames a second while somebody is at the window and one a second otherwise; a word
//! to the person never waits longer than a quarter of a second.
//! Absent on purpose: frames for what the person does, which egui draws at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::contract::News;

/// Between frames while somebody is at the window.
const ATTENDED: Duration = Duration::from_millis(250);
/// Between frames for figures alone, while nobody is. Where no graphics card draws, a frame takes cores for milliseconds.
const ALONE: Duration = Duration::from_secs(1);
/// Who has not touched the window for so many seconds only looks.
const STAYS: f64 = 10.0;

/// When the window was touched last, as its frames see it.
#[derive(Debug, Default)]
pub struct Attention {
    touched: f64,
    patience: Patience,
}

/// How long news may wait, for the background to read.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    alone: Arc<AtomicBool>,
}

impl Attention {
    /// What the background asks.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.patience.clone()
    }

    /// One frame, `now` seconds after the window opened, and whether the person did something since the one before.
    pub fn frame(&mut self, now: f64, touched: bool) {
        if touched {
            self.touched = now;
        }
        self.patience.alone.store(now - self.touched >= STAYS, Ordering::Relaxed);
    }
}

impl Patience {
    /// The longest that a frame for these news may wait.
    #[must_use]
    pub fn of(&self, news: News) -> Duration {
        if news == News::Figures && self.alone.load(Ordering::Relaxed) { ALONE } else { ATTENDED }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALONE, ATTENDED, Attention, STAYS};
    use crate::contract::News;

    #[test]
    fn figures_come_once_a_second_when_nobody_is_there_and_words_never_wait() {
        let mut attention = Attention::default();
        let patience = attention.patience();
        attention.frame(STAYS - 0.1, false);
        assert_eq!(patience.of(News::Figures), ATTENDED, "somebody has just opened it");
        attention.frame(STAYS, false);
        assert_eq!((patience.of(News::Figures), patience.of(News::Word)), (ALONE, ATTENDED));

        attention.frame(60.0, true);
        assert_eq!(patience.of(News::Figures), ATTENDED);
        attention.frame(60.0 + STAYS, false);
        assert_eq!(patience.of(News::Figures), ALONE);
    }
}
