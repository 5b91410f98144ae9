//! Where everything lies, for one profile.
//!
//! Invariant: two profiles (default, demo, named, a named file, a named folder) never share a file.
//! Absent on purpose: making or reading anything; a path may not exist yet.

use std::path::{Path, PathBuf, absolute};

use directories::ProjectDirs;
use thiserror::Error;

use super::keys::fingerprint::first_hex;

/// Name of the configuration file in its folder.
pub const CONFIG_NAME: &str = "config.toml";

/// What the command line says about places.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config FILE`
    pub config_file: Option<PathBuf>,
    /// `--config-dir DIR`: everything of this profile lies in there.
    pub config_dir: Option<PathBuf>,
    /// `--profile NAME`; means nothing beside `--config`.
    pub profile: Option<String>,
    /// `--demo`
    pub demo: bool,
}

/// The places of one profile. All absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The configuration.
    pub config_file: PathBuf,
    /// Its folder.
    pub config_dir: PathBuf,
    /// Revisions, history, the fingerprints' secret.
    pub data_dir: PathBuf,
    /// Logs and the instance lock.
    pub state_dir: PathBuf,
    /// The folder of the named profiles; `None` beside a configuration that was named itself.
    pub profiles: Option<PathBuf>,
    /// Which of them this is; `None`: the usual one.
    pub named: Option<String>,
    /// Whether this is the demo profile.
    pub demo: bool,
    /// As on screen: `Default`, `Demo`, or the file's or folder's name.
    pub profile_name: String,
}

/// Why there are no places.
#[derive(Debug, Error)]
pub enum PathsError {
    /// Neither HOME nor the platform's equivalent says where to go.
    #[error("This system does not say where your home folder is. Name a folder with --config-dir.")]
    NoHome,
    /// A path of the command line cannot be made absolute.
    #[error("{path} is not a usable path: {reason}.")]
    Unusable {
        /// As given.
        path: String,
        /// As the system says.
        reason: std::io::Error,
    },
}

impl Paths {
    /// The places for these flags. `config_dir` wins over the platform's folders for everything, `config_file` names the
    /// configuration alone and gets data of its own.
    ///
    /// # Errors
    /// No home folder, or a flag that is no path.
    pub fn resolve(overrides: &Overrides) -> Result<Self, PathsError> {
        let mut paths = match &overrides.config_dir {
            Some(folder) => Self::inside(&full(folder)?),
            None => Self::of_the_platform()?,
        };
        if let Some(file) = &overrides.config_file {
            paths.take_file(full(file)?, overrides.config_dir.is_none());
        } else if let Some(name) = &overrides.profile {
            paths = paths.named(name);
        }
        Ok(if overrides.demo { paths.demo() } else { paths })
    }

    /// Everything below one folder.
    #[must_use]
    pub fn inside(folder: &Path) -> Self {
        Self {
            config_file: folder.join(CONFIG_NAME),
            config_dir: folder.to_owned(),
            data_dir: folder.join("data"),
            state_dir: folder.join("state"),
            profiles: Some(folder.join("profiles")),
            named: None,
            demo: false,
            profile_name: name_of(folder),
        }
    }

    fn of_the_platform() -> Result<Self, PathsError> {
        let project = ProjectDirs::from("org", "tidegate", "tidegate").ok_or(PathsError::NoHome)?;
        let config_dir = project.config_dir().to_owned();
        Ok(Self {
            config_file: config_dir.join(CONFIG_NAME),
            config_dir,
            data_dir: project.data_local_dir().to_owned(),
            state_dir: project.state_dir().map_or_else(|| project.data_local_dir().join("state"), Path::to_owned),
            profiles: Some(project.config_dir().join("profiles")),
            named: None,
            demo: false,
            profile_name: "Default".to_owned(),
        })
    }

    /// A configuration anywhere: its history must not mix with that of another file of the same name.
    fn take_file(&mut self, file: PathBuf, with_own_data: bool) {
        if with_own_data && file != self.config_file {
            let digest = ring::digest::digest(&ring::digest::SHA256, file.as_os_str().as_encoded_bytes());
            let short = first_hex(digest.as_ref());
            let own = format!("{}-{short}", file.file_stem().unwrap_or_default().to_string_lossy());
            self.data_dir = self.data_dir.join("profiles").join(&own);
            self.state_dir = self.state_dir.join("profiles").join(&own);
            self.profile_name = name_of(&file);
        }
        self.config_dir = file.parent().map_or_else(PathBuf::new, Path::to_owned);
        self.config_file = file;
        self.profiles = None;
    }

    /// A profile beside this one, with everything in folders of its own.
    fn named(self, name: &str) -> Self {
        let config_dir = self.config_dir.join("profiles").join(name);
        Self {
            config_file: config_dir.join(CONFIG_NAME),
            config_dir,
            data_dir: self.data_dir.join("named").join(name),
            state_dir: self.state_dir.join("named").join(name),
            named: Some(name.to_owned()),
            profile_name: name.to_owned(),
            ..self
        }
    }

    /// The demo of this profile. All of it lies in folders of ours, which leaving the demo removes; a folder `demo` beside a
    /// configuration file may be the person's own.
    fn demo(self) -> Self {
        let data_dir = self.data_dir.join("demo");
        Self {
            config_file: data_dir.join(CONFIG_NAME),
            config_dir: data_dir.clone(),
            data_dir,
            state_dir: self.state_dir.join("demo"),
            demo: true,
            profile_name: "Demo".to_owned(),
            ..self
        }
    }

    /// For `--print-paths`: one `name: path` a line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        [
            ("config file", &self.config_file),
            ("config", &self.config_dir),
            ("data", &self.data_dir),
            ("state", &self.state_dir),
        ]
        .map(|(name, path)| format!("{name}: {}", path.display()))
        .into()
    }
}

fn full(path: &Path) -> Result<PathBuf, PathsError> {
    absolute(path).map_err(|reason| PathsError::Unusable { path: path.display().to_string(), reason })
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(config_file: Option<&str>, config_dir: Option<&str>, demo: bool) -> Paths {
        let overrides = Overrides {
            config_file: config_file.map(PathBuf::from),
            config_dir: config_dir.map(PathBuf::from),
            demo,
            profile: None,
        };
        Paths::resolve(&overrides).unwrap()
    }

    #[test]
    fn a_named_profile_shares_no_place_with_the_usual_one_nor_with_another() {
        let of = |name: Option<&str>, demo| {
            let profile = name.map(str::to_owned);
            Paths::resolve(&Overrides { config_dir: Some("/srv/gate".into()), profile, demo, ..Overrides::default() })
                .unwrap()
        };
        let all =
            [of(None, false), of(Some("Work"), false), of(Some("Home"), false), of(Some("Work"), true), of(None, true)];
        for (place, one) in all.iter().enumerate() {
            for other in &all[place + 1..] {
                assert_ne!(one.config_file, other.config_file);
                assert_ne!(one.data_dir, other.data_dir);
                assert_ne!(one.state_dir, other.state_dir);
            }
        }
        assert_eq!((all[1].profile_name.as_str(), all[3].profile_name.as_str()), ("Work", "Demo"));
    }

    #[test]
    fn a_named_folder_holds_everything() {
        let paths = resolve(None, Some("/srv/gate"), false);
        assert_eq!(paths.config_file, absolute("/srv/gate/config.toml").unwrap());
        assert!(paths.data_dir.starts_with("/srv/gate") && paths.state_dir.starts_with("/srv/gate"));
        assert_eq!(paths.profile_name, "gate");
    }

    #[test]
    fn the_demo_shares_no_place_with_the_profile_beside_it() {
        let (own, demo) = (resolve(None, Some("/srv/gate"), false), resolve(None, Some("/srv/gate"), true));
        assert!(demo.demo && !own.demo);
        assert_ne!(own.config_file, demo.config_file);
        assert_ne!(own.data_dir, demo.data_dir);
        assert_ne!(own.state_dir, demo.state_dir);
    }

    #[test]
    fn the_demo_keeps_out_of_the_folder_of_a_named_file() {
        let demo = resolve(Some("/srv/project/gate.toml"), None, true);
        for place in [&demo.config_file, &demo.config_dir, &demo.data_dir, &demo.state_dir] {
            assert!(!place.starts_with("/srv/project"), "{}", place.display());
        }
    }

    #[test]
    fn two_files_of_one_name_have_histories_of_their_own() {
        let (one, two) =
            (resolve(Some("/srv/one/gate.toml"), None, false), resolve(Some("/srv/two/gate.toml"), None, false));
        assert_ne!(one.data_dir, two.data_dir);
        assert_eq!(one.config_dir, absolute("/srv/one").unwrap());
        assert_eq!(one.profile_name, "gate.toml");
    }

    #[test]
    fn a_relative_path_becomes_absolute() {
        assert!(resolve(Some("gate.toml"), None, false).config_file.is_absolute());
    }

    #[test]
    fn every_place_is_printed_on_a_line_of_its_own() {
        let lines = resolve(None, Some("/srv/gate"), false).lines();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("config file: ") && lines[0].ends_with("config.toml"));
    }
}
