//! How the person arranged the Overview: which tiles and which panels, in which order, how wide, how far back.
//!
//! Invariant: each tile and each panel stands in its list once; what a file leaves out stands at the end, as it usually is.
//! Absent on purpose: drawing, and free docking: panels stand in rows, one or two beside each other.

use serde::{Deserialize, Serialize};

/// How far back plots reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The last 15 minutes, second by second.
    #[default]
    Live,
    /// Six hours, by ten seconds.
    SixHours,
    /// Seven days, by the minute.
    SevenDays,
}

impl Reach {
    /// All of them, shortest first.
    pub const EACH: [Self; 3] = [Self::Live, Self::SixHours, Self::SevenDays];

    /// On its button.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "15 min",
            Self::SixHours => "6 hours",
            Self::SevenDays => "7 days",
        }
    }
}

/// A panel of the Overview's lower part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Panel {
    /// The plot of tokens.
    Tokens,
    /// The plot of requests.
    Requests,
    /// One lane per endpoint.
    States,
    /// The last requests.
    Recent,
}

/// A number of the Overview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tile {
    /// Requests a minute.
    Requests,
    /// Tokens charged, of those that can be used.
    Tokens,
    /// How many succeed.
    Success,
    /// 429s of services and of us.
    Throttles,
    /// How long until the first token.
    FirstToken,
    /// How many wait.
    Queue,
    /// How many run.
    InFlight,
    /// How many endpoints can answer.
    Endpoints,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed<T> {
    /// What.
    pub what: T,
    /// Whether it is on screen.
    pub shown: bool,
    /// Whether it has a row of its own; of panels only.
    #[serde(default)]
    pub wide: bool,
}

/// The Overview as the person arranged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrangement {
    /// Every tile once.
    pub tiles: Vec<Placed<Tile>>,
    /// Every panel once.
    pub panels: Vec<Placed<Panel>>,
}

impl Default for Arrangement {
    fn default() -> Self {
        let tile = |what, shown| Placed { what, shown, wide: false };
        let panel = |what, wide| Placed { what, shown: true, wide };
        Self {
            tiles: vec![
                tile(Tile::Requests, true),
                tile(Tile::Tokens, true),
                tile(Tile::Success, true),
                tile(Tile::Throttles, true),
                tile(Tile::FirstToken, true),
                tile(Tile::Queue, true),
                tile(Tile::InFlight, false),
                tile(Tile::Endpoints, false),
            ],
            panels: vec![
                panel(Panel::Tokens, false),
                panel(Panel::Requests, false),
                panel(Panel::States, true),
                panel(Panel::Recent, true),
            ],
        }
    }
}

impl Arrangement {
    /// The same with everything in it once.
    #[must_use]
    pub fn complete(self) -> Self {
        let usual = Self::default();
        Self { tiles: each_once(self.tiles, usual.tiles), panels: each_once(self.panels, usual.panels) }
    }
}

fn each_once<T: Copy + PartialEq>(liked: Vec<Placed<T>>, usual: Vec<Placed<T>>) -> Vec<Placed<T>> {
    let mut each: Vec<Placed<T>> = Vec::new();
    for one in liked.into_iter().chain(usual) {
        if each.iter().all(|known| known.what != one.what) {
            each.push(one);
        }
    }
    each
}

/// Puts what stands at `from` where `to` stands; the others keep their order.
pub fn put<T>(list: &mut Vec<Placed<T>>, from: usize, to: usize) {
    if from < list.len() && to < list.len() {
        let one = list.remove(from);
        list.insert(to, one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_has_twice_or_not_at_all_stands_once() {
        let twice = r#"{"panels": [{"what": "recent", "shown": false}, {"what": "recent", "shown": true}]}"#;
        let read: Arrangement = serde_json::from_str(twice).unwrap();
        let panels = read.complete().panels;
        let order: Vec<Panel> = panels.iter().map(|one| one.what).collect();
        assert_eq!(order, [Panel::Recent, Panel::Tokens, Panel::Requests, Panel::States]);
        assert!(!panels[0].shown && !panels[0].wide && panels[1].shown);
    }

    #[test]
    fn putting_something_elsewhere_leaves_the_others_in_order() {
        let mut panels = Arrangement::default().panels;
        put(&mut panels, 3, 0);
        let order = |panels: &[Placed<Panel>]| panels.iter().map(|one| one.what).collect::<Vec<_>>();
        assert_eq!(order(&panels), [Panel::Recent, Panel::Tokens, Panel::Requests, Panel::States]);
        put(&mut panels, 0, 9);
        assert_eq!(panels.len(), 4, "nowhere is no place");
        put(&mut panels, 0, 3);
        assert_eq!(panels, Arrangement::default().panels);
    }
}
