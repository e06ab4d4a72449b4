//! An authority for tests and for trying things out: made in a moment, and forgotten with what it signed.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm, date_time_ymd,
};

/// Bytes of a point on the curve, which stands at the end of a public key's DER form.
const POINT_BYTES: usize = 65;

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, Key>,
    certificate: String,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM in PKCS#8.
    pub key: String,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// If the system gives no randomness.
    pub fn new(name: &str) -> Self {
        let key = Key::generate();
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("the parameters are complete");
        let certificate = pem("CERTIFICATE", certificate.der());
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Its own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for somebody called `name` who can be reached under `hosts`, names or addresses.
    ///
    /// # Panics
    /// If a host is none.
    pub fn issue(&self, name: &str, hosts: &[&str]) -> Issued {
        self.sign(params(name, hosts))
    }

    /// The same, for somebody who is known from then until then.
    ///
    /// # Panics
    /// If a host is none, or a date is none that certificates can have.
    pub fn issue_between(
        &self,
        name: &str,
        hosts: &[&str],
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Issued {
        let mut params = params(name, hosts);
        let day = |date: &DateTime<Utc>| {
            let (month, day) = (u8::try_from(date.month()), u8::try_from(date.day()));
            date_time_ymd(date.year(), month.expect("there are 12"), day.expect("there are 31"))
        };
        let time = |date: &DateTime<Utc>| Duration::from_secs(date.num_seconds_from_midnight().into());
        params.not_before = day(&from) + time(&from);
        params.not_after = day(&until) + time(&until);
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Issued {
        let key = Key::generate();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = params.signed_by(&key, &self.issuer).expect("the parameters are complete");
        Issued { certificate: pem("CERTIFICATE", certificate.der()), key: pem("PRIVATE KEY", &key.pkcs8()) }
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("hosts are names or addresses");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let mut number = [0; 16];
    graviola::random::fill(&mut number).expect("the system gives randomness");
    number[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&number));
    params.key_identifier_method = KeyIdMethod::PreSpecified(number.to_vec());
    params
}

struct Key {
    key: SigningKey<P256>,
    point: Vec<u8>,
}

impl Key {
    fn generate() -> Self {
        let key = SigningKey::<P256>::generate().expect("the system gives randomness");
        let mut buffer = [0; 256];
        let spki = key.to_spki_der(&mut buffer).expect("a key of this curve is shorter");
        let point = spki[spki.len() - POINT_BYTES..].to_vec();
        Self { key, point }
    }

    fn pkcs8(&self) -> Vec<u8> {
        let mut buffer = [0; 512];
        self.key.to_pkcs8_der(&mut buffer).expect("a key of this curve is shorter").to_vec()
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut buffer = [0; 128];
        let signed = self.key.sign_asn1::<Sha256>(&[message], &mut buffer);
        Ok(signed.map_err(|_| rcgen::Error::RemoteKeyError)?.to_vec())
    }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        // Base64 is ASCII, and a string takes whatever is written to it.
        let _ = writeln!(pem, "{}", String::from_utf8_lossy(line));
    }
    let _ = writeln!(pem, "-----END {label}-----");
    pem
}
