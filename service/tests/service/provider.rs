//! The providers of language models, as the outside world plays them: they answer, count and charge as themselves, and
//! leave receipts that can be held against our books.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::deployment::{Deployment, Service};

const PARTIES: [&str; 2] = ["openai", "anthropic"];

/// The outside world, and whoever asks it.
struct World {
    outside: Service,
    http: Client,
}

impl World {
    async fn new() -> Self {
        let deployment = Deployment::new().await;
        Self {
            outside: deployment
                .listening("mock-platform", "MOCK_PLATFORM_LISTEN", &[])
                .await,
            http: Client::new(),
        }
    }

    /// A question of nobody, under no id, without a key.
    fn bare(&self, party: &str, body: &Value) -> RequestBuilder {
        match party {
            "openai" => self.http.post(self.outside.url("/v1/chat/completions")),
            _ => self
                .http
                .post(self.outside.url("/v1/messages"))
                .header("anthropic-version", "2023-06-01"),
        }
        .json(body)
    }

    /// A question with a key.
    fn question(&self, party: &str) -> RequestBuilder {
        with_key(party, self.bare(party, &asking(party)))
    }

    async fn ask(&self, party: &str) -> Response {
        self.question(party).send().await.unwrap()
    }

    async fn put(&self, path: &str, body: Value) -> Response {
        let put = self.http.put(self.outside.url(path)).json(&body);
        put.send().await.unwrap()
    }

    async fn mood(&self, party: &str, mood: Value) {
        let put = self.put(&format!("/moods/{party}"), mood).await;
        assert_eq!(put.status(), 204);
    }

    async fn get(&self, path: &str) -> Value {
        let got = self.http.get(self.outside.url(path)).send().await.unwrap();
        assert_eq!(got.status(), 200, "{path}");
        got.json().await.unwrap()
    }

    async fn receipts(&self, filter: &str) -> Vec<Value> {
        let shown = self.get(&format!("/receipts?{filter}")).await;
        let receipts = shown["receipts"].as_array().unwrap().clone();
        assert_eq!(shown["count"], receipts.len());
        receipts
    }
}

/// Thirty-two characters, asked as this party wants it.
fn asking(party: &str) -> Value {
    let user = json!({"role": "user", "content": "Which channel brought the money?"});
    match party {
        "openai" => json!({"model": "gpt-4", "messages": [user], "max_completion_tokens": 100}),
        _ => json!({"model": "claude-3-opus", "messages": [user], "max_tokens": 100}),
    }
}

fn with_key(party: &str, question: RequestBuilder) -> RequestBuilder {
    match party {
        "openai" => question.bearer_auth("sk-1"),
        _ => question.header("x-api-key", "sk-1"),
    }
}

/// The type of an error, where this party has it, and all else it has to have.
fn error_type(party: &str, error: &Value) -> String {
    assert!(error["error"]["message"].is_string(), "{error}");
    match party {
        "openai" => assert!(error["error"].get("code").is_some(), "{error}"),
        _ => assert_eq!(error["type"], "error"),
    }
    error["error"]["type"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_answers_in_its_own_shape_and_does_not_repeat_the_question() {
    let world = World::new().await;
    for party in PARTIES {
        let answer = world.ask(party).await;
        assert_eq!(answer.status(), 200, "{party}");
        let answer: Value = answer.json().await.unwrap();
        assert!(!answer.to_string().contains("Which channel"), "{answer}");
        let (kind, text, tokens_in, tokens_out) = match party {
            "openai" => (
                &answer["object"],
                &answer["choices"][0]["message"]["content"],
                &answer["usage"]["prompt_tokens"],
                &answer["usage"]["completion_tokens"],
            ),
            _ => (
                &answer["type"],
                &answer["content"][0]["text"],
                &answer["usage"]["input_tokens"],
                &answer["usage"]["output_tokens"],
            ),
        };
        assert!(["chat.completion", "message"].contains(&kind.as_str().unwrap()));
        let characters = text.as_str().unwrap().chars().count();
        assert_eq!(*tokens_in, 8, "{party}");
        assert_eq!(*tokens_out, characters.div_ceil(4), "{party}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_refuses_in_its_own_words_and_charges_nothing() {
    let world = World::new().await;
    for party in PARTIES {
        let keyless = world.bare(party, &asking(party));
        let mut unknown = asking(party);
        unknown["model"] = json!("gpt-5000");
        let mut of_the_other = asking(party);
        of_the_other["model"] = json!(if party == "openai" {
            "claude-3-opus"
        } else {
            "gpt-4"
        });
        let mut empty = asking(party);
        empty["messages"] = json!([]);
        let mut strange = asking(party);
        strange["messages"][0]["role"] = json!("wizard");
        for (question, status, kinds) in [
            (keyless, 401, ["invalid_request_error", "authentication_error"]),
            (
                with_key(party, world.bare(party, &unknown)),
                404,
                ["invalid_request_error", "not_found_error"],
            ),
            (
                with_key(party, world.bare(party, &of_the_other)),
                404,
                ["invalid_request_error", "not_found_error"],
            ),
            (
                with_key(party, world.bare(party, &empty)),
                400,
                ["invalid_request_error"; 2],
            ),
            (
                with_key(party, world.bare(party, &strange)),
                400,
                ["invalid_request_error"; 2],
            ),
            (
                with_key(party, world.bare(party, &json!("hello"))),
                400,
                ["invalid_request_error"; 2],
            ),
        ] {
            let answer = question.send().await.unwrap();
            assert_eq!(answer.status(), status, "{party}");
            let kind = error_type(party, &answer.json().await.unwrap());
            assert!(kinds.contains(&kind.as_str()), "{party} {status}: {kind}");
        }
        let receipts = world.receipts(&format!("party={party}")).await;
        let seen: Vec<&Value> = receipts.iter().map(|receipt| &receipt["status"]).collect();
        assert_eq!(seen, [401, 404, 404, 400, 400, 400], "{party}");
        for receipt in receipts {
            assert_eq!(receipt["cost_cents"], json!(null), "{receipt}");
            assert_eq!(receipt["tokens_in"], json!(null), "{receipt}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anthropic_has_to_be_told_is_not_guessed() {
    let world = World::new().await;
    let unbounded = json!({"model": "claude-3-opus", "messages": [{"role": "user", "content": "?"}]});
    let misplaced =
        json!({"model": "claude-3-opus", "messages": [{"role": "system", "content": "?"}], "max_tokens": 1});
    for body in [unbounded, misplaced] {
        let question = with_key("anthropic", world.bare("anthropic", &body));
        assert_eq!(question.send().await.unwrap().status(), 400, "{body}");
    }
    let versionless = world
        .http
        .post(world.outside.url("/v1/messages"))
        .header("x-api-key", "sk-1")
        .json(&asking("anthropic"));
    assert_eq!(versionless.send().await.unwrap().status(), 400);
    let set_up = json!({
        "model": "claude-3-opus", "max_tokens": 1, "system": "12345678", "messages": [{"role": "user", "content": "1234"}],
    });
    let answer = with_key("anthropic", world.bare("anthropic", &set_up));
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["usage"]["input_tokens"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_in_trouble_says_so_in_its_own_words() {
    let world = World::new().await;
    for (party, kinds) in [
        ("openai", ["requests", "server_error"]),
        ("anthropic", ["rate_limit_error", "api_error"]),
    ] {
        world
            .mood(party, json!({"mood": "rate_limit", "retry_after": 7}))
            .await;
        let limited = world.ask(party).await;
        assert_eq!(
            (limited.status().as_u16(), &limited.headers()["retry-after"]),
            (429, &"7".parse().unwrap())
        );
        assert_eq!(error_type(party, &limited.json().await.unwrap()), kinds[0]);
        world.mood(party, json!({"mood": "upstream"})).await;
        let broken = world.ask(party).await;
        assert_eq!(broken.status(), 502);
        assert_eq!(error_type(party, &broken.json().await.unwrap()), kinds[1]);
        world.mood(party, json!({"mood": "success"})).await;
        assert_eq!(world.ask(party).await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_who_asked_what_and_what_it_cost_and_is_found_by_each_of_these() {
    let world = World::new().await;
    for (party, path, model, cents) in [
        ("openai", "/v1/chat/completions", "gpt-4", 9),
        ("anthropic", "/v1/messages", "claude-3-opus", 9),
    ] {
        let told = json!({"mood": "slow", "delay_ms": 1, "input_tokens": 1_000, "output_tokens": 1_000, "text": "No."});
        world.mood(party, told).await;
        let (request, tenant, boundary) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4().to_string());
        let tagged = world
            .question(party)
            .header("x-skeldir-request-id", request.to_string())
            .header("x-skeldir-tenant", tenant.to_string())
            .header("x-skeldir-boundary", &boundary);
        assert_eq!(tagged.send().await.unwrap().status(), 200);
        assert_eq!(world.ask(party).await.status(), 200);
        for filter in [
            format!("request_id={request}"),
            format!("tenant_id={tenant}"),
            format!("boundary_id={boundary}"),
            format!("party={party}&path={path}&tenant_id={tenant}"),
        ] {
            let mut receipts = world.receipts(&filter).await;
            assert_eq!(receipts.len(), 1, "{filter}");
            let receipt = receipts[0].as_object_mut().unwrap();
            assert!(receipt.remove("at").is_some_and(|at| at.is_string()));
            let expected = json!({
                "method": "POST", "path": path, "party": party, "request_id": request, "tenant_id": tenant,
                "boundary_id": boundary, "account": null, "status": 200, "model": model, "tokens_in": 1_000,
                "tokens_out": 1_000, "cost_cents": cents, "replayed": false,
            });
            assert_eq!(receipts[0], expected, "{filter}");
        }
        assert_eq!(world.receipts(&format!("party={party}")).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_is_charged_once_however_many_ask_it_at_once() {
    let world = World::new().await;
    for party in PARTIES {
        world.mood(party, json!({"mood": "slow", "delay_ms": 50})).await;
        let key = Uuid::new_v4().to_string();
        let mut askers = JoinSet::new();
        for _ in 0..8 {
            let question = world.question(party).header("idempotency-key", &key);
            askers
                .spawn(async { question.send().await.unwrap().json::<Value>().await.unwrap()["id"].clone() });
        }
        let answers = askers.join_all().await;
        assert!(answers.iter().all(|id| *id == answers[0]), "{answers:?}");
        let receipts = world.receipts(&format!("party={party}")).await;
        let charged = receipts.iter().filter(|receipt| !receipt["cost_cents"].is_null());
        let replayed = receipts.iter().filter(|receipt| receipt["replayed"] == true);
        assert_eq!((charged.count(), replayed.count()), (1, 7), "{party}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_leaves_a_receipt_without_a_status_and_owes_nothing() {
    let world = World::new().await;
    for (party, model) in PARTIES.into_iter().zip(["gpt-4", "claude-3-opus"]) {
        world.mood(party, json!({"mood": "slow", "delay_ms": 600})).await;
        let given_up = world.question(party).timeout(Duration::from_millis(250));
        assert!(given_up.send().await.unwrap_err().is_timeout());
        tokio::time::sleep(Duration::from_millis(600)).await;
        let receipts = world.receipts(&format!("party={party}")).await;
        assert_eq!(receipts.len(), 1);
        assert_eq!(receipts[0]["model"], model);
        for unknown in ["status", "tokens_in", "tokens_out", "cost_cents"] {
            assert_eq!(receipts[0][unknown], json!(null), "{party}: {unknown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_counted_by_party_and_in_all_and_the_doors_are_not() {
    let world = World::new().await;
    assert_eq!(
        world.get("/calls").await,
        json!({"calls": 0, "by_party": {"anthropic": 0, "claims": 0, "openai": 0, "stripe_balance": 0}})
    );
    world.ask("openai").await;
    world.ask("anthropic").await;
    world.ask("anthropic").await;
    world.get("/v1/claims/0b6f2a3c-7d0e-4a57-9a0d-0d5e9f4b1c11").await;
    for (method, path, status) in [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/balance_transactions", 401),
        ("GET", "/v1/messages", 405),
    ] {
        let call = world
            .http
            .request(method.parse().unwrap(), world.outside.url(path));
        assert_eq!(call.send().await.unwrap().status(), status, "{path}");
    }
    world.get("/receipts").await;
    assert_eq!(
        world.get("/calls").await,
        json!({"calls": 7, "by_party": {"anthropic": 3, "claims": 1, "openai": 1, "stripe_balance": 1}})
    );
    let receipts = world.receipts("").await;
    let nobody_s = receipts.iter().filter(|receipt| receipt["party"].is_null());
    assert_eq!((receipts.len(), nobody_s.count()), (7, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_door_does_not_understand_is_refused_with_a_problem() {
    let world = World::new().await;
    for (party, mood, status) in [
        ("nobody", json!({"mood": "success"}), 404),
        ("openai", json!({"mood": "merry"}), 422),
        ("openai", json!({"mood": "success", "delay_ms": 1}), 422),
        ("openai", json!({"mood": "success", "input_tokens": -1}), 422),
        ("openai", json!({"mood": "success", "input_tokens": 1.5}), 422),
        (
            "anthropic",
            json!({"mood": "slow", "output_tokens": 1_u64 << 32}),
            422,
        ),
        ("anthropic", json!({"mood": "upstream", "text": "No."}), 422),
        ("stripe_balance", json!({"mood": "success", "text": "No."}), 422),
        ("claims", json!({"mood": "slow", "input_tokens": 1}), 422),
    ] {
        let answer = world.put(&format!("/moods/{party}"), mood.clone()).await;
        is_problem(answer, status, &format!("{party} {mood}")).await;
    }
    for filter in ["tenant=1", "party=nobody", "party=openai&party=openai"] {
        let answer = world.http.get(world.outside.url(&format!("/receipts?{filter}")));
        is_problem(answer.send().await.unwrap(), 422, filter).await;
    }
}

async fn is_problem(answer: Response, status: u16, what: &str) {
    assert_eq!(answer.status(), status, "{what}");
    assert_eq!(
        answer.headers()["content-type"],
        "application/problem+json",
        "{what}"
    );
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status, "{what}");
}
