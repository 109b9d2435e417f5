//! The state that the parts of one server share.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Config;
use crate::broadcast::{Broadcast, Broadcasts};
use crate::catalog::{Catalog, Channel};
use crate::context::Context;
use crate::events::{EventName, Outbox};
use crate::history::History;
use crate::metadata_rate::{MetadataRate, TooMany};
use crate::packaging::ladder::Lines;
use crate::packaging::transcoder::FfmpegAt;
use crate::playback::sessions::Sessions;
use crate::tokens::revocation::{Revocations, UsedTokens};

/// Everything a request or a publisher may need. Locks are held for map operations only, never
/// across an await, and never two at a time; but what is on air may be asked while the catalog is
/// locked, so that a channel is not changed while a publisher is let in.
#[derive(Debug)]
pub struct App {
    /// Clock and randomness.
    pub context: Context,
    /// The ffmpeg program, and the folder that it runs in.
    pub ffmpeg: FfmpegAt,
    /// Renditions that are made beside each source.
    pub renditions: Vec<Lines>,
    /// Where the API and playback listen.
    pub api: SocketAddr,
    /// Where publishers connect.
    pub rtmp: SocketAddr,
    /// What is on air.
    pub broadcasts: Broadcasts,
    catalog: Mutex<Catalog>,
    events: Outbox,
    history: Mutex<History>,
    sessions: Mutex<Sessions>,
    revocations: Mutex<Revocations>,
    used_tokens: Mutex<UsedTokens>,
    metadata_rate: Mutex<MetadataRate>,
}

impl App {
    /// The state of a server at its start; its events go to `events`.
    pub fn new(config: Config, events: Outbox, api: SocketAddr, rtmp: SocketAddr) -> Self {
        Self {
            context: config.context,
            ffmpeg: FfmpegAt {
                program: config.ffmpeg,
                folder: config.work_dir,
            },
            renditions: config.renditions,
            api,
            rtmp,
            broadcasts: Broadcasts::default(),
            catalog: Mutex::new(config.catalog),
            events,
            history: Mutex::default(),
            sessions: Mutex::default(),
            revocations: Mutex::default(),
            used_tokens: Mutex::default(),
            metadata_rate: Mutex::default(),
        }
    }

    /// What exists.
    pub fn catalog(&self) -> MutexGuard<'_, Catalog> {
        lock(&self.catalog)
    }

    /// Which stream sessions there are and were.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// Notes that a session has begun on a channel.
    pub fn session_created(&self, channel: Channel, broadcast: &Broadcast) {
        let stream_id = broadcast.stream_id.clone();
        let notice = self.history().begin(channel, stream_id, broadcast.started);
        self.events.put(notice);
    }

    /// Notes that something has happened to a stream.
    pub fn note(&self, broadcast: &Broadcast, name: EventName) {
        let (channel_arn, stream_id) = (&broadcast.channel_arn, &broadcast.stream_id);
        let now = self.context.now();
        let notice = self.history().note(channel_arn, stream_id, name, now);
        if let Some(notice) = notice {
            self.events.put(notice);
        }
    }

    /// Notes that a session has ended, once.
    pub fn session_ended(&self, broadcast: &Broadcast) {
        let (channel_arn, stream_id) = (&broadcast.channel_arn, &broadcast.stream_id);
        let now = self.context.now();
        let notices = self.history().end(channel_arn, stream_id, now);
        for notice in notices {
            self.events.put(notice);
        }
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

    /// Counts a PutMetadata for a channel that exists.
    ///
    /// # Errors
    /// It is one too many for this second.
    pub fn admit_metadata(&self, channel_arn: &str) -> Result<(), TooMany> {
        lock(&self.metadata_rate).admit(channel_arn, self.context.now())
    }
}

/// A panic while a lock was held cannot leave these maps half written: every change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
