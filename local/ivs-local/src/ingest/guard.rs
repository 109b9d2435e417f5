//! Keeps input away from the RTMP library that would bring the process down.
//!
//! Its AMF0 reader recurses without a limit, so deeply nested values overflow the stack, which no
//! task boundary contains. A second chunk reader looks at every message first: those that carry
//! AMF0 must be small, which bounds the depth. Before a publisher is let in, all its input must be.

use rml_rtmp::chunk_io::ChunkDeserializer;

/// Bytes of an AMF0 message: a few thousand nested values fit a thread's stack.
const AMF_MESSAGE: usize = 4 << 10;
/// Bytes that a connection may send before it is let in.
const BEFORE_ACCEPTED: usize = 64 << 10;
/// Message types: set chunk size; AMF data and commands, in both flavours.
const SET_CHUNK_SIZE: u8 = 1;
const AMF: [u8; 4] = [15, 17, 18, 20];

/// Why input is not handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejected {
    /// Not a stream of RTMP chunks.
    #[error("the input is not RTMP")]
    NotRtmp,
    /// A command or metadata of more than 4 KB.
    #[error("an AMF message of more than {AMF_MESSAGE} bytes")]
    LargeAmf,
    /// More than a handshake and a few commands.
    #[error("more than {BEFORE_ACCEPTED} bytes before publishing")]
    TooMuch,
}

/// Looks at input before the library does.
pub(super) struct Guard {
    chunks: ChunkDeserializer,
    before_accepted: Option<usize>,
}

impl Guard {
    pub(super) fn new() -> Self {
        Self {
            chunks: ChunkDeserializer::new(),
            before_accepted: Some(0),
        }
    }

    /// The publisher has shown its key: it may send video from now on.
    pub(super) fn accept(&mut self) {
        self.before_accepted = None;
    }

    /// Checks the next input, all of it, in order.
    pub(super) fn check(&mut self, input: &[u8]) -> Result<(), Rejected> {
        if let Some(bytes) = &mut self.before_accepted {
            *bytes += input.len();
            if *bytes > BEFORE_ACCEPTED {
                return Err(Rejected::TooMuch);
            }
        }
        let mut input = input;
        while let Some(message) = self
            .chunks
            .get_next_message(input)
            .map_err(|_| Rejected::NotRtmp)?
        {
            input = &[];
            if AMF.contains(&message.type_id) && message.data.len() > AMF_MESSAGE {
                return Err(Rejected::LargeAmf);
            }
            if message.type_id == SET_CHUNK_SIZE {
                let size: [u8; 4] = message
                    .data
                    .as_ref()
                    .try_into()
                    .map_err(|_| Rejected::NotRtmp)?;
                let size = u32::from_be_bytes(size) as usize;
                if size == 0 {
                    return Err(Rejected::NotRtmp);
                }
                self.chunks
                    .set_max_chunk_size(size)
                    .map_err(|_| Rejected::NotRtmp)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One message in chunks of `chunk_size`, as the first on its chunk stream.
    fn message(type_id: u8, data: &[u8], chunk_size: usize) -> Vec<u8> {
        let mut bytes = vec![3, 0, 0, 0];
        bytes.extend_from_slice(&(data.len() as u32).to_be_bytes()[1..]);
        bytes.push(type_id);
        bytes.extend_from_slice(&[0; 4]);
        for (index, chunk) in data.chunks(chunk_size).enumerate() {
            if index > 0 {
                bytes.push(0xC3);
            }
            bytes.extend_from_slice(chunk);
        }
        bytes
    }

    #[test]
    fn nested_arrays_that_would_overflow_the_stack_are_rejected() {
        let nested = [0x0A, 0, 0, 0, 1].repeat(12_000);
        for type_id in AMF {
            let rejected = Guard::new().check(&message(type_id, &nested, 128));
            assert_eq!(rejected, Err(Rejected::LargeAmf), "type {type_id}");
        }
    }

    #[test]
    fn a_larger_chunk_size_is_followed() {
        let mut guard = Guard::new();
        guard
            .check(&message(SET_CHUNK_SIZE, &60_000u32.to_be_bytes(), 128))
            .unwrap();
        assert_eq!(
            guard.check(&message(20, &[0; 5_000], 60_000)),
            Err(Rejected::LargeAmf)
        );
        let mut guard = Guard::new();
        guard
            .check(&message(SET_CHUNK_SIZE, &60_000u32.to_be_bytes(), 128))
            .unwrap();
        assert_eq!(guard.check(&message(20, &[0; 4_000], 60_000)), Ok(()));
    }

    #[test]
    fn video_may_come_only_after_the_key() {
        let video = message(9, &vec![0; 100_000], 128);
        assert_eq!(Guard::new().check(&video), Err(Rejected::TooMuch));
        let mut guard = Guard::new();
        guard.accept();
        assert_eq!(guard.check(&video), Ok(()));
    }
}
