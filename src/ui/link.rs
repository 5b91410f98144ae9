//! Deep links: `tidegate://requests/r-00002a` and the like, to copy, paste into the palette, or give on the command line.
//!
//! Invariant: a link that was written reads back as the place it was written for; a link holds names, never a key.
//! Absent on purpose: whether the place exists; the page says so.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::cx::{Page, Target};
use super::key_shape::KeyShape;
use super::settings;
use super::trail::Place;
use super::usage_view;
use crate::model::id::RequestId;

const SCHEME: &str = "tidegate://";
/// After an endpoint's name: its fields.
const FIELDS: &str = "tab=config";
/// After a request's id: its headers.
const HEADERS: &str = "tab=headers";
/// What would end a link or change how it reads. Slashes stay: names of pools have them.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'"').add(b'<').add(b'>').add(b'`');

/// The link to a place.
#[must_use]
pub fn write(place: &Place) -> String {
    let page = place.page.name().to_lowercase();
    let name = |name: &str| format!("{SCHEME}{page}/{}", utf8_percent_encode(name, ESCAPED));
    let query = |key: &str, value: &str| format!("{SCHEME}{page}?{key}={}", utf8_percent_encode(value, ESCAPED));
    match &place.target {
        None | Some(Target::Top(_)) => format!("{SCHEME}{page}"),
        Some(Target::Endpoint(id)) => name(id.as_str()),
        Some(Target::Config(id)) => format!("{}?{FIELDS}", name(id.as_str())),
        Some(Target::Request(id)) => name(&id.to_string()),
        Some(Target::Headers(id)) => format!("{}?{HEADERS}", name(&id.to_string())),
        Some(Target::Account(id)) => name(id.as_str()),
        Some(Target::Route(model)) => name(model.as_str()),
        Some(Target::Pool(id)) => name(id.as_str()),
        Some(Target::Setting(slug)) => name(slug),
        Some(Target::Usage(by, range)) => name(&usage_view::slug(*by, *range)),
        Some(Target::RequestsOf(id)) => query("filter", &format!("endpoint:{id}")),
        Some(Target::RequestsWhere(filter)) => query("filter", filter),
    }
}

/// The place a link leads to; `None`: it is no link of ours, or holds what looks like a key.
#[must_use]
pub fn read(text: &str) -> Option<Place> {
    let rest = text.trim().strip_prefix(SCHEME)?;
    if KeyShape::within(rest).is_some() {
        return None;
    }
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let (page, name) = path.split_once('/').unwrap_or((path, ""));
    let page = Page::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(page))?;
    let name = percent_decode_str(name.trim_end_matches('/')).decode_utf8().ok()?;
    if let Some(filter) = query.and_then(|query| query.strip_prefix("filter=")).filter(|_| page == Page::Requests) {
        let filter = percent_decode_str(filter).decode_utf8().ok()?.into_owned();
        return Some(Place { page, target: Some(Target::RequestsWhere(filter.into())) });
    }
    if name.is_empty() {
        return Some(Place { page, target: None });
    }
    let target = match page {
        Page::Endpoints if query == Some(FIELDS) => Target::Config((*name).into()),
        Page::Endpoints => Target::Endpoint((*name).into()),
        Page::Requests if query == Some(HEADERS) => Target::Headers(request(&name)?),
        Page::Requests => Target::Request(request(&name)?),
        Page::Accounts => Target::Account((*name).into()),
        Page::Routing => Target::Route((*name).into()),
        Page::Settings => Target::Setting(settings::named(&name)?.slug),
        Page::Quotas => Target::Pool((*name).into()),
        Page::Usage => usage_view::named(&name).map(|(by, range)| Target::Usage(by, range))?,
        _ => return None,
    };
    Some(Place { page, target: Some(target) })
}

/// A request's id as it is shown, `r-00002a`.
#[must_use]
pub fn request(text: &str) -> Option<RequestId> {
    u64::from_str_radix(text.strip_prefix("r-")?, 16).ok().map(RequestId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_reads_back_as_its_place() {
        let places = Page::ALL.map(|page| Place { page, target: None }).into_iter().chain(
            [
                Target::Endpoint("sim-eastus".into()),
                Target::Config("sim-eastus".into()),
                Target::Endpoint("mit Abstand & 100 %?#".into()),
                Target::Request(RequestId(42)),
                Target::Headers(RequestId(42)),
                Target::Account("azure-eastus".into()),
                Target::Route("*".into()),
                Target::Setting("text"),
                Target::Usage(usage_view::By::Caller, usage_view::Range::Today),
                Target::Usage(usage_view::By::Day, usage_view::Range::Month),
                Target::Pool("sim-b/eastus/demo".into()),
                Target::RequestsWhere("status>=400 client:aider".into()),
            ]
            .map(|target| Place { page: target.page(), target: Some(target) }),
        );
        for place in places {
            assert_eq!(read(&write(&place)).as_ref(), Some(&place), "{}", write(&place));
        }
    }

    #[test]
    fn links_look_as_papers_say() {
        let place = |target: Target| Place { page: target.page(), target: Some(target) };
        assert_eq!(write(&place(Target::Request(RequestId(42)))), "tidegate://requests/r-00002a");
        assert_eq!(write(&place(Target::RequestsOf("a".into()))), "tidegate://requests?filter=endpoint:a");
    }

    #[test]
    fn what_is_no_place_of_ours_is_no_link() {
        for text in
            ["", "https://example.com", "tidegate://nowhere", "tidegate://requests/forty", "tidegate://connect/x"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_link_with_a_key_in_it_leads_nowhere() {
        assert_eq!(read("tidegate://endpoints/sk-proj-Zq81xWcV55bNmKtR7yLp"), None);
    }
}
