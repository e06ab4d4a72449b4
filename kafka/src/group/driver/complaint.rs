//! Says what is wrong when it begins, changes or ends, not at each of a hundred tries.

use crate::{group::state::Verdict, wire::WireError};

/// What is wrong with one kind of exchange, as last logged.
#[derive(Debug)]
pub(super) struct Complaint {
    about: &'static str,
    logged: Option<String>,
}

impl Complaint {
    pub(super) fn about(about: &'static str) -> Self {
        Self { about, logged: None }
    }

    /// Logs `error` unless it is everyday life in a group or said already. Gives back what it means.
    pub(super) fn judge(&mut self, error: &WireError) -> Verdict {
        let verdict = Verdict::from(error);
        let text = format!("{error}");
        let said = self.logged.as_ref() == Some(&text);
        let is_answer = error.kafka().is_some();
        let error = error as &dyn std::error::Error;
        match verdict {
            Verdict::Rebalancing | Verdict::OldGeneration | Verdict::UnknownMember => {
                tracing::debug!(error, "{}", self.about);
                return verdict;
            }
            _ if said => tracing::debug!(error, "{} still fails", self.about),
            Verdict::Refused => {
                tracing::error!(
                    error,
                    "{} is refused, and will be until somebody changes something; \
                     `kafka-consumer-groups --describe --members` shows who else is in the group",
                    self.about
                );
            }
            // The answer of a coordinator that is just starting or moving.
            Verdict::Elsewhere if is_answer => tracing::info!(error, "{} has to wait", self.about),
            Verdict::Elsewhere | Verdict::Passing => tracing::warn!(error, "{} fails", self.about),
        }
        self.logged = Some(text);
        verdict
    }

    /// It works.
    pub(super) fn settled(&mut self) {
        if self.logged.take().is_some() {
            tracing::info!("{} works again", self.about);
        }
    }
}
