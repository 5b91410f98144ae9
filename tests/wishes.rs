//! What a client may wish for its request, and where a route goes on, through the shipped binary: `x-tidegate-priority`,
//! `x-tidegate-deadline-ms` and `then`.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;

use served::{Served, serve};
use tokio::task::JoinHandle;

/// One endpoint that holds one of our requests a minute, and a model to go on with that holds many.
const TWO_MODELS: &str = r#"
[queue]
max_wait_seconds = 120
[[account]]
id = "sim"
service = "simulated"
[[endpoint]]
id = "small"
account = "sim"
model = "small"
tokens_per_minute = 70
[[endpoint]]
id = "large"
account = "sim"
model = "large"
tokens_per_minute = 100000
[[route]]
model = "small"
[[route.group]]
endpoints = ["small"]
[[route]]
model = "large"
[[route.group]]
endpoints = ["large"]
"#;

fn header(answer: &reqwest::Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
}

async fn ask(served: &Served, model: &str) -> reqwest::Response {
    served.chat(model, false).send().await.expect("an answer")
}

/// A request that waits in line; the client stays until it is aborted.
fn wait_in_line(served: &Served, priority: &str) -> JoinHandle<()> {
    let request = served.chat("small", false).header("x-tidegate-priority", priority);
    tokio::spawn(async move { drop(request.send().await) })
}

#[tokio::test]
async fn a_route_that_is_full_goes_on_with_the_model_it_names() {
    let served = serve(
        &TWO_MODELS.replacen(
            "model = \"small\"\n[[route.group]]",
            "model = \"small\"\nthen = \"large\"\n[[route.group]]",
            1,
        ),
        &[],
    );
    let first = ask(&served, "small").await;
    assert_eq!((first.status().as_u16(), header(&first, "x-tidegate-endpoint")), (200, "small".to_owned()));
    let second = ask(&served, "small").await;
    assert_eq!((second.status().as_u16(), header(&second, "x-tidegate-endpoint")), (200, "large".to_owned()));
    assert_eq!(header(&second, "x-tidegate-group"), "2");
}

#[tokio::test]
async fn who_says_that_it_is_important_stands_before_who_says_the_contrary() {
    let served = serve(TWO_MODELS, &[]);
    assert_eq!(ask(&served, "small").await.status(), 200);
    let bulk = wait_in_line(&served, "bulk");
    served.until(|status| status["queue"]["waiting"] == 1).await;
    let interactive = wait_in_line(&served, "Interactive");
    let status = served.until(|status| status["queue"]["waiting"] == 2).await;
    let places: Vec<_> = status["queue"]["list"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["position"].as_u64(), one["priority"].as_str().expect("a priority").to_owned()))
        .collect();
    assert_eq!(places, [(Some(1), "interactive".to_owned()), (Some(2), "bulk".to_owned())]);
    for waiting in [bulk, interactive] {
        waiting.abort();
    }
    served.until(|status| status["queue"]["waiting"] == 0).await;
}

#[tokio::test]
async fn who_cannot_wait_as_long_as_it_takes_is_told_at_once_and_who_says_nothing_waits() {
    let served = serve(TWO_MODELS, &[]);
    assert_eq!(ask(&served, "small").await.status(), 200);
    let hurried = served.chat("small", false).header("x-tidegate-deadline-ms", "500").send().await.expect("an answer");
    assert_eq!(hurried.status(), 429);
    assert_eq!(header(&hurried, "x-tidegate-429-source"), "tidegate");
    let seconds: u64 = header(&hurried, "retry-after").parse().expect("whole seconds");
    assert!((1..=61).contains(&seconds), "{seconds} s");
    let patient = wait_in_line(&served, "normal");
    served.until(|status| status["queue"]["waiting"] == 1).await;
    patient.abort();
}

#[tokio::test]
async fn a_wish_that_cannot_be_read_is_as_none_and_is_named() {
    let served = serve(TWO_MODELS, &[]);
    let request =
        served.chat("large", false).header("x-tidegate-priority", "urgent").header("x-tidegate-deadline-ms", "soon");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "x-tidegate-ignored"), "x-tidegate-priority, x-tidegate-deadline-ms");
}
