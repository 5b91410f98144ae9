//! Random configurations: endpoints, pools, routes, and how they change.

use std::fmt::Write as _;
use std::sync::Arc;

use fastrand::Rng;
use tidegate::model::checked::CheckedConfig;
use tidegate::model::config::{AdminState, Config, Enforcement};

/// How a service counts, as the file says it.
pub const WAYS: [&str; 3] = ["sliding_log", "token_bucket", "utilization"];

/// One endpoint.
#[derive(Clone, Debug)]
pub struct Spot {
    pub id: String,
    pub way: &'static str,
    pub tokens: Option<u64>,
    pub requests: Option<u64>,
    pub soft_cap: Option<u64>,
    pub most_in_flight: Option<u32>,
    pub pool: Option<usize>,
    pub slice: u64,
    pub admin: AdminState,
    pub account: usize,
    pub pinned: bool,
    /// Prompt and output tokens per minute, where they are limited apart.
    pub input: Option<u64>,
    pub output: Option<u64>,
    /// Whether its answers say what its limit is and what is left of it.
    pub tells: bool,
}

/// One caller and what it may use.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    pub tokens: Option<u64>,
    pub requests: Option<u64>,
    pub most_in_flight: Option<u32>,
}

/// One priority group.
#[derive(Clone, Debug)]
pub struct Rank {
    /// Places of endpoints.
    pub members: Vec<usize>,
    spread: &'static str,
    cache_affinity: bool,
    /// Percent at which requests leave and come back, and for how many seconds they stay away.
    spill: Option<(u32, u32, u32)>,
}

impl Rank {
    /// Whether requests may go on to lower groups although it has room.
    pub const fn is_leavable(&self) -> bool {
        self.spill.is_some()
    }
}

/// A configuration in the making.
#[derive(Clone, Debug)]
pub struct Shape {
    pub endpoints: Vec<Spot>,
    /// Tokens per minute of each pool.
    pub pools: Vec<u64>,
    /// Per route its groups.
    pub routes: Vec<Vec<Rank>>,
    pub callers: Vec<Guest>,
    pub accounts: usize,
    pub most_attempts: u32,
    pub retry_percent: u32,
    longest_wait: u64,
    checked: Option<Arc<CheckedConfig>>,
}

impl Shape {
    /// Anything from one endpoint to three hundred.
    pub fn draw(rng: &mut Rng) -> Self {
        let number = if rng.u32(..5) == 0 { rng.usize(60..300) } else { rng.usize(1..20) };
        let pools = (0..rng.usize(0..6)).map(|_| rng.u64(500..6_000)).collect::<Vec<_>>();
        let accounts = rng.usize(1..5);
        let endpoints = (0..number).map(|place| draw_spot(rng, place, pools.len(), accounts)).collect();
        let routes = (0..rng.usize(1..6)).map(|_| draw_route(rng, number)).collect();
        let longest_wait = if rng.u32(..4) == 0 { 0 } else { rng.u64(5..120) };
        let callers = (0..rng.usize(0..4)).map(|_| draw_caller(rng)).collect();
        let (most_attempts, retry_percent) = (rng.u32(1..7), rng.u32(0..60));
        let mut shape = Self {
            endpoints,
            pools,
            routes,
            callers,
            accounts,
            most_attempts,
            retry_percent,
            longest_wait,
            checked: None,
        };
        shape.check(1);
        shape
    }

    /// Some limits, a pool and a route change; ids and ways of counting stay.
    pub fn mutate(&mut self, rng: &mut Rng) {
        let pools = self.pools.len();
        for _ in 0..rng.usize(1..4) {
            let place = rng.usize(..self.endpoints.len());
            let fresh = draw_spot(rng, place, pools, self.accounts);
            let Spot { way, pool, slice, account, tells, .. } = self.endpoints[place];
            self.endpoints[place] = Spot { way, pool, slice, account, tells, ..fresh };
        }
        if rng.bool() {
            for caller in &mut self.callers {
                *caller = draw_caller(rng);
            }
        }
        if pools > 0 && rng.bool() {
            let place = rng.usize(..pools);
            self.pools[place] = rng.u64(500..6_000);
        }
        if rng.bool() {
            let place = rng.usize(..self.routes.len());
            self.routes[place] = draw_route(rng, self.endpoints.len());
        }
        self.check(2);
    }

    /// The file as it would be kept: with what the person set since.
    pub fn save(&mut self) {
        self.check(2);
    }

    /// A route's name; now and then one that does not exist.
    pub fn some_route(&self, rng: &mut Rng) -> String {
        let unknown = usize::from(rng.u32(..50) == 0);
        format!("m{}", rng.usize(..self.routes.len() + unknown))
    }

    /// Whether an endpoint belongs to the route of this name.
    pub fn routed(&self, route: &str, endpoint: &str) -> bool {
        let place: usize = route.trim_start_matches('m').parse().expect("routes are numbered");
        self.routes[place].iter().flat_map(|rank| &rank.members).any(|member| self.endpoints[*member].id == endpoint)
    }

    /// The group of a route, both as a decision names them.
    pub fn rank(&self, route: &str, group: u32) -> &Rank {
        let place: usize = route.trim_start_matches('m').parse().expect("routes are numbered");
        &self.routes[place][group as usize - 1]
    }

    /// The endpoint of this name.
    pub fn spot(&self, id: &str) -> &Spot {
        self.endpoints.iter().find(|spot| spot.id == id).expect("a configured endpoint")
    }

    /// As the brain takes it.
    pub fn config(&self) -> &Arc<CheckedConfig> {
        self.checked.as_ref().expect("it is checked when drawn")
    }

    /// Whether a pool counts as a bucket, which it does if all of its members do.
    pub fn is_bucket(&self, pool: usize) -> bool {
        let id = format!("p{pool}");
        let known = self.config().pools.iter().find(|known| known.id.as_str() == id);
        known.is_some_and(|pool| pool.enforcement == Enforcement::TokenBucket)
    }

    fn check(&mut self, revision: u64) {
        let config: Config = toml_edit::de::from_str(&self.text()).expect("the text is sound");
        self.checked = Some(Arc::new(CheckedConfig::resolve(Arc::new(config), revision).0));
    }

    fn text(&self) -> String {
        let mut text = format!("[queue]\nmax_wait_seconds = {}\n", self.longest_wait);
        let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("memory suffices");
        line(format_args!("[retry]\nmax_attempts = {}\nbudget_percent = {}", self.most_attempts, self.retry_percent));
        for place in 0..self.accounts {
            line(format_args!("[[account]]\nid = \"a{place}\"\nservice = \"simulated\""));
        }
        for (place, caller) in self.callers.iter().enumerate() {
            line(format_args!("[[caller]]\nid = \"c{place}\""));
            let limits = [
                ("tokens_per_minute", caller.tokens),
                ("requests_per_minute", caller.requests),
                ("max_in_flight", caller.most_in_flight.map(u64::from)),
            ];
            for (key, value) in limits.iter().filter_map(|(key, value)| Some((key, (*value)?))) {
                line(format_args!("{key} = {value}"));
            }
        }
        for (place, tokens) in self.pools.iter().enumerate() {
            line(format_args!("[[quota_pool]]\nid = \"p{place}\"\ntokens_per_minute = {tokens}"));
        }
        for spot in &self.endpoints {
            line(format_args!(
                "[[endpoint]]\nid = \"{0}\"\ndeployment = \"{0}\"\naccount = \"a{1}\"\nmodel = \"m\"",
                spot.id, spot.account
            ));
            line(format_args!("pinned = {}", spot.pinned));
            line(format_args!("enforcement = \"{}\"\nrequest_slice_seconds = {}", spot.way, spot.slice));
            let state = match spot.admin {
                AdminState::Enabled => "enabled",
                AdminState::Draining => "draining",
                AdminState::Paused => "paused",
            };
            line(format_args!("admin_state = \"{state}\""));
            let mut number = |key: &str, value: Option<u64>| {
                if let Some(value) = value {
                    line(format_args!("{key} = {value}"));
                }
            };
            number("tokens_per_minute", spot.tokens);
            number("requests_per_minute", spot.requests);
            number("soft_cap_tokens_per_minute", spot.soft_cap);
            number("max_in_flight", spot.most_in_flight.map(u64::from));
            number("input_tokens_per_minute", spot.input);
            number("output_tokens_per_minute", spot.output);
            if let Some(pool) = spot.pool {
                line(format_args!("quota_pool = \"p{pool}\""));
            }
        }
        for (place, groups) in self.routes.iter().enumerate() {
            line(format_args!("[[route]]\nmodel = \"m{place}\""));
            for group in groups {
                let members: Vec<String> =
                    group.members.iter().map(|member| format!("\"{}\"", self.endpoints[*member].id)).collect();
                line(format_args!("[[route.group]]\nendpoints = [{}]", members.join(", ")));
                line(format_args!("spread = \"{}\"\ncache_affinity = {}", group.spread, group.cache_affinity));
                if let Some((spill, back, stay)) = group.spill {
                    line(format_args!("spill_percent = {spill}\nreturn_percent = {back}\nmin_stay_seconds = {stay}"));
                }
            }
        }
        text
    }
}

fn draw_spot(rng: &mut Rng, place: usize, pools: usize, accounts: usize) -> Spot {
    let tokens = (rng.u32(..8) > 0).then(|| rng.u64(300..4_000));
    let way = rng.choice(WAYS).expect("three");
    let soft_cap = (rng.u32(..6) == 0).then(|| rng.u64(200..3_000));
    let apart = rng.u32(..8) == 0;
    Spot {
        id: format!("e{place}"),
        way,
        tokens,
        requests: rng.bool().then(|| rng.u64(20..600)),
        soft_cap,
        most_in_flight: (rng.u32(..5) == 0).then(|| rng.u32(1..6)),
        pool: (pools > 0 && rng.bool()).then(|| rng.usize(..pools.max(1))),
        slice: if rng.bool() { 1 } else { 10 },
        admin: AdminState::Enabled,
        account: rng.usize(..accounts),
        pinned: rng.u32(..8) == 0,
        input: apart.then(|| rng.u64(100..2_000)),
        output: apart.then(|| rng.u64(300..3_000)),
        tells: rng.u32(..4) == 0,
    }
}

/// Some callers are limited, one way or the other.
fn draw_caller(rng: &mut Rng) -> Guest {
    Guest {
        tokens: rng.bool().then(|| rng.u64(500..6_000)),
        requests: rng.bool().then(|| rng.u64(5..120)),
        most_in_flight: (rng.u32(..3) == 0).then(|| rng.u32(1..8)),
    }
}

fn draw_route(rng: &mut Rng, endpoints: usize) -> Vec<Rank> {
    let mut places: Vec<usize> = (0..endpoints).collect();
    rng.shuffle(&mut places);
    places.truncate(rng.usize(1..=endpoints));
    let groups = rng.usize(1..=places.len().min(4));
    let spreads = ["headroom", "headroom", "weights", "round_robin", "latency", "conversation", "caller"];
    let mut rank = |members: &[usize]| Rank {
        members: members.to_vec(),
        spread: rng.choice(spreads).expect("seven"),
        cache_affinity: rng.bool(),
        spill: (rng.u32(..4) == 0).then(|| {
            let spill = rng.u32(30..=100);
            (spill, rng.u32(10..=spill), rng.u32(0..30))
        }),
    };
    places.chunks(places.len().div_ceil(groups)).map(&mut rank).collect()
}
