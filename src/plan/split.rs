//! Splits a total over deployments in whole steps.
//!
//! Invariant: the shares' sum is the total exactly, and each lies within its bounds; more demand never means less share.
//! Absent on purpose: where bounds and demand come from (`propose`, `adjust`).

/// Services grant tokens per minute in thousands.
pub const STEP: u64 = 1_000;

/// A total is handed out in at most this many goes, so that an absurd one takes no longer than a large one.
const GOES: u64 = 4_096;

/// One of those who share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How much it weighs against the others; who weighs nothing gets what the others cannot take.
    pub weight: u64,
    /// It gets no less, in tokens per minute.
    pub min: u64,
    /// It gets no more.
    pub max: u64,
}

/// Splits `total` by weight. Shares are whole steps; what is left of a step goes to the largest share that may take it.
/// `None`: the bounds and the total do not go together.
#[must_use]
pub fn split(total: u64, parts: &[Part]) -> Option<Vec<u64>> {
    let mut shares: Vec<u64> = parts.iter().map(|part| part.min.div_ceil(STEP).saturating_mul(STEP)).collect();
    let mut left = total.checked_sub(shares.iter().try_fold(0_u64, |sum, share| sum.checked_add(*share))?)?;
    let go = (left / STEP).div_ceil(GOES).max(1).saturating_mul(STEP);
    while left >= STEP {
        let room = |(part, share): (&Part, &u64)| part.max.saturating_sub(*share) / STEP * STEP;
        let open = parts.iter().zip(&shares).enumerate().filter(|(_, one)| room(*one) > 0);
        let (place, most) = open.reduce(|best, next| if comes_before(next.1, best.1, go) { next } else { best })?;
        let given = go.min(left / STEP * STEP).min(room(most));
        *shares.get_mut(place)? += given;
        left -= given;
    }
    if left > 0 {
        let takers = parts.iter().zip(&mut shares).filter(|(part, share)| part.max.saturating_sub(**share) >= left);
        // Of equals the first, as everywhere.
        *takers.map(|(_, share)| share).reduce(|best, next| if *next > *best { next } else { best })? += left;
    }
    let within = parts.iter().zip(&shares).all(|(part, share)| (part.min..=part.max).contains(share));
    within.then_some(shares)
}

/// Whether the first has the better claim to the next step: most weight for what it would have then (Webster's divisors,
/// which never take from who weighs more).
fn comes_before(first: (&Part, &u64), second: (&Part, &u64), go: u64) -> bool {
    let claim = |(part, _): (&Part, &u64), (_, share): (&Part, &u64)| {
        u128::from(part.weight).saturating_mul(u128::from(*share) * 2 + u128::from(go))
    };
    claim(first, second) > claim(second, first)
}

/// The requests per minute that come with a share, by a pool's requests per 1,000 tokens.
#[must_use]
pub const fn requests(tokens_per_minute: u64, per_1k_tokens: u64) -> u64 {
    tokens_per_minute.saturating_mul(per_1k_tokens) / 1_000
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const fn open(weight: u64) -> Part {
        Part { weight, min: 0, max: u64::MAX }
    }

    /// Random parts, and a total that their bounds allow.
    fn random(rng: &mut Rng) -> (u64, Vec<Part>) {
        let parts: Vec<Part> = (0..rng.usize(1..9))
            .map(|_| {
                let min = rng.u64(..20) * 1_000;
                let weight = if rng.u8(..4) == 0 { 0 } else { rng.u64(..1_000_000) };
                Part { weight, min, max: min + rng.u64(..200) * 1_000 }
            })
            .collect();
        let (low, high) = parts.iter().fold((0, 0), |(low, high), part| (low + part.min, high + part.max));
        (rng.u64(low..=high) / 1_000 * 1_000, parts)
    }

    #[test]
    fn shares_are_whole_steps_within_bounds_and_their_sum_is_the_total() {
        for seed in 0..2_000 {
            let (total, parts) = random(&mut Rng::with_seed(seed));
            let shares = split(total, &parts).unwrap_or_else(|| panic!("seed {seed}: {total} of {parts:?}"));
            assert_eq!(shares.iter().sum::<u64>(), total, "seed {seed}");
            for (part, share) in parts.iter().zip(&shares) {
                assert!((part.min..=part.max).contains(share), "seed {seed}: {share} of {part:?}");
                assert_eq!(share % STEP, 0, "seed {seed}");
            }
        }
    }

    #[test]
    fn who_asks_for_more_never_gets_less() {
        for seed in 0..2_000 {
            let mut rng = Rng::with_seed(seed);
            let (total, mut parts) = random(&mut rng);
            let before = split(total, &parts).expect("it can be split");
            let place = rng.usize(..parts.len());
            parts[place].weight += rng.u64(1..1_000_000);
            let after = split(total, &parts).expect("weights change no bounds");
            assert!(after[place] >= before[place], "seed {seed}: {before:?} {after:?}");
        }
    }

    #[test]
    fn what_is_left_of_a_step_goes_to_the_largest() {
        assert_eq!(split(10_500, &[open(1), open(3)]), Some(vec![3_000, 7_500]));
        assert_eq!(split(10_500, &[open(1), Part { max: 7_000, ..open(3) }]), Some(vec![3_500, 7_000]));
        assert_eq!(split(999, &[open(1), open(1)]), Some(vec![999, 0]));
    }

    #[test]
    fn demand_of_three_to_one_gets_three_to_one() {
        assert_eq!(split(240_000, &[open(3), open(1)]), Some(vec![180_000, 60_000]));
        let near = |weight| Part { weight, min: 90_000, max: 150_000 };
        assert_eq!(split(240_000, &[near(3), near(1)]), Some(vec![150_000, 90_000]));
    }

    #[test]
    fn bounds_that_do_not_go_with_the_total_give_nothing() {
        assert_eq!(split(1_000, &[Part { min: 2_000, ..open(1) }]), None);
        assert_eq!(split(9_000, &[Part { max: 2_000, ..open(1) }, Part { max: 3_000, ..open(1) }]), None);
        assert_eq!(split(1_000, &[]), None);
        assert_eq!(split(0, &[]), Some(vec![]));
    }

    #[test]
    fn an_absurd_total_is_split_at_once_and_exactly() {
        let shares = split(u64::MAX, &[open(3), open(1), open(0)]).expect("no bounds");
        assert_eq!(
            shares.iter().fold(0_u64, |sum, share| sum.checked_add(*share).expect("no more than the total")),
            u64::MAX
        );
        assert!(shares[0] / 3 > shares[1] / 10 * 9, "{shares:?}");
    }
}
