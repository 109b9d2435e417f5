//! The program itself: what it prints, and that it leaves nothing behind.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{PATIENCE, Publisher, client, ffmpeg, signal, wait};

pub(crate) struct Program {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ivs-local"));
        command.args(["--api", "127.0.0.1:0", "--rtmp", "127.0.0.1:0"]);
        command.env("RUST_LOG", "ivs_local=trace");
        command.arg("--ffmpeg").arg(ffmpeg()).args(arguments);
        let piped = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = piped.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .expect("a line")
    }

    /// Where it says it listens: the API and ingest.
    pub(crate) async fn addresses(&mut self) -> (SocketAddr, SocketAddr) {
        let (api, rtmp) = (self.line().await, self.line().await);
        assert_eq!(self.line().await, "ready");
        let rtmp = rtmp.strip_prefix("rtmp rtmp://").unwrap();
        (
            api.strip_prefix("api http://").unwrap().parse().unwrap(),
            rtmp.strip_suffix("/app").unwrap().parse().unwrap(),
        )
    }

    /// Waits for it to end: whether it succeeded, and what it logged.
    async fn end(mut self) -> (bool, String) {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        let status = tokio::time::timeout(PATIENCE, async {
            stderr.read_to_string(&mut log).await.unwrap();
            self.child.wait().await.unwrap()
        });
        let status = status.await.expect("the program did not end");
        (status.success(), log)
    }
}

#[tokio::test]
async fn it_says_where_it_is_and_stops_cleanly_on_both_signals() {
    for asked in [Signal::INT, Signal::TERM] {
        let mut program = Program::start();
        let (api, rtmp) = program.addresses().await;

        let ivs = client(api, "us-east-1").await;
        let created = ivs.create_channel().name("show").send().await.unwrap();
        let (channel, key) = (
            created.channel.unwrap(),
            created.stream_key.unwrap().value.unwrap(),
        );
        let mut publisher = Publisher::start(rtmp, &key, &["-c:a", "aac"]);
        let arn = channel.arn().unwrap();
        wait("the stream", async || {
            ivs.get_stream().channel_arn(arn).send().await.is_ok()
        })
        .await;
        ivs.put_metadata()
            .channel_arn(arn)
            .metadata("secret cue")
            .send()
            .await
            .unwrap();

        let pid = program.child.id().unwrap();
        let children = children(pid);
        assert_eq!(children.len(), 1, "one transcoder");
        let stopping = Instant::now();
        signal(asked, pid);
        let (success, log) = program.end().await;
        assert!(success, "{log}");
        assert!(
            stopping.elapsed() < Duration::from_secs(6),
            "{:?}",
            stopping.elapsed()
        );
        assert!(
            !Path::new("/proc").join(&children[0]).exists(),
            "the transcoder is gone"
        );
        assert!(!publisher.exit().await.success());
        assert!(log.contains("publishing started"), "{log}");
        for secret in [key.as_str(), "secret cue"] {
            assert!(!log.contains(secret), "the log holds a secret:\n{log}");
        }
    }
}

#[tokio::test]
async fn help_and_the_readme_name_the_same_options() {
    let (success, help, _) = run(&["--help"]).await;
    assert!(success);
    let of_help: BTreeSet<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let readme = include_str!("../../README.md");
    let of_readme: BTreeSet<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `--"))
        .filter_map(|line| line.split([' ', '`']).next())
        .collect();
    assert!(of_help.contains("api"), "{help}");
    assert_eq!(of_readme, of_help);
}

#[tokio::test]
async fn wrong_arguments_are_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, clue) in [
        (&["--api", "somewhere"][..], "'somewhere'"),
        (&["--colour", "red"], "'--colour'"),
        (&["--events-endpoint", "ftp://here"], "http://"),
        (&["--events-bus", "shows"], "--events-endpoint"),
        (&["--state", "/no/such/file"], "/no/such/file"),
        (&["--ffmpeg", "/no/such/program"], "/no/such/program"),
        (&["--rtmp", &taken], &taken),
    ] {
        let (success, out, error) = run(arguments).await;
        assert!(!success, "{arguments:?}");
        assert_eq!(out, "", "{arguments:?}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        assert!(error.starts_with("error: "), "{error}");
        assert!(error.contains(clue), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn it_starts_from_the_file_that_the_readme_shows() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```json\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    let file = std::env::temp_dir().join(format!("ivs-local-state-{}.json", std::process::id()));
    std::fs::write(&file, example.to_string()).unwrap();
    let mut program = Program::start_with(&["--state", file.to_str().unwrap()]);
    let (api, rtmp) = program.addresses().await;
    std::fs::remove_file(&file).unwrap();

    let channel = &example["channels"][0];
    let arn = channel["arn"].as_str().unwrap();
    let ivs = client(api, "us-east-1").await;
    let got = ivs.get_channel().arn(arn).send().await.unwrap();
    let got = got.channel.unwrap();
    assert_eq!(got.name(), channel["name"].as_str());
    let policy = example["playbackRestrictionPolicies"][0]["arn"].as_str();
    assert_eq!(got.playback_restriction_policy_arn(), policy);
    let pairs = ivs.list_playback_key_pairs().send().await.unwrap();
    let pair = example["playbackKeyPairs"][0]["arn"].as_str();
    assert_eq!(pairs.key_pairs()[0].arn(), pair);

    let key = channel["streamKey"]["value"].as_str().unwrap();
    let _publisher = Publisher::start(rtmp, key, &["-c:a", "aac"]);
    wait("the stream", async || {
        ivs.get_stream().channel_arn(arn).send().await.is_ok()
    })
    .await;
}

/// Runs the program to its end: whether it succeeded, and what it printed.
async fn run(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ivs-local"))
        .args(arguments)
        .env("CUEPOINT_FFMPEG", ffmpeg())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The process ids of a process's children, as Linux tells them.
fn children(pid: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children =
        tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap());
    children
        .flat_map(|list| {
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}
