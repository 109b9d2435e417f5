//! What a server takes from outside itself: the clock and randomness, so that tests can fix both.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Base-62 digits that one random UUID fills evenly enough for an id.
const DIGITS_A_UUID: usize = 16;

/// The clock and the source of randomness.
#[derive(Clone)]
pub struct Context {
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    random: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Context {
    /// A context with its own clock and randomness; `random` gives version 4 UUIDs.
    pub fn new(
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        random: impl Fn() -> Uuid + Send + Sync + 'static,
    ) -> Self {
        Self {
            clock: Arc::new(clock),
            random: Arc::new(random),
        }
    }

    /// The operating system's clock and randomness.
    pub fn system() -> Self {
        Self::new(Timestamp::now, Uuid::new_v4)
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// An id that cannot be guessed: 32 hexadecimal digits, 122 random bits.
    pub fn secret_id(&self) -> String {
        (self.random)().simple().to_string()
    }

    /// `length` random characters of `[0-9A-Za-z]`, as IVS uses them in resource ids.
    pub fn short_id(&self, length: usize) -> String {
        let mut id = String::with_capacity(length);
        while id.len() < length {
            let mut rest = (self.random)().as_u128();
            for _ in 0..DIGITS_A_UUID.min(length - id.len()) {
                id.push(char::from(BASE_62[(rest % 62) as usize]));
                rest /= 62;
            }
        }
        id
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_length_and_alphabet() {
        let context = Context::system();
        for length in [1, 12, 23, 32] {
            let id = context.short_id(length);
            assert_eq!(id.len(), length);
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
        assert_ne!(context.short_id(12), context.short_id(12));
        assert_eq!(context.secret_id().len(), 32);
    }
}
