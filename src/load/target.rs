//! A server inside closure whose behaviour is known: what the meter is held against.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{sync::oneshot, task::JoinSet, time::sleep_until};

use super::pacer::{Pacer, SpanClock};

/// How a target behaves. The default answers 200 at once: the null target.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TargetPlan {
    /// From this moment after the first request nobody is answered …
    pub stall_at: Option<Duration>,
    /// … for so long.
    pub stall_for: Duration,
    /// Share of the requests that are answered with 500, from 0 to 1, evenly: 0.02 is every fiftieth.
    pub error_share: f64,
    /// Every answer is held back for so long.
    pub delay: Duration,
}

/// A running target on a port of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    facts: Arc<Facts>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Facts {
    plan: TargetPlan,
    first: OnceLock<Instant>,
    requests: AtomicU64,
    connections: AtomicU64,
}

impl Target {
    /// Start one on 127.0.0.1. It has a thread of its own: the meter must not compete with what it measures.
    pub fn start(plan: TargetPlan) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (requests, connections) = (AtomicU64::new(0), AtomicU64::new(0));
        let facts = Arc::new(Facts {
            plan,
            first: OnceLock::new(),
            requests,
            connections,
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&facts);
        let thread = thread::Builder::new().name("load-target".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, served) => {}
                }
            });
        })?;
        Ok(Self {
            address,
            facts,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that reached it.
    pub fn requests(&self) -> u64 {
        self.facts.requests.load(Ordering::Relaxed)
    }

    /// Connections that were opened to it.
    pub fn connections(&self) -> u64 {
        self.facts.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Letting go of the sender is the signal; the thread drops its connections and ends.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A target that panicked has nothing left to stop, and a drop has nobody to tell.
            let _ended = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, facts: Arc<Facts>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let mut open = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        facts.connections.fetch_add(1, Ordering::Relaxed);
        let facts = Arc::clone(&facts);
        open.spawn(async move {
            let answer = service_fn(move |request| answer(Arc::clone(&facts), request));
            // A client that hangs up is its own business; the load's rows tell about it.
            let _closed = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
        while open.try_join_next().is_some() {}
    }
}

async fn answer(facts: Arc<Facts>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let first = *facts.first.get_or_init(Instant::now);
    let nth = facts.requests.fetch_add(1, Ordering::Relaxed);
    // The body is read to its end, so that the connection can be used again.
    let _body = request.into_body().collect().await;
    facts.plan.hold(first).await;
    let status = if facts.plan.fails(nth) {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::OK
    };
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

impl TargetPlan {
    async fn hold(&self, first: Instant) {
        if let Some(stall) = self.stall_at.map(|after| first + after) {
            let over = stall + self.stall_for;
            if (stall..over).contains(&Instant::now()) {
                sleep_until(over.into()).await;
            }
        }
        if !self.delay.is_zero() {
            precisely(self.delay).await;
        }
    }

    /// The share adds up to one more whole failure at this request.
    #[expect(clippy::cast_precision_loss, reason = "no load has 2^53 requests")]
    fn fails(&self, nth: u64) -> bool {
        let so_far = |count: u64| (count as f64 * self.error_share.clamp(0.0, 1.0)).floor();
        so_far(nth + 1) > so_far(nth)
    }
}

/// Sleep with the kernel's timer; with tokio's, which oversleeps by a millisecond or two, when there is none to have.
async fn precisely(delay: Duration) {
    let us = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
    let slept = match Pacer::new(SpanClock::beginning_in(Duration::ZERO)) {
        Ok(mut pacer) => pacer.reached(us).await,
        Err(error) => Err(error),
    };
    if slept.is_err() {
        tokio::time::sleep(delay).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, TargetPlan};

    #[test]
    fn errors_are_spread_evenly_and_exactly() {
        let failures = |error_share: f64, total: u64| {
            let plan = TargetPlan {
                error_share,
                ..TargetPlan::default()
            };
            (0..total).filter(|nth| plan.fails(*nth)).collect::<Vec<_>>()
        };
        assert_eq!(failures(0.02, 150), [49, 99, 149]);
        assert!(failures(0.0, 1000).is_empty());
        assert_eq!(failures(1.0, 3), [0, 1, 2]);
        assert_eq!(failures(0.3, 10).len(), 3);
    }

    #[test]
    fn a_dropped_target_frees_its_port() {
        let target = Target::start(TargetPlan::default()).expect("a free port");
        let address = target.address();
        assert!(address.ip().is_loopback());
        drop(target);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
