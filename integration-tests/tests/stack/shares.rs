//! Fair shares: what one caller may have under way and how often it may call.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use integration_tests::client::{Client, problem};
use integration_tests::stack::Running;
use integration_tests::wait;
use libtest_mimic::Trial;
use serde_json::json;
use service::settings::{NoWorker, ShareSettings};

use crate::auth::{Scratch, line};
use crate::{Context, test};

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_caller_over_its_rate_gets_429_and_another_does_not", context, rate),
        test("a_caller_has_no_more_under_way_than_its_share", context, pending),
        test("without_names_a_share_belongs_to_an_address", context, by_address),
    ]
}

/// What `name`, whose key is the name, is answered.
async fn call(client: &Client, name: &str) -> Result<reqwest::Response> {
    let request = client.http.post(format!("{}/hash", client.base)).header("x-api-key", name);
    Ok(request.json(&json!({ "data": "x" })).send().await?)
}

async fn answering(gateway: &Running, name: &str) -> Result<Client> {
    let client = gateway.client()?;
    wait::until_ok("an answer", async || {
        let status = call(&client, name).await?.status();
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await?;
    Ok(client)
}

fn header(answer: &reqwest::Response, name: &str) -> Result<String> {
    Ok(answer.headers().get(name).with_context(|| format!("no {name}"))?.to_str()?.to_owned())
}

async fn rate(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let names = ["probe", "alice", "bob"];
    let file = Scratch::new(&names.map(|name| line(name, name, "hash")).concat())?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let mut settings = stack.gateway_settings();
    settings.callers.api_keys_file = Some(file.0.to_path_buf());
    // Nothing fills again while the test runs but the one request that it waits for.
    settings.shares = ShareSettings { rate: Some(1), burst: Some(20), ..ShareSettings::default() };
    let gateway = stack.start_gateway(settings)?;
    processor.ready().await?;
    let client = answering(&gateway, "probe").await?;

    let began = Instant::now();
    let answers = join_all((0..40).map(|_| call(&client, "alice"))).await;
    let answers: Vec<reqwest::Response> = answers.into_iter().collect::<Result<_>>()?;
    let answered = answers.iter().filter(|answer| answer.status() == 200).count();
    let refilled = usize::try_from(began.elapsed().as_secs())? + 1;
    ensure!((20..=20 + refilled).contains(&answered), "{answered} of 40");
    for answer in answers {
        ensure!(header(&answer, "ratelimit-policy")? == r#""rate";q=20;w=20"#);
        let left = header(&answer, "ratelimit")?;
        if answer.status() == 429 {
            ensure!(left.starts_with(r#""rate";r=0;t="#), "{left}");
            ensure!(header(&answer, "retry-after")? == "1");
            ensure!(problem(answer).await?.code == "rate_limited");
        }
    }
    ensure!(call(&client, "bob").await?.status() == 200, "another caller has its own share");

    // Who calls is asked before, what it sends is looked at after.
    let post =
        |key| client.http.post(format!("{}/hash", client.base)).header("x-api-key", key).body("no JSON");
    ensure!(post("stranger").send().await?.status() == 401);
    ensure!(post("alice").send().await?.status() == 429);
    ensure!(post("bob").send().await?.status() == 415);

    // Who waits as long as it is told gets through.
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(call(&client, "alice").await?.status() == 200);
    Ok(())
}

async fn pending(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&["alice", "bob"].map(|name| line(name, name, "hash")).concat())?;
    let mut settings = stack.gateway_settings();
    settings.callers.api_keys_file = Some(file.0.to_path_buf());
    settings.shares.max_pending = Some(2);
    // Nobody answers, so that requests stay under way.
    settings.no_worker = NoWorker::Off;
    settings.request_timeout = Duration::from_secs(3);
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let client = gateway.client()?;
    let statuses = async |name: &'static str, count: usize| {
        let answers = join_all((0..count).map(|_| call(&client, name))).await;
        let mut statuses: Vec<u16> = Vec::new();
        for answer in answers {
            statuses.push(answer?.status().as_u16());
        }
        statuses.sort_unstable();
        anyhow::Ok(statuses)
    };
    let (alice, bob) = tokio::join!(statuses("alice", 4), statuses("bob", 2));
    ensure!(alice? == [429, 429, 504, 504] && bob? == [504, 504]);
    ensure!(statuses("alice", 2).await? == [504, 504], "what ended was given back");
    Ok(())
}

async fn by_address(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let mut settings = stack.gateway_settings();
    settings.shares = ShareSettings { rate: Some(1), burst: Some(100), ..ShareSettings::default() };
    let gateway = stack.start_gateway(settings)?;
    processor.ready().await?;
    let began = Instant::now();
    let client = answering(&gateway, "whoever").await?;
    let answers = join_all((0..150).map(|number| {
        let client = client.clone();
        async move { call(&client, &format!("name-{number}")).await }
    }))
    .await;
    let mut refused = 0;
    for answer in answers {
        refused += usize::from(answer?.status() == 429);
    }
    // Asking whether it answers takes of the same share.
    let refilled = usize::try_from(began.elapsed().as_secs())? + 1;
    ensure!((50 - refilled.min(49)..150).contains(&refused), "{refused} of 150");
    // A second address of this host.
    let elsewhere =
        reqwest::Client::builder().local_address("127.0.0.2".parse::<std::net::IpAddr>()?).build()?;
    let other = Client { http: elsewhere, base: client.base.clone() };
    ensure!(call(&other, "whoever").await?.status() == 200);
    Ok(())
}
