//! What a running function has read a moment ago, so that an audience that asks at once does not
//! read one item of a table as often.

use std::{collections::HashMap, hash::Hash, sync::Mutex};

use jiff::{SignedDuration, Timestamp};

/// Values by key, each used for a while after it was read, in bounded memory.
#[derive(Debug)]
pub struct Recent<K, V> {
    kept_for: SignedDuration,
    capacity: usize,
    kept: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// Keeps at most `capacity` values, each for so long.
    pub fn new(kept_for: SignedDuration, capacity: usize) -> Self {
        Self {
            kept_for,
            capacity,
            kept: Mutex::default(),
        }
    }

    /// What was read of this key not too long ago.
    pub fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let kept = self.kept();
        let (read_at, value) = kept.get(key)?;
        (now.duration_since(*read_at) < self.kept_for).then(|| value.clone())
    }

    /// Keeps what was read now.
    pub fn keep(&self, key: K, value: V, now: Timestamp) {
        let mut kept = self.kept();
        if kept.len() >= self.capacity {
            kept.clear();
        }
        kept.insert(key, (now, value));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<K, (Timestamp, V)>> {
        self.kept
            .lock()
            .expect("nothing panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_for_a_while_and_only_so_many_are() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let recent = Recent::new(SignedDuration::from_secs(5), 2);
        recent.keep("a", 1, at(0));
        assert_eq!(recent.get(&"a", at(4)), Some(1));
        assert_eq!(recent.get(&"a", at(5)), None);
        assert_eq!(recent.get(&"b", at(0)), None);
        for (n, key) in ["b", "c", "d"].into_iter().enumerate() {
            recent.keep(key, n, at(5));
            assert!(recent.kept().len() <= 2);
        }
        assert_eq!(recent.get(&"d", at(5)), Some(2));
    }
}
