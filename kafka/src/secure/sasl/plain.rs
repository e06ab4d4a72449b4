//! RFC 4616.

/// The one message: no other identity to act for, the name, the password.
pub(super) fn message(username: &str, password: &str) -> Vec<u8> {
    [b"\0", username.as_bytes(), b"\0", password.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_in_the_rfc() {
        assert_eq!(super::message("tim", "tanstaaftanstaaf"), b"\0tim\0tanstaaftanstaaf");
    }
}
