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
    let faults = report.faults;
    assert!(faults.killed >= 2 && faults.redelivered >= 2, "{faults:?}");
    assert!(faults.throttled >= 10 && faults.late >= 5, "{faults:?}");
}
