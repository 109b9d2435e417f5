//! The broadcast: ffmpeg publishes the test clip, or a file in a loop, to the channel in real time.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{interrupt, process::Process};

/// Frames per second of the test clip, and of what is made of a file.
const RATE: u32 = 25;

/// How long to wait before a publisher that has ended is started again.
const PAUSE: Duration = Duration::from_secs(1);

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

/// A broadcast on air; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Broadcast {
    off: Arc<AtomicBool>,
    publisher: Option<JoinHandle<()>>,
}

impl Broadcast {
    /// Goes on air, and comes back whenever the publisher ends by itself.
    pub(crate) fn start(ffmpeg: &Path, source: &Source, rtmp_url: &str, log: &Path) -> Self {
        let off = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (ffmpeg, log, off) = (ffmpeg.to_owned(), log.to_owned(), Arc::clone(&off));
            let (source, rtmp_url) = (source.clone(), rtmp_url.to_owned());
            std::thread::spawn(move || {
                while !off.load(Ordering::SeqCst) {
                    publish(command(&ffmpeg, &source, &rtmp_url), &log, &off);
                    let ended = Instant::now();
                    while ended.elapsed() < PAUSE && !off.load(Ordering::SeqCst) {
                        std::thread::sleep(interrupt::POLL);
                    }
                }
            })
        };
        Self {
            off,
            publisher: Some(publisher),
        }
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
    arguments.push(rtmp_url.to_owned());
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
            assert!(
                line.ends_with("-f flv rtmp://127.0.0.1:1/app/key"),
                "{line}"
            );
        }
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
