//! What must not be seen.

use std::{fmt, io, path::PathBuf};

use super::Aside;

/// A password, or where it is kept. `Debug` shows neither the password nor what the file holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Given(String),
    /// A file that holds it and nothing else; white space at its end does not count. It is read again at each login, so
    /// that a new one is used without a restart.
    InFile(PathBuf),
}

impl Password {
    /// The password as it is now.
    pub(crate) async fn read(&self, aside: &Aside) -> io::Result<String> {
        match self {
            Self::Given(password) => Ok(password.clone()),
            Self::InFile(path) => aside.secret(path).await,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => formatter.write_str("***"),
            Self::InFile(path) => write!(formatter, "in {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::Given("hush".to_owned())), "***");
        assert_eq!(format!("{:?}", Password::InFile("/run/secret".into())), "in /run/secret");
    }
}
