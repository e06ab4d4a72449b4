//! Who may call the gateway.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::reader::Reader;

/// How callers are known. Nothing set means that anybody may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerSettings {
    /// `SERVICE_1_API_KEYS_FILE`: lines `name sha256-of-the-key-in-hex scope…`.
    pub api_keys_file: Option<PathBuf>,
    /// What tokens have to be like.
    pub jwt: Option<JwtSettings>,
}

/// JSON Web Tokens that count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtSettings {
    /// `SERVICE_1_JWT_ISSUER`: what stands in `iss`.
    pub issuer: String,
    /// `SERVICE_1_JWT_AUDIENCE`: what stands in `aud`, or among others there.
    pub audience: String,
    /// `SERVICE_1_JWT_ALGORITHMS`: out of [`ALGORITHMS`](Self::ALGORITHMS); never empty.
    pub algorithms: Vec<String>,
    /// `SERVICE_1_JWKS`: the issuer's public keys, a file or an `http://` or `https://` address.
    pub keys: String,
    /// `SERVICE_1_JWKS_CA`: PEM, who may have signed the certificate of that address; none means whom the system trusts.
    pub keys_authorities: Option<PathBuf>,
    /// `SERVICE_1_JWT_LEEWAY`: how far the issuer's clock and this one may be apart.
    pub leeway: Duration,
}

impl JwtSettings {
    /// The algorithms that can be made to count: signatures by public keys alone.
    pub const ALGORITHMS: &[&str] =
        &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

    /// None if nothing of it is set.
    fn read(reader: &mut Reader) -> Option<Self> {
        const NEEDED: [&str; 3] = ["SERVICE_1_JWT_ISSUER", "SERVICE_1_JWT_AUDIENCE", KEYS];
        let needed = NEEDED.map(|key| reader.name(key));
        let algorithms = reader.list("SERVICE_1_JWT_ALGORITHMS");
        let (keys_authorities, leeway) = (reader.path(AUTHORITIES), reader.duration("SERVICE_1_JWT_LEEWAY"));
        let missing = needed.iter().filter(|text| text.is_none()).count();
        if missing == NEEDED.len() {
            let reason = format!("they are for tokens, which count where {} are set", NEEDED.join(", "));
            for setting in [AUTHORITIES, "SERVICE_1_JWT_ALGORITHMS", "SERVICE_1_JWT_LEEWAY"] {
                if reader.is_set(setting) {
                    reader.conflict(setting, &reason);
                }
            }
            return None;
        }
        // One that is there and empty was noted already.
        if missing > 0 && NEEDED.iter().any(|key| !reader.is_set(key)) {
            let reason = "a token is judged by all three; set all of them or none";
            reader.conflict(&NEEDED.join(", "), reason);
        }
        if algorithms.is_empty() {
            reader.conflict("SERVICE_1_JWT_ALGORITHMS", "no token could be signed by none");
        }
        let [issuer, audience, keys] = needed.map(Option::unwrap_or_default);
        judge_place(reader, &keys, keys_authorities.is_some());
        Some(Self { issuer, audience, algorithms, keys, keys_authorities, leeway })
    }
}

const KEYS: &str = "SERVICE_1_JWKS";
const AUTHORITIES: &str = "SERVICE_1_JWKS_CA";

/// Notes what is wrong with where keys are to come from.
fn judge_place(reader: &mut Reader, place: &str, has_authorities: bool) {
    let scheme = place.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        None | Some("http" | "https") => {}
        Some("file") => reader.conflict(KEYS, "a file is named by its path alone, without `file://`"),
        Some(other) => {
            let reason = format!(
                "nothing is fetched by `{other}`; name a file, or an address that begins with `http://` or `https://`"
            );
            reader.conflict(KEYS, &reason);
        }
    }
    if has_authorities && !place.is_empty() && scheme != Some("https") {
        let reason = "a certificate is checked where the keys come from an `https://` address alone";
        reader.conflict(&format!("{AUTHORITIES} and {KEYS}"), reason);
    }
}

impl CallerSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { api_keys_file: reader.path("SERVICE_1_API_KEYS_FILE"), jwt: JwtSettings::read(reader) }
    }
}
