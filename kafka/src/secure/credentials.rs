//! What must not be seen.

use std::fmt;

use super::{Aside, SecretError, SecretFile};

/// A password, or where it is kept. `Debug` shows neither the password nor what the file holds.
#[derive(Clone)]
pub enum Password {
    /// The password itself.
    Given(String),
    /// A file that holds it and nothing else; white space at its end does not count. It is read again at each login, so
    /// that a new one is used without a restart.
    InFile(SecretFile),
}

impl Password {
    /// The password as it is now.
    pub(crate) async fn read(&self, aside: &Aside) -> Result<String, SecretError> {
        match self {
            Self::Given(password) => Ok(password.clone()),
            Self::InFile(file) => file.read(aside).await,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => formatter.write_str("***"),
            Self::InFile(file) => write!(formatter, "in {}", file.path().display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::Given("hush".to_owned())), "***");
        assert_eq!(format!("{:?}", Password::InFile(SecretFile::at("/run/secret"))), "in /run/secret");
    }
}
