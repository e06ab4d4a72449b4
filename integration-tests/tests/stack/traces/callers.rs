//! Spans name who called, those whom they refuse included.

use anyhow::{Result, ensure};
use integration_tests::otlp::Collector;
use service::settings::GatewaySettings;

use super::{TRACE, named, parent};
use crate::Context;
use crate::auth::{BOB, Scratch, line};

/// The key is known, and opens something else.
pub(super) async fn refused(context: Context) -> Result<()> {
    let (stack, collector) = (context.stack().await?, Collector::start().await?);
    let keys = Scratch::new(&line("bob", BOB, "length"))?;
    let mut settings =
        GatewaySettings { traces: collector.settings("api-gateway"), ..stack.gateway_settings() };
    settings.callers.api_keys_file = Some(keys.0.to_path_buf());
    let gateway = stack.start_gateway(settings)?;
    let theirs = parent(TRACE, true);
    let headers = [("x-api-key", BOB), ("traceparent", theirs.as_str())];
    ensure!(crate::auth::call(&gateway.client()?, &headers).await?.status() == 403);
    let spans = collector.trace(TRACE, 1).await?;
    let refused = named(&spans, "POST /hash")?;
    for (name, value) in
        [("enduser.id", "bob"), ("error.type", "forbidden"), ("http.response.status_code", "403")]
    {
        ensure!(refused.attribute(name)? == value, "{name} in {refused:#?}");
    }
    Ok(())
}
