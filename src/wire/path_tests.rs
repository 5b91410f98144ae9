use super::*;

fn operation_at(path: &str, query: Option<&str>) -> Option<(Operation, Option<String>, bool, Shape)> {
    match classify(path, query) {
        Inbound::Operation { operation, deployment, lacked_v1, shape } => {
            Some((operation, deployment, lacked_v1, shape))
        }
        _ => None,
    }
}

#[test]
fn every_shape_of_every_operation_is_understood() {
    let version = Some("api-version=2024-10-21");
    for operation in [Operation::Chat, Operation::Embeddings, Operation::Speech, Operation::ImageEdits] {
        let op = operation.path();
        for (path, query, deployment, lacked, shape) in [
            (format!("/v1/{op}"), None, None, false, Shape::OpenAi),
            (format!("/{op}"), None, None, true, Shape::OpenAi),
            (format!("/openai/v1/{op}"), None, None, false, Shape::AzureV1),
            (format!("/openai/v1/{op}"), Some("api-version=preview"), None, false, Shape::AzureV1),
            (format!("/openai/{op}"), None, None, true, Shape::AzureV1),
            (format!("/openai/deployments/gpt%204/{op}"), version, Some("gpt 4"), false, Shape::AzureClassic),
        ] {
            let expected = Some((operation, deployment.map(str::to_owned), lacked, shape));
            assert_eq!(operation_at(&path, query), expected, "{path}");
        }
    }
    assert_eq!(
        operation_at("/openai/responses", version),
        Some((Operation::Responses, None, false, Shape::AzureClassic))
    );
    assert_eq!(classify("/openai/chat/completions", version), Inbound::Unknown);
}

#[test]
fn model_lists_and_single_models_are_understood() {
    assert_eq!(classify("/v1/models", None), Inbound::Models { shape: Shape::OpenAi, lacked_v1: false });
    assert_eq!(classify("/models", None), Inbound::Models { shape: Shape::OpenAi, lacked_v1: true });
    assert_eq!(
        classify("/openai/models", Some("x=1&api-version=2024-10-21")),
        Inbound::Models { shape: Shape::AzureClassic, lacked_v1: false }
    );
    assert_eq!(
        classify("/v1/models/gpt-4o%3Aft", None),
        Inbound::Model { name: "gpt-4o:ft".to_owned(), shape: Shape::OpenAi, lacked_v1: false }
    );
}

#[test]
fn paths_with_tricks_are_unknown() {
    for path in [
        "",
        "v1/chat/completions",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/v1/../v1/chat/completions",
        "/v1/./chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/chat/completions;x=1",
        "/v1\\chat\\completions",
        "/V1/chat/completions",
        "/v1/models/..",
        "/v1/models/%2e%2e",
        "/v1/models/a%2Fb",
        "/v1/models/a%5cb",
        "/v1/models/a%00",
        "/v1/models/a%0d%0aHost:x",
        "/v1/models/%",
        "/v1/models/%4",
        "/v1/models/%zz",
        "/v1/models/%+1",
        "/v1/models/%ff",
        "/v1/models/a/b",
        "/v1/models/",
        "/openai/deployments//chat/completions",
        "/openai/deployments/%2e%2e/chat/completions",
        "/openai/deployments/a%2F..%2Fb/chat/completions",
        "/openai/deployments/a/b%2Fchat/completions",
        "/openai/deployments/chat/",
        "/openai/deployments/embeddings",
        "/v1/files/a%2Fb",
        "/v1/files/../organization/x",
        "/v1/fi%6ces/a",
        "/favicon.ico",
        "/_tidegate/other",
        "http://evil.example/v1/chat/completions",
    ] {
        assert_eq!(classify(path, None), Inbound::Unknown, "{path}");
    }
}

#[test]
fn what_is_stored_keeps_its_path_as_it_came() {
    let stored = |path: &str, shape, lacked_v1| Inbound::Stored { path: path.to_owned(), shape, lacked_v1 };
    assert_eq!(classify("/v1/files/file-1%3A/content", None), stored("files/file-1%3A/content", Shape::OpenAi, false));
    assert_eq!(classify("/responses/resp_1/cancel", None), stored("responses/resp_1/cancel", Shape::OpenAi, true));
    assert_eq!(
        classify("/openai/batches", Some("api-version=2024-10-21")),
        stored("batches", Shape::AzureClassic, false)
    );
    assert_eq!(classify("/v1/next_years/idea", None), stored("next_years/idea", Shape::OpenAi, false));
    assert_eq!(classify("/openai/v1/evals/e/runs", None), stored("evals/e/runs", Shape::AzureV1, false));
}

#[test]
fn what_azure_alone_has_is_understood() {
    let path = "extensions/chat/completions";
    assert_eq!(
        classify(&format!("/openai/deployments/gpt%204/{path}"), Some("api-version=2023-08-01-preview")),
        Inbound::Stored { path: format!("deployments/gpt%204/{path}"), shape: Shape::AzureClassic, lacked_v1: false }
    );
    assert_eq!(deployment_in(&format!("deployments/gpt%204/{path}")), Some(("gpt 4".to_owned(), path)));
    assert_eq!(
        operation_at("/models/chat/completions", Some("api-version=2024-05-01-preview")),
        Some((Operation::Chat, None, false, Shape::OpenAi))
    );
}

#[test]
fn an_organization_is_not_administered_through_us() {
    for path in ["/v1/organization/admin_api_keys", "/projects/p/members", "/openai/v1/organization/costs"] {
        assert_eq!(classify(path, None), Inbound::Administration, "{path}");
    }
}

#[test]
fn balanced_operations_stand_in_the_order_of_their_numbers() {
    for (place, operation) in Operation::BALANCED.into_iter().enumerate() {
        assert_eq!(operation as usize, place, "{operation:?}");
    }
}
