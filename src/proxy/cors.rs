//! Web pages that the person allows by their origin, and what their browsers are told. Nobody else is told anything.
//!
//! Invariant: leave is given to exactly the origin that asks and is listed; never to all, and never to send cookies.
//! Absent on purpose: a way to reach a private network from a public page; a browser asks its person about that.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::answer::Answer;

const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
/// What a page may read of an answer besides its body.
const EXPOSED: &str =
    "retry-after, x-request-id, x-tidegate-endpoint, x-tidegate-group, x-tidegate-attempts, x-tidegate-decision";

/// Whether a page stands behind the request at all.
pub(super) fn names_page(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN)
}

/// The origin of the page that asks, if it is one of those allowed.
pub(super) fn page<'a>(headers: &'a HeaderMap, allowed: &[String]) -> Option<&'a HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then_some(origin)
}

/// Whether a browser asks for leave before it sends a page's request.
pub(super) fn asks_leave(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Leave to send the request, with the headers that it is about to have.
pub(super) fn leave(asked: &HeaderMap) -> Response<Answer> {
    let mut answer = Response::new(Answer::Whole(Some(Bytes::new())));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE, PUT, PATCH"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    answer
}

/// An answer that this page may read. What an endpoint says of pages is taken out: it meant its own.
pub(super) fn told(mut answer: Response<Answer>, page: HeaderValue) -> Response<Answer> {
    let headers = answer.headers_mut();
    for theirs in [ACCESS_CONTROL_ALLOW_CREDENTIALS, ALLOW_PRIVATE_NETWORK] {
        headers.remove(theirs);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.append(VARY, HeaderValue::from_static("origin"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leave_is_given_to_the_page_that_asks_and_to_no_other() {
        let allowed = ["https://app.example".to_owned()];
        let from = |origin: &'static str| HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
        assert!(page(&from("https://app.example"), &allowed).is_some());
        assert!(
            page(&from("https://other.example"), &allowed).is_none() && page(&HeaderMap::new(), &allowed).is_none()
        );
        let mut two = from("https://app.example");
        two.append(ORIGIN, HeaderValue::from_static("https://other.example"));
        assert!(page(&two, &allowed).is_none());
        let answer = told(leave(&HeaderMap::new()), HeaderValue::from_static("https://app.example"));
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
        assert_eq!(answer.headers()[VARY], "origin");
    }
}
