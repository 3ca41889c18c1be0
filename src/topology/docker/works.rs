//! What is being made on the engine right now. Whoever stops waiting for a future does not stop the engine: what it
//! was asked for, it makes. So everything that makes something there is seen through by a task of its own, and
//! whoever takes things away waits for those first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _};
use tokio::{
    sync::{RwLock, oneshot},
    time::timeout,
};

use super::refusal::Refusal;

/// How long somebody who takes things away waits for an engine that is just making something.
const UNDER_WAY: Duration = Duration::from_mins(1);

/// How long a work that can be broken off goes on when nobody waits for it any more: most are done by then, and one
/// that is done leaves nothing behind that is not known.
const MOMENT: Duration = Duration::from_secs(5);

/// The works of one copy, or of what all copies share.
#[derive(Clone, Default)]
pub(super) struct Works {
    under_way: Arc<RwLock<()>>,
    is_closed: Arc<AtomicBool>,
    was_broken_off: Arc<AtomicBool>,
}

impl Works {
    /// See something through to its end, whether or not anybody waits for it.
    pub(super) async fn see_through<T: Send + 'static>(
        &self,
        work: BoxFuture<'static, Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let under_way = Arc::clone(&self.under_way).read_owned().await;
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(Refusal::words("everything is being taken down"));
        }
        let done = tokio::spawn(async move {
            let done = work.await;
            drop(under_way);
            done
        });
        done.await.unwrap_or_else(|_| Err(broken_off()))
    }

    /// The same for something that may take long: it is broken off a moment after nobody waits for it any more.
    pub(super) async fn see_through_while_wanted<T: Send + 'static>(
        &self,
        work: BoxFuture<'static, Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let (wanted, given_up) = oneshot::channel::<()>();
        let was_broken_off = Arc::clone(&self.was_broken_off);
        let guarded = async move {
            let mut work = work;
            tokio::select! {
                done = &mut work => return done,
                _ = given_up => {}
            }
            timeout(MOMENT, work).await.unwrap_or_else(|_| {
                was_broken_off.store(true, Ordering::SeqCst);
                Err(broken_off())
            })
        };
        let done = self.see_through(guarded.boxed()).await;
        drop(wanted);
        done
    }

    /// Let nothing begin any more, and wait until nothing is under way. True when it is known what the engine has;
    /// false when it may still be busy with something that was broken off.
    pub(super) async fn finish(&self) -> bool {
        self.is_closed.store(true, Ordering::SeqCst);
        let is_finished = timeout(UNDER_WAY, self.under_way.write()).await.is_ok();
        is_finished && !self.was_broken_off.load(Ordering::SeqCst)
    }
}

fn broken_off() -> Refusal {
    Refusal::words("it was broken off")
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::Duration,
    };

    use futures::future::FutureExt as _;
    use tokio::time::{sleep, timeout};

    use super::Works;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_finished_before_anything_is_taken_away() {
        let (works, is_made) = (Works::default(), Arc::new(AtomicBool::new(false)));
        let made = Arc::clone(&is_made);
        let making = async move {
            sleep(Duration::from_millis(300)).await;
            made.store(true, Ordering::SeqCst);
            Ok(())
        };
        let work = works.see_through(making.boxed());
        timeout(Duration::from_millis(20), work)
            .await
            .expect_err("given up");
        assert!(!is_made.load(Ordering::SeqCst));
        assert!(works.finish().await);
        assert!(is_made.load(Ordering::SeqCst));
        let late = works
            .see_through(async { Ok(()) }.boxed())
            .await
            .expect_err("too late");
        assert_eq!(late.to_string(), "everything is being taken down");
    }

    #[tokio::test]
    async fn a_long_work_that_is_given_up_is_broken_off_and_that_is_known() {
        let works = Works::default();
        let work = works.see_through_while_wanted(
            async {
                sleep(Duration::from_hours(1)).await;
                Ok(())
            }
            .boxed(),
        );
        timeout(Duration::from_millis(20), work)
            .await
            .expect_err("given up");
        assert!(!works.finish().await, "the engine may still be busy with it");

        let works = Works::default();
        let work = works.see_through_while_wanted(
            async {
                sleep(Duration::from_millis(300)).await;
                Ok(())
            }
            .boxed(),
        );
        timeout(Duration::from_millis(20), work)
            .await
            .expect_err("given up");
        assert!(works.finish().await, "it was nearly done, and is");
    }
}
