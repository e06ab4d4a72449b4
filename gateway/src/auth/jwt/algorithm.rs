//! The algorithms that a signature may be of: asymmetric ones alone.

/// By RFC 7518 and RFC 8037.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// The one of this name; none for those that count nowhere, `none` and `HS256` among them.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use service::settings::JwtSettings;

    use super::*;

    #[test]
    fn every_name_that_can_be_set_is_known_and_no_symmetric_one() {
        for name in JwtSettings::ALGORITHMS {
            assert!(Algorithm::named(name).is_some(), "{name}");
        }
        for name in ["none", "None", "HS256", "HS512", "", "rs256", "ES256K"] {
            assert!(Algorithm::named(name).is_none(), "{name}");
        }
    }
}
