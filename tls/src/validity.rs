//! From when until when a certificate counts: the one thing in it that the libraries below do not tell.

use chrono::{DateTime, NaiveDate, Utc};

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
/// The version, which the first version lacks.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The dates of a certificate in DER form (RFC 5280, 4.1); none if it is no certificate.
pub(crate) fn validity(certificate: &[u8]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let mut certificate = Elements(Elements(certificate).expect_tag(SEQUENCE)?);
    let mut signed = Elements(certificate.expect_tag(SEQUENCE)?);
    if signed.0.first() == Some(&VERSION) {
        signed.next()?;
    }
    signed.expect_tag(INTEGER)?; // serial number
    signed.expect_tag(SEQUENCE)?; // algorithm of the signature
    signed.expect_tag(SEQUENCE)?; // issuer
    let mut dates = Elements(signed.expect_tag(SEQUENCE)?);
    Some((time(dates.next()?)?, time(dates.next()?)?))
}

/// DER elements, one behind the other.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    fn expect_tag(&mut self, expected: u8) -> Option<&'a [u8]> {
        let (tag, content) = self.next()?;
        (tag == expected).then_some(content)
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match usize::from(*length) {
            short @ ..0x80 => (short, rest),
            long => {
                let (digits, rest) = rest.split_at_checked(long - 0x80)?;
                let add =
                    |length: usize, digit: &u8| length.checked_mul(256)?.checked_add(usize::from(*digit));
                (digits.iter().try_fold(0, add)?, rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}

/// `YYMMDDHHMMSSZ` of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn time((tag, text): (u8, &[u8])) -> Option<DateTime<Utc>> {
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at(2);
            let year = number(year);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at(4);
            (number(year), rest)
        }
        _ => return None,
    };
    let two = |index: usize| number(&rest[2 * index..2 * index + 2]);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, two(0), two(1))?;
    Some(date.and_hms_opt(two(2), two(3), two(4))?.and_utc())
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| 10 * number + u32::from(digit - b'0'))
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
        assert_eq!(time((UTC_TIME, b"491231235959Z")), Some(at("2049-12-31T23:59:59Z")));
        assert_eq!(time((UTC_TIME, b"500101000000Z")), Some(at("1950-01-01T00:00:00Z")));
        assert_eq!(time((GENERALIZED_TIME, b"20500228120000Z")), Some(at("2050-02-28T12:00:00Z")));
        for (tag, text) in [
            (UTC_TIME, &b"20500228120000Z"[..]),
            (GENERALIZED_TIME, b"20500229120000Z"),
            (GENERALIZED_TIME, b"20500228120000"),
            (UTC_TIME, b"+91231235959Z"),
            (0x04, b"491231235959Z"),
        ] {
            assert_eq!(time((tag, text)), None);
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
}
