//! Carries out what the person asks for.
//!
//! Invariant: every command is answered by one notice; a configuration is saved before it runs, or it does not run.
//! Absent on purpose: long work in the actor's own turn; it goes to a task that reports back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::stage::{Event, Stage};
use super::{callers, history, key_orders, lines, live, profile, profiles, revisions, turns};
use crate::contract::snapshot::{Problem, RequestsView, Serving};
use crate::contract::{
    Base, Command, ConfigCommand, DemoCommand, EndpointCommand, LineCommand, NoticeBody, ServingCommand,
};
use crate::fake::load::Aim;
use crate::model::check::{Finding, brought_in};
use crate::model::checked::CheckedConfig;
use crate::model::config::{AdminState, Config, Listen};
use crate::model::id::{CommandId, EndpointId, ModelName};
use crate::model::revision::Author;
use crate::model::secret::Secret;
use crate::policy::Input;
use crate::store::config_file::{ConfigError, ConfigFile, put_back_last_good};
use crate::store::lock::LockError;
use crate::store::requests_view::{Kept, load as load_requests_view, save as save_requests_view};

/// Carries out one command and tells what came of it.
pub(super) async fn obey(stage: &mut Stage, id: CommandId, command: Command) {
    if turns::writes(&command) {
        stage.wait_for_turns().await;
    }
    let outcome = match command {
        Command::Config(ConfigCommand::Apply { base, config }) => return apply(stage, id, &base, &config).await,
        Command::Config(ConfigCommand::Reload) => return reload(stage, id).await,
        Command::Config(ConfigCommand::PutBack) => return put_back(stage, id).await,
        Command::Config(ConfigCommand::KeepMine) => revisions::keep_mine(stage),
        Command::Live(command) => return live::obey(stage, id, command).await,
        Command::Endpoint(EndpointCommand::SetAdminState(endpoint, state)) => set_admin_state(stage, &endpoint, state),
        Command::Line(LineCommand::SendNow(request, endpoint)) => lines::send_now(stage, request, endpoint),
        Command::Line(command) => Ok(line(stage, command)),
        Command::Key(command) => return key_orders::obey(stage, id, command),
        Command::Caller(command) => return callers::obey(stage, id, command).await,
        Command::Serving(command) => serving(stage, command).await,
        Command::Demo(command) => demo(stage, command).await,
        Command::Profile(command) => profiles::obey(stage, command).await,
        Command::History(command) => history::obey(stage, id, command),
        Command::Export(command) => return super::export::start(stage, id, command),
        Command::Save(command) => return super::export::save(stage, id, command),
        Command::Reveal(folder) => super::reveal::reveal(stage, folder),
        Command::KeepRequestsView { state_dir, view } => keep_requests_view(stage, &state_dir, view),
        Command::SendTest { model } => return send_test(stage, id, &model),
    };
    stage.publish();
    stage.tell(Some(id), outcome.map_or_else(NoticeBody::Failed, NoticeBody::Done));
}

/// The list that was clicked in shows what came of it; one that has gone meanwhile is as it is.
fn line(stage: &mut Stage, command: LineCommand) -> String {
    match command {
        LineCommand::Cancel(request) => stage.engine.tell(Input::Cancelled { request }),
        LineCommand::Promote(request) => stage.engine.tell(Input::Promoted { request }),
        LineCommand::CancelSoon(request) => {
            stage.leaving.add(request, stage.clock.now());
            return format!("{request} ends in {} s", super::leaving::GRACE.as_secs());
        }
        LineCommand::Keep(request) if stage.leaving.keep(request) => return format!("{request} is kept"),
        LineCommand::Keep(request) => return format!("{request} had ended already"),
        LineCommand::CancelAllOf(client) => return cancel_all(stage, &client),
        LineCommand::ListAll => lines::list_all(stage),
        LineCommand::SendNow(..) => {}
    }
    String::new()
}

/// How the Requests page was kept in this folder.
pub(super) fn kept_requests_view(folder: &Path) -> RequestsView {
    let Kept { filters, columns, clauses, sort, widths } = load_requests_view(folder);
    RequestsView { filters, columns, clauses, sort, widths }
}

fn keep_requests_view(stage: &mut Stage, state_dir: &str, view: RequestsView) -> Result<String, Problem> {
    // It was on its way while another profile was entered, whose own view it must not replace.
    if stage.profile.shown.state_dir != state_dir {
        return Ok(String::new());
    }
    stage.requests_view = Arc::new(view.clone());
    let RequestsView { filters, columns, clauses, sort, widths } = view;
    let kept = Kept { filters, columns, clauses, sort, widths };
    save_requests_view(&stage.profile.paths.state_dir, &kept).map(|()| String::new()).map_err(|error| Problem {
        what: format!("Filters and columns could not be written: {error}."),
        still_works: "They hold until you quit.".to_owned(),
        next_step: "Make room or make the folder writable, then save again.".to_owned(),
    })
}

/// Page by page, as the view lists them.
fn cancel_all(stage: &Stage, client: &str) -> String {
    let mut ended = 0_u64;
    loop {
        let waiting = stage.engine.view().queue.list;
        let theirs: Vec<_> = waiting.iter().filter(|one| *one.client == *client).map(|one| one.request).collect();
        if theirs.is_empty() {
            return format!("{ended} waiting requests of {client} are cancelled");
        }
        ended = ended.saturating_add(theirs.len() as u64);
        for request in theirs {
            stage.engine.tell(Input::Cancelled { request });
        }
    }
}

async fn apply(stage: &mut Stage, id: CommandId, base: &Base, draft: &Arc<Config>) {
    let listen = stage.applied.config.listen.clone();
    let body =
        if *base == stage.applied.base() { try_apply(stage, draft) } else { NoticeBody::Failed(stale(stage, base)) };
    follow_listen(stage, &listen).await;
    stage.publish();
    stage.tell(Some(id), body);
}

/// The draft was made of something else than what runs.
pub(super) fn stale(stage: &Stage, base: &Base) -> Problem {
    let (from, now) = (base.revision, &stage.applied);
    let what = if base.profile == now.profile {
        format!("The draft starts from revision {from}, but revision {} runs by now.", now.revision)
    } else {
        format!("The draft is of profile {}, but {} runs by now.", base.profile, now.profile)
    };
    Problem {
        what,
        still_works: "Nothing was changed; your draft is kept.".to_owned(),
        next_step: "Look at what changed, then apply again.".to_owned(),
    }
}

/// Listens anew if the configuration's address changed, or if nothing listens yet; requests that run at the old one finish
/// there. A port of the command line outranks the configuration's.
pub(super) async fn follow_listen(stage: &mut Stage, before: &Listen) {
    let now = &stage.applied.config.listen;
    let moved = now.address != before.address || stage.options.port.is_none() && now.port != before.port;
    if moved || stage.address.is_none() {
        stage.listen().await;
    }
}

fn try_apply(stage: &mut Stage, draft: &Arc<Config>) -> NoticeBody {
    let draft = Arc::new(with_admin_states(draft, &stage.applied.config));
    let (checked, findings) = CheckedConfig::resolve(Arc::clone(&draft), stage.next_revision());
    let mut findings = findings;
    if draft.listen != stage.applied.config.listen {
        findings.extend(stage.porter.findings(&draft));
    }
    if brought_in(&findings, &stage.applied.config).next().is_some() {
        return NoticeBody::Rejected(findings);
    }
    // The file's own findings are the same with line numbers, and unknown keys besides.
    let findings = match save(stage, &draft) {
        Ok(findings) => findings,
        Err(problem) => return NoticeBody::Failed(problem),
    };
    let revision = checked.revision;
    stage.profile.shown.first_run = false;
    live::forget(stage);
    stage.run_config(draft, checked, findings);
    callers::forget_removed(stage);
    revisions::sign(stage, Author::You);
    NoticeBody::Applied { revision, findings: stage.applied.findings.clone() }
}

/// Pausing and draining act at once, so a draft made before must not undo them.
pub(super) fn with_admin_states(draft: &Config, applied: &Config) -> Config {
    let mut draft = draft.clone();
    for endpoint in &mut draft.endpoints {
        if let Some(running) = applied.endpoint(&endpoint.id) {
            endpoint.admin_state = running.admin_state;
        }
    }
    draft
}

/// Returns what is to be said of the file as it is now.
pub(super) fn save(stage: &mut Stage, new: &Config) -> Result<Vec<Finding>, Problem> {
    let (broken, number) = (unwritable(stage), stage.own_number());
    let Some(file) = &mut stage.profile.file else { return Err(broken) };
    file.number_from(number);
    match file.save(&stage.profile.on_file, new) {
        Ok(saved) => {
            stage.profile.on_file = new.clone();
            if let Some(error) = saved.backup_problem {
                tracing::warn!(%error, "the configuration is saved, but no backup of it");
            }
            Ok(saved.findings)
        }
        Err(error) => Err(unsaved(&error)),
    }
}

/// The file is not what runs, and nobody knows what was meant by it.
pub(super) fn unwritable(stage: &Stage) -> Problem {
    Problem {
        what: "The configuration file has an error, so it is not written over.".to_owned(),
        still_works: "What runs goes on running; your draft is kept.".to_owned(),
        next_step: format!("Mend {}, then read it again.", stage.profile.shown.config_path),
    }
}

fn unsaved(error: &ConfigError) -> Problem {
    Problem {
        what: error.to_string(),
        still_works: "What runs goes on running; your draft is kept, and the file is as it was.".to_owned(),
        next_step: match error {
            ConfigError::ChangedOnDisk { .. } => "Read the file again, then apply again.".to_owned(),
            ConfigError::Held { .. } => "See whether another `tidegate` hangs, then apply again.".to_owned(),
            _ => "Check the folder's permissions and free space, then apply again.".to_owned(),
        },
    }
}

/// Only where the file could not be read: what runs is then the text that is put back.
async fn put_back(stage: &mut Stage, id: CommandId) {
    let kept = match put_back_last_good(&stage.profile.paths) {
        Ok(kept) => kept,
        Err(error) => {
            let next_step = format!("Mend {}, then read it again.", stage.profile.shown.config_path);
            let still_works = format!("Revision {} still runs.", stage.applied.revision);
            return stage
                .tell(Some(id), NoticeBody::Failed(Problem { what: error.to_string(), still_works, next_step }));
        }
    };
    reload(stage, id).await;
    if let Some(kept) = kept {
        let name = kept.file_name().unwrap_or(kept.as_os_str()).to_string_lossy();
        stage.tell(None, NoticeBody::Done(format!("The file that could not be read is kept beside it as {name}.")));
    }
}

async fn reload(stage: &mut Stage, id: CommandId) {
    let listen = stage.applied.config.listen.clone();
    let body = match ConfigFile::load(&stage.profile.paths) {
        Ok(loaded) => {
            stage.profile.on_file = loaded.config.clone();
            stage.profile.shown.first_run &= !loaded.existed;
            let config = Arc::new(loaded.config);
            let (checked, _) = CheckedConfig::resolve(Arc::clone(&config), stage.next_revision());
            let revision = checked.revision;
            if let Err(error) = loaded.file.keep_last_good() {
                tracing::warn!(%error, "the last good configuration could not be kept");
            }
            stage.profile.file = Some(loaded.file.without_waiting());
            live::forget(stage);
            stage.on_disk = None;
            stage.run_config(config, checked, loaded.findings);
            callers::forget_removed(stage);
            revisions::adopt(stage);
            NoticeBody::Applied { revision, findings: stage.applied.findings.clone() }
        }
        Err(error) => NoticeBody::Failed(Problem {
            what: error.to_string(),
            still_works: format!("Revision {} still runs.", stage.applied.revision),
            next_step: "Mend the file, then read it again.".to_owned(),
        }),
    };
    follow_listen(stage, &listen).await;
    stage.publish();
    stage.tell(Some(id), body);
}

/// Acts at once. The change is written to the file, but is no revision: drafts stay valid.
fn set_admin_state(stage: &mut Stage, endpoint: &EndpointId, state: AdminState) -> Result<String, Problem> {
    let mut config = Config::clone(&stage.applied.config);
    let Some(known) = config.endpoint_mut(endpoint) else {
        return Err(Problem {
            what: format!("There is no endpoint \"{endpoint}\" in what runs."),
            still_works: "Nothing was changed.".to_owned(),
            next_step: "If it is new in your draft, apply the draft first.".to_owned(),
        });
    };
    known.admin_state = state;
    stage.engine.tell(Input::SetAdminState(endpoint.clone(), state));
    // A live session is not to be written by the way.
    let lasting = stage.live.as_ref().map(|live| live.lasting(endpoint, state));
    let saved = save(stage, lasting.as_ref().unwrap_or(&config));
    live::mark(stage);
    revisions::sign(stage, Author::You);
    let mut applied = crate::contract::snapshot::Applied::clone(&stage.applied);
    applied.config = Arc::new(config);
    stage.applied = Arc::new(applied);
    let done = match state {
        AdminState::Enabled => format!("{endpoint} takes requests again"),
        AdminState::Draining => format!("{endpoint} takes no new requests; running ones finish"),
        AdminState::Paused => format!("{endpoint} is paused"),
    };
    match saved {
        Ok(_) => Ok(done),
        Err(problem) => {
            Err(Problem { what: format!("{done}, but that could not be saved. {}", problem.what), ..problem })
        }
    }
}

async fn serving(stage: &mut Stage, command: ServingCommand) -> Result<String, Problem> {
    let pause = match command {
        ServingCommand::Pause => true,
        ServingCommand::Resume => false,
        ServingCommand::RetryPort => {
            stage.listen().await;
            return Ok(String::new());
        }
        ServingCommand::ThisComputerOnly => return this_computer_only(stage).await,
    };
    stage.door.paused.store(pause, Ordering::Relaxed);
    if let Serving::Listening { paused, .. } = &mut stage.serving {
        *paused = pause;
    }
    Ok(if pause { "Serving is paused: requests get a clear 503" } else { "Serving again" }.to_owned())
}

async fn this_computer_only(stage: &mut Stage) -> Result<String, Problem> {
    let before = stage.applied.config.listen.clone();
    callers::change(stage, |config| config.listen.address = Listen::default().address)?;
    follow_listen(stage, &before).await;
    Ok("Only this computer can reach Tidegate now".to_owned())
}

/// Why another profile does not run.
pub(super) fn stuck(error: &anyhow::Error) -> Problem {
    let next_step = if error.is::<LockError>() {
        "Close the other Tidegate, then try again."
    } else {
        "Quit Tidegate and start it again."
    };
    Problem {
        what: format!("The profile could not be changed. {error}"),
        still_works: "What ran goes on running.".to_owned(),
        next_step: next_step.to_owned(),
    }
}

async fn demo(stage: &mut Stage, command: DemoCommand) -> Result<String, Problem> {
    match command {
        DemoCommand::Enter if stage.profile.shown.demo => Ok(String::new()),
        DemoCommand::Enter => {
            let loaded = profile::load(&stage.options, true).map_err(|error| stuck(&error))?;
            stage.enter(loaded).map_err(|error| stuck(&error))?;
            // The strip on every page says what the demo is.
            Ok(String::new())
        }
        DemoCommand::Leave => {
            let loaded = profile::load(&Stage::options_for_real(stage), false).map_err(|error| stuck(&error))?;
            let demo = stage.profile.paths.clone();
            stage.enter(loaded).map_err(|error| stuck(&error))?;
            stage.follow_profile().await;
            profiles::remove_demo(demo);
            Ok("You have left the demo; its history is gone".to_owned())
        }
        DemoCommand::Play(name) => stage.play(&name).map(|()| String::new()),
        DemoCommand::Stop => {
            if let Some(simulated) = &mut stage.simulated {
                simulated.stop_script();
            }
            Ok("The script is stopped".to_owned())
        }
    }
}

impl Stage {
    pub(super) fn options_for_real(&self) -> super::Options {
        super::Options { demo: false, script: None, ..self.options.clone() }
    }

    /// Plays a script on the simulated endpoints.
    pub(super) fn play(&mut self, name: &str) -> Result<(), Problem> {
        let seed = self.options.seed.unwrap_or(1);
        let base_url = self.reached_at().map(|address| format!("http://{address}/v1"));
        let problem = |what: String, next_step: &str| Problem {
            what,
            still_works: "Everything else is as it was.".to_owned(),
            next_step: next_step.to_owned(),
        };
        let (Some(simulated), Some(base_url)) = (&mut self.simulated, base_url) else {
            return Err(problem(
                "Scripts play on simulated endpoints, and none run here.".to_owned(),
                "Enter the demo first.",
            ));
        };
        if simulated.play(name, Aim { base_url, token: Some(self.porter.own()) }, seed) {
            return Ok(());
        }
        Err(no_script(name))
    }
}

/// No script has this name; names those there are.
pub(super) fn no_script(name: &str) -> Problem {
    let known: Vec<String> = crate::sim::scripts::all().into_iter().map(|script| script.name).collect();
    Problem {
        what: format!("There is no script \"{name}\"."),
        still_works: "Everything else is as it was.".to_owned(),
        next_step: format!("Choose one of: {}.", known.join(", ")),
    }
}

/// How long a test request may take.
const TEST_PATIENCE: Duration = Duration::from_secs(90);

fn send_test(stage: &Stage, id: CommandId, model: &ModelName) {
    let events = stage.events.clone();
    let Some(address) = stage.reached_at() else {
        let problem = Problem {
            what: "Nothing listens, so no request can be sent.".to_owned(),
            still_works: "Your configuration and keys are untouched.".to_owned(),
            next_step: "Free the port or choose another one.".to_owned(),
        };
        stage.tell(Some(id), NoticeBody::Failed(problem));
        return;
    };
    let body = serde_json::json!({
        "model": model.as_str(), "max_tokens": 32,
        "messages": [{"role": "user", "content": "Say hi in a few words."}],
    });
    let token = stage.porter.own();
    tokio::spawn(async move {
        let answer = knock(&format!("http://{address}/v1/chat/completions"), &token, &body).await;
        let _ = events.send(Event::TestAnswered(id, answer)).await;
    });
}

async fn knock(url: &str, token: &Secret, body: &serde_json::Value) -> Result<(String, u16), Problem> {
    let failed = |error: reqwest::Error| Problem {
        what: if error.is_timeout() {
            "The test request got no answer in time."
        } else {
            "The test request did not get through."
        }
        .to_owned(),
        still_works: "Other requests are not affected.".to_owned(),
        next_step: "Look at the Requests page for what happened.".to_owned(),
    };
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(TEST_PATIENCE)
        .user_agent(concat!("tidegate-test/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(failed)?;
    let answer = client.post(url).bearer_auth(token.expose()).json(body).send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    let decision =
        answer.headers().get("x-tidegate-decision").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    answer.bytes().await.map_err(failed)?;
    Ok((decision, status))
}
