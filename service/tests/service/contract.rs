//! The contract is what is committed, what is served, and what is routed.

use std::{collections::BTreeSet, path::Path, process::Command};

use reqwest::{Client, Method};
use serde_json::Value;
use uuid::Uuid;

use crate::{deployment::Deployment, vendors::KINDS};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn printed() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_skeldir"))
        .arg("openapi")
        .env_clear()
        .output()
        .expect("the binary runs");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

/// Every schema of the document, however deep, with the way to it.
fn each_object(value: &Value, way: &str, look: &mut impl FnMut(&str, &Value)) {
    let types = &value["type"];
    if types == "object"
        || types
            .as_array()
            .is_some_and(|types| types.contains(&"object".into()))
    {
        look(way, value);
    }
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, inner)| each_object(inner, &format!("{way}/{key}"), look)),
        Value::Array(items) => items.iter().for_each(|inner| each_object(inner, way, look)),
        _ => {}
    }
}

#[test]
fn the_committed_contract_is_the_one_the_handlers_make() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == printed(),
        "service/openapi.json is not what the handlers say; regenerate it:\n  \
         cargo run --package skeldir -- openapi > service/openapi.json"
    );
}

/// What is open because it is somebody else's: the caller's own data and schema, and what each task calls its result.
const OPEN: [&str; 3] = [
    "/LlmRequest/properties/context_items/items",
    "/LlmRequest/properties/response_schema",
    "/TaskStatus/properties/result",
];

#[test]
fn the_contract_is_whole_and_its_schemas_are_closed() {
    let document: Value = serde_json::from_str(&printed()).expect("it is JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let mut open = BTreeSet::new();
    each_object(&document["components"]["schemas"], "", &mut |way, schema| {
        if schema["additionalProperties"] != false {
            open.insert(way.to_owned());
        }
    });
    assert_eq!(open.iter().map(String::as_str).collect::<Vec<_>>(), OPEN);
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            !document["components"]["schemas"][name].is_null(),
            "there is no schema `{name}`"
        );
    }
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "two operations are called `{name}`");
            let failure = &operation["responses"]["500"]["content"]["application/problem+json"];
            assert!(!failure.is_null(), "{method} {path}: no 500");
            if !operation["security"].is_null() {
                for status in ["400", "401", "403", "503"] {
                    assert!(
                        !operation["responses"][status].is_null(),
                        "{method} {path}: no {status}"
                    );
                }
            }
            if path.starts_with("/api/webhooks/") {
                for status in ["200", "400", "401", "408", "413", "503"] {
                    assert!(
                        !operation["responses"][status].is_null(),
                        "{method} {path}: no {status}"
                    );
                }
            }
        }
    }
}

/// The headers that an operation declares, those it must have or those it may, in lower case.
fn declared_headers(operation: &Value, required: bool) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().unwrap();
    parameters
        .iter()
        .filter(|parameter| parameter["in"] == "header" && parameter["required"] == required)
        .map(|parameter| parameter["name"].as_str().unwrap().to_lowercase())
        .collect()
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_needs_the_headers_and_gives_the_answer_that_are_declared() {
    let document: Value = serde_json::from_str(&printed()).expect("it is JSON");
    let schema = &document["components"]["schemas"]["WebhookAnswer"];
    let required: BTreeSet<&str> = schema["required"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(required, keys(&schema["properties"]));
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let declared = keys(&document["paths"])
        .into_iter()
        .filter(|path| path.starts_with("/api/webhooks/"));
    assert_eq!(
        declared.collect::<BTreeSet<_>>(),
        KINDS.iter().map(|kind| kind.path).collect()
    );
    for kind in KINDS {
        let operation = &document["paths"][kind.path]["post"];
        let body = (kind.body)("1", 100).to_string();
        let sent = kind.headers(&tenant, body.as_bytes()).into_iter();
        let needed = sent
            .map(|(name, _)| name.to_owned())
            .filter(|name| name != "content-type");
        assert_eq!(
            declared_headers(operation, true),
            needed.collect(),
            "{}",
            kind.path
        );
        let mut possible = BTreeSet::from(["x-correlation-id".to_owned()]);
        if kind.vendor == "stripe" {
            possible.insert("x-idempotency-key".to_owned());
        }
        assert_eq!(declared_headers(operation, false), possible, "{}", kind.path);
        for body in [body.as_str(), "neither JSON nor a payment"] {
            let (status, answer) = kind.send(&api, &tenant, body.as_bytes()).await;
            assert_eq!((status, keys(&answer)), (200, required.clone()), "{}", kind.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_operation_is_routed_and_no_other_method_is() {
    let deployment = Deployment::new().await;
    let api = deployment.api().await;
    let served = reqwest::get(api.url("/openapi.json"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(served, printed());
    let document: Value = serde_json::from_str(&served).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{id}", "stripe");
        assert!(
            !concrete.contains('{'),
            "{path} has a parameter that this test does not know"
        );
        for method in METHODS {
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let request = Client::new().request(verb, api.url(&concrete));
            let response = request
                .header("X-Correlation-ID", Uuid::new_v4().to_string())
                .send()
                .await
                .unwrap();
            let status = response.status().as_u16();
            let operation = &item[method];
            if operation.is_null() {
                assert_eq!(status, 405, "{method} {path} is routed and not declared");
            } else {
                let declared = !operation["responses"][status.to_string()].is_null();
                assert!(
                    declared,
                    "{method} {path} answered {status}, which it does not declare"
                );
            }
        }
    }
}
