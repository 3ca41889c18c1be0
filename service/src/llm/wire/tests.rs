//! The wires against the parties that play their other ends, and against servers that no party would be.

use std::time::Duration;

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use reqwest::Client as Http;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::Url;
use uuid::Uuid;

use super::*;
use crate::mock_platform;

const WIRES: [(Wire, &str); 2] = [(Wire::OpenAi, "openai"), (Wire::Anthropic, "anthropic")];
const PATIENCE: Duration = Duration::from_secs(20);

fn provider(wire: Wire, url: &Url) -> Provider {
    Provider {
        wire,
        url: url.clone(),
        api_key: Secret::new("sk-of-this-test"),
    }
}

fn messages() -> Vec<Message> {
    [
        (Role::System, "You weigh channels."),
        (Role::User, "Which one was it?"),
    ]
    .map(|(role, content)| Message {
        role,
        content: content.to_owned(),
    })
    .into()
}

fn question(wire: Wire, messages: &[Message]) -> Question<'_> {
    Question {
        model: match wire {
            Wire::OpenAi => "gpt-4-turbo",
            Wire::Anthropic => "claude-3-5-sonnet",
        },
        messages,
        max_output_tokens: 256,
        request_id: Uuid::new_v4(),
        call: Uuid::new_v4(),
        tenant: Uuid::new_v4(),
    }
}

/// Asks once, about nothing in particular.
async fn asked(to: &Provider, within: Duration) -> Result<Said, Fault> {
    let messages = messages();
    let client = Client::new().expect("a client");
    client.ask(to, &question(to.wire, &messages), within).await
}

/// Serves a router on this machine, and says where.
async fn served(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}").parse().expect("an address")
}

async fn outside() -> Url {
    served(mock_platform::router()).await
}

/// A server that gives every question the same answer.
async fn saying(text: String) -> Url {
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    served(Router::new().fallback(answer)).await
}

async fn mood(url: &Url, party: &str, mood: Value) {
    let door = url.join(&format!("/moods/{party}")).expect("a path");
    let put = Http::new()
        .put(door)
        .json(&mood)
        .send()
        .await
        .expect("it answers");
    assert_eq!(put.status(), StatusCode::NO_CONTENT, "{mood}");
}

async fn receipts(url: &Url, filter: &str) -> Vec<Value> {
    let door = url.join(&format!("/receipts?{filter}")).expect("a path");
    let shown = reqwest::get(door).await.expect("it answers");
    let shown: Value = shown.json().await.expect("JSON");
    let receipts = shown["receipts"].as_array().expect("a list").clone();
    assert_eq!(shown["count"], receipts.len());
    receipts
}

#[tokio::test]
async fn a_question_is_answered_and_both_sides_count_the_same_tokens() {
    let url = outside().await;
    for (wire, party) in WIRES {
        let said = asked(&provider(wire, &url), PATIENCE).await.expect("an answer");
        assert!(!said.text.is_empty());
        // 19 and 17 characters.
        assert_eq!(said.input_tokens, 9, "{party}");
        let receipts = receipts(&url, &format!("party={party}")).await;
        assert_eq!(receipts[0]["tokens_in"], said.input_tokens, "{party}");
        assert_eq!(receipts[0]["tokens_out"], said.output_tokens, "{party}");
    }
}

#[tokio::test]
async fn a_provider_says_and_charges_what_it_was_told_to() {
    let url = outside().await;
    for ((wire, party), cents) in WIRES.into_iter().zip([5, 2]) {
        let told = json!({"mood": "success", "input_tokens": 2_500, "output_tokens": 750, "text": "Search."});
        mood(&url, party, told).await;
        let said = asked(&provider(wire, &url), PATIENCE).await.expect("an answer");
        assert_eq!(
            said,
            Said {
                text: "Search.".to_owned(),
                input_tokens: 2_500,
                output_tokens: 750
            }
        );
        let receipts = receipts(&url, &format!("party={party}")).await;
        assert_eq!(receipts[0]["cost_cents"], cents, "{party}");
    }
}

#[tokio::test]
async fn every_call_carries_the_boundary_s_tag_and_its_receipt_no_key_and_no_prompt() {
    let url = outside().await;
    for (wire, party) in WIRES {
        let messages = messages();
        let question = question(wire, &messages);
        let client = Client::new().expect("a client");
        client
            .ask(&provider(wire, &url), &question, PATIENCE)
            .await
            .expect("an answer");
        let receipts = receipts(&url, &format!("request_id={}", question.request_id)).await;
        let [receipt] = receipts.as_slice() else {
            panic!("one call, one receipt: {receipts:?}");
        };
        for (name, value) in [
            ("method", json!("POST")),
            ("party", json!(party)),
            ("tenant_id", json!(question.tenant)),
            ("boundary_id", json!("b07_p3_aisuite_chokepoint")),
            ("model", json!(question.model)),
            ("status", json!(200)),
            ("replayed", json!(false)),
        ] {
            assert_eq!(receipt[name], value, "{party}: {name}");
        }
        let text = receipt.to_string();
        for kept_away in ["sk-of-this-test", "weigh channels", "Which one"] {
            assert!(!text.contains(kept_away), "{text}");
        }
    }
}

#[tokio::test]
async fn a_slow_answer_is_in_time_or_not_and_who_does_not_wait_for_it_owes_nothing() {
    let url = outside().await;
    for (wire, party) in WIRES {
        mood(&url, party, json!({"mood": "slow", "delay_ms": 50})).await;
        let impatient = asked(&provider(wire, &url), Duration::from_millis(10)).await;
        assert_eq!(impatient, Err(Fault::TimedOut), "{party}");
        let patient = asked(&provider(wire, &url), Duration::from_millis(300)).await;
        assert!(patient.is_ok(), "{party}: {patient:?}");
        let receipts = receipts(&url, &format!("party={party}")).await;
        let owed: Vec<&Value> = receipts.iter().map(|receipt| &receipt["cost_cents"]).collect();
        // The connection of the one that was given up may never have been made.
        assert!(!owed.last().expect("a receipt").is_null(), "{party}");
        assert!(
            owed[..owed.len() - 1].iter().all(|owed| owed.is_null()),
            "{owed:?}"
        );
    }
}

#[tokio::test]
async fn the_moods_of_a_provider_are_faults_of_their_own() {
    let url = outside().await;
    for (wire, party) in WIRES {
        for (told, fault) in [
            (json!({"mood": "rate_limit"}), Fault::RateLimited),
            (
                json!({"mood": "upstream"}),
                Fault::Refused(StatusCode::BAD_GATEWAY),
            ),
        ] {
            mood(&url, party, told).await;
            assert_eq!(
                asked(&provider(wire, &url), PATIENCE).await,
                Err(fault),
                "{party}"
            );
        }
        let receipts = receipts(&url, &format!("party={party}")).await;
        assert!(
            receipts.iter().all(|receipt| receipt["cost_cents"].is_null()),
            "{receipts:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_without_our_key_or_our_model_refuses() {
    let url = outside().await;
    for (wire, party) in WIRES {
        let mut keyless = provider(wire, &url);
        keyless.api_key = Secret::new("");
        let refused = asked(&keyless, PATIENCE).await;
        assert_eq!(refused, Err(Fault::Refused(StatusCode::UNAUTHORIZED)), "{party}");
        let messages = messages();
        let mut question = question(wire, &messages);
        question.model = "gpt-5000";
        let client = Client::new().expect("a client");
        let refused = client.ask(&provider(wire, &url), &question, PATIENCE).await;
        assert_eq!(refused, Err(Fault::Refused(StatusCode::NOT_FOUND)), "{party}");
    }
}

#[tokio::test]
async fn a_key_that_no_header_can_hold_is_not_sent() {
    let mut provider = provider(Wire::OpenAi, &outside().await);
    provider.api_key = Secret::new("sk\r\nx-skeldir-tenant: another");
    assert_eq!(
        asked(&provider, PATIENCE).await,
        Err(Fault::Unusable("its key cannot be sent"))
    );
}

#[tokio::test]
async fn a_question_that_is_asked_again_is_answered_again_and_charged_once() {
    let url = outside().await;
    let client = Client::new().expect("a client");
    for (wire, party) in WIRES {
        let messages = messages();
        let question = question(wire, &messages);
        let provider = provider(wire, &url);
        mood(&url, party, json!({"mood": "upstream"})).await;
        let failed = client.ask(&provider, &question, PATIENCE).await;
        assert!(failed.is_err(), "what failed is not remembered");
        mood(&url, party, json!({"mood": "success", "text": "First."})).await;
        let first = client
            .ask(&provider, &question, PATIENCE)
            .await
            .expect("an answer");
        mood(&url, party, json!({"mood": "success", "text": "Second."})).await;
        let again = client
            .ask(&provider, &question, PATIENCE)
            .await
            .expect("an answer");
        assert_eq!(first, again, "{party}");
        let receipts = receipts(&url, &format!("party={party}")).await;
        let charged: Vec<bool> = receipts
            .iter()
            .map(|receipt| !receipt["cost_cents"].is_null())
            .collect();
        let replayed: Vec<bool> = receipts
            .iter()
            .map(|receipt| receipt["replayed"] == true)
            .collect();
        assert_eq!(charged, [false, true, false], "{party}");
        assert_eq!(replayed, [false, false, true], "{party}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_where_it_should_is_too_long() {
    let url = outside().await;
    for (wire, party) in WIRES {
        let long = json!({"mood": "success", "text": "a".repeat(1_500_000)});
        mood(&url, party, long).await;
        assert_eq!(
            asked(&provider(wire, &url), PATIENCE).await,
            Err(Fault::Unusable("its answer is too long"))
        );
    }
}

#[tokio::test]
async fn what_is_not_an_answer_is_unusable() {
    let no_tokens = json!({
        "choices": [{"message": {"content": "yes"}}],
        "content": [{"type": "text", "text": "yes"}],
    });
    let half_a_token = json!({
        "choices": [{"message": {"content": "yes"}}],
        "content": [{"type": "text", "text": "yes"}],
        "usage": {"prompt_tokens": 0.5, "completion_tokens": 1, "input_tokens": 0.5, "output_tokens": 1},
    });
    let silence = json!({
        "choices": [{"message": {"content": null}}],
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "weigh", "input": {}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 1, "output_tokens": 1},
    });
    let no_choice = json!({
        "choices": [],
        "content": [],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 1, "output_tokens": 1},
    });
    let answers = [
        no_tokens,
        half_a_token,
        silence,
        no_choice,
        json!([]),
        json!(null),
    ]
    .map(|answer| answer.to_string())
    .into_iter()
    .chain(["<html>it works</html>".to_owned(), String::new()]);
    for answer in answers {
        let url = saying(answer.clone()).await;
        for (wire, party) in WIRES {
            let said = asked(&provider(wire, &url), PATIENCE).await;
            assert!(
                matches!(said, Err(Fault::Unusable(_))),
                "{party}: {answer}: {said:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_reply_says_is_all_its_pieces_of_text() {
    let url = saying(
        json!({
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "Search, "},
                {"type": "text", "text": "then mail."},
            ],
            "usage": {"input_tokens": 7, "output_tokens": 8},
        })
        .to_string(),
    )
    .await;
    let said = asked(&provider(Wire::Anthropic, &url), PATIENCE)
        .await
        .expect("an answer");
    assert_eq!(said.text, "Search, then mail.");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = outside().await;
    let location = elsewhere
        .join("/v1/chat/completions")
        .expect("a path")
        .to_string();
    let answer = move || async move {
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
    };
    let url = served(Router::new().fallback(answer)).await;
    for (wire, party) in WIRES {
        assert_eq!(
            asked(&provider(wire, &url), PATIENCE).await,
            Err(Fault::Refused(StatusCode::TEMPORARY_REDIRECT)),
            "{party}"
        );
    }
    assert!(receipts(&elsewhere, "").await.is_empty());
}

/// A server that reads a question, says `begun`, and breaks off.
async fn breaking_off_after(begun: &'static str) -> (Url, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let calls = tokio::spawn(async move {
        let mut calls = 0;
        // Long enough for whoever would ask again by himself.
        while let Ok(Ok((mut stream, _))) =
            tokio::time::timeout(Duration::from_millis(300), listener.accept()).await
        {
            calls += 1;
            let mut read = [0; 4096];
            assert!(stream.read(&mut read).await.expect("a question") > 0);
            stream.write_all(begun.as_bytes()).await.expect("it is connected");
        }
        calls
    });
    (format!("http://{address}").parse().expect("an address"), calls)
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_made_again() {
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"cho"] {
        for (wire, party) in WIRES {
            let (url, calls) = breaking_off_after(begun).await;
            let said = asked(&provider(wire, &url), PATIENCE).await;
            assert_eq!(said, Err(Fault::Unreachable), "{party}");
            assert_eq!(calls.await.expect("it counts"), 1, "{party}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_not_waited_for_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut read = [0; 4096];
        assert!(stream.read(&mut read).await.expect("a question") > 0);
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("it is connected");
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let url = format!("http://{address}").parse().expect("an address");
    let said = asked(&provider(Wire::OpenAi, &url), Duration::from_millis(200)).await;
    assert_eq!(said, Err(Fault::TimedOut));
}

#[tokio::test]
async fn a_provider_may_live_behind_a_path() {
    let url = served(Router::new().nest("/gateway", mock_platform::router())).await;
    for (wire, party) in WIRES {
        for behind in ["/gateway", "/gateway/"] {
            let url = url.join(behind).expect("a path");
            let said = asked(&provider(wire, &url), PATIENCE).await;
            assert!(said.is_ok(), "{party}: {said:?}");
        }
    }
}

#[test]
fn a_fault_has_a_word_for_ledgers_and_nothing_of_a_prompt_is_shown() {
    let words = [
        (Fault::TimedOut, "timeout"),
        (Fault::Unreachable, "unreachable"),
        (Fault::RateLimited, "rate_limited"),
        (Fault::Refused(StatusCode::BAD_REQUEST), "refused"),
        (Fault::Unusable("its answer says nothing"), "unusable"),
    ];
    for (fault, word) in words {
        assert_eq!(fault.word(), word);
    }
    let said = Said {
        text: "a secret".to_owned(),
        input_tokens: 1,
        output_tokens: 2,
    };
    let shown = format!("{said:?} {:?}", messages());
    assert!(
        !shown.contains("secret") && !shown.contains("Which one"),
        "{shown}"
    );
}
