//! Playback sessions: which unguessable id plays which broadcast, and for whom.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::broadcast::{Broadcast, Rendition};
use crate::packaging::track::Track;
use crate::tokens::origin::Origins;
use crate::tokens::resolution::MaximumResolution;
use crate::tokens::{Grant, Viewer};

/// Players at once.
const SESSIONS: usize = 10_000;
/// A session without a request for this long is over.
const IDLE: SignedDuration = SignedDuration::from_secs(60);
/// A player asks about once a second: one that asked this recently is watching.
const WATCHING: SignedDuration = SignedDuration::from_secs(10);

/// One playback by one player.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is played; it stays readable for a while after it has ended.
    pub broadcast: Arc<Broadcast>,
    /// Who plays, when the token said.
    pub viewer: Option<Viewer>,
    /// Origins that every request must come from, when the token said so.
    pub strict_origins: Option<Origins>,
    /// The player gets no rendition above this, when the token said so.
    pub maximum_resolution: Option<MaximumResolution>,
    last_seen: Timestamp,
    /// Its player has had a media playlist.
    joined: bool,
}

impl Session {
    /// A session that begins now.
    pub fn new(broadcast: Arc<Broadcast>, grant: Option<Grant>, now: Timestamp) -> Self {
        let mut session = Self {
            broadcast,
            viewer: None,
            strict_origins: None,
            maximum_resolution: None,
            last_seen: now,
            joined: false,
        };
        if let Some(grant) = grant {
            session.viewer = grant.viewer;
            session.strict_origins = grant.strict_origins;
            session.maximum_resolution = grant.maximum_resolution;
        }
        session
    }

    /// The renditions that may be played, the source first, unless it is above the cap.
    pub fn tracks(&self) -> Vec<(Arc<Track>, Rendition)> {
        let tracks = self.broadcast.tracks().into_iter();
        let described = tracks.filter_map(|track| {
            let rendition = self.broadcast.rendition_of(&track)?;
            Some((track, rendition))
        });
        let cap = self.maximum_resolution;
        described
            .filter(|(_, rendition)| cap.is_none_or(|cap| cap.allows(rendition.resolution)))
            .collect()
    }

    /// The rendition of this number, if it may be played.
    pub fn track(&self, number: usize) -> Option<Arc<Track>> {
        let mut tracks = self.tracks().into_iter().map(|(track, _)| track);
        tracks.find(|track| track.number == number)
    }
}

/// There are as many players as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many playback sessions")]
pub struct TooMany;

/// The sessions of a server, by id.
#[derive(Debug, Default)]
pub struct Sessions {
    by_id: HashMap<String, Session>,
}

impl Sessions {
    /// Opens a session under an id that nobody can guess.
    ///
    /// # Errors
    /// Too many are open.
    pub fn open(&mut self, id: String, session: Session) -> Result<(), TooMany> {
        if self.by_id.len() >= SESSIONS {
            self.sweep(session.last_seen);
        }
        if self.by_id.len() >= SESSIONS {
            return Err(TooMany);
        }
        self.by_id.insert(id, session);
        Ok(())
    }

    /// The session with this id, noting that its player is there.
    pub fn touch(&mut self, id: &str, now: Timestamp) -> Option<Session> {
        let session = self.by_id.get_mut(id)?;
        if idle(session, now) >= IDLE {
            self.by_id.remove(id);
            return None;
        }
        session.last_seen = now;
        Some(session.clone())
    }

    /// Whether the player with this session asks for a media playlist for the first time.
    pub fn joins(&mut self, id: &str) -> bool {
        let session = self.by_id.get_mut(id);
        session.is_some_and(|session| !std::mem::replace(&mut session.joined, true))
    }

    /// Forgets sessions whose players have gone, and with them the broadcasts only they held.
    pub fn sweep(&mut self, now: Timestamp) {
        self.by_id.retain(|_, session| idle(session, now) < IDLE);
    }

    /// How many players watch a broadcast.
    pub fn count(&self, broadcast: &Arc<Broadcast>, now: Timestamp) -> usize {
        let watches = |session: &&Session| {
            Arc::ptr_eq(&session.broadcast, broadcast) && idle(session, now) < WATCHING
        };
        self.by_id.values().filter(watches).count()
    }
}

fn idle(session: &Session, now: Timestamp) -> SignedDuration {
    now.duration_since(session.last_seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::Broadcasts;

    fn session(now: Timestamp) -> Session {
        let (on_air, _tags) = Broadcasts::default()
            .begin("arn", "st-1".into(), now)
            .unwrap();
        Session::new(Arc::clone(on_air.broadcast()), None, now)
    }

    #[test]
    fn a_session_lives_while_its_player_asks() {
        let (mut sessions, mut now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        sessions.open("a".into(), session(now)).unwrap();
        for _ in 0..10 {
            now += SignedDuration::from_secs(59);
            assert!(sessions.touch("a", now).is_some());
        }
        now += IDLE;
        assert!(sessions.touch("a", now).is_none());
        assert!(sessions.touch("b", now).is_none());
    }

    #[test]
    fn a_player_joins_once() {
        let (mut sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        sessions.open("a".into(), session(now)).unwrap();
        assert!(sessions.joins("a"));
        assert!(!sessions.joins("a"));
        assert!(!sessions.joins("b"), "no such session");
    }

    #[test]
    fn a_sweep_forgets_idle_sessions_only() {
        let (mut sessions, start) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        sessions.open("old".into(), session(start)).unwrap();
        let later = start + IDLE;
        sessions.open("new".into(), session(later)).unwrap();
        sessions.sweep(later);
        assert_eq!(sessions.by_id.keys().collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn only_players_that_asked_lately_are_watching() {
        let (mut sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let one = session(now);
        sessions.open("a".into(), one.clone()).unwrap();
        sessions
            .open("other broadcast".into(), session(now))
            .unwrap();
        assert_eq!(sessions.count(&one.broadcast, now), 1);
        assert_eq!(sessions.count(&one.broadcast, now + WATCHING), 0);
    }

    #[test]
    fn there_is_a_limit_that_idle_sessions_do_not_count_against() {
        let (mut sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let one = session(now);
        for id in 0..SESSIONS {
            sessions.open(id.to_string(), one.clone()).unwrap();
        }
        assert_eq!(sessions.open("more".into(), one), Err(TooMany));
        assert_eq!(sessions.open("later".into(), session(now + IDLE)), Ok(()));
    }
}
