//! Who may do what, as a broker is told it.

use anyhow::{Result, ensure};
use kafka::wire::{Connection, ResponseError};
use kafka_protocol::messages::CreateAclsRequest;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::protocol::StrBytes;

use super::CALL_TIMEOUT;

const LITERAL: i8 = 3;
const ALLOW: i8 = 3;
const VERSION: i16 = 3;

/// One thing that a user may do. Whatever one may do but this, one may also describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule<'a> {
    /// The user.
    pub user: &'a str,
    /// What.
    pub action: Action,
    /// On what.
    pub on: On<'a>,
}

/// What may be done; the numbers are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Consume, join.
    Read = 3,
    /// Produce.
    Write = 4,
    /// See.
    Describe = 8,
}

/// On what it may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On<'a> {
    /// A topic.
    Topic(&'a str),
    /// A consumer group.
    Group(&'a str),
}

pub(super) async fn grant(connection: &mut Connection, rules: &[Rule<'_>]) -> Result<()> {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let creation = |rule: &Rule<'_>| {
        let (kind, name) = match rule.on {
            On::Topic(name) => (2, name),
            On::Group(name) => (3, name),
        };
        AclCreation::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_resource_pattern_type(LITERAL)
            .with_principal(text(&format!("User:{}", rule.user)))
            .with_host(text("*"))
            .with_operation(rule.action as i8)
            .with_permission_type(ALLOW)
    };
    let request = CreateAclsRequest::default().with_creations(rules.iter().map(creation).collect());
    let answer = connection.call(&request, VERSION, CALL_TIMEOUT).await?;
    for result in answer.results {
        let error = ResponseError::try_from_code(result.error_code);
        ensure!(error.is_none(), "{error:?}: {:?}", result.error_message);
    }
    Ok(())
}
