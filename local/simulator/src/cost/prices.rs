//! What AWS charges, in US dollars.
//!
//! Prices of the region US East (N. Virginia), on demand, without free tiers and discounts for large
//! amounts: of that region alone they are published where they could be read. Europe (Ireland) is
//! known to be somewhat dearer. Each was looked up on [`READ_ON`].

/// When the sources were read.
pub const READ_ON: &str = "2026-11-22";
/// Of which region they are.
pub const REGION: &str = "us-east-1";

/// Where a price is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// On this page of AWS.
    Aws(&'static str),
    /// On this page of others, who quote AWS.
    Quoted(&'static str),
    /// No page with it was found; it is what is believed.
    NotVerified,
}

/// A price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Of what.
    pub name: &'static str,
    /// How much, in dollars.
    pub dollars: f64,
    /// For how many units.
    pub per: f64,
    /// What a unit is.
    pub unit: &'static str,
    /// Where that is from.
    pub source: Source,
}

impl Price {
    /// What so many units cost, in dollars.
    pub fn of(&self, units: f64) -> f64 {
        self.dollars * units / self.per
    }
}

const MILLION: f64 = 1_000_000.0;
const API_PAGE: &str = "https://docs.aws.amazon.com/pt_br/whitepapers/latest/best-practices-api-gateway-private-apis-integration/cost-optimization.html";
const DYNAMODB: &str = "https://airbyte.com/data-engineering-resources/dynamodb-pricing";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";

const fn price(
    name: &'static str,
    (dollars, per, unit): (f64, f64, &'static str),
    source: Source,
) -> Price {
    Price {
        name,
        dollars,
        per,
        unit,
        source,
    }
}

/// Requests of an HTTP API, up to 300 million a month, of at most 512 KB.
pub const HTTP_API: Price = price(
    "API Gateway: HTTP API",
    (1.0, MILLION, "requests"),
    Source::Aws(API_PAGE),
);
/// Requests of a REST API, up to 333 million a month.
pub const REST_API: Price = price(
    "API Gateway: REST API",
    (3.5, MILLION, "requests"),
    Source::Aws(API_PAGE),
);
/// Invocations.
pub const INVOCATIONS: Price = price(
    "Lambda: invocations",
    (0.2, MILLION, "invocations"),
    Source::Aws(LAMBDA),
);
/// How long functions ran, on x86.
pub const DURATION: Price = price(
    "Lambda: duration",
    (16.67, MILLION, "GB-seconds"),
    Source::Aws(LAMBDA),
);
/// What is kept ready of functions.
pub const PROVISIONED: Price = price(
    "Lambda: provisioned concurrency",
    (4.1667, MILLION, "GB-seconds"),
    Source::NotVerified,
);
/// Write request units on demand. A write whose condition fails is one too.
pub const WRITES: Price = price(
    "DynamoDB: writes",
    (0.625, MILLION, "units of 1 KB"),
    Source::Quoted(DYNAMODB),
);
/// Read request units on demand.
pub const READS: Price = price(
    "DynamoDB: reads",
    (0.125, MILLION, "units of 4 KB"),
    Source::Quoted(DYNAMODB),
);
/// What tables hold for a month.
pub const STORAGE: Price = price(
    "DynamoDB: storage",
    (0.25, 1.0, "GB-months"),
    Source::Aws("https://aws.amazon.com/dynamodb/pricing/"),
);
/// What point-in-time recovery holds for a month.
pub const RECOVERY: Price = price(
    "DynamoDB: point-in-time recovery",
    (0.2, 1.0, "GB-months"),
    Source::NotVerified,
);
/// What a table is prepared for, once.
pub const WARMING: Price = price(
    "DynamoDB: warm throughput beyond the usual",
    (0.00065, 1.0, "write units a second"),
    Source::NotVerified,
);
/// Custom events, each begun 64 KB one.
pub const EVENTS: Price = price(
    "EventBridge: events",
    (1.0, MILLION, "events of 64 KB"),
    Source::Quoted("https://cloudburn.io/blog/amazon-eventbridge-pricing"),
);
/// Requests of standard queues.
pub const QUEUES: Price = price(
    "SQS: requests",
    (0.4, MILLION, "requests"),
    Source::Quoted("https://cloudburn.io/blog/amazon-sqs-pricing"),
);
/// State transitions of standard workflows.
pub const TRANSITIONS: Price = price(
    "Step Functions: transitions",
    (0.025, 1_000.0, "transitions"),
    Source::Quoted("https://c3x.dev/resources/aws/aws_sfn_state_machine"),
);
/// What is logged.
pub const LOGS: Price = price(
    "CloudWatch Logs: ingestion",
    (0.5, 1.0, "GB"),
    Source::NotVerified,
);
/// What leaves AWS for the internet.
pub const DATA_OUT: Price = price("Data transfer out", (0.09, 1.0, "GB"), Source::NotVerified);
/// A secret.
pub const SECRET: Price = price(
    "Secrets Manager",
    (0.4, 1.0, "secrets a month"),
    Source::NotVerified,
);
/// Who signs in at least once a month, with Cognito's plan Essentials.
pub const USERS: Price = price(
    "Cognito: active users of the month (Essentials)",
    (0.015, 1.0, "users"),
    Source::NotVerified,
);
/// Video that is sent to a standard channel.
pub const VIDEO_IN: Price = price(
    "IVS: input, standard channel",
    (2.0, 1.0, "hours"),
    Source::NotVerified,
);
/// Video that is watched in at most 480p, in North America and Europe.
pub const VIDEO_SD: Price = price(
    "IVS: output, SD",
    (0.0375, 1.0, "hours"),
    Source::NotVerified,
);
/// Video that is watched in 720p.
pub const VIDEO_HD: Price = price(
    "IVS: output, HD",
    (0.075, 1.0, "hours"),
    Source::NotVerified,
);

/// All of them.
pub const PRICES: [Price; 20] = [
    HTTP_API,
    REST_API,
    INVOCATIONS,
    DURATION,
    PROVISIONED,
    WRITES,
    READS,
    STORAGE,
    RECOVERY,
    WARMING,
    EVENTS,
    QUEUES,
    TRANSITIONS,
    LOGS,
    DATA_OUT,
    SECRET,
    USERS,
    VIDEO_IN,
    VIDEO_SD,
    VIDEO_HD,
];
