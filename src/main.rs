//! The command line: read flags, start the log, start the backend, open the window, join.
//!
//! Invariant: a key never comes by argument; the window's end, however it comes, stops the proxy in order.
//! Absent on purpose: everything else. What a command does stands in `backend`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
#[cfg(feature = "window")]
use std::sync::mpsc::SyncSender;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};
use tidegate::backend::{self, Options};
#[cfg(feature = "window")]
use tidegate::{
    backend::doorbell::{self, Lack, Rung},
    contract::DesktopNote,
    store::{preferences, rank},
};
use tracing_subscriber::EnvFilter;

/// The system's allocator grows a thread's heap page by page and keeps what a burst of large bodies took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A load balancer for OpenAI and Azure OpenAI endpoints, with a window to watch and tune it.
#[derive(Parser)]
#[command(version, about)]
struct Flags {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    place: Place,
    /// Serve simulated endpoints, with no key and in a profile of its own
    #[arg(long, global = true)]
    demo: bool,
    /// Serve without a window; print `listening on URL` once ready
    #[arg(long)]
    headless: bool,
    /// Listen on this port instead of the configuration's; 0 takes any free one
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Play a script of simulated traffic at once (with --demo), for example rush-hour
    #[arg(long, value_name = "NAME", requires = "demo")]
    script: Option<String>,
    /// Make chance repeatable
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What to log to standard error; without it what Settings say, or `warn`
    #[arg(long, value_name = "LEVEL", value_parser = LEVELS, global = true)]
    log: Option<String>,
    /// Open this place, for example tidegate://requests/r-00002a; in the window that runs already, if one does
    #[arg(long, value_name = "LINK")]
    open: Option<String>,
    /// Print where configuration and data are, and leave
    #[arg(long)]
    print_paths: bool,
}

#[derive(Args)]
struct Place {
    /// The configuration file
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The folder for configuration, data and state
    #[arg(long, value_name = "DIR", global = true)]
    config_dir: Option<PathBuf>,
    /// The profile to serve, by its name in the window's menu; without it the one that was served last, headless the usual one
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "config")]
    profile: Option<String>,
}

#[derive(Subcommand)]
enum Task {
    /// Say what is wrong or wasteful in the configuration; exit 1 on an error
    Check,
    /// Add a local caller, or make, list and end callers' tokens
    Caller {
        #[command(subcommand)]
        act: CallerAct,
    },
    /// Ask what serves in the background to stop; requests under way finish first
    Stop,
    /// Store, forget or test an account's key
    Key {
        #[command(subcommand)]
        act: KeyAct,
    },
}

#[derive(Subcommand)]
enum CallerAct {
    /// Add a caller and print its token, once
    Add {
        /// What it is to be called, for example the tool's name
        name: String,
    },
    /// Print a new token for a caller; the one before works for ten more minutes
    Rotate {
        /// The caller's name
        name: String,
    },
    /// End every token of a caller
    Revoke {
        /// The caller's name
        name: String,
    },
    /// List the callers and since when each has its token
    List,
}

#[derive(Subcommand)]
enum KeyAct {
    /// Read a key from the prompt or standard input and store it in the system's keyring
    Set {
        /// The account's id
        account: String,
    },
    /// Forget the stored key
    Remove {
        /// The account's id
        account: String,
    },
    /// Ask the service whether it accepts the key
    Test {
        /// The account's id
        account: String,
    },
}

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => return refuse(error),
    };
    let launched = flags.log.clone();
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_ansi(colours).with_writer(std::io::stderr);
    let log = log.with_env_filter(filter(launched.as_deref())).with_filter_reloading();
    let handle = log.reload_handle();
    log.init();
    let set_level = move |level: Option<&str>| {
        // Gone is the log only where the process ends.
        drop(handle.reload(filter(level.or(launched.as_deref()))));
    };
    match run(flags, Box::new(set_level)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tidegate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Sets what is logged; `None`: as said at launch.
type SetLevel = Box<dyn Fn(Option<&str>)>;

/// What is logged at a level; `None`: at the usual one.
fn filter(level: Option<&str>) -> EnvFilter {
    let level = level.unwrap_or("warn");
    EnvFilter::try_new(format!("{level},tidegate={level},winit=error")).unwrap_or_else(|_| EnvFilter::new("warn"))
}

/// Prints help, the version, or what is wrong with the arguments. A key may have been typed among them: what could be one
/// is not repeated.
fn refuse(mut error: clap::Error) -> ExitCode {
    let about_keys = std::env::args_os().any(|argument| argument == "key");
    if about_keys && error.kind() == ErrorKind::UnknownArgument {
        eprintln!(
            "tidegate: a key is not taken from the command line, where other programs can read it. Nothing was stored. \
             Run `tidegate key set ACCOUNT` and paste the key at the prompt; if one was typed here, remove it from the \
             shell's history."
        );
        return ExitCode::from(2);
    }
    let foreign: &[ContextKind] = match error.kind() {
        ErrorKind::UnknownArgument => &[ContextKind::InvalidArg],
        _ => &[ContextKind::InvalidSubcommand, ContextKind::InvalidValue],
    };
    for kind in foreign {
        if matches!(error.get(*kind), Some(ContextValue::String(typed)) if !is_repeatable(typed)) {
            error.insert(*kind, ContextValue::String("…".to_owned()));
            // The hints repeat it too.
            error.remove(ContextKind::Suggested);
        }
    }
    drop(error.print());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Whether a mistyped word can be shown: too short and too plain to be a key.
fn is_repeatable(typed: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    typed.len() <= 16 && typed.bytes().all(plain) && !typed.contains("sk-")
}

fn run(flags: Flags, set_level: SetLevel) -> anyhow::Result<ExitCode> {
    let Flags { task, place, demo, headless, port, script, seed, print_paths, open, log } = flags;
    let options = Options {
        config: place.config,
        config_dir: place.config_dir,
        profile: place.profile,
        demo,
        headless,
        port,
        script,
        seed,
    };
    match task {
        Some(Task::Check) => return backend::tasks::check(&options),
        Some(Task::Stop) => return backend::tasks::stop(&options),
        Some(Task::Caller { act: CallerAct::Add { name } }) => return backend::caller_tasks::add(&options, &name),
        Some(Task::Caller { act: CallerAct::Rotate { name } }) => {
            return backend::caller_tasks::rotate(&options, &name);
        }
        Some(Task::Caller { act: CallerAct::Revoke { name } }) => {
            return backend::caller_tasks::revoke(&options, &name);
        }
        Some(Task::Caller { act: CallerAct::List }) => return backend::caller_tasks::list(&options),
        Some(Task::Key { act: KeyAct::Set { account } }) => return backend::tasks::set_key(&options, &account),
        Some(Task::Key { act: KeyAct::Remove { account } }) => return backend::tasks::remove_key(&options, &account),
        Some(Task::Key { act: KeyAct::Test { account } }) => return backend::tasks::test_key(&options, &account),
        None if print_paths => return backend::tasks::print_paths(&options),
        None => {}
    }
    if options.headless { serve(options) } else { show(options, open.as_deref(), (log.is_some(), set_level)) }
}

/// Serves until SIGINT or SIGTERM.
fn serve(options: Options) -> anyhow::Result<ExitCode> {
    let running = backend::start(Options { headless: true, ..options })?;
    println!("listening on {}", running.base_url());
    running.until_signal();
    Ok(ExitCode::SUCCESS)
}

/// Serves behind a window; without a display, serves headless and says so.
#[cfg(feature = "window")]
fn show(options: Options, link: Option<&str>, (said, set_level): (bool, SetLevel)) -> anyhow::Result<ExitCode> {
    if !backend::has_display() {
        eprintln!("tidegate: there is no display, so there is no window; serving headless");
        return serve(options);
    }
    let file = backend::preferences_file(&options);
    let liked = file.as_deref().map(preferences::load).unwrap_or_default();
    let is_plain = options.is_plain();
    let usual = options.clone();
    let options = if is_plain { options.with_profile(liked.profile.clone()) } else { options };
    if is_plain && let Some(code) = said_of(backend::ring_at_any(&options, link)) {
        return Ok(code);
    }
    let remembered = options.profile.clone().filter(|_| is_plain);
    let started = match (backend::start(options), remembered) {
        // It runs, without a window to bring. Whoever launches plainly wants one.
        (Err(error), Some(name)) if backend::is_held(&error) => {
            eprintln!(
                "tidegate: the profile {name}, served last, runs already without a window; opening the usual one"
            );
            backend::start(usual)
        }
        (started, _) => started,
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => return said_of(backend::ring_at_holder(&error, link)).ok_or(error),
    };
    if let Some(level) = liked.log.filter(|_| !said) {
        set_level(Some(level.name()));
    }
    let (line, desktop) = (running.ui(), backend::desktop::desktop(running.ui()));
    let window = tidegate::ui::WindowOptions {
        title: "Tidegate".to_owned(),
        preferences: liked,
        log: Box::new(move |level| set_level(level.map(tidegate::model::preferences::LogLevel::name))),
        keep: Box::new(move |liked| keep(file.as_deref(), liked)),
        desktop: Box::new({
            let desktop = desktop.clone();
            // Too many at once: the window's list has them all.
            move |note| drop(desktop.as_ref().map(|desktop| desktop.try_send(note)))
        }),
        link: link.map(str::to_owned),
    };
    rank::stand_back();
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tidegate::ui::run(&line, window)));
    match shown {
        Ok(Ok(tidegate::ui::Ending::QuitNow)) => running.stop_now(),
        Ok(Ok(_)) => running.stop(),
        Ok(Err(why)) => {
            let hint = "A graphics driver or a library may be missing; on Debian and Ubuntu these are libgl1 and libxkbcommon-x11-0.";
            without_window(running, desktop, Lack::Unopened, &why, hint);
        }
        Err(_) => {
            let hint = "That is a fault of Tidegate; standard error says where. End the process and start it again for a window.";
            without_window(running, desktop, Lack::Failed, "The window failed and is gone.", hint);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said to whoever launched a second one; `None`: it is the first.
#[cfg(feature = "window")]
fn said_of(rung: Rung) -> Option<ExitCode> {
    match rung {
        Rung::Nobody => None,
        Rung::Coming => {
            println!("tidegate: it runs already; its window was asked to the front");
            Some(ExitCode::SUCCESS)
        }
        Rung::Windowless(lack) => {
            let what = match lack {
                Lack::Unopened => "could not open its window when it started",
                Lack::Failed => "its window failed and is gone",
            };
            eprintln!(
                "tidegate: it runs already, and serves, but {what}. End that process, then start it again; it says why if the window \
                 cannot be opened."
            );
            Some(ExitCode::FAILURE)
        }
    }
}

/// Goes on serving where no window could be opened or one failed, and says so: in the terminal and, for who has none, on the
/// desktop.
#[cfg(feature = "window")]
fn without_window(
    running: backend::Running,
    desktop: Option<SyncSender<DesktopNote>>,
    lack: Lack,
    why: &str,
    hint: &str,
) {
    doorbell::no_window(lack);
    let said = format!("{why} The proxy is running without a window, at {}. {hint}", running.base_url());
    eprintln!("tidegate: {said}");
    if let Some(desktop) = desktop {
        drop(desktop.try_send(DesktopNote { id: u64::MAX, text: Some(said), buttons: None }));
    }
    println!("listening on {}", running.base_url());
    running.until_signal();
}

/// A look that cannot be kept is no reason to trouble anybody.
#[cfg(feature = "window")]
fn keep(file: Option<&std::path::Path>, liked: &tidegate::model::preferences::Preferences) {
    if let Some(Err(error)) = file.map(|file| preferences::save(file, liked)) {
        tracing::warn!(%error, "what you prefer of the window could not be kept");
    }
}

#[cfg(not(feature = "window"))]
fn show(options: Options, _link: Option<&str>, _log: (bool, SetLevel)) -> anyhow::Result<ExitCode> {
    eprintln!("tidegate: this build has no window; serving headless");
    serve(options)
}
