//! A server, its SDK client, publishers and viewers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use aws_sdk_ivs::Client;
use aws_sdk_ivs::config::{Credentials, Region};
use aws_sdk_ivs::types::Channel;
use ivs_local::packaging::id3;
use ivs_local::{Config, Listeners};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use mpeg2ts::es::StreamId;
use mpeg2ts::pes::{PesPacketReader, ReadPesPacket};
use mpeg2ts::ts::TsPacketReader;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The ffmpeg to publish and transcode with.
pub(crate) fn ffmpeg() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/ffmpeg");
    let path = std::env::var_os("CUEPOINT_FFMPEG").map_or(installed, PathBuf::from);
    assert!(
        path.exists(),
        "no ffmpeg at {}: set CUEPOINT_FFMPEG, or put one at .tools/bin/ffmpeg in the workspace",
        path.display()
    );
    path
}

/// An SDK client for a server at `api`.
pub(crate) async fn client(api: SocketAddr, region: &'static str) -> Client {
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{api}"))
        .load()
        .await;
    Client::new(&config)
}

/// A server that starts empty, with the system's clock.
pub(crate) fn config() -> Config {
    Config::new(ffmpeg(), std::env::temp_dir())
}

/// A running server; dropping it stops it.
pub(crate) struct Server {
    pub(crate) api: SocketAddr,
    pub(crate) rtmp: SocketAddr,
    pub(crate) ivs: Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(config()).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        let listeners = Listeners {
            api: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            rtmp: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        };
        let (api, rtmp) = (
            listeners.api.local_addr().unwrap(),
            listeners.rtmp.local_addr().unwrap(),
        );
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(ivs_local::run(listeners, config, async {
            let _ = stopped.await;
        }));
        Self {
            api,
            rtmp,
            ivs: client(api, "us-east-1").await,
            stop: Some(stop),
            running,
        }
    }

    /// Stops the server and waits for it.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.running.await.unwrap().unwrap();
    }

    /// A channel and its stream key.
    pub(crate) async fn channel(&self, authorized: bool) -> (Channel, String) {
        let created = self
            .ivs
            .create_channel()
            .name("show")
            .authorized(authorized)
            .send()
            .await
            .unwrap();
        (
            created.channel.unwrap(),
            created.stream_key.unwrap().value.unwrap(),
        )
    }

    /// A publisher of a test picture with one key frame a second and AAC audio.
    pub(crate) fn publish(&self, key: &str) -> Publisher {
        self.publish_with(key, &["-c:a", "aac"])
    }

    pub(crate) fn publish_with(&self, key: &str, audio: &[&str]) -> Publisher {
        Publisher::start(self.rtmp, key, audio)
    }

    /// A publisher of whatever the arguments say.
    pub(crate) fn publish_as(&self, key: &str, arguments: &str) -> Publisher {
        let url = format!("rtmp://{}/app/{key}", self.rtmp);
        let mut command = Command::new(ffmpeg());
        command
            .args(["-hide_banner", "-loglevel", "error", "-nostdin"])
            .args(arguments.split_whitespace())
            .args(["-f", "flv", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Publisher {
            child: command.spawn().unwrap(),
        }
    }

    /// Waits until the channel is live.
    pub(crate) async fn live(&self, channel: &Channel) {
        wait("the stream to be live", async || {
            self.is_live(channel).await
        })
        .await;
    }

    pub(crate) async fn is_live(&self, channel: &Channel) -> bool {
        self.ivs
            .get_stream()
            .channel_arn(channel.arn().unwrap())
            .send()
            .await
            .is_ok()
    }

    pub(crate) async fn put(&self, channel: &Channel, text: &str) {
        self.ivs
            .put_metadata()
            .channel_arn(channel.arn().unwrap())
            .metadata(text)
            .send()
            .await
            .unwrap();
    }
}

/// An ffmpeg that publishes.
pub(crate) struct Publisher {
    child: Child,
}

impl Publisher {
    pub(crate) fn start(rtmp: SocketAddr, key: &str, audio: &[&str]) -> Self {
        let mut command = Command::new(ffmpeg());
        command
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-re"])
            .args(["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-tune",
                "zerolatency",
                "-g",
                "25",
            ])
            .args(["-pix_fmt", "yuv420p"])
            .args(audio)
            .args(["-f", "flv", &format!("rtmp://{rtmp}/app/{key}")]);
        let quiet = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        Self {
            child: quiet.spawn().unwrap(),
        }
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("ffmpeg did not exit")
            .unwrap()
    }

    /// Waits for its end: whether it succeeded, and what it complained about.
    pub(crate) async fn outcome(mut self) -> (bool, String) {
        let mut complaint = String::new();
        let mut stderr = self.child.stderr.take().expect("a publisher with a pipe");
        let outcome = tokio::time::timeout(PATIENCE, async {
            stderr.read_to_string(&mut complaint).await.unwrap();
            self.child.wait().await.unwrap()
        });
        let status = outcome.await.expect("ffmpeg did not exit");
        (status.success(), complaint)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it without a word.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self::signal(signal, self.child.id().unwrap());
    }
}

/// Sends a signal to a process of the test's own.
pub(crate) fn signal(signal: Signal, pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Polls until `done`, with a message about what took too long.
pub(crate) async fn wait(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A playback key pair: the private half signs, the public half is imported.
pub(crate) struct Signer {
    private: EncodingKey,
    pub(crate) public_pem: String,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
        let der = pair.public_key().as_der().unwrap().as_ref().to_vec();
        let public_pem = pem::encode(&pem::Pem::new("PUBLIC KEY", der));
        Self {
            private: EncodingKey::from_ec_der(pkcs8.as_ref()),
            public_pem,
        }
    }

    /// A signer whose public half the server knows.
    pub(crate) async fn imported(server: &Server) -> Self {
        let signer = Self::new();
        server
            .ivs
            .import_playback_key_pair()
            .public_key_material(&signer.public_pem)
            .send()
            .await
            .unwrap();
        signer
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        encode(&Header::new(Algorithm::ES384), claims, &self.private).unwrap()
    }
}

/// An HLS player that keeps what it was given.
pub(crate) struct Viewer {
    http: reqwest::Client,
    media_playlist: reqwest::Url,
    pub(crate) segments: BTreeMap<u64, Vec<u8>>,
}

impl Viewer {
    /// Starts a playback, which must be let in.
    pub(crate) async fn start(url: &str) -> Self {
        let http = reqwest::Client::new();
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        let base = answer.url().clone();
        let text = answer.bytes().await.unwrap();
        let (_, multivariant) = m3u8_rs::parse_master_playlist(&text).unwrap();
        let variant = &multivariant.variants[0];
        assert!(variant.bandwidth > 10_000, "{variant:?}");
        Self {
            http,
            media_playlist: base.join(&variant.uri).unwrap(),
            segments: BTreeMap::new(),
        }
    }

    /// The same playback in another rendition.
    pub(crate) fn of_rendition(mut self, number: usize) -> Self {
        let media = self.media_playlist.as_str();
        let (folder, _) = media.rsplit_once('/').unwrap();
        self.media_playlist = format!("{folder}/{number}.m3u8").parse().unwrap();
        self
    }

    pub(crate) fn media_playlist(&self) -> &str {
        self.media_playlist.as_str()
    }

    /// Reads the media playlist and every segment not had yet; the status of the first refusal, or
    /// whether the stream has ended.
    pub(crate) async fn read(&mut self) -> Result<bool, u16> {
        let text = self.get(self.media_playlist.clone()).await?;
        let (_, playlist) = m3u8_rs::parse_media_playlist(&text).unwrap();
        for (number, segment) in (playlist.media_sequence..).zip(&playlist.segments) {
            if !self.segments.contains_key(&number) {
                let data = self
                    .get(self.media_playlist.join(&segment.uri).unwrap())
                    .await?;
                self.segments.insert(number, data);
            }
        }
        Ok(playlist.end_list)
    }

    async fn get(&self, url: reqwest::Url) -> Result<Vec<u8>, u16> {
        let answer = self.http.get(url).send().await.unwrap();
        match answer.status().as_u16() {
            200 => Ok(answer.bytes().await.unwrap().to_vec()),
            refused => Err(refused),
        }
    }

    /// Reads until `done` says so.
    pub(crate) async fn watch_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
            self.read().await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// All cues, in order of the video, each with the number of its segment.
    pub(crate) fn cues(&self) -> Vec<(u64, String)> {
        let of = |(number, data): (&u64, &Vec<u8>)| {
            cues(data)
                .into_iter()
                .map(|text| (*number, text))
                .collect::<Vec<_>>()
        };
        self.segments.iter().flat_map(of).collect()
    }
}

/// The cues in one segment.
pub(crate) fn cues(segment: &[u8]) -> Vec<String> {
    let mut reader = PesPacketReader::new(TsPacketReader::new(segment));
    let mut found = Vec::new();
    while let Some(packet) = reader.read_pes_packet().unwrap() {
        if packet.header.stream_id.as_u8() == StreamId::PRIVATE_STREAM_1 {
            found.push(packet.data);
        }
    }
    assert_eq!(found[0], id3::marker(), "what every segment begins with");
    let of = |tag: &Vec<u8>| id3::decode(tag).expect("a tag");
    found[1..].iter().map(of).collect()
}
