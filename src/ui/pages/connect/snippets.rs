//! The snippets Connect offers, read from their data file and filled in.
//!
//! Invariant: a filled snippet has no placeholder left and holds no key, only the word `local`.
//! Absent on purpose: syntax colouring and any check of the tools these snippets are for.

use serde::Deserialize;

const FILE: &str = include_str!("../../../../assets/snippets.toml");

/// The data file.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Snippets {
    /// What was tried against its tool, and what was not; shown below the snippets.
    pub checked: String,
    /// In the order shown.
    #[serde(rename = "snippet")]
    pub list: Vec<Snippet>,
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
    /// Its section: `Shell`, `SDK` or `Tool`.
    pub tool: String,
    /// With placeholders `{base_url}`, `{root_url}`, `{model}`.
    pub text: String,
    /// How to take it back, where that is not obvious.
    #[serde(default)]
    pub undo: Option<String>,
}

impl Snippets {
    /// The snippets built into the program. Empty only if the data file is broken, which a test excludes.
    #[must_use]
    pub fn built_in() -> Self {
        toml_edit::de::from_str(FILE).unwrap_or_default()
    }
}

impl Snippet {
    /// The text for this base URL (which ends in `/v1`) and model.
    #[must_use]
    pub fn fill(&self, base_url: &str, model: &str) -> String {
        self.text
            .replace("{base_url}", base_url)
            .replace("{root_url}", root_of(base_url))
            .replace("{model}", model)
            .trim_end()
            .to_owned()
    }
}

/// The base URL without its `/v1`, as Azure's SDKs want it.
#[must_use]
pub fn root_of(base_url: &str) -> &str {
    base_url.trim_end_matches('/').trim_end_matches("/v1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snippet_fills_and_no_placeholder_remains() {
        let snippets = Snippets::built_in();
        assert_eq!(snippets.list.len(), 11);
        for snippet in &snippets.list {
            let text = snippet.fill("http://127.0.0.1:8788/v1", "gpt-4o");
            assert!(text.contains("127.0.0.1:8788"), "{} names no address", snippet.id);
            for placeholder in ["{base_url}", "{root_url}", "{model}"] {
                assert!(!text.contains(placeholder), "{}: {placeholder} remains", snippet.id);
            }
        }
    }

    #[test]
    fn the_data_formats_still_parse_once_filled() {
        for snippet in Snippets::built_in().list {
            let text = snippet.fill("http://127.0.0.1:8787/v1", "gpt-4o");
            match snippet.language.as_str() {
                "toml" => assert!(text.parse::<toml_edit::DocumentMut>().is_ok(), "{}", snippet.id),
                "json" => assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", snippet.id),
                _ => {}
            }
        }
    }

    #[test]
    fn azure_clients_get_the_address_without_v1() {
        let snippets = Snippets::built_in();
        let azure = snippets.list.iter().find(|snippet| snippet.id == "python-azure").unwrap();
        assert!(azure.fill("http://127.0.0.1:8787/v1", "m").contains("azure_endpoint=\"http://127.0.0.1:8787\""));
    }

    #[test]
    fn what_was_not_tried_is_said() {
        let snippets = Snippets::built_in();
        assert!(snippets.checked.contains("were not tried"), "{}", snippets.checked);
    }
}
