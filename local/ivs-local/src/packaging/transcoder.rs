//! The ffmpeg child: FLV in on its stdin, an MPEG transport stream out of its stdout.
//!
//! The source's video is copied, a rendition's is scaled; audio becomes AAC, whatever it was.
//! Timestamps are kept, so that all transcoders of a stream give a frame the same one. Nothing
//! touches the disk.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::ladder::Lines;

/// How long a child may take to flush and end once its input is closed.
const EXIT_TIME: Duration = Duration::from_secs(3);

/// Input: probe briefly, since the default stalls streams that have no audio.
const INPUT: &[&str] = &[
    "-hide_banner",
    "-loglevel",
    "error",
    "-nostdin",
    "-analyzeduration",
    "500000",
    "-probesize",
    "65536",
    "-copyts",
    "-f",
    "flv",
    "-i",
    "pipe:0",
];
/// The source's video: as it is.
const SOURCE: &[&str] = &["-c:v", "copy"];
/// A rendition's video: frames as they come, at their own times, key frames where the source has
/// them and nowhere else.
const RENDITION: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-profile:v",
    "baseline",
    "-pix_fmt",
    "yuv420p",
    "-force_key_frames",
    "source",
    "-g",
    "100000",
    "-sc_threshold",
    "0",
    "-fps_mode",
    "passthrough",
    "-enc_time_base:v",
    "demux",
];
/// Output: audio by the faster of the encoder's ways, which takes half the time of the other; every
/// audio frame in a PES packet of its own, so that none straddles a cut; and times that are the input's, moved by as much as no encoder's delay reaches below zero.
const OUTPUT: &[&str] = &[
    "-c:a",
    "aac",
    "-aac_coder",
    "fast",
    "-b:a",
    "128k",
    "-ac",
    "2",
    "-avoid_negative_ts",
    "disabled",
    "-output_ts_offset",
    "10",
    "-f",
    "mpegts",
    "-pes_payload_size",
    "0",
    "-muxdelay",
    "0",
    "-muxpreload",
    "0",
    "-flush_packets",
    "1",
    "pipe:1",
];

/// The ffmpeg program and where it runs.
#[derive(Debug, Clone)]
pub struct FfmpegAt {
    /// The program: a path, or a name to be looked up.
    pub program: PathBuf,
    /// The folder that it runs in.
    pub folder: PathBuf,
}

/// A running transcoder. Dropping it kills the child.
#[derive(Debug)]
pub struct Transcoder {
    child: Child,
}

/// The two ends of a transcoder's pipe.
#[derive(Debug)]
pub struct Pipes {
    /// Takes FLV; closing it ends the stream.
    pub input: ChildStdin,
    /// Gives MPEG-TS.
    pub output: ChildStdout,
}

impl Transcoder {
    /// Starts the child, for the source or for a rendition of a height.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(
        ffmpeg: &FfmpegAt,
        stream_id: &str,
        lines: Option<Lines>,
    ) -> std::io::Result<(Self, Pipes)> {
        let mut child = Command::new(program(&ffmpeg.program)?)
            .current_dir(&ffmpeg.folder)
            .args(INPUT)
            .args(["-map", "0:v:0", "-map", "0:a:0?"])
            .args(video(lines))
            .args(OUTPUT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let missing = || std::io::Error::other("the transcoder has no pipes");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let errors = child.stderr.take().ok_or_else(missing)?;
        tokio::spawn(log_lines(errors, stream_id.to_owned()));
        Ok((Self { child }, Pipes { input, output }))
    }

    /// Waits for the child to end by itself, and kills it if it does not.
    pub async fn end(mut self) {
        if tokio::time::timeout(EXIT_TIME, self.child.wait())
            .await
            .is_err()
        {
            tracing::warn!("the transcoder did not end by itself and is killed");
            if let Err(error) = self.child.kill().await {
                tracing::warn!(%error, "the transcoder could not be killed");
            }
        }
    }
}

fn video(lines: Option<Lines>) -> Vec<String> {
    let Some(lines) = lines else {
        return SOURCE.iter().copied().map(str::to_owned).collect();
    };
    let scale = format!("scale=-2:{}", lines.get());
    let own = ["-vf", &scale, "-level", lines.level()];
    RENDITION
        .iter()
        .copied()
        .chain(own)
        .map(str::to_owned)
        .collect()
}

/// A path with folders in it is meant from where the server runs, not from where ffmpeg will.
fn program(path: &Path) -> std::io::Result<PathBuf> {
    if path.components().count() > 1 {
        std::path::absolute(path)
    } else {
        Ok(path.to_owned())
    }
}

async fn log_lines(errors: ChildStderr, stream_id: String) {
    let mut lines = BufReader::new(errors).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::warn!(stream.id = stream_id, "ffmpeg: {line}");
    }
}
