//! What the words mean: each in two or three plain sentences. Help, the palette and headings read it.
//!
//! Invariant: a word stands here once, under the name it has on screen; a heading that names it says the same on hover.
//! Absent on purpose: how things are computed; that is in the papers, and *Why* has each decision's own numbers.

/// A word and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// As on screen.
    pub name: &'static str,
    /// What else it is called, in lower case, parted by spaces.
    pub also: &'static str,
    /// Two or three sentences.
    pub says: &'static str,
    /// Headings and captions that are explained by it, besides its name.
    pub headings: &'static [&'static str],
}

const fn word(name: &'static str, also: &'static str, says: &'static str, headings: &'static [&'static str]) -> Word {
    Word { name, also, says, headings }
}

/// Every word, those that the others are made of first.
pub const ALL: &[Word] = &[
    word(
        "Account",
        "provider key credential resource organization project subscription",
        "An address and the key for it: an Azure resource, or a project at OpenAI. Several endpoints can use one account. Its key is \
         kept by the system's keyring and never shown again.",
        &["Accounts"],
    ),
    word(
        "Endpoint",
        "deployment backend upstream target node server channel model",
        "What a request can be sent to: one deployment or model of an account. Each has limits of its own, and is paused, drained \
         and watched by itself.",
        &["Endpoints"],
    ),
    word(
        "Route",
        "alias model name mapping",
        "A model name that your tools ask for, and the endpoints that answer it. They stand in priority groups, which are tried from \
         the first to the last.",
        &["Route → endpoint", "Routes"],
    ),
    word(
        "Priority group",
        "tier level rank first choice second choice last resort fallback failover",
        "Endpoints of equal rank within a route: first choice, second choice, and so on to the last resort. A lower group is used \
         only while the one above has no room or cannot answer.",
        &["Group"],
    ),
    word(
        "Spill",
        "spillover overflow fallthrough fall through next group lower",
        "A request goes to a lower priority group since the one above has no room for it, though nothing failed. Once the group \
         above has room again, and has had it for a while, requests return there.",
        &[],
    ),
    word(
        "Quota pool",
        "shared quota capacity subscription region group limit",
        "A total that several endpoints draw from, such as all deployments of one model in one region of a subscription. What one of \
         them uses, the others lack, even if each has room by itself.",
        &["Pool", "Quota pools"],
    ),
    word(
        "Provider limit",
        "rate limit quota ceiling service enforced stated",
        "What the service itself enforces: above it, it answers 429. Tidegate reads it from the service's answers, or takes what you \
         typed. Changing the number here changes nothing at the service.",
        &["Provider"],
    ),
    word(
        "Allotted",
        "allotment share allocation capacity deployment",
        "What one deployment was given of its quota pool. All allotments of a pool together are at most its total; what is left \
         is spare.",
        &["allotted TPM"],
    ),
    word(
        "Soft cap",
        "own limit ceiling threshold budget",
        "A lower limit of your own: Tidegate sends an endpoint no more than this, though the service would allow it. The smallest \
         of provider limit, allotment and soft cap holds.",
        &[],
    ),
    word(
        "Reserved",
        "estimate reservation held booked admission",
        "Tokens that a request is expected to be charged, put aside when it is sent and settled once the service says what it used. \
         Until then they count as taken, so that a minute is never promised twice.",
        &["Est. tokens", "Tokens in / out (reserved)"],
    ),
    word(
        "Used",
        "charged consumed spent tokens",
        "Tokens charged in the last 60 seconds. What counts is what the service subtracts from its limit, often the prompt and all \
         that the answer was allowed, so it can be more than the answer had.",
        &["Charged", "used now"],
    ),
    word(
        "Usable",
        "available effective capacity sum counts",
        "The limits, added up, of the endpoints that can answer now. One that rests, is paused or drains counts as nothing \
         meanwhile, and one whose limit was learned to be lower counts with that.",
        &[],
    ),
    word(
        "Pinned",
        "pin keep typed fixed lock locked",
        "A limit that stays what you typed: neither what the service reports nor its refusals change it. Without a pin the lower \
         of the two holds.",
        &[],
    ),
    word(
        "Headroom",
        "free room left remaining available capacity",
        "What is free now: the limit less what was used in the last minute, less what is reserved. A request is sent only where its \
         estimate fits.",
        &["Headroom, TPM"],
    ),
    word(
        "Estimate",
        "needs forecast calibrated calibration prompt max_tokens",
        "What a request will probably be charged: its prompt and the answer it allows (max_tokens). Each endpoint corrects it by what \
         its service charged for earlier requests, so that one request can need different amounts at different endpoints.",
        &["Needs / has"],
    ),
    word(
        "TPM",
        "tokens per minute throughput",
        "Tokens per minute: the sum over the last 60 seconds, at every moment anew. Services count in minutes of their own, so \
         a 429 can come a little below a limit.",
        &["Tokens per minute", "Charged / usable TPM"],
    ),
    word(
        "RPM",
        "requests per minute rate",
        "Requests per minute: how many were sent in the last 60 seconds. Many services also look at 1 or 10 seconds, where 600 a \
         minute are about 10 a second.",
        &["Requests per minute", "Requests/min"],
    ),
    word(
        "TTFT",
        "time to first token latency first token delay",
        "Time to first token: from the moment a request is sent until its answer begins. p95 means that 95 of 100 requests were as \
         quick as this or quicker.",
        &["First token", "First token, p95", "p95 TTFT"],
    ),
    word(
        "429",
        "rate limited throttle too many requests",
        "The answer for “too many requests”. Where it comes from the service it is counted as the provider's; where \
         Tidegate had to refuse because nothing had room in time, as ours.",
        &["429 %", "429s, last min"],
    ),
    word(
        "Throttled by provider",
        "rate limited 429 retry-after",
        "The service answered 429 or asked to wait. Nothing is sent there until the time it named is over; other endpoints take the \
         requests meanwhile.",
        &[],
    ),
    word(
        "Held by us",
        "queue waiting line queued held back",
        "A request waits here, not at the service: every endpoint of its route is full or resting, or your own cap holds it back. It \
         goes on as soon as one has room, or is refused when its time is over.",
        &["Waited", "Waited / given up in"],
    ),
    word(
        "Cooldown",
        "cooling cool down rest retry-after countdown wait back off backoff",
        "The time until which a service asked us to send nothing. It is counted down beside the endpoint, and no request goes there \
         before it is over.",
        &[],
    ),
    word(
        "Resting",
        "ejected ejection circuit breaker unhealthy probe ramp",
        "An endpoint that failed or was throttled gets no requests for a while. Then one single request tries it (the probe), and if \
         that goes well its share grows over a few seconds (the ramp).",
        &["We see"],
    ),
    word(
        "Enabled, draining, paused",
        "admin state disable enable off maintenance you set drained drain",
        "What you set, whatever is observed. An enabled endpoint is used, a draining one finishes what it runs and gets nothing new, \
         until it is drained; a paused one gets nothing until you resume it.",
        &["You set"],
    ),
    word(
        "Draft",
        "unapplied pending changes edit staged",
        "Changes that you made and that do not run yet. They wait in the bar at the foot, where they can be reviewed, applied or \
         discarded; closing the window loses none of them.",
        &[],
    ),
    word(
        "Applied, revision",
        "rev version history rollback saved running",
        "What runs now. Each time a draft is applied it gets the next number (rev 15), and every earlier one can be loaded again \
         as a draft. Requests under way finish as they began.",
        &["Revisions"],
    ),
    word(
        "Live tuning",
        "live session countdown revert try",
        "Edits run as soon as you stop for a moment, and go back by themselves unless you keep them. It is for finding a limit under \
         real load without risk.",
        &[],
    ),
    word(
        "Caller and client",
        "token user app tenant tool identity",
        "A client is the program that asks, as it names itself. A caller is one that has a token of ours, and with it a priority and \
         limits of its own.",
        &["Caller", "Client"],
    ),
    word(
        "Priority",
        "interactive normal bulk qos importance class",
        "How important a request is: interactive before normal before bulk. It decides who goes first when there is not enough room \
         for all; it does not choose the endpoint.",
        &[],
    ),
    word(
        "Attempt",
        "try retry failover spill sending",
        "One sending of a request. If it fails before the answer began, Tidegate tries elsewhere (failover) or once more (retry); \
         your tool notices only the time it took.",
        &["Tries", "Attempts"],
    ),
    word(
        "Cut off",
        "broken stream incomplete interrupted",
        "An answer that had begun and ended before its end. It counts as a failure of the endpoint; what was sent already cannot be \
         taken back, so it is not tried elsewhere.",
        &[],
    ),
    word(
        "Base URL",
        "address port localhost openai_base_url proxy",
        "The address that you give your tools in place of the service's, such as http://127.0.0.1:8787/v1. The page Connect has it \
         ready for each tool.",
        &[],
    ),
    word(
        "Profile",
        "workspace configuration environment",
        "A configuration with keys and a history of its own, such as Work. One is served at a time; the demo is one, too, with \
         simulated endpoints only.",
        &[],
    ),
    word(
        "Simulated",
        "demo fake sandbox mock",
        "Played on this computer: no key, no cost, nothing leaves it. Simulated figures are never added to real ones.",
        &[],
    ),
];

/// What a heading or caption means, if a word explains it.
#[must_use]
pub fn of_heading(heading: &str) -> Option<&'static str> {
    let named = ALL.iter().find(|word| word.name == heading);
    named.or_else(|| ALL.iter().find(|word| word.headings.contains(&heading))).map(|word| word.says)
}

/// Those that a search finds: by their names first, then by what else they are called or what is said of them.
pub fn matching(text: &str) -> impl Iterator<Item = &'static Word> {
    let text = text.trim().to_lowercase();
    let named = text.clone();
    let by_name = move |word: &&Word| word.name.to_lowercase().contains(&named);
    let other = {
        let by_name = by_name.clone();
        move |word: &&Word| !by_name(word) && (word.also.contains(&text) || word.says.to_lowercase().contains(&text))
    };
    ALL.iter().filter(by_name).chain(ALL.iter().filter(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_vocabulary_is_explained_in_two_or_three_sentences_once() {
        for wanted in [
            "Account",
            "Endpoint",
            "Route",
            "Priority group",
            "Quota pool",
            "Provider limit",
            "Allotted",
            "Soft cap",
            "Reserved",
            "Used",
            "Draft",
            "Throttled by provider",
            "Held by us",
            "Headroom",
            "TPM",
            "RPM",
            "TTFT",
        ] {
            assert!(ALL.iter().any(|word| word.name == wanted), "{wanted} is not explained");
        }
        for word in ALL {
            let sentences = word.says.matches(['.', '?']).count();
            assert!(word.says.ends_with('.') && (2..=8).contains(&sentences), "{}: {}", word.name, word.says);
            assert!(word.says.len() < 330, "{} is too long", word.name);
            let same = ALL.iter().filter(|other| {
                other.name == word.name || other.headings.iter().any(|heading| word.headings.contains(heading))
            });
            assert_eq!(same.count(), 1, "{} stands twice", word.name);
        }
    }

    #[test]
    fn a_word_is_found_by_what_others_call_it_after_those_that_are_called_so() {
        let names = |text: &str| matching(text).map(|word| word.name).collect::<Vec<_>>();
        assert_eq!(names("soft").first(), Some(&"Soft cap"));
        assert_eq!(names("circuit breaker"), ["Resting"]);
        assert_eq!(names("account").first(), Some(&"Account"));
        assert_eq!(names("").len(), ALL.len());
        assert!(names("zzzz").is_empty());
    }

    #[test]
    fn headings_of_tables_are_explained() {
        for heading in ["Headroom, TPM", "p95 TTFT", "Needs / has", "RPM", "Tokens in / out (reserved)", "You set"] {
            assert!(of_heading(heading).is_some(), "{heading}");
        }
        assert_eq!(of_heading("Ended"), None);
    }
}
