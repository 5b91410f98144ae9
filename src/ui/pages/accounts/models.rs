//! Which model a deployment's name speaks of.
//!
//! Invariant: a proposal alone; the person sees it in the form and can change it.
//! Absent on purpose: asking the service, which names a deployment's model only to who may manage it.

/// Models that deployments are commonly named after. Where one name begins another, the longer one is meant.
const KNOWN: [&str; 25] = [
    "gpt-5",
    "gpt-5-mini",
    "gpt-5-nano",
    "gpt-5-chat",
    "gpt-5.1",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4.1-nano",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4-turbo",
    "gpt-4",
    "gpt-3.5-turbo",
    "gpt-35-turbo",
    "o1",
    "o1-mini",
    "o3",
    "o3-mini",
    "o3-pro",
    "o4-mini",
    "text-embedding-3-large",
    "text-embedding-3-small",
    "text-embedding-ada-002",
    "whisper",
    "dall-e-3",
];

/// The model that a deployment is named after: `gpt4o-prod` says `gpt-4o`. Else the deployment's own name, which clients of
/// Azure send.
pub(super) fn named_in(deployment: &str) -> String {
    let bare = letters(deployment);
    let longest = KNOWN.iter().filter(|model| is_in(&bare, &letters(model))).max_by_key(|model| model.len());
    longest.map_or_else(|| deployment.to_owned(), |model| (*model).to_owned())
}

/// Whether the name begins with the model, which ends there: `gpt-41` is not `gpt-4`.
fn is_in(name: &str, model: &str) -> bool {
    name.strip_prefix(model).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployments_name_tells_its_model_and_else_stands_for_itself() {
        for (deployment, model) in [
            ("gpt4o-prod", "gpt-4o"),
            ("gpt-4o-mini-eu", "gpt-4o-mini"),
            ("GPT-4.1", "gpt-4.1"),
            ("gpt-4-1106", "gpt-4-1106"),
            ("o4-mini-batch", "o4-mini"),
            ("text-embedding-3-large", "text-embedding-3-large"),
            ("team-chat", "team-chat"),
            ("", ""),
        ] {
            assert_eq!(named_in(deployment), model, "{deployment}");
        }
    }
}
