//! The rows of a table, side by side: each on a channel of its own, as far as there are channels.

use std::{fmt::Display, panic::AssertUnwindSafe};

use futures::{FutureExt, StreamExt, stream};

/// Does the same for each case; fails at the end with the names of those that failed.
pub(crate) async fn side_by_side<C: Display>(
    cases: impl IntoIterator<Item = C>,
    check: impl AsyncFn(&C),
) {
    let check = &check;
    let mut outcomes = stream::iter(cases)
        .map(async |case| {
            let outcome = AssertUnwindSafe(check(&case)).catch_unwind().await;
            println!(
                "-- {case}: {}",
                if outcome.is_ok() { "held" } else { "FAILED" }
            );
            outcome.is_err().then(|| case.to_string())
        })
        // More than there are channels: who waits for one does nothing else.
        .buffer_unordered(32);
    let (mut failed, mut held) = (Vec::new(), 0);
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Some(case) => failed.push(case),
            None => held += 1,
        }
    }
    assert!(failed.is_empty(), "these failed, see above: {failed:#?}");
    assert!(held > 0, "no case is no test");
}
