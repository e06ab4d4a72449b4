//! Users that log in by SCRAM, as a broker is told of them: never by the password itself.

use anyhow::{Result, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kafka::wire::{Connection, ResponseError};
use kafka_protocol::messages::AlterUserScramCredentialsRequest;
use kafka_protocol::messages::alter_user_scram_credentials_request::ScramCredentialUpsertion;
use kafka_protocol::protocol::StrBytes;
use sha2::{Sha256, Sha512};

use super::{CALL_TIMEOUT, password};

const SHA_256: i8 = 1;
const SHA_512: i8 = 2;
/// The fewest that Kafka takes.
const ITERATIONS: i32 = 4096;
const SALT: &[u8] = b"salt of tests";
const VERSION: i16 = 0;

/// Makes `users`, each with its password for both hashes.
pub(super) async fn make(connection: &mut Connection, users: &[&str]) -> Result<()> {
    // Two credentials of one user do not go in one request.
    for mechanism in [SHA_256, SHA_512] {
        let upsertions = users.iter().map(|user| upsertion(user, mechanism)).collect();
        let request = AlterUserScramCredentialsRequest::default().with_upsertions(upsertions);
        let answer = connection.call(&request, VERSION, CALL_TIMEOUT).await?;
        for result in answer.results {
            let error = ResponseError::try_from_code(result.error_code);
            ensure!(error.is_none(), "{error:?}: {:?}", result.error_message);
        }
    }
    Ok(())
}

fn upsertion(user: &str, mechanism: i8) -> ScramCredentialUpsertion {
    let password = password(user);
    let salted = if mechanism == SHA_256 { salted_256(&password) } else { salted_512(&password) };
    ScramCredentialUpsertion::default()
        .with_name(StrBytes::from_string(user.to_owned()))
        .with_mechanism(mechanism)
        .with_iterations(ITERATIONS)
        .with_salt(SALT.into())
        .with_salted_password(salted.into())
}

fn salted_256(password: &str) -> Vec<u8> {
    let key = Hmac::<Sha256>::new_from_slice(password.as_bytes()).expect("keys have any length");
    salted(|message| key.clone().chain_update(message).finalize().into_bytes().to_vec())
}

fn salted_512(password: &str) -> Vec<u8> {
    let key = Hmac::<Sha512>::new_from_slice(password.as_bytes()).expect("keys have any length");
    salted(|message| key.clone().chain_update(message).finalize().into_bytes().to_vec())
}

/// RFC 5802's `Hi`.
fn salted(mac: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut round = mac(&[SALT, &1_u32.to_be_bytes()].concat());
    let mut sum = round.clone();
    for _ in 1..ITERATIONS {
        round = mac(&round);
        sum.iter_mut().zip(&round).for_each(|(byte, other)| *byte ^= other);
    }
    sum
}
