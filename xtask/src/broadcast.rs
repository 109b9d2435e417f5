//! The broadcast: ffmpeg publishes the test clip, or a file in a loop, to the channel in real time.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{failure::Failure, interrupt, process::Process, progress::Progress};

/// Frames per second of the test clip, and of what is made of a file.
const RATE: u32 = 25;

/// How long to wait before a publisher that has ended is started again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the publisher may end before it has ever been on air.
const TRIES: u32 = 3;

/// How long it may take to go on air, beside the deployment on a slow machine.
const GO_ON_AIR: Duration = Duration::from_secs(60);

/// What is broadcast.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A moving test picture with a clock burnt in, and a tone.
    TestClip {
        /// The folder of [`FONT`].
        fonts: PathBuf,
    },
    /// A video file by its absolute path, in a loop.
    File(PathBuf),
}

/// The font of the clock. The publisher runs in its folder: the name of a file in another one would
/// have to be escaped for two parsers.
const FONT: &str = "DejaVuSansMono.ttf";

/// A broadcast; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Broadcast {
    source: Source,
    log: PathBuf,
    off: Arc<AtomicBool>,
    /// How often the publisher has ended by itself.
    ended: Arc<AtomicU32>,
    publisher: Option<JoinHandle<()>>,
}

impl Broadcast {
    /// Starts to publish, and does so again whenever the publisher ends by itself.
    pub(crate) fn start(ffmpeg: &Path, source: Source, rtmp_url: &str, log: &Path) -> Self {
        let off = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicU32::new(0));
        let publisher = {
            let (ffmpeg, log, source) = (ffmpeg.to_owned(), log.to_owned(), source.clone());
            let (off, ended) = (Arc::clone(&off), Arc::clone(&ended));
            let rtmp_url = rtmp_url.to_owned();
            std::thread::spawn(move || {
                while !off.load(Ordering::SeqCst) {
                    publish(command(&ffmpeg, &source, &rtmp_url), &log, &off);
                    ended.fetch_add(1, Ordering::SeqCst);
                    let pause = Instant::now();
                    while pause.elapsed() < PAUSE && !off.load(Ordering::SeqCst) {
                        std::thread::sleep(interrupt::POLL);
                    }
                }
            })
        };
        Self {
            source,
            log: log.to_owned(),
            off,
            ended,
            publisher: Some(publisher),
        }
    }

    /// Waits until the video is on air, as `is_on_air` says.
    ///
    /// Fails when the publisher keeps ending, as it does with a file that is no video, and when it
    /// takes too long.
    pub(crate) fn await_on_air(
        &self,
        progress: &Progress,
        mut is_on_air: impl FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let step = progress.step("Go on air");
        let started = Instant::now();
        while !is_on_air()? {
            let ended = self.ended.load(Ordering::SeqCst);
            if ended >= TRIES || started.elapsed() > GO_ON_AIR {
                return Err(never_on_air(&self.source, ended).log(&self.log).into());
            }
            interrupt::pause()?;
        }
        step.done("");
        Ok(())
    }
}

/// What the user is told when nothing can be seen.
fn never_on_air(source: &Source, ended: u32) -> Failure {
    let why = if ended >= TRIES {
        format!("ffmpeg has ended {ended} times")
    } else {
        format!("nothing after {} s", GO_ON_AIR.as_secs())
    };
    match source {
        Source::File(file) => Failure::new(format!("{} does not go on air: {why}", file.display()))
            .next("give --video a file that ffmpeg can play and that has a picture"),
        Source::TestClip { .. } => Failure::new(format!("the test clip does not go on air: {why}"))
            .next("look also at what ivs-local said, in the same folder"),
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.off.store(true, Ordering::SeqCst);
        if let Some(publisher) = self.publisher.take() {
            // It has panicked at worst, and then it has ended as well.
            let _ = publisher.join();
        }
    }
}

/// Publishes until ffmpeg ends or the broadcast is over.
fn publish(command: Command, log: &Path, off: &AtomicBool) {
    match Process::start(command, "the publisher", log) {
        Ok(mut process) => {
            while matches!(process.ended(), Ok(None)) && !off.load(Ordering::SeqCst) {
                std::thread::sleep(interrupt::POLL);
            }
        }
        Err(error) => eprintln!("  warning: no broadcast: {error:#}"),
    }
}

fn command(ffmpeg: &Path, source: &Source, rtmp_url: &str) -> Command {
    let mut command = Command::new(ffmpeg);
    command.args(arguments(source, rtmp_url));
    if let Source::TestClip { fonts } = source {
        command.current_dir(fonts);
    }
    command
}

/// The command line of the publisher. Every second starts with a key frame, so that segments of one
/// second can be cut.
fn arguments(source: &Source, rtmp_url: &str) -> Vec<String> {
    let mut arguments = words("-hide_banner -loglevel warning -nostats");
    match source {
        Source::TestClip { .. } => {
            arguments.extend(words("-re -f lavfi -i"));
            arguments.push(test_picture());
            arguments.extend(words(
                "-f lavfi -i sine=frequency=440:beep_factor=2:sample_rate=48000",
            ));
            arguments.extend(words("-map 0:v -map 1:a"));
        }
        Source::File(file) => {
            arguments.extend(words("-re -stream_loop -1 -i"));
            arguments.push(file.display().to_string());
            // A file without sound is broadcast without sound.
            arguments.extend(words("-map 0:v:0 -map 0:a:0? -vf"));
            arguments.push(format!(
                "scale='trunc(min(1280,iw)/2)*2':-2,fps={RATE},format=yuv420p"
            ));
        }
    }
    arguments.extend(words(
        "-c:v libx264 -preset veryfast -tune zerolatency -profile:v main",
    ));
    arguments.extend(words(
        "-b:v 1200k -maxrate 1200k -bufsize 1200k -sc_threshold 0",
    ));
    arguments.extend(words(&format!("-g {RATE} -keyint_min {RATE}")));
    arguments.extend(words("-c:a aac -b:a 96k -ar 48000 -ac 2 -f flv"));
    // ffmpeg repeats the address in its messages, which the log keeps: the stream key is no part of
    // it when it comes by this option.
    let (address, stream_key) = rtmp_url.rsplit_once('/').unwrap_or((rtmp_url, ""));
    arguments.extend(["-rtmp_playpath", stream_key, address].map(str::to_owned));
    arguments
}

/// A test picture with the time of day (UTC) and the time since its start.
fn test_picture() -> String {
    let style = format!("fontfile={FONT}:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=8");
    let clock = r"text='%{gmtime\:%T} UTC':x=(w-tw)/2:y=h-110:fontsize=40";
    let elapsed = r"text='%{pts\:hms}':x=(w-tw)/2:y=h-50:fontsize=22";
    format!(
        "testsrc2=size=640x360:rate={RATE},drawtext={style}:{clock},drawtext={style}:{elapsed},\
         format=yuv420p"
    )
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(source: &Source) -> String {
        arguments(source, "rtmp://127.0.0.1:1/app/key").join(" ")
    }

    #[test]
    fn every_second_starts_with_a_key_frame() {
        for source in [
            Source::TestClip {
                fonts: "fonts".into(),
            },
            Source::File("show.mp4".into()),
        ] {
            let line = joined(&source);
            assert!(line.contains("-g 25 -keyint_min 25"), "{line}");
            assert!(
                line.contains("rate=25") || line.contains("fps=25"),
                "{line}"
            );
        }
    }

    #[test]
    fn the_stream_key_is_no_part_of_the_address() {
        let line = joined(&Source::File("show.mp4".into()));
        assert!(
            line.ends_with("-f flv -rtmp_playpath key rtmp://127.0.0.1:1/app"),
            "{line}"
        );
    }

    #[test]
    fn a_file_that_is_no_video_never_goes_on_air() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("publisher.log");
        // Takes any arguments, and fails at once.
        let broadcast = Broadcast::start(
            Path::new("false"),
            Source::File("show.txt".into()),
            "rtmp://127.0.0.1:1/app/key",
            &log,
        );
        let mut asked = 0;
        let failed = broadcast.await_on_air(&Progress::new(), || {
            asked += 1;
            Ok(false)
        });
        let text = failed.unwrap_err().to_string();
        let what = format!("show.txt does not go on air: ffmpeg has ended {TRIES} times\n");
        assert!(text.starts_with(&what), "{text}");
        assert!(text.contains("publisher.log"), "{text}");
        assert!(asked > 0);
        broadcast
            .await_on_air(&Progress::new(), || Ok(true))
            .expect("on air is on air");
    }

    #[test]
    fn a_file_is_one_argument_and_played_in_a_loop() {
        let arguments = arguments(&Source::File("my show.mp4".into()), "rtmp://x");
        assert!(arguments.contains(&"my show.mp4".to_owned()));
        assert!(
            arguments
                .join(" ")
                .contains("-re -stream_loop -1 -i my show.mp4")
        );
    }
}
