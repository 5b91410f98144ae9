//! Flows over the whole console: what a person does, which commands leave, and what is on screen.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use egui::{Event, Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::contract::{
    BackEnd, Command, CommandInbox, DemoCommand, KeyCommand, LineCommand, Notice, NoticeBody, Snapshot, UiEnd,
};
use crate::model::config::Config;
use crate::model::id::{CommandId, RequestId};
use crate::model::outcome::ThrottleKind;
use crate::model::proposal::PoolPlan;
use crate::model::status::{Health, RestCause, RestView, VisitedView};
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

const KEY: &str = "sk-proj-Zq81xWcV55bNmKtR7yLp";

struct Screen {
    line: UiEnd,
    console: Option<Console>,
}

struct Stage {
    harness: Harness<'static, Screen>,
    back: BackEnd,
    inbox: CommandInbox,
}

impl Stage {
    fn open(snapshot: Snapshot) -> Self {
        let (line, back, inbox) = crate::contract::line(snapshot);
        let harness =
            Harness::builder().with_size(vec2(1280.0, 800.0)).with_context_setup(theme::install).build_ui_state(
                |ui, screen: &mut Screen| {
                    let console = screen.console.get_or_insert_with(|| Console::new(screen.line.clone(), ui.ctx()));
                    console.ui(ui);
                },
                Screen { line, console: None },
            );
        let mut stage = Self { harness, back, inbox };
        stage.settle();
        stage
    }

    fn on(page: Page, snapshot: Snapshot) -> Self {
        let mut stage = Self::open(snapshot);
        stage.harness.get_by_role_and_label(egui::Role::Button, page.name()).click();
        stage.settle();
        stage
    }

    /// A fixed number of frames: plots and toasts may keep asking for more.
    fn settle(&mut self) {
        self.harness.run_steps(4);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.settle();
    }

    fn console(&self) -> &Console {
        self.harness.state().console.as_ref().unwrap()
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(self.console().draft().working())
    }

    fn lanes(&self) -> Vec<Vec<String>> {
        let lane = |group: &crate::model::config::Group| {
            group.endpoints.iter().map(|member| member.endpoint.to_string()).collect()
        };
        self.config().routes[0].groups.iter().map(lane).collect()
    }

    fn sent(&mut self) -> Option<(CommandId, Command)> {
        let next = pin!(self.inbox.next());
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(command) => command,
            Poll::Pending => None,
        }
    }

    /// Everything a screen reader could say.
    fn spoken(&self) -> String {
        let mut text = String::new();
        for node in self.harness.root().children_recursive() {
            let node = node.accesskit_node();
            text.extend([node.label().unwrap_or_default(), node.value().unwrap_or_default(), "\n".to_owned()]);
        }
        text
    }
}

#[path = "lists_tests.rs"]
mod lists;
#[path = "routing/routing_tests.rs"]
mod routing;

/// The usual snapshot, with nothing stored beyond what is in memory.
fn unstored() -> Snapshot {
    Snapshot { history: crate::contract::HistoryView::default(), ..fixture::snapshot() }
}

#[test]
fn enter_and_enter_lead_from_launch_to_the_first_request_and_its_why() {
    let mut first = fixture::empty();
    first.profile.first_run = true;
    let mut stage = Stage::open(first);
    stage.press(Modifiers::NONE, Key::Enter);
    assert!(matches!(stage.sent(), Some((_, Command::Demo(DemoCommand::Enter)))));
    assert_eq!(stage.console().page(), Page::Connect);

    stage.back.publish(fixture::snapshot());
    stage.settle();
    stage.press(Modifiers::NONE, Key::Enter);
    let Some((id, Command::SendTest { model })) = stage.sent() else { panic!("no test request was sent") };
    assert_eq!(model.as_str(), "demo-chat");

    stage.back.tell(Notice { id: Some(id), body: NoticeBody::TestSent { request: RequestId(199), status: 200 } });
    stage.settle();
    assert_eq!(stage.console().page(), Page::Requests);
    assert!(stage.spoken().contains("Sent to sim-westus (second choice) because sim-ptu had 1,900 of 60,000 TPM free"));
    assert!(stage.spoken().contains("It would have stayed on sim-ptu with 3,180 more TPM, or max_tokens ≤ 820."));
}

#[test]
fn the_second_choice_of_the_welcome_leads_to_the_form_for_a_key() {
    let mut first = fixture::empty();
    first.profile.first_run = true;
    let mut stage = Stage::open(first);
    stage.press(Modifiers::NONE, Key::Tab);
    stage.press(Modifiers::NONE, Key::Enter);
    assert!(stage.sent().is_none(), "no demo was asked for");
    assert_eq!(stage.console().page(), Page::Accounts);
    assert!(stage.spoken().contains("Paste anything"));
}

#[test]
fn alt_down_moves_the_focused_card_and_alt_up_brings_it_back() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    let before = stage.lanes();
    stage.harness.get_by_label("sim-ptu, first choice, position 1 of 1").focus();
    stage.settle();
    stage.press(Modifiers::ALT, Key::ArrowDown);
    assert_eq!(stage.lanes(), [vec!["sim-ptu", "sim-eastus", "sim-westus"], vec!["sim-sweden"]]);
    assert_eq!(stage.console().draft().undo_label(), Some("move sim-ptu to second choice"));
    stage.press(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(stage.lanes(), before, "the card kept the focus and went back");
}

#[test]
fn a_card_lifted_with_space_is_carried_by_arrows_in_one_undo_step_and_put_back_by_escape() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    let before = stage.lanes();
    stage.harness.get_by_label("sim-ptu, first choice, position 1 of 1").focus();
    stage.settle();
    // Through the three places of the group below, one of its own, and into the last.
    let steps = [Key::ArrowDown; 5];
    for key in [Key::Space].into_iter().chain(steps).chain([Key::Enter]) {
        stage.press(Modifiers::NONE, key);
    }
    assert!(stage.harness.query_by_label("Lifted").is_none(), "Enter dropped it");
    assert_eq!(stage.lanes(), [vec!["sim-eastus", "sim-westus"], vec!["sim-ptu", "sim-sweden"]]);
    stage.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(stage.lanes(), before, "one step took all of it back");

    stage.harness.get_by_label("sim-ptu, first choice, position 1 of 1").focus();
    stage.settle();
    for key in [Key::Space, Key::ArrowDown, Key::Escape] {
        stage.press(Modifiers::NONE, key);
    }
    assert_eq!(stage.lanes(), before, "Esc put it back");
}

#[test]
fn dragging_a_card_onto_another_lane_moves_it_as_one_undo_step() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    let from = stage.harness.get_by_label_contains("sim-sweden, last resort").rect().center();
    let onto = stage.harness.get_by_label_contains("sim-ptu, first choice").rect();
    stage.harness.drag_at(from);
    stage.settle();
    stage.harness.hover_at(from - vec2(0.0, 40.0));
    stage.settle();
    let target = onto.center() + vec2(0.0, 12.0);
    stage.harness.hover_at(target);
    stage.settle();
    // Lanes moved down for the "new group" slots; aim at where the card is now.
    let target = stage.harness.get_by_label_contains("sim-ptu, first choice").rect().center() + vec2(0.0, 8.0);
    stage.harness.hover_at(target);
    stage.settle();
    stage.harness.drop_at(target);
    stage.settle();
    assert_eq!(stage.lanes(), [vec!["sim-ptu", "sim-sweden"], vec!["sim-eastus", "sim-westus"]]);
    assert_eq!(stage.console().draft().undo_label(), Some("move sim-sweden to first choice"));
}

#[test]
fn a_pasted_key_leaves_in_one_command_and_is_nowhere_on_screen() {
    let mut stage = Stage::on(Page::Accounts, fixture::snapshot());
    stage.harness.get_by_label("Add account").click();
    stage.settle();
    stage.harness.get_by_role_and_label(egui::Role::PasswordInput, "Paste anything").focus();
    stage.settle();
    stage.harness.event(Event::Paste(format!("OPENAI_API_KEY={KEY}")));
    stage.settle();
    assert!(stage.spoken().contains("A key was pasted and is taken up with the account."));
    stage.harness.get_by_role_and_label(egui::Role::TextInput, "Model that clients ask for").focus();
    stage.settle();
    stage.harness.event(Event::Text("gpt-4o".to_owned()));
    stage.settle();
    stage.harness.get_by_role_and_label(egui::Role::Button, "Add account").click_accesskit();
    stage.settle();
    let Some((_, Command::Key(KeyCommand::Set(account, secret)))) = stage.sent() else { panic!("no key was sent") };
    assert_eq!((account.as_str(), secret.expose()), ("openai", KEY));
    assert!(stage.spoken().contains("The key may still be on your clipboard"), "an offer to empty it");
    assert!(stage.spoken().contains("Not applied yet: apply it, and it is tested and used"));
    assert!(stage.config().route(&"gpt-4o".into()).is_some(), "the route was ticked by default");
    assert!(!stage.spoken().contains("Zq81xWcV55"));
    assert!(!format!("{:?}", stage.config()).contains("Zq81xWcV55"));
}

#[test]
fn a_key_pasted_into_the_filter_is_refused_and_never_shown() {
    let mut stage = Stage::on(Page::Requests, unstored());
    stage.harness.get_by_role_and_label(egui::Role::TextInput, "Filter").focus();
    stage.settle();
    stage.harness.event(Event::Paste(KEY.to_owned()));
    stage.settle();
    assert!(stage.spoken().contains("That looks like a key."));
    assert!(!stage.spoken().contains("Zq81xWcV55"));
    assert!(stage.spoken().contains("40 kept of 200"), "the filter stayed empty");
}

#[test]
fn the_filter_narrows_the_rows_and_says_how_many_are_left() {
    let mut stage = Stage::on(Page::Requests, fixture::snapshot());
    stage.harness.get_by_role_and_label(egui::Role::TextInput, "Filter").focus();
    stage.settle();
    stage.harness.event(Event::Text("status>=400 -endpoint:eastus".to_owned()));
    stage.settle();
    let refused = fixture::snapshot().records.iter().filter(|record| record.status == 429).count();
    assert!(stage.spoken().contains(&format!("{refused} of 40")), "{}", stage.spoken());
    assert!(!stage.spoken().contains("demo-chat to sim-ptu, First choice"));
}

#[test]
fn those_who_wait_are_listed_and_can_be_put_first_or_cancelled() {
    let mut stage = Stage::on(Page::Overview, fixture::snapshot());
    let spoken = stage.spoken();
    for words in ["Waiting", "interactive", "9,000 tokens", "goes in 0:06"] {
        assert!(spoken.contains(words), "{words}");
    }
    stage.harness.get_all_by_label("Next").next().unwrap().click();
    stage.settle();
    let Some((_, Command::Line(LineCommand::Promote(second)))) = stage.sent() else { panic!("nothing was put first") };
    stage.harness.get_all_by_label("Cancel").next().unwrap().click();
    stage.settle();
    let Some((_, Command::Line(LineCommand::Cancel(first)))) = stage.sent() else { panic!("nothing was cancelled") };
    let list = &fixture::snapshot().view.queue.list;
    assert_eq!((first, second), (list[0].request, list[1].request));
}

#[test]
fn j_selects_the_newest_row_and_w_opens_its_why() {
    let mut stage = Stage::on(Page::Requests, fixture::snapshot());
    stage.press(Modifiers::NONE, Key::J);
    stage.press(Modifiers::NONE, Key::W);
    assert!(stage.spoken().contains("Sent to sim-westus (second choice)"));
    stage.press(Modifiers::NONE, Key::K);
    assert!(stage.spoken().contains("Sent to sim-ptu: first choice"));
}

#[test]
fn even_shares_land_in_the_draft_as_one_named_step() {
    let mut stage = Stage::on(Page::Quotas, fixture::snapshot());
    stage.harness.get_by_label("Even").click();
    stage.settle();
    let config = stage.config();
    let share = |id: &str| config.endpoint(&id.into()).and_then(|endpoint| endpoint.tokens_per_minute);
    assert_eq!((share("sim-eastus"), share("sim-westus")), (Some(150_000), Some(150_000)));
    assert_eq!(stage.console().draft().undo_label(), Some("share sim-b/eastus/demo evenly"));
}

#[test]
fn keeping_cached_prompts_together_is_one_named_step() {
    let mut stage = Stage::on(Page::Routing, fixture::snapshot());
    stage.harness.get_by_label("keep cached prompts together").click();
    stage.settle();
    let kept: Vec<bool> = stage.config().routes[0].groups.iter().map(|group| group.cache_affinity).collect();
    assert_eq!(kept, [false, true, false], "offered where there is a choice to make");
    assert_eq!(stage.console().draft().undo_label(), Some("keep prompts of demo-chat where they may be cached"));
}

#[test]
fn an_account_says_how_much_of_what_requests_refer_to_it_holds() {
    let stage = Stage::on(Page::Accounts, fixture::snapshot());
    stage.harness.get_by_label("Holds 1,204 stored items that requests refer to");
}

#[test]
fn an_account_that_is_left_alone_for_what_it_keeps_says_so() {
    let mut snapshot = fixture::snapshot();
    let until = snapshot.at.after(Duration::from_secs(20));
    let health = Health::Resting { until, cause: RestCause::Throttled(ThrottleKind::Requests) };
    Arc::make_mut(&mut snapshot.view).visited = vec![VisitedView { account: "sim-a".into(), health }];
    Stage::on(Page::Accounts, snapshot).harness.get_by_label("Files and stored items: Throttled 0:20");
}

#[test]
fn an_endpoint_names_every_reason_that_it_rests_for() {
    let mut snapshot = fixture::snapshot();
    let until = |seconds| snapshot.at.after(Duration::from_secs(seconds));
    let health = Health::Resting { until: until(40), cause: RestCause::Throttled(ThrottleKind::SharedCapacity) };
    let also_resting = vec![
        RestView { until: until(20), cause: RestCause::Throttled(ThrottleKind::Pool) },
        RestView { until: until(30), cause: RestCause::KeyRejected },
    ];
    let endpoint = &mut Arc::make_mut(&mut snapshot.view).endpoints[3];
    (endpoint.health, endpoint.also_resting) = (health, also_resting);
    let id = endpoint.id.to_string();
    let mut stage = Stage::on(Page::Endpoints, snapshot);
    for label in [id.as_str(), "Health"] {
        stage.harness.get_all_by_label(label).next().expect("it is there").click();
        stage.settle();
    }
    for words in [
        "The 429 was about: no capacity at the service.",
        "It also rests for another reason: Pool throttled 0:20. The 429 was about: shared tokens per minute.",
        "It also rests for another reason: Key rejected.",
    ] {
        stage.harness.get_by_label(words);
    }
}

#[test]
fn a_pool_is_split_by_demand_into_the_draft_and_its_commands_are_copied() {
    let mut stage = Stage::on(Page::Quotas, fixture::snapshot());
    stage.harness.get_by_label("Split…").click();
    stage.settle();
    stage.harness.get_by_label("by demand now").click();
    stage.settle();
    assert!(stage.spoken().contains("210,000"), "{}", stage.spoken());
    stage.harness.get_by_label("Copy Azure CLI commands").click();
    stage.harness.step();
    let copied = stage.harness.output().platform_output.commands.iter().any(
        |command| matches!(command, egui::OutputCommand::CopyText(text) if text.starts_with("az cognitiveservices")),
    );
    assert!(copied, "nothing was copied");
    stage.harness.get_by_label("Apply to local limits").click();
    stage.settle();
    let config = stage.config();
    let share = |id: &str| config.endpoint(&id.into()).and_then(|endpoint| endpoint.tokens_per_minute);
    assert_eq!((share("sim-eastus"), share("sim-westus")), (Some(210_000), Some(90_000)));
    let label = stage.console().draft().undo_label();
    assert_eq!(label, Some("split sim-b/eastus/demo by demand now"));
    assert!(stage.harness.query_by_label("Close").is_none(), "the panel is done with");
}

#[test]
fn a_pool_whose_total_is_changed_is_split_only_after_that_is_applied() {
    let mut snapshot = fixture::snapshot();
    snapshot.plans = Arc::new(snapshot.plans.iter().map(|plan| PoolPlan { total: 240_000, ..plan.clone() }).collect());
    let mut stage = Stage::on(Page::Quotas, snapshot);
    stage.harness.get_by_label("Split…").click();
    stage.settle();
    assert!(stage.spoken().contains("Apply that first, then split."));
    assert!(stage.harness.query_by_label("Apply to local limits").is_none());
}

#[test]
fn every_control_of_these_pages_has_a_name() {
    for page in [Page::Routing, Page::Quotas, Page::Requests, Page::Queue, Page::Accounts, Page::Connect] {
        let mut stage = Stage::on(page, fixture::snapshot());
        if page == Page::Accounts {
            stage.harness.get_by_label("Add account").click();
            stage.settle();
        }
        if page == Page::Quotas {
            stage.harness.get_by_label("Split…").click();
            stage.settle();
        }
        for node in stage.harness.root().children_recursive() {
            let node = node.accesskit_node();
            let named = [node.label(), node.value()].into_iter().flatten().any(|text| !text.trim().is_empty());
            let control = matches!(
                node.role(),
                egui::Role::Button
                    | egui::Role::TextInput
                    | egui::Role::ComboBox
                    | egui::Role::CheckBox
                    | egui::Role::Link
            );
            assert!(named || !control, "{page:?} has a {:?} without a name at {:?}", node.role(), node.bounding_box());
        }
    }
}

#[test]
fn an_environment_variable_can_stand_in_for_a_key() {
    let mut first = fixture::empty();
    first.profile.environment_keys = vec!["OPENAI_API_KEY".to_owned()];
    let mut stage = Stage::on(Page::Accounts, first);
    stage.harness.get_by_label("Use $OPENAI_API_KEY").click_accesskit();
    stage.settle();
    for (field, text) in [("Account name", "main"), ("Model that clients ask for", "gpt-4o")] {
        stage.harness.get_by_role_and_label(egui::Role::TextInput, field).focus();
        stage.settle();
        stage.harness.event(Event::Text(text.to_owned()));
        stage.settle();
    }
    stage.harness.get_by_role_and_label(egui::Role::Button, "Add account").click_accesskit();
    stage.settle();
    let credential = stage.config().accounts[0].credential.clone();
    assert_eq!(credential, crate::model::config::Credential::Env("OPENAI_API_KEY".to_owned()));
    assert!(stage.sent().is_none(), "no key was there to be sent");
}

#[test]
fn when_a_group_is_left_can_be_set_and_is_seen_on_its_lane() {
    let mut snapshot = fixture::snapshot();
    let mut view = crate::model::status::BalancerView::clone(&snapshot.view);
    let held = crate::model::status::Withheld { since: snapshot.at, until: snapshot.at, below_percent: 70 };
    view.routes[0].groups[0].withheld = Some(held);
    snapshot.view = view.into();
    let mut stage = Stage::on(Page::Routing, snapshot);
    assert!(stage.spoken().contains("withheld: 40 % taken, used below 70 %"));
    stage.harness.get_by_label("First choice: leave at").focus();
    stage.settle();
    stage.press(Modifiers::NONE, Key::ArrowDown);
    stage.press(Modifiers::NONE, Key::Enter);
    let left = stage.config().routes[0].groups[0].spill_percent;
    assert!(left.is_some_and(|percent| percent < 100), "{left:?}");
    let lowest = stage.harness.query_by_label("Last resort: leave at");
    assert!(lowest.is_none(), "there is nowhere to go on to");
}

#[test]
fn an_account_added_without_a_key_offers_to_add_one_and_promises_no_test() {
    let mut stage = Stage::on(Page::Accounts, fixture::empty());
    for (field, text) in [("Account name", "main"), ("Model that clients ask for", "gpt-4o")] {
        stage.harness.get_by_role_and_label(egui::Role::TextInput, field).focus();
        stage.settle();
        stage.harness.event(Event::Text(text.to_owned()));
        stage.settle();
    }
    stage.harness.get_by_role_and_label(egui::Role::Button, "Add account").click_accesskit();
    stage.settle();
    assert!(stage.spoken().contains("Not applied yet, so not used and not tested"));
    stage.harness.get_by_label("Add key").click_accesskit();
    stage.settle();
    assert!(stage.harness.query_by_role_and_label(egui::Role::PasswordInput, "Key of main").is_some());
}

#[test]
fn what_i_have_opens_the_form_with_the_service_and_the_variable_and_of_several_one_is_chosen() {
    let with = |variables: &[&str]| {
        let mut first = fixture::empty();
        first.profile.first_run = true;
        first.profile.environment_keys = variables.iter().map(ToString::to_string).collect();
        Stage::open(first)
    };
    let mut stage = with(&["AZURE_OPENAI_API_KEY"]);
    stage.harness.get_by_label("Use what I have").click();
    stage.settle();
    assert_eq!(stage.console().page(), Page::Accounts);
    assert!(stage.spoken().contains("The key is read from $AZURE_OPENAI_API_KEY whenever Tidegate starts."));
    assert!(stage.harness.query_by_label("Deployment").is_some(), "Azure's own field");

    let mut stage = with(&["AZURE_OPENAI_API_KEY", "OPENAI_API_KEY"]);
    stage.harness.get_by_label("Use what I have: $OPENAI_API_KEY").click();
    stage.settle();
    assert!(stage.spoken().contains("The key is read from $OPENAI_API_KEY whenever Tidegate starts."));
    assert!(stage.harness.query_by_label("Deployment").is_none());
}
