//! What clients ask for and when.
//!
//! Invariant: the same traffic and seed give the same arrivals, in order of time; nothing is kept of those gone by.
//! Absent on purpose: what becomes of them (`world`).

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::model::config::Priority;
use crate::model::id::{CallerId, ModelName};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::units::Timestamp;

/// A request on its way in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When it comes.
    pub at: Timestamp,
    /// What it is.
    pub profile: Arc<RequestProfile>,
}

/// How large requests are, in tokens as the service charges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// All alike.
    Uniform(u64),
    /// Log-normal with this mean and sigma 1, cut at `most`: nine in ten are below twice the mean, one in a hundred above
    /// six times.
    Heavy {
        /// The mean before the cut.
        mean: u64,
        /// Nothing is larger.
        most: u64,
    },
}

/// How a service makes a charge of prompt and cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charging {
    /// Prompt plus cap (Azure).
    Sum,
    /// The larger of the two (OpenAI).
    Larger,
}

/// A stretch of time with a steady mean rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// How long.
    pub lasts: Duration,
    /// Mean tokens per minute offered.
    pub tokens_per_minute: u64,
}

/// A kind of client: its share of all requests and what it says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its weight among all kinds.
    pub share: u32,
    /// How important its requests are.
    pub priority: Priority,
    /// Who asks.
    pub caller: Option<CallerId>,
}

/// All that clients do in a run.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// The route they ask for.
    pub model: ModelName,
    /// One after the other; then nobody comes any more.
    pub stretches: Vec<Stretch>,
    /// How large requests are.
    pub sizes: Sizes,
    /// How charges are formed, so that sizes come out as stated.
    pub charging: Charging,
    /// Who comes; never empty.
    pub kinds: Vec<Kind>,
    /// How long each would wait, if it says so.
    pub patience: Option<Duration>,
}

impl Traffic {
    /// Steady traffic of normal requests by nobody in particular.
    #[must_use]
    pub fn steady(model: &str, lasts: Duration, tokens_per_minute: u64, sizes: Sizes, charging: Charging) -> Self {
        Self {
            model: ModelName::from(model),
            stretches: vec![Stretch { lasts, tokens_per_minute }],
            sizes,
            charging,
            kinds: vec![Kind { share: 1, priority: Priority::Normal, caller: None }],
            patience: None,
        }
    }

    /// How long it goes on.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.stretches.iter().map(|stretch| stretch.lasts).sum()
    }

    /// The arrivals, with gaps as independent clients leave them.
    #[must_use]
    pub fn arrivals(&self, seed: u64) -> Arrivals {
        let mean = f64::max(1.0, mean_size(self.sizes, seed));
        Arrivals {
            traffic: self.clone(),
            mean,
            rng: Rng::with_seed(seed),
            stretch: 0,
            begun: Duration::ZERO,
            at: Duration::ZERO,
            last: None,
        }
    }
}

/// The arrivals of a [`Traffic`].
#[derive(Clone, Debug)]
pub struct Arrivals {
    traffic: Traffic,
    /// Mean tokens of a request.
    mean: f64,
    rng: Rng,
    stretch: usize,
    /// When the present stretch began.
    begun: Duration,
    at: Duration,
    /// The last profile, which the next may share.
    last: Option<(u64, usize, Arc<RequestProfile>)>,
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let stretch = *self.traffic.stretches.get(self.stretch)?;
            let end = self.begun.saturating_add(stretch.lasts);
            let gap = self.gap(stretch.tokens_per_minute);
            self.at = self.at.saturating_add(gap);
            if self.at < end {
                let at = Timestamp::ZERO.after(self.at);
                return Some(Arrival { at, profile: self.profile() });
            }
            // Gaps have no memory, so the next stretch may begin with a fresh one.
            (self.stretch, self.begun, self.at) = (self.stretch.saturating_add(1), end, end);
        }
    }
}

impl Arrivals {
    fn gap(&mut self, tokens_per_minute: u64) -> Duration {
        if tokens_per_minute == 0 {
            return Duration::MAX;
        }
        let seconds = 60.0 * self.mean / as_float(tokens_per_minute);
        Duration::from_secs_f64((-seconds * (1.0 - self.rng.f64()).ln()).clamp(0.0, 1e9))
    }

    fn profile(&mut self) -> Arc<RequestProfile> {
        let charge = draw_size(self.traffic.sizes, &mut self.rng);
        let kind = self.draw_kind();
        if let Some((known, of, profile)) = &self.last
            && (*known, *of) == (charge, kind)
        {
            return Arc::clone(profile);
        }
        let profile = Arc::new(self.build(charge, kind));
        self.last = Some((charge, kind, Arc::clone(&profile)));
        profile
    }

    fn draw_kind(&mut self) -> usize {
        let of = self.traffic.kinds.iter().fold(0_u32, |sum, kind| sum.saturating_add(kind.share)).max(1);
        let mut draw = self.rng.u32(..of);
        for (place, kind) in self.traffic.kinds.iter().enumerate() {
            match draw.checked_sub(kind.share) {
                Some(rest) => draw = rest,
                None => return place,
            }
        }
        0
    }

    fn build(&self, charge: u64, kind: usize) -> RequestProfile {
        let kind = self.traffic.kinds.get(kind);
        RequestProfile {
            model: self.traffic.model.clone(),
            operation: Operation::Chat,
            streaming: true,
            size: size_of(charge, self.traffic.charging),
            priority: kind.map_or(Priority::Normal, |kind| kind.priority),
            caller: kind.and_then(|kind| kind.caller.clone()),
            client: Arc::from("world"),
            sdk_retry: 0,
            patience: self.traffic.patience,
            affinity: Affinity::default(),
        }
    }
}

/// A prompt and a cap that are charged exactly this much, at least 2: a quarter of it is prompt.
#[must_use]
pub fn size_of(charge: u64, charging: Charging) -> RequestSize {
    let charge = charge.max(2);
    let prompt = (charge / 4).max(1);
    let (prompt_chars, cap) = match charging {
        Charging::Sum => ((prompt - 1).saturating_mul(4), charge - prompt),
        Charging::Larger => (prompt.saturating_mul(4), charge),
    };
    RequestSize { prompt_chars, output_cap: Some(cap), choices: 1 }
}

/// A size out of a distribution.
pub fn draw_size(sizes: Sizes, rng: &mut Rng) -> u64 {
    match sizes {
        Sizes::Uniform(size) => size.max(2),
        Sizes::Heavy { mean, most } => {
            // Box and Muller; the log-normal's mean is exp(mu + sigma² / 2) and sigma is 1.
            let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * rng.f64()).cos();
            let drawn = as_float(mean) * (normal - 0.5).exp();
            as_whole(drawn).clamp(2, most.max(2))
        }
    }
}

/// The mean of what is really drawn, the cut included.
fn mean_size(sizes: Sizes, seed: u64) -> f64 {
    match sizes {
        Sizes::Uniform(size) => as_float(size.max(2)),
        Sizes::Heavy { .. } => {
            const DRAWS: u32 = 20_000;
            let mut rng = Rng::with_seed(seed ^ 0x5eed);
            let sum = (0..DRAWS).fold(0_u64, |sum, _| sum.saturating_add(draw_size(sizes, &mut rng)));
            as_float(sum) / f64::from(DRAWS)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "amounts stay far below 2^52")]
const fn as_float(amount: u64) -> f64 {
    amount as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
const fn as_whole(amount: f64) -> u64 {
    amount.clamp(0.0, 1e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_MINUTES: Duration = Duration::from_mins(10);

    fn tokens(profile: &RequestProfile) -> u64 {
        profile.size.prompt_chars / 4 + 1 + profile.size.output_cap.unwrap_or(0)
    }

    #[test]
    fn the_offered_rate_is_the_stated_one_for_either_kind_of_size() {
        for sizes in [Sizes::Uniform(400), Sizes::Heavy { mean: 400, most: 4_000 }] {
            let traffic = Traffic::steady("m", TEN_MINUTES, 300_000, sizes, Charging::Sum);
            let sum: u64 = traffic.arrivals(3).map(|arrival| tokens(&arrival.profile)).sum();
            assert!((2_880_000..3_120_000).contains(&sum), "{sizes:?}: {sum}");
        }
    }

    #[test]
    fn a_seed_repeats_its_arrivals_and_they_come_in_order() {
        let sizes = Sizes::Heavy { mean: 400, most: 4_000 };
        let traffic = Traffic::steady("m", TEN_MINUTES, 60_000, sizes, Charging::Sum);
        let times = |seed| traffic.arrivals(seed).map(|arrival| arrival.at).collect::<Vec<_>>();
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
        assert!(times(1).is_sorted());
    }

    #[test]
    fn heavy_tails_are_heavy_and_cut() {
        let mut rng = Rng::with_seed(9);
        let sizes = Sizes::Heavy { mean: 400, most: 4_000 };
        let mut drawn: Vec<u64> = (0..10_000).map(|_| draw_size(sizes, &mut rng)).collect();
        drawn.sort_unstable();
        assert!(drawn[5_000] < 280 && drawn[9_900] > 2_000, "{} {}", drawn[5_000], drawn[9_900]);
        assert!(drawn[9_999] <= 4_000);
    }

    #[test]
    fn a_size_is_charged_as_stated_by_either_formula() {
        for charge in [2, 3, 7, 400, 4_001] {
            let sum = size_of(charge, Charging::Sum);
            assert_eq!(sum.prompt_chars / 4 + 1 + sum.output_cap.expect("capped"), charge);
            let larger = size_of(charge, Charging::Larger);
            assert_eq!(larger.prompt_chars.div_ceil(4).max(larger.output_cap.expect("capped")), charge);
        }
    }

    #[test]
    fn stretches_follow_each_other_and_kinds_come_by_their_shares() {
        let kind = |share, priority| Kind { share, priority, caller: None };
        let traffic = Traffic {
            stretches: vec![
                Stretch { lasts: Duration::from_secs(60), tokens_per_minute: 0 },
                Stretch { lasts: Duration::from_secs(60), tokens_per_minute: 400_000 },
            ],
            kinds: vec![kind(1, Priority::Interactive), kind(3, Priority::Bulk)],
            ..Traffic::steady("m", TEN_MINUTES, 0, Sizes::Uniform(400), Charging::Sum)
        };
        let all: Vec<Arrival> = traffic.arrivals(5).collect();
        assert!(all[0].at >= Timestamp::from_secs(60) && all.len() > 850 && all.len() < 1_150, "{}", all.len());
        let bulk = all.iter().filter(|arrival| arrival.profile.priority == Priority::Bulk).count();
        assert!((bulk * 4).abs_diff(all.len() * 3) < all.len() / 5);
    }
}
