//! The program `ivs-local` as a child, and what is asked of its API.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, bail, ensure};
use aws_sdk_ivs::Client;
use stage::stack::sdk_config;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long it may take to start, to go live and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server {
    child: Child,
    pid: u32,
    ivs: Client,
}

/// A channel of it.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its ARN.
    pub arn: String,
    /// The multivariant playlist.
    pub playback_url: String,
    /// Where to publish, stream key included.
    pub rtmp_url: String,
}

impl Server {
    /// Starts the program on free ports.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(program: &Path, ffmpeg: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args([
                "--api",
                "127.0.0.1:0",
                "--rtmp",
                "127.0.0.1:0",
                "--log",
                "warn",
            ])
            .arg("--ffmpeg")
            .arg(ffmpeg)
            .arg("--work-dir")
            .arg(std::env::temp_dir())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().context("the server has ended at once")?;
        let out = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(out).lines();
        let mut api = None;
        let ready = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(address) = line.strip_prefix("api ") {
                    api = Some(address.to_owned());
                } else if line == "ready" {
                    return Ok(());
                }
            }
            bail!("the server ended before it was ready")
        });
        ready.await.context("the server did not start in time")??;
        let api = api.context("the server does not say where it is")?;
        let config = sdk_config("us-east-1", &api, "test", "test");
        let ivs = Client::new(&config);
        Ok(Self { child, pid, ivs })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Makes a public channel with low latency.
    ///
    /// # Errors
    /// When the API does not do so.
    pub async fn channel(&self) -> anyhow::Result<Channel> {
        let created = self.ivs.create_channel().name("soak").send().await?;
        let channel = created.channel.context("no channel")?;
        let key = created.stream_key.and_then(|key| key.value);
        let ingest = channel.ingest_endpoint.context("no ingest endpoint")?;
        Ok(Channel {
            arn: channel.arn.context("no ARN")?,
            playback_url: channel.playback_url.context("no playback URL")?,
            rtmp_url: format!("rtmp://{ingest}/app/{}", key.context("no stream key")?),
        })
    }

    /// Waits until the channel is live.
    ///
    /// # Errors
    /// When it does not become so.
    pub async fn until_live(&self, channel: &Channel) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let asked = self.ivs.get_stream().channel_arn(&channel.arn).send();
            if asked.await.is_ok() {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the channel does not go live");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Puts a cue into the video.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn put_metadata(&self, channel: &Channel, text: &str) -> anyhow::Result<()> {
        let put = self.ivs.put_metadata().channel_arn(&channel.arn);
        put.metadata(text)
            .send()
            .await
            .with_context(|| format!("{text} was not taken"))?;
        Ok(())
    }

    /// Ends it; it must still have been there.
    ///
    /// # Errors
    /// When it had ended before.
    pub async fn end(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it has ended by itself with {status}");
        }
        self.child.kill().await?;
        Ok(())
    }
}
