//! ivs-local from outside: the AWS SDK, a real ffmpeg publisher and HLS over HTTP against a server
//! on free ports.
//!
//! One binary for all, since linking the SDK takes longer than running the tests. ffmpeg is found
//! through `CUEPOINT_FFMPEG`, else at `.tools/bin/ffmpeg` in the workspace; boto3 and the AWS CLI are
//! in the virtual environment `CUEPOINT_AWS_CLIENTS`, else `.tools/aws-clients`.

#![expect(
    clippy::unwrap_used,
    reason = "in the helpers too, a failed step is the test's failure"
)]

mod broadcast;
mod clients;
mod control_plane;
mod events;
mod fuzz;
mod ingest;
mod low_latency;
mod outside;
mod playback;
mod policies;
mod program;
mod renditions;
mod streams;
mod support;
mod token_claims;
