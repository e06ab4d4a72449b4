//! What goes on beside requests for as long as there may be any. Nothing of it ends by itself: what does, by a panic, is seen by
//! the gateway, which stops, since only a new start mends it.

use std::convert::Infallible;
use std::time::Duration;

use service::{Readiness, Shutdown, Tasks};

/// What it may take to end once it is told to. It waits for nothing then.
const END_LIMIT: Duration = Duration::from_secs(1);

/// The tasks, which go on through the stages of the shutdown: they are told by themselves, when requests have ended.
#[derive(Debug)]
pub(crate) struct Background {
    tasks: Tasks,
    over: Shutdown,
}

impl Background {
    /// Nothing yet. `readiness` falls when something of it dies.
    pub(crate) fn new(readiness: Readiness) -> Self {
        let over = Shutdown::manual();
        Self { tasks: Tasks::new(readiness, over.clone()), over }
    }

    /// Goes on with `work`, which is called `name`, on the current runtime.
    pub(crate) fn run(&self, name: &str, work: impl Future<Output = Infallible> + Send + 'static) {
        let over = self.over.requested();
        self.tasks.spawn(name, async move {
            tokio::select! {
                () = over => {}
                never = work => match never {},
            }
        });
    }

    /// What has died, in words, if anything has.
    pub(crate) fn failure(&self) -> Option<String> {
        self.tasks.failure().map(|failure| failure.to_string())
    }

    /// Ends all of it.
    pub(crate) async fn stop(&self) {
        self.tasks.stop(END_LIMIT).await;
    }
}

impl Drop for Background {
    /// That the tasks end with it is no failure.
    fn drop(&mut self) {
        self.over.trigger();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;
    use tokio::time::{sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_dies_is_named_and_makes_readiness_fall() {
        let readiness = Readiness::new();
        let background = Background::new(readiness.clone());
        background.run("one that lives", pending());
        background.run("one that dies", async { panic!("on purpose") });
        let seen = async {
            while background.failure().is_none() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, seen).await.expect("it is seen");
        let reason = Some("task \"one that dies\" panicked".to_owned());
        assert_eq!((background.failure(), readiness.fallen()), (reason.clone(), reason));
    }

    #[tokio::test]
    async fn what_is_told_to_end_has_not_died() {
        for is_told in [true, false] {
            let readiness = Readiness::new();
            let background = Background::new(readiness.clone());
            let (alive, ended) = oneshot::channel::<()>();
            background.run("one that lives", async move {
                let _alive = alive;
                pending().await
            });
            if is_told {
                background.stop().await;
                assert_eq!(background.failure(), None);
            }
            drop(background);
            let ended = timeout(LIMIT, ended).await.expect("nobody is left behind");
            assert!(ended.is_err() && readiness.fallen().is_none());
        }
    }
}
