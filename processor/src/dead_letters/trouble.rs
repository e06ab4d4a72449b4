//! What keeps dead letters from being written, for those who wait for it to pass and for health.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// The last attempt's failure, if it failed. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    is_there: AtomicBool,
    last: Mutex<Option<Failure>>,
}

#[derive(Debug)]
struct Failure {
    error: String,
    /// Waiting does not mend it: somebody has to change the topic.
    is_refusal: bool,
}

impl Trouble {
    /// An attempt failed. Whether that is news.
    pub(super) fn begin(&self, error: String, is_refusal: bool) -> bool {
        let before = self.shared.last.lock().replace(Failure { error, is_refusal });
        self.shared.is_there.store(true, Ordering::Relaxed);
        before.is_none_or(|before| before.is_refusal != is_refusal)
    }

    /// An attempt worked. Whether that is news.
    pub(super) fn end(&self) -> bool {
        let was_there = self.shared.is_there.swap(false, Ordering::Relaxed);
        if was_there {
            *self.shared.last.lock() = None;
        }
        was_there
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_there(&self) -> bool {
        self.shared.is_there.load(Ordering::Relaxed)
    }

    /// For `/health/ready`.
    pub(crate) fn shown(&self) -> Value {
        match &*self.shared.last.lock() {
            None => json!({ "writable": true }),
            Some(Failure { error, is_refusal }) => json!({
                "writable": false,
                "last_error": error,
                "needs_attention": is_refusal,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_trouble_is_news_once_and_so_is_its_end() {
        let trouble = Trouble::default();
        assert!(!trouble.end());
        assert!(trouble.begin("away".into(), false));
        assert!(!trouble.begin("still away".into(), false));
        assert!(trouble.is_there());
        assert_eq!(trouble.shown()["last_error"], "still away");
        assert!(trouble.begin("refused".into(), true));
        assert_eq!(trouble.shown()["needs_attention"], true);
        assert!(trouble.end());
        assert_eq!(trouble.shown(), json!({ "writable": true }));
    }
}
