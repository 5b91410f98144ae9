//! Names of environment variables, where a key may have been typed by mistake.
//!
//! Invariant: what could be a key is not repeated by whoever asks [`shown`].
//! Absent on purpose: reading variables; `store::environment` does.

/// Whether a text can be a variable's name.
#[must_use]
pub fn is_variable(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A variable's name as it can be shown: one that is none, or is as long as keys are, is not repeated.
#[must_use]
pub fn shown(name: &str) -> &str {
    let is_long = name.len() >= 32 && name.bytes().any(|byte| byte.is_ascii_digit()) && !name.contains('_');
    if is_variable(name) && !is_long { name } else { "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_place_of_a_name_is_not_repeated() {
        for name in ["OPENAI_API_KEY", "key2", "_X"] {
            assert_eq!(shown(name), name);
        }
        for key in ["sk-proj-abc", "0123456789abcdef0123456789abcdef", "abcdef0123456789abcdef0123456789", "a b", ""] {
            assert_eq!(shown(key), "…", "{key}");
        }
    }
}
