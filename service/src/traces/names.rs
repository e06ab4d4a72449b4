//! Names of attributes, as OpenTelemetry's semantic conventions have them: those of HTTP, of messaging and of Kafka.

/// How an operation failed: a stable word.
pub const ERROR_TYPE: &str = "error.type";

/// The method of an HTTP request; `_OTHER` for one that is not known.
pub const HTTP_METHOD: &str = "http.request.method";
/// The status of its answer.
pub const HTTP_STATUS: &str = "http.response.status_code";
/// The path that it was routed by.
pub const HTTP_ROUTE: &str = "http.route";
/// The caller's own id of it: a list, as for every header.
pub const HTTP_REQUEST_ID: &str = "http.request.header.x-request-id";
/// `1.1` or `2`.
pub const PROTOCOL_VERSION: &str = "network.protocol.version";
/// The address at the other end of the connection.
pub const PEER_ADDRESS: &str = "network.peer.address";
/// The path without the query.
pub const URL_PATH: &str = "url.path";
/// `http`.
pub const URL_SCHEME: &str = "url.scheme";
/// The caller's program, as it names itself.
pub const USER_AGENT: &str = "user_agent.original";

/// Always [`KAFKA`].
pub const MESSAGING_SYSTEM: &str = "messaging.system";
/// [`SEND`] or [`PROCESS`].
pub const OPERATION_NAME: &str = "messaging.operation.name";
/// The same, since ours are named by their types.
pub const OPERATION_TYPE: &str = "messaging.operation.type";
/// The topic.
pub const DESTINATION: &str = "messaging.destination.name";
/// The partition, as text.
pub const PARTITION: &str = "messaging.destination.partition.id";
/// The offset in it.
pub const OFFSET: &str = "messaging.kafka.offset";
/// The correlation id.
pub const CONVERSATION: &str = "messaging.message.conversation_id";
/// The consumer group that the record was read for.
pub const CONSUMER_GROUP: &str = "messaging.consumer.group.name";
/// The name under which brokers know the client.
pub const CLIENT_ID: &str = "messaging.client.id";

/// The messaging system.
pub const KAFKA: &str = "kafka";
/// A record is produced.
pub const SEND: &str = "send";
/// A record is worked on.
pub const PROCESS: &str = "process";
