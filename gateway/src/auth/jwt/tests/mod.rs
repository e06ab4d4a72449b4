//! Tokens that count and tokens that do not, with keys made for the purpose and with those of the RFCs.

mod attacks;
mod claims;
mod fetched;
mod fuzz;
mod keys;
mod remembered;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use serde_json::{Value, json};
use service::WallClock;
use service::settings::JwtSettings;
use tempfile::NamedTempFile;
use tokio::time::Instant;

use super::{Invalid, Refused, Tokens};
use crate::auth::Caller;
use crate::auth::digest::Digest;

const NOW: u64 = 1_800_000_000;
const LEEWAY: Duration = Duration::from_secs(60);

/// Somebody who signs, and what the gateway knows of it.
struct Issuer {
    key: SigningKey<P256>,
    file: NamedTempFile,
}

impl Issuer {
    fn new() -> Self {
        let issuer = Self { key: SigningKey::generate().unwrap(), file: NamedTempFile::new().unwrap() };
        issuer.publish("one");
        issuer
    }

    /// The key under a name.
    fn publish(&self, id: &str) {
        let set = json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": id, "alg": "HS256" }, self.public(id)] });
        std::fs::write(&self.file, set.to_string()).unwrap();
    }

    /// The public half as a JSON Web Key.
    fn public(&self, id: &str) -> Value {
        let point = self.point();
        let (x, y) = point.split_at(32);
        let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": encode(x), "y": encode(y) })
    }

    /// The public half as a point of the curve.
    fn point(&self) -> Vec<u8> {
        let mut buffer = [0; 256];
        let spki = self.key.to_spki_der(&mut buffer).unwrap();
        spki[spki.len() - 64..].to_vec()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Signs what need not be JSON.
    fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut buffer = [0; 64];
        let signature = self.key.sign::<Sha256>(&[signed.as_bytes()], &mut buffer).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn tokens(&self) -> Tokens {
        tokens_by(&self.file.path().display().to_string())
    }
}

/// What counts where the issuer's keys are at `place`. It is [`NOW`] there.
fn tokens_by(place: &str) -> Tokens {
    let settings = JwtSettings {
        issuer: "https://issuer.test".into(),
        audience: "gateway".into(),
        algorithms: vec!["ES256".into(), "RS256".into()],
        keys: place.to_owned(),
        keys_authorities: None,
        leeway: LEEWAY,
    };
    let ahead = i64::try_from(NOW).unwrap() - WallClock::system().now().timestamp();
    Tokens::from_settings(&settings, WallClock::skewed(chrono::TimeDelta::seconds(ahead))).unwrap()
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "one", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "iss": "https://issuer.test", "aud": "gateway", "sub": "alice", "exp": NOW + 300, "scope": "hash other" })
}

fn with(mut value: Value, name: &str, new: Value) -> Value {
    value[name] = new;
    value
}

async fn find(tokens: &Tokens, text: &str) -> Result<Caller, Refused> {
    tokens.find(text, Digest::of(text), Instant::now() + Duration::from_secs(1)).await
}

/// Why a token counts for nothing.
async fn refused(tokens: &Tokens, text: &str) -> &'static str {
    match find(tokens, text).await {
        Err(Refused::Invalid(Invalid(reason))) => reason,
        other => panic!("{other:?}: {text}"),
    }
}
