//! From merged layers to typed values. A bad value is noted and its default stands in, so that one start reports
//! everything that is wrong.

use std::path::PathBuf;
use std::time::Duration;

use figment::value::Value;

use crate::settings::catalogue::{CATALOGUE, Service, Setting};
use crate::settings::error::Problem;
use crate::settings::kind::{Checked, Kind};
use crate::settings::layers::{self, DEFAULTS, Layers};
use crate::settings::secret::Secret;

/// Hands out settings by key, typed and checked.
///
/// Its methods panic if the catalogue has no such key or declares it as another type: a slip in the code that the
/// first test to build the settings finds.
#[derive(Debug)]
pub struct Reader {
    catalogue: &'static [Setting],
    service: Service,
    layers: Layers,
}

impl Reader {
    pub(super) fn new(catalogue: &'static [Setting], service: Service, layers: Layers) -> Self {
        Self { catalogue, service, layers }
    }

    /// One that knows the defaults alone.
    pub(super) fn of_defaults(service: Service) -> Self {
        Self::new(CATALOGUE, service, Layers::defaults(CATALOGUE, service))
    }

    /// Text, a word of a choice, a topic, a host.
    pub fn text(&mut self, key: &str) -> String {
        match self.checked(key) {
            Checked::Text(text) => text,
            other => unreachable!("{key} is declared as {other:?}, not as text"),
        }
    }

    /// Text that may be none, if nobody gave it. Somebody who gives an empty one has lost the value on the way, as of
    /// a variable that was not set where this one was made from it; to take that for none could open a door.
    pub fn name(&mut self, key: &str) -> Option<String> {
        let blank = self.given(key).filter(|text| text.trim().is_empty());
        if blank.is_some() {
            self.note(key, blank, |setting| {
                format!("; leave it out for its default, which is {}", setting.default.in_words())
            });
            return None;
        }
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    /// The name of a file; none if nobody gave it. An empty one is refused, as by [`name`](Self::name).
    pub fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.name(key).map(PathBuf::from)
    }

    /// A list of texts.
    pub fn list(&mut self, key: &str) -> Vec<String> {
        match self.checked(key) {
            Checked::List(list) => list,
            other => unreachable!("{key} is declared as {other:?}, not as a list"),
        }
    }

    /// A whole number. Its range is declared in the catalogue to fit `T`.
    pub fn whole<T: TryFrom<u64>>(&mut self, key: &str) -> T {
        match self.checked(key) {
            Checked::Number(number) => {
                T::try_from(number).ok().expect("the catalogue's range fits the field's type")
            }
            other => unreachable!("{key} is declared as {other:?}, not as a number"),
        }
    }

    /// A duration.
    pub fn duration(&mut self, key: &str) -> Duration {
        match self.checked(key) {
            Checked::Duration(duration) => duration,
            other => unreachable!("{key} is declared as {other:?}, not as a duration"),
        }
    }

    /// `true` or `false`.
    pub fn switch(&mut self, key: &str) -> bool {
        match self.checked(key) {
            Checked::Switch(on) => on,
            other => unreachable!("{key} is declared as {other:?}, not as a switch"),
        }
    }

    /// A secret; none if nobody gave it. An empty one is refused, as by [`name`](Self::name).
    pub fn secret(&mut self, key: &str) -> Option<Secret<String>> {
        self.name(key).map(Secret::new)
    }

    /// Whether somebody gave this setting, be it the value of its default.
    pub fn is_set(&self, key: &str) -> bool {
        self.layers.find(key).is_some_and(|(_, source)| source != DEFAULTS)
    }

    /// Notes that two settings contradict each other.
    pub fn conflict(&mut self, keys: &str, reason: &str) {
        let problem = Problem::Conflict { keys: keys.to_owned(), reason: reason.to_owned() };
        self.layers.problems.push(problem);
    }

    /// What is wrong, and what is likely wrong.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<String>) {
        (self.layers.problems, self.layers.notices)
    }

    fn declared(&self, key: &str) -> &'static Setting {
        layers::find(self.catalogue, key).expect("settings are read by their catalogue key")
    }

    /// What somebody gave for this setting, as text.
    fn given(&self, key: &str) -> Option<String> {
        let setting = self.declared(key);
        let (value, source) = self.layers.find(setting.key)?;
        if source == DEFAULTS { None } else { text_of(setting.kind, &value) }
    }

    fn checked(&mut self, key: &str) -> Checked {
        let setting = self.declared(key);
        let (value, _) = self.layers.find(setting.key).expect("every setting has a default");
        let text = text_of(setting.kind, &value);
        if let Some(checked) = text.as_deref().and_then(|text| setting.kind.check(text)) {
            return checked;
        }
        self.note(key, text.clone(), |_| hint(text.as_deref()));
        let default = setting.default.text(self.service);
        setting.kind.check(&default).expect("every default is a good value of its kind")
    }

    /// Notes that a value is not what its setting takes; `hint` tells a likely cause.
    fn note(&mut self, key: &str, text: Option<String>, hint: impl FnOnce(&Setting) -> String) {
        let setting = self.declared(key);
        let (_, source) = self.layers.find(setting.key).expect("every setting has a default");
        self.layers.problems.push(Problem::Value {
            key: setting.key.to_owned(),
            source_name: source,
            found: found(setting.kind, text.as_deref()),
            expected: setting.kind.expected(),
            hint: hint(setting),
        });
    }
}

/// The value as text; a table, or an array where one value is due, has none.
fn text_of(kind: Kind, value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, letter) => Some(letter.to_string()),
        Value::Bool(_, on) => Some(on.to_string()),
        Value::Num(_, number) => {
            let whole = number.to_i128().map(|number| number.to_string());
            whole
                .or_else(|| number.to_u128().map(|number| number.to_string()))
                .or_else(|| number.to_f64().map(|number| number.to_string()))
        }
        Value::Array(_, values) if kind.is_list() => {
            let texts: Option<Vec<String>> = values.iter().map(|value| text_of(Kind::Text, value)).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Array(..) | Value::Dict(..) | Value::Empty(..) => None,
    }
}

fn found(kind: Kind, text: Option<&str>) -> String {
    match (kind, text) {
        (_, None) => "a table or an array".to_owned(),
        (Kind::Secret, Some(text)) if !text.is_empty() => "a value that is not shown".to_owned(),
        // Addresses take no login here, and a password that somebody put there all the same is still one.
        (Kind::Brokers | Kind::HttpUrl, Some(text)) if text.contains('@') => {
            "an address with a user or a password, which is not shown".to_owned()
        }
        (_, Some(text)) => format!("{text:?}"),
    }
}

/// Kubernetes sets `SERVICE_1_PORT=tcp://…` in every pod beside a Service called `service-1`.
fn hint(text: Option<&str>) -> String {
    match text {
        Some(text) if text.starts_with("tcp://") => {
            "; Kubernetes sets this for a Service of that name: put `enableServiceLinks: false` in the pod's spec"
                .to_owned()
        }
        _ => String::new(),
    }
}
