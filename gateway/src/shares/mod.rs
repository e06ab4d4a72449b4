//! Fair shares: how much one caller may have under way at once, and how often it may call.
//!
//! A caller is known by its name, or by its address where nobody asks for names. Off unless a limit is set; then each
//! request takes one short lock that all shards share, for a limit that each shard kept for itself would be another one
//! for a caller whose connections all ended up on one.

mod allowance;
mod table;
mod who;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use service::settings::ShareSettings;

use crate::problem::{Code, Problem};

pub(crate) use who::Who;

use allowance::{Allowance, Quota};
use table::{Refusal, Table};

/// The shares of all callers of one gateway.
#[derive(Debug)]
pub(crate) struct Shares {
    began: Instant,
    allowance: Option<Allowance>,
    table: Mutex<Table>,
}

/// A caller's share that one request takes. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    who: Who,
    quota: Option<Quota>,
}

impl Shares {
    /// What `settings` ask for; none if they set no limit.
    pub(crate) fn from_settings(settings: &ShareSettings) -> Option<Arc<Self>> {
        let allowance = settings.rate.map(|rate| Allowance::new(rate, settings.burst.unwrap_or(rate)));
        if settings.max_pending.is_none() && allowance.is_none() {
            return None;
        }
        let table = Mutex::new(Table::new(settings.max_pending, allowance));
        Some(Arc::new(Self { began: Instant::now(), allowance, table }))
    }

    /// Takes a share of `who`'s.
    ///
    /// # Errors
    /// 429 if they have no more.
    pub(crate) fn take(self: &Arc<Self>, who: Who) -> Result<Share, Problem> {
        let now = self.now();
        match self.table.lock().enter(who, now) {
            Ok((who, quota)) => Ok(Share { shares: self.clone(), who, quota }),
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    /// Time since the start: the table needs no other.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn refused(&self, refusal: &Refusal) -> Problem {
        match refusal {
            Refusal::Pending(limit) => Problem::new(
                Code::RateLimited,
                format!(
                    "{limit} requests of this caller are under way, which is its share; wait for answers"
                ),
            )
            .retry_after(1)
            .header(POLICY.clone(), format!(r#""pending";q={limit};qu="concurrent-requests""#))
            .header(STATE.clone(), r#""pending";r=0;t=1"#.to_owned()),
            Refusal::Rate { quota, wait } => {
                let problem =
                    Problem::new(Code::RateLimited, "this caller sends more often than it may; wait")
                        .retry_after(u32::try_from(whole_seconds(*wait)).unwrap_or(u32::MAX));
                let headers = self.allowance.map(|allowance| headers(allowance, *quota));
                headers
                    .into_iter()
                    .flatten()
                    .fold(problem, |problem, (name, value)| problem.header(name, value))
            }
        }
    }
}

impl Share {
    /// Says in an answer how much of its rate the caller has left.
    pub(crate) fn tell(&self, answer: &mut HeaderMap) {
        let (Some(allowance), Some(quota)) = (self.shares.allowance, self.quota) else { return };
        for (name, value) in headers(allowance, quota) {
            if let Ok(value) = HeaderValue::try_from(value) {
                answer.insert(name, value);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.table.lock().leave(&self.who);
    }
}

/// The IETF's draft "RateLimit header fields for HTTP".
static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static STATE: HeaderName = HeaderName::from_static("ratelimit");

fn headers(allowance: Allowance, quota: Quota) -> [(HeaderName, String); 2] {
    let (burst, window) = (allowance.burst(), whole_seconds(allowance.window()));
    [
        (POLICY.clone(), format!(r#""rate";q={burst};w={window}"#)),
        (STATE.clone(), format!(r#""rate";r={};t={}"#, quota.left, whole_seconds(quota.full_in))),
    ]
}

/// Rounded up, and at least 1, so that nobody comes too early.
fn whole_seconds(duration: Duration) -> u64 {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(max_pending: Option<u32>, rate: Option<u32>, burst: Option<u32>) -> Option<Arc<Shares>> {
        Shares::from_settings(&ShareSettings { max_pending, rate, burst })
    }

    fn name(name: &str) -> Who {
        Who::Name(name.into())
    }

    #[test]
    fn without_limits_there_is_nothing_to_ask() {
        assert!(shares(None, None, Some(5)).is_none());
    }

    #[test]
    fn what_is_under_way_is_bounded_for_each_caller_and_given_back() {
        let shares = shares(Some(2), None, None).unwrap();
        let first = shares.take(name("alice")).unwrap();
        let _second = shares.take(name("alice")).unwrap();
        assert_eq!(shares.take(name("alice")).unwrap_err().code(), Code::RateLimited);
        assert!(shares.take(name("bob")).is_ok());
        drop(first);
        assert!(shares.take(name("alice")).is_ok());
    }

    #[test]
    fn an_answer_tells_what_is_left() {
        let shares = shares(None, Some(1), Some(3)).unwrap();
        let mut answer = HeaderMap::new();
        shares.take(name("alice")).unwrap().tell(&mut answer);
        assert_eq!(answer.get("ratelimit-policy").unwrap(), r#""rate";q=3;w=3"#);
        assert_eq!(answer.get("ratelimit").unwrap(), r#""rate";r=2;t=1"#);
    }

    #[test]
    fn a_refusal_tells_when_to_come_again() {
        let shares = shares(None, Some(1), Some(2)).unwrap();
        for _ in 0..2 {
            shares.take(name("alice")).unwrap();
        }
        let response = shares.take(name("alice")).unwrap_err().response();
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!((response.status().as_u16(), header("retry-after").as_str()), (429, "1"));
        assert_eq!(header("ratelimit"), r#""rate";r=0;t=2"#);
    }
}
