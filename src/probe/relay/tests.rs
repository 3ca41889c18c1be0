use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{Alteration, Counts, Held, Pattern, Rule};
use crate::{
    cel::World,
    gate::tree::literal,
    probe::{
        Site, look,
        testing::{Kept, Still, site},
    },
};

/// A service that answers with what it was asked, in two chunks, and hangs up.
async fn service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            let host = asked
                .lines()
                .find_map(|line| line.strip_prefix("host: "))
                .unwrap_or_default();
            let body = format!(r#""status":"ok","host":"{host}"}}"#);
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\
                 connection: close\r\n\r\n1\r\n{{\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            );
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

async fn stand() -> (Site, SocketAddr) {
    let address = service().await;
    let ground = Still::at(&[("api", address), ("gone", SocketAddr::from(([127, 0, 0, 1], 1)))]);
    (
        site(Arc::new(ground), Arc::new(Kept::default()), BTreeMap::new()),
        address,
    )
}

fn put_in(held: &Held, site: &Site, pattern: &str, alteration: Alteration) -> u64 {
    let number = site.relays.number();
    let rule = Rule {
        pattern: Pattern::parse(pattern).expect("a pattern"),
        alteration,
        share: 1.0,
    };
    held.put_in(number, rule);
    number
}

async fn ask(site: &Site, request: &str) -> Value {
    let params = literal(&json!({"request": request, "timeout": "400ms"})).expect("no expression");
    let taken = look("http", &params, &World::pure().scope(), site).await;
    taken.seen.expect("it was sent")
}

fn altered(site: &Site, number: u64) -> Option<u64> {
    site.relays.counts("api", number).map(|counts| counts.altered)
}

#[tokio::test]
async fn a_relay_without_a_rule_lets_everything_pass_and_is_gone_when_nobody_holds_it() {
    let (site, address) = stand().await;
    let held = site.relays.hold("api", address).expect("a free port");
    let again = site.relays.hold("api", address).expect("the same one");
    let at = site.relays.address("api").expect("it stands");
    assert_ne!(at, address);
    let seen = ask(&site, "GET api /health").await;
    assert_eq!(
        seen["json"],
        json!({"status": "ok", "host": address.to_string()}),
        "the service sees the name it would have seen"
    );
    drop(held);
    assert_eq!(site.relays.address("api"), Some(at), "somebody still holds it");
    drop(again);
    assert_eq!(site.relays.address("api"), None);
    assert!(std::net::TcpStream::connect(at).is_err());
    assert_eq!(ask(&site, "GET api /health").await["status"], 200);
}

#[tokio::test]
async fn an_answer_is_edited_and_what_is_not_meant_is_left_alone() {
    let (site, address) = stand().await;
    let held = site.relays.hold("api", address).expect("a free port");
    let remove = Alteration::Remove {
        pointer: "/status".to_owned(),
    };
    let number = put_in(&held, &site, "GET /health/*", remove);
    let seen = ask(&site, "GET api /health/ready?deep=1").await;
    assert_eq!(seen["json"], json!({"host": address.to_string()}));
    assert_eq!(ask(&site, "GET api /other").await["json"]["status"], "ok");
    assert_eq!(ask(&site, "POST api /health/ready").await["json"]["status"], "ok");
    let counts = Counts {
        matched: 1,
        altered: 1,
    };
    assert_eq!(site.relays.counts("api", number), Some(counts));
    let replace = Alteration::Replace {
        pointer: "/status".to_owned(),
        with: json!("down"),
    };
    put_in(&held, &site, "GET /health/*", replace);
    assert_eq!(
        ask(&site, "GET api /health/ready").await["json"]["status"],
        "down"
    );
    site.relays.take_out("api", number);
    assert_eq!(altered(&site, number), None);
}

#[tokio::test]
async fn a_service_is_answered_for() {
    let (site, address) = stand().await;
    let held = site.relays.hold("api", address).expect("a free port");
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let reply = Alteration::reply(503, &headers, r#"{"status":"fine"}"#.to_owned()).expect("an answer");
    let number = put_in(&held, &site, "* /health", reply);
    let seen = ask(&site, "POST api /health").await;
    assert_eq!(
        (&seen["status"], &seen["json"]["status"]),
        (&json!(503), &json!("fine"))
    );
    assert_eq!(altered(&site, number), Some(1));
    assert!(Alteration::reply(100, &[], String::new()).is_err());
    assert!(Alteration::reply(200, &[("a b".to_owned(), String::new())], String::new()).is_err());
}

#[tokio::test]
async fn a_request_is_held_back_for_a_while_or_until_the_rule_is_taken_out() {
    let (site, address) = stand().await;
    let held = site.relays.hold("api", address).expect("a free port");
    let delay = Alteration::Delay(Duration::from_millis(80));
    let slow = put_in(&held, &site, "GET /slow", delay);
    let begin = Instant::now();
    assert_eq!(ask(&site, "GET api /slow").await["status"], 200);
    assert!(begin.elapsed() >= Duration::from_millis(80));
    assert_eq!(altered(&site, slow), Some(1));
    let frozen = put_in(&held, &site, "GET /frozen", Alteration::Freeze);
    assert_eq!(ask(&site, "GET api /frozen").await["error"], "timeout");
    assert_eq!(altered(&site, frozen), Some(1));
    let (seen, ()) = tokio::join!(ask(&site, "GET api /frozen"), async {
        tokio::time::sleep(Duration::from_millis(80)).await;
        site.relays.take_out("api", frozen);
    });
    assert_eq!(seen["status"], 200, "what was held back goes on");
}

#[tokio::test]
async fn no_answer_is_made_up_for_a_service_that_is_not_there() {
    let (site, _address) = stand().await;
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let _held = site.relays.hold("gone", nobody).expect("a free port");
    let seen = ask(&site, "GET gone /").await;
    assert_eq!((&seen["status"], &seen["error"]), (&json!(0), &json!("reset")));
}
