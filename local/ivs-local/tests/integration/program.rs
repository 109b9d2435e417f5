//! The program itself: what it prints, and that it leaves nothing behind.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{PATIENCE, Publisher, client, ffmpeg, signal, wait};

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ivs-local"));
        command.args([
            "--api",
            "127.0.0.1:0",
            "--rtmp",
            "127.0.0.1:0",
            "--log",
            "ivs_local=trace",
        ]);
        command.arg("--ffmpeg").arg(ffmpeg());
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
        let api = program.line().await;
        let rtmp = program.line().await;
        assert_eq!(program.line().await, "ready");
        let api: SocketAddr = api.strip_prefix("api http://").unwrap().parse().unwrap();
        let rtmp = rtmp
            .strip_prefix("rtmp rtmp://")
            .unwrap()
            .strip_suffix("/app")
            .unwrap();
        let rtmp: SocketAddr = rtmp.parse().unwrap();

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
async fn help_names_every_argument() {
    let output = Command::new(env!("CARGO_BIN_EXE_ivs-local"))
        .arg("--help")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for argument in ["--api", "--rtmp", "--ffmpeg", "--work-dir", "--log"] {
        assert!(text.contains(argument), "{argument} is not in\n{text}");
    }
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
