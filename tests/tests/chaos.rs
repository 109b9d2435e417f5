//! A short chaos; `cargo xtask chaos` runs a long one.

use cuepoint_e2e::chaos::{self, Plan};
use stage::Stack;

#[tokio::test]
async fn every_tally_is_what_viewers_were_told_whatever_fails() {
    let plan = Plan {
        seed: 5,
        seconds: 60,
        viewers: 120,
    };
    let stack = Stack::load().unwrap();
    let report = chaos::run(stack, &plan, &|line| println!("{line}"));
    let report = report.await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.lost, report.double), (0, 0));
    assert!(report.live_equals_final);
    assert_eq!(report.sent, 240);
    assert_eq!(report.acknowledged, report.tallied);
    assert!(report.acknowledged >= 40, "{report:?}");
    let happened = report.faults.happened;
    assert!(
        happened.killed >= 2 && happened.redelivered >= 2 && happened.throttled >= 10,
        "{happened:?}"
    );
    assert!(report.faults.late >= 5, "{} late", report.faults.late);
}
