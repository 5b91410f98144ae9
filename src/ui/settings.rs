//! The settings there are: names, what they mean, and what is usual. The page, the palette and links read it.
//!
//! Invariant: every setting of the page stands here, under one name.
//! Absent on purpose: values, and changing them.

/// Under which heading settings stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Where we listen.
    Network,
    /// Who asks.
    Callers,
    /// How requests are treated.
    Requests,
    /// What is kept.
    Data,
    /// How it looks.
    Appearance,
    /// The window and the background.
    Window,
    /// What is told.
    Notifications,
    /// Keys.
    Shortcuts,
    /// Files.
    Advanced,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Self; 9] = [
        Self::Network,
        Self::Callers,
        Self::Requests,
        Self::Data,
        Self::Appearance,
        Self::Window,
        Self::Notifications,
        Self::Shortcuts,
        Self::Advanced,
    ];

    /// Its heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::Callers => "Callers",
            Self::Requests => "How requests are treated",
            Self::Data => "Privacy and data",
            Self::Appearance => "Appearance",
            Self::Window => "Closing the window",
            Self::Notifications => "Notifications",
            Self::Shortcuts => "Shortcuts",
            Self::Advanced => "Advanced",
        }
    }
}

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// In links, unique.
    pub slug: &'static str,
    /// On screen.
    pub name: &'static str,
    /// What it means.
    pub hint: &'static str,
    /// Where it stands.
    pub part: Part,
}

const fn setting(part: Part, slug: &'static str, name: &'static str, hint: &'static str) -> Setting {
    Setting { slug, name, hint, part }
}

/// Every setting, in order of the page.
pub const ALL: &[Setting] = &[
    setting(
        Part::Network,
        "address",
        "Listen address",
        "Who can reach Tidegate; anything but this computer needs caller tokens",
    ),
    setting(Part::Network, "port", "Port", "Where clients find Tidegate; 0 takes any free one"),
    setting(Part::Network, "token", "Caller token", "Whether a request must say whose it is before it is let in"),
    setting(
        Part::Network,
        "hosts",
        "Other names",
        "Names besides localhost under which clients reach Tidegate; any other is refused, lest a web page lead here",
    ),
    setting(Part::Network, "origins", "Web pages", "Pages that may send requests; none unless you name it"),
    setting(
        Part::Network,
        "upstream_proxy",
        "Upstream proxy",
        "How requests leave this computer: straight, as the system says, or through a proxy of your network",
    ),
    setting(Part::Network, "sockets", "Listening sockets", "Everything Tidegate has open, and why"),
    setting(
        Part::Callers,
        "callers",
        "Callers and their tokens",
        "Programs that ask Tidegate, each known by its token, with a priority and limits of its own",
    ),
    setting(Part::Requests, "retry", "Retries", "How often a request is sent, and how long it waits in between"),
    setting(Part::Requests, "queue", "Waiting line", "How many requests wait when nothing has room, and how long"),
    setting(
        Part::Requests,
        "health",
        "Failing endpoints",
        "When an endpoint that fails is left alone, and for how long",
    ),
    setting(Part::Requests, "timeouts", "Timeouts", "When a silent endpoint counts as failed"),
    setting(Part::Requests, "bodies", "Bodies of requests", "How long they may be, and where they are kept meanwhile"),
    setting(Part::Requests, "live_tuning", "Live tuning rules", "What keeps edits under load from doing harm"),
    setting(Part::Data, "history", "History", "What outlives a restart; prompts, answers and keys never do"),
    setting(Part::Data, "folders", "Where things are", "The files of this profile, and of this computer"),
    setting(Part::Appearance, "theme", "Theme mode", "Light, dark, or as the desktop says"),
    setting(
        Part::Appearance,
        "palette",
        "Palette",
        "Colours of states and lines; glyphs, words and dashes tell them, too",
    ),
    setting(Part::Appearance, "contrast", "High contrast", "Stronger text and borders, no faint washes"),
    setting(Part::Appearance, "text", "Text size", "Of everything, 80 to 200 %; Ctrl with + and − too"),
    setting(Part::Appearance, "density", "Compact", "Less room between things"),
    setting(
        Part::Appearance,
        "numbers",
        "Thousands in numbers",
        "How they are parted; when typing, commas, spaces and apostrophes are all understood, and a point parts fractions",
    ),
    setting(
        Part::Appearance,
        "time",
        "Twelve hours",
        "Times of day as 2:03 PM, not as 14:03; filters are written with 24",
    ),
    setting(Part::Appearance, "motion", "Reduce motion", "Nothing slides or fades"),
    setting(Part::Window, "close", "The close button", "What becomes of serving when the window is closed"),
    setting(
        Part::Notifications,
        "desktop",
        "On the desktop",
        "While the window has not the focus; in the window they are always shown",
    ),
    setting(
        Part::Notifications,
        "quiet",
        "Quiet hours",
        "Hours in which the desktop shows none; the bell has them all",
    ),
    setting(
        Part::Notifications,
        "full",
        "Pools that fill up",
        "From what part on it is told that one will be full soon",
    ),
    setting(Part::Notifications, "events", "What is told", "Each kind by itself"),
    setting(Part::Shortcuts, "keys", "Keys", "Each can be changed; they are kept on this computer"),
    setting(
        Part::Advanced,
        "log",
        "Log level",
        "How much is written to standard error; what is logged holds no key and no body",
    ),
    setting(Part::Advanced, "file", "Configuration file", "Edit it with anything; comments stay"),
];

/// The setting a link names.
#[must_use]
pub fn named(slug: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.slug == slug)
}
