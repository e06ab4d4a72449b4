//! Suite `fairness`: a caller that keeps to its share, alone and beside one that wants many times its own.
//!
//! Both are limited by the same rate. One sends well below it; the other far above, and is refused most of the time: what it
//! costs to refuse it, and to serve it at its limit, may not reach the first.

use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::bench::caller::{Access, Endpoint};
use crate::bench::comparison::{Comparison, Round, Series, Spent};
use crate::bench::findings::Fairness;
use crate::bench::pace::{self, Met, Pace};
use crate::bench::progress::say;
use crate::bench::rounds::{Target, look, spent};
use crate::bench::session::Session;
use crate::bench::stack::Layout;

/// The series of the caller that keeps to its share, by itself.
pub const ALONE: &str = "a caller alone";
/// The same beside one at its limit.
pub const BESIDE: &str = "beside a caller at its limit";
/// Turns of one round.
pub const TURNS: usize = 2;

/// Requests a second that each caller may send.
const SHARE: u32 = 500;
/// So few at once after a rest that the greedy caller is at its limit before the measuring begins.
const BURST: u32 = 50;
/// Of the caller that keeps to it: connections enough that one slow answer does not hold up the next requests.
const MODEST: (u32, u32) = (200, 4);
/// Of the one that does not.
const GREEDY: (u32, u32) = (2000, 16);

/// Two callers' keys, in a file that goes with this.
struct Keys {
    file: NamedTempFile,
    modest: String,
    greedy: String,
}

impl Keys {
    fn new() -> Result<Self> {
        let key = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let (modest, greedy) = (key(), key());
        let line = |name: &str, key: &str| format!("{name} {} hash\n", hex::encode(Sha256::digest(key)));
        let mut file = NamedTempFile::new()?;
        file.write_all((line("modest", &modest) + &line("greedy", &greedy)).as_bytes())?;
        Ok(Self { file, modest, greedy })
    }
}

/// Measures both in turns.
///
/// # Errors
/// Gateway and worker do not start.
pub async fn measure(session: &Session<'_>) -> Result<Fairness> {
    let keys = Keys::new()?;
    let mut settings = session.options.set.clone();
    settings.extend([
        ("SERVICE_1_API_KEYS_FILE".to_owned(), keys.file.path().display().to_string()),
        ("SERVICE_1_CALLER_RATE".to_owned(), SHARE.to_string()),
        ("SERVICE_1_CALLER_BURST".to_owned(), BURST.to_string()),
    ]);
    let access = |key: &str| Access { api_key: Some(key.to_owned()), https: None };
    let layout = Layout {
        gateways: 1,
        workers: 1,
        programs: session.programs(),
        settings,
        access: access(&keys.modest),
    };
    let stack = session.start("fairness", &layout).await?;
    let target = stack.target(ALONE);
    let modest = target.endpoints.first().context("one gateway has one address")?;
    let greedy = Endpoint { access: access(&keys.greedy), ..modest.clone() };

    let rounds = session.options.rounds;
    let (mut alone, mut beside) = (Series::new(ALONE), Series::new(BESIDE));
    let mut greedy_met = Vec::new();
    for round in 0..rounds {
        say(&format!("fair shares, round {} of {rounds}", round + 1));
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                alone.add(self::alone(session, &target, modest).await);
            } else {
                beside.add(self::beside(session, &target, modest, &greedy).await.map(|(round, met)| {
                    greedy_met.push(met);
                    round
                }));
            }
        }
    }
    let comparison = Comparison {
        in_flight: MODEST.1 as usize,
        data_bytes: session.options.payload,
        series: vec![alone, beside],
    };
    Ok(Fairness { comparison, seconds: session.options.seconds.as_secs_f64(), greedy: greedy_met })
}

async fn alone(session: &Session<'_>, target: &Target, modest: &Endpoint) -> Result<Round> {
    let (begin, end) = span(session);
    let counted = counted(target, begin, end);
    let ((sample, met), spent) =
        tokio::try_join!(pace::keep(modest, pace(MODEST, session), begin, end), counted)?;
    keeps_to_its_share(met)?;
    Ok(Round { sample, spent })
}

async fn beside(
    session: &Session<'_>,
    target: &Target,
    modest: &Endpoint,
    greedy: &Endpoint,
) -> Result<(Round, Met)> {
    let (begin, end) = span(session);
    let ((sample, met), (_, greedy_met), spent) = tokio::try_join!(
        pace::keep(modest, pace(MODEST, session), begin, end),
        pace::keep(greedy, pace(GREEDY, session), begin, end),
        counted(target, begin, end),
    )?;
    keeps_to_its_share(met)?;
    Ok((Round { sample, spent }, greedy_met))
}

fn pace((per_second, connections): (u32, u32), session: &Session<'_>) -> Pace {
    Pace { per_second, connections, data_bytes: session.options.payload }
}

fn span(session: &Session<'_>) -> (Instant, Instant) {
    let begin = Instant::now() + session.options.warm_up();
    (begin, begin + session.options.seconds)
}

async fn counted(target: &Target, begin: Instant, end: Instant) -> Result<Vec<Spent>> {
    tokio::time::sleep_until(begin.into()).await;
    let before = look(&target.processes)?;
    tokio::time::sleep_until(end.into()).await;
    Ok(spent(&target.processes, &before, &look(&target.processes)?))
}

fn keeps_to_its_share(met: Met) -> Result<()> {
    ensure!(met.refused == 0, "the caller that keeps to its share was refused {} times", met.refused);
    ensure!(met.answered > 0, "not one answer came in the time that was measured");
    Ok(())
}
