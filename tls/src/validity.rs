//! From when until when a certificate counts: the one thing in it that the libraries below do not tell.

use chrono::{DateTime, NaiveDateTime, Utc};
use der::asn1::AnyRef;
use der::{Decode as _, Tag, TagNumber, Tagged as _};

/// Marks the version, which certificates of the first version lack.
const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };

/// The dates of a certificate in DER form (RFC 5280, 4.1); none if it is no certificate.
pub(crate) fn validity(certificate: &[u8]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let certificate = Vec::<AnyRef<'_>>::from_der(certificate).ok()?;
    let signed: Vec<AnyRef<'_>> = certificate.first()?.decode_as().ok()?;
    let has_version = signed.first()?.tag() == VERSION;
    // Behind the serial number, the algorithm of the signature and the issuer.
    let dates: Vec<AnyRef<'_>> = signed.get(3 + usize::from(has_version))?.decode_as().ok()?;
    let [from, until] = dates[..] else { return None };
    Some((time(from)?, time(until)?))
}

/// `YYMMDDHHMMSSZ` of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`. By hand, as `der` itself knows no time before 1970.
fn time(element: AnyRef<'_>) -> Option<DateTime<Utc>> {
    let text = str::from_utf8(element.value()).ok()?;
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let digits = match (element.tag(), digits.len()) {
        (Tag::UtcTime, 12) if digits < "50" => format!("20{digits}"),
        (Tag::UtcTime, 12) => format!("19{digits}"),
        (Tag::GeneralizedTime, 14) => digits.to_owned(),
        _ => return None,
    };
    Some(NaiveDateTime::parse_from_str(&digits, "%Y%m%d%H%M%S").ok()?.and_utc())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::throw_away::Authority;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let time = |tag, text| time(AnyRef::new(tag, text).unwrap());
        assert_eq!(time(Tag::UtcTime, b"491231235959Z"), Some(at("2049-12-31T23:59:59Z")));
        assert_eq!(time(Tag::UtcTime, b"500101000000Z"), Some(at("1950-01-01T00:00:00Z")));
        assert_eq!(time(Tag::GeneralizedTime, b"20500228120000Z"), Some(at("2050-02-28T12:00:00Z")));
        for (tag, text) in [
            (Tag::UtcTime, &b"20500228120000Z"[..]),
            (Tag::GeneralizedTime, b"20500229120000Z"),
            (Tag::GeneralizedTime, b"20500228120000"),
            (Tag::UtcTime, b"+91231235959Z"),
            (Tag::OctetString, b"491231235959Z"),
        ] {
            assert_eq!(time(tag, text), None);
        }
    }

    #[test]
    fn a_certificate_says_when_it_counts_and_no_part_of_one_panics() {
        let (from, until) = (at("2024-02-29T12:30:00Z"), at("2051-01-01T00:00:00Z"));
        let issued = Authority::new("authority").issue_between("one", &["gateway.test"], from, until);
        let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
        assert_eq!(validity(&certificate), Some((from, until)));
        for length in 0..certificate.len() {
            assert_eq!(validity(&certificate[..length]), None);
        }
    }

    /// Dates that were read stand there, one behind the other, in one of their two forms; and nothing is read of a part.
    #[test]
    fn fuzz_certificate() {
        fuzz::Target::new("certificate").run(|certificate| {
            let Some((from, until)) = validity(certificate) else { return };
            let forms = |time: DateTime<Utc>| {
                ["\x17\x0d%y%m%d%H%M%SZ", "\x18\x0f%Y%m%d%H%M%SZ"].map(|form| time.format(form).to_string())
            };
            let pairs = forms(from).map(|from| forms(until).map(|until| from.clone() + &until));
            let stands = |pair: &String| certificate.windows(pair.len()).any(|part| part == pair.as_bytes());
            assert!(pairs.iter().flatten().any(stands), "{from} to {until}");
            assert_eq!(validity(&certificate[..certificate.len() - 1]), None);
        });
    }
}
