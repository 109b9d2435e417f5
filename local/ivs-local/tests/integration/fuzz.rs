//! What the network hands in, distorted: RTMP, tokens and request bodies.
//!
//! The program must go on, answer in its own words and stay small. Each target runs for a few
//! seconds, or as long as `IVS_LOCAL_FUZZ_SECONDS` says; `IVS_LOCAL_FUZZ_SEED` starts the same
//! sequence again, or another one.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::ingest::shake_hands;
use crate::program::Program;
use crate::support::{PATIENCE, Publisher, Signer, client, wait};

/// How much larger the program may be after all that, in KiB.
const GROWTH: u64 = 64 << 10;
/// Bytes of a recording: the way in, and a second or two of video.
const RECORDING: usize = 96 << 10;
/// Bytes of the handshake's three parts, from a publisher.
const HANDSHAKE: usize = 1 + 1_536 + 1_536;
const KEY: &str = "sk_us-east-1_fuzz";
const CHANNEL: &str = "arn:aws:ivs:us-east-1:000000000000:channel/fuzz";

/// How long a target runs, and the sequence it runs through.
fn budget(target: &str) -> (Instant, Rng) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = number("IVS_LOCAL_FUZZ_SECONDS").unwrap_or(4);
    let seed = number("IVS_LOCAL_FUZZ_SEED").unwrap_or(1);
    println!("{target}: seed {seed}, {seconds} s");
    (
        Instant::now() + Duration::from_secs(seconds),
        Rng::with_seed(seed),
    )
}

/// Changes some bytes: one to eight flips, deletions, insertions, repetitions or odd numbers.
fn distort(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..=8) {
        if bytes.is_empty() {
            bytes.push(rng.u8(..));
        }
        let at = rng.usize(..bytes.len());
        let to = (at + rng.usize(1..=64)).min(bytes.len());
        match rng.u8(0..6) {
            0 => bytes[at] ^= 1 << rng.u8(0..8),
            1 => bytes[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF]).unwrap(),
            2 => drop(bytes.drain(at..to)),
            3 => drop(
                bytes.splice(
                    at..at,
                    std::iter::repeat_with(|| rng.u8(..))
                        .take(to - at)
                        .collect::<Vec<_>>(),
                ),
            ),
            4 => {
                let again = bytes[at..to].to_vec();
                drop(bytes.splice(to..to, again));
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}

/// A program with one private channel, whose log is watched for panics.
struct Target {
    program: Program,
    api: SocketAddr,
    rtmp: SocketAddr,
    panics: Arc<AtomicUsize>,
    size: u64,
}

impl Target {
    async fn start(name: &str, signer: &Signer) -> Self {
        let state = json!({
            "channels": [{"arn": CHANNEL, "name": "fuzz", "authorized": true, "streamKey": {"value": KEY}}],
            "playbackKeyPairs": [{
                "arn": "arn:aws:ivs:us-east-1:000000000000:playback-key/fuzz",
                "publicKeyMaterial": signer.public_pem,
            }],
        });
        let file = format!("ivs-local-fuzz-{name}-{}.json", std::process::id());
        let file = std::env::temp_dir().join(file);
        std::fs::write(&file, state.to_string()).unwrap();
        let arguments = ["--state", file.to_str().unwrap(), "--log", "ivs_local=warn"];
        let mut program = Program::start_with(&arguments);
        let (api, rtmp) = program.addresses().await;
        std::fs::remove_file(&file).unwrap();
        let panics = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&panics);
        let mut log = BufReader::new(program.child.stderr.take().unwrap()).lines();
        tokio::spawn(async move {
            while let Some(line) = log.next_line().await.unwrap() {
                count.fetch_add(
                    usize::from(line.contains("ended in a panic")),
                    Ordering::Relaxed,
                );
            }
        });
        let mut target = Self {
            program,
            api,
            rtmp,
            panics,
            size: 0,
        };
        target.must_work().await;
        target.size = target.resident();
        target
    }

    /// The resident memory, in KiB.
    fn resident(&self) -> u64 {
        let pid = self.program.child.id().expect("the program runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse().unwrap()
    }

    /// A publisher is let in, and a cue is taken.
    async fn must_work(&mut self) {
        let ivs = client(self.api, "us-east-1").await;
        let mut publisher = Publisher::start(self.rtmp, KEY, &["-an"]);
        wait("the stream", async || {
            if !publisher.is_running() {
                // The channel may have been taken by what came before.
                publisher = Publisher::start(self.rtmp, KEY, &["-an"]);
            }
            ivs.put_metadata()
                .channel_arn(CHANNEL)
                .metadata("x")
                .send()
                .await
                .is_ok()
        })
        .await;
        ivs.stop_stream().channel_arn(CHANNEL).send().await.unwrap();
    }

    /// Looks at what is left of the program after so many inputs.
    async fn conclude(mut self, what: impl Display) {
        let contained = self.panics.load(Ordering::Relaxed);
        println!("{what}; {contained} panics were contained");
        assert!(
            self.program.child.try_wait().unwrap().is_none(),
            "the program has ended"
        );
        self.must_work().await;
        let (before, after) = (self.size, self.resident());
        println!("memory: {before} KiB before, {after} KiB after");
        assert!(
            after < before + GROWTH,
            "memory grew from {before} to {after} KiB"
        );
    }
}

/// What ffmpeg sends to publish, without the handshake.
async fn recording(rtmp: SocketAddr) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut publisher = Publisher::start(listener.local_addr().unwrap(), KEY, &["-c:a", "aac"]);
    let (mut near, _) = listener.accept().await.unwrap();
    let mut far = TcpStream::connect(rtmp).await.unwrap();
    let (mut near_in, mut near_out) = near.split();
    let (mut far_in, mut far_out) = far.split();
    let record = async {
        let (mut sent, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
        while sent.len() < RECORDING {
            let length = near_in.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the publisher has ended");
            far_out.write_all(&buffer[..length]).await.unwrap();
            sent.extend_from_slice(&buffer[..length]);
        }
        sent
    };
    let answers = async {
        let _ = tokio::io::copy(&mut far_in, &mut near_out).await;
        std::future::pending::<()>().await;
    };
    let sent = tokio::select! {
        sent = tokio::time::timeout(PATIENCE, record) => sent.expect("a recording"),
        () = answers => unreachable!(),
    };
    publisher.kill().await;
    sent[HANDSHAKE..].to_vec()
}

/// Sends everything and waits until the server has closed.
async fn send(mut socket: TcpStream, bytes: &[u8]) {
    // The server may close before everything is written.
    let _ = tokio::time::timeout(PATIENCE, socket.write_all(bytes))
        .await
        .expect("the server reads");
    let _ = socket.shutdown().await;
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection was not closed");
}

#[tokio::test]
async fn distorted_rtmp() {
    let target = Target::start("rtmp", &Signer::new()).await;
    let recording = recording(target.rtmp).await;
    let (end, mut rng) = budget("RTMP");
    let mut connections = 0;
    while Instant::now() < end {
        connections += 1;
        if connections % 8 == 0 {
            let length = rng.usize(1..8_192);
            let random: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
            send(TcpStream::connect(target.rtmp).await.unwrap(), &random).await;
            continue;
        }
        // The way in matters most: often the distortion is there, and little video follows.
        let length = if rng.bool() {
            rng.usize(600..4_096)
        } else {
            recording.len()
        };
        let mut bytes = recording[..length.min(recording.len())].to_vec();
        let early = bytes
            .len()
            .min(rng.choice([512, 2_048, RECORDING]).unwrap());
        let mut head = bytes.drain(..early).collect::<Vec<u8>>();
        distort(&mut rng, &mut head);
        head.extend(bytes);
        send(shake_hands(target.rtmp).await, &head).await;
    }
    assert!(connections > 20, "{connections}");
    target
        .conclude(format!("RTMP: {connections} connections"))
        .await;
}

#[tokio::test]
async fn distorted_tokens() {
    let signer = Signer::new();
    let target = Target::start("tokens", &signer).await;
    let (end, mut rng) = budget("tokens");
    let expires = jiff::Timestamp::now().as_second() + 500;
    let token = signer.sign(&json!({
        "aws:channel-arn": CHANNEL,
        "aws:access-control-allow-origin": "*",
        "aws:viewer-id": "viewer",
        "aws:viewer-session-version": 1,
        "aws:maximum-resolution": "HD",
        "exp": expires,
    }));
    let http = reqwest::Client::new();
    let file = "us-east-1.000000000000.channel.fuzz.m3u8";
    let ask = async |token: &str| {
        let mut url =
            reqwest::Url::parse(&format!("http://{}/api/video/v1/{file}", target.api)).unwrap();
        url.query_pairs_mut().append_pair("token", token);
        http.get(url).send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        ask(&token).await,
        404,
        "a good token finds the channel offline"
    );
    let mut asked = 0;
    while Instant::now() < end {
        asked += 1;
        let wrong = if rng.bool() {
            let mut bytes = token.clone().into_bytes();
            distort(&mut rng, &mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            // Properly signed, but the claims are odd.
            let mut claims = json!({"aws:channel-arn": CHANNEL, "exp": expires});
            let name = [
                "aws:channel-arn",
                "exp",
                "aws:access-control-allow-origin",
                "aws:viewer-id",
                "aws:viewer-session-version",
                "aws:strict-origin-enforcement",
                "aws:single-use-uuid",
                "aws:maximum-resolution",
            ];
            claims[rng.choice(name).unwrap()] = odd(&mut rng);
            let signed = signer.sign(&claims);
            let status = ask(&signed).await;
            assert!([403, 404].contains(&status), "{status} for {claims}");
            continue;
        };
        if wrong == token {
            continue;
        }
        let status = ask(&wrong).await;
        assert!(
            [400, 403, 414, 431].contains(&status),
            "{status} for {wrong:?}"
        );
    }
    assert!(asked > 50, "{asked}");
    target.conclude(format!("tokens: {asked} asked for")).await;
}

/// A value that few expect.
fn odd(rng: &mut Rng) -> Value {
    match rng.u8(0..12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e308),
        5 => json!(""),
        6 => json!("x".repeat(rng.usize(1..4_096))),
        7 => json!("\u{0}\u{1F}\u{FFFD}ü\u{1F3AC}"),
        8 => json!([]),
        9 => json!({}),
        10 => json!([null, [1, {"a": [-0.5]}], "arn:aws:ivs:::channel/"]),
        _ => (0..rng.usize(1..200)).fold(json!(0), |inner, _| json!([inner])),
    }
}

/// A body that each operation would take, with the operation's name.
fn bodies() -> Vec<(&'static str, Value)> {
    let arn = |kind: &str| format!("arn:aws:ivs:us-east-1:000000000000:{kind}/fuzz");
    let (key, policy) = (arn("stream-key"), arn("playback-restriction-policy"));
    let pages = json!({"maxResults": 5, "nextToken": "YXJu"});
    let viewer = json!({"channelArn": CHANNEL, "viewerId": "viewer",
        "viewerSessionVersionsLessThanOrEqualTo": 3});
    vec![
        (
            "CreateChannel",
            json!({"name": "n", "latencyMode": "LOW", "type": "STANDARD", "authorized": true,
            "insecureIngest": false, "preset": "", "tags": {"a": "b"}, "playbackRestrictionPolicyArn": ""}),
        ),
        ("GetChannel", json!({"arn": CHANNEL})),
        ("BatchGetChannel", json!({"arns": [CHANNEL]})),
        (
            "ListChannels",
            json!({"filterByName": "fuzz", "maxResults": 5, "nextToken": "YXJu"}),
        ),
        (
            "UpdateChannel",
            json!({"arn": CHANNEL, "name": "fuzz", "latencyMode": "LOW", "type": "STANDARD"}),
        ),
        ("DeleteChannel", json!({"arn": arn("channel/x")})),
        (
            "CreateStreamKey",
            json!({"channelArn": CHANNEL, "tags": {"a": "b"}}),
        ),
        ("GetStreamKey", json!({"arn": key})),
        ("BatchGetStreamKey", json!({"arns": [key]})),
        (
            "ListStreamKeys",
            json!({"channelArn": CHANNEL, "maxResults": 5}),
        ),
        (
            "ImportPlaybackKeyPair",
            json!({"publicKeyMaterial": "-----BEGIN PUBLIC KEY-----\nMHYw\n-----END PUBLIC KEY-----\n", "name": "k"}),
        ),
        ("GetPlaybackKeyPair", json!({"arn": arn("playback-key")})),
        ("ListPlaybackKeyPairs", pages.clone()),
        (
            "CreatePlaybackRestrictionPolicy",
            json!({"name": "p", "allowedCountries": ["DE"],
            "allowedOrigins": ["https://example.com"], "enableStrictOriginEnforcement": true}),
        ),
        ("GetPlaybackRestrictionPolicy", json!({"arn": policy})),
        ("ListPlaybackRestrictionPolicies", pages),
        (
            "UpdatePlaybackRestrictionPolicy",
            json!({"arn": policy, "name": "p"}),
        ),
        ("DeletePlaybackRestrictionPolicy", json!({"arn": policy})),
        ("GetStream", json!({"channelArn": CHANNEL})),
        (
            "ListStreams",
            json!({"filterBy": {"health": "HEALTHY"}, "maxResults": 5}),
        ),
        ("StopStream", json!({"channelArn": CHANNEL})),
        (
            "GetStreamSession",
            json!({"channelArn": CHANNEL, "streamId": "st-0000000000000000000000a"}),
        ),
        (
            "ListStreamSessions",
            json!({"channelArn": CHANNEL, "maxResults": 5, "nextToken": "YXJu"}),
        ),
        (
            "PutMetadata",
            json!({"channelArn": CHANNEL, "metadata": "{\"question\": 1}"}),
        ),
        ("StartViewerSessionRevocation", viewer.clone()),
        (
            "tags/arn%3Aaws%3Aivs%3Aus-east-1%3A000000000000%3Achannel%2Ffuzz",
            json!({"tags": {"stage": "local"}}),
        ),
        (
            "BatchStartViewerSessionRevocation",
            json!({"viewerSessions": [viewer]}),
        ),
    ]
}

#[tokio::test]
async fn distorted_requests() {
    let target = Target::start("requests", &Signer::new()).await;
    let (end, mut rng) = budget("requests");
    let http = reqwest::Client::new();
    let bodies = bodies();
    let authorization = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ivs/aws4_request";
    let (mut asked, mut taken) = (0, 0);
    while Instant::now() < end {
        asked += 1;
        let (operation, body) = rng.choice(&bodies).unwrap();
        let mut body = body.clone();
        if rng.bool() {
            let fields = body.as_object_mut().unwrap();
            let name = rng
                .choice(fields.keys().cloned().collect::<Vec<_>>())
                .unwrap();
            fields.insert(name, odd(&mut rng));
        }
        let mut bytes = body.to_string().into_bytes();
        if rng.u8(0..4) == 0 {
            distort(&mut rng, &mut bytes);
        }
        let url = format!("http://{}/{operation}", target.api);
        let post = http.post(url).header("authorization", authorization);
        let answer = post.body(bytes.clone()).send().await.unwrap();
        let status = answer.status().as_u16();
        let shown = String::from_utf8_lossy(&bytes);
        let kind = answer.headers().get("x-amzn-errortype").cloned();
        match status {
            200 | 204 => taken += 1,
            400 | 402 | 403 | 404 | 409 | 429 | 501 => {
                assert!(
                    kind.is_some(),
                    "{operation}: {status} without a kind for {shown}"
                );
            }
            _ => panic!("{operation}: {status} for {shown}"),
        }
    }
    assert!(asked > 100 && taken > 0, "{taken} of {asked}");
    target
        .conclude(format!("requests: {taken} of {asked} were taken"))
        .await;
}
