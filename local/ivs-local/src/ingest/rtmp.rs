//! Adapter over `rml_rtmp`: the only module, with [`super::guard`], that knows the crate.
//!
//! Bytes in, [`Event`]s and bytes out; no sockets. The crate is unmaintained and can panic on odd
//! input: each connection is a task of its own, which contains that.

use bytes::Bytes;
use rml_rtmp::handshake::{Handshake, HandshakeError, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ServerSession, ServerSessionConfig, ServerSessionError, ServerSessionEvent,
    ServerSessionResult, StreamMetadata,
};

use super::amf;
use super::flv::{self, Description};
use super::guard::{Guard, Rejected};

/// The application that publishers connect to, as in `rtmp://HOST:PORT/app/STREAM_KEY`.
const APP: &str = "app";

/// Chunk stream, message type and message stream of the one message that is written here.
const STATUS_CHUNKS: u8 = 5;
const AMF0_COMMAND: u8 = 20;
const PUBLISHED_STREAM: u32 = 1;

/// What a publisher does.
#[derive(Debug)]
pub(super) enum Event {
    /// Asks to publish; answer with [`Protocol::accept`] or [`Protocol::refuse`].
    Publish { request: u32, stream_key: String },
    /// Describes its stream.
    Described(Description),
    /// Sends audio; the time is in milliseconds.
    Audio { timestamp: u32, data: Bytes },
    /// Sends video; the time is in milliseconds.
    Video { timestamp: u32, data: Bytes },
    /// Says that it is done.
    Finished,
}

/// Why a connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProtocolError {
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error("the RTMP handshake failed: {0:?}")]
    Handshake(#[from] HandshakeError),
    #[error("the RTMP session failed: {0}")]
    Session(#[from] ServerSessionError),
    #[error("the connection is not to rtmp://…/{APP}")]
    OtherApp,
}

/// The server's side of one connection.
pub(super) struct Protocol {
    stage: Stage,
    guard: Guard,
    outgoing: Vec<u8>,
}

enum Stage {
    Handshake(Box<Handshake>),
    Session(Box<ServerSession>),
}

impl Protocol {
    /// A connection that was just accepted.
    pub(super) fn new() -> Result<Self, ProtocolError> {
        let mut handshake = Box::new(Handshake::new(PeerType::Server));
        let outgoing = handshake.generate_outbound_p0_and_p1()?;
        Ok(Self {
            stage: Stage::Handshake(handshake),
            guard: Guard::new(),
            outgoing,
        })
    }

    /// Bytes to send before anything else is read.
    pub(super) fn take_outgoing(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outgoing)
    }

    /// Takes what the publisher sent.
    pub(super) fn receive(&mut self, input: &[u8]) -> Result<Vec<Event>, ProtocolError> {
        let Stage::Handshake(handshake) = &mut self.stage else {
            return self.receive_messages(input);
        };
        match handshake.process_bytes(input)? {
            HandshakeProcessResult::InProgress { response_bytes } => {
                self.outgoing.extend(response_bytes);
                Ok(Vec::new())
            }
            HandshakeProcessResult::Completed {
                response_bytes,
                remaining_bytes,
            } => {
                self.outgoing.extend(response_bytes);
                let (session, results) = ServerSession::new(ServerSessionConfig::new())?;
                self.stage = Stage::Session(Box::new(session));
                let mut events = self.sort(results)?;
                events.extend(self.receive_messages(&remaining_bytes)?);
                Ok(events)
            }
        }
    }

    /// Lets the publisher of a request in.
    pub(super) fn accept(&mut self, request: u32) -> Result<(), ProtocolError> {
        self.guard.accept();
        self.answer(|session| session.accept_request(request))
    }

    /// Refuses a request; the connection is to be closed once the answer is sent.
    pub(super) fn refuse(&mut self, request: u32, reason: &str) -> Result<(), ProtocolError> {
        self.answer(|session| session.reject_request(request, "NetStream.Publish.BadName", reason))
    }

    /// Tells a publisher that was let in that it cannot go on; the connection is to be closed then.
    ///
    /// The library has no such message, so it is written here: as one chunk, since it is shorter
    /// than the chunks that the library has announced, with a full header, so that it depends on
    /// nothing that went before.
    pub(super) fn fail(&mut self, reason: &str) {
        let body = amf::status_error("NetStream.Publish.Failed", reason);
        let mut chunk = vec![STATUS_CHUNKS, 0, 0, 0];
        chunk.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
        chunk.push(AMF0_COMMAND);
        chunk.extend_from_slice(&PUBLISHED_STREAM.to_le_bytes());
        chunk.extend_from_slice(&body);
        self.outgoing.extend(chunk);
    }

    fn receive_messages(&mut self, input: &[u8]) -> Result<Vec<Event>, ProtocolError> {
        self.guard.check(input)?;
        let Stage::Session(session) = &mut self.stage else {
            return Ok(Vec::new());
        };
        let results = session.handle_input(input)?;
        self.sort(results)
    }

    fn answer(
        &mut self,
        act: impl FnOnce(&mut ServerSession) -> Result<Vec<ServerSessionResult>, ServerSessionError>,
    ) -> Result<(), ProtocolError> {
        if let Stage::Session(session) = &mut self.stage {
            let results = act(session)?;
            self.sort(results)?;
        }
        Ok(())
    }

    /// Queues the answers among the results and returns the events.
    fn sort(&mut self, results: Vec<ServerSessionResult>) -> Result<Vec<Event>, ProtocolError> {
        let mut events = Vec::new();
        for result in results {
            match result {
                ServerSessionResult::OutboundResponse(packet) => self.outgoing.extend(packet.bytes),
                ServerSessionResult::RaisedEvent(ServerSessionEvent::ConnectionRequested {
                    request_id,
                    app_name,
                }) => {
                    if app_name != APP {
                        return Err(ProtocolError::OtherApp);
                    }
                    self.answer(|session| session.accept_request(request_id))?;
                }
                ServerSessionResult::RaisedEvent(event) => events.extend(event_of(event)),
                // `releaseStream`, `FCPublish` and their like need no answer.
                ServerSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        Ok(events)
    }
}

fn event_of(event: ServerSessionEvent) -> Option<Event> {
    match event {
        ServerSessionEvent::PublishStreamRequested {
            request_id,
            stream_key,
            ..
        } => Some(Event::Publish {
            request: request_id,
            stream_key,
        }),
        ServerSessionEvent::StreamMetadataChanged { metadata, .. } => {
            Some(Event::Described(describe(&metadata)))
        }
        ServerSessionEvent::AudioDataReceived {
            data, timestamp, ..
        } => Some(Event::Audio {
            timestamp: timestamp.value,
            data,
        }),
        ServerSessionEvent::VideoDataReceived {
            data, timestamp, ..
        } => Some(Event::Video {
            timestamp: timestamp.value,
            data,
        }),
        ServerSessionEvent::PublishStreamFinished { .. } => Some(Event::Finished),
        _ => None,
    }
}

fn describe(metadata: &StreamMetadata) -> Description {
    let bits = |kilobits: Option<u32>| Some(kilobits?.saturating_mul(1_000));
    let stereo = metadata.audio_is_stereo.map(|stereo| 1 + u32::from(stereo));
    let encoder = metadata.encoder.as_ref();
    Description {
        width: metadata.video_width,
        height: metadata.video_height,
        frame_rate: metadata.video_frame_rate,
        video_codec: metadata.video_codec_id,
        video_bitrate: bits(metadata.video_bitrate_kbps),
        audio_codec: metadata.audio_codec_id,
        audio_bitrate: bits(metadata.audio_bitrate_kbps),
        sample_rate: metadata.audio_sample_rate,
        audio_channels: metadata.audio_channels.or(stereo),
        encoder: encoder.map(|name| name.chars().take(flv::ENCODER).collect()),
    }
}
