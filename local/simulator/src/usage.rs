//! What a show will have on its bill, in the units that AWS counts. A plain account of what was
//! done: what it costs is told elsewhere.

use std::collections::BTreeMap;

use serde::Serialize;

/// What one function did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionUsage {
    /// How often it was invoked.
    pub invocations: u64,
    /// How long it ran, times its memory: milliseconds times MB.
    pub mb_ms: u64,
    /// What was kept ready for it: seconds times MB.
    pub provisioned_mb_seconds: u64,
}

/// What one table did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableUsage {
    /// Write request units: 1 KB each.
    pub write_units: u64,
    /// Read request units: 4 KB each, read consistently.
    pub read_units: u64,
    /// What it holds afterwards, in bytes.
    pub stored_bytes: u64,
    /// Write units a second that it was prepared for beyond what every table has.
    pub warm_write_units: u64,
}

/// What a show did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// How many watched: each signed in, and is an active user of the month.
    pub viewers: u64,
    /// How long they watched, together, in seconds.
    pub view_seconds: u64,
    /// Answers that were accepted.
    pub answers: u64,
    /// Requests of the HTTP API that it did not refuse.
    pub api_requests: u64,
    /// By the function's name.
    pub functions: BTreeMap<&'static str, FunctionUsage>,
    /// By the table's name.
    pub tables: BTreeMap<&'static str, TableUsage>,
    /// GetRecords calls of Lambda, which DynamoDB does not charge for.
    pub stream_reads: u64,
    /// Events put on the bus, each begun 64 KB counted as one.
    pub event_units: u64,
    /// PutEvents calls.
    pub put_events_calls: u64,
    /// Requests of queues, Lambda's own included.
    pub queue_requests: u64,
    /// State transitions of standard workflows.
    pub transitions: u64,
    /// Bytes of logs.
    pub log_bytes: u64,
    /// Cues put into the video.
    pub cues: u64,
}

impl Usage {
    /// The same so many times over, but for viewers and how long they watched.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        for count in [
            &mut self.answers,
            &mut self.api_requests,
            &mut self.stream_reads,
            &mut self.event_units,
            &mut self.put_events_calls,
            &mut self.queue_requests,
            &mut self.transitions,
            &mut self.log_bytes,
            &mut self.cues,
        ] {
            *count *= times;
        }
        for function in self.functions.values_mut() {
            function.invocations *= times;
            function.mb_ms *= times;
            function.provisioned_mb_seconds *= times;
        }
        for table in self.tables.values_mut() {
            table.write_units *= times;
            table.read_units *= times;
            table.stored_bytes *= times;
            table.warm_write_units *= times;
        }
        self
    }

    /// What a function did.
    pub fn function(&mut self, name: &'static str) -> &mut FunctionUsage {
        self.functions.entry(name).or_default()
    }

    /// What a table did.
    pub fn table(&mut self, name: &'static str) -> &mut TableUsage {
        self.tables.entry(name).or_default()
    }
}

impl FunctionUsage {
    /// Adds so many invocations of a function with so much memory, which took so long together.
    pub fn ran(&mut self, invocations: u64, millis: u64, memory_mb: u32) {
        self.invocations += invocations;
        self.mb_ms += millis * u64::from(memory_mb);
    }
}
