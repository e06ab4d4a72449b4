//! What a service that is a process of its own is told.

/// Variables of one process, on top of nothing: settings that are not named here are the product's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: Vec<(String, String)>,
}

impl Environment {
    /// The same with one variable more. A second value for a name replaces the first.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// As [`Process::start`](super::Process::start) takes them.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}
