//! Files of keys: changed, emptied, broken, and such as are none.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::Client;
use integration_tests::process::{Process, Program};
use integration_tests::wait;
use libtest_mimic::Trial;

use crate::auth::{ALICE, BOB, KEYS, Scratch, call, gateway_environment, guarded, holds_secret, line};
use crate::{Context, test};

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_changed_file_of_keys_is_read_again", context, reload),
        test("a_file_that_blocks_holds_up_neither_other_files_nor_the_end", context, blocks),
        test("a_gateway_with_a_broken_file_of_keys_does_not_start", context, broken_file),
    ]
}

async fn reload(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&line("alice", ALICE, "hash"))?;
    let gateway = guarded(&stack, &file)?;
    let client = gateway.client()?;
    let is_known = async |key| anyhow::Ok(call(&client, &[("x-api-key", key)]).await?.status() != 401);
    ensure!(is_known(ALICE).await? && !is_known(BOB).await?);
    std::fs::write(&file.0, line("bob", BOB, "hash"))?;
    wait::until_ok("the new keys", async || {
        ensure!(is_known(BOB).await? && !is_known(ALICE).await?);
        Ok(())
    })
    .await?;
    // What cannot be used changes nothing, and nor does a file that was emptied.
    for unusable in ["nonsense", ""] {
        std::fs::write(&file.0, unusable)?;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        ensure!(is_known(BOB).await? && !is_known(ALICE).await?, "{unusable:?}");
    }
    // Who means it says so.
    std::fs::write(&file.0, "nobody\n")?;
    wait::until_ok("the last key is taken back", async || {
        ensure!(!is_known(BOB).await?);
        Ok(())
    })
    .await
}

async fn blocks(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&line("alice", ALICE, "hash"))?;
    let keys = Scratch::new(KEYS)?;
    let gateway = gateway_environment(&stack, &file, &keys);
    let mut process = Process::start(Program::Gateway, &gateway.pairs())?;
    let client = Client::at(&process.listening().await?)?;
    // Nobody ever writes into it.
    std::fs::remove_file(&keys.0)?;
    ensure!(Command::new("mkfifo").arg(&keys.0).status()?.success());
    wait::until_ok("the pipe was seen", async || {
        ensure!(process.log().contains("it is no regular file"), "{}", process.log());
        Ok(())
    })
    .await?;
    std::fs::write(&file.0, line("bob", BOB, "hash"))?;
    wait::until_ok("the new keys", async || {
        ensure!(call(&client, &[("x-api-key", BOB)]).await?.status() != 401);
        Ok(())
    })
    .await?;
    let status = process.terminate().await?;
    ensure!(status.success(), "{status}: {}", process.log());
    // And it does not wait for one at the start.
    let mut process = Process::start(Program::Gateway, &gateway.pairs())?;
    wait::until_ok("the end", async || {
        let ended = process.ended()?.context("it runs")?;
        ensure!(
            ended.code() == Some(1) && process.log().contains("it is no regular file"),
            "{}",
            process.log()
        );
        Ok(())
    })
    .await
}

async fn broken_file(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let file = Scratch::new(&format!("alice {ALICE} hash"))?;
    let error = guarded(&stack, &file).err().context("it started")?;
    let said = format!("{error:#} {error:?}");
    ensure!(said.contains("line 1: the second word has to be the SHA-256") && !holds_secret(&said), "{said}");
    Ok(())
}
