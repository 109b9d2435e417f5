//! ffmpeg as a publisher of a made-up picture.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context;
use tokio::process::{Child, Command};

/// The variable that names ffmpeg, which is else looked for where the developer commands put it.
pub const FFMPEG_VARIABLE: &str = "CUEPOINT_FFMPEG";

/// The ffmpeg to publish with.
pub fn ffmpeg() -> PathBuf {
    std::env::var_os(FFMPEG_VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin/ffmpeg"),
        PathBuf::from,
    )
}

/// A broadcast of a small moving picture, with a key frame every second. It ends when dropped. It has
/// no sound, whose coding here and behind IVS takes a hundred times what such a picture takes.
#[derive(Debug)]
pub struct Publisher(Child);

impl Publisher {
    /// Starts to publish to an address that ends in a stream key.
    ///
    /// # Errors
    /// When ffmpeg cannot be started.
    pub fn start(ffmpeg: &Path, rtmp_url: &str) -> anyhow::Result<Self> {
        let child = Command::new(ffmpeg)
            .args(["-loglevel", "error", "-nostdin", "-re"])
            .args(["-f", "lavfi", "-i", "testsrc=size=160x90:rate=10"])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "10"])
            .args(["-tune", "zerolatency", "-pix_fmt", "yuv420p"])
            .args(["-an", "-f", "flv", rtmp_url])
            .stdout(Stdio::null())
            // It would repeat the address with the stream key.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let child = child.with_context(|| format!("cannot start {}", ffmpeg.display()))?;
        Ok(Self(child))
    }

    /// Whether it still publishes.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }
}
