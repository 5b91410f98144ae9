//! A new account on its way into the draft: what was pasted, what is still missing, and what it becomes.
//!
//! Invariant: the key is not part of what goes into the configuration.
//! Absent on purpose: testing; that needs the service.

use super::intake::{Intake, name_from};
use super::models;
use crate::model::config::{
    Account, AdminState, AzureApi, Config, Credential, Endpoint, Enforcement, Group, Member, Route, Service,
};
use crate::model::id::{AccountId, EndpointId, ModelName};
use crate::model::secret::Secret;
use crate::ui::format::listed;

/// OpenAI's own base URL.
const OPENAI: &str = "https://api.openai.com/v1";
/// Suggested where Azure's classic paths need a version and none was pasted.
const API_VERSION: &str = "2024-10-21";

/// The fields of the form.
pub struct Form {
    /// The kind of service.
    pub service: Service,
    /// The account's id.
    pub id: String,
    /// Absolute URL.
    pub base_url: String,
    /// Azure's path shape.
    pub api: AzureApi,
    /// Azure classic's version.
    pub api_version: String,
    /// Azure's region; may stay empty.
    pub region: String,
    /// Azure's deployment.
    pub deployment: String,
    /// The model clients ask for.
    pub model: String,
    /// `OpenAI-Organization`, if pasted.
    pub organization: Option<String>,
    /// `OpenAI-Project`, if pasted.
    pub project: Option<String>,
    /// The name of an environment variable that holds the key, instead of a stored one.
    pub environment: Option<String>,
    /// Enter was pressed in a field in this frame, where it has no other meaning.
    pub entered: bool,
    /// Nothing was missing when this frame began, so that Enter can mean to add it.
    pub whole: bool,
    /// Also create a route with this endpoint as first choice.
    pub with_route: bool,
    /// The key, until it is sent away. It was pasted.
    pub key: Option<Secret>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            service: Service::Openai,
            id: String::new(),
            base_url: OPENAI.to_owned(),
            api: AzureApi::default(),
            api_version: API_VERSION.to_owned(),
            region: String::new(),
            deployment: String::new(),
            model: String::new(),
            organization: None,
            project: None,
            environment: None,
            entered: false,
            whole: false,
            with_route: true,
            key: None,
        }
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").field("id", &self.id).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Form {
    /// One for the service that a variable is named after; its key is read from there.
    #[must_use]
    pub fn with_key_from(variable: String) -> Self {
        let mut form = Self::default();
        if variable.split('_').any(|word| matches!(word, "AZURE" | "AZUREOPENAI" | "AOAI")) {
            form.set_service(Service::Azure);
        } else {
            "openai".clone_into(&mut form.id);
        }
        Self { environment: Some(variable), ..form }
    }

    /// Takes over what a paste held; what it did not hold stays.
    pub fn take_in(&mut self, paste: Intake, config: &Config) {
        if let Some(service) = paste.service {
            self.set_service(service);
        }
        if !paste.base_url.is_empty() {
            self.base_url = paste.base_url;
        }
        let put = |field: &mut String, value: Option<String>| {
            if let Some(value) = value {
                *field = value;
            }
        };
        put(&mut self.api_version, paste.api_version);
        put(&mut self.deployment, paste.deployment);
        put(&mut self.model, paste.model);
        self.propose_model();
        self.api = paste.api.unwrap_or(self.api);
        self.organization = paste.organization.or(self.organization.take());
        self.project = paste.project.or(self.project.take());
        self.key = paste.key.or(self.key.take());
        if self.id.is_empty() && !self.base_url.is_empty() {
            let known = self.known_account(config).map(|account| account.id.to_string());
            self.id =
                known.unwrap_or_else(|| unique(&name_from(&self.base_url), |id| config.account(&id.into()).is_some()));
        }
    }

    /// Fills in the model that the deployment's name speaks of, if none was given.
    pub fn propose_model(&mut self) {
        if self.model.trim().is_empty() && self.service == Service::Azure {
            self.model = models::named_in(self.deployment.trim());
        }
    }

    /// Whether the model is only what the deployment's name speaks of.
    #[must_use]
    pub fn is_model_proposed(&self) -> bool {
        let deployment = self.deployment.trim();
        self.service == Service::Azure && !deployment.is_empty() && self.model == models::named_in(deployment)
    }

    /// Another kind of service; an address that belongs to the old kind goes.
    pub fn set_service(&mut self, service: Service) {
        if service == Service::Openai {
            OPENAI.clone_into(&mut self.base_url);
        } else if self.base_url == OPENAI {
            self.base_url.clear();
        }
        self.service = service;
    }

    /// What has to be filled in before the account can be added.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let azure = self.service == Service::Azure;
        let fields = [
            (self.id.trim().is_empty(), "a name for the account"),
            (self.base_url.trim().is_empty(), "the base URL"),
            (azure && self.api == AzureApi::Classic && self.api_version.trim().is_empty(), "the API version"),
            (azure && self.deployment.trim().is_empty(), "the deployment"),
            (self.model.trim().is_empty(), "the model that clients ask for"),
        ];
        fields.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect()
    }

    /// The account's id as it will be.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        AccountId::from(self.id.trim())
    }

    /// Whether the account exists already, so that only an endpoint is added.
    fn known_account<'c>(&self, config: &'c Config) -> Option<&'c Account> {
        config.accounts.iter().find(|account| self.is_at(account)).filter(|_| self.service == Service::Azure)
    }

    fn is_at(&self, account: &Account) -> bool {
        let same = |one: &str, other: &str| one.trim().trim_end_matches('/') == other.trim().trim_end_matches('/');
        account.service == self.service && same(&account.base_url, &self.base_url)
    }

    /// The account of this name at this address, which the endpoint joins; it keeps its own key.
    #[must_use]
    pub fn joins<'c>(&self, config: &'c Config) -> Option<&'c Account> {
        config.account(&self.account_id()).filter(|account| self.is_at(account))
    }

    /// Why it cannot have this name; `None` if it can.
    #[must_use]
    pub fn name_problem(&self, config: &Config) -> Option<String> {
        let taken = config.account(&self.account_id()).filter(|account| !self.is_at(account))?;
        Some(format!("Account {} has another address, {}. Choose another name.", taken.id, taken.base_url))
    }

    /// What becomes of routes if it is put into one: the offer, in words.
    #[must_use]
    pub fn route_offer(&self, config: &Config) -> String {
        let model = self.model.trim();
        let first = config.route(&model.into()).and_then(|route| route.groups.first());
        let beside =
            first.map(|group| group.endpoints.iter().map(|member| member.endpoint.as_str()).collect::<Vec<_>>());
        match beside.as_deref() {
            Some([]) | None if model.is_empty() => "Create a route with this endpoint as first choice".to_owned(),
            Some([]) => format!("Add it to route {model} as first choice"),
            Some(beside) => format!("Add it to route {model} as first choice, beside {}", listed(beside)),
            None => format!("Create route {model} with this endpoint as first choice"),
        }
    }

    /// Adds the account (one of this id stays as it is, but for a variable that was chosen for its key), its endpoint and, if wanted, the endpoint to its model's route as
    /// first choice. Returns the endpoint's id.
    pub fn add_to(&self, config: &mut Config) -> EndpointId {
        let account = self.account_id();
        match (config.accounts.iter_mut().find(|known| known.id == account), &self.environment) {
            (Some(known), Some(variable)) => known.credential = Credential::Env(variable.clone()),
            (Some(_), None) => {}
            (None, _) => config.accounts.push(self.account()),
        }
        let model = ModelName::from(self.model.trim());
        let name = format!("{account}-{model}");
        let id = EndpointId::from(unique(&name, |id| config.endpoint(&id.into()).is_some()));
        config.endpoints.push(self.endpoint(id.clone(), account, model.clone()));
        if self.with_route {
            add_to_route(config, model, id.clone());
        }
        id
    }

    fn account(&self) -> Account {
        let azure = self.service == Service::Azure;
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Account {
            id: self.account_id(),
            service: self.service,
            base_url: self.base_url.trim().to_owned(),
            api: azure.then_some(self.api),
            api_version: text(&self.api_version).filter(|_| azure && self.api == AzureApi::Classic),
            subscription: None,
            region: text(&self.region).filter(|_| azure),
            organization: self.organization.clone(),
            project: self.project.clone(),
            credential: self.environment.clone().map_or_else(Credential::default, Credential::Env),
            second_key: None,
            allow_plain_http: false,
            include_usage: None,
        }
    }

    fn endpoint(&self, id: EndpointId, account: AccountId, model: ModelName) -> Endpoint {
        let deployment = self.deployment.trim();
        Endpoint {
            id,
            account,
            deployment: Some(deployment.to_owned()).filter(|name| !name.is_empty() && *name != model.as_str()),
            model,
            quota_pool: None,
            tokens_per_minute: None,
            requests_per_minute: None,
            requests_per_1k_tokens: None,
            soft_cap_tokens_per_minute: None,
            max_in_flight: None,
            request_slice_seconds: None,
            pinned: false,
            probe_above: false,
            admin_state: AdminState::default(),
            enforcement: Enforcement::default(),
            simulated: None,
            tokens_per_day: None,
            requests_per_day: None,
            input_tokens_per_minute: None,
            output_tokens_per_minute: None,
        }
    }
}

fn add_to_route(config: &mut Config, model: ModelName, endpoint: EndpointId) {
    let member = Member { endpoint, weight: 1 };
    let known = config.routes.iter_mut().find(|route| route.model == model);
    match known.map(|route| (route.groups.is_empty(), route)) {
        Some((false, route)) => {
            if let Some(first) = route.groups.first_mut() {
                first.endpoints.push(member);
            }
        }
        Some((true, route)) => route.groups.push(first_group(member)),
        None => config.routes.push(Route::new(model, vec![first_group(member)])),
    }
}

fn first_group(member: Member) -> Group {
    Group { endpoints: vec![member], ..Group::default() }
}

/// Removes an account with its endpoints, also from every route.
pub fn remove_account(config: &mut Config, account: &AccountId) {
    config.accounts.retain(|known| known.id != *account);
    let gone: Vec<EndpointId> = config
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.account == *account)
        .map(|endpoint| endpoint.id.clone())
        .collect();
    config.endpoints.retain(|endpoint| endpoint.account != *account);
    for group in config.routes.iter_mut().flat_map(|route| &mut route.groups) {
        group.endpoints.retain(|member| !gone.contains(&member.endpoint));
    }
}

/// `name`, or `name-2`, `name-3`, … until it is free.
fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
