//! The cryptography, and the processor that it needs.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use crate::error::TlsError;

/// The cryptography of every configuration.
///
/// # Errors
/// [`TlsError::Processor`] where it would not run. The provider looks for itself when it is first used, and panics then.
pub fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    check_processor()?;
    Ok(Arc::new(rustls_graviola::default_provider()))
}

/// Whether the processor has every instruction that the cryptography is written in.
///
/// # Errors
/// [`TlsError::Processor`] names what it lacks.
pub fn check_processor() -> Result<(), TlsError> {
    judge(features())
}

fn judge(features: impl IntoIterator<Item = (&'static str, bool)>) -> Result<(), TlsError> {
    let missing: Vec<_> =
        features.into_iter().filter(|(_, present)| !present).map(|(name, _)| name).collect();
    if missing.is_empty() { Ok(()) } else { Err(TlsError::Processor(missing)) }
}

#[cfg(target_arch = "x86_64")]
fn features() -> [(&'static str, bool); 8] {
    [
        ("AES-NI", is_x86_feature_detected!("aes")),
        ("PCLMULQDQ", is_x86_feature_detected!("pclmulqdq")),
        ("SSSE3", is_x86_feature_detected!("ssse3")),
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("BMI1", is_x86_feature_detected!("bmi1")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
        // Multiplication with two carries. Earlier releases of the provider took it for given and died of SIGILL.
        ("ADX", is_x86_feature_detected!("adx")),
    ]
}

#[cfg(target_arch = "aarch64")]
fn features() -> [(&'static str, bool); 4] {
    use std::arch::is_aarch64_feature_detected;
    [
        ("NEON", is_aarch64_feature_detected!("neon")),
        ("AES", is_aarch64_feature_detected!("aes")),
        ("PMULL", is_aarch64_feature_detected!("pmull")),
        ("SHA2", is_aarch64_feature_detected!("sha2")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_processor_lacks_is_named() {
        assert!(judge([("AES-NI", true), ("ADX", true)]).is_ok());
        let error = judge([("AES-NI", true), ("AVX2", false), ("ADX", false)]).unwrap_err();
        assert!(error.to_string().starts_with("TLS needs a processor with AVX2, ADX, which this one lacks"));
    }

    #[test]
    fn the_provider_runs_where_the_check_says_so() {
        let provider = provider().expect("tests of TLS need a processor that has it");
        let mut bytes = [0; 32];
        provider.secure_random.fill(&mut bytes).unwrap();
        assert_ne!(bytes, [0; 32]);
    }
}
