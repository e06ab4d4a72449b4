//! OAUTHBEARER (RFC 7628): a token, and on a refusal the server's reasons.

use super::Refusal;

/// Ends each part of a message.
const SEPARATOR: char = '\u{1}';

/// One login.
#[derive(Debug)]
pub(crate) enum Bearer {
    First(Vec<u8>),
    Answered,
    /// The server has said why not; it ends the login once we have heard it.
    Refused(Refusal),
}

impl Bearer {
    pub(super) fn begin(token: &str) -> Self {
        let message = format!("n,,{SEPARATOR}auth=Bearer {token}{SEPARATOR}{SEPARATOR}");
        Self::First(message.into_bytes())
    }

    pub(super) fn answer(&mut self, challenge: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        match self {
            Self::First(message) => {
                let message = std::mem::take(message);
                *self = Self::Answered;
                Ok(Some(message))
            }
            Self::Answered if challenge.is_empty() => Ok(None),
            Self::Answered => {
                *self = Self::Refused(format!("the broker says {}", String::from_utf8_lossy(challenge)));
                Ok(Some(vec![SEPARATOR as u8]))
            }
            Self::Refused(reason) => Err(reason.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_enough_or_the_reason_is_heard() {
        let mut bearer = Bearer::begin("abc");
        assert_eq!(bearer.answer(b"").unwrap().unwrap(), b"n,,\x01auth=Bearer abc\x01\x01");
        assert_eq!(bearer.answer(b""), Ok(None));
        let mut bearer = Bearer::begin("abc");
        bearer.answer(b"").unwrap();
        assert_eq!(bearer.answer(br#"{"status":"invalid_token"}"#), Ok(Some(vec![1])));
        assert!(bearer.answer(b"").unwrap_err().contains("invalid_token"));
    }

    /// What the broker says to the token, and to what we say to that.
    #[test]
    fn fuzz_bearer() {
        fuzz::Target::new("bearer").run(|input| {
            let [first, last] = fuzz::parts(input);
            let mut bearer = Bearer::begin("hunter2");
            bearer.answer(b"").unwrap();
            let Ok(answer) = bearer.answer(first) else { panic!("the reason has to be answered") };
            assert_eq!(answer.is_none(), first.is_empty(), "over only where nothing is wrong");
            if answer.is_some() {
                assert!(bearer.answer(last).is_err_and(|reason| !reason.contains("hunter2")));
            }
        });
    }
}
