//! Why a pool is throttled although less than its limit is used: what is reserved for answers that never become so long.
//!
//! Invariant: worked out only while it is looked at, from finished requests alone.
//! Absent on purpose: changing what clients ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::Ui;

use crate::contract::snapshot::RecordsView;
use crate::model::id::EndpointId;
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::theme::strong;

/// Requests looked at, newest first.
const LOOKED_AT: usize = 2_000;

/// What finished requests of some endpoints say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    requests: u64,
    reserved: u64,
    used: u64,
    cause: Option<Cause>,
}

/// The client that reserves the most in vain.
#[derive(Debug, PartialEq, Eq)]
struct Cause {
    client: Arc<str>,
    asked: u64,
    used: u64,
    share: u64,
}

#[derive(Default)]
struct Client {
    requests: u64,
    asked: u64,
    output: u64,
    vain: u64,
}

/// A button that opens the explanation.
pub(super) fn show(ui: &mut Ui, cx: &PageCx, members: &[EndpointId]) {
    ui.menu_button("Why am I throttled under my limit?", |ui| {
        ui.set_max_width(420.0);
        let color = cx.theme.text;
        let found = reserved(&cx.snapshot.records, members);
        for paragraph in [
            "Services count tokens when a request is let in: its prompt plus max_tokens, for 60 s, whatever the answer comes to.",
            "They check requests in slices of 1 s or 10 s: 600 RPM is about 10 in a second, and a burst of more is refused.",
        ] {
            ui.label(egui::RichText::new(paragraph).color(color));
        }
        ui.label(strong(ratio(&found)).color(color));
        if let Some(cause) = &found.cause {
            ui.label(egui::RichText::new(sentence(cause)).color(color));
        }
    });
}

fn ratio(found: &Findings) -> String {
    let Some(percent) = (found.reserved * 100).checked_div(found.used) else {
        return "No finished request of this pool says how much it used yet.".to_owned();
    };
    format!(
        "Here {} requests reserved {}.{:02} tokens for each one used.",
        Grouped(found.requests),
        Grouped(percent / 100),
        percent % 100
    )
}

fn sentence(cause: &Cause) -> String {
    format!(
        "Biggest cause: client {} asks for max_tokens {} and uses {} ({} % of what is reserved in vain). Lower it there.",
        cause.client,
        Grouped(cause.asked),
        Grouped(cause.used),
        cause.share
    )
}

fn reserved(records: &RecordsView, members: &[EndpointId]) -> Findings {
    let mut found = Findings::default();
    let mut clients: BTreeMap<Arc<str>, Client> = BTreeMap::new();
    for record in records.iter().rev().take(LOOKED_AT) {
        let (Some(usage), Some(decision)) = (record.usage, record.decisions.last()) else { continue };
        if !record.endpoint().is_some_and(|id| members.contains(id)) {
            continue;
        }
        found.requests += 1;
        found.reserved = found.reserved.saturating_add(decision.estimate.charge);
        found.used = found.used.saturating_add(usage.total());
        let client = clients.entry(Arc::clone(&record.profile.client)).or_default();
        if let Some(cap) = record.profile.size.output_cap {
            client.requests += 1;
            client.asked = client.asked.saturating_add(cap);
            client.output = client.output.saturating_add(usage.output);
            client.vain = client.vain.saturating_add(cap.saturating_sub(usage.output));
        }
    }
    let vain: u64 = clients.values().map(|client| client.vain).fold(0, u64::saturating_add);
    found.cause = clients.into_iter().max_by_key(|(_, client)| client.vain).and_then(|(name, client)| {
        Some(Cause {
            client: name,
            asked: client.asked.checked_div(client.requests)?,
            used: client.output / client.requests,
            share: client.vain.saturating_mul(100).checked_div(vain)?,
        })
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn what_is_reserved_in_vain_is_said_with_the_client_that_asks_for_most_of_it() {
        let records = fixture::snapshot().records;
        let found = reserved(&records, &["sim-westus".into()]);
        assert_eq!((found.reserved, found.used), (5_080 * found.requests, 2_284 * found.requests));
        assert_eq!(ratio(&found), format!("Here {} requests reserved 2.22 tokens for each one used.", found.requests));
        let cause = found.cause.unwrap();
        let words = "client aider asks for max_tokens 4,000 and uses 1,204 (100 % of what is reserved in vain)";
        assert!(sentence(&cause).contains(words), "{}", sentence(&cause));
        let nothing = reserved(&records, &["nobody".into()]);
        assert!(ratio(&nothing).starts_with("No finished request"));
    }
}
