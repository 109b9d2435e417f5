//! Channels of a test's own: the stack has some to spare, and each goes to one test at a time.

use std::{
    ops::Deref,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use stage::{Channel, Stack};

struct Spare {
    free: Vec<Channel>,
    /// How many may still come back.
    given: usize,
}

static SPARE: LazyLock<Mutex<Spare>> = LazyLock::new(|| {
    let free = Stack::load().unwrap().spare_channels;
    Mutex::new(Spare { free, given: 0 })
});

/// A channel that no one else uses until this is dropped.
pub(crate) struct Lease(Option<Channel>);

impl Lease {
    /// Waits for a channel that is free.
    pub(crate) async fn take() -> Self {
        loop {
            let given = {
                let mut spare = SPARE.lock().unwrap();
                if let Some(channel) = spare.free.pop() {
                    spare.given += 1;
                    return Self(Some(channel));
                }
                spare.given
            };
            assert!(given > 0, "the tests that failed have all channels");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Deref for Lease {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap();
        spare.given -= 1;
        // A test that failed may have left a quiz on it, which would fail the next one.
        if !std::thread::panicking() {
            spare.free.extend(self.0.take());
        }
    }
}
