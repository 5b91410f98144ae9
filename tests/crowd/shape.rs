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
}

impl Spot {
    /// The ceiling that holds for tokens.
    pub fn ceiling(&self) -> Option<u64> {
        [self.tokens, self.soft_cap].into_iter().flatten().min()
    }
}

/// A configuration in the making.
#[derive(Clone, Debug)]
pub struct Shape {
    pub endpoints: Vec<Spot>,
    /// Tokens per minute of each pool.
    pub pools: Vec<u64>,
    /// Per route its groups, each with places of endpoints.
    pub routes: Vec<Vec<Vec<usize>>>,
    longest_wait: u64,
    checked: Option<Arc<CheckedConfig>>,
}

impl Shape {
    /// Anything from one endpoint to three hundred.
    pub fn draw(rng: &mut Rng) -> Self {
        let number = if rng.u32(..5) == 0 { rng.usize(60..300) } else { rng.usize(1..20) };
        let pools = (0..rng.usize(0..6)).map(|_| rng.u64(500..6_000)).collect::<Vec<_>>();
        let endpoints = (0..number).map(|place| draw_spot(rng, place, pools.len())).collect();
        let routes = (0..rng.usize(1..6)).map(|_| draw_route(rng, number)).collect();
        let longest_wait = if rng.u32(..4) == 0 { 0 } else { rng.u64(5..120) };
        let mut shape = Self { endpoints, pools, routes, longest_wait, checked: None };
        shape.check(1);
        shape
    }

    /// Some limits, a pool and a route change; ids and ways of counting stay.
    pub fn mutate(&mut self, rng: &mut Rng) {
        let pools = self.pools.len();
        for _ in 0..rng.usize(1..4) {
            let place = rng.usize(..self.endpoints.len());
            let (way, fresh) = (self.endpoints[place].way, draw_spot(rng, place, pools));
            let pool = self.endpoints[place].pool;
            self.endpoints[place] = Spot { way, pool, slice: self.endpoints[place].slice, ..fresh };
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

    /// A route's name; now and then one that does not exist.
    pub fn some_route(&self, rng: &mut Rng) -> String {
        let unknown = usize::from(rng.u32(..50) == 0);
        format!("m{}", rng.usize(..self.routes.len() + unknown))
    }

    /// Whether an endpoint belongs to the route of this name.
    pub fn routed(&self, route: &str, endpoint: &str) -> bool {
        let place: usize = route.trim_start_matches('m').parse().expect("routes are numbered");
        self.routes[place].iter().flatten().any(|member| self.endpoints[*member].id == endpoint)
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
        line(format_args!("[[account]]\nid = \"a\"\nservice = \"simulated\""));
        for (place, tokens) in self.pools.iter().enumerate() {
            line(format_args!("[[quota_pool]]\nid = \"p{place}\"\ntokens_per_minute = {tokens}"));
        }
        for spot in &self.endpoints {
            line(format_args!(
                "[[endpoint]]\nid = \"{0}\"\ndeployment = \"{0}\"\naccount = \"a\"\nmodel = \"m\"",
                spot.id
            ));
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
            if let Some(pool) = spot.pool {
                line(format_args!("quota_pool = \"p{pool}\""));
            }
        }
        for (place, groups) in self.routes.iter().enumerate() {
            line(format_args!("[[route]]\nmodel = \"m{place}\""));
            for group in groups {
                let members: Vec<String> =
                    group.iter().map(|member| format!("\"{}\"", self.endpoints[*member].id)).collect();
                line(format_args!("[[route.group]]\nendpoints = [{}]", members.join(", ")));
            }
        }
        text
    }
}

fn draw_spot(rng: &mut Rng, place: usize, pools: usize) -> Spot {
    let tokens = (rng.u32(..8) > 0).then(|| rng.u64(300..4_000));
    Spot {
        id: format!("e{place}"),
        way: rng.choice(WAYS).expect("three"),
        tokens,
        requests: rng.bool().then(|| rng.u64(20..600)),
        soft_cap: (rng.u32(..6) == 0).then(|| rng.u64(200..3_000)),
        most_in_flight: (rng.u32(..5) == 0).then(|| rng.u32(1..6)),
        pool: (pools > 0 && rng.bool()).then(|| rng.usize(..pools.max(1))),
        slice: if rng.bool() { 1 } else { 10 },
        admin: AdminState::Enabled,
    }
}

fn draw_route(rng: &mut Rng, endpoints: usize) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..endpoints).collect();
    rng.shuffle(&mut places);
    places.truncate(rng.usize(1..=endpoints));
    let groups = rng.usize(1..=places.len().min(4));
    places.chunks(places.len().div_ceil(groups)).map(<[usize]>::to_vec).collect()
}
