//! What needs the person: at most five rows, worst first, each with one button.
//!
//! Invariant: a row says what is the matter and leads to where it can be changed.
//! Absent on purpose: news that needs nothing.

use super::unknown;
use egui::{Align, Layout, RichText, Ui};

use crate::contract::Snapshot;
use crate::contract::snapshot::{AccountKey, KeyringState};
use crate::model::config::{Config, Way};
use crate::model::host::is_on_this_computer;
use crate::model::id::AccountId;
use crate::model::outcome::ThrottleKind;
use crate::model::status::{EndpointView, Health, PoolView, RestCause, RouteView};
use crate::model::units::regrouped;
use crate::ui::actions::Action;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::{ago, clock_time, count, countdown, full_in};
use crate::ui::status::{since, urgency};
use crate::ui::theme::{self, Tone, gap};
use crate::ui::widgets::{card, note, status_label, text_width};

const ROWS: usize = 5;
const ROW_HEIGHT: f32 = 26.0;
/// Points that the heading takes of its row, and what stands round a row's words: the glyph, and the edges of its button.
const HEADING: f32 = 130.0;
const ROUND: f32 = 64.0;

/// Where a row's button leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Door {
    Place(Target),
    Page(Page),
    /// The field for this account's key.
    Key(AccountId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    tone: Tone,
    text: String,
    button: &'static str,
    door: Door,
    /// Since when it is so, as Unix milliseconds, where that is known.
    since: Option<u64>,
}

/// Shows the list.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx) {
    let (theme, rows) = (cx.theme, rows(cx.snapshot));
    card(ui, theme, |ui| {
        ui.spacing_mut().item_spacing.y = gap::S;
        // The heading stands beside the first row where that has room: with one row or none the page keeps its place.
        let beside = rows.first().is_none_or(|row| fits(ui, row, HEADING));
        ui.horizontal(|ui| {
            ui.set_min_height(ROW_HEIGHT);
            ui.label(theme::strong("Needs attention").color(theme.text));
            ui.add_space(gap::M);
            match rows.first().filter(|_| beside) {
                Some(row) => show_row(ui, cx, row),
                None if rows.is_empty() => drop(status_label(ui, theme, Tone::Ok, "Nothing needs you.")),
                None => {}
            }
        });
        for row in rows.iter().skip(usize::from(beside)) {
            if fits(ui, row, 0.0) {
                ui.horizontal(|ui| {
                    ui.set_min_height(ROW_HEIGHT);
                    show_row(ui, cx, row);
                });
            } else {
                show_whole(ui, cx, row);
            }
        }
    });
}

/// Whether a row stands on one line beside `taken` points. Digits count alike, as countdowns run.
fn fits(ui: &Ui, row: &Row, taken: f32) -> bool {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let text: String = row.text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    let since = row.since.map_or(0.0, |since| gap::M + text_width(ui, &since_words(since), &font));
    let needs = text_width(ui, &text, &font) + text_width(ui, row.button, &font) + since;
    taken + ROUND + needs <= ui.available_width()
}

fn show_row(ui: &mut Ui, cx: &mut PageCx, row: &Row) {
    let theme = cx.theme;
    ui.label(row.tone.icon().rich_text().size(16.0).color(theme.tone(row.tone)));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        button(ui, cx, row);
        told_since(ui, cx, row);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(&row.text).color(theme.text)).truncate());
        });
    });
}

/// The same in as many lines as it takes, with its button below.
fn show_whole(ui: &mut Ui, cx: &mut PageCx, row: &Row) {
    let theme = cx.theme;
    ui.horizontal_top(|ui| {
        ui.label(row.tone.icon().rich_text().size(16.0).color(theme.tone(row.tone)));
        ui.vertical(|ui| {
            ui.add(egui::Label::new(RichText::new(&row.text).color(theme.text)).wrap());
            told_since(ui, cx, row);
            button(ui, cx, row);
        });
    });
}

/// Since when it is so, if that is known.
fn told_since(ui: &mut Ui, cx: &PageCx, row: &Row) {
    if let Some(since) = row.since {
        note(ui, cx.theme, &since_words(since)).on_hover_text(ago(since, cx.snapshot.wall_ms));
    }
}

fn since_words(since: u64) -> String {
    format!("since {}", clock_time(since))
}

fn button(ui: &mut Ui, cx: &mut PageCx, row: &Row) {
    if ui.button(row.button).clicked() {
        match row.door.clone() {
            Door::Place(target) => cx.open(target),
            Door::Page(page) => cx.go(page),
            Door::Key(account) => {
                let target = Target::Account(account);
                cx.select(Some(target.clone()));
                cx.open(target);
                cx.act(Action::ReplaceKey);
            }
        }
    }
}

fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let view = &snapshot.view;
    let mut rows: Vec<Row> = view.routes.iter().filter_map(|route| of_route(route, snapshot)).collect();
    rows.extend(view.endpoints.iter().filter_map(|endpoint| of_endpoint(endpoint, snapshot)));
    rows.extend(unknown::of(snapshot).into_iter().map(|id| {
        let text =
            format!("{id} answered its newest request with 404: base URL, API version or deployment may be wrong.");
        Row {
            tone: Tone::Error,
            text,
            button: "Open endpoint",
            door: Door::Place(Target::Endpoint(id.clone())),
            since: None,
        }
    }));
    rows.extend(view.pools.iter().filter_map(|pool| of_pool(pool, snapshot)));
    rows.extend(snapshot.keys.accounts.iter().filter_map(of_key));
    rows.extend(of_keyring(snapshot));
    rows.extend(of_findings(snapshot));
    rows.sort_by_key(|row| std::cmp::Reverse(urgency(row.tone)));
    rows.truncate(ROWS);
    rows
}

fn of_route(route: &RouteView, snapshot: &Snapshot) -> Option<Row> {
    if route.serving >= route.members {
        return None;
    }
    let model = &route.model;
    let waiting = match route.waiting {
        0 => String::new(),
        number => format!(" {}.", count(number.into(), "request is waiting", "requests are waiting")),
    };
    let (tone, text) = if route.serving == 0 {
        let back = match route.back_at {
            Some(at) => format!("First one back in {}.", countdown(at, snapshot.at)),
            None => "Waiting alone will not help.".to_owned(),
        };
        (Tone::Error, format!("No endpoint for {model} can answer. {back}{waiting}"))
    } else {
        let text = format!("Route {model}: {} of {} endpoints serving.{waiting}", route.serving, route.members);
        (Tone::Throttled, text)
    };
    let since = route_since(route, snapshot);
    Some(Row { tone, text, button: "Open route", door: Door::Place(Target::Route(model.clone())), since })
}

/// Since when it has fewer than all, or none.
fn route_since(route: &RouteView, snapshot: &Snapshot) -> Option<u64> {
    let members = route.groups.iter().flat_map(|group| &group.endpoints);
    let out = members.filter(|id| snapshot.view.endpoint(id).is_some_and(|one| !one.serving()));
    let times: Option<Vec<u64>> = out.map(|id| since(snapshot, id)).collect();
    if route.serving == 0 { times?.into_iter().max() } else { times?.into_iter().min() }
}

fn of_endpoint(endpoint: &EndpointView, snapshot: &Snapshot) -> Option<Row> {
    let (id, account) = (&endpoint.id, &endpoint.account);
    let open = ("Open endpoint", Door::Place(Target::Endpoint(id.clone())));
    let key = |button| (button, Door::Key(account.clone()));
    let account = Door::Place(Target::Account(account.clone()));
    let (text, (button, door)) = match endpoint.health {
        Health::NoKey => (format!("{id} has no key, so it gets no requests."), key("Add key")),
        Health::Resting { cause, .. } => match cause {
            RestCause::KeyRejected => (format!("{id} rejected its key, so it gets no requests."), key("Replace key")),
            RestCause::Blocked => {
                let why = "a firewall, a private network, or key sign-in switched off";
                (format!("{id} refuses this connection: {why}. The key itself may be fine."), ("Open account", account))
            }
            RestCause::NotFound => (format!("{id}: the service does not know this deployment."), open),
            RestCause::Errors => (format!("{id} rests after errors; a probe decides when it is back."), open),
            RestCause::Unreachable => match between(endpoint, &snapshot.applied.config) {
                Some(proxy) => {
                    let text = format!("{id} cannot be reached {proxy}; a probe decides when it is back.");
                    (text, ("Open proxy", Door::Place(Target::Setting("upstream_proxy"))))
                }
                None => (format!("{id} cannot be reached; a probe decides when it is back."), open),
            },
            RestCause::Throttled(ThrottleKind::OutOfCredit) => {
                (format!("{id} says the account has no credit. Waiting will not clear this."), open)
            }
            RestCause::Throttled(ThrottleKind::ProjectLimit) => {
                (format!("{id} says the project's spend limit is reached. Waiting will not clear this."), open)
            }
            RestCause::Throttled(_) => return None,
        },
        _ => return None,
    };
    Some(Row { tone: Tone::Error, text, button, door, since: since(snapshot, id) })
}

/// The proxy on the way to an endpoint, in words; `None`: there is none. This computer's own services are reached straight.
fn between(endpoint: &EndpointView, config: &Config) -> Option<String> {
    let account = config.account(&endpoint.account)?;
    if endpoint.simulated || is_on_this_computer(&account.base_url) {
        return None;
    }
    match config.upstream.way() {
        Some(Way::Through(address)) => Some(format!("through the upstream proxy {address}")),
        Some(Way::System) => Some("by the system's proxy settings".to_owned()),
        Some(Way::Straight) | None => None,
    }
}

/// A pool that fills up, from three quarters on.
fn of_pool(pool: &PoolView, snapshot: &Snapshot) -> Option<Row> {
    let percent = Some(pool.tokens.taken_percent()).filter(|percent| *percent >= 75)?;
    let full = full_in(pool.exhausts_at?, snapshot.at)?;
    let text = format!("Pool {}: {full} ({percent} %).", pool.id);
    Some(Row {
        tone: Tone::Near,
        text,
        button: "See options",
        door: Door::Place(Target::Pool(pool.id.clone())),
        since: None,
    })
}

/// A key that was refused while the account's other one goes on.
fn of_key(key: &AccountKey) -> Option<Row> {
    let since = Some(key.spares.stands_in_since?);
    let text = format!("{} refused its key. Its other key is used, so nothing failed.", key.account);
    let door = Door::Place(Target::Account(key.account.clone()));
    Some(Row { tone: Tone::Throttled, text, button: "See keys", door, since })
}

fn of_keyring(snapshot: &Snapshot) -> Option<Row> {
    let (tone, text) = match &snapshot.keys.keyring {
        KeyringState::Locked => (Tone::Error, "Your keyring is locked, so stored keys can't be used.".to_owned()),
        KeyringState::Missing { .. } if !snapshot.profile.demo => {
            (Tone::Near, "No password service is running. Keys are kept until you quit.".to_owned())
        }
        _ => return None,
    };
    Some(Row { tone, text, button: "Open accounts", door: Door::Page(Page::Accounts), since: None })
}

fn of_findings(snapshot: &Snapshot) -> Option<Row> {
    let (finding, others) = snapshot.applied.findings.split_first()?;
    let more = if others.is_empty() { String::new() } else { format!(" · and {} more", others.len()) };
    let page = match finding.at.table.as_str() {
        "route" => Page::Routing,
        "quota_pool" => Page::Quotas,
        "account" => Page::Accounts,
        _ => Page::Endpoints,
    };
    let (text, door) = (regrouped(&finding.message) + &more, Door::Page(page));
    Some(Row { tone: Tone::Near, text, button: "See it", door, since: None })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::contract::snapshot::Applied;
    use crate::model::config::UpstreamWay;
    use crate::model::record::RequestRecord;
    use crate::model::units::Timestamp;
    use crate::ui::fixture;

    fn with(health: &[Health]) -> Snapshot {
        let mut snapshot = fixture::snapshot_at(300);
        let view = Arc::make_mut(&mut snapshot.view);
        for (endpoint, health) in view.endpoints.iter_mut().zip(health) {
            endpoint.health = *health;
        }
        let serving = view.endpoints.iter().filter(|endpoint| endpoint.serving()).count();
        view.routes[0].serving = u32::try_from(serving).unwrap();
        snapshot
    }

    #[test]
    fn a_row_is_read_whole_in_a_narrow_window_with_its_button_below() {
        let rejected = Health::Resting { until: Timestamp::MAX, cause: RestCause::KeyRejected };
        let snapshot = with(&[Health::Healthy, rejected, Health::Healthy, Health::Healthy]);
        for (width, lines) in [(380.0, 2.0), (1280.0, 1.0)] {
            let (line, _back, _inbox) = crate::contract::line(snapshot.clone());
            let console = crate::ui::Console::new(line, &egui::Context::default());
            let mut harness = egui_kittest::Harness::builder()
                .with_size(egui::vec2(width, 500.0))
                .with_context_setup(theme::install)
                .build_ui_state(|ui, console: &mut crate::ui::Console| console.ui(ui), console);
            harness.run_steps(4);
            let text = harness.get_by_label_contains("rejected its key, so it gets no requests.").rect();
            let buttons = harness.query_all_by_label("Replace key").map(|button| button.rect());
            let button = buttons.min_by(|one, other| one.top().total_cmp(&other.top())).unwrap();
            assert!(text.height() >= 13.0 * lines && text.right() <= width, "{text:?} in {width}");
            assert_eq!(button.top() >= text.bottom(), width < 500.0, "{button:?} and {text:?}");
        }
    }

    #[test]
    fn all_well_needs_nothing() {
        assert_eq!(rows(&with(&[Health::Healthy; 4])), []);
    }

    #[test]
    fn a_rejected_key_comes_before_a_partly_serving_route_and_leads_to_its_account() {
        let rejected = Health::Resting { until: Timestamp::MAX, cause: RestCause::KeyRejected };
        let rows = rows(&with(&[Health::Healthy, rejected, Health::Healthy, Health::Healthy]));
        assert_eq!(rows[0].door, Door::Key("sim-a".into()));
        assert!(rows[1].text.contains("3 of 4 endpoints serving"), "{rows:?}");
    }

    #[test]
    fn a_pool_that_fills_up_is_named_from_three_quarters_on() {
        let with = |used: u64| {
            let mut snapshot = with(&[Health::Healthy; 4]);
            let at = Timestamp(snapshot.at.0 + 360_000_000);
            let pool = &mut Arc::make_mut(&mut snapshot.view).pools[0];
            pool.exhausts_at = Some(crate::model::outlook::Exhaustion {
                at,
                earliest: at,
                latest: at,
                of: crate::model::units::Unit::Tokens,
            });
            (pool.tokens.used, pool.tokens.reserved) = (used, 0);
            rows(&snapshot)
        };
        assert_eq!(with(200_000), []);
        let rows = with(246_000);
        assert_eq!(rows[0].text, "Pool sim-b/eastus/demo: full in ~6 min at this rate (82 %).");
        assert_eq!(rows[0].door, Door::Place(Target::Pool("sim-b/eastus/demo".into())));
    }

    #[test]
    fn an_endpoint_that_answers_404_needs_attention_until_it_answers() {
        let mut snapshot = with(&[Health::Healthy; 4]);
        let mut record = snapshot.records.iter().next_back().unwrap().as_ref().clone();
        record.wall_ms = snapshot.wall_ms;
        let attempt = record.attempts.last_mut().unwrap();
        (attempt.endpoint, attempt.status) = ("sim-westus".into(), Some(404));
        let put = |snapshot: &mut Snapshot, record: &RequestRecord| {
            Arc::make_mut(&mut snapshot.records).chunks.push(Arc::from([Arc::new(record.clone())]));
        };
        put(&mut snapshot, &record);
        let said = rows(&snapshot);
        assert!(said[0].text.starts_with("sim-westus answered its newest request with 404"), "{said:?}");
        assert_eq!(said[0].door, Door::Place(Target::Endpoint("sim-westus".into())));

        record.attempts.last_mut().unwrap().status = Some(200);
        put(&mut snapshot, &record);
        assert_eq!(rows(&snapshot), []);
    }

    #[test]
    fn an_unreachable_endpoint_behind_a_proxy_names_the_proxy_and_leads_to_it_unless_it_is_on_this_computer() {
        let gone = Health::Resting { until: Timestamp::MAX, cause: RestCause::Unreachable };
        let told = |base_url: &str| {
            let mut snapshot = with(&[gone]);
            let mut config = fixture::config();
            config.upstream = UpstreamWay { proxy: "http://10.0.0.1:3128".to_owned() };
            config.accounts.iter_mut().for_each(|account| account.base_url = base_url.to_owned());
            snapshot.applied = Arc::new(Applied { config: Arc::new(config), ..Applied::clone(&snapshot.applied) });
            Arc::make_mut(&mut snapshot.view).endpoints[0].simulated = false;
            rows(&snapshot).into_iter().find(|row| row.text.contains("cannot be reached")).expect("it is told")
        };
        assert!(!told("http://ollama.localhost:11434/v1").text.contains("proxy"), "it is reached straight");
        let row = told("https://api.example.com/v1");
        assert!(row.text.contains("through the upstream proxy http://10.0.0.1:3128; a probe decides"), "{row:?}");
        assert_eq!(row.door, Door::Place(Target::Setting("upstream_proxy")));
    }

    #[test]
    fn no_more_than_five_rows_are_shown() {
        let gone = Health::Resting { until: Timestamp::MAX, cause: RestCause::Unreachable };
        let mut snapshot = with(&[gone; 4]);
        snapshot.keys = Arc::new(crate::contract::snapshot::KeysView {
            keyring: KeyringState::Locked,
            accounts: vec![],
            ..Default::default()
        });
        assert_eq!(rows(&snapshot).len(), 5);
    }
}
