//! The whole stack on a real broker. `TEST_BROKER` chooses which; see the crate's documentation.
//!
//! A harness of its own lets all tests share one container, and take it away at the end.

// Layouts of futures inside futures, down to the sockets.
#![recursion_limit = "256"]
#![expect(clippy::print_stderr, reason = "which broker ran and what was skipped belongs beside the results")]

mod answers;
mod auth;
mod brokers;
mod by_hand;
mod cluster;
mod deadlines;
mod faults;
mod gate;
mod honesty;
mod hostile;
mod images;
mod key_files;
mod limits;
mod metrics;
mod network;
mod no_workers;
mod openapi;
mod outcomes;
mod overload;
mod rolling;
mod scale;
mod secure;
mod shares;
mod sharing;
mod shutdown;
mod slow_partition;
mod soak;
mod steady;
mod tls;
mod tokens;
mod traces;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use integration_tests::broker::{Brokers, Choice, TestBroker};
use integration_tests::logs;
use integration_tests::stack::TestStack;
use libtest_mimic::{Arguments, Failed, Trial};

/// What a test is given.
#[derive(Clone)]
struct Context {
    brokers: Arc<Brokers>,
}

impl Context {
    /// A stack on a broker that other tests may be using.
    async fn stack(&self) -> Result<TestStack> {
        Ok(TestStack::new(self.brokers.any().await?))
    }

    /// A broker that the test may stop; none where there is no such, which the test has to say.
    async fn own_broker(&self) -> Result<Option<TestBroker>> {
        let broker = self.brokers.own().await?;
        if broker.is_none() {
            eprintln!("skipped: the broker is somebody else's and cannot be stopped");
        }
        Ok(broker)
    }
}

/// A test by name: an async function on a runtime of its own.
fn test<F, T>(name: &str, context: &Context, run: F) -> Trial
where
    F: FnOnce(Context) -> T + Send + 'static,
    T: Future<Output = Result<()>>,
{
    let context = context.clone();
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let began = Instant::now();
        runtime.block_on(run(context)).map_err(|error| {
            let logs = logs::since(began);
            Failed::from(format!(
                "{error:#}\n\nWhat services logged last, those of other tests among them:\n{logs}"
            ))
        })
    })
}

fn main() {
    let mut arguments = Arguments::from_args();
    // Two cores carry few stacks at once.
    arguments.test_threads = arguments.test_threads.or(Some(3));
    logs::init();
    let keeper = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let choice = Choice::from_environment();
    eprintln!("broker: {choice:?}");
    let brokers = Arc::new(Brokers::new(choice, keeper.handle().clone()));
    let context = Context { brokers: brokers.clone() };
    let trials = [
        answers::tests(&context),
        auth::tests(&context),
        brokers::tests(&context),
        by_hand::tests(&context),
        cluster::tests(&context),
        deadlines::tests(&context),
        faults::tests(&context),
        hostile::tests(&context),
        images::tests(&context),
        key_files::tests(&context),
        limits::tests(&context),
        metrics::tests(&context),
        network::tests(&context),
        no_workers::tests(&context),
        openapi::tests(&context),
        outcomes::tests(&context),
        overload::tests(&context),
        rolling::tests(&context),
        scale::tests(&context),
        secure::tests(&context),
        shares::tests(&context),
        sharing::tests(&context),
        shutdown::tests(&context),
        slow_partition::tests(&context),
        soak::tests(&context),
        traces::tests(&context),
        tls::tests(&context),
        tokens::tests(&context),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
    drop(context);
    // The container goes with the last user of it, on the runtime that started it.
    keeper.block_on(async { drop(brokers) });
    drop(keeper);
    conclusion.exit();
}
