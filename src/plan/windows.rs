//! How long a prompt and its answer may be together, as the services document it, and routes that go on to a model that takes
//! less.
//!
//! Invariant: a finding names documented figures only; a model that is not listed is left out of the comparison.
//! Absent on purpose: refusing. A prompt's tokens are not known before the service has counted them.

use crate::model::check::{Finding, FindingPlace, Severity};
use crate::model::checked::chain;
use crate::model::config::{Config, Route};
use crate::model::id::EndpointId;
use crate::model::units::Grouped;

/// Tokens of prompt and answer together that a model takes; `None`: nothing is documented for that name.
#[must_use]
pub fn documented_window(model: &str) -> Option<u64> {
    const WINDOWS: &[(&str, u64)] = &[
        ("gpt-35-turbo", 16_385),
        ("gpt-3.5-turbo", 16_385),
        ("gpt-4", 8_192),
        ("gpt-4-32k", 32_768),
        ("gpt-4-turbo", 128_000),
        ("gpt-4o", 128_000),
        ("gpt-4o-mini", 128_000),
        ("gpt-4.1", 1_047_576),
        ("gpt-4.1-mini", 1_047_576),
        ("gpt-4.1-nano", 1_047_576),
        ("gpt-5", 400_000),
        ("gpt-5-mini", 400_000),
        ("gpt-5-nano", 400_000),
        ("gpt-5-pro", 400_000),
        ("gpt-5-chat", 128_000),
        ("gpt-5.1", 400_000),
        ("gpt-5.2", 400_000),
        ("o1", 200_000),
        ("o1-mini", 128_000),
        ("o1-preview", 128_000),
        ("o3", 200_000),
        ("o3-mini", 200_000),
        ("o3-pro", 200_000),
        ("o4-mini", 200_000),
    ];
    WINDOWS.iter().find(|(name, _)| *name == model).map(|(_, window)| *window)
}

/// Endpoints whose model takes less than those of a group tried before, one finding for each route.
pub(super) fn narrowing(config: &Config, place: usize, route: &Route, findings: &mut Vec<Finding>) {
    let mut widest: Option<(&EndpointId, u64)> = None;
    for group in chain(config, route).into_iter().flat_map(|route| &route.groups) {
        let members = || {
            let known = group.endpoints.iter().filter_map(|member| config.endpoint(&member.endpoint));
            known.filter_map(|endpoint| Some((&endpoint.id, documented_window(endpoint.model.as_str())?)))
        };
        let narrowest = members().min_by_key(|(_, window)| *window);
        if let (Some((above, wide)), Some((below, narrow))) = (widest, narrowest)
            && narrow < wide
        {
            let message = format!(
                "Route \"{}\" goes on from \"{above}\" to \"{below}\", whose model takes {} tokens in place of {}. A longer conversation is refused there with an error the client sees. Put a model that takes as much below it.",
                route.model,
                Grouped(narrow),
                Grouped(wide)
            );
            let at = FindingPlace { table: "route".to_owned(), place: Some(place), key: "group".to_owned() };
            findings.push(Finding { severity: Severity::Warning, at, line: None, message });
            return;
        }
        widest = widest.into_iter().chain(members()).max_by_key(|(_, window)| *window);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn said(models: &[&[&str]]) -> Vec<String> {
        let mut text = String::from("[[account]]\nid = \"a\"\nservice = \"simulated\"\n");
        let mut route = String::from("[[route]]\nmodel = \"m\"\n");
        for (group, models) in models.iter().enumerate() {
            let mut ids = Vec::new();
            for (place, model) in models.iter().enumerate() {
                let id = format!("e{group}{place}");
                let _ = write!(text, "[[endpoint]]\nid = \"{id}\"\naccount = \"a\"\nmodel = \"{model}\"\n");
                ids.push(format!("\"{id}\""));
            }
            let _ = writeln!(route, "[[route.group]]\nendpoints = [{}]", ids.join(", "));
        }
        let config: Config = toml_edit::de::from_str(&(text + &route)).expect("the test's text is sound");
        let mut findings = Vec::new();
        narrowing(&config, 0, &config.routes[0], &mut findings);
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_group_that_takes_less_than_the_one_above_is_named_with_both_figures() {
        let said = said(&[&["gpt-4.1"], &["gpt-4.1", "gpt-4o"], &["gpt-4"]]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("from \"e00\" to \"e11\", whose model takes 128,000 tokens in place of 1,047,576"));
    }

    #[test]
    fn as_much_or_more_below_and_models_without_a_documented_window_need_no_words() {
        assert_eq!(said(&[&["gpt-4o"], &["gpt-4o-mini"], &["gpt-4.1"]]), [""; 0]);
        assert_eq!(said(&[&["gpt-4o"], &["house-model"], &["gpt-4o"]]), [""; 0]);
    }
}
