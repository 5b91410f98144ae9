//! Opens a folder of the profile, or the configuration file, with the desktop's own program.
//!
//! Invariant: only what is ours is opened; nobody waits for the program.
//! Absent on purpose: showing folders ourselves.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::stage::Stage;
use crate::contract::Folder;
use crate::contract::snapshot::Problem;

/// What opens folders here.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else if cfg!(windows) {
    "explorer"
} else {
    "xdg-open"
};

/// Opens it; says where it is if that cannot be done.
pub(super) fn reveal(stage: &Stage, folder: Folder) -> Result<String, Problem> {
    let paths = &stage.profile.paths;
    let path: PathBuf = match folder {
        Folder::Config => paths.config_dir.clone(),
        Folder::ConfigFile if !paths.config_file.exists() => {
            return Err(Problem {
                what: "There is no configuration file yet.".to_owned(),
                still_works: format!("It will be at {}.", paths.config_file.display()),
                next_step: "Apply a change first.".to_owned(),
            });
        }
        Folder::ConfigFile => paths.config_file.clone(),
        Folder::Data => paths.data_dir.clone(),
        Folder::State => paths.state_dir.clone(),
    };
    open(OPENER.as_ref(), &path)
}

fn open(opener: &OsStr, path: &Path) -> Result<String, Problem> {
    let mut command = Command::new(opener);
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(mut child) => {
            // Somebody has to hear of its end, or it stays in the table of processes.
            let waits = std::thread::Builder::new().name("opener".to_owned()).spawn(move || drop(child.wait()));
            drop(waits);
            Ok(format!("Opening {}", path.display()))
        }
        Err(error) => Err(Problem {
            what: format!("It could not be opened: {}: {error}.", opener.display()),
            still_works: format!("It is at {}.", path.display()),
            next_step: "Copy the path and open it in your file manager.".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_opens_folders_the_path_is_told() {
        let problem = open("no-such-opener".as_ref(), Path::new("/somewhere/tidegate")).unwrap_err();
        assert_eq!(problem.still_works, "It is at /somewhere/tidegate.");
    }
}
