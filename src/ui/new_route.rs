//! A new route for a model that clients ask for.
//!
//! Invariant: a name that has a route already stays as it is.
//! Absent on purpose: asking for the name, and where the person goes then; pages do that.

use std::cmp::Reverse;

use crate::model::config::{Config, Group, Member, Route};
use crate::model::id::ModelName;

use super::draft::Draft;

/// A route that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The name that clients send.
    pub model: ModelName,
    /// The route whose groups it takes over; `None`: it begins with what offers this model.
    pub like: Option<ModelName>,
}

impl Wanted {
    /// Puts it into the draft as one step.
    pub fn into_draft(self, draft: &mut Draft) -> ModelName {
        let Self { model, like } = self;
        let label = match &like {
            Some(like) => format!("add route {model}, answered as {like}"),
            None => format!("add route {model}"),
        };
        draft.edit(label, |config| match like.and_then(|like| config.route(&like).cloned()) {
            Some(like) => add_like(config, &model, &like),
            None => add(config, &model),
        });
        model
    }
}

/// Adds a route whose only lane holds every endpoint that answers as this model.
pub fn add(config: &mut Config, model: &ModelName) {
    let fitting = config.endpoints.iter().filter(|endpoint| endpoint.model == *model);
    let endpoints = fitting.map(|endpoint| Member { endpoint: endpoint.id.clone(), weight: 1 }).collect();
    let first = Group { endpoints, ..Group::default() };
    put(config, Route::new(model.clone(), vec![first]));
}

/// Adds a route with all of another one's rules.
fn add_like(config: &mut Config, model: &ModelName, like: &Route) {
    put(config, Route { model: model.clone(), ..like.clone() });
}

fn put(config: &mut Config, route: Route) {
    if config.route(&route.model).is_none() {
        config.routes.push(route);
    }
}

/// The names that are answered, those first that begin like `model`.
#[must_use]
pub fn known<'c>(config: &'c Config, model: &ModelName) -> Vec<&'c ModelName> {
    let mut names: Vec<&ModelName> = config.routes.iter().map(|route| &route.model).collect();
    names.sort_by_key(|name| Reverse(alike(name.as_str(), model.as_str())));
    names
}

/// How many characters two names begin with alike.
fn alike(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one.eq_ignore_ascii_case(other)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn draft() -> Draft {
        Draft::new(&fixture::snapshot().applied)
    }

    #[test]
    fn a_route_that_answers_as_another_one_has_its_groups_and_is_one_step() {
        let mut draft = draft();
        let wanted = Wanted { model: "gpt-9".into(), like: Some("demo-chat".into()) };
        assert_eq!(wanted.into_draft(&mut draft), "gpt-9".into());
        let of = |model: &str| draft.working().route(&model.into()).unwrap().groups.clone();
        assert_eq!(of("gpt-9"), of("demo-chat"));
        assert_eq!(draft.undo_label(), Some("add route gpt-9, answered as demo-chat"));
    }

    #[test]
    fn a_route_that_is_there_already_is_left_as_it_is() {
        let mut draft = draft();
        let wanted = Wanted { model: "demo-chat".into(), like: None };
        wanted.into_draft(&mut draft);
        assert!(!draft.is_changed(), "nothing was added or emptied");
    }

    #[test]
    fn names_that_begin_alike_come_first() {
        let mut config = fixture::config();
        for name in ["gpt-4o", "gpt-4o-mini"] {
            add(&mut config, &name.into());
        }
        let names: Vec<&str> = known(&config, &"gpt-4o-min".into()).iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["gpt-4o-mini", "gpt-4o", "demo-chat"]);
    }
}
