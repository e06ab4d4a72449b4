//! One span, from its beginning to its end.

use std::fmt;

use opentelemetry::trace::{Span as _, SpanContext, Status};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace as sdk;

use super::names;

/// A span that has begun. It ends when it is dropped.
pub struct Span(Box<sdk::Span>);

impl Span {
    /// Named and described only if it is recorded.
    pub(super) fn new(mut span: sdk::Span, describe: impl FnOnce() -> (String, Vec<KeyValue>)) -> Self {
        if span.is_recording() {
            let (name, attributes) = describe();
            span.update_name(name);
            span.set_attributes(attributes);
        }
        Self(Box::new(span))
    }

    /// What its children name as their parent.
    pub fn context(&self) -> &SpanContext {
        self.0.span_context()
    }

    /// Says one thing more about it.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if self.0.is_recording() {
            self.0.set_attribute(KeyValue::new(name, value));
        }
    }

    /// What it stands for has failed: `kind` is a stable word, `message` for a person.
    pub fn fail(&mut self, kind: &'static str, message: impl Into<String>) {
        if self.0.is_recording() {
            self.0.set_attribute(KeyValue::new(names::ERROR_TYPE, kind));
            self.0.set_status(Status::error(message.into()));
        }
    }
}

/// A list of one text, where the conventions want a list.
pub fn list_of(text: &str) -> Value {
    Value::Array(Array::String(vec![StringValue::from(text.to_owned())]))
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Span").field(self.context()).finish()
    }
}
