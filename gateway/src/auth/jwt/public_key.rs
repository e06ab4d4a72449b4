//! One key and the signatures it verifies.

use std::fmt;

use der::Encode as _;
use der::asn1::UintRef;
use graviola::hashing::{Sha256, Sha384};
use graviola::signing::ecdsa::{self, Curve, P256, P384};
use graviola::signing::{eddsa, rsa};

use super::Invalid;
use super::algorithm::Algorithm;

/// A key by its kind, which says for which algorithms it is good.
pub(super) enum PublicKey {
    /// 2048 to 8192 bits.
    Rsa(Box<rsa::VerifyingKey>),
    P256(Box<ecdsa::VerifyingKey<P256>>),
    P384(Box<ecdsa::VerifyingKey<P384>>),
    Ed25519(eddsa::Ed25519VerifyingKey),
}

impl PublicKey {
    /// An RSA key; none if it is none, or too short or too long.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        // The only form that keys are taken in, RFC 8017, A.1.1: a sequence of the two.
        let pkcs1 = [UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?].to_der().ok()?;
        rsa::VerifyingKey::from_pkcs1_der(&pkcs1).ok().map(|key| Self::Rsa(Box::new(key)))
    }

    /// A point on the curve of this name; none if it is not on it.
    pub(super) fn elliptic(curve: &str, x: &[u8], y: &[u8]) -> Option<Self> {
        let mut point = vec![0x04];
        point.extend_from_slice(x);
        point.extend_from_slice(y);
        match (curve, x.len(), y.len()) {
            ("P-256", 32, 32) => point_of(&point).map(Self::P256),
            ("P-384", 48, 48) => point_of(&point).map(Self::P384),
            _ => None,
        }
    }

    /// An Ed25519 key.
    pub(super) fn edwards(curve: &str, x: &[u8]) -> Option<Self> {
        let key = (curve == "Ed25519").then(|| eddsa::Ed25519VerifyingKey::from_bytes(x).ok());
        key.flatten().map(Self::Ed25519)
    }

    /// Whether a signature of `algorithm` can be of this key.
    pub(super) fn suits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Rsa(_) => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Self::P256(_) => algorithm == Es256,
            Self::P384(_) => algorithm == Es384,
            Self::Ed25519(_) => algorithm == EdDsa,
        }
    }

    /// Verifies that `signature` is of `message` and by this key.
    ///
    /// # Errors
    /// If it is not, or the key is not for this algorithm.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Invalid> {
        let verified = match (self, algorithm) {
            (Self::Rsa(key), Algorithm::Rs256) => key.verify_pkcs1_sha256(signature, message),
            (Self::Rsa(key), Algorithm::Rs384) => key.verify_pkcs1_sha384(signature, message),
            (Self::Rsa(key), Algorithm::Rs512) => key.verify_pkcs1_sha512(signature, message),
            (Self::Rsa(key), Algorithm::Ps256) => key.verify_pss_sha256(signature, message),
            (Self::Rsa(key), Algorithm::Ps384) => key.verify_pss_sha384(signature, message),
            (Self::Rsa(key), Algorithm::Ps512) => key.verify_pss_sha512(signature, message),
            (Self::P256(key), Algorithm::Es256) => key.verify::<Sha256>(&[message], signature),
            (Self::P384(key), Algorithm::Es384) => key.verify::<Sha384>(&[message], signature),
            (Self::Ed25519(key), Algorithm::EdDsa) => key.verify(signature, message),
            _ => return Err(Invalid("its key is for another algorithm")),
        };
        verified.map_err(|_| Invalid("its signature is wrong"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rsa(_) => "RSA",
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::Ed25519(_) => "Ed25519",
        })
    }
}

fn point_of<C: Curve>(encoded: &[u8]) -> Option<Box<ecdsa::VerifyingKey<C>>> {
    ecdsa::VerifyingKey::from_x962_uncompressed(encoded).ok().map(Box::new)
}
