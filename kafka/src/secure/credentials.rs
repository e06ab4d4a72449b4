//! What must not be seen.

use std::{fmt, fs, io, path::PathBuf};

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
    pub(crate) fn read(&self) -> io::Result<String> {
        match self {
            Self::Given(password) => Ok(password.clone()),
            Self::InFile(path) => read_secret(path),
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

/// What a file holds, without white space at its end. The error names the file.
pub(super) fn read_secret(path: &PathBuf) -> io::Result<String> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(named)?;
    let secret = text.trim_end();
    if secret.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is empty", path.display())));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed_and_a_file_is_read_each_time() {
        assert_eq!(format!("{:?}", Password::Given("hush".to_owned())), "***");
        let path = std::env::temp_dir().join(format!("password-{}", std::process::id()));
        let password = Password::InFile(path.clone());
        for held in ["first", "second"] {
            fs::write(&path, format!("{held}\n")).unwrap();
            assert_eq!(password.read().unwrap(), held);
        }
        assert!(!format!("{password:?}").contains("second"));
        fs::write(&path, "\n").unwrap();
        assert!(password.read().unwrap_err().to_string().ends_with("is empty"));
        fs::remove_file(&path).unwrap();
        assert!(password.read().unwrap_err().to_string().contains("cannot read"));
    }
}
