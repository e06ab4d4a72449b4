//! The one table of all settings of the stack. `--help`, the check for unknown keys, the defaults and the
//! README's configuration table are all made from it; a new setting is one entry here and one field in a
//! settings struct.

use crate::settings::callers::JwtSettings;
use crate::settings::kind::Kind;

/// Which of the two services a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Service 1, HTTP in front of Kafka.
    Gateway,
    /// Service 2, the worker behind Kafka.
    Processor,
}

impl Service {
    /// The program's name, which is also its default client id at Kafka.
    pub fn program_name(self) -> &'static str {
        match self {
            Self::Gateway => "api-gateway",
            Self::Processor => "hash-processor",
        }
    }
}

/// Who reads a setting. A shared file may hold the settings of both services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedBy {
    /// Both services.
    Both,
    /// The gateway alone.
    Gateway,
    /// The processor alone.
    Processor,
}

impl UsedBy {
    /// Whether `service` reads the setting.
    pub fn includes(self, service: Service) -> bool {
        match self {
            Self::Both => true,
            Self::Gateway => service == Service::Gateway,
            Self::Processor => service == Service::Processor,
        }
    }
}

/// What a setting is when no layer gives it.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// This text, as if somebody had written it.
    Text(&'static str),
    /// The name of the program.
    ProgramName,
    /// The number of cores this process may use.
    Cores,
    /// Nothing; the words say what that means.
    Nothing(&'static str),
}

impl Fallback {
    /// The text that stands in for a setting nobody gave.
    pub(super) fn text(self, service: Service) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            Self::ProgramName => service.program_name().to_owned(),
            Self::Cores => std::thread::available_parallelism().map_or(1, usize::from).to_string(),
            Self::Nothing(_) => String::new(),
        }
    }

    /// The default in words, for `--help` and the README.
    pub(super) fn in_words(self) -> String {
        match self {
            Self::Text(text) => format!("`{text}`"),
            Self::ProgramName => "the program's name".to_owned(),
            Self::Cores => "the cores available".to_owned(),
            Self::Nothing(meaning) => meaning.to_owned(),
        }
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name as an environment variable. Lower-cased it is the key in the file; with hyphens, the flag.
    pub key: &'static str,
    /// Another name it goes by, in the same three spellings. Within one source `key` wins.
    pub alias: Option<&'static str>,
    /// What a value must look like.
    pub kind: Kind,
    /// What it is when no layer gives it.
    pub default: Fallback,
    /// One line of help, without a full stop.
    pub help: &'static str,
    /// Who reads it.
    pub used_by: UsedBy,
}

impl Setting {
    /// The command-line flag without its two leading hyphens; none for a secret, which `ps` would show.
    pub(super) fn flag(&self) -> Option<String> {
        (!matches!(self.kind, Kind::Secret)).then(|| flag_of(self.key))
    }

    /// Whether something is less protected without it. An empty variable of such a name is one whose value got lost on
    /// the way, and is judged as the value that it is.
    pub(super) fn protects(&self) -> bool {
        PROTECTING.iter().any(|prefix| self.key.starts_with(prefix))
    }
}

/// What settings that protect something begin with.
const PROTECTING: [&str; 7] = [
    "KAFKA_SASL_",
    "KAFKA_SECURITY_",
    "KAFKA_SSL_",
    "SERVICE_1_API_KEYS_",
    "SERVICE_1_CALLER_",
    "SERVICE_1_JW", // T and KS
    "SERVICE_1_TLS_",
];

pub(super) fn flag_of(key: &str) -> String {
    key.to_ascii_lowercase().replace('_', "-")
}

const fn both(key: &'static str, kind: Kind, default: Fallback, help: &'static str) -> Setting {
    Setting { key, alias: None, kind, default, help, used_by: UsedBy::Both }
}

const fn gateway(key: &'static str, kind: Kind, default: Fallback, help: &'static str) -> Setting {
    Setting { key, alias: None, kind, default, help, used_by: UsedBy::Gateway }
}

const fn processor(key: &'static str, kind: Kind, default: Fallback, help: &'static str) -> Setting {
    Setting { key, alias: None, kind, default, help, used_by: UsedBy::Processor }
}

const fn whole(min: u64, max: u64, unit: &'static str) -> Kind {
    Kind::Whole { min, max, unit }
}

const fn seconds(min: f64, max: f64) -> Kind {
    Kind::Seconds { min, max }
}

const HOUR: f64 = 3600.0;
const YEAR: f64 = 365.0 * 24.0 * HOUR;

/// Room for `.dlq` and `.reply` behind the request topic's name, which Kafka ends at 249 characters.
const REQUEST_TOPIC_LENGTH: usize = 243;
const TOPIC_LENGTH: usize = 249;

/// OpenTelemetry's names.
const SAMPLERS: &[&str] = &[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// All settings, in the order in which help and README list them.
#[rustfmt::skip]
pub static CATALOGUE: &[Setting] = {
    use Fallback::{Cores, Nothing, ProgramName, Text};
    use Kind::{Brokers, Choice, Host, HttpUrl, LogFilter, Pairs, Port, Share, Switch, Topic, Topics};
    &[
        Setting { alias: Some("KAFKA_BOOTSTRAP_SERVERS"),
            ..both("KAFKA_BROKERS", Brokers, Text("localhost:9092"), "Brokers to find the cluster by") },
        both("KAFKA_REQUEST_TOPIC", Topic { longest: REQUEST_TOPIC_LENGTH }, Text("hash_requests"), "Topic the gateway writes requests to"),
        both("KAFKA_RESPONSE_TOPIC", Topic { longest: TOPIC_LENGTH }, Text("hash_responses"), "Topic the processor writes replies to"),
        both("KAFKA_TIMEOUT", seconds(0.1, HOUR), Text("5"), "Longest wait for one answer from a broker"),
        both("KAFKA_CLIENT_ID", Kind::Text, ProgramName, "Name under which brokers log this client"),
        both("KAFKA_PARTITIONS", whole(1, 10_000, "partitions"), Text("3"), "Partitions of a topic that has to be created"),
        both("KAFKA_CREATE_TOPICS", Switch, Text("true"), "Create missing topics; `false` only checks that they are there"),
        both("KAFKA_SECURITY_PROTOCOL", Choice(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), Text("PLAINTEXT"), "What connections to brokers are secured with: nothing, TLS, a login, or both"),
        both("KAFKA_SASL_MECHANISM", Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]), Text("SCRAM-SHA-512"), "How to log in; `PLAIN` and `OAUTHBEARER` send what others must not see, so use them with TLS"),
        both("KAFKA_SASL_USERNAME", Kind::Name, Nothing("none"), "User to log in as; the client id where tokens come from `KAFKA_SASL_TOKEN_URL`"),
        both("KAFKA_SASL_PASSWORD", Kind::Secret, Nothing("none"), "Its password; the client secret where tokens come from `KAFKA_SASL_TOKEN_URL`"),
        both("KAFKA_SASL_PASSWORD_FILE", Kind::Path, Nothing("none"), "File that holds the password, read again at each login"),
        both("KAFKA_SASL_TOKEN_FILE", Kind::Path, Nothing("none"), "File that holds the token for `OAUTHBEARER`, read again at each login"),
        both("KAFKA_SASL_TOKEN_URL", Kind::Name, Nothing("none"), "Where tokens for `OAUTHBEARER` are to be had: `http://` or `https://`, by the client-credentials grant"),
        both("KAFKA_SASL_TOKEN_CA", Kind::Path, Nothing("what the system trusts"), "PEM file with the authorities that may have signed the certificate of `KAFKA_SASL_TOKEN_URL`"),
        both("KAFKA_SASL_TOKEN_SCOPE", Kind::Name, Nothing("none"), "Scope to ask for there"),
        both("KAFKA_SSL_CA", Kind::Path, Nothing("what the system trusts"), "PEM file with the authorities that may have signed the brokers' certificates"),
        both("KAFKA_SSL_CERT", Kind::Path, Nothing("none"), "PEM file with the certificate to show to brokers"),
        both("KAFKA_SSL_KEY", Kind::Path, Nothing("none"), "PEM file with its private key"),
        gateway("REQUEST_TIMEOUT", seconds(0.01, HOUR), Text("10"), "Deadline of a request, from its arrival to its answer"),
        gateway("SHUTDOWN_DELAY", seconds(0.0, HOUR), Text("0"), "After SIGTERM, serve on for so long while load balancers notice"),
        both("LOG_FORMAT", Choice(&["text", "json"]), Text("text"), "Form of the log lines on stderr"),
        both("RUST_LOG", LogFilter, Text("info,actix_http=off,actix_server=warn,rskafka=off"), "What is logged, in the syntax of tracing's EnvFilter"),
        both("OTEL_EXPORTER_OTLP_ENDPOINT", HttpUrl, Nothing("none: no traces"), "Collector that takes OTLP over HTTP; spans are posted to `/v1/traces` below it"),
        both("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", HttpUrl, Nothing("see above"), "The whole address that spans are posted to, if it is another"),
        both("OTEL_EXPORTER_OTLP_PROTOCOL", Choice(&["http/protobuf"]), Text("http/protobuf"), "How spans are posted; there is no other way"),
        both("OTEL_EXPORTER_OTLP_HEADERS", Kind::Secret, Nothing("none"), "HTTP headers of each post, as name=value,…"),
        both("OTEL_EXPORTER_OTLP_TIMEOUT", whole(1, 600_000, "milliseconds"), Text("10000"), "Longest that a post of spans may take"),
        both("OTEL_SERVICE_NAME", Kind::Text, ProgramName, "Name that spans are recorded under"),
        both("OTEL_RESOURCE_ATTRIBUTES", Pairs, Nothing("none"), "What else is said of the service that spans are from"),
        both("OTEL_TRACES_SAMPLER", Choice(SAMPLERS), Text("parentbased_always_on"), "Which traces are recorded; `parentbased` obeys a caller that has decided"),
        both("OTEL_TRACES_SAMPLER_ARG", Share, Text("1"), "Share of traces that `traceidratio` records"),
        both("OTEL_SDK_DISABLED", Switch, Text("false"), "No traces, whatever else is set"),
        gateway("SERVICE_1_HOST", Host, Text("0.0.0.0"), "Address the gateway listens on"),
        gateway("SERVICE_1_PORT", Port, Text("3001"), "Port the gateway listens on"),
        gateway("SERVICE_1_GROUP_ID", Kind::Text, Text("service_1"), "Consumer group of the gateways on the response topic"),
        gateway("SERVICE_1_MANAGEMENT_PORT", Port, Text("9101"), "Gateway's port for health, metrics and info; if the default is taken, any free one"),
        gateway("SERVICE_1_MAX_PENDING", whole(1, 10_000_000, "requests"), Text("10000"), "Requests under way at once before new ones get 503 `overloaded`"),
        gateway("SERVICE_1_MAX_PENDING_BYTES", whole(1, 1 << 40, "bytes"), Text("67108864"), "Bytes of request bodies held at once before new ones get 503 `overloaded`"),
        gateway("SERVICE_1_REPLY_ROUTING", Choice(&["partition", "any"]), Text("partition"), "How replies come back: `partition` names one to the worker; `any` reads all, for foreign workers"),
        gateway("SERVICE_1_NO_WORKER", Choice(&["group", "off"]), Text("group"), "Answer 503 `no_workers` when the workers' group is empty; `off` unless set where the routing is `any`"),
        gateway("SERVICE_1_NO_WORKER_GRACE", seconds(0.0, HOUR), Text("1"), "Time since the last worker was seen before `no_workers` is answered"),
        gateway("SERVICE_1_SHARDS", whole(1, 256, "threads"), Text("1"), "Threads that each serve as a gateway of their own"),
        gateway("SERVICE_1_API_KEYS_FILE", Kind::Path, Nothing("none: anybody may call"), "Names, hashed API keys and scopes of those who may call; `api-gateway new-key` makes its lines"),
        gateway("SERVICE_1_JWT_ISSUER", Kind::Name, Nothing("none: tokens count for nothing"), "`iss` of the tokens (JWT) that callers may show"),
        gateway("SERVICE_1_JWT_AUDIENCE", Kind::Name, Nothing("none"), "`aud` that they have to have"),
        gateway("SERVICE_1_JWKS", Kind::Path, Nothing("none"), "The issuer's public keys as a JSON Web Key Set: a file, read again when it changes, or an `http://` or `https://` address"),
        gateway("SERVICE_1_JWKS_CA", Kind::Path, Nothing("whom the system trusts"), "PEM with the authorities that may have signed the certificate of that address"),
        gateway("SERVICE_1_JWT_ALGORITHMS", Kind::Choices(JwtSettings::ALGORITHMS), Text("RS256,ES256"), "Algorithms that a token may be signed with, out of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"),
        gateway("SERVICE_1_JWT_LEEWAY", seconds(0.0, 300.0), Text("60"), "How far the issuer's clock and this one may be apart"),
        gateway("SERVICE_1_TLS_CERT", Kind::Path, Nothing("none: plain HTTP"), "PEM with the gateway's certificate and those above it, for HTTPS; read again when it changes"),
        gateway("SERVICE_1_TLS_KEY", Kind::Path, Nothing("none"), "PEM with the certificate's private key"),
        gateway("SERVICE_1_TLS_CLIENT_CA", Kind::Path, Nothing("none: clients are asked for no certificate"), "PEM with the authorities of clients' certificates"),
        gateway("SERVICE_1_TLS_CLIENT_AUTH", Choice(&["required", "optional"]), Text("required"), "Whether a client has to show a certificate, where `SERVICE_1_TLS_CLIENT_CA` is set"),
        gateway("SERVICE_1_CALLER_MAX_PENDING", whole(0, 10_000_000, "requests"), Text("0"), "Requests of one caller under way at once before new ones get 429 `rate_limited`; 0: no limit"),
        gateway("SERVICE_1_CALLER_RATE", whole(0, 10_000_000, "requests"), Text("0"), "Requests a second of one caller before more get 429 `rate_limited`; 0: no limit"),
        gateway("SERVICE_1_CALLER_BURST", whole(0, 10_000_000, "requests"), Text("0"), "Requests of one caller at once after a rest, where its rate is limited; 0: as many as in a second"),
        both("SERVICE_2_GROUP_ID", Kind::Text, Text("service_2"), "Consumer group of the processors on the request topic; the gateway watches it"),
        processor("SERVICE_2_MANAGEMENT_PORT", Port, Text("9102"), "Processor's port for health, metrics and info; if the default is taken, any free one"),
        processor("SERVICE_2_MAX_AGE", seconds(1.0, YEAR), Text("3600"), "Age past which a request that carries no deadline is dropped"),
        processor("SERVICE_2_MAX_IN_FLIGHT", whole(1, 1_000_000, "records"), Text("1000"), "Records of a partition taken and not yet answered"),
        processor("SERVICE_2_REPLY_TOPICS", Topics, Nothing("the response topic and `<request topic>.reply`"), "Topics a request may name for its reply"),
        processor("SERVICE_2_HEAVY_THREADS", whole(1, 65_536, "threads"), Cores, "Threads for handlers that declare themselves heavy"),
    ]
};
