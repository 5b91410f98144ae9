//! What else people call things: words a newcomer types who does not know ours yet.
//!
//! Invariant: words of our own vocabulary lead to what they mean; a word found here is shown, so that it is clear why.
//! Absent on purpose: words that stand in the label or the hint already, and other languages.

use crate::model::config::AdminState;
use crate::model::id::EndpointId;
use crate::ui::actions::Action;
use crate::ui::cx::Page;

/// Other words for an action.
#[must_use]
pub(super) const fn of_action(action: Action) -> &'static str {
    match action {
        Action::Go(page) => of_page(page),
        Action::Help => "docs documentation manual guide glossary words terms meaning definitions dictionary about ?",
        Action::Shortcuts => "keys keymap hotkeys bindings cheatsheet",
        Action::Back => "previous return",
        Action::Forward => "next",
        Action::Filter => "search find query grep",
        Action::Inspector => "details sidebar panel properties",
        Action::CopyLink => "share url deeplink permalink",
        Action::Undo => "revert mistake",
        Action::Redo => "repeat",
        Action::Review => "apply save commit deploy publish changes diff",
        Action::Discard => "reset revert cancel drop changes",
        Action::LiveTuning => "tune experiment try preview hot",
        Action::HoldView => "freeze hold stop scroll",
        Action::Revisions => "history versions rollback backup restore changelog audit",
        Action::Reach(_) => "span range window history time period charts graphs",
        Action::NewProfile => "add create workspace environment account switch",
        Action::OpenFolder => "path directory files explorer finder location",
        Action::ReloadFile => "refresh reread toml config",
        Action::CopyBaseUrl => "address endpoint url clipboard openai_base_url api",
        Action::ToggleTheme => "dark light mode theme night colours colors appearance",
        Action::PauseServing => "stop halt disable off maintenance",
        Action::ResumeServing => "start continue enable on unpause",
        Action::RetryPort => "listen bind rebind address",
        Action::EnterDemo => "demo example sandbox playground mock fake tutorial sample tour",
        Action::LeaveDemo => "exit demo end real",
        Action::Play(_) => "script simulate load stress traffic test",
        Action::StopScript => "end halt traffic",
        Action::PauseEndpoint => "disable enable off on stop resume",
        Action::DrainEndpoint => "disable evacuate retire maintenance",
        Action::TestKey => "check verify validate ping credential token probe",
        Action::New => "create add",
        Action::ReplaceKey => "rotate change update credential token secret password",
        Action::Why => "explain reason decision trace",
        Action::CopyCurl => "export command replay",
        Action::CopyBoth => "export markdown json body",
        Action::MarkRow => "bookmark flag star pin",
        Action::CloseWindow => "hide minimise minimize background tray",
        Action::Quit => "exit leave close shutdown stop bye kill end",
        Action::SavedFilter(_) => "bookmark favourite favorite view search",
        _ => "",
    }
}

const fn of_page(page: Page) -> &'static str {
    match page {
        Page::Overview => "home dashboard start status health summary monitor charts plots graphs",
        Page::Endpoints => "backends deployments upstreams targets nodes servers models hosts providers limits",
        Page::Routing => "routes models aliases groups priority failover fallback weights balance load order lanes",
        Page::Quotas => "limits pools tpm rpm tokens budget allocation rate allowance capacity share",
        Page::Requests => "log logs traffic history calls errors trace export csv jsonl har latency why",
        Page::Queue => "waiting line backlog pending in-flight running cancel",
        Page::Usage => {
            "costs cost spend spent used using consumed consumption billing bill price tokens report statistics stats export csv month"
        }
        Page::Accounts => {
            "keys key credentials providers azure openai api secrets login tokens rotate keyring subscription"
        }
        Page::Connect => {
            "setup snippets docs sdk python curl client integration tools base url environment node install"
        }
        Page::Settings => "preferences options configuration config customise customize prefs",
    }
}

/// Other words for a setting, by its name in links.
#[must_use]
pub fn of_setting(slug: &str) -> &'static str {
    match slug {
        "address" => "bind host ip lan network interface expose remote",
        "port" => "listen 8787 bind",
        "token" => "auth authentication password security access",
        "hosts" => "dns rebinding host allowlist domain",
        "origins" => "cors browser allow origin",
        "upstream_proxy" => "http_proxy socks corporate firewall outbound",
        "sockets" => "ports open connections",
        "callers" => "clients users tokens apps auth",
        "retry" => "attempts backoff repeat failover",
        "queue" => "waiting queueing backlog deadline timeout",
        "health" => "circuit breaker ejection cooldown errors outlier",
        "timeouts" => "deadline slow hang",
        "bodies" => "size upload limit memory disk payload",
        "live_tuning" => "revert countdown confirm",
        "history" => "privacy data retention storage delete database disk telemetry log",
        "folders" => "paths files directory location logs where",
        "theme" => "dark light mode theme night appearance",
        "palette" => "colours colors colour-blind colorblind scheme",
        "contrast" => "accessibility a11y",
        "text" => "font zoom scale size bigger larger hidpi",
        "density" => "spacing compact comfortable",
        "numbers" => "separator comma locale digits format grouping",
        "time" => "clock format am pm 24 hour locale",
        "motion" => "animation accessibility",
        "close" => "background tray minimise minimize exit quit",
        "desktop" => "notifications alerts popups toast",
        "quiet" => "do not disturb dnd mute silence night",
        "full" => "forecast exhaustion threshold warn alert",
        "events" => "alerts mute notifications",
        "keys" => "hotkeys rebind bindings keyboard keymap",
        "file" => "toml config.toml reload path editor",
        "log" => "debug trace verbose diagnostics stderr troubleshoot",
        _ => "",
    }
}

/// Words for each switch of an endpoint, one of which must be said, and those that may stand beside any of them.
const PAUSE: [&str; 17] = [
    "pause",
    "stop",
    "off",
    "not",
    "don't",
    "dont",
    "never",
    "no",
    "disable",
    "halt",
    "exclude",
    "avoid",
    "block",
    "without",
    "skip",
    "suspend",
    "deactivate",
];
const DRAIN: [&str; 14] = [
    "drain",
    "stop",
    "off",
    "not",
    "don't",
    "dont",
    "never",
    "no",
    "finish",
    "evacuate",
    "retire",
    "decommission",
    "maintenance",
    "gracefully",
];
const RESUME: [&str; 10] =
    ["resume", "on", "again", "enable", "start", "unpause", "continue", "back", "activate", "reactivate"];
const BESIDE: [&str; 18] = [
    "send",
    "sending",
    "turn",
    "switch",
    "use",
    "using",
    "requests",
    "traffic",
    "new",
    "more",
    "any",
    "anymore",
    "longer",
    "please",
    "endpoint",
    "deployment",
    "from",
    "put",
];

/// What each word of a question that names an endpoint counts, and its whole name besides.
const NAMED: u32 = 900;

/// How well the words ask for this switch of this endpoint; `None`: they name another, or something else is asked.
pub(super) fn switch(id: &EndpointId, state: AdminState, text: &str) -> Option<u32> {
    let id = id.as_str().to_lowercase();
    let means: &[&str] = match state {
        AdminState::Paused => &PAUSE,
        AdminState::Draining => &DRAIN,
        AdminState::Enabled => &RESUME,
    };
    // Words that carry nothing elsewhere do here: to turn off, not to use.
    let said: Vec<String> =
        text.split_whitespace().map(|word| word.trim_end_matches(['?', '!', ',', '.']).to_lowercase()).collect();
    let is_name = |word: &&String| word.len() >= LEAST && id.contains(word.as_str());
    let (named, rest): (Vec<&String>, Vec<&String>) = said.iter().partition(is_name);
    let meant = rest.iter().filter(|word| means.contains(&word.as_str())).count();
    let known = |word: &&String| {
        means.contains(&word.as_str()) || BESIDE.contains(&word.as_str()) || EMPTY.contains(&word.as_str())
    };
    if named.is_empty() || meant == 0 || !rest.iter().all(known) {
        return None;
    }
    let whole = if named.iter().any(|word| **word == id) { NAMED } else { 0 };
    let count = u32::try_from(said.len()).unwrap_or(u32::MAX);
    Some(NAMED.saturating_mul(count).saturating_add(whole))
}

/// How the words of a text are other words for a thing.
pub(super) struct Said {
    /// The first of them; `None`: they are words of the label.
    pub(super) word: Option<&'static str>,
    /// They all are, as whole words.
    pub(super) whole: bool,
    /// How many are.
    pub(super) count: u32,
}

/// Of `text`, the words that are, or begin, one of `also` or are one of `label`. In a longer question one in three may be
/// another; the words that carry no meaning are passed over.
pub(super) fn said(also: &'static str, label: &str, text: &str) -> Option<Said> {
    let asked = carrying(text);
    let mut spare = asked.len() / 3;
    let (mut first, mut whole, mut count) = (None, true, 0);
    for typed in &asked {
        let known = || also.split_whitespace();
        let exact = known().find(|word| word == typed);
        let word = exact.or_else(|| known().find(|word| is_begun(word, typed)));
        if word.is_none() && !label.split([' ', ',']).any(|word| word.eq_ignore_ascii_case(typed)) {
            spare = spare.checked_sub(1)?;
            whole = false;
            continue;
        }
        whole &= exact.is_some() || word.is_none();
        first = first.or(word);
        count += 1;
    }
    // A word of the label alone is found by the label.
    (first.is_some() || count > 1).then_some(Said { word: first, whole, count })
}

/// The words of a question that say what is asked, in lower case; of one that has none such, all.
pub(super) fn carrying(text: &str) -> Vec<String> {
    let trimmed = |word: &str| word.trim_end_matches(['?', '!', ',', '.']).to_lowercase();
    let words = || text.split_whitespace().map(trimmed).filter(|word| !word.is_empty());
    let some: Vec<String> = words().filter(|word| !EMPTY.contains(&word.as_str())).collect();
    if some.is_empty() { text.split_whitespace().map(str::to_lowercase).collect() } else { some }
}

/// Words without which a question says the same.
const EMPTY: [&str; 36] = [
    "a", "an", "the", "of", "is", "are", "was", "were", "be", "do", "does", "did", "i", "me", "my", "we", "our", "to",
    "in", "on", "at", "for", "how", "what", "which", "when", "where", "can", "it", "this", "that", "has", "have",
    "there", "why", "so",
];

/// Whether `typed` is a beginning of the word, or another form of it: `throttling` of `throttled`.
fn is_begun(word: &str, typed: &str) -> bool {
    let alike = word.bytes().zip(typed.bytes()).take_while(|(one, other)| one == other).count();
    typed.len() >= LEAST && word.starts_with(typed) || alike >= STEM && alike + ENDING >= word.len().max(typed.len())
}

/// Letters that two forms of a word share at least, and that they may end in.
const STEM: usize = 5;
const ENDING: usize = 3;

/// Letters that make a beginning worth finding.
const LEAST: usize = 3;
