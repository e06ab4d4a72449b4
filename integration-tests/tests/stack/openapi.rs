//! The description of the API against what is really served.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{Context, test};

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![test("every_described_operation_works_as_described", context, described)]
}

async fn described(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    let (status, document) = client.get("/openapi.json").await?;
    ensure!(status == 200);
    let document: Value = serde_json::from_str(&document)?;
    ensure!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    let paths = document["paths"].as_object().context("no paths")?;
    ensure!(paths.contains_key("/hash"));
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().context("no methods")? {
            let media = &operation["requestBody"]["content"]["application/json"];
            let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes())?;
            let request = client.http.request(method, format!("{}{path}", client.base));
            let answer = request.json(&media["example"]).send().await?;
            let status = answer.status().as_u16().to_string();
            ensure!(status == "200", "{path} answered {status}");
            let schema = &operation["responses"][&status]["content"]["application/json"]["schema"];
            let answer: Value = answer.json().await?;
            for field in schema["required"].as_array().context("no required fields")? {
                let field = field.as_str().context("a name")?;
                ensure!(answer[field].is_string(), "no {field} in {answer}");
            }
        }
        // What is not described is not served.
        let answer = client.http.delete(format!("{}{path}", client.base)).send().await?;
        ensure!(answer.status() == 405);
    }
    Ok(())
}
