//! The management port of one process, asked from outside.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// A management port answers at once, unless its process is frozen.
const LIMIT: Duration = Duration::from_secs(2);

/// Where health and metrics are.
pub(super) struct Management {
    http: reqwest::Client,
    address: String,
}

/// A page of metrics.
pub(super) struct Page(String);

impl Management {
    pub(super) fn at(address: String) -> Result<Self> {
        Ok(Self { http: reqwest::Client::builder().timeout(LIMIT).build()?, address })
    }

    /// # Errors
    /// It is not ready; says why.
    pub(super) async fn ready(&self) -> Result<()> {
        let answer = self.http.get(format!("http://{}/health/ready", self.address)).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(())
    }

    /// # Errors
    /// It does not answer.
    pub(super) async fn metrics(&self) -> Result<Page> {
        let answer = self.http.get(format!("http://{}/metrics", self.address)).send().await?;
        Ok(Page(answer.error_for_status()?.text().await?))
    }
}

impl Page {
    /// The sum of all series called `name` whose labels hold `label`; the empty text is in all of them.
    ///
    /// # Errors
    /// There is none, or one that is no number.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole and small")]
    pub(super) fn sum(&self, name: &str, label: &str) -> Result<u64> {
        let mut sum = None;
        for line in self.0.lines() {
            let Some(rest) = line.strip_prefix(name) else { continue };
            let Some((labels, value)) = rest.rsplit_once(' ') else { continue };
            if (labels.is_empty() || labels.starts_with('{')) && labels.contains(label) {
                *sum.get_or_insert(0.0) += value.parse::<f64>().with_context(|| line.to_owned())?;
            }
        }
        sum.map(|sum: f64| sum as u64).with_context(|| format!("no metric {name} in:\n{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_name_and_label() {
        let page = Page(
            "# HELP requests Some requests\n\
             requests_total{operation=\"a\",outcome=\"expired\"} 2\n\
             requests_total{operation=\"b\",outcome=\"expired\"} 3\n\
             requests_total{operation=\"b\",outcome=\"answered\"} 5\n\
             requests_total_more 7\n\
             pending 11\n"
                .to_owned(),
        );
        assert_eq!(page.sum("requests_total", "outcome=\"expired\"").unwrap(), 5);
        assert_eq!(page.sum("requests_total", "").unwrap(), 10);
        assert_eq!(page.sum("pending", "").unwrap(), 11);
        assert!(page.sum("absent", "").is_err());
    }
}
