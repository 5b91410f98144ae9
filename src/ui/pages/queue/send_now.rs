//! Sending one who waits at once, by hand: where it could go, and what that would mean there.
//!
//! Invariant: every endpoint of the request's route is named, in order of trial; one that cannot be chosen says why.
//! Absent on purpose: judging. The brain has the last word, and a notice says so where it is no.

use egui::{Button, RichText, Ui};

use crate::contract::{Command, LineCommand};
use crate::model::status::{BalancerView, EndpointView, WaitingView};
use crate::model::units::{Grouped, Timestamp};
use crate::ui::cx::PageCx;
use crate::ui::status;

/// One line of the menu.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// What it would be like there.
    words: String,
    /// Whether it can be chosen.
    open: bool,
    /// Whether the service may refuse it.
    risky: bool,
}

/// The endpoints of a waiting request's route, in a menu.
pub(super) fn menu(ui: &mut Ui, cx: &mut PageCx, one: &WaitingView, view: &BalancerView) {
    ui.label(RichText::new("Send now to").color(cx.theme.text_soft));
    let route = view.routes.iter().find(|route| route.model == one.route);
    let members = route.into_iter().flat_map(|route| &route.groups).flat_map(|group| &group.endpoints);
    for endpoint in members.filter_map(|id| view.endpoint(id)) {
        let offer = offer(endpoint, one.charge, view.at);
        let button = ui.add_enabled(offer.open, Button::new(format!("{}: {}", endpoint.id, offer.words)));
        let button = if offer.risky {
            button.on_hover_text(format!(
                "Sent beyond what we think is free. If the service answers 429, {} rests for a while and the request waits \
                 on.",
                endpoint.id
            ))
        } else {
            button
        };
        if button.clicked() {
            cx.send(Command::Line(LineCommand::SendNow(one.request, endpoint.id.clone())));
            ui.close();
        }
    }
}

/// What sending `charge` tokens there now would be like.
pub(super) fn offer(endpoint: &EndpointView, charge: u64, now: Timestamp) -> Offer {
    if !endpoint.serving() {
        return Offer { words: status::of_view(endpoint, now).word, open: false, risky: false };
    }
    let short = endpoint.tokens.headroom().map_or(0, |free| charge.saturating_sub(free));
    let words = match (short, endpoint.requests.headroom()) {
        (0, Some(0)) => "no request free this minute".to_owned(),
        (0, _) if endpoint.tokens.limit.is_none() => "limit unknown".to_owned(),
        (0, _) => "has room".to_owned(),
        (short, _) => format!("{} TPM short", Grouped(short)),
    };
    let risky = short > 0 || endpoint.requests.headroom() == Some(0);
    Offer { words, open: true, risky }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::AdminState;
    use crate::ui::fixture;

    #[test]
    fn every_endpoint_says_what_sending_there_would_mean() {
        let view = (*fixture::snapshot().view).clone();
        let mut endpoint = view.endpoints[2].clone();
        let free = endpoint.tokens.headroom().expect("its limit is known");
        let said = |endpoint: &EndpointView, charge| {
            let offer = offer(endpoint, charge, view.at);
            (offer.words, offer.open, offer.risky)
        };
        assert_eq!(said(&endpoint, free), ("has room".to_owned(), true, false));
        assert_eq!(said(&endpoint, free + 3_180), ("3,180 TPM short".to_owned(), true, true));
        endpoint.requests.limit = Some(0);
        assert_eq!(said(&endpoint, 1), ("no request free this minute".to_owned(), true, true));
        endpoint.admin_state = AdminState::Draining;
        assert_eq!(said(&endpoint, 1), ("Draining".to_owned(), false, false));
    }
}
