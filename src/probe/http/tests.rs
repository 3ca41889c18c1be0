use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{digest_of, prepare};
use crate::{
    cel::{Text, World},
    digest::Digest,
    gate::{model::Tree, tree::literal},
    probe::{
        Blind, look,
        testing::{Kept, Still, site},
    },
};

/// A server that answers each path with fixed bytes, and repeats what it was sent under `/echo`.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = vec![0; 4096];
                let length = stream.read(&mut asked).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                let answer = answer(&asked).await;
                let _gone = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

async fn answer(asked: &str) -> String {
    let with = |status: &str, media: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\nX-Two: a\r\nx-two: b\r\nset-cookie: crumb\r\n\r\n{body}",
            body.len()
        )
    };
    match asked.split([' ', '?']).nth(1).unwrap_or_default() {
        "/json" => with(
            "503 Gone Wrong",
            "application/problem+json; charset=utf-8",
            "{\"status\": \"unhealthy\"}",
        ),
        "/lie" => with("200 OK", "application/json", "<html>"),
        "/metrics" => with("200 OK", "text/plain; version=0.0.4", "# TYPE up gauge\nup 1\n"),
        "/moved" => "HTTP/1.1 302 Found\r\nlocation: /json\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "/half" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned(),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            String::new()
        }
        _ => with("200 OK", "text/plain", asked),
    }
}

async fn ask(address: SocketAddr, params: &Tree, kept: &Arc<Kept>) -> Result<Value, Blind> {
    let ground = Still::at(&[
        ("api", address),
        ("gone", SocketAddr::from(([127, 0, 0, 1], 1))),
        ("far", SocketAddr::from(([192, 0, 2, 1], 80))),
    ]);
    let site = site(Arc::new(ground), kept.clone(), BTreeMap::new());
    let world = World::pure();
    look("http", params, &world.scope(), &site).await.seen
}

fn tree(value: &Value) -> Tree {
    literal(value).expect("no expression")
}

#[tokio::test]
async fn an_answer_is_read_by_its_media_type() {
    let (address, kept) = (server().await, Arc::new(Kept::default()));
    let seen = ask(
        address,
        &tree(&json!({"request": "GET api /json?token=hunter2"})),
        &kept,
    )
    .await
    .expect("seen");
    assert_eq!(
        (&seen["status"], &seen["error"], &seen["json"]),
        (&json!(503), &Value::Null, &json!({"status": "unhealthy"}))
    );
    assert_eq!(seen["headers"]["x-two"], "a, b");
    let metrics = ask(address, &tree(&json!({"request": "GET api /metrics"})), &kept)
        .await
        .expect("seen");
    assert_eq!(
        metrics["samples"],
        json!([{"name": "up", "labels": {}, "value": 1.0}])
    );
    assert_eq!(metrics["types"], json!({"up": "gauge"}));
    let lie = ask(address, &tree(&json!({"request": "GET api /lie"})), &kept)
        .await
        .expect("seen");
    assert!(
        lie.get("json").is_none()
            && lie["error"]
                .as_str()
                .is_some_and(|error| error.starts_with("not JSON"))
    );
    assert_eq!(lie["text"], "<html>");
    let exchanges = kept.0.lock().expect("not poisoned");
    assert_eq!(exchanges.len(), 3);
    assert_eq!(
        (exchanges[0].path.as_str(), exchanges[0].status),
        ("/json?token=‹password›", 503)
    );
    assert_eq!(
        exchanges[0].media_type.as_deref(),
        Some("application/problem+json")
    );
    assert_eq!(exchanges[0].asked_by, "G/pass/look");
    let headers: Vec<_> = exchanges[0].response_headers.keys().map(String::as_str).collect();
    assert_eq!(
        headers,
        ["content-length", "content-type", "x-two"],
        "all of them, but for the one that hands out a credential"
    );
    assert_eq!(exchanges[0].response_headers["x-two"], "a, b");
}

#[tokio::test]
async fn headers_are_made_from_the_exact_body() {
    let (address, kept) = (server().await, Arc::new(Kept::default()));
    let text = |source: &str| Tree::Text(Text::parse(source).expect("a good text"));
    let key = |name: &str| Text::parse(name).expect("a good text");
    let headers = vec![
        (key("X-${'Sig'}"), text("${sha256(body)}")),
        (key("X-None"), Tree::Plain(Value::Null)),
    ];
    let params = Tree::Table(vec![
        (key("request"), text("POST api /echo")),
        (key("json"), tree(&json!({"b": 1, "a": "ü"}))),
        (key("headers"), Tree::Table(headers)),
    ]);
    let seen = ask(address, &params, &kept).await.expect("seen");
    let echoed = seen["text"].as_str().expect("text");
    let body = "{\"b\":1,\"a\":\"ü\"}";
    assert!(echoed.ends_with(body), "{echoed}");
    let digest = crate::digest::Digest::of(body);
    assert!(echoed.contains(&format!("x-sig: {digest}\r\n")), "{echoed}");
    assert!(echoed.contains("content-type: application/json\r\n") && !echoed.contains("x-none"));
    assert_eq!(seen["sent"]["json"], json!({"b": 1, "a": "ü"}));
    let exchange = kept.0.lock().expect("not poisoned").remove(0);
    assert_eq!(exchange.request_body_sha256, digest);
    assert_eq!(exchange.request_headers, ["content-type", "x-sig"]);
}

#[tokio::test]
async fn what_is_not_answered_is_an_observation() {
    let (address, kept) = (server().await, Arc::new(Kept::default()));
    for (request, error) in [
        ("GET gone /", "refused"),
        ("GET api /half", "reset"),
        ("GET api /slow", "timeout"),
    ] {
        let seen = ask(
            address,
            &tree(&json!({"request": request, "timeout": "300ms"})),
            &kept,
        )
        .await
        .expect("seen");
        assert_eq!(
            (&seen["status"], &seen["error"]),
            (&json!(0), &json!(error)),
            "{request}"
        );
        assert!(seen.get("json").is_none() && seen.get("text").is_none());
    }
    let moved = ask(address, &tree(&json!({"request": "GET api /moved"})), &kept)
        .await
        .expect("seen");
    assert_eq!(moved["status"], 302, "no redirect is followed");
    assert_eq!(
        kept.0.lock().expect("not poisoned").len(),
        4,
        "each is sent and recorded once"
    );
}

#[tokio::test]
async fn nothing_is_sent_anywhere_but_to_this_machine() {
    let kept = Arc::new(Kept::default());
    for (params, why) in [
        (json!({"request": "GET far /"}), "which is not this machine"),
        (json!({"request": "GET nobody /"}), "has no address"),
        (
            json!({"request": "GET api http://example.org/"}),
            "is not a request",
        ),
        (json!({"request": "get api /"}), "is not a request"),
        (json!({"request": "GET api / x"}), "is not a request"),
        (
            json!({"request": "GET api /", "json": 1, "body": "x"}),
            "cannot both be sent",
        ),
        (
            json!({"request": "GET api /", "headers": {"a b": "c"}}),
            "cannot be made",
        ),
        (
            json!({"request": "GET api /", "expect": "xml"}),
            "it may be `json`",
        ),
    ] {
        let blind = ask(SocketAddr::from(([127, 0, 0, 1], 1)), &tree(&params), &kept)
            .await
            .expect_err("blind")
            .to_string();
        assert!(blind.contains(why), "{params}: {blind}");
    }
    assert!(kept.0.lock().expect("not poisoned").is_empty());
}

#[test]
fn a_prepared_request_is_complete() {
    let ground = Still::at(&[("api", SocketAddr::from(([127, 0, 0, 1], 8000)))]);
    let site = site(Arc::new(ground), Arc::new(Kept::default()), BTreeMap::new());
    let world = World::pure();
    let prepared = prepare(
        &tree(&json!({"request": "POST api /x?y=1", "body": "b", "timeout": "1s"})),
        &world.scope(),
        &site,
    );
    let prepared = prepared.expect("complete");
    assert_eq!(prepared.url, "http://127.0.0.1:8000/x?y=1");
    assert_eq!(
        (prepared.body.as_str(), prepared.timeout, prepared.headers),
        ("b", Duration::from_secs(1), vec![])
    );
}

#[tokio::test]
async fn a_document_is_known_by_its_digest_and_told_of_when_it_cannot_be_had() {
    let address = server().await;
    let ground = Still::at(&[("api", address), ("gone", SocketAddr::from(([127, 0, 0, 1], 1)))]);
    let site = site(Arc::new(ground), Arc::new(Kept::default()), BTreeMap::new());
    assert_eq!(
        digest_of("GET api /metrics", &site).await,
        Ok(Digest::of("# TYPE up gauge\nup 1\n"))
    );
    let refused = [
        ("GET api /json", "api/json answered 503"),
        ("GET gone /", "gone/: refused"),
        ("GET nobody /", "service `nobody` has no address"),
        (
            "GET api",
            "`GET api` is not a request\nhint: write `GET service /path`",
        ),
    ];
    for (request, words) in refused {
        assert_eq!(digest_of(request, &site).await, Err(words.to_owned()));
    }
}
