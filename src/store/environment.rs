//! Which environment variables look like OpenAI or Azure keys: their names, never their values.
//!
//! Invariant: no value leaves this file, except from [`secret`] to the key desk.
//! Absent on purpose: setting variables.

use std::env;

use crate::model::secret::Secret;

/// Names of set, non-empty variables that look like keys of OpenAI or Azure OpenAI, sorted.
#[must_use]
pub fn key_names() -> Vec<String> {
    let set = env::vars_os().filter(|(_, value)| !value.is_empty());
    names_of_keys(set.filter_map(|(name, _)| name.into_string().ok()))
}

/// The key that a variable holds, pasted trimmings removed. `None`: not set, empty, or nothing that could be a key.
#[must_use]
pub fn secret(variable: &str) -> Option<Secret> {
    Secret::from_pasted(&zeroize::Zeroizing::new(env::var(variable).ok()?))
}

fn names_of_keys(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = names.filter(|name| looks_like_key(name)).collect();
    found.sort();
    found
}

/// Administration keys cannot send requests, and our own variables are not somebody's key.
fn looks_like_key(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split('_').collect();
    let service = words.iter().any(|word| matches!(*word, "OPENAI" | "AZUREOPENAI" | "AOAI"))
        || upper.starts_with("AZURE_API_KEY")
        || upper.starts_with("AZURE_AI_API_KEY");
    let key = words.iter().any(|word| matches!(*word, "KEY" | "KEY1" | "KEY2" | "APIKEY"));
    service && key && !words.iter().any(|word| matches!(*word, "ADMIN" | "TIDEGATE" | "FILE" | "PATH" | "NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_keys_are_found_and_others_are_not() {
        let all = [
            "OPENAI_API_KEY",
            "AZURE_OPENAI_API_KEY",
            "AZURE_OPENAI_KEY",
            "AZURE_API_KEY",
            "OPENAI_API_KEY_WORK",
            "OPENAI_BASE_URL",
            "OPENAI_ADMIN_KEY",
            "OPENAI_API_KEY_FILE",
            "ANTHROPIC_API_KEY",
            "KEYBOARD",
            "PATH",
        ];
        let found = names_of_keys(all.iter().map(ToString::to_string));
        assert_eq!(
            found,
            ["AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_KEY", "OPENAI_API_KEY", "OPENAI_API_KEY_WORK"]
        );
    }

    #[test]
    fn a_variable_that_is_not_set_holds_no_key() {
        assert!(secret("TIDEGATE_TEST_THIS_IS_NOT_SET").is_none());
    }
}
