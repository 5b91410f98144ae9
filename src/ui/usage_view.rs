//! What the Usage page can be asked for: by whom, and over which days. The page, the palette and links know it.
//!
//! Invariant: every view has a name in links, and reads back from it.
//! Absent on purpose: adding up; the page does.

/// Which days count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// Today alone.
    Today,
    /// Today and six days before.
    #[default]
    Week,
    /// Today and 29 days before.
    Month,
    /// Everything that is kept.
    All,
}

impl Range {
    /// All of them, shortest first.
    pub const EACH: [Self; 4] = [Self::Today, Self::Week, Self::Month, Self::All];

    /// On its button.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Today => "Today",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::All => "All",
        }
    }

    /// The first day that counts.
    #[must_use]
    pub const fn first_day(self, today: i32) -> i32 {
        match self {
            Self::Today => today,
            Self::Week => today - 6,
            Self::Month => today - 29,
            Self::All => i32::MIN,
        }
    }
}

/// What the lines are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The model clients asked for.
    #[default]
    Model,
    /// The endpoint that answered.
    Endpoint,
    /// The caller that authenticated.
    Caller,
    /// The client's own label.
    Client,
    /// The local day.
    Day,
}

impl By {
    /// All of them.
    pub const EACH: [Self; 5] = [Self::Model, Self::Endpoint, Self::Caller, Self::Client, Self::Day];

    /// On its button and as a column's heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Endpoint => "Endpoint",
            Self::Caller => "Caller",
            Self::Client => "Client",
            Self::Day => "Day",
        }
    }
}

/// A view's name in links: `caller/today`.
#[must_use]
pub fn slug(by: By, range: Range) -> String {
    format!("{}/{}", by.name(), range.name()).to_lowercase()
}

/// The view of a name in links.
#[must_use]
pub fn named(slug: &str) -> Option<(By, Range)> {
    let (by, range) = slug.split_once('/')?;
    let by = By::EACH.into_iter().find(|one| one.name().eq_ignore_ascii_case(by))?;
    let range = Range::EACH.into_iter().find(|one| one.name().eq_ignore_ascii_case(range))?;
    Some((by, range))
}
