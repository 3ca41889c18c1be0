use std::{
    future::{Future, poll_fn},
    io::{Read as _, Write as _},
    net::TcpListener,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures::poll;
use hyper::rt::Executor;

use super::{PreparedRequest, client_on, ready, trouble};
use crate::{account::Trouble, load::Limits};

fn to(url: &str) -> PreparedRequest {
    let headers = vec![("X-Key".into(), "k".into())];
    PreparedRequest {
        method: "POST".into(),
        url: url.into(),
        headers,
        body: Bytes::from_static(b"{}"),
    }
}

#[test]
fn only_loopback_addresses_are_reachable() {
    for good in [
        "http://127.0.0.1:8000/x?y=1",
        "http://127.9.9.9/",
        "http://[::1]:80/",
    ] {
        assert!(ready(&to(good)).is_ok(), "{good}");
    }
    let foreign = [
        "http://10.0.0.1/",
        "http://localhost:8000/",
        "http://example.com/",
        "http://[2001:db8::1]/",
    ];
    for bad in foreign {
        let message = ready(&to(bad)).expect_err("another host");
        assert!(message.contains("not on this host\nhint: "), "{message}");
    }
    assert!(ready(&to("https://127.0.0.1/")).is_err_and(|message| message.contains("`http://`")));
    assert!(ready(&to("nowhere")).is_err_and(|message| message.contains("`nowhere`")));
}

#[test]
fn a_bad_header_is_named_and_its_value_is_not() {
    let mut request = to("http://127.0.0.1/");
    request.headers.push(("X-Secret".into(), "hush\n".into()));
    let message = ready(&request).expect_err("a line break in a header");
    assert!(
        message.contains("X-Secret") && !message.contains("hush"),
        "{message}"
    );
    request.headers = vec![("no name".into(), "v".into())];
    assert!(ready(&request).is_err_and(|message| message.contains("`no name`")));
    request.headers.clear();
    request.method = "NOT A METHOD".into();
    assert!(ready(&request).is_err());
}

/// A server that answers one request on each connection and closes it a little later, unannounced.
fn once_each() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let _read = stream.read(&mut [0; 4096]);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).expect("the client is there");
            thread::sleep(Duration::from_millis(50));
        }
    });
    url
}

/// Runs connections, but lets none of them move while it is shut.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    fn shut(&self) {
        self.0.lock().expect("nobody panicked").0 = true;
    }

    fn open(&self) {
        let mut gate = self.0.lock().expect("nobody panicked");
        gate.0 = false;
        gate.1.drain(..).for_each(Waker::wake);
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Gate {
    fn execute(&self, connection: F) {
        let gate = Arc::clone(&self.0);
        let mut connection = Box::pin(connection);
        tokio::spawn(poll_fn(move |context| {
            let mut gate = gate.lock().expect("nobody panicked");
            if gate.0 {
                gate.1.push(context.waker().clone());
                return Poll::Pending;
            }
            drop(gate);
            connection.as_mut().poll(context)
        }));
    }
}

#[tokio::test]
async fn a_dead_idle_connection_is_reported_and_not_mended_behind_our_back() {
    let url = once_each();
    let gate = Gate::default();
    let client = client_on(gate.clone(), &Limits::default());
    let send = || client.request(ready(&to(&url)).expect("a good request"));
    let first = send().await.expect("the first is answered");
    assert_eq!(first.status(), 200);
    drop(first);
    tokio::time::sleep(Duration::from_millis(10)).await;
    // The server hangs up while the connection cannot notice: the second request is handed to a dead connection,
    // which will see its end before it can begin to write. A client that mends this says 200.
    gate.shut();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut second = pin!(send());
    assert!(poll!(second.as_mut()).is_pending());
    gate.open();
    let error = second.await.expect_err("the connection it was given is dead");
    assert_eq!(trouble(&error), Trouble::Reset, "{error:?}");
    assert!(send().await.is_ok(), "the next one opens a connection of its own");
}
