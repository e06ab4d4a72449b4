//! What the network between services and a broker does, by the proxy that stands there.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::sleep;

use super::{Injection, Kind, Made, Subject};
use crate::proxy::{Direction, Flow, Proxy};

/// Where in a frame a connection is cut, in bytes: behind its length, and inside its header.
const CUT_AFTER: usize = 9;

/// Frames that are cut in each direction.
const CUTS: u32 = 12;

/// A slow network.
const DELAY: Duration = Duration::from_millis(50);
const BYTES_PER_SECOND: NonZeroU32 = NonZeroU32::new(1_000_000).expect("it is not zero");

pub(super) async fn make(injection: &Injection, subject: &Subject) -> Result<Made> {
    let (proxy, target) = subject.site.proxy(injection.pick)?;
    disturb(proxy, injection.kind)?;
    sleep(injection.lasts).await;
    if injection.kind == Kind::FramesCut {
        cut_out(proxy).await;
    }
    proxy.heal();
    Ok(target.into())
}

fn disturb(proxy: &Proxy, kind: Kind) -> Result<()> {
    match kind {
        Kind::FramesCut => {
            for direction in Direction::BOTH {
                proxy.cut_frames(direction, CUT_AFTER, CUTS);
            }
        }
        Kind::BlackHole => proxy.black_hole(),
        Kind::AnswersLost => proxy.lose_answers(),
        Kind::HalfOpen => proxy.forget_connections(),
        Kind::CablePulled => proxy.hold(),
        Kind::NetworkSlow => {
            proxy.set_both(Flow { delay: DELAY, ..Flow::limited(BYTES_PER_SECOND) });
        }
        other => bail!("{other:?} is not the network's to make"),
    }
    Ok(())
}

/// Waits until all cuts were made, as long as there are frames to cut.
async fn cut_out(proxy: &Proxy) {
    const PAUSE: Duration = Duration::from_millis(20);
    const LOOKS: usize = 100;
    for _ in 0..LOOKS {
        if Direction::BOTH.iter().all(|direction| proxy.cuts_left(*direction) == 0) {
            return;
        }
        sleep(PAUSE).await;
    }
}
