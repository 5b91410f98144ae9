//! The snippets Connect offers, read from their data file and filled in.
//!
//! Invariant: a filled snippet has no placeholder left and holds no key, only the word `local` or [`TOKEN`].
//! Absent on purpose: syntax colouring, and changing any other tool's files.

use serde::Deserialize;

/// Where a caller's token goes: tokens are shown once, when they are made, and never known afterwards.
pub const TOKEN: &str = "YOUR-CALLER-TOKEN";

const FILE: &str = include_str!("../../../../assets/snippets.toml");

/// The data file.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Snippets {
    /// What the marks of the snippets mean; shown below them.
    pub checked: String,
    /// In the order shown.
    #[serde(rename = "snippet")]
    pub list: Vec<Snippet>,
}

/// Where a snippet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// Into a shell: what tools of the shell read.
    Shell,
    /// Into a program that uses a library.
    #[serde(rename = "SDK")]
    Sdk,
    /// Into a tool's settings.
    Tool,
}

/// What was done when a snippet was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Run against Tidegate.
    Run,
    /// Parsed in its language.
    Parsed,
    /// Compared with the tool's documentation.
    Read,
}

impl How {
    /// As on screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Parsed => "parsed",
            Self::Read => "read",
        }
    }
}

/// One thing to copy.
#[derive(Clone, Debug, Deserialize)]
pub struct Snippet {
    /// Stable name.
    pub id: String,
    /// As on screen.
    pub title: String,
    /// What it is written in, as editors call it.
    pub language: String,
    /// Where it goes.
    pub tool: Kind,
    /// With placeholders `{base_url}`, `{root_url}`, `{port}`, `{model}`, `{key}`.
    pub text: String,
    /// How to take it back.
    pub undo: String,
    /// The day it was last looked at.
    pub checked: String,
    /// What was done then.
    pub how: How,
    /// A part of the tool's user agent, in lower case; `None`: not known, so any request counts.
    #[serde(default)]
    pub agent: Option<String>,
}

impl Snippets {
    /// The snippets built into the program. Empty only if the data file is broken, which a test excludes.
    #[must_use]
    pub fn built_in() -> Self {
        toml_edit::de::from_str(FILE).unwrap_or_default()
    }

    /// Those of some kinds.
    pub fn of<'a>(&'a self, kinds: &'a [Kind]) -> impl Iterator<Item = &'a Snippet> {
        self.list.iter().filter(|snippet| kinds.contains(&snippet.tool))
    }
}

impl Snippet {
    /// The text for this base URL (which ends in `/v1`) and model, where callers need a token or any word does.
    #[must_use]
    pub fn fill(&self, base_url: &str, model: &str, asks_token: bool) -> String {
        let root = root_of(base_url);
        self.text
            .replace("{base_url}", base_url)
            .replace("{root_url}", root)
            .replace("{port}", root.rsplit(':').next().unwrap_or_default())
            .replace("{model}", model)
            .replace("{key}", if asks_token { TOKEN } else { "local" })
            .trim_end()
            .to_owned()
    }

    /// Whether a client with this label is the tool.
    #[must_use]
    pub fn is_from(&self, client: &str) -> bool {
        self.agent.as_ref().is_none_or(|agent| client.to_lowercase().contains(agent))
    }
}

/// The base URL without its `/v1`, as Azure's SDKs want it.
#[must_use]
pub fn root_of(base_url: &str) -> &str {
    base_url.trim_end_matches('/').trim_end_matches("/v1")
}

#[cfg(test)]
#[path = "snippets_tests.rs"]
mod tests;
