//! The state that the parts of one server share.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Config;
use crate::broadcast::Broadcasts;
use crate::catalog::Catalog;
use crate::context::Context;
use crate::packaging::transcoder::FfmpegAt;
use crate::playback::sessions::Sessions;
use crate::tokens::revocation::{Revocations, UsedTokens};

/// Everything a request or a publisher may need. Locks are held for map operations only, never
/// across an await, and never two at a time.
#[derive(Debug)]
pub struct App {
    /// Clock and randomness.
    pub context: Context,
    /// The ffmpeg program, and the folder that it runs in.
    pub ffmpeg: FfmpegAt,
    /// Where the API and playback listen.
    pub api: SocketAddr,
    /// Where publishers connect.
    pub rtmp: SocketAddr,
    /// What is on air.
    pub broadcasts: Broadcasts,
    catalog: Mutex<Catalog>,
    sessions: Mutex<Sessions>,
    revocations: Mutex<Revocations>,
    used_tokens: Mutex<UsedTokens>,
}

impl App {
    /// An empty server's state.
    pub fn new(config: Config, api: SocketAddr, rtmp: SocketAddr) -> Self {
        Self {
            context: config.context,
            ffmpeg: FfmpegAt {
                program: config.ffmpeg,
                folder: config.work_dir,
            },
            api,
            rtmp,
            broadcasts: Broadcasts::default(),
            catalog: Mutex::default(),
            sessions: Mutex::default(),
            revocations: Mutex::default(),
            used_tokens: Mutex::default(),
        }
    }

    /// What exists.
    pub fn catalog(&self) -> MutexGuard<'_, Catalog> {
        lock(&self.catalog)
    }

    /// Who is playing.
    pub fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }

    /// Which viewer sessions were revoked.
    pub fn revocations(&self) -> MutexGuard<'_, Revocations> {
        lock(&self.revocations)
    }

    /// Which single-use tokens were used.
    pub fn used_tokens(&self) -> MutexGuard<'_, UsedTokens> {
        lock(&self.used_tokens)
    }
}

/// A panic while a lock was held cannot leave these maps half written: every change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
