//! boto3 and the AWS CLI against a server: the tests in `tests/clients/`, which are in Python.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::support::{Server, ffmpeg};

/// How long all calls of one client may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn boto3_calls_every_operation() {
    run("test_boto3.py").await;
}

#[tokio::test]
async fn the_aws_cli_calls_every_operation() {
    run("test_aws_cli.py").await;
}

/// The virtual environment with the clients.
fn environment() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/aws-clients");
    let folder = std::env::var_os("CUEPOINT_AWS_CLIENTS").map_or(installed, PathBuf::from);
    assert!(
        folder.join("bin/python").exists(),
        "no virtual environment at {}: `cargo xtask test` installs it, or set CUEPOINT_AWS_CLIENTS \
         to one with the packages of local/requirements/aws-clients.txt",
        folder.display()
    );
    folder
}

async fn run(file: &str) {
    let server = Server::start().await;
    let mut command = Command::new(environment().join("bin/python"));
    command
        .args(["-B", "-m", "unittest", "discover", "-v", "-p", file])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"))
        .env("IVS_LOCAL_API", format!("http://{}", server.api))
        .env("IVS_LOCAL_RTMP", format!("rtmp://{}/app", server.rtmp))
        .env("CUEPOINT_FFMPEG", ffmpeg())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("the tests in Python did not end")
        .unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && report.contains("\nOK"),
        "{file}:\n{}{report}",
        String::from_utf8_lossy(&output.stdout)
    );
    server.stop().await;
}
