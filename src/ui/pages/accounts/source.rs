//! Where an account's key comes from: the keyring, a variable, or a program that prints a token.
//!
//! Invariant: what is saved names a place and never a key; it goes through the draft.
//! Absent on purpose: running the program. The background does, once the draft is applied.

use egui::{RichText, Ui};

use super::State;
use crate::model::config::{Account, Credential, Service, TokenSource, is_variable};
use crate::ui::cx::PageCx;
use crate::ui::keyless;
use crate::ui::theme::{Tone, gap, strong};
use crate::ui::widgets::{note, radio_value};

/// Prints an Entra ID token for Azure OpenAI, with its end.
const AZURE_CLI: &str = "az account get-access-token --scope https://ai.azure.com/.default -o json";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Keyring,
    Variable,
    Command,
}

const KINDS: [(Kind, &str); 3] = [
    (Kind::Keyring, "System keyring"),
    (Kind::Variable, "Environment variable"),
    (Kind::Command, "Command that prints a token"),
];

/// What is being said.
#[derive(Debug, Default)]
pub(super) struct Source {
    kind: Kind,
    variable: String,
    command: String,
    second: String,
}

impl Source {
    /// As the account has it.
    pub(super) fn of(account: &Account) -> Self {
        let second = account.second_key.as_ref().map(|source| source.env.clone()).unwrap_or_default();
        let (kind, variable, command) = match &account.credential {
            Credential::Keyring(_) => (Kind::Keyring, String::new(), String::new()),
            Credential::Env(variable) => (Kind::Variable, variable.clone(), String::new()),
            Credential::Command(words) => {
                let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
                (Kind::Command, String::new(), line)
            }
        };
        Self { kind, variable, command, second }
    }

    fn credential(&self) -> Result<Credential, &'static str> {
        match self.kind {
            Kind::Keyring => Ok(Credential::default()),
            Kind::Variable if is_variable(self.variable.trim()) => Ok(Credential::Env(self.variable.trim().to_owned())),
            Kind::Variable => Err("Write the variable's name, such as AZURE_OPENAI_API_KEY, not what it holds."),
            Kind::Command => match shlex::split(&self.command) {
                Some(words) if !words.is_empty() => Ok(Credential::Command(words)),
                Some(_) => Err("Write the program and its arguments."),
                None => Err("A quotation mark is left open."),
            },
        }
    }

    fn second(&self) -> Result<Option<TokenSource>, &'static str> {
        match self.second.trim() {
            "" => Ok(None),
            variable if is_variable(variable) => Ok(Some(TokenSource { env: variable.to_owned() })),
            _ => Err("Write the second variable's name, not what it holds."),
        }
    }
}

/// Shows the editor, if it is open for this account.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account) {
    let Some((_, source)) = state.source.as_mut().filter(|(id, _)| *id == account.id) else { return };
    ui.add_space(gap::S);
    ui.label(strong("Where its key comes from").color(cx.theme.text));
    ui.horizontal_wrapped(|ui| {
        for (kind, word) in KINDS {
            radio_value(ui, &mut source.kind, kind, word);
        }
    });
    let mut misplaced = false;
    match source.kind {
        Kind::Keyring => {
            note(ui, cx.theme, "Pasted here and kept by the system; never in a file.");
        }
        Kind::Variable => {
            let field =
                keyless::labelled(ui, cx.theme, "Name of the variable", "AZURE_OPENAI_API_KEY", &mut source.variable);
            misplaced |= field.to_accounts;
            note(ui, cx.theme, "Read when Tidegate starts; start it again after a change.");
        }
        Kind::Command => {
            misplaced |= keyless::labelled(ui, cx.theme, "Command", AZURE_CLI, &mut source.command).to_accounts;
            note(
                ui,
                cx.theme,
                "Run as it is, without a shell. It prints a token, or JSON with accessToken and expires_on; it is run again five \
                 minutes before the end, and sooner if the service refuses the token.",
            );
            if account.service == Service::Azure && ui.button("Use the Azure CLI").clicked() {
                AZURE_CLI.clone_into(&mut source.command);
            }
        }
    }
    let second =
        keyless::labelled(ui, cx.theme, "Variable of a second key (may stay empty)", "AZURE_KEY_2", &mut source.second);
    misplaced |= second.to_accounts;
    if misplaced {
        cx.toast(Tone::Info, "Choose System keyring and save, then paste it with Add key.");
    }
    finish(ui, cx, state, account);
}

fn finish(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account) {
    let Some((_, source)) = &state.source else { return };
    let said = source.credential().and_then(|credential| Ok((credential, source.second()?)));
    if let Err(why) = &said {
        ui.label(RichText::new(*why).color(cx.theme.tone(Tone::Near)));
    }
    let mut done = false;
    ui.horizontal_wrapped(|ui| {
        if ui.add_enabled(said.is_ok(), egui::Button::new("Save to draft")).clicked()
            && let Ok((credential, second)) = said
        {
            let id = account.id.clone();
            cx.draft.edit(format!("where the key of {id} comes from"), |config| {
                if let Some(account) = config.accounts.iter_mut().find(|account| account.id == id) {
                    (account.credential, account.second_key) = (credential, second);
                }
            });
            done = true;
        }
        done |= ui.button("Cancel").clicked();
    });
    if done {
        state.source = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(credential: &str) -> Account {
        toml_edit::de::from_str(&format!("id = \"a\"\nservice = \"azure\"\n{credential}")).unwrap()
    }

    #[test]
    fn what_an_account_has_is_said_again_as_it_was() {
        for text in [
            "",
            "credential = { env = \"KEY_1\" }\nsecond_key = { env = \"KEY_2\" }",
            "credential = { command = [\"az\", \"with a blank\", \"it's\"] }",
        ] {
            let account = account(text);
            let source = Source::of(&account);
            assert_eq!(source.credential().unwrap(), account.credential);
            assert_eq!(source.second().unwrap(), account.second_key);
        }
    }

    #[test]
    fn what_is_no_name_and_no_command_is_not_saved() {
        let source = |kind, text: &str| Source {
            kind,
            variable: text.to_owned(),
            command: text.to_owned(),
            second: String::new(),
        };
        for text in ["", "sk-abc", "1KEY", "A KEY"] {
            assert!(source(Kind::Variable, text).credential().is_err(), "{text}");
        }
        for text in ["", "az 'open"] {
            assert!(source(Kind::Command, text).credential().is_err(), "{text}");
        }
        assert!(Source { second: "no-name".to_owned(), ..Source::default() }.second().is_err());
    }
}
