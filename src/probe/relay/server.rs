//! One relay: a port of its own before a service, and for each connection to it at most one to the service.
//!
//! Connections stand one to one, so that what breaks on one side breaks on the other: nothing is retried, and no
//! answer is made up that no rule asks for.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    pin::pin,
    sync::Arc,
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{Mutex, Notify, oneshot},
    task::JoinSet,
};

use super::{
    Alteration,
    rule::{Rules, Standing},
};

/// A relay; dropping it stops it, and cuts off whoever still hangs on it.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    rules: Arc<Rules>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Why an exchange ends without an answer: both connections end with it.
type Broken = Box<dyn std::error::Error + Send + Sync>;

impl Relay {
    /// Start one on 127.0.0.1. It has a thread of its own: what is measured must not wait for the rest of the harness.
    pub(super) fn start(service: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let rules = Arc::new(Rules::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let relayed = Way {
            here: address,
            service,
            rules: Arc::clone(&rules),
        };
        let thread = thread::Builder::new().name("relay".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = relayed.serve(listener) => {}
                }
            });
        })?;
        Ok(Self {
            address,
            rules,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Letting go of the sender is the signal; the thread drops its connections and ends.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A relay that panicked has nothing left to stop, and a drop has nobody to tell.
            let _ended = thread.join();
        }
    }
}

/// From here to the service, and what happens on the way.
#[derive(Clone)]
struct Way {
    here: SocketAddr,
    service: SocketAddr,
    rules: Arc<Rules>,
}

impl Way {
    async fn serve(self, listener: TcpListener) {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
            return;
        };
        let mut open = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            // Whoever cannot be passed on is hung up on: the caller's observation tells about it.
            open.spawn(self.clone().pass_on(stream));
            while open.try_join_next().is_some() {}
        }
    }

    /// Everything that comes over one connection, until either side ends it.
    async fn pass_on(self, caller: TcpStream) -> Result<(), Broken> {
        caller.set_nodelay(true)?;
        let line = Line::default();
        let exchange = service_fn(|request| self.exchange(request, &line));
        let mut answering = pin!(http1::Builder::new().serve_connection(TokioIo::new(caller), exchange));
        tokio::select! {
            ended = &mut answering => ended?,
            // The service has hung up: so do we, as soon as what it said is passed on.
            () = line.hung_up.notified() => {
                answering.as_mut().graceful_shutdown();
                answering.await?;
            }
        }
        Ok(())
    }

    async fn exchange(&self, mut request: Request<Incoming>, line: &Line) -> Result<Answer, Broken> {
        let rules = self.rules.about(request.method().as_str(), request.uri().path());
        for rule in &rules {
            match rule.alteration() {
                Alteration::Delay(delay) => {
                    rule.has_altered();
                    tokio::time::sleep(*delay).await;
                }
                Alteration::Freeze => {
                    rule.has_altered();
                    rule.until_taken_out().await;
                }
                Alteration::Reply {
                    status,
                    headers,
                    body,
                } => {
                    rule.has_altered();
                    // The body is read to its end, so that the connection can be used again.
                    request.into_body().collect().await?;
                    let mut answer = Response::new(whole(body.clone()));
                    *answer.status_mut() = *status;
                    *answer.headers_mut() = headers.clone();
                    return Ok(answer);
                }
                Alteration::Remove { .. } | Alteration::Replace { .. } => {}
            }
        }
        self.address_to_the_service(&mut request)?;
        let answer = line.send(request, self.service).await?;
        let edits: Vec<_> = rules.iter().filter(|rule| rule.alteration().is_edit()).collect();
        if edits.is_empty() || answer.headers().contains_key(CONTENT_ENCODING) {
            return Ok(answer.map(BodyExt::boxed));
        }
        edited(answer, &edits).await
    }

    /// A request says whom it was meant for, and it was meant for the service.
    fn address_to_the_service(&self, request: &mut Request<Incoming>) -> Result<(), Broken> {
        let to_us = self.here.to_string();
        if request.headers().get(HOST).is_some_and(|host| *host == to_us) {
            let host = HeaderValue::from_str(&self.service.to_string())?;
            request.headers_mut().insert(HOST, host);
        }
        Ok(())
    }
}

/// The connection to the service that belongs to one from a caller, opened when the service is first asked.
#[derive(Default)]
struct Line {
    open: Mutex<Option<SendRequest<Incoming>>>,
    hung_up: Arc<Notify>,
}

impl Line {
    async fn send(&self, request: Request<Incoming>, to: SocketAddr) -> Result<Response<Incoming>, Broken> {
        let mut open = self.open.lock().await;
        let send = match open.take() {
            Some(send) => send,
            None => self.connect(to).await?,
        };
        Ok(open.insert(send).send_request(request).await?)
    }

    async fn connect(&self, to: SocketAddr) -> Result<SendRequest<Incoming>, Broken> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (send, connection) = handshake(TokioIo::new(stream)).await?;
        let hung_up = Arc::clone(&self.hung_up);
        tokio::spawn(async move {
            // What broke it, whoever waits for an answer is told.
            let _ended = connection.await;
            hung_up.notify_one();
        });
        Ok(send)
    }
}

async fn edited(answer: Response<Incoming>, edits: &[&Arc<Standing>]) -> Result<Answer, Broken> {
    let (mut head, body) = answer.into_parts();
    let mut body = body.collect().await?.to_bytes();
    for rule in edits {
        if let Some(edited) = rule.alteration().edit(&body) {
            rule.has_altered();
            head.headers.remove(TRANSFER_ENCODING);
            head.headers.insert(CONTENT_LENGTH, edited.len().into());
            body = edited;
        }
    }
    Ok(Response::from_parts(head, whole(body)))
}

fn whole(body: Bytes) -> BoxBody<Bytes, hyper::Error> {
    Full::new(body).map_err(|never| match never {}).boxed()
}
