//! SCRAM, the client's side (RFC 5802 and RFC 7677), without channel binding, as Kafka has it.
//!
//! ```text
//!   client                                             server
//!   n,,n=NAME,r=NONCE                            ──▶
//!                                                ◀──   r=NONCE+MORE,s=SALT,i=ITERATIONS
//!   c=biws,r=NONCE+MORE,p=PROOF                  ──▶   knows by the proof that we know the password
//!                                                ◀──   v=SIGNATURE, or e=ERROR
//!   knows by the signature that the server does
//! ```

use std::{fmt, mem, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use tokio::sync::Mutex;

use super::{Aside, Refusal};

/// Fewer are refused, as by every client of Kafka: whoever posed as the broker could ask for a proof that is cheap to guess from.
const MIN_ITERATIONS: u32 = 4096;
/// More are refused: a broker must not keep a thread busy for as long as it likes. Kafka's own limit is 16,384; this many
/// take some tens of milliseconds.
const MAX_ITERATIONS: u32 = 100_000;
const NONCE_BYTES: usize = 24;

/// No channel binding, and no other identity to act for.
const GS2_HEADER: &str = "n,,";

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScramHash {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// The salted password of the last login. Deriving it takes milliseconds by design; a process logs in often.
#[derive(Default)]
pub struct Derived(Mutex<Option<(Recipe, Arc<[u8]>)>>);

/// What a salted password is made from.
#[derive(Clone, PartialEq, Eq)]
struct Recipe {
    password: String,
    salt: Vec<u8>,
    iterations: u32,
}

/// One login.
pub(crate) struct Scram<'a> {
    hash: ScramHash,
    password: String,
    nonce: String,
    /// `n=NAME,r=NONCE`, which the proof covers.
    first_bare: String,
    derived: &'a Derived,
    next: Next,
}

/// What comes next.
enum Next {
    First,
    Proof,
    Verify { signature: Vec<u8> },
    Nothing,
}

impl<'a> Scram<'a> {
    pub(super) fn begin(
        hash: ScramHash,
        username: &str,
        password: String,
        derived: &'a Derived,
    ) -> Result<Self, Refusal> {
        let mut random = [0; NONCE_BYTES];
        getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
        Ok(Self::with_nonce(hash, username, password, BASE64.encode(random), derived))
    }

    fn with_nonce(
        hash: ScramHash,
        username: &str,
        password: String,
        nonce: String,
        derived: &'a Derived,
    ) -> Self {
        let name = username.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={name},r={nonce}");
        Self { hash, password, nonce, first_bare, derived, next: Next::First }
    }

    pub(super) async fn answer(
        &mut self,
        challenge: &[u8],
        aside: &Aside,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        match mem::replace(&mut self.next, Next::Nothing) {
            Next::First => {
                self.next = Next::Proof;
                Ok(Some(format!("{GS2_HEADER}{}", self.first_bare).into_bytes()))
            }
            Next::Proof => {
                let (message, signature) = self.prove(text(challenge)?, aside).await?;
                self.next = Next::Verify { signature };
                Ok(Some(message.into_bytes()))
            }
            Next::Verify { signature } => {
                verify(text(challenge)?, &signature)?;
                Ok(None)
            }
            Next::Nothing => Ok(None),
        }
    }

    /// The final message, and the signature that the server has to show.
    async fn prove(&self, server_first: &str, aside: &Aside) -> Result<(String, Vec<u8>), Refusal> {
        let mut fields = server_first.split(',');
        let (Some(nonce), Some(salt), Some(iterations)) =
            (field(&mut fields, "r="), field(&mut fields, "s="), field(&mut fields, "i="))
        else {
            return Err("the broker's first message is not one of SCRAM".to_owned());
        };
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err("the broker's answer is not to this login".to_owned());
        }
        let salt = BASE64.decode(salt).map_err(|_| "the broker's salt is not base64".to_owned())?;
        let iterations = iterations
            .parse()
            .ok()
            .filter(|n| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(n))
            .ok_or_else(|| {
                format!(
                    "the broker asks for {iterations} iterations, not {MIN_ITERATIONS} to {MAX_ITERATIONS}"
                )
            })?;

        let recipe = Recipe { password: self.password.clone(), salt, iterations };
        let salted = self.derived.get(self.hash, recipe, aside).await?;
        let client_key = self.hash.mac(&salted, b"Client Key");
        let without_proof = format!("c={},r={nonce}", BASE64.encode(GS2_HEADER));
        let signed = format!("{},{server_first},{without_proof}", self.first_bare);
        let client_signature = self.hash.mac(&self.hash.digest(&client_key), signed.as_bytes());
        let proof: Vec<u8> =
            client_key.iter().zip(client_signature).map(|(key, signed)| key ^ signed).collect();
        let server_signature = self.hash.mac(&self.hash.mac(&salted, b"Server Key"), signed.as_bytes());
        Ok((format!("{without_proof},p={}", BASE64.encode(proof)), server_signature))
    }
}

/// Whether the server knows the password.
fn verify(server_final: &str, signature: &[u8]) -> Result<(), Refusal> {
    let mut fields = server_final.split(',');
    let shown = match fields.next().and_then(|first| first.split_once('=')) {
        Some(("v", shown)) => BASE64.decode(shown).unwrap_or_default(),
        Some(("e", error)) => return Err(error.to_owned()),
        _ => return Err("the broker's last message is not one of SCRAM".to_owned()),
    };
    if shown != signature {
        return Err("the broker does not know the password: it is not the one it seems to be".to_owned());
    }
    Ok(())
}

fn text(message: &[u8]) -> Result<&str, Refusal> {
    str::from_utf8(message).map_err(|_| "the broker's message is not UTF-8".to_owned())
}

/// The next field, if it has that name.
fn field<'a>(fields: &mut impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    fields.next()?.strip_prefix(name)
}

impl ScramHash {
    fn mac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => keyed::<Hmac<Sha256>>(key).chain_update(message).finalize().into_bytes().to_vec(),
            Self::Sha512 => keyed::<Hmac<Sha512>>(key).chain_update(message).finalize().into_bytes().to_vec(),
        }
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// RFC 5802's `Hi`, which is PBKDF2 for a result of the hash's own size.
    fn salt(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha256 => salted::<Hmac<Sha256>>(password, salt, iterations),
            Self::Sha512 => salted::<Hmac<Sha512>>(password, salt, iterations),
        }
    }
}

fn salted<M: Mac + KeyInit + Clone>(password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
    // The key is prepared once and copied: that is half of the work.
    let mac = keyed::<M>(password.as_bytes());
    let mut round = mac.clone().chain_update(salt).chain_update(1_u32.to_be_bytes()).finalize().into_bytes();
    let mut key = round.clone();
    for _ in 1..iterations {
        round = mac.clone().chain_update(&round).finalize().into_bytes();
        key.iter_mut().zip(&round).for_each(|(byte, other)| *byte ^= other);
    }
    key.to_vec()
}

fn keyed<M: Mac + KeyInit>(key: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl Derived {
    /// Those who ask together derive it once.
    async fn get(&self, hash: ScramHash, recipe: Recipe, aside: &Aside) -> Result<Arc<[u8]>, Refusal> {
        let mut last = self.0.lock().await;
        if let Some((_, key)) = last.as_ref().filter(|(made_from, _)| *made_from == recipe) {
            return Ok(key.clone());
        }
        let of_work = recipe.clone();
        let derive = move || hash.salt(&of_work.password, &of_work.salt, of_work.iterations);
        let key = aside.run(derive).await.map_err(|error| format!("cannot derive the key: {error}"))?;
        Ok(last.insert((recipe, key.into())).1.clone())
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Debug for Scram<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scram").field("hash", &self.hash).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
