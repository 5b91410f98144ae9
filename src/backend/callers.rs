//! Callers: whose tokens open the door, and what is done about them at once.
//!
//! Invariant: who may come in changes before anything listens anew; a token is told in one notice and kept as a hash.
//! Absent on purpose: callers' limits and priorities. They are configuration like any other.

use std::cell::LazyCell;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use super::commands::save;
use super::revisions;
use super::stage::Stage;
use crate::contract::door::{CallerToken, Told};
use crate::contract::snapshot::{Applied, Problem};
use crate::contract::{CallerCommand, DoorView, NoticeBody};
use crate::model::check::{Finding, FindingPlace, Severity, nobody_could_enter};
use crate::model::checked::CheckedConfig;
use crate::model::config::{Caller, Config, TokenSource};
use crate::model::id::{CallerId, CommandId};
use crate::model::revision::Author;
use crate::model::secret::Secret;
use crate::model::token::Salt;
use crate::proxy::auth::{Callers, Known};
use crate::store::caller_tokens::{self, Stamp, TokenError, TokenFile, Tokens};
use crate::store::one_writer::Meeting;
use crate::store::paths::Paths;
use crate::store::{environment, exposed};

/// A caller's name has at most so many characters.
const LONGEST_NAME: usize = 60;

/// Knows the tokens of one profile's callers, and who else could meddle with its files.
pub(super) struct Porter {
    file: TokenFile,
    stamp: Option<Stamp>,
    tokens: Tokens,
    problem: Option<String>,
    /// What is to be said of who may write the profile's files.
    exposed: Vec<Finding>,
    /// Where no token was made yet, those of variables still need one.
    salt: Salt,
    /// For our own test requests.
    own: Arc<Secret>,
}

impl Porter {
    /// With the tokens of this profile.
    pub(super) fn open(paths: &Paths) -> Self {
        // Without randomness there is no token of our own, and one is made for nobody.
        let chance = || caller_tokens::chance().map(|text| text.to_string()).unwrap_or_default();
        let mut porter = Self {
            file: TokenFile::of(&paths.data_dir).without_waiting(),
            exposed: exposed::findings(paths),
            stamp: None,
            tokens: Tokens::default(),
            problem: None,
            salt: Salt::new(chance().as_bytes()),
            own: Arc::new(Secret::new(chance())),
        };
        porter.read();
        porter
    }

    /// The token of our own test requests; it is another one in every run.
    pub(super) fn own(&self) -> Arc<Secret> {
        Arc::clone(&self.own)
    }

    /// Where those meet who change the tokens.
    pub(super) const fn meeting(&self) -> &Meeting {
        self.file.meeting()
    }

    fn read(&mut self) {
        self.stamp = self.file.stamp();
        (self.tokens, self.problem) = match self.file.read() {
            Ok(tokens) => (tokens, None),
            Err(error) => {
                tracing::warn!("{error}");
                (Tokens::default(), Some(error.to_string()))
            }
        };
    }

    /// Everybody who may come in. `asks`: nobody else may.
    fn callers(&self, config: &Config, asks: bool) -> Callers {
        let salt = self.tokens.salt().unwrap_or(&self.salt).clone();
        let configured = |id: &CallerId| config.callers.iter().find(|caller| caller.id == *id);
        let of_file = self.tokens.valid(0).filter_map(|kept| {
            let caller = configured(&kept.caller)?;
            let (id, priority) = (Some(caller.id.clone()), caller.priority);
            Some(Known { tag: kept.tag, caller: id, priority, until_wall_ms: kept.until_wall_ms })
        });
        let of_variables = config.callers.iter().filter_map(|caller| {
            let token = environment::secret(&caller.token.as_ref()?.env)?;
            let (id, priority) = (Some(caller.id.clone()), caller.priority);
            Some(Known { tag: salt.tag(token.expose().as_bytes()), caller: id, priority, until_wall_ms: None })
        });
        let mut known: Vec<Known> = of_file.chain(of_variables).collect();
        let asked = asks || !known.is_empty();
        let tag = salt.tag(self.own.expose().as_bytes());
        let own = Known { tag, caller: None, priority: None, until_wall_ms: None };
        known.extend((asked && !self.own.expose().is_empty()).then_some(own));
        Callers::new(salt, known, asks)
    }

    /// What the screen is told of each caller's token.
    fn view(&self, config: &Config, now_wall_ms: u64) -> Vec<CallerToken> {
        let of = |caller: &Caller| {
            let mine = || self.tokens.valid(now_wall_ms).filter(|kept| kept.caller == caller.id);
            CallerToken {
                caller: caller.id.clone(),
                made_wall_ms: mine().filter(|kept| kept.until_wall_ms.is_none()).map(|kept| kept.made_wall_ms).max(),
                former_until_wall_ms: mine().filter_map(|kept| kept.until_wall_ms).max(),
                variable_is_set: holds_token(caller),
            }
        };
        config.callers.iter().map(of).collect()
    }

    /// What is to be said of a configuration in view of the tokens there are.
    pub(super) fn findings(&self, config: &Config) -> Vec<Finding> {
        let finding = |severity, key: &str, message: String| Finding {
            severity,
            at: FindingPlace { table: "listen".to_owned(), place: None, key: key.to_owned() },
            line: None,
            message,
        };
        let broken = self.problem.iter().map(|problem| finding(Severity::Warning, "require_token", problem.clone()));
        let mut found: Vec<Finding> = self.exposed.iter().cloned().chain(broken).collect();
        let has_token =
            |caller: &Caller| self.tokens.valid(0).any(|kept| kept.caller == caller.id) || holds_token(caller);
        if !config.listen.asks_token() || config.callers.iter().any(has_token) {
            return found;
        }
        if config.listen.is_loopback() {
            let text = "require_token is set and no caller has a token, so every request is refused. Make one in Settings, \
                        Callers, or with `tidegate caller add NAME`.";
            found.push(finding(Severity::Warning, "require_token", text.to_owned()));
        } else if !config.callers.is_empty() {
            // That there are no callers at all the check says, with the line.
            found.push(finding(Severity::Error, "address", nobody_could_enter(&config.listen.address)));
        }
        found
    }
}

fn holds_token(caller: &Caller) -> bool {
    caller.token.as_ref().is_some_and(|source| environment::secret(&source.env).is_some())
}

/// Callers whose tokens are to come from variables that hold none.
#[must_use]
pub(super) fn unset_tokens(config: &Config) -> Vec<Finding> {
    unset_in(config, |variable| environment::secret(variable).is_some())
}

fn unset_in(config: &Config, is_set: impl Fn(&str) -> bool) -> Vec<Finding> {
    let named = config.callers.iter().enumerate();
    let named = named.filter_map(|(place, caller)| Some((place, caller, caller.token.as_ref()?)));
    let unset = named.filter(|(.., token)| !is_set(&token.env));
    let finding = |(place, caller, _): (usize, &Caller, &TokenSource)| Finding {
        severity: Severity::Warning,
        at: FindingPlace { table: "caller".to_owned(), place: Some(place), key: "token".to_owned() },
        line: None,
        // What stands for the variable's name may be the token itself, put in the wrong place.
        message: format!(
            "Caller \"{}\" takes its token from a variable that is not set, so its requests count as nobody's. Set the \
             variable and start Tidegate again.",
            caller.id
        ),
    };
    unset.map(finding).collect()
}

impl Stage {
    /// Lets in those whose tokens are known now, and nobody else where tokens are asked for.
    pub(super) fn admit_callers(&mut self) {
        let asks = self.asks_token();
        self.door.callers.store(Arc::new(self.porter.callers(&self.applied.config, asks)));
    }

    /// Whether every request needs a token: by the configuration, or by where we listen while it changes.
    fn asks_token(&self) -> bool {
        self.applied.config.listen.asks_token() || self.address.is_some_and(|address| !address.ip().is_loopback())
    }

    /// Takes up tokens that another program made, `tidegate caller` above all. Returns whether there is something new.
    pub(super) fn look_at_tokens(&mut self) -> bool {
        if self.porter.file.stamp() == self.porter.stamp {
            return false;
        }
        self.tokens_changed();
        true
    }

    /// Lets in those who have a token now, and says of the configuration what is true with these tokens.
    fn tokens_changed(&mut self) {
        let config = Arc::clone(&self.applied.config);
        let before = self.porter.findings(&config);
        self.porter.read();
        let mut applied = Applied::clone(&self.applied);
        applied.findings.retain(|finding| !before.contains(finding));
        applied.findings.extend(self.porter.findings(&config));
        self.applied = Arc::new(applied);
        self.admit_callers();
    }

    /// What the screen is told of the door.
    pub(super) fn door_view(&self) -> DoorView {
        DoorView {
            visible_as: self.address.and_then(visible_as),
            asks_token: self.asks_token(),
            tokens: self.porter.view(&self.applied.config, self.clock.wall_ms()),
            strangers: self.door.strangers(),
            waiting: self.door.waiting(),
        }
    }
}

/// By which address other computers reach us; `None`: they do not.
fn visible_as(address: SocketAddr) -> Option<Arc<str>> {
    let ip = address.ip();
    if ip.is_loopback() {
        return None;
    }
    let shown = if ip.is_unspecified() { outward().unwrap_or(ip) } else { ip };
    Some(Arc::from(SocketAddr::new(shown, address.port()).to_string()))
}

/// This computer's address in its network. Nothing is sent: connecting a datagram socket only asks which way it would go.
fn outward() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // A documentation address (RFC 5737): the default way.
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

/// Does what the person asks of callers.
pub(super) async fn obey(stage: &mut Stage, id: CommandId, command: CallerCommand) {
    let outcome = match command {
        CallerCommand::Add(caller) => add(stage, &caller).and_then(|()| make(stage, &caller)),
        CallerCommand::NewToken(caller) => make(stage, &caller),
        CallerCommand::Revoke(caller) => revoke(stage, &caller),
        CallerCommand::Rename { from, to } => rename(stage, &from, &to),
    };
    stage.tokens_changed();
    if stage.address.is_none() {
        // It may be for want of a token that nothing is served.
        stage.listen().await;
    }
    stage.publish();
    stage.tell(Some(id), outcome.unwrap_or_else(NoticeBody::Failed));
}

fn add(stage: &mut Stage, caller: &CallerId) -> Result<(), Problem> {
    check_name(&stage.applied.config, caller)?;
    change(stage, |config| config.callers.push(Caller::named(caller.clone())))
}

fn make(stage: &Stage, caller: &CallerId) -> Result<NoticeBody, Problem> {
    known(stage, caller)?;
    let token = stage.porter.file.make(caller, stage.clock.wall_ms()).map_err(|error| unkept(&error))?;
    Ok(NoticeBody::TokenMade { caller: caller.clone(), token: Told(Arc::new(token)) })
}

fn revoke(stage: &Stage, caller: &CallerId) -> Result<NoticeBody, Problem> {
    let ended = stage.porter.file.keep_only(|other| other != caller).map_err(|error| unkept(&error))?;
    let told = if ended == 0 { format!("{caller} had no token") } else { format!("{caller} has no token any more") };
    Ok(NoticeBody::Done(told))
}

fn rename(stage: &mut Stage, from: &CallerId, to: &CallerId) -> Result<NoticeBody, Problem> {
    known(stage, from)?;
    check_name(&stage.applied.config, to)?;
    let file = stage.porter.file.clone();
    file.rename(from, to).map_err(|error| unkept(&error))?;
    let changed = change(stage, |config| {
        for caller in config.callers.iter_mut().filter(|caller| caller.id == *from) {
            caller.id = to.clone();
        }
    });
    if let Err(problem) = changed {
        // The old name keeps its tokens.
        file.rename(to, from).map_err(|error| unkept(&error))?;
        return Err(problem);
    }
    Ok(NoticeBody::Done(format!("{from} is now called {to}; its tokens work on")))
}

/// Changes what runs and the file at once, as a revision.
pub(super) fn change(stage: &mut Stage, change: impl FnOnce(&mut Config)) -> Result<(), Problem> {
    if stage.live.is_some() {
        return Err(Problem {
            what: "Limits are being tried just now, and what is tried is not written.".to_owned(),
            still_works: "Nothing was changed.".to_owned(),
            next_step: "Keep or revert them, then try again.".to_owned(),
        });
    }
    let mut config = Config::clone(&stage.applied.config);
    change(&mut config);
    let config = Arc::new(config);
    let (checked, _) = CheckedConfig::resolve(Arc::clone(&config), stage.next_revision());
    let findings = save(stage, &config)?;
    stage.profile.shown.first_run = false;
    stage.run_config(config, checked, findings);
    revisions::sign(stage, Author::You);
    Ok(())
}

/// After a configuration was applied or read: callers that left it take their tokens with them for good. A file that is away or
/// broken says nothing of who left; one that another program has changed since may know callers that we do not.
pub(super) fn forget_removed(stage: &mut Stage) {
    let Some(file) = stage.profile.file.as_ref().filter(|file| !file.text().is_empty()) else { return };
    let config = Arc::clone(&stage.applied.config);
    let is_ours = LazyCell::new(|| matches!(file.changed_on_disk(), Ok(false)));
    let stays = |caller: &CallerId| config.callers.iter().any(|known| known.id == *caller) || !*is_ours;
    match stage.porter.file.keep_only(stays) {
        Ok(0) => {}
        Ok(_) => stage.porter.read(),
        // They are not let in: the configuration does not know them.
        Err(error) => tracing::warn!("{error}"),
    }
}

fn known(stage: &Stage, caller: &CallerId) -> Result<(), Problem> {
    if stage.applied.config.callers.iter().any(|known| known.id == *caller) {
        return Ok(());
    }
    Err(Problem {
        what: format!("There is no caller \"{caller}\" in what runs."),
        still_works: "Nothing was changed.".to_owned(),
        next_step: "If it is new in your draft, apply the draft first.".to_owned(),
    })
}

/// Whether a new caller can be called that.
///
/// # Errors
/// Why not, with a next step.
pub(super) fn check_name(config: &Config, caller: &CallerId) -> Result<(), Problem> {
    let name = caller.as_str();
    let fits = !name.trim().is_empty()
        && name.trim() == name
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control);
    let problem = |what: String, next_step: &str| {
        Err(Problem { what, still_works: "Nothing was changed.".to_owned(), next_step: next_step.to_owned() })
    };
    if !fits {
        return problem(
            "That is no name for a caller.".to_owned(),
            "Choose a short one, such as the tool's: at most 60 characters, no blanks round it.",
        );
    }
    if config.callers.iter().any(|known| known.id == *caller) {
        return problem(
            format!("There is a caller \"{caller}\" already."),
            "Choose another name, or make that one a new token.",
        );
    }
    Ok(())
}

fn unkept(error: &TokenError) -> Problem {
    Problem {
        what: error.to_string(),
        still_works: "Requests go on as before.".to_owned(),
        next_step: "Mend that, then try again.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        toml_edit::de::from_str(text).expect("the test's text is sound")
    }

    #[test]
    fn a_caller_whose_token_is_not_set_is_named_and_its_variable_is_not() {
        let config = read(
            "[[caller]]\nid = \"app\"\ntoken = { env = \"APP_TOKEN\" }\n[[caller]]\nid = \"tool\"\ntoken = { env = \
             \"TOOL_TOKEN\" }\n[[caller]]\nid = \"none\"\n",
        );
        let found = unset_in(&config, |variable| variable == "TOOL_TOKEN");
        let places: Vec<_> = found.iter().map(|finding| (finding.at.place, finding.severity)).collect();
        assert_eq!(places, [(Some(0), Severity::Warning)]);
        assert!(found[0].message.starts_with("Caller \"app\" takes its token from a variable that is not set"));
        assert!(!found[0].message.contains("APP_TOKEN"));
        assert!(unset_in(&config, |_| true).is_empty());
    }

    #[test]
    fn an_address_that_others_reach_is_refused_until_a_caller_has_a_token() {
        let home = tempfile::tempdir().unwrap();
        let config = read("[listen]\naddress = \"0.0.0.0\"\n[[caller]]\nid = \"app\"\n");
        let found = Porter::open(&Paths::inside(home.path())).findings(&config);
        assert_eq!(found.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Error]);
        assert!(found[0].message.contains("tidegate caller add NAME"), "{}", found[0].message);
        TokenFile::of(&Paths::inside(home.path()).data_dir).make(&"other".into(), 1).unwrap();
        assert_eq!(
            Porter::open(&Paths::inside(home.path())).findings(&config).len(),
            1,
            "a stranger's token is no caller's"
        );
        TokenFile::of(&Paths::inside(home.path()).data_dir).make(&"app".into(), 1).unwrap();
        assert!(Porter::open(&Paths::inside(home.path())).findings(&config).is_empty());
    }

    #[test]
    fn a_required_token_that_nobody_has_is_pointed_out() {
        let home = tempfile::tempdir().unwrap();
        let found = Porter::open(&Paths::inside(home.path())).findings(&read("[listen]\nrequire_token = true\n"));
        assert_eq!(found.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Warning]);
        assert!(Porter::open(&Paths::inside(home.path())).findings(&Config::default()).is_empty());
    }

    #[test]
    fn names_of_callers_are_short_and_unique() {
        let config = read("[[caller]]\nid = \"app\"\n");
        for name in ["", " ", "a ", "a\nb", "app", &"x".repeat(61)] {
            assert!(check_name(&config, &CallerId::from(name)).is_err(), "{name:?}");
        }
        assert!(check_name(&config, &"Continue (VS Code)".into()).is_ok());
    }

    #[test]
    fn only_addresses_beyond_this_computer_are_visible() {
        assert_eq!(visible_as(SocketAddr::from(([127, 0, 0, 1], 8787))), None);
        assert_eq!(visible_as(SocketAddr::from(([192, 168, 1, 5], 8787))).as_deref(), Some("192.168.1.5:8787"));
        assert!(visible_as(SocketAddr::from(([0, 0, 0, 0], 8787))).is_some_and(|shown| shown.ends_with(":8787")));
    }
}
