//! The limits that an audience meets: what AWS publishes, and what `infra/app.yaml` sets.
//!
//! Each was looked up on [`READ_ON`]; [`Source::Quoted`] says where it was not read at AWS. Defaults
//! are those of the region Europe (Ireland), and of an account that AWS has not reduced, as it does
//! with new ones.

use serde::Serialize;

use crate::house::House;

/// When the sources were read.
pub const READ_ON: &str = "2026-11-22";

/// A limit, in the order of [`LIMITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Id {
    /// Sign-ins a second.
    SignIns,
    /// Viewing sessions at once.
    Views,
    /// PutMetadata calls a second on a channel.
    CuesPerChannel,
    /// PutMetadata calls a second in the account.
    CuesPerAccount,
    /// Requests a second that the API's stage takes.
    StageRate,
    /// How far a burst may exceed that rate.
    StageBurst,
    /// Requests a second that all APIs of the account take.
    ApiRate,
    /// How far a burst may exceed that rate.
    ApiBurst,
    /// Execution environments that the account's functions have at once.
    Concurrency,
    /// Requests a second for each unit of concurrency.
    RequestsPerEnvironment,
    /// Execution environments that a function gets in ten seconds.
    ScalingRate,
    /// Execution environments of `answer-api` that are ready before anyone asks.
    Provisioned,
    /// Write units a second that a table takes.
    TableWrites,
    /// Write units a second that the table of answers is prepared for.
    WarmWrites,
    /// Read units a second that a table gives.
    TableReads,
    /// Read units a second that the table of answers is prepared for.
    WarmReads,
    /// Write units a second that a partition of a table takes.
    PartitionWrites,
    /// Read units a second that a partition of a table takes.
    PartitionReads,
    /// Batches of one stream shard that are handled at the same time.
    StreamBatches,
    /// State transitions a second.
    Transitions,
    /// State transitions that a burst may have.
    TransitionBurst,
    /// Executions started a second.
    StartExecution,
    /// PutEvents calls a second.
    PutEvents,
    /// Messages of a queue that are with consumers at once.
    QueueInFlight,
    /// Seconds that a function may run.
    FunctionSeconds,
}

/// How a limit is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raising {
    /// AWS is asked for it; what is said of how long that takes.
    Asked(&'static str),
    /// We set it ourselves.
    Set(&'static str),
    /// Not at all; what helps instead.
    Never(&'static str),
}

/// Where a limit is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// On this page.
    Page(&'static str),
    /// On the first page, which could not be read as far as that; the value is as the second says.
    Quoted(&'static str, &'static str),
    /// In a file of this repository.
    Here(&'static str),
}

/// What is known of a limit.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Which.
    pub id: Id,
    /// Whose, and of what.
    pub name: &'static str,
    /// What it is if nobody has done anything. Of a setting, what `infra/app.yaml` has.
    pub value: u64,
    /// What it counts.
    pub unit: &'static str,
    /// How it is raised.
    pub raising: Raising,
    /// Where it is published.
    pub source: Source,
}

const CONSOLE: Raising = Raising::Asked("Service Quotas");
const API_QUOTAS: Source =
    Source::Page("https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html");
const SCALING: Source =
    Source::Page("https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html");
const LAMBDA_RATE: Source =
    Source::Page("https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html");
const PARTITION: Source = Source::Page(
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html",
);
const TABLE: Source = Source::Page(
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html",
);
const WARM: Source = Source::Page(
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html",
);
const STATES: Source =
    Source::Page("https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html");
const TEMPLATE: Source = Source::Here("infra/app.yaml");

/// All of them, in the order in which an answer meets them.
pub const LIMITS: [Limit; 25] = [
    Limit {
        id: Id::SignIns,
        name: "Cognito: sign-ins (UserAuthentication)",
        value: 120,
        unit: "a second",
        raising: Raising::Asked("Service Quotas, for a price"),
        source: Source::Page(
            "https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html",
        ),
    },
    Limit {
        id: Id::Views,
        name: "IVS: concurrent views",
        value: 15_000,
        unit: "views",
        raising: CONSOLE,
        source: Source::Quoted(
            "https://docs.aws.amazon.com/ivs/latest/LowLatencyUserGuide/service-quotas.html",
            "public notes",
        ),
    },
    Limit {
        id: Id::CuesPerChannel,
        name: "IVS: PutMetadata on a channel",
        value: 5,
        unit: "a second",
        raising: Raising::Never("a cue is for everyone at once"),
        source: Source::Page(
            "https://docs.aws.amazon.com/ivs/latest/LowLatencyAPIReference/API_PutMetadata.html",
        ),
    },
    Limit {
        id: Id::CuesPerAccount,
        name: "IVS: PutMetadata in the account",
        value: 155,
        unit: "a second",
        raising: Raising::Never("a cue is for everyone at once"),
        source: Source::Page(
            "https://docs.aws.amazon.com/ivs/latest/LowLatencyAPIReference/API_PutMetadata.html",
        ),
    },
    Limit {
        id: Id::StageRate,
        name: "API: requests of the stage",
        value: 5_000,
        unit: "a second",
        raising: Raising::Set("parameter ThrottlingRateLimit"),
        source: TEMPLATE,
    },
    Limit {
        id: Id::StageBurst,
        name: "API: burst of the stage",
        value: 2_500,
        unit: "requests",
        raising: Raising::Set("parameter ThrottlingBurstLimit"),
        source: TEMPLATE,
    },
    Limit {
        id: Id::ApiRate,
        name: "API Gateway: requests of the account",
        value: 10_000,
        unit: "a second",
        raising: CONSOLE,
        source: API_QUOTAS,
    },
    Limit {
        id: Id::ApiBurst,
        name: "API Gateway: burst of the account",
        value: 5_000,
        unit: "requests",
        raising: Raising::Asked("follows the rate; AWS sets it"),
        source: API_QUOTAS,
    },
    Limit {
        id: Id::Concurrency,
        name: "Lambda: concurrent executions of the account",
        value: 1_000,
        unit: "environments",
        raising: CONSOLE,
        source: Source::Page(
            "https://repost.aws/knowledge-center/lambda-concurrency-limit-increase",
        ),
    },
    Limit {
        id: Id::RequestsPerEnvironment,
        name: "Lambda: requests for each unit of concurrency",
        value: 10,
        unit: "a second",
        raising: Raising::Never("more concurrency"),
        source: LAMBDA_RATE,
    },
    Limit {
        id: Id::ScalingRate,
        name: "Lambda: new environments of a function",
        value: 1_000,
        unit: "in ten seconds",
        raising: Raising::Never("provisioned concurrency"),
        source: SCALING,
    },
    Limit {
        id: Id::Provisioned,
        name: "Lambda: provisioned concurrency of answer-api",
        value: 0,
        unit: "environments",
        raising: Raising::Set("on an alias, an hour before"),
        source: TEMPLATE,
    },
    Limit {
        id: Id::TableWrites,
        name: "DynamoDB: writes of a table",
        value: 40_000,
        unit: "units a second",
        raising: CONSOLE,
        source: TABLE,
    },
    Limit {
        id: Id::WarmWrites,
        name: "DynamoDB: warm throughput for writes of the table answers",
        value: 4_000,
        unit: "units a second",
        raising: Raising::Set("parameter AnswersWarmWrites, a day before"),
        source: WARM,
    },
    Limit {
        id: Id::TableReads,
        name: "DynamoDB: reads of a table",
        value: 40_000,
        unit: "units a second",
        raising: CONSOLE,
        source: TABLE,
    },
    Limit {
        id: Id::WarmReads,
        name: "DynamoDB: warm throughput for reads of the table answers",
        value: 12_000,
        unit: "units a second",
        raising: Raising::Set("parameter AnswersWarmReads, a day before"),
        source: WARM,
    },
    Limit {
        id: Id::PartitionWrites,
        name: "DynamoDB: writes of a partition",
        value: 1_000,
        unit: "units a second",
        raising: Raising::Never("more shards"),
        source: PARTITION,
    },
    Limit {
        id: Id::PartitionReads,
        name: "DynamoDB: reads of a partition",
        value: 3_000,
        unit: "units a second",
        raising: Raising::Never("fewer reads of one item"),
        source: PARTITION,
    },
    Limit {
        id: Id::StreamBatches,
        name: "Lambda: batches of a stream shard at once",
        value: 1,
        unit: "batches",
        raising: Raising::Set("ParallelizationFactor, up to 10"),
        source: Source::Page(
            "https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html",
        ),
    },
    Limit {
        id: Id::Transitions,
        name: "Step Functions: state transitions",
        value: 1_500,
        unit: "a second",
        raising: CONSOLE,
        source: STATES,
    },
    Limit {
        id: Id::TransitionBurst,
        name: "Step Functions: burst of state transitions",
        value: 5_000,
        unit: "transitions",
        raising: CONSOLE,
        source: STATES,
    },
    Limit {
        id: Id::StartExecution,
        name: "Step Functions: StartExecution",
        value: 300,
        unit: "a second",
        raising: CONSOLE,
        source: STATES,
    },
    Limit {
        id: Id::PutEvents,
        name: "EventBridge: PutEvents",
        value: 10_000,
        unit: "calls a second",
        raising: CONSOLE,
        source: Source::Page(
            "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
        ),
    },
    Limit {
        id: Id::QueueInFlight,
        name: "SQS: messages in flight",
        value: 120_000,
        unit: "messages",
        raising: CONSOLE,
        source: Source::Page(
            "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html",
        ),
    },
    Limit {
        id: Id::FunctionSeconds,
        name: "Lambda: how long a function runs",
        value: 900,
        unit: "seconds",
        raising: Raising::Never("less to do at once"),
        source: Source::Quoted(
            "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
            "https://rate-limits.apis.io/rate-limits/aws-lambda/aws-lambda-rate-limits/",
        ),
    },
];

impl Id {
    /// What is known of it.
    pub fn limit(self) -> &'static Limit {
        &LIMITS[self.index()]
    }

    /// Its place in the table.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The limits as they are in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits([u64; LIMITS.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self(LIMITS.map(|limit| limit.value))
    }
}

impl Limits {
    /// What AWS gives and what the template sets.
    pub fn as_they_are(house: &House) -> Self {
        Self::default()
            .with(Id::StageRate, house.stage_rate)
            .with(Id::StageBurst, house.stage_burst)
            .with(Id::StreamBatches, house.parallel_batches)
    }

    /// Its value in this run.
    pub fn get(&self, id: Id) -> u64 {
        self.0[id.index()]
    }

    /// The same with another value for one of them.
    #[must_use]
    pub fn with(mut self, id: Id, value: u64) -> Self {
        self.0[id.index()] = value;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_in_the_table_once_and_names_its_source() {
        for (index, limit) in LIMITS.iter().enumerate() {
            assert_eq!(limit.id.index(), index, "{}", limit.name);
            if let Source::Page(url) | Source::Quoted(url, _) = limit.source {
                assert!(url.starts_with("https://"), "{url}");
            }
        }
    }

    #[test]
    fn the_settings_are_those_of_the_template() {
        let limits = Limits::as_they_are(&House::read());
        for limit in LIMITS {
            if limit.source == TEMPLATE {
                assert_eq!(limits.get(limit.id), limit.value, "{}", limit.name);
            }
        }
    }
}
