//! A JSON Web Key Set: what is usable of it.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::algorithm::Algorithm;
use super::compact::decode;
use super::public_key::PublicKey;

/// Keys that are read of one set; issuers have a handful.
const MAX_KEYS: usize = 100;

/// The keys of an issuer.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<Arc<Key>>);

/// One key, and what it is for.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    /// The only algorithm it is for, if it says one.
    algorithm: Option<Algorithm>,
    public: PublicKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a set. Keys of kinds and for uses that do not count here are left out.
    ///
    /// # Errors
    /// If it is none, or nothing of it is usable.
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        let set: Set = serde_json::from_slice(json).context("this is no JSON Web Key Set")?;
        ensure!(set.keys.len() <= MAX_KEYS, "the set has more than {MAX_KEYS} keys");
        let keys = set.keys.into_iter().filter_map(|key| Key::read(serde_json::from_value(key).ok()?));
        let keys: Vec<_> = keys.map(Arc::new).collect();
        ensure!(
            !keys.is_empty(),
            "the set has no public key to verify signatures with: RSA of 2048 bits and more, P-256, P-384, Ed25519"
        );
        Ok(Self(keys))
    }

    /// The key of this name; without a name the only one that can be meant.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let mut fitting = self.0.iter().filter(|key| key.suits(algorithm));
        match id {
            Some(_) => fitting.find(|key| key.id.as_deref() == id).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that may verify one of `algorithms`, by their names; none for one without.
    pub(super) fn names(&self, algorithms: &[Algorithm]) -> Vec<Option<&str>> {
        let suits = |key: &&Arc<Key>| algorithms.iter().any(|algorithm| key.suits(*algorithm));
        self.0.iter().filter(suits).map(|key| key.id.as_deref()).collect()
    }
}

impl Key {
    fn read(jwk: Jwk) -> Option<Self> {
        let is_for_signatures = jwk.r#use.as_deref().is_none_or(|purpose| purpose == "sig")
            && jwk.key_ops.as_ref().is_none_or(|uses| uses.iter().any(|purpose| purpose == "verify"));
        if !is_for_signatures {
            return None;
        }
        let algorithm = match &jwk.alg {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        let part = |text: &Option<String>| text.as_deref().and_then(decode);
        let curve = jwk.crv.as_deref().unwrap_or_default();
        let public = match jwk.kty.as_str() {
            "RSA" => PublicKey::rsa(&part(&jwk.n)?, &part(&jwk.e)?),
            "EC" => PublicKey::elliptic(curve, &part(&jwk.x)?, &part(&jwk.y)?),
            "OKP" => PublicKey::edwards(curve, &part(&jwk.x)?),
            _ => None,
        }?;
        Some(Self { id: jwk.kid, algorithm, public })
    }

    fn suits(&self, algorithm: Algorithm) -> bool {
        self.public.suits(algorithm) && self.algorithm.is_none_or(|only| only == algorithm)
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// If it is not by this key.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), super::Invalid> {
        self.public.verify(algorithm, message, signature)
    }
}
