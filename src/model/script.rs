//! The demo's scripts: what each is called and what it shows.
//!
//! Invariant: every script is listed once, in the order in which they are offered.
//! Absent on purpose: traffic and faults (`sim::scripts`), and what came of a run.

/// A built-in script for the demo profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Script {
    /// The first choice serves everything.
    Calm,
    /// More than the first choice can take.
    RushHour,
    /// A region breaks every connection.
    RegionOutage,
    /// An account's key is rejected for a while.
    KeyRevoked,
    /// Somebody else uses most of a deployment.
    NoisyNeighbour,
}

impl Script {
    /// Every script.
    pub const ALL: [Self; 5] = [Self::Calm, Self::RushHour, Self::RegionOutage, Self::KeyRevoked, Self::NoisyNeighbour];

    /// The script of this name, as on the command line.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|script| script.name() == name)
    }

    /// On the command line and in commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::RushHour => "rush-hour",
            Self::RegionOutage => "region-outage",
            Self::KeyRevoked => "key-revoked",
            Self::NoisyNeighbour => "noisy-neighbour",
        }
    }

    /// On screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Calm => "Calm",
            Self::RushHour => "Rush hour",
            Self::RegionOutage => "Region outage",
            Self::KeyRevoked => "Key revoked",
            Self::NoisyNeighbour => "Noisy neighbour",
        }
    }

    /// What will happen, as a sentence for the person.
    #[must_use]
    pub const fn promise(self) -> &'static str {
        match self {
            Self::Calm => "Light traffic: the first choice answers everything.",
            Self::RushHour => {
                "More comes than the first choice can take. The second helps and is throttled for a while; then all returns."
            }
            Self::RegionOutage => {
                "sim-ptu and sim-eastus break every connection for 20 s. Others answer, and both come back after a probe."
            }
            Self::KeyRevoked => {
                "sim-ptu rejects its key for 25 s. Others answer, you are told, and a minute later it is tried again."
            }
            Self::NoisyNeighbour => {
                "Somebody else uses most of sim-eastus. The answers tell, and less is sent there while it lasts."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_found_by_its_name_and_by_no_other() {
        for script in Script::ALL {
            assert_eq!(Script::named(script.name()), Some(script));
        }
        assert_eq!(Script::named("Rush hour"), None);
    }
}
