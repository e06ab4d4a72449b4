//! Says what is wrong when it begins, changes or ends, not at each of a hundred tries.

use tokio::time::Instant;

use crate::{Health, client::Trouble, group::state::Verdict, wire::WireError};

/// What is wrong with one kind of exchange, as last logged.
#[derive(Debug)]
pub(super) struct Complaint {
    about: &'static str,
    /// What somebody has to change.
    refused: Option<String>,
    /// What may pass.
    trouble: Trouble,
}

impl Complaint {
    pub(super) fn about(about: &'static str) -> Self {
        Self { about, refused: None, trouble: Trouble::default() }
    }

    /// Logs `error` unless it is everyday life in a group, said already, or a part of what `health` has told. Gives back
    /// what it means.
    pub(super) fn judge(&mut self, error: &WireError, health: &Health) -> Verdict {
        let (verdict, about) = (Verdict::from(error), self.about);
        let text = error.to_string();
        let error = error as &dyn std::error::Error;
        match verdict {
            Verdict::Rebalancing | Verdict::OldGeneration | Verdict::UnknownMember => {
                tracing::debug!(error, "{about}");
            }
            Verdict::Refused if self.refused.as_ref() == Some(&text) => {
                tracing::debug!(error, "{about} is still refused");
            }
            Verdict::Refused => {
                tracing::error!(
                    error,
                    "{about} is refused, and will be until somebody changes something; \
                     `kafka-consumer-groups --describe --members` shows who else is in the group"
                );
                self.refused = Some(text);
            }
            Verdict::Elsewhere | Verdict::Passing => {
                if self.trouble.again(Instant::now(), !health.is_cut_off()) {
                    tracing::warn!(error, "{about} fails");
                } else {
                    tracing::debug!(error, "{about} fails");
                }
            }
        }
        verdict
    }

    /// It works.
    pub(super) fn settled(&mut self) {
        let was_told = self.trouble.over() | self.refused.take().is_some();
        if was_told {
            tracing::info!("{} works again", self.about);
        }
    }
}
